"""Jobs: an operation, its parameters, its inputs and a seed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from . import operations
from .errors import InputError, ParameterError
from .operations.schema import ParameterValue
from .value_codec import Buffer, encode
from .wire import new_id

DELIVERIES = ("arrays", "files", "both")
MAX_SEED = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Job:
    """What the backend is asked to do. It is checked once, so it cannot be changed; ``changed`` gives another one.

    Attributes:
        operation: Name of an operation.
        parameters: Those that differ from the defaults.
        inputs: Values by input name.
        seed: 0..2**31-1; the same seed on the same device gives the same bytes.
        deliver: ``arrays`` (images and meshes as arrays), ``files`` (encoded by the backend, ready to be written) or ``both``: the
            outputs are then two objects, ``arrays`` and ``files``, and each has them by name.
        formats: For ``files`` and ``both``: suffix without dot by output name.
        priority: Larger goes first.
        label: For the job list.
        id: Made by the client: submitting the same id again is harmless and gives the stored outcome.
    """

    operation: str
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    inputs: dict[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 0
    deliver: str = "arrays"
    formats: dict[str, str] = dataclasses.field(default_factory=dict)
    priority: int = 0
    label: str = ""
    id: str = dataclasses.field(default_factory=new_id)
    _complete: dict[str, ParameterValue] | None = dataclasses.field(default=None, init=False, repr=False, compare=False)

    def check(self, inputs: Mapping[str, Any] | None = None) -> dict[str, ParameterValue]:
        """All parameters, defaults filled in. The first call checks the request, later ones give what it found.

        Args:
            inputs: In place of the job's own: as a job file has them, of which some are still to be rendered.

        Raises:
            UnknownOperation: No such operation.
            InputError: An input is missing or unknown, a parameter is wrong, a format is not offered.
        """
        if self._complete is None:
            given = self.inputs if inputs is None else inputs
            complete = check_request(self.operation, self.parameters, given, self.seed, self.deliver, self.formats)
            object.__setattr__(self, "_complete", complete)
            return complete
        return self._complete

    def changed(self, **changes: Any) -> Job:
        """Another job with some fields changed. What was checked stays checked unless operation, parameters, seed or formats differ.

        So it is for another id, another delivery, and inputs that were still to be rendered when their names were checked.
        """
        other = dataclasses.replace(self, **changes)
        if all(getattr(self, name) == getattr(other, name) for name in ("operation", "parameters", "seed", "formats")):
            object.__setattr__(other, "_complete", self._complete)
        return other

    def encode(self) -> tuple[dict[str, Any], list[Buffer]]:
        """The body of ``job.submit`` without buffer descriptions, and the arrays; checked as by ``check``."""
        self.check()
        buffers: list[Buffer] = []
        inputs = {k: encode(v, buffers) for k, v in self.inputs.items() if v is not None}
        body = {"job": self.id, "operation": self.operation, "version": operations.find(self.operation).version,
                "parameters": dict(self.parameters), "inputs": inputs, "seed": self.seed, "deliver": self.deliver,
                "formats": dict(self.formats), "priority": self.priority, "label": self.label}  # fmt: skip
        return body, buffers


def check_request(operation: str, parameters: Any, inputs: Any, seed: Any, deliver: Any, formats: Any) -> dict[str, ParameterValue]:
    """Checks all of a request but the arrays' content; used on both sides. Gives the complete parameters."""
    schema = operations.find(operation)
    complete = schema.check_parameters(parameters)
    if not isinstance(inputs, dict):
        raise InputError(expected="inputs by name", got=type(inputs).__name__)
    schema.check_input_names(inputs)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
        raise ParameterError(expected=f"a seed from 0 to {MAX_SEED}", got=repr(seed)[:80])
    if deliver not in DELIVERIES:
        raise ParameterError(expected=f"deliver to be one of {', '.join(DELIVERIES)}", got=repr(deliver)[:80])
    if not isinstance(formats, dict):
        raise ParameterError(expected="formats by output name", got=type(formats).__name__)
    for name, suffix in formats.items():
        output = next((o for o in schema.outputs if o.name == name), None)
        if output is None:
            msg = f"{operation} has no output {name!r}"
            raise ParameterError(msg, fix=f"Its outputs are: {', '.join(o.name for o in schema.outputs)}")
        if suffix not in output.formats:
            raise ParameterError(expected=f"{name} as one of {', '.join(output.formats)}", got=repr(suffix)[:80])
    return complete


def request_digest(operation: str, parameters: dict[str, Any], inputs: Any, digests: list[str], seed: int, formats: Any) -> str:
    """Identifies what a job computes, whoever asks and whenever: SHA-256 in hex."""
    version = operations.find(operation).version
    text = json.dumps([operation, version, parameters, inputs, digests, seed, formats], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
