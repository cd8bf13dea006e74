"""Posed frames on disk: ``transforms.json`` in the nerfstudio convention.

Intrinsics (``fl_x``, ``fl_y``, ``cx``, ``cy``, ``w``, ``h``, or ``camera_angle_x``) stand at the top or in a frame, which wins.
``transform_matrix`` is camera-to-world in the OpenGL convention, which is Blender's. Each frame names one file per channel; the
files are read, not decoded. ``depth_unit_scale_factor`` applies to depth of every type; without it, depth stored in integers is in
millimetres, as in nerfstudio, and depth stored in floats in scene units, planar z both. A frame without ``frame_number`` has the number in
its files' names, see ``frame_names``. The lens distortion ``k1`` to ``k4``, ``p1``, ``p2`` is OpenCV's; fisheye and panoramas are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .capture_camera import DISTORTION, NoPose, read_camera, read_number, read_pose
from .capture_index import CHANNEL_KEYS, CaptureIndex, MissingFile
from .errors import InputError
from .notes import note
from .text_file import printable
from .values import Camera, Distortion, EncodedFile, Image, SceneFrame

DEPTH_UNIT = 0.001
"""nerfstudio's ``depth_unit_scale_factor`` for integer depth: millimetres in a scene of metres."""
RIGID_TOLERANCE = 1e-3
"""Largest entry of R Rᵀ - 1: what six decimals in a text file and a few matrix products leave is 100 times smaller."""


def read_transforms(source: str | Path, *, whole: bool = True) -> list[SceneFrame]:
    """Reads a capture.

    Args:
        source: A folder that holds ``transforms.json``, or the file itself; file paths in it are relative to it.
        whole: Whether a frame is an error whose files are not there, or that has no pose or one of NaN and infinities; else it is left
            out with a note, unless none remains.

    Returns:
        The frames in the file's order. Channels are ``EncodedFile``; a file that is named for several channels of a frame
        is read once and is the same object in each.

    Raises:
        InputError: No such file, not JSON, no frames, a key missing, a file missing, a camera that makes no sense, a pose that is
            not rigid. The message names the frame.
    """
    index = CaptureIndex.read(source)
    frames: list[SceneFrame] = []
    missing: list[InputError] = []
    for number, entry in index.numbered:
        try:
            frames.append(_frame(entry, index, number))
        except (MissingFile, NoPose) as error:
            missing.append(error)
    if missing and (whole or not frames):
        raise missing[0]
    for kind, why in ((MissingFile, "their files are missing"), (NoPose, "they have no finite pose")):
        gone = [error for error in missing if isinstance(error, kind)]
        if gone:
            first = gone[0].got if kind is MissingFile else gone[0].expected.partition(" to have")[0]
            note(f"{len(gone)} of {len(index.entries)} frames are left out because {why}, first {first}")
    return frames


def write_transforms(folder: str | Path, frames_meta: Sequence[Mapping[str, Any]]) -> Path:
    """Writes ``transforms.json`` for pictures that are, or will be, in the folder.

    Args:
        folder: Where the file goes; it is made if need be.
        frames_meta: For each frame ``camera`` (a ``Camera``), ``files`` (channel to path relative to the folder; channels of
            ``CHANNEL_KEYS``), and optionally ``number`` (frame number) and ``depth_scale`` (scene units per unit of depth, whatever
            stores it).

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
    return dict(zip(DISTORTION, distortion.coefficients, strict=False))


def check_rigid(pose: np.ndarray, where: str) -> None:
    """``InputError`` unless a ``(4, 4)`` matrix is a rotation and a translation; ``where`` names it in the message."""
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise InputError(expected=f"{where} to have a 4 x 4 pose of finite numbers", got=f"shape {pose.shape}, {printable(pose.tolist())}")
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
        raise InputError(expected=f"{where} to have a pose with last row 0, 0, 0, 1", got=printable(pose[3].tolist()), fix=fix)


def _frame(entry: dict[str, Any], index: CaptureIndex, number: int) -> SceneFrame:
    top = index.data
    where = f"frame {number} ({printable(entry.get('file_path') or entry.get('depth_file_path') or 'no file')})"
    files: dict[Path, EncodedFile] = {}
    channels: dict[str, Image | EncodedFile] = {}
    for channel, key in CHANNEL_KEYS.items():
        if entry.get(key) is None:
            continue
        path = index.file(entry, key, where)
        if path not in files:
            files[path] = EncodedFile.on_disk(path)
        channels[channel] = files[path]
    if not channels:
        raise InputError(expected=f"frame {number} to name a file", got=f"none of {', '.join(CHANNEL_KEYS.values())}")
    pose = read_pose(entry, where)
    check_rigid(pose, where)
    given = entry.get("depth_unit_scale_factor", top.get("depth_unit_scale_factor")) is not None
    scale = read_number(entry, top, "depth_unit_scale_factor", where, default=1.0)
    if not scale > 0:
        raise InputError(expected=f"depth_unit_scale_factor of {where} to be more than 0", got=f"{scale:g}")
    return SceneFrame(read_camera(entry, top, pose, channels, where), channels, scale, number, 1.0 if given else DEPTH_UNIT)
