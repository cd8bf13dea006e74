"""``reconstruct.depth`` around the fusion: objects, noise, units, motion, overlap, memory, early meshes, distances."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import trimesh
from test_fusion import AROUND, HEIGHT, WIDTH, boundary_edges, camera, frame, look_at, rays, run, see_box, see_sphere, sphere_frames

from backlot.backend.core.context import Context
from backlot.backend.core.depth_noise import NoiseModel, truncation_for
from backlot.backend.core.depth_planes import finder as planes
from backlot.backend.io.frames.object_ids import Selection
from backlot.backend.io.frames.source import FrameSource, decode_depth
from backlot.backend.reconstruct.fusion import fusion, report_notes, sampling, survey
from backlot.backend.reconstruct.fusion.free_space import FreeSpace
from backlot.backend.reconstruct.fusion.point_distances import NearestFace
from backlot.backend.reconstruct.operations import reconstruct_depth
from backlot.shared.errors import InputError, ParameterError
from backlot.shared.values import Camera, Distortion, Image, Mesh, SceneFrame

SIDE = (0.45, 0.0, 0.0)


def two_spheres(moved: Callable[[int], float] = lambda n: 0.0) -> list[SceneFrame]:
    """A sphere of id 3 at the origin and one of id 5 at its side, which may move along y from frame to frame."""
    frames = []
    for n, view in enumerate(camera(look_at(eye)) for eye in AROUND):
        a, b = see_sphere(view, 0.3), see_sphere(view, 0.12, (SIDE[0], moved(n), 0.0))
        ids = np.where(np.minimum(a, b) > 1e9, 0, np.where(a < b, 3, 5))
        made = frame(view, np.minimum(a, b), number=n)
        frames.append(dataclasses.replace(made, channels={**made.channels, "object_id": Image(ids[..., None].astype(np.float32), "data")}))
    return frames


def with_noise(frames: list[SceneFrame], sigma: Callable[[np.ndarray], np.ndarray], seed: int = 0) -> list[SceneFrame]:
    generator = np.random.default_rng(seed)
    made = []
    for item in frames:
        z = item.channels["depth"].pixels
        noisy = (z + np.where(z < 100, sigma(z), 0) * generator.normal(size=z.shape)).astype(np.float32)
        made.append(dataclasses.replace(item, channels={**item.channels, "depth": Image(noisy, "data")}))
    return made


def in_a_box(count: int = 12) -> list[SceneFrame]:
    """Cameras inside a box of 3 x 3 x 2: planes at distances from 0.5 to 3."""
    views = [camera(look_at((0.7 * math.cos(a), 0.7 * math.sin(a), 0.2 * (-1) ** n), (-math.cos(a), -math.sin(a), 0.0)), focal=110.0)
             for n, a in enumerate(np.arange(count) * 2 * math.pi / count)]  # fmt: skip
    frames = []
    for n, view in enumerate(views):
        eye, direction = rays(view)
        with np.errstate(divide="ignore"):
            t = np.stack([(s * np.array([1.5, 1.5, 1.0]) - eye) / direction for s in (-1, 1)]).max(0).min(-1)
        frames.append(frame(view, t.astype(np.float32), number=n))
    return frames


def off_the_box(mesh: Mesh) -> float:
    return float(np.abs(np.stack([np.abs(mesh.vertices[:, k]) - s for k, s in enumerate((1.5, 1.5, 1.0))])).min(0).mean())


# Objects


def test_only_the_chosen_object_is_rebuilt():
    mesh, report = run(two_spheres(), objects="3")
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.3).max() < 0.02
    assert boundary_edges(mesh.faces) < 20  # where the other one always hides it, a hole may be
    assert set(mesh.attributes["object"]) == {3.0}
    assert [entry["id"] for entry in report["objects"]] == [3]
    other, _ = run(two_spheres(), without_objects="3", min_component=20)
    assert np.abs(np.linalg.norm(other.vertices - SIDE, axis=1) - 0.12).max() < 0.02


def test_vertices_know_their_object():
    mesh, report = run(two_spheres(), min_component=20)
    near = np.where(np.linalg.norm(mesh.vertices, axis=1) < 0.32, 3, 5)
    assert (mesh.attributes["object"] == near).mean() > 0.99
    assert {entry["id"]: entry["faces"] for entry in report["objects"]}.keys() == {3, 5}


def test_separate_objects_share_nothing():
    mesh, report = run(two_spheres(), separate=True, min_component=20)
    first, second = report["objects"]
    assert (first["id"], second["id"]) == (3, 5)
    assert second["first_face"] == first["faces"]
    own = mesh.faces[second["first_face"] :]
    assert own.min() == second["first_vertex"]
    assert np.abs(np.linalg.norm(mesh.vertices[own.min() :] - SIDE, axis=1) - 0.12).max() < 0.02
    assert boundary_edges(own) < 40


def test_pixels_at_the_border_of_objects_are_dropped():
    ids = np.zeros((6, 8), np.int32)
    ids[:, 4:] = 7
    kept = Selection.parse("7", "").keep(ids)
    assert not kept[:, :5].any()
    assert kept[:, 5:].all()  # the picture's own border is none
    apart = Selection.parse("", "", apart=True).keep(ids)
    assert not apart[:, 3:5].any()
    assert apart[:, [0, 1, 2, 5, 6, 7]].all()


@pytest.mark.parametrize(
    ("pixels", "objects", "message"),
    [
        (None, "3", "object_id"),
        (np.full((HEIGHT, WIDTH, 1), 2.5, np.float32), "3", "whole numbers"),
        (np.random.default_rng(0).integers(0, 9, (HEIGHT, WIDTH, 3)).astype(np.uint8), "3", "colours"),
        (np.zeros((4, 4, 1), np.uint16), "3", "object_id of frame 0"),
        (np.zeros((HEIGHT, WIDTH, 1), np.uint16), "Chair", "objects"),
        (np.zeros((HEIGHT, WIDTH, 1), np.uint16), "9", "choose among them"),
    ],
)
def test_bad_ids_say_what_is_wrong(pixels, objects, message):
    frames = sphere_frames()[:1]
    if pixels is not None:
        frames[0].channels["object_id"] = Image(pixels, "data")
    with pytest.raises(InputError, match=message):
        run(frames, objects=objects)


# Noise


@pytest.mark.parametrize("size", [0.001, 0.004])
def test_noise_is_measured(size):
    frames = [decode_depth(item) for item in with_noise(in_a_box(), lambda z: size * z * z)]
    found = sampling.measure(frames)
    for z in (1.5, 2.5):
        assert found.sigma(z) == pytest.approx(size * z * z, rel=0.35)
    exact = sampling.measure([decode_depth(item) for item in in_a_box()])
    assert exact.sigma(2.5) < 1e-5


def test_noise_the_same_everywhere_is_told_from_noise_that_grows():
    found = sampling.measure([decode_depth(item) for item in with_noise(in_a_box(), lambda z: 0.004 + 0 * z)])
    assert found.sigma(1.0) == pytest.approx(0.004, rel=0.4)
    assert found.sigma(2.8) == pytest.approx(0.004, rel=0.4)


def test_noisy_depth_beats_fixed_truncation_by_far():
    frames = with_noise(in_a_box(8), lambda z: 0.006 * z * z)
    mesh, report = run(frames, voxel=0.04, truncation=0.0)
    plain, _ = run(frames, voxel=0.04, noise="exact", truncation=3.0)
    assert off_the_box(mesh) < 0.5 * off_the_box(plain)
    assert report["noise"]["quadratic"] == pytest.approx(0.006, rel=0.4)
    assert report["error"]["coverage"] > 0.95


def test_known_noise_is_taken_as_said():
    _, report = run(in_a_box(4), voxel=0.03, noise="quadratic", noise_size=0.05, truncation=0.0)
    assert report["noise"] == {"constant": 0.0, "quadratic": 0.05}
    assert report["truncation"] > 3 * 0.03
    _, report = run(in_a_box(4), voxel=0.03, truncation=0.0)
    assert report["noise"] == {"constant": 0.0, "quadratic": 0.0}
    assert report["truncation"] == pytest.approx(3 * 0.03)


def test_truncation_grows_with_noise_and_has_bounds():
    sizes = [truncation_for(NoiseModel(0.0, q), 2.0, 0.01) for q in (0.0, 0.001, 0.01, 0.1)]
    assert sizes[0] == 3
    assert sizes == sorted(sizes)
    assert sizes[-1] == 16
    with pytest.raises(ParameterError, match="2 to 16"):
        run(sphere_frames()[:1], truncation=1.0)


def test_fitted_planes_agree_with_torch():
    item = decode_depth(with_noise(in_a_box(1), lambda z: 0.004 * z * z)[0])
    item.depth[40:50, 60:75] = 0
    noise = NoiseModel(0.001, 0.004)
    finder = planes.PlaneFinder(0.01, 0.03, noise, 1.0)
    compiled = finder.find(item.depth, item.camera, 0.0, None)
    plain = finder.find_torch(item.depth, item.camera, 0.0, None, torch.device("cpu")).numpy()
    assert finder._radius(item.depth) > 1
    assert (np.abs(compiled - plain).max(1) < 1e-3).mean() > 0.999
    exact = decode_depth(in_a_box(1)[0]).depth.ravel()
    pixels = np.arange(item.depth.size)
    v, u = np.divmod(pixels, WIDTH)
    lens = item.camera
    points = np.stack([(u + 0.5 - lens.cx) / lens.fl_x, (v + 0.5 - lens.cy) / lens.fl_y, np.ones(len(u))], 1) * exact[:, None]
    off = np.abs(compiled[:-1, 3] - (compiled[:-1, :3] * points).sum(1))[compiled[:-1, 4] > 0]
    assert np.median(off) < 0.4 * 0.004 * np.median(exact) ** 2  # the planes are better than the pixels


def grazed_floor(count: int = 6) -> list[SceneFrame]:
    """A floor at z = 0 seen from 0.3 above it, level, up to 8 away."""
    frames = []
    for n in range(count):
        view = camera(look_at((0.1 * n, 0.0, 0.3), (0.1 * n, 1.0, 0.3)), focal=110.0)
        _, direction = rays(view)
        with np.errstate(divide="ignore"):
            depth = np.where(direction[..., 2] < 0, 0.3 / -direction[..., 2], 1e10)
        frames.append(frame(view, np.where(depth < 8, depth, 1e10).astype(np.float32), number=n))
    return frames


@pytest.mark.parametrize(
    ("noise", "voxel"), [(NoiseModel(0.003, 0.0), 0.01), (NoiseModel(0.0, 0.0007), 0.002), (NoiseModel(0.0, 0.003), 0.004)]
)
def test_a_floor_seen_at_a_grazing_angle_is_found_in_noise(noise, voxel):
    """From row to row its inverse depth changes by up to hundreds of times the noise."""
    clean = decode_depth(grazed_floor(1)[0])
    item = decode_depth(with_noise(grazed_floor(1), lambda z: np.sqrt(noise.variances(z)))[0])
    finder = planes.PlaneFinder(voxel, 3 * voxel, noise, 1.0)
    found = finder.find(item.depth, item.camera, 0.0, None)
    assert finder._radius(item.depth) > 0
    shown = item.depth.ravel() > 0
    upright = np.abs(found[:-1, 1][shown])  # the camera's y is the floor's normal
    assert np.percentile(upright, 5) > 0.9
    v, u = np.nonzero(item.depth > 0)
    lens, depth = item.camera, clean.depth[v, u]
    points = np.stack([(u + 0.5 - lens.cx) / lens.fl_x, (v + 0.5 - lens.cy) / lens.fl_y, np.ones(len(u))], 1) * depth[:, None]
    off = np.abs(found[:-1, 3][shown] - (found[:-1, :3][shown] * points).sum(1))
    assert np.median(off) < 0.25 * voxel
    plain = finder.find_torch(item.depth, item.camera, 0.0, None, torch.device("cpu")).numpy()
    assert (np.abs(found - plain).max(1) < 1e-3).mean() > 0.99


def test_a_grazing_floor_stays_when_its_noise_is_told():
    frames = with_noise(grazed_floor(), lambda z: 0.002 * z * z)
    mesh, report = run(frames, voxel=0.01, noise="quadratic", noise_size=0.002, truncation=0.0)
    assert report["error"]["coverage"] > 0.95
    assert np.percentile(np.abs(mesh.vertices[:, 2]), 90) < 0.3 * 0.01


@pytest.mark.parametrize("size", [0.0, 0.006])
def test_the_whole_operation_runs_in_torch(monkeypatch, size):
    """What a GPU runs gives the surface that the compiled kernels give."""
    frames = with_noise(in_a_box(3), lambda z: size * z * z)
    compiled, first = run(frames, voxel=0.05, truncation=0.0)
    monkeypatch.setattr(fusion.Fusion, "create", staticmethod(lambda settings, device="cpu": fusion.TorchFusion(settings)))
    plain, second = run(frames, voxel=0.05, truncation=0.0)
    assert first["truncation"] == second["truncation"]
    assert len(plain.faces) == pytest.approx(len(compiled.faces), rel=5e-3)
    apart = NearestFace(compiled.vertices, compiled.faces, 0.05).distances(plain.vertices.astype(float))
    assert np.percentile(apart, 99) < 0.02 * 0.05


def test_quantised_depth_with_confidence():
    frames = []
    for item in sphere_frames():
        depth = item.channels["depth"].pixels
        raw = np.where(depth > 60, 0, np.round(depth * 1000)).astype(np.uint16)
        raw[:, : WIDTH // 2] += (raw[:, : WIDTH // 2] > 0).astype(np.uint16) * 60  # wrong by 6 cm, and known to be
        trust = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
        trust[:, : WIDTH // 2] = 1
        channels = {"depth": Image(raw, "data"), "confidence": Image(trust, "data")}
        frames.append(SceneFrame(item.camera, channels, 0.001, item.number))
    mesh, _ = run(frames)
    assert np.median(np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.4)) < 0.1 * 0.02


# Units, overlap, motion, gaps


@pytest.mark.parametrize(("factor", "word"), [(1000.0, "millimetres"), (100.0, "centimetres")])
def test_depth_in_another_unit_is_refused(factor, word):
    frames = [dataclasses.replace(item, depth_scale=factor) for item in in_a_box()]
    with pytest.raises(InputError, match=rf"{word}.*by {1 / factor:g}"):
        run(frames, voxel=0.03)


def test_a_far_view_from_nearly_one_place_is_not_taken_for_wrong_units():
    """Mountains, seen while walking: depth is a thousand times the cameras' spread, and right."""
    frames = []
    for n in range(4):
        view = camera(look_at((0.5 * n, 0, 1.7), (0.5 * n, 1, 1.7)))
        eye, direction = rays(view)
        depth = (1500 + 200 * np.sin(4 * direction[..., 0]) - eye[1]).astype(np.float32)
        frames.append(frame(view, depth, number=n))
    _, report = run(frames, voxel=20.0, min_component=10)
    assert report["error"]["coverage"] > 0.9


def test_frames_that_show_nothing_in_common_are_reported():
    frames = [frame(camera(look_at((10.0 * n, 0, 1.5), (10.0 * n, 0, 0))), see_sphere(camera(look_at((0, 0, 1.5))), 0.4), number=n)
              for n in (0, 1)]  # fmt: skip
    _, report = run(frames)
    assert any("No two frames show the same surface" in text for text in report["notes"])
    assert report["overlap"]["frames_alone"] == [0, 1]
    _, report = run([*sphere_frames(), dataclasses.replace(frames[1], number=99)])
    assert report["overlap"]["frames_alone"] == [99]
    assert any("frame 99" in text for text in report["notes"])


def test_what_moves_is_reported_and_named_and_can_be_dropped():
    frames = two_spheres(lambda n: 0.5 * math.sin(2.4 * n))
    _, report = run(frames, min_component=20)
    assert list(report["moving"]["objects"]) == ["5"]
    assert report["moving"]["share"] > 0.02
    assert any("objects 5" in text for text in report["notes"])
    clean, report = run(frames, min_component=20, drop_moving=True)
    assert (np.abs(np.linalg.norm(clean.vertices, axis=1) - 0.3) > 0.03).mean() < 0.02
    still = run(two_spheres(), min_component=20)[1]
    assert still["moving"] == {"share": 0.0, "frames": {}, "objects": {}}


def test_free_space_agrees_with_torch():
    frames = [decode_depth(item) for item in two_spheres(lambda n: 0.5 * math.sin(2.4 * n))]
    space = FreeSpace(frames[::2], 0.06)
    for item in frames[:4]:
        compiled, plain = space.contradicted(item, 2), space.contradicted_torch(item, 2).numpy()
        assert (compiled == plain).mean() > 0.999
        assert (compiled == 1).any() == (plain == 1).any()


def test_frames_without_depth_and_gaps_are_reported():
    frames = sphere_frames()
    bare = dataclasses.replace(frames[4], channels={"color": frames[4].channels["color"]})
    _, report = run([*frames[:4], bare, *frames[5:9], *frames[10:]])
    assert report["frames_without_depth"] == [4]
    assert any("No depth in frame 4" in text for text in report["notes"])
    assert any("missing from the sequence: frame 9" in text for text in report["notes"]), report["notes"]
    assert report_notes.missing_numbers([1, 5, 9, 17, 21, 25]) == [13]
    assert report_notes.missing_numbers([1, 4, 5, 90]) == []


def test_one_frame_says_what_it_means():
    _, report = run(sphere_frames()[:1])
    assert "only the sides that it shows" in report["notes"][0]


def test_frames_of_mixed_sizes_go_together():
    small = camera(look_at(AROUND[7]), 80, 60, 75.0)
    mesh, report = run([*sphere_frames(), frame(small, see_sphere(small, 0.4), number=50)])
    assert report["frames"] == len(AROUND) + 1
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.4).mean() < 0.1 * 0.02


def test_depth_from_behind_a_lens_is_made_straight():
    """A wall at an angle, pictured by a lens with distortion."""
    bend = Distortion("brown", (-0.15, 0.02))
    view = camera(look_at((0.0, 0.0, 1.5), (0.1, 0.05, 0.0)))
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    x, y = (u + 0.5 - view.cx) / view.fl_x, (v + 0.5 - view.cy) / view.fl_y
    a, b = x.copy(), y.copy()
    for _ in range(50):  # the inverse of the lens by fixed-point steps
        r2 = a * a + b * b
        a, b = x / (1 - 0.15 * r2 + 0.02 * r2 * r2), y / (1 - 0.15 * r2 + 0.02 * r2 * r2)
    direction = np.stack([a, -b, -np.ones_like(a)], -1) @ view.camera_to_world[:3, :3].T
    depth = (-view.camera_to_world[2, 3] / direction[..., 2]).astype(np.float32)
    bent = Camera(WIDTH, HEIGHT, view.fl_x, view.fl_y, view.cx, view.cy, view.camera_to_world, bend)
    mesh, _ = run([frame(bent, depth)])
    assert np.abs(mesh.vertices[:, 2]).max() < 0.02 * 0.02
    wrong, _ = run([frame(view, depth)])
    assert np.abs(wrong.vertices[:, 2]).max() > 10 * np.abs(mesh.vertices[:, 2]).max()


# The voxel size, where none is given


def test_a_voxel_is_one_and_a_half_pixels_at_the_usual_distance():
    mesh, report = run(sphere_frames(), voxel=0.0)
    view = camera(look_at(AROUND[0]))
    distance = np.median([np.median(d[d < 100]) for d in (see_sphere(camera(look_at(eye)), 0.4) for eye in AROUND)])
    assert report["voxel"] == pytest.approx(1.5 * distance / view.fl_x, rel=0.05)
    assert report["voxel"] == float(f"{report['voxel']:.2g}")
    assert report["voxel_chosen"]
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.4).mean() < 0.1 * report["voxel"]
    assert not run(sphere_frames()[:2])[1]["voxel_chosen"]


def test_a_chosen_voxel_grows_with_noise():
    looked = survey.look(FrameSource(in_a_box()))
    exact, noisy = (survey.voxel_for(looked, noise, 12, torch.device("cpu")) for noise in (None, NoiseModel(0.1, 0.0)))
    assert exact == (survey.usual_voxel(looked.frames),) * 2
    assert noisy == (pytest.approx(0.1 / survey.NOISE_PER_VOXEL),) * 2


def test_a_chosen_voxel_keeps_the_volume_small(monkeypatch):
    fine = run(in_a_box(), voxel=0.0)[1]
    most = fine["voxel_blocks"] // 4
    monkeypatch.setattr(survey, "CHOSEN_BLOCKS", most)
    coarse = run(in_a_box(), voxel=0.0)[1]
    assert 0.4 * most < coarse["voxel_blocks"] < 1.2 * most
    assert any(f"resolve voxels of {fine['voxel']:.2g}" in text for text in coarse["notes"])
    assert not any("resolve voxels" in text for text in fine["notes"])


def test_a_voxel_is_chosen_from_the_only_frame_that_shows_something():
    frames = [frame(camera(look_at(AROUND[0])), np.full((HEIGHT, WIDTH), 1e10, np.float32))] * 40
    with pytest.raises(InputError, match="only background"):
        run(frames, voxel=0.0)
    _, report = run([*frames[:17], sphere_frames()[0], *frames[17:]], voxel=0.0)
    assert 0.005 < report["voxel"] < 0.02


def test_voxels_too_small_for_float32_are_refused():
    with pytest.raises(ParameterError, match=r"0 \(chosen from the frames\) or at least 1e-05"):
        run(sphere_frames()[:1], voxel=1e-7)


# Memory, early results, distances


def test_the_estimate_is_near_what_is_used():
    frames = in_a_box(24)
    _, report = run(frames, voxel=0.02)
    source = FrameSource([*frames])
    looked = survey.look(source)
    found = survey.estimate(looked, survey.settings_for(looked, 0.02, 0.0, None, 0), len(source), torch.device("cpu"), 0.0)
    assert found.blocks == pytest.approx(report["voxel_blocks"], rel=0.15)
    assert found.seconds > 0
    with pytest.raises(InputError, match=r"Use a voxel size of [\d.]+ or more"):
        survey.estimate(looked, survey.settings_for(looked, 0.02, 0.0, None, 1 << 20), len(source), torch.device("cpu"), 0.0)


def test_the_estimate_is_told_before_the_work():
    stages: list[str] = []
    context = Context(torch.device("cpu"), progress=lambda fraction, stage, preview=None: stages.append(stage))
    reconstruct_depth.run({"frames": sphere_frames()}, {"voxel": 0.02, "max_depth": 0.0, "min_component": 100}, context)
    told = next(n for n, stage in enumerate(stages) if "MiB of memory and" in stage)
    assert told < next(n for n, stage in enumerate(stages) if stage.startswith("fusing"))


def test_a_coarse_mesh_and_a_picture_come_first():
    pictures: list[np.ndarray] = []
    events: list[str] = []

    def progress(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        events.append(stage)
        if preview is not None:
            pictures.append(preview)

    context = Context(torch.device("cpu"), progress=progress)
    done = reconstruct_depth.run({"frames": sphere_frames()}, {"voxel": 0.01, "max_depth": 0.0, "min_component": 100}, context)
    early = context.emitted["mesh", None]
    assert 50 < len(early.faces) < len(done["mesh"].faces) / 8
    assert np.abs(np.linalg.norm(early.vertices, axis=1) - 0.4).mean() < 0.01
    np.testing.assert_allclose(early.colors, np.tile([0.8, 0.1, 0.05], (len(early.vertices), 1)), atol=0.01)
    picture = pictures[0]
    assert (picture.shape, picture.dtype) == ((240, 320, 3), np.uint8)
    red = (picture[..., 0] > 2.0 * picture[..., 2].astype(int)) & (picture[..., 0] > 80)
    assert 0.1 < red.mean() < 0.7  # a red ball before a dark ground


def test_finishing_gives_more_meshes():
    outputs = reconstruct_depth.run(
        {"frames": sphere_frames()}, {"voxel": 0.02, "max_depth": 0.0, "min_component": 100, "max_faces": 1500, "lods": True},
        Context(torch.device("cpu")),
    )  # fmt: skip
    assert len(outputs["mesh"].faces) <= 1500
    assert len(outputs["lod_2"].faces) < len(outputs["lod_1"].faces) < len(outputs["mesh"].faces)
    assert outputs["report"]["surface"]


def test_distances_are_those_to_the_triangles():
    mesh, _ = run(sphere_frames())
    generator = np.random.default_rng(0)
    points = generator.normal(size=(300, 3))
    points *= (0.4 + generator.uniform(-0.03, 0.03, (300, 1))) / np.linalg.norm(points, axis=1, keepdims=True)
    found = NearestFace(mesh.vertices, mesh.faces, 0.02).distances(points)
    _, truth, _ = trimesh.proximity.closest_point_naive(trimesh.Trimesh(mesh.vertices, mesh.faces, process=False), points)
    np.testing.assert_allclose(found, truth, atol=1e-6)
    assert np.isinf(NearestFace(mesh.vertices, mesh.faces, 0.02).distances(np.array([[0.0, 0.0, 0.0]]))).all()


def test_coverage_leaves_out_parts_that_were_dropped():
    views = [camera(look_at(eye)) for eye in AROUND]
    frames = [frame(v, np.minimum(see_sphere(v, 0.3), see_sphere(v, 0.08, (0.45, 0, 0.0)))) for v in views]
    whole, rest = run(frames, min_component=0)[1]["error"], run(frames, min_component=1000)[1]["error"]
    assert whole["coverage"] > 0.98
    assert rest["coverage"] < whole["coverage"] - 0.02
    assert rest["depth_to_mesh"]["beyond"] > 0.02


def test_confidence_is_higher_where_more_frames_look():
    views = [camera(look_at(eye)) for eye in [(0, -1.5, 0.3), (0.2, -1.5, 0.3), (-0.2, -1.5, 0.4), (0, 1.5, 0.3)]]
    mesh, _ = run([frame(view, see_box(view, (0.3, 0.3, 0.3)), number=n) for n, view in enumerate(views)])
    confidence = mesh.attributes["confidence"]
    assert confidence.min() > 0
    assert confidence.max() < 1
    front, back = (confidence[np.abs(mesh.vertices[:, 1] - y) < 0.005].mean() for y in (-0.3, 0.3))
    assert front > back + 0.1
