"""What the benchmarks of pictures share: the machine in words, tables, and files in ``benchmarks/results``."""

from __future__ import annotations

import json
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backlot.backend.io.writing import encode
from backlot.shared.values import Image

RESULTS = Path(__file__).resolve().parent / "results"


def machine(device: torch.device) -> dict[str, Any]:
    """The machine and its load, to stand beside every figure."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        name = next((line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")), name)
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": [round(x, 1) for x in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
    }


def timed(call: Callable[[], Any], device: torch.device) -> tuple[Any, float, float]:
    """The result, the wall time and the processor time in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return result, time.perf_counter() - wall, time.process_time() - cpu


def peak_memory() -> float:
    """Most memory this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def print_table(rows: list[dict[str, Any]]) -> None:
    """Prints rows that share their keys."""
    keys = list(rows[0])
    cells = [keys, *[[f"{r[k]:.3g}" if isinstance(r[k], float) else str(r[k]) for k in keys] for r in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(keys))]
    for line in cells:
        print("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)))


def save_picture(name: str, pixels: np.ndarray) -> Path:
    """Writes an sRGB picture as ``results/NAME`` (png or jpg by its suffix)."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / name
    path.write_bytes(encode(Image(np.ascontiguousarray(pixels)), path.suffix))
    return path


def save_rows(name: str, device: torch.device, rows: list[dict[str, Any]]) -> Path:
    """Writes the figures with the machine as ``results/NAME.json``."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(device), "rows": rows}, indent=1, default=float) + "\n")
    return path
