"""The matching of values and colours between two pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from .color_spaces import luminance

_QUANTILES = 512


def curve_between(values: torch.Tensor, reference: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes of the monotone curve that carries one distribution onto another: abscissas and ordinates."""
    return _quantiles(values), _quantiles(reference)


def apply_curve(values: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Piecewise linear interpolation, constant beyond the ends."""
    flat = values.flatten()
    right = torch.searchsorted(x, flat).clamp(1, len(x) - 1)
    x0, x1, y0, y1 = x[right - 1], x[right], y[right - 1], y[right]
    # Where many equal values make a step of the curve, its middle is taken.
    t = torch.where(x1 > x0, (flat - x0) / (x1 - x0).clamp_min(1e-9), torch.full_like(flat, 0.5)).clamp(0, 1)
    return (y0 + t * (y1 - y0)).view(values.shape)


def map_between(picture: torch.Tensor, reference: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The linear Monge-Kantorovich map (Pitié and Kokaram, 2007) by which mean and covariance of colours become the reference's.

    Args:
        picture: ``(C, H, W)``.
        reference: ``(C, h, w)``.

    Returns:
        A ``(C, C)`` matrix, the mean ``(C, 1, 1)`` to take away first and that to add afterwards.
    """
    a, b = (t.flatten(1).double().cpu() for t in (picture, reference))
    cov_a, cov_b = (torch.cov(t).reshape(len(t), len(t)) + 1e-6 * torch.eye(len(t), dtype=torch.float64) for t in (a, b))
    root = _root(cov_a)
    inverse = torch.linalg.inv(root)
    move = (inverse @ _root(root @ cov_b @ root) @ inverse).float().to(picture.device)
    mean_a, mean_b = (t.mean(1).float().to(picture.device)[:, None, None] for t in (a, b))
    return move, mean_a, mean_b


def apply_map(picture: torch.Tensor, move: torch.Tensor, mean: torch.Tensor, new_mean: torch.Tensor) -> torch.Tensor:
    """Applies a linear map of colours to ``(C, H, W)``."""
    return torch.einsum("dc,chw->dhw", move, picture - mean) + new_mean


@dataclasses.dataclass(frozen=True)
class Grade:
    """From content to what the style would show in its place.

    One map for a whole shot: if each frame were matched to the style by itself, a dark thing that enters would brighten all others.

    Attributes:
        curve: Nodes of the luminance curve, abscissas and ordinates.
        colors: Linear map of colours: matrix, mean, new mean.
    """

    curve: tuple[torch.Tensor, torch.Tensor]
    colors: tuple[torch.Tensor, torch.Tensor, torch.Tensor]

    @classmethod
    def of(cls, contents: Sequence[torch.Tensor], source: torch.Tensor) -> Grade:
        """Matches pictures, taken together, to the style.

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
        """Target colours ``(C, H, W)`` whose luminance follows the curve too: what paint of that position looks like from afar."""
        target, moved = self(content)
        return moved + (target - luminance(moved))

    def light(self, content: torch.Tensor) -> torch.Tensor:
        """The content in the style's directions of colour, never with more contrast than it has: what changes of light are measured in.

        With the full contrast of a bold style every change of light would be louder than in the render.
        """
        move, mean, _ = self.colors
        gain = float(torch.linalg.matrix_norm(move.cpu(), 2))
        return apply_map(content, move / max(1.0, gain), mean, torch.zeros_like(mean))


def _quantiles(values: torch.Tensor) -> torch.Tensor:
    ordered = values.flatten().sort().values
    at = torch.linspace(0, len(ordered) - 1, _QUANTILES, device=values.device)
    return ordered[at.round().long()]


def _root(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T
