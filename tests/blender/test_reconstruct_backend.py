"""From clip and plate to a mesh in the scene, with a real backend: what Blender rendered is what comes back, where it was."""

import json

import bpy
import mathutils
import numpy as np
import pytest
from blender import solved_clip
from blender.solved_clip import FOCAL, FRAMES, SIZE

from backlot.addon import cli
from backlot.addon.reconstruct import clips, facts
from backlot.addon.scene import surface

pytestmark = pytest.mark.usefixtures("backend")
NEAR = 0.1
"""Scene units: twice what a pixel sees at the room's distance."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The corner of a textured room with a box, rendered through the camera of ``solved_clip``; an array for each frame."""
    folder = tmp_path_factory.mktemp("room")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("World")
    material = bpy.data.materials.new("Noise")
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    where, noise = tree.nodes.new("ShaderNodeNewGeometry"), tree.nodes.new("ShaderNodeTexNoise")
    light, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = 5.0, 4.0
    tree.links.new(where.outputs["Position"], noise.inputs["Vector"])
    tree.links.new(noise.outputs["Color"], light.inputs["Color"])
    tree.links.new(light.outputs[0], output.inputs["Surface"])
    for location, rotation in WALLS:
        bpy.ops.mesh.primitive_plane_add(size=12, location=location, rotation=rotation)
        bpy.context.object.data.materials.append(material)
    bpy.ops.mesh.primitive_cube_add(size=1.6, location=(0, 0, -0.2), rotation=(0, 0, 0.5))
    bpy.context.object.data.materials.append(material)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.data.sensor_width, camera.data.lens = 36.0, FOCAL / SIZE[0] * 36.0
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.max_bounces = 8, False, 0
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "PNG"
    found = []
    for frame in range(1, FRAMES + 1):
        camera.matrix_world = solved_clip.pose(frame)
        scene.render.filepath = str(folder / f"{frame}.png")
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(scene.render.filepath)
        found.append(np.array(image.pixels, np.float32).reshape(SIZE[1], SIZE[0], 4))
        bpy.data.images.remove(image)
    return found


WALLS = [((0, 0, -1), (0, 0, 0)), ((0, 3, 0), (1.5707963, 0, 0))]


def distance_to_room(points):
    """How far points are from the floor, the wall or the box."""
    turn = np.array(mathutils.Euler((0, 0, 0.5)).to_matrix())
    local = np.abs((points - [0, 0, -0.2]) @ turn)
    outside = np.linalg.norm(np.maximum(local - 0.8, 0), axis=1)
    inside = np.abs((local - 0.8).max(1))
    box = np.where((local <= 0.8).all(1), inside, outside)
    return np.minimum.reduce([np.abs(points[:, 2] + 1), np.abs(points[:, 1] - 3), box])


def world_points(item):
    bpy.context.view_layer.update()
    local = np.array([v.co for v in item.data.vertices])
    world = np.array(item.matrix_world)
    return local @ world[:3, :3].T + world[:3, 3]


def result(scene):
    return next(item for item in scene.collection.children["Backlot"].objects if item.type == "MESH" and item.parent is None)


def test_a_clip_becomes_a_mesh_where_the_solved_scene_is(scene, tmp_path, pictures):
    clip = solved_clip.make(tmp_path, pictures=lambda frame: pictures[frame - 1])
    solved_clip.orient(clip, scene)
    scene.backlot_reconstruct.clip = clip
    bpy.ops.backlot.reconstruct_footage(resolution=128, max_frames=8, sources=2, voxel=0.08)
    record = scene.backlot_jobs.items[0]
    assert record.state == "done", record.error
    item = result(scene)
    points = world_points(item)
    assert {"confidence", "invented"} <= set(item.data.attributes.keys())
    invented = np.empty(len(points), np.float32)
    item.data.attributes["invented"].data.foreach_get("value", invented)
    away = distance_to_room(points[invented < 0.5])
    print(f"{len(points)} points, {len(away)} measured: {np.percentile(away, [50, 75, 90])} off")
    assert len(away) > 500
    assert np.median(away) < NEAR / 2
    assert np.percentile(away, 90) < NEAR
    note = facts.note_of(item)
    assert note["origin"]["clip"] == clip.name
    assert "Triangles" in dict(facts.lines(scene, note["report"]))
    assert clip.name in record.label


def test_a_job_file_takes_a_clip_of_the_open_file(scene, tmp_path, pictures, capfd):
    clip = solved_clip.make(tmp_path / "shot", pictures=lambda frame: pictures[frame - 1])
    solved_clip.orient(clip, scene)
    where = {"capture": {"clip": clip.name, "step": 2}}
    job = {
        "backlot_job": 1, "operation": "reconstruct.footage", "seed": 1, "outputs": "out", "formats": {"mesh": "ply"}, "apply": True,
        "inputs": {"frames": where, "tracks": where}, "save": "out/scene.blend",
        "parameters": {"resolution": 96, "voxel": 0.1, "sources": 2, "max_frames": 6},
    }  # fmt: skip
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job))
    assert cli.main(["run", str(path)]) == 0, capfd.readouterr().err
    assert (tmp_path / "out" / "mesh.ply").read_bytes().startswith(b"ply")
    assert (tmp_path / "capture" / "transforms.json").exists()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "scene.blend"))
    assert np.median(distance_to_room(world_points(result(bpy.context.scene)))) < NEAR
    path.write_text(json.dumps({**job, "inputs": {"frames": {"capture": {"clip": "nobody"}}}}))
    assert cli.main(["run", str(path)]) == 2
    assert "nobody" in capfd.readouterr().err


def test_a_plate_with_depth_of_its_own_lands_on_the_truth(scene, tmp_path, pictures):
    """The depth is computed here from floor and wall: the room without the box."""
    pose = np.array(solved_clip.pose(4), np.float64)
    scene.camera.matrix_world = solved_clip.pose(4)
    scene.camera.data.sensor_width, scene.camera.data.lens = 36.0, FOCAL / SIZE[0] * 36.0
    bpy.context.view_layer.update()
    u, v = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    rays = np.stack([(u - SIZE[0] / 2) / FOCAL, -(v - SIZE[1] / 2) / FOCAL, -np.ones_like(u)], -1) @ pose[:3, :3].T
    with np.errstate(divide="ignore"):
        ways = [(-1 - pose[2, 3]) / rays[..., 2], (3 - pose[1, 3]) / rays[..., 1]]
    depth = np.minimum.reduce([np.where(way > 0, way, np.inf) for way in ways]).astype(np.float32)
    images = {}
    for name, pixels in (("Plate", pictures[3]), ("Depth", np.repeat(depth[::-1, :, None], 4, 2))):
        images[name] = bpy.data.images.new(name, *SIZE, float_buffer=name == "Depth", is_data=name == "Depth")
        images[name].pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).reshape(-1))
    bpy.ops.backlot.reconstruct_plate(image="Plate", depth="Depth", depth_kind="metric", resolution=64)
    record = scene.backlot_jobs.items[0]
    assert record.state == "done", record.error
    item = result(scene)
    points = world_points(item)
    away = np.minimum(np.abs(points[:, 2] + 1), np.abs(points[:, 1] - 3))
    assert np.percentile(away, 95) < NEAR
    assert np.ptp(points[:, 0]) > 3
    assert surface.switch(item.active_material).default_value == 1
    assert any(other.type == "CAMERA" for other in scene.collection.children["Backlot"].objects)


def test_no_solve_is_refused_before_anything_is_sent(scene, tmp_path):
    clip = solved_clip.make(tmp_path)
    with solved_clip.clip_editor(clip):
        bpy.ops.clip.clear_solution()
    with pytest.raises(RuntimeError, match="Solve Camera Motion"):
        bpy.ops.backlot.reconstruct_footage(clip=clip.name)
    assert not len(scene.backlot_jobs.items)
    assert clips.find(clip.name) == clip


def test_smart_uv_and_a_baked_texture(scene):
    """One button: the mesh arrives with its colours, then Blender unwraps it and its texture follows."""
    cube = bpy.data.objects["Cube"]
    cube.location, cube.scale = (2, 1, 0), (1.0, 0.7, 1.2)
    material = cube.active_material
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value, shader.inputs["Emission Color"].default_value = (0, 0, 0, 1), (0.6, 0.2, 0.1, 1)
    shader.inputs["Emission Strength"].default_value = 1.0
    shader.inputs["Specular IOR Level"].default_value = 0.0
    selected = [item.name for item in bpy.context.selected_objects]
    bpy.ops.backlot.reconstruct(
        voxel=0.1, mode="orbit", count=9, resolution=(96, 96), samples=1, texture=True, texture_size=256, lods=True, proxy=True
    )
    records = list(scene.backlot_jobs.items)
    assert [record.operation for record in records] == ["reconstruct.depth", "reconstruct.texture"]
    assert [record.state for record in records] == ["done", "done"], [record.error for record in records]
    item = result(scene)
    assert [item.name for item in bpy.context.selected_objects] == selected
    assert {"1", "2"} <= {child.name.split()[-1] for child in item.children}, records[0].result
    away = np.abs(np.abs((world_points(item) - [2, 1, 0]) / [1.0, 0.7, 1.2]).max(1) - 1)
    assert away.mean() < 0.02
    image = next(node.image for node in item.active_material.node_tree.nodes if node.type == "TEX_IMAGE" and "Color" in node.image.name)
    assert image.packed_file is not None
    uvs = np.empty(2 * len(item.data.loops), np.float32)
    item.data.uv_layers.active.uv.foreach_get("vector", uvs)
    texels = np.minimum((uvs.reshape(-1, 3, 2).mean(1) * image.size[:]).astype(int), np.array(image.size[:]) - 1)
    pixels = np.array(image.pixels, np.float32).reshape(image.size[1], image.size[0], -1)
    assert np.abs(np.median(pixels[texels[:, 1], texels[:, 0], :3], 0) - [0.6, 0.2, 0.1]).max() < 0.02
    assert facts.note_of(item)["report"]["error"]["mesh_to_depth"]["median"] < 0.02
