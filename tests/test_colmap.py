"""COLMAP models as COLMAP, its converters and people write them: text and binary, and the right value from each."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_files import NONE, Model, Shot, damaged, png, quaternion, rotated

from backlot.shared.colmap import read_colmap
from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes
from backlot.shared.sources import read_source
from backlot.shared.value_codec import check_value, encode
from backlot.shared.values import Distortion

BOTH = pytest.mark.parametrize("form", ["txt", "bin"])
CENTRE = (30.0, 31.0, 16.0, 12.0)


def scene(seed: int = 0, count: int = 4, **changes: object) -> Model:
    """Cameras at random poses, each sees three of four points by the formula of a pinhole."""
    rng = np.random.default_rng(seed)
    points = [(10 * n + 1, rng.uniform(-1, 1, 3)) for n in range(4)]
    shots = []
    for n in range(count):
        q = quaternion(rng)
        t = rng.normal(size=3) * 0.2 - rotated(q, np.zeros(3)) + (0, 0, 5)
        features = [(1.5, 2.5, NONE)]
        for identity, point in points[: 3 if n % 2 else 4]:
            x, y, z = rotated(q, point) + t
            features.append((CENTRE[0] * x / z + CENTRE[2], CENTRE[1] * y / z + CENTRE[3], identity))
        shots.append(Shot(40 - n, f"img_{n:04d}.png", 1, q, t, features))
    return dataclasses.replace(Model(shots, points=points), **changes)


def check(model: Model, frames, tracks, left_out=()) -> None:
    """The frames see the points where the model says; in the order of names, with the numbers in them."""
    shots = sorted((s for s in model.shots if s.name not in left_out), key=lambda s: s.name)
    assert len(frames) == len(shots)
    np.testing.assert_array_equal(tracks.points, [xyz for _, xyz in model.points])
    ids = [identity for identity, _ in model.points]
    for frame, shot in zip(frames, shots, strict=True):
        check_value(frame)
        mine = tracks.frames == frame.number
        known = [(x, y, p) for x, y, p in shot.features if p in ids]
        np.testing.assert_array_equal(tracks.indices[mine], [ids.index(p) for _, _, p in known])
        np.testing.assert_allclose(tracks.pixels[mine], np.reshape([f[:2] for f in known], (-1, 2)), rtol=1e-6)
        local = (tracks.points[tracks.indices[mine]] - frame.camera.camera_to_world[:3, 3]) @ frame.camera.camera_to_world[:3, :3]
        seen = local[:, :2] / -local[:, 2:] * (frame.camera.fl_x, -frame.camera.fl_y) + (frame.camera.cx, frame.camera.cy)
        if frame.camera.distortion is None:
            np.testing.assert_allclose(seen, tracks.pixels[mine], atol=1e-4)
    check_value(tracks)
    encode([frames, tracks], [])


def noted(folder: Path, **more: object):
    with collect_notes() as notes:
        frames, tracks = read_colmap(folder, **more)
    return frames, tracks, notes.sentences()


@BOTH
def test_both_forms_give_the_same(tmp_path, form):
    model = scene()
    model.write(tmp_path / "sparse/0", form, tmp_path / "images")
    frames, tracks, notes = noted(tmp_path)
    check(model, frames, tracks)
    assert [frame.number for frame in frames] == [0, 1, 2, 3]
    assert not notes


@given(seed=st.integers(0, 1000), count=st.integers(1, 5))
@settings(max_examples=15, deadline=None)
def test_what_is_written_is_read(tmp_path_factory, seed, count):
    model = scene(seed, count)
    for form in ("txt", "bin"):
        folder = tmp_path_factory.mktemp("model")
        model.write(folder / "sparse", form, folder / "images")
        check(model, *read_colmap(folder))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end(tmp_path, encoding, end):
    model = scene()
    model.shots[1].name = "Möbel 1.png"
    model.write(tmp_path / "sparse", "txt", tmp_path / "images", encoding, end)
    frames, tracks, notes = noted(tmp_path)
    assert [frame.channels["color"].name for frame in frames] == ["img_0000.png", "Möbel 1.png", "img_0002.png", "img_0003.png"]
    assert ["UTF-8" in note for note in notes].count(True) == (encoding == "cp1252")
    assert len(tracks.frames) == 14


def test_ids_have_64_bits(tmp_path):
    model = scene()
    for n, shot in enumerate(model.shots):
        shot.identity = 2**63 + n
    far = {identity: 2**64 - 10 - n for n, (identity, _) in enumerate(model.points)}  # equal as float64
    model = dataclasses.replace(model, points=[(far[i], xyz) for i, xyz in model.points])
    for shot in model.shots:
        shot.features = [(x, y, far.get(p, p)) for x, y, p in shot.features]
    model.write(tmp_path / "sparse", "txt", tmp_path / "images")
    check(model, *read_colmap(tmp_path))
    text = (tmp_path / "sparse/images.txt").read_text()
    (tmp_path / "sparse/images.txt").write_text(text.replace(" -1", f" {NONE}"))  # as some write it
    check(model, *read_colmap(tmp_path))
    (tmp_path / "sparse/images.txt").write_text(text.replace(" -1", f" {NONE + 1}"))
    with pytest.raises(InputError, match="POINT3D_ID"):
        read_colmap(tmp_path)


def test_blank_lines_comments_and_missing_lines_of_features(tmp_path):
    model = scene()
    for shot in model.shots[1:3]:
        shot.features = []
    model.write(tmp_path / "sparse", "txt", tmp_path / "images")
    path = tmp_path / "sparse/images.txt"
    for text in (
        path.read_text().replace("\n", "\n# a comment\n\n"),
        "".join(line + "\n" for line in path.read_text().splitlines() if line),
        path.read_text().replace("\n", "\r\r\n").replace(" ", "\t"),
        "\n\n" + path.read_text().rstrip(),
    ):
        path.write_text(text, newline="")
        check(model, *read_colmap(tmp_path))


@BOTH
def test_missing_pictures_are_left_out_and_so_is_what_they_saw(tmp_path, form):
    model = scene()
    model.write(tmp_path / "sparse", form, tmp_path / "images")
    (tmp_path / "images/img_0002.png").unlink()
    frames, tracks, notes = noted(tmp_path)
    check(model, frames, tracks, left_out=["img_0002.png"])
    assert [frame.number for frame in frames] == [0, 1, 3]
    assert notes == ["img_0002.png: 1 of 4 images are left out because their pictures are missing"]
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"img_000\d\.png.*--images"):
        read_colmap(tmp_path)


@BOTH
def test_an_image_without_a_finite_pose_is_left_out(tmp_path, form):
    for pose in ([np.nan] * 4, [-np.inf, 0, 0, 0], [0, 0, 0, 0]):
        model = scene()
        model.shots[1].rotation = pose
        model.write(tmp_path / "sparse", form, tmp_path / "images")
        frames, tracks, notes = noted(tmp_path)
        check(model, frames, tracks, left_out=["img_0001.png"])
        assert notes == ["img_0001.png: the image is left out because its pose is not finite or all zero"]
    for shot in model.shots:
        shot.translation = [np.nan] * 3
    model.write(tmp_path / "sparse", form)
    with pytest.raises(InputError, match="no finite one in 4"):
        read_colmap(tmp_path)


@BOTH
def test_points_and_observations_that_are_not_finite_are_left_out(tmp_path, form):
    model = scene()
    model.shots[0].features = [(np.nan, 3.0, 1), *model.shots[0].features[2:]]
    points = [*model.points, (99, (np.inf, 0, 0))]
    dataclasses.replace(model, points=points).write(tmp_path / "sparse", form, tmp_path / "images")
    frames, tracks, notes = noted(tmp_path)
    model.shots[0].features = model.shots[0].features[1:]
    check(model, frames, tracks)
    assert ["1 points" in notes[0], "1 observations" in notes[1]] == [True, True]


@pytest.mark.parametrize(
    ("listed", "there"),
    [
        ("cam 1/a_1.png", "cam 1/a_1.png"),
        ("cam 1\\a_1.png", "cam 1/a_1.png"),
        ("a_1.JPG", "a_1.jpg"),
        ("a_1.jpg", "a_1.PNG"),
        ("C:\\shots\\a_1.png", "a_1.png"),
        ("/data/images/a_1.png", "a_1.png"),
        ("images/a_1.png", "a_1.png"),
    ],
)
@BOTH
def test_names_of_other_systems(tmp_path, listed, there, form):
    model = scene(count=1)
    model.shots[0].name = listed
    model.write(tmp_path / "sparse", form)
    png(tmp_path / "images" / there)
    frames, tracks, notes = noted(tmp_path)
    check(model, frames, tracks)
    assert frames[0].channels["color"].name == Path(there).name
    assert frames[0].number == 1
    assert bool(notes) == (listed not in (there, "images/a_1.png"))


@BOTH
def test_cameras_that_no_image_uses_do_not_matter(tmp_path, form):
    cameras = [(1, "PINHOLE", 32, 24, CENTRE), (7, "OPENCV_FISHEYE", 32, 24, (30, 30, 16, 12, 0.1, 0, 0, 0))]
    model = scene(cameras=cameras)
    model.write(tmp_path / "sparse", form, tmp_path / "images")
    check(model, *read_colmap(tmp_path))
    model.shots[0].camera = 7
    model.write(tmp_path / "sparse", form)
    with pytest.raises(InputError, match="image_undistorter"):
        read_colmap(tmp_path)


LENSES = [
    ("SIMPLE_PINHOLE", (30, 16, 12), (30, 30), None),
    ("SIMPLE_RADIAL", (30, 16, 12, 0.1), (30, 30), Distortion("brown", (0.1, 0, 0, 0, 0, 0))),
    ("RADIAL", (30, 16, 12, 0.1, 0.2), (30, 30), Distortion("brown", (0.1, 0.2, 0, 0, 0, 0))),
    ("OPENCV", (30, 31, 16, 12, 0.1, 0.2, 0.3, 0.4), (30, 31), Distortion("brown", (0.1, 0.2, 0, 0, 0.3, 0.4))),
    ("FULL_OPENCV", (30, 31, 16, 12, 0.1, 0.2, 0.3, 0.4, 0.5, 0, 0, 0), (30, 31), Distortion("brown", (0.1, 0.2, 0.5, 0, 0.3, 0.4))),
    ("SIMPLE_DIVISION", (30, 16, 12, -0.1), (30, 30), Distortion("division", (-0.1,))),
    ("DIVISION", (30, 31, 16, 12, -0.1), (30, 31), Distortion("division", (-0.1,))),
]


@pytest.mark.parametrize(("model", "parameters", "focal", "lens"), LENSES)
@BOTH
def test_lenses(tmp_path, form, model, parameters, focal, lens):
    scene(cameras=[(1, model, 32, 24, parameters)]).write(tmp_path / "sparse", form, tmp_path / "images")
    camera = read_colmap(tmp_path)[0][0].camera
    assert ((camera.fl_x, camera.fl_y), camera.cx, camera.cy, camera.distortion) == (focal, 16, 12, lens)


def test_a_rational_lens_becomes_a_polynomial_or_is_refused(tmp_path):
    over, under = np.array([-0.1, 0.05, 0.01]), np.array([0.2, 0.03, -0.01])
    for k, fits in ((under, True), (np.array([-9.0, 4.0, 3.0]), False)):
        parameters = (300.0, 300.0, 160.0, 120.0, over[0], over[1], 0.001, -0.002, over[2], *k)
        scene(cameras=[(1, "FULL_OPENCV", 320, 240, parameters)]).write(tmp_path / "sparse", "txt", tmp_path / "images")
        if not fits:
            with pytest.raises(InputError, match="k4 to k6"):
                read_colmap(tmp_path)
            continue
        frames, _, notes = noted(tmp_path)
        *radial, p1, p2 = frames[0].camera.distortion.coefficients
        assert (p1, p2) == (0.001, -0.002)
        radii = np.linspace(0, np.hypot(160, 120) / 300, 200)
        true = radii * (1 + radii[:, None] ** (2, 4, 6) @ over) / (1 + radii[:, None] ** (2, 4, 6) @ k)
        found = radii * (1 + radii[:, None] ** (2, 4, 6, 8) @ radial)
        assert np.abs(true - found).max() * 300 < 0.05
        assert "polynomial" in notes[0]


@pytest.mark.parametrize(
    ("model", "pictures"),
    [
        (".", "images"),
        ("sparse", "images"),
        ("sparse/0", "images"),
        ("0", "images"),
        ("colmap/sparse/0", "images"),
        ("dense/sparse", "dense/images"),
        ("sparse/0", "."),
        ("sparse/0", "input"),
        ("text", "images"),
    ],
)
@BOTH
def test_usual_layouts(tmp_path, form, model, pictures):
    made = scene()
    made.write(tmp_path / model, form, tmp_path / pictures)
    for path in (tmp_path, tmp_path / model, tmp_path / model / f"images.{form}"):
        source = read_source(path)
        assert source.kind == "colmap"
        check(made, source.frames, source.tracks)


def test_an_undistorted_copy_keeps_its_own_pictures(tmp_path):
    scene().write(tmp_path / "dense/sparse", "bin", tmp_path / "dense/images")
    for n in range(4):
        png(tmp_path / f"images/img_{n:04d}.png", 64, 48)  # the originals
    (tmp_path / "dense/images/img_0001.png").unlink()
    frames, _, notes = noted(tmp_path)
    assert [int.from_bytes(frame.channels["color"].data[16:20], "big") for frame in frames] == [32, 32, 32]
    assert "img_0001.png" in notes[0]


def test_of_several_models_the_largest_is_read(tmp_path):
    scene(1, 2).write(tmp_path / "sparse/0", "bin", tmp_path / "images")
    scene(2, 5).write(tmp_path / "sparse/1", "bin", tmp_path / "images")
    frames, _, notes = noted(tmp_path)
    assert len(frames) == 5
    assert "sparse: of the models here, 1 is read" in notes[0]
    assert "0 (2)" in notes[0]
    assert len(read_colmap(tmp_path / "sparse/0")[0]) == 2


def test_a_model_in_a_folder_of_any_name(tmp_path):
    """As ETH3D has it; the names have the folder in them."""
    made = scene()
    for shot in made.shots:
        shot.name = f"dslr_images_undistorted/{shot.name}"
    made.write(tmp_path / "dslr_calibration_undistorted", "txt", tmp_path / "images")
    for folder in (tmp_path, tmp_path / "dslr_calibration_undistorted"):
        frames, tracks, notes = noted(folder)
        check(made, frames, tracks)
        assert ("no usual folder" in " ".join(notes)) == (folder == tmp_path)


def test_text_and_binary_in_one_folder_are_said(tmp_path):
    scene(1, 2).write(tmp_path, "txt", tmp_path / "images")
    scene(2, 3).write(tmp_path, "bin", tmp_path / "images")
    frames, _, notes = noted(tmp_path)
    assert len(frames) == 2
    assert "2 images in .txt and 3 images in .bin: the text is read" in notes[0]


def test_a_file_that_broke_off_is_said(tmp_path):
    model = scene()
    model.write(tmp_path / "sparse", "txt", tmp_path / "images")
    path = tmp_path / "sparse/images.txt"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True)[:-2]))
    (tmp_path / "sparse/points3D.txt").write_text("# Number of points: 9\n")
    _, tracks, notes = noted(tmp_path)
    assert len(tracks.points) == 0
    assert "images.txt: the file says that it has 4 images, and has 3" in notes[0] + notes[1]
    assert "points3D.txt: the file says that it has 9 points, and has 0" in notes[0] + notes[1]
    (tmp_path / "sparse/points3D.txt").unlink()
    assert "no points3D" in " ".join(noted(tmp_path)[2])
    assert read_source(tmp_path).tracks is None


@BOTH
def test_the_same_image_twice_is_refused(tmp_path, form):
    for change in ({"identity": 40}, {"name": "img_0000.png"}):
        model = scene()
        model.shots[1] = dataclasses.replace(model.shots[1], **change)
        model.write(tmp_path / "sparse", form, tmp_path / "images")
        with pytest.raises(InputError, match="once in images"):
            read_colmap(tmp_path)


def test_numbers_are_those_of_the_names(tmp_path):
    model = scene()
    for shot, name in zip(model.shots, ("a_10.png", "a_2.png", "a_1.png", "a_100.png"), strict=True):
        shot.name = name
    model.write(tmp_path / "sparse", "bin", tmp_path / "images")
    assert [frame.number for frame in read_colmap(tmp_path)[0]] == [1, 2, 10, 100]
    for shot, name in zip(model.shots, ("oak.png", "ash.png", "elm.png", "fir.png"), strict=True):
        shot.name = name
    model.write(tmp_path / "sparse", "bin", tmp_path / "images")
    frames = read_colmap(tmp_path)[0]
    assert [(frame.number, frame.channels["color"].name) for frame in frames] == [
        (0, "ash.png"), (1, "elm.png"), (2, "fir.png"), (3, "oak.png"),
    ]  # fmt: skip


def test_other_spellings_of_numbers(tmp_path):
    model = scene()
    model.write(tmp_path / "sparse", "txt", tmp_path / "images")
    path = tmp_path / "sparse/cameras.txt"
    text = path.read_text()
    path.write_text(text.replace(" 32 24 ", " 32.0 24.0 ").replace("30.0", "3.0E+01").replace("PINHOLE", "pinhole"))
    check(model, *read_colmap(tmp_path))
    for good, bad, message in (("30.0", "30,0", "decimal point"), (" 32 ", " 32.5 ", "whole"), ("30.0", "3_0.0", "numbers in line 3")):
        path.write_text(text.replace(good, bad))
        with pytest.raises(InputError, match=message):
            read_colmap(tmp_path)


def outcome(folder: Path) -> str:
    try:
        frames, tracks = read_colmap(folder)
    except InputError as error:
        return str(error)
    check_value(tracks)
    for frame in frames:
        check_value(frame)
    return ""


@BOTH
def test_damaged_models_are_read_or_refused_with_a_sentence(tmp_path, form):
    model = scene()
    model.write(tmp_path / "sparse", form, tmp_path / "images")
    rng = np.random.default_rng(3)
    for path in sorted((tmp_path / "sparse").iterdir()):
        whole = path.read_bytes()
        for n in range(150):
            path.write_bytes(damaged(whole, n, rng))
            said = outcome(tmp_path)
            assert said.isprintable(), (path.name, n)
            if form == "bin" and n % 3 == 0:
                assert "breaks off" in said, (path.name, n)
        path.write_bytes(whole)


def test_what_is_no_model_is_a_sentence(tmp_path):
    (tmp_path / "sparse").mkdir()
    (tmp_path / "sparse/cameras.bin").write_bytes(b"\0" * 8)
    with pytest.raises(InputError, match=r"cameras and images"):
        read_colmap(tmp_path / "sparse")
    (tmp_path / "sparse/images.bin").write_bytes(b"\0" * 8)
    with pytest.raises(InputError, match="mapper"):
        read_colmap(tmp_path / "sparse")
    (tmp_path / "sparse/images.bin").write_bytes(b"\0" * 9)
    with pytest.raises(InputError, match="1 bytes more"):
        read_colmap(tmp_path / "sparse")


@BOTH
def test_cameras_that_are_none(tmp_path, form):
    good = (30.0, 31.0, 16.0, 12.0)
    for camera, message in (
        ((1, "PINHOLE", 32, 24, (np.nan, *good[1:])), "finite"),
        ((1, "PINHOLE", 0, 24, good), "above 0"),
        ((1, "PINHOLE", 32, 24, (-30.0, *good[1:])), "above 0"),
        ((2, "PINHOLE", 32, 24, good), "name a camera of the model"),
        ((1, "FOV", 32, 24, (*good, 0.5)), "FOV"),
    ):
        scene(cameras=[camera]).write(tmp_path / "sparse", form, tmp_path / "images")
        with pytest.raises(InputError, match=message):
            read_colmap(tmp_path)
    scene(cameras=[(1, "PINHOLE", 32, 24, good)] * 2).write(tmp_path / "sparse", form)
    with pytest.raises(InputError, match="CAMERA_ID 1 once"):
        read_colmap(tmp_path)


def test_a_camera_model_of_a_later_version_is_refused_in_binary(tmp_path):
    scene().write(tmp_path / "sparse", "bin", tmp_path / "images")
    path = tmp_path / "sparse/cameras.bin"
    data = bytearray(path.read_bytes())
    data[12] = 99
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="model_converter"):
        read_colmap(tmp_path)


def test_a_model_without_its_pictures_says_how_to_name_them(tmp_path):
    scene().write(tmp_path / "a/b/c/sparse", "bin")
    for more in ({}, {"images": tmp_path / "nowhere"}):
        with pytest.raises(InputError, match="--images"):
            read_colmap(tmp_path / "a/b/c", **more)
    (tmp_path / "a/b/c/sparse/x.png").write_bytes(b"x")
    with pytest.raises(InputError, match="--images"):
        read_colmap(tmp_path / "a/b/c")
