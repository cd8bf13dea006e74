"""Every error that Backlot raises on purpose.

    BacklotError
    ├── InputError               what the user gave cannot be used                    exit code 2
    │   ├── ParameterError       a parameter is unknown, of the wrong type or out of range
    │   └── UnknownOperation     no such operation, or not in this version
    ├── ProtocolError            bytes that are not a valid Backlot message           exit code 3
    │   ├── SignatureError       wrong key, or the message was altered
    │   ├── VersionError         the other side speaks another major version
    │   └── LimitError           larger than the other side announced it would take
    ├── BackendUnavailable       no backend answers                                   exit code 3
    ├── StorageError             the backend's disk is full or read-only              exit code 4
    ├── JobFailed                the job ended with an error of the backend's own     exit code 4
    │   ├── OutOfMemory          did not fit in memory, even with smaller tiles
    │   └── WorkerDied           the worker process died on every attempt
    └── JobCancelled             somebody asked for it                                exit code 130

A message has up to three sentences: what was expected, what came, and what to do.
Each class has a ``code``, which is its name on the wire.
"""

from __future__ import annotations

from typing import ClassVar


class BacklotError(Exception):
    """Base of all errors that Backlot raises on purpose.

    Args:
        message: A full sentence for a person. May be left out when ``expected`` and ``got`` say it all.
        expected: What would have been right.
        got: What came instead.
        fix: What the person can do about it.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 4

    def __init__(self, message: str = "", *, expected: str = "", got: str = "", fix: str = "") -> None:
        self.message, self.expected, self.got, self.fix = message, expected, got, fix
        super().__init__(message, expected, got, fix)

    def __str__(self) -> str:
        parts = [self.message.rstrip(".")] if self.message else []
        if self.expected or self.got:
            parts.append(f"Expected {self.expected or 'something else'}, got {self.got or 'something else'}".rstrip("."))
        if self.fix:
            parts.append(self.fix.rstrip("."))
        return ". ".join(parts) + "." if parts else type(self).__name__

    def to_json(self) -> dict[str, str]:
        """The error as it travels on the wire and is in the journal."""
        return {"code": self.code, "message": self.message, "expected": self.expected, "got": self.got, "fix": self.fix}

    @staticmethod
    def from_json(data: dict[str, object]) -> BacklotError:
        """Rebuilds the error that ``to_json`` described; unknown codes become ``JobFailed``."""
        kind = _BY_CODE.get(str(data.get("code", "")), JobFailed)
        return kind(
            str(data.get("message", "")),
            expected=str(data.get("expected", "")),
            got=str(data.get("got", "")),
            fix=str(data.get("fix", "")),
        )


class InputError(BacklotError):
    """What the user gave cannot be used."""

    code = "input_error"
    exit_code = 2


class ParameterError(InputError):
    """A parameter is unknown, of the wrong type or out of range."""

    code = "parameter_error"


class UnknownOperation(InputError):
    """No such operation, or not in this version."""

    code = "unknown_operation"


class ProtocolError(BacklotError):
    """Bytes that are not a valid Backlot message."""

    code = "protocol_error"
    exit_code = 3


class SignatureError(ProtocolError):
    """The message was signed with another key, or altered on the way."""

    code = "signature_error"


class VersionError(ProtocolError):
    """The other side speaks another major version of the protocol."""

    code = "version_error"


class LimitError(ProtocolError):
    """Larger than the other side announced it would take."""

    code = "limit_error"


class BackendUnavailable(BacklotError):
    """No backend answers."""

    code = "backend_unavailable"
    exit_code = 3


class StorageError(BacklotError):
    """The backend's disk is full or read-only."""

    code = "storage_error"

    @classmethod
    def of(cls, error: OSError, doing: str = "", fix: str = "") -> StorageError:
        """The same as a sentence: what could not be done (``"write to /x"``), why, and what to do about it."""
        what = doing or (f"use {error.filename}" if error.filename else "do that")
        return cls(
            f"Cannot {what}: {error.strerror or error}", fix=fix or "Check that its folder exists, can be written and has free space"
        )


class JobFailed(BacklotError):
    """The job ended with an error of the backend's own."""

    code = "job_failed"


class OutOfMemory(JobFailed):
    """The job did not fit in memory, even with smaller tiles."""

    code = "out_of_memory"


class WorkerDied(JobFailed):
    """The worker process died on every attempt."""

    code = "worker_died"


class JobCancelled(BacklotError):
    """Somebody asked for the job to stop."""

    code = "cancelled"
    exit_code = 130


def _subclasses(kind: type[BacklotError]) -> list[type[BacklotError]]:
    return [kind, *(s for sub in kind.__subclasses__() for s in _subclasses(sub))]


_BY_CODE = {kind.code: kind for kind in _subclasses(BacklotError)}
