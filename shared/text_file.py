"""Text files as programs of all systems write them: one reader for every text that comes from outside.

UTF-8 with or without a byte order mark, UTF-16 and UTF-32, and what is none of these as Windows-1252 (Latin-1 with more letters), with a
note. Lines end with LF, CRLF or CR. Numbers have a decimal point and ASCII digits; anything else that looks like a number to Python
(``1_000``, full-width digits) or to a spreadsheet (``1,5``) is refused, because a wrong number is worse than none.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from .errors import InputError
from .notes import note

WESTERN = "it is not UTF-8; its letters are read as Western European ones (Windows-1252). Save it as UTF-8 if names come out wrong"
"""The note about a file in another encoding."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16's does: before it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_AS_LATIN = "backlot-latin-1"
_LINE_END = re.compile(r"\r*\n|\r")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+(?:[eE][-+]?[0-9]+)?")
_PLAIN_WHOLES, _PLAIN_DECIMALS = re.compile(r"[-+0-9 ]*"), re.compile(r"[-+.0-9eE ]*")
"""Characters of which Python reads as numbers only what is one."""
_ODD = re.compile(r"([-+]?)(nan(?:\([a-z0-9]*\))?|inf(?:inity)?|1\.#(?:inf|ind|qnan|snan)[0-9]*)", re.IGNORECASE)
_Number = TypeVar("_Number", int, float)


def read_text(path: str | Path, what: str = "a readable text file", fix: str = "") -> str:
    """The text of a file, without a byte order mark.

    Args:
        path: The file.
        what: What it should be, for the message: ``solved tracks``.
        fix: What to do if there is no such file.

    Raises:
        InputError: No such file, one that cannot be read, or binary data.
    """
    return decode_text(read_bytes(path, what, fix), Path(path).name)


def read_bytes(path: str | Path, what: str, fix: str = "") -> bytes:
    """The bytes of a text file; see ``read_text``."""
    path = Path(path)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(expected=f"{what} at {path}", got="no such file", fix=fix) from None
    except (OSError, ValueError) as error:  # ValueError: a path with NUL in it
        raise InputError(expected=f"{what} at {path}", got=getattr(error, "strerror", None) or str(error), fix=fix) from error


def decode_text(data: bytes, name: str, kind: str = "text") -> str:
    """Bytes of a text file as text; see the module for what is read.

    Args:
        data: The file's.
        name: Its name, for messages and notes.
        kind: What it should be, for messages: ``JSON``.

    Raises:
        InputError: Binary data, or UTF-16 that breaks off.
    """
    encoding, start = next(((encoding, len(mark)) for mark, encoding in _BOMS if data.startswith(mark)), (_without_mark(data), 0))
    try:
        return _checked(data[start:].decode(encoding), name, kind)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            got = f"{encoding.upper()} that cannot be read ({error.reason})"
            raise InputError(expected=f"{kind} in {name}", got=got, fix="Export it again, or save it as UTF-8") from None
    text = _checked(data[start:].decode("cp1252", _AS_LATIN), name, kind)
    note(WESTERN, name)
    return text


def text_lines(text: str) -> list[str]:
    """The lines, whatever ends them on the system that wrote them; not split at characters such as U+2028, which may be in a name."""
    return _LINE_END.split(text) if "\r" in text else text.split("\n")


def decimals(words: Sequence[str], where: str, *, finite: bool = True) -> list[float]:
    """Numbers from words.

    Args:
        words: Each a number.
        where: Where they stand (``line 3 of cameras.txt``), for messages.
        finite: Whether NaN and infinities are refused.

    Raises:
        InputError: No number, or one with a decimal comma.
    """
    values = _convert(words, float, f"numbers in {where}")
    if finite and not all(map(math.isfinite, values)):
        raise InputError(expected=f"finite numbers in {where}", got=printable(" ".join(words)))
    return values


def wholes(words: Sequence[str], where: str) -> list[int]:
    """Whole numbers from words, of any size; see ``decimals``."""
    return _convert(words, int, f"whole numbers in {where}")


def is_count(word: str) -> bool:
    """Whether a word is at most 18 digits, as ``int`` takes them: ``isdigit`` is true of superscripts too."""
    return word.isascii() and word.isdigit() and len(word) <= 18


def are_numbers(text: str) -> bool:
    """Whether a text is nothing but numbers and what is between them."""
    return bool(_PLAIN_DECIMALS.fullmatch(text)) or all(map(is_number, text.split()))


def is_number(word: str) -> bool:
    """Whether a word is a number, NaN and infinities included."""
    return bool(_DECIMAL.fullmatch(word) or _ODD.fullmatch(word))


def printable(value: object, length: int = 80) -> str:
    """A text, or the ``repr`` of another value, short enough for a message and without control characters."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: length + 1])
    return text if len(text) <= length else text[: length - 3] + "..."


def _convert(words: Sequence[str], kind: Callable[[str], _Number], expected: str) -> list[_Number]:
    text = " ".join(words)
    if not (_PLAIN_WHOLES if kind is int else _PLAIN_DECIMALS).fullmatch(text):
        for word in words:
            if not (_WHOLE if kind is int else _DECIMAL).fullmatch(word) and not (kind is float and _ODD.fullmatch(word)):
                fix = "Export it with a decimal point" if _DECIMAL_COMMA.fullmatch(word) else ""
                raise InputError(expected=expected, got=printable(word), fix=fix)
        words = [_ODD.sub(_plain, word) for word in words]
    try:
        return [kind(word) for word in words]
    except ValueError:  # points and signs where there should be none, or more digits than Python converts
        wrong = next((word for word in words if not (_WHOLE if kind is int else _DECIMAL).fullmatch(word)), text)
        raise InputError(expected=expected, got=printable(wrong)) from None


def _plain(odd: re.Match[str]) -> str:
    return "nan" if "inf" not in odd[2].lower() else f"{odd[1]}inf"


def _without_mark(data: bytes) -> str:
    """UTF-8, or UTF-16: of text in Western letters every other byte is 0."""
    half = len(data) // 2
    if half < 4 or len(data) % 2:
        return "utf-8"
    first, second = data[0::2].count(0), data[1::2].count(0)
    if first > 0.8 * half and not second:
        return "utf-16-be"
    return "utf-16-le" if second > 0.8 * half and not first else "utf-8"


def _checked(text: str, name: str, kind: str) -> str:
    if "\0" in text:
        raise InputError(expected=f"{kind} in {name}", got="binary data", fix="Export it again as text")
    return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")


def _latin(error: UnicodeError) -> tuple[str, int]:
    """The five bytes that Windows-1252 leaves out, as Latin-1 has them."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(_AS_LATIN, _latin)
