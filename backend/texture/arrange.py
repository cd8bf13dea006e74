"""Where things are, taken from an exemplar: its codes in a new order.

A model that is adapted to one photograph learns to draw well within minutes, and to lay things out hardly at all: it sees 64 px at a
time, and of one picture only a few hundred stones. The patch engine has the opposite strength. So it works on the codes that the inverter
reads out of the exemplar, one for each 8 x 8 pixels, and the generator draws what they say with fresh noise: new pixels, not copies.
"""

from __future__ import annotations

import torch

from ..synthesis.texture import Options as PatchOptions
from ..synthesis.texture import synthesize_texture
from .networks import Inverter
from .patterns import PATTERN_CHANNELS
from .seeds import STRIDE

BORDER = 2
"""Cells at the picture's edge whose codes know of what is not there."""
LEAST = 7 * STRIDE
"""Pixels of the smallest torus: one patch of codes."""
ORIGINALITY = 0.3
"""How strongly long runs of codes in the exemplar's order are broken."""


def read_codes(inverter: Inverter, picture: torch.Tensor) -> torch.Tensor:
    """The codes of a picture.

    Args:
        inverter: Of the model.
        picture: ``(6, H, W)`` float32 in 0..1, as in ``stack.CHANNELS``, on the inverter's device.

    Returns:
        ``(CODE, H // STRIDE - 2 * BORDER, W // STRIDE - 2 * BORDER)`` float32.
    """
    height, width = (side // STRIDE * STRIDE for side in picture.shape[1:])
    whole = picture[None, :, :height, :width]
    with torch.inference_mode():
        code = inverter(whole, torch.zeros(1, PATTERN_CHANNELS, height, width, device=picture.device))[0]
    return code[:, BORDER:-BORDER, BORDER:-BORDER].float().clone()


def arrange(codes: torch.Tensor, size: tuple[int, int], random: torch.Generator) -> torch.Tensor:
    """Codes for a torus of ``size`` pixels, multiples of ``STRIDE``.

    Args:
        codes: As ``read_codes`` gives them, at least 16 cells a side.
        size: Height and width in pixels, at least ``LEAST``.
        random: On the CPU.

    Returns:
        ``(1, CODE, H / STRIDE, W / STRIDE)`` on the codes' device.
    """
    cells = (size[0] // STRIDE, size[1] // STRIDE)
    return synthesize_texture(codes, cells, (True, True), PatchOptions(originality=ORIGINALITY), random).pixels[None].to(codes)
