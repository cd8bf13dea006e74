"""Frames held against each other at some pixels: where they overlap, by how much they disagree, how noisy they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...core.camera import project, unproject
from ...core.depth_noise import NoiseModel
from ...io.frames.frame import DepthFrame

TO_SIGMA = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""
_BINS = 8
_PAIR_SAMPLES = 3000
_ENOUGH = 300
_UNRELATED = 4.0
"""Frames that disagree by more than this many times the noise within them disagree for another reason."""


def measure(frames: Sequence[DepthFrame]) -> NoiseModel:
    """The noise of some frames.

    How inverse depth bends from pixel to pixel (it does not on planes) gives its shape over the distance; how frames disagree where they
    see the same surface gives its size, since noise that is blurred hardly bends. Where the two have nothing to do with each other,
    as with poses that do not fit, the second alone counts.
    """
    step = max((frame.noise for frame in frames), default=0.0) / math.sqrt(12)
    inside = _fitted(*_within(frames))
    from_z, to_z, off = _between(frames)
    if len(off) < _ENOUGH:
        return _at_least(inside, step)
    ordinary = np.sqrt(inside.variances(from_z) + inside.variances(to_z)) + 1e-9 * to_z
    ratio = TO_SIGMA * float(np.median(np.abs(off) / ordinary))
    if ratio > _UNRELATED:
        return _at_least(_fitted(to_z, off / math.sqrt(2)), step)
    factor = max(ratio, 1.0)
    return _at_least(NoiseModel(inside.constant * factor, inside.quadratic * factor), step)


def _at_least(model: NoiseModel, step: float) -> NoiseModel:
    return NoiseModel(max(model.constant, step), model.quadratic)


def _fitted(z: np.ndarray, off: np.ndarray) -> NoiseModel:
    """Relative least squares for sigma² = a² + c² z⁴, both zero or more, through robust deviations in bins of distance."""
    if len(z) < _ENOUGH:
        return NoiseModel()
    parts = np.array_split(np.argsort(z), _BINS)
    at = np.array([np.median(z[part]) for part in parts])
    square = np.maximum([TO_SIGMA * np.median(np.abs(off[part])) for part in parts], 1e-12) ** 2
    A = np.stack([np.ones(_BINS), at**4], 1) / square[:, None]
    a, c = np.linalg.lstsq(A, np.ones(_BINS), rcond=None)[0]
    if a < 0:
        a, c = 0.0, A[:, 1].sum() / (A[:, 1] ** 2).sum()
    if c < 0:
        a, c = A[:, 0].sum() / (A[:, 0] ** 2).sum(), 0.0
    return NoiseModel(math.sqrt(a), math.sqrt(c))


def _between(frames: Sequence[DepthFrame]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    found = [disagreement(a, b, _PAIR_SAMPLES, generator) for n, a in enumerate(frames) for b in frames[n + 1 : n + 4]]
    if not found:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    from_z, to_z, off = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return from_z, to_z, off


def disagreement(
    frame: DepthFrame, other: DepthFrame, samples: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples of one frame in another: depth in the one, in the other, and how far they are apart, where that is within 5 %."""
    pixels = pick(frame, samples, generator)
    own = frame.depth.reshape(-1)[pixels].astype(np.float64)
    points = points_of(frame, pixels)
    if not len(points) or min(other.depth.shape) < 2:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    place, z = project(other.camera, points)
    height, width = other.depth.shape
    u, v = place.T
    with np.errstate(invalid="ignore"):
        inside = (z > 0) & (u >= 0.5) & (v >= 0.5) & (u < width - 0.5) & (v < height - 0.5)
    u, v, z, own = u[inside] - 0.5, v[inside] - 0.5, z[inside], own[inside]
    u0, v0 = np.minimum(u.astype(np.int64), width - 2), np.minimum(v.astype(np.int64), height - 2)
    corners = np.stack([other.depth[v0 + b, u0 + a] for b in (0, 1) for a in (0, 1)], 1).astype(np.float64)
    whole = (corners > 0).all(1) & (corners.max(1) < 1.05 * np.maximum(corners.min(1), 1e-30))
    fu, fv = (u - u0)[whole], (v - v0)[whole]
    weights = np.stack([(1 - fu) * (1 - fv), fu * (1 - fv), (1 - fu) * fv, fu * fv], 1)
    measured = 1 / (weights / corners[whole]).sum(1)
    # Interpolation averages noise: scaled back to that of one pixel.
    off = (z[whole] - measured) * np.sqrt(2 / (1 + (weights**2).sum(1)))
    near = np.abs(off) < 0.05 * measured
    return own[whole][near], measured[near], off[near]


def _within(frames: Sequence[DepthFrame]) -> tuple[np.ndarray, np.ndarray]:
    distances, differences = [], []
    for frame in frames:
        depth = frame.depth[::2].astype(np.float64)
        a, b, c = depth[:, :-2], depth[:, 1:-1], depth[:, 2:]
        good = (a > 0) & (b > 0) & (c > 0) & (np.abs(a - b) < 0.05 * b) & (np.abs(c - b) < 0.05 * b)
        z = b[good]
        bend = (1 / a[good] - 2 / z + 1 / c[good]) * z * z / math.sqrt(6)
        distances.append(z)
        differences.append(bend)
    return (np.concatenate(distances), np.concatenate(differences)) if distances else (np.zeros(0), np.zeros(0))


def pick(frame: DepthFrame, samples: int, generator: np.random.Generator) -> np.ndarray:
    """Flat indices of at most so many measured pixels, each equally likely."""
    measured = np.flatnonzero(frame.depth)
    if len(measured) <= samples:
        return measured
    return measured[generator.integers(0, len(measured), samples)]


def points_of(frame: DepthFrame, pixels: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """World positions ``(N, 3)`` float64 of flat pixel indices; depth times ``scale``."""
    v, u = np.divmod(pixels, frame.depth.shape[1])
    return unproject(frame.camera, np.stack([u, v], 1) + 0.5, frame.depth[v, u].astype(np.float64) * scale)
