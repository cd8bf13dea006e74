"""``reconstruct.depth``: accuracy, topology, agreement of the compiled kernels with torch, and bad input."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest
import torch

from backlot.backend.core.context import Context
from backlot.backend.mesh import marching_tables
from backlot.backend.reconstruct.fusion import fusion, marching
from backlot.backend.reconstruct.fusion.fusion import CpuFusion, Settings, TorchFusion
from backlot.backend.reconstruct.operations import reconstruct_depth
from backlot.shared.errors import InputError, JobCancelled
from backlot.shared.values import Camera, Image, Mesh, SceneFrame

WIDTH, HEIGHT, FOCAL = 160, 120, 150.0


def look_at(eye: tuple[float, float, float], target: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    back = np.subtract(eye, target).astype(float)
    back /= np.linalg.norm(back)
    right = np.cross((0.0, 1.0, 0.0) if abs(back[2]) > 0.95 else (0.0, 0.0, 1.0), back)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(back, right), back, np.array(eye, float)], 1)
    return pose


def camera(pose: np.ndarray, width: int = WIDTH, height: int = HEIGHT, focal: float = FOCAL) -> Camera:
    return Camera(width, height, focal, focal, width / 2, height / 2, pose)


def rays(view: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Origin and directions whose length along the view is 1, so that the ray parameter is planar z."""
    v, u = np.mgrid[: view.height, : view.width]
    local = np.stack([(u + 0.5 - view.cx) / view.fl_x, -(v + 0.5 - view.cy) / view.fl_y, -np.ones(u.shape)], -1)
    return view.camera_to_world[:3, 3], local @ view.camera_to_world[:3, :3].T


def see_sphere(view: Camera, radius: float, center: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    eye, direction = rays(view)
    offset = eye - center
    a, b, c = (direction**2).sum(-1), direction @ offset, offset @ offset - radius**2
    root = b * b - a * c
    return np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, 1e10).astype(np.float32)


def see_box(view: Camera, half: tuple[float, float, float]) -> np.ndarray:
    eye, direction = rays(view)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.stack([(-np.array(half) - eye) / direction, (np.array(half) - eye) / direction])
    near, far = t.min(0).max(-1), t.max(0).min(-1)
    return np.where((near <= far) & (near > 0), near, 1e10).astype(np.float32)


def frame(view: Camera, depth: np.ndarray, color: np.ndarray | None = None, number: int = 0) -> SceneFrame:
    channels = {"depth": Image(np.ascontiguousarray(depth[..., None]), "data")}
    if color is not None:
        channels["color"] = Image(color, "linear")
    return SceneFrame(view, channels, 1.0, number)


AROUND = [
    (1.5 * math.cos(a) * math.cos(b), 1.5 * math.sin(a) * math.cos(b), 1.5 * math.sin(b))
    for b in (-1.0, 0.0, 1.0)
    for a in np.arange(6) * math.pi / 3
]


def sphere_frames(radius: float = 0.4) -> list[SceneFrame]:
    cameras = [camera(look_at(eye)) for eye in AROUND]
    red = np.tile(np.float32([0.8, 0.1, 0.05]), (HEIGHT, WIDTH, 1))
    return [frame(view, see_sphere(view, radius), red, n) for n, view in enumerate(cameras)]


def run(frames: list[SceneFrame], **changes: float) -> tuple[Mesh, dict]:
    parameters = {"voxel": 0.02, "truncation": 3.0, "max_depth": 0.0, "min_component": 100} | changes
    outputs = reconstruct_depth.run({"frames": frames}, parameters, Context(torch.device("cpu")))
    json.dumps(outputs["report"])
    return outputs["mesh"], outputs["report"]


def boundary_edges(faces: np.ndarray) -> int:
    """Edges whose two directions do not each occur exactly once."""
    directed = Counter(map(tuple, np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).tolist()))
    return sum(n != 1 or directed.get((b, a), 0) != 1 for (a, b), n in directed.items())


@pytest.fixture(scope="module")
def sphere() -> tuple[Mesh, dict]:
    return run(sphere_frames())


def test_closed_object_is_watertight_and_exact(sphere):
    mesh, report = sphere
    assert boundary_edges(mesh.faces) == 0
    assert report["components"] == 1
    assert len(mesh.vertices) - len(mesh.faces) * 3 // 2 + len(mesh.faces) == 2  # Euler: a sphere without holes or handles
    error = np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.4)
    assert error.mean() < 0.1 * 0.02
    assert np.abs(np.array(report["bounds"]) - [[-0.4] * 3, [0.4] * 3]).max() < 0.01


def test_faces_and_normals_point_outwards(sphere):
    mesh, _ = sphere
    outward = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    assert (mesh.normals * outward).sum(1).min() > 0.9
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(float) for k in range(3))
    assert ((np.cross(b - a, c - a) * a).sum(1) > 0).all()
    assert mesh.vertices.dtype == mesh.normals.dtype == mesh.colors.dtype == np.float32
    assert mesh.faces.dtype == np.int32


def test_colors_come_from_the_frames(sphere):
    mesh, _ = sphere
    np.testing.assert_allclose(mesh.colors, np.tile([0.8, 0.1, 0.05], (len(mesh.vertices), 1)), atol=1e-3)


def test_report_measures_the_error(sphere):
    _, report = sphere
    assert report["error"]["mesh_to_depth"]["mean"] < 0.1 * 0.02
    assert report["error"]["depth_to_mesh"]["median"] < 0.1 * 0.02
    assert report["error"]["coverage"] > 0.98
    assert report["frames_skipped"] == []


def test_same_input_gives_the_same_bytes(sphere):
    again, _ = run(sphere_frames())
    for name in ("vertices", "faces", "normals", "colors"):
        assert getattr(again, name).tobytes() == getattr(sphere[0], name).tobytes()


def test_half_a_pixel_matters():
    """The contract of pixel centres: with cx off by half a pixel the views contradict each other."""

    def error(shift: float) -> float:
        frames = []
        for view in (camera(look_at(eye)) for eye in AROUND):
            moved = Camera(view.width, view.height, view.fl_x, view.fl_y, view.cx + shift, view.cy, view.camera_to_world)
            frames.append(frame(moved, see_box(view, (0.3, 0.3, 0.3))))
        mesh, _ = run(frames)
        sizes = np.sort(np.abs(mesh.vertices), axis=1)
        return float(np.abs(sizes[sizes[:, 1] < 0.25, 2] - 0.3).mean())  # away from the edges

    right = error(0.0)
    assert right < 0.01 * 0.02
    assert error(-0.5) > 2 * right
    assert error(0.5) > 2 * right


def test_thin_board_survives():
    """A board of two voxels keeps both sides at their place, though each view sees one."""
    half = (0.4, 0.01, 0.3)
    views = [
        camera(look_at(eye), 320, 240, 300.0) for eye in [(0, 1, 0), (0, -1, 0), (0.6, 0.9, 0.2), (-0.6, -0.9, 0.2), (0.5, -0.9, -0.2)]
    ]
    mesh, _ = run([frame(view, see_box(view, half)) for view in views], voxel=0.01)
    inner = (np.abs(mesh.vertices[:, 0]) < 0.35) & (np.abs(mesh.vertices[:, 2]) < 0.25)
    y = mesh.vertices[inner, 1]
    assert (y > 0).sum() > 3000
    assert (y < 0).sum() > 3000
    assert np.abs(np.abs(y) - 0.01).max() < 0.25 * 0.01


def test_no_cracks_where_blocks_meet():
    """A tilted wall that one camera sees: its boundary is one loop, so there is neither hole nor crack inside."""
    view = camera(look_at((0.03, 0.02, 1.0), (0.1, 0.05, 0.0)))
    eye, direction = rays(view)
    normal = np.array([0.2, -0.1, 1.0])
    mesh, _ = run([frame(view, (-(eye @ normal) / (direction @ normal)).astype(np.float32))], voxel=0.01)
    edges = Counter(map(frozenset, np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]).tolist()))
    assert max(edges.values()) == 2
    rim = np.unique([list(edge) for edge, n in edges.items() if n == 1])
    local = (mesh.vertices[rim] - eye) @ view.camera_to_world[:3, :3]
    u = FOCAL * local[:, 0] / -local[:, 2] + WIDTH / 2
    v = HEIGHT / 2 - FOCAL * local[:, 1] / -local[:, 2]
    inside = np.minimum(np.minimum(u, WIDTH - u), np.minimum(v, HEIGHT - v))
    assert inside.max() < 8  # every open edge lies at the picture's border; a voxel is 1.5 pixels wide
    assert np.abs(mesh.vertices @ normal).max() / np.linalg.norm(normal) < 0.05 * 0.01


def test_nothing_is_made_up_behind_a_silhouette():
    """A sphere before a wall, seen once: no skirt connects the two."""
    view = camera(look_at((0, 0, 2.0)), 320, 240, 300.0)
    eye, direction = rays(view)
    depth = np.minimum(see_sphere(view, 0.3), (-(eye[2] + 0.5) / direction[..., 2]).astype(np.float32))
    mesh, _ = run([frame(view, depth)], voxel=0.01)
    to_sphere = np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.3)
    to_wall = np.abs(mesh.vertices[:, 2] + 0.5)
    assert np.percentile(np.minimum(to_sphere, to_wall), 99.5) < 0.01


@pytest.mark.parametrize("noise", [0.0, 0.001])
def test_kernels_agree_with_torch(noise, device):
    compiled, plain = CpuFusion(Settings(0.02)), TorchFusion(Settings(0.02), device)
    confidence = np.linspace(0, 1, WIDTH * HEIGHT, dtype=np.float32).reshape(HEIGHT, WIDTH)
    for n, item in enumerate(sphere_frames()[::3]):
        depth = item.channels["depth"].pixels[..., 0].copy()
        depth[depth > 1e9] = 0
        depth[40:50, 60:75] = 0
        trust = confidence if n % 2 else None
        assert compiled.add(depth, item.camera, noise, trust) == plain.add(depth, item.camera, noise, trust)
    a, b = compiled.blocks(), plain.blocks()
    np.testing.assert_array_equal(a.coordinates[: a.count], b.coordinates)
    distance = np.abs(a.distance[: a.count].astype(int) - b.distance)
    weight = np.abs(a.weight[: a.count].astype(int) - b.weight)
    assert (b.weight > 0).mean() > 0.1
    # Differences come from pixels whose border a voxel's centre hits, and from the last bit of a weight.
    assert (distance > 32).mean() < 2e-3
    assert (weight > 2).mean() < 1e-2


def test_sphere_far_from_the_origin_and_grown_blocks():
    """Negative and large coordinates, and more blocks than the first capacity, lose nothing."""
    shift = np.array([-300.25, 200.5, 77.125])
    frames = []
    for eye in AROUND:
        pose = look_at(eye)
        depth = see_sphere(camera(pose), 0.4)
        pose[:3, 3] += shift
        frames.append(frame(camera(pose), depth))
    mesh, report = run(frames, voxel=0.008)
    assert report["voxel_blocks"] > 1024
    assert boundary_edges(mesh.faces) == 0
    assert np.abs(np.linalg.norm(mesh.vertices - shift, axis=1) - 0.4).mean() < 0.1 * 0.008


def test_marching_cases_are_closed():
    """In each case every crossed edge is used, and segments inside the cell pair up."""
    for case in range(256):
        triangles = marching_tables.TRIANGLES[case, : marching_tables.TRIANGLE_COUNTS[case]]
        crossed = {e for e, (a, b) in enumerate(marching_tables.EDGE_CORNERS) if (case >> a & 1) != (case >> b & 1)}
        assert set(triangles.ravel().tolist()) == crossed


def test_random_fields_give_manifold_surfaces():
    """The hardest input for the case table: noise, in which every case and every ambiguous face occurs."""
    from backlot.backend.reconstruct.fusion.blocks import VOXELS, Blocks

    generator = np.random.default_rng(3)
    side = 3
    coordinates = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3).astype(np.int32)
    distance = generator.integers(1, 20000, (len(coordinates), VOXELS)) * generator.choice([-1, 1], (len(coordinates), VOXELS))
    local = np.stack([np.arange(VOXELS) & 7, np.arange(VOXELS) >> 3 & 7, np.arange(VOXELS) >> 6], -1)
    position = coordinates[:, None] * 8 + local
    distance[((position == 0) | (position == 8 * side - 1)).any(-1)] = 20000  # positive all around: the surface must close
    blocks = Blocks.of(coordinates, distance.astype(np.int16), np.ones((len(coordinates), VOXELS), np.int16))
    _, _, faces = marching.extract(blocks, 1.0, 3.0, 100.0)
    assert len(faces) > 10000
    assert boundary_edges(faces) == 0


def test_small_parts_are_dropped():
    views = [camera(look_at(eye)) for eye in AROUND]
    frames = [frame(v, np.minimum(see_sphere(v, 0.3), see_sphere(v, 0.05, (0.45, 0, 0.0)))) for v in views]
    assert run(frames, min_component=0)[1]["components"] >= 2
    mesh, report = run(frames, min_component=1000)
    assert report["components"] == 1
    assert report["faces_dropped"] > 0
    assert np.linalg.norm(mesh.vertices, axis=1).max() < 0.32


def test_one_frame_and_a_hole_are_fine():
    view = camera(look_at((0, 0, 1.5)))
    depth = see_sphere(view, 0.4)
    depth[50:60, 70:90] = np.nan
    mesh, report = run([frame(view, depth)])
    assert len(mesh.faces) > 500
    assert report["frames"] == 1
    assert np.isfinite(mesh.vertices).all()


def test_integer_depth_with_a_scale():
    frames = []
    for item in sphere_frames():
        depth = item.channels["depth"].pixels
        raw = np.where(depth > 60, 0, np.round(depth * 1000)).astype(np.uint16)
        frames.append(SceneFrame(item.camera, {"depth": Image(raw, "data")}, 0.001))
    mesh, _ = run(frames)
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.4).mean() < 0.1 * 0.02


def test_background_frames_are_skipped_and_reported():
    frames = sphere_frames()
    empty = SceneFrame(frames[0].camera, {"depth": Image(np.full((HEIGHT, WIDTH, 1), 1e10, np.float32), "data")}, 1.0, 77)
    assert run([*frames, empty])[1]["frames_skipped"] == [77]
    with pytest.raises(InputError, match="only background in frame 77"):
        run([empty])


def test_refusals_say_which_objects_and_which_voxel_size_would_do():
    frame = sphere_frames()[0]
    ids = np.where(frame.channels["depth"].pixels > 60, 0, 3).astype(np.uint8)
    marked = SceneFrame(frame.camera, {**frame.channels, "object_id": Image(ids, "data")}, 1.0, frame.number)
    with pytest.raises(InputError, match=r"objects 7 in at least one frame, got none in 1 frame\. Frames show the ids 0, 3"):
        run([marked], objects="7")
    with pytest.raises(InputError, match=r"a voxel size of about 0\.00\d,"):
        run([frame], voxel=50.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": np.zeros((HEIGHT, WIDTH, 1), np.uint8)}, "8-bit"),
        ({"depth": np.full((HEIGHT, WIDTH, 1), -1.0, np.float32)}, "mostly negative"),
        ({"depth": np.ones((HEIGHT, WIDTH // 2, 1), np.float32)}, "shape of its camera"),
        ({"depth": np.random.default_rng(0).uniform(1, 2, (HEIGHT, WIDTH, 3)).astype(np.float32)}, "one channel"),
        ({"color": np.ones((WIDTH, HEIGHT, 3), np.float32)}, "shape of its depth"),
        ({"pose": np.diag([1.0, 1.0, 1.1, 1.0])}, "rigid"),
        ({"pose": np.diag([1.0, 1.0, -1.0, 1.0])}, "mirrored"),
        ({"pose": np.full((4, 4), np.nan)}, "finite"),
        ({"focal": 0.0}, "positive focal"),
        ({"focal": math.nan}, "positive focal"),
        ({"none": None}, "to have depth"),
    ],
)
def test_bad_frames_are_refused(change, message):
    good = sphere_frames()[0]
    channels = dict(good.channels)
    for name in ("depth", "color"):
        if name in change:
            channels[name] = Image(change[name], "data")
    if "none" in change:
        del channels["depth"]
    view = camera(change.get("pose", good.camera.camera_to_world), focal=change.get("focal", FOCAL))
    with pytest.raises(InputError, match=message):
        run([SceneFrame(view, channels, 1.0, 5)])


def test_gigantic_volumes_are_refused_with_a_size_that_fits():
    with pytest.raises(InputError, match=r"Use a voxel size of [\d.e-]+ or more"):
        run(sphere_frames(), voxel=1e-5)
    fit = fusion.too_large(100 << 30, 1 << 30, 0.001)
    assert "0.011" in str(fit)


def test_units_that_are_off_say_so():
    """A part of a voxel's size gives no mesh: an error, never a silent empty result."""
    with pytest.raises(InputError, match="voxel size"):
        run(sphere_frames(), voxel=5.0)


def test_progress_goes_up_and_cancels():
    seen: list[float] = []

    def progress(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        seen.append(fraction)
        if len(seen) == 5:
            raise JobCancelled

    parameters = {"voxel": 0.02, "truncation": 3.0, "max_depth": 0.0, "min_component": 100}
    with pytest.raises(JobCancelled):
        reconstruct_depth.run({"frames": sphere_frames()}, parameters, Context(torch.device("cpu"), progress=progress))
    assert seen == sorted(seen)
