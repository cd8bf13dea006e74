"""Style transfer by optimisation: a picture whose positions look like the style's positions to VGG19.

Two ways to say so. *Neural neighbours* (Kolkin et al. 2022): every place is given the style's most similar place as its goal, which keeps
the style's features whole. *Sliced Wasserstein* (Heitz et al. 2021): all positions together shall be distributed like the style's, which is
softer and needs less memory. Both work from a coarse to the fine size and on the coefficients of a Laplacian pyramid, so that large
shapes settle as quickly as detail.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from ...patchmatch import pyramid
from .network import HYPERCOLUMN, Vgg, hypercolumns

COARSEST = 64
"""Pixels of the longer side at which the work begins."""
LEVELS = 5
RATE = 2e-2
FEATURE_STEP = 4
"""Pixels of the picture for a position that is compared."""
MOST_PLACES = 16384
"""Of the style, at one size; more are thinned out evenly."""
WASSERSTEIN = ("conv1_2", "conv2_2", "conv3_3", "conv4_1", "conv5_1")
PROJECTIONS = 128
CONTENT = "conv4_1"
Report = Callable[[float, str, "torch.Tensor | None"], None]


@dataclasses.dataclass(frozen=True)
class Options:
    """What an artist may ask for.

    Attributes:
        method: ``neighbours`` or ``wasserstein``.
        structure: 0..1, how closely the content is followed.
        scale: Size of the style's features against the content's; 1 shows both at the same height.
        steps: Of the optimiser, at each size.
    """

    method: str = "neighbours"
    structure: float = 0.4
    scale: float = 1.0
    steps: int = 120


def transfer(
    network: Vgg,
    content: torch.Tensor,
    styles: list[tuple[torch.Tensor, float]],
    options: Options,
    generator: torch.Generator,
    report: Report,
) -> torch.Tensor:
    """Paints the content in the manner of the styles.

    Args:
        network: On the pictures' device.
        content: ``(3, H, W)`` sRGB 0..1.
        styles: ``(3, h, w)`` and its weight each.
        options: What is asked for.
        generator: On the CPU; draws projections.
        report: Called every few steps; may raise to cancel.

    Returns:
        ``(3, H, W)``, clipped to 0..1.
    """
    full = (int(content.shape[1]), int(content.shape[2]))
    sizes = sizes_for(full)
    picture = pyramid.resize(content, sizes[0])
    for number, size in enumerate(sizes):
        near = pyramid.resize(content, size)
        shown = [(_style_at(style, size, options.scale), weight) for style, weight in styles]
        picture = near if number == 0 else _enlarged(picture, near, size)
        goal = _goal(network, near, shown, options, generator)

        def step(done: int, now: torch.Tensor, number: int = number) -> None:
            report((number + done / options.steps) / len(sizes), f"painting {number + 1}/{len(sizes)}", now)

        picture = _optimise(picture, goal, options.steps, step)
    return pyramid.resize(picture, full).clamp(0, 1)


def sizes_for(full: tuple[int, int]) -> list[tuple[int, int]]:
    """Heights and widths from the coarsest to the full size, each twice the one before."""
    count = min(LEVELS, 1 + max(0, math.ceil(math.log2(max(full) / COARSEST))))
    return [full if n == 0 else pyramid.size_at(full, 0.5**n, 16) for n in reversed(range(count))]


def _style_at(style: torch.Tensor, size: tuple[int, int], scale: float) -> torch.Tensor:
    factor = scale * size[0] / style.shape[1]
    factor = min(factor, 2 * max(size) / max(style.shape[1:]))
    return pyramid.resize(style, pyramid.size_at((int(style.shape[1]), int(style.shape[2])), factor, 16))


def _enlarged(picture: torch.Tensor, content: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """What was painted, with the content's finest detail on it to be painted over."""
    small = (int(picture.shape[1]), int(picture.shape[2]))
    detail = content - pyramid.resize(pyramid.resize(content, small), size)
    return pyramid.resize(picture, size) + 0.5 * detail


Goal = Callable[[torch.Tensor, bool], torch.Tensor]
"""The loss of a picture; the second argument says whether its neighbours shall be looked for anew."""


def _goal(
    network: Vgg, content: torch.Tensor, styles: list[tuple[torch.Tensor, float]], options: Options, generator: torch.Generator
) -> Goal:
    with torch.no_grad():
        wanted = network(content, (CONTENT,))[CONTENT]
    kept = 2.0 * options.structure**2

    def content_loss(found: torch.Tensor) -> torch.Tensor:
        return kept * (1 - F.cosine_similarity(found.flatten(1), wanted.flatten(1), dim=0)).mean()

    look = _neighbours if options.method == "neighbours" else _wasserstein
    return look(network, content, styles, content_loss, generator)


def _neighbours(
    network: Vgg,
    content: torch.Tensor,
    styles: list[tuple[torch.Tensor, float]],
    content_loss: Callable[[torch.Tensor], torch.Tensor],
    generator: torch.Generator,
) -> Goal:
    grid = (max(2, content.shape[1] // FEATURE_STEP), max(2, content.shape[2] // FEATURE_STEP))
    with torch.no_grad():
        banks = []
        for style, weight in styles:
            size = (max(2, style.shape[1] // FEATURE_STEP), max(2, style.shape[2] // FEATURE_STEP))
            places = hypercolumns(network(style, HYPERCOLUMN), size).flatten(1).T
            banks.append((places[:: max(1, len(places) // MOST_PLACES)], weight))
        bank = torch.cat([places for places, _ in banks])
        # A style of more weight is preferred where both are about as near; the difference decides nothing where one fits much better.
        total = sum(weight for _, weight in banks)
        bonus = torch.cat([torch.full((len(places),), 0.3 * (weight / total), device=bank.device) for places, weight in banks])
        centre = bank.mean(0)
        keys = F.normalize(bank - centre, dim=1)
    chosen = torch.zeros(0)

    def loss(picture: torch.Tensor, anew: bool) -> torch.Tensor:
        nonlocal chosen
        activations = network(picture, tuple({*HYPERCOLUMN, CONTENT}))
        found = hypercolumns(activations, grid).flatten(1).T
        if anew:
            with torch.no_grad():
                own = found.detach()
                queries = F.normalize(own - own.mean(0), dim=1)
                chosen = bank[torch.cat([(q @ keys.T + bonus).argmax(1) for q in queries.split(2048)])]
        return (
            (1 - F.cosine_similarity(found, chosen, dim=1)).mean()
            + 0.1 * (found - chosen).abs().mean()
            + content_loss(activations[CONTENT])
        )

    return loss


def _wasserstein(
    network: Vgg,
    content: torch.Tensor,
    styles: list[tuple[torch.Tensor, float]],
    content_loss: Callable[[torch.Tensor], torch.Tensor],
    generator: torch.Generator,
) -> Goal:
    with torch.no_grad():
        goals = [(network(style, WASSERSTEIN), weight) for style, weight in styles]
    total = sum(weight for _, weight in goals)

    def loss(picture: torch.Tensor, anew: bool) -> torch.Tensor:
        activations = network(picture, WASSERSTEIN)
        result = content_loss(activations[CONTENT])
        for name in WASSERSTEIN:
            mine = activations[name].flatten(1)
            directions = torch.randn(PROJECTIONS, mine.shape[0], generator=generator).to(mine.device)
            directions = directions / directions.norm(dim=1, keepdim=True)
            sorted_mine = (directions @ mine).sort(1).values
            energy = mine.detach().square().mean().sqrt() + 1e-6
            for theirs, weight in goals:
                projected = (directions @ theirs[name].flatten(1)).sort(1).values
                even = F.interpolate(projected[None], size=sorted_mine.shape[1], mode="linear", align_corners=True)[0]
                result = result + weight / total * ((sorted_mine - even) / energy).square().mean()
        return result

    return loss


REMATCH = 20
"""Steps after which every position looks for its neighbour anew."""


def _optimise(picture: torch.Tensor, goal: Goal, steps: int, step: Callable[[int, torch.Tensor], None]) -> torch.Tensor:
    """Adam on the coefficients of a Laplacian pyramid."""
    coefficients = [c.clone().requires_grad_(True) for c in _split(picture)]
    optimiser = torch.optim.Adam(coefficients, RATE, betas=(0.9, 0.99))
    for number in range(steps):
        now = _join(coefficients)
        loss = goal(now, number % REMATCH == 0)
        loss = loss + (now - now.clamp(0, 1)).square().mean()
        optimiser.param_groups[0]["lr"] = RATE * (0.2 + 0.8 * (1 - number / steps))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if number % 5 == 0:
            step(number, now.detach().clamp(0, 1))
    with torch.no_grad():
        return _join(coefficients).detach()


def _split(picture: torch.Tensor, levels: int = 4) -> list[torch.Tensor]:
    parts, now = [], picture
    for _ in range(levels):
        size = (int(now.shape[1]), int(now.shape[2]))
        if min(size) < 16:
            break
        small = pyramid.resize(now, pyramid.size_at(size, 0.5, 8))
        parts.append(now - pyramid.resize(small, size))
        now = small
    return [*parts, now]


def _join(parts: list[torch.Tensor]) -> torch.Tensor:
    now = parts[-1]
    for detail in reversed(parts[:-1]):
        now = pyramid.resize(now, (int(detail.shape[1]), int(detail.shape[2]))) + detail
    return now
