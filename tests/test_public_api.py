"""What scripts may rely on: the names of the package, and one façade per capability that needs no server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import backlot
from backlot.backend import materials, reconstruct, style
from backlot.backend.io.direct import call, save
from backlot.shared.errors import BackendUnavailable
from backlot.shared.operations import OPERATIONS

PUBLIC = {
    "BacklotError", "Camera", "Client", "EncodedFile", "Image", "InputError", "Job", "Mesh", "SceneFrame",
    "__version__", "connect", "register", "unregister",
}  # fmt: skip
FACADES = {
    materials: {"estimate_maps", "generate", "synthesize", "variations"},
    style: {"paint_from_keyframes", "paint_image", "paint_image_vgg", "paint_shot"},
    reconstruct: {"bake_texture", "from_depth", "from_footage", "from_picture"},
}


def picture(height: int = 48, width: int = 64) -> backlot.Image:
    values = np.random.default_rng(4).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return backlot.Image(values, "srgb")


def test_public_names_are_these_and_documented() -> None:
    assert set(backlot.__all__) == PUBLIC
    for name in PUBLIC - {"__version__"}:
        assert getattr(backlot, name).__doc__, name
    assert set(dir(backlot)) >= PUBLIC
    with pytest.raises(AttributeError, match="no attribute 'clients'"):
        backlot.clients  # noqa: B018


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, backlot, backlot.backend.style as s; print([m for m in ('numpy', 'zmq', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("facade", FACADES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_facades_are_complete(facade) -> None:
    assert set(facade.__all__) == FACADES[facade]
    assert all(getattr(facade, name).__doc__ for name in facade.__all__)


def test_every_operation_of_a_capability_has_a_function() -> None:
    functions = sum(len(names) for names in FACADES.values())
    assert functions == sum(1 for name in OPERATIONS if name.split(".")[0] in ("texture", "style", "reconstruct"))


def test_a_facade_gives_the_bytes_of_the_operation(tmp_path: Path) -> None:
    exemplar = picture()
    values = {"exemplar": exemplar, "size": [64, 64], "seed": 5, "device": "cpu"}
    first = materials.synthesize(exemplar, size=[64, 64], seed=5, device="cpu")
    again = call("texture.synthesize", values)
    assert np.array_equal(first["base_color"].pixels, again["base_color"].pixels)
    (path,) = save(exemplar, tmp_path / "exemplar.png")
    from_file = materials.synthesize(path, size=[64, 64], seed=5, device="cpu")
    assert np.array_equal(first["base_color"].pixels, from_file["base_color"].pixels)
    stages: list[str] = []
    materials.synthesize(exemplar, size=[64, 64], progress=lambda fraction, stage, preview=None: stages.append(stage))
    assert stages


def test_a_facade_checks_as_the_server_does() -> None:
    with pytest.raises(backlot.InputError, match="has no parameter 'sise'"):
        materials.synthesize(picture(), sise=3)
    with pytest.raises(backlot.InputError, match="a seed from 0"):
        materials.synthesize(picture(), seed=-1)
    with pytest.raises(backlot.InputError, match="needs the input 'exemplar'"):
        materials.synthesize(None)


def test_connect_runs_a_job_in_a_backend_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("BACKLOT_PYTHON", sys.executable)
    with pytest.raises(BackendUnavailable), backlot.connect(start=False):
        pass
    with backlot.connect() as client:
        given = client.run(backlot.Job("system.echo", inputs={"image": picture()}), timeout=60)
        assert np.array_equal(given["image"].pixels, picture().pixels)
