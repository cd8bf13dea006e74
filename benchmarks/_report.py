"""What all benchmarks share: options, the machine in words, tables, and the files of figures and pictures.

A file of figures names the commit, the date, the command with all its options, and the machine. ``--tiny`` runs a benchmark in seconds at
a size that gives no meaningful figures, to see that it still starts. ``tests/test_benchmarks.py`` does so with each.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import functools
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
import torch

from ..backend.io.writing import encode
from ..shared.values import Image

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
TINY_RESULTS = ROOT / ".cache" / "benchmarks-tiny"
Row = dict[str, Any]
T = TypeVar("T")


def make_parser(file: str, text: str | None, *, threads: int | None = None, device: bool = False) -> argparse.ArgumentParser:
    """A command line with the options that every benchmark has.

    Args:
        file: ``__file__`` of the benchmark; its name is that of the file.
        text: Its docstring.
        threads: Adds ``--threads`` with this default; 0 leaves the number to torch.
        device: Adds ``--device``.
    """
    prog = f"python3 dev.py bench {Path(file).stem}"
    parser = argparse.ArgumentParser(prog=prog, description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a few seconds, to see that it runs: the figures mean nothing")
    parser.add_argument("--results", type=Path, help="folder of figures and pictures; default benchmarks/results (tiny: in .cache)")
    if threads is not None:
        parser.add_argument("--threads", type=int, default=threads)
    if device:
        parser.add_argument("--device", default="cpu")
    return parser


def begin(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> tuple[argparse.Namespace, Report]:
    """Parse the command line, set the number of threads, and say where results go.

    Args:
        parser: From ``make_parser``.
        arguments: Of the command line; None takes those of this process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(given)
    if getattr(options, "threads", None):
        torch.set_num_threads(options.threads)
    folder = options.results or (TINY_RESULTS if options.tiny else RESULTS)
    folder.mkdir(parents=True, exist_ok=True)
    return options, Report(shlex.join([*parser.prog.split(), *given]), options, folder, torch.device(getattr(options, "device", "cpu")))


@dataclasses.dataclass(frozen=True)
class Report:
    """Where the results of one run go.

    Attributes:
        command: As it was typed.
        options: All of them, with their values.
        folder: Of figures and pictures.
        device: What it runs on.
    """

    command: str
    options: argparse.Namespace
    folder: Path
    device: torch.device

    def save_rows(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
        """Write figures as ``NAME.json`` with what is needed to have them again; returns the path."""
        path = self.folder / f"{name}.json"
        options = {key: value for key, value in vars(self.options).items() if key != "results"}
        origin = {"command": self.command, "options": options, **run_of_today(), "machine": machine(self.device)}
        path.write_text(json.dumps({**origin, "rows": list(rows)}, indent=1, default=_plain) + "\n", encoding="utf-8")
        print(path)
        return path

    def merge_rows(self, name: str, rows: Sequence[Row], key: Callable[[Row], Any]) -> list[Row]:
        """Add figures to those of earlier runs, replacing rows with the same key; returns all rows.

        Each row names its own commit and date, since the head of the file is that of the last run.
        """
        path = self.folder / f"{name}.json"
        known = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
        merged = {key(row): row for row in known} | {key(row): {**row, **run_of_today()} for row in rows}
        self.save_rows(name, list(merged.values()))
        return list(merged.values())

    def save_picture(self, name: str, pixels: np.ndarray) -> Path:
        """Write a picture, ``(H, W, C)`` uint8 sRGB, as ``NAME`` (png or jpg by its suffix); returns the path."""
        path = self.folder / name
        path.write_bytes(encode(Image(np.ascontiguousarray(pixels)), path.suffix))
        return path


def _plain(value: Any) -> Any:
    """What JSON has no word for: numbers of numpy, and paths."""
    return value.item() if isinstance(value, np.generic) else str(value)


def run_of_today() -> dict[str, str]:
    """The commit that is checked out, with a remark if files were changed since, and the date (UTC)."""
    commit = _git("rev-parse", "--short", "HEAD") or "unknown: not a git checkout"
    if _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results", ":!docs"):
        commit += " with changes that were not committed"
    return {"commit": commit, "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")}


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine(device: torch.device) -> dict[str, Any]:
    """The machine and its load."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        name = next((line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")), name)
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "kernel_threads": numba.get_num_threads(),
        "load": [round(x, 1) for x in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none",
        "device": str(device),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


@functools.cache
def installed(package: str) -> bool:
    """Whether a system that we are compared with is in this environment; ``dev.py bench`` installs them all."""
    found = find_spec(package) is not None
    if not found:
        print(f"{package} is not installed here: that part is left out")
    return found


def timed(call: Callable[[], T], device: torch.device) -> tuple[T, float, float]:
    """The result, the wall time and the processor time in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return result, time.perf_counter() - wall, time.process_time() - cpu


def peak_memory() -> float:
    """Most memory this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that share their keys."""
    keys = list(rows[0])
    cells = [keys, *[[f"{r[k]:.3g}" if isinstance(r[k], float) else str(r[k]) for k in keys] for r in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(keys))]
    for line in cells:
        print("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)))


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Display-encoded values in 0..1 to uint8, whatever the shape."""
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def psnr(error: np.ndarray) -> float:
    """Peak signal to noise in dB of differences between values in 0..1."""
    return float(-10 * np.log10(max(float((error**2).mean()), 1e-12)))
