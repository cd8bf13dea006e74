"""COLMAP's text models: ``cameras.txt``, ``images.txt`` and ``points3D.txt`` in one folder (https://colmap.github.io/format.html).

COLMAP's poses are world-to-camera with y down and z forward; they become camera-to-world in the OpenGL convention. Its pixels count from
the top left corner of the picture, so the middle of the first one is (0.5, 0.5) as here, and nothing is shifted. The world is left
as COLMAP made it: of arbitrary scale and orientation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from .errors import InputError
from .values import Camera, Distortion, EncodedFile, SceneFrame, Tracks

MODELS: dict[str, tuple[str, ...]] = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
}
"""Camera models that can be read, with their parameters in the file's order."""
FILES = ("cameras.txt", "images.txt", "points3D.txt")
_Lens = tuple[int, int, float, float, float, float, Distortion | None]
_Number = TypeVar("_Number", int, float)


def find_model(folder: str | Path) -> Path | None:
    """The folder of the text model in, or a little below, ``folder`` (``sparse/0``, ``sparse``, ``0``), or None."""
    folder = Path(folder)
    candidates = [folder / part for part in (".", "sparse/0", "sparse", "0", "text", "sparse/text")]
    return next((c for c in candidates if all((c / name).is_file() for name in FILES[:2])), None)


def read_colmap(folder: str | Path, images: str | Path | None = None) -> tuple[list[SceneFrame], Tracks]:
    """Reads a text model and the pictures that it names.

    Args:
        folder: Holds the text files, or ``sparse/0`` with them.
        images: Folder of the pictures; None looks for ``images`` next to the model and up to two folders above it.

    Returns:
        Frames in the order of the pictures' names, with the channel ``color``; a frame's ``number`` is COLMAP's IMAGE_ID. And the
        points with the pixels where they were seen.

    Raises:
        InputError: No such model, a binary one, another camera model, a line that cannot be read (with its number), a missing picture.
    """
    folder = Path(folder)
    model = find_model(folder)
    if model is None:
        raise _no_model(folder)
    lenses = _read_cameras(model / FILES[0])
    pictures = _find_images(model, folder, images)
    frames: list[SceneFrame] = []
    seen: list[tuple[int, np.ndarray]] = []
    names: list[str] = []
    for number, pose, camera, name, observed, where in _read_images(model / FILES[1]):
        if camera not in lenses:
            raise InputError(expected=f"{where} to name a camera of {FILES[0]}", got=f"camera {camera}")
        width, height, fl_x, fl_y, cx, cy, distortion = lenses[camera]
        path = pictures / name
        if not path.is_file():
            fix = "Give the folder of the pictures that COLMAP was run on"
            raise InputError(expected=f"the picture {name} of {where} in {pictures}", got="no such file", fix=fix)
        color = EncodedFile.read(path)
        frames.append(SceneFrame(Camera(width, height, fl_x, fl_y, cx, cy, pose, distortion), {"color": color}, 1.0, number))
        seen.append((number, observed))
        names.append(name)
    if not frames:
        raise InputError(expected=f"{model / FILES[1]} to list pictures", got="none", fix="Run COLMAP's mapper until it registers pictures")
    order = sorted(range(len(frames)), key=lambda n: names[n])
    return [frames[n] for n in order], _tracks(model / FILES[2], [seen[n] for n in order])


def _no_model(folder: Path) -> InputError:
    binary = next((c for c in (folder, folder / "sparse/0", folder / "sparse") if (c / "cameras.bin").is_file()), None)
    if binary is not None:
        fix = f"Run: colmap model_converter --input_path {binary} --output_path {binary} --output_type TXT"
        return InputError(expected=f"a COLMAP model as text in {binary}", got="a binary one", fix=fix)
    there = ", ".join(name for name in FILES if (folder / name).is_file())
    fix = "Give the folder that COLMAP's model_converter wrote with --output_type TXT"
    return InputError(expected=f"{FILES[0]} and {FILES[1]} in {folder}", got=there or "neither", fix=fix)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Lines that are no comments, with where they stand; empty ones too, because pictures without points have one."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(expected=f"a readable text file at {path}", got=str(error)) from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("#"):
            yield line.strip(), f"line {number} of {path.name}"


def _numbers(words: list[str], kind: Callable[[str], _Number], where: str) -> list[_Number]:
    try:
        values = [kind(word) for word in words]
    except ValueError as error:
        raise InputError(expected=f"numbers in {where}", got=str(error)) from None
    if not np.isfinite(values).all():
        raise InputError(expected=f"finite numbers in {where}", got=" ".join(words)[:80])
    return values


def _read_cameras(path: Path) -> dict[int, _Lens]:
    lenses = {}
    for line, where in _lines(path):
        words = line.split()
        if not words:
            continue
        if len(words) < 5:
            raise InputError(expected=f"CAMERA_ID MODEL WIDTH HEIGHT PARAMS in {where}", got=line[:80])
        model = words[1]
        if model not in MODELS:
            fix = "Run COLMAP's image_undistorter, which writes PINHOLE cameras, or extract features with --ImageReader.camera_model OPENCV"
            raise InputError(expected=f"a camera model out of {', '.join(MODELS)} in {where}", got=model, fix=fix)
        (identity, width, height) = _numbers([words[0], words[2], words[3]], int, where)
        names, values = MODELS[model], _numbers(words[4:], float, where)
        if len(values) != len(names):
            raise InputError(expected=f"{len(names)} parameters of {model} in {where}: {', '.join(names)}", got=str(len(values)))
        given = dict(zip(names, values, strict=True))
        fl_x, fl_y = given.get("fx", given.get("f", 0.0)), given.get("fy", given.get("f", 0.0))
        if min(width, height, fl_x, fl_y) <= 0:
            raise InputError(expected=f"a size and focal length above 0 in {where}", got=line[:80])
        bends = tuple(given.get(k, 0.0) for k in ("k1", "k2", "k3", "k4", "p1", "p2"))
        lenses[identity] = (width, height, fl_x, fl_y, given["cx"], given["cy"], Distortion("brown", bends) if any(bends) else None)
    return lenses


def _read_images(path: Path) -> Iterator[tuple[int, np.ndarray, int, str, np.ndarray, str]]:
    """Image id, pose, camera id, name, ``(N, 3)`` observations (x, y, point id) and where it says so."""
    lines = list(_lines(path))
    at = 0
    while at < len(lines):
        line, where = lines[at]
        if not line:
            at += 1
            continue
        words = line.split(maxsplit=9)
        if len(words) < 10:
            raise InputError(expected=f"IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME in {where}", got=line[:80])
        (number, camera) = _numbers([words[0], words[8]], int, where)
        pose = _pose(np.array(_numbers(words[1:8], float, where)), where)
        text, below = lines[at + 1] if at + 1 < len(lines) else ("", where)
        values = _numbers(text.split(), float, below)
        if len(values) % 3:
            raise InputError(expected=f"triples of X Y POINT3D_ID in {below}", got=f"{len(values)} numbers")
        yield number, pose, camera, words[9], np.array(values, np.float64).reshape(-1, 3), where
        at += 2


def _pose(values: np.ndarray, where: str) -> np.ndarray:
    """Camera-to-world (OpenGL) from a quaternion (w, x, y, z) and a translation of the inverse (OpenCV)."""
    length = float(np.linalg.norm(values[:4]))
    if abs(length - 1) > 1e-2:
        raise InputError(expected=f"a quaternion of length 1 in {where}", got=f"length {length:.4g}")
    w, x, y, z = values[:4] / length
    to_camera = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
    pose = np.eye(4)
    pose[:3, :3] = to_camera.T * (1, -1, -1)  # the camera's y and z axes turn round
    pose[:3, 3] = -to_camera.T @ values[4:7]
    return pose


def _find_images(model: Path, folder: Path, images: str | Path | None) -> Path:
    if images is not None:
        if not Path(images).is_dir():
            raise InputError(expected=f"a folder of pictures at {images}", got="none")
        return Path(images)
    model = model.resolve()
    for place in (folder.resolve(), model, model.parent, model.parent.parent):
        if (place / "images").is_dir():
            return place / "images"
    fix = "Give the folder of the pictures that COLMAP was run on with --images"
    raise InputError(expected=f"a folder images next to {model} or up to two folders above", got="none", fix=fix)


def _tracks(path: Path, seen: list[tuple[int, np.ndarray]]) -> Tracks:
    """Points in the file's order, observations by frame; features that became no point are left out."""
    rows: dict[int, int] = {}
    points: list[list[float]] = []
    if path.is_file():
        for line, where in _lines(path):
            words = line.split(maxsplit=8)
            if not words:
                continue
            if len(words) < 8:
                raise InputError(expected=f"POINT3D_ID X Y Z R G B ERROR in {where}", got=line[:80])
            rows[_numbers(words[:1], int, where)[0]] = len(points)
            points.append(_numbers(words[1:4], float, where))
    frames, indices, pixels = [], [], []
    for number, observed in seen:
        known = np.array([rows.get(int(identity), -1) for identity in observed[:, 2]], np.int32)
        keep = known >= 0
        frames.append(np.full(int(keep.sum()), number, np.int32))
        indices.append(known[keep])
        pixels.append(observed[keep, :2].astype(np.float32))
    return Tracks(np.array(points, np.float64).reshape(-1, 3), np.concatenate(frames), np.concatenate(indices), np.concatenate(pixels))
