"""Names of objects in parameters: they become the ids that a capture has for them (its ``objects.json``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .errors import InputError
from .sources import OBJECT_LISTS, object_ids

_IDS = re.compile(r"\d+(-\d+)?(\s+\d+(-\d+)?)*")


def with_ids(parameters: Mapping[str, Any], names: dict[str, int]) -> dict[str, Any]:
    """Parameters with ids in place of names of objects, where they are texts that may have such names.

    Raises:
        InputError: A name that is not there.
    """
    found = dict(parameters)
    for parameter, change in (*((name, objects_as_ids) for name in OBJECT_LISTS), ("regions", regions_as_ids)):
        if isinstance(found.get(parameter), str):
            found[parameter] = change(found[parameter], names)
    return found


def objects_as_ids(text: str, names: dict[str, int]) -> str:
    """The parameter ``objects``: ``"Chair, 7-9"`` becomes ``"3,7-9"``.

    Args:
        text: Names and ids with commas between; ids also with spaces between, and ranges of them.
        names: Name of an object to its id; a name that looks like a number wins over the number.

    Raises:
        InputError: A name that is not there.
    """
    parts = [part for part in (piece.strip() for piece in text.split(",")) if part]
    return ",".join(part if part not in names and _IDS.fullmatch(part) else object_ids(part, names) for part in parts)


def regions_as_ids(text: str, names: dict[str, int]) -> str:
    """The parameter ``regions``: ``"Old Table,4:0 Chair:keep"`` becomes ``"5,4:0 3:keep"``; names may have spaces in them.

    Raises:
        InputError: A name that is not there.
    """
    if names:  # the longest first: one name may begin as another does
        ordered = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        text = re.sub(rf"(?<![^\s,])(?:{ordered})(?=[,:])", lambda found: str(names[found[0]]), text)
    for entry in text.split():
        ids = entry.rpartition(":")[0] or entry
        if re.search(r"[^\W\d]", ids):
            known = ", ".join(sorted(names)[:20]) or "no names (there is no objects.json)"
            raise InputError(
                expected="ids or names of objects before each colon of regions", got=repr(ids)[:80], fix=f"The frames have {known}"
            )
    return text
