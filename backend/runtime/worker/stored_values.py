"""Values as blobs in the store: how jobs, results and partial results pass between the processes of one backend."""

from __future__ import annotations

import json
from typing import Any

from ....shared.manifest import fold
from ....shared.stored import StoredArray, open_buffers
from ....shared.value_codec import Buffer, decode, encode
from ....shared.wire import MAX_BUFFERS
from ..blobs import BlobStore

MAX_TREE = 4 * 1024 * 1024
"""Characters of a value's JSON in a message; a longer one, or one with more arrays than a message takes, makes a manifest."""


def store_value(value: Any, store: BlobStore) -> tuple[Any, list[dict[str, Any]]]:
    """Stores a value's arrays; gives its JSON and their descriptions, for a message.

    Raises:
        InputError: Something in it has no position on the wire.
        LimitError: It is larger than a manifest may be.
        StorageError: The disk is full.
    """
    buffers: list[Buffer] = []
    tree = encode(value, buffers)

    def keep(buffer: Buffer) -> dict[str, Any]:
        known = isinstance(buffer.array, StoredArray) and store.has(buffer.array.digest)  # as it came
        digest = buffer.array.digest if known else store.put(_bytes(buffer))  # type: ignore[union-attr]
        return {**buffer.describe(), "transport": "blob", "digest": digest}

    if len(buffers) <= MAX_BUFFERS and len(json.dumps(tree)) <= MAX_TREE:
        return tree, [keep(buffer) for buffer in buffers]
    return {"$": "manifest", "index": 0}, [fold(tree, buffers, keep)]


def load_value(tree: Any, buffers: list[dict[str, Any]], store: BlobStore) -> Any:
    """The value of such a message. Large files and pictures stay on disk until they are used.

    Raises:
        ProtocolError: A blob is gone, or the message makes no sense.
    """
    return decode(tree, open_buffers(buffers, store.folder))


def _bytes(buffer: Buffer) -> Any:
    return buffer.read(0, buffer.array.nbytes)
