"""Each channel of a frame may have its own size: brought to the one that is worked at, by the filter that suits it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlot.backend.core.shaper import unshape_linear
from backlot.backend.io.frames.decode import Wanted, decode_frame
from backlot.backend.io.frames.source import FrameSource, decode_depth
from backlot.backend.io.writing import encode
from backlot.backend.mesh.bake.views import Views
from backlot.backend.reconstruct.stereo.moving import without_moving
from backlot.backend.reconstruct.stereo.views import Reader, read_views
from backlot.backend.style.keyframes import shot as style_keyframes
from backlot.backend.style.keyframes.paint import read_keyframes
from backlot.backend.style.shot import passes as style_shot
from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes
from backlot.shared.values import Camera, Distortion, EncodedFile, Image, SceneFrame

CAMERA = Camera(16, 12, 20.0, 20.0, 8.0, 6.0, np.eye(4))
HALF = (6, 8)
FULL = (12, 16)


def left_half(size: tuple[int, int], low: Any, high: Any, kind: str) -> np.ndarray:
    pixels = np.full((*size, 1), high, kind)
    pixels[:, : size[1] // 2] = low
    return pixels


def frame(number: int = 0, camera: Camera = CAMERA, **channels: Image | EncodedFile) -> SceneFrame:
    return SceneFrame(camera, dict(channels), 1.0, number)


def data(pixels: np.ndarray) -> Image:
    return Image(np.ascontiguousarray(pixels), "data")


@pytest.mark.parametrize("depth", [HALF, FULL, (3, 4)])
@pytest.mark.parametrize("other", [HALF, FULL, (24, 32)])
def test_fusion_works_at_the_size_of_the_depth(depth: tuple[int, int], other: tuple[int, int]) -> None:
    given = frame(
        depth=data(left_half(depth, 2, 3, "float32")), color=Image(left_half(other, 10, 20, "uint8").repeat(3, 2)),
        mask=data(left_half(other, 0, 255, "uint8")), object_id=data(left_half(other, 4, 7, "uint16")),
        confidence=data(left_half(other, 0, 255, "uint8")),
    )  # fmt: skip
    with collect_notes() as notes:
        found = decode_depth(given)
    assert found.depth.shape == depth
    middle = depth[1] // 2
    assert not found.depth[:, :middle].any(), "masked out"
    assert (found.depth[:, middle:] == 3).all()
    assert found.object_id is not None
    assert (found.object_id[:, :middle] == 4).all()
    assert (found.object_id[:, middle:] == 7).all()
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence[:, middle + 1 :], 1)
    assert found.color is not None
    assert found.color.shape[:2] == other, "colour keeps its resolution"
    said = notes.sentences()
    assert len(said) == (0 if depth == other else 3)
    assert all(f"pixels was brought to the {depth[1]} x {depth[0]} of depth" in text for text in said)


def test_a_mask_keeps_only_what_is_wholly_kept() -> None:
    mask = np.full((*FULL, 1), 255, np.uint8)
    mask[3, 5] = 0
    found = decode_depth(frame(depth=data(np.ones((*HALF, 1), np.float32)), mask=data(mask)))
    assert found.depth[1, 2] == 0
    assert found.depth.sum() == HALF[0] * HALF[1] - 1


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_masks_of_any_size_never_keep_what_is_masked_out(n: int, m: int, seed: int) -> None:
    """A depth pixel stays exactly where the mask is above 0 in all of it."""
    mask = np.random.default_rng(seed).integers(0, 4, (m, m, 1)).astype(np.uint8)
    found = decode_depth(
        frame(camera=Camera(20, 20, 20.0, 20.0, 10.0, 10.0, np.eye(4)), depth=data(np.ones((n, n, 1), np.float32)), mask=data(mask))
    )
    for row in range(n):
        for column in range(n):
            part = mask[row * m // n : -(-(row + 1) * m // n), column * m // n : -(-(column + 1) * m // n)]
            assert found.depth[row, column] == (part > 0).all()


def test_footage_takes_masks_of_another_size() -> None:
    color = Image(np.full((*FULL, 3), 100, np.uint8))
    _, pixels, mask = Reader().read(frame(color=color, mask=data(left_half(HALF, 0, 1, "uint8"))))
    assert pixels.shape[:2] == mask.shape == FULL
    assert not mask[:, :8].any()
    assert mask[:, 9:].all()
    small = frame(1, color=Image(np.full((*HALF, 3), 100, np.uint8)), mask=data(left_half(HALF, 0, 1, "uint8")))
    with collect_notes() as notes:
        views = read_views([frame(color=color), small], 64, lambda fraction, stage: None)
    assert [(view.gray.shape, view.camera.fl_x) for view in views] == [(FULL, 20), (FULL, 20)]
    np.testing.assert_allclose(views[1].gray, views[0].gray, atol=1e-3)
    assert not views[1].mask[:, :8].any()
    assert views[1].mask[:, 9:].all()
    assert notes.sentences() == ["frame 1: colour of 8 x 6 pixels was brought to the 16 x 12 of frame 0"]
    square = frame(1, Camera(12, 12, 20.0, 20.0, 6.0, 6.0, np.eye(4)), color=Image(np.full((12, 12, 3), 100, np.uint8)))
    with pytest.raises(InputError, match=r"frame 1 to have the shape of frame 0, 16 x 12 pixels, got 12 x 12.*one clip at a time"):
        read_views([frame(color=color), square], 64, lambda fraction, stage: None)


def test_what_moves_is_masked_at_the_size_of_the_vectors() -> None:
    motion = np.zeros((*HALF, 4), np.float32)
    motion[:, :4] = 3.0
    frames = [
        frame(n, color=Image(np.full((*FULL, 3), 100, np.uint8)), motion=data(motion), mask=data(left_half(FULL, 1, 1, "uint8")))
        for n in range(3)
    ]
    still = without_moving(frames, frames)
    assert all("mask" in one.channels for one in still.frames)
    _, _, mask = Reader().read(still.frames[1])
    assert mask.shape == FULL


def test_baking_takes_masks_and_depth_of_another_size() -> None:
    color = Image(np.full((*FULL, 3), 100, np.uint8))
    mask = data(left_half((24, 32), 0, 255, "uint8"))
    [bare] = Views([frame(color=color, mask=mask)])
    assert bare.confidence is not None
    assert (bare.confidence[:, :8] == 0).all()
    assert (bare.confidence[:, 8:] == 1).all()
    [deep] = Views([frame(color=color, depth=data(np.full((*HALF, 1), 2, np.float32)), mask=mask)])
    assert deep.depth.shape == HALF
    assert (deep.depth[:, :4] == 0).all()
    assert (deep.depth[:, 4:] == 2).all()


def passes(size: tuple[int, int]) -> dict[str, Image]:
    motion = np.zeros((*size, 4), np.float32)
    motion[:] = [1.0, 2.0, -1.0, 0.5]
    normal = np.zeros((*size, 3), np.float32)
    normal[:, : size[1] // 2, 0], normal[:, size[1] // 2 :, 2] = 1, 1
    return {
        "depth": data(left_half(size, 2, 3, "float32")), "motion": data(motion), "object_id": data(left_half(size, 4, 7, "uint16")),
        "normal": data(normal), "albedo": Image(left_half(size, 0.25, 0.75, "float32").repeat(3, 2), "linear"),
    }  # fmt: skip


@pytest.mark.parametrize("size", [HALF, FULL, (24, 32)])
@pytest.mark.parametrize("opened", [style_shot.open_shot, style_keyframes.open_shot])
def test_styles_work_at_the_size_of_the_colour(size: tuple[int, int], opened: Any) -> None:
    shot = opened([frame(n, color=Image(np.full((*FULL, 3), 0.5, np.float32), "linear"), **passes(size)) for n in (1, 2)])
    found = shot[1]
    ratio = FULL[0] / size[0]
    assert found.size == FULL
    np.testing.assert_array_equal(found.depth, left_half(FULL, 2, 3, "float32")[..., 0])
    np.testing.assert_array_equal(found.object_id, left_half(FULL, 4, 7, "int32")[..., 0])
    np.testing.assert_allclose(found.to_previous, np.broadcast_to([ratio, -2 * ratio], (*FULL, 2)))
    np.testing.assert_allclose(found.to_next, np.broadcast_to([ratio, 0.5 * ratio], (*FULL, 2)))
    if found.normal is not None:
        np.testing.assert_allclose(np.linalg.norm(found.normal, axis=-1), 1, atol=1e-5)
        np.testing.assert_allclose(found.normal[:, 12:, 2], 1, atol=1e-5)
    if found.albedo is not None:
        np.testing.assert_allclose(found.albedo[:, 10:], 0.75, atol=1e-6)
        np.testing.assert_allclose(found.albedo[:, :6], 0.25, atol=1e-6)


@pytest.mark.parametrize("size", [HALF, FULL, (24, 32)])
def test_keyframes_are_painted_at_any_size_of_the_shape(size: tuple[int, int]) -> None:
    shot = style_keyframes.open_shot([frame(1, color=Image(np.full((*FULL, 3), 0.5, np.float32), "linear"), **passes(FULL))])
    paint = np.zeros((*size, 4), np.float32)
    paint[:, size[1] // 2 :] = [0.2, 0.4, 0.1, 1]
    with collect_notes() as notes:
        key = read_keyframes([Image(paint, "linear")], [], "1", shot, [])[1]
        masked = read_keyframes([Image(paint[..., :3], "linear")], [data(left_half(size, 0, 255, "uint8"))], "1", shot, [])[1]
    assert key.mask.shape == masked.mask.shape == FULL
    np.testing.assert_allclose(unshape_linear(key.paint)[:, 9:], np.broadcast_to([0.2, 0.4, 0.1], (*FULL, 3))[:, 9:], rtol=2e-3)
    for one in (key, masked):
        assert (one.mask[:, :7] == 0).all()
        assert (one.mask[:, 9:] == 1).all()
    assert bool(notes.sentences()) == (size != FULL)
    with pytest.raises(InputError, match="to have the shape of the shot, 16 x 12 pixels, got 12 x 12"):
        read_keyframes([Image(np.ones((12, 12, 3), np.float32))], [], "1", shot, [])


@pytest.mark.parametrize("opened", [style_shot.open_shot, style_keyframes.open_shot])
def test_another_shape_is_a_clear_sentence(opened: Any) -> None:
    color = Image(np.full((*FULL, 3), 0.5, np.float32), "linear")
    with pytest.raises(InputError, match="the depth of frame 1 to have the shape of its colour, 16 x 12 pixels, got 12 x 12"):
        opened([frame(1, color=color, **(passes(FULL) | {"depth": data(np.ones((12, 12, 1), np.float32))}))])
    with pytest.raises(InputError, match="the mask of frame 0 to have the shape of its depth, 8 x 6 pixels, got 16 x 9"):
        decode_depth(frame(depth=data(np.ones((*HALF, 1), np.float32)), mask=data(np.ones((9, 16, 1), np.uint8))))


def test_frames_of_one_list_may_differ_where_each_stands_for_itself() -> None:
    frames = [frame(n, depth=data(np.full((*size, 1), 2, np.float32))) for n, size in enumerate((HALF, FULL, (3, 4)))]
    assert [one.depth.shape for one in FrameSource(frames)] == [HALF, FULL, (3, 4)]
    assert [one.camera.fl_x for one in FrameSource(frames)] == [10, 20, 5]


# -- what numbers mean -----------------------------------------------------------------------------------------------


def decoded(field: str, image: Image | EncodedFile) -> np.ndarray:
    found = getattr(decode_frame(frame(**{field: image}), Wanted((field,), match_camera=False)), field)
    assert isinstance(found, np.ndarray)
    return found


def test_masks_of_zero_and_one_are_whole() -> None:
    np.testing.assert_array_equal(decoded("mask", data(left_half(FULL, 0, 1, "uint8"))), left_half(FULL, 0, 1, "float32")[..., 0])
    np.testing.assert_allclose(decoded("mask", data(left_half(FULL, 0, 255, "uint8")))[:, 8:], 1)
    np.testing.assert_allclose(decoded("mask", data(left_half(FULL, 0, 51, "uint8")))[:, 8:], 0.2, atol=1e-6)


def test_masks_in_jpeg_have_no_rim() -> None:
    pixels = np.zeros((96, 128, 3), np.uint8)
    pixels[30:60, 40:90] = 255
    file = EncodedFile(np.frombuffer(encode(Image(pixels), "jpg"), np.uint8), "mask.JPG")
    found = decoded("mask", file)
    kept = np.argwhere(found > 0)
    assert kept.min(0).tolist() == [30, 40]
    assert kept.max(0).tolist() == [59, 89]


def test_confidence_in_levels() -> None:
    levels = np.zeros((*FULL, 1), np.uint8)
    levels[4:8], levels[8:] = 1, 2
    with collect_notes() as notes:
        assert decoded("confidence", data(levels))[[0, 5, 9], 0].tolist() == [0, 0.5, 1]
    assert "levels" in notes.sentences()[0]
    with collect_notes() as notes:
        assert decoded("confidence", data(np.full((*FULL, 1), 80, np.float32))).max() == 1
    assert "above 1" in notes.sentences()[0]


def test_normals_in_integers_point_both_ways() -> None:
    pixels = np.zeros((*FULL, 3), np.uint8)
    pixels[:] = [255, 0, 128]
    np.testing.assert_allclose(decoded("normal", data(pixels))[0, 0], [1, -1, 0], atol=5e-3)


def test_numbers_that_a_format_cannot_hold_are_refused() -> None:
    with pytest.raises(InputError, match="motion of frame 0 in floats"):
        decode_frame(frame(motion=data(np.zeros((*FULL, 4), np.uint16))), Wanted(("motion",)))
    file = EncodedFile(np.frombuffer(encode(Image(np.zeros((*FULL, 1), np.uint8)), "jpg"), np.uint8), "ids.png")
    with pytest.raises(InputError, match="without loss, got a JPEG"):
        decoded("object_id", file)
    with pytest.raises(InputError, match="in colours"):
        decoded("object_id", data(np.stack([np.ones(FULL), np.ones(FULL), np.zeros(FULL)], -1).astype(np.uint8)))
    with pytest.raises(InputError, match="below 2147483648"):
        decoded("object_id", data(np.full((*FULL, 1), 2**31, np.uint32)))


def test_a_lens_bends_masks_of_another_size_too() -> None:
    camera = dataclasses.replace(CAMERA, distortion=Distortion("brown", (-0.05,)))
    given = SceneFrame(camera, {"depth": data(np.full((*HALF, 1), 2, np.float32)), "mask": data(left_half(FULL, 0, 255, "uint8"))})
    [found] = FrameSource([given])
    assert found.camera.distortion is None
    assert (found.depth[:, :4] == 0).all()
    assert (found.depth[2:4, 5:7] == 2).all()
