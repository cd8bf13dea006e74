"""Scale, floor and origin: mesh and solved camera move as one, in one step of undo, and nothing else moves."""

import json

import bmesh
import bpy
import mathutils
import numpy as np
import pytest
from blender import solved_clip
from blender.solved_clip import POINTS

from backlot.addon.reconstruct import clips
from backlot.addon.scene import mesh_object
from backlot.shared.values import Mesh

# A tilted quad, and a triangle above it.
FLOOR = mathutils.Euler((0.3, -0.2, 0.5)).to_matrix() @ mathutils.Matrix.Identity(3)


@pytest.fixture
def solved(scene, tmp_path):
    """A solved clip with its camera and a mesh of it."""
    clip = solved_clip.make(tmp_path)
    camera = solved_clip.orient(clip, scene)
    corners = [(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)]
    vertices = np.array([tuple(FLOOR @ mathutils.Vector(corner) + mathutils.Vector((0.2, 0.1, -1))) for corner in corners], np.float32)
    item = mesh_object.make(scene, Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32)), "Room")
    item["backlot"] = json.dumps({"operation": "reconstruct.footage", "origin": {"kind": "clip", "clip": clip.name, "camera": camera.name}})
    bpy.ops.object.select_all(action="DESELECT")
    bpy.context.view_layer.objects.active = item
    item.select_set(True)
    bpy.context.view_layer.update()
    return clip, camera, item


def select(item, *indices):
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_mode(type="VERT")
    edit = bmesh.from_edit_mesh(item.data)
    edit.verts.ensure_lookup_table()
    for vertex in edit.verts:
        vertex.select = vertex.index in indices
    edit.select_flush_mode()
    bmesh.update_edit_mesh(item.data)


def seen(clip, item, scene):
    """Where the solved cameras see the mesh and the tracks: what must not change, whatever is scaled, turned or moved."""
    bpy.context.view_layer.update()
    solve = clips.solve(clip, scene)
    tracks = clips.tracks(clip, solve.world, set(solve.poses))
    local = np.array([v.co for v in item.data.vertices])
    world = np.array(item.matrix_world)
    points = np.concatenate([local @ world[:3, :3].T + world[:3, 3], tracks.points])
    return np.concatenate([np.stack(solved_clip.ideal(points, solve.poses[frame]), 1) for frame in (1, 8, 16)]), points


def test_scale_floor_and_origin(scene, solved):
    clip, _, item = solved
    before, _ = seen(clip, item, scene)
    cube = bpy.data.objects["Cube"].matrix_world.copy()
    select(item, 0, 1, 2)
    assert bpy.ops.backlot.set_floor() == {"FINISHED"}
    after, points = seen(clip, item, scene)
    assert np.abs(points[:4, 2]).max() < 1e-5, "the floor is not z = 0"
    assert clips.solve(clip, scene).poses[1][2, 3] > 0, "the camera is under the floor"
    assert np.abs(after - before).max() < 1e-4
    select(item, 0, 1)
    assert bpy.ops.backlot.set_scale(distance=5.0) == {"FINISHED"}
    after, points = seen(clip, item, scene)
    assert np.linalg.norm(points[0] - points[1]) == pytest.approx(5.0, rel=1e-5)
    assert np.abs(after - before).max() < 1e-4
    select(item, 2)
    assert bpy.ops.backlot.set_origin() == {"FINISHED"}
    after, points = seen(clip, item, scene)
    assert np.abs(points[2]).max() < 1e-5
    assert np.abs(after - before).max() < 1e-4
    assert bpy.context.mode == "OBJECT"
    assert bpy.data.objects["Cube"].matrix_world == cube


def test_one_step_of_undo_from_edit_mode(scene, solved):
    _, camera, item = solved
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.ed.undo_push(message="Edit Mode")
    select(item, 0, 1)
    bpy.ops.ed.undo_push(message="Select")
    names, matrices = (item.name, camera.name), [item.matrix_basis.copy(), camera.matrix_basis.copy()]
    bpy.ops.backlot.set_scale("EXEC_DEFAULT", True, distance=5.0)
    assert bpy.data.objects[names[0]].matrix_basis != matrices[0]
    bpy.ops.ed.undo()
    for name, matrix in zip(names, matrices, strict=True):
        assert np.allclose(np.array(bpy.data.objects[name].matrix_basis), np.array(matrix), atol=1e-6)


def test_two_empties_and_an_animated_camera(scene, solved):
    clip, camera, item = solved
    camera.keyframe_insert("location", frame=1)
    before, _ = seen(clip, item, scene)
    empties = [bpy.data.objects.new(f"Point {k}", None) for k in range(2)]
    for empty, x in zip(empties, (0.0, 2.5), strict=True):
        scene.collection.objects.link(empty)
        empty.location.x = x
        empty.select_set(True)
    item.select_set(False)
    bpy.context.view_layer.objects.active = empties[0]
    bpy.context.view_layer.update()
    scene.backlot_reconstruct.distance = 10.0
    assert bpy.ops.backlot.set_scale() == {"FINISHED"}
    assert empties[1].location.x == 2.5
    assert camera.parent is not None, "a keyed camera jumps back unless its parent moves"
    after, points = seen(clip, item, scene)
    assert np.abs(points[4:] - 4 * POINTS).max() < 0.02
    assert np.abs(after - before).max() < 1e-4


def test_what_is_wrong_is_said(scene, solved):
    _, _, item = solved
    before = item.matrix_basis.copy()
    select(item, 0, 1)
    with pytest.raises(RuntimeError, match="three vertices"):
        bpy.ops.backlot.set_floor()
    select(item, 0)
    with pytest.raises(RuntimeError, match="two vertices"):
        bpy.ops.backlot.set_scale()
    select(item)
    with pytest.raises(RuntimeError, match="Select the point"):
        bpy.ops.backlot.set_origin()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert item.matrix_basis == before


def test_an_object_of_the_artists_is_not_moved(scene):
    cube = bpy.data.objects["Cube"]
    scene.cursor.location = (1, 2, 3)
    before = cube.matrix_basis.copy()
    with pytest.raises(RuntimeError, match="reconstructed mesh"):
        bpy.ops.backlot.set_origin()
    assert cube.matrix_basis == before
