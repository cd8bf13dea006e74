"""Before maps are estimated: even light, a straight view, and a photograph that tiles."""

from __future__ import annotations

import torch
from kornia.geometry.transform import get_perspective_transform
from torch import Tensor
from torch.nn import functional as F

from ....shared.errors import InputError
from ...core.color import to_linear
from .shading import encode_srgb

_WORKING_SIDE = 64
"""Side to which a photograph is averaged before slow changes of light are sought."""

_DEGREE = 4
"""Of the polynomial that stands for the light: a gradient, a vignette, a window's falloff, and nothing as fine as the material."""


def flatten_light(photo: Tensor, amount: float = 1.0, tile: bool = False) -> Tensor:
    """Divides out slow changes of brightness, such as a gradient or a vignette; the mean colour stays.

    Args:
        photo: ``(3, H, W)`` sRGB 0..1.
        amount: 0 nothing to 1 all of it.
        tile: Whether the photograph wraps round; then only what wraps round too is divided out.

    Returns:
        The same shape and range.
    """
    if amount <= 0:
        return photo
    linear = to_linear(photo)
    gray = torch.log(linear.mean(0) + 0.01)
    small = F.adaptive_avg_pool2d(gray[None], tuple(min(_WORKING_SIDE, n) for n in gray.shape))[0]  # type: ignore[arg-type]
    light = _evaluate(_fit(small, tile), gray.shape[0], gray.shape[1], tile, gray)
    even = linear * torch.exp(amount * (light.mean() - light))
    even = even * (linear.mean((1, 2)) / even.mean((1, 2)).clamp_min(1e-6))[:, None, None]
    return encode_srgb(even)


def rectify(photo: Tensor, corners: Tensor, size: tuple[int, int]) -> Tensor:
    """Looks straight at a rectangle that was photographed at an angle.

    Args:
        photo: ``(3, H, W)``.
        corners: ``(4, 2)`` x and y in pixels of the rectangle's top left, top right, bottom right and bottom left corner.
        size: Height and width of the result.

    Returns:
        ``(3, *size)``.

    Raises:
        InputError: The corners do not go round a convex shape.
    """
    turns = [
        float(torch.linalg.det(torch.stack([corners[(i + 1) % 4] - corners[i], corners[(i + 2) % 4] - corners[(i + 1) % 4]]).double()))
        for i in range(4)
    ]
    if min(turns) < 1.0:
        raise InputError(
            expected="four corners round a convex shape: top left, top right, bottom right, bottom left",
            got="others: " + " ".join(f"{x:g},{y:g}" for x, y in corners.tolist()),
            fix="Give them in that order",
        )
    height, width = size
    flat = torch.tensor([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]], dtype=torch.float64)
    # Kornia's warp_perspective counts pixel centres at whole numbers and works in float32; ours are at +0.5.
    matrix = get_perspective_transform(flat[None], corners[None].double())[0]
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    there = torch.stack([x, y, torch.ones_like(x)], -1).double() @ matrix.T
    pixel = (there[..., :2] / there[..., 2:]).float()
    grid = pixel / torch.tensor([photo.shape[2], photo.shape[1]]) * 2 - 1
    return F.grid_sample(photo[None].float(), grid[None], "bilinear", "border", align_corners=False)[0]


def make_tileable(photo: Tensor, share: float = 0.15) -> Tensor:
    """Overlaps opposite borders and joins them along the line where they differ least (Efros and Freeman, 2001).

    Args:
        photo: ``(C, H, W)``.
        share: Width of the overlap as a part of each side, which is how much smaller the result becomes.

    Returns:
        ``(C, h, w)`` that tiles.
    """
    # Across first: the second cut runs along the axis that wraps already, so it must close on itself.
    across = _join(photo, max(2, round(photo.shape[2] * share)), closed=False)
    return _join(across.transpose(1, 2), max(2, round(photo.shape[1] * share)), closed=True).transpose(1, 2)


def wraps(photo: Tensor) -> bool:
    """Whether a photograph ``(C, H, W)`` tiles: its wrap lines are no rougher than lines within.

    A joint may lie just there: then the lines next to it are rough too, while at the border of a photograph they are like any other.
    """
    for axis in (1, 2):
        lines = (photo - photo.roll(1, axis)).abs().mean((0, 3 - axis))
        within, usual = lines[1:], float(lines[1:].median())
        alone = float(torch.maximum(lines[1], lines[-1])) < 1.2 * usual
        if float(lines[0]) > 1.05 * float(within.max()) or (alone and float(lines[0]) > max(1.2 * usual, float(within.quantile(0.95)))):
            return False
    return True


def _fit(small: Tensor, tile: bool) -> Tensor:
    rows, columns = small.shape
    basis = _basis(rows, columns, tile, small)
    return torch.linalg.lstsq(basis.reshape(len(basis), -1).T.double(), small.reshape(-1, 1).double()).solution[:, 0].float()


def _evaluate(weights: Tensor, rows: int, columns: int, tile: bool, like: Tensor) -> Tensor:
    return torch.einsum("n,nyx->yx", weights, _basis(rows, columns, tile, like))


def _basis(rows: int, columns: int, tile: bool, like: Tensor) -> Tensor:
    """Smooth functions ``(N, rows, columns)``: products of powers, or single waves on the torus."""
    y, x = ((torch.arange(n, device=like.device) + 0.5) / n * 2 - 1 for n in (rows, columns))
    if tile:
        wave = [(torch.ones_like(t), torch.cos(torch.pi * t), torch.sin(torch.pi * t)) for t in (y, x)]
        return torch.stack([a[:, None] * b[None] for a in wave[0] for b in wave[1]])
    return torch.stack([y[:, None] ** i * x[None] ** j for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)])


def _join(photo: Tensor, band: int, closed: bool) -> Tensor:
    """Left and right border overlapped by ``band`` and joined along a cut from top to bottom."""
    width = photo.shape[2] - band
    left, right = photo[:, :, :band], photo[:, :, width:]
    path = _cut((left - right).square().sum(0).double(), closed)
    offset = torch.arange(band, device=photo.device)[None] - path[:, None]
    keep = ((offset + 2.0) / 4).clamp(0, 1)  # softened over four pixels
    return torch.cat([right * (1 - keep) + left * keep, photo[:, :, band:width]], 2)


def _cut(cost: Tensor, closed: bool) -> Tensor:
    """The cheapest path down through ``(rows, columns)``, moving at most one column a row: ``(rows,)`` columns."""
    if closed:  # once freely to see where it likes to cross the wrap line, then held there at both ends
        free = _cut(torch.cat([cost, cost]), closed=False)
        start = int(free[len(cost)])
        cost = cost.clone()
        held = torch.full_like(cost[0], torch.inf)
        held[max(0, start - 1) : start + 2] = 0
        cost[0] += held
        cost[-1] += held
    total, came = [cost[0]], []
    for row in cost[1:]:
        padded = F.pad(total[-1], (1, 1), value=torch.inf)
        best, choice = torch.stack([padded[:-2], padded[1:-1], padded[2:]]).min(0)
        total.append(row + best)
        came.append(choice - 1)
    column = int(total[-1].argmin())
    path = [column]
    for choice in reversed(came):
        column += int(choice[column])
        path.append(column)
    return torch.tensor(path[::-1], device=cost.device)
