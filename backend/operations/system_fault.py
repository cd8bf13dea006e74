"""``system.fault``: what tests use to break a worker."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Mapping
from typing import Any

from ..context import Context


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Goes wrong as asked, on the first ``attempts`` attempts; afterwards says how it went."""
    kind = parameters["kind"]
    if context.attempt <= parameters["attempts"]:
        if kind == "segfault":
            ctypes.string_at(0)
        elif kind == "exit":
            os._exit(3)
        elif kind == "out_of_memory":
            import torch

            torch.empty(1 << 58, dtype=torch.uint8, device=context.device)
        elif kind == "error":
            msg = "on purpose"
            raise ValueError(msg)
        while kind == "hang":
            time.sleep(0.05)
    return {"report": {"attempt": context.attempt, "pid": os.getpid()}}
