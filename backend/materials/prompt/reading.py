"""Text to material attributes: the whole way, without a network and without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....shared.material import ATTRIBUTES, FAMILIES, LAYOUTS
from .blending import Blend, Role, blend, find_roles
from .coloring import read_colors
from .items import Item, recognise
from .result import GRAMMAR, Prompt
from .scan import scan
from .senses import PRESENCE, Color, Kind

if TYPE_CHECKING:
    from .semantics import Semantics

_CRACKING = frozenset({"mud", "ice", "lava"})
"""Families that crack into polygons; on others a crack is wear."""
_OPPOSITE = 0.6  # "not glossy" goes this share of the way to the other end
_SAYS = {Kind.FAMILY, Kind.OVERLAY, Kind.ATTRIBUTE, Kind.THING, Kind.GAP}


def read_prompt(text: str, semantics: Semantics | None = None) -> Prompt:
    """What a prompt says about a material; see ``docs/prompts.md`` for the language.

    Args:
        text: Words in English, at most ``scan.MAX_CHARACTERS``. May be empty: then nothing is set.
        semantics: Finds neighbours for words that the lexicon lacks; None leaves them unknown.

    Returns:
        Families, attributes and layout that the prompt sets, and a report of every word.

    Raises:
        InputError: Not text, or too long.
    """
    words, notes = scan(text)
    items = recognise(words, semantics)
    roles = find_roles(items)
    blended = blend(items, roles)
    colors, color_notes = read_colors(items, roles, blended.families)
    notes += color_notes
    numbers = _read_numbers(items, roles, blended, notes)
    if colors.variation is not None:
        numbers.setdefault("variation", colors.variation)
    layout = _read_layout(items, blended, notes)
    _check_families(items, roles, blended, notes)
    values: dict[str, float | Color | None] = {
        **numbers,
        "color": colors.color or colors.suggested or next((item.sense.color for item in items if _burnt(item)), None),
        "gap_color": colors.gap_color or colors.suggested_gap,
    }
    attributes = {name: value for name in ATTRIBUTES if (value := values.get(name)) is not None}
    unknown = list(dict.fromkeys(item.text for item in items if item.kind is Kind.UNKNOWN))
    known = [(item.text, _explain(item, roles.get(i), blended)) for i, item in enumerate(items) if item.kind is not Kind.UNKNOWN]
    if items and not blended.families:
        notes.append("No material is named" + ("" if known else ", and no word is known"))
    return Prompt(blended.families, attributes, layout, known, unknown, list(dict.fromkeys(notes)), blended.apart)


def _burnt(item: Item) -> bool:
    return item.kind is Kind.ATTRIBUTE and item.sense.color is not None and not item.negated


def _read_numbers(items: list[Item], roles: dict[int, Role], blended: Blend, notes: list[str]) -> dict[str, float]:
    """The numeric attributes: what words are about wins over what they suggest; opposite demands are noted and averaged."""
    main: dict[str, list[tuple[float, Item]]] = {}
    side: dict[str, list[tuple[float, Item]]] = {}
    cracking = bool(_CRACKING & set(blended.families))
    for i, item in enumerate(items):
        if item.kind not in _SAYS or item.part_of_negated or roles.get(i) in (Role.NOTHING, Role.FILLING):
            continue
        if item.kind is Kind.ATTRIBUTE and item.sense.tone == "deep" and item.meaning:
            continue  # "deep red": said about the colour
        if "scale" in item.sense.main and _describes_detail(items, i):
            item.meaning = f"size of the {items[i + 1].text}: cannot be set on its own"
            notes.append(f"The size of the {items[i + 1].text} cannot be set on its own")
            continue
        for target, effects in ((main, item.sense.main), (side, item.sense.side)):
            for name, value in effects.items():
                if name == "growth" and item.kind is Kind.OVERLAY:
                    continue  # moss over a family: decided with the blend
                if name == "wear" and cracking and item.sense.key in ("cracks", "cracked"):
                    continue  # there it is the layout
                if target is side and item.negated and name not in PRESENCE:
                    continue
                target.setdefault(name, []).append((_valued(name, value, item), item))
    if blended.growth is not None:
        main.setdefault("growth", []).extend((blended.growth, items[i]) for i in roles if _plant(items[i]))
    values = {name: _combine(name, demands, notes) for name, demands in main.items()}
    for name, demands in side.items():
        if name not in values:
            values[name] = _combine(name, demands, [])
    return values


def _describes_detail(items: list[Item], i: int) -> bool:
    return i + 1 < len(items) and items[i + 1].kind in (Kind.GAP, Kind.THING) and not items[i + 1].stop


def _plant(item: Item) -> bool:
    return bool({"moss", "grass"} & set(item.sense.families))


def _valued(name: str, value: float, item: Item) -> float:
    """An attribute's value after degrees and negation, 0..1."""
    if name in PRESENCE:
        if item.negated:
            return 0.0 if value > 0.3 else 0.6  # "not new" is worn
        # "Slightly clean" is not cleaner than "clean": low values are pulled towards the middle by weak words.
        scaled = value * item.strength if value > 0.2 else value / max(item.strength, 0.1)
        return min(max(scaled, 0.0), 1.0)
    offset = value - 0.5
    offset = -_OPPOSITE * offset if item.negated else offset * item.strength
    return min(max(0.5 + offset, 0.0), 1.0)


def _combine(name: str, demands: list[tuple[float, Item]], notes: list[str]) -> float:
    neutral = 0.15 if name in PRESENCE else 0.5
    values = [value for value, _ in demands]
    low, high = [v for v in values if v < neutral], [v for v in values if v >= neutral]
    if low and high and max(high) - min(low) > 0.25:
        first = next(item.text for value, item in demands if value < neutral)
        second = next(item.text for value, item in demands if value >= neutral)
        notes.append(f"'{first}' and '{second}' contradict each other: {ATTRIBUTES[name].label.lower()} is set between them")
        return sum(values) / len(values)
    return max(values, key=lambda v: abs(v - neutral))


def _read_layout(items: list[Item], blended: Blend, notes: list[str]) -> str:
    named: list[str] = []
    for item in items:
        if item.sense.key in ("cracks", "cracked") and _CRACKING & set(blended.families) and not item.part_of_negated:
            named.append("none" if item.negated else "cracked")
            item.meaning = "no cracks" if item.negated else LAYOUTS["cracked"].lower()
        elif item.sense.layout and not item.part_of_negated:
            if item.negated:
                notes.append(f"'{item.text}' is excluded: the material's usual layout is taken")
            else:
                named.append(item.sense.layout)
        elif item.kind is Kind.GAP and item.negated and item.sense.key in ("mortar", "gaps"):
            named.append("none")
    named = list(dict.fromkeys(named))
    if len(named) > 1:
        notes.append(f"{len(named)} layouts are named ({', '.join(named)}): the first is taken")
    return named[0] if named else ""


def _check_families(items: list[Item], roles: dict[int, Role], blended: Blend, notes: list[str]) -> None:
    """Notes families that are named and excluded at once, and exclusions that had nothing to exclude."""
    for i in roles:
        item = items[i]
        if not item.negated:
            continue
        name = next(iter(item.sense.families))
        if name in blended.families:
            notes.append(f"'{item.text}' is excluded, but {FAMILIES[name].label.lower()} is named too: it is kept")
        elif not blended.families:
            notes.append(f"'{item.text}' is excluded, but it is not said what is wanted instead")


def _explain(item: Item, role: Role | None, blended: Blend) -> str:
    """What a word was understood as, in words."""
    meaning = item.meaning or _meaning(item, role, blended)
    return f"{item.how}: {meaning}" if item.how else meaning


def _meaning(item: Item, role: Role | None, blended: Blend) -> str:
    if item.part_of_negated:
        return "describes what is excluded"
    if item.kind is Kind.FILLER:
        return f"changes nothing: {item.sense.text}" if item.sense.text != "changes nothing" else "changes nothing"
    if item.kind in (Kind.JOIN, Kind.GRAMMAR):
        return GRAMMAR
    parts: list[str] = []
    if role is not None:
        parts.append(_family_meaning(item, role, blended))
    if item.kind in _SAYS:
        effects = item.sense.main if item.kind is not Kind.OVERLAY else {}
        if item.kind is not Kind.FAMILY and not effects and item.kind is not Kind.OVERLAY:
            effects = item.sense.side
        parts += [f"{ATTRIBUTES[name].label.lower()} {_valued(name, value, item):.2f}" for name, value in effects.items()]
    if item.kind is Kind.GAP:
        parts.append("no joints" if item.negated else "joints and hollows")
    if item.sense.layout:
        parts.append(("not " if item.negated else "") + f"layout {LAYOUTS[item.sense.layout].lower()}")
    return ", ".join(part for part in parts if part) or ("colour" if item.kind in (Kind.COLOR, Kind.TONE) else "changes nothing here")


def _family_meaning(item: Item, role: Role, blended: Blend) -> str:
    labels = " and ".join(FAMILIES[name].label.lower() for name in item.sense.families)
    if item.negated:
        return f"no {labels}"
    if role is Role.NOTHING:
        return "only tells where or what something else is"
    if role is Role.FILLING:
        return f"{labels} in the joints: their colour only"
    shares = [f"{FAMILIES[name].label.lower()} {blended.families[name]:.0%}" for name in item.sense.families if name in blended.families]
    if shares:
        return "material " + ", ".join(shares)
    if role is Role.OVERLAY and _plant(item) and blended.growth is not None:
        return f"growth {blended.growth:.2f}"
    return "what it is made of: its colour only" if item.sense.color else "what it is made of"
