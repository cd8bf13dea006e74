"""The camera that is noted is the one that the renderer used, whatever moves and scales it; or the capture is refused before a render."""

import json
import math

import bpy
import mathutils
import numpy as np
import pytest
from blender.conftest import layers

from backlot.addon.capture import cameras, proof
from backlot.addon.capture.run import Capture
from backlot.addon.capture.settings import CaptureSettings
from backlot.addon.style import placing
from backlot.shared.errors import InputError

pytestmark = pytest.mark.contract  # depends on Blender's version
SIZE = (96, 64)


def captured(scene, folder, **settings):
    run = Capture(scene, bpy.context.view_layer, CaptureSettings(resolution=SIZE, **{"color": False, "samples": 1, **settings}), folder)
    for _ in run.steps():
        pass
    return run, json.loads((folder / "transforms.json").read_text())["frames"]


def cube_distance(frame, folder, matrix=None):
    """How far the pixels of a frame, unprojected with the noted camera, are from a cube of side 2 that is moved by a matrix."""
    [found] = layers(folder / frame["depth_file_path"])
    depth = found["Depth"][..., 0]
    v, u = np.mgrid[: frame["h"], : frame["w"]] + 0.5
    rays = np.stack([(u - frame["cx"]) / frame["fl_x"], -(v - frame["cy"]) / frame["fl_y"], -np.ones_like(u)], -1)
    pose = np.array(frame["transform_matrix"])
    world = (pose[:3, 3] + rays @ pose[:3, :3].T * depth[..., None])[depth < 1e9]
    assert len(world) > 50
    inverse = np.linalg.inv(np.array(matrix if matrix is not None else np.eye(4)))
    local = world @ inverse[:3, :3].T + inverse[:3, 3]
    return np.abs(np.abs(local).max(1) - 1).max()


def rig(scene, scale=(1, 1, 1), rotation=(0, 0, 0)):
    empty = bpy.data.objects.new("Rig", None)
    scene.collection.objects.link(empty)
    empty.scale, empty.rotation_euler = scale, rotation
    scene.camera.parent = empty
    return empty


def _own_scale(scene):
    scene.camera.scale = (2, 3, 0.5)


def _two_negative_scales(scene):
    scene.camera.scale = (-1, -1, 1)  # a turn by 180 degrees


def _uniform_parent(scene):
    rig(scene, (1.3, 1.3, 1.3))


def _parent_without_shear(scene):
    rig(scene, (1, 1, 1.4))  # along the camera's own axes
    scene.camera.rotation_euler = (math.pi / 2, 0, math.radians(46))
    scene.camera.location = (7, -6.8, 0.3)


def _constraint(scene):
    scene.camera.rotation_euler = (0, 0, 0)
    track = scene.camera.constraints.new("TRACK_TO")
    track.target, track.track_axis, track.up_axis = bpy.data.objects["Cube"], "TRACK_NEGATIVE_Z", "UP_Y"


def _delta(scene):
    scene.camera.delta_location = (0.3, 0.2, 0.1)
    scene.camera.delta_rotation_euler = (0.02, 0.01, 0.05)


def _bone(scene):
    data = bpy.data.armatures.new("Arm")
    arm = bpy.data.objects.new("Arm", data)
    scene.collection.objects.link(arm)
    bpy.context.view_layer.objects.active = arm
    bpy.ops.object.mode_set(mode="EDIT")
    data.edit_bones.new("Bone").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="POSE")
    arm.pose.bones["Bone"].location = (0.2, 0.1, 0.3)
    bpy.ops.object.mode_set(mode="OBJECT")
    world = scene.camera.matrix_world.copy()
    scene.camera.parent, scene.camera.parent_type, scene.camera.parent_bone = arm, "BONE", "Bone"
    bpy.context.view_layer.update()
    scene.camera.matrix_world = world


def _lens_by_driver(scene):
    driver = scene.camera.data.driver_add("lens").driver
    driver.expression = "30 + 5"


def _only_in_an_instanced_collection(scene):
    group = bpy.data.collections.new("Rigs")
    for item in [scene.camera]:
        for owner in list(item.users_collection):
            owner.objects.unlink(item)
        group.objects.link(item)
    placed = bpy.data.objects.new("Placed", None)
    placed.instance_type, placed.instance_collection, placed.location = "COLLECTION", group, (5, 0, 0)
    scene.collection.objects.link(placed)


def _stereo(scene):
    scene.render.use_multiview = True
    scene.camera.data.stereo.interocular_distance = 1.0


def _border_and_percentage(scene):
    render = scene.render
    render.use_border = render.use_crop_to_border = True
    render.border_min_x, render.border_max_x, render.border_max_y = 0.3, 0.6, 0.5
    render.resolution_percentage = 37


def _simplify_and_blur(scene):
    scene.render.use_simplify, scene.render.simplify_subdivision_render = True, 0
    scene.render.use_motion_blur = True
    scene.camera.keyframe_insert("location", frame=0)
    scene.camera.location.x += 1
    scene.camera.keyframe_insert("location", frame=10)
    scene.frame_set(3)


def _far_away(scene):
    for item in (scene.camera, bpy.data.objects["Cube"]):
        item.location += mathutils.Vector((4096, -8192, 512))


SETUPS = [
    _own_scale, _two_negative_scales, _uniform_parent, _parent_without_shear, _constraint, _delta, _bone, _lens_by_driver,
    _only_in_an_instanced_collection, _stereo, _border_and_percentage, _simplify_and_blur, _far_away,
]  # fmt: skip


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.__name__.strip("_"))
def test_unprojected_pixels_are_on_the_object(scene, tmp_path, setup):
    setup(scene)
    bpy.context.view_layer.update()
    run, [frame] = captured(scene, tmp_path)
    limit = 2e-3 if setup is _far_away else 1e-4  # float32 coordinates of thousands
    assert cube_distance(frame, tmp_path, bpy.data.objects["Cube"].matrix_world) < limit
    assert run.camera_error is not None
    assert run.camera_error < limit


@pytest.mark.parametrize(
    ("own", "parent", "said"),
    [
        ((1, 1, 1), (1, 1, 1.1), "sheared by 4.4 degrees by its parent 'Rig', which is scaled 1, 1, 1.1"),
        ((1, 1, 1), (1.3, 1, 1.2), "sheared by"),
        ((1, 1, 1), (1, 1, 1.001), "sheared by"),
        ((-1, 1, 1), (1, 1, 1), "a camera that is not mirrored"),
        ((1, 1, -1), (1, 1, 1), "a camera that is not mirrored"),
        ((-1, -1, -1), (1, 1, 1), "a camera that is not mirrored"),
        ((1, 0, 1), (1, 1, 1), "a scale of 0"),
    ],
)
def test_a_camera_that_no_pose_describes_is_refused_before_anything_is_rendered(scene, tmp_path, own, parent, said):
    rig(scene, parent)
    scene.camera.scale = own
    for settings in ({"mode": "frame"}, {"mode": "range", "start": 1, "end": 3}):
        with pytest.raises(InputError, match=said):
            captured(scene, tmp_path / "capture", **settings)
    assert not (tmp_path / "capture").exists()


def test_a_single_frame_is_evaluated_as_the_renderer_does_it(scene, tmp_path):
    """The renderer evaluates animation again: a change of a keyed value that has no key yet is not rendered, and not noted."""
    camera = scene.camera
    camera.keyframe_insert("location", frame=1)
    before = camera.location.copy()
    camera.location.x += 2
    bpy.context.view_layer.update()
    _, [frame] = captured(scene, tmp_path)
    assert cube_distance(frame, tmp_path) < 1e-4
    assert np.allclose(np.array(frame["transform_matrix"])[:3, 3], before, atol=1e-5)
    assert camera.location.x == pytest.approx(before.x + 2)


def test_a_subframe_is_noted_and_rendered(scene, tmp_path):
    camera = scene.camera
    camera.keyframe_insert("location", frame=1)
    camera.location.x += 2
    camera.keyframe_insert("location", frame=3)
    scene.frame_set(1, subframe=0.5)
    _, [frame] = captured(scene, tmp_path)
    assert cube_distance(frame, tmp_path) < 1e-4
    assert frame["transform_matrix"][0][3] == pytest.approx(camera.matrix_world.translation.x, abs=1e-5)


def _two_cameras(scene):
    other = bpy.data.objects.new("Other", scene.camera.data.copy())
    other.data.lens = 35
    other.location, other.rotation_euler = (0.3, -8, 0.4), (math.pi / 2, 0.1, 0)
    scene.collection.objects.link(other)
    for frame, camera in ((1, scene.camera), (3, other)):
        scene.timeline_markers.new("cut", frame=frame).camera = camera
    return other


def test_a_range_changes_cameras_at_markers(scene, tmp_path):
    other = _two_cameras(scene)
    _, frames = captured(scene, tmp_path, mode="range", start=1, end=4)
    assert [round(frame["fl_x"] / SIZE[0] * 36) for frame in frames] == [50, 50, 35, 35]
    assert max(cube_distance(frame, tmp_path) for frame in frames) < 1e-4
    assert np.allclose(np.array(frames[2]["transform_matrix"])[:3, 3], other.location)
    assert "Position" in layers(tmp_path / frames[2]["depth_file_path"])[0]  # another camera than before: it is measured again


def test_a_sheared_camera_of_a_later_marker_is_refused_at_once(scene, tmp_path):
    other = _two_cameras(scene)
    other.parent = bpy.data.objects.new("Rig", None)
    scene.collection.objects.link(other.parent)
    other.parent.scale = (1, 1.2, 1)
    other.rotation_euler = (1.2, 0.3, 0.4)
    with pytest.raises(InputError, match="'Other' sheared"):
        captured(scene, tmp_path / "capture", mode="range", start=1, end=4)
    captured(scene, tmp_path, mode="range", start=1, end=2)  # the other camera is not used there


def test_colour_and_passes_of_a_single_frame_are_of_the_same_camera(scene, tmp_path):
    """The scene has another camera than its marker says: a render by name would change to the marker's for colour only."""
    other = _two_cameras(scene)
    scene.frame_set(1)
    scene.camera = other
    scene.world = None
    material = bpy.data.materials.new("Light")
    if material.node_tree is None:
        material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Emission Strength"].default_value = 1.0
    bpy.data.objects["Cube"].material_slots[0].material = material
    _, [frame] = captured(scene, tmp_path, color=True)
    assert scene.camera == other
    assert frame["fl_x"] / SIZE[0] * 36 == pytest.approx(35)
    image = bpy.data.images.load(str(tmp_path / frame["file_path"]))
    shown = np.array(image.pixels).reshape(SIZE[1], SIZE[0], 4)[::-1]
    [found] = layers(tmp_path / frame["depth_file_path"])
    seen = found["Depth"][..., 0] < 1e9
    assert ((shown[..., :3].max(-1) > 0) == seen).mean() > 0.97


@pytest.mark.parametrize("wrong", [(0.02, 0, 0), (0, 0, 0.5)])
def test_a_wrong_camera_is_noticed(scene, tmp_path, monkeypatch, wrong):
    right = cameras.pose
    monkeypatch.setattr(cameras, "pose", lambda camera: mathutils.Matrix.Translation(wrong) @ right(camera))
    with pytest.raises(InputError, match="cannot be noted as it was rendered"):
        captured(scene, tmp_path)


def test_a_range_is_measured_now_and_then(scene, tmp_path):
    _, frames = captured(scene, tmp_path, mode="range", start=1, end=proof.EVERY + 3)
    measured = [index for index, found in enumerate(layers(*(tmp_path / f["depth_file_path"] for f in frames))) if "Position" in found]
    assert measured == [0, proof.EVERY, proof.EVERY + 2]


@pytest.mark.parametrize(("own", "parent"), [((2, 3, 0.5), (1, 1, 1)), ((1, 1, 1), (1, 1, 1.3)), ((-1, 1, 1), (1, 1, 1))])
def test_a_projected_shot_is_where_the_renderer_sees_it(scene, tmp_path, own, parent):
    """The material divides in the camera's own space, whose scale and shear the renderer treats in a way of its own."""
    rig(scene, parent)
    scene.camera.scale = own
    scene.render.resolution_x, scene.render.resolution_y = 640, 480
    image = bpy.data.images.new("Shot", 640, 480)
    bpy.context.view_layer.update()
    cube = bpy.data.objects["Cube"]
    placing.project(scene, image, {"first": 1, "last": 1}, [cube])
    nodes = cube.material_slots[0].material.node_tree.nodes
    lens = next(node for node in nodes if node.label == "Lens of the Plate")
    matrix = np.array(scene.camera.matrix_world)
    seen = matrix.copy()
    seen[:3, :3] /= np.linalg.norm(seen[:3, :3], axis=0)  # what is rendered, see addon/capture/cameras.py
    focal = 50 / 36 * 640
    for point in ((1, 1, 1), (-1, 1, 0.3), (0.2, -1, -1)):
        local, camera = (np.linalg.inv(m) @ (*point, 1) for m in (matrix, seen))
        u, v = (lens.inputs[1].default_value[k] * local[k] / -local[2] + lens.inputs[2].default_value[k] for k in range(2))
        assert u == pytest.approx((320 + focal * camera[0] / -camera[2]) / 640, abs=1e-5)
        assert v == pytest.approx((240 + focal * camera[1] / -camera[2]) / 480, abs=1e-5)


# -- frames -----------------------------------------------------------------------------------------------------------


def test_negative_frames_are_captured(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    for number, x in ((-3, -1.5), (3, 1.5)):
        cube.location.x = x
        cube.keyframe_insert("location", frame=number)
    scene.frame_set(1)
    _, frames = captured(scene, tmp_path, mode="range", start=-2, end=0)
    assert scene.frame_current == 1
    assert [frame["frame_number"] for frame in frames] == [-2, -1, 0]
    for frame in frames:
        scene.frame_set(frame["frame_number"])
        assert cube_distance(frame, tmp_path, cube.matrix_world) < 1e-4
    scene.frame_set(-2)
    _, [frame] = captured(scene, tmp_path / "one")
    assert frame["frame_number"] == -2
    assert cube_distance(frame, tmp_path / "one", cube.matrix_world) < 1e-4


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"mode": "range", "start": 5, "end": 1}, "goes forward"),
        ({"mode": "range", "start": 1, "end": 2, "step": 0}, "goes forward"),
        ({"mode": "range", "start": 0, "end": 2_000_000}, "Blender's scenes can stand on"),
        ({"mode": "range", "start": -2_000_000, "end": 0}, "Blender's scenes can stand on"),
        ({"mode": "range", "start": 1, "end": 1e300}, "Blender's scenes can stand on"),
        ({"mode": "range", "start": 1.5, "end": 3}, "start of a capture as a whole number"),
        ({"mode": "range", "start": True, "end": 3}, "start of a capture as a whole number"),
        ({"mode": "range", "start": "1", "end": 3}, "start of a capture as a whole number"),
        ({"mode": "range", "start": 1, "end": math.nan}, "end of a capture as a whole number"),
        ({"start": 1, "end": 3}, '"mode": "range"'),
        ({"mode": "orbit", "elevation": math.inf}, "elevation"),
        ({"mode": "orbit", "only_objects": "no"}, "only_objects of a capture as true or false"),
        ({"resolution": [96.5, 64]}, "resolution of a capture as a whole number"),
        ({"samples": -1}, "samples of at least 0"),
    ],
)
def test_what_a_job_file_cannot_ask_for(entries, said):
    with pytest.raises(InputError, match=said):
        CaptureSettings.from_json(entries)


def test_what_a_job_file_can_ask_for():
    found = CaptureSettings.from_json({"mode": "range", "start": 2.0, "end": 9, "step": 20, "resolution": [96, 64]})
    assert (found.start, found.end, found.step, found.resolution) == (2, 9, 20, (96, 64))
    assert CaptureSettings.from_json({"mode": "orbit", "objects": "Cube"}).objects == ("Cube",)


@pytest.mark.parametrize("kind", ["mesh", "empty"])
def test_a_scene_camera_that_is_none_is_refused(scene, tmp_path, kind):
    """Blender takes any object for its camera, by a key."""
    item = bpy.data.objects.new("Prop", bpy.data.meshes.new("Prop") if kind == "mesh" else None)
    scene.collection.objects.link(item)
    scene.camera = item
    with pytest.raises(InputError, match=rf"'Prop', which is of the type {kind}"):
        captured(scene, tmp_path)


def test_a_capture_that_breaks_ends_its_job(scene, monkeypatch):
    monkeypatch.setattr(Capture, "_geometry", lambda *_: 1 / 0)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        bpy.ops.backlot.reconstruct("EXEC_DEFAULT", mode="frame", voxel=0.06, samples=1)
    [record] = scene.backlot_jobs.items
    assert (record.state, "ZeroDivisionError" in record.error) == ("failed", True)


def test_earlier_results_in_the_picture_are_named(scene, monkeypatch):
    item = bpy.data.objects.new("Earlier", bpy.data.meshes.new("Earlier"))
    scene.collection.objects.link(item)
    item["backlot"] = json.dumps({"operation": "reconstruct.depth"})
    seen = []
    monkeypatch.setattr(Capture, "steps", lambda self: seen.append(self.notes.sentences()) or iter(()))
    monkeypatch.setattr("backlot.addon.ui.operation_operators.OperationOperator.captured", lambda *_: "")
    bpy.ops.backlot.reconstruct("EXEC_DEFAULT", mode="frame", voxel=0.06, samples=1)
    assert any("Earlier" in sentence and "earlier result" in sentence for sentence in seen[0])
    item.hide_render = True
    bpy.ops.backlot.reconstruct("EXEC_DEFAULT", mode="frame", voxel=0.06, samples=1)
    assert not seen[1]
