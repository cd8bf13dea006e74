"""Soft edges of a layer: how much of each pixel at its outline belongs to the layer (alpha), and what colour it has by itself.

Closed-form matting (A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", PAMI 2008): in each window of
3 x 3 pixels alpha is nearly a linear function of colour. Only a band around the outline is solved, by conjugate gradients. The outline
itself is a weak constraint: it decides where colours do not, and bounds the number of steps whatever the width of the band.

Against ``pymatting`` 1.1.16 (MIT), which solves the same: its first import compiles for 48 s of processor time, this needs no compiler.
``python3 dev.py bench plate`` measures the error on composites with known alpha.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, cg

from ...core.filters import box_mean
from ...core.morphology import dilate_mask, erode_mask

_EPSILON = 1e-6
"""Regularises the covariance of a window's colours, in squared units of display-encoded colour. The best of 1e-6, 1e-5 and 1e-4 on the
composites, also with noise of 0.01 and 8 bits."""
_OUTLINE = 1e-3
"""Weight of the outline as a constraint on each pixel of the band; a row of the Laplacian has about 5 on its diagonal. 3e-3 is as good
where the outline is exact, and worse where it is off by a pixel."""
_TOLERANCE = 1e-5
"""Relative residual at which the solution is good enough."""
_STEPS = 1000
"""Of conjugate gradients, at most; with ``_OUTLINE`` it takes 150 to 500."""
_CHUNK = 1 << 15
"""Windows whose covariances are made at once: 40 MB."""


def matte(color: np.ndarray, inside: np.ndarray, radius: int, check: Callable[[], None] = lambda: None) -> np.ndarray:
    """Alpha of a region. The same bytes for the same input; about 0.8 kB of memory for each pixel of the band.

    Args:
        color: ``(H, W, 3)`` float32, display-encoded.
        inside: ``(H, W)`` bool.
        radius: Half width of the band in pixels; 0 gives hard edges.
        check: Called now and then; may raise to cancel.

    Returns:
        ``(H, W)`` float32 in 0..1: exactly 1 inside and 0 outside of the band.
    """
    result = inside.astype(np.float32)
    band = dilate_mask(inside, radius) & ~erode_mask(inside, radius)
    if radius < 1 or not band.any() or min(inside.shape) < 3:
        return result
    rows = np.flatnonzero(band)
    outline = box_mean(torch.from_numpy(result)[None], 1).numpy().ravel()[rows].astype(np.float64)
    values = _laplacian(color, band, rows, check)
    values[_MIDDLE] += _OUTLINE
    matrix, known = _system(values, rows, result)
    diagonal = values[_MIDDLE]
    jacobi = LinearOperator(matrix.shape, matvec=lambda v: v.ravel() / diagonal, dtype=np.float64)
    alpha, _ = cg(
        matrix, _OUTLINE * outline - known, x0=outline, rtol=_TOLERANCE, maxiter=_STEPS, M=jacobi, callback=lambda _: check()
    )  # fmt: skip
    result.ravel()[rows] = np.clip(alpha, 0, 1)
    return result


def own_color(color: np.ndarray, back: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """What a layer's pixels would be without the layer behind: over ``back`` they give the picture again, as far as colours allow.

    Args:
        color: ``(H, W, C)`` float32, the picture.
        back: ``(H, W, C)`` float32, what is behind.
        alpha: ``(H, W)`` float32.
    """
    a = np.maximum(alpha, 0.05)[..., None]
    found: np.ndarray = np.where(alpha[..., None] > 0.999, color, (color - (1 - a) * back) / a)
    return np.clip(found, min(0.0, float(color.min())), float(color.max())).astype(np.float32)


_MIDDLE = 12
"""Of the 25 neighbours within two pixels, row by row: the pixel itself."""


def _laplacian(color: np.ndarray, band: np.ndarray, rows: np.ndarray, check: Callable[[], None]) -> np.ndarray:
    """The band's rows of the matting Laplacian (Levin et al., equation 12): ``(25, N)`` float64, a weight for each neighbour."""
    width, count = band.shape[1], len(rows)
    flat = color.reshape(-1, 3).astype(np.float64)
    number = np.full(band.size, count, np.int32)  # pixels outside of the band share a column that is thrown away
    number[rows] = np.arange(count, dtype=np.int32)
    centres = dilate_mask(band, 1)
    centres[[0, -1]] = centres[:, [0, -1]] = False
    windows = np.flatnonzero(centres)
    window = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    steps = np.array([y * width + x for y, x in window])
    values = np.zeros((25, count + 1))
    for start in range(0, len(windows), _CHUNK):
        check()
        pixels = windows[start : start + _CHUNK, None] + steps
        offset = flat[pixels]
        offset -= offset.mean(1, keepdims=True)
        covariance = (offset.transpose(0, 2, 1) @ offset + _EPSILON * np.eye(3)) / 9
        affinity = (1 + offset @ np.linalg.inv(covariance) @ offset.transpose(0, 2, 1)) / 9
        for i, (y, x) in enumerate(window):
            at = number[pixels[:, i]]
            for j, (v, u) in enumerate(window):
                values[_MIDDLE + 5 * (v - y) + u - x, at] += float(i == j) - affinity[:, i, j]
    return values[:, :count]


def _system(values: np.ndarray, rows: np.ndarray, alpha: np.ndarray) -> tuple[csr_matrix, np.ndarray]:
    """The equations of the band's pixels alone, and what the known pixels add to them.

    Args:
        values: ``(25, N)`` from ``_laplacian``.
        rows: ``(N,)`` flat indices of the band's pixels, in order.
        alpha: ``(H, W)``, right outside of the band.

    Returns:
        An ``(N, N)`` matrix and ``(N,)``.
    """
    width = alpha.shape[1]
    number = np.full(alpha.size, -1, np.int32)
    number[rows] = np.arange(len(rows), dtype=np.int32)
    steps = np.array([y * width + x for y in range(-2, 3) for x in range(-2, 3)])
    known = np.zeros(len(rows))
    columns = np.empty((len(rows), 25), np.int32)
    for k, step in enumerate(steps):
        # Beyond the border every weight is 0: which pixel stands for it does not matter.
        near = np.clip(rows + step, 0, alpha.size - 1)
        columns[:, k] = number[near]
        known += np.where(columns[:, k] < 0, values[k] * alpha.ravel()[near], 0)
    unknown = (columns >= 0) & (values.T != 0)
    ends = np.concatenate([[0], np.cumsum(unknown.sum(1))])
    return csr_matrix((values.T[unknown], columns[unknown], ends), shape=(len(rows), len(rows))), known
