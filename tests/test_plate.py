"""``reconstruct.plate``: reliefs and cards from one picture with depth of the artist's own, seen from the camera and beside it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from backlot.backend.core.camera import project
from backlot.backend.core.context import Context
from backlot.backend.core.morphology import dilate_mask, erode_mask
from backlot.backend.reconstruct.operations import reconstruct_plate
from backlot.backend.reconstruct.single_view.edges import find_tears, sharpen
from backlot.backend.reconstruct.single_view.matte import matte, own_color
from backlot.backend.reconstruct.single_view.sheet import make_sheet
from backlot.benchmarks.metrics.view import picture
from backlot.shared.errors import InputError, JobCancelled
from backlot.shared.operations import OPERATIONS
from backlot.shared.values import Camera, Distortion, Image, Mesh, SceneFrame, Tracks

W, H, F = 96, 72, 80.0
POSE = np.array([[0.0, -1, 0, 1], [0, 0, -1.0, 2], [1, 0, 0, 3], [0, 0, 0, 1]])
POSE = POSE if np.linalg.det(POSE[:3, :3]) > 0 else POSE @ np.diag([-1.0, 1, 1, 1])
CAMERA = Camera(W, H, F, F, W / 2, H / 2, POSE)
BOX = (slice(24, 50), slice(36, 66))

pytestmark = pytest.mark.usefixtures("one_thread")


def wall(camera: Camera = CAMERA) -> tuple[np.ndarray, np.ndarray]:
    """A slanted wall: planar depth 1 / (0.25 + 0.1 x), and checks painted on it, seen by a camera that may have moved sideways."""
    shift = (camera.camera_to_world[:3, 3] - POSE[:3, 3]) @ POSE[:3, 0]
    x = (np.arange(W) + 0.5 - W / 2) / F
    # The wall is 1 = 0.25 z + 0.1 X with X = x z + shift.
    z = np.broadcast_to((1 - 0.1 * shift) / (0.25 + 0.1 * x), (H, W))
    y = np.broadcast_to(((np.arange(H) + 0.5 - H / 2) / F)[:, None], (H, W))
    X, Y = x * z + shift, y * z
    checks = 0.5 + 0.15 * np.sign(np.sin(5 * X) * np.sin(5 * Y)) + 0.1 * np.sin(11 * X + 7 * Y)
    return z.astype(np.float32), np.stack([checks, checks, checks * 0.9], -1).astype(np.float32)


def scene(camera: Camera = CAMERA) -> tuple[np.ndarray, np.ndarray]:
    """The wall with a red square, 2 units away, before it: depth and colour."""
    depth, color = (a.copy() for a in wall(camera))
    shift = (camera.camera_to_world[:3, 3] - POSE[:3, 3]) @ POSE[:3, 0]
    columns = slice(round(BOX[1].start - F * shift / 2), round(BOX[1].stop - F * shift / 2))
    depth[BOX[0], columns] = 2.0
    color[BOX[0], columns] = [0.7, 0.2, 0.15]
    return depth, color


def frame(depth: np.ndarray | None, color: np.ndarray, camera: Camera = CAMERA) -> SceneFrame:
    channels = {"color": Image(np.rint(color * 255).astype(np.uint8))}
    if depth is not None:
        channels["depth"] = Image(depth[..., None].astype(np.float32), "data")
    return SceneFrame(camera, channels, number=7)


def run(inputs: dict[str, Any], seed: int = 0, **parameters: Any) -> dict[str, Any]:
    checked = OPERATIONS["reconstruct.plate"].check_parameters({"resolution": 96, "fill": False, **parameters})
    return reconstruct_plate.run(inputs, checked, Context(torch.device("cpu"), seed))


def moved(by: float) -> Camera:
    pose = POSE.copy()
    pose[:3, 3] += by * POSE[:3, 0]
    return dataclasses.replace(CAMERA, camera_to_world=pose)


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    return float(-10 * np.log10(((a - b)[where] ** 2).mean()))


# -- geometry of the relief --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [96, 17])
def test_relief_lies_where_the_depth_says_and_its_uvs_are_the_projection(resolution: int) -> None:
    depth, color = scene()
    mesh: Mesh = run({"frames": [frame(depth, color)]}, resolution=resolution)["mesh"]
    places, z = project(CAMERA, mesh.vertices)
    assert mesh.uvs is not None
    assert mesh.texture is not None
    assert mesh.texture.pixels.shape == (H, W, 3)
    expected = np.stack([places[:, 0] / W, 1 - places[:, 1] / H], 1)
    assert np.abs(mesh.uvs - expected[mesh.faces]).max() < 1e-5
    truth = 1 / (0.25 + 0.1 * (places[:, 0] - W / 2) / F)
    on_box, on_wall = np.abs(z - 2) < 1e-3, np.abs(z / truth - 1) < 0.01
    assert (on_box | on_wall).all()
    assert on_box.any()
    # From its own camera: no gap, whatever the resolution of the mesh.
    seen, cover, nearest = picture(mesh, CAMERA)
    assert cover.min() == 1
    # Textures are linear on a triangle and projections are not: on large slanted triangles that shows a little.
    assert np.abs(seen - np.rint(color * 255) / 255).max() < (0.01 if resolution == 96 else 0.05)
    assert (np.abs(nearest / depth - 1) < 0.02).mean() > 0.995
    assert np.median(mesh.attributes["confidence"]) > 0.7


def test_faces_look_at_the_camera_and_none_spans_the_edge() -> None:
    depth, color = scene()
    mesh: Mesh = run({"frames": [frame(depth, color)]})["mesh"]
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normal * (POSE[:3, 3] - corners.mean(1))).sum(1) > 0).all()
    _, z = project(CAMERA, mesh.vertices)
    ends = z[mesh.faces]
    assert (ends.max(1) / ends.min(1)).max() < 1.05
    assert mesh.normals is not None
    assert np.abs(np.linalg.norm(mesh.normals, axis=1) - 1).max() < 1e-5


def test_coarse_meshes_keep_outlines_to_the_pixel() -> None:
    depth, _ = scene()
    disparity, valid = (1 / depth).astype(np.float32), np.ones(depth.shape, bool)
    tears = find_tears(disparity, valid, 0.05, 88, (F, F))
    sheet = make_sheet(disparity, valid, tears, 12)
    assert len(sheet.faces) < 600
    x, y = sheet.places[sheet.rim & (np.abs(sheet.disparity - 0.5) < 1e-6)].T
    middle = (x > BOX[1].start + 4) & (x < BOX[1].stop - 4)
    assert set(y[middle & (y < 40)]) == {BOX[0].start}
    middle = (y > BOX[0].start + 4) & (y < BOX[0].stop - 4)
    assert set(x[middle & (x < 50)]) == {BOX[1].start}
    a, b, c = np.moveaxis(sheet.places[sheet.faces].astype(np.float64), 1, 0)
    area = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / -2
    assert area.sum() == pytest.approx(W * H)
    assert area.min() > -1e-9


def test_slopes_are_not_torn_and_thin_things_are() -> None:
    y = (np.arange(H) + 0.5 - H / 2) / F
    floor = np.broadcast_to(np.maximum(y, 0.02)[:, None] / 0.3, (H, W)).astype(np.float32)  # disparity of a floor up to the horizon
    valid = np.broadcast_to((y > 0.02)[:, None], (H, W))
    tears = find_tears(floor, valid, 0.05, 89.5, (F, F))
    assert not tears.right[valid[:, 1:]].any()
    assert not tears.down[valid[1:] & valid[:-1]].any()
    wire = np.full((H, W), 0.2, np.float32)
    wire[:, 40] = 0.6
    torn = find_tears(wire, np.ones((H, W), bool), 0.05, 88, (F, F)).right
    assert (torn[:, 39] > 0).all()
    assert (torn[:, 40] > 0).all()
    assert np.count_nonzero(torn) == 2 * H


def test_smeared_edges_become_sharp_and_slopes_stay() -> None:
    depth, color = scene()
    sharp = (1 / depth).astype(np.float32)
    kernel = np.hanning(9)[1:-1] / np.hanning(9).sum()
    soft = sharp.copy()
    for axis in (0, 1):
        soft = np.apply_along_axis(lambda line: np.convolve(np.pad(line, 3, mode="edge"), kernel, "valid"), axis, soft)
    valid = np.ones(depth.shape, bool)
    found = sharpen(soft.astype(np.float32), valid, color, 4, 0.05)
    wrong_before, wrong = (np.abs(a / sharp - 1) > 0.05 for a in (soft, found))
    assert wrong_before.mean() > 0.04
    assert wrong.mean() < 0.1 * wrong_before.mean()
    plain = (1 / wall()[0]).astype(np.float32)
    assert np.array_equal(sharpen(plain, valid, color, 4, 0.05), plain)


# -- what is hidden ----------------------------------------------------------------------------------------------------


def test_filled_surface_continues_the_wall_behind_the_box() -> None:
    depth, color = scene()
    outputs = run({"frames": [frame(depth, color)]}, fill=True, fill_width=30.0)
    mesh: Mesh = outputs["mesh"]
    places, z = project(CAMERA, mesh.vertices)
    hidden = mesh.attributes["invented"] > 0.5
    truth = 1 / (0.25 + 0.1 * (places[:, 0] - W / 2) / F)
    assert (np.abs(z / truth - 1)[hidden]).max() < 0.03
    inside = hidden & (places[:, 0] > 40) & (places[:, 0] < 62) & (places[:, 1] > 28) & (places[:, 1] < 46)
    assert inside.sum() > 200
    # The square's red is nowhere in the paint: seen with the square taken away, there is wall.
    keep = (np.abs(z - 2) > 0.01)[mesh.faces].all(1)
    assert mesh.uvs is not None
    rest = dataclasses.replace(mesh, faces=mesh.faces[keep], uvs=mesh.uvs[keep])
    seen, cover, _ = picture(rest, CAMERA)
    assert cover.mean() > 0.99
    red = (seen[..., 0] - seen[..., 1] > 0.2) & (cover > 0.9)
    assert red.mean() < 0.002
    assert psnr(seen, wall()[1], cover > 0.9) > 17  # checks of two grays, a third of the picture made up
    assert outputs["report"]["filled"] > 0.1


def test_moved_camera_sees_the_true_picture_better_than_a_curtain() -> None:
    depth, color = scene()
    camera = moved(0.3)
    truth_depth, truth = scene(camera)
    beside = np.zeros((H, W), bool)
    beside[BOX[0], BOX[1].stop - 12 : BOX[1].stop] = True  # the box went 12 pixels to the left, the wall about 4
    quality = {}
    for name, more in (("ours", {"fill": True, "fill_width": 10.0}), ("curtain", {"tear": 100.0, "grazing": 90.0, "sharpen": False})):
        seen, cover, nearest = picture(run({"frames": [frame(depth, color)]}, **more)["mesh"], camera)
        assert cover[beside].min() == 1
        inside = (cover > 0.999) & beside
        quality[name] = psnr(seen, truth, inside), (np.abs(nearest / truth_depth - 1)[inside] < 0.02).mean()
    assert quality["ours"][0] > quality["curtain"][0] + 2
    assert quality["ours"][1] > 0.95 > 0.6 > quality["curtain"][1]


def test_same_seed_same_bytes_and_levels_of_detail_share_the_texture() -> None:
    depth, color = scene()
    one, two = (run({"frames": [frame(depth, color)]}, fill=True, lods=True) for _ in range(2))
    for name in ("mesh", "lod_1", "lod_2"):
        assert np.array_equal(one[name].vertices, two[name].vertices)
        assert np.array_equal(one[name].texture.pixels, two[name].texture.pixels)
        assert one[name].texture is one["mesh"].texture
        seen, cover, _ = picture(one[name], CAMERA)
        assert cover.min() == 1
        assert psnr(seen, color, cover > 0) > 30
    assert len(one["lod_1"].faces) < 0.45 * len(one["mesh"].faces)
    assert len(one["lod_2"].faces) < 0.2 * len(one["mesh"].faces)


def test_sky_becomes_a_backdrop_or_is_left_out() -> None:
    depth, color = scene()
    depth[:12] = 1e10
    outputs = run({"frames": [frame(depth, color)]}, fill=True, far=50.0)
    _, z = project(CAMERA, outputs["mesh"].vertices)
    assert z.max() == pytest.approx(50, rel=5e-3)
    assert outputs["mesh"].attributes["invented"][z > 40].min() == 1
    assert outputs["report"]["coverage"] == 1
    assert outputs["report"]["measured"] == pytest.approx(1 - 12 / H, abs=1e-3)
    assert (outputs["depth"].pixels[:12] == 0).all()
    left_out = run({"frames": [frame(depth, color)]}, backdrop=False)
    _, cover, _ = picture(left_out["mesh"], CAMERA)
    assert cover[:12].max() == 0
    assert cover[12:].min() == 1


# -- cards -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "softness"), [("curved", 2.0), ("flat", 2.0), ("curved", 0.0)])
def test_cards_give_the_picture_again_and_stand_one_behind_the_other(shape: str, softness: float) -> None:
    depth, color = scene()
    outputs = run({"frames": [frame(depth, color)]}, mode="cards", layers=2, card_shape=shape, softness=softness, fill=True)
    mesh: Mesh = outputs["mesh"]
    seen, cover, _ = picture(mesh, CAMERA)
    assert cover.min() > 0.995
    assert psnr(seen, color, cover > 0) > (38 if softness else 34)  # hard edges are resampled once
    layer = mesh.attributes["layer"]
    assert set(layer) == {0.0, 1.0}
    _, z = project(CAMERA, mesh.vertices)
    assert np.abs(z[layer == 0] - 2).max() < 0.01
    assert z[layer == 1].min() > 2.5
    assert layer[mesh.faces[0, 0]] == 1  # the farthest comes first
    if shape == "flat":
        assert len(mesh.faces) == 4
    assert [row["share"] for row in outputs["report"]["layers"]] == pytest.approx([26 * 30 / (W * H), 1 - 26 * 30 / (W * H)], abs=0.01)
    truth = scene(moved(0.1))[1]
    seen, cover, _ = picture(mesh, moved(0.1))
    inside = (cover > 0.99) & (np.arange(W) < W - 6)
    assert inside[:, : W - 6].mean() > 0.97
    assert psnr(seen, truth, inside) > (20 if shape == "curved" else 15)


def test_soft_edges_of_cards_keep_their_own_colour() -> None:
    """Pixels at the outline are half red, half gray; on the card they are red and half transparent."""
    red, gray = np.array([0.7, 0.2, 0.15]), np.array([0.5, 0.52, 0.5])
    inside = np.zeros((H, W), bool)
    inside[BOX] = True
    color = np.where(inside[..., None], red, gray) + np.random.default_rng(0).normal(0, 0.01, (H, W, 3))
    color[BOX[0], BOX[1].start - 1] = (red + gray) / 2
    alpha = matte(color.astype(np.float32), inside, 3)
    middle = slice(BOX[0].start + 4, BOX[0].stop - 4)
    assert np.abs(alpha[middle, BOX[1].start - 1] - 0.5).max() < 0.12
    assert alpha[middle, BOX[1].start + 1 : BOX[1].stop - 1].min() > 0.9
    assert alpha[middle, : BOX[1].start - 2].max() < 0.1
    own = own_color(color.astype(np.float32), np.broadcast_to(gray, color.shape).astype(np.float32), alpha)
    assert np.abs(own[middle, BOX[1].start - 1] - red).max() < 0.1
    again = own * alpha[..., None] + gray * (1 - alpha[..., None])
    assert np.abs(again - color)[alpha > 0.1].max() < 0.03


def hairy() -> tuple[np.ndarray, np.ndarray]:
    """A composite with known alpha: a disc with rays, whose textured colours differ little from the background's."""
    y, x = (axis.astype(np.float32) for axis in np.mgrid[:H, :W])
    angle, radius = np.arctan2(y - H / 2, x - W / 2), np.hypot(y - H / 2, x - W / 2)
    alpha = np.clip(22 + 3 * np.sin(14 * angle) - radius + 0.5, 0, 1).astype(np.float32)
    front = np.stack([0.6 + 0.1 * np.sin(x / 9), 0.4 + 0.1 * np.cos(y / 7), np.full_like(x, 0.3)], -1)
    back = np.stack([0.4 + 0.1 * np.cos(y / 8), 0.5 + 0.1 * np.sin(x / 6), np.full_like(x, 0.4)], -1)
    return (alpha[..., None] * front + (1 - alpha[..., None]) * back).astype(np.float32), alpha


@pytest.mark.parametrize("off", [0, 1])
def test_alpha_is_found_although_the_outline_is_not_exact(off: int) -> None:
    color, truth = hairy()
    inside = dilate_mask(truth > 0.5, off)
    alpha = matte(color, inside, 4)
    band = dilate_mask(inside, 4) & ~erode_mask(inside, 4)
    assert np.array_equal(alpha[~band], inside[~band])
    assert ((alpha - truth)[band] ** 2).mean() < 0.1 * ((inside - truth)[band] ** 2).mean()
    assert np.array_equal(alpha, matte(color, inside, 4))


def test_a_matte_at_the_border_and_of_flat_colour() -> None:
    inside = np.zeros((H, W), bool)
    inside[: H // 2] = True  # the band meets two borders of the picture
    alpha = matte(np.full((H, W, 3), 0.5, np.float32), inside, 3)
    assert np.isfinite(alpha).all()
    assert (np.diff(alpha, axis=0) < 1e-3).all()  # colours say nothing: alpha falls from 1 to 0
    assert alpha[H // 2 - 1].min() > 0.5 > alpha[H // 2].max()
    for region in (np.zeros_like(inside), np.ones_like(inside)):
        assert np.array_equal(matte(np.full((H, W, 3), 0.5, np.float32), region, 3), region)
    assert np.array_equal(matte(np.full((H, W, 3), 0.5, np.float32), inside, 0), inside)


def test_a_matte_can_be_cancelled() -> None:
    def check() -> None:
        raise JobCancelled

    color, truth = hairy()
    with pytest.raises(JobCancelled):
        matte(color, truth > 0.5, 4, check)


# -- cameras and alignment through the operation -----------------------------------------------------------------------


def test_a_lens_that_distorts_is_undone() -> None:
    depth, color = scene()
    camera = dataclasses.replace(CAMERA, distortion=Distortion("brown", (0.1, 0.02)))
    mesh: Mesh = run({"frames": [frame(depth, color, camera)]})["mesh"]
    places, _ = project(camera, mesh.vertices)
    assert mesh.uvs is not None
    expected = np.stack([places[:, 0] / W, 1 - places[:, 1] / H], 1)
    assert np.abs(mesh.uvs - expected[mesh.faces]).max() < 1e-4


def test_without_a_camera_the_plate_stands_upright() -> None:
    depth, color = scene()
    image = Image(np.rint(color * 255).astype(np.uint8))
    inputs = {"image": image, "depth": Image(depth[..., None], "data")}
    outputs = run(inputs, depth_kind="metric", fov=60.0)
    low, high = outputs["mesh"].vertices.min(0), outputs["mesh"].vertices.max(0)
    assert low[1] > 1.9  # along +y
    assert low[2] < 0 < high[2]
    assert not outputs["report"]["notes"]
    assert any("50 degrees" in note for note in run(inputs, depth_kind="metric")["report"]["notes"])


def solved(count: int, depth: np.ndarray, scale: float = 1.0) -> Tracks:
    generator = np.random.default_rng(3)
    pixels = np.stack([generator.uniform(4, W - 4, count), generator.uniform(4, H - 4, count)], 1)
    z = depth[pixels[:, 1].astype(int), pixels[:, 0].astype(int)] * scale
    local = np.stack([(pixels[:, 0] - W / 2) / F * z, -(pixels[:, 1] - H / 2) / F * z, -z], 1)
    points = local @ POSE[:3, :3].T + POSE[:3, 3]
    return Tracks(points, np.full(count, 7, np.int32), np.arange(count, dtype=np.int32), pixels.astype(np.float32))


def test_disparity_is_aligned_to_tracks() -> None:
    depth, color = scene()
    raw = Image(((1 / depth - 0.1) / 3)[..., None].astype(np.float32), "data")
    inputs = {"frames": [frame(None, color)], "depth": raw, "tracks": solved(40, depth)}
    outputs = run(inputs, depth_kind="inverse_affine")
    facts = outputs["report"]["alignment"]
    assert facts["scale"] == pytest.approx(3, rel=0.005)
    assert facts["shift"] == pytest.approx(0.1, abs=0.003)
    assert facts["source"] == "tracks"
    assert facts["residual_percent"] < 0.5
    assert np.abs(outputs["depth"].pixels[..., 0] / depth - 1).max() < 0.01


def test_millimetres_taken_for_metres_are_found() -> None:
    depth, color = scene()
    inputs = {"frames": [frame(depth * 1000, color)], "tracks": solved(40, depth)}
    outputs = run(inputs)
    assert any("millimetres" in note for note in outputs["report"]["notes"])
    assert np.abs(outputs["depth"].pixels[..., 0] / depth - 1).max() < 0.01


def test_disparity_taken_for_depth_is_refused() -> None:
    depth, color = scene()
    tracks = solved(40, depth)
    disparity = Image((1 / depth)[..., None], "data")
    with pytest.raises(InputError, match="looks like disparity: declare it as inverse"):
        run({"frames": [frame(None, color)], "depth": disparity, "tracks": tracks}, depth_kind="metric")
    with pytest.raises(InputError, match="looks like depth: declare it as metric"):
        run({"frames": [frame(None, color)], "depth": Image(depth[..., None], "data"), "tracks": tracks}, depth_kind="inverse_affine")


def test_tracks_of_another_camera_are_refused() -> None:
    depth, color = scene()
    tracks = dataclasses.replace(solved(40, depth), points=solved(40, depth).points + 3)
    with pytest.raises(InputError, match="pixels away"):
        run({"frames": [frame(depth, color)], "tracks": tracks})
    other = dataclasses.replace(solved(40, depth), frames=np.arange(40, dtype=np.int32) + 100)
    with pytest.raises(InputError, match="tracks seen in frame 7"):
        run({"frames": [frame(depth, color)], "tracks": other})


def test_distances_give_the_scale_without_tracks() -> None:
    depth, color = scene()
    raw = Image(((1 / depth - 0.1) / 3)[..., None].astype(np.float32), "data")
    inputs = {"frames": [frame(None, color)], "depth": raw}
    got = run(inputs, depth_kind="inverse_affine", near=2.0, far=float(depth.max()))["depth"].pixels[..., 0]
    assert np.abs(got / depth - 1).max() < 0.03
    inverse = {**inputs, "depth": Image((5 / depth)[..., None].astype(np.float32), "data")}
    outputs = run(inverse, depth_kind="inverse", distance=2.0, distance_x=50.0, distance_y=50.0)
    assert np.abs(outputs["depth"].pixels[..., 0] / depth - 1).max() < 1e-3
    assert not outputs["report"]["notes"]
    assert "was assumed" in run(inputs, depth_kind="inverse_affine")["report"]["notes"][0]


# -- bad input ---------------------------------------------------------------------------------------------------------


def own(values: np.ndarray) -> dict[str, Any]:
    return {"frames": [frame(None, scene()[1])], "depth": Image(values[..., None] if values.ndim == 2 else values, "data")}


def test_bad_input_is_refused_with_what_to_do() -> None:
    depth, color = scene()
    nan = np.full((H, W), np.nan, np.float32)
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("neither", {"frames": [frame(None, color)]}, {}),
        ("one frame", {"frames": [frame(depth, color)] * 2}, {}),
        ("a picture", {"frames": [SceneFrame(CAMERA, {})]}, {}),
        ("16-bit or float", own(np.zeros((H, W), np.uint8)), {"depth_kind": "metric"}),
        ("nothing declared", own(depth), {}),
        ("NaN", own(nan), {"depth_kind": "metric"}),
        ("3 everywhere", own(np.full((H, W), 3, np.float32)), {"depth_kind": "metric"}),
        ("below 0", own(depth - 3), {"depth_kind": "metric"}),
        ("affine", own(depth - 3), {"depth_kind": "inverse"}),
        ("not clipped", own(np.minimum(depth, 2.5)), {"depth_kind": "metric"}),
        ("of the plate's shape", own(depth[:40]), {"depth_kind": "metric"}),
        ("3 that differ", own(np.stack([depth, depth * 2, depth], -1)), {"depth_kind": "metric"}),
        ("beyond the near", own(depth), {"depth_kind": "affine", "near": 5.0, "far": 2.0}),
        ("at least 16", {"image": Image(np.zeros((8, 8, 3), np.uint8))}, {}),
        ("plate's shape", {"frames": [frame(depth, color[:, :60])]}, {}),
        ("backend's models folder", {"frames": [frame(None, color)]}, {"model": "/etc"}),
    ]
    for match, inputs, parameters in cases:
        with pytest.raises(InputError, match=match):
            run(inputs, **parameters)


def test_holes_of_the_depth_are_no_error() -> None:
    depth, _ = scene()
    depth[::7, ::5] = np.nan
    outputs = run(own(depth), depth_kind="metric", backdrop=False)
    assert 0.9 < outputs["report"]["coverage"] < 1
    assert np.isfinite(outputs["mesh"].vertices).all()


def test_depth_in_whole_numbers_is_in_millimetres() -> None:
    depth, _ = scene()
    outputs = run(own(np.rint(depth * 1000).astype(np.uint16)), depth_kind="metric")
    assert np.abs(outputs["depth"].pixels[..., 0] / depth - 1).max() < 1e-3
    assert "millimetres" in outputs["report"]["notes"][0]


def test_smaller_depth_and_linear_pictures_are_fine() -> None:
    depth, color = scene()
    inputs = {"image": Image((color * 4).astype(np.float32), "linear"), "depth": Image(depth[::3, ::3, None], "data")}
    outputs = run(inputs, depth_kind="metric", fov=60.0)
    texture = outputs["mesh"].texture
    assert texture.color_space == "linear"
    assert texture.pixels.dtype == np.float32
    assert np.array_equal(texture.pixels[:H, :W], inputs["image"].pixels)
    near = outputs["depth"].pixels[..., 0]
    assert (np.abs(near / depth - 1) < 0.03).mean() > 0.97  # the outline is three pixels coarse


def test_cancelling_stops_it() -> None:
    def progress(fraction: float, stage: str, preview: np.ndarray | None = None) -> None:
        if fraction > 0.3:
            raise JobCancelled

    depth, color = scene()
    parameters = OPERATIONS["reconstruct.plate"].check_parameters({})
    context = Context(torch.device("cpu"), progress=progress)
    with pytest.raises(JobCancelled):
        reconstruct_plate.run({"frames": [frame(depth, color)]}, parameters, context)
    assert isinstance(context.emitted["mesh", None], Mesh)  # the coarse one is there
