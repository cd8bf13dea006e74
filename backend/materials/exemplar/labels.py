"""Label maps painted by an artist: regions distinguished by their colours."""

from __future__ import annotations

import numpy as np

from ....shared.errors import InputError
from ....shared.values import Image
from ...core.color import to_float

MAX_LABELS = 16
"""Most colours of an exemplar's label map: each is a channel of the search."""

_TOLERANCE = 48
"""Distance in 8-bit steps within which two colours are the same; room for JPEG and hand-picked colours."""

_SOLID = 5
"""Side in pixels of the smallest patch of one colour that counts as painted, and not as the soft edge between two colours."""

_SAMPLE = 1 << 20


def match_labels(exemplar_labels: Image, labels: Image, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, int]:
    """Numbers the regions of both maps by their colours.

    Args:
        exemplar_labels: Next to the exemplar.
        labels: Of the texture, of any size.
        size: Height and width to which ``labels`` are brought.

    Returns:
        Region numbers of the exemplar ``(h, w)`` and of the texture ``(H, W)``, int64, and how many regions there are.

    Raises:
        InputError: A colour of ``labels`` that the exemplar's map does not have, too many colours, or none.
    """
    there, wanted = _colors(exemplar_labels), _colors(labels)
    palette = _palette(there)
    if not 1 <= len(palette) <= MAX_LABELS:
        raise InputError(
            expected=f"1 to {MAX_LABELS} plain colours in exemplar_labels",
            got=f"{len(palette)}" if len(palette) else "no plain patch of colour",
            fix="Paint each region in one plain colour with hard edges",
        )
    for color in _palette(wanted):
        if np.square(palette - color).sum(1).min() > _TOLERANCE**2:
            known = ", ".join(_hex(c) for c in palette)
            raise InputError(
                expected=f"labels in the colours of exemplar_labels: {known}",
                got=_hex(color),
                fix="Paint the regions in the same colours as in the exemplar's label map",
            )
    rows, columns = ((np.arange(n) + 0.5) * s / n for n, s in zip(size, wanted.shape[:2], strict=True))
    wanted = wanted[rows.astype(np.int64)][:, columns.astype(np.int64)]
    return _nearest(there, palette), _nearest(wanted, palette), len(palette)


def _colors(image: Image) -> np.ndarray:
    """``(H, W, 3)`` int64 in 0..255, alpha dropped; linear colour as it is, for only equality counts."""
    values = to_float(image.pixels)
    values = values[..., :3] if values.shape[2] >= 3 else values[..., :1].repeat(3, axis=2)
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.int64)


def _palette(colors: np.ndarray) -> np.ndarray:
    """The plain colours of a map, ``(L, 3)``, the most frequent first."""
    stride = max(1, int((colors.shape[0] * colors.shape[1] / _SAMPLE) ** 0.5))
    sampled = colors[::stride, ::stride].reshape(-1, 3)
    packed, counts = np.unique(sampled @ np.array([65536, 256, 1]), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:4096]
    candidates = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], 1)[order]
    found: list[np.ndarray] = []
    for color in candidates:
        if len(found) > MAX_LABELS:
            break
        if found and (np.square(np.array(found) - color).sum(1) <= _TOLERANCE**2).any():
            continue
        if _has_solid(np.square(colors - color).sum(2) <= _TOLERANCE**2 / 4):
            found.append(color)
    return np.array(found, np.int64).reshape(-1, 3)


def _has_solid(mask: np.ndarray) -> bool:
    """Whether a square of ``_SOLID`` pixels is wholly in the mask."""
    if min(mask.shape) < _SOLID:
        return bool(mask.any())
    total = np.pad(mask.astype(np.int64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    n = _SOLID
    return bool((total[n:, n:] - total[:-n, n:] - total[n:, :-n] + total[:-n, :-n] == n * n).any())


def _nearest(colors: np.ndarray, palette: np.ndarray) -> np.ndarray:
    best = np.full(colors.shape[:2], np.iinfo(np.int64).max)
    index = np.zeros(colors.shape[:2], np.int64)
    for number, color in enumerate(palette):
        distance = np.square(colors - color).sum(2)
        index[distance < best] = number
        best = np.minimum(best, distance)
    return index


def _hex(color: np.ndarray) -> str:
    return "#" + "".join(f"{int(c):02x}" for c in color)
