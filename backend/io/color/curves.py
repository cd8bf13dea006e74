"""Transfer curves: from stored values, 0..1, to linear light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...core.color import to_linear

Curve = Callable[[np.ndarray], np.ndarray]
"""Float values of any shape to float values of the same; below 0 curves are odd about 0, above 1 they go on."""
REFERENCE_WHITE = 203.0
"""cd/m² that are 1 in scene-linear light where a file states absolute luminance (ITU-R BT.2408)."""


def gamma(exponent: float) -> Curve:
    """A power: ``value ** exponent``."""
    if exponent == 1:
        return linear
    return lambda values: np.copysign(np.abs(values) ** exponent, values)


def linear(values: np.ndarray) -> np.ndarray:
    """No curve."""
    return values


def table(samples: np.ndarray) -> Curve:
    """Values at even steps of 0..1 with straight lines between them; beyond the ends the last one."""
    steps = np.linspace(0, 1, len(samples))
    return lambda values: np.interp(values, steps, samples)


def cineon(values: np.ndarray) -> np.ndarray:
    """Printing density: 10-bit codes, black at 95, white at 685, 0.002 of density a code, 0.6 of negative gamma (Kodak 1995)."""
    black = 10 ** ((95 - 685) * 0.002 / 0.6)
    return (10 ** ((np.minimum(values, 4.0) * 1023 - 685) * 0.002 / 0.6) - black) / (1 - black)


def pq(values: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, absolute; ``REFERENCE_WHITE`` is 1."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.clip(values, 0, 1) ** (1 / m2)
    return (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * (10000 / REFERENCE_WHITE)


def hlg(values: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100 HLG, scene light: what is stored as 0.75, its reference white, is 1."""

    def light(stored: np.ndarray) -> np.ndarray:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(stored <= 0.5, stored**2 / 3, (np.exp((np.maximum(stored, 0.5) - c) / a) + b) / 12)

    return light(np.clip(values, 0, 1)) / light(np.array(0.75))


def _dci(values: np.ndarray) -> np.ndarray:
    """SMPTE ST 428-1: 48 cd/m² of 52.37 are white."""
    return gamma(2.6)(values) * (52.37 / 48)


VIDEO = gamma(2.4)
"""What a reference display makes of Rec.709 and Rec.2020 video (ITU-R BT.1886)."""
CODED: dict[int, Curve] = {
    1: VIDEO, 4: gamma(2.2), 5: gamma(2.8), 6: VIDEO, 8: linear, 13: to_linear, 14: VIDEO, 15: VIDEO, 16: pq, 17: _dci, 18: hlg,
}  # fmt: skip
"""By the numbers of ITU-T H.273, which ``cICP`` has."""
