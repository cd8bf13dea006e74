"""Which tests can run in this interpreter: `pytest tests` works in every environment and leaves out what belongs to another."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # not there in the Blender tiers
    import torch
    from backend_process import Backend

    from backlot.shared.client import Client

collect_ignore: list[str] = []
if importlib.util.find_spec("bpy") is None:
    collect_ignore.append("blender")  # these import bpy: .venvs/bpy-4.5/bin/python -m pytest tests/blender
HERE = Path(__file__).parent
if not (HERE.parent / "dev.py").exists():  # tests/ alone, with the package installed by pip: what reads the checkout's files stays out
    NEED_CHECKOUT = ("backlot.benchmarks", "shot_frames", "from test_keyframes", "dev.py", "tools", "pyproject.toml", "docs")
    for path in HERE.glob("test_*.py"):
        if any(word in path.read_text(encoding="utf-8") for word in NEED_CHECKOUT):
            collect_ignore.append(path.name)
    collect_ignore += ["extension", "window"]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Pictures as small as in tests are slower on several threads, much slower on a busy machine."""
    import torch  # not there in the Blender tiers

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Where what runs on a GPU is compared with the processor's compiled kernels: on the processor, and on a GPU where there is one."""
    if request.param == "cuda":
        request.getfixturevalue("cuda")
    import torch  # not there in the Blender tiers

    return torch.device(request.param)


@pytest.fixture
def cuda() -> torch.device:
    """The GPU; skips the test without one."""
    import torch  # not there in the Blender tiers

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device in this machine")
    return torch.device("cuda")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """One backend for all tests of a test process, which may ask for faults.

    A test may kill its worker, which comes again. One that stops the backend or fills its folder starts another (``backend``).
    """
    from backend_process import backend

    # Tests without a backend may run for minutes between two that use it.
    with backend(tmp_path_factory.mktemp("server") / "state", "--idle-exit", "1800", BACKLOT_FAULTS="1") as running:
        yield running


@pytest.fixture
def client(server: Backend) -> Iterator[Client]:
    """A client that has been welcomed."""
    with server.client() as one:
        one.wait_ready()
        yield one


@pytest.fixture(params=["same host", "remote"])
def either(request: pytest.FixtureRequest, server: Backend) -> Iterator[Client]:
    """A client that shares files with its backend, then one that does not."""
    with server.client() if request.param == "same host" else server.remote_client() as one:
        assert one.wait_ready().same_host == (request.param == "same host")
        yield one


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets this process ask for the operation that goes wrong on purpose."""
    from backlot.shared.operations import OPERATIONS, system_fault

    monkeypatch.setitem(OPERATIONS, system_fault.OPERATION.name, system_fault.OPERATION)
