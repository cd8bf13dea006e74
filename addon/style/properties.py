"""What the scene stores about styles, besides the parameters of the operations: frames, style images, the strength over time."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)

SOURCES = [
    ("RENDER", "Render", "Render the range through the scene camera, colour and passes, and keep the files for further jobs"),
    ("CAPTURED", "As Captured", "Take frames that were captured before, as they are: nothing is rendered"),
]


def _path(extra: dict[str, Any]) -> dict[str, Any]:
    """Lets a property hold paths relative to the .blend; Blender from 4.5 on needs an option for it."""
    options = set(extra.get("options", ())) | ({"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5) else set())
    return {**extra, **({"options": options} if options else {})}


def shot_annotations(**extra: Any) -> dict[str, Any]:
    """Deferred properties of which frames a shot is made of; ``extra`` is given to each. No parameter is called like one of them."""
    return {
        "shot_source": EnumProperty(name="Frames From", items=SOURCES, description="Where the frames come from", **extra),
        "shot_folder": StringProperty(
            name="Capture", subtype="DIR_PATH",
            description="Folder of captured frames (transforms.json); empty for the last capture of this scene", **_path(extra),
        ),
        "shot_own_range": BoolProperty(name="Own Range", description="Another range than the scene's", **extra),
        "shot_start": IntProperty(name="Start", default=1, description="First frame", **extra),
        "shot_end": IntProperty(name="End", default=24, description="Last frame", **extra),
        "shot_own_size": BoolProperty(name="Own Resolution", description="Another resolution than the scene's", **extra),
        "shot_size": IntVectorProperty(
            name="Resolution", size=2, default=(640, 360), min=16, max=65536, description="Width and height in pixels", **extra
        ),
        "shot_samples": IntProperty(
            name="Samples", min=0, max=65536, description="Samples per pixel of the colour picture; 0 for the scene's own", **extra
        ),
    }  # fmt: skip


def keyframe_annotations(**extra: Any) -> dict[str, Any]:
    """Deferred properties of how a model is used."""
    return {
        "go_on": BoolProperty(name="Go On Training", description="Start from the kept model in place of an untrained one", **extra),
        "model": StringProperty(name="Model", subtype="FILE_PATH", description="What was learnt so far", **_path(extra)),
    }


class BACKLOT_PG_style_image(bpy.types.PropertyGroup):  # noqa: N801
    """One of several style images."""

    image: PointerProperty(type=bpy.types.Image, name="Image")  # type: ignore[valid-type]
    weight: FloatProperty(name="Weight", default=1.0, min=0.0, max=100.0, soft_max=2.0)  # type: ignore[valid-type]


class BACKLOT_PG_keyframe(bpy.types.PropertyGroup):  # noqa: N801
    """One painted frame."""

    image: PointerProperty(type=bpy.types.Image, name="Painting", description="The painted frame")  # type: ignore[valid-type]
    original: PointerProperty(type=bpy.types.Image, name="Render", description="The frame before it was painted")  # type: ignore[valid-type]
    frame: IntProperty(name="Frame", description="Which frame of the shot was painted")  # type: ignore[valid-type]
    use: BoolProperty(name="Use", default=True, description="Train on this painting")  # type: ignore[valid-type]
    partial: BoolProperty(  # type: ignore[valid-type]
        name="Only What Was Painted", description="Train on the strokes only: pixels that equal the render are left out"
    )


class BACKLOT_PG_style(bpy.types.PropertyGroup):  # noqa: N801
    """Settings of styles in Blender."""

    __annotations__ = {
        **shot_annotations(),
        **keyframe_annotations(),
        "strength": FloatProperty(
            name="Strength", default=1.0, min=0.0, max=1.0, subtype="FACTOR",
            description="From 0 (the render, bit for bit) to 1. Key it to let the style come and go over the shot",
        ),
        "styles": CollectionProperty(type=BACKLOT_PG_style_image),
        "active_style": IntProperty(name="Active Style Image"),
        "keyframes": CollectionProperty(type=BACKLOT_PG_keyframe),
        "active_keyframe": IntProperty(name="Active Keyframe"),
        "movie_beside": BoolProperty(name="Beside the Render", description="Show the render left of the painted frames"),
        "result": PointerProperty(type=bpy.types.Image, name="Stylised Shot", description="An image sequence that Backlot made"),
    }  # fmt: skip


CLASSES = (BACKLOT_PG_style_image, BACKLOT_PG_keyframe, BACKLOT_PG_style)
