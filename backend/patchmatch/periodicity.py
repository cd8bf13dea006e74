"""Regular structure in an exemplar, such as courses of bricks, and guides that keep it straight.

The strongest wave in the exemplar is found in its spectrum and demodulated (Takeda, 1982): the local phase follows perspective and
drift. The output gets the same wave, straight and with a whole number of cycles along axes that tile. Phase as a guide then
puts joints on straight lines that meet across the seam, which patches alone do not know.
"""

from __future__ import annotations

import dataclasses
import math

import torch

from ..core.filters import box_mean
from . import pyramid

_WORKING_SIDE = 256
"""Side in pixels at which periods are sought."""

_BANDWIDTH = 0.22
"""Half-width of the band about the wave, as part of its frequency: room for the drift that perspective causes."""

LEAST_STRENGTH = 0.16
"""Share of the variance within the band from which an exemplar counts as regular."""


@dataclasses.dataclass(frozen=True)
class Wave:
    """A regular structure.

    Attributes:
        frequency: Cycles per exemplar pixel along y, x.
        strength: Share of the exemplar's variance in the band about it.
        phase: ``(2, H, W)`` float32, cosine and sine of the local phase times the local confidence 0..1.
    """

    frequency: tuple[float, float]
    strength: float
    phase: torch.Tensor


def find_wave(exemplar: torch.Tensor) -> Wave | None:
    """The exemplar's strongest wave, or None when it has none.

    Args:
        exemplar: ``(C, H, W)`` float32.
    """
    height, width = int(exemplar.shape[1]), int(exemplar.shape[2])
    factor = min(1.0, _WORKING_SIDE / max(height, width))
    size = pyramid.size_at((height, width), factor)
    gray = pyramid.resize(exemplar.mean(0, keepdim=True), size)[0].cpu().double()
    gray = gray - gray.mean()
    wy, wx = (torch.hann_window(s, periodic=False, dtype=torch.float64) for s in size)
    power = torch.fft.fft2(gray * wy[:, None] * wx[None]).abs() ** 2
    fy = torch.fft.fftfreq(size[0], dtype=torch.float64)[:, None].expand(size)
    fx = torch.fft.fftfreq(size[1], dtype=torch.float64)[None].expand(size)
    radius = torch.sqrt(fy**2 + fx**2)
    # At least five cycles in the exemplar and six working pixels to a cycle: less is no rhythm, finer needs no help.
    power = torch.where(radius * min(size) < 2.0, 0.0, power)
    total = power.sum()
    smooth = box_mean(power, 1, "circular")
    allowed = (radius * min(size) >= 5.0) & (radius <= 1 / 6)
    if float(total) <= 0 or not bool(allowed.any()):
        return None
    peak = int(torch.where(allowed, smooth, 0.0).argmax())
    py, px = float(fy.flatten()[peak]), float(fx.flatten()[peak])
    reach = _BANDWIDTH * math.hypot(py, px)
    near = (fy - py) ** 2 + (fx - px) ** 2
    strength = float(2 * power[near <= reach**2].sum() / total)
    if strength < LEAST_STRENGTH:
        return None
    # Band-pass the reflected picture, so that its edges do not ring.
    mirrored = torch.cat([gray, gray.flip(0)], 0)
    mirrored = torch.cat([mirrored, mirrored.flip(1)], 1)
    my = torch.fft.fftfreq(2 * size[0], dtype=torch.float64)[:, None]
    mx = torch.fft.fftfreq(2 * size[1], dtype=torch.float64)[None]
    band = torch.exp(-((my - py) ** 2 + (mx - px) ** 2) / (2 * (0.6 * reach) ** 2))
    analytic = torch.fft.ifft2(torch.fft.fft2(mirrored) * band)[: size[0], : size[1]]
    amplitude = analytic.abs()
    confident = amplitude / (amplitude + 0.5 * amplitude.median() + 1e-12)
    unit = analytic / amplitude.clamp_min(1e-12) * confident
    phase = torch.stack([unit.real, unit.imag]).float().to(exemplar.device)
    return Wave((py * size[0] / height, px * size[1] / width), strength, pyramid.resize(phase, (height, width)))


def straight_phase(wave: Wave, size: tuple[int, int], tile: tuple[bool, bool], offset: float) -> torch.Tensor | None:
    """Cosine and sine of a straight wave of that frequency, ``(2, H, W)``.

    ``offset`` shifts it by that many cycles. Along axes that tile the number of cycles is rounded;
    None where that would stretch the structure by more than a sixth.
    """
    y, x = (f * s for f, s in zip(wave.frequency, size, strict=True))
    ny, nx = (round(y) if tile[0] else y), (round(x) if tile[1] else x)
    wanted = math.hypot(*wave.frequency)
    got = math.hypot(ny / size[0], nx / size[1])
    if abs(got / wanted - 1) > 1 / 6:
        return None
    rows = torch.arange(size[0], dtype=torch.float64)[:, None] / size[0]
    columns = torch.arange(size[1], dtype=torch.float64)[None] / size[1]
    angle = 2 * math.pi * (ny * rows + nx * columns + offset)
    return torch.stack([angle.cos(), angle.sin()]).float().to(wave.phase.device)
