"""Scale, floor and origin of a solve of unknown scale: the mesh and the camera that saw it move as one.

A solved camera, and every result of the same clip or plate, is moved by the same matrix. What is animated gets an empty as its
parent, which moves instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import mathutils

from ...shared.errors import InputError
from .camera_object import solved_camera
from .facts import note_of

EMPTY = "Backlot Alignment"


def points(context: bpy.types.Context) -> list[mathutils.Vector]:
    """The selected points in world space: vertices of the active mesh in Edit Mode, else locations of the selected objects.

    In Object Mode the vertices count that were selected in Edit Mode, when only one mesh is selected.
    """
    item = context.active_object
    if item is not None and item.type == "MESH" and item.mode == "EDIT":
        import bmesh  # in Edit Mode only

        return [item.matrix_world @ vertex.co for vertex in bmesh.from_edit_mesh(item.data).verts if vertex.select]
    selected = list(context.selected_objects)
    if len(selected) == 1 and selected[0].type == "MESH":
        return [selected[0].matrix_world @ vertex.co for vertex in selected[0].data.vertices if vertex.select]
    return [other.matrix_world.translation.copy() for other in selected]


def scaled(found: Sequence[mathutils.Vector], distance: float) -> mathutils.Matrix:
    """Scales so that two points are at their true distance; the world's origin stays.

    Raises:
        InputError: Not two points, or two at the same location.
    """
    if len(found) != 2:
        fix = "Select two vertices in Edit Mode, or two empties, whose distance you know"
        raise InputError(expected="two points", got=str(len(found)), fix=fix)
    now = (found[0] - found[1]).length
    if now < 1e-9:
        raise InputError(expected="two points at some distance", got="two at the same location")
    return mathutils.Matrix.Scale(distance / now, 4)


def floored(found: Sequence[mathutils.Vector], above: mathutils.Vector | None) -> mathutils.Matrix:
    """Turns the plane of three or more points into the floor, z = 0.

    Args:
        found: Points of the floor.
        above: Something that is above it, such as the camera; None for wherever the plane's normal points up already.

    Raises:
        InputError: Fewer than three points, or all on a line.
    """
    if len(found) < 3:
        fix = "Select three vertices of the floor, or one of its faces, in Edit Mode; or three empties"
        raise InputError(expected="at least three points of the floor", got=str(len(found)), fix=fix)
    centre, normal, size = _plane(found)
    if normal.length < 1e-6 * size:
        raise InputError(expected="points of a plane", got="points on a line", fix="Select points that are farther apart")
    normal.normalize()
    up = (above - centre).dot(normal) if above is not None else normal.z
    if up < 0:
        normal.negate()
    turn = normal.rotation_difference(mathutils.Vector((0, 0, 1))).to_matrix().to_4x4()
    turned = turn @ centre
    return mathutils.Matrix.Translation((0, 0, -turned.z)) @ turn


def moved(point: mathutils.Vector) -> mathutils.Matrix:
    """Puts a point into the world's origin."""
    return mathutils.Matrix.Translation(-point)


def group(scene: bpy.types.Scene, item: bpy.types.Object | None) -> list[bpy.types.Object]:
    """What moves together: the results of one clip or plate and the camera that saw it, or else the topmost parents of these.

    The object says which clip or plate. One that is no result only lends its points and stays where it is; then everything that
    came from a solved clip moves.

    Raises:
        InputError: There is no object, and nothing of the scene came from a solve.
    """
    origin = note_of(item).get("origin") or {}
    clip = bpy.data.movieclips.get(str(origin.get("clip", "")))
    found: list[Any] = [item] if note_of(item) else []
    if not found:
        solved = [known for known in bpy.data.movieclips if solved_camera(known, scene) is not None]
        clip = next((known for known in solved if solved_camera(known, scene) == item), solved[0] if solved else None)
    for other in scene.objects:
        theirs = note_of(other).get("origin") or {}
        same_clip = clip is not None and theirs.get("clip") == clip.name
        same_plate = origin.get("kind") == "plate" == theirs.get("kind") and theirs.get("folder") == origin.get("folder")
        if same_clip or same_plate:
            found.append(other)
    camera = solved_camera(clip, scene) if clip is not None else scene.objects.get(str(origin.get("camera", "")))
    found += [camera] if camera is not None else []
    roots: list[bpy.types.Object] = []
    for root in found:
        while root.parent is not None:
            root = root.parent
        if root not in roots:
            roots.append(root)
    if not roots:
        raise InputError(expected="a reconstructed mesh or a solved camera", got="none", fix="Make it the active object")
    return roots


def move(scene: bpy.types.Scene, roots: Sequence[bpy.types.Object], by: mathutils.Matrix) -> None:
    """Moves objects without a parent by a matrix in world space."""
    for item in roots:
        if _is_animated(item):
            empty = bpy.data.objects.new(EMPTY, None)
            empty.empty_display_type = "PLAIN_AXES"
            scene.collection.objects.link(empty)
            item.parent, item.matrix_parent_inverse = empty, mathutils.Matrix.Identity(4)
            empty.matrix_basis = by
        else:
            item.matrix_basis = by @ item.matrix_basis


def _is_animated(item: bpy.types.Object) -> bool:
    data = item.animation_data
    return data is not None and (data.action is not None or len(data.drivers) > 0 or len(data.nla_tracks) > 0)


def _plane(found: Sequence[mathutils.Vector]) -> tuple[mathutils.Vector, mathutils.Vector, float]:
    """Centre, normal (not of unit length) and squared size of the plane through points."""
    centre = sum(found, mathutils.Vector()) / len(found)
    arms = [point - centre for point in found]
    if len(found) > 3:
        import numpy as np  # not when registering

        table = np.array([tuple(arm) for arm in arms])
        _, values, axes = np.linalg.svd(table, full_matrices=False)
        # As long as the second largest spread is to the largest: near 0 for points on a line.
        return centre, mathutils.Vector(axes[2]) * float(values[1]), float(values[0])
    normal = arms[0].cross(arms[1]) + arms[1].cross(arms[2]) + arms[2].cross(arms[0])
    return centre, normal, max(arm.length for arm in arms) ** 2
