"""Where strokes lie and how fine they are: directions out of the structure tensor, detail that coarse strokes would lose, edges."""

from __future__ import annotations

import math

import torch

from ...core.color_spaces import luminance
from ...core.filters import gaussian_blur, structure_tensor
from ...core.morphology import dilate

SHARPEST, SOFTEST = 0.05, 0.4
"""Difference of colour, display-like, that counts as an edge when edges are kept fully and hardly at all."""

_ID_STEP = 8.0
_DEPTH_STEP = 0.05
_NORMAL_STEP = 0.7


def edges(content: torch.Tensor, amount: float, geometry: torch.Tensor | None) -> torch.Tensor | None:
    """Planes in which patches tell edges from surfaces, see ``voting.vote``; None when nothing is to be kept apart.

    Args:
        content: ``(C, H, W)`` display-like.
        amount: 0..1.
        geometry: Further planes ``(G, H, W)``, a difference of 1 being an edge, or None.
    """
    if amount <= 0:
        return None
    step = SOFTEST * (SHARPEST / SOFTEST) ** amount
    colors = content / (step * content.shape[0] ** 0.5)
    return colors if geometry is None else torch.cat([colors, geometry])


def geometry_planes(ids: torch.Tensor | None, depth: torch.Tensor | None, normal: torch.Tensor | None) -> torch.Tensor | None:
    """Passes of a render as planes for ``edges``, ``(G, H, W)``.

    Args:
        ids: ``(H, W)`` whole numbers.
        depth: ``(H, W)`` scene units, infinite in the background.
        normal: ``(3, H, W)`` unit vectors.
    """
    planes = []
    if ids is not None:
        # Numbers that follow each other lie far apart: fractions of multiples of irrational numbers.
        for factor in (0.6180339887498949, 0.41421356237309515, 0.7320508075688772):
            planes.append(_ID_STEP * torch.frac(ids.double() * factor).float())
    if depth is not None:
        known = torch.isfinite(depth) & (depth > 0)
        far = 2 * float(depth[known].max()) if bool(known.any()) else 1.0
        # Of oblique surfaces depth changes as well, but slower than at the edge of a thing.
        planes.append(torch.where(known, depth, depth.new_tensor(far)).log() / _DEPTH_STEP)
    if normal is not None:
        planes += list(normal / _NORMAL_STEP)
    return torch.stack(planes) if planes else None


def stroke_field(picture: torch.Tensor, sigma: float) -> torch.Tensor:
    """Directions of a style's own strokes, ``(2, H, W)``: double-angle vectors as long as the strokes are coherent."""
    tensor = structure_tensor(luminance(picture)[0], sigma)
    return tensor[:2] / (tensor[2:] + 1e-4)


def flow_field(content: torch.Tensor, reach: float) -> torch.Tensor:
    """Directions that strokes shall follow, ``(2, H, W)`` double-angle vectors of length up to 1, carried into flat parts.

    Args:
        content: ``(C, H, W)``.
        reach: Pixels to which a contour bends the strokes next to it.
    """
    tensor = structure_tensor(luminance(content)[0], max(1.0, reach / 8))
    # Near a contour it alone decides, far from all contours what is nearest.
    total = tensor.clone()
    for step in range(1, 4):
        wide = gaussian_blur(tensor, reach * 2.0 ** (step - 1))
        total += 0.15**step * wide
    length = total[:2].square().sum(0, keepdim=True).sqrt()
    return total[:2] / length.clamp_min(1e-9) * (length / (total[2:] + 1e-7)).clamp(0, 1).sqrt()


def constant_flow(degrees: float, size: tuple[int, int], device: torch.device) -> torch.Tensor:
    """The field of strokes that all lie at one angle, counter-clockwise from horizontal as seen, ``(2, H, W)``."""
    angle = math.radians(2 * degrees)
    # The steepest change is across the stroke, which turns the double angle by half a circle; y points down.
    return torch.tensor([-math.cos(angle), math.sin(angle)], device=device)[:, None, None].expand(2, *size)


def detail_mask(content: torch.Tensor, stroke: float, amount: float) -> torch.Tensor:
    """Where strokes of a size would lose what matters, ``(1, H, W)`` 0..1, soft.

    Detail on a plain ground counts more than detail among detail: a face more than grass.

    Args:
        content: ``(C, H, W)``.
        stroke: Size of strokes in pixels.
        amount: 0..1, how readily.
    """
    gray = luminance(content)
    lost = gaussian_blur((gray - gaussian_blur(gray, 0.4 * stroke)).square(), 0.6 * stroke).clamp_min(0).sqrt()
    around = gaussian_blur(lost, 4 * stroke)
    salience = lost / (0.02 + 0.8 * around)
    wanted = (salience - (1.4 - amount)) / 0.25
    strong = (lost - 0.035 * (1.5 - amount)) / 0.02
    mask = wanted.minimum(strong).clamp(0, 1)
    # Whole features and not only their edges.
    return gaussian_blur(dilate(mask, round(0.4 * stroke)), 0.35 * stroke)
