"""A COLMAP model as it is on disk, text or binary: cameras, images and points before their pictures are looked for."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

from . import colmap_binary, colmap_text
from .colmap_records import ColmapModel
from .errors import InputError
from .file_lookup import files_by_key
from .notes import note

NAMES = ("cameras", "images", "points3d")
FORMS: dict[str, tuple[Callable[[dict[str, Path]], ColmapModel], Callable[[Path], int]]] = {
    ".txt": (colmap_text.read, colmap_text.count),
    ".bin": (colmap_binary.read, colmap_binary.count),
}
"""Suffix to its reader and to what counts the registered images; the first is preferred."""
_INSIDE = ("", "sparse", "text", "sparse/text", "bin", "colmap", "colmap/sparse", "colmap/text", "model", "dense", "dense/sparse")
"""Where in a folder a model may be: what COLMAP, its scripts, nerfstudio and 3D Gaussian splatting write."""
_MOST_FOLDERS = 50
"""So many others are looked into, such as ETH3D's ``dslr_calibration_undistorted``."""


@dataclasses.dataclass(frozen=True)
class ModelFiles:
    """Where a model is.

    Attributes:
        folder: Holds its files.
        suffix: Of those that are read, one of ``FORMS``.
        files: One of ``NAMES`` to its file; ``points3d`` may be missing.
    """

    folder: Path
    suffix: str
    files: dict[str, Path]

    def read(self) -> ColmapModel:
        """Reads the model."""
        return FORMS[self.suffix][0](self.files)

    def count(self) -> int:
        """How many images are registered; 0 if it cannot be read."""
        try:
            return FORMS[self.suffix][1](self.files["images"])
        except InputError:
            return 0


def is_model_file(name: str) -> bool:
    """Whether a file's name is that of a part of a model."""
    stem, dot, suffix = name.lower().rpartition(".")
    return stem in NAMES and dot + suffix in FORMS


def find_model(folder: str | Path) -> ModelFiles | None:
    """The model in a folder, or a little below (``sparse/0``, ``dense/sparse``), or None.

    Of several models next to each other (``sparse/0``, ``sparse/1``) the one with the most images, with a note.
    """
    for inside in _INSIDE:
        parent = Path(folder) / inside
        found = _models([parent, *_folders(parent, r"[0-9]{1,6}")])
        if found:
            return _largest(found, parent)
    found = _models(_folders(Path(folder), r"[^.].*")[:_MOST_FOLDERS])
    if not found:
        return None
    note(f"no usual folder has a model: that in {found[0].folder.name} is read", Path(folder).name)
    return _largest(found, Path(folder))


def _models(folders: list[Path]) -> list[ModelFiles]:
    """The models right in these folders, the one with the most images first."""
    found = [one for one in map(_at, folders) if one is not None]
    return sorted(found, key=lambda one: -one.count()) if len(found) > 1 else found


def _largest(found: list[ModelFiles], parent: Path) -> ModelFiles:
    if len(found) > 1:
        others = ", ".join(f"{one.folder.name} ({one.count()})" for one in found[1:4])
        note(
            f"of the models here, {found[0].folder.name} is read, which has the most images ({found[0].count()}); the others are "
            f"{others}. They have no common world: give the folder of another one to read it",
            parent.name,
        )
    return found[0]


def _at(folder: Path) -> ModelFiles | None:
    """The model right in a folder."""
    files = dict(files_by_key(folder))
    forms = {}
    for suffix in FORMS:
        there = {name: files[name + suffix] for name in NAMES if name + suffix in files}
        if "cameras" in there and "images" in there:
            forms[suffix] = ModelFiles(folder, suffix, there)
    if len(forms) > 1:
        counts = " and ".join(f"{one.count()} images in {suffix}" for suffix, one in forms.items())
        note(f"the model is there as text and as binary, with {counts}: the text is read", folder.name)
    return next(iter(forms.values()), None)


def _folders(parent: Path, form: str) -> list[Path]:
    """Folders in a folder by the form of their names; numbers in their order."""
    try:
        inside = [path for path in parent.iterdir() if re.fullmatch(form, path.name) and path.is_dir()]
    except OSError:
        return []
    return sorted(inside, key=lambda path: (len(path.name) if path.name.isdigit() else 0, path.name))


def no_model(folder: Path) -> InputError:
    """The error for a folder without a model."""
    there = ", ".join(path.name for key, path in files_by_key(folder) if is_model_file(key))
    fix = "Give the folder that COLMAP's mapper wrote, such as sparse/0"
    return InputError(expected=f"cameras and images, each as .bin or .txt, in {folder}", got=there or "neither", fix=fix)
