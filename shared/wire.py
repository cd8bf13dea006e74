"""Messages as zmq frames: ``magic+major | HMAC | header | body | buffers…``.

docs/PROTOCOL.md is the specification. The signature (HMAC-SHA256 with the connection's key) covers magic, header and
body; each buffer's length is written in the body and, for blobs, its digest. Whatever bytes arrive,
``Codec.decode`` raises nothing but ``ProtocolError`` and its subclasses.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import math
import secrets
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import LimitError, ProtocolError, SignatureError, VersionError
from .value_codec import Buffer, check_descriptor
from .version import PROTOCOL_VERSION

MAGIC = b"BKLT"
PREFIX = MAGIC + bytes([PROTOCOL_VERSION[0]])
INLINE_LIMIT = 64 * 1024
"""Bytes; larger arrays travel as blobs."""
MAX_FRAME = 16 * 1024 * 1024
"""Bytes; zmq drops the connection on a larger one, so both sides check before sending."""
MAX_BUFFERS = 4096

TYPES = frozenset(
    {
        *("hello", "welcome", "error", "ping", "pong", "status", "shutdown"),
        *("job.submit", "job.accepted", "job.rejected", "job.queued", "job.progress", "job.partial", "job.result", "job.error"),
        *("job.cancel", "job.cancelled", "job.attach", "job.list", "blob.has", "blob.put", "blob.get"),
    }
)


@dataclasses.dataclass(frozen=True)
class Message:
    """One message, checked.

    Attributes:
        type: One of ``TYPES``.
        body: A JSON object.
        arrays: The inline buffers, by index; None for those that travel as blobs.
        buffers: Their descriptions, as in the body.
        id: Unique.
        reply_to: The ``id`` of the message that this one answers, or ``""``.
        session: The session it belongs to, ``""`` in ``hello``.
        sequence: Counts up within a session and direction.
    """

    type: str
    body: dict[str, Any]
    arrays: list[np.ndarray | None] = dataclasses.field(default_factory=list)
    buffers: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    id: str = ""
    reply_to: str = ""
    session: str = ""
    sequence: int = 0


def new_id() -> str:
    """A fresh random identifier, 32 hex digits."""
    return secrets.token_hex(16)


class Codec:
    """Turns messages into signed frames and back."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ProtocolError(expected="a key of at least 16 bytes", got=f"{len(key)} bytes")
        self._key = key

    def encode(
        self,
        type: str,
        body: dict[str, Any],
        arrays: Sequence[np.ndarray | None] = (),
        buffers: Sequence[dict[str, Any]] | None = None,
        *,
        id: str = "",
        reply_to: str = "",
        session: str = "",
        sequence: int = 0,
    ) -> list[bytes | memoryview]:
        """The frames of one message.

        Args:
            type: One of ``TYPES``.
            body: A JSON object.
            arrays: Inline buffers; None where ``buffers`` describes a blob.
            buffers: Their descriptions; made from the arrays if left out.
            id: Message id; a new one if left out.
            reply_to: Id of the message that this answers.
            session: The session, ``""`` for hello.
            sequence: Its number within the session.

        Raises:
            LimitError: A frame would be larger than ``MAX_FRAME``.
        """
        descriptions = [Buffer(a).describe() for a in arrays if a is not None] if buffers is None else list(buffers)
        header = {"type": type, "id": id or new_id(), "reply_to": reply_to, "session": session, "sequence": sequence,
                  "minor": PROTOCOL_VERSION[1], "time": round(time.time(), 3)}  # fmt: skip
        head = json.dumps(header, separators=(",", ":")).encode()
        text = json.dumps({**body, "buffers": descriptions}, separators=(",", ":"), allow_nan=False).encode()
        raw = [memoryview(np.ascontiguousarray(a).reshape(-1).view(np.uint8)) for a in arrays if a is not None]
        for frame in (head, text, *raw):
            if len(frame) > MAX_FRAME:
                what, fix = ("text and lists", "Give long lists as files") if frame is text else ("one array", "")
                raise LimitError(
                    expected=f"at most {MAX_FRAME >> 20} MiB of {what} in one message", got=f"{len(frame) / 2**20:.1f} MiB", fix=fix
                )
        return [PREFIX, self._sign(PREFIX, head, text), head, text, *raw]

    def decode(self, frames: Sequence[bytes | memoryview]) -> Message:
        """Checks signature, form and sizes.

        Raises:
            ProtocolError: Not a message of ours, or damaged.
            VersionError: Another major version.
            SignatureError: Another key.
        """
        if not frames or bytes(frames[0][:4]) != MAGIC or len(frames[0]) != len(PREFIX):
            raise ProtocolError(expected="a Backlot message", got="other bytes", fix="Check that the address is a Backlot backend's")
        major = frames[0][4]
        if major != PROTOCOL_VERSION[0]:
            raise VersionError(
                expected=f"protocol version {PROTOCOL_VERSION[0]}", got=f"version {major}",
                fix="Update the older of add-on and backend, so that both are of one release",
            )  # fmt: skip
        if len(frames) < 4 or len(frames) > 4 + MAX_BUFFERS:
            raise ProtocolError(expected=f"4 to {4 + MAX_BUFFERS} frames", got=str(len(frames)))
        signature, head, text = (bytes(f) for f in frames[1:4])
        if not hmac.compare_digest(signature, self._sign(PREFIX, head, text)):
            msg = "The message's signature is wrong"
            raise SignatureError(msg, fix="Give both sides the same key (the connection file's)")
        header, body = json_object(head, "header"), json_object(text, "body")
        kind, message_id, reply_to, session = (header.get(k, "") for k in ("type", "id", "reply_to", "session"))
        sequence = header.get("sequence", 0)
        if not all(isinstance(v, str) and len(v) <= 64 for v in (kind, message_id, reply_to, session)) or kind not in TYPES:
            raise ProtocolError(expected="a known message type", got=repr(kind)[:80])
        if not isinstance(sequence, int) or isinstance(sequence, bool) or sequence < 0:
            raise ProtocolError(expected="a sequence number", got=repr(sequence)[:80])
        buffers = body.pop("buffers", [])
        arrays = _arrays(buffers, frames[4:])
        return Message(kind, body, arrays, buffers, message_id, reply_to, session, sequence)

    def _sign(self, prefix: bytes, head: bytes, text: bytes) -> bytes:
        mac = hmac.new(self._key, prefix + len(head).to_bytes(8, "little") + head, hashlib.sha256)
        mac.update(text)
        return mac.digest()


def _finite(text: str) -> float:
    """Neither NaN nor Infinity, nor 1e999: they are not JSON, and could not be passed on."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def json_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object of finite numbers; ``ProtocolError`` for anything else."""
    try:
        value = json.loads(data, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(expected=f"a JSON {what}", got="something else") from error
    if not isinstance(value, dict):
        raise ProtocolError(expected=f"a JSON object as {what}", got=type(value).__name__)
    return value


def _arrays(buffers: Any, frames: Sequence[bytes | memoryview]) -> list[np.ndarray | None]:
    if not isinstance(buffers, list) or len(buffers) > MAX_BUFFERS:
        raise ProtocolError(expected=f"a list of at most {MAX_BUFFERS} buffers", got=repr(buffers)[:80])
    arrays: list[np.ndarray | None] = []
    rest = list(frames)
    for data in buffers:
        dtype, shape = check_descriptor(data)
        if data.get("transport", "inline") != "inline":
            arrays.append(None)
            continue
        if not rest:
            raise ProtocolError(expected="a frame for each inline buffer", got="too few frames")
        frame = rest.pop(0)
        if len(frame) != data["nbytes"]:
            raise ProtocolError(expected=f"a buffer of {data['nbytes']} bytes", got=f"{len(frame)} bytes")
        arrays.append(np.frombuffer(frame, dtype).reshape(shape))
    if rest:
        raise ProtocolError(expected="a description for each buffer", got=f"{len(rest)} frames too many")
    return arrays
