"""``system.fault``: what tests use to break a worker."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....shared.values import EncodedFile
from ...core.context import Context


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Goes wrong as asked, on the first ``attempts`` attempts; afterwards says how it went."""
    kind = parameters["kind"]
    found = sorted(index for name, index in context.emitted if name == "frames" and index is not None)
    for index in range(parameters["emit"]):
        if index not in found:
            made = f"frame {index}, attempt {context.attempt}".encode()
            context.emit("frames", EncodedFile(np.frombuffer(made, np.uint8), f"frame_{index:04d}.txt"), index)
    context.emit("_attempt", {"attempt": context.attempt})
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
    frames = [context.emitted["frames", index] for index in range(parameters["emit"])]
    return {"report": {"attempt": context.attempt, "pid": os.getpid(), "found": found}, "frames": frames}
