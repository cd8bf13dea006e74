"""End point errors that the benchmark of shots reports: of the vectors against the truth, of the painted picture's own motion."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backlot.backend.core.camera import unproject
from backlot.backend.core.filters import gaussian_blur
from backlot.backend.core.sampling import grid
from backlot.backend.style.shot import measure
from backlot.backend.style.shot.passes import open_shot
from backlot.benchmarks.scenes.small_shot import ShotView, SmallShot
from backlot.benchmarks.shots import end_point_error, flow_error
from backlot.shared.values import Camera, Image, SceneFrame

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


def with_truth(view: ShotView, off: float) -> SceneFrame:
    """A frame that notes where its ground is, and whose vectors are ``off`` pixels wrong; of what moves nothing is noted."""
    height, width = view.depth.shape
    camera = Camera(width, height, view.focal, view.focal, width / 2, height / 2, view.camera_to_world)
    rows, columns = np.mgrid[:height, :width] + 0.5
    world = unproject(camera, np.stack([columns.ravel(), rows.ravel()], 1), view.depth.ravel().astype(np.float64)).reshape(height, width, 3)
    noted = np.where((view.object_id == 1)[..., None], world, 0).astype(np.float32)
    motion = view.motion + np.float32([off, 0, 0, 0])
    channels = {"depth": view.depth[..., None], "motion": motion, "object_id": view.object_id[..., None].astype(np.float32), "rest": noted}
    images = {name: Image(np.ascontiguousarray(pixels), "data") for name, pixels in channels.items()}
    return SceneFrame(camera, {"color": Image(view.color, "linear"), **images}, 1.0, view.number)


@pytest.mark.parametrize("off", [0.0, 0.25])
def test_vectors_are_held_against_the_truth(off: float) -> None:
    small = SmallShot(80, 56, 24, 2)
    shot = open_shot([with_truth(small.render(n), off) for n in (1, 2)])
    error, share = end_point_error(shot, 1)
    assert share > 0.2
    assert error == pytest.approx(off, abs=0.02)


def test_flow_tells_paint_on_surfaces_from_paint_on_the_screen() -> None:
    size = (60, 90)
    random = torch.rand(3, size[0], size[1] + 2, generator=torch.Generator().manual_seed(0))
    paint = gaussian_blur(random, 1.2)
    paint = (paint - paint.min()) / (paint.max() - paint.min())
    early, late = paint[:, :, :-2], paint[:, :, 2:]
    place = grid(size, CPU) + torch.tensor([0.0, 2.0])[:, None, None]
    pair = measure.Pair(1, 0, place, torch.ones(size, dtype=torch.bool))
    assert flow_error([early, late], pair) < 0.4
    assert flow_error([early, early], pair) > 1.6
