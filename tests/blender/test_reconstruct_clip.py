"""A solved clip becomes cameras, a lens and tracks. The oracle is Blender's solver: with other formulas its error is not 0."""

import types

import bpy
import numpy as np
import pytest
from blender import solved_clip
from blender.solved_clip import FRAMES, POINTS, SIZE
from blender.walk import snapshot

from backlot.addon.reconstruct import clips, footage, plate, unwrap
from backlot.shared.errors import InputError
from backlot.shared.frames import read_transforms
from backlot.shared.tracks import read_tracks

BROWN = {"k1": 0.2, "k2": -0.1, "k3": 0.02, "k4": 0.01, "p1": -0.04, "p2": 0.03}


def inverse(undistort):
    def bend(x, y):
        bent = np.array([x, y])
        for _ in range(100):
            bent += np.array([x, y]) - np.array(undistort(*bent))
        return bent

    return bend


def division(x, y):
    r = x * x + y * y
    return x / (1 + 0.15 * r - 0.05 * r * r), y / (1 + 0.15 * r - 0.05 * r * r)


def nuke(x, y):
    r = (x * x + y * y) * (solved_clip.FOCAL / (max(SIZE) / 2)) ** 2
    return x / (1 + 0.1 * r - 0.02 * r * r), y / (1 + 0.1 * r - 0.02 * r * r)


LENSES = {
    "none": ({}, solved_clip.brown, (0, 0), 1.0),
    "polynomial": (
        {"distortion_model": "POLYNOMIAL", "k1": 0.2, "k2": -0.1, "k3": 0.05},
        lambda x, y: solved_clip.brown(x, y, 0.2, -0.1, 0.05), (7, -4), 1.0,
    ),
    "brown": (
        # Blender has the tangential terms the other way round, and rows upwards.
        {"distortion_model": "BROWN", **{f"brown_{k}": BROWN[k] for k in ("k1", "k2", "k3", "k4")}, "brown_p1": BROWN["p2"],
         "brown_p2": -BROWN["p1"]},
        lambda x, y: solved_clip.brown(x, y, **BROWN), (-5, 3), 1.25,
    ),
    "division": ({"distortion_model": "DIVISION", "division_k1": 0.15, "division_k2": -0.05}, division, (0, 0), 1.0),
    "nuke": ({"distortion_model": "NUKE", "nuke_k1": 0.1, "nuke_k2": -0.02}, inverse(nuke), (0, 0), 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", LENSES)
@pytest.mark.contract
def test_points_through_cameras_and_lens_are_where_the_markers_are(scene, tmp_path, name):
    lens, bend, principal, aspect = LENSES[name]
    clip = solved_clip.make(tmp_path, lens, bend, principal, aspect)
    assert clip.tracking.objects[0].reconstruction.average_error < 1e-3, "the test's lens is not Blender's"
    solved_clip.orient(clip, scene)
    solve = clips.solve(clip, scene)
    cameras = clips.cameras(clip, solve)
    tracks = clips.tracks(clip, solve.world, set(cameras))
    assert len(cameras) == FRAMES
    assert np.abs(tracks.points - POINTS).max() < 2e-3, "the solved world does not lie where the camera object puts it"
    assert (cameras[1].distortion is None) is (name == "none")
    for frame, camera in cameras.items():
        assert np.abs(camera.camera_to_world - np.array(solved_clip.pose(frame))).max() < 2e-3
        mine = tracks.frames == frame
        x, y = solved_clip.ideal(tracks.points[tracks.indices[mine]], camera.camera_to_world)
        x, y = solved_clip.brown(x, y, *(camera.distortion.coefficients if camera.distortion else ()))
        found = np.stack([camera.fl_x * x + camera.cx, camera.fl_y * y + camera.cy], 1)
        assert np.abs(found - tracks.pixels[mine]).max() < 0.02


def test_files_and_back(scene, tmp_path):
    """The files of a sequence are sent unchanged; what is on disk describes the whole solve."""
    lens, bend, principal, aspect = LENSES["brown"]
    clip = solved_clip.make(tmp_path / "shot", lens, bend, principal, aspect, number=101)
    solved_clip.orient(clip, scene)
    capture = footage.FootageCapture(scene, footage.FootageSettings(clip.name, 3, 15, 4), tmp_path / "capture")
    assert list(capture.steps())[-1] == capture.total == 4
    frames = read_transforms(tmp_path / "capture")
    assert [frame.number for frame in frames] == [3, 7, 11, 15]
    assert frames[0].channels["color"].data.tobytes() == (tmp_path / "shot" / "shot_0103.png").read_bytes()
    assert not list((tmp_path / "capture").glob("*.png"))
    expected = capture.cameras()
    for frame in frames:
        camera = expected[frame.number]
        assert np.allclose(frame.camera.camera_to_world, camera.camera_to_world)
        assert frame.camera.distortion.coefficients == pytest.approx(camera.distortion.coefficients)
        assert (frame.camera.cx, frame.camera.fl_y) == pytest.approx((camera.cx, camera.fl_y))
    before, after = capture.tracks(), read_tracks(tmp_path / "capture")
    assert np.allclose(before.points, after.points)
    assert np.abs(before.pixels - after.pixels).max() < 1e-3
    assert np.array_equal(before.frames, after.frames)
    assert set(after.frames) == {3, 7, 11, 15}


@pytest.mark.contract
def test_a_movie_is_decoded_frame_by_frame(scene, tmp_path):
    def picture(frame):
        pixels = np.ones((SIZE[1], SIZE[0], 4), np.float32)
        pixels[..., 0], pixels[..., 1] = np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1])[:, None]
        pixels[..., 2] = frame / FRAMES
        return pixels

    stills = solved_clip.make(tmp_path / "shot", pictures=picture)
    movie = _movie(tmp_path, stills)
    for frame in (2, 9, FRAMES):
        written = footage.decode(movie, frame, tmp_path)
        image = bpy.data.images.load(str(written))
        assert tuple(image.size) == SIZE
        pixels = np.array(image.pixels, np.float32).reshape(SIZE[1], SIZE[0], 4)
        assert np.abs(pixels - picture(frame))[..., :3].max() < 0.03, "8 bits, and colour at half resolution"
    assert [s.name for s in bpy.data.scenes] == ["Scene"]
    movie.frame_offset = 3
    assert np.array(bpy.data.images.load(str(footage.decode(movie, 2, tmp_path))).pixels)[2] == pytest.approx(5 / FRAMES, abs=0.02)
    assert footage.sequence_file(stills, 2).name == "shot_0002.png"
    stills.frame_offset = 3
    assert footage.sequence_file(stills, 2).name == "shot_0005.png"
    numbered = types.SimpleNamespace(filepath=str(tmp_path / "shot_0009.jp2"), library=None, frame_offset=0)
    assert footage.sequence_file(numbered, 2).name == "shot_0010.jp2", "digits of the suffix are no frame"


@pytest.mark.contract
def test_the_file_is_left_as_it_was(scene, tmp_path):
    """A sequence, a movie, a plate and Smart UV: no setting, datablock, selection, frame or flag differs afterwards."""
    stills = solved_clip.make(tmp_path / "shot")
    solved_clip.orient(stills, scene)
    movie = _movie(tmp_path, stills)
    bpy.data.images.load(str(tmp_path / "shot" / "shot_0003.png")).use_fake_user = True
    edited = bpy.data.images.new("Edited", 16, 12)
    edited.pixels[0] = 0.5
    scene.frame_set(4)
    bpy.context.view_layer.update()
    before = snapshot()
    selected = list(bpy.context.selected_objects)
    assert list(footage.FootageCapture(scene, footage.FootageSettings(stills.name), tmp_path / "sequence").steps())
    for frame in (1, 5):
        assert footage.decode(movie, frame, tmp_path).is_file()
    for image in ("shot_0003.png", "Edited"):
        assert list(plate.PlateCapture(scene, plate.PlateSettings(image, "Edited"), tmp_path / image).steps())
    assert len(unwrap.smart(bpy.data.objects["Cube"]).faces) == 12
    after = snapshot()
    changed = {key: (before.get(key), after.get(key)) for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert not changed
    assert (bpy.context.scene, list(bpy.context.selected_objects)) == (scene, selected)


def test_a_plate_of_a_solved_clip_has_its_camera_and_tracks(scene, tmp_path):
    lens, bend, principal, aspect = LENSES["polynomial"]
    clip = solved_clip.make(tmp_path / "shot", lens, bend, principal, aspect)
    solved_clip.orient(clip, scene)
    image = bpy.data.images.load(str(tmp_path / "shot" / "shot_0005.png"))
    capture = plate.PlateCapture(scene, plate.PlateSettings(image.name), tmp_path / "plate")
    assert list(capture.steps()) == [1]
    [frame] = read_transforms(tmp_path / "plate")
    assert frame.number == 5
    assert np.abs(frame.camera.camera_to_world - np.array(solved_clip.pose(5))).max() < 2e-3
    assert frame.camera.distortion is not None
    assert set(read_tracks(capture.described("tracks")["tracks"]).frames) == {5}
    assert capture.described("depth") == {}
    elsewhere = bpy.data.images.new("Elsewhere", 64, 48)
    scene.camera.constraints.clear()
    scene.camera.matrix_world = solved_clip.pose(2)
    capture = plate.PlateCapture(scene, plate.PlateSettings(elsewhere.name), tmp_path / "other")
    assert capture.described("tracks") == {}
    assert capture.camera.fl_x == pytest.approx(scene.camera.data.lens / scene.camera.data.sensor_width * 64)
    scene.camera = None
    with pytest.raises(InputError, match="Field of View"):
        plate.PlateCapture(scene, plate.PlateSettings(elsewhere.name), tmp_path / "none")
    upright = plate.PlateCapture(scene, plate.PlateSettings(elsewhere.name, fov=90.0), tmp_path / "none").camera
    assert upright.fl_x == pytest.approx(32)
    assert np.allclose(upright.camera_to_world[:3, 2], [0, -1, 0]), "looks along y, the plate stands upright"


def test_what_cannot_be_used_is_refused_with_what_to_do(scene, tmp_path):
    with pytest.raises(InputError, match="Clip Editor"):
        clips.find("")
    clip = solved_clip.make(tmp_path)
    assert clips.find("") == clip
    camera = solved_clip.orient(clip, scene)
    for settings, words in (({"start": 2, "end": 3}, "solve covers 1 to 16"), ({"step": 0}, "at least 1")):
        with pytest.raises(InputError, match=words):
            footage.FootageCapture(scene, footage.FootageSettings(clip.name, **settings), tmp_path / "none")
    with pytest.raises(InputError, match="sideways"):
        footage.FootageSettings.from_json({"clip": clip.name, "sideways": 1})
    camera.scale.x *= 2
    with pytest.raises(InputError, match="three equal numbers"):
        clips.solve(clip, scene)
    for item in camera.constraints:
        item.mute = True
    assert clips.solve(clip, scene).camera == "", "no camera follows the solve: its own space"
    for path in tmp_path.glob("shot_*"):
        path.unlink()
    with pytest.raises(InputError, match="Find Missing Files"):
        list(footage.FootageCapture(scene, footage.FootageSettings(clip.name), tmp_path / "none").steps())
    with solved_clip.clip_editor(clip):
        bpy.ops.clip.clear_solution()
    with pytest.raises(InputError, match="Solve Camera Motion"):
        clips.solve(clip, scene)
    solved_clip.solve(clip, tripod=True)
    with pytest.raises(InputError, match="turns on the spot"):
        clips.solve(clip, scene)


def _movie(folder, stills):
    scene = bpy.data.scenes.new("Encode")
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_image("Stills", bpy.path.abspath(stills.filepath), 1, 1)
    for frame in range(2, FRAMES + 1):
        strip.elements.append(f"shot_{frame:04d}.png")
    strip.frame_final_duration = FRAMES
    render = scene.render
    render.resolution_x, render.resolution_y = SIZE
    scene.view_settings.view_transform = "Standard"
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec, render.ffmpeg.constant_rate_factor = "MPEG4", "H264", "LOSSLESS"
    scene.frame_start, scene.frame_end = 1, FRAMES
    render.filepath = str(folder / "movie.mp4")
    bpy.ops.render.render(animation=True, scene=scene.name)
    bpy.data.scenes.remove(scene)
    return bpy.data.movieclips.load(str(folder / "movie.mp4"))
