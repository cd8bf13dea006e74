"""Style for shots: passes, visibility and tracking against analytic motion, cuts and wrong vectors, measures, and the painted shot."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from shot_frames import ShotView, SmallShot, scene_frame

from backlot.backend.core.context import Context
from backlot.backend.core.fill import fill_outside
from backlot.backend.core.filters import gaussian_blur
from backlot.backend.core.sampling import grid, sample
from backlot.backend.io.exr_layers_read import decode_layers
from backlot.backend.io.exr_layers_write import encode_layers
from backlot.backend.io.frames.decode import decode_frame
from backlot.backend.io.frames.shot import Shot
from backlot.backend.io.writing import encode
from backlot.backend.style.image.grade import soften
from backlot.backend.style.operations.style_image import run as run_image
from backlot.backend.style.operations.style_shot import run
from backlot.backend.style.shot import cuts, measure, occlusion
from backlot.backend.style.shot.band_limit import LOST, Limit
from backlot.backend.style.shot.contents import Contents
from backlot.backend.style.shot.passes import WANTED, open_shot, outside
from backlot.backend.style.shot.shot import Schedule, Segment, segments
from backlot.backend.style.shot.trace import Geometry, Trace
from backlot.shared.errors import InputError, ParameterError
from backlot.shared.operations import find
from backlot.shared.values import Camera, EncodedFile, Image, SceneFrame

SIZE = (80, 56)
FRAMES = 7
CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread")
Change = Callable[[ShotView], dict[str, Any]]


@pytest.fixture(scope="module")
def small() -> SmallShot:
    return SmallShot(*SIZE, 24, 2)


@pytest.fixture(scope="module")
def views(small: SmallShot) -> list[ShotView]:
    return [small.render(n) for n in range(1, FRAMES + 1)]


@pytest.fixture(scope="module")
def tiny() -> list[ShotView]:
    """Three frames where it is not the picture that counts."""
    return [SmallShot(48, 36, 24, 2).render(n) for n in (1, 2, 3)]


def shot_of(views: list[ShotView], change: Change | None = None) -> Shot:
    return open_shot([scene_frame(v, **(change(v) if change else {})) for v in views])


def strokes(height: int = 72, width: int = 96) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal((height, width))
    y, x = np.mgrid[:height, :width]
    wave = np.clip(0.5 + 0.3 * np.sin((x + y) / 2.0) * np.sin(x / 17.0) + 0.3 * np.sin(y / 13.0) + 0.03 * noise, 0, 1)
    return (255 * np.stack([wave, 0.7 * wave**1.2, 0.3 * wave**2], 2)).astype(np.uint8)


def paint(
    frames: list[SceneFrame], context: Context | None = None, style: Image | None = None, mask: Image | None = None, **given: Any
) -> Any:
    inputs: dict[str, Any] = {"frames": frames, "style": style or Image(strokes())}
    if mask is not None:
        inputs["mask"] = mask
    return run(inputs, find("style.shot").check_parameters({"anchors": 3, **given}), context or Context(CPU, 1))


def cropped(view: ShotView, rows: int, columns: int) -> dict[str, Any]:
    """What a render region leaves that is so much smaller on every side."""
    inside = np.zeros((*view.depth.shape, 1), np.float32)
    inside[rows:-rows, columns:-columns] = 1
    color = np.concatenate([view.color * inside, inside], 2)
    depth, ids = view.depth[..., None] * inside, (view.object_id[..., None] * inside).astype(np.float32)
    return {"color": Image(color, "linear"), "depth": depth, "object_id": ids, "motion": view.motion * inside}


@pytest.fixture(scope="module")
def painted(views: list[ShotView]) -> Any:
    torch.set_num_threads(1)
    return paint([scene_frame(v) for v in views])


@pytest.fixture(scope="module")
def alone(views: list[ShotView]) -> dict[int, np.ndarray]:
    """The first and the last frame as ``style.image`` paints them."""
    torch.set_num_threads(1)
    content = {index: {"content": Image(views[index].color, "linear"), "style": Image(strokes())} for index in (0, FRAMES - 1)}
    return {index: run_image(inputs, IMAGE, Context(CPU, 1))["image"].pixels for index, inputs in content.items()}


def planes(value: EncodedFile) -> np.ndarray:
    return decode_layers(value, associated=True)["stylised"].pixels


# -- warping, visibility, tracking -----------------------------------------------------------------------------------


def test_a_picture_is_looked_up_where_it_came_from() -> None:
    y, x = np.mgrid[:40, :50].astype(np.float32)
    picture = torch.from_numpy(np.stack([np.sin(x / 5), np.cos(y / 6), x / 50]))
    moved = sample(picture, grid((40, 50), CPU) + torch.tensor([1.5, -2.25])[:, None, None])
    truth = np.stack([np.sin((x - 2.25) / 5), np.cos((y + 1.5) / 6), (x - 2.25) / 50])
    assert np.abs(moved.numpy() - truth)[:, 3:-5, 5:-3].max() < 1.5e-2
    assert torch.equal(sample(picture, grid((40, 50), CPU), "nearest"), picture)


def test_thin_lines_are_as_sharp_between_pixels_as_on_them() -> None:
    x = torch.arange(64.0)
    line = torch.exp(-0.5 * ((x - 31) / 0.7) ** 2).expand(1, 16, 64).contiguous()
    truth = torch.exp(-0.5 * ((x + 0.5 - 31) / 0.7) ** 2)
    middle = grid((16, 64), CPU) + torch.tensor([0.0, 0.5])[:, None, None]
    off = {mode: float((sample(line, middle, mode)[0] - truth).abs().max()) for mode in ("bilinear", "bicubic", "lanczos")}
    assert off["lanczos"] < 0.6 * off["bicubic"] < 0.3 * off["bilinear"]
    torch.testing.assert_close(sample(line, grid((16, 64), CPU), "lanczos"), line, rtol=0, atol=1e-6)
    torch.testing.assert_close(sample(torch.full((2, 16, 64), 0.3), middle, "lanczos"), torch.full((2, 16, 64), 0.3))


def test_paint_that_moves_holds_nothing_as_fine_as_pixels() -> None:
    rows = torch.arange(64.0)
    lines = 0.5 + 0.4 * torch.sin(rows * torch.pi / 4) + 0.04 * torch.cos(rows * torch.pi)  # drawn lines, and what flickers
    paint = lines[:, None].expand(3, 64, 64).contiguous()
    everywhere = torch.ones(64, 64, dtype=torch.bool)
    limit = Limit(paint, everywhere)
    inner = (slice(None), slice(8, -8), slice(8, -8))

    def lost(picture: torch.Tensor) -> float:
        """What half a pixel to and fro takes away."""
        moved = sample(sample(picture, grid((64, 64), CPU) + 0.5, "lanczos"), grid((64, 64), CPU) - 0.5, "lanczos")
        return float((moved - picture)[inner].square().mean())

    assert lost(limit(paint)) < 0.5 * lost(paint)
    assert float((limit(paint) - lines[:, None]).abs()[inner].max()) < 0.03
    torch.testing.assert_close(limit(torch.full((3, 64, 64), 0.3)), torch.full((3, 64, 64), 0.3))
    # Specks as fine as pixels are most of this paint: they stay, but for the part that may go.
    specks = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(2)).round()
    limit = Limit(specks, everywhere)
    assert 0 < limit.share < 0.5
    assert 1 - LOST - 0.01 < measure.detail(limit(specks)) / measure.detail(specks) < 1 - 0.5 * LOST
    left = everywhere.clone()
    left[:, 32:] = False
    half = Limit(specks, left)(specks)
    assert torch.equal(half[..., 32:], specks[..., 32:])
    assert not torch.equal(half[..., :32], specks[..., :32])


def test_places_follow_analytic_motion(small: SmallShot, views: list[ShotView]) -> None:
    shot = shot_of(views)
    [pair] = measure.pairs(shot, FRAMES - 1, CPU)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    truth = small._seen_at(small._cast(FRAMES, columns, rows), 1)
    seen = pair.seen.numpy() & (views[-1].object_id > 0)
    error = np.hypot(pair.place[1].numpy() + 0.5 - truth[..., 0], pair.place[0].numpy() + 0.5 - truth[..., 1])[seen]
    moved = np.hypot(truth[..., 0] - columns, truth[..., 1] - rows)[seen]
    assert seen.mean() > 0.3
    assert moved.max() > 5
    assert np.quantile(error, 0.9) < 0.1


def test_what_was_hidden_is_not_seen(small: SmallShot, views: list[ShotView]) -> None:
    late, early = views[4], views[3]
    here, there = (Geometry.of(decode_frame(scene_frame(v), WANTED), CPU) for v in (late, early))
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    truth = small._seen_at(small._cast(5, columns, rows), 4)
    u, v = np.floor(truth[..., 0]).astype(int), np.floor(truth[..., 1]).astype(int)
    inside = (u >= 0) & (u < SIZE[0]) & (v >= 0) & (v < SIZE[1])
    same = early.object_id[v.clip(0, SIZE[1] - 1), u.clip(0, SIZE[0] - 1)] == late.object_id
    clear = ~occlusion.edges(here.ids).numpy() & (late.object_id > 0)
    seen = (Trace.start(late.depth.shape, 0, CPU).carried(there, here, -1, strict=True).label >= 0).numpy()
    assert not seen[~inside].any()
    assert not seen[clear & inside & ~same].any()
    assert seen[clear & inside & same].mean() > 0.97


def slowly_uncovered(count: int) -> list[SceneFrame]:
    """A blue wall comes out from behind a red board, by 0.4 pixels a frame."""
    height, width, edge = 48, 64, 24
    board = np.arange(width)[None, :, None] < np.full((height, 1, 1), edge)
    vectors = np.where(board, 0, np.float32([-0.4, 0, -0.4, 0])).astype(np.float32)  # Blender's order: x and y back, x and y ahead
    channels = {
        "color": Image(np.where(board, np.float32([0.6, 0, 0]), np.float32([0, 0, 0.6])).astype(np.float32), "linear"),
        "depth": Image(np.where(board, np.float32(2), np.float32(5)), "data"),
        "motion": Image(vectors, "data"),
        "object_id": Image(np.where(board, np.float32(1), np.float32(2)), "data"),
    }
    camera = Camera(width, height, 50.0, 50.0, width / 2, height / 2, np.eye(4))
    return [SceneFrame(camera, channels, 1.0, n + 1) for n in range(count)]


class Copies:
    """Paints frames as they are, and keeps tones and light out of it."""

    style = darkest = torch.zeros(3, 1, 1)
    brightest = torch.ones(3, 1, 1)
    frame, stroke = (48, 64), 4.0

    def whole(self, content: torch.Tensor, *_: Any) -> torch.Tensor:
        return content.clone()

    def into(self, content: torch.Tensor, _grade: Any, known: torch.Tensor, new: torch.Tensor, _number: int) -> torch.Tensor:
        return torch.where(new, content, known)

    def tones(self, content: torch.Tensor) -> torch.Tensor:
        return content

    def light(self, content: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(content)


def test_what_comes_into_view_slowly_is_not_painted_with_what_hid_it() -> None:
    shot = open_shot(slowly_uncovered(13))
    content = Contents(shot, CPU, gray=False)
    segment = Segment(shot, content, Copies(), Copies(), Schedule(anchors=4), (0, 13), 0)
    for styled in segment.frames(range(13), lambda *_: None):
        wall = styled.paint[:, :, 27:]  # paint counts as the wall's up to a pixel over the silhouette, and a look-up reaches two more
        assert float(wall[0].max()) < 0.1, f"red on the wall in frame {styled.index + 1}"
    [pair] = measure.pairs(shot, 12, CPU)
    assert not pair.seen[:, 24:28].any()
    assert pair.seen[:, 32:-4].all()


def test_paint_keeps_its_place_over_many_frames_without_blur(views: list[ShotView]) -> None:
    trace = Trace.start((SIZE[1], SIZE[0]), 0, CPU)
    for before, after in itertools.pairwise(views):
        own, to = (Geometry.of(decode_frame(scene_frame(v), WANTED), CPU) for v in (before, after))
        trace = trace.carried(own, to, -1)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    checks = torch.from_numpy((((x // 3 + y // 3) % 2) * 1.0).astype(np.float32))[None]
    shown = sample(checks, trace.place)[0][trace.label >= 0]
    assert float(shown.std()) > 0.85 * float(checks.std())


def test_soft_light_stays_inside_objects() -> None:
    ids = torch.zeros(20, 30, dtype=torch.int32)
    ids[:, 15:] = 1
    picture = ids.float()[None] + 0.1 * torch.rand(1, 20, 30, generator=torch.Generator().manual_seed(0))
    soft = soften(picture, ids, 3.0)
    assert float(soft[0, :, :15].max()) < 0.11
    assert float(soft[0, :, 15:].min()) > 0.99
    assert float(soft[0, :, :15].std()) < 0.5 * float(picture[0, :, :15].std())


def test_colours_are_continued_to_where_alpha_is_nothing() -> None:
    alpha = torch.zeros(1, 32, 40)
    alpha[:, 8:20, 10:30] = 1
    color = torch.tensor([0.8, 0.4, 0.2])[:, None, None] * alpha
    assert torch.allclose(fill_outside(color, alpha), torch.tensor([0.8, 0.4, 0.2])[:, None, None].expand(3, 32, 40), atol=1e-5)


# -- passes and what is wrong with them ------------------------------------------------------------------------------


@pytest.mark.parametrize(("channel", "words"), [("motion", "Vector"), ("object_id", "Object Index"), ("depth", "Z")])
def test_a_missing_pass_is_named_with_its_switch(views: list[ShotView], channel: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        paint([scene_frame(v, **{channel: None}) for v in views[:2]])
    assert "View Layer > Passes" in str(caught.value)


def test_passes_of_one_multilayer_file(views: list[ShotView]) -> None:
    view = views[2]
    layers = {
        "ViewLayer.Combined": Image(np.concatenate([view.color, np.ones((*view.depth.shape, 1), np.float32)], 2), "linear"),
        "ViewLayer.Depth": Image(view.depth[..., None], "data"),
        "ViewLayer.Vector": Image(view.motion, "data"),
        "ViewLayer.IndexOB": Image(view.object_id[..., None].astype(np.float32), "data"),
    }
    file = EncodedFile(np.frombuffer(encode_layers(layers, half=False), np.uint8), "frame.exr")
    got = decode_frame(scene_frame(view, color=file, depth=file, motion=file, object_id=file), WANTED)
    plain = decode_frame(scene_frame(view), WANTED)
    np.testing.assert_array_equal(got.to_previous, plain.to_previous)
    np.testing.assert_array_equal(got.object_id, view.object_id)
    np.testing.assert_array_equal(np.isinf(got.depth), view.object_id == 0)


def test_motion_blur_is_noticed_by_empty_vectors(views: list[ShotView]) -> None:
    with pytest.raises(InputError, match="Motion Blur"):
        paint([scene_frame(v, motion=np.zeros_like(v.motion)) for v in views[:4]])


def test_frames_of_different_size_are_refused(views: list[ShotView]) -> None:
    other = SmallShot(48, 32, 24, 1).render(3)
    with pytest.raises(InputError, match="48 x 32 in frame 3"):
        paint([scene_frame(views[0]), scene_frame(views[1]), scene_frame(other)])


def test_a_pass_of_another_size_is_refused(views: list[ShotView]) -> None:
    with pytest.raises(InputError, match=r"the shape of its colour.*crop colour and passes, or neither"):
        paint([scene_frame(v, depth=v.depth[:-2, :, None]) for v in views[:2]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m * np.float32([1, -1, 1, -1]), "y pointing down"),
        (lambda m: -m, "opposite"),
        (lambda m: m / 2, "twice the length"),
    ],
)
def test_vectors_that_do_not_match_are_found_by_warping_ids(
    small: SmallShot, change: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    fast = SmallShot(120, 80, 8, 1)
    views = [fast.render(n) for n in range(1, 8)]
    cuts.scenes(shot_of(views), CPU)
    with pytest.raises(InputError, match=words):
        cuts.scenes(shot_of(views, lambda v: {"motion": change(v.motion).astype(np.float32)}), CPU)


def test_vectors_of_other_frames_are_refused(views: list[ShotView]) -> None:
    noise = np.random.default_rng(0)
    with pytest.raises(InputError, match="vectors that lead to the same object"):
        cuts.scenes(shot_of(views, lambda v: {"motion": noise.normal(0, 25, v.motion.shape).astype(np.float32)}), CPU)


def test_vectors_that_do_not_lead_back_are_refused() -> None:
    fast = SmallShot(120, 80, 8, 1)
    views = [fast.render(n) for n in range(1, 8)]
    order = np.random.default_rng(0).permutation(120 * 80)
    right, wrong = shot_of(views), shot_of(views, lambda v: {"motion": v.motion.reshape(-1, 4)[order].reshape(v.motion.shape)})
    assert cuts.joint(wrong[2], wrong[3], CPU).back < 0.3 < 0.9 < cuts.joint(right[2], right[3], CPU).back
    with pytest.raises(InputError, match="vectors"):
        cuts.scenes(wrong, CPU)


def test_a_cropped_region_makes_no_cuts(views: list[ShotView]) -> None:
    shot = shot_of(views, lambda v: cropped(v, 20, 24))
    assert float(outside(shot.at(0)).mean()) > 0.4
    assert cuts.scenes(shot, CPU) == [(0, len(views))]


def test_cuts_are_found_and_gaps_in_the_numbers_are_cuts(small: SmallShot, views: list[ShotView]) -> None:
    frames = [scene_frame(v) for v in views[:4]]
    for number, view in enumerate(views[:3], start=5):  # the picture on its head: its vectors point the other way
        color, depth, motion, ids = (p[::-1, ::-1].copy() for p in (view.color, view.depth, view.motion, view.object_id))
        channels = {"depth": depth[..., None], "motion": -motion, "object_id": ids[..., None].astype(np.float32)}
        frames.append(scene_frame(view, number, color=Image(color, "linear"), **channels))
    assert cuts.scenes(open_shot(frames), CPU) == [(0, 4), (4, 7)]
    assert cuts.scenes(open_shot([scene_frame(v) for v in (*views[:3], *views[4:7])]), CPU) == [(0, 3), (3, 6)]


def test_segments_cover_a_scene() -> None:
    assert segments((3, 40), 48) == [(3, 40)]
    found = segments((0, 100), 48)
    assert found[0][0] == 0
    assert found[-1][1] == 100
    assert all(a[1] == b[0] and b[1] - b[0] <= 48 for a, b in itertools.pairwise(found))


# -- measures --------------------------------------------------------------------------------------------------------


def test_the_warping_error_knows_steady_from_flickering_paint(views: list[ShotView]) -> None:
    shot = shot_of(views)
    joined = measure.pairs(shot, 1, CPU)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    first = torch.from_numpy(np.stack([0.5 + 0.4 * np.sin(x / 3 + y / 5)] * 3).astype(np.float32))
    trace, steady = Trace.start((SIZE[1], SIZE[0]), 0, CPU), [first]
    for before, after in itertools.pairwise(views):
        own, to = (Geometry.of(decode_frame(scene_frame(v), WANTED), CPU) for v in (before, after))
        trace = trace.carried(own, to, -1).continued(to.ids, 30)
        steady.append(sample(first, trace.place))
    generator = torch.Generator().manual_seed(0)
    flicker = [(p + 0.1 * torch.randn(p.shape, generator=generator)).clamp(0, 1) for p in steady]
    low, high = measure.e_warp(steady, joined), measure.e_warp(flicker, joined)
    assert low < 3e-4
    assert high > 30 * low
    assert high == pytest.approx(0.02, rel=0.35)  # twice the variance of the noise, less what interpolation takes away


def test_detail_leak_edges_and_strip(views: list[ShotView]) -> None:
    sharp = torch.rand(3, 30, 40, generator=torch.Generator().manual_seed(0))
    assert measure.detail(gaussian_blur(sharp, 1.5)) < 0.2 * measure.detail(sharp)
    content, styled = np.zeros((4, 4, 3)), np.zeros((4, 4, 3))
    styled[0, :2] = 1
    allowed = np.zeros((4, 4), bool)
    allowed[0, 0] = True
    assert measure.leak(styled, content, allowed) == pytest.approx(1 / 15)
    geometry = Geometry.of(decode_frame(scene_frame(views[0]), WANTED), CPU)
    outlines = (~occlusion.edges(geometry.ids)).float().expand(3, -1, -1)
    assert measure.edge_f1(outlines, geometry) > 0.9
    assert measure.edge_f1(sharp.new_tensor(np.random.default_rng(0).random((3, SIZE[1], SIZE[0]))), geometry) < 0.75
    assert measure.strip([sharp, sharp]).shape == (3, 30, 2)


# -- the painted shot ------------------------------------------------------------------------------------------------


def test_every_frame_is_painted_and_steady(painted: Any, alone: dict[int, np.ndarray], views: list[ShotView]) -> None:
    report = painted["report"]
    assert report["frames"] == list(range(1, FRAMES + 1))
    assert report["scenes"] == [[1, FRAMES]]
    pictures = [display(planes(f)) for f in painted["stylised"]]
    assert min(np.abs(planes(f) - v.color).mean() for f, v in zip(painted["stylised"], views, strict=True)) > 0.03
    single = {index: display(pixels) for index, pixels in alone.items()}
    joined = measure.pairs(shot_of(views), FRAMES - 1, CPU)
    assert measure.e_warp(pictures, joined) < 0.4 * measure.e_warp(single, joined)
    assert np.mean([measure.detail(p) for p in pictures]) > 0.9 * np.mean([measure.detail(p) for p in single.values()])


def display(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.clip(pixels, 0, 1).astype(np.float32) ** 0.45).permute(2, 0, 1).contiguous()


IMAGE = find("style.image").check_parameters({})


def test_layers_add_up(painted: Any, views: list[ShotView]) -> None:
    layers = decode_layers(painted["stylised"][2])
    assert {"stylised", "delta", "mask", "confidence"} <= set(layers)
    np.testing.assert_allclose(layers["stylised"].pixels - layers["delta"].pixels, views[2].color, atol=1e-5)
    assert layers["mask"].pixels.min() == 1
    assert 0 <= layers["confidence"].pixels.min() <= layers["confidence"].pixels.max() <= 1


def test_a_chunk_is_what_the_whole_shot_has_there(painted: Any, views: list[ShotView]) -> None:
    chunk = paint([scene_frame(v) for v in views], frames_wanted="6-7")
    assert [f.name for f in chunk["stylised"]] == ["stylised_0006.exr", "stylised_0007.exr"]
    for got, whole in zip(chunk["stylised"], painted["stylised"][5:7], strict=True):
        np.testing.assert_array_equal(got.data, whole.data)


def test_segments_pass_into_each_other(tiny: list[ShotView]) -> None:
    got = paint([scene_frame(v) for v in tiny], segment=2, anchors=2, layers="picture")
    assert got["report"]["segments"] == [[1, 2], [3, 3]]
    assert all(np.isfinite(f.pixels).all() for f in got["stylised"])
    chunk = paint([scene_frame(v) for v in tiny], segment=2, anchors=2, layers="picture", frames_wanted="3")
    np.testing.assert_array_equal(chunk["stylised"][0].pixels, got["stylised"][2].pixels)


def test_frames_are_emitted_and_not_painted_twice(tiny: list[ShotView]) -> None:
    context = Context(CPU, 1)
    frames = [scene_frame(v) for v in tiny[:3]]
    first = paint(frames, context)
    assert {k for k in context.emitted if k[0] == "stylised"} == {("stylised", n) for n in (1, 2, 3)}
    stages: list[str] = []
    context.progress = lambda fraction, stage, preview=None: stages.append(stage)
    again = paint(frames, context)
    assert not [s for s in stages if s.startswith(("matching", "anchor"))]
    assert all(a is b for a, b in zip(again["stylised"], first["stylised"], strict=True))


def test_one_frame_is_what_style_image_makes(alone: dict[int, np.ndarray], views: list[ShotView]) -> None:
    only = scene_frame(views[0], depth=None, motion=None, object_id=None)
    got = paint([only], layers="picture")["stylised"][0]
    np.testing.assert_array_equal(got.pixels, alone[0])


def with_alpha(view: ShotView, kind: type) -> tuple[EncodedFile, np.ndarray]:
    alpha = np.random.default_rng(view.number).random(view.depth.shape).astype(np.float32)
    alpha[:6], alpha[6:12] = 0, 1
    pixels = np.concatenate([view.color * 3, alpha[..., None]], 2).astype(kind)
    return EncodedFile(np.frombuffer(encode(Image(pixels, "linear"), "exr"), np.uint8), "color.exr"), pixels


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_strength_zero_is_the_render_bit_for_bit(tiny: list[ShotView], kind: type) -> None:
    files = [with_alpha(v, kind)[0] for v in tiny[:2]]
    got = paint([scene_frame(v, color=f) for v, f in zip(tiny, files, strict=False)], strength="0")["stylised"]
    for file, source in zip(got, files, strict=True):
        want = decode_layers(source, associated=True)["Combined"].pixels
        assert planes(file).dtype == want.dtype == kind
        np.testing.assert_array_equal(planes(file), want)
        assert not decode_layers(file)["delta"].pixels.any()


def test_masks_objects_and_keys_of_strength(tiny: list[ShotView]) -> None:
    frames = [scene_frame(v, color=with_alpha(v, np.float16)[0]) for v in tiny[:3]]
    mask = np.zeros((*tiny[0].depth.shape, 1), np.uint8)
    mask[8:32, 12:44] = 255
    got = paint(frames, mask=Image(mask, "data"), objects="2 4", strength="1:0 3:1")["stylised"]
    for index, (file, view) in enumerate(zip(got, tiny, strict=False)):
        allowed = np.isin(view.object_id, [2, 4]) & (mask[..., 0] > 0)
        weight = decode_layers(file)["mask"].pixels[..., 0]
        np.testing.assert_array_equal(weight, np.where(allowed, 0.5 * index, 0).astype(np.float16))
        source = decode_layers(with_alpha(view, np.float16)[0], associated=True)["Combined"].pixels
        assert measure.leak(planes(file), source, allowed) == 0
        np.testing.assert_array_equal(planes(file)[..., 3], source[..., 3])
    assert (planes(got[2]) != decode_layers(with_alpha(tiny[2], np.float16)[0], associated=True)["Combined"].pixels).any()


def test_pixels_that_are_no_colour(tiny: list[ShotView]) -> None:
    def spoilt(view: ShotView) -> Image:
        color = view.color.copy()
        color[5, 5], color[20, 30], color[21, 40], color[22, 35] = np.nan, np.inf, -3.0, 900.0
        return Image(color, "linear")

    got = paint([scene_frame(v, color=spoilt(v)) for v in tiny[:2]], layers="picture")
    assert got["report"]["not_finite_pixels"] == {"1": 2, "2": 2}
    pixels = got["stylised"][1].pixels
    assert np.isfinite(pixels).all()
    assert pixels[22, 35].min() > 100  # highlights stay


def test_outside_a_cropped_region_nothing_is_painted(tiny: list[ShotView]) -> None:
    got = paint([scene_frame(v, **cropped(v, 8, 12)) for v in tiny[:2]], layers="picture")["stylised"][1].pixels
    assert not got[:8].any()
    assert not got[:, -12:].any()
    assert got[12:24, 18:30, :3].any()


def test_a_mask_or_a_style_with_nothing_in_it_is_refused(tiny: list[ShotView]) -> None:
    frames, size = [scene_frame(v) for v in tiny[:2]], tiny[0].depth.shape
    with pytest.raises(InputError, match="black everywhere"):
        paint(frames, mask=Image(np.zeros((*size, 1), np.uint8), "data"))
    clear = Image(np.concatenate([strokes(), np.zeros((72, 96, 1), np.uint8)], 2))
    with pytest.raises(InputError, match="style to have opaque pixels"):
        paint(frames, style=clear)


def test_what_is_strange_about_frames_and_objects_is_noted(tiny: list[ShotView]) -> None:
    color, motion = tiny[1].color.copy(), tiny[1].motion.copy()
    color[3, 4:6], motion[5, 6, 0] = np.inf, np.nan
    frames = [scene_frame(tiny[0]), scene_frame(tiny[1], color=Image(color, "linear"), motion=motion)]
    got = paint(frames, objects="9999", layers="picture")
    first, second, third = got["report"]["notes"]
    number = frames[1].number
    assert first.startswith(f"Frame {number}: 2 pixels of its colour are NaN or infinite")
    assert second.startswith(f"Frame {number}: 1 pixels of its motion vectors")
    assert "None of the objects" in third
    np.testing.assert_array_equal(got["stylised"][0].pixels[..., :3], tiny[0].color)
    assert paint([scene_frame(v) for v in tiny[:2]], layers="picture")["report"]["notes"] == []


def test_styles_with_alpha_or_without_colour(tiny: list[ShotView]) -> None:
    frames = [scene_frame(v) for v in tiny[:1]]
    rgba = np.concatenate([strokes(), np.full((72, 96, 1), 255, np.uint8)], 2)
    rgba[:, 48:] = 0
    got = paint(frames, style=Image(rgba), layers="picture")["stylised"][0].pixels
    assert np.median(got) > 0.02  # the transparent half is not painted black
    gray = paint(frames, style=Image(strokes()[..., :1]), layers="picture")["stylised"][0].pixels
    assert np.abs(gray - gray.mean(2, keepdims=True))[..., :].mean() < 0.05


def test_keeping_the_colours_of_the_content(tiny: list[ShotView]) -> None:
    got = paint([scene_frame(v) for v in tiny[:2]], layers="picture", color="keep")["stylised"][1].pixels
    egg = tiny[1].object_id == 4
    mean, want = got[egg].mean(0), tiny[1].color[egg].mean(0)
    assert np.abs(mean / mean.sum() - want / want.sum()).max() < 0.06


@pytest.mark.parametrize(
    ("given", "error"),
    [({"strength": "2"}, ParameterError), ({"objects": "cube"}, InputError), ({"frames_wanted": "90-99"}, ParameterError)],
)
def test_unreadable_parameters(tiny: list[ShotView], given: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        paint([scene_frame(tiny[0])], **given)
