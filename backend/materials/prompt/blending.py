"""Which families a prompt names and how much of each: heads, what modifies them, and what is over them."""

from __future__ import annotations

import dataclasses
import enum

from ....shared.material import FAMILIES
from .items import Item
from .senses import Kind

_LIES_ON = frozenset({"moss", "grass", "snow", "sand", "mud", "rust", "ice", "gravel", "lava"})
"""Families that may lie over another; moss and grass become the attribute ``growth`` there."""
_SAME_STUFF = {
    "planks": {"wood", "bark"}, "shingles": {"wood", "rock"}, "tiles": {"rock", "mud"}, "pavers": {"rock", "brick"},
    "cobblestone": {"rock", "gravel"}, "brick": {"rock", "mud", "cobblestone"}, "gravel": {"rock"}, "bark": {"wood"}, "wood": {"bark"},
    "plates": {"brushed_metal"}, "concrete": {"rock"}, "weave": {"wood"}, "lava": {"rock"}, "mud": {"rock"},
}  # fmt: skip
"""What a family may be made of without ceasing to be itself: "stone tiles" are tiles; "marble tiles" are a blend."""
_LOOSE = frozenset({"sand", "mud", "gravel", "grass", "moss", "snow", "lava"})
_COVERED = 1.25
_MODIFIER_SHARE, _OVERLAY_SHARE, _RUST_SHARE = 0.35, 0.3, 0.5
_SKIPPED = frozenset({Kind.FILLER, Kind.GRAMMAR, Kind.ATTRIBUTE, Kind.COLOR, Kind.LAYOUT, Kind.TONE})


class Role(enum.StrEnum):
    """What a family word does in its place."""

    HEAD = "head"
    MODIFIER = "modifier"  # marble in "marble tiles"
    OVERLAY = "overlay"  # moss in "rocks with moss"
    FILLING = "filling"  # sand in "sand joints"
    NOTHING = "nothing"  # iron in "planks with iron nails", stones in "cobbles with grass between the stones"


@dataclasses.dataclass
class Blend:
    """What the families of a prompt amount to.

    Attributes:
        families: With weights summing to 1.
        growth: What plants laid over them amount to (None: not said).
        roles: Of the words.
        apart: Families that lie next to or on one another; marble in "marble tiles" does not, it is what the tiles are made of.
    """

    families: dict[str, float]
    growth: float | None
    roles: dict[int, Role]
    apart: tuple[str, ...]


def find_roles(items: list[Item]) -> dict[int, Role]:
    """The role of each family and overlay word by its index in ``items``."""
    roles: dict[int, Role] = {}
    context = ""  # the last joining word that still holds
    for i, item in enumerate(items):
        if item.stop and context in ("with", "covered", "on", "under"):
            context = ""
        if item.kind is Kind.JOIN:
            context = _join(items, roles, i, context)
        elif item.kind is Kind.OVERLAY:
            roles[i] = Role.OVERLAY
        elif item.kind is Kind.FAMILY:
            roles[i] = _role(items, roles, i, context)
            if context == "covered":
                item.strength *= _COVERED
            if context in ("of", "on", "under"):
                context = ""
    return roles


def _join(items: list[Item], roles: dict[int, Role], i: int, context: str) -> str:
    key = items[i].sense.key
    last = max(roles, default=-1)
    near = last >= 0 and not any(item.stop for item in items[last + 1 : i + 1])
    if key == "covered":
        following = items[i + 1] if i + 1 < len(items) and not items[i + 1].stop else None
        if following is None or following.text not in ("in", "with", "by"):
            if last == i - 1 >= 0:  # "moss-covered"
                roles[last] = Role.OVERLAY
                items[last].strength *= _COVERED
            return ""
        return "covered"
    if key == "with":
        return "covered" if context == "covered" else "with"
    if key in ("on", "in"):
        if context == "covered":
            return "covered"
        if near and _first(items[last]) in _LIES_ON:
            roles[last] = Role.OVERLAY  # "moss on rocks"
            return "on"
        return "under" if near and roles[last] is Role.HEAD else "on"
    if key == "of":
        return "of" if near else context
    return context if key in ("and", "or") else ""


def _role(items: list[Item], roles: dict[int, Role], i: int, context: str) -> Role:
    item = items[i]
    others = any(role is Role.HEAD for role in roles.values())
    following = _following(items, i)
    if item.share is not None:
        return Role.HEAD
    if following is not None and following.kind is Kind.GAP and others and following is items[i + 1]:
        return Role.OVERLAY if _first(item) in ("moss", "grass") else Role.FILLING
    if following is not None and following.kind is Kind.FAMILY and following.share is None and not following.negated:
        return Role.MODIFIER
    if context in ("with", "covered", "under") and others:
        unknown = i + 1 < len(items) and items[i + 1].kind is Kind.UNKNOWN and not items[i + 1].stop
        return Role.NOTHING if unknown and context == "with" else Role.OVERLAY
    if context == "on" and others:
        return Role.NOTHING  # "cobbles with grass between the stones"
    if context == "of" and others:
        return Role.MODIFIER
    if others and i and (item.stop or item.strength < 0.7) and _first(item) in ("moss", "rust"):
        return Role.OVERLAY  # "cobblestone, moss, wet"; "rock and some moss"
    return Role.HEAD


def _following(items: list[Item], i: int) -> Item | None:
    """The next noun of the same phrase, adjectives skipped."""
    for item in items[i + 1 :]:
        if item.stop or item.kind not in _SKIPPED:
            return None if item.stop or item.kind not in (Kind.FAMILY, Kind.GAP) else item
    return None


def _first(item: Item) -> str:
    return next(iter(item.sense.families), "")


def blend(items: list[Item], roles: dict[int, Role]) -> Blend:
    """Families and weights from the words and their roles."""
    named = [(i, items[i]) for i in roles if not items[i].negated and roles[i] not in (Role.FILLING, Role.NOTHING)]
    strong = [(i, item) for i, item in named if not item.sense.weak_family]
    if not strong:
        # Colours such as gold, and clay, name a family only where nothing else does.
        strong = (
            named
            or [
                (i, x)
                for i, x in enumerate(items)
                if x.kind is Kind.COLOR and x.sense.weak_family and not x.negated and not x.part_of_negated
            ][:1]
        )
    heads = [(i, item) for i, item in strong if roles.get(i, Role.HEAD) is Role.HEAD]
    modifiers = [(i, item) for i, item in strong if roles.get(i) is Role.MODIFIER]
    overlays = [(i, item) for i, item in strong if roles.get(i) is Role.OVERLAY]
    if not heads:
        heads, modifiers, overlays = (modifiers, [], overlays) if modifiers else (overlays, [], [])
    weights = _head_weights([item for _, item in heads])
    generic = bool(heads) and all(item.sense.generic for _, item in heads)
    for _, item in modifiers:
        generic = _modify(weights, item, generic)
    growth = _lay_over(weights, [item for _, item in overlays], generic)
    if not growth and any(items[i].negated and _first(items[i]) == "moss" for i in roles):
        growth = 0.0
    total = sum(weights.values())
    families = {name: weights[name] / total for name in FAMILIES if weights.get(name, 0.0) > 0.004 * total} if total > 0 else {}
    scale = sum(families.values())
    apart = {_first(item) for _, item in (*heads, *overlays)}
    return Blend({name: w / scale for name, w in families.items()}, growth, roles, tuple(name for name in families if name in apart))


def _head_weights(heads: list[Item]) -> dict[str, float]:
    given = sum(item.share for item in heads if item.share is not None)
    free = [item for item in heads if item.share is None]
    seen = {_first(item) for item in free}
    rest = max(1.0 - given, 0.1) / max(len(seen), 1)
    weights: dict[str, float] = {}
    for item in heads:
        for name, part in item.sense.families.items():
            amount = part * (rest if item.share is None else item.share) * max(item.strength, 1e-3)
            weights[name] = max(weights.get(name, 0.0), amount) if item.share is None else weights.get(name, 0.0) + amount
    return weights


def _modify(weights: dict[str, float], item: Item, generic: bool) -> bool:
    """Adds what a modifier brings; returns whether the heads are still replaceable."""
    name = _first(item)
    if not weights or name in weights:
        return generic and item.sense.generic
    if generic and not item.sense.generic:
        weights.clear()  # "marble stone" is marble, "gravel road" is gravel
        weights.update(item.sense.families)
        return False
    if all(name in _SAME_STUFF.get(head, ()) for head in weights):
        return False
    share = min(_MODIFIER_SHARE * item.strength, 0.7)
    _add(weights, {name: part * share for name, part in item.sense.families.items()}, share)
    return False


def _lay_over(weights: dict[str, float], overlays: list[Item], generic: bool) -> float | None:
    growth: float | None = None
    head = max(weights, key=lambda name: weights[name], default="")
    for item in overlays:
        name = _first(item)
        if name in weights and len(weights) == 1:
            continue
        if head and (name == "moss" or (name == "grass" and head not in _LOOSE)) and head not in ("moss", "grass"):
            base = item.sense.main.get("growth", 0.65)
            growth = max(growth or 0.0, min(base * item.strength, 1.0))
            continue
        share = _RUST_SHARE if name == "rust" and head in ("brushed_metal", "plates") else _OVERLAY_SHARE
        if generic and head == ("brushed_metal" if name == "rust" else "mud"):
            share = 0.8 if name == "rust" else 0.6
        share = min(share * item.strength, 0.85)
        _add(weights, {n: part * share for n, part in item.sense.families.items()}, share)
    return growth


def _add(weights: dict[str, float], more: dict[str, float], share: float) -> None:
    """Scales the weights to 1 - share and adds ``more``, which sums to ``share``."""
    total = sum(weights.values()) or 1.0
    for name in weights:
        weights[name] *= (1.0 - share) / total
    for name, amount in more.items():
        weights[name] = weights.get(name, 0.0) + amount
