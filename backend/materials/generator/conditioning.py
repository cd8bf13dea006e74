"""From what an artist gives (a prompt, a photograph, sliders, a seed) to what the generator needs.

A prompt sets some attributes, the sliders win over it, and what neither sets comes from a material that the model has seen: the seed
picks one of the family that agrees with what is set. So a bare "brick" gives another plausible brick for every seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from ....shared.material import ATTRIBUTES, FAMILIES
from ..attributes import COLORS, FAMILY_NAMES, NUMBERS, Attributes
from ..prompt import Prompt, read_prompt
from ..prompt.palette import TYPICAL
from ..prompt.senses import parse_hex
from .model import MaterialModel

UNASKED = ("wetness", "growth")  # what a material has none of unless somebody asks: a plain "brick" is dry and bare
NEAREST = 10  # from so many materials that agree best with what is set, the seed picks two and goes some way from one to the other
MOSS = (0.27, 0.34, 0.13)  # colour of growth in the gaps, sRGB
USUAL = 0.4  # share of a family's materials, those nearest to its typical colour, from which one is taken where no colour is asked for
PHOTO_SIDE = 256  # pixels to which a photograph's shorter side is brought: about the scale of the training data


@dataclasses.dataclass(frozen=True)
class PhotoCode:
    """What the encoder sees in a photograph.

    Attributes:
        attributes: Complete.
        mean: ``(1, L)`` float32 on the CPU, of the latent.
        log_variance: ``(1, L)`` float32 on the CPU, of the latent.
    """

    attributes: Attributes
    mean: torch.Tensor
    log_variance: torch.Tensor


@dataclasses.dataclass(frozen=True)
class Description:
    """What was said about one material, read and encoded: the same for all seeds of a request.

    Attributes:
        text: The prompt.
        prompt: How it was read.
        photo: The photograph, encoded, or None.
    """

    text: str
    prompt: Prompt
    photo: PhotoCode | None


@dataclasses.dataclass(frozen=True)
class Brief:
    """What one material shall be.

    Attributes:
        attributes: Complete.
        latent: ``(1, L)`` float32, what attributes do not say.
        layout: Name in ``LAYOUTS``.
        prompt: How the prompt was read.
        notes: For the artist, in words.
    """

    attributes: Attributes
    latent: torch.Tensor
    layout: str
    prompt: Prompt
    notes: tuple[str, ...] = ()


def describe(model: MaterialModel, prompt: str, photo: torch.Tensor | None) -> Description:
    """Reads a prompt and encodes a photograph.

    Args:
        model: Has the encoder.
        prompt: May be empty.
        photo: ``(3, H, W)`` float32, sRGB 0..1, or None.
    """
    return Description(prompt, read_prompt(prompt), None if photo is None else encode_photo(model, photo))


def make_brief(
    model: MaterialModel,
    description: Description,
    parameters: Mapping[str, Any],
    generator: torch.Generator,
    layout: str = "auto",
    families: Mapping[str, float] | None = None,
) -> Brief:
    """Settles what a material shall be.

    Args:
        model: Its library fills in what is not said.
        description: What was said.
        parameters: Attribute values by name, None or absent where open.
        generator: Picks what is left open; on the CPU.
        layout: Name in ``LAYOUTS``, or ``auto``.
        families: Part of those that the prompt names, in place of all; colours that are asked for are those of the main one.
    """
    read, photo = description.prompt, description.photo
    notes = list(read.notes)
    latent = torch.randn(1, model.generator.config.latent, generator=generator)
    seen = None
    if photo is not None:
        seen, latent = photo.attributes, photo.mean + 0.7 * latent * (photo.log_variance / 2).exp()
    moved = {name: parameters[name] for name in ATTRIBUTES if parameters.get(name) is not None}
    wanted = {**read.attributes, **moved}
    part, families = families, dict(read.families)
    if not families:
        families = {seen.main_family: 1.0} if seen is not None else _any_family(model, wanted, generator)
        if seen is None and description.text.strip():
            notes.append(f"No material was named, so {FAMILIES[_main(families)].label} was taken")
    if part is not None:
        if _main(families) not in part:
            wanted = {name: value for name, value in wanted.items() if name not in COLORS}
        families = dict(part)
    base = seen if seen is not None else _typical(model, families, wanted, generator)
    values = {n: getattr(base, n) for n in ATTRIBUTES}
    if seen is None:
        values.update(dict.fromkeys(UNASKED, 0.0))
    values.update(wanted)
    if "growth" in wanted:
        # What grows covers the gaps and some of the body; a mean that stayed gray would turn the stones blue to make up for it.
        for name, most in (("gap_color", 0.8), ("color", 0.45)):
            if name not in wanted:
                share = most * float(values["growth"])
                values[name] = [c + share * (m - c) for c, m in zip(values[name], MOSS, strict=True)]
    chosen = FAMILIES[_main(families)].layout if layout == "auto" else layout
    if layout == "auto" and read.layout:
        chosen = read.layout
    elif layout == "auto" and photo is not None and not read.families:
        chosen = "none"  # the photograph has its own joints, nobody knows where
    colors = {n: _color(values[n]) for n in COLORS}
    numbers = {n: float(values[n]) for n in NUMBERS}
    return Brief(Attributes(families, **colors, **numbers), latent, chosen, read, tuple(notes))  # type: ignore[arg-type]


def _main(families: Mapping[str, float]) -> str:
    return max(families, key=lambda name: families[name])


def _color(value: Any) -> tuple[float, float, float]:
    red, green, blue = (float(x) for x in value)
    return red, green, blue


def encode_photo(model: MaterialModel, photo: torch.Tensor) -> PhotoCode:
    """Runs the encoder on a photograph, ``(3, H, W)`` float32, sRGB 0..1."""
    scale = PHOTO_SIDE / min(photo.shape[1:])
    size = [max(64, round(side * scale / 2) * 2) for side in photo.shape[1:]]
    small = F.interpolate(photo[None, :3], size=size, mode="bilinear", antialias=True, align_corners=False)
    with torch.inference_mode():
        mean, log_variance, read = model.encoder(small.to(model.device))
    mean, log_variance, read = (t.cpu() for t in (mean, log_variance, read))
    weights = read[0, : len(FAMILY_NAMES)].softmax(0)
    weights = torch.where(weights > 0.15, weights, 0.0)
    vector = torch.cat([weights / weights.sum().clamp_min(1e-6), read[0, len(FAMILY_NAMES) :].clamp(0, 1)])
    if float(weights.sum()) <= 0:
        vector[int(read[0, : len(FAMILY_NAMES)].argmax())] = 1.0
    # The mean colour needs no guess.
    at = len(FAMILY_NAMES) + 3 * COLORS.index("color")
    vector[at : at + 3] = photo[:3].mean((1, 2)).cpu()
    return PhotoCode(Attributes.from_vector(vector), mean, log_variance)


def _any_family(model: MaterialModel, wanted: Mapping[str, Any], generator: torch.Generator) -> dict[str, float]:
    """A family for a prompt that names none: that of a material which agrees with what is wanted."""
    row = _pick(model.library, wanted, generator)
    return {FAMILY_NAMES[int(row[: len(FAMILY_NAMES)].argmax())]: 1.0}


def _typical(model: MaterialModel, families: Mapping[str, float], wanted: Mapping[str, Any], generator: torch.Generator) -> Attributes:
    """A material of the main family that the model has seen and that agrees with what is wanted."""
    main = _main(families)
    rows = model.library[model.library[:, FAMILY_NAMES.index(main)] > 0.5]
    rows = rows if len(rows) else model.library
    return Attributes.from_vector(_pick(rows if "color" in wanted else _usual(rows, main), wanted, generator))


def _usual(rows: torch.Tensor, family: str) -> torch.Tensor:
    """Without the materials of odd colours: there are blue bricks, but nobody means them by "brick"."""
    at = len(FAMILY_NAMES) + 3 * COLORS.index("color")
    colors = rows[:, at : at + 3]
    typical = torch.tensor(parse_hex(TYPICAL[family])) if family in TYPICAL else colors.median(0).values
    distance = (colors - typical).square().sum(1)
    return rows[distance.argsort(stable=True)[: max(1, round(USUAL * len(rows)))]]


def _pick(rows: torch.Tensor, wanted: Mapping[str, Any], generator: torch.Generator) -> torch.Tensor:
    """One of the rows nearest to the wanted attributes; any row where nothing is wanted."""
    columns: list[int] = []
    values: list[float] = []
    for name, value in wanted.items():
        if name in COLORS:
            at = len(FAMILY_NAMES) + 3 * COLORS.index(name)
            columns += [at, at + 1, at + 2]
            values += [float(x) for x in value]
        else:
            columns.append(len(FAMILY_NAMES) + 3 * len(COLORS) + NUMBERS.index(name))
            values.append(float(value))
    if not columns:
        return rows[int(torch.randint(len(rows), (1,), generator=generator))]
    distance = (rows[:, columns] - torch.tensor(values)).square().sum(1)
    near = rows[distance.argsort(stable=True)[:NEAREST]]
    one, other = near[torch.randint(len(near), (2,), generator=generator)]
    one_family, other_family = (row[: len(FAMILY_NAMES)].argmax() for row in (one, other))
    if one_family != other_family:
        return one
    return torch.lerp(one, other, float(torch.rand((), generator=generator)))
