"""Capture leaves the file byte for byte as it was: no setting, datablock, selection, frame, render result or flag differs."""

import bpy
import numpy as np
import pytest
from blender.walk import digest, snapshot

from backlot.addon.capture.run import Capture
from backlot.addon.capture.settings import CaptureSettings

pytestmark = pytest.mark.contract  # depends on Blender's version

SIZE = (48, 32)
MODES = [
    {"mode": "frame"},
    {"mode": "range", "start": 2, "end": 6, "step": 2},
    {"mode": "orbit", "count": 3, "objects": ("Cube",)},
    {"mode": "orbit", "count": 2, "objects": ("Cube",), "only_objects": False},
]


@pytest.fixture
def awkward(scene):
    """A scene in which much can be disturbed."""
    cube = bpy.data.objects["Cube"]
    cube.pass_index = 5
    cube.keyframe_insert("location", frame=1)
    cube.location.x = 1
    cube.keyframe_insert("location", frame=10)
    child = bpy.data.collections.new("Props.v1")
    scene.collection.children.link(child)
    child.objects.link(bpy.data.objects.new("Suzanne", cube.data))
    second = scene.view_layers.new("Second.Layer")
    second.use_pass_z = True
    scene.view_layers[0].name = "View.Layer 1"
    scene.camera.data.dof.use_dof = True
    scene.render.use_motion_blur = True
    scene.render.use_border = True
    scene.render.filepath = "//shots/####"
    scene.render.image_settings.file_format = "PNG"
    other = bpy.data.objects.new("Other camera", bpy.data.cameras.new("Other"))
    scene.collection.objects.link(other)
    scene.timeline_markers.new("cut", frame=4).camera = other
    scene["note"] = {"by": "artist"}
    bpy.ops.mesh.primitive_uv_sphere_add(location=(3, 0, 0))
    scene.frame_set(3)
    bpy.context.view_layer.update()
    return scene


def _capture(scene, folder, **settings):
    run = Capture(scene, bpy.context.view_layer, CaptureSettings(resolution=SIZE, samples=1, **settings), folder)
    return list(run.steps())


@pytest.mark.parametrize("settings", MODES, ids=lambda settings: f"{settings['mode']}{settings.get('only_objects', '')}")
def test_nothing_differs_after_a_capture(awkward, tmp_path, settings):
    before = snapshot()
    saved = tmp_path / "before.blend", tmp_path / "after.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(saved[0]), copy=True, compress=False)
    selected, active = list(bpy.context.selected_objects), bpy.context.object
    assert _capture(awkward, tmp_path / "capture", **settings)
    after = snapshot()
    changed = {key: (before.get(key), after.get(key)) for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert not changed
    assert digest(before) == digest(after)
    assert len(before) > 2000
    assert bpy.context.scene == awkward
    assert (list(bpy.context.selected_objects), bpy.context.object) == (selected, active)
    bpy.ops.wm.save_as_mainfile(filepath=str(saved[1]), copy=True, compress=False)
    # The files hold addresses and padding; what can be compared is what loading them gives.
    loaded = []
    for path in saved:
        bpy.ops.wm.open_mainfile(filepath=str(path))
        loaded.append({key: value for key, value in snapshot().items() if "filepath" not in key})
    assert loaded[0] == loaded[1]


def test_the_snapshot_notices_a_change(awkward):
    before = digest(snapshot())
    bpy.data.objects["Cube"].pass_index = 6
    assert digest(snapshot()) != before


def test_nothing_differs_after_a_failure_in_mid_render(awkward, tmp_path, monkeypatch):
    from backlot.addon.capture import run

    def fail(*_args):
        raise OSError(28, "No space left on device")

    before = snapshot()
    monkeypatch.setattr(run, "set_output", fail)
    for settings in MODES:
        with pytest.raises(OSError, match="No space"):
            _capture(awkward, tmp_path, **settings)
    assert snapshot() == before


def test_the_artists_render_result_stays(scene, tmp_path):
    scene.render.resolution_x, scene.render.resolution_y = 40, 24
    scene.render.resolution_percentage = 100
    bpy.ops.render.render()
    result = bpy.data.images["Render Result"]

    def pixels(name):
        path = tmp_path / name
        result.save_render(str(path), scene=scene)
        image = bpy.data.images.load(str(path))
        values = np.array(image.pixels)
        bpy.data.images.remove(image)
        return values

    before = pixels("before.png")
    assert before.size == 40 * 24 * 4
    _capture(scene, tmp_path / "capture", mode="orbit", count=2, objects=("Cube",))
    assert np.array_equal(before, pixels("after.png"))


def test_a_capture_can_be_stopped_between_frames(awkward, tmp_path):
    before = snapshot()
    run = Capture(awkward, bpy.context.view_layer, CaptureSettings("range", 1, 5, resolution=SIZE, samples=1), tmp_path)
    steps = run.steps()
    assert next(steps) == 1
    assert run.total == 5
    steps.close()
    assert snapshot() == before
    assert not (tmp_path / "transforms.json").exists()
