"""Compiled kernels: where they are kept, and when they are compiled anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from backlot.backend.core import compiled


def test_a_change_in_any_file_with_kernels_counts(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text("@kernel()\ndef outer(): ...\n")
    (tmp_path / "callee.py").write_text("@kernel()\ndef inner(): ...\n")
    (tmp_path / "plain.py").write_text("x = 1\n")
    before = compiled._digest(tmp_path)
    (tmp_path / "plain.py").write_text("x = 2\n")
    assert compiled._digest(tmp_path) == before
    (tmp_path / "callee.py").write_text("@kernel()\ndef inner(): return 1\n")
    assert compiled._digest(tmp_path) != before


def test_kernels_are_kept_in_the_folder_that_the_environment_names(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from backlot.backend.mesh import topology;"
        "roots = np.arange(4, dtype=np.int32); topology.unite(np.array([[0, 1, 2]], np.int32), roots); print(roots.tolist())"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[0, 0, 0, 3]"
    assert list((tmp_path / "cache").rglob("topology.unite-*.nbc"))
