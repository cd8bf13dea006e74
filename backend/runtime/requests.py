"""What clients ask for, read with suspicion."""

from __future__ import annotations

from typing import Any

from ...shared.errors import InputError, ProtocolError
from ...shared.jobs import check_request
from ...shared.wire import Message

MAX_PRIORITY = 1000
MAX_LABEL = 200
"""Characters."""
_FIELDS = ("operation", "parameters", "inputs", "seed", "deliver", "formats", "priority", "label")


def job_id_of(message: Message) -> str:
    """The job that a message is about, or ``ProtocolError``."""
    value = message.body.get("job")
    if not isinstance(value, str) or not 8 <= len(value) <= 64 or not value.isalnum():
        raise ProtocolError(expected="a job id of 8 to 64 letters and digits", got=repr(value)[:80])
    return value


def read_request(message: Message) -> dict[str, Any]:
    """The request of a ``job.submit``, parameters complete.

    Raises:
        ProtocolError: A field is not of its type.
        InputError: The operation cannot do what is asked.
    """
    request: dict[str, Any] = {n: message.body.get(n) for n in _FIELDS}
    operation, label, priority = request["operation"], request["label"], request["priority"]
    if not isinstance(operation, str) or not isinstance(label, str):
        raise ProtocolError(expected="an operation and a label", got=repr({n: request[n] for n in _FIELDS if n != "inputs"})[:200])
    if not isinstance(priority, int) or abs(priority) > MAX_PRIORITY:
        raise InputError(expected=f"a priority from -{MAX_PRIORITY} to {MAX_PRIORITY}", got=repr(priority)[:80])
    request["label"] = "".join(c if c.isprintable() else "?" for c in label[:MAX_LABEL])
    request["parameters"] = check_request(*(request[n] for n in _FIELDS[:6]))
    return request
