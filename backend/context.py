"""What an operation may use of the process it runs in."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

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


@dataclasses.dataclass
class Context:
    """What an operation may use of the process it runs in.

    Attributes:
        device: Where tensors live.
        seed: The job's seed; the same seed on the same device gives the same bytes.
        attempt: Which try this is, from 1; larger after a worker died.
        progress: To be called between steps or tiles, at least a few times a second.
    """

    device: torch.device
    seed: int = 0
    progress: Progress = ignore_progress
    attempt: int = 1
