"""Digests of files without what changes with the time, and how two files differ in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: N813 -- the name its own documentation uses

VOLATILE = ("started", "seconds", "created", "minutes")
"""Entries of JSON that change from run to run."""
IMAGES = (".png", ".exr", ".tif", ".jpg")


def without_time(value: Any) -> Any:
    """JSON without the entries that are named ``VOLATILE``, at any depth."""
    if isinstance(value, dict):
        return {name: without_time(one) for name, one in value.items() if name not in VOLATILE}
    return [without_time(one) for one in value] if isinstance(value, list) else value


def content(path: Path) -> bytes:
    """What is hashed of a file."""
    data = path.read_bytes()
    if path.suffix == ".json":
        return json.dumps(without_time(json.loads(data))).encode()
    if path.suffix == ".safetensors":
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        cards = {name: without_time(json.loads(text)) if text[:1] == "{" else text
                 for name, text in header.get("__metadata__", {}).items() if name not in VOLATILE}  # fmt: skip
        return json.dumps({**header, "__metadata__": cards}, sort_keys=True).encode() + data[end:]
    return b"".join(line for line in data.splitlines(True) if not line.startswith(b"file: ")) if path.name == "stdout.txt" else data


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(content(path)).hexdigest() for path in files}


def pixels(path: Path) -> np.ndarray:
    """A picture with all its channels; whole numbers become 0..1."""
    image = oiio.ImageInput.open(str(path))
    if image is None:
        message = f"{path}: {oiio.geterror()}"
        raise OSError(message)
    found = image.read_image(format="float")
    image.close()
    return np.nan_to_num(np.asarray(found, np.float64))


def describe(before: Path, after: Path) -> str:
    """How two files differ, in words."""
    if not (before.is_file() and after.is_file()):
        return "only one of them is there"
    if before.suffix in IMAGES:
        a, b = pixels(before), pixels(after)
        if a.shape != b.shape:
            return f"shape {a.shape}, now {b.shape}"
        error, peak = np.abs(a - b), max(float(np.abs(a).max()), 1e-12)
        if not error.any():
            return "the same pixels, other bytes"
        decibel = 10 * np.log10(peak**2 / np.square(error).mean())
        return f"max abs difference {error.max():.3g}, PSNR {decibel:.1f} dB, {(error > 0).any(-1).mean():.2%} of the pixels"
    if before.suffix == ".json":
        old, new = (leaves(without_time(json.loads(path.read_bytes()))) for path in (before, after))
        changed = [f"{key}: {old.get(key)} -> {new.get(key)}" for key in {**old, **new} if old.get(key) != new.get(key)]
        return "; ".join(changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "") or "another order"
    return f"{before.stat().st_size} bytes, now {after.stat().st_size}"


def leaves(value: Any, name: str = "") -> dict[str, Any]:
    """The entries of JSON that hold no others, by their path."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inside is None:
        return {name: value}
    return {path: leaf for key, one in inside for path, leaf in leaves(one, f"{name}/{key}").items()}


def compare(before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]], old: Path | None, new: Path) -> int:
    """Prints by case what is the same, and how the files in ``old`` and ``new`` differ else; gives the number of cases that differ."""
    different = 0
    for name, files in after.items():
        was = before.get(name, {})
        changed = [file for file in {**was, **files} if was.get(file) != files.get(file)]
        different += bool(changed)
        print(f"{name:34}" + (f"DIFFERENT in {len(changed)} of {len(files)}" if changed else f"same ({len(files)})"))
        for file in changed:
            inside = Path("in" if name == "inputs" else f"out/{name}") / file
            how = f"{was.get(file)} -> {files.get(file)}" if file == "exit code" else describe(old / inside, new / inside) if old else ""
            print(f"    {file}: {how}")
    print(f"{len(after) - different} the same, {different} different")
    return different
