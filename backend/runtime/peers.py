"""The clients at the other end of a ROUTER socket: their sessions, and signed replies."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import zmq

from ...shared.errors import BacklotError, ProtocolError
from ...shared.session import Session
from ...shared.wire import Codec, Message, new_id

FORGET_AFTER = 600.0
"""Seconds of silence after which a client has to say hello again."""
MAX_WAITING = 256 * 1024 * 1024
"""Bytes of messages that wait for a client which does not read; it has to say hello again when there are more."""
ACTIVE_WITHIN = 15.0
"""Seconds since a client's last message for which it counts as being there (it pings every 2 s)."""


@dataclasses.dataclass
class Peer:
    """One client."""

    session: Session
    nonce: str
    name: str
    heard: float
    minor: int = 0
    waiting: deque[list[bytes | memoryview]] = dataclasses.field(default_factory=deque)
    waiting_bytes: int = 0


class Peers:
    """Sessions by routing id, and sending to them.

    A message that the socket does not take yet waits, in order: a client that reads slowly loses none, and none waits for it.
    """

    def __init__(self, socket: zmq.Socket[bytes], codec: Codec) -> None:
        self._socket, self._codec = socket, codec
        self._socket.router_mandatory = True  # a full queue is said, in place of dropping the message
        self._peers: dict[bytes, Peer] = {}

    def receive(self) -> tuple[bytes, Message] | None:
        """The next message of a known client, or a hello; answers protocol errors itself. None when there is nothing."""
        while True:
            try:
                route, *frames = self._socket.recv_multipart(zmq.DONTWAIT, copy=False)
            except zmq.Again:
                return None
            name = bytes(route.buffer)
            try:
                message = self._codec.decode([f.buffer for f in frames])
                if message.type == "hello":
                    return name, message
                peer = self._peers.get(name)
                if peer is None:
                    raise ProtocolError(expected="hello first", got=message.type)
                peer.session.accept(message)
                peer.heard = time.monotonic()
                return name, message
            except ProtocolError as error:
                self._send(name, self._codec.encode("error", error.to_json()))

    def welcome(self, route: bytes, message: Message, body: dict[str, Any]) -> None:
        """Answers a hello; the same hello twice gets the same session."""
        nonce = str(message.body.get("nonce", ""))
        peer = self._peers.get(route)
        if peer is None or peer.nonce != nonce:
            name, minor = str(message.body.get("name", ""))[:80], _minor(message.body.get("protocol"))
            peer = self._peers[route] = Peer(Session(new_id()), nonce, name, time.monotonic(), minor)
        self.send(route, "welcome", {**body, "nonce": nonce}, reply_to=message.id)

    def send(
        self, route: bytes, type: str, body: dict[str, Any], arrays: Sequence[np.ndarray | None] = (),
        buffers: Sequence[dict[str, Any]] | None = None, reply_to: str = "",
    ) -> None:  # fmt: skip
        """Sends to a client, if it is still known. Never blocks: what a client does not read waits for it, up to ``MAX_WAITING``."""
        peer = self._peers.get(route)
        if peer is None:
            return
        frames = peer.session.encode(self._codec, type, body, arrays, buffers, reply_to)
        if not peer.waiting and self._send(route, frames):
            return
        peer.waiting.append(frames)
        peer.waiting_bytes += sum(map(len, frames))
        if peer.waiting_bytes > MAX_WAITING:
            del self._peers[route]

    def ready(self, route: bytes) -> bool:
        """Whether nothing waits for a client."""
        peer = self._peers.get(route)
        return peer is None or not peer.waiting

    def flush(self) -> bool:
        """Sends what waits, as far as clients read; gives whether some is left."""
        left = False
        for route, peer in list(self._peers.items()):
            while peer.waiting and self._send(route, peer.waiting[0]):
                peer.waiting_bytes -= sum(map(len, peer.waiting.popleft()))
            left = left or bool(peer.waiting)
        return left

    def refuse(self, route: bytes, error: BacklotError, reply_to: str = "", **more: Any) -> None:
        """Answers with an error."""
        self.send(route, "error", {**error.to_json(), **more}, reply_to=reply_to)

    def minor(self, route: bytes) -> int:
        """The minor version of the protocol that a client speaks; 0 for one that is not known."""
        peer = self._peers.get(route)
        return peer.minor if peer is not None else 0

    def forget(self, route: bytes) -> None:
        """Ends a client's session; it has to say hello again."""
        self._peers.pop(route, None)

    def forget_silent(self) -> None:
        """Drops the sessions of clients that have not been heard for long."""
        now = time.monotonic()
        for route in [r for r, p in self._peers.items() if now - p.heard > FORGET_AFTER]:
            del self._peers[route]

    def knows(self, route: bytes) -> bool:
        """Whether a client's session goes on."""
        return route in self._peers

    def is_active(self, route: bytes) -> bool:
        """Whether a client was heard lately."""
        peer = self._peers.get(route)
        return peer is not None and time.monotonic() - peer.heard < ACTIVE_WITHIN

    def active(self, seconds: float) -> int:
        """Number of clients heard within the last ``seconds``."""
        now = time.monotonic()
        return sum(now - p.heard < seconds for p in self._peers.values())

    def _send(self, route: bytes, frames: list[bytes | memoryview]) -> bool:
        """Whether the socket has taken it, or nobody is there to take it."""
        try:
            self._socket.send_multipart([route, *frames], zmq.DONTWAIT, copy=len(frames) <= 4)
        except zmq.Again:
            return False
        except zmq.ZMQError:  # gone
            self._peers.pop(route, None)
        return True


def _minor(protocol: object) -> int:
    """Out of a hello's ``protocol``, read with suspicion."""
    whole = isinstance(protocol, list) and len(protocol) == 2 and isinstance(protocol[1], int)
    return int(protocol[1]) if whole and isinstance(protocol, list) else 0
