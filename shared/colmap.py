"""COLMAP's models, text and binary, as frames and tracks (https://colmap.github.io/format.html).

COLMAP's poses are world-to-camera with y down and z forward; they become camera-to-world in the OpenGL convention. Its pixels count from
the top left corner of the picture, so the middle of the first one is (0.5, 0.5) as here, and nothing is shifted. The world is left
as COLMAP made it: of arbitrary scale and orientation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .colmap_model import find_model, no_model
from .colmap_records import NONE, ColmapCamera, ColmapImage, ColmapModel
from .errors import InputError
from .file_lookup import FileLookup
from .frame_names import numbers_or_order
from .lens_models import MODELS, READ, lens_of
from .notes import note
from .text_file import printable
from .values import Camera, EncodedFile, SceneFrame, Tracks

_FOLDERS = ("images", "input", "rgb", ".")
"""Where pictures are, seen from the model or up to three folders above it."""
_FAR, _FAR_PIXELS = 1e30, 1e7
"""Beyond these a position is no measurement, in the world and in a picture; NaN is not within either."""
_PICTURES_FIX = "Give the folder of the pictures that COLMAP was run on with --images"


def read_colmap(folder: str | Path, images: str | Path | None = None) -> tuple[list[SceneFrame], Tracks]:
    """Reads a model and the pictures that it names.

    Args:
        folder: Holds the model, or a folder such as ``sparse/0`` or ``dense/sparse`` with it; see ``colmap_model.find_model``.
        images: Folder of the pictures; None looks for ``images`` next to the model and up to three folders above it.

    Returns:
        Frames in the order of their numbers, which are those in the pictures' names (``frame_names``), with the channel ``color``.
        IMAGE_ID is COLMAP's own and goes no further. And the points with the pixels where they were seen. Pictures that are not there
        and images without a finite pose are left out with a note, if others remain; points at no finite position too.

    Raises:
        InputError: No such model, a camera that is used and no pinhole, what cannot be read (with its line), no picture at all.
    """
    folder = Path(folder)
    files = find_model(folder)
    if files is None:
        raise no_model(folder)
    model = files.read()
    name = files.files["images"].name
    if not model.images:
        raise InputError(
            expected=f"{files.files['images']} to list pictures", got="none", fix="Run COLMAP's mapper until it registers pictures"
        )
    _check_once(model, name)
    posed = [image for image in model.images if _has_pose(image)]
    if not posed:
        raise InputError(expected=f"{name} to have poses", got=f"no finite one in {len(model.images)}", fix="Export the solve again")
    lookup = FileLookup(_find_pictures(files.folder, folder, images, [image.name for image in posed]))
    found = [(image, path) for image in posed if (path := lookup.find(image.name, ("images",))) is not None]
    if len(found) < len(posed):
        gone = [image for image in posed if lookup.find(image.name, ("images",)) is None]
        if not found:
            where = f"the picture {printable(gone[0].name)} of {gone[0].where} in {lookup.folder}"
            raise InputError(expected=where, got="no such file", fix=_PICTURES_FIX)
        for image in gone:
            note(f"{len(gone)} of {len(model.images)} images are left out because their pictures are missing", printable(image.name))
    found.sort(key=lambda pair: pair[0].name)
    numbers = numbers_or_order([image.name.replace("\\", "/") for image, _ in found])
    order = sorted(range(len(found)), key=lambda n: numbers[n])
    frames = [_frame(found[n][0], found[n][1], model, numbers[n]) for n in order]
    return frames, _tracks(model, [(numbers[n], found[n][0]) for n in order], "points3d" in files.files)


def _frame(image: ColmapImage, path: Path, model: ColmapModel, number: int) -> SceneFrame:
    if image.camera not in model.cameras:
        raise InputError(expected=f"{image.where} to name a camera of the model", got=f"camera {image.camera}")
    camera = _camera(model.cameras[image.camera], _pose(image))
    return SceneFrame(camera, {"color": EncodedFile.on_disk(path)}, 1.0, number)


def _camera(given: ColmapCamera, pose: np.ndarray) -> Camera:
    where = given.where
    if given.model not in READ:
        fix = "Run COLMAP's image_undistorter, which writes PINHOLE cameras, or extract features with --ImageReader.camera_model OPENCV"
        raise InputError(expected=f"a camera model out of {', '.join(READ)} in {where}", got=printable(given.model), fix=fix)
    names = MODELS[given.model]
    if len(given.parameters) != len(names):
        expected = f"{len(names)} parameters of {given.model} in {where}: {', '.join(names)}"
        raise InputError(expected=expected, got=str(len(given.parameters)))
    if not all(map(math.isfinite, given.parameters)):
        raise InputError(expected=f"finite numbers in {where}", got=printable(given.parameters))
    values = dict(zip(names, given.parameters, strict=True))
    fl_x, fl_y = values.get("fx", values.get("f", 0.0)), values.get("fy", values.get("f", 0.0))
    if min(given.width, given.height, fl_x, fl_y) <= 0:
        got = f"{given.width} x {given.height}, {fl_x:g} and {fl_y:g}"
        raise InputError(expected=f"a size and focal length above 0 in {where}", got=got)
    cx, cy = values["cx"], values["cy"]
    radius = math.hypot(max(abs(cx), abs(given.width - cx)) / fl_x, max(abs(cy), abs(given.height - cy)) / fl_y)
    lens = lens_of(given.model, values, radius, max(fl_x, fl_y), where)
    return Camera(given.width, given.height, fl_x, fl_y, cx, cy, pose, lens)


def _has_pose(image: ColmapImage) -> bool:
    """Whether the pose is there; a note where it is not."""
    far = not (np.abs(image.translation) <= _FAR).all()
    there = bool(np.isfinite(image.rotation).all() and image.rotation.any() and not far)
    if not there:
        note("the image is left out because its pose is not finite or all zero", printable(image.name))
    return there


def _pose(image: ColmapImage) -> np.ndarray:
    """Camera-to-world (OpenGL) from a quaternion (w, x, y, z) and a translation of the inverse (OpenCV)."""
    length = math.hypot(*image.rotation)
    if abs(length - 1) > 1e-2:
        raise InputError(expected=f"a quaternion of length 1 in {image.where}", got=f"length {length:.4g}")
    w, x, y, z = image.rotation / length
    to_camera = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
    pose = np.eye(4)
    pose[:3, :3] = to_camera.T * (1, -1, -1)  # the camera's y and z axes turn round
    pose[:3, 3] = -to_camera.T @ image.translation
    return pose


def _check_once(model: ColmapModel, file: str) -> None:
    for what, values in (("IMAGE_ID", [image.identity for image in model.images]), ("picture", [image.name for image in model.images])):
        [(value, times)] = Counter(values).most_common(1)
        if times > 1:
            raise InputError(expected=f"each {what} once in {file}", got=f"{printable(value)} {times} times", fix="Export the model again")


def _find_pictures(model: Path, folder: Path, images: str | Path | None, names: Sequence[str]) -> Path:
    """The folder nearest to the model that has half of the pictures, else the one that has most.

    Not simply the one that has most: of an undistorted copy with one picture deleted, the originals have more.
    """
    if images is not None:
        if not Path(images).is_dir():
            raise InputError(expected=f"a folder of pictures at {images}", got="none", fix="Correct the path after --images")
        return Path(images)
    above = [model.absolute(), *model.absolute().parents][:4]
    near = [one / inside for inside in _FOLDERS for one in (*above, folder.absolute())]
    near = [one for one in dict.fromkeys(near) if one.is_dir()]
    counts = [sum(map(FileLookup(one).has, names)) for one in near]
    half = [n for n, count in enumerate(counts) if 2 * count >= len(names)]
    if any(counts):
        return near[half[0] if half else counts.index(max(counts))]
    named = next((one for one in near if one.name in _FOLDERS), None)
    if named is None:
        expected = f"a folder images next to {model} or up to three folders above"
        raise InputError(expected=expected, got="none", fix=_PICTURES_FIX)
    return named


def _tracks(model: ColmapModel, seen: Sequence[tuple[int, ColmapImage]], has_points: bool) -> Tracks:
    """Points in the file's order, observations by frame; features that became no point are left out."""
    if not has_points:
        note("there is no points3D file: the scene has no points, so depth has no known range")
    finite = (np.abs(model.points) <= _FAR).all(1)
    points, (ids, rows) = model.points[finite], np.unique(model.ids[finite], return_index=True)
    if len(points) < len(finite):
        note(f"{len(finite) - len(points)} points are left out because they are at no finite position", "points3D")
    if len(ids) < len(points):
        note(f"{len(points) - len(ids)} points have the id of another one and no observations", "points3D")
    frames, indices, pixels = [], [], []
    lost = 0
    for number, image in seen:
        at = np.searchsorted(ids, image.points).clip(max=max(len(ids) - 1, 0))
        named = image.points != NONE
        known = (ids[at] == image.points) & named if len(ids) else np.zeros(len(named), bool)
        keep = known & (np.abs(image.pixels) <= _FAR_PIXELS).all(1)
        lost += int(named.sum() - keep.sum())
        frames.append(np.full(int(keep.sum()), number, np.int32))
        indices.append(rows[at[keep]].astype(np.int32) if len(ids) else np.zeros(0, np.int32))
        pixels.append(image.pixels[keep].astype(np.float32))
    if lost and has_points:
        note(f"{lost} observations are left out: their points are not in the model, or they have no finite position", "images")
    return Tracks(points, np.concatenate(frames), np.concatenate(indices), np.concatenate(pixels))
