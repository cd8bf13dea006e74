"""Reading what the artist painted: which frame it is, which pixels are painted, and whether it belongs to that frame at all."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ....shared.errors import InputError
from ....shared.frame_names import check_once, number_names
from ....shared.values import EncodedFile, Image
from ...core.camera import check_aspect
from ...core.color import to_float
from ...core.shaper import shape_linear
from ...io.frames.decode import linear_color, mask_of
from ...io.frames.frame import Frame
from ...io.frames.shot import Shot
from ...io.frames.sizes import at_size, note_size
from ...io.reading import decode
from .dataset import Keyframe
from .features import edges
from .shot import color_of

MOST = 16
"""Keyframes: with more, painting is quicker than looking for what to paint next."""
LEAST_PAINTED = 64
"""Pixels."""
SHIFTS = ((0.11, 0.07), (-0.09, 0.13), (0.17, -0.12), (-0.14, -0.08), (0.06, -0.19), (-0.2, 0.16))
"""Parts of the picture by which edges are moved to see what chance would give."""


def frame_numbers(names: Sequence[str], listed: str, shot: Shot, known: Sequence[int | None] = ()) -> list[int]:
    """The frame of each file.

    Args:
        names: File names with a frame number (``paint_0012.png``); which number it is says ``shared/frame_names.py``.
        listed: Frame numbers in the files' order, with spaces or commas between; ``""`` to go by the names.
        shot: Where the frames have to be.
        known: Numbers that came with the files; they count before the names if each has one.

    Raises:
        InputError: A name without digits, two numbers that vary, a list of another length, a frame that the shot lacks, or one twice.
    """
    given = [number for number in known if number is not None]
    if listed.strip():
        parts = re.split(r"[\s,;]+", listed.strip())
        if not all(re.fullmatch(r"-?\d+", part) for part in parts) or len(parts) != len(names):
            raise InputError(expected=f"{len(names)} frame numbers, one for each keyframe", got=repr(listed)[:80], fix='Such as "1 12 24"')
        numbers = [int(part) for part in parts]
    elif given and len(given) == len(names):
        numbers = given
    elif len(names) == len(shot.numbers) == 1 and not re.search("[0-9]", names[0]):
        numbers = list(shot.numbers)
    else:
        fix = "Have the frame number as the only number in the names, such as paint_0012.png, or list the frame numbers"
        numbers = number_names(names, among=shot.numbers, ordered=False, fix=fix)
    for name, number in zip(names, numbers, strict=True):
        if number not in shot:
            expected = f"{name} to be of a frame of the shot, {shot.numbers[0]} to {shot.numbers[-1]}"
            raise InputError(
                expected=expected, got=f"frame {number}", fix="Rename the file, list the frame numbers, or capture that frame too"
            )
    check_once(list(zip(numbers, names, strict=True)), "Merge them, or list the numbers")
    return numbers


def read_keyframes(
    files: Sequence[EncodedFile | Image], masks: Sequence[EncodedFile | Image], listed: str, shot: Shot, warnings: list[str]
) -> dict[int, Keyframe]:
    """Reads painted frames.

    Args:
        files: One for each keyframe; alpha says what is painted, without it all is.
        masks: White where it is painted; matched to keyframes by the numbers in their names, or by their order if they are as many and
            their names have none, or the frame numbers are listed.
        listed: See ``frame_numbers``.
        shot: What they were painted over.
        warnings: Gets what is strange but can be used.

    Returns:
        By frame number.

    Raises:
        InputError: More than ``MOST``, not an image, another shape than the shot's, nothing painted; see ``frame_numbers`` too.
    """
    if len(files) > MOST:
        fix = "Keep those that differ most; 1 to 5 are usual"
        raise InputError(expected=f"at most {MOST} keyframes", got=str(len(files)), fix=fix)
    names = [file.name if isinstance(file, EncodedFile) else "a keyframe without a name" for file in files]
    numbers = frame_numbers(names, listed, shot, [getattr(file, "number", None) for file in files])
    by_number = _masks(masks, numbers, shot, bool(listed.strip()))
    result = {}
    for file, name, number in zip(files, names, numbers, strict=True):
        image = decode(file, camera=(shot.size[1], shot.size[0])) if isinstance(file, EncodedFile) else file
        _check_shape(image, name, shot)
        color, alpha = linear_color(image)
        bad = ~np.isfinite(to_float(image.pixels)).all(-1) if image.pixels.dtype.kind == "f" else np.zeros(color.shape[:2], bool)
        mask = np.where(bad, np.float32(0), 1 if alpha is None else alpha).astype(np.float32)
        sized = at_size("color", Image(np.concatenate([color, mask[..., None]], 2), "linear"), shot.size[1], shot.size[0], strict=False)
        color, mask = sized.pixels[..., :3], sized.pixels[..., 3]
        if number in by_number:
            mask = mask * by_number[number]
        painted = int((mask > 0.99).sum())
        if painted < LEAST_PAINTED:
            source = "its mask" if number in by_number else "its alpha"
            fix = "Paint opaque strokes, save with alpha only where it is unpainted, or give a mask that is white where it is painted"
            raise InputError(expected=f"{name} to be painted somewhere", got=f"{painted} opaque pixels in {source}", fix=fix)
        if bad.any():
            warnings.append(f"{name}: {int(bad.sum())} pixels are NaN or infinite and count as unpainted")
        # In the precision of a model file, so that what is rendered from the file is the same.
        paint = np.clip(shape_linear(color), -6e4, 6e4).astype(np.float16).astype(np.float32)
        key = Keyframe(number, paint, (np.rint(mask * 255) / 255).astype(np.float32))
        text = mismatch(key, shot[number])
        if text:
            warnings.append(f"{name}: {text}")
        result[number] = key
    return result


def _masks(masks: Sequence[EncodedFile | Image], numbers: list[int], shot: Shot, listed: bool) -> dict[int, np.ndarray]:
    if not masks:
        return {}
    names = [mask.name if isinstance(mask, EncodedFile) else "" for mask in masks]
    as_many, numbered = len(masks) == len(numbers), any(re.search("[0-9]", name) for name in names)
    fix = "Name masks by the frame number, as the keyframes, or give as many masks as keyframes, in the same order"
    if as_many and not numbered:
        found = list(numbers)
    else:
        found = number_names(names, among=numbers, ordered=False, fix=fix)
        if as_many and listed and not all(number in numbers for number in found):
            found = list(numbers)
    result = {}
    for mask, name, number in zip(masks, names, found, strict=True):
        if number not in numbers:
            raise InputError(
                expected=f"the mask {name} to be of a painted frame ({', '.join(map(str, sorted(numbers)))})", got=str(number), fix=fix
            )
        image = decode(mask, camera=(shot.size[1], shot.size[0]), use="mask") if isinstance(mask, EncodedFile) else mask
        _check_shape(image, name or "the mask", shot)
        sized = at_size("mask", Image(mask_of(image)[..., None], "data"), shot.size[1], shot.size[0], strict=False)
        result[number] = sized.pixels[..., 0]
    return result


def _check_shape(image: Image, name: str, shot: Shot) -> None:
    height, width = image.pixels.shape[:2]
    fix = "Paint over the rendered frame without cropping it or changing its shape"
    check_aspect((width, height), shot.size[::-1], name, "the shot", fix)
    if (height, width) != shot.size:
        note_size("its picture", (width, height), "the shot", shot.size[::-1], name)


def mismatch(key: Keyframe, frame: Frame) -> str:
    """A sentence if the paint has nothing to do with its frame, else ``""``.

    Either its edges lie on those of the render, or its colours differ from object to object: more so than with the same edges and
    objects moved somewhere else.
    """
    painted = key.mask > 0.5
    paint, render = _outline(key.paint.mean(-1)), _outline(shape_linear(color_of(frame)).mean(-1))
    passes = edges(frame).max(-1)
    ids = frame.object_id if frame.object_id is not None else np.zeros(frame.size, np.int32)
    color = np.stack([_soft(key.paint[..., c]) for c in range(3)], -1)
    height, width = frame.size
    found = []
    for x, y in ((0.0, 0.0), *SHIFTS):
        e, p, i = (np.roll(v, (round(y * height), round(x * width)), (0, 1)) for v in (render, passes, ids))
        found.append((max(_correlation(paint, _soft(e), painted), _correlation(paint, _soft(p), painted)), _explained(color, i, painted)))
    (edge, color_share), elsewhere = found[0], [max(f[n] for f in found[1:]) for n in (0, 1)]
    featureless = passes.sum() == 0 and render.max() < 1e-3
    if featureless or edge > elsewhere[0] + 0.02 or color_share > elsewhere[1] + 0.02:
        return ""
    return (
        f"its edges do not lie where those of frame {key.number} do (correlation {edge:.2f}, elsewhere up to {elsewhere[0]:.2f}): "
        "is it painted over another frame, or moved?"
    )


def _explained(color: np.ndarray, ids: np.ndarray, where: np.ndarray) -> float:
    """Share of the colour's variance that is between objects."""
    values, (_, group) = color[where], np.unique(ids[where], return_inverse=True)
    counts = np.bincount(group)
    means = np.stack([np.bincount(group, values[:, c]) / counts for c in range(3)], -1)
    total = ((values - values.mean(0)) ** 2).sum()
    return float((counts[:, None] * (means - values.mean(0)) ** 2).sum() / max(float(total), 1e-9))


def _outline(values: np.ndarray) -> np.ndarray:
    gradient = np.gradient(values.astype(np.float32))
    return _soft(np.minimum(np.hypot(*gradient), 0.3))


def _soft(values: np.ndarray) -> np.ndarray:
    for axis in (0, 1):
        padded = np.pad(values, [(2, 2) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        count = values.shape[axis]
        values = np.mean([np.take(padded, range(n, n + count), axis) for n in range(5)], 0)
    return values


def _correlation(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    x, y = a[where] - a[where].mean(), b[where] - b[where].mean()
    return float((x * y).sum() / max(float(np.sqrt((x * x).sum() * (y * y).sum())), 1e-9))
