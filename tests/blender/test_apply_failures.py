"""Results of shots and plates that fail in the middle leave nothing behind, and results far from zero are where they belong."""

import dataclasses
import shutil
from pathlib import Path

import bpy
import mathutils
import numpy as np
import pytest

from backlot.addon.images import pictures
from backlot.addon.jobs import queue, records
from backlot.addon.reconstruct import results as reconstruct_results
from backlot.addon.reconstruct import unwrap
from backlot.addon.scene import mesh_object, surface
from backlot.addon.scene.transaction import transaction
from backlot.addon.style import placing
from backlot.addon.style import results as style_results
from backlot.shared.frames import write_transforms
from backlot.shared.values import Camera, Image, Mesh

pytestmark = pytest.mark.contract  # depends on Blender's version
QUAD = Mesh(
    np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32), np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    uvs=np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32),
)  # fmt: skip
FAR = (500_123.0, 4_600_456.0, 210.0)


def counts():
    names = [item.identifier for item in bpy.data.bl_rna.properties if item.type == "COLLECTION"]
    return {name: len(getattr(bpy.data, name)) for name in names}


def apply(scene, operation, outputs, **request):
    request = {"parameters": {}, "seed": 1, "inputs": {}, "targets": [], **request}
    record = records.add(scene, f"job-{len(records.LIVE)}", operation, "Room", "running", request)
    job = record.name
    queue.RESULTS[job] = outputs
    queue.apply_results()
    return records.find(job)[1]


def frames_on_disk(folder, numbers):
    image = pictures.receive(Image(np.full((8, 8, 3), 0.5, np.float32), "linear"), "color")
    image.filepath_raw, image.file_format = str(folder / "one.exr"), "OPEN_EXR"
    image.save()
    bpy.data.images.remove(image)
    paths = [folder / f"stylised_{number:04d}.exr" for number in numbers]
    for path in paths:
        shutil.copy(folder / "one.exr", path)
    return paths


def plate(scene, folder):
    camera = Camera(48, 32, 60.0, 60.0, 24.0, 16.0, np.array(mathutils.Matrix.Translation((0, 0, 3))))
    image = pictures.receive(Image(np.full((32, 48, 3), 90, np.uint8), "srgb"), "Plate")
    (folder / "color.png").write_bytes(b"not looked at")
    write_transforms(folder, [{"camera": camera, "files": {"color": "color.png"}, "number": 1}])
    return {"kind": "plate", "image": image.name, "folder": str(folder), "camera": "Camera"}


def _after(original):
    def call(*arguments, **options):
        original(*arguments, **options)
        raise RuntimeError("out of everything")

    return call


@pytest.mark.parametrize("owner_name", [(style_results, "sequence"), (style_results, "_render_of"), (placing, "show_where_free")])
def test_a_failed_shot_leaves_nothing_and_its_frames_stay(scene, tmp_path, monkeypatch, owner_name):
    outputs = {"stylised": frames_on_disk(tmp_path, (1, 2, 3)), "model": tmp_path / "model.safetensors", "report": {}}
    before = counts()
    with monkeypatch.context() as patch:
        patch.setattr(*owner_name, _after(getattr(*owner_name)))
        record = apply(scene, "style.shot", outputs)
    assert (record.state, record.kept) == ("failed", True)
    assert counts() == before
    assert (scene.backlot_style.result, scene.backlot_style.model) == (None, "")
    assert all(path.is_file() for path in outputs["stylised"])
    assert bpy.ops.backlot.apply_now() == {"FINISHED"}
    assert scene.backlot_style.result is not None


@pytest.mark.parametrize("owner_name", [(surface, "projector"), (reconstruct_results, "_camera_uvs"), (surface, "build")])
def test_a_failed_plate_leaves_nothing(scene, tmp_path, monkeypatch, owner_name):
    origin = plate(scene, tmp_path)
    before = counts()
    with monkeypatch.context() as patch:
        patch.setattr(*owner_name, _after(getattr(*owner_name)))
        record = apply(scene, "reconstruct.plate", {"mesh": QUAD, "report": {}}, origin=origin)
    assert record.state == "failed"
    assert counts() == before
    assert bpy.ops.backlot.apply_now() == {"FINISHED"}
    assert counts()["cameras"] == before["cameras"] + 1


def test_a_transaction_that_fails_removes_every_kind_of_datablock(scene):
    """One of everything that ``bpy.data`` can make."""
    before = counts()
    arguments = {
        "images": (4, 4), "objects": (None,), "lights": ("POINT",), "node_groups": ("ShaderNodeTree",), "textures": ("CLOUDS",),
        "curves": ("CURVE",), "lightprobes": ("SPHERE",),
        "sounds": None, "libraries": None, "movieclips": None, "fonts": None, "window_managers": None,
        "workspaces": None, "screens": None, "shape_keys": None, "paint_curves": None,
    }  # fmt: skip

    def make_all():
        made = 0
        for name in before:
            given = arguments.get(name, ())
            maker = getattr(getattr(bpy.data, name), "new", None)
            if given is not None and maker is not None:
                maker("Made", *given)
                made += 1
        assert made > 20
        raise RuntimeError("out of everything")

    with pytest.raises(RuntimeError, match="out of everything"), transaction():
        make_all()
    assert counts() == before


def test_frames_before_frame_0_stay_files(scene, tmp_path):
    record = apply(scene, "style.shot", {"stylised": frames_on_disk(tmp_path, (-2, -1, 0, 1)), "report": {}})
    assert record.state == "done", record.error
    assert "2 frames before frame 0 are in" in record.result
    image = scene.backlot_style.result
    assert (Path(bpy.path.abspath(image.filepath)).name, image.source) == ("stylised_0000.exr", "SEQUENCE")


def test_a_result_far_from_zero_is_at_its_origin_with_all_that_belongs_to_it(scene, tmp_path):
    far = dataclasses.replace(QUAD, origin=FAR)
    record = apply(scene, "reconstruct.depth", {"mesh": far, "lod_1": far, "proxy": far, "report": {}})
    assert record.state == "done", record.error
    bpy.context.view_layer.update()
    for item in scene.collection.children["Backlot"].objects:
        assert tuple(item.matrix_world.translation) == pytest.approx(FAR, abs=0.26)
        assert np.abs([tuple(v.co) for v in item.data.vertices]).max() == 1  # local coordinates keep their precision
    [fine] = [item for item in scene.collection.children["Backlot"].objects if item.parent is None]
    sent = unwrap.smart(fine)
    assert sent.origin == FAR
    assert np.abs(sent.vertices).max() == 1
    assert mesh_object.read(fine).origin == pytest.approx(FAR, abs=1)
    near = dataclasses.replace(sent, vertices=sent.vertices + np.float32(2), origin=tuple(k - 2 for k in FAR))
    record = apply(
        scene, "reconstruct.texture", {"mesh": near}, origin={"kind": "object", "target": records.targets([fine])[0]}
    )  # fmt: skip
    assert record.state == "done", record.error
    assert np.abs([tuple(v.co) for v in fine.data.vertices]).max() == 1


def test_a_plate_far_from_zero_is_projected_from_its_camera(scene, tmp_path):
    origin = plate(scene, tmp_path)
    pose = np.eye(4)
    pose[:3, 3] = np.add(FAR, (0, 0, 3))
    camera = Camera(48, 32, 60.0, 60.0, 24.0, 16.0, pose)
    write_transforms(tmp_path, [{"camera": camera, "files": {"color": "color.png"}, "number": 1}])
    far = Mesh(QUAD.vertices, QUAD.faces, origin=FAR)
    record = apply(scene, "reconstruct.plate", {"mesh": far, "report": {}}, origin=origin)
    assert record.state == "done", record.error
    bpy.context.view_layer.update()
    items = {item.type: item for item in scene.collection.children["Backlot"].objects}
    assert tuple(items["CAMERA"].matrix_local.translation) == pytest.approx((0, 0, 3), abs=0.6)  # poses are float32 there
    uvs = np.array([tuple(loop.vector) for loop in items["MESH"].data.uv_layers["Camera"].uv])
    assert np.allclose(uvs.mean(0), 0.5, atol=1e-3)
    assert np.abs(uvs - 0.5).max() == pytest.approx(60 / 3 / 32, abs=1e-3)
