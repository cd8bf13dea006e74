"""One material, from a request to maps: brief, layout, noise, generator, and the maps that follow from the height."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F

from ....shared.material import FAMILIES, feature_factor
from ..attributes import Attributes
from ..procedural.layouts import make_layout
from . import patterns
from .arrange import LEAST, arrange
from .blend_masks import lay_patches, parts_of
from .conditioning import Brief, Description, describe, make_brief
from .model import MaterialModel
from .noise import STRIDE, make_seeds, mix_seeds
from .tiled import canvas_of, fit, generate_tiled
from .tone import apply_tone

REFERENCE = 256
"""Pixels that ``Family.metres`` covers at a scale of 0.5."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for; images are planes on the model's device.

    Attributes:
        size: Height and width of the maps in pixels.
        prompt: May be empty.
        photo: ``(3, H, W)`` sRGB 0..1, or None.
        sliders: Attribute values by name, None where open.
        layout: Name in ``LAYOUTS``, or ``auto``.
        pattern: ``(H, W)`` 0..1, a drawn layout, resized to the maps; or None.
        morph_prompt: Of the second material.
        morph_photo: Of the second material.
        morph: 0 the first, 1 the second.
        morph_mask: ``(H, W)`` 0..1, where the second is; multiplied by ``morph`` if that is above 0.
        like_seed: Stay near the variation of this seed, or None.
        like_path: Variations passed on the way from that one to what this shall be near, each as seed and likeness.
        likeness: 0..1, how near.
        first: The first material's prompt and photograph, read and encoded; None until ``understood``.
        second: The second material's, if there is one.
    """

    size: tuple[int, int]
    prompt: str = ""
    photo: torch.Tensor | None = None
    sliders: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    layout: str = "auto"
    pattern: torch.Tensor | None = None
    morph_prompt: str = ""
    morph_photo: torch.Tensor | None = None
    morph: float = 0.0
    morph_mask: torch.Tensor | None = None
    like_seed: int | None = None
    like_path: tuple[tuple[int, float], ...] = ()
    likeness: float = 0.7
    first: Description | None = None
    second: Description | None = None

    def steps(self, seed: int) -> tuple[int, tuple[tuple[int, float], ...]]:
        """Where a variation starts, and the seeds it is drawn towards one after the other, each with how near it stays."""
        return (seed, ()) if self.like_seed is None else (self.like_seed, (*self.like_path, (seed, self.likeness)))


@dataclasses.dataclass(frozen=True)
class Produced:
    """A finished material.

    Attributes:
        stack: ``(6, H, W)`` float32 on the model's device, as in ``stack.CHANNELS``.
        brief: What it was made from (the first material's when morphing).
        seed: Of this variation.
        layout: What was laid: a name in ``LAYOUTS``, or ``drawn``.
        width_m: Metres that the width covers.
        depth_m: Metres between height 0 and height 1.
    """

    stack: torch.Tensor
    brief: Brief
    seed: int
    layout: str
    width_m: float
    depth_m: float


def understood(model: MaterialModel, request: Request) -> Request:
    """The request with its prompts read and its photographs encoded by the model: once, for any number of seeds."""
    if request.first is not None:
        return request
    first, second = describe(model, request.prompt, request.photo), None
    if request.morph > 0 and (request.morph_prompt or request.morph_photo is not None):
        second = describe(model, request.morph_prompt, request.morph_photo)
    return dataclasses.replace(request, first=first, second=second)


def produce(
    model: MaterialModel, request: Request, seed: int, report: Callable[[float], None] | None = None, half: bool = False
) -> Produced:
    """Makes one material; the same request, seed and device give the same pixels."""
    request = understood(model, request)
    first = _brief(model, request, seed)
    canvas = canvas_of(request.size)
    base, steps = request.steps(seed)
    style, morphing = _styled(model, first, lambda part: _brief(model, request, seed, part), request.photo, canvas, base), None
    if request.second is not None:
        morphing = second = _second(model, request, seed)
        there = _styled(model, second, lambda part: _second(model, request, seed, part), request.morph_photo, canvas, base)
        style = _morph(style, there, request, canvas)
    shown = morphing if morphing is not None and request.morph > 0.5 and request.morph_mask is None else first
    pattern, layout = _layout(request, shown, canvas, _random(base, 1))  # what is near a variation is laid as that is
    seeds = make_seeds(1, canvas, _random(base, 2), pattern, model.device)
    for other, likeness in steps:
        seeds = mix_seeds(seeds, make_seeds(1, canvas, _random(other, 2), pattern, model.device), 1 - likeness)
    # An adapted model knows where things are in its exemplar; a layout that is asked for wins.
    code = None
    if model.codes is not None and pattern is None and min(canvas) >= LEAST:
        code = arrange(model.codes, canvas, _random(seed, 4))
    stack = generate_tiled(model.generator, style, seeds, report, half, code)
    stack = fit(stack if model.tone is None else apply_tone(stack, model.tone), request.size)
    family = FAMILIES[first.attributes.main_family]
    width = family.metres * request.size[1] / REFERENCE / feature_factor(first.attributes.scale)
    return Produced(stack, first, seed, layout, width, family.depth)


def _random(seed: int, use: int) -> torch.Generator:
    """A generator for one use of a seed, so that a change of one does not shift the others."""
    return torch.Generator().manual_seed((seed * 8 + use) & (2**63 - 1))


def _brief(model: MaterialModel, request: Request, seed: int, part: Mapping[str, float] | None = None) -> Brief:
    base, steps = request.steps(seed)
    description = request.first
    assert description is not None

    def brief_of(one: int) -> Brief:
        return make_brief(model, description, request.sliders, _random(one, 0), request.layout, part)

    brief = brief_of(base)
    for other, likeness in steps:
        brief = _towards(brief, brief_of(other), 1 - likeness)
    return brief


def _towards(near: Brief, other: Brief, amount: float) -> Brief:
    """Attributes and latent part of the way from one variation to another; families stay."""
    mixed = near.attributes.vector() * (1 - amount) + other.attributes.vector() * amount
    attributes = dataclasses.replace(Attributes.from_vector(mixed), family=near.attributes.family)
    angle = torch.tensor(amount * torch.pi / 2)
    return dataclasses.replace(near, attributes=attributes, latent=torch.cos(angle) * near.latent + torch.sin(angle) * other.latent)


def _second(model: MaterialModel, request: Request, seed: int, part: Mapping[str, float] | None = None) -> Brief:
    """The material to morph to; the sliders speak of both."""
    assert request.second is not None
    return make_brief(model, request.second, {}, _random(seed, 3), request.layout, part)


def _style(model: MaterialModel, brief: Brief) -> torch.Tensor:
    with torch.inference_mode():
        return model.generator.style(brief.attributes.vector()[None].to(model.device), brief.latent.to(model.device))


def _styled(
    model: MaterialModel,
    brief: Brief,
    alone: Callable[[Mapping[str, float]], Brief],
    photo: torch.Tensor | None,
    canvas: tuple[int, int],
    seed: int,
) -> torch.Tensor:
    """The style of a brief, ``(1, S)``; of a blend ``(1, S, H / STRIDE, W / STRIDE)``: each material where it is.

    ``alone`` settles one of its materials. A photograph shows itself where its own are.
    """
    parts = parts_of(brief.prompt.families, brief.prompt.apart) if photo is None else []
    if not parts:
        return _style(model, brief)
    places = lay_patches([share for _, share in parts], canvas, _random(seed, 5)).to(model.device)
    styles = torch.cat([_style(model, alone(families)) for families, _ in parts])
    return torch.einsum("ns,nhw->shw", styles, places)[None]


def _everywhere(style: torch.Tensor) -> torch.Tensor:
    return style if style.ndim == 4 else style[..., None, None]


def _morph(first: torch.Tensor, second: torch.Tensor, request: Request, canvas: tuple[int, int]) -> torch.Tensor:
    """The style between two, over the whole picture or by the mask."""
    amount: float | torch.Tensor = request.morph
    if request.morph_mask is not None:
        grid = (canvas[0] // STRIDE, canvas[1] // STRIDE)
        mask = F.interpolate(request.morph_mask[None, None], size=grid, mode="bilinear", antialias=True, align_corners=False)
        amount = (mask * request.morph).to(first.device)
    if request.morph_mask is not None or first.ndim != second.ndim:
        first, second = _everywhere(first), _everywhere(second)
    return first + (second - first) * amount


def _layout(request: Request, brief: Brief, canvas: tuple[int, int], random: torch.Generator) -> tuple[torch.Tensor | None, str]:
    """The generator's pattern input and what it is called."""
    if request.pattern is not None:
        drawn = F.interpolate(request.pattern[None, None].cpu().float(), size=canvas, mode="bilinear", antialias=True, align_corners=False)
        mask = drawn[0].clamp(0, 1)
        return patterns.encode(mask, patterns.label_cells(mask[0])[None], random), "drawn"
    if brief.layout == "none":
        return None, "none"
    a = brief.attributes
    made = make_layout(brief.layout, canvas, feature_factor(a.scale), a.irregularity, random)
    # The origin of a torus is free. Layouts are drawn from a joint on, and the edge of the tile should not always lie in one.
    shift = [int(torch.randint(side, (), generator=random)) for side in canvas]
    mask, cells = (torch.roll(plane, shift, (0, 1)) for plane in (made.mask, made.cells))
    return patterns.encode(mask[None], cells[None], random), brief.layout
