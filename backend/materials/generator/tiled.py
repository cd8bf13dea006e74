"""Materials of any size in bounded memory: the torus is made window by window, each with a wrapped margin that is cut away."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import torch
import torch.nn.functional as F

from .networks import Generator
from .noise import STRIDE, Seeds
from .prior import COARSEST

MARGIN = 56
"""Pixels whose codes decide about a pixel, on each side: 4 convolutions at 8 px, 3 at 4, 2 at 2 and 2 at 1 make 50; whole strides."""
WINDOW = 1024
"""Side of a window in pixels: about 1 GB at work."""

WHOLE = (WINDOW + 2 * MARGIN) ** 2
"""Pixels that are made at once."""


def generate_tiled(
    generator: Generator,
    style: torch.Tensor,
    seeds: Seeds,
    report: Callable[[float], None] | None = None,
    half: bool = False,
    code: torch.Tensor | None = None,
) -> torch.Tensor:
    """Makes one material.

    Args:
        generator: In evaluation mode.
        style: ``(1, S)``, or ``(1, S, H / STRIDE, W / STRIDE)`` where it changes over the torus.
        seeds: Of one material, the whole torus.
        report: Called with the fraction done before each window; may raise to cancel.
        half: Compute in bfloat16.
        code: ``(1, CODE, H / STRIDE, W / STRIDE)`` for the whole torus, or None to make it from the noise.

    Returns:
        ``(6, H, W)`` float32, clipped to 0..1.
    """
    height, width = seeds.size
    device = next(generator.parameters()).device
    autocast = torch.autocast(device.type, torch.bfloat16) if half else contextlib.nullcontext()
    with torch.inference_mode(), autocast:
        if code is None:
            code = generator.code(style, seeds)  # a 64th of the pixels, and what is large runs through all windows
        if height * width <= WHOLE:
            if report is not None:
                report(0.0)
            return generator(style, seeds, code=code)[0].float().clamp(0, 1)
        whole = style if style.ndim == 2 else style.mean((2, 3))
        result = torch.empty(6, height, width, device=device)
        corners = [(y, x) for y in range(0, height, WINDOW) for x in range(0, width, WINDOW)]
        for number, (y, x) in enumerate(corners):
            if report is not None:
                report(number / len(corners))
            rows, columns = min(WINDOW, height - y), min(WINDOW, width - x)
            place = (y - MARGIN, x - MARGIN, rows + 2 * MARGIN, columns + 2 * MARGIN)
            window = seeds.window(*place)
            local = style if style.ndim == 2 else _cut(style, *place)
            made = generator(local, window, whole, _cut(code, *place))[0, :, MARGIN : MARGIN + rows, MARGIN : MARGIN + columns]
            result[:, y : y + rows, x : x + columns] = made.float().clamp(0, 1)
    return result


def _cut(field: torch.Tensor, top: int, left: int, height: int, width: int) -> torch.Tensor:
    """A window in pixels of a field with one cell for each stride, wrapped around the torus."""
    rows = torch.arange(top // STRIDE, (top + height) // STRIDE, device=field.device) % field.shape[2]
    columns = torch.arange(left // STRIDE, (left + width) // STRIDE, device=field.device) % field.shape[3]
    return field.index_select(2, rows).index_select(3, columns)


def canvas_of(size: tuple[int, int]) -> tuple[int, int]:
    """The smallest torus that the generator can make and that is no smaller than ``size``."""
    return -(-size[0] // COARSEST) * COARSEST, -(-size[1] // COARSEST) * COARSEST


def fit(stack: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resamples a tiling stack ``(C, H, W)`` to another size so that it still tiles (bicubic on the torus)."""
    height, width = stack.shape[1:]
    if (height, width) == size:
        return stack
    pad = 3
    padded = F.pad(stack[None], (pad,) * 4, mode="circular")
    y = (torch.arange(size[0], device=stack.device) + 0.5) * height / size[0] + pad
    x = (torch.arange(size[1], device=stack.device) + 0.5) * width / size[1] + pad
    grid = torch.stack(torch.broadcast_tensors(2 * x[None] / (width + 2 * pad) - 1, 2 * y[:, None] / (height + 2 * pad) - 1), -1)
    return F.grid_sample(padded, grid[None], mode="bicubic", align_corners=False)[0].clamp(0, 1)
