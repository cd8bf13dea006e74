"""JSON from outside: what the standard allows, and what programs write besides.

NaN and infinities in any spelling are numbers here (``NaN``, ``-inf``, ``-nan(ind)``, ``1.#INF``): whoever uses them decides. Comments,
commas at the end of a list and single backslashes in Windows paths are read, with a note. A name that is given twice with different
values is refused: readers differ in which one they take.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from .errors import InputError
from .notes import note
from .text_file import decode_text, printable, read_bytes

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_ODD = re.compile(
    rf"{_STRING}|(?P<comment>//[^\n\r]*|/\*.*?\*/)"
    r"|(?P<sign>[-+]?)(?P<odd>nan(?:\([a-z0-9]*\))?|inf(?:inity)?\b|1\.#(?:inf|ind|qnan|snan)\d*)",
    re.DOTALL | re.IGNORECASE,
)
_LAST_COMMA = re.compile(rf"{_STRING}|(?P<comma>,)(?=\s*[\]}}])", re.DOTALL)
_UNESCAPED = re.compile(r"\\(?![\"\\/bfnrtu])")


def read_json(path: str | Path, what: str = "a readable text file", fix: str = "Export it again") -> Any:
    """The value in a JSON file; ``what`` and ``fix`` as in ``text_file.read_text``.

    Raises:
        InputError: No such file, no text, no JSON; with the line and column.
    """
    return decode_json(read_bytes(path, what, fix), Path(path).name, fix)


def decode_json(data: bytes, name: str, fix: str = "Export it again") -> Any:
    """The value in the bytes of a JSON file; see ``read_json``."""
    return parse_json(decode_text(data, name, "JSON"), name, fix)


def parse_json(text: str, name: str, fix: str = "Export it again") -> Any:
    """The value in a text; ``name`` is the file's, for messages and notes; see ``read_json``."""
    try:
        return _load(text, name, fix)
    except json.JSONDecodeError as first:
        error, better = first, _cleaned(text, name)
        try:
            if better != text:
                return _load(better, name, fix)
        except json.JSONDecodeError as again:
            error = again
        comma = re.search(r"[0-9],[0-9]+\s*(?:[,}\]\n]|$)", text[max(0, error.pos - 40) : error.pos + 3])
        more = "Numbers have a decimal point. " if comma and error.msg.startswith("Expecting property name") else ""
        got = f"{error.msg} in line {error.lineno}, column {error.colno}" if text.strip() else "an empty file"
        raise InputError(expected=f"{name} to be JSON", got=got, fix=more + fix) from None


def number_of(value: Any) -> float | None:
    """A JSON value as a finite number, or None: true, texts, NaN and whole numbers beyond float64 are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _load(text: str, name: str, fix: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found and found[key] != value:
                got = f"{printable(found[key], 40)} and {printable(value, 40)}"
                raise InputError(expected=f"{printable(key)!r} once in {name}", got=got, fix="Take one of them out")
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=unique, strict=False)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise InputError(expected=f"{name} to be JSON", got="lists or objects nested too deep", fix=fix) from None
    except ValueError as error:  # a whole number of thousands of digits
        raise InputError(expected=f"{name} to be JSON", got=str(error).partition(";")[0], fix=fix) from None


def _cleaned(text: str, name: str) -> str:
    """What the standard does not allow, rewritten; line numbers stay."""

    def replace(found: re.Match[str]) -> str:
        if found["comment"]:
            note("comments, which JSON does not have, were passed over", name)
            return " " + "\n" * found[0].count("\n")
        if found["odd"] is None:
            return found[0]
        if "inf" not in found["odd"].lower():
            return "NaN"
        return "-Infinity" if found["sign"] == "-" else "Infinity"

    def no_comma(found: re.Match[str]) -> str:
        if found["comma"]:
            note("a comma after the last entry of a list, which JSON does not have, was passed over", name)
        return "" if found["comma"] else found[0]

    if _UNESCAPED.search(text) and "\\\\" not in text and '\\"' not in text:
        note("single backslashes, which JSON does not have, were read as they are", name)
        text = text.replace("\\", "\\\\")
    return _LAST_COMMA.sub(no_comma, _ODD.sub(replace, text))
