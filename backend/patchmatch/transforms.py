"""Turned, mirrored and scaled copies of an exemplar, in whose patches the engine may search as well."""

from __future__ import annotations

import dataclasses
import math

import torch
import torch.nn.functional as F

from . import pyramid

ROTATIONS = ("none", "mirror", "half", "quarter", "flips", "any")
"""Ways of turning: none, left-right mirror images, half turns, quarter turns, quarter turns with mirror images, eight directions."""


@dataclasses.dataclass(frozen=True)
class Transform:
    """A mirror image, then a turn, then a scale.

    Attributes:
        eighths: Turns counter-clockwise by this many eighths, as seen.
        mirror: Left and right are exchanged first.
        scale: Factor of size, applied last.
    """

    eighths: int = 0
    mirror: bool = False
    scale: float = 1.0

    def matrix(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What it does to a direction ``(y, x)``, y downward, without the scale."""
        angle = math.pi / 4 * self.eighths
        c, s = math.cos(angle), math.sin(angle)
        side = -1.0 if self.mirror else 1.0
        return (c, -s * side), (s, c * side)

    def apply(self, planes: torch.Tensor) -> torch.Tensor:
        """The transformed planes ``(C, h, w)``; what is outside of the original is filled by reflection (see ``inside``)."""
        if self.mirror:
            planes = planes.flip(2)
        planes = torch.rot90(planes, self.eighths // 2, (1, 2))
        if self.eighths % 2:
            planes = _eighth(planes)
        if self.scale != 1:
            planes = pyramid.resize(planes, pyramid.size_at((planes.shape[1], planes.shape[2]), self.scale))
        return planes.contiguous()

    def inside(self, size: tuple[int, int], device: torch.device) -> torch.Tensor | None:
        """1 where the transformed planes show the original, ``(1, h, w)``; None when they do everywhere."""
        if self.eighths % 2 == 0:
            return None
        whole = torch.ones(1, *size, device=device)
        # A pixel's rim is left out, so that nothing reflected takes part.
        whole[:, [0, -1]] = 0
        whole[:, :, [0, -1]] = 0
        turned = _eighth(torch.rot90(whole, self.eighths // 2, (1, 2)), outside=0.0)
        if self.scale != 1:
            turned = pyramid.resize(turned, pyramid.size_at((turned.shape[1], turned.shape[2]), self.scale))
        return (turned > 0.99).float()


def transforms_for(rotation: str, scale_variation: float) -> list[Transform]:
    """The copies to search in, the unchanged exemplar first.

    Args:
        rotation: One of ``ROTATIONS``.
        scale_variation: 0..1; at 1 copies are half as large again, and smaller by the same factor.
    """
    turns = {
        "none": [(0, False)],
        "mirror": [(0, False), (0, True)],
        "half": [(0, False), (4, False)],
        "quarter": [(e, False) for e in (0, 2, 4, 6)],
        "flips": [(e, m) for m in (False, True) for e in (0, 2, 4, 6)],
        "any": [(e, False) for e in range(8)],
    }[rotation]
    made = [Transform(e, m) for e, m in turns]
    if scale_variation <= 0:
        return made
    factor = 1 + 0.5 * scale_variation
    if len(turns) <= 2:
        return made + [Transform(e, m, s) for e, m in turns for s in (factor, 1 / factor)]
    # With many turns each gets one of the two scales: twice the memory instead of three times.
    return made + [Transform(e, m, factor if number % 2 else 1 / factor) for number, (e, m) in enumerate(turns)]


def turn_normals(vectors: torch.Tensor, transform: Transform, up: bool) -> torch.Tensor:
    """Tangent-space normals whose positions were transformed, their directions transformed as well.

    Args:
        vectors: ``(3, h, w)`` x, y, z in -1..1.
        transform: What was done to their positions.
        up: Whether +y points up the picture (OpenGL), or down (DirectX).
    """
    (yy, yx), (xy, xx) = transform.matrix()
    x, y, z = vectors
    sign = -1.0 if up else 1.0  # of the stored y against the picture's downward axis
    down = sign * y
    return torch.stack([xy * down + xx * x, sign * (yy * down + yx * x), z])


def _eighth(planes: torch.Tensor, outside: float | None = None) -> torch.Tensor:
    """A turn by 45 degrees counter-clockwise in its bounding box."""
    height, width = planes.shape[1:]
    side = math.ceil((height + width) * math.sqrt(0.5))
    at = torch.arange(side, dtype=torch.float32, device=planes.device) + 0.5 - side / 2
    y, x = at[:, None], at[None]
    r = math.sqrt(0.5)
    # Back from the turned place (y, x) to the original one; in units of half the picture for grid_sample.
    source = torch.stack([(r * x - r * y) * 2 / width, (r * x + r * y) * 2 / height], 2)
    if outside is not None:
        return F.grid_sample(planes[None], source[None], mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    turned = F.grid_sample(planes[None], source[None], mode="bicubic", padding_mode="reflection", align_corners=False)[0]
    least, most = planes.amin((1, 2), keepdim=True), planes.amax((1, 2), keepdim=True)
    return turned.clamp(least, most)  # cubic filters overshoot at edges
