"""The tracking's inner loops in torch, for any device: what ``kernels.py`` does on processors, said plainly.

The third, ``follow``, has its counterpart in ``backend/style/shot/trace.py`` (``Trace.carried``).
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from ...core.sampling import grid


def reproject(
    depth: torch.Tensor,
    ids: torch.Tensor,
    index: torch.Tensor,
    matrices: torch.Tensor,
    lenses: tuple[torch.Tensor, torch.Tensor],
    depth_k: torch.Tensor,
    ids_k: torch.Tensor,
    pixels: torch.Tensor | None = None,
    distort: Callable[[torch.Tensor], torch.Tensor] = lambda landed: landed,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Places in another frame of pixels whose objects move rigidly, and whether they are seen there.

    A pixel's point in the camera's own space, x = (u + 0.5 - cx) / fl_x z, y = -(v + 0.5 - cy) / fl_y z, -z, is moved by its object's
    matrix into the other camera's space and projected. It is seen if one of the four pixels around has the same id and its depth is
    between the smallest and largest of theirs, by 0.4 % and three quarters of their range more or less. The background is infinitely
    far: its directions are turned, and it is seen where there is background.

    Args:
        depth: ``(H, W)`` float, planar z, 0 = background.
        ids: ``(H, W)`` int.
        index: ``(H, W)`` int, which matrix moves the pixel; below 0 it is left out.
        matrices: ``(N, 4, 4)`` float64, from this camera's space to the other's.
        lenses: ``fl_x, fl_y, cx, cy`` of both.
        depth_k: ``(h, w)`` of the other frame.
        ids_k: ``(h, w)``.
        pixels: ``(H, W, 2)`` float64, this frame's pixels without lens distortion; None for pixel centres.
        distort: Applies the lens distortion of the other camera to ``(H, W, 2)`` pixels.

    Returns:
        ``(H, W, 2)`` float32 column and row, and ``(H, W)`` bool.
    """
    lens, lens_k = lenses
    v, u = grid((depth.shape[0], depth.shape[1]), depth.device).double() + 0.5 if pixels is None else pixels.flip(-1).unbind(-1)
    far = depth <= 0
    s = torch.where(far, torch.ones_like(depth), depth).double()
    point = torch.stack([(u - lens[2]) / lens[0] * s, -(v - lens[3]) / lens[1] * s, -s, (~far).double()], -1)
    moved = (matrices[index.clamp_min(0).long()][..., :3, :] @ point[..., None])[..., 0]
    c = -moved[..., 2]
    ahead = (c > 1e-9) & (index >= 0)
    safe = c.clamp_min(1e-9)
    landed = torch.stack([lens_k[2] + lens_k[0] * moved[..., 0] / safe, lens_k[3] - lens_k[1] * moved[..., 1] / safe], -1)
    pu, pv = distort(landed).unbind(-1)
    height, width = depth_k.shape
    inside = ahead & (pu >= 0) & (pu < width) & (pv >= 0) & (pv < height)
    column, row = (pu - 0.5).floor().long(), (pv - 0.5).floor().long()
    low, high = torch.full_like(c, 1e30), torch.full_like(c, -1e30)
    for dv in (0, 1):
        for du in (0, 1):
            i, j = (row + dv).clamp(0, height - 1), (column + du).clamp(0, width - 1)
            same = (ids_k[i, j] == ids) & ((depth_k[i, j] > 0) != far)
            low = torch.where(same, torch.minimum(low, depth_k[i, j].double()), low)
            high = torch.where(same, torch.maximum(high, depth_k[i, j].double()), high)
    slack = 0.004 * c + 0.75 * (high - low)
    seen = inside & (high >= low) & (far | ((low - slack <= c) & (c <= high + slack)))
    positions = torch.where(ahead[..., None], torch.stack([pu, pv], -1), torch.full_like(point[..., :2], -1e6))
    return positions.float(), seen


def sample(picture: torch.Tensor, ids_k: torch.Tensor, positions: torch.Tensor, seen: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """A picture looked up at positions of another frame, from pixels of the same object only.

    Catmull and Rom's cubic where all sixteen pixels around are of the object, else linear among those of the four that are.

    Args:
        picture: ``(h, w, C)`` float32.
        ids_k: ``(h, w)`` int, of the picture's frame.
        positions: ``(H, W, 2)`` float32, column and row, pixel centres at + 0.5.
        seen: ``(H, W)`` bool.
        ids: ``(H, W)`` int.

    Returns:
        ``(H, W, C)`` float32, 0 where it is not seen.
    """
    height, width = ids_k.shape
    x, y = positions[..., 0] - 0.5, positions[..., 1] - 0.5
    u0, v0 = x.floor().long(), y.floor().long()
    fu, fv = x - u0, y - v0
    smooth = (u0 >= 1) & (v0 >= 1) & (u0 + 2 < width) & (v0 + 2 < height)
    cubic = linear = torch.zeros(*ids.shape, picture.shape[2], device=picture.device)
    total = torch.zeros(*ids.shape, 1, device=picture.device)
    for dv in range(-1, 3):
        for du in range(-1, 3):
            i, j = (v0 + dv).clamp(0, height - 1), (u0 + du).clamp(0, width - 1)
            same, here = ids_k[i, j] == ids, picture[i, j]
            smooth = smooth & same
            cubic = cubic + (_cubic(fu, du) * _cubic(fv, dv))[..., None] * here
            if dv in (0, 1) and du in (0, 1):
                weight = ((fu if du else 1 - fu) * (fv if dv else 1 - fv) + 1e-6)[..., None] * same[..., None]
                linear, total = linear + weight * here, total + weight
    best = picture[y.round().long().clamp(0, height - 1), x.round().long().clamp(0, width - 1)]
    plain = torch.where(total > 0, linear / total.clamp_min(1e-9), best)
    return torch.where(smooth[..., None], cubic, plain) * seen[..., None]


def _cubic(x: torch.Tensor, place: int) -> torch.Tensor:
    weights = {
        -1: ((-0.5 * x + 1.0) * x - 0.5) * x,
        0: (1.5 * x - 2.5) * x * x + 1.0,
        1: ((-1.5 * x + 2.0) * x + 0.5) * x,
        2: (0.5 * x - 0.5) * x * x,
    }
    return weights[place]
