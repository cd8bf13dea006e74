"""What the scene stores about reconstructions, besides the parameters of the operations."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

UNWRAP = [
    ("SMART", "Smart UV", "The mesh arrives with its colours at vertices, Blender unwraps it, and its texture follows"),
    ("BACKEND", "By the Backend", "The mesh arrives with its texture; large meshes are simplified before"),
]


def footage_annotations(**extra: Any) -> dict[str, Any]:
    """Deferred properties of which frames of a clip are taken; ``extra`` is given to each."""
    return {
        "clip": StringProperty(name="Clip", description="Name of a solved movie clip; empty for the one in the editor", **extra),
        "clip_start": IntProperty(name="Start", min=0, description="First frame of the clip; 0 for the first solved one", **extra),
        "clip_end": IntProperty(name="End", min=0, description="Last frame of the clip; 0 for the last solved one", **extra),
        "clip_step": IntProperty(name="Step", default=1, min=1, description="Frames from one picture to the next", **extra),
    }


def plate_annotations(**extra: Any) -> dict[str, Any]:
    """Deferred properties of what is known of a plate; ``extra`` is given to each."""
    return {
        "use_tracks": BoolProperty(
            name="Use Tracks", default=True,
            description="Align the depth to the solved tracks, when the picture belongs to a solved clip", **extra,
        )
    }  # fmt: skip


class BACKLOT_PG_reconstruct(bpy.types.PropertyGroup):  # noqa: N801
    """Settings of reconstructions in Blender."""

    __annotations__ = {
        **{name: prop for name, prop in footage_annotations().items() if name != "clip"},
        "clip": PointerProperty(type=bpy.types.MovieClip, name="Clip", description="A clip with a camera solve"),
        **plate_annotations(),
        "unwrap": EnumProperty(name="Unwrap", items=UNWRAP, description="Who makes the UVs before a texture is baked"),
        "show_progress": BoolProperty(
            name="Show in Scene",
            description="Put the mesh into the scene while it is computed; the finished one replaces it",
        ),
        "keep_best": BoolProperty(
            name="Keep Best So Far", default=True,
            description="When a job is cancelled, put the last mesh that it had into the scene",
        ),
        "distance": bpy.props.FloatProperty(
            name="Distance", default=1.0, min=1e-6, unit="LENGTH", description="True distance of the two selected points"
        ),
    }  # fmt: skip


CLASSES = (BACKLOT_PG_reconstruct,)
