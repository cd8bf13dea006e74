"""Blender as a module: the package, an empty state folder, a fresh scene for each test, a real backend."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BACKEND_PYTHON = os.environ.get("BACKLOT_PYTHON") or str(ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))

# Before anything reads them: a state folder of this run's own, and the backend's Python.
_STATE = tempfile.TemporaryDirectory(prefix="backlot-blender-tests-", ignore_cleanup_errors=True)
os.environ["BACKLOT_STATE_DIR"] = _STATE.name
os.environ["BACKLOT_PYTHON"] = BACKEND_PYTHON

bpy = pytest.importorskip("bpy", reason="needs Blender as a module (dev.py test makes the environment)")

if importlib.util.find_spec("backlot") is None:  # an environment without the editable install: the root is the package
    spec = importlib.util.spec_from_file_location("backlot", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    package = importlib.util.module_from_spec(spec)
    sys.modules["backlot"] = package
    spec.loader.exec_module(package)

import backlot  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def registered():
    backlot.register()
    yield
    from backlot.addon.jobs import link

    link.BACKEND.stop()
    backlot.unregister()


@pytest.fixture
def scene():
    """Blender's factory scene (cube, camera, light) with small, cheap renders."""
    bpy.ops.wm.read_factory_settings(use_empty=False)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 96, 64
    return scene


@pytest.fixture(scope="session")
def backend():
    """A real backend in its own Python, started by the add-on's own means."""
    from backlot.addon.jobs import link

    link.BACKEND.require()
    return link.BACKEND


def layers(*paths: Path) -> list[dict[str, np.ndarray]]:
    """The passes of OpenEXR files, decoded by the backend's Python (Blender's has no decoder that gives passes)."""
    script = (
        "import sys, numpy as np\n"
        "from backlot.backend.io.exr_layers_read import decode_layers\n"
        "from backlot.shared.values import EncodedFile\n"
        "for path in sys.argv[1:]:\n"
        "    np.savez(path + '.npz', **{k: i.pixels for k, i in decode_layers(EncodedFile.read(path)).items()})\n"
    )
    subprocess.run([BACKEND_PYTHON, "-c", script, *map(str, paths)], check=True, cwd=ROOT.parent)
    found = []
    for path in paths:
        with np.load(f"{path}.npz") as data:
            found.append({key.replace("Object Index", "IndexOB"): data[key] for key in data})
    return found
