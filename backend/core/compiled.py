"""How this package's CPU kernels are compiled."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import torch


def _choose_cache_folder() -> None:
    """Lets numba cache next to the source where it can, else in the user's cache folder (an installed package may be read-only)."""
    if "NUMBA_CACHE_DIR" in os.environ or os.access(Path(__file__).parent, os.W_OK):
        return
    root = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    for folder in (Path(root) / "backlot" / "numba", Path(tempfile.gettempdir()) / "backlot-numba"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            os.environ["NUMBA_CACHE_DIR"] = str(folder)
            return


_choose_cache_folder()

import numba  # noqa: E402  (reads NUMBA_CACHE_DIR when it is imported)

if os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]  # type: ignore[attr-defined]  # if numba was imported before


def _share_threads() -> None:
    """As many threads for the kernels as for PyTorch, and the same number afterwards.

    Both share OpenMP. When numba starts its threads, at the first parallel kernel, it sets OpenMP's number of them: PyTorch would go on
    with another one in the midst of a job, and its sums, and with them a training's bytes, depend on it.
    """
    threads = torch.get_num_threads()
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    torch.set_num_threads(threads)


_share_threads()

Real: TypeAlias = Any
"""A scalar of a kernel: float32 or float64, whichever its caller gives. Neither is a ``float`` to mypy."""

FAST_MATH = {"contract", "reassoc", "nsz", "arcp", "afn"}
"""LLVM's liberties that keep NaN and infinity meaningful: depth maps hold both."""


def kernel(*, parallel: bool = False, fast: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compiles a function at its first call and keeps the machine code on disk, where a folder can be written.

    Args:
        parallel: Run ``numba.prange`` loops on all cores.
        fast: Allow reordering and contraction of float arithmetic (``FAST_MATH``).
    """

    def compile_function(function: Callable[..., Any]) -> Callable[..., Any]:
        options: dict[str, Any] = {"parallel": parallel, "fastmath": FAST_MATH if fast else False, "error_model": "numpy"}
        try:
            return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
        except RuntimeError:  # "no locator available": nowhere to cache
            return numba.njit(**options)(function)  # type: ignore[no-any-return]

    return compile_function
