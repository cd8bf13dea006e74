"""Names of objects in parameters: they become the ids that a capture has for them (its ``objects.json``).

A name may have commas, spaces and colons in it: of the known names the longest that fits is meant. Quotes make it plain:
``"Table, round", Chair`` are two objects.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import InputError
from .json_file import read_json
from .notes import note
from .text_file import printable

OBJECT_LISTS = ("objects", "without_objects")
"""Parameters in which names of objects may stand for ids where a source knows them."""
FILE = "objects.json"
"""Next to ``transforms.json``: name to id."""
LARGEST = 2**31 - 1
"""Ids are kept in 32 bits; 0 is the background."""
_IDS = re.compile(r"[0-9]+(-[0-9]+)?(\s+[0-9]+(-[0-9]+)?)*")
_QUOTED = re.compile(r""" "([^"]*)" | '([^']*)' """, re.VERBOSE)
_ENDS_LIST, _ENDS_REGION = re.compile(r"\s*(?:,|$)"), re.compile(r"[,:]")


def read_names(folder: Path) -> dict[str, int]:
    """The names of a capture, empty without a file.

    Raises:
        InputError: Not JSON, or something else than a whole number above 0 for a name.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    data = read_json(path, "names of objects", "Capture the frames again")
    if not isinstance(data, dict):
        raise InputError(expected=f"{FILE} to be an object of names and ids", got=printable(data))
    for name, identity in data.items():
        if isinstance(identity, float) and identity.is_integer():
            data[name] = identity = int(identity)
        if isinstance(identity, bool) or not isinstance(identity, int) or not 0 <= identity <= LARGEST:
            got = f"{printable(identity)} for {printable(name)}"
            raise InputError(expected=f"{FILE} to give each name a whole number from 0 to {LARGEST}", got=got)
    return data


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
    known, text, at, found = _normal(names), _composed(text), 0, []
    while at < len(text):
        if text[at].isspace() or text[at] == ",":
            at += 1
            continue
        name, end = _name_at(text, at, known, _ENDS_LIST)
        if name is None:
            word = text[at:].partition(",")[0]
            end, word = at + len(word), word.strip()
            if not _IDS.fullmatch(word):
                said = ", ".join(sorted(names)[:20]) or f"no names (there is no {FILE})"
                raise InputError(
                    expected="ids or names of objects, with commas between", got=repr(printable(word)), fix=f"The source knows {said}"
                )
            found.append(word)
        else:
            found.append(str(known[name]))
        at = end
    return ",".join(found)


def regions_as_ids(text: str, names: dict[str, int]) -> str:
    """The parameter ``regions``: ``"Old Table,4:0 Chair:keep"`` becomes ``"5,4:0 3:keep"``; names may have spaces in them.

    Raises:
        InputError: A name that is not there.
    """
    known, text, at, made = _normal(names), _composed(text), 0, ""
    while at < len(text):
        if not made or made[-1].isspace() or made[-1] == ",":
            name, end = _name_at(text, at, known, _ENDS_REGION)
            if name is not None:
                made, at = made + str(known[name]), end
                continue
        if not (text[at].isspace() and made.endswith(",")):  # ids of one region have commas between, regions spaces
            made += text[at]
        at += 1
    for entry in made.split():
        ids = entry.rpartition(":")[0] or entry
        if re.search(r"[^\W\d]|[\"']", ids):
            said = ", ".join(sorted(names)[:20]) or f"no names (there is no {FILE})"
            raise InputError(
                expected="ids or names of objects before each colon of regions", got=repr(printable(ids)), fix=f"The frames have {said}"
            )
    return made


def listed(names: list[str]) -> str:
    """Names as the parameter ``objects`` takes them, those with commas or quotes in quotes."""
    return ", ".join(_quoted(name) for name in names)


def _quoted(name: str) -> str:
    if not re.search(r"[,\"']|^\s|\s$|^[\d\s-]+$", name):
        return name
    if '"' in name and "'" in name:  # no quotes can be put around it: found as the longest name that fits
        return name
    return f'"{name}"' if '"' not in name else f"'{name}'"


def _name_at(text: str, at: int, known: dict[str, int], ends: re.Pattern[str]) -> tuple[str | None, int]:
    """The longest known name at a position, and where it ends; one in quotes before any other."""
    quoted = _QUOTED.match(text, at)
    if quoted and ends.match(text, quoted.end()):
        name = quoted[1] if quoted[1] is not None else quoted[2]
        if name in known:
            return name, quoted.end()
    fitting = [name for name in known if name and text.startswith(name, at) and ends.match(text, at + len(name))]
    if not fitting:
        return None, at
    name = max(fitting, key=len)
    if len(fitting) > 1 and "," in name:
        note(f"{printable(name)} is read as the name of one object; put quotes around names with a comma to say which are meant", "objects")
    return name, at + len(name)


def _normal(names: dict[str, int]) -> dict[str, int]:
    return {_composed(name): identity for name, identity in names.items()}


def _composed(text: str) -> str:
    """In one Unicode form: macOS writes letters with accents in two parts."""
    return unicodedata.normalize("NFC", text)
