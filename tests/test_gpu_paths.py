"""What runs on a GPU, pixel by pixel against what runs on a processor.

Where the processor has compiled kernels, the GPU runs other code (the torch references): it is compared on the processor too. The
fusion, the matching and the tracking have such tests beside their own (test_fusion, test_footage, test_keyframes). The patch engine is
the same torch code on both; its steps are compared, because over many of them rounding may tip a match, which then grows.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backlot.backend.core.depth_noise import NoiseModel
from backlot.backend.core.depth_planes.finder import PlaneFinder
from backlot.backend.patchmatch import matching
from backlot.backend.patchmatch.descriptor import PATCH
from backlot.backend.patchmatch.voting import vote
from backlot.shared.values import Camera

pytestmark = pytest.mark.usefixtures("one_thread")
WIDTH, HEIGHT = 96, 64
CAMERA = Camera(WIDTH, HEIGHT, 90.0, 92.0, 48.5, 31.0, np.eye(4))


def slanted_depth() -> np.ndarray:
    """A slanted wall with a step in it and a hole, ``(H, W)`` float32."""
    v, u = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    depth = 1 / (0.4 + 0.1 * (u - CAMERA.cx) / CAMERA.fl_x - 0.15 * (v - CAMERA.cy) / CAMERA.fl_y)
    depth[:, 60:] += 0.5
    depth[20:30, 10:25] = 0
    return depth.astype(np.float32)


@pytest.mark.parametrize(
    ("noise", "step"), [(None, 0.0), (None, 0.002), (NoiseModel(0.004, 0.002), 0.0)], ids=["exact", "quantised", "noisy"]
)
def test_planes_of_depth(device: torch.device, noise: NoiseModel | None, step: float) -> None:
    depth = slanted_depth()
    random = np.random.default_rng(0)
    if step:
        depth = (np.round(depth / step) * step).astype(np.float32)
    if noise is not None:
        depth = np.where(depth > 0, depth + random.normal(0, 0.004, depth.shape), 0).astype(np.float32)
    confidence = random.random(depth.shape, np.float32)
    finder = PlaneFinder(0.02, 0.08, noise, near=2.0)
    compiled = finder.find(depth, CAMERA, step, confidence).copy()
    plain = finder.find_torch(depth, CAMERA, step, confidence, device).cpu().numpy()
    assert compiled.shape == plain.shape == (depth.size + 1, 5)
    np.testing.assert_array_equal(compiled[:-1, 4] > 0, plain[:-1, 4] > 0)
    difference = np.abs(compiled[:-1] - plain[:-1])[depth.ravel() > 0]
    # Of two slopes that are equally good rounding may choose either: at most at one pixel of two hundred.
    assert (difference[:, :4].max(1) > 1e-3).mean() < 5e-3
    assert (difference[:, 4] > 1e-3).mean() < 5e-3


@pytest.mark.cuda
@pytest.mark.parametrize("tile", [(False, False), (True, True)])
def test_steps_of_the_patch_engine(cuda: torch.device, tile: tuple[bool, bool]) -> None:
    random = torch.Generator().manual_seed(0)
    source = torch.rand(3, 40, 48, generator=random)
    grid = 40 - PATCH + 1, 48 - PATCH + 1
    keys = torch.randn(grid[0] * grid[1], 12, generator=random)
    size = (32, 32)
    patches = tuple(n if wraps else n - PATCH + 1 for n, wraps in zip(size, tile, strict=True))
    queries = torch.randn(patches[0] * patches[1], 12, generator=random)
    field = torch.stack([torch.randint(0, n, patches, generator=random) for n in grid]).int()
    quality = torch.rand(patches, generator=random)

    def steps(device: torch.device) -> list[np.ndarray]:
        k, q, f = keys.to(device), queries.to(device), field.to(device)
        chosen, own = matching.exact(q, k, matching.least_distances(q, k), 0.05)
        y, x, error = matching.coherent(q, k, grid, f, (0, patches[0]), [(0, 1), (1, 0)], tile, matching.overuse(f, grid), None)
        picture = vote(f, source.to(device), quality.to(device), size, tile, 1.5)
        return [value.cpu().numpy() for value in (chosen, own, y, x, error, picture)]

    chosen, own, y, x, error, picture = zip(steps(torch.device("cpu")), steps(cuda), strict=True)
    for index in (chosen, y, x):
        assert (index[0] == index[1]).mean() > 0.995  # ties
    for value in (own, error):
        assert (np.abs(value[0] - value[1]) < 1e-3).mean() > 0.995
    np.testing.assert_allclose(*picture, atol=1e-4)
