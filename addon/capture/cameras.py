"""Cameras: pinhole intrinsics of a Blender camera, and orbits around the selection."""

from __future__ import annotations

import math
from collections.abc import Sequence

import bpy
import mathutils

from ...shared.errors import InputError
from ..scene import evaluated

SHEAR = 1e-4
"""Cosine of the angle between two axes of a camera, above which it counts as sheared: 0.1 px at a focal length of 1000 px."""
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


def has_pinhole(camera: bpy.types.Object | None) -> bool:
    """Whether a camera object has intrinsics and a pose: it is a perspective one, neither sheared nor mirrored."""
    if camera is None or camera.data.type != "PERSP":
        return False
    try:
        pose(camera)
    except InputError:
        return False
    return True


def pose(camera: bpy.types.Object) -> mathutils.Matrix:
    """Where Blender's renderers see from: the camera's matrix with each axis brought to length 1, so that scale does not count.

    Measured with Cycles in 4.2, 4.5 and 5.0 (tests/blender/test_capture_camera.py). Shear stays in what they render: the picture is
    then not that of a pinhole with square axes, and no rotation describes it. A mirrored camera renders a mirrored picture.

    Args:
        camera: Evaluated.

    Returns:
        Camera-to-world, a rotation and a translation (OpenGL convention).

    Raises:
        InputError: The camera is sheared, mirrored or scaled to nothing.
    """
    axes = [camera.matrix_world.col[index].to_3d() for index in range(3)]
    fix = "Apply the scale of the camera and of its parents (Object > Apply > Scale), or parent it to something that is not scaled"
    if not all(math.isfinite(axis.length) and axis.length > 1e-12 for axis in axes):
        raise InputError(expected=f"a size of the camera {camera.name!r}", got="a scale of 0", fix="Set its scale to 1")
    x, y, z = (axis.normalized() for axis in axes)
    shear = max(abs(x.dot(y)), abs(y.dot(z)), abs(z.dot(x)))
    if shear > SHEAR:
        got = f"{camera.name!r} sheared by {math.degrees(math.asin(min(1.0, shear))):.2g} degrees{_scaled_parent(camera)}"
        raise InputError(expected="a camera with square axes", got=got, fix=fix)
    if x.cross(y).dot(z) < 0:
        raise InputError(expected="a camera that is not mirrored", got=f"{camera.name!r} with a negative scale", fix=fix)
    rotation = mathutils.Matrix((x, y, z)).transposed().to_quaternion()
    return mathutils.Matrix.LocRotScale(camera.matrix_world.translation, rotation, None)


def _scaled_parent(item: bpy.types.Object) -> str:
    """Which parent has different scales along its axes, in words."""
    parent = item.parent
    while parent is not None:
        scale = parent.matrix_world.to_scale()
        if max(scale) - min(scale) > SHEAR * max(map(abs, scale)):
            return f" by its parent {parent.name!r}, which is scaled {', '.join(f'{value:.4g}' for value in scale)}"
        parent = parent.parent
    return ""


def bounds(objects: Sequence[bpy.types.Object], depsgraph: bpy.types.Depsgraph) -> tuple[mathutils.Vector, float]:
    """Centre and radius of a sphere around what the objects render, instances included.

    Raises:
        InputError: None of them has any size.
    """
    corners = evaluated.corners(objects, depsgraph)
    if corners:
        low = mathutils.Vector([min(c[i] for c in corners) for i in range(3)])
        high = mathutils.Vector([max(c[i] for c in corners) for i in range(3)])
        radius = (high - low).length / 2
        if radius > 0:
            return (low + high) / 2, radius
    hidden = [item.name for item in objects if not item.visible_get()]
    got = f"{', '.join(map(repr, hidden))}, hidden in the viewport" if hidden else "nothing with a size"
    raise InputError(expected="selected objects to look at", got=got, fix="Show and select the objects to capture")


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
    camera: dict[str, float], seen_from: mathutils.Matrix, objects: Sequence[bpy.types.Object], depsgraph: bpy.types.Depsgraph
) -> bool:
    """Whether the bounding box of any part of an object may be in the view; True where that cannot be decided."""
    to_camera = seen_from.inverted()
    known = {item.session_uid for item in evaluated.shown(depsgraph)}
    if any(item.session_uid not in known and (item.type in evaluated.RENDERED or evaluated.instances_collection(item)) for item in objects):
        return True  # hidden in the viewport and rendered
    for part, matrix in evaluated.parts(objects, depsgraph):
        if part.type not in evaluated.SURFACES or part.particle_systems:
            return True
        points = [to_camera @ (matrix @ corner) for corner in evaluated.box(part)]
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
