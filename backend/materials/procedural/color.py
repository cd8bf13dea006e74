"""Colours of procedural materials, mixed in OKLab, where equal steps look alike."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.color_spaces import from_oklab, to_oklab
from ..attributes import Color


def lab(color: Color | Tensor) -> Tensor:
    """OKLab of sRGB: lightness 0..1, a and b about -0.3..0.3; three numbers become ``(3, 1, 1)``, ``(3, H, W)`` stays so."""
    return to_oklab(torch.tensor(color, dtype=torch.float32)[:, None, None] if isinstance(color, tuple | list) else color)


def srgb(color: Tensor) -> Tensor:
    """Display-encoded colour of OKLab, ``(3, H, W)``, clamped to 0..1."""
    return from_oklab(color)


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
