"""Normal and ambient occlusion from height, and height back from normals.

Depth is a ratio: how many pixels deep the full range of a height map is (metres of depth / metres per pixel). A slope of 1 is 45 degrees.
Normals follow the OpenGL convention: red to the right, green up, blue towards the viewer, each mapped from -1..1 to 0..1.
On a tileable map every lookup wraps round, so what is derived tiles as exactly as the height does.
"""

from __future__ import annotations

import math

import torch

from ...shared.errors import InputError

_DIRECTIONS = 8
"""Azimuths in which the horizon is sought."""

_LEAST_NORMAL_Z = 0.05
"""Normals that lie flatter than 87 degrees are held there: a height field has no overhangs."""


def normal_from_height(height: torch.Tensor, depth_px: float, tile: bool = True) -> torch.Tensor:
    """Tangent-space normals by central differences.

    Args:
        height: ``(..., H, W)`` float, 0..1.
        depth_px: Depth of the full range in pixels.
        tile: Whether the map wraps round; else slopes at its border are one-sided.

    Returns:
        ``(..., 3, H, W)``, 0..1, OpenGL convention.
    """
    dx, dy = slopes(height * depth_px, tile)
    return encode_normal(dx, dy)


def slopes(height_px: torch.Tensor, tile: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Central differences of a height in pixels ``(..., H, W)``: slope to the right and slope downwards, same shape."""
    padded = extend(height_px, 1, tile)
    dx = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    dy = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    if not tile:  # there the neighbour beyond the border is the pixel itself
        dx[..., :: max(1, dx.shape[-1] - 1)] *= 2
        dy[..., :: max(1, dy.shape[-2] - 1), :] *= 2
    return dx, dy


def encode_normal(dx: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
    """Slopes to the right and downwards ``(..., H, W)`` as normals ``(..., 3, H, W)`` in 0..1."""
    z = torch.rsqrt(dx * dx + dy * dy + 1)
    return torch.stack([-dx * z, dy * z, z], -3) * 0.5 + 0.5


def decode_normal(normal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The inverse of ``encode_normal``; vectors need not have unit length."""
    x, y, z = (normal * 2 - 1).unbind(-3)
    z = torch.maximum(z, _LEAST_NORMAL_Z * torch.sqrt(x * x + y * y + z * z).clamp_min(1e-6))
    return -x / z, y / z


def directx(normal: torch.Tensor) -> torch.Tensor:
    """The same normals with green down, as some engines want them, and back again."""
    x, y, z = normal.unbind(-3)
    return torch.stack([x, 1 - y, z], -3)


def ambient_occlusion(height: torch.Tensor, depth_px: float, radius: float = 24.0, tile: bool = True) -> torch.Tensor:
    """Cosine-weighted share of the sky that each point sees.

    The horizon is sought in eight directions at distances that grow geometrically up to the radius (Bavoil, Sainz and Dimitrov,
    "Image-space horizon-based ambient occlusion", 2008); the integral above it is exact for the point's own normal, so a tilted
    plane has no occlusion. Higher points count less towards the radius, which hides its edge.

    Args:
        height: ``(..., H, W)`` float, 0..1.
        depth_px: Depth of the full range in pixels.
        radius: How far occluders reach, in pixels, at least 1.
        tile: Whether the map wraps round; else its border is continued.

    Returns:
        ``(..., H, W)``, 0..1; 1 where the whole sky above the surface is seen.
    """
    relief = height * depth_px
    dx, dy = slopes(relief, tile)
    steps = distances(radius)
    reach = math.ceil(steps[-1])
    padded = extend(relief, reach, tile)
    rows, columns = height.shape[-2:]
    normal_z = torch.rsqrt(dx * dx + dy * dy + 1)
    seen = torch.zeros_like(relief)
    for number in range(_DIRECTIONS):
        angle = 2 * math.pi * number / _DIRECTIONS  # along axes and diagonals whole pixels lie exactly on the line
        x, y = math.cos(angle), math.sin(angle)
        tangent = dx * x + dy * y
        horizon = tangent
        for distance in steps:
            ox, oy = round(x * distance), round(y * distance)
            length = math.hypot(ox, oy)
            there = padded[..., reach + oy : reach + oy + rows, reach + ox : reach + ox + columns]
            fade = 1 - (distance / (radius + 1)) ** 2
            horizon = torch.maximum(horizon, torch.lerp(tangent, (there - relief) / length, fade))
        # Integral of (normal . w) over the directions w from the horizon to the zenith in this sector.
        square = 1 / (1 + horizon * horizon)
        seen += tangent * (torch.atan(horizon) / 2 + horizon * square / 2 - math.pi / 4) + square / 2
    return (seen * normal_z * (2 / _DIRECTIONS)).clamp(0, 1)


def height_from_normal(normal: torch.Tensor, tile: bool = True) -> torch.Tensor:
    """The height whose slopes fit the normals best in the least squares sense (Frankot and Chellappa, 1988).

    Args:
        normal: ``(..., 3, H, W)``, 0..1, OpenGL convention.
        tile: Whether the map wraps round; else it is continued by its mirror image.

    Returns:
        ``(..., H, W)`` in pixels, mean 0. ``unit_height`` brings it to 0..1.
    """
    dx, dy = decode_normal(normal)
    return integrate(dx, dy, tile)


def integrate(dx: torch.Tensor, dy: torch.Tensor, tile: bool = True) -> torch.Tensor:
    """The height in pixels, mean 0, whose slopes to the right and downwards are nearest to ``dx`` and ``dy``, all ``(..., H, W)``."""
    rows, columns = dx.shape[-2:]
    if not tile:  # the mirror image of a height has the opposite slope across the mirror
        dx, dy = torch.cat([dx, -dx.flip(-1)], -1), torch.cat([dy, dy.flip(-1)], -1)
        dx, dy = torch.cat([dx, dx.flip(-2)], -2), torch.cat([dy, -dy.flip(-2)], -2)
    height, width = dx.shape[-2:]
    fx, fy = _difference(width, dx)[: width // 2 + 1], _difference(height, dx)[:, None]
    power = fx * fx + fy * fy
    power = torch.where(power < 1e-9, torch.inf, power)  # constant: no slope tells it
    spectrum = -1j * (fx * torch.fft.rfft2(dx) + fy * torch.fft.rfft2(dy)) / power
    return torch.fft.irfft2(spectrum, s=(height, width))[..., :rows, :columns]


def unit_height(height_px: torch.Tensor, depth_px: float | None = None) -> tuple[torch.Tensor, float]:
    """Heights in pixels ``(..., H, W)`` as 0..1 and the depth in pixels that 0..1 stands for.

    Args:
        height_px: Any range.
        depth_px: A given depth: the middle becomes 0.5 and what is beyond is cut off. None uses the whole range.
    """
    low, high = float(height_px.min()), float(height_px.max())
    depth = max(high - low, 1e-6) if depth_px is None else depth_px
    if not depth > 0:
        raise InputError(expected="a depth above 0 pixels", got=f"{depth:g}")
    return ((height_px - (low + high) / 2) / depth + 0.5).clamp(0, 1), depth


def distances(radius: float) -> list[float]:
    """Distances in pixels from 1 to the radius, each at most 1.2 times the one before."""
    if not radius >= 1:
        raise InputError(expected="a radius of at least 1 pixel", got=f"{radius:g}")
    count = max(1, math.ceil(math.log(radius) / math.log(1.2)))
    return [radius ** (i / count) for i in range(count + 1)] if radius > 1 else [1.0]


def extend(field: torch.Tensor, border: int, tile: bool) -> torch.Tensor:
    """A border on all four sides, wrapped round or continued; it may be wider than the field."""
    rows, columns = (torch.arange(-border, side + border, device=field.device) for side in field.shape[-2:])
    if tile:
        rows, columns = rows % field.shape[-2], columns % field.shape[-1]
    else:
        rows, columns = rows.clamp(0, field.shape[-2] - 1), columns.clamp(0, field.shape[-1] - 1)
    return field.index_select(-2, rows).index_select(-1, columns)


def _difference(count: int, like: torch.Tensor) -> torch.Tensor:
    """Imaginary part of the transfer function of a central difference, ``(count,)``.

    Beyond a quarter of the sampling rate it is held at its peak: there it falls to 0, and its inverse would magnify noise.
    """
    omega = 2 * math.pi * torch.fft.fftfreq(count, device=like.device, dtype=like.dtype)
    return torch.where(omega.abs() <= math.pi / 2, torch.sin(omega), torch.sign(omega))
