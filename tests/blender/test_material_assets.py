"""Materials as assets: marked, described, with a preview that shows them; and what is refused."""

import bpy
import numpy as np
import pytest
from blender import stand_in
from blender.test_material_apply import finish

from backlot.addon.images import pictures
from backlot.addon.materials import lighting, maps
from backlot.addon.scene import provenance
from backlot.shared.values import Image


def preview_of(material):
    width, height = material.preview.image_size
    flat = np.empty(width * height * 4, np.float32)
    material.preview.image_pixels_float.foreach_get(flat)
    return flat.reshape(height, width, 4)[::-1]


@pytest.mark.contract
def test_marked_described_and_shown(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    finish(scene, stand_in.material(), [cube])
    assert bpy.ops.backlot.mark_asset() == {"FINISHED"}
    material = cube.active_material
    assert material.asset_data.description == "old red brick"
    assert {tag.name for tag in material.asset_data.tags} == {"Backlot", "Brick"}
    bpy.ops.backlot.mark_asset()  # again is no harm
    assert len(material.asset_data.tags) == 2
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "library.blend"))
    preview = preview_of(bpy.data.materials["Old red brick"])
    assert preview.shape == (256, 256, 4)
    assert preview[0, 0, 3] == 0  # nothing around the ball
    middle = preview[100:156, 100:156]
    assert middle[..., 3].min() == 1
    red, _, blue = middle[..., :3].mean((0, 1))
    assert red > 1.2 * blue  # bricks
    assert middle[..., 0].std() > 0.02  # and joints
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), assets_only=True) as (found, _):
        assert found.materials == ["Old red brick"]


def test_an_entry_of_the_history_can_be_marked_and_undone(scene):
    finish(scene, stand_in.material(), [bpy.data.objects["Cube"]])
    bpy.ops.ed.undo_push(message="made")
    bpy.ops.backlot.mark_asset(entry_id=scene.backlot_materials.items[0].name)
    assert bpy.data.materials["Old red brick"].asset_data is not None
    bpy.ops.ed.undo_push(message="marked")
    bpy.ops.ed.undo()
    assert bpy.data.materials["Old red brick"].asset_data is None


def test_what_cannot_be_marked(scene):
    with pytest.raises(RuntimeError, match="made in this panel"):
        bpy.ops.backlot.mark_asset(material="Material")
    with pytest.raises(RuntimeError, match="select an object"):
        bpy.ops.backlot.mark_asset(material="gone")
    bpy.data.materials["Material"]["backlot"] = "not JSON"
    assert provenance.read(bpy.data.materials["Material"]) == {}


def test_a_material_whose_images_are_gone_still_gets_a_preview(scene):
    cube = bpy.data.objects["Cube"]
    finish(scene, stand_in.material(), [cube])
    for image in list(bpy.data.images):
        bpy.data.images.remove(image)
    bpy.ops.backlot.mark_asset()
    assert preview_of(cube.active_material)[128, 128, 3] == 1


def test_colours_of_the_preview_are_those_of_the_maps(scene):
    """8-bit, 16-bit and float base colours of the same colour look the same."""
    looks = []
    srgb = np.full((32, 32, 3), 0.5, np.float32)
    linear = np.full((32, 32, 3), 0.21404, np.float32)
    for value in (
        Image(np.rint(srgb * 255).astype(np.uint8)), Image(np.rint(srgb * 65535).astype(np.uint16)), Image(linear, "linear"),
    ):  # fmt: skip
        image = maps.receive(value, "base_color", "grey", {})
        stack = maps.stack({"base_color": maps.read(image, 32)}, linear=image.is_float)
        looks.append(lighting.patch(stack)[16, 16].astype(int))
        assert np.abs(lighting.patch(maps.small_stack({"base_color": value}))[16, 16] - looks[0]).max() <= 1
    assert np.ptp(looks, axis=0).max() <= 1
    assert pictures.LINEAR  # float colour comes by the same way as everywhere else


def test_light_tells_rough_from_smooth_and_up_from_down():
    def stack(normal=(0, 0, 1), roughness=0.5, metallic=0.0):
        flat = np.full((8, 8), 1, np.float32)
        bent = flat[..., None] * np.array(normal, np.float32) / np.linalg.norm(normal)
        return lighting.Stack(flat[..., None] * np.float32([0.2, 0.2, 0.2]), bent, flat * roughness, flat * metallic, flat)

    def brightness(**values):
        return float(lighting.patch(stack(**values)).mean())

    assert brightness(normal=(-0.5, 0.5, 1)) > brightness() > brightness(normal=(0.5, -0.5, 1))
    shiny, matt = (lighting.ball(stack(roughness=value), 64)[..., :3].max() for value in (0.1, 0.9))
    assert shiny > matt + 40  # a highlight
