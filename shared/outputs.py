"""An operation's results to disk: early ones as they come, all of them at the end. Never half a file."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .digest import same_as_file, write_whole
from .errors import StorageError
from .events import Finished, Partial
from .values import EncodedFile

SIDECAR = "provenance.json"
_NAMING = (".obj", ".mtl", ".usda")
"""Suffixes of text files that name others next to them."""


class Writer:
    """Writes the results of one job.

    Args:
        out: The folder for them, or the file where ``only`` is given.
        only: The one output that is wanted; reports and provenance go to ``out`` + ``.json``.
        next to: Whether the other outputs are written next to that file, as ``room_lod_1.glb`` next to ``room.glb``.

    Attributes:
        early: Files of results that came before the end, in order.
    """

    def __init__(self, out: Path, only: str = "", beside: bool = False) -> None:
        self._out, self._only, self._beside = out, only, beside
        self.early: list[Path] = []
        self._written: set[Path] = set()

    def check(self) -> None:
        """Finds out before the work begins whether there is a position for its results.

        Raises:
            StorageError: Nothing can be written there.
        """
        folder = self._out.absolute().parent if self._only else self._out.absolute()
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            msg = f"Cannot write to {self._out}: {error.strerror} in {folder}"
            raise StorageError(msg, fix="Choose another folder, or have this one opened for you") from error

    def __call__(self, event: Partial) -> None:
        """Writes a result that came early, in place of an earlier one of the same name.

        Raises:
            StorageError: The folder cannot be written.
        """
        if not self.early and not self._only:  # what is there is not the finished job any more
            with contextlib.suppress(OSError):  # none there; a folder that cannot be used is found out below
                (self._out / SIDECAR).unlink()
        if self._only:
            found = [self._out] if event.name == self._only and event.index is None and isinstance(event.value, EncodedFile) else []
            files = iter([(path, event.value.data.tobytes()) for path in found])
        else:
            label = event.name if event.index is None else f"{event.name}_{event.index:04d}"
            files = _files(self._out, label, event.value)
        for path, data in files:
            _write(path, data)
            if path not in self._written:
                self._written.add(path)
                self.early.append(path)

    def finish(self, result: Finished, **note: Any) -> list[Path]:
        """Writes all results, then how they came about (with ``note``); gives the files.

        Raises:
            StorageError: The folder cannot be written.
        """
        if not self._only:
            return write_outputs(result.outputs, self._out, {**result.provenance, **note})
        reports = {k: v for k, v in result.outputs.items() if isinstance(v, dict)}
        own = {name: v for name, v in result.outputs.items() if f"{name}.".startswith(self._only + ".")}  # and its companions, mesh.mtl
        files = self._renamed(own, lambda file: self._out if file is own[self._only] else self._out.with_suffix(Path(file.name).suffix))
        written = [_write(path, data) for path, data in files.items()]
        more = {**result.provenance, **note, **reports, "files": [path.name for path in files]}
        written.append(_write(self._out.with_name(self._out.name + ".json"), _json(more)))
        if not self._beside:
            return written
        others = {name: v for name, v in result.outputs.items() if isinstance(v, EncodedFile) and name not in own}
        more_files = self._renamed(others, lambda file: self._out.with_name(f"{self._out.stem}_{Path(file.name).name}"))
        return [*(_write(path, data) for path, data in more_files.items()), *written]

    @staticmethod
    def _renamed(outputs: dict[str, EncodedFile], place: Callable[[EncodedFile], Path]) -> dict[Path, bytes]:
        """Files at other positions, and under their new names where one names another: an .obj its .mtl, which names its picture."""
        paths = {name: place(value) for name, value in outputs.items()}
        files = {}
        for name, path in paths.items():
            data = outputs[name].data.tobytes()
            if path.suffix.lower() in _NAMING:
                for other in (o for o in paths if "." in o):  # files that belong to another are called after themselves
                    data = data.replace(other.encode(), paths[other].name.encode())
            files[path] = data
        return files

    def kept(self) -> str:
        """What a person whose job did not finish has nevertheless, or ``""``."""
        if not self.early:
            return ""
        if len(self.early) == 1:
            return f"What was ready is kept: {self.early[0]}"
        return f"What was ready is kept: {len(self.early)} files, {self.early[0]} to {self.early[-1].name}"


def write_outputs(outputs: dict[str, Any], folder: Path, provenance: dict[str, Any]) -> list[Path]:
    """Writes results into a folder, each file in one step, and ``provenance.json`` last. What is there already is left alone.

    Raises:
        StorageError: The folder cannot be written.
    """
    written: list[Path] = []
    for name, value in outputs.items():
        for path, data in _files(folder, name, value):
            written.append(_write(path, data))
    note = {**provenance, "files": [p.name for p in written]}
    return [*written, _write(folder / SIDECAR, _json(note))]


def _files(folder: Path, label: str, value: Any) -> Iterator[tuple[Path, bytes]]:
    """What the files of one result are, one at a time; what is no file (an array) is left out."""
    if isinstance(value, EncodedFile):
        yield folder / Path(value.name).name, value.data.tobytes()
    elif isinstance(value, dict):
        yield folder / f"{label}.json", _json(value)
    elif isinstance(value, list):
        for item in value:
            yield from _files(folder, label, item)


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()


def _write(path: Path, data: bytes) -> Path:
    try:
        if not same_as_file(data, path):  # a frame that came early and is the same now
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)
    except OSError as error:
        msg = f"Cannot write {path}: {error.strerror}"
        raise StorageError(msg, fix="Free space there or choose another folder") from error
    return path
