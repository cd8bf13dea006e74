"""Joint layouts: where bricks, stones, boards and threads are, for the families and for an artist who picks one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor

from ....shared.errors import InputError
from ....shared.material import LAYOUTS
from . import fields


@dataclasses.dataclass(frozen=True)
class Layout:
    """A tiling layout of joints.

    Attributes:
        mask: ``(H, W)`` float32: 1 on the body, 0 in the joints, soft over about a pixel.
        cells: ``(H, W)`` int64: which brick, stone or board, from 0.
        edge: ``(H, W)`` pixels to the joint, positive on the body, negative in the joint.
        u: ``(H, W)`` pixels to the right of the cell's centre; for turned cells (herringbone, weave) along their length.
        v: ``(H, W)`` pixels below the centre; for turned cells across.
        profile: ``(H, W)`` 0..1, a height that suits the layout: rounded stones, overlapping shingles, rivets.
        rivets: ``(H, W)`` 0..1 domes of the rivets, for ``plates`` only.
    """

    mask: Tensor
    cells: Tensor
    edge: Tensor
    u: Tensor
    v: Tensor
    profile: Tensor
    rivets: Tensor | None = None


COUNTS: dict[str, tuple[int, int]] = {
    "running_bond": (6, 16),
    "stack_bond": (6, 6),
    "herringbone": (16, 16),
    "hexagons": (8, 8),
    "cobble": (11, 11),
    "pebbles": (18, 18),
    "cracked": (7, 7),
    "planks": (6, 2),
    "shingles": (8, 10),
    "weave": (24, 24),
    "plates": (3, 3),
}
"""Repeats across and down in 256 px at factor 1."""


def make_layout(
    kind: str,
    size: tuple[int, int],
    factor: float,
    irregularity: float,
    generator: torch.Generator,
    counts: tuple[float, float] | None = None,
    joint: float | None = None,
) -> Layout:
    """Draws a layout.

    Args:
        kind: A name in ``LAYOUTS`` other than ``none``.
        size: Height and width in pixels.
        factor: Size of the features against the reference, see ``feature_factor``.
        irregularity: 0 machine-made, 1 wild.
        generator: Source of all random numbers.
        counts: Repeats across and down in 256 px at factor 1, instead of those in ``COUNTS``.
        joint: Width of the joints in pixels at factor 1 and 256 px, instead of the layout's own.

    Returns:
        The layout; it tiles.
    """
    if kind not in COUNTS:
        raise InputError(expected=f"a layout: {', '.join(name for name in LAYOUTS if name != 'none')}", got=repr(kind))
    across, down = counts or COUNTS[kind]
    nx = max(round(across * size[1] / 256 / factor), 1)
    ny = max(round(down * size[0] / 256 / factor), 1)
    widths = {"running_bond": 2.6, "stack_bond": 2.4, "herringbone": 1.8, "hexagons": 2.2, "cobble": 3.4, "pebbles": 2.0, "cracked": 3.0}
    width = (widths.get(kind, 1.6) if joint is None else joint) * max(factor, 0.4) ** 0.6
    return _KINDS[kind](size, (nx, ny), width, irregularity, generator)


_Kind = Callable[[tuple[int, int], tuple[int, int], float, float, torch.Generator], Layout]


def _grid(size: tuple[int, int], bend: float, coarse: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pixel coordinates bent by noise of an amplitude in pixels."""
    height, width = size
    x = (torch.arange(width) + 0.5).expand(height, width)
    y = (torch.arange(height) + 0.5)[:, None].expand(height, width)
    dx, dy = (torch.zeros(size), torch.zeros(size))
    for octave, gain in ((1, 1.0), (3, 0.35)):
        cells = (max(min(coarse * octave, width // 2), 1), max(min(coarse * octave, height // 2), 1))
        dx = dx + fields.noise(size, cells, generator) * gain
        dy = dy + fields.noise(size, cells, generator) * gain
    return x + dx * bend, y + dy * bend


def _soft(edge: Tensor) -> Tensor:
    return (edge + 0.5).clamp(0, 1)


def _rounded(dx: Tensor, dy: Tensor, half_x: Tensor | float, half_y: Tensor | float, corner: Tensor | float) -> Tensor:
    """Distance inside a rectangle with rounded corners, negative outside."""
    qx, qy = dx.abs() - half_x + corner, dy.abs() - half_y + corner
    outside = (qx.clamp_min(0) ** 2 + qy.clamp_min(0) ** 2).sqrt()
    return corner - outside - torch.maximum(qx, qy).clamp_max(0)


def _bevel(edge: Tensor, width: float) -> Tensor:
    t = (edge / width).clamp(0, 1)
    return (1 - (1 - t) ** 2).clamp_min(0).sqrt()


def _table(count: int, generator: torch.Generator, amount: float) -> Tensor:
    return (torch.rand(count, generator=generator) * 2 - 1) * amount


def _boxes(
    size: tuple[int, int],
    counts: tuple[int, int],
    joint: float,
    irregularity: float,
    generator: torch.Generator,
    offset: Tensor,
    corner: float,
    bend: float,
    play: float,
    stagger_columns: bool = False,
) -> tuple[Layout, Tensor, Tensor]:
    """Rows (or columns) of rectangles; each row is moved by its ``offset`` in cells. Gives the layout and the half sizes.

    Parameters: the tile's, and the shape of a box that each layout sets.
    """
    height, width = size
    nx, ny = counts
    w, h = width / nx, height / ny
    x, y = _grid(size, bend * irregularity, max(nx // 2, 2), generator)
    if stagger_columns:
        column = (x / w).floor()
        fy = y / h - offset[column.long() % nx]
        row = fy.floor()
        i, j, dx, dy = column.long() % nx, row.long() % ny, x - (column + 0.5) * w, (fy - row - 0.5) * h
    else:
        row = (y / h).floor()
        fx = x / w - offset[row.long() % ny]
        column = fx.floor()
        i, j, dx, dy = column.long() % nx, row.long() % ny, (fx - column - 0.5) * w, y - (row + 0.5) * h
    cells = j * nx + i
    give = min(w, h) * play * irregularity
    mx, my = _table(nx * ny, generator, give)[cells], _table(nx * ny, generator, give)[cells]
    sx, sy = _table(nx * ny, generator, give).abs()[cells], _table(nx * ny, generator, give).abs()[cells]
    turn = _table(nx * ny, generator, 0.035 * irregularity)[cells]
    dx, dy = dx - mx * 0.5 + turn * dy, dy - my * 0.5 - turn * dx
    half_x, half_y = w / 2 - joint / 2 - sx * 0.6, h / 2 - joint / 2 - sy * 0.6
    round_by = corner * (0.5 + irregularity) * (1 + _table(nx * ny, generator, 0.5)[cells])
    edge = _rounded(dx, dy, half_x, half_y, torch.minimum(round_by, torch.minimum(half_x, half_y).clamp_min(0.1)))
    profile = _bevel(edge, 1.5 + 3 * irregularity)
    return Layout(_soft(edge), cells, edge, dx, dy, profile), half_x, half_y


def _running_bond(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    nx, ny = counts[0], max(2, counts[1] + counts[1] % 2)
    offset = (torch.arange(ny) % 2) * 0.5 + _table(ny, generator, 0.12 * irregularity)
    return _boxes(size, (nx, ny), joint, irregularity, generator, offset, 1.6, 1.6, 0.10)[0]


def _stack_bond(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    return _boxes(size, counts, joint, irregularity, generator, torch.zeros(counts[1]), 1.2, 1.2, 0.04)[0]


def _planks(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    offset = torch.rand(counts[0], generator=generator)
    return _boxes(size, counts, joint, irregularity, generator, offset, 0.8, 1.2, 0.03, stagger_columns=True)[0]


def _plates(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    offset = (torch.arange(counts[1]) % 2) * 0.5 if counts[1] % 2 == 0 else torch.zeros(counts[1])
    layout, half_x, half_y = _boxes(size, counts, joint, irregularity * 0.4, generator, offset, 1.5, 0.5, 0.02)
    w, h = size[1] / counts[0], size[0] / counts[1]
    inset, radius = min(w, h) * 0.085, min(w, h) * 0.033 + 0.4
    pitch_x, pitch_y = (w - 2 * inset) / max(round(w / 20), 2), (h - 2 * inset) / max(round(h / 20), 2)

    def domes(along: Tensor, across: Tensor, pitch: float, half: Tensor, half_across: Tensor, reach: float) -> Tensor:
        t = along / pitch + reach / pitch
        near = (t - t.round()) * pitch
        d = (near**2 + (across.abs() - (half_across - inset)) ** 2).sqrt() / radius
        inside = (along.abs() < half - inset + radius).float()
        return (1 - d * d).clamp_min(0).sqrt() * inside

    top = domes(layout.u, layout.v, pitch_x, half_x, half_y, w / 2 - inset)
    side = domes(layout.v, layout.u, pitch_y, half_y, half_x, h / 2 - inset)
    rivets = torch.maximum(top, side)
    return dataclasses.replace(layout, rivets=rivets, profile=(layout.profile * 0.6 + rivets * 0.4).clamp(0, 1))


def _herringbone(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    nx, ny = (max(4, 4 * round(c / 4)) for c in counts)
    w, h = size[1] / nx, size[0] / ny
    x, y = _grid(size, 1.2 * irregularity, max(nx // 4, 2), generator)
    i, j = (x / w).floor(), (y / h).floor()
    k = (i - j).long() % 4
    lying = k < 2
    ci = torch.where(k == 1, i - 1, i)
    cj = torch.where(k == 2, j - 1, j)
    dx = x - (ci + torch.where(lying, 1.0, 0.5)) * w
    dy = y - (cj + torch.where(lying, 0.5, 1.0)) * h
    cells = (cj.long() % ny) * nx + ci.long() % nx
    give = min(w, h) * 0.07 * irregularity
    dx, dy = dx + _table(nx * ny, generator, give)[cells] * 0.5, dy + _table(nx * ny, generator, give)[cells] * 0.5
    shrink = joint / 2 + _table(nx * ny, generator, give).abs()[cells] * 0.5
    half_x, half_y = torch.where(lying, w, w / 2) - shrink, torch.where(lying, h / 2, h) - shrink
    edge = _rounded(dx, dy, half_x, half_y, 0.6 + 2.2 * irregularity)
    u, v = torch.where(lying, dx, dy), torch.where(lying, dy, dx)
    return Layout(_soft(edge), cells, edge, u, v, _bevel(edge, 2 + 3 * irregularity))


def _polygons(
    size: tuple[int, int],
    counts: tuple[int, int],
    joint: float,
    generator: torch.Generator,
    jitter: float,
    shift: float,
    rounding: float,
    bend: float,
    fine: float,
    dome: float,
) -> Layout:
    """Voronoi cells with joints, from honeycomb (no jitter, ``shift`` 0.5) to cracked mud.

    Parameters: the tile's, and the shape of a cell that each layout sets.
    """
    nx, ny = counts
    w, h = size[1] / nx, size[0] / ny
    points = 0.5 + (torch.rand((ny, nx, 2), generator=generator) - 0.5) * jitter
    points[..., 0] += ((torch.arange(ny) % 2) - 0.5)[:, None] * shift
    bx, by = _grid(size, bend, max(nx // 2, 2), generator)
    fx, fy = _grid(size, fine, max(nx * 3, 4), generator)
    x = (torch.arange(size[1]) + 0.5).expand(size)
    y = (torch.arange(size[0]) + 0.5)[:, None].expand(size)
    displace = ((bx + fx - 2 * x) / w, (by + fy - 2 * y) / h)
    cells = fields.voronoi(size, counts, generator, points=points, unit=(w, h), rounding=rounding, displace=displace)
    edge = cells.border - joint / 2 + min(rounding, 0.25 * min(w, h))
    u = (x / size[1] - cells.cx) * size[1] + displace[0] * w
    v = (y / size[0] - cells.cy) * size[0] + displace[1] * h
    return Layout(_soft(edge), cells.id, edge, u, v, _bevel(edge, dome * min(w, h)))


def _hexagons(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    ny = max(2, 2 * round(counts[1] / math.sqrt(0.75) / 2))
    return _polygons(
        size, (counts[0], ny), joint, generator, 0.35 * irregularity**1.5, 0.5, 0.0, 1.2 * irregularity, 0.3 * irregularity, 0.12
    )


def _cobble(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    counts = (counts[0], max(2, counts[1] + counts[1] % 2))
    unit = min(size[1] / counts[0], size[0] / counts[1])
    jitter, bend = 0.22 + 0.62 * irregularity, 0.4 + 2.2 * irregularity
    return _polygons(size, counts, joint, generator, jitter, 0.5, 0.075 * unit, bend, 0.5 + irregularity, 0.42)


def _pebbles(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    unit = min(size[1] / counts[0], size[0] / counts[1])
    return _polygons(size, counts, joint, generator, 0.7 + 0.3 * irregularity, 0.2, 0.09 * unit, 1 + irregularity, 0.4, 0.45)


def _cracked(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    return _polygons(size, counts, joint, generator, 0.55 + 0.5 * irregularity, 0.35, 0.8, 1.5 + 3 * irregularity, 0.8 + irregularity, 0.16)


def _shingles(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    nx, ny = counts[0], max(2, counts[1] + counts[1] % 2)
    w, h = size[1] / nx, size[0] / ny
    x, y = _grid(size, 1.5 * irregularity, max(nx // 2, 2), generator)
    shift = (torch.arange(ny) % 2) * 0.5 + _table(ny, generator, 0.10 * irregularity)
    drop = _table(nx * ny, generator, 0.16 * irregularity * h)
    narrow = _table(nx * ny, generator, 0.05 * irregularity * w).abs()
    bow = (0.38 if torch.rand((), generator=generator) < 0.7 else 0.1) * w
    best: tuple[Tensor, ...] | None = None
    row = (y / h).floor()
    for step in (0, -1):  # the row above hangs over this one, so it goes last
        r = row + step
        j = r.long() % ny
        fx = x / w - shift[j]
        column = fx.floor()
        cells = j * nx + column.long() % nx
        u = (fx - column - 0.5) * w
        low = (r + 1.25) * h + drop[cells]  # where the rounded end is lowest
        v = y - low + h  # 0 at the top of what shows, h at the end
        half = w / 2 - joint / 2 - narrow[cells]
        edge = torch.minimum(_rounded(u, v - h + 40 * h, half, 40 * h, bow), half - u.abs())
        parts = (edge, cells, u, v)
        if best is None:
            best = parts
        else:
            above = edge > -0.35 * joint
            best = tuple(torch.where(above, new, old) for new, old in zip(parts, best, strict=True))
    assert best is not None
    edge, cells, u, v = best
    slope = (v / h * 0.5 + 0.35).clamp(0, 1)
    profile = slope * (0.25 + 0.75 * _bevel(edge, 2.0))
    return Layout(_soft(edge), cells, edge, u, v - h / 2, profile)


def _weave(size: tuple[int, int], counts: tuple[int, int], joint: float, irregularity: float, generator: torch.Generator) -> Layout:
    nx, ny = (max(2, c + c % 2) for c in counts)
    w, h = size[1] / nx, size[0] / ny
    x, y = _grid(size, 0.3 + 1.2 * irregularity, max(nx // 3, 2), generator)
    i, j = (x / w).floor(), (y / h).floor()
    dx, dy = x - (i + 0.5) * w, y - (j + 0.5) * h
    ci, cj = i.long() % nx, j.long() % ny
    thick_x = (1 - _table(nx, generator, 0.25 * irregularity).abs())[ci]
    thick_y = (1 - _table(ny, generator, 0.25 * irregularity).abs())[cj]
    edge_x, edge_y = (w / 2 - joint * 0.35) * thick_x - dx.abs(), (h / 2 - joint * 0.35) * thick_y - dy.abs()
    wave = torch.sin(math.pi * x / w) * torch.sin(math.pi * y / h)  # its sign is a chessboard
    up = _bevel(edge_x, w / 2) * 0.5 + 0.5 * wave - (edge_x < 0) * 2.0
    across = _bevel(edge_y, h / 2) * 0.5 - 0.5 * wave - (edge_y < 0) * 2.0
    standing = up > across
    edge = torch.where(standing, edge_x, edge_y)
    top = torch.maximum(up, across)
    hole = (edge_x < 0) & (edge_y < 0)
    edge = torch.where(hole, torch.maximum(edge_x, edge_y), edge)
    profile = torch.where(hole, 0.0, (top * 0.5 + 0.5).clamp(0, 1))
    cells = torch.where(standing, ci, nx + cj)
    u, v = torch.where(standing, dy, dx), torch.where(standing, dx, dy)
    return Layout(_soft(edge), cells, edge, u, v, profile)


_KINDS: dict[str, _Kind] = {
    "running_bond": _running_bond,
    "stack_bond": _stack_bond,
    "herringbone": _herringbone,
    "hexagons": _hexagons,
    "cobble": _cobble,
    "pebbles": _pebbles,
    "cracked": _cracked,
    "planks": _planks,
    "shingles": _shingles,
    "weave": _weave,
    "plates": _plates,
}
