"""Meshes through Blender's importers and exporters, in every format and version: the same geometry, axes, UVs, colours, attributes.

``dev.py test --all tests/blender/test_mesh_round_trips.py -k round_trip`` shows each format and mesh as a line for each version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender import mesh_samples
from blender.conftest import BACKEND_PYTHON, ROOT
from blender.mesh_imports import import_file

from backlot.shared.values import Mesh

pytestmark = pytest.mark.contract
SEEDS = (0, 1, 2, 3)
SAMPLES = mesh_samples.samples()
UV_NAME = {"usda": "st", "usdz": "st"}
COLOR_NAME = {"ply": "Col", "obj": "Color", "glb": "Color", "usda": "displayColor", "usdz": "displayColor"}


def backend_python(*arguments: str) -> str:
    command = [BACKEND_PYTHON, str(Path(mesh_samples.__file__)), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT.parent)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("meshes")
    backend_python("write", str(made))
    return made


@pytest.fixture(scope="module")
def seeded(folder) -> dict[int, dict[str, np.ndarray]]:
    """What Blenders with different hash seeds make of the .glb files: attributes are a Python set in the importer."""
    script = str(ROOT / "tests" / "blender" / "mesh_imports.py")
    running = []
    for seed in SEEDS:
        command = [sys.executable, script, str(folder), str(folder / f"{seed}.npz")]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        running.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    for process in running:
        errors = process.communicate()[1]
        assert process.returncode == 0, errors
    found = {}
    for seed in SEEDS:
        with np.load(folder / f"{seed}.npz") as data:
            found[seed] = dict(data)
    return found


def srgb(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def assert_same(found: dict[str, np.ndarray], mesh: Mesh, suffix: str) -> None:
    """Everything that the format can keep is there, corner by corner."""
    corner = mesh.faces.ravel()
    np.testing.assert_array_equal(found["sizes"], np.full(len(mesh.faces), 3))
    np.testing.assert_allclose(found["position"], mesh.vertices[corner], rtol=1e-6, atol=1e-6 * np.abs(mesh.vertices).max())
    if mesh.normals is not None:
        np.testing.assert_allclose(found["normal"], mesh.normals[corner], atol=1e-3)  # Blender keeps them in 16 bits
    if mesh.uvs is not None:
        np.testing.assert_allclose(found[UV_NAME.get(suffix, "UVMap")], mesh.uvs.reshape(-1, 2), atol=1e-6)
    if mesh.texture is not None and suffix != "ply":
        channels = mesh.texture.pixels.shape[2]
        seen = mesh.texture.pixels[..., 3:] > 0 if channels == 4 else True  # Blender may keep nothing where alpha is 0
        np.testing.assert_array_equal(found["picture"][..., :channels] * seen, mesh.texture.pixels * seen)
        assert found["sees_alpha"] == (channels == 4)
    if mesh.colors is not None:
        hidden = suffix == "glb" and mesh.texture is not None  # COLOR_0 would be multiplied into the picture
        columns = [found[f"_COLOR_{axis}"] for axis in "RGB"] if hidden else [found[COLOR_NAME[suffix]][:, k] for k in range(3)]
        exact = 1e-6 if hidden or suffix in ("usda", "usdz") else 2e-6 if suffix == "obj" else 0.51 / 255  # the others have 8 bits
        np.testing.assert_allclose(srgb(np.stack(columns, 1)), srgb(mesh.colors[corner]), atol=exact)
    for name, values in mesh.attributes.items() if suffix != "obj" else ():  # which has none
        if values.ndim == 1 or suffix in ("usda", "usdz"):
            got = found[f"_{name.upper()}" if suffix == "glb" else name]
        else:
            got = np.stack([found[f"_{name}_{axis}".upper() if suffix == "glb" else f"{name}_{axis}"] for axis in "xyz"], 1)
        np.testing.assert_array_equal(got.astype(np.float32), values[corner])


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("suffix", [suffix for suffix in mesh_samples.FORMATS if suffix != "glb"])
def test_round_trip(folder, suffix, name):
    assert_same(import_file(folder / f"{name}.{suffix}"), SAMPLES[name], suffix)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("seed", SEEDS)
def test_round_trip_of_glb(seeded, seed, name):
    own = {key.split("|")[1]: values for key, values in seeded[seed].items() if key.split("|")[0] == name}
    assert_same(own, SAMPLES[name], "glb")


def test_round_trip_of_z_up_obj(folder):
    found = import_file(folder / "z_up.obj", forward_axis="Y", up_axis="Z")
    assert_same(found, SAMPLES["normals"], "obj")


# ------------------------------------------------------------------------------------------------ what Blender writes


def scene_of_shapes() -> list[bpy.types.Object]:
    """Objects as artists leave them: turned, stretched, mirrored, with UVs, colours, and a polygon that is not convex."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_monkey_add(location=(1, 2, 3), rotation=(0.3, 0.5, 0.7), scale=(1, 2, 0.5))
    bpy.ops.mesh.primitive_cube_add(location=(-4, 1, 0.5), scale=(1, -1, 2))
    outline = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]  # a fan from its first corner would lie outside of it
    count = len(outline)
    points = [(u, v, z) for z in (0, 1) for u, v in outline]
    faces = [list(range(count))[::-1], list(range(count, 2 * count))]
    faces += [[k, (k + 1) % count, count + (k + 1) % count, count + k] for k in range(count)]
    mesh = bpy.data.meshes.new("notched")
    mesh.from_pydata(points, [], faces)
    notched = bpy.data.objects.new("Notched \u00e9", mesh)
    notched.location = (0, -6, 0)
    bpy.context.collection.objects.link(notched)
    items = [item for item in bpy.data.objects if item.type == "MESH"]
    for item in items:
        weight = item.data.attributes.new("weight", "FLOAT", "POINT")
        weight.data.foreach_set("value", np.linspace(0, 1, len(item.data.vertices), dtype=np.float32))
    bpy.context.view_layer.update()
    return items


def measured(items: list[bpy.types.Object]) -> tuple[np.ndarray, float, float]:
    """Positions in world space, area and volume."""
    points, area, volume = [], 0.0, 0.0
    for item in items:
        mesh, world = item.data, np.array(item.matrix_world)
        mesh.calc_loop_triangles()
        own = np.array([v.co for v in mesh.vertices]) @ world[:3, :3].T + world[:3, 3]
        triangles = own[np.array([t.vertices[:] for t in mesh.loop_triangles])]
        across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        points.append(own)
        area += float(np.linalg.norm(across, axis=1).sum() / 2)
        sign = np.sign(np.linalg.det(world[:3, :3]))
        volume += float(sign * (triangles[:, 0] * across).sum() / 6)
    return np.concatenate(points), area, volume


def test_what_blender_exports_is_read(tmp_path):
    items = scene_of_shapes()
    points, area, volume = measured(items)
    bpy.ops.wm.ply_export(filepath=str(tmp_path / "binary.ply"))
    bpy.ops.wm.ply_export(filepath=str(tmp_path / "text.ply"), ascii_format=True)
    bpy.ops.wm.ply_export(filepath=str(tmp_path / "normals.ply"), export_normals=True, export_triangulated_mesh=True)
    bpy.ops.wm.obj_export(filepath=str(tmp_path / "default.obj"))
    bpy.ops.wm.obj_export(filepath=str(tmp_path / "plain.obj"), export_uv=False, export_normals=False, export_materials=False)
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "default.glb"))
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "attributes.glb"), export_attributes=True, export_yup=True)
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "separate.gltf"), export_format="GLTF_SEPARATE")
    read = json.loads(backend_python("read", str(tmp_path)))
    assert len(read) == 8
    for name, found in read.items():
        got = np.array(found["points"])
        assert got.min(0) == pytest.approx(points.min(0), abs=2e-4), name
        assert got.max(0) == pytest.approx(points.max(0), abs=2e-4), name
        distance = np.abs(points[:, None] - got[None]).max(2)
        assert distance.min(1).max() < 2e-4, name
        assert distance.min(0).max() < 2e-4, name
        close = 1e-3 if name == "normals.ply" else 1e-4  # that one has other diagonals in quads that are not flat
        assert found["area"] == pytest.approx(area, rel=close), name
        assert found["volume"] == pytest.approx(volume, rel=close), name
    assert read["binary.ply"]["attributes"] == read["text.ply"]["attributes"] == ["weight"]
    assert read["attributes.glb"]["attributes"] == []  # the name of an attribute begins with _ in glTF; Blender exports only such ones
