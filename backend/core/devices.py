"""What there is to compute on."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def available_devices() -> list[str]:
    """Torch names of the devices that get a worker: all CUDA cards, else Apple's GPU, else the CPU.

    Asks torch in a process of its own, so that the caller neither imports torch nor holds a CUDA context.
    """
    may_have_gpu = sys.platform in ("darwin", "win32") or bool(shutil.which("nvidia-smi")) or Path("/dev/nvidiactl").exists()
    if not may_have_gpu:
        return ["cpu"]
    code = (
        "import torch\n"
        "n = torch.cuda.device_count() if torch.cuda.is_available() else 0\n"
        "print(' '.join(f'cuda:{i}' for i in range(n)) or ('mps' if torch.backends.mps.is_available() else 'cpu'))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=False)
    return found.stdout.split() if found.returncode == 0 and found.stdout.split() else ["cpu"]


def describe_device(device: str) -> dict[str, Any]:
    """Name, kind and thread count of a device, for people and provenance."""
    import torch

    kind = device.partition(":")[0]
    if kind == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return {"name": properties.name, "kind": kind, "capability": f"{properties.major}.{properties.minor}", "torch": torch.__version__}
    name = "Apple GPU" if kind == "mps" else _processor()
    return {"name": name, "kind": kind, "threads": torch.get_num_threads(), "torch": torch.__version__}


def memory(device: str) -> dict[str, int]:
    """Free and total bytes of the device's memory, and what this process holds."""
    import psutil

    used = psutil.Process().memory_info().rss
    if device.startswith("cuda"):
        import torch

        free, total = torch.cuda.mem_get_info(device)
        return {"free": free, "total": total, "process": used}
    system = psutil.virtual_memory()
    return {"free": system.available, "total": system.total, "process": used}


@functools.cache
def halves_pay(device: torch.device) -> bool:
    """Whether bfloat16 is faster there: on GPUs, and on processors that multiply it.

    One that has to emulate it takes four to seven times as long as with float32.
    """
    if device.type != "cpu":
        return device.type == "cuda"
    try:
        return any(word in Path("/proc/cpuinfo").read_text() for word in ("avx512_bf16", "amx_bf16"))
    except OSError:
        return False


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()} ({os.cpu_count()} cores)"
    except OSError:
        pass
    return f"{platform.processor() or platform.machine()} ({os.cpu_count()} cores)"
