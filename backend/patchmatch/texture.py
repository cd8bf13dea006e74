"""Textures: synthesis on a torus (or strip, or plane) from an exemplar, which may be a whole stack of maps."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F

from ..core.color_spaces import luminance
from .atlas import Atlas
from .engine import LEAST_PATCHES, Fixed, Guide, Report, Settings, synthesize
from .guides import originality_guide, phase_guide, region_guide
from .periodicity import find_wave
from .texture_measures import usage, verbatim_share
from .transforms import Transform, transforms_for, turn_normals

CONTRAST = 0.35
"""Deviation to which an exemplar is scaled, so that the engine's constants mean the same for every exemplar."""

PASSES = (16, 16, 12, 8, 5)
"""Passes at each level from the coarsest. Half as many leave one gravel in five above the fidelity that was aimed at."""

LEAST_EXEMPLAR = 16
"""Least side of an exemplar in pixels: two patches and a little."""

_SKETCH = {"passes": (8, 4, 3, 2, 2), "exact_pairs": 2_000_000, "components": 16, "samples": 3000}
"""How a sketch is made. Gravel that an adapted model draws from one is as like its exemplar (typical crop 1.21–1.23 for 1.20–1.25)."""

_REGULAR = 0.3
"""Share of the originality asked for that regular exemplars get; in full, brick's typical-crop ratio rises from 0.98 to 1.27."""

_LEAST_DEVIATION = 0.03
"""Maps that vary less are not amplified to full weight: what varies in them is mostly rounding."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """One map of a stack.

    Attributes:
        channels: Number of its channels.
        weight: Its say in the search; the first layer, the base colour, has 1.
        normals: ``""``, or for tangent-space normals ``up`` or ``down``: where +y points (OpenGL or DirectX).
    """

    channels: int
    weight: float = 1.0
    normals: str = ""


@dataclasses.dataclass(frozen=True)
class Keep:
    """A part of the exemplar that comes back as it is.

    Attributes:
        mask: ``(1, h, w)`` of the exemplar's size, 1 where its pixels are kept, between where they are mixed.
        top: Row of the texture at which the exemplar's first row is.
        left: Column likewise.
        only: Whether only what is kept is used as a source: then the rest of the exemplar may be anything.
    """

    mask: torch.Tensor
    top: int = 0
    left: int = 0
    only: bool = True


@dataclasses.dataclass(frozen=True)
class Options:
    """What an artist may ask for.

    Attributes:
        variety: 0..1, how strongly over-used parts of the exemplar are avoided.
        rotation: Which turned copies of the exemplar are searched too, one of ``transforms.ROTATIONS``.
        scale_variation: 0..1, whether larger and smaller copies are searched too.
        originality: 0..1, how strongly long copied runs are broken.
        layers: The maps of the stack in order, the base colour first; empty when all channels are one map.
        regions: Regions of the exemplar ``(L, h, w)`` and of the texture ``(L, H, W)``, one of them 1 and the others 0 everywhere.
        keep: What is kept of the exemplar, or None.
        sketch: Whether where things come from is all that matters: a fifth of the time, nearly the same arrangement, less exact pixels.
    """

    variety: float = 0.5
    rotation: str = "none"
    scale_variation: float = 0.0
    originality: float = 0.0
    layers: tuple[Layer, ...] = ()
    regions: tuple[torch.Tensor, torch.Tensor] | None = None
    keep: Keep | None = None
    sketch: bool = False


@dataclasses.dataclass(frozen=True)
class Texture:
    """A synthesised texture.

    Attributes:
        pixels: ``(C, H, W)`` float32 in the exemplar's range; normals have unit length.
        field: ``(2, gh, gw)`` int32, where each patch comes from (y, x of its top-left corner in the exemplar, or on the sheet of copies).
        figures: ``verbatim``, ``exemplar_use`` and ``most_repeated``, see ``texture_measures``.
    """

    pixels: torch.Tensor
    field: torch.Tensor
    figures: dict[str, float]


def enough_source(keep: Keep) -> bool:
    """Whether what is kept holds enough whole patches to make the rest of them."""
    whole = (keep.mask >= 0.999).float()
    return int((-F.max_pool2d(-whole[None], 7, 1) > 0).sum()) >= LEAST_PATCHES


def synthesize_texture(
    exemplar: torch.Tensor,
    size: tuple[int, int],
    tile: tuple[bool, bool],
    options: Options,
    generator: torch.Generator,
    report: Report | None = None,
) -> Texture:
    """Makes a texture.

    Long: choices from the exemplar, then one call of the engine.

    Args:
        exemplar: ``(C, H, W)`` float32, any range, each side at least ``LEAST_EXEMPLAR``; normals as vectors in -1..1.
        size: Height and width of the texture.
        tile: Whether it repeats along y, x.
        options: What is asked for.
        generator: On the CPU, so that a seed means the same noise on every device.
        report: Called between steps with pictures in the exemplar's range.
    """
    layers = options.layers or (Layer(int(exemplar.shape[0])),)
    color = layers[0].channels
    mean, scale = _normalisation(exemplar, layers)
    turns = transforms_for(options.rotation, options.scale_variation)
    sources = tuple((_turned(exemplar, layers, turn) - mean) * scale for turn in turns)
    keep = options.keep
    atlas = Atlas(sources, tuple(_usable(exemplar, turn, keep) for turn in turns))
    fixed = None if keep is None else _placed((exemplar - mean) * scale, keep, size)

    def start(level_source: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        noise = torch.randn(1, *shape, generator=generator).to(exemplar.device)
        each = torch.randn(exemplar.shape[0], *shape, generator=generator).to(exemplar.device)
        return level_source.std((1, 2), keepdim=True) * (0.6 * noise + 0.45 * each)

    def show(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
        if report is not None:
            report(fraction, stage, None if picture is None else (picture / scale + mean)[:color])

    guides: list[Guide] = []
    # Where the artist paints regions there is no one rhythm.
    wave = find_wave(sources[0][:color]) if options.regions is None else None
    if wave is not None:
        kept = None if keep is None else _placed(wave.phase, keep, size)
        phase = phase_guide(
            wave, size, tile, turns, float(torch.rand(1, generator=generator)), None if kept is None else (kept.pixels, kept.mask)
        )
        guides += [] if phase is None else [phase]
    if options.regions is not None:
        guides.append(region_guide(*options.regions, turns))
    if options.originality > 0:
        place = None if keep is None or fixed is None else (keep.top, keep.left, fixed.mask)
        sizes = [(int(s.shape[1]), int(s.shape[2])) for s in sources]
        # A regular exemplar is recombined along its rhythm anyway, and noise would break its joints.
        amount = options.originality * (_REGULAR if wave is not None else 1.0)
        guides.append(originality_guide(sizes, size, amount, generator, exemplar.device, place))
    settings = Settings(tile=tile, variety=options.variety, passes=PASSES, components=28 + 4 * (len(layers) - 1))
    if options.sketch:
        settings = dataclasses.replace(settings, **_SKETCH)  # type: ignore[arg-type]
    picture, field = synthesize(atlas, size, start, settings, tuple(guides), report=show, fixed=fixed)
    if keep is None and options.regions is None:
        shift = [-_typical_line(picture[:color], axis) if tile[axis] else 0 for axis in (0, 1)]
        picture, field = torch.roll(picture, shift, (1, 2)), torch.roll(field, shift, (1, 2))
    used, most = usage(field, atlas.sheet(1.0), turns)
    figures = {"verbatim": verbatim_share(field), "exemplar_use": used, "most_repeated": most}
    return Texture(_finish(picture / scale + mean, exemplar, layers, keep), field, figures)


def _normalisation(exemplar: torch.Tensor, layers: tuple[Layer, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and factor for each channel, ``(C, 1, 1)``, so that the stack has as much energy as a base colour alone."""
    mean = exemplar.mean((1, 2), keepdim=True)
    factors, energy, first = [], 0.0, 0
    for layer in layers:
        part = (exemplar - mean)[first : first + layer.channels]
        deviation = float(part.square().mean().sqrt())
        factor = layer.weight * CONTRAST / max(deviation, 1e-4 if len(layers) == 1 else _LEAST_DEVIATION)
        factors += [factor] * layer.channels
        energy += layer.channels * (factor * deviation) ** 2
        first += layer.channels
    # Of one layer the factor is 1, exactly.
    share = 1.0 if len(layers) == 1 else (layers[0].channels * CONTRAST**2 / max(energy, 1e-9)) ** 0.5
    return mean, share * exemplar.new_tensor(factors)[:, None, None]


def _turned(exemplar: torch.Tensor, layers: tuple[Layer, ...], turn: Transform) -> torch.Tensor:
    """A transformed copy of the stack, the directions of its normals transformed too."""
    if turn == Transform():
        return exemplar
    planes, first = turn.apply(exemplar), 0
    for layer in layers:
        if layer.normals:
            part = slice(first, first + 3)
            planes[part] = turn_normals(planes[part], turn, layer.normals == "up")
        first += layer.channels
    return planes


def _usable(exemplar: torch.Tensor, turn: Transform, keep: Keep | None) -> torch.Tensor | None:
    inside = turn.inside((int(exemplar.shape[1]), int(exemplar.shape[2])), exemplar.device)
    if keep is None or not keep.only:
        return inside
    kept = turn.apply((keep.mask >= 0.999).float())
    return kept if inside is None else kept * inside


def _placed(planes: torch.Tensor, keep: Keep, size: tuple[int, int]) -> Fixed:
    """The exemplar's planes and the mask of what is kept at their place in the texture."""
    height, width = (int(s) for s in planes.shape[1:])
    margins = (keep.left, size[1] - width - keep.left, keep.top, size[0] - height - keep.top)
    return Fixed(F.pad(planes, margins), (F.pad(keep.mask, margins) >= 0.5).float(), (keep.top, keep.left))


def _finish(pixels: torch.Tensor, exemplar: torch.Tensor, layers: tuple[Layer, ...], keep: Keep | None) -> torch.Tensor:
    """Pixels within the exemplar's range, normals of unit length, and what is kept, bit for bit."""
    # Means of the exemplar's pixels cannot leave its range, but their rounding can.
    least, most = exemplar.amin((1, 2), keepdim=True), exemplar.amax((1, 2), keepdim=True)
    parts, first = [], 0
    for layer in layers:
        part = slice(first, first + layer.channels)
        parts.append(F.normalize(pixels[part], dim=0) if layer.normals else pixels[part].clamp(least[part], most[part]))
        first += layer.channels
    finished = torch.cat(parts)
    if keep is None:
        return finished
    height, width = (int(s) for s in exemplar.shape[1:])
    window = (slice(None), slice(keep.top, keep.top + height), slice(keep.left, keep.left + width))
    made, mask = finished[window], keep.mask
    finished[window] = torch.where(mask >= 1, exemplar, torch.where(mask <= 0, made, made + mask * (exemplar - made)))
    return finished


def _typical_line(picture: torch.Tensor, axis: int) -> int:
    """The row or column of a torus at which a cut is least remarkable.

    All lines of a torus are alike, so its origin is free. The line whose first and second differences lie nearest their medians is taken,
    so that nothing that happens to be sharp or flat is at the edge of the tile, where repetition draws the eye.
    """
    gray = luminance(picture[:3])[0] if picture.shape[0] in (3, 4) else picture.mean(0)
    before, after = torch.roll(gray, 1, axis), torch.roll(gray, -1, axis)
    first = (gray - before).abs().mean(1 - axis)
    bend = (after - 2 * gray + before).abs().mean(1 - axis)
    second = 0.5 * (bend + torch.roll(bend, 1))
    ranks = [x.argsort(stable=True).argsort(stable=True).double() / max(1, len(x) - 1) - 0.5 for x in (first, second)]
    return int(torch.maximum(ranks[0].abs(), ranks[1].abs()).argmin())
