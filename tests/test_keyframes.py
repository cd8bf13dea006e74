"""Style from painted keyframes: tracking, training, rendering and what goes wrong."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import footage_scene
import numpy as np
import pytest
import shot_frames
import torch
from shot_frames import ShotView, SmallShot

from backlot.backend.core.camera import intrinsics, project, unproject
from backlot.backend.core.context import Context
from backlot.backend.core.lens import distort_pixels, undistort_pixels, undistorted
from backlot.backend.core.shaper import shape_linear
from backlot.backend.io.exr import write_exr
from backlot.backend.io.exr_layers_write import encode_layers
from backlot.backend.io.frames.decode import decode_frame
from backlot.backend.io.frames.shot import Shot
from backlot.backend.io.reading import decode
from backlot.backend.io.writing import encode
from backlot.backend.style.keyframes import reference
from backlot.backend.style.keyframes.dataset import Keyframe
from backlot.backend.style.keyframes.examples import Example, FrameData, Sampler
from backlot.backend.style.keyframes.features import measure_shot
from backlot.backend.style.keyframes.guides import Guides, make_layer
from backlot.backend.style.keyframes.model import ShotModel, read_model
from backlot.backend.style.keyframes.network import Config, ShotNetwork, count_multiplications
from backlot.backend.style.keyframes.paint import frame_numbers, mismatch, read_keyframes
from backlot.backend.style.keyframes.rendering import Renderer
from backlot.backend.style.keyframes.rigid import motions
from backlot.backend.style.keyframes.shot import open_shot
from backlot.backend.style.keyframes.tracking import Tracker
from backlot.backend.style.operations.style_keyframes import KEPT, run
from backlot.backend.style.shot.animation import Curve, frame_range
from backlot.backend.style.shot.passes import WANTED
from backlot.backend.style.shot.trace import Geometry, Trace
from backlot.shared.errors import InputError, ParameterError
from backlot.shared.operations import find
from backlot.shared.values import Distortion, EncodedFile, Image, SceneFrame

SIZE = (96, 64)
FRAMES = 8
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def views() -> dict[int, ShotView]:
    small = SmallShot(*SIZE, FRAMES, 2)
    return {n: small.render(n) for n in range(1, FRAMES + 1)}


def scene_frame(view: ShotView, without: tuple[str, ...] = ()) -> SceneFrame:
    return shot_frames.scene_frame(view, **{"normal": view.normal, **dict.fromkeys(without)})


def shot_of(views: dict[int, ShotView], without: tuple[str, ...] = ()) -> Shot:
    return open_shot([scene_frame(v, without) for v in views.values()])


def painted_file(view: ShotView, look: str = "toon", name: str = "", alpha: np.ndarray | None = None) -> EncodedFile:
    pixels = view.looks[look] if alpha is None else np.concatenate([view.looks[look], alpha[..., None]], -1)
    data = encode(Image(np.ascontiguousarray(pixels, np.float32), "linear"), "exr")
    return EncodedFile(np.frombuffer(data, np.uint8), name or f"paint_{view.number:04d}.exr")


def operation(views, steps=12, without=(), keys=(3,), inputs=None, **parameters):
    schema = find("style.keyframes")
    given = {
        "frames": [scene_frame(v, without) for v in views.values()],
        "keyframes": [painted_file(views[k]) for k in keys],
        **(inputs or {}),
    }
    given = {k: v for k, v in given.items() if v is not None}
    context = Context(torch.device("cpu"), seed=3)
    outputs = run(given, schema.check_parameters({"steps": steps, "frames_wanted": "5", **parameters}), context)
    return outputs, context


@pytest.fixture(scope="module")
def trained(views):
    """What eight steps on frame 3 give."""
    torch.set_num_threads(1)
    return operation(views, steps=8)[0]


# -- tracking --------------------------------------------------------------------------------------------------------


def exact_places(view: ShotView, number: int) -> np.ndarray:
    small = SmallShot(*SIZE, FRAMES, 2)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    return small._seen_at(small._cast(view.number, columns, rows), number)


def test_objects_move_rigidly_or_not(views):
    motions = Tracker(shot_of(views)).moving(2, 6)
    assert np.allclose(motions[1], np.eye(4))  # the ground
    assert motions[4] is None  # the egg swells
    small = SmallShot(*SIZE, FRAMES, 2)
    for name in (2, 3):
        (linear_a, offset_a), (linear_b, offset_b) = small._placements(2)[name - 1], small._placements(6)[name - 1]
        turn = linear_b @ linear_a.T
        assert np.abs(motions[name][:3, :3] - turn).max() < 2e-3
        assert np.abs(motions[name][:3, :3] @ offset_a + motions[name][:3, 3] - offset_b).max() < 2e-3


@pytest.mark.parametrize(("first", "second"), [(6, 2), (1, 5)])
def test_places_are_exact_and_what_is_hidden_is_not_seen(views, first, second):
    tracker = Tracker(shot_of(views))
    places = tracker.places(first, second)
    view, other = views[first], views[second]
    truth = exact_places(view, second)
    solid = (places.seen > 0) & (view.object_id > 0)
    error = np.linalg.norm(places.at - truth, axis=-1)[solid]
    print(f"seen {places.seen.mean():.2f}, error {np.quantile(error, 0.5):.4f} {np.quantile(error, 0.99):.3f} px")
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.99) < 0.35
    column, row = (np.clip(np.floor(truth[..., k]).astype(int), 0, SIZE[k] - 1) for k in (0, 1))
    inside = ((truth > 1) & (truth < np.array(SIZE) - 1)).all(-1)
    hidden = inside & (view.object_id == 1) & (other.object_id[row, column] > 1)
    assert hidden.sum() > 20
    assert places.seen[hidden].mean() < 0.08  # all of it along silhouettes, where one of the four pixels around is the ground
    open_ground = inside & (view.object_id == 1) & (other.object_id[row, column] == 1) & (other.depth[row, column] < 20)
    assert places.seen[open_ground].mean() > 0.9


def test_following_agrees_with_the_reference_on_tensors(views):
    """The kernel for processors beside ``Trace.carried``, which runs on any device."""
    shot = shot_of(views, without=("depth",))
    places = Tracker(shot).places(5, 4)
    here, there = (Geometry.of(decode_frame(scene_frame(views[n]), WANTED), torch.device("cpu")) for n in (5, 4))
    trace = Trace.start(shot.size, 0, torch.device("cpu")).carried(there, here, -1)
    both = (places.seen > 0) & (trace.label.numpy() >= 0)
    assert both.mean() > 0.8
    assert ((places.seen > 0) == (trace.label.numpy() >= 0)).mean() > 0.95
    reference = np.stack([trace.place[1].numpy(), trace.place[0].numpy()], -1) + 0.5
    assert np.abs(places.at - reference)[both].max() < 1e-3


def test_kernels_agree_with_the_reference(views, device):
    shot = shot_of(views)
    tracker = Tracker(shot)
    here, there = shot[6], shot[2]
    places = tracker.places(6, 2)
    ground_box_ball = [np.eye(4), *(tracker.moving(6, 2)[n] for n in (1, 2, 3))]
    to_world, to_other = here.camera.camera_to_world, np.linalg.inv(there.camera.camera_to_world)
    matrices = torch.from_numpy(np.stack([to_other @ m @ to_world for m in ground_box_ball])).to(device)
    index = np.where(here.object_id == 4, -1, here.object_id)  # the egg bends
    lenses = tuple(torch.tensor(intrinsics(f.camera), dtype=torch.float64, device=device) for f in (here, there))
    tensors = [torch.from_numpy(a).to(device) for a in (here.depth, here.object_id, index)]
    others = [torch.from_numpy(a).to(device) for a in (there.depth, there.object_id)]
    at, seen = (tensor.cpu() for tensor in reference.reproject(*tensors, matrices, lenses, *others))
    rigid = (index >= 0) & (places.at[..., 0] > -1e5)
    assert np.abs(at.numpy() - places.at)[rigid].max() < 1e-2
    assert (seen.numpy() == (places.seen > 0))[rigid].mean() > 0.999
    picture = views[2].looks["dabs"]
    warped, _ = tracker.warp(picture, 6, 2)
    arrays = (picture, there.object_id, places.at, places.seen > 0, here.object_id)
    assert np.abs(reference.sample(*(torch.from_numpy(a).to(device) for a in arrays)).cpu().numpy() - warped).max() < 1e-4


@pytest.mark.parametrize("distortion", [Distortion("brown", (-0.25, 0.05)), Distortion("division", (-0.15,))])
def test_a_lens_that_distorts_is_honoured(distortion):
    cameras = [footage_scene.camera_at(position, 96, 68, distortion) for position in footage_scene.eyes(3)]
    frames, depths = footage_scene.shoot(cameras)
    for frame, depth in zip(frames, depths, strict=True):
        frame.channels["depth"] = Image(depth[..., None], "data")
    shot = open_shot(frames)
    v, u = np.mgrid[:68, :96]
    pixels = np.stack([u, v], -1) + 0.5
    points = unproject(cameras[0], pixels, depths[0]).reshape(-1, 3)
    expected = project(cameras[1], points)[0].reshape(68, 96, 2)
    places = Tracker(shot).places(0, 1)
    seen = places.seen > 0
    assert seen.mean() > 0.8
    assert np.abs(places.at - expected)[seen].max() < 1e-3
    without = [dataclasses.replace(frame, camera=undistorted(frame.camera)) for frame in frames]
    assert np.abs(Tracker(open_shot(without)).places(0, 1).at - expected)[seen].max() > 0.2
    found = motions(shot[0], shot[1], (expected - pixels).astype(np.float32))
    assert np.allclose(found[0], np.eye(4))
    lenses = tuple(torch.tensor(intrinsics(camera), dtype=torch.float64) for camera in cameras[:2])
    matrix = np.linalg.inv(cameras[1].camera_to_world) @ cameras[0].camera_to_world
    ids = torch.ones(68, 96, dtype=torch.int32)
    at, there = reference.reproject(
        torch.from_numpy(depths[0]), ids, 0 * ids, torch.from_numpy(matrix[None]), lenses, torch.from_numpy(depths[1]), ids,
        torch.from_numpy(undistort_pixels(cameras[0], pixels)), lambda landed: torch.from_numpy(distort_pixels(cameras[1], landed.numpy())),
    )  # fmt: skip
    assert np.abs(at.numpy() - places.at)[seen].max() < 1e-4
    assert (there.numpy() == seen).mean() > 0.999


def test_a_warped_picture_is_sharp(views):
    tracker = Tracker(shot_of(views))
    picture, seen = tracker.warp(views[4].looks["dabs"], 5, 4)
    ground = (seen > 0) & (views[5].object_id == 1)
    error = np.abs(picture - views[5].looks["dabs"])[ground].mean()
    still = np.abs(views[4].looks["dabs"] - views[5].looks["dabs"])[ground].mean()
    assert error < 0.35 * still


def test_without_depth_and_motion_nothing_is_tracked(views):
    tracker = Tracker(shot_of(views, without=("depth", "motion")))
    assert not tracker.able
    layer = make_layer(3, views[3].color, views[3].color, np.zeros(views[3].depth.shape), np.ones(views[3].depth.shape))
    assert not Guides(tracker, {3: layer}).guide(5).any()


def test_wrong_vectors_are_noticed(views):
    def with_motion(change):
        frames = [scene_frame(dataclasses.replace(v, motion=change(v.motion))) for v in views.values()]
        return Tracker(open_shot(frames))

    assert not with_motion(lambda m: m).warnings
    empty = with_motion(np.zeros_like)
    assert "empty" in empty.warnings[0]
    assert np.allclose(empty.moving(2, 5)[1], np.eye(4))  # the ground is tracked nevertheless
    assert "do not fit" in with_motion(lambda m: -3 * m).warnings[0]


def test_guides_take_the_nearest_keyframe_that_shows_a_pixel(views):
    shot = shot_of(views)
    tracker = Tracker(shot)
    flat = {n: np.full((*shot.size, 3), n / 10, np.float32) for n in (2, 6)}
    mask = np.ones(shot.size, np.float32)
    half = mask.copy()
    half[:, :48] = 0
    zeros = np.zeros(shot.size, np.float32)
    guide = Guides(tracker, {2: make_layer(2, flat[2], flat[2], zeros, mask), 6: make_layer(6, flat[6], flat[6], zeros, half)}).guide(4)
    first, second = guide[:9], guide[9:]
    assert np.abs(first[0][first[6] > 0] - 0.2).max() < 1e-4
    assert np.abs(second[0][second[6] > 0] - 0.6).max() < 1e-4
    assert 0.2 < second[6].mean() < 0.8 < first[6].mean()  # what is not painted gives no paint
    assert not Guides(tracker, {2: make_layer(2, flat[2], flat[2], zeros, mask)}).guide(4, without=2).any()


# -- the network -----------------------------------------------------------------------------------------------------


def model_of(views, keys=(2,), look="toon", groups=None) -> tuple[Tracker, ShotModel]:
    shot = shot_of(views)
    statistics = measure_shot(shot)
    torch.manual_seed(0)
    network = ShotNetwork(Config.of_size("lite", statistics.groups))
    keyframes = {k: Keyframe(k, shape_linear(views[k].looks[look]), np.ones(shot.size, np.float32)) for k in keys}
    return Tracker(shot), ShotModel(network, statistics, shot.size, keyframes)


def test_lite_is_light(views):
    assert count_multiplications(model_of(views)[1].network) < 70_000


def test_tiles_leave_no_seam_and_order_does_not_matter(views):
    tracker, model = model_of(views)
    torch.nn.init.normal_(model.network.repair.last.weight, std=0.05)
    whole = Renderer(tracker, model, torch.device("cpu"))
    tiled = Renderer(tracker, model, torch.device("cpu"), tile=32)
    whole.half = tiled.half = False
    first = whole.render(5)
    whole.render(1)
    assert np.array_equal(whole.render(5).picture, first.picture)
    again = tiled.render(5)
    assert np.abs(again.picture - first.picture).max() < 1e-4
    assert np.abs(again.confidence - first.confidence).max() < 1e-3


def test_a_painted_frame_comes_back_as_it_was_painted(views):
    tracker, model = model_of(views)
    made = Renderer(tracker, model, torch.device("cpu")).render(2)
    assert made.tracked > 0.95
    inner = (views[2].object_id > 0) & (np.abs(made.picture - model.keyframes[2].paint).max(-1) < 0.05)
    assert inner.mean() > 0.85
    assert np.median(made.confidence) > 0.9


def test_model_files(views):
    _, model = model_of(views)
    again = read_model(model.encode())
    assert again.statistics == model.statistics
    assert again.network.config == model.network.config
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])
    assert np.abs(again.keyframes[2].paint - model.keyframes[2].paint).max() < 1e-3
    data = model.encode().data
    for broken in (data[:5], data[: len(data) // 2], np.zeros(100, np.uint8), np.frombuffer(b"\x89PNG\r\n\x1a\n" * 9, np.uint8)):
        with pytest.raises(InputError, match="model"):
            read_model(EncodedFile(broken, "model.safetensors"))


# -- the operation ---------------------------------------------------------------------------------------------------


def test_training_beats_its_start_and_the_same_seed_gives_the_same_bytes(views):
    few = {n: v for n, v in views.items() if n > 1}
    outputs, context = operation(few, steps=12, keys=(2, 7), frames_wanted="4-5")
    again, _ = operation(few, steps=12, keys=(2, 7), frames_wanted="4-5")
    assert [f.data.tobytes() for f in outputs["stylised"]] == [f.data.tobytes() for f in again["stylised"]]
    assert outputs["model"].data.tobytes() == again["model"].data.tobytes()
    assert [f.name for f in outputs["stylised"]] == ["stylised_0004.exr", "stylised_0005.exr"]
    assert set(context.emitted) == {("model", None), ("stylised", 4), ("stylised", 5)}
    made = decode(outputs["stylised"][1]).pixels.astype(np.float32)  # of the layers what every viewer shows
    truth = views[5].looks["toon"]
    error, plain = np.abs(made - truth).mean(), np.abs(views[5].color - truth).mean()
    print(f"error {error:.4f}, of the render itself {plain:.4f}")
    assert error < 0.5 * plain
    report = outputs["report"]
    assert report["keyframes"] == [2, 7]
    assert len(report["missing_passes"]) == 3
    assert report["tracked"]["5"] > 0.8
    assert 0.3 < report["confidence"]["5"] < 1


def test_a_farm_needs_the_model_and_passes_alone(views, trained):
    outputs = trained
    again, _ = operation(views, steps=0, minutes=0.0, keys=(), inputs={"keyframes": None, "model": outputs["model"]})
    assert again["stylised"][0].data.tobytes() == outputs["stylised"][0].data.tobytes()
    few = [scene_frame(views[n]) for n in (4, 5)]  # without the painted frame nothing can be tracked, but it goes
    third, _ = operation(views, steps=0, minutes=0.0, inputs={"frames": few, "keyframes": None, "model": outputs["model"]})
    assert "Keyframe 3" in third["report"]["notes"][0]


def test_training_goes_on_with_a_partial_keyframe(views, trained):
    outputs = trained
    alpha = np.zeros(views[6].depth.shape, np.float32)
    alpha[views[6].object_id == 4] = 1
    more = {"model": outputs["model"], "keyframes": [painted_file(views[6], alpha=alpha)]}
    again, _ = operation(views, steps=4, inputs=more, frames_wanted="none")
    assert again["report"]["keyframes"] == [3, 6]
    assert again["report"]["steps"] == 12
    assert again["report"]["painted"]["6"] < 0.2


def test_strength_zero_is_the_render_bit_for_bit(views):
    frames = [scene_frame(v) for v in views.values()]
    half = Image(frames[4].channels["color"].pixels.astype(np.float16), "linear")
    file = EncodedFile(np.frombuffer(encode(half, "exr"), np.uint8), "color_0005.exr")
    frames = [dataclasses.replace(f, channels={**f.channels, "color": file}) if f.number == 5 else f for f in frames]
    outputs, _ = operation(views, steps=2, inputs={"frames": frames}, strength="5:0 6:1", frames_wanted="5-6")
    assert np.array_equal(decode(outputs["stylised"][0]).pixels, half.pixels)
    assert decode(outputs["stylised"][1]).pixels.dtype == np.float32
    assert not np.array_equal(decode(outputs["stylised"][1]).pixels, views[6].color)


def test_what_an_attempt_that_died_had_trained_is_not_trained_again(views, trained):
    context = Context(torch.device("cpu"), seed=3)
    context.emit(KEPT, trained["model"])
    inputs = {"frames": [scene_frame(v) for v in views.values()], "keyframes": [painted_file(views[3])]}
    outputs = run(inputs, find("style.keyframes").check_parameters({"steps": 10, "frames_wanted": "none"}), context)
    assert outputs["report"]["steps"] == 10


@pytest.mark.parametrize("without", [("motion",), ("object_id",), ("depth", "normal"), ("depth", "normal", "motion", "object_id")])
def test_missing_passes_are_named_and_done_without(views, without):
    outputs, _ = operation(views, steps=2, without=without)
    assert all(any(text.startswith(name) for text in outputs["report"]["missing_passes"]) for name in without)
    assert np.isfinite(decode(outputs["stylised"][0]).pixels).all()


def test_one_frame_is_enough(views):
    outputs, _ = operation({3: views[3]}, steps=4, frames_wanted="")
    assert len(outputs["stylised"]) == 1


# -- bad input -------------------------------------------------------------------------------------------------------


def test_keyframes_find_their_frames(views):
    shot = shot_of(views)
    assert frame_numbers(["v2_paint_0003.png", "a.7.exr"], "", shot) == [3, 7]
    assert frame_numbers(["a.png", "b.png"], "1, 8", shot) == [1, 8]
    with pytest.raises(InputError, match="no digits"):
        frame_numbers(["paint.png"], "", shot)
    with pytest.raises(InputError, match="frame -5"):
        frame_numbers(["paint_-005.png"], "", shot)
    with pytest.raises(InputError, match="frame 12"):
        frame_numbers(["paint_12.png"], "", shot)
    with pytest.raises(InputError, match="one picture for each frame"):
        frame_numbers(["a_2.png", "b_2.png"], "", shot)
    with pytest.raises(InputError, match=r"several that vary, as in key1_0003.png and key2_0007.png.*list the frame numbers"):
        frame_numbers(["key1_0003.png", "key2_0007.png"], "", shot)
    assert frame_numbers(["key91_0003.png", "key92_0007.png"], "", shot) == [3, 7]  # the shot has no frames 91 and 92
    assert frame_numbers(["k_0003_2k.png", "k_0007_2k.png"], "", shot) == [3, 7]
    assert frame_numbers(["k_a.png", "k_b.png"], "", shot, [3, 7]) == [3, 7]
    with pytest.raises(InputError, match="2 frame numbers"):
        frame_numbers(["a_2.png", "b_2.png"], "1", shot)


def test_unusable_keyframes_are_refused(views):
    shot, empty = shot_of(views), np.zeros(views[3].depth.shape, np.float32)
    with pytest.raises(InputError, match="painted somewhere"):
        read_keyframes([painted_file(views[3], alpha=empty)], [], "", shot, [])
    mask = Image(empty[..., None], "data")
    with pytest.raises(InputError, match="its mask"):
        read_keyframes([painted_file(views[3])], [mask], "", shot, [])
    white = encode(Image(np.full((*shot.size, 1), 255, np.uint8), "data"), "png")
    named = {name: EncodedFile(np.frombuffer(white, np.uint8), name) for name in ("mask_0003.png", "mask_0004.png", "mask.png")}
    with pytest.raises(InputError, match=r"mask_0004.png to be of a painted frame"):  # of another frame, not of the first one there is
        read_keyframes([painted_file(views[3])], [named["mask_0004.png"]], "", shot, [])
    for name, listed in (("mask_0003.png", ""), ("mask.png", ""), ("mask_0004.png", "3")):
        assert read_keyframes([painted_file(views[3])], [named[name]], listed, shot, [])[3].mask.all()
    small = EncodedFile(np.frombuffer(encode(Image(np.zeros((32, 40, 3), np.uint8)), "png"), np.uint8), "paint_0003.png")
    with pytest.raises(InputError, match="96 x 64"):
        read_keyframes([small], [], "", shot, [])
    with pytest.raises(InputError, match="at most 16"):
        read_keyframes([small] * 17, [], "", shot, [])
    with pytest.raises(InputError, match="neither"):
        operation(views, inputs={"keyframes": None})


def test_windows_lie_where_the_example_at_hand_counts():
    """Also when an earlier example is gone whose place in memory it took."""
    sampler = Sampler(8, torch.Generator().manual_seed(0))
    for turn in range(12):
        weight = torch.zeros(32, 64)
        weight[:, 48 * (turn % 2) : 48 * (turn % 2) + 16] = 1
        frame = FrameData(1, torch.zeros(3, 32, 64), torch.ones(32, 64, dtype=torch.int64), torch.zeros(32, 64, dtype=torch.bool))
        window = sampler.window(Example(frame, None, weight))
        assert (window.left > 24) == bool(turn % 2)


def test_passes_in_files_of_their_own_are_read(views):
    """Vectors as X, Y, Z, W, and as R, G, B, A, whose A is no alpha."""
    view, plain = views[3], shot_of(views)[3]

    def with_vectors(letters: str) -> Shot:
        data = write_exr({name: view.motion[..., n] for n, name in enumerate(letters)})
        file = EncodedFile(np.frombuffer(data, np.uint8), "vector_0003.exr")
        frame = scene_frame(view)
        return open_shot([dataclasses.replace(frame, channels={**frame.channels, "motion": file})])

    for letters in ("XYZW", "RGBA"):
        got = with_vectors(letters)[3]
        assert np.array_equal(got.to_next, plain.to_next)
        assert np.array_equal(got.to_previous, plain.to_previous)
    with pytest.raises(InputError, match="4 components in the motion of frame 3"):
        with_vectors("RGB")[3]


def test_colour_is_not_taken_from_among_other_passes(views):
    layers = {"Combined": Image(views[3].color, "linear"), "Depth": Image(views[3].depth[..., None], "data")}
    file = EncodedFile(np.frombuffer(encode_layers(layers), np.uint8), "geometry_0003.exr")
    with pytest.raises(InputError, match=r"to have colour, got layers: Combined, Depth"):
        open_shot([dataclasses.replace(scene_frame(views[3]), channels={"depth": file})])


def test_paint_of_another_frame_or_moved_is_noticed(views):
    shot = shot_of(views)
    for look in ("toon", "dabs", "hatch"):
        paint = shape_linear(views[5].looks[look])
        mask = np.ones(shot.size, np.float32)
        assert mismatch(Keyframe(5, paint, mask), shot[5]) == ""
        assert "edges" in mismatch(Keyframe(5, np.roll(paint[:, ::-1], (13, 21), (0, 1)), mask), shot[5]), look


def test_a_flattened_psd_is_read(views):
    pixels = (np.clip(views[3].looks["toon"], 0, 1) * 255).astype(np.uint8)
    height, width = pixels.shape[:2]
    head = b"8BPS\0\1" + bytes(6) + b"\0\3" + height.to_bytes(4, "big") + width.to_bytes(4, "big") + b"\0\x08\0\x03"
    data = head + bytes(12) + b"\0\0" + pixels.transpose(2, 0, 1).tobytes()
    key = read_keyframes([EncodedFile(np.frombuffer(data, np.uint8), "paint_0003.psd")], [], "", shot_of(views), [])[3]
    assert np.abs(key.paint - pixels.astype(np.float32) / 255).max() < 1e-3


def test_curves_and_ranges():
    assert [Curve("1:0 24:1", "strength").at(n) for n in (0, 1, 24, 30)] == [0, 0, 1, 1]
    assert Curve("11:0.2 21:1", "strength").at(16) == pytest.approx(0.6)
    assert Curve("0.5", "strength").at(7) == 0.5
    for wrong in ("", "a", "1:2", "24:0 1:1", "0.1 0.2"):
        with pytest.raises(ParameterError):
            Curve(wrong, "strength")
    assert frame_range("", [1, 2]) == [1, 2]
    assert frame_range("2-3, 9", [1, 2, 3, 9]) == [2, 3, 9]
    assert frame_range("none", [1]) == []
    assert frame_range("1-9", [1, 2]) == [1, 2]  # a farm's last chunk
    for wrong in ("x", "7", "1 7", "2 7-9"):
        with pytest.raises(ParameterError):
            frame_range(wrong, [1, 2])


def test_kernels_leave_the_number_of_threads_alone() -> None:
    """PyTorch's sums depend on it: a training would have other bytes in a backend's first job than in later ones."""
    code = (
        "import torch\n"
        "from backlot.backend.style.keyframes import kernels\n"
        "import numpy as np\n"
        "before = torch.get_num_threads()\n"
        "ids, out = np.zeros((8, 8), np.int32), np.zeros((8, 8, 3), np.float32)\n"
        "kernels.sample(out.copy(), ids, np.full((8, 8, 2), 4, np.float32), np.ones((8, 8), np.uint8), ids, out)\n"
        "print(before, torch.get_num_threads())"
    )
    for wanted in ("1", "2"):
        env = {**os.environ, "OMP_NUM_THREADS": wanted}
        found = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout.split()
        assert found == [wanted, wanted]
