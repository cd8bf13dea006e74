"""A reconstruction in the scene: all that the mesh has, at its true location, and a switch between plate and Principled."""

import json

import bpy
import mathutils
import numpy as np
import pytest
from blender import solved_clip

from backlot.addon.jobs import queue, records
from backlot.addon.reconstruct import facts
from backlot.addon.scene import surface
from backlot.shared.events import Cancelled, Partial
from backlot.shared.frames import write_transforms
from backlot.shared.values import Camera, Image, Mesh

RNG = np.random.default_rng(3)


def grid(side=9, depth=0.0):
    """A wavy sheet with everything that a mesh can have."""
    x, y = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    vertices = np.stack([x, y, 0.1 * np.sin(3 * x) + depth], -1).reshape(-1, 3).astype(np.float32)
    index = np.arange(side * side).reshape(side, side)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]).astype(np.int32)
    normals = np.stack([-0.3 * np.cos(3 * x), np.zeros_like(x), np.ones_like(x)], -1).reshape(-1, 3)
    normals = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)
    return Mesh(
        vertices, faces, normals, RNG.uniform(0, 2, vertices.shape).astype(np.float32),
        ((vertices[faces][..., :2] + 1) / 2).astype(np.float32),
        {"confidence": RNG.uniform(0, 1, len(vertices)).astype(np.float32), "invented": (vertices[:, 0] > 0).astype(np.float32),
         "flow": vertices.copy()},
        Image(RNG.uniform(0, 3, (32, 32, 4)).astype(np.float32), "linear"),
    )  # fmt: skip


def finish(scene, operation, outputs, **request):
    """Applies outputs as they arrive from the backend; gives the record."""
    whole = {"parameters": {}, "seed": 1, "inputs": {}, "targets": [], **request}
    record = records.add(scene, f"test-{RNG.integers(1 << 60)}", operation, "Room", "running", whole)
    job_id = record.name
    queue.RESULTS[job_id] = outputs
    bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=job_id)
    return records.find(job_id)[1]


REPORT = {
    "faces": 128, "frames": 24, "frames_skipped": [3], "voxel": 0.01,
    "error": {"mesh_to_depth": {"median": 0.00042, "mean": 0.0006, "p95": 0.0021}, "coverage": 0.973},
}  # fmt: skip


@pytest.mark.contract
def test_all_that_a_mesh_has(scene):
    value = grid()
    selected = list(bpy.context.selected_objects)
    record = finish(scene, "reconstruct.depth", {"mesh": value, "report": REPORT})
    assert record.state == "done", record.error
    [item] = scene.collection.children["Backlot"].objects
    mesh = item.data
    assert item.matrix_world == mathutils.Matrix.Identity(4)
    assert list(bpy.context.selected_objects) == selected
    for name, array in value.attributes.items():
        found = np.empty(array.size, np.float32)
        mesh.attributes[name].data.foreach_get("vector" if array.ndim == 2 else "value", found)
        assert np.array_equal(found, array.reshape(-1))
    uvs = np.empty(value.uvs.size, np.float32)
    mesh.uv_layers.active.uv.foreach_get("vector", uvs)
    assert np.allclose(uvs, value.uvs.reshape(-1))
    normals = np.empty(3 * len(mesh.loops), np.float32)
    mesh.corner_normals.foreach_get("vector", normals)
    assert np.abs(normals.reshape(-1, 3) - value.normals[value.faces.reshape(-1)]).max() < 0.01
    assert mesh.color_attributes.active_color.data_type == "FLOAT_COLOR"
    material = item.active_material
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    assert shader.inputs["Roughness"].default_value == 1
    image = shader.inputs["Base Color"].links[0].from_node.image
    assert image.packed_file is not None
    assert image.is_float
    pixels = np.array(image.pixels, np.float32).reshape(32, 32, 4)[::-1]
    assert np.allclose(pixels[..., :3], value.texture.pixels[..., :3], rtol=1e-5), "alpha darkened the texture"
    assert surface.switch(material).default_value == 0


def test_coarser_meshes_and_the_proxy_are_put_aside(scene):
    outputs = {"mesh": grid(9), "lod_1": grid(5), "lod_2": grid(3), "proxy": Mesh(grid(4).vertices, grid(4).faces), "report": REPORT}
    finish(scene, "reconstruct.depth", outputs)
    objects = scene.collection.children["Backlot"].objects
    main = next(item for item in objects if item.parent is None)
    extra = {item.name.removeprefix(main.name + " "): item for item in objects if item.parent == main}
    assert set(extra) == {"LOD 1", "LOD 2", "Proxy"}
    assert all(item.hide_render for item in extra.values())
    assert [extra[name].hide_get() for name in ("LOD 1", "LOD 2", "Proxy")] == [True, True, False]
    assert extra["Proxy"].display_type == "WIRE"
    assert not main.hide_render
    assert extra["LOD 1"].active_material is not None


def test_facts_in_the_units_of_the_scene(scene):
    record = finish(scene, "reconstruct.depth", {"mesh": grid(), "report": REPORT})
    assert "mesh to depth 0.42 mm (95 %: 2.1 mm)" in record.result
    assert "coverage 97.3%" in record.result
    assert "24, 1 without depth" in record.result
    scene.unit_settings.scale_length = 0.01  # a unit is a centimetre
    assert facts.length(scene, 0.42) == "4.2 mm"
    scene.unit_settings.system = "NONE"
    assert facts.length(scene, 0.42) == "0.42"
    note = facts.note_of(scene.collection.children["Backlot"].objects[0])
    assert note["report"]["error"] == REPORT["error"]
    assert facts.note_of(bpy.data.objects["Cube"]) == {}
    assert facts.note_of(None) == {}


def test_one_step_of_undo(scene):
    bpy.ops.ed.undo_push(message="before")
    finish(scene, "reconstruct.depth", {"mesh": grid(), "report": REPORT})
    assert "Backlot" in bpy.data.collections
    bpy.ops.ed.undo()
    assert "Backlot" not in bpy.data.collections
    assert bpy.data.objects["Cube"]


@pytest.mark.contract
def test_a_plate_is_projected_to_the_pixel(scene, tmp_path):
    """Rendered through the camera that saw it, the projected mesh is the plate; lit, it is not."""
    width, height = 48, 32
    turn = mathutils.Euler((0.2, -0.15, 0.1)).to_matrix().to_4x4()
    pose = mathutils.Matrix.Translation((0.3, -0.2, 3)) @ turn
    camera = Camera(width, height, 60.0, 60.0, 26.0, 14.5, np.array(pose, np.float64))
    plate = bpy.data.images.new("Plate", width, height, float_buffer=True)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    picture = np.stack([x, y, 0.2 + 0.5 * x * y, np.ones_like(x)], -1).astype(np.float32)
    plate.pixels.foreach_set(picture.reshape(-1))
    (tmp_path / "color.png").write_bytes(b"not looked at")
    write_transforms(tmp_path, [{"camera": camera, "files": {"color": "color.png"}, "number": 1}])
    origin = {"kind": "plate", "image": "Plate", "folder": str(tmp_path), "camera": "Camera"}
    corners = np.array([[-3, -3, -1], [3, -3, -1], [3, 3, 0.5], [-3, 3, 0.5]], np.float32)  # two triangles, far from facing it
    mesh = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    record = finish(scene, "reconstruct.plate", {"mesh": mesh, "report": {"faces": 2}}, origin=origin)
    assert record.state == "done", record.error
    item = next(item for item in scene.collection.children["Backlot"].objects if item.type == "MESH")
    projector = next(item for item in scene.collection.children["Backlot"].objects if item.type == "CAMERA")
    assert [layer.name for layer in item.data.uv_layers] == ["Camera"]
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    scene.camera = projector
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.filter_size = 0.01
    scene.view_settings.view_transform = "Raw"
    found = _rendered(scene, tmp_path / "projected.exr")
    assert np.abs(found - picture[..., :3]).max() < 0.02
    for matrix in (mathutils.Matrix.Scale(2.0, 4), mathutils.Matrix.Translation((1, 2, 3))):
        item.matrix_basis = matrix @ item.matrix_basis  # as Set Scale does: the projector goes along
    bpy.context.view_layer.update()
    assert np.abs(_rendered(scene, tmp_path / "moved.exr") - picture[..., :3]).max() < 0.02
    bpy.context.view_layer.objects.active = item
    assert bpy.ops.backlot.projected_plate() == {"FINISHED"}
    assert surface.switch(item.active_material).default_value == 0
    assert np.abs(_rendered(scene, tmp_path / "lit.exr") - picture[..., :3]).max() > 0.1


def test_the_mesh_goes_where_the_solved_camera_is_by_now(scene, tmp_path):
    clip = solved_clip.make(tmp_path)
    camera = solved_clip.orient(clip, scene)
    before = camera.matrix_basis.copy()
    origin = {"kind": "clip", "clip": clip.name, "camera": camera.name, "world": [list(row) for row in before]}
    by = mathutils.Matrix.Translation((1, 2, 3)) @ mathutils.Matrix.Scale(2, 4)
    camera.matrix_basis = by @ camera.matrix_basis
    bpy.context.view_layer.update()
    finish(scene, "reconstruct.footage", {"mesh": grid(), "report": REPORT}, origin=origin)
    item = scene.collection.children["Backlot"].objects[0]
    assert np.abs(np.array(item.matrix_basis) - np.array(by)).max() < 1e-4


def test_a_growing_mesh_is_shown_only_when_asked_for(scene):
    request = {"parameters": {}, "seed": 1, "inputs": {}, "targets": [], "keep_best": True}
    for shown in (False, True):
        record = records.add(scene, f"growing-{shown}", "reconstruct.depth", "Room", "running", {**request, "show_progress": shown})
        job_id = record.name
        before = len(bpy.data.objects)
        for side in (4, 6):
            queue.on_event(Partial(job_id, "mesh", None, grid(side)))
            assert len(bpy.data.objects) - before == (1 if shown else 0)
        growing = [item for item in scene.objects if item.name.endswith("(in progress)")]
        assert [len(item.data.polygons) for item in growing] == ([50] if shown else [])
        assert bpy.data.objects["Cube"] in list(scene.objects)
        queue.on_event(Cancelled(job_id))
        queue.apply_results()
        record = records.find(job_id)[1]
        assert record.state == "cancelled"
        assert "best so far" in record.result
        kept = next(item for item in scene.objects if item.get("backlot") and json.loads(item["backlot"])["job"] == job_id)
        assert len(kept.data.polygons) == 50
        assert not [item for item in scene.objects if item.name.endswith("(in progress)")]


def test_without_keep_best_a_cancelled_job_leaves_nothing(scene):
    request = {"parameters": {}, "seed": 1, "inputs": {}, "targets": [], "keep_best": False, "show_progress": True}
    record = records.add(scene, "cancelled", "reconstruct.depth", "Room", "running", request)
    before = {item.name for item in bpy.data.objects}
    queue.on_event(Partial(record.name, "mesh", None, grid(4)))
    queue.on_event(Cancelled("cancelled"))
    queue.apply_results()
    assert {item.name for item in bpy.data.objects} == before
    assert records.find("cancelled")[1].state == "cancelled"


@pytest.mark.contract
def test_smart_uv_leaves_the_artist_alone(scene):
    from backlot.addon.reconstruct import unwrap

    cube = bpy.data.objects["Cube"]
    cube.location = (5, 0, 0)
    before = (len(cube.data.uv_layers), list(bpy.context.selected_objects), [s.name for s in bpy.data.scenes], len(bpy.data.meshes))
    bpy.ops.object.mode_set(mode="EDIT")
    mesh = unwrap.smart(cube)
    assert bpy.context.mode == "EDIT_MESH"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert (len(cube.data.uv_layers), list(bpy.context.selected_objects), [s.name for s in bpy.data.scenes], len(bpy.data.meshes)) == before
    assert len(mesh.faces) == 12
    assert np.abs(mesh.vertices).max() == pytest.approx(1), "in the object's own space"
    corners = mesh.uvs
    area = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])) / 2
    assert area.min() > 0.01, "a face without UVs"
    assert area.sum() < 1, "faces lie on each other"


def test_a_texture_replaces_the_mesh_of_its_object(scene):
    finish(scene, "reconstruct.depth", {"mesh": Mesh(grid().vertices, grid().faces, colors=grid().colors), "report": REPORT})
    item = scene.collection.children["Backlot"].objects[0]
    item.name, meshes = "Renamed by the artist", len(bpy.data.meshes)
    item.location = (1, 0, 0)
    origin = {"kind": "object", "target": records.targets([item])[0]}
    record = finish(scene, "reconstruct.texture", {"mesh": grid(), "report": {}}, origin=origin)
    assert record.state == "done", record.error
    assert len(scene.collection.children["Backlot"].objects) == 1
    assert (item.location.x, len(bpy.data.meshes)) == (1, meshes)
    assert item.data.uv_layers.active is not None
    assert any(node.type == "TEX_IMAGE" for node in item.active_material.node_tree.nodes)
    bpy.data.objects.remove(item)
    with pytest.raises(RuntimeError, match="gone"):
        finish(scene, "reconstruct.texture", {"mesh": grid(), "report": {}}, origin=origin)


def _rendered(scene, path):
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    pixels = np.array(image.pixels, np.float32).reshape(image.size[1], image.size[0], -1)[..., :3]
    bpy.data.images.remove(image)
    return pixels
