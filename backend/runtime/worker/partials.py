"""Partial results: on their way out, and those that an earlier attempt left behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from ....shared.errors import JobFailed, ProtocolError
from ....shared.operations import Operation
from ....shared.wire import Message
from ...core.context import PRIVATE, Partials
from ..blobs import BlobStore
from ..delivery import deliver_one
from .stored_values import load_value, store_value

SEND_EVERY = 0.25
"""Seconds between two of the same name and index: more often is of no use to a person and wears out the disk."""
Key = tuple[str, int | None]
Send = Callable[[dict[str, Any], list[dict[str, Any]]], None]


class StoredPartials(Partials):
    """The partial results of one job, in the store.

    Args:
        schema: The job's operation; names the outputs.
        formats: Suffix by output name where files are delivered, None where arrays are.
        store: Where the arrays go.
        earlier: ``job.partial`` messages of the attempts before.
        send: Takes body and buffers of a ``job.partial``.
        obj_up: The axis that points up in an .obj.
    """

    def __init__(
        self, schema: Operation, formats: dict[str, str] | None, store: BlobStore, earlier: list[Message], send: Send,
        obj_up: str = "y",
    ) -> None:  # fmt: skip
        super().__init__()
        self._schema, self._formats, self._store, self._send = schema, formats, store, send
        self._obj_up = obj_up
        self._stored: dict[Key, tuple[Any, list[dict[str, Any]]]] = {}
        self._sent_at: dict[Key, float] = {}
        for message in earlier:
            if all(store.has(b["digest"]) for b in message.buffers):
                self._stored[message.body["name"], message.body["index"]] = (message.body["value"], message.buffers)

    def keep(self, name: str, value: Any, index: int | None) -> None:
        """Stores and sends a value, at once or, if it comes soon after another, with the next ``flush``."""
        if not name.startswith(PRIVATE) and all(o.name != name for o in self._schema.outputs):
            msg = f"{self._schema.name} has no output {name!r} to give a part of"
            raise JobFailed(msg, fix="This is a fault of Backlot's")
        key = (name, index)
        self._values[key] = value
        if time.monotonic() - self._sent_at.get(key, 0.0) >= SEND_EVERY:
            self._put(key)

    def flush(self, *, all: bool = False) -> None:
        """Sends what was held back long enough, or all of it."""
        now = time.monotonic()
        for key in list(self._values):
            if all or now - self._sent_at[key] >= SEND_EVERY:
                self._put(key)

    def __getitem__(self, key: Key) -> Any:
        if key in self._values:
            return self._values[key]
        tree, buffers = self._stored[key]
        try:
            return load_value(tree, buffers, self._store)
        except ProtocolError as error:  # its blob is gone: as if it had never been
            raise KeyError(key) from error

    def __iter__(self) -> Iterator[Key]:
        yield from self._stored
        yield from (key for key in self._values if key not in self._stored)

    def __len__(self) -> int:
        return len(self._stored.keys() | self._values.keys())

    def _put(self, key: Key) -> None:
        name, index = key
        value = deliver_one(self._schema, name, self._values[key], self._formats, index, self._obj_up)
        tree, descriptions = store_value(value, self._store)
        self._stored[key] = (tree, descriptions)
        del self._values[key]
        self._sent_at[key] = time.monotonic()
        self._send({"name": name, "index": index, "value": tree}, descriptions)
