"""Colours of vertices in files, whatever stores them."""

from __future__ import annotations

import numpy as np

from ....shared.notes import note
from ...core.color import to_linear

BEYOND_ONE = "its vertex colours are numbers beyond 1; they are taken for 0 to 255"
_LARGEST = {"i1": 255, "u1": 255, "u2": 65535}
_BYTE = 255
_ABOVE = 2.0
"""Floating colours up to this are taken for 0..1, a little overexposed."""


def linear_colors(values: np.ndarray, kind: str, name: str) -> np.ndarray:
    """Display-encoded (sRGB) colours of a file as scene-linear ones.

    Args:
        values: ``(N, 3)``, as numbers, any dtype; NaN where a vertex has none.
        kind: What stores them in the file: ``u1``, ``i1`` (taken for ``u1``), ``u2``, another integer, or ``float``.
        name: The file, for notes.

    Returns:
        ``(N, 3)`` float32.
    """
    scaled = values.astype(np.float64)
    largest = float(np.nanmax(scaled, initial=0.0, where=np.isfinite(scaled)))
    if kind in _LARGEST:
        scaled = np.where(scaled < 0, scaled + 256, scaled) / _LARGEST[kind]
    elif kind[0] in "iu" or largest > _ABOVE:
        if kind[0] not in "iu":
            note(BEYOND_ONE, name)
        scaled = scaled / (_BYTE if largest <= _BYTE else 65535)
    return np.asarray(to_linear(scaled.astype(np.float32)))
