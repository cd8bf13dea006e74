"""The worker's line to the supervisor: a thread that beats its heart, hears of jobs and passes on what the engine says.

Only this thread touches the socket. The engine's thread hands it messages through a queue and wakes it through an
inproc pair, so that neither waits for the other's work.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import zmq

from ....shared.wire import Codec, Message

HEARTBEAT = 1.0
"""Seconds."""


class Channel(threading.Thread):
    """Talks to the supervisor.

    Attributes:
        jobs: Jobs to do, as ``job.submit`` messages; None when it is time to end.
        cancelled: Ids of jobs that shall stop.
        partials: What earlier attempts at a job gave, as ``job.partial`` messages, complete before its ``job.submit`` comes.
    """

    def __init__(self, endpoint: str, key: bytes, device: Callable[[], dict[str, Any]]) -> None:
        super().__init__(name="backlot-channel", daemon=True)
        self.jobs: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.cancelled: set[str] = set()
        self.partials: dict[str, list[Message]] = {}
        self._codec, self._device = Codec(key), device
        self._outgoing: deque[list[bytes | memoryview]] = deque()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self._socket = context.socket(zmq.DEALER)
        self._socket.connect(endpoint)
        self._wake_in, self._wake_out = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self._wake_in.bind("inproc://wake")
        self._wake_out.connect("inproc://wake")
        threading.Thread(target=_end_with_supervisor, name="backlot-lifeline", daemon=True).start()

    def send(self, type: str, body: dict[str, Any], arrays: Any = (), buffers: Any = None) -> None:
        """Queues a message; to be called from the engine's thread only."""
        self._outgoing.append(self._codec.encode(type, body, arrays, buffers))
        self._wake_out.send(b"")

    def run(self) -> None:
        """The loop."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wake_in, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(int(HEARTBEAT * 1000)))
            if not ready:
                self._socket.send_multipart(self._codec.encode("ping", {"device": self._device()}))
            if self._wake_in in ready:
                self._wake_in.recv()
            while self._outgoing:
                self._socket.send_multipart(self._outgoing.popleft())
            if self._socket in ready:
                self._hear(self._codec.decode(self._socket.recv_multipart()))

    def _hear(self, message: Message) -> None:
        if message.type == "job.submit":
            self.jobs.put(message)
        elif message.type == "job.partial":
            self.partials.setdefault(message.body["job"], []).append(message)
        elif message.type == "job.cancel":
            self.cancelled.add(message.body["job"])


def _end_with_supervisor() -> None:
    """Ends this process when stdin closes: the supervisor is gone, however it went."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)
