"""``reconstruct.footage``: lens, solve checks, matching against its torch reference, depth against truth, and bad input."""

from __future__ import annotations

import dataclasses
import json

import footage_scene as scene
import numpy as np
import pytest
import torch

from backlot.backend.core import lens
from backlot.backend.core.camera import project, scaled, unproject
from backlot.backend.core.context import Context
from backlot.backend.reconstruct.operations import reconstruct_footage
from backlot.backend.reconstruct.stereo import costs as source_costs
from backlot.backend.reconstruct.stereo import engine, geometry, matching, reference
from backlot.backend.reconstruct.stereo import solve_check as solve
from backlot.backend.reconstruct.stereo import view_selection as sources
from backlot.backend.reconstruct.stereo.consistency import agree, without_specks
from backlot.backend.reconstruct.stereo.depths import estimate_depths
from backlot.backend.reconstruct.stereo.moving import without_moving
from backlot.backend.reconstruct.stereo.planar_prior import fit_planes, supported
from backlot.backend.reconstruct.stereo.views import read_views
from backlot.shared.errors import InputError, JobCancelled
from backlot.shared.notes import collect_notes
from backlot.shared.operations.reconstruct_footage import OPERATION
from backlot.shared.values import Camera, Distortion, Image, SceneFrame, Tracks

pytestmark = pytest.mark.usefixtures("one_thread")


COUNT = 4
OTHERS = (0, 2, 3)
"""Sources of frame 1."""


def quiet(fraction: float, stage: str) -> None:
    assert 0 <= fraction <= 1
    assert stage


def run(frames, tracks=None, context=None, **changes):
    parameters = OPERATION.check_parameters(changes)
    outputs = reconstruct_footage.run({"frames": frames, "tracks": tracks}, parameters, context or Context(torch.device("cpu")))
    json.dumps(outputs["report"])
    return outputs


@pytest.fixture(scope="module")
def shot():
    """Four frames of a camera that goes sideways."""
    return scene.shoot([scene.camera_at(eye) for eye in scene.eyes(COUNT)])


def surface_distance(points: np.ndarray) -> np.ndarray:
    points = points.astype(np.float64)
    ball = np.abs(np.linalg.norm(points - scene.BALL, axis=1) - scene.RADIUS)
    return np.minimum(np.minimum(np.abs(points[:, 2]), np.abs(points[:, 1] - 2)), ball)


# --- the lens


LENSES = [
    Distortion("brown", (-0.25, 0.08, -0.01, 0.002, 0.001, -0.002)),
    Distortion("brown", (0.1,)),
    Distortion("division", (-0.15, 0.02)),
    Distortion("division", (0.2,)),
    Distortion("nuke", (-0.06, 0.01)),
    Distortion("nuke", (0.08,)),
]


@pytest.mark.parametrize("distortion", LENSES, ids=lambda d: f"{d.model}{d.coefficients[0]}")
def test_distortion_goes_there_and_back(distortion):
    camera = Camera(640, 360, 580.0, 590.0, 330.0, 170.0, np.eye(4), distortion)
    v, u = np.mgrid[0:360:15, 0:640:15]
    pixels = np.stack([u, v], -1).reshape(-1, 2) + 0.5
    straight = lens.undistort_pixels(camera, pixels)
    back = lens.distort_pixels(camera, straight)
    assert np.isfinite(straight).mean() > 0.95
    good = np.isfinite(back).all(1)
    assert np.abs(back - pixels)[good].max() < 1e-3
    assert np.abs(straight - pixels)[np.isfinite(straight).all(1)].max() > 2  # it does bend


def test_distortion_follows_its_formula():
    camera = Camera(200, 100, 100.0, 100.0, 100.0, 50.0, np.eye(4), Distortion("brown", (-0.2, 0.05)))
    r2 = 0.5**2
    assert lens.distort_pixels(camera, np.array([150.0, 50.0]))[0] == pytest.approx(100 + 50 * (1 - 0.2 * r2 + 0.05 * r2 * r2))
    camera = dataclasses.replace(camera, distortion=Distortion("division", (0.3,)))
    assert lens.undistort_pixels(camera, np.array([150.0, 50.0]))[0] == pytest.approx(100 + 50 / (1 + 0.3 * r2))
    camera = dataclasses.replace(camera, distortion=Distortion("nuke", (0.3,)))  # in halves of the width: 0.5 as well
    assert lens.undistort_pixels(camera, np.array([150.0, 50.0]))[0] == pytest.approx(100 + 50 / (1 + 0.3 * r2))
    camera = dataclasses.replace(camera, fl_x=400.0, fl_y=400.0)  # the focal length does not matter to Nuke's
    assert lens.undistort_pixels(camera, np.array([150.0, 50.0]))[0] == pytest.approx(100 + 50 / (1 + 0.3 * r2))


def test_beyond_the_fold_of_a_lens_is_nothing():
    camera = Camera(200, 100, 100.0, 100.0, 100.0, 50.0, np.eye(4), Distortion("brown", (-0.5,)))
    assert np.isnan(lens.distort_pixels(camera, np.array([400.0, 50.0]))).all()  # r = 3; the fold is at 0.82


@pytest.mark.parametrize("distortion", [LENSES[0], LENSES[2], LENSES[4]], ids=lambda d: d.model)
def test_distorted_pictures_become_straight(distortion):
    bent = scene.camera_at((0, -2.6, 0.9), distortion=distortion)
    color, _ = scene.render(bent)
    truth, _ = scene.render(dataclasses.replace(bent, distortion=None))
    straightener = lens.Undistorter(bent)
    made, inside = straightener.picture(color), straightener.mask(np.ones(color.shape[:2], bool))
    error = np.abs(made - truth).mean(-1)
    assert inside.mean() > 0.75
    assert error[inside].mean() < 0.02
    assert np.abs(color - truth).mean() > 3 * error[inside].mean()


# --- matching


def small_task(shot, device="cpu"):
    frames, depths = shot
    views = read_views(frames, 960, quiet)
    link = geometry.pairs(views[1].camera, [views[j].camera for j in OTHERS])
    images, masks = np.stack([views[j].gray.reshape(-1) for j in OTHERS]), np.ones((3, depths[1].size), np.uint8)
    mask = np.ones(depths[1].shape, np.uint8)
    return engine.Task(views[1].gray, mask, images, masks, link, (0.1, 1.0), torch.device(device)), depths[1]


def kernel_costs(task, planes):
    costs = np.empty((3, *task.gray.shape), np.float32)
    source_costs.plane_costs(task.view(), task.sources(), planes, costs)
    return costs


def test_kernel_agrees_with_torch(shot, device):
    task, depth = small_task(shot)
    generator = np.random.default_rng(0)
    planes = np.zeros((*depth.shape, 3), np.float32)
    planes[..., 0] = 1 / depth * generator.uniform(0.9, 1.1, depth.shape)
    planes[..., 1:] = generator.normal(0, 1e-3, (*depth.shape, 2))
    task.masks.reshape(3, *depth.shape)[1, 30:50, 40:70] = 0
    task.mask[:15, :20] = 0
    problem = dataclasses.replace(task, device=device).problem()
    expected = reference.plane_costs(problem, torch.from_numpy(planes).to(device)).cpu().numpy()
    assert (expected == source_costs.INVALID).mean() > 0.03
    difference = np.abs(kernel_costs(task, planes) - expected)
    assert np.quantile(difference, 0.995) < 2e-3  # pixels on the border of a mask may round to either side
    assert difference[:, task.mask > 0].mean() < 1e-3


def test_torch_matches_like_the_kernels(device):
    shot = scene.shoot([scene.camera_at(eye, 60, 42) for eye in scene.eyes(COUNT)])
    task, depth = small_task(shot)
    planes = np.linspace(0.12, 0.9, 40).astype(np.float32)
    field, cost = task.sweep(planes)
    other, other_cost = (torch.zeros(*a.shape, device=device) for a in (field, cost))
    problem = dataclasses.replace(task, device=device).problem()
    reference.sweep(problem, torch.from_numpy(planes).to(device), other, other_cost)
    assert (np.abs(other.cpu().numpy()[..., 0] - field[..., 0]) < 1e-6).mean() > 0.99
    inverse = np.stack([1 / shot[1][j] for j in OTHERS]).astype(np.float32)
    prior = np.concatenate([field, np.full((*depth.shape, 1), 0.5, np.float32)], -1)
    start = [torch.from_numpy(a.copy()).to(device) for a in (field, cost)]
    given = [torch.from_numpy(a).to(device) for a in (inverse, prior)]
    task.improve(field, cost, 1, 1.0, 7, 3, inverse, prior, 0.2)
    for parity in (0, 1):
        reference.iterate(problem, *given, 0.2, 7, 3, parity, 1.0, *start)
    found = [tensor.cpu().numpy() for tensor in start]
    same = np.abs(found[0] - field).max(-1) < 1e-4 * field[..., 0]
    assert same.mean() > 0.95  # equally good hypotheses may be told apart by rounding
    assert np.abs(found[1] - cost)[same].max() < 5e-3
    assert np.median(np.abs(1 / field[..., 0] - depth) / depth) < 0.03


def test_true_depth_costs_least(shot):
    task, depth = small_task(shot)
    means = []
    for factor in (0.97, 1.0, 1.03):
        planes = np.zeros((*depth.shape, 3), np.float32)
        planes[..., 0] = 1 / (depth * factor)
        means.append(np.median(kernel_costs(task, planes).min(0)))
    assert means[1] < 0.7 * min(means[0], means[2])


def test_planes_go_on_at_the_finer_scale():
    rows, columns = np.mgrid[:6, :8]
    planes = np.zeros((6, 8, 3), np.float32)
    planes[..., 0] = 0.3 + 0.02 * (columns + 0.5) - 0.01 * (rows + 0.5)
    planes[..., 1], planes[..., 2] = 0.02, -0.01
    fine = matching.enlarged(matching.Fields(planes, np.zeros((6, 8), np.float32)), 12, 16).planes
    rows, columns = np.mgrid[:12, :16]
    assert np.allclose(fine[..., 0], 0.3 + 0.02 * (columns + 0.5) / 2 - 0.01 * (rows + 0.5) / 2, atol=1e-6)
    assert np.allclose(fine[..., 1], 0.01)


def test_agreement_drops_what_one_view_alone_says(shot):
    frames, depths = shot
    planes = [np.stack([1 / d, np.zeros_like(d), np.zeros_like(d)], -1).astype(np.float32) for d in depths]
    wrong = planes[1].copy()
    wrong[20:40, 30:60, 0] *= 1.05
    link = geometry.pairs(frames[1].camera, [frames[j].camera for j in OTHERS])
    found = agree(wrong, np.stack([planes[j] for j in OTHERS]), link)
    patch = np.zeros(depths[1].shape, bool)
    patch[20:40, 30:60] = True
    assert (found.count[patch] >= 2).mean() < 0.05
    assert (found.count[~patch] >= 2).mean() > 0.8  # the rest is seen by one other only
    lone = np.zeros((20, 20), bool)
    lone[2:4, 2:4] = lone[10:18, 5:15] = True
    kept = without_specks(np.full((20, 20), 0.5, np.float32), lone, 10)
    assert kept.sum() == 80


def test_plane_prior_crosses_a_plain_wall_but_no_edge():
    rows, columns = np.mgrid[:80, :120]
    left = columns < 60
    truth = np.where(left, 0.5 + 0.001 * columns, 0.25 + 0.0005 * rows).astype(np.float32)
    gray = np.where(left, 0.3, 0.6).astype(np.float32)
    known = (np.random.default_rng(1).random(truth.shape) < 0.1) & ((columns < 10) | (columns > 45)) & (np.abs(columns - 60) > 3)
    planes = fit_planes(truth, known.astype(np.float32), gray)
    hole = (columns >= 15) & (columns < 40)
    assert np.abs(planes[..., 0] / truth - 1)[hole].max() < 0.02
    assert np.abs(planes[..., 0] / truth - 1)[np.abs(columns - 60) <= 2].max() < 0.05
    assert planes[..., 3][hole].min() > 0.1


def test_holes_are_filled_but_not_what_lies_beside():
    rows, columns = np.mgrid[:60, :80]
    known = (0.5 + 0.002 * columns).astype(np.float32)
    known[30:45, 30:50] = 0  # a hole in a wall
    known[:22] = 0  # the sky above it
    planes = fit_planes(known, (known > 0).astype(np.float32), np.where(rows < 20, 0.8, 0.4).astype(np.float32))
    sides = supported(planes, known, 0.03)
    assert sides[30:45, 30:50].min() == 4
    assert sides[:15].max() < 3


# --- solve and sources


def test_sources_lie_at_good_angles_on_both_sides(shot):
    views = read_views(shot[0], 960, quiet)
    ranges = [sources.widened(d.reshape(-1)) for d in shot[1]]
    chosen = sources.choose(views, ranges, 2)
    assert 0 in chosen[1].sources  # on the one side
    assert set(chosen[1].sources) & {2, 3}  # and on the other
    assert all(3 < a < 15 for a in chosen[1].angles)
    assert chosen[1].overlap > 0.8


def test_reprojection_tells_right_from_wrong(shot):
    frames, depths = shot
    tracks = scene.track(frames, depths)
    found = solve.reprojection(frames, tracks)
    assert found.median < 0.5
    assert found.focal_factor == pytest.approx(1, abs=0.01)
    wrong = [
        dataclasses.replace(f, camera=dataclasses.replace(f.camera, fl_x=f.camera.fl_x * 1.2, fl_y=f.camera.fl_y * 1.2)) for f in frames
    ]
    with pytest.raises(InputError, match=r"contradicts its own tracks.*px over .*focal length of 11[1-4]"):
        run(wrong, tracks)


# --- the whole


@pytest.fixture(scope="module")
def result(shot):
    context = Context(torch.device("cpu"))
    stages = []
    context.progress = lambda fraction, stage, preview=None: stages.append((fraction, stage))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "COARSEST", 60)  # two scales
        return run(shot[0], scene.track(*shot), context, lods=True), context, stages


def test_mesh_lies_on_the_surfaces(result):
    outputs, context, stages = result
    mesh, report = outputs["mesh"], outputs["report"]
    error = surface_distance(mesh.vertices)
    assert np.median(error) < 0.008  # 2.6 m away at 120 pixels: a pixel is 23 mm wide
    assert np.quantile(error, 0.9) < 0.05
    assert report["confirmed"] > 0.8
    assert report["reprojection"]["median"] < 0.5
    assert set(mesh.attributes) == {"confidence", "invented"}
    assert len(outputs["lod_2"].faces) < len(outputs["lod_1"].faces) < 0.3 * len(mesh.faces)
    assert mesh.colors is not None
    assert (mesh.colors >= 0).all()
    assert [f for f, _ in stages] == sorted(f for f, _ in stages)
    coarse = context.emitted["mesh", None]
    assert 100 < len(coarse.faces) < len(mesh.faces)
    assert np.median(surface_distance(coarse.vertices)) < 0.03


def test_frames_of_one_shape_may_differ_in_size(shot):
    frames = list(shot[0][:3])
    camera, color = frames[1].camera, frames[1].channels["color"]
    larger = Image(color.pixels.repeat(2, 0).repeat(2, 1), color.color_space)
    frames[1] = dataclasses.replace(
        frames[1], camera=scaled(camera, 2 * camera.width, 2 * camera.height), channels={**frames[1].channels, "color": larger}
    )
    outputs = run(frames, texture=True, texture_size=256)
    assert np.median(surface_distance(outputs["mesh"].vertices)) < 0.012


def test_depth_without_tracks_is_as_good(shot):
    frames, depths = shot  # one scale, three frames
    frames, depths = frames[:3], depths[:3]
    views = read_views(frames, 960, quiet)
    found = estimate_depths(views, matching.Settings(), quiet)
    near, far = min(d.min() for d in depths), max(np.percentile(d, 98) for d in depths)
    assert found.ranges[0].near < near
    assert found.ranges[0].far > far
    for depth_map, truth in zip(found.maps[1:2], depths[1:2], strict=True):
        known = (depth_map.depth > 0) & ~depth_map.filled
        error = np.abs(depth_map.depth - truth) / truth
        assert np.median(error[known]) < 0.005
        assert (known & (error < 0.02)).mean() > 0.6  # all three frames have to show it
        assert (error[known] < 0.02).mean() > 0.93
    assert 0 < found.spread < 0.01


def test_same_seed_gives_the_same_bytes(shot, result):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "COARSEST", 60)
        again = run(shot[0], scene.track(*shot), lods=True)
    assert np.array_equal(again["mesh"].vertices, result[0]["mesh"].vertices)


def test_lens_and_exposure_do_not_matter(shot):
    cameras = [scene.camera_at(eye, 96, 68, Distortion("division", (-0.12,))) for eye in scene.eyes(COUNT)]
    frames, _ = scene.shoot(cameras)
    gains = [1.0, 0.6, 1.3, 0.8]
    frames = [
        dataclasses.replace(f, channels={"color": Image(f.channels["color"].pixels * np.float32(g), "linear")})
        for f, g in zip(frames, gains, strict=True)
    ]
    outputs = run(frames)
    assert np.median(surface_distance(outputs["mesh"].vertices)) < 0.015
    found = np.array(outputs["report"]["gains"])[:, 1] * gains
    assert found / found.mean() == pytest.approx(np.ones(COUNT), abs=0.05)
    assert any("Exposure" in note for note in outputs["report"]["notes"])


def test_rectified_pair_is_two_views(shot):
    eye = np.array([0.0, -2.6, 0.9])
    left = scene.camera_at(eye)
    pose = left.camera_to_world.copy()
    pose[:3, 3] += 0.15 * pose[:3, 0]
    frames, depths = scene.shoot([left, dataclasses.replace(left, camera_to_world=pose)])
    found = estimate_depths(read_views(frames, 960, quiet), matching.Settings(), quiet)
    known = (found.maps[0].depth > 0) & ~found.maps[0].filled
    disparity = 112.8 * 0.15 / np.where(known, found.maps[0].depth, 1) - 112.8 * 0.15 / depths[0]
    assert known.mean() > 0.75
    assert (np.abs(disparity[known]) < 0.5).mean() > 0.9


def with_vectors(cameras, moved=(0.0, 0.0), ids=True):
    """Frames with a renderer's motion vectors and the ball as object 7; the ball moves by so many pixels from frame to frame."""
    frames, depths = scene.shoot(cameras)
    made, balls = [], []
    for n, (item, depth) in enumerate(zip(frames, depths, strict=True)):
        height, width = depth.shape
        pixels = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1)
        points = unproject(item.camera, pixels, depth)
        ball = np.abs(np.linalg.norm(points - scene.BALL, axis=-1) - scene.RADIUS) < 1e-3
        vectors = np.zeros((height, width, 4), np.float32)
        for step, place in ((-1, 0), (1, 2)):
            if 0 <= n + step < len(cameras):
                found, _ = project(cameras[n + step], points.reshape(-1, 3))
                off = found.reshape(height, width, 2) - pixels + np.where(ball[..., None], np.multiply(step, moved), 0)
                vectors[..., place : place + 2] = off * (1, -1) if step < 0 else off * (-1, 1)
        channels = {**item.channels, "motion": Image(vectors, "data")}
        if ids:
            channels["object_id"] = Image(np.where(ball, 7, 0).astype(np.float32)[..., None], "data")
        made.append(dataclasses.replace(item, channels=channels))
        balls.append(ball)
    return made, balls


SIDEWAYS = [scene.camera_at(eye, 96, 64) for eye in scene.eyes(3)]
AT_REST = [scene.camera_at(scene.eyes(3)[0], 96, 64)] * 3


@pytest.mark.parametrize(("cameras", "moved"), [(SIDEWAYS, (0.0, 0.15)), (SIDEWAYS, (0.1, -0.2)), (AT_REST, (0.15, 0.0))])
@pytest.mark.parametrize("ids", [True, False])
def test_what_vectors_show_to_move_slowly_is_left_out(cameras, moved, ids):
    frames, balls = with_vectors(cameras, moved, ids)
    still = without_moving(frames[:2], frames)  # the last one only has its camera
    assert still.objects == ([7] if ids else [])
    assert ("Object 7 moves" if ids else "Something moves") in still.notes[0]
    assert still.share == pytest.approx(np.mean([ball.mean() for ball in balls[:2]]), rel=0.5)  # and its border
    for made, ball in zip(still.frames, balls, strict=False):
        kept = made.channels["mask"].pixels[..., 0] > 0
        assert not kept[ball].any()
        assert kept[~ball].mean() > 0.9


def test_without_movement_frames_stay_as_they_are():
    for cameras in (SIDEWAYS, AT_REST):
        frames, _ = with_vectors(cameras)
        still = without_moving(frames, frames)
        assert (still.objects, still.share, still.notes) == ([], 0.0, [])
        assert all(a is b for a, b in zip(still.frames, frames, strict=True))
    alone = without_moving(with_vectors(SIDEWAYS, (0.0, 3.0))[0][::2], [])  # without the frames that the vectors lead to
    assert not alone.notes


def test_an_object_that_moves_is_left_out_where_no_vectors_lead_too():
    frames, balls = with_vectors(SIDEWAYS, (0.0, 0.3))
    later = dataclasses.replace(frames[2], number=9, channels={name: frames[2].channels[name] for name in ("color", "object_id")})
    still = without_moving([*frames[:2], later], [*frames[:2], later])
    assert not (still.frames[2].channels["mask"].pixels[..., 0] > 0)[balls[2]].any()
    plain = dataclasses.replace(later, channels={"color": frames[2].channels["color"]})
    assert without_moving([*frames[:2], plain], [*frames[:2], plain]).frames[2] is plain


def test_what_moves_adds_to_the_mask_that_there_is():
    frames, _ = with_vectors(SIDEWAYS, (0.0, 0.5))
    mask = np.ones((64, 96, 1), np.uint8)
    mask[50:] = 0
    masked = [dataclasses.replace(f, channels={**f.channels, "mask": Image(mask, "data")}) for f in frames]
    for without, plain in zip(without_moving(masked, masked).frames, without_moving(frames, frames).frames, strict=True):
        np.testing.assert_array_equal(without.channels["mask"].pixels, plain.channels["mask"].pixels * mask)


def test_vectors_of_another_camera_are_not_used():
    frames, _ = with_vectors(SIDEWAYS, (0.0, 0.5))
    noise = np.random.default_rng(0).normal(0, 9, (64, 96, 4)).astype(np.float32)
    strange = [dataclasses.replace(f, channels={**f.channels, "motion": Image(noise, "data")}) for f in frames]
    still = without_moving(strange, strange)
    assert "do not fit the cameras' motion" in still.notes[0]
    assert still.objects == []
    short = dataclasses.replace(frames[0], channels={"motion": Image(np.zeros((64, 96, 2), np.float32), "data")})
    with pytest.raises(InputError, match="4 components"):
        without_moving([short], frames)


def test_the_mesh_is_made_without_the_object_that_moves():
    frames, _ = with_vectors([scene.camera_at(eye) for eye in scene.eyes(COUNT)], (0.0, 0.4))
    found = run(frames, resolution=120)
    assert found["report"]["moving"]["objects"] == [7]
    assert any("Object 7 moves" in note for note in found["report"]["notes"])
    vertices = found["mesh"].vertices.astype(np.float64)
    ball = np.abs(np.linalg.norm(vertices - scene.BALL, axis=1) - scene.RADIUS) < 0.05
    assert (ball & (vertices[:, 2] > 0.15)).mean() < 0.005


def test_what_moves_is_reported_or_masked(shot):
    frames, _ = scene.shoot([scene.camera_at(eye, 96, 64) for eye in scene.eyes(COUNT)])
    generator = np.random.default_rng(0)
    moving, masked = [], []
    for n, f in enumerate(frames):
        color, mask = f.channels["color"].pixels.copy(), np.ones((64, 96, 1), np.uint8)
        color[8:26, 20 + 12 * (n % 2) : 44 + 12 * (n % 2)] = generator.random((6, 8, 1)).repeat(3, 0).repeat(3, 1)  # never the same
        mask[6:28, 18:60] = 0
        moving.append(dataclasses.replace(f, channels={"color": Image(color, "linear")}))
        masked.append(dataclasses.replace(f, channels={"color": Image(color, "linear"), "mask": Image(mask, "data")}))
    found = estimate_depths(read_views(moving, 960, quiet), matching.Settings(photometric=1, geometric=1), quiet)
    assert any("mask what moves" in note for note in found.notes)
    found = estimate_depths(read_views(masked, 960, quiet), matching.Settings(photometric=1, geometric=1), quiet)
    assert not any("mask what moves" in note for note in found.notes)
    assert all((m.depth[6:28, 18:60] == 0).all() for m in found.maps)
    assert all((m.depth[45:, 20:70] > 0).mean() > 0.6 for m in found.maps)


# --- bad input


def test_one_frame_is_refused(shot):
    with pytest.raises(InputError, match=r"at least two frames.*got 1.*reconstruct\.plate"):
        run(shot[0][:1])


def test_tripod_is_refused_with_numbers(shot):
    cameras = [scene.camera_at((0, -2.6, 0.9), target=(x, 0.3, 0.5)) for x in (-0.2, 0.0, 0.2)]
    frames, depths = scene.shoot(cameras)
    with pytest.raises(InputError, match=r"only turns.*baseline"):
        run(frames)
    trembling = []
    for n, f in enumerate(frames):
        pose = f.camera.camera_to_world.copy()
        pose[0, 3] += 0.002 * n
        trembling.append(dataclasses.replace(f, camera=dataclasses.replace(f.camera, camera_to_world=pose)))
    with pytest.raises(InputError, match=r"only turns.*baseline of 0\.00\d+ at a distance of"):
        run(trembling, scene.track(frames, depths))
    with pytest.raises(InputError, match="only turns"):
        run(trembling)


def test_wrong_poses_are_refused(shot):
    frames, _ = scene.shoot([scene.camera_at(eye, 72, 50) for eye in scene.eyes(COUNT)])
    shuffled = [dataclasses.replace(f, camera=frames[k].camera) for f, k in zip(frames, (2, 0, 3, 1), strict=True)]
    with pytest.raises(InputError, match=r"poses, focal length|agree|match each other"):
        run(shuffled)


def test_no_overlap_is_refused(shot):
    frames, _ = shot
    away = []
    for n, f in enumerate(frames[:3]):
        pose = scene.look_at((30.0 * n, 0, 1), (30.0 * n, 5, 1))
        away.append(dataclasses.replace(f, camera=dataclasses.replace(f.camera, camera_to_world=pose)))
    tracks = Tracks(
        np.array([[30.0 * n + x / 10, 3.0, 1.0] for n in range(3) for x in range(10)]),
        np.repeat(np.arange(3, dtype=np.int32), 10),
        np.arange(30, dtype=np.int32),
        np.array([[60 + 112.8 * x / 30, 42] for n in range(3) for x in range(10)], np.float32),
    )
    with pytest.raises(InputError, match="without overlap"):
        run(away, tracks)


def test_sizes_may_differ_and_shapes_must_agree(shot):
    frames, _ = shot
    small, _ = scene.shoot([scene.camera_at((0.1, -2.6, 0.9), 60, 42)])
    with collect_notes() as notes:
        views = read_views([*frames[:2], dataclasses.replace(small[0], number=9)], 120, lambda fraction, stage: None)
    assert {view.color.shape for view in views} == {(84, 120, 3)}
    assert any("60 x 42" in sentence and "frame 9" in sentence for sentence in notes.sentences())
    other, _ = scene.shoot([scene.camera_at((0.1, -2.6, 0.9), 80, 80)])
    with pytest.raises(InputError, match="80 x 80"):
        run([*frames[:2], dataclasses.replace(other[0], number=9)])
    with pytest.raises(InputError, match="to have colour"):
        run([frames[0], SceneFrame(frames[1].camera, {}, 1.0, 1)])


def test_cancel_passes_through(shot):
    def cancel(fraction, stage, preview=None):
        if "depths" in stage:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        run(shot[0], context=Context(torch.device("cpu"), progress=cancel))
