"""Posed frames on disk: ``transforms.json`` in the nerfstudio convention.

Intrinsics (``fl_x``, ``fl_y``, ``cx``, ``cy``, ``w``, ``h``, or ``camera_angle_x``) stand at the top or in a frame, which wins.
``transform_matrix`` is camera-to-world in the OpenGL convention, which is Blender's. Each frame names one file per channel; the
files are read, not decoded. ``depth_unit_scale_factor`` applies to depth in integers (1 mm by default, as in nerfstudio); depth in
floats is planar z in scene units. The lens distortion ``k1`` to ``k4``, ``p1``, ``p2`` is OpenCV's; fisheye and panoramas are refused.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .notes import note
from .values import Camera, Distortion, EncodedFile, Image, SceneFrame

CHANNEL_KEYS = {
    "color": "file_path",
    "depth": "depth_file_path",
    "normal": "normal_file_path",
    "motion": "motion_file_path",
    "object_id": "object_id_file_path",
    "confidence": "confidence_file_path",
    "mask": "mask_path",
}
"""Channel to the key of its file in a frame."""
DEPTH_UNIT = 0.001
"""nerfstudio's ``depth_unit_scale_factor`` for integer depth: millimetres in a scene of metres."""
RIGID_TOLERANCE = 1e-3
"""Largest entry of R Rᵀ - 1: what six decimals in a text file and a few matrix products leave is 100 times smaller."""
_SUFFIXES = ("", ".png", ".exr", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".PNG", ".JPG", ".EXR")
_FLOAT_SUFFIXES = (".exr", ".hdr", ".pfm")
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
"""Keys in the order of ``Distortion("brown", ...)``."""
_MODELS = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "RADIAL", "SIMPLE_RADIAL", "PERSPECTIVE")
"""Values of ``camera_model`` whose pictures are those of a pinhole but for ``_DISTORTION``."""


def read_transforms(source: str | Path, *, whole: bool = True) -> list[SceneFrame]:
    """Reads a capture.

    Args:
        source: A folder that holds ``transforms.json``, or the file itself; file paths in it are relative to it.
        whole: Whether a frame whose files are not there is an error; else it is left out with a note, unless none remains.

    Returns:
        The frames in the file's order. Channels are ``EncodedFile``; a file that is named for several channels of a frame
        is read once and is the same object in each.

    Raises:
        InputError: No such file, not JSON, no frames, a key missing, a file missing, a camera that makes no sense, a pose that is
            not rigid. The message names the frame.
    """
    path = Path(source)
    if path.is_dir():
        path = path / "transforms.json"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        fix = "Give the folder of a capture, or export one in the nerfstudio convention"
        raise InputError(expected=f"a file {path}", got="no such file", fix=fix) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(expected=f"a readable text file at {path}", got=str(error)) from error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(expected=f"{path.name} to be JSON", got=str(error), fix="Export it again") from error
    if not isinstance(data, dict) or not isinstance(data.get("frames"), list):
        raise InputError(expected=f'{path.name} to be an object with a list "frames"', got=_short(data))
    if not data["frames"]:
        raise InputError(expected=f"{path.name} to list at least one frame", got="none", fix="Capture at least one frame")
    frames, missing = [], []
    for number, entry in enumerate(data["frames"]):
        try:
            frames.append(_frame(entry, data, path.parent, number))
        except _MissingFile as error:
            missing.append(error)
    if missing and (whole or not frames):
        raise missing[0]
    if missing:
        note(f"{len(missing)} of {len(data['frames'])} frames are left out because their files are missing, first {missing[0].got}")
    return frames


class _MissingFile(InputError):
    """A frame names a file that is not there."""


def write_transforms(folder: str | Path, frames_meta: Sequence[Mapping[str, Any]]) -> Path:
    """Writes ``transforms.json`` for pictures that are, or will be, in the folder.

    Args:
        folder: Where the file goes; it is made if need be.
        frames_meta: For each frame ``camera`` (a ``Camera``), ``files`` (channel to path relative to the folder; channels of
            ``CHANNEL_KEYS``), and optionally ``number`` (frame number) and ``depth_scale`` (scene units per unit of integer depth).

    Returns:
        The file's path.

    Raises:
        InputError: An unknown channel, a pose that is not rigid, or a folder that cannot be written.
    """
    entries = []
    for index, meta in enumerate(frames_meta):
        camera: Camera = meta["camera"]
        number = int(meta.get("number", index))
        check_rigid(camera.camera_to_world, f"frame {number}")
        entry: dict[str, Any] = {"frame_number": number}
        for channel, file in meta["files"].items():
            if channel not in CHANNEL_KEYS:
                raise InputError(expected=f"a channel out of {', '.join(CHANNEL_KEYS)}", got=repr(channel))
            entry[CHANNEL_KEYS[channel]] = Path(file).as_posix()
        if "depth_scale" in meta:
            entry["depth_unit_scale_factor"] = float(meta["depth_scale"])
        entry |= {"w": int(camera.width), "h": int(camera.height)}
        entry |= {key: float(getattr(camera, key)) for key in ("fl_x", "fl_y", "cx", "cy")}
        if camera.distortion is not None:
            entry |= _distortion_keys(camera.distortion, number)
        entry["transform_matrix"] = [[float(x) for x in row] for row in camera.camera_to_world]
        entries.append(entry)
    path = Path(folder) / "transforms.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"camera_model": "OPENCV", "frames": entries}, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(expected=f"a folder that can be written at {path.parent}", got=error.strerror or str(error)) from error
    return path


def _distortion_keys(distortion: Distortion, number: int) -> dict[str, float]:
    if distortion.model != "brown":
        fix = "Undistort the pictures first"
        raise InputError(expected=f"frame {number} to have the lens distortion of OpenCV", got=distortion.model, fix=fix)
    return dict(zip(_DISTORTION, distortion.coefficients, strict=False))


def check_rigid(pose: np.ndarray, where: str) -> None:
    """``InputError`` unless a ``(4, 4)`` matrix is a rotation and a translation; ``where`` names it in the message."""
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise InputError(expected=f"{where} to have a 4 x 4 pose of finite numbers", got=f"shape {pose.shape}, {_short(pose.tolist())}")
    rotation = pose[:3, :3]
    deviation = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
    fix = "Apply the camera's scale before exporting; poses are camera-to-world, without scale, shear or mirroring"
    if deviation > RIGID_TOLERANCE:
        scales = ", ".join(f"{s:.4g}" for s in np.linalg.norm(rotation, axis=0))
        got = f"R Rᵀ off the identity by {deviation:.3g} (lengths of the axes {scales})"
        raise InputError(expected=f"{where} to have a rigid pose (R Rᵀ within {RIGID_TOLERANCE:g} of the identity)", got=got, fix=fix)
    if np.linalg.det(rotation) < 0:
        raise InputError(expected=f"{where} to have a rigid pose", got="a mirrored one (determinant -1)", fix=fix)
    if np.abs(pose[3] - (0, 0, 0, 1)).max() > 1e-6:
        raise InputError(expected=f"{where} to have a pose with last row 0, 0, 0, 1", got=_short(pose[3].tolist()), fix=fix)


def _frame(entry: Any, top: dict[str, Any], folder: Path, index: int) -> SceneFrame:
    if not isinstance(entry, dict):
        raise InputError(expected=f"frame {index} to be an object", got=_short(entry))
    number = entry.get("frame_number", index)
    if not isinstance(number, int) or isinstance(number, bool):
        raise InputError(expected=f"frame_number of frame {index} to be a whole number", got=_short(number))
    where = f"frame {number} ({entry.get('file_path') or entry.get('depth_file_path') or 'no file'})"
    files: dict[Path, EncodedFile] = {}
    channels: dict[str, Image | EncodedFile] = {}
    for channel, key in CHANNEL_KEYS.items():
        if entry.get(key) is None:
            continue
        if not isinstance(entry[key], str) or not entry[key]:
            raise InputError(expected=f"{key} of {where} to be a path", got=_short(entry[key]))
        path = _find(folder, entry[key], key, where)
        if path not in files:
            files[path] = EncodedFile.read(path)
        channels[channel] = files[path]
    if not channels:
        raise InputError(expected=f"frame {index} to name a file", got=f"none of {', '.join(CHANNEL_KEYS.values())}")
    pose = _pose(entry, where)
    depth = channels.get("depth")
    scale = 1.0
    if isinstance(depth, EncodedFile) and (Path(depth.name).suffix.lower() not in _FLOAT_SUFFIXES or _given(entry, top)):
        scale = _number(entry, top, "depth_unit_scale_factor", where, default=DEPTH_UNIT)
    if not scale > 0:
        raise InputError(expected=f"depth_unit_scale_factor of {where} to be more than 0", got=f"{scale:g}")
    return SceneFrame(_camera(entry, top, pose, channels, where), channels, scale, number)


def _given(entry: dict[str, Any], top: dict[str, Any]) -> bool:
    return entry.get("depth_unit_scale_factor", top.get("depth_unit_scale_factor")) is not None


def _pose(entry: dict[str, Any], where: str) -> np.ndarray:
    if "transform_matrix" not in entry:
        raise InputError(expected=f"{where} to have a transform_matrix", got="none", fix="Export it with camera poses")
    try:
        pose = np.array(entry["transform_matrix"], np.float64)
    except (TypeError, ValueError):
        raise InputError(expected=f"the transform_matrix of {where} to be 4 x 4 numbers", got=_short(entry["transform_matrix"])) from None
    if pose.shape == (3, 4):
        pose = np.concatenate([pose, [[0.0, 0.0, 0.0, 1.0]]])
    check_rigid(pose, where)
    return pose


def _camera(entry: dict[str, Any], top: dict[str, Any], pose: np.ndarray, channels: Mapping[str, Any], where: str) -> Camera:
    distortion = _distortion(entry, top, where)
    size = picture_size(channels)
    width = _number(entry, top, "w", where, default=size[0] if size else None)
    height = _number(entry, top, "h", where, default=size[1] if size else None)
    if width < 1 or height < 1 or width != int(width) or height != int(height):
        raise InputError(expected=f"w and h of {where} to be whole numbers of pixels", got=f"{width:g} x {height:g}")
    fl_x = _number(entry, top, "fl_x", where, default=math.nan)
    if math.isnan(fl_x):
        angle = _number(entry, top, "camera_angle_x", where, default=None, instead="fl_x or ")
        if not 0 < angle < math.pi:
            raise InputError(expected=f"camera_angle_x of {where} to be between 0 and pi", got=f"{angle:g}", fix="It is in radians")
        fl_x = width / 2 / math.tan(angle / 2)
    fl_y = _number(entry, top, "fl_y", where, default=math.nan)
    if math.isnan(fl_y):
        angle = _number(entry, top, "camera_angle_y", where, default=math.nan)
        fl_y = height / 2 / math.tan(angle / 2) if 0 < angle < math.pi else fl_x
    if fl_x <= 0 or fl_y <= 0:
        raise InputError(expected=f"focal lengths of {where} to be more than 0 pixels", got=f"{fl_x:g} and {fl_y:g}")
    cx = _number(entry, top, "cx", where, default=width / 2)
    cy = _number(entry, top, "cy", where, default=height / 2)
    return Camera(int(width), int(height), fl_x, fl_y, cx, cy, pose, distortion)


def _distortion(entry: dict[str, Any], top: dict[str, Any], where: str) -> Distortion | None:
    model = entry.get("camera_model", top.get("camera_model", _MODELS[0]))
    if entry.get("is_fisheye", top.get("is_fisheye")) is True:
        model = "OPENCV_FISHEYE"
    if not isinstance(model, str) or model.upper() not in _MODELS:
        fix = "Undistort the pictures to a pinhole camera first"
        raise InputError(expected=f"the camera_model of {where} as one of {', '.join(_MODELS)}", got=_short(model), fix=fix)
    values = tuple(_number(entry, top, key, where, default=0.0) for key in _DISTORTION)
    return Distortion("brown", values) if any(values) else None


def _number(entry: dict[str, Any], top: dict[str, Any], key: str, where: str, default: float | None, instead: str = "") -> float:
    value = entry.get(key, top.get(key))
    if value is None:
        if default is None:
            raise InputError(expected=f"{instead}{key} for {where}", got="neither in the frame nor at the top", fix="Export it again")
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(expected=f"{key} of {where} to be a number", got=_short(value))
    return float(value)


def _find(folder: Path, name: str, key: str, where: str) -> Path:
    for suffix in _SUFFIXES:
        path = folder / (name + suffix)
        if path.is_file():
            return path
    expected = f"the {key} of {where} at {folder / name}"
    raise _MissingFile(
        expected=expected,
        got=f"no such file as {name}",
        fix="Bring it back, or take the frame out of transforms.json; paths are relative to that file",
    )


def picture_size(channels: Mapping[str, Any]) -> tuple[int, int] | None:
    """Width and height from the header of a PNG or JPEG: files of the original NeRF name neither."""
    for file in channels.values():
        head = file.data[: 1 << 18].tobytes()
        if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24:
            return struct.unpack(">II", head[16:24])
        at = 2
        while head[:2] == b"\xff\xd8" and at + 9 <= len(head) and head[at] == 0xFF:
            if 0xC0 <= head[at + 1] <= 0xCF and head[at + 1] not in (0xC4, 0xC8, 0xCC):
                height, width = struct.unpack(">HH", head[at + 5 : at + 9])
                return width, height
            at += 2 + struct.unpack(">H", head[at + 2 : at + 4])[0]
    return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
