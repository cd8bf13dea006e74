"""The controls of a capture, for the panel and for operators."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, IntVectorProperty

from .controls import chosen

if TYPE_CHECKING:
    from ..capture.settings import CaptureSettings


def property_annotations(**extra: Any) -> dict[str, Any]:
    """Deferred properties; ``extra`` is given to each of them."""
    return {
        "mode": EnumProperty(
            name="Views", default="orbit",
            items=[
                ("orbit", "Around Selection", "Cameras all around the selected objects"),
                ("frame", "Current Frame", "The scene as it stands, through the scene camera"),
                ("range", "Frame Range", "An animation through the scene camera"),
            ],
            description="Where the scene is seen from", **extra,
        ),
        "count": IntProperty(
            name="Cameras", default=24, min=1, max=1000, soft_max=200,
            description="Number of cameras around the selection", **extra,
        ),
        "elevation": FloatProperty(
            name="Elevation", default=math.radians(35), min=0, max=math.radians(85), subtype="ANGLE",
            description="Angle above and below the horizon of the outer rings of cameras", **extra,
        ),
        "only_selected": BoolProperty(
            name="Only Selected", default=True,
            description="Leave all other objects out of the pictures, except lights", **extra,
        ),
        "start": IntProperty(name="Start", default=1, description="First frame", **extra),
        "end": IntProperty(name="End", default=24, description="Last frame", **extra),
        "step": IntProperty(
            name="Step", default=1, min=1,
            description="Frames from one picture to the next", **extra,
        ),
        "use_resolution": BoolProperty(
            name="Own Resolution", default=True, description="Capture at a resolution of its own instead of the scene's", **extra
        ),
        "resolution": IntVectorProperty(
            name="Resolution", size=2, default=(640, 480), min=4, max=65536,
            description="Width and height in pixels", **extra,
        ),
        "samples": IntProperty(
            name="Samples", default=16, min=0, max=65536,
            description="Samples per pixel of the colour picture; 0 for the scene's own", **extra,
        ),
        "color": BoolProperty(
            name="Colour", default=True,
            description="Render colour as well, with the scene's own render settings", **extra,
        ),
    }  # fmt: skip


class BACKLOT_PG_capture(bpy.types.PropertyGroup):  # noqa: N801
    """How the scene is captured."""

    __annotations__ = property_annotations()


def read(scene: bpy.types.Scene, selected: list[bpy.types.Object], operator: Any, taken: Collection[str] = ()) -> CaptureSettings:
    """The capture that an operator's own properties and the panel's ask for.

    Args:
        scene: Holds the panel's.
        selected: What orbiting cameras look at.
        operator: Its own win.
        taken: Names that mean something else in the operator, a parameter of its operation.
    """
    from ..capture.settings import CaptureSettings

    sources = (operator, scene.backlot_capture)
    value = {name: chosen(name, *sources[name in taken :]) for name in property_annotations()}
    own_size = value["use_resolution"] or operator.properties.is_property_set("resolution")
    size = (value["resolution"][0], value["resolution"][1]) if own_size else None
    return CaptureSettings(
        mode=value["mode"], start=value["start"], end=value["end"], step=value["step"], count=value["count"],
        elevation=math.degrees(value["elevation"]), resolution=size, samples=value["samples"],
        objects=tuple(item.name for item in selected) if value["mode"] == "orbit" else (), only_objects=value["only_selected"],
        color=value["color"],
    )  # fmt: skip


def draw(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """Draws the controls that matter for the chosen mode."""
    group = scene.backlot_capture
    layout.prop(group, "mode")
    controls = {"orbit": ("count", "elevation", "only_selected"), "range": ("start", "end", "step")}
    column = layout.column(align=True)
    for name in controls.get(group.mode, ()):
        column.prop(group, name)
    layout.prop(group, "use_resolution")
    if group.use_resolution:
        layout.column(align=True).prop(group, "resolution", text="Size")
    layout.prop(group, "color")
    if group.color:
        layout.prop(group, "samples")
