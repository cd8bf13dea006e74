"""Where strokes lie and how fine they are: directions out of the structure tensor, detail that coarse strokes would lose, edges."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from ...core.color_match import luminance
from ...patchmatch import pyramid

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


def structure_tensor(picture: torch.Tensor, sigma: float) -> torch.Tensor:
    """``(2, H, W)``: cosine and sine of twice the angle of the steepest change times coherence, and ``(1, H, W)`` energy, in one.

    Args:
        picture: ``(C, H, W)``.
        sigma: Pixels over which it is averaged.

    Returns:
        ``(3, H, W)``: difference and mix of the tensor's entries, and their sum.
    """
    gray = F.pad(luminance(picture)[None], (1, 1, 1, 1), mode="replicate")[0, 0]
    # Scharr's filter: directions right to a degree.
    smooth_x = 3 * gray[:-2] + 10 * gray[1:-1] + 3 * gray[2:]
    smooth_y = 3 * gray[:, :-2] + 10 * gray[:, 1:-1] + 3 * gray[:, 2:]
    gx, gy = (smooth_x[:, 2:] - smooth_x[:, :-2]) / 32, (smooth_y[2:] - smooth_y[:-2]) / 32
    return blur(torch.stack([gx * gx - gy * gy, 2 * gx * gy, gx * gx + gy * gy]), sigma)


def stroke_field(picture: torch.Tensor, sigma: float) -> torch.Tensor:
    """Directions of a style's own strokes, ``(2, H, W)``: double-angle vectors as long as the strokes are coherent."""
    tensor = structure_tensor(picture, sigma)
    return tensor[:2] / (tensor[2:] + 1e-4)


def flow_field(content: torch.Tensor, reach: float) -> torch.Tensor:
    """Directions that strokes shall follow, ``(2, H, W)`` double-angle vectors of length up to 1, carried into flat parts.

    Args:
        content: ``(C, H, W)``.
        reach: Pixels to which a contour bends the strokes beside it.
    """
    tensor = structure_tensor(content, max(1.0, reach / 8))
    # Near a contour it alone decides, far from all contours what is nearest.
    total = tensor.clone()
    for step in range(1, 4):
        wide = blur(tensor, reach * 2.0 ** (step - 1))
        total += 0.15**step * wide
    length = total[:2].square().sum(0, keepdim=True).sqrt()
    return total[:2] / length.clamp_min(1e-9) * (length / (total[2:] + 1e-7)).clamp(0, 1).sqrt()


def constant_flow(degrees: float, size: tuple[int, int], device: torch.device) -> torch.Tensor:
    """The field of strokes that all lie at one angle, counter-clockwise from horizontal as seen, ``(2, H, W)``."""
    angle = math.radians(2 * degrees)
    # The steepest change lies across the stroke, which turns the double angle by half a circle; y points down.
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
    lost = blur((gray - blur(gray, 0.4 * stroke)).square(), 0.6 * stroke).clamp_min(0).sqrt()
    around = blur(lost, 4 * stroke)
    salience = lost / (0.02 + 0.8 * around)
    wanted = (salience - (1.4 - amount)) / 0.25
    strong = (lost - 0.035 * (1.5 - amount)) / 0.02
    mask = wanted.minimum(strong).clamp(0, 1)
    # Whole features and not only their edges.
    return blur(F.max_pool2d(mask[None], _odd(0.8 * stroke), 1, _odd(0.8 * stroke) // 2)[0], 0.35 * stroke)


def blur(planes: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian blur; wide ones at a smaller size."""
    size = (int(planes.shape[1]), int(planes.shape[2]))
    if sigma > 6:
        factor = 3 / sigma
        small = pyramid.size_at(size, factor, 4)
        return F.interpolate(blur(pyramid.resize(planes, small), sigma * small[0] / size[0])[None], size=size, mode="bilinear")[0]
    reach = max(1, round(3 * sigma))
    at = torch.arange(-reach, reach + 1, dtype=torch.float32, device=planes.device)
    return filtered(planes, torch.exp(-(at**2) / (2 * sigma**2)))


def filtered(planes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Planes ``(C, H, W)`` through a filter of an odd number of weights, along rows and columns; even areas stay even."""
    reach = len(weights) // 2
    kernel = (weights / weights.sum()).view(1, 1, -1, 1)
    rows = F.conv2d(F.pad(planes[:, None], (0, 0, reach, reach), mode="replicate"), kernel)
    return F.conv2d(F.pad(rows, (reach, reach, 0, 0), mode="replicate"), kernel.transpose(2, 3))[:, 0]


def _odd(value: float) -> int:
    return max(1, 2 * round(value / 2) + 1)
