"""Styles in the panel: what is sent for a shot and for keyframes, what is refused, frames as they arrive. No backend is needed."""

import json
import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.recorder import Recorder
from blender.walk import snapshot

from backlot.addon.images import pictures
from backlot.addon.jobs import queue, records
from backlot.addon.jobs.inputs import load_inputs, numbered_files
from backlot.addon.style import exr, facts, files, panel, results, shot, strength
from backlot.shared.errors import InputError, StorageError
from backlot.shared.events import Cancelled, Failed, Finished, Partial
from backlot.shared.frames import write_transforms
from backlot.shared.operations import OPERATIONS
from backlot.shared.values import Camera, EncodedFile, Image

SIZE = (32, 24)


def picture(name, value=0.5, size=SIZE):
    return pictures.receive(Image(np.full((size[1], size[0], 3), int(value * 255), np.uint8)), name)


@pytest.fixture
def captured(scene, tmp_path):
    """Five captured frames, each of one grey; the same file stands for all passes."""
    metas = []
    camera = Camera(*SIZE, 30.0, 30.0, 16.0, 12.0, np.eye(4))
    for number in range(11, 16):
        image = pictures.receive(Image(np.full((SIZE[1], SIZE[0], 3), number / 10, np.float32), "linear"), "color")
        image.filepath_raw, image.file_format = str(tmp_path / f"color_{number:04d}.exr"), "OPEN_EXR"
        image.save()
        bpy.data.images.remove(image)
        file = f"color_{number:04d}.exr"
        metas.append({"camera": camera, "files": dict.fromkeys(("color", "depth", "motion", "object_id"), file), "number": number})
    write_transforms(tmp_path, metas)
    (tmp_path / "objects.json").write_text(json.dumps({"Cube": 1, "Left, Shoe": 2, "Ball": 7}))
    group = scene.backlot_style
    group.shot_source, group.shot_folder = "CAPTURED", str(tmp_path)
    return tmp_path


@pytest.fixture
def sent(monkeypatch):
    """Requests as they would be sent; nothing is."""
    requests = []

    def send(_scene, record):
        request = json.loads(record.request)
        inputs = load_inputs(request["inputs"])
        OPERATIONS[record.operation].check_parameters(request["parameters"])
        OPERATIONS[record.operation].check_input_names(inputs)
        requests.append((request, inputs))
        return "sent"

    monkeypatch.setattr(queue, "send", send)
    return requests


def frame_file(number):
    return EncodedFile(np.frombuffer(b"frame %d" % number, np.uint8), f"stylised_{number:04d}.exr")


def running(scene, folder, operation="style.shot"):
    return records.add(scene, "a" * 32, operation, "Style Shot Oil", "running", {"folder": str(folder), "inputs": {}, "parameters": {}})


# -- strength --------------------------------------------------------------------------------------------------------


def test_strength_without_keys_is_a_number(scene):
    scene.backlot_style.strength = 0.4
    assert strength.text(scene, list(range(1, 25))) == "0.4"


def test_keys_become_the_frames_where_the_curve_bends(scene):
    for frame, value in ((1, 0.0), (10, 1.0), (20, 1.0), (24, 0.25)):
        scene.backlot_style.strength = value
        scene.keyframe_insert("backlot_style.strength", frame=frame)
    for point in strength.curve_of(scene).keyframe_points:
        point.interpolation = "LINEAR"
    assert strength.text(scene, list(range(1, 25))) == "1:0 10:1 20:1 24:0.25"
    assert strength.text(scene, [12, 13, 14]) == "1"


def test_a_long_curve_still_fits_into_the_parameter(scene):
    for frame in range(1, 900):
        scene.backlot_style.strength = frame % 2
        scene.keyframe_insert("backlot_style.strength", frame=frame)
    curve = strength.curve_of(scene)
    for point in curve.keyframe_points:
        point.interpolation, point.co.y = "LINEAR", 0.5 + 0.4 * np.sin(point.co.x / 9)
    text = strength.text(scene, list(range(1, 900)))
    assert len(text) <= 2000
    keys = np.array([[float(v) for v in part.split(":")] for part in text.split()])
    numbers = np.arange(1, 900)
    assert np.abs(np.interp(numbers, *keys.T) - (0.5 + 0.4 * np.sin(numbers / 9))).max() < 0.11


def test_a_driver_is_refused(scene):
    scene.driver_add("backlot_style.strength").driver.expression = "0.5"
    with pytest.raises(InputError, match="Bake the driver"):
        strength.text(scene, [1, 2])


# -- a shot is asked for ---------------------------------------------------------------------------------------------


def test_what_is_sent_of_a_shot(scene, captured, sent):
    scene.style_shot.input_style = picture("Oil")
    scene.style_shot.objects = "Cube, Ball"
    scene.backlot_style.strength = 0.75
    assert bpy.ops.backlot.style_shot(stroke_size=3.0) == {"FINISHED"}
    request, inputs = sent[0]
    assert [frame.number for frame in inputs["frames"]] == [11, 12, 13, 14, 15]
    parameters = request["parameters"]
    assert (parameters["strength"], parameters["objects"], parameters["stroke_size"]) == ("0.75", "1,7", 3.0)
    assert parameters["color"] == "replace"
    assert Path(request["folder"]).is_dir()
    assert scene.backlot_jobs.items[0].label == "Style Shot Oil"
    scene.style_shot.strength = "11:0 15:1"
    bpy.ops.backlot.style_shot()
    assert sent[1][0]["parameters"]["strength"] == "11:0 15:1"
    bpy.ops.backlot.style_shot(strength="0.5")
    assert sent[2][0]["parameters"]["strength"] == "0.5"
    assert len({request["folder"] for request, _ in sent}) == 3


def test_objects_are_chosen_by_selecting_them(scene):
    bpy.data.objects["Cube"].select_set(True)
    bpy.ops.backlot.style_selected()
    assert scene.style_shot.objects == "Cube"
    bpy.data.objects["Cube"].name = "Left, Shoe"
    bpy.ops.backlot.style_selected()
    assert scene.style_shot.objects == '"Left, Shoe"'
    bpy.ops.object.select_all(action="DESELECT")
    bpy.ops.backlot.style_selected()
    assert scene.style_shot.objects == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda scene: setattr(scene.render, "use_motion_blur", True), "motion blur is on"),
        (lambda scene: setattr(scene, "frame_end", scene.frame_start), "at least 2 frames"),
        (lambda scene: setattr(scene, "camera", None), "a camera"),
        (lambda scene: setattr(scene.backlot_style, "shot_source", "CAPTURED"), "a capture of this scene"),
        (lambda scene: setattr(scene.style_shot, "input_style", None), "an image as Style"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_rendered(scene, sent, change, words):
    scene.style_shot.input_style = picture("Oil")
    change(scene)
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.backlot.style_shot()
    assert not len(scene.backlot_jobs.items)


def test_frames_without_passes_or_of_two_sizes_are_refused(scene, captured, sent):
    scene.style_shot.input_style = picture("Oil")
    path = captured / "transforms.json"
    whole = json.loads(path.read_text())
    for entry in whole["frames"]:
        del entry["motion_file_path"]
    path.write_text(json.dumps(whole))
    with pytest.raises(RuntimeError, match="no motion"):
        bpy.ops.backlot.style_shot()
    whole["frames"][2]["w"] = 48
    path.write_text(json.dumps(whole))
    with pytest.raises(RuntimeError, match="32 x 24 and 48 x 24"):
        bpy.ops.backlot.style_shot()
    assert not sent


@pytest.mark.skipif(not any(item.kind == "images" for item in OPERATIONS["style.image"].inputs), reason="has one style only")
def test_several_styles_have_weights_and_a_rendered_content_has_passes(scene, sent):
    scene.style_image.input_style = picture("Oil")
    for name in ("Chalk", "Ink"):
        picture(name)
        bpy.ops.backlot.add_style_image(image=name)
    bpy.ops.backlot.add_style_image()
    scene.backlot_style.styles[1].weight = 0.5
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    bpy.ops.backlot.style(from_camera_content=True)
    request, inputs = sent[0]
    assert len(inputs["styles"]) == 2
    assert request["parameters"]["weights"] == "1 1 0.5"
    assert Path(request["inputs"]["passes"]["path"]).name.startswith("geometry_")
    scene.style_image.weights = "3 2 1"
    scene.style_image.input_content = picture("Content")
    bpy.ops.backlot.style()
    assert sent[1][0]["parameters"]["weights"] == "3 2 1"
    assert "passes" not in sent[1][1]
    for _ in range(3):
        bpy.ops.backlot.remove_style_image()
    bpy.ops.backlot.style()
    assert "styles" not in sent[2][1]


@pytest.mark.parametrize("kind", ["sheared", "mirrored", "ORTHO", "PANO"])
def test_a_camera_that_is_no_pinhole_gives_colour_without_passes(scene, sent, kind):
    scene.style_image.input_style = picture("Oil")
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    if kind == "sheared":
        scene.camera.parent = bpy.data.objects.new("Rig", None)
        scene.collection.objects.link(scene.camera.parent)
        scene.camera.parent.scale = (1, 1, 1.2)
    elif kind == "mirrored":
        scene.camera.scale = (-1, 1, 1)
    else:
        scene.camera.data.type = kind
    bpy.context.view_layer.update()
    bpy.ops.backlot.style(from_camera_content=True)
    _, inputs = sent[0]
    assert set(inputs) == {"content", "style"}


def test_a_shot_takes_several_styles_for_objects_by_name(scene, captured, sent):
    scene.style_shot.input_style = picture("Oil")
    picture("Chalk")
    bpy.ops.backlot.add_style_image(image="Chalk")
    scene.backlot_style.styles[0].weight = 0.5
    scene.style_shot.regions = "Cube,Left, Shoe:1 Ball:keep 9:0"
    bpy.ops.backlot.style_shot(objects="Cube, 3-4")
    request, inputs = sent[0]
    assert len(inputs["styles"]) == 1
    assert request["parameters"]["weights"] == "1 0.5"
    assert request["parameters"]["regions"] == "1,2:1 7:keep 9:0"
    assert request["parameters"]["objects"] == "1,3-4"


def test_making_a_shot_leaves_the_scene_as_it_was(scene, sent):
    """All that a range of frames needs is rendered through copies; what is new is the job on the list."""
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.frame_start, scene.frame_end = 3, 4
    scene.style_shot.input_style = picture("Oil")
    before = {key: value for key, value in snapshot().items() if "backlot_jobs" not in key}
    bpy.ops.backlot.style_shot()
    after = {key: value for key, value in snapshot().items() if "backlot_jobs" not in key}
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} <= {"is_dirty"}
    assert [frame.number for frame in sent[0][1]["frames"]] == [3, 4]


# -- keyframes -------------------------------------------------------------------------------------------------------


def test_a_captured_frame_becomes_a_keyframe_and_what_was_painted_is_sent(scene, captured, sent):
    group = scene.backlot_style
    for frame in (14, 12):
        scene.frame_set(frame)
        bpy.ops.backlot.add_keyframe()
    assert [item.frame for item in group.keyframes] == [12, 14]
    first = group.keyframes[0].image
    assert first.pixels[0] == pytest.approx(1.2)
    assert first.packed_file is not None
    values = np.array(first.pixels, np.float32).reshape(SIZE[1], SIZE[0], 4)
    values[2:12, 4:14, :3] = (3.0, 0.2, 0.1)
    first.pixels.foreach_set(values.reshape(-1))
    group.keyframes[0].partial = True
    group.keyframes[1].use = False
    bpy.ops.backlot.style_from_keyframes()
    request, inputs = sent[0]
    assert [file.name for file in inputs["keyframes"]] == ["paint_0012.exr"]
    assert "model" not in request["inputs"]
    file = Path(request["inputs"]["keyframes"]["files"]) / "paint_0012.exr"
    image = bpy.data.images.load(str(file))
    back = np.array(image.pixels, np.float32).reshape(SIZE[1], SIZE[0], 4)
    assert np.array_equal(back[..., 3] > 0.5, (values[..., :3] == np.float32([3.0, 0.2, 0.1])).all(-1))
    assert back[5, 5, :3] == pytest.approx([3.0, 0.2, 0.1], rel=1e-5)


def test_an_image_painted_elsewhere_is_a_keyframe_by_its_name(scene, captured, sent):
    picture("my_paint_0013.png")
    bpy.ops.backlot.add_keyframe(image="my_paint_0013.png")
    bpy.ops.backlot.style_from_keyframes(minutes=1)
    assert scene.backlot_style.keyframes[0].frame == 13
    assert sent[0][1]["keyframes"][0].name == "paint_0013.png"
    picture("nameless")
    with pytest.raises(RuntimeError, match="no digits"):
        bpy.ops.backlot.add_keyframe(image="nameless")
    bpy.ops.backlot.remove_keyframe()
    assert not len(scene.backlot_style.keyframes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda group: setattr(group.keyframes[0], "frame", 40), "a frame from 11 to 15"),
        (lambda group: setattr(group.keyframes[0], "image", picture("Big", size=(64, 48))), "64 x 48"),
        (lambda group: setattr(group.keyframes[0], "use", False), "at least one painted frame"),
        (lambda group: setattr(group.keyframes[0], "partial", True), "0 pixels that differ"),
        (lambda group: setattr(group, "go_on", True), "a model that was trained"),
    ],
)
def test_keyframes_that_cannot_be_used_are_named(scene, captured, sent, change, words):
    scene.frame_set(12)
    bpy.ops.backlot.add_keyframe()
    change(scene.backlot_style)
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.backlot.style_from_keyframes()
    assert not sent
    assert not len(scene.backlot_jobs.items)


def test_rendering_from_a_model_needs_no_keyframes(scene, captured, sent):
    model = captured / "model.safetensors"
    model.write_bytes(b"weights")
    scene.backlot_style.model = str(model)
    bpy.ops.backlot.style_from_keyframes(only_render=True, minutes=5.0)
    request, inputs = sent[0]
    assert request["parameters"]["minutes"] == 0
    assert inputs["model"].data.tobytes() == b"weights"
    assert "keyframes" not in inputs


# -- frames as they arrive -------------------------------------------------------------------------------------------


def test_frames_lie_on_disk_while_the_job_runs(scene, tmp_path):
    record = running(scene, tmp_path)
    queue.on_event(Partial(record.name, "stylised", 5, frame_file(5)))
    assert (tmp_path / "stylised_0005.exr").read_bytes() == b"frame 5"
    assert records.LIVE[record.name].partials == {}, "frames of a shot are not kept in memory"
    outputs = {"stylised": [frame_file(5), frame_file(6)], "report": {"frames": [5, 6]}}
    queue.on_event(Finished(record.name, outputs, {"operation": "style.shot"}))
    assert queue.RESULTS[record.name]["stylised"] == [tmp_path / "stylised_0005.exr", tmp_path / "stylised_0006.exr"]
    assert json.loads((tmp_path / "provenance.json").read_text())["operation"] == "style.shot"
    bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=record.name)
    image = scene.backlot_style.result
    assert (image.source, image.use_fake_user, record.state) == ("SEQUENCE", True, "done")
    assert files.WRITERS == {}


def test_a_cancelled_job_keeps_its_frames(scene, tmp_path):
    record = running(scene, tmp_path)
    queue.on_event(Partial(record.name, "stylised", 5, frame_file(5)))
    queue.on_event(Cancelled(record.name))
    bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=record.name)
    assert record.state == "cancelled"
    assert "stopped early" in record.result
    assert facts.note_of(scene.backlot_style.result)["last"] == 5


def test_a_full_disk_is_said_and_the_connection_stays(scene, tmp_path, monkeypatch):
    record = running(scene, tmp_path)

    def full(*_arguments):
        raise StorageError("Cannot write it")

    monkeypatch.setattr(files, "take", full)
    monkeypatch.setattr(files, "finish", full)
    queue.on_event(Partial(record.name, "stylised", 5, frame_file(5)))
    queue.on_event(Finished(record.name, {}, {}))
    assert (record.state, record.error) == ("failed", "Cannot write it.")
    queue.on_event(Failed(record.name, InputError("No")))
    assert record.name not in files.WRITERS


def test_results_lie_beside_a_saved_file_and_each_job_has_its_own(scene, tmp_path):
    assert "shots" in files.new_folder("Style Shot A/B").parts
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "s.blend"))
    first, second = files.new_folder("Style Shot A/B"), files.new_folder("Style Shot A/B")
    assert (first, second.name) == (tmp_path / "backlot" / "style-shot-a-b", "style-shot-a-b-2")
    assert files.relative(first / "x.exr") == "//backlot/style-shot-a-b/x.exr"
    assert files.relative(Path("/elsewhere/x.exr")) == "/elsewhere/x.exr"


def test_facts_say_the_warping_error_beside_the_renders():
    report = {
        "warping_error": {"16": {"stylised": 0.02, "render": None, "ratio": None}, "1": {"stylised": 0.0123, "render": 0.01, "ratio": 1.23}}
    }
    assert facts.facts(report) == [
        ("Warping Error, 1 Frame", "0.0123 (render 0.0100, 1.23x)"), ("Warping Error, 16 Frames", "0.0200"),
    ]  # fmt: skip


def test_facts_name_the_frame_that_is_least_sure():
    """After keyframes: where one more would help most."""
    rows = dict(facts.facts({"keyframes": [3, 9], "confidence": {"1": 0.91, "6": 0.4321, "12": 0.7}, "steps": 2693}))
    assert rows == {"Keyframes": "3, 9", "Lowest Confidence": "frame 6 (0.43)", "Training Steps": "2,693"}
    assert "Lowest Confidence" not in dict(facts.facts({"keyframes": [3], "confidence": {}}))


def test_buttons_say_what_is_missing(scene):
    for verb in ("show_shot", "compare_shot", "shot_to_sequencer", "shot_to_compositor", "project_shot"):
        with pytest.raises(RuntimeError, match="a stylised shot"):
            getattr(bpy.ops.backlot, verb)()
    with pytest.raises(RuntimeError, match="projected shot"):
        bpy.ops.backlot.release_shot()
    with pytest.raises(InputError, match="OpenEXR"):
        exr.size(Path(__file__))


def test_the_size_of_a_frame_stands_in_its_header(captured):
    assert exr.size(captured / "color_0011.exr") == SIZE
    assert not exr.has_layers(captured / "color_0011.exr")
    assert shot.look(captured).numbers == (11, 12, 13, 14, 15)


def test_frames_of_other_programs_have_the_numbers_in_their_names(captured):
    data = json.loads((captured / "transforms.json").read_text())
    for entry in data["frames"]:
        del entry["frame_number"]
    data["frames"].reverse()
    (captured / "transforms.json").write_text(json.dumps(data))
    found = shot.look(captured)
    assert found.numbers == (11, 12, 13, 14, 15)
    assert found.color[13] == captured / "color_0013.exr"


# -- a movie of it ---------------------------------------------------------------------------------------------------


@pytest.fixture
def stylised(scene, captured):
    """A shot without a painted frame 13, in the folder of its capture."""
    frames = [captured / f"stylised_{number:04d}.exr" for number in (11, 12, 14, 15)]
    for path in frames:
        shutil.copy(captured / path.name.replace("stylised", "color"), path)
    request = {"inputs": {"frames": {"frames": str(captured)}}, "parameters": {}}
    results.apply(scene, "style.shot", "Style Shot Oil", {"stylised": frames}, request)
    return scene.backlot_style.result


def movie_file(name="movie.mp4", data=b"a movie"):
    return EncodedFile(np.frombuffer(data, np.uint8), name)


def test_what_is_sent_for_a_movie(scene, stylised, sent):
    scene.render.fps, scene.render.fps_base = 30, 1.001
    assert bpy.ops.backlot.preview_movie() == {"FINISHED"}
    request, inputs = sent[0]
    assert [file.name for file in inputs["pictures"]] == [f"stylised_{n:04d}.exr" for n in (11, 12, 14, 15)]
    assert set(inputs) == {"pictures"}
    assert request["parameters"] == {"fps": pytest.approx(29.97, abs=1e-3), "quality": "high"}
    assert scene.backlot_jobs.items[0].label == "Preview Movie Style Shot Oil"
    scene.backlot_style.movie_beside = True
    scene.sequence_movie.quality = "low"
    bpy.ops.backlot.preview_movie(fps=12, shot=stylised.name)
    request, inputs = sent[1]
    assert [file.name for file in inputs["beside"]] == [f"color_{n:04d}.exr" for n in (11, 12, 13, 14, 15)]
    assert request["parameters"] == {"fps": 12, "quality": "low"}
    bpy.ops.backlot.preview_movie(movie_beside=False)
    assert "beside" not in sent[2][1]


def test_a_movie_needs_a_shot_and_its_files(scene, captured, sent):
    assert not bpy.ops.backlot.preview_movie.poll()
    with pytest.raises(RuntimeError, match="no stylised shot in this file"):
        bpy.ops.backlot.preview_movie()


def test_a_movie_of_frames_that_are_gone_is_refused(scene, stylised, captured, sent):
    scene.backlot_style.movie_beside = True
    bpy.data.images.remove(bpy.data.images[facts.note_of(stylised)["before"]])
    with pytest.raises(RuntimeError, match="the rendered frames of this shot, got they are gone"):
        bpy.ops.backlot.preview_movie()
    (captured / "stylised_0011.exr").unlink()
    with pytest.raises(RuntimeError, match=r"nothing at .*stylised_0011\.exr"):
        bpy.ops.backlot.preview_movie(movie_beside=False)
    assert not sent
    assert not len(scene.backlot_jobs.items)


def test_a_movie_lies_beside_its_frames_and_takes_nothing_away(scene, stylised, captured, sent):
    for name in ("report.json", "provenance.json"):
        (captured / name).write_text("of the shot")
    before = stylised.name, facts.note_of(stylised)
    for number, name in ((1, "preview.mp4"), (2, "preview-2.mp4")):
        bpy.ops.backlot.preview_movie()
        record = scene.backlot_jobs.items[-1]
        report = {"first": 11, "last": 15, "notes": ["No picture in pictures of frame 13"]}
        queue.on_event(
            Finished(record.name, {"movie": movie_file(data=b"movie %d" % number), "report": report}, {"operation": "sequence.movie"})
        )
        bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=record.name)
        assert (record.state, (captured / name).read_bytes()) == ("done", b"movie %d" % number)
        assert "No picture in pictures of frame 13" in record.result
        note = json.loads((captured / f"{name}.json").read_text())
        assert (note["operation"], note["report"]["first"]) == ("sequence.movie", 11)
    assert (captured / "report.json").read_text() == (captured / "provenance.json").read_text() == "of the shot"
    assert scene.backlot_style.result == stylised
    movie = bpy.data.images[facts.note_of(stylised)["movie"]]
    assert (movie.source, movie.use_fake_user, Path(bpy.path.abspath(movie.filepath)).name) == ("MOVIE", True, "preview-2.mp4")
    assert {**facts.note_of(stylised), "movie": None} == {**before[1], "movie": None}
    drawn = []
    panel.draw_movie(Recorder(drawn), bpy.context)
    assert drawn[-3:] == ["wm.path_open", "backlot.show_shot", "backlot.shot_to_sequencer"]
    with pytest.raises(RuntimeError, match="the frames of a shot, got the movie"):
        bpy.ops.backlot.preview_movie(shot=movie.name)
    assert len(sent) == 2


def test_a_full_disk_leaves_no_half_movie(scene, stylised, captured, sent):
    bpy.ops.backlot.preview_movie()
    record = scene.backlot_jobs.items[0]
    request = json.loads(record.request)
    request["inputs"]["pictures"]["sequence"] = str(captured / "objects.json" / "stylised_0011.exr")  # a folder that cannot be one
    record.request = json.dumps(request)
    queue.on_event(Finished(record.name, {"movie": movie_file(), "report": {}}, {}))
    assert record.state == "failed"
    assert "Cannot write" in record.error
    assert record.name not in queue.RESULTS


def test_a_sequence_is_found_by_its_numbers(tmp_path):
    for name in ("a_00009.png", "a_00011.png", "a_00012.png", "a_0010.png", "b_-002.png", "b_0000.png"):
        (tmp_path / name).touch()
    assert list(numbered_files(tmp_path / "a_00009.png", 11)) == [9, 11]
    assert list(numbered_files(tmp_path / "b_-002.png", 3)) == [-2, 0]
    with pytest.raises(InputError, match="Find Missing Files"):
        numbered_files(tmp_path / "a_00010.png", 11)
