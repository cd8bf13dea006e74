"""Colours of procedural materials, mixed in OKLab, where equal steps look alike."""

from __future__ import annotations

import torch
from torch import Tensor

from ..attributes import Color

_TO_LMS = torch.tensor(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]]
)
_TO_LAB = torch.tensor(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]]
)
_FROM_LAB = torch.linalg.inv(_TO_LAB)
_FROM_LMS = torch.linalg.inv(_TO_LMS)


def lab(color: Color | Tensor) -> Tensor:
    """OKLab of sRGB: lightness 0..1, a and b about -0.3..0.3; three numbers become ``(3, 1, 1)``, ``(3, H, W)`` stays so."""
    rgb = torch.tensor(color, dtype=torch.float32)[:, None, None] if isinstance(color, tuple | list) else color
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp_min(0) + 0.055) / 1.055) ** 2.4)
    lms = torch.einsum("ij,jhw->ihw", _TO_LMS, linear).clamp_min(1e-9)
    return torch.einsum("ij,jhw->ihw", _TO_LAB, lms ** (1 / 3))


def srgb(color: Tensor) -> Tensor:
    """Display-encoded colour of OKLab, ``(3, H, W)``, clamped to 0..1."""
    lms = torch.einsum("ij,jhw->ihw", _FROM_LAB, color)
    linear = torch.einsum("ij,jhw->ihw", _FROM_LMS, lms * lms * lms).clamp(0, 1)
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(1e-9) ** (1 / 2.4) - 0.055)


def shade(lightness: Tensor | float, a: Tensor | float = 0.0, b: Tensor | float = 0.0) -> Tensor:
    """An offset in OKLab, ``(3, H, W)``, of fields ``(H, W)`` or numbers: lighter, redder (+a) or greener, yellower (+b) or bluer."""
    parts = torch.broadcast_tensors(*(torch.as_tensor(p, dtype=torch.float32) for p in (lightness, a, b)))
    return torch.stack(list(parts))


def ramp(colors: list[Color], t: Tensor) -> Tensor:
    """Colours along ``t`` in 0..1, ``(H, W)``, mixed in OKLab: ``(3, H, W)`` OKLab. ``colors`` are sRGB at equal steps."""
    stops = torch.cat([lab(c)[:, :, 0] for c in colors], 1)
    position = t.clamp(0, 1) * (len(colors) - 1)
    low = position.floor().long().clamp_max(len(colors) - 2)
    return torch.lerp(stops[:, low], stops[:, low + 1], (position - low)[None])


def vary(color: Color, generator: torch.Generator, lightness: float = 0.06, chroma: float = 0.015) -> Color:
    """``color`` moved at random in OKLab, so that samples around a palette's colour are not all the same; stays in 0..1."""
    step = (torch.rand(3, generator=generator) * 2 - 1) * torch.tensor([lightness, chroma, chroma])
    r, g, b = (float(x) for x in srgb(lab(color) + step[:, None, None]).flatten())
    return (r, g, b)
