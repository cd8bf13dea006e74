"""``transforms.json`` in and out, and the decoding of what it names."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest

from backlot.backend.io.frames.frame import DepthFrame
from backlot.backend.io.frames.numbers import distinct_numbers
from backlot.backend.io.frames.source import FrameSource, decode_depth
from backlot.backend.reconstruct.stereo.views import Reader
from backlot.backend.style.keyframes import shot as style_keyframes
from backlot.backend.style.shot import passes as style_shot
from backlot.shared.errors import InputError
from backlot.shared.frames import read_transforms, write_transforms
from backlot.shared.notes import collect_notes
from backlot.shared.values import Camera, Distortion, EncodedFile, Image, SceneFrame

POSE = np.array([[0.0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])


def save(path: Path, pixels: np.ndarray, names: list[str] | None = None) -> None:
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    kind = oiio.FLOAT if pixels.dtype == np.float32 else pixels.dtype.name
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    if names:
        spec.channelnames = names
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), oiio.geterror()
    assert out.write_image(np.ascontiguousarray(pixels))
    out.close()


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    color = np.zeros((6, 8, 3), np.uint8)
    color[..., 0] = 255
    save(tmp_path / "color.png", color)
    save(tmp_path / "depth.exr", np.full((6, 8), 2.5, np.float32), ["Z"])
    save(tmp_path / "depth16.png", np.full((6, 8), 2500, np.uint16))
    layers = np.zeros((6, 8, 5), np.float32)
    layers[..., :4], layers[..., 4] = [0.5, 0.25, 0.125, 1.0], 7.0
    names = [f"ViewLayer.{name}" for name in ("Combined.R", "Combined.G", "Combined.B", "Combined.A", "Depth.Z")]
    save(tmp_path / "layers.exr", layers, names)
    return tmp_path


def store(folder: Path, frames: object, **top: object) -> Path:
    (folder / "transforms.json").write_text(json.dumps({"frames": frames, **top}))
    return folder


def entry(**more: object) -> dict[str, object]:
    return {"file_path": "color.png", "depth_file_path": "depth.exr", "transform_matrix": POSE.tolist(), **more}


LENS = {"fl_x": 10.0, "w": 8, "h": 6}


def test_global_and_per_frame_intrinsics(capture):
    own = entry(fl_x=20.0, fl_y=21.0, cx=3.0, cy=2.5, frame_number=42)
    first, second = read_transforms(store(capture, [entry(), own], **LENS))
    assert (first.camera.fl_x, first.camera.fl_y, first.camera.cx, first.camera.cy) == (10, 10, 4, 3)
    assert (second.camera.fl_x, second.camera.fl_y, second.camera.cx, second.camera.cy) == (20, 21, 3, 2.5)
    assert (first.number, second.number) == (0, 42)
    np.testing.assert_array_equal(first.camera.camera_to_world, POSE)
    assert first.channels["depth"].name == "depth.exr"


def test_angle_and_size_from_the_picture(capture):
    (frame,) = read_transforms(store(capture, [entry()], camera_angle_x=math.pi / 2) / "transforms.json")
    assert (frame.camera.width, frame.camera.height) == (8, 6)
    assert frame.camera.fl_x == pytest.approx(4.0)
    assert frame.camera.cx == 4.0


def test_suffix_may_be_missing(capture):
    (frame,) = read_transforms(store(capture, [entry(file_path="./color", depth_file_path="depth16")], **LENS))
    assert frame.channels["color"].name == "color.png"
    assert frame.channels["depth"].name == "depth16.png"


def test_depth_units(capture):
    def decoded(path: str, **top: object) -> DepthFrame:
        return decode_depth(read_transforms(store(capture, [entry(depth_file_path=path)], **LENS, **top))[0])

    save(capture / "float.tif", np.full((6, 8), 2.5, np.float32))
    save(capture / "whole.tif", np.full((6, 8), 2500, np.uint16))
    for path, top, depth, step in (
        ("depth.exr", {}, 2.5, 0), ("float.tif", {}, 2.5, 0), ("depth16.png", {}, 2.5, 0.001), ("whole.tif", {}, 2.5, 0.001),
        ("depth16.png", {"depth_unit_scale_factor": 0.01}, 25, 0.01), ("float.tif", {"depth_unit_scale_factor": 0.01}, 0.025, 0),
    ):  # fmt: skip
        found = decoded(path, **top)
        np.testing.assert_allclose(found.depth, depth, rtol=1e-6)
        assert found.noise == pytest.approx(step)
        np.testing.assert_allclose(found.color, np.tile([1.0, 0, 0], (6, 8, 1)), atol=1e-6)


def test_one_multilayer_file_for_several_channels(capture):
    (frame,) = read_transforms(store(capture, [entry(file_path="layers.exr", depth_file_path="layers.exr")], **LENS))
    assert frame.channels["color"] is frame.channels["depth"]
    decoded = decode_depth(frame)
    np.testing.assert_array_equal(decoded.depth, np.full((6, 8), 7, np.float32))
    np.testing.assert_allclose(decoded.color[0, 0], [0.5, 0.25, 0.125])
    assert decoded.noise == 0


def test_multilayer_file_without_depth_names_its_layers(capture):
    save(capture / "flat.exr", np.ones((6, 8, 3), np.float32), ["ViewLayer.Combined.R", "ViewLayer.Combined.G", "ViewLayer.Combined.B"])
    (frame,) = read_transforms(store(capture, [entry(file_path="flat.exr", depth_file_path="flat.exr")], **LENS))
    with pytest.raises(InputError, match="layer Depth"):
        decode_depth(frame)


def test_round_trip(capture):
    camera = Camera(8, 6, 11.5, 12.25, 4.125, 2.875, POSE)
    meta = [{"camera": camera, "files": {"color": "color.png", "depth": Path("depth.exr")}, "number": 7}]
    path = write_transforms(capture / "again", meta)
    for name in ("color.png", "depth.exr"):
        (capture / "again" / name).write_bytes((capture / name).read_bytes())
    (frame,) = read_transforms(path)
    assert frame.number == 7
    assert frame.depth_scale == 1.0
    for key in ("width", "height", "fl_x", "fl_y", "cx", "cy"):
        assert getattr(frame.camera, key) == getattr(camera, key)
    np.testing.assert_array_equal(frame.camera.camera_to_world, POSE)


def test_writing_checks_channels_and_poses(tmp_path):
    camera = Camera(8, 6, 10, 10, 4, 3, POSE * 2)
    with pytest.raises(InputError, match="rigid"):
        write_transforms(tmp_path, [{"camera": camera, "files": {"color": "a.png"}}])
    with pytest.raises(InputError, match="channel"):
        write_transforms(tmp_path, [{"camera": Camera(8, 6, 10, 10, 4, 3, POSE), "files": {"colour": "a.png"}}])


@pytest.mark.parametrize(
    ("changes", "top", "message"),
    [
        ({"transform_matrix": None}, {}, "4 x 4"),
        ({"transform_matrix": [[1, 2], [3]]}, {}, "4 x 4"),
        ({"transform_matrix": (np.eye(4) * [2, 2, 2, 1]).tolist()}, {}, r"frame 0 \(color.png\).*rigid"),
        ({"transform_matrix": np.diag([1.0, -1, 1, 1]).tolist()}, {}, "mirrored"),
        ({"file_path": "gone.png"}, {}, "no such file"),
        ({"file_path": 3}, {}, "file_path"),
        ({}, {"fl_x": None}, "camera_angle_x"),
        ({}, {"fl_x": "wide"}, "fl_x"),
        ({}, {"fl_x": -3}, "focal"),
        ({}, {"w": 7.5}, "whole numbers"),
        ({}, {"camera_model": "OPENCV_FISHEYE"}, "camera_model"),
        ({}, {"k1": "bent"}, "k1"),
        ({"depth_unit_scale_factor": 0}, {}, "depth_unit_scale_factor"),
        ({"frame_number": "one"}, {}, "frame_number"),
    ],
)
def test_bad_entries_are_named(capture, changes, top, message):
    with pytest.raises(InputError, match=message):
        read_transforms(store(capture, [entry(**changes)], **(LENS | top)))


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "JSON"), ("[]", "frames"), ('{"frames": []}', "at least one"), ('{"frames": [3]}', "frame 0"), ("[" * 100000, "JSON")],
)
def test_bad_files_are_refused(tmp_path, text, message):
    (tmp_path / "transforms.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_transforms(tmp_path)


def test_missing_and_empty_files(capture, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_transforms(tmp_path / "nowhere")
    (capture / "empty.png").write_bytes(b"")
    with pytest.raises(InputError, match="empty file"):
        read_transforms(store(capture, [entry(file_path="empty.png")], **LENS))


def test_unreadable_depth_names_the_frame(capture):
    broken = EncodedFile(np.frombuffer(b"not a picture", np.uint8), "depth.exr")
    with pytest.raises(InputError, match="frame 9"):
        decode_depth(SceneFrame(Camera(8, 6, 10, 10, 4, 3, POSE), {"depth": broken}, 1.0, 9))


def test_what_is_no_measurement():
    depth = np.array([[1.0, 0, np.nan, np.inf], [1e10, 3.0, -1.0, 2.0]], np.float32)[..., None]
    decoded = decode_depth(SceneFrame(Camera(4, 2, 4, 4, 2, 1, POSE), {"depth": Image(depth, "data")}), max_depth=2.5)
    np.testing.assert_array_equal(decoded.depth, [[1, 0, 0, 0], [0, 0, 0, 2]])


def test_smaller_depth_scales_the_camera():
    depth = np.ones((3, 4, 1), np.float32)
    decoded = decode_depth(SceneFrame(Camera(8, 6, 10, 10, 4.5, 3, POSE), {"depth": Image(depth, "data")}))
    assert (decoded.camera.width, decoded.camera.fl_x, decoded.camera.cx) == (4, 5, 2.25)


def test_frames_come_in_order_twice_kept_or_not():
    camera = Camera(4, 2, 4, 4, 2, 1, POSE)
    frames = [SceneFrame(camera, {"depth": Image(np.full((2, 4, 1), 1.0 + n, np.float32), "data")}, 1.0, n) for n in range(5)]
    for keep in (0, 70, 1 << 20):
        source = FrameSource(frames, 0.0, keep)
        for _ in range(2):
            assert [(f.number, float(f.depth[0, 0])) for f in source] == [(n, 1.0 + n) for n in range(5)]


def test_every_decoder_applies_the_depth_scale_and_keeps_the_lens():
    lens = Distortion("brown", (-0.1, 0.02))
    camera = Camera(16, 12, 20, 20, 9, 6, POSE, lens)
    depth = np.linspace(0.5, 4, 8 * 6, dtype=np.float32).reshape(6, 8, 1)
    whole = np.rint(depth * 1000).astype(np.uint16)
    channels = {
        "color": Image(np.full((6, 8, 3), 0.5, np.float32), "linear"),
        "motion": Image(np.zeros((6, 8, 4), np.float32), "data"),
        "object_id": Image(np.ones((6, 8, 1), np.uint16), "data"),
    }
    for pixels, scale, error in ((depth, 1.0, 0), (depth * 4, 0.25, 0), (whole, 0.001, 5e-4)):
        frame = SceneFrame(camera, {**channels, "depth": Image(pixels, "data")}, scale, 3)
        for decoded in (decode_depth(frame), style_shot.open_shot([frame])[3], style_keyframes.open_shot([frame])[3]):
            np.testing.assert_allclose(decoded.depth, depth[..., 0], atol=error + 1e-9, rtol=1e-6 if error else 0)
            assert (decoded.camera.distortion, decoded.camera.fl_x, decoded.size) == (lens, 10, (6, 8))
        view, _, _ = Reader().read(frame)
        assert (view.distortion, view.width) == (None, 8)
        [undistorted] = FrameSource([frame])
        assert undistorted.camera.distortion is None


def test_a_shot_keeps_frames_within_its_room_and_refuses_what_differs():
    camera = Camera(4, 2, 4, 4, 2, 1, POSE)

    def frame(number, size=(2, 4), **more):
        return SceneFrame(camera, {"color": Image(np.full((*size, 3), number, np.float32), "linear"), **more}, 1.0, number)

    shot = style_keyframes.open_shot([frame(3), frame(-1), frame(2)], keep_bytes=0)
    assert (shot.numbers, shot.size, shot.present, len(shot)) == ([-1, 2, 3], (2, 4), (), 3)
    assert [shot.follows(index) for index in range(3)] == [False, False, True]
    assert [float(shot.at(index).color[0, 0, 0]) for index in (0, 1, 2, 0)] == [-1, 2, 3, -1]
    with pytest.raises(InputError, match="frame 2 twice"):
        style_keyframes.open_shot([frame(2), frame(2)])
    with pytest.raises(InputError, match="5 x 2 in frame 1"):
        style_keyframes.open_shot([frame(0), frame(1, (2, 5))])[1]
    depth = Image(np.ones((2, 4, 1), np.float32), "data")
    with pytest.raises(InputError, match="depth in frame 1, as in frame 0"):
        style_keyframes.open_shot([frame(0, depth=depth), frame(1)])[1]


def test_frames_of_one_number_are_numbered_in_order():
    camera = Camera(4, 2, 4, 4, 2, 1, POSE)

    def numbers(*given, **more):
        with collect_notes() as notes:
            found = distinct_numbers([SceneFrame(camera, {}, 1.0, number) for number in given], **more)
        return [frame.number for frame in found], notes.sentences()

    assert numbers(5, 3, 9) == ([5, 3, 9], [])
    assert numbers(0, 0, 0) == ([0, 1, 2], [])
    assert numbers(4, 5, 4)[0] == [0, 1, 2]
    assert "2 of frame 4" in numbers(4, 5, 4)[1][0]
    with pytest.raises(InputError, match="frame 4 2 times"):
        numbers(4, 5, 4, tracked=True)


def test_object_ids_are_whole_numbers_everywhere():
    ids = Image(np.full((2, 4, 1), 1.5, np.float32), "data")
    frame = SceneFrame(Camera(4, 2, 4, 4, 2, 1, POSE), {"color": Image(np.ones((2, 4, 3), np.float32)), "object_id": ids})
    for open_shot in (style_shot.open_shot, style_keyframes.open_shot):
        with pytest.raises(InputError, match="whole numbers"):
            open_shot([frame])
