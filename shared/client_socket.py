"""One socket from a client to the backend, with its session."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np
import zmq

from .connection import Connection
from .errors import InputError, ProtocolError
from .session import Session
from .version import PROTOCOL_VERSION, __version__
from .wire import MAX_FRAME, Codec, Message, new_id


class Line:
    """One socket to the backend with its session."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, connection: Connection) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.maxmsgsize = MAX_FRAME + 4096
        self.socket.ipv6 = "[" in endpoint
        try:
            if connection.server_key:
                self.socket.curve_serverkey = connection.server_key.encode()
                self.socket.curve_publickey = connection.client_public.encode()
                self.socket.curve_secretkey = connection.client_secret.encode()
            self.socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.socket.close(0)
            raise InputError(
                expected="an address such as tcp://render01:7700, and keys of 40 characters", got=f"{endpoint}: {error}",
                fix="Copy them from the connection file that backlot keys made",
            ) from error  # fmt: skip
        self.codec = Codec(connection.key)
        self.session = Session()
        self.nonce = new_id()
        self.ready = False
        self.said_hello = self.pinged = -1e9
        self.heard = time.monotonic()
        self._waiting: deque[tuple[list[bytes | memoryview], bool]] = deque()

    @property
    def writable(self) -> bool:
        """Whether a message that is sent now leaves at once."""
        return not self._waiting and bool(int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLOUT)

    def hello(self, name: str) -> None:
        """Introduces this client; a welcome follows."""
        self.said_hello = time.monotonic()
        self._waiting.clear()  # of a session that is over
        body = {"nonce": self.nonce, "name": name, "version": __version__, "protocol": list(PROTOCOL_VERSION)}
        self._waiting.append((self.codec.encode("hello", body), True))
        self.flush()

    def send(self, type: str, body: dict[str, Any], arrays: list[np.ndarray | None] | None = None, buffers: Any = None) -> None:
        """Sends a message of this session; while the socket's queue is full it waits in one of its own, see ``flush``."""
        self._waiting.append((self.session.encode(self.codec, type, body, arrays or (), buffers), not arrays))
        self.flush()

    def flush(self) -> None:
        """Sends what waits, as far as the socket takes it."""
        while self._waiting:
            frames, copy = self._waiting[0]
            try:
                self.socket.send_multipart(frames, zmq.DONTWAIT, copy=copy)
            except zmq.Again:
                return
            self._waiting.popleft()

    def ping(self) -> None:
        """Asks for a sign of life; a connection that broke unnoticed is noticed by it."""
        self.pinged = time.monotonic()
        if not self._waiting:  # else the backend is behind anyhow
            self.send("ping", {})

    def receive(self) -> Message | None:
        """The next message, or None; raises ``ProtocolError`` for what is not one."""
        try:
            frames = self.socket.recv_multipart(zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return None
        message = self.codec.decode([f.buffer for f in frames])
        self.heard = time.monotonic()
        if message.type == "welcome":
            if message.body.get("nonce") != self.nonce:
                raise ProtocolError(expected="a welcome to our hello", got="one to another")
            if message.session != self.session.id:  # else a second answer to the same hello: the numbers go on
                self.session = Session(message.session)
            self.ready = True
        elif not message.session and message.type == "error":
            self.ready = False  # the backend does not know us (any more): say hello again
            return message
        self.session.accept(message)
        return message
