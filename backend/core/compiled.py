"""How this package's CPU kernels are compiled."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numba
import torch

from ...shared.connection import user_folder


def _cache_folder() -> Path | None:
    """Where compiled kernels are kept: ``$NUMBA_CACHE_DIR``, else next to this file, else the user's cache folder; None for nowhere.

    A folder in it is named by a digest of all files with kernels. numba compares a kernel with its own file alone: after a change in
    another file that it calls, the old machine code would be taken from the cache.
    """
    own = Path(__file__).resolve().parent
    given = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(given)] if given else [own / "__pycache__" / "kernels"]
    with contextlib.suppress(RuntimeError):  # a user without a home
        cache = user_folder("LOCALAPPDATA", "AppData/Local") if sys.platform == "win32" else user_folder("XDG_CACHE_HOME", ".cache")
        places += [] if given else [cache / "backlot" / "numba"]
    for place in (*places, Path(tempfile.gettempdir()) / "backlot-numba"):
        folder = place / _digest(own.parent)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    return None


def _digest(backend: Path) -> str:
    """Of all source files below a folder that hold kernels."""
    digest = hashlib.sha256()
    for path in sorted(backend.rglob("*.py")):
        data = path.read_bytes()
        if b"@kernel(" in data:
            digest.update(path.relative_to(backend).as_posix().encode() + b"\0" + data)
    return digest.hexdigest()[:16]


_FOLDER = _cache_folder()
if _FOLDER is not None:
    numba.config.CACHE_DIR = str(_FOLDER)  # type: ignore[attr-defined]


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
