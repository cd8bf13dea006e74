"""What an operation may use of the process it runs in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch


class Progress(Protocol):
    """Reports progress; doubles as the cancel check."""

    def __call__(self, fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        """Reports.

        Args:
            fraction: 0..1 of the whole job.
            stage: A few words for a person, such as ``"matching 2/5"``.
            preview: Optional small picture, ``(H, W, 3)`` uint8, sRGB.

        Raises:
            JobCancelled: The job shall stop; let it pass through.
        """


def ignore_progress(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
    """For callers that do not want to know."""


PRIVATE = "_"
"""Partial results whose name begins so are for the operation's next attempt only; no client is informed of them."""


class Partials(Mapping[tuple[str, int | None], Any]):
    """Results that an unfinished job gave already, by name and index. This one keeps them in memory; a worker's, in the store."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, int | None], Any] = {}

    def keep(self, name: str, value: Any, index: int | None) -> None:
        """Keeps a value in place of an earlier one of the same name and index."""
        self._values[name, index] = value

    def __getitem__(self, key: tuple[str, int | None]) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[tuple[str, int | None]]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclasses.dataclass
class Context:
    """What an operation may use of the process it runs in.

    Attributes:
        device: Where tensors live.
        seed: The job's seed; the same seed on the same device gives the same bytes.
        progress: To be called between steps or tiles, at least a few times a second.
        attempt: Which try this is, from 1; larger after a worker died.
        emitted: What ``emit`` was given, also by an earlier attempt whose worker died, by ``(name, index)`` and as it was
            delivered: an ``EncodedFile`` in place of an ``Image`` or ``Mesh`` where the job delivers files. Each look reads it
            anew (mapped from the store), so that many frames need no memory. An output may be taken from here.
    """

    device: torch.device
    seed: int = 0
    progress: Progress = ignore_progress
    attempt: int = 1
    emitted: Partials = dataclasses.field(default_factory=Partials)

    def emit(self, name: str, value: Any, index: int | None = None) -> None:
        """Gives a result away before the end: to the client at once, and to the next attempt should this one's worker die.

        Another one of the same name and index takes its place; those that come faster than a few a second are passed over but
        for the last.

        Args:
            name: An output of the operation, or a name that begins with ``_`` for what only the next attempt needs.
            value: An ``Image``, ``EncodedFile``, ``Mesh`` or JSON object, whose arrays must not be changed afterwards.
            index: Which of several, such as a frame's number.
        """
        self.emitted.keep(name, value, index)
