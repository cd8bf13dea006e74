"""Sources of frames without Blender: COLMAP models, stereo pairs, distortion in transforms.json, and how each is recognised."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backlot.backend.cli import main
from backlot.backend.cli import reconstruct as cli
from backlot.backend.io.writing import encode
from backlot.shared.colmap import read_colmap
from backlot.shared.errors import InputError
from backlot.shared.events import Finished
from backlot.shared.frames import read_transforms, write_transforms
from backlot.shared.jobfile import load_job_file
from backlot.shared.jobs import Job
from backlot.shared.notes import collect_notes
from backlot.shared.object_names import objects_as_ids
from backlot.shared.operations import find
from backlot.shared.outputs import Writer
from backlot.shared.sources import read_source
from backlot.shared.stereo import read_calibration, read_stereo
from backlot.shared.values import Camera, Distortion, EncodedFile, Image

WIDTH, HEIGHT = 32, 24


def picture(path: Path, width: int = WIDTH, height: int = HEIGHT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(Image(np.zeros((height, width, 3), np.uint8)), path.suffix.lstrip(".")))
    return path


def rotation(axis: tuple[float, float, float], angle: float) -> np.ndarray:
    k = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def quaternion(axis: tuple[float, float, float], angle: float) -> np.ndarray:
    return np.array([np.cos(angle / 2), *(np.sin(angle / 2) * np.array(axis) / np.linalg.norm(axis))])


def project(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Pixels by the conventions of ``Camera`` and of ``Distortion("brown")``, written out."""
    pose = camera.camera_to_world
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    x, y = local[:, 0] / -local[:, 2], -local[:, 1] / -local[:, 2]
    if camera.distortion:
        k1, k2, k3, k4, p1, p2 = (*camera.distortion.coefficients, *[0.0] * 6)[:6]
        r2 = x * x + y * y
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + k4 * r2**4
        x, y = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x), y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return np.stack([x * camera.fl_x + camera.cx, y * camera.fl_y + camera.cy], 1)


CAMERAS = """# Camera list with one line of data per camera:
1 OPENCV 32 24 30.5 31 15.75 12.25 -0.1 0.02 0.001 -0.002
2 SIMPLE_RADIAL 32 24 28 16 12 0.05
3 PINHOLE 32 24 30 31 16 12
"""
POINTS = np.array([[0.3, -0.2, 4.0], [-0.5, 0.4, 5.0], [0.1, 0.1, 3.5]])
TURNS = [((0, 1, 0), 0.1, (0.1, 0.0, 0.2)), ((1, 2, 0), -0.2, (0.0, 0.3, 0.1)), ((0, 0, 1), 0.3, (-0.2, 0.1, 0.0))]
LENSES = {1: (30.5, 31, 15.75, 12.25, -0.1, 0.02, 0.001, -0.002), 2: (28, 28, 16, 12, 0.05, 0, 0, 0), 3: (30, 31, 16, 12, 0, 0, 0, 0)}


def seen(index: int) -> np.ndarray:
    """Pixels as OpenCV and COLMAP define them: world-to-camera, y down, z forward."""
    axis, angle, move = TURNS[index]
    local = POINTS @ rotation(axis, angle).T + move
    fx, fy, cx, cy, k1, k2, p1, p2 = LENSES[index + 1]
    x, y = local[:, 0] / local[:, 2], local[:, 1] / local[:, 2]
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2 * r2
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    v = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return np.stack([u * fx + cx, v * fy + cy], 1)


def colmap(folder: Path, cameras: str = CAMERAS, images: str | None = None, model: str = "sparse/0") -> Path:
    place = folder / model
    place.mkdir(parents=True, exist_ok=True)
    (place / "cameras.txt").write_text(cameras)
    if images is None:
        lines = ["# Image list with two lines of data per image:"]
        for index, (axis, angle, move) in enumerate(TURNS):
            values = " ".join(repr(float(x)) for x in (*quaternion(axis, angle), *move))
            lines.append(f"{index + 7} {values} {index + 1} shot {2 - index}.png")  # names in the other order, with a space
            marks = [f"{u!r} {v!r} {n * 10}" for n, (u, v) in enumerate(seen(index).tolist())]
            lines.append(" ".join(["1.5 2.5 -1", *marks]))
        images = "\n".join(lines) + "\n"
    (place / "images.txt").write_text(images)
    rows = [f"{n * 10} {' '.join(map(repr, point))} 10 20 30 0.5 7 0 8 0" for n, point in enumerate(POINTS.tolist())]
    (place / "points3D.txt").write_text("# points\n" + "\n".join(rows) + "\n")
    for n in range(3):
        picture(folder / "images" / f"shot {n}.png")
    return folder


def test_colmap_cameras_put_points_where_colmap_saw_them(tmp_path):
    frames, tracks = read_colmap(colmap(tmp_path))
    assert [frame.number for frame in frames] == [0, 1, 2]  # by name
    assert [frame.channels["color"].name for frame in frames] == ["shot 0.png", "shot 1.png", "shot 2.png"]
    np.testing.assert_array_equal(tracks.points, POINTS)
    assert len(tracks.frames) == 9  # features that became no point are left out
    for frame in frames:
        mine = tracks.frames == frame.number
        np.testing.assert_allclose(project(frame.camera, tracks.points[tracks.indices[mine]]), tracks.pixels[mine], atol=1e-4)
    assert frames[0].camera.distortion is None
    assert frames[1].camera.distortion == Distortion("brown", (0.05, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("model", [".", "sparse", "sparse/0"])
def test_a_colmap_model_is_found_from_the_folder_or_a_file(tmp_path, model):
    colmap(tmp_path, model=model)
    for path in (tmp_path, tmp_path / model, tmp_path / model / "images.txt"):
        source = read_source(path)
        assert source.kind == "colmap"
        assert len(source.frames) == 3
        assert source.tracks is not None
        assert not source.has_depth


def test_pictures_of_a_colmap_model_may_lie_elsewhere(tmp_path):
    colmap(tmp_path / "a")
    (tmp_path / "a" / "images").rename(tmp_path / "shots")
    with pytest.raises(InputError, match="images"):
        read_source(tmp_path / "a")
    assert len(read_source(tmp_path / "a", images=tmp_path / "shots").frames) == 3


GOOD = "1 1 0 0 0 0 0 0 3 shot 0.png\n\n"


@pytest.mark.parametrize(
    ("cameras", "images", "message"),
    [
        ("3 OPENCV_FISHEYE 32 24 30 30 16 12 0 0 0 0\n", GOOD, "OPENCV_FISHEYE"),
        ("3 PINHOLE 32 24 30 30 16\n", GOOD, "4 parameters of PINHOLE"),
        ("1 PINHOLE 32\n", GOOD, "line 1 of cameras.txt"),
        ("1 PINHOLE 32 24 x 30 16 12\n", GOOD, "numbers"),
        ("3 PINHOLE 32 24 nan 30 16 12\n", GOOD, "finite"),
        ("3 PINHOLE 32 24 -30 30 16 12\n", GOOD, "above 0"),
        (CAMERAS, "# nothing\n", "list pictures"),
        (CAMERAS, "1 1 0 0 0 0 0 0 3\n\n", "IMAGE_ID"),
        (CAMERAS, "1 1 0 0 0 0 0 0 9 shot 0.png\n\n", "camera 9"),
        (CAMERAS, "1 2 0 0 0 0 0 0 3 shot 0.png\n\n", "length 2"),
        (CAMERAS, "1 1 0 0 0 0 0 0 3 gone.png\n\n", "gone.png"),
        (CAMERAS, "1 1 0 0 0 0 0 0 3 shot 0.png\n1 2\n", "triples"),
    ],
)
def test_bad_colmap_models_name_the_line(tmp_path, cameras, images, message):
    with pytest.raises(InputError, match=message):
        read_colmap(colmap(tmp_path, cameras, images))


CALIB = """cam0=[994.978 0 311.193; 0 994.978 254.877; 0 0 1]
cam1=[994.978 0 342.279; 0 994.978 254.877; 0 0 1]
doffs=31.086
baseline=193.001
width=32
height=24
ndisp=70
"""


def stereo(folder: Path, calib: str = CALIB, right: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    picture(folder / "im0.png")
    picture(folder / "im1.png", *right)
    (folder / "calib.txt").write_text(calib)
    return folder


def test_disparity_of_a_pair_is_middleburys(tmp_path):
    """Z = baseline f / (d + doffs), with d = x0 - x1."""
    source = read_source(stereo(tmp_path))
    assert source.kind == "stereo"
    left, right = (frame.camera for frame in source.frames)
    assert [frame.number for frame in source.frames] == [0, 1]
    point = np.array([[0.2, 3.0, 0.1]])  # 3 m ahead, along +y
    (a,), (b,) = project(left, point), project(right, point)
    assert a[1] == pytest.approx(b[1])
    assert a[1] < left.cy  # what is higher in the world is higher in the picture
    assert 0.193001 * 994.978 / (a[0] - b[0] + 31.086) == pytest.approx(3.0)
    assert left.cx == pytest.approx(311.693)  # counted from the corner, not from the middle of the first pixel


def test_a_pair_of_two_files_and_numbers(tmp_path):
    stereo(tmp_path)
    source = read_source(tmp_path / "im0.png", right=tmp_path / "im1.png", focal=30.0, baseline=0.1)
    left, right = (frame.camera for frame in source.frames)
    assert (left.cx, left.cy, left.fl_x) == (16, 12, 30)
    np.testing.assert_allclose(right.camera_to_world[:3, 3] - left.camera_to_world[:3, 3], [0.1, 0, 0])
    assert read_source(tmp_path / "im0.png", right=tmp_path / "im1.png").frames[0].camera.fl_x == pytest.approx(994.978)


def test_a_smaller_copy_of_a_pair_keeps_its_geometry(tmp_path):
    frames = read_stereo(*(stereo(tmp_path) / n for n in ("im0.png", "im1.png")), read_calibration(tmp_path / "calib.txt"))
    (tmp_path / "calib.txt").write_text(CALIB.replace("width=32", "width=64").replace("height=24", "height=48"))
    half = read_source(tmp_path).frames
    assert half[0].camera.fl_x == pytest.approx(frames[0].camera.fl_x / 2)
    assert half[1].camera.cx == pytest.approx(frames[1].camera.cx / 2)


@pytest.mark.parametrize(
    ("calib", "right", "message"),
    [
        (CALIB.replace("baseline=193.001", ""), (WIDTH, HEIGHT), "baseline"),
        (CALIB.replace("193.001", "-3"), (WIDTH, HEIGHT), "above 0"),
        (CALIB.replace("193.001", "far"), (WIDTH, HEIGHT), "far"),
        (CALIB.replace("cam1=[994.978 0 342.279; 0 994.978", "cam1=[900 0 342.279; 0 900"), (WIDTH, HEIGHT), "rectified"),
        (CALIB.replace("cam0=[994.978 0 ", "cam0=["), (WIDTH, HEIGHT), "nine numbers"),
        (CALIB, (WIDTH, HEIGHT + 2), "same size"),
        (CALIB.replace("height=24", "height=99"), (WIDTH, HEIGHT), "shape of the calibration"),
    ],
)
def test_bad_pairs_say_what_is_wrong(tmp_path, calib, right, message):
    with pytest.raises(InputError, match=message):
        read_source(stereo(tmp_path, calib, right))


def test_half_a_pair_says_what_is_missing(tmp_path):
    picture(tmp_path / "im0.png")
    with pytest.raises(InputError, match="--right"):
        read_source(tmp_path / "im0.png")
    picture(tmp_path / "im1.png")
    with pytest.raises(InputError, match="calibration"):
        read_source(tmp_path)
    with pytest.raises(InputError, match=r"calib\.txt"):
        read_source(tmp_path / "im0.png", right=tmp_path / "im1.png")
    with pytest.raises(InputError, match="baseline"):
        read_source(tmp_path / "im0.png", right=tmp_path / "im1.png", focal=30.0)


def test_what_is_no_source_says_what_would_be(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match=r"transforms\.json.*COLMAP.*pair"):
            read_source(path)


def capture(folder: Path, **top: object) -> Path:
    picture(folder / "a.png")
    picture(folder / "b.png")
    frames = [{"file_path": f"{name}.png", "transform_matrix": np.eye(4).tolist()} for name in ("a", "gone", "b")]
    (folder / "transforms.json").write_text(json.dumps({"fl_x": 30, "frames": frames, **top}))
    return folder


def test_distortion_of_a_capture_goes_there_and_back(tmp_path):
    bend = Distortion("brown", (-0.1, 0.02, 0.0, 0.0, 0.001, -0.002))
    picture(tmp_path / "a.png")
    camera = Camera(WIDTH, HEIGHT, 30.0, 30.0, 16.0, 12.0, np.eye(4), bend)
    write_transforms(tmp_path, [{"camera": camera, "files": {"color": "a.png"}}])
    (frame,) = read_transforms(tmp_path)
    assert frame.camera.distortion == bend
    other = Camera(WIDTH, HEIGHT, 30.0, 30.0, 16.0, 12.0, np.eye(4), Distortion("division", (0.1,)))
    with pytest.raises(InputError, match="division"):
        write_transforms(tmp_path, [{"camera": other, "files": {"color": "a.png"}}])


@pytest.mark.parametrize("top", [{"camera_model": "OPENCV_FISHEYE"}, {"camera_model": "EQUIRECTANGULAR"}, {"is_fisheye": True}])
def test_fisheye_captures_are_refused(tmp_path, top):
    with pytest.raises(InputError, match="camera_model"):
        read_source(capture(tmp_path, **top))


def test_missing_pictures_of_a_capture_are_noted(tmp_path):
    with collect_notes() as notes:
        source = read_source(capture(tmp_path))
    assert len(source.frames) == 2
    [sentence] = notes.sentences()
    assert "gone.png" in sentence
    assert "1 of 3" in sentence
    with pytest.raises(InputError, match=r"frame 1.*gone.png"):  # a shot with a frame less would be two shots
        read_source(tmp_path, whole=True)
    assert [item.whole for op in ("style.shot", "style.keyframes") for item in find(op).inputs if item.kind == "frames"] == [True, True]


def test_names_of_objects_become_ids(tmp_path):
    (capture(tmp_path) / "objects.json").write_text('{"Chair": 3, "Old Table": 5}')
    names = read_source(tmp_path).objects
    assert objects_as_ids("Old Table, 3,Chair", names) == "5,3,3"
    with pytest.raises(InputError, match=r"Chair.*Old Table"):
        objects_as_ids("Sofa", names)


def write_job(folder: Path, frames: object, **more: object) -> Path:
    data = {"backlot_job": 1, "operation": "reconstruct.depth", "inputs": {"frames": frames}, **more}
    (folder / "job.json").write_text(json.dumps(data))
    return folder / "job.json"


def test_a_job_file_takes_every_source(tmp_path):
    colmap(tmp_path / "model")
    stereo(tmp_path / "pair")
    assert len(load_job_file(write_job(tmp_path, "model")).job.inputs["frames"]) == 3
    pair = {"source": "pair/im0.png", "right": "pair/im1.png", "focal": 30, "baseline": 0.1}
    frames = load_job_file(write_job(tmp_path, pair)).job.inputs["frames"]
    assert frames[1].camera.camera_to_world[0, 3] == pytest.approx(0.1)
    with pytest.raises(InputError, match="baseline"):
        load_job_file(write_job(tmp_path, {**pair, "baseline": "far"}))
    with pytest.raises(InputError, match="source"):
        load_job_file(write_job(tmp_path, {"left": "pair/im0.png"}))


def test_a_job_file_knows_objects_by_name_and_takes_the_tracks_along(tmp_path):
    (capture(tmp_path / "shot") / "objects.json").write_text('{"Chair": 3}')
    assert load_job_file(write_job(tmp_path, "shot", parameters={"objects": "Chair,5"})).job.parameters["objects"] == "3,5"
    colmap(tmp_path / "model")
    loaded = load_job_file(write_job(tmp_path, "model", operation="reconstruct.footage"))
    assert len(loaded.job.inputs["tracks"].points) == 3


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """What the command line would send to the backend; the notes are printed."""
    jobs: list[Job] = []

    def finish(job: Job, _label: str, _writer: object, notes: list[str]) -> int:
        jobs.append(job)
        print(*notes)
        return 0

    monkeypatch.setattr(cli, "finish", finish)
    return jobs


def test_the_command_line_picks_the_operation_by_depth(tmp_path, posted, capsys):
    colmap(tmp_path / "model")
    assert main(["reconstruct", str(tmp_path / "model"), "--out", str(tmp_path / "a.glb"), "--sources", "3"]) == 0
    assert posted[0].operation == "reconstruct.footage"
    assert posted[0].parameters == {"sources": 3}
    assert len(posted[0].inputs["tracks"].points) == 3
    depth = encode(Image(np.full((HEIGHT, WIDTH, 1), 2, np.float32), "data"), "exr")
    shot = tmp_path / "shot"
    shot.mkdir()
    for n in range(2):
        (shot / f"d{n}.exr").write_bytes(depth)
    camera = Camera(WIDTH, HEIGHT, 30.0, 30.0, 16.0, 12.0, np.eye(4))
    write_transforms(shot, [{"camera": camera, "files": {"depth": f"d{n}.exr"}, "number": n} for n in range(3)])
    (shot / "objects.json").write_text('{"Chair": 3}')
    assert main(["reconstruct", str(shot), "--voxel", "0.1", "--objects", "Chair", "--out", str(tmp_path / "b.usda")]) == 0
    assert posted[1].operation == "reconstruct.depth"
    assert posted[1].parameters == {"voxel": 0.1, "objects": "3"}
    assert posted[1].formats["mesh"] == "usda"
    assert "1 of 3 frames" in capsys.readouterr().out
    assert main(["reconstruct", str(shot), "--sources", "3", "--out", str(tmp_path / "b.ply")]) == 2
    assert "--sources" in capsys.readouterr().err


def test_the_command_line_takes_two_pictures(tmp_path, posted):
    stereo(tmp_path)
    files = [str(tmp_path / "im0.png"), "--right", str(tmp_path / "im1.png")]
    assert main(["reconstruct", *files, "--focal", "30", "--baseline", "0.2", "--out", str(tmp_path / "a.ply")]) == 0
    assert posted[0].inputs["frames"][1].camera.camera_to_world[0, 3] == pytest.approx(0.2)


def test_results_beside_the_mesh_find_each_other(tmp_path):
    files = {"mesh": "mesh.ply", "lod_1": "lod_1.obj", "lod_1.mtl": "lod_1.mtl"}
    texts = {"mesh": b"ply", "lod_1": b"mtllib lod_1.mtl\n", "lod_1.mtl": b"newmtl a\n"}
    outputs = {name: EncodedFile(np.frombuffer(texts[name], np.uint8), file) for name, file in files.items()}
    Writer(tmp_path / "room.ply", "mesh", beside=True).finish(Finished("j", outputs, {}), note="x")
    assert (tmp_path / "room.ply").read_bytes() == b"ply"
    assert (tmp_path / "room_lod_1.obj").read_text() == "mtllib room_lod_1.mtl\n"
    assert (tmp_path / "room_lod_1.mtl").is_file()
