"""Cameras: pinhole intrinsics of a Blender camera, and orbits around the selection."""

from __future__ import annotations

import math
from collections.abc import Sequence

import bpy
import mathutils

from ...shared.errors import InputError

ORBIT_MARGIN = 1.15
"""How much larger than the bounding sphere the view is, so that the silhouette never touches the border."""


def intrinsics(camera: bpy.types.Camera, width: int, height: int, pixel_aspect: tuple[float, float]) -> dict[str, float]:
    """Computes a pinhole camera from a Blender camera.

    Args:
        camera: Camera data.
        width: Pixels across.
        height: Pixels down.
        pixel_aspect: Width and height of one pixel, as in the render settings.

    Returns:
        ``fl_x``, ``fl_y``, ``cx``, ``cy`` in pixels, origin at the top left corner of the top left pixel, and ``w``, ``h``.

    Raises:
        InputError: Orthographic and panoramic cameras have no pinhole.
    """
    if camera.type != "PERSP":
        kind = {"ORTHO": "an orthographic", "PANO": "a panoramic"}.get(camera.type, f"a {camera.type.lower()}")
        raise InputError(expected="a perspective camera", got=f"{kind} one ({camera.name})", fix="Set the camera's type to Perspective")
    aspect_x, aspect_y = pixel_aspect
    fit = camera.sensor_fit
    if fit == "AUTO":
        fit = "HORIZONTAL" if width * aspect_x >= height * aspect_y else "VERTICAL"
        sensor = camera.sensor_width
    else:
        sensor = camera.sensor_width if fit == "HORIZONTAL" else camera.sensor_height
    # Pixels along the fitted side, in units of a pixel's width; the shift is in units of that side too.
    side = width * aspect_x if fit == "HORIZONTAL" else height * aspect_y
    focal = camera.lens / sensor * side
    return {
        "fl_x": focal / aspect_x,
        "fl_y": focal / aspect_y,
        "cx": width / 2 - camera.shift_x * side / aspect_x,
        "cy": height / 2 + camera.shift_y * side / aspect_y,
        "w": width,
        "h": height,
    }


def rigid(matrix: mathutils.Matrix) -> mathutils.Matrix:
    """The matrix without scale: Blender ignores a camera's scale when it renders."""
    location, rotation, _ = matrix.decompose()
    return mathutils.Matrix.LocRotScale(location, rotation, None)


def bounds(objects: Sequence[bpy.types.Object], depsgraph: bpy.types.Depsgraph) -> tuple[mathutils.Vector, float]:
    """Centre and radius of a sphere around what the objects render.

    Raises:
        InputError: None of them has any size.
    """
    corners = [
        evaluated.matrix_world @ mathutils.Vector(corner)
        for evaluated in (item.evaluated_get(depsgraph) for item in objects)
        if evaluated.type not in {"LIGHT", "CAMERA", "SPEAKER", "LIGHT_PROBE", "EMPTY"}
        for corner in evaluated.bound_box
    ]
    if corners:
        low = mathutils.Vector([min(c[i] for c in corners) for i in range(3)])
        high = mathutils.Vector([max(c[i] for c in corners) for i in range(3)])
        radius = (high - low).length / 2
        if radius > 0:
            return (low + high) / 2, radius
    raise InputError(expected="selected objects to look at", got="nothing with a size", fix="Select the objects to capture")


def orbit(centre: mathutils.Vector, radius: float, count: int, elevation: float, field_of_view: float) -> list[mathutils.Matrix]:
    """Poses around a sphere: three rings, the middle one at the horizon, so that tops and undersides are seen too.

    Args:
        centre: Of the sphere.
        radius: Of the sphere.
        count: Number of cameras; fewer than six make one ring, slightly from above.
        elevation: Degrees above and below the horizon of the outer rings.
        field_of_view: Radians, of the narrower side.

    Returns:
        Camera-to-world matrices (OpenGL convention), evenly spread.
    """
    distance = radius * ORBIT_MARGIN / math.sin(field_of_view / 2)
    heights = (elevation,) if count < 6 else (elevation, 0.0, -elevation)
    poses = []
    for index in range(count):
        ring = math.radians(heights[index % len(heights)])
        turn = 2 * math.pi * index / count
        outward = mathutils.Vector((math.cos(turn) * math.cos(ring), math.sin(turn) * math.cos(ring), math.sin(ring)))
        rotation = outward.to_track_quat("Z", "Y")
        poses.append(mathutils.Matrix.LocRotScale(centre + outward * distance, rotation, None))
    return poses


def sees_anything(
    camera: dict[str, float], pose: mathutils.Matrix, objects: Sequence[bpy.types.Object], depsgraph: bpy.types.Depsgraph
) -> bool:
    """Whether any object's bounding box may be in the view; True in doubt."""
    to_camera = pose.inverted()
    for item in objects:
        evaluated = item.evaluated_get(depsgraph)
        if evaluated.instance_type != "NONE" or evaluated.type in {"VOLUME", "POINTCLOUD", "CURVES"} or item.particle_systems:
            return True
        if evaluated.type in {"LIGHT", "CAMERA", "SPEAKER", "LIGHT_PROBE", "EMPTY", "ARMATURE", "LATTICE"}:
            continue
        points = [to_camera @ (evaluated.matrix_world @ mathutils.Vector(corner)) for corner in evaluated.bound_box]
        ahead = [p for p in points if p.z < 0]
        if not ahead:
            continue
        if len(ahead) < len(points):
            return True  # the box reaches behind the camera
        u = [camera["cx"] + camera["fl_x"] * p.x / -p.z for p in ahead]
        v = [camera["cy"] - camera["fl_y"] * p.y / -p.z for p in ahead]
        if max(u) > 0 and min(u) < camera["w"] and max(v) > 0 and min(v) < camera["h"]:
            return True
    return False
