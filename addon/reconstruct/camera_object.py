"""The camera object that follows the solve of a clip. Imports no numpy."""

from __future__ import annotations

import bpy
import mathutils


def solved_camera(clip: bpy.types.MovieClip, scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The camera object of a scene that follows the clip's solve; the active one first."""
    everything = [item for item in scene.objects if item.type == "CAMERA"]
    for item in sorted(everything, key=lambda item: item != scene.camera):
        for constraint in item.constraints:
            if constraint.type != "CAMERA_SOLVER" or constraint.mute:
                continue
            if clip == (scene.active_clip if constraint.use_active_clip else constraint.clip):
                return item
    return None


def orientation(camera: bpy.types.Object) -> mathutils.Matrix:
    """The camera object's transform without its constraint: what Set Floor, Set Scale and the artist changed."""
    if camera.parent is None:
        return camera.matrix_basis.copy()
    return camera.parent.matrix_world @ camera.matrix_parent_inverse @ camera.matrix_basis
