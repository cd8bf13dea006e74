"""The conventions of captured pixels, tested on geometry with known values."""

import json
import math

import bpy
import mathutils
import numpy as np
import pytest
from blender.conftest import layers

from backlot.addon.capture.run import Capture
from backlot.addon.capture.settings import CaptureSettings

pytestmark = pytest.mark.contract  # depends on Blender's version

SIZE = (96, 64)


def capture(scene, folder, **settings):
    run = Capture(scene, bpy.context.view_layer, CaptureSettings(resolution=SIZE, color=False, **settings), folder)
    for _ in run.steps():
        pass
    frames = json.loads((folder / "transforms.json").read_text())["frames"]
    return run, list(zip(frames, layers(*(folder / frame["depth_file_path"] for frame in frames)), strict=True))


def rays(frame, offset=0.0):
    """Directions through the pixels' centres in the camera's own space, with z = -1."""
    v, u = np.mgrid[: frame["h"], : frame["w"]] + 0.5
    return np.stack([(u - frame["cx"] - offset) / frame["fl_x"], -(v - frame["cy"] - offset) / frame["fl_y"], -np.ones_like(u)], -1)


def project(frame, points):
    to_camera = np.linalg.inv(np.array(frame["transform_matrix"]))
    p = points @ to_camera[:3, :3].T + to_camera[:3, 3]
    return np.stack([frame["cx"] + frame["fl_x"] * p[..., 0] / -p[..., 2], frame["cy"] - frame["fl_y"] * p[..., 1] / -p[..., 2]], -1)


def plane_depth(frame, offset=0.0):
    """Planar z of the plane z = 0."""
    pose = np.array(frame["transform_matrix"])
    directions = rays(frame, offset) @ pose[:3, :3].T
    return -pose[2, 3] / directions[..., 2]


@pytest.fixture
def plane(scene):
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.mesh.primitive_plane_add(size=60)
    return bpy.context.object


@pytest.mark.parametrize(
    ("shift", "fit", "aspect"),
    [((0, 0), "AUTO", 1.0), ((0.1, -0.07), "AUTO", 1.0), ((0.1, 0.05), "VERTICAL", 1.0), ((0.05, 0.1), "HORIZONTAL", 2.0)],
)
def test_depth_is_planar_at_pixel_centres(scene, plane, tmp_path, shift, fit, aspect):
    camera = scene.camera.data
    camera.shift_x, camera.shift_y = shift
    camera.sensor_fit = fit
    scene.render.pixel_aspect_x = aspect
    camera.dof.use_dof = True
    camera.dof.aperture_fstop = 0.1
    _, [(frame, found)] = capture(scene, tmp_path)
    depth = found["Depth"][..., 0]
    truth = plane_depth(frame)
    hit = (truth > 0) & (depth < 25)
    assert hit.sum() > 1000
    error = np.abs(depth - truth)[hit] / truth[hit]
    shifted = plane_depth(frame, 0.5)
    half_pixel = np.abs(depth - shifted)[hit] / truth[hit]
    print(f"relative depth error {error.max():.1e}, with cx off by half a pixel {half_pixel.mean():.1e}")
    assert error.max() < 2e-5
    assert half_pixel.mean() > 20 * error.max()


def test_sphere_depth_normals_and_background(scene, tmp_path):
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.mesh.primitive_uv_sphere_add(segments=256, ring_count=128, radius=1.5, location=(0.3, 0.2, 0.1))
    bpy.ops.object.shade_smooth()
    _, [(frame, found)] = capture(scene, tmp_path)
    depth = found["Depth"][..., 0]
    pose = np.array(frame["transform_matrix"])
    directions = rays(frame) @ pose[:3, :3].T
    origin = pose[:3, 3] - np.array([0.3, 0.2, 0.1])
    a, b, c = (directions**2).sum(-1), 2 * directions @ origin, origin @ origin - 1.5**2
    root = b * b - 4 * a * c
    truth = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / (2 * a), 1e10)
    inside = root > 0.3 * root.max()  # away from the silhouette, where facets show
    assert inside.sum() > 100
    assert np.abs(depth - truth)[inside].max() < 1e-3  # 256 facets around 1.5 units: sagitta 1.1e-4, more at a slant
    normal = (origin + directions * truth[..., None]) / 1.5
    assert np.abs(found["Normal"] - normal)[inside].max() < 0.01
    assert (depth[root < 0.0 - 0.05 * root.max()] >= 1e9).all()
    assert set(np.unique(found["IndexOB"])) == {0.0, float(_run_ids(tmp_path)["Sphere"])}


def _run_ids(folder):
    return json.loads((folder / "objects.json").read_text())


def test_object_ids_are_unique_and_named(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    other = cube.copy()
    other.location = (2.5, 0, 0)
    cube.pass_index = other.pass_index = 7
    scene.collection.objects.link(other)
    _, [(_, found)] = capture(scene, tmp_path)
    ids = _run_ids(tmp_path)
    assert set(np.unique(found["IndexOB"])) == {0.0, ids[cube.name], ids[other.name]}
    assert cube.pass_index == other.pass_index == 7


def _animate(item, poses):
    for number, (location, rotation) in poses.items():
        item.location, item.rotation_euler = location, rotation
        item.keyframe_insert("location", frame=number)
        item.keyframe_insert("rotation_euler", frame=number)


@pytest.mark.parametrize("mode", ["range", "frame"])
def test_motion_vectors_lead_to_where_things_were_and_will_be(scene, tmp_path, mode):
    """Object and camera move and turn. The surface point behind each pixel is moved by the known matrices."""
    cube, camera = bpy.data.objects["Cube"], scene.camera
    angle = tuple(camera.rotation_euler)
    _animate(cube, {1: ((0, 0, 0), (0, 0, 0)), 5: ((1.0, 0.3, 0.2), (0.1, 0.2, 0.5))})
    _animate(camera, {1: ((7.36, -6.93, 4.96), angle), 5: ((7.0, -6.0, 4.0), (angle[0] + 0.05, angle[1] + 0.03, angle[2]))})
    matrices = {}
    for number in (2, 3, 4):
        scene.frame_set(number)
        matrices[number] = np.array(cube.matrix_world), np.array(camera.matrix_world.normalized())
    if mode == "range":
        scene.frame_set(1)
        _, found = capture(scene, tmp_path, mode="range", start=3, end=3)
    else:
        scene.frame_set(3)
        _, found = capture(scene, tmp_path)
    [(frame, passes)] = found
    assert np.allclose(frame["transform_matrix"], matrices[3][1], atol=1e-5)
    ids = _run_ids(tmp_path)
    seen = passes["IndexOB"][..., 0] == ids["Cube"]
    pose = np.array(frame["transform_matrix"])
    world = pose[:3, 3] + rays(frame) @ pose[:3, :3].T * passes["Depth"][..., :1]
    inverse = np.linalg.inv(matrices[3][0])
    local = world @ inverse[:3, :3].T + inverse[:3, 3]
    v, u = np.mgrid[: frame["h"], : frame["w"]] + 0.5
    x, y, z, w = np.moveaxis(passes["Vector"], -1, 0)
    predicted = {2: np.stack([u + x, v - y], -1), 4: np.stack([u - z, v + w], -1)}
    for number, guess in predicted.items():
        to_world, to_camera = matrices[number]
        there = project({**frame, "transform_matrix": to_camera}, local @ to_world[:3, :3].T + to_world[:3, 3])
        moved = np.linalg.norm(there - np.stack([u, v], -1), axis=-1)[seen]
        residual = np.linalg.norm(there - guess, axis=-1)[seen]
        print(f"Blender {bpy.app.version_string}: to frame {number}: motion {moved.mean():.2f} px, residual {residual.max():.1e} px")
        assert moved.mean() > 1
        assert residual.max() < 0.01


def test_orbit_frames_enclose_the_selection(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    bpy.ops.mesh.primitive_uv_sphere_add(location=(2.2, 0, 0))  # in the way, and not selected
    run, found = capture(scene, tmp_path, mode="orbit", count=7, objects=(cube.name,))
    assert run.total == 7
    for frame, passes in found:
        depth = passes["Depth"][..., 0]
        edge = np.concatenate([depth[0], depth[-1], depth[:, 0], depth[:, -1]])
        assert (edge >= 1e9).all()
        assert 0.1 < (depth < 1e9).mean() < 0.9
        pose = np.array(frame["transform_matrix"])
        world = (pose[:3, 3] + rays(frame) @ pose[:3, :3].T * depth[..., None])[depth < 1e9]
        assert np.abs(np.abs(world).max(1) - 1).max() < 1e-4  # on the cube's surface
        assert math.isclose(np.linalg.det(pose[:3, :3]), 1, abs_tol=1e-5)


def test_scale_of_the_camera_does_not_matter(scene, plane, tmp_path):
    scene.camera.scale = (2, 3, 0.5)
    _, [(frame, found)] = capture(scene, tmp_path)
    truth = plane_depth(frame)
    hit = found["Depth"][..., 0] < 50
    assert np.abs(found["Depth"][..., 0] - truth)[hit].max() < 1e-3
    assert tuple(mathutils.Matrix(frame["transform_matrix"]).to_scale()) == pytest.approx((1, 1, 1), abs=1e-5)
