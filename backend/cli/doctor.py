"""``backlot doctor``: looks at everything that can be wrong and says what to do about it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...shared.connection import connection_path, read_connection, state_folder
from ...shared.errors import BacklotError
from ...shared.jobs import Job
from ...shared.version import PROTOCOL_VERSION, __version__
from .session import any_backend, existing_backend

OK, NOTE, PROBLEM = "ok", "note", "PROBLEM"
MIN_FREE_MEMORY = 2 * 2**30
MIN_FREE_DISK = 2 * 2**30


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report; ``fix`` says what to do."""

    state: str
    what: str
    said: str
    fix: str = ""


def add_verbs(verbs: Any) -> None:
    """Adds the verb."""
    parser = verbs.add_parser("doctor", help="check Python, torch, devices, memory, ports, Blender and versions")
    parser.set_defaults(action=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    problems = 0
    for check in (_python, _torch, _memory, _disk, _ports, _blender, _backend, _log):
        for finding in _guard(check):
            problems += finding.state == PROBLEM
            print(f"{finding.state:8}{finding.what}: {finding.said}")
            if finding.fix:
                print(f"{'':8}-> {finding.fix}")
    print("all well" if not problems else f"{problems} problem{'s' if problems > 1 else ''} found")
    return 0 if not problems else 4


def _guard(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:
        return [Finding(PROBLEM, check.__name__.strip("_"), f"{type(error).__name__}: {error}", "Report this with the lines above")]


def _python() -> Iterator[Finding]:
    fits = sys.version_info >= (3, 11)
    yield Finding(
        OK if fits else PROBLEM, "Python", f"{platform.python_version()} at {sys.executable}", "" if fits else "Use Python 3.11 or newer"
    )
    yield Finding(OK, "Backlot", f"{__version__}, protocol {PROTOCOL_VERSION[0]}.{PROTOCOL_VERSION[1]}, on {platform.platform()}")
    import importlib.metadata as metadata

    for name in ("numpy", "pyzmq", "numba", "OpenImageIO", "av"):
        try:
            yield Finding(OK, name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(PROBLEM, name, "is missing", f"{sys.executable} -m pip install {name}")


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except ImportError as error:
        yield Finding(PROBLEM, "torch", f"cannot be imported ({error})", f"{sys.executable} -m pip install torch")
        return
    yield Finding(OK, "torch", f"{torch.__version__}, built for {f'CUDA {torch.version.cuda}' if torch.version.cuda else 'the CPU'}")
    card = _nvidia_card()
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            major, minor = torch.cuda.get_device_capability(i)
            free, total = torch.cuda.mem_get_info(i)
            built = torch.cuda.get_arch_list()
            fits = f"sm_{major}{minor}" in built or any(
                a.startswith(f"sm_{major}") and int(a[3:].rstrip("af")) <= major * 10 + minor for a in built
            )
            said = f"{torch.cuda.get_device_name(i)}, capability {major}.{minor}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
            fix = "" if fits else f"This torch has kernels for {', '.join(built)} only: install the build for your card from pytorch.org"
            yield Finding(OK if fits else PROBLEM, f"cuda:{i}", said, fix)
    elif card:
        fix = (
            "Install the CUDA build of torch (pytorch.org), or update the driver" if not torch.version.cuda else "Update the NVIDIA driver"
        )
        yield Finding(PROBLEM, "GPU", f"{card} is there, but torch cannot use it", fix)
    elif torch.backends.mps.is_available():
        yield Finding(OK, "mps", "Apple GPU")
    else:
        yield Finding(NOTE, "GPU", f"none found: work is done on the CPU with {torch.get_num_threads()} threads, more slowly")


def _nvidia_card() -> str:
    if not shutil.which("nvidia-smi"):
        return ""
    found = subprocess.run(
        ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True, text=True, timeout=30, check=False
    )
    return found.stdout.strip().splitlines()[0] if found.returncode == 0 and found.stdout.strip() else ""


def _memory() -> Iterator[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    enough = memory.available > MIN_FREE_MEMORY
    yield Finding(OK if enough else PROBLEM, "memory", f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free",
                  "" if enough else "Close other programs")  # fmt: skip


def _disk() -> Iterator[Finding]:
    folder = state_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        yield Finding(PROBLEM, "state folder", f"{folder}: {error.strerror}", "Choose another with --state or BACKLOT_STATE_DIR")
        return
    free = shutil.disk_usage(folder).free
    enough = free > MIN_FREE_DISK
    yield Finding(OK if enough else PROBLEM, "state folder", f"{folder}, {free / 2**30:.1f} GiB free", "" if enough else "Free some space")


def _ports() -> Iterator[Finding]:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
            yield Finding(OK, "ports", "loopback connections work")
    except OSError as error:
        yield Finding(
            PROBLEM, "ports", f"cannot connect on 127.0.0.1: {error.strerror}", "Allow Python on the loopback interface in the firewall"
        )


def _blender() -> Iterator[Finding]:
    candidates = [shutil.which("blender"), "/Applications/Blender.app/Contents/MacOS/Blender"]
    candidates += sorted(map(str, Path(os.environ.get("PROGRAMFILES", "/nonexistent")).glob("Blender Foundation/*/blender.exe")))
    found = [c for c in candidates if c and Path(c).exists()]
    if not found:
        yield Finding(NOTE, "Blender", "not on PATH", "Only needed for farm jobs that render; add its folder to PATH")
    for path in found:
        output = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout.split()
        version = output[1] if len(output) > 1 else "of unknown version"
        numbers = tuple(int(p) for p in version.split(".")[:2] if p.isdigit())
        fits = numbers >= (4, 2)
        yield Finding(OK if fits else PROBLEM, "Blender", f"{version} at {path}", "" if fits else "Backlot needs 4.2 or newer")


def _backend() -> Iterator[Finding]:
    try:
        with existing_backend() as client:
            yield from _try_out(client, "is running")
            return
    except BacklotError as error:
        if connection_path().exists():
            if _is_remote():
                yield Finding(PROBLEM, "backend", f"on another machine: {error}", "Start it there, and see that its ports can be reached")
                return
            yield Finding(NOTE, "backend", f"a connection file is there, but: {error}", "It is replaced at the next start")
    try:
        with any_backend() as client:
            yield from _try_out(client, "is not running; started for this check")
    except BacklotError as error:
        yield Finding(PROBLEM, "backend", str(error), f"Read {state_folder() / 'serve.log'}")


def _is_remote() -> bool:
    try:
        return read_connection().is_remote
    except BacklotError:
        return False


def _try_out(client: Any, how: str) -> Iterator[Finding]:
    welcome = client.wait_ready()
    if welcome.server_version != __version__:
        yield Finding(
            PROBLEM, "versions", f"the backend is {welcome.server_version}, this command {__version__}", "backlot stop; then start it again"
        )
    started = time.perf_counter()
    client.run(Job("system.echo", label="doctor"), timeout=180)
    yield Finding(OK, "backend", f"{how}; a worker answered a job after {(time.perf_counter() - started) * 1000:.1f} ms")


def _log() -> Iterator[Finding]:
    for path in sorted((state_folder() / "logs").glob("worker-*.log")):
        lines = [line for line in path.read_text(errors="replace").splitlines()[-400:] if "ERROR" in line or "Error" in line]
        if lines:
            yield Finding(NOTE, path.name, f"last error: {lines[-1][:160]}", f"Details in {path}")
