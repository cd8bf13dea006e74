"""Guides for textures: the phase of regular structure, regions painted by the artist, and noise that breaks long copies."""

from __future__ import annotations

import math

import torch

from .engine import Guide
from .periodicity import Wave, straight_phase
from .transforms import Transform

PHASE_WEIGHT = (0.5, 0.5, 0.4, 0.3, 0.15)
"""Weight of the phase guide from the coarsest level: it positions the joints, the finer levels are free to draw them."""

REGION_WEIGHT = (1.4, 1.2, 1.0, 0.8, 0.7)
"""Weight of the regions from the coarsest level; at 0.7 a wrong region costs more than the worst texture."""

COPY_LENGTH = 20.0
"""Correlation length in pixels of the noise that breaks copies: about half of the longest run that it tolerates."""

NOISE_LEVEL = 0.35
"""Deviation of that noise, that of the picture's own channels."""

FULL_ORIGINALITY = 1.2
"""Weight of that noise at an originality of 1. At 0.3 gravel and grass are copied a third less at nearly the same fidelity."""

_NOISE_STEP = 4
_SAME_DIRECTION, _SAME_LENGTH = 0.985, 0.15
_LEAST_ALIGNMENT = 0.3
_LAG_REACH = ((6.0, 1.0), (24.0, 0.1), (96.0, 0.01))


def phase_guide(
    wave: Wave,
    size: tuple[int, int],
    tile: tuple[bool, bool],
    turns: list[Transform],
    offset: float,
    kept: tuple[torch.Tensor, torch.Tensor] | None,
) -> Guide | None:
    """The exemplar's wave, unwarped to constant phase speed, or None where it does not fit.

    Args:
        wave: As found in the exemplar.
        size: Height and width of the output.
        tile: Whether it repeats along y, x.
        turns: The copies of the exemplar that are searched.
        offset: Shift in cycles when nothing is kept.
        kept: The exemplar's phase where its pixels are kept, ``(2, H, W)``, and the mask ``(1, H, W)``: the wave is bent to agree.
    """
    straight = straight_phase(wave, size, tile, offset if kept is None else 0.0)
    if straight is None:
        return None
    if kept is not None:
        straight = _bent_to(straight, *kept)
        if straight is None:
            return None
    return Guide(tuple(_turned_phase(wave, turn) for turn in turns), straight, PHASE_WEIGHT)


def region_guide(source: torch.Tensor, target: torch.Tensor, turns: list[Transform]) -> Guide:
    """Regions of the exemplar that belong to regions of the output.

    Args:
        source: ``(L, h, w)``, 1 in the region and 0 elsewhere.
        target: ``(L, H, W)``.
        turns: The copies of the exemplar that are searched.
    """
    return Guide(tuple(t.apply(source) for t in turns), target, REGION_WEIGHT, exclusive=True)


def originality_guide(
    sizes: list[tuple[int, int]],
    size: tuple[int, int],
    originality: float,
    generator: torch.Generator,
    device: torch.device,
    place: tuple[int, int, torch.Tensor] | None,
) -> Guide:
    """Smooth noise next to sources and output, unlike each other: along a copied run the two drift apart, and the run ends.

    Args:
        sizes: Sizes of the sources.
        size: Size of the output.
        originality: 0..1.
        generator: On the CPU.
        device: Where to.
        place: Row and column at which the first source is in the output, and the mask ``(1, H, W)`` of what is kept of it: there the
            two agree, so that the kept part is continued.
    """
    sources = tuple(_noise(s, generator).to(device) for s in sizes)
    target = _noise(size, generator).to(device)
    if place is not None:
        top, left, mask = place
        own = torch.zeros_like(target)
        h, w = min(sizes[0][0], size[0] - top), min(sizes[0][1], size[1] - left)
        own[:, top : top + h, left : left + w] = sources[0][:, :h, :w]
        target = torch.where(mask > 0, own, target)
    return Guide(sources, target, (FULL_ORIGINALITY * originality,))


def _bent_to(straight: torch.Tensor, phase: torch.Tensor, mask: torch.Tensor) -> torch.Tensor | None:
    """The straight wave with the lag of the kept pixels' phase added, carried on smoothly beyond them; None where the two disagree."""
    wanted, given = torch.complex(*straight), torch.complex(*phase) * mask[0]
    lag = given * wanted.conj()
    if float(lag.sum().abs()) < _LEAST_ALIGNMENT * float(lag.abs().sum()):
        return None
    height, width = mask.shape[1:]
    square = torch.fft.fftfreq(height, device=mask.device)[:, None] ** 2 + torch.fft.fftfreq(width, device=mask.device)[None] ** 2
    # Near the kept pixels the narrow blur decides, far from them the wide ones.
    reach = sum(weight * torch.exp(-2 * (math.pi * sigma) ** 2 * square) for sigma, weight in _LAG_REACH)
    spread = torch.fft.ifft2(torch.fft.fft2(lag) * reach) + _LAG_REACH[-1][1] * lag.mean()
    bent = wanted * spread / spread.abs().clamp_min(1e-12)
    return torch.stack([bent.real, bent.imag])


def _turned_phase(wave: Wave, turn: Transform) -> torch.Tensor:
    """The phase next to a transformed copy; without confidence where its wave no longer is the one that is wanted."""
    phase = turn.apply(wave.phase)
    (yy, yx), (xy, xx) = turn.matrix()
    fy, fx = wave.frequency
    ty, tx = yy * fy + yx * fx, xy * fy + xx * fx
    along = (ty * fy + tx * fx) / (fy**2 + fx**2)
    if abs(along) < _SAME_DIRECTION or abs(turn.scale - 1) > _SAME_LENGTH:
        return torch.zeros_like(phase)
    return phase if along > 0 else phase * phase.new_tensor([1.0, -1.0])[:, None, None]


def _noise(size: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """Two planes of periodic smooth noise, ``(2, H, W)``, made at a fourth of the size."""
    small = [max(4, round(side / _NOISE_STEP)) for side in size]
    white = torch.randn(2, *small, generator=generator)
    fy = torch.fft.fftfreq(small[0])[:, None] * small[0] / size[0]
    fx = torch.fft.fftfreq(small[1])[None] * small[1] / size[1]
    band = torch.exp(-2 * (math.pi * COPY_LENGTH) ** 2 * (fy**2 + fx**2))
    smooth = torch.fft.ifft2(torch.fft.fft2(white) * band).real
    for axis in (1, 2):
        count, wanted = small[axis - 1], size[axis - 1]
        at = (torch.arange(wanted) + 0.5) * count / wanted - 0.5
        first = at.floor().long()
        t = (at - first).view(-1, 1) if axis == 1 else at - first
        low, high = (smooth.index_select(axis, i % count) for i in (first, first + 1))
        smooth = low + t * (high - low)
    return NOISE_LEVEL * smooth / smooth.std().clamp_min(1e-9)
