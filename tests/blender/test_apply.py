"""Results into the scene: exact pixels, exact locations, one step of undo, and no other objects changed."""

import bpy
import numpy as np
import pytest

from backlot.addon.images import pictures
from backlot.addon.jobs import queue, records
from backlot.shared.errors import InputError
from backlot.shared.values import EncodedFile, Image, Mesh

pytestmark = pytest.mark.contract  # depends on Blender's version

RNG = np.random.default_rng(1)
BYTES = Image(RNG.integers(0, 256, (24, 40, 3), np.uint8), "srgb")
FLOATS = Image(np.abs(RNG.normal(size=(24, 40, 4))).astype(np.float32).clip(0.01, 50), "linear")


def finish(scene, operation, outputs, targets=(), label="Result"):
    """Applies outputs as they arrive from the backend."""
    request = {"parameters": {}, "seed": 1, "inputs": {}, "targets": records.targets(list(targets))}
    record = records.add(scene, f"test-{RNG.integers(1 << 60)}", operation, label, "running", request)
    job_id = record.name
    queue.RESULTS[job_id] = outputs
    bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=job_id)
    return records.find(job_id)[1]


def test_byte_and_float_images_come_through_unchanged(scene):
    image = pictures.receive(BYTES, "bytes")
    assert image.packed_file is not None
    assert (image.colorspace_settings.name, image.is_float) == ("sRGB", False)
    back = pictures._pixels(image, "")
    assert np.array_equal(back.pixels[..., :3], BYTES.pixels)
    assert back.color_space == "srgb"
    FLOATS.pixels[..., 3] = 0.5
    image = pictures.receive(FLOATS, "floats")
    assert image.packed_file is not None
    assert (image.colorspace_settings.name, image.is_float) == ("Linear Rec.709", True)
    back = pictures._pixels(image, "linear")
    assert np.allclose(back.pixels, FLOATS.pixels, rtol=1e-6)
    data = pictures.receive(Image(FLOATS.pixels[..., :1].copy(), "data"), "height")
    assert data.colorspace_settings.is_data


def test_light_without_alpha_comes_through(scene):
    glow = FLOATS.pixels.copy()
    glow[:10, :, 3], glow[10:, :, 3] = 0.0, 0.25
    image = pictures.receive(Image(glow, "linear"), "glow")
    assert np.allclose(pictures._pixels(image, "linear").pixels, glow, rtol=1e-6)
    hidden = Image(np.dstack([BYTES.pixels.astype(np.uint16) * 257, np.zeros((24, 40), np.uint16)]), "srgb")
    assert not pictures._pixels(pictures.receive(hidden, "hidden"), "linear").pixels.any()


def test_the_space_of_an_image_goes_with_its_file(scene, tmp_path):
    made = pictures.receive(FLOATS, "source")
    made.filepath_raw, made.file_format = str(tmp_path / "source.exr"), "OPEN_EXR"
    made.save()
    bpy.data.images.remove(made)
    image = bpy.data.images.load(str(tmp_path / "source.exr"))
    spaces = {"ACEScg": "ACEScg", "Linear Rec.2020": "Linear Rec.2020", "Linear Rec.709": "linear", "sRGB": "srgb", "Non-Color": "data"}
    for space, said in spaces.items():
        image.colorspace_settings.name = space
        assert pictures.send(image).color_space == said


def test_files_are_sent_as_they_lie_and_changed_images_as_pixels(scene, tmp_path):
    made = pictures.receive(BYTES, "source")
    made.filepath_raw, made.file_format = str(tmp_path / "source.png"), "PNG"
    made.save()
    bpy.data.images.remove(made)
    image = bpy.data.images.load(str(tmp_path / "source.png"))
    sent = pictures.send(image)
    assert isinstance(sent, EncodedFile)
    assert sent.data.tobytes() == (tmp_path / "source.png").read_bytes()
    image.pack()
    assert pictures.send(image).data.tobytes() == sent.data.tobytes()
    image.pixels[0] = 0.5
    assert isinstance(pictures.send(image), Image)


def test_a_texture_lands_on_the_selected_only(scene):
    cube = bpy.data.objects["Cube"]
    bystander = cube.copy()  # shares the mesh
    alone = bpy.data.objects.new("Alone", bpy.data.meshes["Cube"].copy())
    other_scene = bpy.data.scenes.new("Other")
    elsewhere = cube.copy()
    other_scene.collection.objects.link(elsewhere)
    for item in (bystander, alone):
        scene.collection.objects.link(item)
    shown = [[slot.material for slot in item.material_slots] for item in (bystander, alone, elsewhere)]
    record = finish(scene, "texture.synthesize", {"base_color": BYTES}, [cube], "Bricks")
    assert record.state == "done"
    material = cube.material_slots[0].material
    assert material.name.startswith("Bricks")
    image = next(node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE")
    assert image.packed_file is not None
    assert tuple(image.size) == (40, 24)
    principled = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    assert principled.inputs["Base Color"].is_linked
    assert [[slot.material for slot in item.material_slots] for item in (bystander, alone, elsewhere)] == shown


def test_a_renamed_object_is_found_and_a_deleted_one_is_named(scene):
    cube = bpy.data.objects["Cube"]
    doomed = bpy.data.objects.new("Doomed", cube.data.copy())
    scene.collection.objects.link(doomed)
    targets = records.targets([cube, doomed])
    cube.name = "Renamed"
    bpy.data.objects.remove(doomed)
    replacement = bpy.data.objects.new("Doomed", bpy.data.meshes["Cube"].copy())  # another object of the same name
    scene.collection.objects.link(replacement)
    before = [slot.material for slot in replacement.material_slots]
    record = records.add(
        scene, "renamed", "texture.synthesize", "T", "running", {"parameters": {}, "seed": 1, "inputs": {}, "targets": targets}
    )
    queue.RESULTS["renamed"] = {"base_color": BYTES}
    bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id="renamed")
    assert "'Doomed' is gone" in record.result
    assert cube.material_slots[0].material.name.startswith("T")
    assert [slot.material for slot in replacement.material_slots] == before


def test_undo_takes_back_one_result_and_keeps_the_job(scene):
    cube = bpy.data.objects["Cube"]
    before = cube.material_slots[0].material.name
    bpy.ops.ed.undo_push(message="before")
    record = finish(scene, "texture.synthesize", {"base_color": BYTES}, [cube], "Undone")
    name = record.name
    assert "Undone" in bpy.data.images
    bpy.ops.ed.undo()
    assert "Undone" not in bpy.data.images
    assert bpy.data.objects["Cube"].material_slots[0].material.name == before
    assert records.find(name)[1].state == "done"  # the backend does not undo
    bpy.ops.ed.redo()
    assert bpy.data.objects["Cube"].material_slots[0].material.name.startswith("Undone")


def test_a_style_result_lies_beside_the_original(scene):
    original = pictures.receive(BYTES, "Frame")
    finish(scene, "style.image", {"image": FLOATS}, label="Style Frame")
    assert bpy.data.images["Style Frame"].is_float
    assert bpy.data.images["Frame"] == original


def test_undo_does_not_bring_back_a_removed_job(scene):
    bpy.ops.ed.undo_push(message="before")
    records.add(scene, "removed0", "texture.synthesize", "Unwanted", "running", {"inputs": {}})
    bpy.ops.ed.undo_push(message="with the job")
    records.remove("removed0")
    bpy.ops.ed.undo_push(message="without")
    bpy.ops.ed.undo()
    assert records.find("removed0") is None


def test_an_image_that_nothing_uses_yet_is_saved_with_the_file(scene, tmp_path):
    name = finish(scene, "style.image", {"image": BYTES}, label="Style frame").result.split("'")[1]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert bpy.data.images[name].packed_file is not None


def test_a_mesh_stands_at_its_true_place_with_its_colours(scene):
    vertices = np.array([[10, 0, 0], [11, 0, 0], [10, 2, 0], [10, 0, 3]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32)
    colors = np.array([[0.5, 0, 0], [0, 0.25, 0], [0, 0, 4.0], [1, 1, 1]], np.float32)
    scene.cursor.location = (5, 5, 5)
    bpy.ops.object.mode_set(mode="EDIT")
    record = finish(scene, "reconstruct.depth", {"mesh": Mesh(vertices, faces, None, colors), "report": {"voxel": 0.01}})
    bpy.ops.object.mode_set(mode="OBJECT")
    assert record.state == "done"
    item = scene.collection.children["Backlot"].objects[0]
    assert np.allclose([item.matrix_world @ v.co for v in item.data.vertices], vertices)
    assert [tuple(p.vertices) for p in item.data.polygons] == [tuple(f) for f in faces]
    assert all(p.use_smooth for p in item.data.polygons)
    attribute = item.data.color_attributes["Color"]
    assert (attribute.data_type, attribute.domain) == ("FLOAT_COLOR", "POINT")
    assert np.allclose([tuple(c.color)[:3] for c in attribute.data], colors)
    material = item.material_slots[0].material
    assert any(node.type == "VERTEX_COLOR" and node.layer_name == "Color" for node in material.node_tree.nodes)
    record = finish(scene, "reconstruct.depth", {"mesh": Mesh(vertices, faces)})
    assert len(scene.collection.children["Backlot"].objects) == 2
    assert len([c for c in bpy.data.collections if c.name.startswith("Backlot")]) == 1


def test_an_empty_mesh_is_an_error_in_the_job_list(scene):
    with pytest.raises(RuntimeError, match="without faces"):
        finish(scene, "reconstruct.depth", {"mesh": Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))})
    assert scene.backlot_jobs.items[0].state == "failed"


def test_a_result_for_another_file_is_not_applied(scene):
    finish_id = records.add(scene, "elsewhere", "style.image", "X", "running", {"inputs": {}, "targets": []}).name
    bpy.ops.wm.read_factory_settings(use_empty=True)
    images = len(bpy.data.images)
    queue.on_event(type("Finished", (), {"job_id": finish_id, "outputs": {"image": BYTES}})())
    queue.apply_results()
    assert len(bpy.data.images) == images
    assert not queue.RESULTS


def test_images_that_cannot_be_sent(scene, tmp_path):
    gone = bpy.data.images.new("gone", 4, 4)
    gone.source = "FILE"
    gone.filepath = str(tmp_path / "gone.png")
    with pytest.raises(InputError, match="Find Missing Files"):
        pictures.send(gone)
    with pytest.raises(InputError, match="UDIM"):
        pictures.send(bpy.data.images.new("tiles", 4, 4, tiled=True))
    with pytest.raises(InputError, match="an image of this file"):
        pictures.find("no such thing", "the exemplar")
