"""A shot from Blender through a real backend and back: frames as EXR layers, an image sequence, strips, nodes, projections."""

import json
import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender.conftest import layers

from backlot.addon import cli
from backlot.addon.images import pictures
from backlot.addon.jobs import handlers, records
from backlot.addon.style import facts, placing, shot
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("backend")
SIZE, LAST = (64, 48), 3


def prepare(scene):
    """Three frames of a cube that turns under the camera, and a picture of strokes as the style."""
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.frame_start, scene.frame_end = 1, LAST
    cube = bpy.data.objects["Cube"]
    cube.keyframe_insert("rotation_euler", frame=1)
    cube.rotation_euler.z = 0.2
    cube.keyframe_insert("rotation_euler", frame=LAST)
    scene.frame_set(1)
    y, x = np.mgrid[:48, :48]
    strokes = np.stack([128 + 100 * np.sin((x + 2 * y) / 3), 90 + 60 * np.cos((x - y) / 4), 60 + 0 * x], -1)
    return pictures.receive(Image(strokes.clip(0, 255).astype(np.uint8)), "Strokes")


def pixels(path):
    """``(H, W, C)`` of a picture that Blender reads, row 0 at the top."""
    image = bpy.data.images.load(str(path))
    try:
        flat = np.array(image.pixels, np.float32)
        return flat.reshape(image.size[1], image.size[0], -1)[::-1]
    finally:
        bpy.data.images.remove(image)


@pytest.fixture(scope="module")
def made(tmp_path_factory, backend):
    """A stylised shot, made once: the folder of its frames, that of its capture, and what Blender made of it."""
    folder = tmp_path_factory.mktemp("shot")
    bpy.ops.wm.read_factory_settings(use_empty=False)
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    style = prepare(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
    before = {item.name: item.name_full for item in bpy.data.objects}, scene.frame_current
    scene.backlot_style.strength = 0.0
    scene.keyframe_insert("backlot_style.strength", frame=1)
    scene.backlot_style.strength = 1.0
    scene.keyframe_insert("backlot_style.strength", frame=LAST)
    bpy.ops.backlot.style_shot(style=style.name)
    record = scene.backlot_jobs.items[0]
    assert record.state == "done", record.error
    assert ({item.name: item.name_full for item in bpy.data.objects}, scene.frame_current) == before
    image = scene.backlot_style.result
    request = json.loads(record.request)
    frames = sorted((folder / "backlot" / "style-shot-strokes").glob("*.exr"))
    capture = folder / "capture"  # Blender as a module empties its temporary folder when a file is loaded
    shutil.copytree(request["inputs"]["frames"]["frames"], capture)
    request["inputs"]["frames"]["frames"] = str(capture)
    first, last, color, geometry = layers(
        frames[0], frames[-1], capture / "color_0001.exr", capture / f"geometry_{LAST:04d}.exr"
    )  # all at once: a process each
    return {
        "frames": frames, "first": first, "last": last, "color": color["Combined"], "ids": geometry["IndexOB"],
        "path": image.filepath, "request": request,
        "note": facts.note_of(image), "color_space": image.colorspace_settings.name, "source": image.source, "result": record.result,
        "capture": capture, "label": record.label, "files": [p.name for p in folder.rglob("*.json")],
    }  # fmt: skip


@pytest.fixture
def landed(scene, made, tmp_path):
    """The shot of ``made`` in a fresh scene, as if its job had ended there."""
    prepare(scene)
    outputs = {"stylised": made["frames"], "report": made["note"]["report"]}
    record = records.add(scene, "0" * 32, "style.shot", made["label"], "running", made["request"])
    message = handlers.apply(scene, record.operation, record.label, outputs, made["request"])
    assert "frames 1 to 3" in message
    return scene.backlot_style.result


def test_a_shot_lies_beside_the_file_as_layers(made):
    assert [path.name for path in made["frames"]] == [f"stylised_{n:04d}.exr" for n in range(1, LAST + 1)]
    assert made["path"] == "//backlot/style-shot-strokes/stylised_0001.exr"
    assert (made["source"], made["color_space"]) == ("SEQUENCE", "Linear Rec.709")
    assert {"provenance.json", "report.json"} <= set(made["files"])
    assert {"stylised", "delta", "mask", "confidence"} <= set(made["first"])
    assert np.array_equal(made["first"]["stylised"], made["color"]), "strength is keyed to 0 in the first frame"
    assert np.abs(made["last"]["delta"]).max() > 0.05
    assert made["last"]["mask"].max() == 1


def test_strength_came_from_the_keys_of_the_slider(made):
    keys = dict(part.split(":") for part in made["request"]["parameters"]["strength"].split())
    assert (float(keys["1"]), float(keys["3"])) == (0, 1)


def test_the_warping_error_stands_beside_the_renders_own(made):
    rows = dict(facts.facts(made["note"]["report"]))
    assert "render" in rows["Warping Error, 1 Frame"]
    assert "warping error" in made["result"]


@pytest.mark.contract
def test_the_editor_follows_the_frame_and_compares(landed, made):
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    before, area.type = area.type, "IMAGE_EDITOR"
    try:
        space = area.spaces.active
        bpy.ops.backlot.show_shot()
        assert space.image == landed
        user = space.image_user
        assert (user.frame_start, user.frame_duration, user.frame_offset, user.use_auto_refresh) == (1, LAST, 0, True)
        bpy.ops.backlot.compare_shot()
        assert space.image.name == facts.note_of(landed)["before"]
        assert Path(bpy.path.abspath(space.image.filepath)) == made["capture"] / "color_0001.exr"
        bpy.ops.backlot.compare_shot()
        assert space.image == landed
    finally:
        area.type = before


@pytest.mark.contract
def test_a_strip_shows_the_frames_in_linear_light(scene, landed, made, tmp_path):
    bpy.ops.backlot.shot_to_sequencer()
    bpy.ops.backlot.shot_to_sequencer()
    editor = scene.sequence_editor
    strips = list(editor.strips if hasattr(editor, "strips") else editor.sequences)
    assert [(strip.channel, strip.frame_final_start, strip.frame_final_duration) for strip in strips] == [(1, 1, LAST), (2, 1, LAST)]
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.filepath = str(tmp_path / "strip.exr")
    scene.frame_set(LAST)
    bpy.ops.render.render(write_still=True)
    wanted = made["last"]["stylised"]
    assert np.abs(pixels(tmp_path / "strip.exr")[..., :3] - wanted[..., :3]).max() < 2e-3


@pytest.mark.contract
def test_a_node_joins_the_compositor_and_leaves_the_rest(scene, landed):
    bpy.ops.backlot.shot_to_compositor()
    tree = placing.compositor(scene)
    linked = len(tree.links)
    assert linked >= 1, "what was rendered still goes through"
    bpy.ops.backlot.shot_to_compositor()
    assert placing.compositor(scene) == tree
    assert len(tree.links) == linked
    nodes = [node for node in tree.nodes if node.bl_idname == "CompositorNodeImage"]
    assert [(node.image.name, node.frame_start, node.frame_duration) for node in nodes] == [(landed.name, 1, LAST)] * 2


@pytest.mark.contract
def test_a_projection_shows_the_shot_where_it_was_seen(scene, landed, made, tmp_path):
    """Rendered again through the same camera the painted cube looks as it does in the painted frame."""
    cube = bpy.data.objects["Cube"]
    own = cube.active_material
    cube.select_set(True)
    bpy.ops.backlot.project_shot()
    assert cube.active_material != own
    assert cube.data.materials[0] == own
    scene.frame_set(LAST)
    scene.view_settings.view_transform = "Standard"
    scene.cycles.samples = 16
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.filepath = str(tmp_path / "projected.exr")
    bpy.ops.render.render(write_still=True)
    inside = made["ids"][..., 0] > 0
    inside[1:-1, 1:-1] &= inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    wanted = made["last"]["stylised"]
    off = np.abs(pixels(tmp_path / "projected.exr")[..., :3] - wanted[..., :3])[inside]
    assert inside.sum() > 100
    assert np.median(off) < 0.02
    bpy.ops.backlot.release_shot()
    assert cube.active_material == own


def test_frames_are_captured_once_and_taken_again(scene, made):
    style = prepare(scene)
    bpy.ops.backlot.style_shot(style=style.name, shot_folder=str(made["capture"]), objects="Cube", frames_wanted="2-3", layers="picture")
    record = scene.backlot_jobs.items[0]
    request = json.loads(record.request)
    assert record.state == "done", record.error
    assert request["parameters"]["objects"] == str(json.loads((made["capture"] / "objects.json").read_text())["Cube"])
    assert Path(request["folder"]).name.startswith("style-shot-strokes")
    assert facts.note_of(scene.backlot_style.result)["first"] == 2
    assert shot.last_capture(scene) == made["capture"]


def test_keyframes_are_painted_trained_and_gone_on_with(scene, made, tmp_path):
    prepare(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "paint.blend"))
    group = scene.backlot_style
    scene.frame_set(2)
    bpy.ops.backlot.add_keyframe()
    item = group.keyframes[0]
    assert (item.frame, tuple(item.image.size), item.image.is_float) == (2, SIZE, True)
    assert item.image.packed_file is not None
    assert item.image.colorspace_settings.name == "Linear Rec.709"
    painting = np.array(item.image.pixels, np.float32).reshape(SIZE[1], SIZE[0], 4)
    painting[16:32, 20:44, :3] = (0.9, 0.1, 0.1)
    item.image.pixels.foreach_set(painting.reshape(-1))
    item.partial = True
    bpy.ops.backlot.style_from_keyframes(steps=2, minutes=0)
    record = scene.backlot_jobs.items[0]
    assert record.state == "done", record.error
    sent = sorted(Path(json.loads(record.request)["inputs"]["keyframes"]["files"]).iterdir())
    assert [path.name for path in sent] == ["paint_0002.exr"]
    alpha = pixels(sent[0])[..., 3]
    assert alpha[16:32, 20:44].min() == 1
    assert alpha.mean() < 0.2
    note = facts.note_of(group.result)
    assert (note["first"], note["last"]) == (1, LAST)
    model = Path(bpy.path.abspath(group.model))
    assert model.is_file()
    assert group.model.startswith("//backlot/")
    capture = json.loads(record.request)["inputs"]["frames"]["frames"]
    bpy.ops.backlot.style_from_keyframes(steps=2, minutes=0, go_on=True, shot_folder=capture, frames_wanted="none")
    assert scene.backlot_jobs.items[1].state == "done", scene.backlot_jobs.items[1].error
    assert facts.note_of(group.result) == note, "training alone makes no frames"
    bpy.ops.backlot.style_from_keyframes(only_render=True, shot_folder=capture, frames_wanted="3")
    assert scene.backlot_jobs.items[2].state == "done", scene.backlot_jobs.items[2].error
    assert facts.note_of(group.result)["first"] == 3
    assert group.result.source == "FILE"


def test_a_job_file_captures_a_range_and_applies_the_sequence(scene, tmp_path, capfd):
    style = prepare(scene)
    style.filepath_raw, style.file_format = str(tmp_path / "strokes.png"), "PNG"
    style.save()
    job = {
        "backlot_job": 1, "operation": "style.shot", "seed": 1, "outputs": "out", "apply": True, "save": "out/scene.blend",
        "inputs": {"frames": {"capture": {"mode": "range", "start": 1, "end": LAST}}, "style": "strokes.png"},
    }  # fmt: skip
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job))
    assert cli.main(["run", str(path)]) == 0, capfd.readouterr().err
    assert len(list((tmp_path / "out").glob("stylised_*.exr"))) == LAST
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "scene.blend"))
    image = bpy.context.scene.backlot_style.result
    assert image.source == "SEQUENCE"
    assert Path(bpy.path.abspath(image.filepath)).is_file()
    assert facts.note_of(image)["before"]
    bpy.context.scene.render.use_motion_blur = True
    assert cli.main(["run", "--force", str(path)]) == 2
    assert "otion blur" in capfd.readouterr().err


def test_a_movie_of_the_shot_is_shown_and_added_where_its_frames_are(scene, landed, made):
    scene.render.fps = 12
    bpy.ops.backlot.preview_movie(movie_beside=True)
    record = scene.backlot_jobs.items[-1]
    assert record.state == "done", record.error
    folder = made["frames"][0].parent
    assert (folder / "preview.mp4").stat().st_size > 500
    report = json.loads((folder / "preview.mp4.json").read_text())["report"]
    assert (report["first"], report["last"], report["fps"], report["size"]) == (1, LAST, 12, [2 * SIZE[0], SIZE[1]])
    movie = bpy.data.images[facts.note_of(landed)["movie"]]
    assert (tuple(movie.size), movie.frame_duration) == ((2 * SIZE[0], SIZE[1]), LAST)
    assert scene.backlot_style.result == landed
    right = np.array(movie.pixels, np.float32).reshape(SIZE[1], 2 * SIZE[0], -1)[::-1, SIZE[0] + 4 :, :3]
    light = made["first"]["stylised"][:, 4:, :3].astype(np.float32).clip(0, 1)
    wanted = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(right - wanted).mean() < 0.02
    bpy.ops.backlot.shot_to_sequencer(shot=movie.name)
    editor = scene.sequence_editor
    [strip] = editor.strips if hasattr(editor, "strips") else editor.sequences
    assert (strip.type, strip.frame_final_start, strip.frame_final_duration) == ("MOVIE", 1, LAST)
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    before, area.type = area.type, "IMAGE_EDITOR"
    try:
        user = area.spaces.active.image_user
        bpy.ops.backlot.show_shot(shot=movie.name)
        assert area.spaces.active.image == movie
        assert (user.frame_start, user.frame_duration, user.frame_offset) == (1, LAST, 0)
        bpy.ops.backlot.show_shot()
        assert (area.spaces.active.image, user.frame_offset) == (landed, 0)
    finally:
        area.type = before


def test_a_job_file_makes_a_movie_without_a_window(scene, made, tmp_path, capfd):
    job = {
        "backlot_job": 1, "operation": "sequence.movie", "outputs": "out", "apply": True, "save": "scene.blend",
        "inputs": {"pictures": str(made["frames"][0].parent), "beside": str(made["capture"])},
    }  # fmt: skip
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job))
    assert cli.main(["run", str(path)]) == 0, capfd.readouterr().err
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    [movie] = [image for image in bpy.data.images if image.source == "MOVIE"]
    assert (tuple(movie.size), movie.frame_duration) == ((2 * SIZE[0], SIZE[1]), LAST)
    assert movie.filepath == "//out/movie.mp4"
