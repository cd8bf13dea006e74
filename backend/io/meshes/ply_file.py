"""Stanford PLY as tables: header, text and binary of both byte orders, lists of any kind."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from ....shared.text_file import decode_text, printable, text_lines
from .common import broken
from .ply import KINDS

_START = re.compile(rb"(?:\xef\xbb\xbf)?ply[ \t]*(\r\n|\n|\r)")
_MOST = 1 << 31
_HEADER = 1 << 20
_LONG = 1 << 28
"""Entries that a list may have; a triangle strip is a long one."""


@dataclasses.dataclass(frozen=True)
class Property:
    """One of an element: its name, the type of its values and, for a list, of its count."""

    name: str
    kind: str
    counter: str = ""


@dataclasses.dataclass(frozen=True)
class List:
    """Lists of the rows: ``sizes`` ``(N,)`` int64, and their entries one after the other."""

    sizes: np.ndarray
    values: np.ndarray


@dataclasses.dataclass
class Element:
    """A table of a file: its columns by name, and what stores each in the file."""

    name: str
    count: int
    properties: list[Property] = dataclasses.field(default_factory=list)
    columns: dict[str, np.ndarray | List] = dataclasses.field(default_factory=dict)

    def kind(self, column: str) -> str:
        """What stores a column, such as ``u1``."""
        return next(one.kind for one in self.properties if one.name == column)

    def stack(self, *names: str) -> np.ndarray | None:
        """Single columns side by side, ``(N, K)`` float64, or None if one is missing."""
        found = [self.columns.get(name) for name in names]
        arrays = [one for one in found if isinstance(one, np.ndarray)]
        return np.stack(arrays, 1).astype(np.float64) if len(arrays) == len(names) else None


def read_elements(data: bytes, name: str) -> dict[str, Element]:
    """The tables of a file by name.

    Raises:
        InputError: No PLY, or less in it than its header says.
    """
    elements, body, form = _header(data, name)
    if form == "ascii":
        values, at = _numbers(body, name), 0
        for element in elements:
            at = _read(element, _Text(values, at), name)
    else:
        at = 0
        for element in elements:
            at = _read(element, _Binary(body, at, "<" if "little" in form else ">"), name)
    return {element.name: element for element in elements}


class _Text:
    """Numbers of a text file from some position on."""

    def __init__(self, values: np.ndarray, at: int) -> None:
        self.values, self.at = values, at

    def rows(self, shape: list[tuple[str, str, int]], count: int) -> dict[str, np.ndarray] | None:
        """Rows of one shape, columns by name, or None if there are not so many."""
        width = sum(length for _, _, length in shape)
        if self.at + width * count > len(self.values):
            return None
        block = self.values[self.at : self.at + width * count].reshape(count, width)
        found, column = {}, 0
        for key, _, length in shape:
            found[key] = block[:, column : column + length]
            column += length
        return found

    def size(self, shape: list[tuple[str, str, int]], count: int) -> int:
        return sum(length for _, _, length in shape) * count

    def take(self, kind: str, length: int) -> np.ndarray:
        found = self.values[self.at : self.at + length]
        if len(found) < length:
            raise ValueError
        self.at += length
        return found


class _Binary:
    """Bytes of a binary file from some position on; like ``_Text``."""

    def __init__(self, data: bytes, at: int, order: str) -> None:
        self.data, self.at, self.order = data, at, order

    def _dtype(self, shape: list[tuple[str, str, int]]) -> np.dtype:
        return np.dtype([(key, self.order + kind, (length,)) for key, kind, length in shape])

    def rows(self, shape: list[tuple[str, str, int]], count: int) -> dict[str, np.ndarray] | None:
        dtype = self._dtype(shape)
        if self.at + dtype.itemsize * count > len(self.data):
            return None
        table = np.frombuffer(self.data, dtype, count, self.at) if count else np.empty(0, dtype)
        return {key: table[key] for key, _, _ in shape}

    def size(self, shape: list[tuple[str, str, int]], count: int) -> int:
        return self._dtype(shape).itemsize * count

    def take(self, kind: str, length: int) -> np.ndarray:
        size = length * np.dtype(kind).itemsize
        if length < 0 or self.at + size > len(self.data):
            raise ValueError
        found = np.frombuffer(self.data, self.order + kind, length, self.at)
        self.at += size
        return found


def _read(element: Element, source: _Text | _Binary, name: str) -> int:
    """Fills an element's columns; where its data ends."""
    try:
        if not element.properties:
            return source.at
        columns = _uniform(element, source) or _walk(element, source)
    except (ValueError, OverflowError):
        raise broken(name, f"less data than its header promises, or other data, for {printable(element.name, 20)}") from None
    element.columns = columns
    return source.at


def _uniform(element: Element, source: _Text | _Binary) -> dict[str, np.ndarray | List] | None:
    """Columns at once where all rows are like the first one, else None."""
    shape, start = [], source.at
    for prop in element.properties if element.count else []:
        length = 1
        if prop.counter:
            length = _length(source.take(prop.counter, 1)[0])
            shape.append((f"{prop.name}#", prop.counter, 1))
        source.take(prop.kind, length)
        shape.append((prop.name, prop.kind, length))
    source.at = start
    found = source.rows(shape, element.count)
    if found is None:
        if not any(prop.counter for prop in element.properties):
            raise ValueError
        return None
    columns: dict[str, np.ndarray | List] = {}
    for prop in element.properties:
        if not element.count:
            columns[prop.name] = List(np.zeros(0, np.int64), np.zeros(0)) if prop.counter else np.zeros(0)
            continue
        values = _native(found[prop.name], prop.kind)
        if not prop.counter:
            columns[prop.name] = values.reshape(-1)
            continue
        lengths = found[f"{prop.name}#"].reshape(-1)
        if (lengths != lengths[0]).any():
            return None
        columns[prop.name] = List(np.full(element.count, values.shape[1]), values.reshape(-1))
    source.at += source.size(shape, element.count)
    return columns


def _walk(element: Element, source: _Text | _Binary) -> dict[str, np.ndarray | List]:
    sizes: dict[str, list[int]] = {prop.name: [] for prop in element.properties}
    parts: dict[str, list[np.ndarray]] = {prop.name: [] for prop in element.properties}
    for _ in range(element.count):
        for prop in element.properties:
            length = _length(source.take(prop.counter, 1)[0]) if prop.counter else 1
            parts[prop.name].append(source.take(prop.kind, length))
            sizes[prop.name].append(length)
    columns: dict[str, np.ndarray | List] = {}
    for prop in element.properties:
        values = _native(np.concatenate(parts[prop.name]), prop.kind)
        columns[prop.name] = List(np.array(sizes[prop.name], np.int64), values) if prop.counter else values
    return columns


def _length(value: np.generic) -> int:
    length = int(value)
    if length != value or not 0 <= length <= _LONG:
        raise ValueError
    return length


def _native(values: np.ndarray, kind: str) -> np.ndarray:
    """In this machine's byte order; whole numbers of a text file as int64."""
    if kind[0] == "f" or values.dtype.kind != "f":
        return np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if not (np.abs(values) < 1 << 53).all() or (values != np.rint(values)).any():
        raise ValueError
    return values.astype(np.int64)


def _header(data: bytes, name: str) -> tuple[list[Element], bytes, str]:
    start = _START.match(data)
    line_end = rb"\r" if start and start[1] == b"\r" else rb"\r?\n"
    end = re.compile(rb"(?:\r|\n)end_header[ \t]*(?:" + line_end + rb"|$)").search(data, 0, _HEADER)
    if start is None or end is None:
        raise broken(name, "no PLY header")
    elements: list[Element] = []
    form = ""
    for line in text_lines(decode_text(data[: end.start()], name))[1:]:
        words = line.split()
        try:
            if words[:1] == ["format"]:
                form = words[1]
            elif words[:1] == ["element"]:
                elements.append(Element(words[1], int(words[2])))
            elif words[:2] == ["property", "list"]:
                elements[-1].properties.append(Property(words[4], KINDS[words[3]], KINDS[words[2]]))
            elif words[:1] == ["property"]:
                elements[-1].properties.append(Property(words[2], KINDS[words[1]]))
        except (IndexError, ValueError, KeyError):
            raise broken(name, f"a header line {printable(line, 60)!r}") from None
    if form not in ("ascii", "binary_little_endian", "binary_big_endian"):
        raise broken(name, f"format {printable(form, 40)!r}")
    if any(not 0 <= element.count <= _MOST for element in elements):
        raise broken(name, "impossible counts")
    for names in ([e.name for e in elements], *([p.name for p in e.properties] for e in elements)):
        if len(set(names)) < len(names):
            raise broken(name, "a header with an element or a property twice")
    return elements, data[end.end() :], form


def _numbers(body: bytes, name: str) -> np.ndarray:
    try:
        if b"_" in body:  # which Python takes for a separator of thousands
            raise ValueError
        words = body.split()
        return np.fromiter(map(float, words), np.float64, len(words))
    except ValueError:
        raise broken(name, "something else than numbers behind its header") from None
