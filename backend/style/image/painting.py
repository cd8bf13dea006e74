"""Style: the content's structure painted with the style's patches.

The guide is the content with its colours moved onto the style's; the picture starts from it. The working resolution follows from the
stroke size, so that a proxy and the full frame match; above it the match field alone is refined, and the strokes keep their grain.
Patches do not vote across the content's edges. Where coarse strokes would lose what matters a second layer of finer ones is painted
over them, as painters do (Hertzmann, SIGGRAPH 1998).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import torch

from ...core.color_match import Grade
from ...core.color_spaces import luminance
from ...patchmatch import pyramid
from ...patchmatch.atlas import Atlas
from ...patchmatch.descriptor import PATCH
from ...patchmatch.engine import LEAST_PATCHES, Fixed, Guide, Report, Settings, synthesize
from ...patchmatch.enlarge import Enlargement, apart
from ...patchmatch.label_constraints import Owners
from ...patchmatch.transforms import Transform
from .strokes import constant_flow, detail_mask, edges, flow_field, stroke_field

REFERENCE_STROKE = 1.5
"""Stroke size in percent at which the style picture covers as much of the frame as it shows itself."""

FRAME_ASPECT = 4 / 3
"""Aspect by which the style's area is compared with the frame's height."""

LEAST_SIDE = 16
"""Least side of content and style in pixels: two patches and a little."""

_LEVELS = 5
_PASSES = (6, 6, 5, 4, 3)
_FINE_LEVELS = 3
_FINE_PASSES = (5, 4, 3)
_FINER = 0.4
"""Size of the finer strokes next to the others'."""
_LEAST_STROKE = 6.0
"""Pixels; finer strokes than a patch cannot be."""
_CLOSER = 0.25
"""How much more closely they follow the content."""
_OPAQUE = 0.999
_NOTHING = 0.02
"""Of the mask of detail: below, nothing is painted."""
_FLOW_WEIGHT = (0.6, 0.6, 0.5, 0.4, 0.3)


@dataclasses.dataclass(frozen=True)
class Scale:
    """Sizes in which a frame is worked on.

    Attributes:
        working: Height and width of the content while patches are searched.
        style: Height and width of the style at that time.
        zoom: Output pixels to a working pixel, at least 1.
    """

    working: tuple[int, int]
    style: tuple[int, int]
    zoom: float


@dataclasses.dataclass(frozen=True)
class Part:
    """What is given when a part of a frame is painted into what is there already.

    Attributes:
        frame: Height and width of the whole frame: strokes are as large as its height says.
        grade: From content to target luminance ``(1, h, w)`` and target colours ``(C, h, w)``, the same for every frame of a shot.
        known: ``(C, H, W)`` paint that is there, as large as the content, or None.
        keep: ``(1, H, W)``, 1 where ``known`` stays.
        levels: Levels that are searched; few go on from the picture that is there, all start afresh.
        begin: ``(C, H, W)`` from which the search starts, or None for the target colours.
    """

    frame: tuple[int, int]
    grade: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    known: torch.Tensor | None = None
    keep: torch.Tensor | None = None
    levels: int = 0
    begin: torch.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Model:
    """A style picture.

    Attributes:
        planes: ``(C, h, w)`` display-like 0..1.
        usable: ``(1, h, w)``, 1 where it may be used; None for everywhere.
    """

    planes: torch.Tensor
    usable: torch.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Direction:
    """How an artist directs the paint.

    Attributes:
        edges: 0..1, how strictly strokes end at the content's edges.
        detail: 0..1, how readily finer strokes are used where coarse ones would lose detail.
        flow: ``none``, ``content`` (along its contours) or ``angle``.
        angle: Of strokes in degrees, counter-clockwise from horizontal.
        geometry: ``(G, H, W)`` planes in which a difference of 1 is an edge (``strokes.geometry_planes``), or None.
        owners: ``(H, W)`` int64, which style paints each pixel; None when there is one.
        coverage: ``(S, H, W)``, how much of each pixel each style's area covers: then every style is painted apart and nothing leaks.
        rows: Rows that are enlarged at a time; 0 for the usual number. Makes no difference to the result.
    """

    edges: float = 0.5
    detail: float = 0.5
    flow: str = "none"
    angle: float = 0.0
    geometry: torch.Tensor | None = None
    owners: torch.Tensor | None = None
    coverage: torch.Tensor | None = None
    rows: int = 0


def scale_for(content: tuple[int, int], style: tuple[int, int], stroke: float) -> Scale:
    """The working sizes for a stroke size in percent of the content's height.

    A patch of the finest searched level is as large as a stroke; the style is scaled with the strokes.
    """
    zoom = stroke / 100 * content[0] / PATCH
    # Near full resolution a second resampling would cost more sharpness than it saves time.
    zoom = 1.0 if zoom < 1.5 else zoom
    working = content if zoom == 1 else pyramid.size_at(content, 1 / zoom, LEAST_SIDE)
    shown = content[0] * stroke / REFERENCE_STROKE / zoom
    factor = shown / (style[0] * style[1] / FRAME_ASPECT) ** 0.5
    # Never larger than four times the working picture: its memory would not be bounded.
    factor = min(factor, (4 * max(working[0] * working[1], 256 * 256) / (style[0] * style[1])) ** 0.5)
    return Scale(working, pyramid.size_at(style, factor, 2 * LEAST_SIDE), zoom)


def paint(
    content: torch.Tensor,
    style: torch.Tensor | Sequence[Model],
    stroke: float,
    structure: float,
    variety: float,
    generator: torch.Generator,
    report: Report | None = None,
    part: Part | None = None,
    direction: Direction | None = None,
) -> torch.Tensor:
    """Paints the content with the style's patches.

    Args:
        content: ``(3 or 1, H, W)`` float32, display-like 0..1.
        style: The same number of channels; or several styles, numbered as in ``direction.owners``.
        stroke: Size of the smallest strokes in percent of the content's height; of the second layer's less, see ``Direction.detail``.
        structure: 0..1, how closely the content is followed.
        variety: 0..1, how strongly over-used strokes are avoided.
        generator: On the CPU; breaks ties in flat areas.
        report: Called between steps.
        part: Given when the content is a part of a frame of a shot.
        direction: What else is asked for; the usual if None.

    Returns:
        ``(C, H, W)`` float32, made of the style's pixels.
    """
    direction = direction or Direction()
    models = (Model(style),) if isinstance(style, torch.Tensor) else tuple(style)
    whole = (int(content.shape[1]), int(content.shape[2])) if part is None else part.frame
    painting = _Painting(content, models, variety, generator, direction, whole, part)
    fine = max(_FINER * stroke, 100 * _LEAST_STROKE / whole[0])
    mask = None
    if direction.detail > 0 and fine < 0.75 * stroke:
        mask = detail_mask(content, stroke / 100 * whole[0], direction.detail)
        mask = mask if float(mask.max()) > _NOTHING else None
    share = 1.0 if mask is None else 0.4
    known, keep, begin, levels = (None, None, None, 0) if part is None else (part.known, part.keep, part.begin, part.levels)
    painting.grade(stroke)
    picture = painting.layer(stroke, structure, levels, known, keep, begin, _within(report, 0.0, share))
    done = picture if known is None or keep is None else torch.where(keep > 0, known, picture)
    if mask is None:
        return done
    stay = (mask < _NOTHING).float()
    stay = stay if keep is None else torch.maximum(stay, keep)
    over = painting.layer(fine, min(1.0, structure + _CLOSER), _FINE_LEVELS, done, stay, None, _within(report, share, 1.0))
    return done + torch.where(stay > 0, 0.0, mask) * (over - done)


class _Painting:
    """What the layers of one picture share."""

    def __init__(
        self,
        content: torch.Tensor,
        models: tuple[Model, ...],
        variety: float,
        generator: torch.Generator,
        direction: Direction,
        whole: tuple[int, int],
        part: Part | None,
    ) -> None:
        self.content, self.models, self.variety, self.generator, self.direction = content, models, variety, generator, direction
        self.whole, self.full = whole, (int(content.shape[1]), int(content.shape[2]))
        self.part = part
        self.turns = [Transform(eighths) for eighths in range(4)] if direction.flow != "none" else [Transform()]
        self.grades: list[Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]] = []

    def grade(self, stroke: float) -> None:
        """Matches tones and colours to each style, as they are at a size of strokes."""
        for model in self.models:
            if self.part is not None:
                self.grades.append(self.part.grade)
                continue
            scale = self._scale(model, stroke)
            self.grades.append(_matched(pyramid.resize(self.content, scale.working), model, scale.style))

    def layer(
        self,
        stroke: float,
        structure: float,
        levels: int,
        known: torch.Tensor | None,
        keep: torch.Tensor | None,
        begin: torch.Tensor | None,
        report: Report | None,
    ) -> torch.Tensor:
        """Paints with strokes of one size; see ``Part`` for ``known``, ``keep``, ``begin`` and ``levels``."""
        scales = [self._scale(model, stroke) for model in self.models]
        working, direction = scales[0].working, self.direction
        small = pyramid.resize(self.content, working)
        owners = None if direction.owners is None else _nearest(direction.owners, working)
        target, moved = self._targets(small, owners)
        first = moved if begin is None else pyramid.resize(begin, working)
        sources = self._sources([s.style for s in scales])
        atlas = Atlas(sources, self._usable([s.style for s in scales]))
        weight = 5.0 * structure**1.5
        guides = [
            Guide(tuple(2 * luminance(s) for s in sources), 2 * target, (weight,)),
            Guide(tuple(2 * s for s in sources), 2 * moved, (0.25 * weight,)),
        ]
        if direction.flow != "none":
            guides.append(self._flow(small, sources))
        near = edges(small, direction.edges, None if direction.geometry is None else _resized(direction.geometry, working))
        fixed = None if known is None or keep is None else Fixed(2 * known - 1, keep, None).at(working)

        def start(level_source: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
            noise = torch.randn(1, *size, generator=self.generator).to(small.device)
            return 2 * pyramid.resize(first, size) - 1 + 0.1 * level_source.std() * noise

        def show(fraction: float, stage: str, picture: torch.Tensor | None) -> None:
            if report is not None:
                report(0.9 * fraction, stage, None if picture is None else (picture + 1) / 2)

        settings = Settings(variety=self.variety, passes=_PASSES if levels != _FINE_LEVELS else _FINE_PASSES, components=24)
        count = min(levels or _LEVELS, *(pyramid.level_count(s.style, working) for s in scales))
        every = tuple(n for n in range(len(self.models)) for _ in self.turns)
        belong = None if owners is None else Owners(owners, every)
        while count > 1 and not _enough(atlas, 0.5 ** (count - 1), len(self.turns)):
            count -= 1
        centred = Atlas(tuple(2 * s - 1 for s in sources), atlas.usable)
        picture, field = synthesize(centred, working, start, settings, tuple(guides), count, show, fixed, near, belong)
        if working == self.full and direction.coverage is None:
            return (picture + 1) / 2
        ratio = self.full[0] / working[0]
        finer = sources if working == self.full else self._sources([pyramid.size_at(s.style, ratio) for s in scales])
        plain = Atlas(finer).sheet(1.0)
        enlargement = Enlargement(field, working, self.full, atlas.sheet(1.0), plain, plain.stack(finer))
        needed = None if keep is None else keep[0] <= 0
        return self._enlarged(enlargement, every, needed, report)

    def _enlarged(
        self, enlargement: Enlargement, every: tuple[int, ...], needed: torch.Tensor | None, report: Report | None
    ) -> torch.Tensor:
        direction, coverage = self.direction, self.direction.coverage

        def near(rows: slice, columns: slice) -> torch.Tensor:
            geometry = None if direction.geometry is None else direction.geometry[:, rows, columns]
            found = edges(self.content[:, rows, columns], direction.edges, geometry)
            assert found is not None
            return found

        result = torch.zeros_like(self.content)
        for number in range(1 if coverage is None else len(coverage)):
            one, wanted = enlargement, needed
            if coverage is not None:
                one = apart(enlargement, [n for n, owner in enumerate(every) if owner == number])
                wanted = coverage[number] > 0 if needed is None else needed & (coverage[number] > 0)
            for rows, columns, paint_here in one.bands(near if direction.edges > 0 else None, wanted, direction.rows):
                result[:, rows, columns] += paint_here if coverage is None else coverage[number, rows, columns] * paint_here
                if report is not None:
                    report(0.9 + 0.1 * rows.stop / self.full[0], "refining", None)
        return result

    def _scale(self, model: Model, stroke: float) -> Scale:
        scale = scale_for(self.whole, (int(model.planes.shape[1]), int(model.planes.shape[2])), stroke)
        working = self.full if scale.zoom == 1 else pyramid.size_at(self.full, 1 / scale.zoom, LEAST_SIDE)
        return dataclasses.replace(scale, working=working)

    def _targets(self, small: torch.Tensor, owners: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Target luminance and colours, of each style in its own positions."""
        target, moved = self.grades[0](small)
        for number, grade in enumerate(self.grades[1:], 1):
            if owners is not None:
                light, colors = grade(small)
                mine = owners == number
                target, moved = torch.where(mine, light, target), torch.where(mine, colors, moved)
        return target, moved

    def _sources(self, sizes: list[tuple[int, int]]) -> tuple[torch.Tensor, ...]:
        small = [pyramid.resize(model.planes, size) for model, size in zip(self.models, sizes, strict=True)]
        return tuple(_turned(planes, turn) for planes in small for turn in self.turns)

    def _usable(self, sizes: list[tuple[int, int]]) -> tuple[torch.Tensor | None, ...]:
        found: list[torch.Tensor | None] = []
        for model, size in zip(self.models, sizes, strict=True):
            for turn in self.turns:
                usable = None if model.usable is None else _turned(pyramid.resize(model.usable, size), turn)
                found.append(None if usable is None else (usable > _OPAQUE).float())
        return tuple(found)

    def _flow(self, small: torch.Tensor, sources: tuple[torch.Tensor, ...]) -> Guide:
        """Strokes along the wanted directions, by turned copies of the style."""
        size = (int(small.shape[1]), int(small.shape[2]))
        if self.direction.flow == "angle":
            wanted = constant_flow(self.direction.angle, size, small.device)
        else:
            wanted = flow_field(small, 0.04 * size[0])
        own = [stroke_field(s, 2.0) for s in sources]
        strength = torch.stack([f.square().mean() for f in own]).mean().sqrt().clamp_min(0.1)
        return Guide(tuple(f / (2 * strength) for f in own), wanted, _FLOW_WEIGHT)


def _matched(small: torch.Tensor, model: Model, size: tuple[int, int]) -> Grade:
    """From content to what the style would show in its place, by what may be used of the style."""
    source = pyramid.resize(model.planes, size)
    if model.usable is not None:
        source = source[:, pyramid.resize(model.usable, size)[0] > 0.5][:, None]
    return Grade.of([small], source)


def _turned(planes: torch.Tensor, turn: Transform) -> torch.Tensor:
    """A turned copy, ``(C, h, w)``; of one turned by 45 degrees the middle, which shows the original everywhere."""
    if turn.eighths % 2 == 0:
        return turn.apply(planes)
    side = min(int(planes.shape[1]), int(planes.shape[2]))
    top, left = ((int(n) - side) // 2 for n in planes.shape[1:])
    whole = turn.apply(planes[:, top : top + side, left : left + side])
    inner = max(LEAST_SIDE, int(side * 0.5**0.5) - 2)
    start = (int(whole.shape[1]) - inner) // 2
    return whole[:, start : start + inner, start : start + inner].contiguous()


def _enough(atlas: Atlas, factor: float, turns: int) -> bool:
    """Whether every style (each stands ``turns`` times in the atlas) has usable patches at a scale, and all together enough of them."""
    sheet = atlas.sheet(factor)
    if sheet.usable is None:
        return True
    each = sheet.usable.view(sheet.grid).sum(1)
    members = sheet.member_of(torch.arange(sheet.grid[0], device=each.device))
    counts = torch.zeros(len(sheet.sizes), dtype=each.dtype, device=each.device).index_add_(0, members, each)
    return int(counts[::turns].min()) > 0 and int(counts.sum()) >= LEAST_PATCHES


def _nearest(numbers: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Whole numbers ``(H, W)`` at another size, unmixed."""
    rows, columns = (((torch.arange(n, device=numbers.device) + 0.5) * s / n).long() for n, s in zip(size, numbers.shape, strict=True))
    return numbers[rows][:, columns]


def _resized(geometry: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Planes that must not be mixed at edges, by their nearest pixels."""
    return torch.stack([_nearest(plane, size) for plane in geometry])


def _within(report: Report | None, start: float, end: float) -> Report | None:
    if report is None:
        return None
    return lambda fraction, stage, picture: report(start + (end - start) * fraction, stage, picture)
