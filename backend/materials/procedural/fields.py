"""Periodic random fields on a grid of pixels: gradient noise, Voronoi cells, blur and bilinear lookup on the torus."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Cells:
    """A Voronoi diagram at every pixel; distances are in units of one grid cell (each axis in its own unit).

    Attributes:
        f1: ``(H, W)`` distance to the nearest point.
        f2: ``(H, W)`` distance to the second nearest.
        edge: ``(H, W)`` f2 - f1, 0 on the borders.
        border: ``(H, W)`` true distance to the border of the cell, 0 on the borders, about 0.4 in the middle.
        id: ``(H, W)`` int64, which point is nearest, from 0.
        cx: ``(H, W)`` x of that point in 0..1 of the tile, unwrapped: ``canvas.x - cx`` is the way from it.
        cy: ``(H, W)`` the same for y.
    """

    f1: Tensor
    f2: Tensor
    edge: Tensor
    border: Tensor
    id: Tensor
    cx: Tensor
    cy: Tensor


def noise(size: tuple[int, int], cells: tuple[int, int], generator: torch.Generator) -> Tensor:
    """One octave of gradient noise.

    Args:
        size: Height and width in pixels.
        cells: Lattice cells across x and down y.
        generator: Source of the gradients.

    Returns:
        ``(H, W)`` float32, about -1..1, zero mean, periodic.
    """
    (height, width), (nx, ny) = size, cells
    angle = torch.rand((ny, nx), generator=generator) * (2 * math.pi)
    gx, gy = torch.cos(angle), torch.sin(angle)
    x = (torch.arange(width) + 0.5) * (nx / width)
    y = (torch.arange(height) + 0.5) * (ny / height)
    x0, y0 = x.floor().long(), y.floor().long()
    fx, fy = x - x0, y - y0
    wx, wy = _fade(fx), _fade(fy)[:, None]

    def corner(dx: int, dy: int) -> Tensor:
        rows, columns = (y0 + dy) % ny, (x0 + dx) % nx
        a = gx.index_select(0, rows).index_select(1, columns) * (fx - dx)
        return a.add_(gy.index_select(0, rows).index_select(1, columns) * (fy - dy)[:, None])

    top = torch.lerp(corner(0, 0), corner(1, 0), wx.expand(height, width))
    low = torch.lerp(corner(0, 1), corner(1, 1), wx.expand(height, width))
    field = torch.lerp(top, low, wy.expand(height, width)).mul_(1.5)
    # Octaves that share lattice lines are steepest there together, and the border of the tile, a line of every lattice, shows.
    down, right = (int(v) for v in torch.randint(0, max(height, width), (2,), generator=generator))
    return torch.roll(field - field.mean(), (down, right), (0, 1))


def _fade(t: Tensor) -> Tensor:
    return t * t * t * (t * (t * 6 - 15) + 10)


def voronoi(
    size: tuple[int, int],
    cells: tuple[int, int],
    generator: torch.Generator,
    jitter: float = 1.0,
    metric: float = 2.0,
    points: Tensor | None = None,
    unit: tuple[float, float] = (1.0, 1.0),
    rounding: float = 0.0,
    displace: tuple[Tensor, Tensor] | None = None,
) -> Cells:
    """Nearest and second nearest of one point per lattice cell.

    Args:
        size: Height and width in pixels.
        cells: Points across x and down y.
        generator: Source of the points.
        jitter: 0 a regular grid, 1 anywhere in the cell.
        metric: Exponent of the distance: 2 Euclidean, 1 diamonds, large squares.
        points: ``(ny, nx, 2)`` x and y of each point within its cell, about 0..1, instead of random ones.
        unit: What one lattice cell counts in distances along x and y; with its size in pixels, distances are in pixels.
        rounding: Rounds the corners of ``border`` by about this distance; 0 leaves them sharp.
        displace: ``(H, W)`` x and y in lattice cells by which the diagram is bent.
    """
    (height, width), (nx, ny) = size, cells
    if points is None:
        points = 0.5 + (torch.rand((ny, nx, 2), generator=generator) - 0.5) * jitter
    x = ((torch.arange(width) + 0.5) * (nx / width)).expand(height, width)
    y = ((torch.arange(height) + 0.5) * (ny / height))[:, None].expand(height, width)
    x0, y0 = x[0].floor().long(), y[:, 0].floor().long()
    if displace is not None:
        x, y = x + displace[0], y + displace[1]
    px, py, ids = [], [], []
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            rows, columns = (y0 + dy) % ny, (x0 + dx) % nx
            near = points.index_select(0, rows).index_select(1, columns)
            px.append(near[..., 0] + (x0 + dx))
            py.append(near[..., 1] + (y0 + dy)[:, None])
            ids.append(rows[:, None] * nx + columns)
    px_all, py_all = torch.stack(px), torch.stack(py)
    ax, ay = (px_all - x) * unit[0], (py_all - y) * unit[1]
    square = ax * ax + ay * ay
    if metric == 2.0:
        distance = square.sqrt()
    else:
        distance = (ax.abs() ** metric + ay.abs() ** metric) ** (1 / metric)
    f1, nearest = distance.min(0)
    best = nearest[None]
    f2 = distance.scatter(0, best, math.inf).amin(0)
    cx, cy = px_all.gather(0, best), py_all.gather(0, best)
    apart = (((px_all - cx) * unit[0]) ** 2 + ((py_all - cy) * unit[1]) ** 2).sqrt()
    here = (((cx - x) * unit[0]) ** 2 + ((cy - y) * unit[1]) ** 2)[0]
    bisector = (square - here) / (2 * apart).clamp_min(1e-6)
    bisector = bisector.masked_fill(apart < 1e-6, math.inf)
    border = bisector.amin(0) if rounding <= 0 else -rounding * torch.logsumexp(bisector / -rounding, 0)
    return Cells(f1, f2, f2 - f1, border, torch.stack(ids).gather(0, best)[0], cx[0] / nx, cy[0] / ny)


def warp(field: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
    """Periodic bilinear lookup at ``(x + dx, y + dy)``.

    Args:
        field: ``(H, W)`` or ``(C, H, W)``.
        dx: ``(H, W)`` displacement in pixels.
        dy: The same for y.
    """
    height, width = field.shape[-2:]
    x = torch.arange(width) + dx
    y = torch.arange(height)[:, None] + dy
    x0, y0 = x.floor(), y.floor()
    fx, fy = x - x0, y - y0
    left, top = x0.long() % width, y0.long() % height
    right, low = (left + 1) % width, (top + 1) % height
    flat = field.reshape(*field.shape[:-2], height * width)

    def at(rows: Tensor, columns: Tensor) -> Tensor:
        return flat[..., (rows * width + columns).flatten()].reshape(field.shape)

    return torch.lerp(torch.lerp(at(top, left), at(top, right), fx), torch.lerp(at(low, left), at(low, right), fx), fy)
