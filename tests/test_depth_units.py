"""Depth in its unit: by the type that a file stores, over formats and types; and checked against the cameras."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlot.backend.core.camera import view_matrix
from backlot.backend.io.frames.decode import Wanted, decode_frame
from backlot.backend.io.frames.source import FrameSource, decode_depth
from backlot.backend.mesh.bake.views import Views
from backlot.backend.reconstruct.fusion.depth_units import check_source, check_units, fit
from backlot.shared.errors import InputError
from backlot.shared.frames import read_transforms
from backlot.shared.notes import collect_notes
from backlot.shared.value_codec import decode, encode
from backlot.shared.values import Camera, Image, SceneFrame

SIZE = (8, 6)
FLAT = 2.5
POSE = np.eye(4)


def save(path: Path, pixels: np.ndarray, kind: str) -> Path:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 1, kind)
    if path.suffix == ".exr":
        spec.channelnames = ["Z"]
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), oiio.geterror()
    assert out.write_image(np.ascontiguousarray(pixels[..., None]))
    out.close()
    return path


def captured(path: Path, **more: object) -> SceneFrame:
    entry = {"depth_file_path": path.name, "transform_matrix": POSE.tolist(), "fl_x": 8.0, "w": SIZE[0], "h": SIZE[1], **more}
    (path.parent / "transforms.json").write_text(json.dumps({"frames": [entry]}))
    return read_transforms(path.parent)[0]


STORED: list[tuple[str, str, str, float]] = [
    ("png", "uint16", "16-bit integers", 0.001), ("tif", "uint16", "16-bit integers", 0.001), ("tif", "uint32", "32-bit integers", 0.001),
    ("tif", "int16", "16-bit integers", 0.001), ("exr", "uint32", "32-bit integers", 0.001), ("tif", "float32", "floats", 1.0),
    ("tif", "float64", "floats", 1.0), ("exr", "float32", "floats", 1.0),
    ("exr", "float16", "half floats", 1.0), ("pfm", "float32", "floats", 1.0),
]  # fmt: skip
KINDS = {"uint16": "uint16", "uint32": "uint", "int16": "int16", "float32": "float", "float16": "half", "float64": "double"}


@pytest.mark.parametrize(("suffix", "kind", "words", "unit"), STORED)
def test_the_stored_type_says_the_unit(tmp_path: Path, suffix: str, kind: str, words: str, unit: float) -> None:
    """Without a factor integers are millimetres and floats scene units; a factor applies as it was written."""
    pixels = np.full(SIZE[::-1], FLAT / unit).astype(kind)
    pixels[0, 0] = 0
    path = save(tmp_path / f"depth.{suffix}", pixels, KINDS[kind])
    with collect_notes() as notes:
        found = decode_depth(captured(path))
    np.testing.assert_allclose(found.depth[pixels > 0], FLAT, rtol=1e-6)
    assert found.depth[0, 0] == 0
    assert found.depth_stored == (f"{words}, 0.001 scene units each" if unit < 1 else f"{words} in scene units")
    assert notes.sentences() == []
    for factor in (1.0, 0.01, 0.001, 25.4):
        found = decode_depth(captured(path, depth_unit_scale_factor=factor))
        np.testing.assert_allclose(found.depth[pixels > 0], FLAT / unit * factor, rtol=1e-6)
        assert f"{factor:g}" in found.depth_stored or factor == 1


def test_the_unit_of_integers_survives_the_wire_and_older_clients_lack_it(tmp_path: Path) -> None:
    frame = captured(save(tmp_path / "depth.tif", np.full(SIZE[::-1], 2500, np.uint16), "uint16"))
    buffers: list = []
    sent = encode(frame, buffers)
    again = decode(sent, [buffer.array for buffer in buffers])
    assert (again.depth_scale, again.integer_depth_unit) == (1.0, 0.001)
    del sent["integer_depth_unit"]
    older = decode(sent | {"depth_scale": 0.001}, [buffer.array for buffer in buffers])
    for one in (again, older):
        np.testing.assert_allclose(decode_depth(one).depth, FLAT, rtol=1e-6)


def test_numbers_of_an_image_are_scene_units_unless_said_otherwise() -> None:
    camera = Camera(8, 6, 8.0, 8.0, 4.0, 3.0, POSE)
    whole = Image(np.full((6, 8, 1), 3, np.uint16), "data")
    assert decode_depth(SceneFrame(camera, {"depth": whole})).depth.max() == 3
    assert decode_depth(SceneFrame(camera, {"depth": whole}, 0.5)).depth.max() == 1.5


@pytest.mark.parametrize("kind", ["uint16", "uint32", "float16"])
def test_the_largest_number_of_a_type_is_no_distance(kind: str) -> None:
    pixels = np.full((6, 8, 1), 1000, kind)
    pixels[2:] = np.finfo(kind).max if kind == "float16" else np.iinfo(kind).max
    with collect_notes() as notes:
        found = decode_depth(SceneFrame(Camera(8, 6, 8.0, 8.0, 4.0, 3.0, POSE), {"depth": Image(pixels, "data")}, 0.001, 4))
    np.testing.assert_allclose(found.depth[:2], 1, rtol=1e-6)
    assert not found.depth[2:].any()
    assert notes.sentences()[0].startswith("depth of frame 4: The largest number")
    far = decode_frame(SceneFrame(Camera(8, 6, 8.0, 8.0, 4.0, 3.0, POSE), {"depth": Image(pixels, "data")}), Wanted(("depth",), far=np.inf))
    assert far.depth is not None
    assert np.isinf(far.depth[2:]).all()


def test_negative_depth_is_noted() -> None:
    pixels = np.full((6, 8, 1), 2, np.float32)
    pixels[0] = -2
    with collect_notes() as notes:
        found = decode_depth(SceneFrame(Camera(8, 6, 8.0, 8.0, 4.0, 3.0, POSE), {"depth": Image(pixels, "data")}))
    assert not found.depth[0].any()
    assert notes.sentences() == ["depth of frame 0: Negative depth counts as not measured"]
    with pytest.raises(InputError, match="mostly negative"):
        decode_depth(SceneFrame(Camera(8, 6, 8.0, 8.0, 4.0, 3.0, POSE), {"depth": Image(-pixels, "data")}))


def test_mixed_types_are_each_in_their_unit_and_said(tmp_path: Path) -> None:
    frames = []
    for n, (name, kind, unit) in enumerate((("a.tif", "float", 1.0), ("b.tif", "uint16", 0.001), ("c.tif", "uint16", 0.001))):
        path = save(tmp_path / name, np.full(SIZE[::-1], FLAT / unit).astype("float32" if kind == "float" else kind), kind)
        frames.append(dataclasses.replace(captured(path), number=n))
    source = FrameSource(frames)
    assert all(np.allclose(frame.depth, FLAT) for frame in source)
    assert source.depth_stored(without=[0]) == "16-bit integers, 0.001 scene units each"
    assert source.depth_stored() == "floats in scene units (1 frames); 16-bit integers, 0.001 scene units each (2 frames)"


# -- against the cameras ---------------------------------------------------------------------------------------------

VIEW = Camera(64, 48, 60.0, 60.0, 32.0, 24.0, POSE)


def facing(eye: tuple[float, float, float], target: tuple[float, float, float]) -> Camera:
    """A camera that looks at a point, z being up."""
    z = np.subtract(eye, target) / np.linalg.norm(np.subtract(eye, target))
    x = np.cross((0.0, 0.0, 1.0), z)
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3] = np.stack([x, np.cross(z, x), z, np.array(eye)], 1)
    return dataclasses.replace(VIEW, camera_to_world=pose)


def rays_of(camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origin, directions in the world of length 1 along the axis, and how long they are."""
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    local = np.stack([(u - camera.cx) / camera.fl_x, (v - camera.cy) / camera.fl_y, np.ones_like(u)], -1)
    pose, _ = view_matrix(camera)
    return pose[:, 3], local @ pose[:, :3].T, np.linalg.norm(local, axis=-1)


def see_room(camera: Camera) -> np.ndarray:
    """Planar depth inside a box of 6 x 5 x 3 with a column in it, ``(H, W)``."""
    origin, direction, _ = rays_of(camera)
    with np.errstate(divide="ignore"):
        walls = np.maximum((np.array([-3, -2.5, 0]) - origin) / direction, (np.array([3, 2.5, 3]) - origin) / direction).min(-1)
    a = (direction[..., :2] ** 2).sum(-1)
    b = (direction[..., :2] * origin[:2]).sum(-1)
    inside = b * b - a * ((origin[:2] ** 2).sum() - 0.4**2)
    column = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, np.inf)
    return np.where(column > 0, np.minimum(walls, column), walls).astype(np.float32)


def room() -> list[tuple[Camera, np.ndarray]]:
    """Twelve views around the column."""
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    cameras = [facing((1.8 * np.cos(t), 1.6 * np.sin(t), 1.2 + 0.4 * np.sin(3 * t)), (0.4 * np.sin(t), 0, 1.1)) for t in angles]
    return [(camera, see_room(camera)) for camera in cameras]


def checked(views: list[tuple[Camera, np.ndarray]]) -> list[str]:
    """The notes of the check."""
    frames = [SceneFrame(camera, {"depth": Image(np.float32(depth)[..., None], "data")}, 1.0, n) for n, (camera, depth) in enumerate(views)]
    decoded = [frame for frame in FrameSource(frames) if not frame.empty]
    with collect_notes() as notes:
        check_units(decoded, fit(decoded))
    return notes.sentences()


@pytest.mark.parametrize(
    ("scale", "words"),
    [(1000, "millimetres.*by 0.001"), (100, "centimetres.*by 0.01"), (1 / 0.0254, "inches"), (1 / 0.3048, "feet"),
     (0.001, "thousands of scene units.*by 1000"), (0.01, "hundreds of scene units.*by 100")],
)  # fmt: skip
def test_depth_in_another_unit_is_refused(scale: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        checked([(camera, depth * scale) for camera, depth in room()])


def test_frames_that_are_only_looked_through_are_checked_too() -> None:
    views = room()
    for scale, refused in ((1.0, False), (1000.0, True)):
        frames = [SceneFrame(c, {"depth": Image(d[..., None] * np.float32(scale), "data")}, 1.0, n) for n, (c, d) in enumerate(views)]
        with pytest.raises(InputError, match="millimetres") if refused else contextlib.nullcontext():
            check_source(FrameSource(frames))
    check_source(FrameSource([]))
    bare = SceneFrame(VIEW, {"color": Image(np.ones((48, 64, 3), np.float32), "linear")})
    seen = Views([bare, dataclasses.replace(bare, channels=bare.channels | {"depth": Image(views[0][1][..., None], "data")})])
    assert len(list(seen)) == 2
    assert seen.depth_stored == "floats in scene units"


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.8, 1.25, 2, 2.7, 10])
def test_another_scale_is_noted_with_the_factor(scale: float) -> None:
    [note] = checked([(camera, depth * scale) for camera, depth in room()])
    factor = float(note.rpartition(" by ")[2])
    assert "do not fit" in note
    assert factor * scale == pytest.approx(1, abs=0.012)


def ball() -> list[tuple[Camera, np.ndarray]]:
    """Six views around a ball: each sees what its neighbours see a part of, and nothing of the other side."""
    views = []
    for n in range(6):
        camera = facing((1.5 * np.cos(n * np.pi / 3), 1.5 * np.sin(n * np.pi / 3), 0.6 * (-1) ** n), (0, 0, 0))
        origin, direction, _ = rays_of(camera)
        a, b = (direction**2).sum(-1), direction @ origin
        inside = b * b - a * (origin @ origin - 0.4**2)
        views.append((camera, np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, 0).astype(np.float32)))
    return views


def test_an_object_seen_from_all_around_is_enough() -> None:
    assert checked(ball()) == []
    with pytest.raises(InputError, match="millimetres"):
        checked([(camera, depth * 1000) for camera, depth in ball()])
    for scale, words in ((10, "by 0.1"), (5, "by 0.2")):  # tenths of a millimetre, and 5,000 steps a metre, read as millimetres
        [note] = checked([(camera, depth * scale) for camera, depth in ball()])
        assert words in note


def test_distance_along_the_ray_is_noted() -> None:
    [note] = checked([(camera, depth * rays_of(camera)[2]) for camera, depth in room()])
    assert "distance along the ray" in note


def test_inverse_depth_is_noted() -> None:
    [note] = checked([(camera, 7 / depth) for camera, depth in room()])
    assert "disparity" in note
    assert "7" in note or "6.9" in note


def turning() -> list[tuple[Camera, np.ndarray]]:
    """A camera on a tripod."""
    return [(c, see_room(c)) for c in (facing((0, -1.5, 1.2), (2 * np.cos(t), -1.5 + 2 * np.sin(t), 1.2)) for t in np.linspace(0, 2, 9))]


def moving_little() -> list[tuple[Camera, np.ndarray]]:
    return [(c, see_room(c)) for c in (facing((1.8 + 1e-4 * n, 0, 1.2), (0, 0, 1.1)) for n in range(6))]


def walls_apart() -> list[tuple[Camera, np.ndarray]]:
    """Flat, alike, and no two of them of the same wall."""
    return [(facing((10.0 * n, -2, 1), (10.0 * n, 0, 1)), np.full((48, 64), 2, np.float32)) for n in range(5)]


def mountains() -> list[tuple[Camera, np.ndarray]]:
    """Far, seen while walking."""
    cameras = [facing((0.5 * n, 0, 1.7), (0.5 * n, 1, 1.7)) for n in range(5)]
    return [(c, 1500 + 200 * np.sin(4 * rays_of(c)[1][..., 0] + 0.5 * n / 1500)) for n, c in enumerate(cameras)]


def noisy() -> list[tuple[Camera, np.ndarray]]:
    rng = np.random.default_rng(3)
    return [(camera, depth * rng.normal(1, 0.01, depth.shape)) for camera, depth in room()]


def with_something_that_moves() -> list[tuple[Camera, np.ndarray]]:
    views = room()
    for n, (_, depth) in enumerate(views):
        depth[10:38, 4 * n : 4 * n + 12] = 1.0
    return views


@pytest.mark.parametrize(
    "scene",
    [room, ball, turning, moving_little, walls_apart, mountains, noisy, with_something_that_moves, lambda: room()[:1], lambda: room()[::6]],
)
def test_honest_scenes_are_left_alone(scene: Callable[[], list[tuple[Camera, np.ndarray]]]) -> None:
    assert checked(scene()) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(-1.8, 1.8), st.floats(0.5, 2.5), st.floats(0, 6.28)), min_size=2, max_size=6))
def test_no_honest_placement_of_cameras_is_complained_of(places: list[tuple[float, float, float, float]]) -> None:
    cameras = [facing((x, y, z), (x + np.cos(t), y + np.sin(t), z - 0.1)) for x, y, z, t in places if x * x + y * y > 0.3]
    assert checked([(camera, see_room(camera)) for camera in cameras]) == []
