"""Finishes an atlas: colours for what no frame shows, seams levelled, the space between charts filled.

Unseen texels take what spreads over the mesh from its seen vertices, which crosses seams where the surface goes on, and on top the
difference that the seen texels around them have from that, spread by push and pull (Gortler et al., "The Lumigraph", 1996). Seams are
levelled by moving the texels next to them as little as makes both sides agree (least squares by Kaczmarz's projections).
"""

from __future__ import annotations

import numpy as np
import torch

from ...core.compiled import Real, kernel
from .. import topology
from ..raster import Atlas, texel_corners
from ..unwrap.unwrapping import seams

_SWEEPS = 900
_WHOLE = 9
"""Every so many sweeps all points are visited, else those that were still apart."""
_RELAX = 1.5
"""How far each projection goes beyond making two sides equal: chains of texels settle sooner (below 2 it converges)."""
_ENOUGH = 0.5 / 255
"""Sweeps over the seams end when no step is larger, in the picture's unit, or after that many."""
_PER_TEXEL = 2.0
"""Points on a seam for each texel it is long."""


def fill_unseen(atlas: Atlas, faces: np.ndarray, vertex_count: int, colors: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives texels that no frame shows a colour.

    Args:
        atlas: T texels.
        faces: ``(M, 3)``.
        vertex_count: N.
        colors: ``(T, 3)`` float32, right where ``seen``.
        seen: ``(T,)`` bool, at least one of them True.

    Returns:
        The colours with the others filled in, and colours for the vertices, ``(N, 3)`` float32.
    """
    vertices, known = vertex_means(atlas, faces, vertex_count, colors, seen)
    vertices = spread(vertices, known, faces)
    if seen.all():
        return colors, vertices
    base = atlas.at(vertices, faces)
    weight = seen.astype(np.float32)[:, None]
    rest = push_pull(atlas.image(np.concatenate([(colors - base) * weight, weight], 1), 4))
    filled = base + rest.reshape(-1, 3)[atlas.index]
    return np.where(seen[:, None], colors, np.maximum(filled, 0)), vertices


def vertex_means(atlas: Atlas, faces: np.ndarray, vertex_count: int, values: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the seen texels around each vertex, ``(N, C)`` float32, and which vertices have any."""
    numbers, weights = faces[atlas.face[seen]], atlas.weights[seen] ** 2
    total = np.zeros((vertex_count, values.shape[1]))
    count = np.zeros(vertex_count)
    for k in range(3):
        count += np.bincount(numbers[:, k], weights[:, k], vertex_count)
        for c in range(values.shape[1]):
            total[:, c] += np.bincount(numbers[:, k], weights[:, k] * values[seen, c], vertex_count)
    known = count > 1e-3
    return (total / np.maximum(count, 1e-30)[:, None]).astype(np.float32), known


def spread(values: np.ndarray, known: np.ndarray, faces: np.ndarray, rounds: int = 300) -> np.ndarray:
    """Carries values of known vertices to the others over the mesh's edges; parts without any take the mean."""
    if known.all() or not known.any():
        return values
    ends = topology.edges(faces).vertices
    result = values.astype(np.float64) * known[:, None]
    have = known.astype(np.float64)
    for done in range(rounds):  # first reach everybody, then smooth
        total, count = np.zeros_like(result), np.zeros(len(result))
        for a, b in ((ends[:, 0], ends[:, 1]), (ends[:, 1], ends[:, 0])):
            count += np.bincount(a, have[b], len(result))
            for c in range(result.shape[1]):
                total[:, c] += np.bincount(a, have[b] * result[b, c], len(result))
        new = ~known & (count > 0)
        reached = bool((new & (have == 0)).any())
        result[new] = total[new] / count[new, None]
        have[new] = 1
        if not reached and done >= 60:
            break
    result[have == 0] = result[known].mean(0)
    return result.astype(np.float32)


def push_pull(picture: np.ndarray) -> np.ndarray:
    """Fills a picture where its weight is 0, smoothly from all around.

    Args:
        picture: ``(S, S, C + 1)`` float32: values times weight, then weight in 0..1.

    Returns:
        ``(S, S, C)`` float32.
    """
    levels = [torch.from_numpy(picture).permute(2, 0, 1)[None]]
    while min(levels[-1].shape[2:]) > 1:
        pooled = torch.nn.functional.avg_pool2d(levels[-1], 2, ceil_mode=True, count_include_pad=False) * 4
        levels.append(pooled / pooled[:, -1:].clamp_min(1))
    result = levels[-1][:, :-1] / levels[-1][:, -1:].clamp_min(1e-12)
    for level in levels[-2::-1]:
        size = (level.shape[2], level.shape[3])
        coarse = torch.nn.functional.interpolate(result, scale_factor=2, mode="bilinear", align_corners=False)[..., : size[0], : size[1]]
        result = level[:, :-1] + (1 - level[:, -1:]) * coarse
    return result[0].permute(1, 2, 0).contiguous().numpy()


def level_seams(picture: np.ndarray, covered: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Makes both sides of each seam look the same under bilinear filtering, in place.

    Args:
        picture: ``(S, S, C)`` float32.
        covered: ``(S, S)`` bool: texels that belong to a chart or its gutter; others are not to be changed.
        points: ``(P, 4)`` from ``seam_points``.

    Returns:
        The steps before, one for each point: the largest difference of its channels, ``(P,)`` float32.
    """
    steps = np.empty(len(points), np.float32)
    if len(points):
        _level(picture, covered, points, _SWEEPS, _ENOUGH, steps)
    return steps


def seam_points(faces: np.ndarray, uvs: np.ndarray, size: int) -> np.ndarray:
    """Points along seams: their place in texels on both sides, ``(P, 4)`` float64, column and row of one side, then of the other."""
    cut = seams(faces, uvs)
    flat = texel_corners(uvs, size)
    one, a, other, b = cut.T
    runs_back = faces[one, a] == faces[other, b]
    forward = faces[other, (b + 1) % 3] == faces[one, (a + 1) % 3]
    b_end = np.where(forward, (b + 1) % 3, (b + 2) % 3)
    assert runs_back.all()
    start = np.concatenate([flat[one, a], flat[other, b]], 1)
    end = np.concatenate([flat[one, (a + 1) % 3], flat[other, b_end]], 1)
    length = np.maximum(np.linalg.norm((end - start)[:, :2], axis=1), np.linalg.norm((end - start)[:, 2:], axis=1))
    count = np.clip(np.ceil(length * _PER_TEXEL), 1, 1000).astype(np.int64)
    which = np.repeat(np.arange(len(cut)), count)
    t = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[which]
    return start[which] + t[:, None] * (end - start)[which]


@kernel()
def _corners(size: int, u: Real, v: Real, place: np.ndarray, weight: np.ndarray) -> None:
    cu, cv = min(max(u - 0.5, 0.0), size - 1.0), min(max(v - 0.5, 0.0), size - 1.0)
    u0, v0 = int(cu), int(cv)
    u1, v1 = min(u0 + 1, size - 1), min(v0 + 1, size - 1)
    fu, fv = cu - u0, cv - v0
    place[0], place[1], place[2], place[3] = v0 * size + u0, v0 * size + u1, v1 * size + u0, v1 * size + u1
    weight[0], weight[1], weight[2], weight[3] = (1 - fu) * (1 - fv), fu * (1 - fv), (1 - fu) * fv, fu * fv


@kernel()
def _level(picture: np.ndarray, covered: np.ndarray, points: np.ndarray, sweeps: int, enough: Real, steps: np.ndarray) -> None:
    size, channels = picture.shape[0], picture.shape[2]
    flat = picture.reshape(size * size, channels)
    free = covered.reshape(size * size)
    place, weight = np.empty(8, np.int64), np.empty(8)
    open_steps = np.ones(len(points), np.bool_)
    for sweep in range(sweeps):
        worst = 0.0
        whole = sweep % _WHOLE == 0
        relax = 1.0 if whole else _RELAX
        for n in range(len(points)):
            p = n if sweep % 2 == 0 else len(points) - 1 - n
            if not whole and not open_steps[p]:
                continue
            _corners(size, points[p, 0], points[p, 1], place[:4], weight[:4])
            _corners(size, points[p, 2], points[p, 3], place[4:], weight[4:])
            norm = 0.0
            for i in range(8):
                if free[place[i]]:
                    norm += weight[i] * weight[i]
            largest = 0.0
            for c in range(channels):
                step = 0.0
                for i in range(8):
                    step += (weight[i] if i < 4 else -weight[i]) * flat[place[i], c]
                largest = max(largest, abs(step))
                if norm > 1e-6:
                    for i in range(8):
                        if free[place[i]]:
                            flat[place[i], c] -= relax * step / norm * (weight[i] if i < 4 else -weight[i])
            open_steps[p] = largest > enough
            worst = max(worst, largest)
            if sweep == 0:
                steps[p] = largest
        if whole and worst <= enough:
            break
