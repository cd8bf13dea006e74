"""Where things are, taken from an exemplar: its codes in a new order.

A model that is adapted to one photograph learns to draw well within minutes, and to lay things out hardly at all: it sees 64 px at a
time, and of one picture only a few hundred stones. The patch engine has the opposite strength. So it arranges the exemplar at a quarter of
its size, where that is quick, and says for each cell from where in the exemplar it is; the codes that the inverter reads there are drawn
by the generator with fresh noise: new pixels, not copies.

Codes are mixed nowhere. Voting on codes as on pixels gave averaged codes, which the generator drew blurred.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ...patchmatch.descriptor import PATCH
from ...patchmatch.texture import Options as PatchOptions
from ...patchmatch.texture import synthesize_texture
from .layers import CODE
from .networks import Inverter
from .noise import STRIDE
from .patterns import PATTERN_CHANNELS

STEP = 4
"""Pixels from one position whose code is known to the next: half a cell, so that arrangements need not fit the cells."""
LEAST = 8 * STRIDE
"""Pixels of the smallest torus that can be arranged."""
ORIGINALITY = 0.15
"""How strongly long runs in the exemplar's order are broken."""
_PER_CELL = STRIDE // STEP
_BORDER = 2
"""Places at the picture's edge whose codes know of what is not there."""


def read_codes(inverter: Inverter, picture: torch.Tensor) -> torch.Tensor:
    """What an arrangement is made of: the codes at every position of a picture, and the picture as small.

    Args:
        inverter: Of the model.
        picture: ``(6, H, W)`` float32 in 0..1, as in ``stack.CHANNELS``, on the inverter's device.

    Returns:
        ``(CODE + 6, H // STRIDE * 2, W // STRIDE * 2)`` float32.
    """
    height, width = (side // STRIDE * STRIDE for side in picture.shape[1:])
    whole = picture[:, :height, :width]
    codes = torch.zeros(CODE, height // STEP, width // STEP, device=picture.device)
    with torch.inference_mode():
        for down in range(_PER_CELL):
            for right in range(_PER_CELL):
                part = whole[:, down * STEP :, right * STEP :]
                rows, columns = (side // STRIDE * STRIDE for side in part.shape[1:])
                blank = torch.zeros(1, PATTERN_CHANNELS, rows, columns, device=picture.device)
                found = inverter(part[None, :, :rows, :columns], blank)[0].float()
                codes[:, down::_PER_CELL, right::_PER_CELL][:, : found.shape[1], : found.shape[2]] = found
    return torch.cat([codes, F.avg_pool2d(whole[None], STEP)[0].float()])


def arrange(known: torch.Tensor, size: tuple[int, int], random: torch.Generator) -> torch.Tensor:
    """Codes for a torus of ``size`` pixels, multiples of ``STRIDE``.

    Args:
        known: As ``read_codes`` gives it.
        size: Height and width in pixels, at least ``LEAST``.
        random: On the CPU.

    Returns:
        ``(1, CODE, H / STRIDE, W / STRIDE)`` on the codes' device.
    """
    codes, small = known[:CODE], known[CODE:]
    made = synthesize_texture(
        small, (size[0] // STEP, size[1] // STEP), (True, True), PatchOptions(originality=ORIGINALITY, sketch=True), random
    )
    middle = PATCH // 2
    place = torch.roll(made.field.long(), (middle, middle), (1, 2))[:, ::_PER_CELL, ::_PER_CELL] + middle
    rows, columns = (p.clamp(_BORDER, side - 3 * _BORDER) for p, side in zip(place, codes.shape[1:], strict=True))
    return codes[:, rows, columns][None]
