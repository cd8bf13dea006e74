"""docs/images/architecture.svg shows the rooms and arrows of the program as it is."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from backlot.tools import architecture


def _drawn(text: str) -> tuple[list[str], set[tuple[str, str]]]:
    groups = list(ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}g"))
    rooms = [group.attrib["data-room"] for group in groups if "data-room" in group.attrib]
    return rooms, {(group.attrib["data-from"], group.attrib["data-to"]) for group in groups if "data-from" in group.attrib}


def test_the_picture_shows_the_rooms_and_arrows_of_today() -> None:
    """Numbers of imports may have moved since it was drawn: an operation more is two files, not a picture."""
    rooms, arrows = _drawn(architecture.PICTURE.read_text(encoding="utf-8"))
    again = "draw it again with: python -m tools.architecture"
    assert arrows == set(architecture.count_imports()), again
    assert set(rooms) == set(_drawn(architecture.draw())[0]), again


def test_the_same_imports_give_the_same_bytes() -> None:
    assert architecture.draw() == architecture.draw()


def test_the_walk_sees_the_program() -> None:
    arrows = architecture.count_imports()
    assert arrows["backend.materials", "backend.core"] > 5
    assert arrows["backend.core", "shared"] > 0
    assert ("shared", "backend.core") not in arrows


@pytest.mark.parametrize(
    ("module", "room"), [(("backend", "style", "image", "still"), "backend.style"), (("shared", "operations", "schema"), "shared")]
)
def test_the_room_of_a_module(module: tuple[str, ...], room: str) -> None:
    assert architecture.room_of(module) == room


def test_an_order_with_fewest_imports_upward() -> None:
    arrows = {("a.low", "a.high"): 1, ("a.high", "a.middle"): 3, ("a.middle", "a.low"): 2, ("a.high", "a.low"): 4}
    assert architecture._fewest_upward(["a.high", "a.low", "a.middle"], arrows) == ["a.high", "a.middle", "a.low"]
