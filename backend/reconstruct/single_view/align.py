"""From a network's values to depth in scene units: robust alignment to solved tracks, or to distances that the artist knows.

A depth map ``r`` comes as one of four kinds, which is declared and never guessed:

- ``metric``: r = z, in scene units or a fixed unit of them;
- ``affine``: z = s r + t;
- ``inverse``: 1 / z = s r;
- ``inverse_affine``: 1 / z = s r + t (R. Ranftl et al., "Towards robust monocular depth estimation", 2020).

The fit is least median of squares over pairs of tracks (P. Rousseeuw, 1984), refined by iteratively reweighted least squares with Tukey's
weights: a line, whose weighted fit is a formula, to which SciPy's ``least_squares`` would only iterate. A track at a depth edge may look up
the wrong side of it: the spread of ``r`` within the pixel noise lowers its weight.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ....shared.errors import InputError

KINDS = ("metric", "affine", "inverse", "inverse_affine")
PIXEL_NOISE = 1.0
"""Standard deviation of a track's position, in pixels of the plate: what a good solve reports."""
OWN_NOISE = 0.005
"""Relative error of depth that is taken for granted next to the pixel noise; it only sets the balance of the two."""
MAX_PAIRS = 5000
MIN_TRACKS = {"metric": 1, "inverse": 1, "affine": 3, "inverse_affine": 3}
_NARROWEST = 0.02
"""Least width of the errors that agree, in units of the expected noise: exact data would shut out everything but itself."""
_TUKEY = 4.685
"""Tukey's constant: 95 % efficiency for normal errors."""


@dataclasses.dataclass(frozen=True)
class Alignment:
    """How values became depth: ``1 / z`` or ``z`` is ``scale * r + shift``.

    Attributes:
        kind: One of ``KINDS``.
        scale: Per unit of ``r``.
        shift: In 1 / scene units for the inverse kinds, else in scene units.
        source: ``tracks``, ``distances`` or ``as given``.
        used: ``(N,)`` bool, the tracks that agree.
        residual: Median relative error of depth at those, or None.
        error: One standard error of the scale, relative, or None.
    """

    kind: str
    scale: float
    shift: float
    source: str
    used: np.ndarray
    residual: float | None = None
    error: float | None = None

    def depth(self, values: np.ndarray, near: float, far: float) -> np.ndarray:
        """Planar depth in scene units, ``values``' shape, float32, held within ``near`` and ``far``; NaN stays NaN."""
        line = self.scale * values.astype(np.float64) + self.shift
        if self.kind.startswith("inverse"):
            with np.errstate(divide="ignore", invalid="ignore"):
                line = np.where(line > 0, 1.0 / line, np.where(np.isnan(line), np.nan, far))
        return np.clip(line, near, far).astype(np.float32)


def fit_tracks(values: np.ndarray, spread: np.ndarray, depth: np.ndarray, kind: str, seed: int = 0) -> Alignment:
    """Aligns to tracks.

    Args:
        values: ``(N,)``, what the depth map says at each track.
        spread: ``(N,)``, standard deviation of the map's values within the pixel noise there.
        depth: ``(N,)``, planar depth of the solved points, scene units.
        kind: One of ``KINDS``.
        seed: For the choice of pairs where there are too many to try all.

    Raises:
        InputError: Too few tracks, or no agreement between them and the map.
    """
    r, sigma, z = (np.asarray(a, np.float64) for a in (values, spread, depth))
    if len(r) < MIN_TRACKS[kind]:
        fix = "Track more points in this picture, or leave the tracks out and give near and far"
        raise InputError(expected=f"at least {MIN_TRACKS[kind]} solved tracks in the picture for {kind} depth", got=str(len(r)), fix=fix)
    y = 1.0 / z if kind.startswith("inverse") else z
    shifted = kind.endswith("affine")
    scales, shifts = _candidates(r, y, shifted, seed)
    if not len(scales):
        raise InputError(
            expected=f"tracks at different distances, where the values of {kind} depth differ too",
            got="the same value at all of them" if np.ptp(r) < 1e-9 * max(1e-9, np.abs(r).max()) else "values that run the other way",
            fix="Check what kind of depth the model or image holds, or give near and far instead of tracks",
        )
    noise = _noise(scales[:, None], sigma, y)
    error = np.abs(scales[:, None] * (r / y) + shifts[:, None] / y - 1.0) / noise
    middle = np.median(error, axis=1)
    best = int(middle.argmin())
    scale, shift = float(scales[best]), float(shifts[best])
    width = max(1.4826 * (1 + 5 / max(1, len(r) - 2)) * float(middle[best]), _NARROWEST)
    for step in range(30):
        noise = _noise(scale, sigma, y)
        error = (scale * r / y + shift / y - 1.0) / noise
        weight = np.maximum(0.0, 1 - (error / (_TUKEY * width)) ** 2) ** 2 / noise**2
        new = _solve(r / y, 1.0 / y, weight, shifted)
        if new is None or new[0] <= 0:
            break
        done = abs(new[0] - scale) < 1e-10 * scale and abs(new[1] - shift) < 1e-10 * float(np.median(y))
        scale, shift = new
        if step < 3:  # the width follows the better fit, then stays: else the weights could chase it to zero
            inside = np.abs(error) < 3 * width
            if inside.sum() >= 3:
                width = max(1.4826 * float(np.median(np.abs(error[inside]))), _NARROWEST)
        if done:
            break
    noise = _noise(scale, sigma, y)
    error = (scale * r / y + shift / y - 1.0) / noise
    used = np.abs(error) < 3 * width
    if used.sum() < max(MIN_TRACKS[kind], 0.3 * len(r)):
        raise InputError(
            expected=f"tracks that agree with the {kind} depth",
            got=f"{int(used.sum())} of {len(r)} do",
            fix="Check that picture, camera and tracks are of the same frame, and what kind of depth it is",
        )
    relative = np.abs(scale * r / y + shift / y - 1.0)[used]
    return Alignment(
        kind, scale, shift, "tracks", used, float(np.median(relative)), _standard_error(scale, r, y, error, noise, used, shifted)
    )


def check_orientation(values: np.ndarray, depth: np.ndarray, kind: str) -> None:
    """Refuses depth that is declared as one kind and runs like the other: disparity taken for depth, or depth for disparity.

    Args:
        values: ``(N,)``, the map at the tracks.
        depth: ``(N,)``, the tracks' distances.
        kind: What was declared.

    Raises:
        InputError: Values rank against the declared kind.
    """
    if len(values) < 6 or np.ptp(depth) < 0.05 * np.median(depth):
        return
    ranks = np.stack([np.argsort(np.argsort(a)) for a in (values, depth)]).astype(np.float64)
    ranks -= ranks.mean(1, keepdims=True)
    correlation = float((ranks[0] * ranks[1]).sum() / np.sqrt((ranks**2).sum(1).prod()))
    inverse = kind.startswith("inverse")
    if (correlation if inverse else -correlation) > 0.5:
        runs, other = ("grow", "metric or affine") if inverse else ("fall", "inverse_affine or inverse")
        raise InputError(
            expected=f"values that {'fall' if inverse else 'grow'} with the distance, as {kind} depth does",
            got=f"values that {runs} with it at the tracks (rank correlation {correlation:.2f})",
            fix=f"This looks like {'depth' if inverse else 'disparity'}: declare it as {other}",
        )


def fit_distances(values: np.ndarray, kind: str, near: float | None, far: float | None) -> tuple[Alignment, list[str]]:
    """Aligns to a nearest and a farthest distance, in scene units, without tracks.

    Args:
        values: Any shape, NaN where unknown. The nearest and farthest half per cent are taken for noise.
        kind: One of ``KINDS``; metric depth stays as it is.
        near: What the nearest pixels are at; None if not known.
        far: What the farthest pixels are at; None if not known.

    Returns:
        The alignment and notes about what had to be assumed.
    """
    nothing = np.zeros(0, bool)
    if kind == "metric":
        return Alignment(kind, 1.0, 0.0, "as given", nothing), []
    if near is not None and far is not None and far <= near:
        raise InputError(expected="a far distance beyond the near one", got=f"near {near:g}, far {far:g}")
    low, high = (float(q) for q in np.nanpercentile(values, (0.5, 99.5)))
    if kind == "inverse":
        positive = values[values > 0]
        if not positive.size:
            raise InputError(expected="disparity above 0 somewhere", got="none", fix="Check what kind of depth it is")
        low = max(low, float(np.percentile(positive, 0.5)))
        if near is None and far is not None:
            return Alignment(kind, 1.0 / (far * low), 0.0, "distances", nothing), []
        notes = [] if near is not None else [_assumed(1.0, None)]
        if near is not None and far is not None:
            notes.append("Disparity without a shift needs one distance only: near was used, far cuts off")
        return Alignment(kind, 1.0 / ((near or 1.0) * high), 0.0, "distances", nothing), notes
    notes = []
    if near is None or far is None:
        near, far = near or (far / 10 if far else 1.0), far or 10 * (near or 1.0)
        notes.append(_assumed(near, far))
    if kind == "affine":
        scale = (far - near) / (high - low)
        return Alignment(kind, scale, near - scale * low, "distances", nothing), notes
    scale = (1 / near - 1 / far) / (high - low)
    return Alignment(kind, scale, 1 / far - scale * low, "distances", nothing), notes


def _assumed(near: float, far: float | None) -> str:
    what = f"near {near:g}" + (f" and far {far:g}" if far else "")
    return f"Neither tracks nor distances say how large the scene is: {what} was assumed; give near, far or a known distance"


def _candidates(r: np.ndarray, y: np.ndarray, shifted: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scales above 0 and shifts from each track, or from pairs."""
    if not shifted:
        keep = r > 0
        return y[keep] / r[keep], np.zeros(int(keep.sum()))
    i, j = np.triu_indices(len(r), 1) if len(r) <= 100 else _random_pairs(len(r), seed)
    step = r[i] - r[j]
    keep = np.abs(step) > 1e-6 * max(float(np.ptp(r)), 1e-12)
    i, j, step = i[keep], j[keep], step[keep]
    scale = (y[i] - y[j]) / step
    keep = scale > 0
    return scale[keep], (y[i] - scale * r[i])[keep]


def _random_pairs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.random.default_rng(seed).integers(0, count, (2, MAX_PAIRS))
    keep = pairs[0] != pairs[1]
    return pairs[0][keep], pairs[1][keep]


def _noise(scale: np.ndarray | float, sigma: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Expected relative error at each track."""
    noise: np.ndarray = np.hypot(OWN_NOISE, scale * sigma / y)
    return noise


def _solve(a: np.ndarray, b: np.ndarray, weight: np.ndarray, shifted: bool) -> tuple[float, float] | None:
    """Weighted least squares of ``scale * a + shift * b = 1``."""
    aa, ab, bb = (weight * a * a).sum(), (weight * a * b).sum(), (weight * b * b).sum()
    if not shifted:
        return (float((weight * a).sum() / aa), 0.0) if aa > 0 else None
    determinant = aa * bb - ab * ab
    if not determinant > 1e-12 * aa * bb:
        return None
    ra, rb = (weight * a).sum(), (weight * b).sum()
    return float((bb * ra - ab * rb) / determinant), float((aa * rb - ab * ra) / determinant)


def _standard_error(
    scale: float, r: np.ndarray, y: np.ndarray, error: np.ndarray, noise: np.ndarray, used: np.ndarray, shifted: bool
) -> float | None:
    if used.sum() < 4:
        return None
    a, b = (r / y / noise)[used], (1 / y / noise)[used]
    aa, ab, bb = (a * a).sum(), (a * b).sum(), (b * b).sum()
    variance = float((error[used] ** 2).sum()) / max(1, int(used.sum()) - 2)
    inverse = bb / max(aa * bb - ab * ab, 1e-300) if shifted else 1 / aa
    return float(np.sqrt(variance * inverse) / scale)
