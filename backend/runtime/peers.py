"""The clients at the other end of a ROUTER socket: their sessions, and signed replies."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import zmq

from ...shared.errors import BacklotError, ProtocolError
from ...shared.session import Session
from ...shared.wire import Codec, Message, new_id

FORGET_AFTER = 600.0
"""Seconds of silence after which a client has to say hello again."""


@dataclasses.dataclass
class Peer:
    """One client."""

    session: Session
    nonce: str
    name: str
    heard: float
    minor: int = 0


class Peers:
    """Sessions by routing id, and sending to them."""

    def __init__(self, socket: zmq.Socket[bytes], codec: Codec) -> None:
        self._socket, self._codec = socket, codec
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
        """Sends to a client, if it is still known. Never blocks: a client that does not read loses messages, and attaches again."""
        peer = self._peers.get(route)
        if peer is not None:
            self._send(route, peer.session.encode(self._codec, type, body, arrays, buffers, reply_to))

    def refuse(self, route: bytes, error: BacklotError, reply_to: str = "", **more: Any) -> None:
        """Answers with an error."""
        self.send(route, "error", {**error.to_json(), **more}, reply_to=reply_to)

    def minor(self, route: bytes) -> int:
        """The minor version of the protocol that a client speaks; 0 for one that is not known."""
        peer = self._peers.get(route)
        return peer.minor if peer is not None else 0

    def forget_silent(self) -> None:
        """Drops the sessions of clients that have not been heard for long."""
        now = time.monotonic()
        for route in [r for r, p in self._peers.items() if now - p.heard > FORGET_AFTER]:
            del self._peers[route]

    def active(self, seconds: float) -> int:
        """Number of clients heard within the last ``seconds``."""
        now = time.monotonic()
        return sum(now - p.heard < seconds for p in self._peers.values())

    def _send(self, route: bytes, frames: list[bytes | memoryview]) -> None:
        with contextlib.suppress(zmq.ZMQError):  # gone, or its queue is full
            self._socket.send_multipart([route, *frames], zmq.DONTWAIT, copy=len(frames) <= 4)


def _minor(protocol: object) -> int:
    """Out of a hello's ``protocol``, read with suspicion."""
    whole = isinstance(protocol, list) and len(protocol) == 2 and isinstance(protocol[1], int)
    return int(protocol[1]) if whole and isinstance(protocol, list) else 0
