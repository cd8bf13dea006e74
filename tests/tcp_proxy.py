"""A TCP proxy that drops, delays, cuts and closes what passes through it."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
import time


class Proxy:
    """Forwards one port to another, badly.

    Args:
        target: ``tcp://host:port``.
        delay: Seconds that every piece waits.
        cut_after: Bytes after which a connection is closed, the last piece halved; for the first ``cuts`` connections.
        swallow_after: Bytes after which the first ``cuts`` connections are kept open but nothing passes any more.
        cuts: How many connections are treated so.
        piece: Largest number of bytes forwarded at once.
        bandwidth: Bytes a second, both directions together; as many as there are if 0.
    """

    def __init__(
        self, target: str, *, delay: float = 0, cut_after: int = 0, swallow_after: int = 0, cuts: int = 2, piece: int = 1 << 16,
        bandwidth: float = 0,
    ) -> None:  # fmt: skip
        host, _, port = target.removeprefix("tcp://").rpartition(":")
        self._target = (host, int(port))
        self._delay, self._cut_after, self._swallow_after, self._cuts, self._piece = delay, cut_after, swallow_after, cuts, piece
        self._bandwidth = bandwidth
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._stopping = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping = True
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                near, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._forward, args=(near, self.connections))
                self._threads.append(thread)
                thread.start()

    def _forward(self, near: socket.socket, number: int) -> None:
        passed, rng, treated = 0, random.Random(number), number <= self._cuts
        with near, contextlib.suppress(OSError), socket.create_connection(self._target) as far:
            while not self._stopping:
                for source in select.select([near, far], [], [], 0.05)[0]:
                    data = source.recv(rng.randint(1, self._piece) if self._piece < 1 << 16 else self._piece)
                    if not data:
                        return
                    time.sleep(self._delay + (len(data) / self._bandwidth if self._bandwidth else 0))
                    passed += len(data)
                    if treated and self._swallow_after and passed > self._swallow_after:
                        continue
                    cut = treated and self._cut_after and passed > self._cut_after
                    (far if source is near else near).sendall(data[: len(data) // 2] if cut else data)
                    if cut:
                        return
