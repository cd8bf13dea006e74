"""What a library says about a material next to its pictures: captions, tags, size, licence; and its attributes from all that."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import torch

from ....shared.errors import InputError
from ....shared.json_file import number_of, read_json
from ....shared.material import FAMILIES
from ....shared.notes import note
from ....shared.text_file import printable, read_text
from ..attributes import COLORS, FAMILY_NAMES, NUMBERS, VECTOR_SIZE, Attributes
from ..prompt import read_prompt
from .measure import measure

_LICENCE_FILES = ("license", "licence", "copying")
_MOST_LICENCE_TEXT = 500
"""Characters kept of a licence's text: enough to tell which it is."""
_MOST_CAPTION = 500
"""Characters of a caption that are read."""
_REFERENCE_SIDE = 256
"""Pixels that cover ``Family.metres``."""


@dataclasses.dataclass(frozen=True)
class Sidecar:
    """What was said of one material.

    Attributes:
        caption: A sentence, or empty.
        tags: Words.
        family: A name of ``FAMILIES``, or empty.
        metres: Width that the picture covers, 0 where not said.
        licence: Text, or empty.
        tiles: Whether it is said to tile; None where not said.
        attributes: Stated attributes by name.
    """

    caption: str = ""
    tags: tuple[str, ...] = ()
    family: str = ""
    metres: float = 0.0
    licence: str = ""
    tiles: bool | None = None
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)


def read_sidecar(path: Path) -> Sidecar:
    """Reads ``NAME.txt``, a caption, or ``NAME.json``, an object whose entries are called as ``Sidecar``'s attributes.

    Raises:
        InputError: Unreadable, or an entry of another kind.
    """
    if path.suffix.lower() == ".txt":
        return Sidecar(caption=" ".join(read_text(path, "a caption").split())[:_MOST_CAPTION])
    said = read_json(path, "what is said of a material", "Correct the line that is named")
    try:
        tags = said.get("tags", [])
        return Sidecar(
            caption=str(said.get("caption", "") or said.get("description", "")),
            tags=tuple(tags.replace(",", " ").split() if isinstance(tags, str) else map(str, tags)),
            family=_family(said.get("family", "")),
            metres=_metres(said.get("metres", said.get("meters", 0.0))),
            licence=str(said.get("licence", said.get("license", "")))[:_MOST_LICENCE_TEXT],
            tiles=_tiles(said.get("tiles")),
            attributes=_attributes(said.get("attributes", {})),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(expected="a JSON object with caption, tags, family, metres, licence, tiles", got=str(error)[:120]) from error


def _family(name: Any) -> str:
    if name and name not in FAMILIES:
        raise InputError(expected=f"a family, one of {', '.join(FAMILIES)}", got=repr(name))
    return str(name)


def _metres(value: Any) -> float:
    metres = number_of(value)
    if metres is None or not 0 <= metres < 1000:
        raise InputError(expected="metres as a number from 0 to 1000", got=printable(value))
    return metres


def _tiles(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):  # the text "false" would be true
        raise InputError(expected="tiles as true or false", got=printable(value))
    return value


def _attributes(said: Any) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, value in said.items():
        values = [number_of(x) for x in (value if name in COLORS and isinstance(value, list) else [value])]
        fits = len(values) == (3 if name in COLORS else 1) and all(x is not None and 0 <= x <= 1 for x in values)
        if name not in NUMBERS + COLORS or not fits:
            raise InputError(expected="attributes of a material, each number from 0 to 1", got=printable(f"{name}: {value}"))
        known[name] = tuple(values) if name in COLORS else values[0]
    return known


def find_licence(folder: Path, root: Path) -> str:
    """The beginning of the nearest licence file from a folder up to the library's root, or empty."""
    for place in (folder, *folder.parents):
        for path in sorted(place.glob("*")) if place.is_dir() else ():
            if path.stem.lower() in _LICENCE_FILES and path.is_file():
                try:
                    return " ".join(read_text(path).split())[:_MOST_LICENCE_TEXT]
                except InputError:
                    note("the licence is in no text file and was not read", path.name)
        if place == root:
            break
    return ""


def describe(
    stack: torch.Tensor, caption: str, sidecar: Sidecar, measured: frozenset[str], metres: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The attribute vector of a stack and which of its numbers are known.

    What the sidecar states comes first, then what the pixels show, then what the caption says; the rest are defaults.

    Args:
        stack: ``(6, S, S)``.
        caption: Words about it.
        sidecar: What was stated.
        measured: Which of ``relief``, ``roughness`` and ``metallic`` the pixels show; colours and variation they always do.
        metres: Width of the stack, 0 where not known.

    Returns:
        ``(V,)`` float32 and ``(V,)`` bool.
    """
    families, values = _from_words(" ".join((caption, *sidecar.tags)))
    if sidecar.family:
        families = {sidecar.family: 1.0}
    for name, value in measure(stack).items():
        if name in measured or name in (*COLORS, "variation"):
            values[name] = tuple(value.tolist()) if name in COLORS else float(value)
    if metres and len(families) == 1:
        family = FAMILIES[next(iter(families))]
        factor = (stack.shape[-1] / metres) / (_REFERENCE_SIDE / family.metres)
        values["scale"] = min(max(0.5 + math.log2(factor) / 1.5, 0.0), 1.0)
    values.update(sidecar.attributes)
    known = torch.zeros(VECTOR_SIZE, dtype=torch.bool)
    known[: len(FAMILY_NAMES)] = bool(families)
    start = len(FAMILY_NAMES)
    for name in (*COLORS, *NUMBERS):
        width = 3 if name in COLORS else 1
        known[start : start + width] = name in values
        start += width
    return Attributes(families, **values).vector(), known


def _from_words(text: str) -> tuple[dict[str, float], dict[str, Any]]:
    """Families and attributes that words name."""
    prompt = read_prompt(text[:_MOST_CAPTION])
    return dict(prompt.families), dict(prompt.attributes)
