"""``transforms.json`` in the variants that other programs write: the right camera from each, and what is left out is said."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scene_files import damaged, png

from backlot.shared.errors import InputError
from backlot.shared.frames import read_transforms, write_transforms
from backlot.shared.notes import collect_notes
from backlot.shared.sources import read_source
from backlot.shared.value_codec import check_value
from backlot.shared.values import Camera, Distortion

TURN = np.array([[0.0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
LENS = {"fl_x": 30.0, "fl_y": 31.0, "cx": 15.0, "cy": 11.0, "w": 32, "h": 24}


def pose(n: int) -> list[list[float]]:
    matrix = TURN.copy()
    matrix[0, 3] += n
    return matrix.tolist()


def entry(n: int, **more: Any) -> dict[str, Any]:
    return {"file_path": f"images/frame_{n:05d}.png", "transform_matrix": pose(n), **more}


def store(folder: Path, frames: Any, name: str = "transforms.json", text: bool = False, **top: Any) -> Path:
    for n in (1, 2, 3):
        png(folder / f"images/frame_{n:05d}.png", value=n)
    data = json.dumps({"frames": frames, **top})
    (folder / name).write_text(frames if text else data, encoding="utf-8")
    return folder


def noted(folder: Path, **more: Any):
    with collect_notes() as notes:
        frames = read_transforms(folder, whole=False, **more)
    for frame in frames:
        check_value(frame)
    return frames, notes.sentences()


def three(**more: Any) -> list[dict[str, Any]]:
    return [entry(n, **more) for n in (1, 2, 3)]


def positions(frames) -> list[float]:
    return [float(frame.camera.camera_to_world[0, 3]) for frame in frames]


def test_a_plain_capture_has_no_notes(tmp_path):
    frames, notes = noted(store(tmp_path, three(), **LENS))
    assert positions(frames) == [2, 3, 4]
    assert [frame.number for frame in frames] == [1, 2, 3]
    camera = frames[0].camera
    assert (camera.fl_x, camera.fl_y, camera.cx, camera.cy, camera.width, camera.height) == (30, 31, 15, 11, 32, 24)
    assert not notes


VARIANTS: dict[str, dict[str, Any]] = {
    "nerfstudio": {
        **LENS, "camera_model": "OPENCV", "k1": 0.1, "k2": 0.0, "p1": 0.0, "p2": 0.0, "applied_transform": np.eye(4)[:3].tolist(),
        "applied_scale": 0.5, "ply_file_path": "sparse_pc.ply", "orientation_override": "none", "train_filenames": [],
    },
    "instant-ngp": {
        **LENS, "w": 32.0, "h": 24.0, "camera_angle_x": 9.0, "camera_angle_y": 9.0, "k1": 0.1, "k3": 0, "aabb_scale": 16,
        "is_fisheye": False, "scale": 1.0, "offset": [0, 0, 0], "integer_depth_scale": 0.001,
    },
    "k's as null": {**LENS, "k1": 0.1, "k2": None, "camera_model": None},
    "full": {**LENS, "camera_model": "FULL_OPENCV", "k1": 0.1, "k4": 0.0, "k5": 0.0, "k6": 0.0},
    "lower case": {**LENS, "camera_model": "opencv", "k1": 0.1, "k5": 0.0},
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_of_exporters(tmp_path, name):
    frames, notes = noted(store(tmp_path, three(), **VARIANTS[name]))
    camera = frames[2].camera
    assert (camera.fl_x, camera.fl_y, camera.cx, camera.cy, camera.width, camera.height) == (30, 31, 15, 11, 32, 24)
    assert camera.distortion == Distortion("brown", (0.1, 0, 0, 0, 0, 0))
    assert not notes


def test_intrinsics_of_a_frame_win_whichever_way_they_are_written(tmp_path):
    """Polycam writes fl_x in each frame, others an angle; the top has another one."""
    own = [entry(1, fl_x=40.0, fl_y=41.0, cx=16, cy=12, w=32, h=24), entry(2, camera_angle_x=2 * math.atan(0.5), fl_y=33), entry(3)]
    frames, _ = noted(store(tmp_path, own, fl_x=30.0))
    assert [(f.camera.fl_x, f.camera.fl_y) for f in frames] == [(40, 41), (pytest.approx(32.0), 33), (30, 30)]
    frames, _ = noted(store(tmp_path, three(), camera_angle_y=2 * math.atan(0.5)))
    assert (frames[0].camera.fl_x, frames[0].camera.fl_y) == (pytest.approx(24.0), pytest.approx(24.0))
    assert (frames[0].camera.width, frames[0].camera.height, frames[0].camera.cx) == (32, 24, 16)


def test_distortion_in_one_list_is_heard(tmp_path):
    listed = [entry(1, distortion_params=[0.1, 0.02, 0, 0, 0.001, 0.002]), entry(2, k1=0.1, k2=0.02, p1=0.001, p2=0.002), entry(3)]
    frames, _ = noted(store(tmp_path, listed, **LENS))
    assert frames[0].camera.distortion == frames[1].camera.distortion
    assert frames[2].camera.distortion is None
    with pytest.raises(InputError, match=r"distortion_params.*as 6 numbers"):
        noted(store(tmp_path, [entry(1, distortion_params=[0.3, 0.1, 0, 0])], **LENS))


def test_a_pose_of_zeros_is_none(tmp_path):
    zeros = [entry(2, transform_matrix=[[0.0] * 4] * 4)]
    frames, notes = noted(store(tmp_path, [entry(1), *zeros, entry(3)], **LENS))
    assert [frame.number for frame in frames] == [1, 3]
    assert "no finite pose" in notes[0]


@pytest.mark.parametrize("value", ["-inf", "NaN", "-Infinity", "null", "1.#IND", "1e999"])
def test_a_frame_without_a_finite_pose_is_left_out(tmp_path, value):
    """Metashape's exporters write such poses for cameras that are not aligned."""
    text = json.dumps({"frames": three(), **LENS}).replace("3.0, 1.0]", f"3.0, {value}]", 0).replace("3.0], [1", f"{value}], [1", 1)
    assert value in text
    frames, notes = noted(store(tmp_path, text, text=True))
    assert positions(frames) == [2, 4]
    assert [frame.number for frame in frames] == [1, 3]
    assert "1 of 3 frames are left out because they have no finite pose, first frame 2 (images/frame_00002.png)" in notes
    with pytest.raises(InputError, match="frame 2"):  # a shot with a frame less would be two shots
        read_transforms(tmp_path)
    (tmp_path / "transforms.json").write_text(
        json.dumps({"frames": [entry(1, transform_matrix=None), {"file_path": "images/frame_00002.png"}]})
    )
    with pytest.raises(InputError, match="frame 1"):
        noted(tmp_path)


def test_other_shapes_of_the_matrix(tmp_path):
    shapes = [pose(1)[:3], np.ravel(pose(2)).tolist(), np.ravel(pose(3)[:3]).tolist()]
    frames, notes = noted(store(tmp_path, [entry(n + 1, transform_matrix=m) for n, m in enumerate(shapes)], **LENS))
    assert positions(frames) == [2, 3, 4]
    np.testing.assert_array_equal(frames[2].camera.camera_to_world, pose(3))
    assert not notes


@pytest.mark.parametrize(
    ("top", "said"), [({"fl_x": 0.9}, "part of the width"), ({"fl_x": 1.4}, "millimetres"), ({"cx": 0.5, "cy": 0.5}, "parts of its size")]
)
def test_numbers_in_other_units_are_noted(tmp_path, top, said):
    frames, notes = noted(store(tmp_path, three(), **{**LENS, **top}))
    assert len(frames) == 3
    assert said in " ".join(notes)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.transpose(pose(1)).tolist(), "Transpose"),
        (np.eye(3).tolist(), "4 x 4"),
        ([["1", "0", "0", "0"]] * 4, "4 x 4"),
        ([[True, False, False, False]] * 4, "4 x 4"),
        ([[1, 5, 0, 0, 0, 5, 0, 0]] * 3, "decimal point"),
        ("identity", "4 x 4"),
        ({"a": 1}, "4 x 4"),
        ([[[1]]], "4 x 4"),
        ((np.eye(4) * 2).tolist(), "rigid"),
    ],
)
def test_matrices_that_are_none(tmp_path, matrix, message):
    with pytest.raises(InputError, match=message):
        noted(store(tmp_path, [entry(1, transform_matrix=matrix)], **LENS))


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ({"k5": 0.1}, "k5 0.1"),
        ({"camera_model": "OPENCV_FISHEYE"}, "camera_model"),
        ({"is_fisheye": 1}, "is_fisheye"),
        ({"w": 10**400}, "w of frame 1"),
        ({"w": 1e300}, "whole numbers"),
        ({"h": "24"}, "h of frame 1"),
        ({"fl_x": 0}, "more than 0"),
        ({"fl_x": None, "fl_y": None, "camera_angle_x": 50.0}, "radians"),
        ({"fl_x": None, "fl_y": None}, "camera_angle_x"),
        ({"fl_x": True}, "fl_x"),
        ({"cx": math.nan}, "cx"),
        ({"skew": 0.5}, "skew"),
    ],
)
def test_cameras_that_are_none(tmp_path, top, message):
    with pytest.raises(InputError, match=message):
        noted(store(tmp_path, three(), **{**LENS, **top}))


def test_names_that_no_disk_can_have(tmp_path):
    for name in ("\ud800.png", "a\0b.png", "x" * 5000, "\x1b[31m.png"):
        with pytest.raises(InputError, match="file_path of frame") as refused:
            noted(store(tmp_path, [entry(1, file_path=name)], **LENS))
        assert str(refused.value).isprintable()


WRITTEN = [
    "images\\frame_0000{}.png", "images/frame_0000{}", "images/frame_0000{}.PNG", "images/frame_0000{}.jpg", "IMAGES/Frame_0000{}.png",
    "C:\\cap\\images\\frame_0000{}.png", "/home/x/cap/images/frame_0000{}.png", "file:///x/images/frame_0000{}.png", "frame_0000{}.png",
]  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN)
def test_paths_of_other_systems(tmp_path, written):
    frames, notes = noted(store(tmp_path, [entry(n, file_path=written.format(n)) for n in (1, 2, 3)], **LENS))
    assert [frame.channels["color"].name for frame in frames] == [f"frame_0000{n}.png" for n in (1, 2, 3)]
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert positions(frames) == [2, 3, 4]
    assert notes


def test_single_backslashes(tmp_path):
    """images\\frame has a form feed in JSON; images\\img is none."""
    text = json.dumps({"frames": three(), **LENS})
    for written in (text.replace("images/", "images\\"), text.replace("images/", "images\\").replace("file_path", "file_path") + "  "):
        frames, notes = noted(store(tmp_path, written, text=True))
        assert positions(frames) == [2, 3, 4]
        assert "backslashes" in notes[0]


def test_the_colour_never_stands_in_for_a_missing_depth(tmp_path):
    folder = store(tmp_path, three(depth_file_path="/data/depth/frame_00001.png"), **LENS)
    with pytest.raises(InputError, match="depth_file_path"):
        noted(folder)
    folder = store(tmp_path, [entry(1, depth_file_path="images/frame_00001.exr")], **LENS)
    with pytest.raises(InputError, match="a file each"):
        noted(folder)


def test_keys_of_other_programs(tmp_path):
    png(tmp_path / "d1.png")
    png(tmp_path / "m1.png")
    folder = store(tmp_path, [entry(1, depth_path="d1.png", mask_file_path="m1.png")], integer_depth_scale=0.01, **LENS)
    [frame], notes = noted(folder)
    assert {name: file.name for name, file in frame.channels.items()} == {"color": "frame_00001.png", "depth": "d1.png", "mask": "m1.png"}
    assert frame.depth_scale == 0.01
    assert not notes


def test_frames_by_number_and_repeated_frames(tmp_path):
    frames, notes = noted(store(tmp_path, {"7": entry(1), "9": entry(2)}, **LENS))
    assert [(frame.number, frame.channels["color"].name) for frame in frames] == [(7, "frame_00001.png"), (9, "frame_00002.png")]
    frames, _ = noted(store(tmp_path, {"a": entry(1), "b": entry(2)}, **LENS))
    assert [frame.number for frame in frames] == [1, 2]
    frames, notes = noted(store(tmp_path, [entry(1), entry(2), entry(1)], **LENS))
    assert [frame.number for frame in frames] == [1, 2]
    assert notes == ["transforms.json: 1 of 3 frames are left out because they are listed twice"]


def test_other_names_of_the_file(tmp_path):
    store(tmp_path, three(), "transforms_train.json", **LENS)
    with collect_notes() as notes:
        source = read_source(tmp_path)
    assert len(source.frames) == 3
    assert "transforms_train.json: there is no transforms.json" in notes.sentences()[0]
    store(tmp_path, three(), "transforms_test.json", **LENS)
    with pytest.raises(InputError, match=r"transforms_test\.json, transforms_train\.json"):
        read_source(tmp_path)
    assert len(read_source(tmp_path / "transforms_test.json").frames) == 3
    store(tmp_path, three(), "Transforms.json", **LENS)
    assert len(read_source(tmp_path).frames) == 3


def test_what_is_written_is_read(tmp_path):
    rng = np.random.default_rng(0)
    png(tmp_path / "a.png")
    made = []
    for _ in range(4):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = turn * np.sign(np.linalg.det(turn)), rng.normal(size=3) * 1e5
        made.append(Camera(32, 24, *rng.uniform(10, 50, 2), *rng.uniform(5, 20, 2), matrix, Distortion("brown", tuple(rng.normal(size=6)))))
    write_transforms(tmp_path, [{"camera": camera, "files": {"color": "a.png"}, "number": 3 * n} for n, camera in enumerate(made)])
    frames, notes = noted(tmp_path)
    assert [frame.number for frame in frames] == [0, 3, 6, 9]
    for frame, camera in zip(frames, made, strict=True):
        np.testing.assert_array_equal(frame.camera.camera_to_world, camera.camera_to_world)
        assert frame.camera.distortion == camera.distortion
        assert (frame.camera.fl_x, frame.camera.fl_y, frame.camera.cx, frame.camera.cy) == (camera.fl_x, camera.fl_y, camera.cx, camera.cy)
    assert not notes


def test_damaged_files_are_read_or_refused_with_a_sentence(tmp_path):
    store(tmp_path, three(), **LENS, k1=0.1, camera_model="OPENCV")
    path = tmp_path / "transforms.json"
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    for n in range(300):
        path.write_bytes(damaged(whole, n, rng))
        try:
            noted(tmp_path)
        except InputError as error:
            said = str(error)
        else:
            said = ""
        assert said.replace("\n", "").isprintable(), n
        assert said or n % 3
