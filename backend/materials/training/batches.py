"""Training batches: two crops of each material, augmented, with the attributes changed along."""

from __future__ import annotations

import dataclasses

import torch

from ..attributes import COLORS, FAMILY_NAMES
from ..data.dataset import Dataset
from ..generator.patterns import PATTERN_CHANNELS, encode
from ..stack import BASE_COLOR, HEIGHT

UPRIGHT = ("shingles",)
"""Families that must not stand on their heads: one row overlaps the next below."""
DIRECTED = (*UPRIGHT, "brick", "planks", "wood", "bark", "brushed_metal")
"""Families that lie along an axis: never turned by a quarter."""
_UPRIGHT, _DIRECTED = ([FAMILY_NAMES.index(name) for name in names] for names in (UPRIGHT, DIRECTED))


@dataclasses.dataclass(frozen=True)
class Batch:
    """What one step sees.

    Attributes:
        stack: ``(B, 6, canvas, canvas)`` float32, 0..1; only its middle enters the losses.
        pattern: ``(B, PATTERN_CHANNELS, canvas, canvas)`` for the whole canvas.
        photo: ``(B, 3, crop, crop)`` sRGB 0..1, another position of the same materials under a random light.
        attributes: ``(B, A)`` in 0..1.
        known: ``(B, A)`` bool.
    """

    stack: torch.Tensor
    pattern: torch.Tensor
    photo: torch.Tensor
    attributes: torch.Tensor
    known: torch.Tensor


class Sampler:
    """Draws batches from a dataset in memory.

    Args:
        data: The materials.
        crop: Side of what is compared, pixels.
        margin: Pixels that the generator's canvas reaches beyond it on each side, whose wrapped edge nobody sees.
        generator: Draws everything.
        device: Where batches go.
        keep_pattern: Share of the materials with a layout whose layout is shown.
        recolor: Share of the materials whose hue is turned and brightness changed.
        turn: Whether crops are mirrored and turned as far as their family allows; not for one photograph, whose light comes from somewhere.
    """

    def __init__(
        self,
        data: Dataset,
        crop: int,
        margin: int,
        generator: torch.Generator,
        device: torch.device,
        keep_pattern: float = 0.75,
        recolor: float = 0.5,
        turn: bool = True,
    ) -> None:
        self.data, self.crop, self.margin, self.generator, self.device = data, crop, margin, generator, device
        self.keep_pattern, self.recolor, self.turn = keep_pattern, recolor, turn
        self._families = [torch.nonzero(column > 0.5)[:, 0] for column in data.attributes[:, : len(FAMILY_NAMES)].T]
        nameless = torch.nonzero(data.attributes[:, : len(FAMILY_NAMES)].amax(1) <= 0.5)[:, 0]
        self._families = [rows for rows in (*self._families, nameless) if len(rows)]

    def draw(self, batch: int) -> Batch:
        """A batch; families are drawn evenly, whatever their share of the data."""
        canvas = self.crop + 2 * self.margin
        families = [self._families[self._integer(len(self._families))] for _ in range(batch)]
        rows = torch.stack([family[self._integer(len(family))] for family in families])
        stacks, photos, patterns = [], [], []
        for row in rows.tolist():
            flip = self._integer(8) if self.turn else 0
            whole, mask, cells = self._cut(row, canvas, flip)
            other, _, _ = self._cut(row, self.crop, flip)
            stacks.append(whole)
            photos.append(other)
            shown = bool(self.data.has_pattern[row]) and self._number() < self.keep_pattern
            patterns.append(encode(mask[None], cells[None], self.generator)[0] if shown else torch.zeros(PATTERN_CHANNELS, canvas, canvas))
        stack, photo = torch.stack(stacks), torch.stack(photos)
        attributes, known = self.data.attributes[rows].clone(), self.data.known[rows]
        self._recolor(stack, photo, attributes)
        lit = light(photo, torch.rand(batch, 3, generator=self.generator))
        moved = (t.to(self.device) for t in (stack, torch.stack(patterns), lit, attributes, known))
        return Batch(*moved)

    def _cut(self, row: int, side: int, flip: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """A crop of the stack, its mask and its cells, mirrored and turned by ``flip``'s bits as far as the family allows.

        Normals are derived from the height afterwards, so no turn can leave them pointing the old way.
        """
        size = self.data.size
        reach = size if bool(self.data.tiles[row]) else max(1, size - side + 1)
        y, x = ((torch.arange(side) + self._integer(reach)) % size for _ in range(2))
        upright, directed = (float(self.data.attributes[row, places].amax()) > 0 for places in (_UPRIGHT, _DIRECTED))
        named = float(self.data.attributes[row, : len(FAMILY_NAMES)].amax()) > 0
        if flip & 1:
            x = x.flip(0)
        if flip & 2 and named and not upright:
            y = y.flip(0)
        stack = self.data.stacks[row][:, y][:, :, x].float() / 255
        blank = torch.zeros(side, side)
        mask = blank if self.data.patterns is None else self.data.patterns[row][y][:, x].float() / 255
        cells = blank.long() if self.data.cells is None else self.data.cells[row][y][:, x].long()
        if flip & 4 and named and not directed:
            stack, mask, cells = stack.transpose(1, 2), mask.T, cells.T
        return stack, mask, cells.clamp_min(0)

    def _recolor(self, stack: torch.Tensor, photo: torch.Tensor, attributes: torch.Tensor) -> None:
        """Turns hues and scales channels of some materials, in place, colours of the attributes included."""
        batch = stack.shape[0]
        angle = (torch.rand(batch, generator=self.generator) - 0.5) * 1.2
        gain = 1 + (torch.rand(batch, 3, generator=self.generator) - 0.5) * 0.3
        for i in range(batch):
            if self._number() >= self.recolor:
                continue
            matrix = gain[i][:, None] * hue_rotation(float(angle[i]))
            for picture in (stack[i], photo[i]):
                picture[BASE_COLOR] = torch.einsum("ij,jhw->ihw", matrix, picture[BASE_COLOR]).clamp(0, 1)
            for number in range(len(COLORS)):
                at = len(FAMILY_NAMES) + 3 * number
                attributes[i, at : at + 3] = (matrix @ attributes[i, at : at + 3]).clamp(0, 1)

    def _integer(self, below: int) -> int:
        return int(torch.randint(below, (1,), generator=self.generator))

    def _number(self) -> float:
        return float(torch.rand(1, generator=self.generator))


def hue_rotation(angle: float) -> torch.Tensor:
    """``(3, 3)``: turns colours about the gray axis by an angle in radians."""
    c, s = torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))
    third = torch.full((3, 3), 1 / 3)
    cross = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / 3**0.5
    return c * torch.eye(3) + (1 - c) * third + s * cross


def light(stack: torch.Tensor, random: torch.Tensor) -> torch.Tensor:
    """A quick photograph of a stack: a light from a side, so that the encoder does not take shadows for paint.

    Args:
        stack: ``(B, 6, H, W)``.
        random: ``(B, 3)`` in 0..1: direction, strength, exposure.

    Returns:
        ``(B, 3, H, W)`` sRGB 0..1.
    """
    height = stack[:, HEIGHT : HEIGHT + 1]
    angle = random[:, 0] * 2 * torch.pi
    strength = random[:, 1] * 4
    dx = torch.cos(angle)[:, None, None, None] * (height - height.roll(1, 3))
    dy = torch.sin(angle)[:, None, None, None] * (height - height.roll(1, 2))
    shade = (1 + strength[:, None, None, None] * (dx + dy)).clamp(0.4, 1.6) * (0.85 + 0.3 * random[:, 2])[:, None, None, None]
    return (stack[:, BASE_COLOR] * shade).clamp(0, 1)
