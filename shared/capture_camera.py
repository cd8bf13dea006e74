"""The camera of a frame in ``transforms.json``: pose, intrinsics and lens, in the variants that exporters write.

A key stands in the frame or at the top; the frame wins. ``k4`` is the fourth radial coefficient, as nerfstudio has it; in the model
``FULL_OPENCV`` it is the first of the denominator, as OpenCV has it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import InputError
from .json_file import number_of
from .lens_models import lens_of
from .notes import note
from .picture_header import picture_size
from .text_file import printable
from .values import Camera, Distortion

DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
"""Keys in the order of ``Distortion("brown", ...)``."""
_MODELS = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "RADIAL", "SIMPLE_RADIAL", "PERSPECTIVE", "FULL_OPENCV")
"""Values of ``camera_model`` whose pictures are those of a pinhole but for the distortion."""
_OTHER_LENSES = ("is_fisheye", "is_equirectangular", "is_panorama")
_LISTED = "distortion_params"
_UNKNOWN = ("k5", "k6", "s1", "s2", "s3", "s4", "b1", "b2", "skew")
"""Coefficients that are refused unless they are 0: rational and thin-prism lenses, Metashape's affinity, skew."""
_LARGEST = 1_000_000
"""Pixels across a picture."""
_WIDEST = 0.05
"""Focal length over width below which a lens is unlikely: 169 degrees."""
_SMALLEST = 16
_FAR = 1e30
"""Beyond this a position is no measurement."""


class NoPose(InputError):
    """A frame has no pose, or one of NaN, infinities or zeros: its camera was not solved."""


def read_pose(entry: Mapping[str, Any], where: str) -> np.ndarray:
    """``transform_matrix`` as ``(4, 4)`` float64, not checked to be rigid; 3 x 4 and rows in one list of 16 or 12 too.

    Raises:
        NoPose: None, numbers that are not finite, or zeros.
        InputError: Something else than a matrix, or a transposed one.
    """
    given = entry.get("transform_matrix")
    if given is None:
        raise NoPose(expected=f"{where} to have a transform_matrix of 4 x 4 numbers", got="none", fix="Export it with camera poses")
    rows = given if isinstance(given, list) and all(isinstance(row, list) for row in given) else [given]
    numbers = [value for row in rows if isinstance(row, list) for value in row]
    shapes = {(16, 1), (12, 1), (16, 4), (12, 3)}
    whole = (len(numbers), len(rows)) in shapes and len({len(row) for row in rows}) == 1
    if not whole or not all(value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in numbers):
        comma = "Numbers have a decimal point. " if len(numbers) in (24, 32) else ""
        raise InputError(
            expected=f"the transform_matrix of {where} to be 4 x 4 numbers", got=printable(given), fix=comma + "Export it again"
        )
    finite = [number_of(value) for value in numbers]
    if any(value is None or abs(value) > _FAR for value in finite):
        fix = "Export it again, or take the frame out"
        raise NoPose(expected=f"{where} to have a 4 x 4 pose of finite numbers", got=printable(given), fix=fix)
    pose = np.array(finite, np.float64).reshape(-1, 4)
    if not pose[:3, :3].any():
        fix = "Export it again, or take the frame out"
        raise NoPose(expected=f"{where} to have a 4 x 4 pose", got="zeros", fix=fix)
    if len(pose) == 3:
        pose = np.concatenate([pose, [[0.0, 0.0, 0.0, 1.0]]])
    if not pose[:3, 3].any() and pose[3, :3].any() and pose[3, 3] == 1:
        fix = "Transpose the matrices: a pose has its position in the last column"
        raise InputError(expected=f"{where} to have a pose with last row 0, 0, 0, 1", got=f"{printable(pose[3].tolist())}", fix=fix)
    return pose


def read_camera(entry: Mapping[str, Any], top: Mapping[str, Any], pose: np.ndarray, channels: Mapping[str, Any], where: str) -> Camera:
    """The camera of a frame.

    Args:
        entry: The frame.
        top: What goes for all frames.
        pose: ``(4, 4)`` float64.
        channels: Its files, for the size where neither says it.
        where: The frame, for messages.

    Raises:
        InputError: A key missing, no number, or another kind of lens.
    """
    size = None if entry.get("w", top.get("w")) is not None else picture_size(channels)
    width = read_number(entry, top, "w", where, default=size[0] if size else None)
    height = read_number(entry, top, "h", where, default=size[1] if size else None)
    if not (1 <= width <= _LARGEST and 1 <= height <= _LARGEST and width.is_integer() and height.is_integer()):
        raise InputError(expected=f"w and h of {where} to be whole numbers of pixels", got=f"{width:g} x {height:g}")
    fl_x = _focal(entry, top, "x", width, where)
    fl_y = _focal(entry, top, "y", height, where)
    if fl_x is None and fl_y is None:
        raise InputError(expected=f"fl_x or camera_angle_x for {where}", got="neither in the frame nor at the top", fix="Export it again")
    fl_x, fl_y = fl_x or fl_y or 0.0, fl_y or fl_x or 0.0
    if fl_x <= 0 or fl_y <= 0:
        raise InputError(expected=f"focal lengths of {where} to be more than 0 pixels", got=f"{fl_x:g} and {fl_y:g}")
    cx = read_number(entry, top, "cx", where, default=width / 2)
    cy = read_number(entry, top, "cy", where, default=height / 2)
    _note_other_units(fl_x, cx, cy, width, height, where)
    radius = math.hypot(max(abs(cx), abs(width - cx)) / fl_x, max(abs(cy), abs(height - cy)) / fl_y)
    lens = _lens(entry, top, radius, max(fl_x, fl_y), where)
    return Camera(int(width), int(height), fl_x, fl_y, cx, cy, pose, lens)


def _note_other_units(fl_x: float, cx: float, cy: float, width: float, height: float, where: str) -> None:
    """Notes numbers that are usual in other units: they are used as they are."""
    if fl_x < _WIDEST * width:
        note("fl_x is in pixels, and would be a lens of more than 168 degrees: is it in millimetres, or a part of the width?", where)
    if min(width, height) > _SMALLEST and 0 <= cx <= 1 and 0 <= cy <= 1:
        note("cx and cy are in pixels, and would be at the picture's corner: are they parts of its size?", where)


def read_number(entry: Mapping[str, Any], top: Mapping[str, Any], key: str, where: str, default: float | None) -> float:
    """A number in the frame or at the top; the default where neither has it or it is null.

    Raises:
        InputError: No number, or none and no default.
    """
    value = entry.get(key)
    value = top.get(key) if value is None else value
    if value is None:
        if default is None:
            raise InputError(expected=f"{key} for {where}", got="neither in the frame nor at the top", fix="Export it again")
        return float(default)
    number = number_of(value)
    if number is None:
        raise InputError(expected=f"{key} of {where} to be a number", got=printable(repr(value)))
    return number


def _focal(entry: Mapping[str, Any], top: Mapping[str, Any], axis: str, size: float, where: str) -> float | None:
    """In pixels, from the focal length or the angle of view; in the frame first, then at the top. None where there is neither."""
    for one in (entry, top):
        if one.get(f"fl_{axis}") is not None:
            focal = read_number(one, {}, f"fl_{axis}", where, None)
            if focal <= 0:
                raise InputError(expected=f"focal lengths of {where} to be more than 0 pixels", got=f"fl_{axis} {focal:g}")
            return focal
        if one.get(f"camera_angle_{axis}") is not None:
            angle = read_number(one, {}, f"camera_angle_{axis}", where, None)
            if not 0 < angle < math.pi:
                name = f"camera_angle_{axis} of {where}"
                raise InputError(expected=f"{name} to be between 0 and pi", got=f"{angle:g}", fix="It is in radians")
            return size / 2 / math.tan(angle / 2)
    return None


def _lens(entry: Mapping[str, Any], top: Mapping[str, Any], radius: float, focal: float, where: str) -> Distortion | None:
    given = entry.get("camera_model")
    given = top.get("camera_model") if given is None else given
    model = _MODELS[0] if given is None else given
    others = [key for key in _OTHER_LENSES if entry.get(key, top.get(key))]
    if others or not isinstance(model, str) or model.upper() not in _MODELS:
        fix = "Undistort the pictures to a pinhole camera first"
        got = f"{others[0]}: true" if others else printable(model)
        raise InputError(expected=f"the camera_model of {where} as one of {', '.join(_MODELS)}", got=got, fix=fix)
    rational = model.upper() == "FULL_OPENCV"
    listed = entry.get(_LISTED, top.get(_LISTED))
    if listed is not None:  # as nerfstudio has them for a frame
        numbers = listed if isinstance(listed, list) else [listed]
        if len(numbers) != len(DISTORTION):
            expected = f"{_LISTED} of {where} as {len(DISTORTION)} numbers, {', '.join(DISTORTION)}"
            raise InputError(expected=expected, got=printable(listed), fix="Write them as entries with these names")
        entry = {**entry, **dict(zip(DISTORTION, numbers, strict=True))}
    values = {key: read_number(entry, top, key, where, 0.0) for key in (*DISTORTION, *_UNKNOWN)}
    wrong = [key for key in _UNKNOWN if values[key] and not (rational and key in ("k5", "k6"))]
    if wrong:
        fix = "Undistort the pictures to a pinhole camera first"
        raise InputError(expected=f"k1 to k4, p1 and p2 as the lens of {where}", got=f"{wrong[0]} {values[wrong[0]]:g}", fix=fix)
    return lens_of("FULL_OPENCV" if rational else "OPENCV", values, radius, focal, where)
