"""The shot's colours: one map from content to the style's tones and colours for all frames, and light that changes slowly in space."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from ..synthesis.color_match import apply_curve, apply_map, curve_between, luminance, map_between


@dataclasses.dataclass(frozen=True)
class Grade:
    """From content to what the style would show in its place.

    One map for the whole shot: if each frame were matched to the style by itself, a dark thing that enters would brighten all others.

    Attributes:
        curve: Nodes of the luminance curve, abscissas and ordinates.
        colors: Linear map of colours: matrix, mean, new mean.
    """

    curve: tuple[torch.Tensor, torch.Tensor]
    colors: tuple[torch.Tensor, torch.Tensor, torch.Tensor]

    @classmethod
    def of(cls, contents: Sequence[torch.Tensor], source: torch.Tensor) -> Grade:
        """Matches frames, taken together, to the style.

        Args:
            contents: ``(C, h, w)`` each, of one size, at the working resolution.
            source: ``(C, hs, ws)``, the style at its working resolution.
        """
        every = torch.cat(list(contents), 2)
        return cls(curve_between(luminance(every), luminance(source)), map_between(every, source))

    def __call__(self, content: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Target luminance ``(1, H, W)`` and target colours ``(C, H, W)`` of a content ``(C, H, W)`` of any size."""
        return apply_curve(luminance(content), *self.curve), apply_map(content, *self.colors)

    def tones(self, content: torch.Tensor) -> torch.Tensor:
        """Target colours ``(C, H, W)`` whose luminance follows the curve too: what paint of that place looks like from afar."""
        target, moved = self(content)
        return moved + (target - luminance(moved))

    def light(self, content: torch.Tensor) -> torch.Tensor:
        """The content in the style's directions of colour, never with more contrast than it has: what changes of light are measured in.

        With the full contrast of a bold style every change of light would be louder than in the render.
        """
        move, mean, _ = self.colors
        gain = float(torch.linalg.matrix_norm(move.cpu(), 2))
        return apply_map(content, move / max(1.0, gain), mean, torch.zeros_like(mean))


def soften(picture: torch.Tensor, ids: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian blur that stays inside each object: rows, then columns, over pixels of the same id.

    Args:
        picture: ``(C, H, W)``.
        ids: ``(H, W)``.
        sigma: Pixels.

    Returns:
        ``(C, H, W)``.
    """
    reach = max(1, round(2.5 * sigma))
    for axis in (1, 2):
        total, weight = picture.clone(), torch.ones_like(picture[:1])
        length = picture.shape[axis]
        for step in range(1, min(reach, length - 1) + 1):
            factor = float(torch.exp(torch.tensor(-(step**2) / (2 * sigma**2))))
            near, far = (slice(None),) * axis + (slice(None, -step),), (slice(None),) * axis + (slice(step, None),)
            same = factor * (ids[near[1:]] == ids[far[1:]]).float()[None]
            total[near] += same * picture[far]
            weight[near] += same
            total[far] += same * picture[near]
            weight[far] += same
        picture = total / weight
    return picture


def fill_outside(color: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Colours ``(C, H, W)`` continued to where alpha ``(1, H, W)`` is 0, from the nearest level of a pyramid that knows any."""
    solid = (alpha > 0).float()
    if bool((solid > 0).all()) or not bool((solid > 0).any()):
        return color
    levels = [(color * solid, solid)]
    while max(levels[-1][1].shape[1:]) > 1 and not bool((levels[-1][1] > 0).all()):
        paint, weight = (torch.nn.functional.avg_pool2d(t[None], 2, 2, ceil_mode=True, count_include_pad=False)[0] for t in levels[-1])
        levels.append((paint, weight))
    paint, weight = levels.pop()
    filled = paint / weight.clamp_min(1e-6)
    while levels:
        paint, weight = levels.pop()
        size = [int(n) for n in weight.shape[1:]]
        larger = torch.nn.functional.interpolate(filled[None], size=size, mode="bilinear", align_corners=False)[0]
        filled = torch.where(weight > 0, paint / weight.clamp_min(1e-6), larger)
    return filled
