"""What is selected may be more than a mesh: instances of collections, geometry nodes, text, curves, metaballs; hidden, linked, empty."""

import json

import bpy
import mathutils
import numpy as np
import pytest
from blender.conftest import layers

from backlot.addon.capture import cameras
from backlot.addon.capture.run import Capture
from backlot.addon.capture.settings import CaptureSettings
from backlot.addon.jobs import queue, records
from backlot.addon.scene import evaluated, mesh_object
from backlot.shared.errors import InputError
from backlot.shared.notes import collect_notes
from backlot.shared.values import Mesh

pytestmark = pytest.mark.contract  # depends on Blender's version


def placed(scene, location=(5, 0, 0), name="Placed"):
    """The cube in a collection that an empty shows elsewhere; the collection itself is not in the scene."""
    cube = bpy.data.objects["Cube"]
    group = bpy.data.collections.new("Asset")
    for owner in list(cube.users_collection):
        owner.objects.unlink(cube)
    group.objects.link(cube)
    item = bpy.data.objects.new(name, None)
    item.instance_type, item.instance_collection, item.location = "COLLECTION", group, location
    scene.collection.objects.link(item)
    bpy.context.view_layer.update()
    return item


def nodes_modifier(item, build):
    tree = bpy.data.node_groups.new("Nodes", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    entry, leave = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    build(tree, entry.outputs[0], leave.inputs[0])
    item.modifiers.new("Nodes", "NODES").node_group = tree
    bpy.context.view_layer.update()


def on_points(realized):
    """Cubes of side 0.5 on the vertices of the object."""

    def build(tree, start, end):
        cube, spread = tree.nodes.new("GeometryNodeMeshCube"), tree.nodes.new("GeometryNodeInstanceOnPoints")
        cube.inputs["Size"].default_value = (0.5, 0.5, 0.5)
        tree.links.new(start, spread.inputs["Points"])
        tree.links.new(cube.outputs["Mesh"], spread.inputs["Instance"])
        last = spread.outputs["Instances"]
        if realized:
            node = tree.nodes.new("GeometryNodeRealizeInstances")
            tree.links.new(last, node.inputs[0])
            last = node.outputs[0]
        tree.links.new(last, end)

    return build


def extent(item):
    mesh = mesh_object.read(item, uvs=False)
    return mesh.vertices.min(0), mesh.vertices.max(0)


def sphere(items):
    centre, radius = cameras.bounds(items, bpy.context.evaluated_depsgraph_get())
    return tuple(centre), radius


# -- size and surface --------------------------------------------------------------------------------------------------


def test_an_instanced_collection_has_the_size_and_the_surface_of_what_it_shows(scene):
    item = placed(scene)
    item.scale = (2, 1, 1)
    bpy.context.view_layer.update()
    centre, radius = sphere([item])
    assert centre == pytest.approx((5, 0, 0), abs=1e-5)
    assert radius == pytest.approx(np.sqrt(4 + 1 + 1), abs=1e-5)
    low, high = extent(item)
    assert np.allclose(low, (3, -1, -1))
    assert np.allclose(high, (7, 1, 1))
    local = mesh_object.read(item, local=True)
    assert np.allclose(np.abs(local.vertices).max(0), (1, 1, 1))
    assert local.uvs is not None


def test_nested_instances(scene):
    inner = placed(scene)
    group = bpy.data.collections.new("Outer")
    scene.collection.objects.unlink(inner)
    group.objects.link(inner)
    outer = bpy.data.objects.new("Outer", None)
    outer.instance_type, outer.instance_collection, outer.location = "COLLECTION", group, (0, 7, 0)
    scene.collection.objects.link(outer)
    bpy.context.view_layer.update()
    assert sphere([outer])[0] == pytest.approx((5, 7, 0), abs=1e-5)


@pytest.mark.parametrize("realized", [False, True])
def test_geometry_nodes_on_points(scene, realized):
    cube = bpy.data.objects["Cube"]
    nodes_modifier(cube, on_points(realized))
    assert sphere([cube])[1] == pytest.approx(np.sqrt(3) * 1.25, abs=1e-5)
    mesh = mesh_object.read(cube, uvs=False)
    assert (len(mesh.vertices), len(mesh.faces)) == (64, 96)
    assert np.allclose([mesh.vertices.min(), mesh.vertices.max()], [-1.25, 1.25])


def test_a_mirrored_instance_keeps_its_outside(scene):
    item = placed(scene)
    item.scale = (-1, 1, 1)
    bpy.context.view_layer.update()
    mesh = mesh_object.read(item, uvs=False)
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) - (5, 0, 0) for k in range(3))
    assert np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c).min() > 0


def _text(scene):
    bpy.ops.object.text_add()
    bpy.context.object.data.body, bpy.context.object.data.extrude = "Hi", 0.1


def _curve(scene):
    bpy.ops.curve.primitive_bezier_circle_add()
    bpy.context.object.data.bevel_depth = 0.25


def _meta(scene):
    bpy.ops.object.metaball_add()


def _surface(scene):
    bpy.ops.surface.primitive_nurbs_surface_sphere_add()


@pytest.mark.parametrize("make", [_text, _curve, _meta, _surface], ids=lambda make: make.__name__.strip("_"))
def test_text_curves_metaballs_and_surfaces_are_read_as_meshes(scene, make):
    make(scene)
    item = bpy.context.object
    item.location = (10, 0, 0)
    bpy.context.view_layer.update()
    low, high = extent(item)
    corners = np.array([tuple(item.matrix_world @ mathutils.Vector(corner)) for corner in item.bound_box])
    assert np.allclose(low, corners.min(0), atol=0.15)  # the box of a metaball is that of its field
    assert np.allclose(high, corners.max(0), atol=0.15)
    assert low[0] > 8
    assert sphere([item])[1] == pytest.approx(np.linalg.norm(corners.max(0) - corners.min(0)) / 2, rel=1e-4)


def test_particles_that_show_an_object(scene):
    cube = bpy.data.objects["Cube"]
    bpy.ops.mesh.primitive_ico_sphere_add(radius=0.2, location=(0, 0, 50))
    ball = bpy.context.object
    cube.modifiers.new("Hair", "PARTICLE_SYSTEM")
    settings = cube.particle_systems[0].settings
    settings.type, settings.count, settings.render_type, settings.instance_object = "HAIR", 20, "OBJECT", ball
    settings.use_advanced_hair = True
    bpy.context.view_layer.update()
    centre, radius = sphere([cube])
    assert radius > np.sqrt(3)  # the balls stand out of the cube
    assert np.allclose(centre, 0, atol=1)


def test_what_has_no_surface_is_said(scene):
    hair = bpy.data.objects.new("Hair", bpy.data.hair_curves.new("Hair"))
    cloud = bpy.data.objects.new("Cloud", bpy.data.volumes.new("Cloud"))
    empty = bpy.data.objects.new("Empty", None)
    for item in (hair, cloud, empty):
        scene.collection.objects.link(item)
    bpy.context.view_layer.update()
    for item, got in ((hair, "only curves"), (cloud, "only volume"), (empty, "none")):
        with pytest.raises(InputError, match=f"a mesh with faces in '{item.name}', got {got}"):
            mesh_object.read(item)
    with pytest.raises(InputError, match="nothing with a size"):
        sphere([empty])
    cube = bpy.data.objects["Cube"]
    cube.hide_set(True)
    with pytest.raises(InputError, match="'Cube', hidden in the viewport"):
        sphere([cube])
    assert len(mesh_object.read(cube, uvs=False).vertices) == 8  # hidden, and still there to be read


def test_parts_without_a_surface_are_noted(scene):
    item = placed(scene)
    item.instance_collection.objects.link(bpy.data.objects.new("Hair", bpy.data.hair_curves.new("Hair")))
    bpy.context.view_layer.update()
    with collect_notes() as notes:
        assert len(mesh_object.read(item, uvs=False).vertices) == 8
    assert notes.sentences() == ["Placed: Parts without a surface are left out: curves"]


# -- captures ----------------------------------------------------------------------------------------------------------


def capture(scene, folder, **settings):
    given = {"mode": "orbit", "count": 2, "resolution": (64, 64), "color": False, **settings}
    run = Capture(scene, bpy.context.view_layer, CaptureSettings(**given), folder)
    for _ in run.steps():
        pass
    frames = json.loads((folder / "transforms.json").read_text())["frames"]
    return run, list(zip(frames, layers(*(folder / frame["depth_file_path"] for frame in frames)), strict=True))


def points(frame, passes):
    depth = passes["Depth"][..., 0]
    v, u = np.mgrid[: frame["h"], : frame["w"]] + 0.5
    rays = np.stack([(u - frame["cx"]) / frame["fl_x"], -(v - frame["cy"]) / frame["fl_y"], -np.ones_like(u)], -1)
    pose = np.array(frame["transform_matrix"])
    return (pose[:3, 3] + rays @ pose[:3, :3].T * depth[..., None])[depth < 1e9]


def test_an_instanced_collection_is_captured_with_names_and_ids(scene, tmp_path):
    item = placed(scene)
    cube = bpy.data.objects["Cube"]
    cube.pass_index = 0
    other = cube.copy()
    other.location, other.name = (0, 0, 3), "Above"
    cube.users_collection[0].objects.link(other)
    bpy.context.view_layer.update()
    run, found = capture(scene, tmp_path, objects=(item.name,))
    ids = run.object_ids
    for frame, passes in found:
        local = points(frame, passes) - (5, 0, 0)
        assert len(local) > 100
        on_cube = np.abs(np.abs(local).max(1) - 1)
        on_other = np.abs(np.abs(local - (0, 0, 3)).max(1) - 1)
        assert np.minimum(on_cube, on_other).max() < 1e-4
        assert set(np.unique(passes["IndexOB"])) == {0.0, float(ids["Cube"]), float(ids["Above"])}
    assert (cube.pass_index, other.pass_index) == (0, 0)


def test_geometry_nodes_and_text_are_captured(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    nodes_modifier(cube, on_points(realized=False))
    for frame, passes in capture(scene, tmp_path / "nodes", objects=("Cube",))[1]:
        local = np.abs(points(frame, passes))
        assert len(local) > 50
        assert np.abs(np.abs(local - 1).max(1) - 0.25).max() < 1e-4  # on a small cube around a corner
    _text(scene)
    _run, found = capture(scene, tmp_path / "text", objects=(bpy.context.object.name,))
    low, high = extent(bpy.context.object)
    for frame, passes in found:
        at = points(frame, passes)
        assert len(at) > 50
        assert (at > low - 1e-3).all()
        assert (at < high + 1e-3).all()


def test_the_camera_sees_instances(scene, tmp_path):
    item = placed(scene, (0, 0, 0))
    _run, [(frame, passes)] = capture(scene, tmp_path, mode="frame")
    assert np.abs(np.abs(points(frame, passes)).max(1) - 1).max() < 1e-4
    item.location = (0, 0, 500)
    bpy.context.view_layer.update()
    with pytest.raises(InputError, match="sees nothing"):
        capture(scene, tmp_path / "none", mode="frame")


def test_what_is_hidden_in_the_viewport_and_rendered_counts_as_seen(scene, tmp_path):
    bpy.data.objects["Cube"].hide_viewport = True
    bpy.context.view_layer.update()
    _, [(frame, passes)] = capture(scene, tmp_path, mode="frame")
    assert len(points(frame, passes)) > 50


def test_what_is_hidden_in_renders_is_refused_or_noted(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    other = cube.copy()
    other.name, other.location = "Other", (3, 0, 0)
    scene.collection.objects.link(other)
    cube.hide_render = True
    bpy.context.view_layer.update()
    with pytest.raises(InputError, match="Cube hidden in renders"):
        capture(scene, tmp_path / "none", objects=("Cube",))
    run, _ = capture(scene, tmp_path, objects=("Cube", "Other"))
    assert run.notes.sentences() == ["Cube: It is hidden in renders, so the pictures do not show it"]


def test_linked_objects_are_captured(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    cube.use_fake_user = True
    bpy.data.libraries.write(str(tmp_path / "lib.blend"), {cube})
    bpy.data.objects.remove(cube)
    with bpy.data.libraries.load(str(tmp_path / "lib.blend"), link=True) as (_, there):
        there.objects = ["Cube"]
    scene.collection.objects.link(there.objects[0])
    bpy.context.view_layer.update()
    assert evaluated.depsgraph_of(there.objects[0]) is not None
    run, found = capture(scene, tmp_path / "capture", objects=("Cube",))
    for frame, passes in found:
        assert np.abs(np.abs(points(frame, passes)).max(1) - 1).max() < 1e-4
        assert set(np.unique(passes["IndexOB"])) == {0.0, float(run.object_ids[there.objects[0].name_full])}


def test_the_style_acts_on_what_an_instance_shows(scene):
    item = placed(scene)
    bpy.ops.object.select_all(action="DESELECT")
    item.select_set(True)
    assert bpy.ops.backlot.style_selected() == {"FINISHED"}
    assert scene.style_shot.objects == "Cube"
    bpy.ops.object.select_all(action="DESELECT")
    scene.camera.select_set(True)
    with pytest.raises(RuntimeError, match="anything that is rendered"):
        bpy.ops.backlot.style_selected()
    assert scene.style_shot.objects == "Cube"


def test_a_result_in_a_hidden_collection_is_said(scene):
    triangle = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))

    def arrive(job):
        records.add(scene, job, "reconstruct.depth", "Room", "running", {"parameters": {}, "inputs": {}, "targets": []})
        queue.RESULTS[job] = {"mesh": triangle}
        queue.apply_results()
        return records.find(job)[1].result

    assert "hidden" not in arrive("one")
    bpy.context.view_layer.layer_collection.children["Backlot"].exclude = True
    assert "the collection 'Backlot' is hidden or excluded" in arrive("two")


def test_notes_of_a_capture_are_in_the_report_and_in_the_panel(scene, monkeypatch):
    """From the capture through the record of the job to what the panel says and the object keeps."""
    cube = bpy.data.objects["Cube"]
    other = cube.copy()
    other.name = "Other"
    scene.collection.objects.link(other)
    other.select_set(True)
    other.hide_render = True
    monkeypatch.setattr(queue, "send", lambda _scene, record: record.name)
    bpy.ops.backlot.reconstruct(mode="orbit", count=1, resolution=(32, 32), samples=1)
    [record] = scene.backlot_jobs.items
    request = json.loads(record.request)
    assert request["notes"] == ["Other: It is hidden in renders, so the pictures do not show it"]
    assert 0 <= request["camera_error"] < 1e-4
    triangle = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))
    queue.RESULTS[record.name] = {"mesh": triangle, "report": {"faces": 1, "notes": ["The backend's own."]}}
    queue.apply_results()
    assert record.state == "done", record.error
    assert "Other: It is hidden in renders" in record.result
    assert "The backend's own." in record.result
    kept = json.loads(scene.collection.children["Backlot"].objects[0]["backlot"])["report"]
    assert kept["notes"] == [*request["notes"], "The backend's own."]
    assert kept["camera_error"] == request["camera_error"]
    assert records.find(record.name)
