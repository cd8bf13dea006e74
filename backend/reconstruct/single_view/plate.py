"""Reading a plate: its picture, its camera, and the map that its depth comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ....shared.errors import InputError
from ....shared.model_folders import find_folder
from ....shared.values import DEPTH_BACKGROUND, Camera, Image, SceneFrame
from ...core.camera import scaled
from ...core.color import to_float, to_srgb
from ...io.checks import check_pixels
from ...io.frames.channels import FrameFiles
from ...io.frames.decode import Wanted, decode_frame
from ...io.frames.source import decode_depth
from ...io.tensors import to_planes
from .align import KINDS
from .networks import Estimate, estimate
from .points import depth_of_points
from .view import camera_for

WORKING = 1536  # longest side at which depth is worked on, in pixels. The picture itself keeps its size.
SMALLEST = 16
MILLIMETRE = 0.001
SMEARED = 6  # half width of depth edges that may be blurred even where the depth is as large as the picture; exact edges do not mind


@dataclasses.dataclass(frozen=True)
class Plate:
    """A picture with values that will become its depth. All arrays have the working size ``(H, W)``.

    Attributes:
        image: As it came.
        color: ``(H, W, 3)`` float32, display-encoded, 0..1: for comparing colours.
        camera: With the working size.
        number: The frame's number.
        values: float32, what the network or the depth image says; NaN where nothing.
        valid: bool, where ``values`` mean something.
        opaque: bool, where the picture's own alpha shows something.
        kind: One of ``align.KINDS``.
        smear: Half width of blurred depth edges, in pixels.
        posed: Whether the camera stands in a scene.
        notes: What had to be assumed, for the report.
    """

    image: Image
    color: np.ndarray
    camera: Camera
    number: int
    values: np.ndarray
    valid: np.ndarray
    opaque: np.ndarray
    kind: str
    smear: int
    posed: bool
    notes: list[str]


def read_plate(inputs: Mapping[str, Any], parameters: Mapping[str, Any], device: torch.device) -> Plate:
    """Reads picture, camera and depth from the operation's inputs.

    Raises:
        InputError: Anything missing, of the wrong size or kind, or without meaning.
    """
    frame = _only_frame(inputs.get("frames"))
    image = _picture(inputs, frame)
    check_pixels(image, "plate", SMALLEST)
    height, width = image.pixels.shape[:2]
    fov = parameters["fov"]
    camera, notes = camera_for(width, height, None if frame is None else frame.camera, None if fov is None else float(fov))
    if frame is not None and fov is not None:
        notes.append("The scene's camera was used; the field of view given was not needed")
    shrink = min(1.0, WORKING / max(width, height))
    size = max(SMALLEST, round(height * shrink)), max(SMALLEST, round(width * shrink))
    planes = to_planes(image, torch.device("cpu")) if image.color_space != "linear" else _display(image)
    color = resize(planes[[0, 1, 2] if planes.shape[0] >= 3 else [0, 0, 0]], size).clamp(0, 1)
    alpha = resize(planes[3:4], size)[0].numpy() if planes.shape[0] == 4 else np.ones(size, np.float32)
    working = scaled(camera, size[1], size[0])
    given, kind, smear, more = _depth(inputs, parameters, frame, color, working, device)
    notes += more
    values, valid = _fitted(given.values, given.valid, size)
    picture = np.ascontiguousarray(color.permute(1, 2, 0).numpy())
    number = 0 if frame is None else frame.number
    return Plate(image, picture, working, number, values, valid, alpha > 0.5, kind, smear, frame is not None, notes)


def resize(planes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """``(C, H, W)`` to ``(C, *size)``, area-weighted when it shrinks."""
    if tuple(planes.shape[1:]) == size:
        return planes
    return F.interpolate(planes[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]


def _display(image: Image) -> torch.Tensor:
    values = to_float(image.pixels)
    color = 3 if values.shape[2] == 4 else values.shape[2]
    shown = np.concatenate([to_srgb(np.clip(values[..., :color], 0, 1)), values[..., color:]], 2)
    return torch.from_numpy(np.ascontiguousarray(shown.transpose(2, 0, 1)))


def _only_frame(frames: list[SceneFrame] | None) -> SceneFrame | None:
    if not frames:
        return None
    if len(frames) > 1:
        raise InputError(
            expected="one frame, with the camera of the plate", got=f"{len(frames)}", fix="Choose one; many are for reconstruct.depth"
        )
    return frames[0]


def _picture(inputs: Mapping[str, Any], frame: SceneFrame | None) -> Image:
    image = inputs.get("image")
    if image is None and frame is not None:
        image = decode_frame(frame, Wanted(("image",), match_camera=False)).image
    if not isinstance(image, Image):
        raise InputError(expected="a picture, as image or as the colour of the frame", got="neither", fix="Choose the plate's picture")
    return image


def _depth(
    inputs: Mapping[str, Any],
    parameters: Mapping[str, Any],
    frame: SceneFrame | None,
    color: torch.Tensor,
    camera: Camera,
    device: torch.device,
) -> tuple[Estimate, str, int, list[str]]:
    """The map at its own size, its kind, how far its edges are smeared (working pixels) and notes."""
    kind = str(parameters["depth_kind"])
    declared = "" if kind == "declared" else kind
    own, model = inputs.get("depth"), str(parameters["model"]).strip()
    in_frame = frame is not None and "depth" in frame.channels
    if own is not None or in_frame:
        notes = ["The depth given was used; the model was not needed"] if model else []
        if own is None and declared in ("", "metric"):
            assert frame is not None
            decoded = decode_depth(dataclasses.replace(frame, channels={"depth": frame.channels["depth"]}))
            unit = np.float32(parameters["depth_unit"] or 1.0)
            declared, given = "metric", Estimate(decoded.depth * unit, decoded.depth > 0, "metric")
        else:
            if own is None and frame is not None:
                own = FrameFiles(frame, f"frame {frame.number}", search=False).pick("depth")
            assert isinstance(own, Image)
            given, more = _own_depth(own, declared, parameters["depth_unit"])
            notes += more
        _check_shape(given.values, color)
        check_values(given.values, given.valid, declared, "depth image")
        ratio = color.shape[2] / given.values.shape[1]
        return given, declared, int(np.clip(np.ceil(1.5 * ratio), SMEARED, 16)), notes
    if not model:
        raise InputError(
            expected="depth: an image of your own, or the folder of a depth model", got="neither",
            fix="Choose a depth image, or a folder with a model such as Depth Anything V2",
        )  # fmt: skip
    folder = find_folder(model)
    given, notes = estimate(folder, color, camera.fl_x, device, declared), []
    smear = int(np.clip(np.ceil(2.5 * color.shape[2] / given.values.shape[1]), SMEARED, 16))
    if given.kind == "points":
        values, notes = depth_of_points(given, camera)
        given = dataclasses.replace(given, values=values, kind="metric")
    check_values(given.values, given.valid, given.kind, f"depth from {folder.name}")
    if given.kind == "metric":
        given = dataclasses.replace(given, values=given.values * np.float32(given.unit))
    return given, given.kind, smear, notes


def _own_depth(image: Image, kind: str, unit: float | None) -> tuple[Estimate, list[str]]:
    if kind not in KINDS:
        raise InputError(
            expected="what kind of depth the image holds: " + ", ".join(KINDS), got="nothing declared",
            fix="Set the kind: metric for distances, inverse_affine for what most depth networks write",
        )  # fmt: skip
    pixels, notes = image.pixels, []
    if pixels.dtype == np.uint8:
        fix = "Save it as 16-bit PNG or float EXR; 256 steps make terraces"
        raise InputError(expected="the depth image in 16-bit or float", got="8-bit", fix=fix)
    if pixels.shape[2] >= 3 and not np.array_equal(pixels[..., 0], pixels[..., 1], equal_nan=pixels.dtype.kind == "f"):
        fix = "Save the values themselves, not a picture of them in false colours"
        raise InputError(expected="a depth image with one channel", got=f"{pixels.shape[2]} that differ", fix=fix)
    values = pixels[..., 0].astype(np.float32)
    valid = np.isfinite(values)
    if kind == "metric":
        if unit is None and pixels.dtype.kind == "u":
            unit = MILLIMETRE
            notes.append("Depth in whole numbers was taken for millimetres; set the depth unit if it is another")
        valid &= (np.abs(values) < DEPTH_BACKGROUND) & (values != 0)
        values = values * np.float32(unit or 1.0)
    elif pixels.dtype.kind == "f":
        valid &= np.abs(values) < DEPTH_BACKGROUND
    return Estimate(values, valid, kind), notes


def check_values(values: np.ndarray, valid: np.ndarray, kind: str, what: str) -> None:
    """Refuses maps that cannot be what they are declared to be.

    Raises:
        InputError: No values, all the same, negative distances, or half of them at one limit.
    """
    known = values[valid]
    if known.size < 0.01 * values.size:
        got = "NaN, infinity or background" + (" everywhere" if not known.size else f" in {1 - known.size / values.size:.1%} of it")
        raise InputError(expected=f"a {what} with values", got=got, fix="Check the file and its channel")
    low, middle, high = (float(q) for q in np.percentile(known, (1, 50, 99)))
    if not high - low > 1e-5 * max(abs(low), abs(high), 1e-30):
        fix = "Check that the file is the depth and not a mask; a flat wall needs no relief"
        raise InputError(expected=f"a {what} that varies", got=f"{middle:.4g} everywhere", fix=fix)
    negative = float((known < 0).mean())
    if kind in ("metric", "inverse") and negative > 0.02:
        fix = f"If the values have no fixed zero, declare them as {'affine' if kind == 'metric' else 'inverse_affine'}"
        raise InputError(expected=f"a {what} above 0, as {kind} depth is", got=f"values below 0 in {negative:.0%} of it", fix=fix)
    for limit in (known.min(), known.max()):
        share = float((known == limit).mean())
        if share > 0.6 and not (limit == 0 and kind.startswith("inverse")):
            fix = "The values are clipped: export them in a wider range"
            raise InputError(expected=f"a {what} that is not clipped", got=f"{limit:.4g} in {share:.0%} of it", fix=fix)


def _check_shape(values: np.ndarray, color: torch.Tensor) -> None:
    (h, w), (height, width) = values.shape[:2], color.shape[1:]
    if abs(w * height - h * width) > 2 * max(w, h, width, height):
        raise InputError(
            expected=f"depth of the plate's shape, {width / height:.3f} wide for 1 high", got=f"{w} x {h} pixels",
            fix="Crop or render the depth to the plate's frame",
        )  # fmt: skip


def _fitted(values: np.ndarray, valid: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The map in the working size: picked when it shrinks (averages across an edge lie on no surface), bilinear when it grows."""
    height, width = values.shape
    rows = np.minimum(((np.arange(size[0]) + 0.5) * height / size[0]).astype(int), height - 1)
    columns = np.minimum(((np.arange(size[1]) + 0.5) * width / size[1]).astype(int), width - 1)
    picked, there = values[np.ix_(rows, columns)], valid[np.ix_(rows, columns)]
    if size[0] > height:
        filled = np.where(valid, values, np.median(values[valid]))
        picked = resize(torch.from_numpy(filled)[None].float(), size)[0].numpy()
        there = resize(torch.from_numpy(valid)[None].float(), size)[0].numpy() > 0.99
    return np.where(there, picked, np.float32(np.nan)).astype(np.float32), there
