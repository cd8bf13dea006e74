"""Sessions: who is at the other end, and that no message is heard twice.

A client says ``hello`` with a random nonce; the server answers ``welcome`` with the nonce and a fresh session id. From
then on every message carries the session and a sequence number that only grows, in each direction: a recorded message
played back later, or on another connection, is refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import ProtocolError
from .wire import Codec, Message


@dataclasses.dataclass
class Session:
    """One side's view of a conversation."""

    id: str = ""
    sent: int = 0
    heard: int = 0

    def encode(
        self,
        codec: Codec,
        type: str,
        body: dict[str, Any],
        arrays: Sequence[np.ndarray | None] = (),
        buffers: Sequence[dict[str, Any]] | None = None,
        reply_to: str = "",
    ) -> list[bytes | memoryview]:
        """The frames of the next message of this session."""
        self.sent += 1
        return codec.encode(type, body, arrays, buffers, reply_to=reply_to, session=self.id, sequence=self.sent)

    def accept(self, message: Message) -> None:
        """Notes that ``message`` was heard.

        Raises:
            ProtocolError: It belongs to another session, or was heard before.
        """
        if message.session != self.id:
            raise ProtocolError(expected="a message of this session", got="one of another", fix="Say hello first")
        if message.sequence <= self.heard:
            raise ProtocolError(expected=f"a message after number {self.heard}", got=f"number {message.sequence} again")
        self.heard = message.sequence
