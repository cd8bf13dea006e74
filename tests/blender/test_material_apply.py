"""Whole stacks on objects: right nodes, colour spaces, true scale, and no other objects changed."""

import json
import math

import bpy
import numpy as np
import pytest
from blender import stand_in

from backlot.addon.images import png
from backlot.addon.jobs import queue, records
from backlot.addon.materials import maps, scale
from backlot.shared.values import Image

pytestmark = pytest.mark.contract  # nodes depend on Blender's version


def finish(scene, outputs, targets=(), operation="texture.generate", **parameters):
    """Applies outputs as they arrive from the backend; gives the record."""
    request = {
        "parameters": {"prompt": "old red brick", **parameters},
        "seed": 11,
        "inputs": {},
        "targets": records.targets(list(targets)),
    }
    job_id = records.add(scene, f"test-{np.random.default_rng().integers(1 << 60)}", operation, "Material", "running", request).name
    queue.RESULTS[job_id] = outputs
    bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=job_id)
    return records.find(job_id)[1]


def source(socket):
    """The node that feeds a socket."""
    return socket.links[0].from_node


def node(material, kind):
    found = [item for item in material.node_tree.nodes if item.type == kind]
    assert len(found) == 1
    return found[0]


def outputs_of(material):
    return {item.target: item for item in material.node_tree.nodes if item.type == "OUTPUT_MATERIAL"}


@pytest.fixture
def cube(scene):
    return bpy.data.objects["Cube"]


def test_every_map_is_where_it_belongs(scene, cube):
    record = finish(scene, stand_in.material(), [cube])
    assert record.state == "done"
    assert record.result.count("'Cube'") == 1
    material = cube.active_material
    assert material.name == "Old red brick"
    shader = node(material, "BSDF_PRINCIPLED")
    base, rough = source(shader.inputs["Base Color"]), source(shader.inputs["Roughness"])
    assert base.image.colorspace_settings.name == "sRGB"
    assert not base.image.colorspace_settings.is_data
    assert rough.image.colorspace_settings.is_data
    # A map that is the same all over is a number and no picture.
    assert not shader.inputs["Metallic"].is_linked
    assert shader.inputs["Metallic"].default_value == 0
    normal = source(shader.inputs["Normal"])
    assert (normal.type, normal.space) == ("NORMAL_MAP", "TANGENT")
    assert source(normal.inputs["Color"]).image.colorspace_settings.is_data
    displacement = source(outputs_of(material)["ALL"].inputs["Displacement"])
    assert displacement.inputs["Scale"].default_value == pytest.approx(stand_in.DEPTH_M)
    assert displacement.inputs["Midlevel"].default_value == pytest.approx(0.5)
    assert displacement.space == "WORLD"
    assert material.displacement_method == "BUMP"
    height = source(displacement.inputs["Height"]).image
    assert height.colorspace_settings.is_data
    # Occlusion is there, not connected.
    occlusion = next(item for item in material.node_tree.nodes if item.label == "Ambient Occlusion")
    assert not occlusion.outputs["Color"].is_linked
    assert occlusion.image.colorspace_settings.is_data
    for item in material.node_tree.nodes:
        if item.type == "TEX_IMAGE":
            assert source(item.inputs["Vector"]).type == "MAPPING"
            assert item.image.packed_file is not None
            assert json.loads(item.image["backlot"])["operation"] == "texture.generate"
    # EEVEE would add bump and normal map; its output has the normal map only.
    assert not outputs_of(material)["EEVEE"].inputs["Displacement"].is_linked
    assert material.node_tree.get_output_node("EEVEE") == outputs_of(material)["EEVEE"]
    assert material.node_tree.get_output_node("CYCLES") == outputs_of(material)["ALL"]


def test_pixels_arrive_unchanged_also_after_saving(scene, cube, tmp_path):
    outputs = stand_in.material()
    finish(scene, outputs, [cube])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    images = maps.of_material(bpy.data.objects["Cube"].active_material)
    assert set(images) == {"base_color", "height", "normal", "roughness", "ambient_occlusion"}
    for role, image in images.items():
        wanted = outputs[role].pixels
        back = np.array(image.pixels, np.float32).reshape(*reversed(image.size), image.channels)[::-1]
        most = np.iinfo(wanted.dtype).max
        assert np.abs(back[..., : wanted.shape[2]] * most - wanted).max() < 0.01 * (most / 255)
    # The height keeps its 16 bits: more values than 8 bits can tell apart.
    assert len(np.unique(np.array(images["height"].pixels, np.float32)[::4])) > 256
    assert images["height"].packed_file.size < 64 * 64 * 2 + 500
    assert images["base_color"].colorspace_settings.name == "sRGB"


def test_displacement_and_occlusion_are_the_artists_choice(scene, cube):
    scene.backlot_materials.displacement, scene.backlot_materials.occlusion = "BOTH", "MULTIPLY"
    finish(scene, stand_in.material(), [cube])
    material = cube.active_material
    assert material.displacement_method == "BOTH"
    shader = node(material, "BSDF_PRINCIPLED")
    mix = source(shader.inputs["Base Color"])
    assert (mix.type, mix.blend_type) == ("MIX", "MULTIPLY")
    assert {source(socket).label for socket in mix.inputs if socket.is_linked} == {"Base Color", "Ambient Occlusion"}
    assert not shader.inputs["Normal"].is_linked  # the height makes the relief, not both
    assert set(outputs_of(material)) == {"ALL"}


def test_green_of_a_directx_normal_map_is_turned(scene, cube):
    finish(scene, stand_in.material(), [cube], normals="directx")
    shader = node(cube.active_material, "BSDF_PRINCIPLED")
    curves = source(source(shader.inputs["Normal"]).inputs["Color"])
    assert curves.type == "CURVE_RGB"
    for curve, value in ((0, 0.2), (1, 0.8), (2, 0.2)):
        assert curves.mapping.evaluate(curves.mapping.curves[curve], 0.2) == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize("size", [1.0, 3.0])
def test_a_plane_shows_the_texture_at_its_true_size(scene, size):
    bpy.ops.mesh.primitive_plane_add(size=2)
    plane = bpy.context.object
    plane.scale = (size, size, 1)  # not applied: counts all the same
    finish(scene, stand_in.material(), [plane])
    mapping = node(plane.active_material, "MAPPING")
    assert tuple(mapping.inputs["Scale"].default_value)[:2] == pytest.approx((2 * size / stand_in.WIDTH_M,) * 2, rel=1e-4)
    assert source(mapping.inputs["Vector"]).type == "TEX_COORD"
    assert source(mapping.inputs["Vector"]).outputs["UV"].is_linked


def test_scene_units_count(scene, cube):
    scene.unit_settings.scale_length = 0.01  # one unit is a centimetre
    finish(scene, stand_in.material(), [cube])
    density = scale.uv_density(cube)[0]
    material = cube.active_material
    assert node(material, "MAPPING").inputs["Scale"].default_value[0] == pytest.approx(density / (100 * stand_in.WIDTH_M), rel=1e-4)
    assert node(material, "DISPLACEMENT").inputs["Scale"].default_value == pytest.approx(100 * stand_in.DEPTH_M)


def test_without_uvs_it_is_projected_in_metres(scene, cube):
    cube.data.uv_layers.remove(cube.data.uv_layers[0])
    cube.scale = (2, 1, 0.5)
    finish(scene, stand_in.material(), [cube])
    material = cube.active_material
    mapping = node(material, "MAPPING")
    assert tuple(mapping.inputs["Scale"].default_value) == pytest.approx([part / stand_in.WIDTH_M for part in (2, 1, 0.5)], rel=1e-4)
    assert source(mapping.inputs["Vector"]).outputs["Object"].is_linked
    assert {item.projection for item in material.node_tree.nodes if item.type == "TEX_IMAGE"} == {"BOX"}
    # Without UVs there are no tangents for a normal map: the height makes the relief.
    assert not node(material, "BSDF_PRINCIPLED").inputs["Normal"].is_linked
    assert outputs_of(material)["ALL"].inputs["Displacement"].is_linked


def test_uvs_that_go_around_meet_themselves(scene):
    bpy.ops.mesh.primitive_cylinder_add(radius=1, depth=2, end_fill_type="NOTHING")
    tube = bpy.context.object
    tube.data.uv_layers.active.uv.foreach_set("vector", _unrolled(tube.data))
    density, wraps = scale.uv_density(tube)
    assert wraps == (True, False)
    assert density == pytest.approx(math.sqrt(2 * math.pi * 2), rel=0.01)
    across = scale.placement(tube, (1.4, 1.4)).scale[0]
    assert across == round(across)
    assert scale.uv_density(bpy.data.objects["Cube"])[1] == (False, False)


def _unrolled(mesh):
    """UVs of a tube: u once around, v from end to end."""
    uv = []
    for polygon in mesh.polygons:
        turns = [math.atan2(mesh.vertices[i].co.y, mesh.vertices[i].co.x) / math.tau % 1 for i in polygon.vertices]
        if max(turns) - min(turns) > 0.5:
            turns = [turn or 1.0 for turn in turns]
        for turn, index in zip(turns, polygon.vertices, strict=True):
            uv += [turn, mesh.vertices[index].co.z / 2 + 0.5]
    return uv


def test_crushed_uvs_count_as_none(scene, cube):
    cube.data.uv_layers.active.uv.foreach_set("vector", [0.5] * 48)
    assert scale.uv_density(cube) is None
    assert scale.placement(cube, (1, 1)).coordinates == "Object"
    empty = bpy.data.objects.new("Empty mesh", bpy.data.meshes.new("none"))
    assert scale.placement(empty, (2, 2)).coordinates == "Object"


def test_one_material_for_all_that_need_the_same_scale(scene, cube):
    twin, large = cube.copy(), cube.copy()
    twin.data, large.data = cube.data.copy(), cube.data.copy()
    large.scale = (4, 4, 4)
    bystander = cube.copy()  # shares its mesh with the cube
    for item in (twin, large, bystander):
        scene.collection.objects.link(item)
    before = bystander.active_material
    finish(scene, stand_in.material(), [cube, twin, large])
    assert cube.active_material == twin.active_material
    assert large.active_material != cube.active_material
    first, second = (maps.of_material(item.active_material) for item in (cube, large))
    assert first == second  # the images are not there twice
    scales = [node(item.active_material, "MAPPING").inputs["Scale"].default_value[0] for item in (cube, large)]
    assert scales[1] == pytest.approx(4 * scales[0], rel=1e-4)
    assert bystander.active_material == before


def test_without_a_selection_the_material_waits_in_the_file(scene, tmp_path):
    record = finish(scene, stand_in.material())
    assert "no mesh was selected" in record.result
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert "Old red brick" in bpy.data.materials


def test_one_undo_takes_a_material_back(scene, cube):
    before, images = cube.active_material.name, len(bpy.data.images)
    bpy.ops.ed.undo_push(message="before")
    finish(scene, stand_in.material(), [cube])
    bpy.ops.ed.undo()
    assert bpy.data.objects["Cube"].active_material.name == before
    assert len(bpy.data.images) == images
    assert "Old red brick" not in bpy.data.materials


@pytest.mark.parametrize("operation", ["texture.synthesize", "texture.maps"])
def test_maps_of_other_operations(scene, cube, operation):
    outputs = stand_in.bricks()
    outputs["occlusion"] = outputs.pop("ambient_occlusion")
    record = finish(scene, outputs, [cube], operation, prompt="")
    assert record.state == "done", record.error
    material = cube.active_material
    assert material.name == "Material.001"  # the job's label; the factory scene has a Material
    assert set(maps.of_material(material)) == {"base_color", "height", "normal", "roughness", "ambient_occlusion"}
    # Nothing says how wide it is: it fills the UV square.
    assert tuple(node(material, "MAPPING").inputs["Scale"].default_value) == (1, 1, 1)


def test_a_studios_own_colour_configuration(scene, monkeypatch):
    """None of the known names: what Blender gives a new image is right."""
    monkeypatch.setattr(maps, "DATA_SPACES", ("Not A Space",))
    monkeypatch.setattr(maps, "COLOR_SPACES", ("Not A Space",))
    image = maps.receive(stand_in.bricks()["height"], "height", "height", {})
    assert image.colorspace_settings.is_data
    image = maps.receive(stand_in.bricks()["base_color"], "base_color", "base", {})
    assert image.colorspace_settings.name == "sRGB"
    assert not any(item.name.startswith("Backlot Colour") for item in bpy.data.images)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_there_and_back(kind, channels):
    pixels = np.random.default_rng(2).integers(0, np.iinfo(kind).max, (7, 5, channels)).astype(kind)
    assert np.array_equal(png.decode(png.encode(pixels)), pixels)
    assert png.decode(png.encode(pixels)).dtype == kind


def test_maps_in_floats_are_kept_fine(scene):
    ramp = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64, 1)
    image = maps.receive(Image(ramp, "data"), "height", "ramp", {})
    back = np.array(image.pixels, np.float32).reshape(64, 64, image.channels)[::-1, :, 0]
    assert np.abs(back - ramp[..., 0]).max() < 1 / 65535
