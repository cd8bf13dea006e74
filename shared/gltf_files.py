"""GlTF as text names its data and pictures, which are files of their own: here they become one file, as .glb has them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .file_lookup import FileLookup
from .text_file import printable
from .values import EncodedFile

_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


def with_its_files(file: EncodedFile, folder: Path) -> EncodedFile:
    """A ``.gltf`` with the files that it names, as the content of a ``.glb`` under its own name.

    Args:
        file: The file as it was read; one that is no glTF as text stays as it is, and so does one that names no file.
        folder: The folder that it is in.

    Raises:
        InputError: A file with data is not there.
    """
    try:
        document = json.loads(file.data.tobytes().decode("utf-8-sig"))
        buffers, images, views = (list(document.get(kind, [])) for kind in ("buffers", "images", "bufferViews"))
        if not any(_names_a_file(one) for one in [*buffers, *images]) or not all(_names_a_file(one) for one in buffers):
            return file
        lookup = FileLookup(folder, ())
        parts = [_read(lookup, buffer["uri"], file.name) for buffer in buffers]
        starts = _starts(parts)
        moved = [{**view, "buffer": 0, "byteOffset": view.get("byteOffset", 0) + starts[view.get("buffer", 0)]} for view in views]
        for image in images:
            path = lookup.find(image["uri"]) if _names_a_file(image) else None
            if path is not None and path.suffix.lower() in _PICTURES:
                parts.append(EncodedFile.read(path).data.tobytes())
                moved.append({"buffer": 0, "byteOffset": _starts(parts)[-1], "byteLength": len(parts[-1])})
                del image["uri"]
                image |= {"bufferView": len(moved) - 1, "mimeType": _PICTURES[path.suffix.lower()]}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return file  # the backend says what is wrong with it
    body = b"".join(part + b"\0" * (-len(part) % 4) for part in parts)
    whole = document | {"buffers": [{"byteLength": len(body)}], "bufferViews": moved}
    return EncodedFile(np.frombuffer(glb_bytes(whole, body), np.uint8), file.name)


def glb_bytes(document: dict[str, Any], body: bytes) -> bytes:
    """A document and its data (a multiple of four bytes) as the bytes of a ``.glb`` (glTF 2.0, 4.4)."""
    head = json.dumps(document, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 4)
    size = 12 + 8 + len(head) + 8 + len(body)
    return struct.pack("<4sIII4s", b"glTF", 2, size, len(head), b"JSON") + head + struct.pack("<I4s", len(body), b"BIN\0") + body


def _names_a_file(entry: Any) -> bool:
    uri = entry.get("uri")
    return isinstance(uri, str) and not uri.startswith("data:")


def _read(lookup: FileLookup, uri: str, name: str) -> bytes:
    path = lookup.find(uri)
    if path is None:
        fix = "Put it next to the file, or export as glTF Binary (.glb), which is one file"
        raise InputError(expected=f"{printable(uri, 60)}, the data of {name}, in the folder of that file", got="no such file", fix=fix)
    return EncodedFile.read(path).data.tobytes()


def _starts(parts: list[bytes]) -> list[int]:
    """Where each of several parts begins when every one is padded to four bytes."""
    starts, at = [], 0
    for part in parts:
        starts.append(at)
        at += len(part) + -len(part) % 4
    return starts
