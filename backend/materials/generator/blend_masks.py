"""Where each material of a blend is: "rock covered in snow" is rock here and snow there, not something between the two everywhere.

The generator takes a style that changes over the picture. So each material of the blend has its own style, and noise on the torus, coarse
and fine like what grows, melts or is blown, says where each one shows. Shares are kept, but for what the soft edges take.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch

from .noise import STRIDE

LEAST_SHARE = 0.22
"""Share below which a material is only a tinge of the others."""
PATCH = 160
"""Pixels about which patches are wide; edges are ragged at all smaller sizes."""
_EDGE = 0.12
"""Standard deviations of the noise over which one material passes into the next."""


def parts_of(families: Mapping[str, float], apart: Collection[str]) -> list[tuple[dict[str, float], float]]:
    """The materials of a blend that lie apart, each as families, and their shares; empty where there is only one.

    Args:
        families: With weights summing to 1.
        apart: Those that lie next to or on one another; what else there is goes with the largest of them.

    Returns:
        Families with weights summing to 1 and the share of each material, the largest first; shares sum to 1.
    """
    shown = sorted((name for name in apart if families[name] >= LEAST_SHARE), key=lambda name: -families[name])
    if len(shown) < 2:
        return []
    others = shown[1:]
    first = {name: weight for name, weight in families.items() if name not in others}
    share = sum(first.values())
    return [({name: weight / share for name, weight in first.items()}, share), *(({name: 1.0}, families[name]) for name in others)]


def lay_patches(shares: Sequence[float], canvas: tuple[int, int], random: torch.Generator) -> torch.Tensor:
    """How much of each material is in each cell of a torus.

    Args:
        shares: Of the materials, summing to 1.
        canvas: Height and width of the torus in pixels, multiples of ``STRIDE``.
        random: On the CPU.

    Returns:
        ``(len(shares), H / STRIDE, W / STRIDE)`` float32, summing to 1 in every cell.
    """
    rows, columns = (side // STRIDE for side in canvas)
    left, rest = torch.ones(rows, columns), 1.0
    laid = []
    for share in shares[:-1]:
        noise = _noise(rows, columns, random)
        # What is left over is divided where there is any of it: by its own part of the noise.
        order = noise.flatten().sort()
        reached = left.flatten()[order.indices].cumsum(0)
        edge = order.values[int(torch.searchsorted(reached, share / rest * reached[-1]).clamp(max=len(reached) - 1))]
        part = left * torch.sigmoid((edge - noise) / _EDGE)
        laid.append(part)
        left, rest = left - part, rest - share
    return torch.stack([*laid, left])


def _noise(rows: int, columns: int, random: torch.Generator) -> torch.Tensor:
    """Noise on a torus of cells, mean 0, deviation 1, whose spectrum falls with the square of the frequency beyond one patch."""
    y = torch.fft.fftfreq(rows)[:, None] / STRIDE
    x = torch.fft.fftfreq(columns)[None] / STRIDE
    amplitude = 1 / (1 + (torch.sqrt(y**2 + x**2) * 2 * PATCH) ** 2)
    amplitude[0, 0] = 0
    noise = torch.fft.ifft2(torch.fft.fft2(torch.randn(rows, columns, generator=random)) * amplitude).real
    return noise / noise.std().clamp_min(1e-6)
