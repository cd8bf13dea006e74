"""Textures: synthesis on a torus (or strip, or plane) from an exemplar."""

from __future__ import annotations

import dataclasses

import torch

from .color_match import luminance
from .engine import Guide, Report, Settings, synthesize
from .periodicity import find_wave, straight_phase

CONTRAST = 0.35
"""Deviation to which an exemplar is scaled, so that the engine's constants mean the same for every exemplar."""

PASSES = (16, 16, 12, 8, 5)
"""Passes at each level from the coarsest. Half as many leave one gravel in five above the fidelity that was aimed at."""

PHASE_WEIGHT = (0.5, 0.5, 0.4, 0.3, 0.15)
"""Weight of the phase guide from the coarsest level: it places the joints, the finer levels are free to draw them."""

LEAST_EXEMPLAR = 16
"""Least side of an exemplar in pixels: two patches and a little."""


@dataclasses.dataclass(frozen=True)
class Texture:
    """A synthesised texture.

    Attributes:
        pixels: ``(C, H, W)`` float32 in the exemplar's range.
        field: ``(2, gh, gw)`` int32, where each patch comes from (y, x of its top-left corner in the exemplar).
    """

    pixels: torch.Tensor
    field: torch.Tensor


def synthesize_texture(
    exemplar: torch.Tensor,
    size: tuple[int, int],
    tile: tuple[bool, bool],
    variety: float,
    generator: torch.Generator,
    report: Report | None = None,
) -> Texture:
    """Makes a texture.

    Args:
        exemplar: ``(C, H, W)`` float32, any range, each side at least ``LEAST_EXEMPLAR``.
        size: Height and width of the texture.
        tile: Whether it repeats along y, x.
        variety: 0..1, how strongly over-used parts of the exemplar are avoided.
        generator: On the CPU, so that a seed means the same noise on every device.
        report: Called between steps with pictures in the exemplar's range.
    """
    mean = exemplar.mean((1, 2), keepdim=True)
    scale = CONTRAST / float((exemplar - mean).square().mean().sqrt().clamp_min(1e-4))
    source = (exemplar - mean) * scale

    def start(level_source: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        noise = torch.randn(1, *shape, generator=generator).to(source.device)
        color = torch.randn(source.shape[0], *shape, generator=generator).to(source.device)
        return level_source.std((1, 2), keepdim=True) * (0.6 * noise + 0.45 * color)

    def show(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        if report is not None:
            report(fraction, stage, None if picture is None else picture / scale + mean)

    settings = Settings(tile=tile, variety=variety, passes=PASSES)
    guides: tuple[Guide, ...] = ()
    wave = find_wave(source)
    phase = None if wave is None else straight_phase(wave, size, tile, float(torch.rand(1, generator=generator)))
    if wave is not None and phase is not None:
        guides = (Guide(wave.phase, phase, PHASE_WEIGHT),)
    picture, field = synthesize(source, size, start, settings, guides, report=show)
    shift = [-_typical_line(picture, axis) if tile[axis] else 0 for axis in (0, 1)]
    picture, field = torch.roll(picture, shift, (1, 2)), torch.roll(field, shift, (1, 2))
    # Means of the exemplar's pixels cannot leave its range, but their rounding can.
    least, most = exemplar.amin((1, 2), keepdim=True), exemplar.amax((1, 2), keepdim=True)
    return Texture((picture / scale + mean).clamp(least, most), field)


def _typical_line(picture: torch.Tensor, axis: int) -> int:
    """The row or column of a torus at which a cut is least remarkable.

    All lines of a torus are alike, so its origin is free. The line whose first and second differences lie nearest their medians is taken,
    so that nothing that happens to be sharp or flat lies at the edge of the tile, where repetition draws the eye.
    """
    gray = luminance(picture[:3])[0] if picture.shape[0] in (3, 4) else picture.mean(0)
    before, after = torch.roll(gray, 1, axis), torch.roll(gray, -1, axis)
    first = (gray - before).abs().mean(1 - axis)
    bend = (after - 2 * gray + before).abs().mean(1 - axis)
    second = 0.5 * (bend + torch.roll(bend, 1))
    ranks = [x.argsort(stable=True).argsort(stable=True).double() / max(1, len(x) - 1) - 0.5 for x in (first, second)]
    return int(torch.maximum(ranks[0].abs(), ranks[1].abs()).argmin())
