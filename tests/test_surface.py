"""From a raw surface to a mesh people can use: clean-up, simplification, unwrapping, baking, proxies, normal maps."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
import trimesh
from test_fusion import AROUND, FOCAL, HEIGHT, WIDTH, camera, look_at, rays

from backlot.backend.core.context import Context
from backlot.backend.io.frames.frame import DepthFrame
from backlot.backend.mesh import raster, topology
from backlot.backend.mesh.bake import fill, texture
from backlot.backend.mesh.bake.blend import blend, gains
from backlot.backend.mesh.bake.normals import normal_map
from backlot.backend.mesh.bake.observe import Baker
from backlot.backend.mesh.clean import clean
from backlot.backend.mesh.finish import finish
from backlot.backend.mesh.nearest import nearest_points
from backlot.backend.mesh.proxy.closing import proxy
from backlot.backend.mesh.simplify import simplify
from backlot.backend.mesh.unwrap import charts, packing
from backlot.backend.mesh.unwrap import unwrapping as unwrap
from backlot.backend.reconstruct.operations import reconstruct_texture
from backlot.shared.errors import InputError, JobCancelled
from backlot.shared.operations import find
from backlot.shared.values import Image, Mesh, SceneFrame

pytestmark = pytest.mark.usefixtures("one_thread")


def ball(subdivisions: int = 4) -> Mesh:
    """A sphere of radius 0.5 with colours that vary over it."""
    shape = trimesh.creation.icosphere(subdivisions, 0.5)
    vertices = shape.vertices.astype(np.float32)
    return Mesh(vertices, shape.faces.astype(np.int32), (vertices * 2).astype(np.float32), paint(vertices))


def paint(points: np.ndarray) -> np.ndarray:
    """A smooth colour for every place of the world."""
    return (0.4 + 0.25 * np.sin(7 * points + (0, 1, 2))).astype(np.float32)


def sheet(count: int = 40) -> Mesh:
    """A flat square of side 1 with an open border."""
    x, y = np.meshgrid(np.linspace(0, 1, count + 1), np.linspace(0, 1, count + 1))
    vertices = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1).astype(np.float32)
    a = (np.arange(count)[:, None] * (count + 1) + np.arange(count)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + count + 2], 1), np.stack([a, a + count + 2, a + count + 1], 1)])
    return Mesh(vertices, faces.astype(np.int32))


def see_ball(eye: tuple[float, float, float], number: int = 0) -> DepthFrame:
    """Exact depth and colour of the sphere."""
    view = camera(look_at(eye))
    origin, direction = rays(view)
    a, b, c = (direction**2).sum(-1), direction @ origin, origin @ origin - 0.25
    root = b * b - a * c
    depth = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, 0).astype(np.float32)
    color = np.where(depth[..., None] > 0, paint(origin + direction * depth[..., None]), 0.9).astype(np.float32)
    return DepthFrame(number, view, depth, 0.0, color, None)


@pytest.fixture(scope="module")
def frames() -> list[DepthFrame]:
    return [see_ball(eye, n) for n, eye in enumerate(AROUND)]


@pytest.fixture(scope="module")
def unwrapped() -> Mesh:
    mesh = ball()
    uvs, _ = unwrap.unwrap(mesh.vertices, mesh.faces, 256, method="charts")
    return dataclasses.replace(mesh, uvs=uvs)


def bake(mesh: Mesh, frames: list[DepthFrame], **changes: object) -> texture.Baked:
    given = {"size": 256, "tolerance": 0.02, "equalise": True, "estimated": False, "progress": lambda part, stage: None} | changes
    return texture.bake(mesh, frames, **given)


def texture_error(baked: texture.Baked, only: np.ndarray | None = None) -> np.ndarray:
    """Difference of the texture from the painted world, at texels inside charts."""
    mesh, atlas = baked.mesh, baked.atlas
    truth = paint(atlas.at(mesh.vertices, mesh.faces))
    found = mesh.texture.pixels.reshape(-1, 3)[atlas.index]
    error = np.abs(found - truth).max(1)
    return error[atlas.inside if only is None else atlas.inside & only]


def test_clean_removes_what_is_broken():
    mesh = ball(2)
    extra = np.float32([[9, 9, 9], [9, 9, 10], [9, 10, 9], [np.nan, 0, 0], [7, 7, 7], mesh.vertices[0]])
    n = len(mesh.vertices)
    faces = np.concatenate(
        [
            mesh.faces,
            [mesh.faces[5][[1, 2, 0]]],  # double
            [[0, 1, 1]],  # collapsed
            [[mesh.faces[0][0], mesh.faces[0][1], n]],  # a fin at an edge
            [[n, n + 1, n + 2]],  # a fragment
            [[n, n + 1, n + 3]],  # not finite
            [[0, n + 5, mesh.faces[0][1]]],  # an edge without length
        ]
    ).astype(np.int32)
    colors = np.zeros((n + 6, 3), np.float32)
    colors[:n] = mesh.colors
    cleaned, report = clean(Mesh(np.concatenate([mesh.vertices, extra]), faces, colors=colors), 10)
    assert report["double"] == 1
    assert report["collapsed"] == 3
    assert report["components"] == 1
    assert topology.describe(len(cleaned.vertices), cleaned.faces)["watertight"]
    assert len(cleaned.vertices) == n
    np.testing.assert_array_equal(cleaned.colors[cleaned.faces], mesh.colors[mesh.faces])


def test_nothing_left_is_an_error():
    with pytest.raises(InputError, match="Smallest Part"):
        clean(ball(1), 1000)


def test_topology_knows_open_crowded_and_flipped_edges():
    mesh = ball(1)
    assert topology.describe(len(mesh.vertices), mesh.faces)["watertight"]
    opened = topology.describe(len(mesh.vertices), mesh.faces[1:])
    assert (opened["open_edges"], opened["watertight"]) == (3, False)
    flipped = mesh.faces.copy()
    flipped[0] = flipped[0][::-1]
    assert topology.describe(len(mesh.vertices), flipped)["flipped_edges"] == 3
    crowded = np.concatenate([mesh.faces, mesh.faces[:1]])
    assert topology.describe(len(mesh.vertices), crowded)["non_manifold_edges"] == 3


def test_simplified_ball_stays_closed_and_near():
    mesh = ball(5)
    for count in (2000, 200, 40):
        coarse = simplify(mesh, count)
        facts = topology.describe(len(coarse.vertices), coarse.faces)
        assert count - 2 <= len(coarse.faces) <= count
        assert facts["watertight"]
        assert facts["components"] == 1
    coarse = simplify(mesh, 2000)
    assert np.abs(np.linalg.norm(coarse.vertices, axis=1) - 0.5).max() < 0.003
    np.testing.assert_allclose(coarse.colors, paint(coarse.vertices), atol=0.05)
    again = simplify(mesh, 2000)
    assert again.vertices.tobytes() + again.faces.tobytes() == coarse.vertices.tobytes() + coarse.faces.tobytes()


def test_simplified_sheet_keeps_its_border():
    coarse = simplify(sheet(), 20)
    assert len(coarse.faces) <= 20
    area = 0.5 * np.linalg.norm(topology.face_vectors(coarse.vertices, coarse.faces), axis=1).sum()
    assert area == pytest.approx(1.0, abs=1e-4)
    for corner in ([0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]):
        assert np.linalg.norm(coarse.vertices - corner, axis=1).min() < 1e-3


def test_large_meshes_reach_their_number():
    """Through both stages, in any unit: the quick one alone stalls on flat places."""
    mesh = sheet(300)
    for scale in (1.0, 1e-3, 1e3):
        coarse = simplify(Mesh(mesh.vertices * np.float32(scale), mesh.faces), 100)
        assert len(coarse.faces) <= 100
        area = 0.5 * np.linalg.norm(topology.face_vectors(coarse.vertices, coarse.faces), axis=1).sum()
        assert area == pytest.approx(scale**2, rel=2e-3)


def test_nearest_agrees_with_brute_force():
    generator = np.random.default_rng(0)
    points = np.repeat(generator.normal(size=(500, 3)).astype(np.float32), 2, 0)  # of two at one position the first
    queries = generator.normal(size=(300, 3)) * 3
    expected = ((queries[:, None] - points[None]) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(nearest_points(points, queries), expected)


@pytest.mark.parametrize("method", ["charts", "xatlas"])
def test_unwrapped_ball(method):
    mesh = ball(3)
    uvs, used = unwrap.unwrap(mesh.vertices, mesh.faces, 256, method=method)
    assert used == method
    figures = unwrap.measure(mesh.vertices, mesh.faces, uvs, 1024)
    assert uvs.min() >= 0
    assert uvs.max() <= 1
    assert figures["overlaps"] == 0
    assert figures["flipped"] == 0
    assert figures["stretch"] < 1.1
    assert figures["stretch_p95"] < 1.5
    assert figures["occupancy"] > 0.45


def spiral(turns: float = 3.0) -> Mesh:
    """A ramp that winds round and comes to lie above itself."""
    angle = np.linspace(0, 2 * math.pi * turns, 200)
    inner = np.stack([0.3 * np.cos(angle), 0.3 * np.sin(angle), 0.05 * angle], 1)
    outer = np.stack([np.cos(angle), np.sin(angle), 0.05 * angle], 1)
    vertices = np.stack([inner, outer], 1).reshape(-1, 3).astype(np.float32)
    a = 2 * np.arange(199)
    faces = np.concatenate([np.stack([a, a + 1, a + 3], 1), np.stack([a, a + 3, a + 2], 1)])
    return Mesh(vertices, faces.astype(np.int32))


def test_what_lies_above_itself_is_cut():
    mesh = spiral()
    uvs, _ = unwrap.unwrap(mesh.vertices, mesh.faces, 512, method="charts")
    figures = unwrap.measure(mesh.vertices, mesh.faces, uvs, 2048)
    assert figures["overlaps"] == 0
    assert figures["charts"] >= 3


def test_charts_keep_their_distance():
    """Between texels of two charts there is room for bilinear filtering and a gutter on both sides."""
    mesh = ball(3)
    uvs, _ = unwrap.unwrap(mesh.vertices, mesh.faces, 256, method="charts")
    labels, _ = charts.cut(mesh.vertices, mesh.faces, 0.01)
    picture = np.full((256, 256), -1)
    atlas = raster.rasterise(uvs, mesh.faces, 256, gutter=0)
    picture.ravel()[atlas.index] = labels[atlas.face]
    for dy, dx in ((0, 1), (1, 0), (2, 2), (0, 3), (3, 0)):
        one, other = picture[: 256 - dy, : 256 - dx], picture[dy:, dx:]
        assert not ((one >= 0) & (other >= 0) & (one != other)).any()


def test_many_charts_are_packed():
    """Rectangles of all kinds: within the square, apart, most of it used."""
    generator = np.random.default_rng(0)
    sizes = generator.uniform(0.1, 2.0, (150, 2))
    flat = np.concatenate([[[[0, 0], [w, 0], [w, h]], [[0, 0], [w, h], [0, h]]] for w, h in sizes])
    labels = np.repeat(np.arange(150, dtype=np.int32), 2)
    uvs = packing.pack(flat, labels, 1024)
    faces = np.arange(900, dtype=np.int32).reshape(-1, 3)
    atlas = raster.rasterise(uvs, faces, 1024, gutter=0)
    assert atlas.overlaps <= 150  # the two triangles of a rectangle share a diagonal but no vertex number
    assert len(atlas.index) > 0.6 * 1024**2
    assert (uvs >= 0).all()
    assert (uvs <= 1).all()


def test_xatlas_is_given_up_in_time():
    mesh = ball(4)
    _, used = unwrap.unwrap(mesh.vertices, mesh.faces, 128, time_limit=0.0)
    assert used == "charts"


def test_xatlas_can_be_cancelled():
    mesh = ball(4)

    def cancel(fraction: float) -> None:
        msg = "stop"
        raise JobCancelled(msg)

    with pytest.raises(JobCancelled):
        unwrap.unwrap(mesh.vertices, mesh.faces, 128, cancel)


def test_raster_agrees_with_torch(unwrapped):
    small = raster.rasterise(unwrapped.uvs, unwrapped.faces, 96, gutter=0)
    reference = raster.rasterise_reference(unwrapped.uvs, 96).numpy().ravel()
    own = np.full(96 * 96, -1)
    own[small.index] = small.face
    assert (own >= 0).mean() > 0.4
    np.testing.assert_array_equal(own, reference)


def test_texels_know_their_place(unwrapped):
    atlas = raster.rasterise(unwrapped.uvs, unwrapped.faces, 256)
    assert atlas.overlaps == 0
    assert (np.diff(atlas.face) >= 0).all()
    np.testing.assert_allclose(atlas.weights.sum(1), 1, atol=1e-5)
    assert atlas.weights.min() >= 0
    corners = np.concatenate([atlas.at(np.eye(1, dtype=np.float32).repeat(len(unwrapped.vertices), 0), unwrapped.faces)])
    np.testing.assert_allclose(corners, 1, atol=1e-5)
    uv = (unwrapped.uvs[atlas.face] * atlas.weights[..., None]).sum(1)[atlas.inside]
    place = np.stack([atlas.index % 256 + 0.5, 256 - (atlas.index // 256 + 0.5)], 1)[atlas.inside] / 256
    np.testing.assert_allclose(uv, place, atol=1e-4)


def test_view_of_a_mesh_is_its_depth(frames):
    mesh, frame = ball(5), frames[7]
    pose = frame.camera.camera_to_world.copy()
    pose[:3, 1:3] *= -1
    view = np.linalg.inv(pose)[:3]
    depth, face = raster.view(mesh.vertices, mesh.faces, view, (FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2), WIDTH, HEIGHT)
    both = (depth > 0) & (frame.depth > 0)
    assert both.sum() > 0.98 * (frame.depth > 0).sum()
    assert np.median(np.abs(depth - frame.depth)[both]) < 1e-3
    assert ((face >= 0) == (depth > 0)).all()


def test_baked_texture_is_the_painted_world(unwrapped, frames):
    baked = bake(unwrapped, frames)
    error = texture_error(baked)
    assert np.median(error) < 0.004
    assert np.percentile(error, 99.5) < 0.03
    assert baked.figures["coverage"] > 0.99
    assert baked.figures["seam_step"]["max"] <= 2.0
    assert baked.figures["seam_step"]["mean"] < baked.figures["seam_step_before"]["mean"]
    assert baked.figures["gains"] == [1.0, 1.0]
    assert baked.mesh.texture.color_space == "linear"
    json.dumps(baked.figures)
    np.testing.assert_allclose(baked.mesh.colors, paint(unwrapped.vertices), atol=0.03)
    again = bake(unwrapped, frames)
    assert again.mesh.texture.pixels.tobytes() == baked.mesh.texture.pixels.tobytes()


def test_background_does_not_bleed_in(unwrapped, frames):
    """Around the ball pictures are nearly white, in its silhouettes mixed: none of it reaches the texture."""
    soft = []
    for frame in frames:
        tensor = torch.from_numpy(frame.color).permute(2, 0, 1)[None]
        mixed = torch.nn.functional.avg_pool2d(tensor, 3, 1, 1, count_include_pad=False)[0].permute(1, 2, 0).numpy()
        soft.append(dataclasses.replace(frame, color=np.ascontiguousarray(mixed)))
    assert np.percentile(texture_error(bake(unwrapped, soft)), 99) < 0.05


def test_exposure_that_drifts_is_equalised(unwrapped, frames):
    factors = 1 + 0.25 * np.sin(np.arange(len(frames)))
    drifted = [dataclasses.replace(f, color=(f.color * np.float32(k))) for f, k in zip(frames, factors, strict=True)]
    plain, equal = bake(unwrapped, drifted, equalise=False), bake(unwrapped, drifted)
    truth = paint(equal.atlas.at(unwrapped.vertices, unwrapped.faces))
    found = equal.mesh.texture.pixels.reshape(-1, 3)[equal.atlas.index]
    assert np.percentile(np.abs(found / np.median(found / truth) - truth), 99) < 0.02
    assert np.percentile(texture_error(plain), 90) > 0.05
    baker = Baker(unwrapped, equal.atlas, 0.02)
    for frame in drifted:
        baker.add(frame)
    found = gains(baker.observations, len(drifted))
    product = found.mean(1) * factors
    np.testing.assert_allclose(product / product.mean(), 1, atol=0.01)


def test_a_ghost_is_outvoted(unwrapped, frames):
    """Something stands before the ball in one frame and its depth does not say so."""
    spoiled = list(frames)
    color = frames[7].color.copy()
    color[30:90, 50:110] = (1.0, 0.0, 0.0)
    spoiled[7] = dataclasses.replace(frames[7], color=color)
    close = [see_ball((1.45 * math.cos(a), 1.45 * math.sin(a), 0.1), 50 + n) for n, a in enumerate((0.8, 1.0, 1.2, 1.3))]
    error = texture_error(bake(unwrapped, spoiled + close))
    assert (error > 0.1).mean() < 0.002


def test_frames_without_depth_use_the_mesh(unwrapped, frames):
    bare = [dataclasses.replace(f, depth=np.zeros_like(f.depth)) for f in frames]
    baked = bake(unwrapped, bare, estimated=True)
    assert np.percentile(texture_error(baked), 98) < 0.03
    assert baked.figures["coverage"] > 0.97
    with pytest.raises(InputError, match="show the mesh"):
        bake(unwrapped, bare)  # of a renderer's frames, no depth means that there is nothing


def test_what_nobody_saw_is_filled_and_marked(unwrapped, frames):
    baked = bake(unwrapped, [f for f in frames if f.camera.camera_to_world[2, 3] > 0.5])
    below = unwrapped.vertices[:, 2] < -0.3
    above = unwrapped.vertices[:, 2] > 0.2
    assert baked.mesh.attributes["invented"][below].mean() > 0.9
    assert baked.mesh.attributes["invented"][above].max() == 0
    assert 0.4 < baked.figures["coverage"] < 0.9
    inside = baked.mesh.texture.pixels.reshape(-1, 3)[baked.atlas.index]
    assert inside.min() > 0.05  # no black holes
    assert inside.max() < 0.75
    assert (baked.confidence.ravel()[baked.atlas.index] == 0).mean() == pytest.approx(1 - baked.figures["coverage"], abs=0.05)


def test_blend_keeps_a_single_view():
    observations = Baker(dataclasses.replace(ball(1), uvs=np.zeros((80, 3, 2), np.float32)), _empty_atlas(), 0.1).observations
    observations = type(observations).empty(2)
    observations.colors[0, 0], observations.weights[0, 0] = (0.1, 0.2, 0.3), 5.0
    colors, confidence = blend(observations, np.ones((1, 3), np.float32))
    np.testing.assert_allclose(colors, [[0.1, 0.2, 0.3], [0, 0, 0]], atol=1e-6)
    assert confidence[0] > 0.9
    assert confidence[1] == 0


def _empty_atlas() -> raster.Atlas:
    zero = np.zeros(0, np.int32)
    return raster.Atlas(8, zero, zero, np.zeros((0, 3), np.float32), np.zeros(0, bool), 0)


def test_push_pull_goes_on_smoothly():
    ramp = np.linspace(0, 1, 50, dtype=np.float32)[None, :, None].repeat(50, 0)
    known = np.ones_like(ramp)
    known[:, 20:30] = 0
    filled = fill.push_pull(np.concatenate([ramp * known, known], 2))
    np.testing.assert_allclose(filled[known[..., 0] > 0], ramp[known[..., 0] > 0], atol=1e-6)
    assert np.abs(filled - ramp).max() < 0.12


def test_proxy_closes_an_object():
    """A ball without its underside: one closed part, filled, about as large."""
    shape = ball(4)
    holed = Mesh(shape.vertices, shape.faces[shape.vertices[shape.faces].mean(1)[:, 2] > -0.35])
    result, report = proxy(holed, 1500)
    assert report["watertight"]
    assert report["non_manifold_edges"] == 0
    assert report["components"] == 1
    check = trimesh.Trimesh(result.vertices, result.faces, process=False)
    assert check.is_watertight
    assert check.is_winding_consistent
    assert check.body_count == 1
    assert 0.85 < check.volume / (math.pi / 6) < 1.05
    assert len(result.faces) <= 1500
    assert np.abs(np.linalg.norm(result.vertices, axis=1) - 0.5)[result.vertices[:, 2] > -0.3].mean() < 0.02


def test_proxy_of_a_room_keeps_its_inside():
    """A box seen from inside with something in it: eyes keep the inside free, and the proxy follows the walls' inner side."""
    walls = trimesh.creation.box((4, 4, 3)).subdivide().subdivide()
    thing = trimesh.creation.box((1, 1, 1)).subdivide().apply_translation((0.5, 0.5, -1.0))
    faces = np.concatenate([walls.faces[:, ::-1], thing.faces + len(walls.vertices)]).astype(np.int32)
    mesh = Mesh(np.concatenate([walls.vertices, thing.vertices]).astype(np.float32), faces)
    result, report = proxy(mesh, 3000, np.array([[-1.0, -1.0, 0.5]]))
    assert report["watertight"]
    assert report["components"] == 1
    for eye, target, expected in (((-1, -1, 0.5), (2, -1, 0.5), 3.0), ((0.5, 0.5, 1.0), (0.5, 0.5, -1), 1.5)):
        pose = look_at(eye, target)  # at the far wall with nothing between, and down at the top of the thing
        pose[:3, 1:3] *= -1
        depth, _ = raster.view(result.vertices, result.faces, np.linalg.inv(pose)[:3], (9.0, 9.0, 2.5, 2.5), 5, 5)
        assert abs(depth[2, 2] - expected) < 0.15


def test_normal_map_brings_back_what_was_simplified():
    """A wavy sheet on a flat one: tangent space is world space there, so the map shows the waves' own normals."""
    fine = sheet(150)
    height = 0.01 * np.sin(20 * fine.vertices[:, 0])
    slope = 0.2 * np.cos(20 * fine.vertices[:, 0])
    normals = np.stack([-slope, 0 * slope, np.ones_like(slope)], 1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    fine = Mesh((fine.vertices + np.stack([0 * height, 0 * height, height], 1)).astype(np.float32), fine.faces, normals.astype(np.float32))
    flat = Mesh(np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), np.int32([[0, 1, 2], [0, 2, 3]]), np.float32([[0, 0, 1]] * 4))
    for turn in (False, True):
        uvs = flat.vertices[flat.faces][..., :2]
        if turn:  # a quarter turn in the atlas: (u, v) = (y, 1 - x)
            uvs = np.stack([uvs[..., 1], 1 - uvs[..., 0]], -1)
        textured = dataclasses.replace(flat, uvs=np.ascontiguousarray(0.05 + 0.9 * uvs))
        atlas = raster.rasterise(textured.uvs, flat.faces, 128)
        found = 2 * normal_map(textured, fine, atlas).reshape(-1, 3)[atlas.index] - 1
        place = atlas.at(flat.vertices, flat.faces)
        expected = -0.2 * np.cos(20 * place[:, 0]) / np.sqrt(1 + (0.2 * np.cos(20 * place[:, 0])) ** 2)
        along = -found[:, 1] if turn else found[:, 0]
        assert np.abs(along - expected)[atlas.inside].max() < 0.03


def test_finish_gives_all_that_was_asked_for(frames):
    stages = []

    def progress(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        stages.append(fraction)

    context = Context(torch.device("cpu"), 0, progress)
    asked = {
        "max_faces": 2000, "texture": True, "texture_size": 128, "lods": True, "proxy": True, "proxy_faces": 500, "normal_map": True,
        "min_component": 10,
    }  # fmt: skip
    outputs, report = finish(ball(5), frames, asked, context, (0.4, 0.9))
    json.dumps(report)
    assert set(outputs) == {"mesh", "texture", "texture_confidence", "normal_map", "lod_1", "lod_2", "proxy"}
    mesh = outputs["mesh"]
    assert len(mesh.faces) <= 2000
    assert mesh.uvs is not None
    assert outputs["texture"].pixels.shape == (128, 128, 3)
    assert len(outputs["lod_1"].faces) <= 500
    assert len(outputs["lod_2"].faces) <= 100
    assert report["proxy"]["watertight"]
    assert report["unwrap"]["overlaps"] == 0
    assert stages == sorted(stages)
    assert stages[0] >= 0.4
    assert stages[-1] <= 0.9
    assert {p.name for p in find("reconstruct.depth").parameters} >= set(asked)


def test_finish_without_anything_only_cleans():
    outputs, _ = finish(ball(2), [], {}, Context(torch.device("cpu")))
    assert set(outputs) == {"mesh"}
    np.testing.assert_array_equal(outputs["mesh"].faces, ball(2).faces)


def test_finish_can_be_cancelled(frames):
    def progress(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        if "baking" in stage:
            raise JobCancelled(stage)

    with pytest.raises(JobCancelled, match="baking"):
        finish(ball(3), frames, {"texture": True, "texture_size": 64}, Context(torch.device("cpu"), 0, progress))


def test_no_colour_is_an_error(frames):
    bare = [dataclasses.replace(f, color=None) for f in frames]
    with pytest.raises(InputError, match="colour"):
        finish(ball(3), bare, {"texture": True, "texture_size": 64}, Context(torch.device("cpu")))


def scene_frames(frames: list[DepthFrame], depth: bool) -> list[SceneFrame]:
    found = []
    for frame in frames:
        channels = {"color": Image(frame.color, "linear")}
        if depth:
            channels["depth"] = Image(np.where(frame.depth > 0, frame.depth, np.float32(1e10))[..., None], "data")
        found.append(SceneFrame(frame.camera, channels, 1.0, frame.number))
    return found


@pytest.mark.parametrize("depth", [True, False])
def test_operation_bakes_onto_a_given_mesh(unwrapped, frames, depth):
    parameters = find("reconstruct.texture").check_parameters({"texture_size": 256})
    bare = dataclasses.replace(unwrapped, colors=None)
    outputs = reconstruct_texture.run({"mesh": bare, "frames": scene_frames(frames, depth)}, parameters, Context(torch.device("cpu")))
    json.dumps(outputs["report"])
    mesh = outputs["mesh"]
    np.testing.assert_array_equal(mesh.uvs, unwrapped.uvs)  # the artist's own are kept
    places = texture.bilinear(outputs["texture"].pixels, raster.texel_corners(mesh.uvs, 256).mean(1))
    error = np.abs(places - paint(mesh.vertices[mesh.faces].mean(1))).max(1)
    assert np.percentile(error, 98) < 0.03
    assert outputs["report"]["notes"] == []


def test_operation_says_when_cameras_look_elsewhere(unwrapped, frames):
    parameters = find("reconstruct.texture").check_parameters({"texture_size": 64})
    moved = dataclasses.replace(unwrapped, vertices=unwrapped.vertices + np.float32(50))
    with pytest.raises(InputError, match="same space"):
        reconstruct_texture.run({"mesh": moved, "frames": scene_frames(frames, True)}, parameters, Context(torch.device("cpu")))
