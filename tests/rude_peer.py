"""A peer that has the key and sends what it likes."""

from __future__ import annotations

from typing import Any

import zmq
from backend_process import Backend

from backlot.shared import wire
from backlot.shared.connection import read_connection
from backlot.shared.wire import Codec


class Rude:
    """A peer that has the key and sends what it likes."""

    def __init__(self, server: Backend, key: bytes | None = None) -> None:
        connection = read_connection(server.path)
        self.context = zmq.Context()
        self.codec = Codec(key or connection.key)
        self.sockets = {}
        for name in ("control", "data"):
            self.sockets[name] = self.context.socket(zmq.DEALER)
            self.sockets[name].linger = 0
            self.sockets[name].connect(getattr(connection, name))
        self.session = {"control": wire.new_id(), "data": wire.new_id()}
        self.sequence = 0

    def __enter__(self) -> Rude:
        for name in self.sockets:
            self.session[name] = self.ask("hello", {"nonce": "n"}, on=name).session
        return self

    def __exit__(self, *exc: object) -> None:
        self.context.destroy(0)

    def ask(self, type: str, body: dict[str, Any], arrays: Any = (), on: str = "control", buffers: Any = None) -> wire.Message:
        self.sequence += 1
        frames = self.codec.encode(type, body, arrays, buffers, session=self.session[on], sequence=self.sequence)
        return self.send(frames, on)

    def send(self, frames: list[Any], on: str = "control") -> wire.Message:
        self.sockets[on].send_multipart(frames)
        assert self.sockets[on].poll(5000), "no answer"
        return self.codec.decode(self.sockets[on].recv_multipart())


def request(**change: Any) -> dict[str, Any]:
    body = {"job": wire.new_id(), "operation": "system.echo", "parameters": {}, "inputs": {}, "seed": 0, "deliver": "arrays", "formats": {},
            "priority": 0, "label": ""}  # fmt: skip
    return {**body, **change}
