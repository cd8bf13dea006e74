"""The data plane: large arrays from and to clients on other hosts, on a socket and a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any

import zmq

from ...shared.digest import CHUNK
from ...shared.errors import BacklotError, LimitError, ProtocolError
from ...shared.wire import Codec, Message
from .blobs import BlobStore, check_digest
from .peers import Peers

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Messages read before it is looked who can be answered."""
SOON = 5
"""Milliseconds until a client that did not read is tried again."""
MAX_REQUESTS = 10_000
"""Of one client that wait until it reads; it has to say hello again when there are more."""


class DataPlane(threading.Thread):
    """Serves ``blob.has``, ``blob.put`` and ``blob.get`` until ``stop`` is called."""

    def __init__(self, socket: zmq.Socket[bytes], codec: Codec, blobs: BlobStore, max_bytes: int) -> None:
        super().__init__(name="backlot-data", daemon=True)
        self._socket, self._blobs, self._max_bytes = socket, blobs, max_bytes
        self._peers = Peers(socket, codec)
        self._stopping = threading.Event()
        self._requests: dict[bytes, deque[Message]] = {}

    def stop(self) -> None:
        """Ends the thread and waits for it."""
        self._stopping.set()
        self.join(5)

    def run(self) -> None:
        """The loop."""
        while not self._stopping.is_set():
            waits = self._peers.flush() or self._requests
            if not self._socket.poll(SOON if waits else 100) and not waits:
                self._peers.forget_silent()
                self._blobs.prepare()
                continue
            for _ in range(AT_ONCE):
                if (received := self._peers.receive()) is None:
                    break
                self._hear(*received)
            self._catch_up()
        self._socket.close(0)

    def _hear(self, route: bytes, message: Message) -> None:
        """Answers, unless the client does not read: then its request for a chunk waits, which is smaller than the chunk."""
        if message.type == "blob.get" and (route in self._requests or not self._peers.ready(route)):
            waiting = self._requests.setdefault(route, deque())
            waiting.append(message)
            if len(waiting) > MAX_REQUESTS:
                self._peers.forget(route)
                del self._requests[route]
            return
        self._serve(route, message)

    def _catch_up(self) -> None:
        for route, waiting in list(self._requests.items()):
            while waiting and self._peers.knows(route) and self._peers.ready(route):
                self._serve(route, waiting.popleft())
            if not waiting or not self._peers.knows(route):
                del self._requests[route]

    def _serve(self, route: bytes, message: Message) -> None:
        if message.type == "hello":
            self._peers.welcome(route, message, {"data": True})
            return
        digest = message.body.get("digest")
        try:
            self._answer(route, message)
        except BacklotError as error:
            log.warning("%s refused: %s", message.type, error)
            self._peers.refuse(route, error, message.id, digest=digest)
        except Exception as error:  # one odd request must not end everybody's data plane
            log.exception("a %s message could not be served", message.type)
            refusal = ProtocolError("The request could not be served", got=repr(error)[:200])
            self._peers.refuse(route, refusal, message.id, digest=digest)

    def _answer(self, route: bytes, message: Message) -> None:
        body = message.body
        if message.type == "blob.has":
            asked = body.get("digests")
            if not isinstance(asked, list):
                raise ProtocolError(expected="a list of digests", got=type(asked).__name__)
            present = [d for d in asked if self._blobs.has(check_digest(d))]
            self._peers.send(route, "blob.has", {"present": present}, reply_to=message.id)
        elif message.type == "blob.put":
            digest, (offset, total) = check_digest(body.get("digest")), _numbers(body, "offset", "total")
            if total > self._max_bytes:
                raise LimitError(expected=f"at most {self._max_bytes >> 20} MiB in one array", got=f"{total >> 20} MiB")
            if len(message.arrays) != 1 or message.arrays[0] is None or message.arrays[0].nbytes > CHUNK:
                raise ProtocolError(expected=f"one chunk of at most {CHUNK} bytes", got=f"{len(message.arrays)} buffers")
            received = self._blobs.write_chunk(route.hex(), digest, offset, total, message.arrays[0])
            self._peers.send(route, "blob.put", {"digest": digest, "received": received}, reply_to=message.id)
        elif message.type == "blob.get":
            digest, (offset, length) = check_digest(body.get("digest")), _numbers(body, "offset", "length")
            if length > CHUNK:
                raise LimitError(expected=f"at most {CHUNK} bytes in one chunk", got=str(length))
            chunk = self._blobs.read_chunk(digest, offset, length)
            self._peers.send(route, "blob.put", {"digest": digest, "offset": offset}, [chunk], reply_to=message.id)
        elif message.type == "ping":
            self._peers.send(route, "pong", {}, reply_to=message.id)
        else:
            raise ProtocolError(expected="blob.has, blob.put or blob.get on the data socket", got=message.type)


def _numbers(body: dict[str, Any], *names: str) -> list[int]:
    values = [body.get(n) for n in names]
    if not all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in values):
        raise ProtocolError(expected=f"whole numbers as {', '.join(names)}", got=repr(values)[:80])
    return values  # type: ignore[return-value]
