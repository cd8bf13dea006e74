"""Which tests can run in this interpreter: `pytest tests` works in every environment and leaves out what belongs to another."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

collect_ignore: list[str] = []
if importlib.util.find_spec("bpy") is None:
    collect_ignore.append("blender")  # these import bpy: .venvs/bpy-4.5/bin/python -m pytest tests/blender


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Pictures as small as in tests are slower on several threads, much slower on a busy machine."""
    import torch  # not there in the Blender tiers

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
