"""A smooth surface through a region of a map, and a little beyond it: local planes, weighted by distance."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from ...core.filters import gaussian_weights, separable

_RIDGE = 1e-3
"""Weight of "no slope" against the data, relative to their spread: it decides where a plane is fitted to a line or a point."""


def smooth_surface(values: np.ndarray, region: np.ndarray, sigma: float) -> np.ndarray:
    """Weighted least squares planes around each pixel (moving least squares), which keep planes exactly and round off everything else.

    Args:
        values: ``(H, W)`` float32.
        region: ``(H, W)`` bool, where ``values`` belong to the surface.
        sigma: Standard deviation of the weights, in pixels.

    Returns:
        ``(H, W)`` float32, within the range of the region's values.
    """
    height, width = values.shape
    known = torch.from_numpy(region.astype(np.float64))
    low, high = float(values[region].min()), float(values[region].max())
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64) / sigma, torch.arange(width, dtype=torch.float64) / sigma, indexing="ij"
    )
    d = torch.from_numpy(np.where(region, values, 0).astype(np.float64))
    moments = torch.stack([known, known * x, known * y, known * x * x, known * x * y, known * y * y, d, d * x, d * y])
    result = torch.full((height, width), float("nan"), dtype=torch.float64)
    todo = torch.ones(height, width, dtype=torch.bool)
    scale = 1.0
    while bool(todo.any()) and scale <= 256:  # far from the region only wide weights reach it
        m = _blurred(moments, sigma * scale)
        enough = todo & (m[0] > 1e-3)
        fitted = _planes(m, x, y)
        result = torch.where(enough, fitted, result)
        todo &= ~enough
        scale *= 4
    return torch.nan_to_num(result, nan=float(values[region].mean())).clamp(low, high).float().numpy()


def _planes(m: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The fitted planes' values at their own centres."""
    w = m[0].clamp(min=1e-9)
    mx, my, md = m[1] / w, m[2] / w, m[6] / w
    xx, xy, yy = m[3] / w - mx * mx, m[4] / w - mx * my, m[5] / w - my * my
    xd, yd = m[7] / w - mx * md, m[8] / w - my * md
    xx, yy = xx + _RIDGE * (xx + yy) + 1e-6, yy + _RIDGE * (xx + yy) + 1e-6
    determinant = xx * yy - xy * xy
    a, b = (yy * xd - xy * yd) / determinant, (xx * yd - xy * xd) / determinant
    value: torch.Tensor = md + a * (x - mx) + b * (y - my)
    return value


def _blurred(planes: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian weights, as a chain of shrinking, a small blur and growing where sigma is large."""
    shrink = max(1, int(sigma / 2))
    height, width = planes.shape[1:]
    size = (max(1, -(-height // shrink)), max(1, -(-width // shrink)))
    small = F.interpolate(planes[None], size=size, mode="area")[0] if shrink > 1 else planes
    s = sigma * size[1] / width
    reach = max(1, int(np.ceil(2.5 * s)))
    small = separable(small, gaussian_weights(max(s, 1e-6), reach, small), "constant")
    return F.interpolate(small[None], size=(height, width), mode="bilinear", align_corners=False)[0] if shrink > 1 else small
