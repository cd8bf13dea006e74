"""What the scene stores about materials: the panel's own settings and the history."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty

KINDS = [
    ("variations", "Variations", "Thumbnails of several seeds"),
    ("material", "Material", "A material that was made"),
]
DISPLACEMENT = [
    ("BUMP", "Bump", "The relief changes the shading only: fast, and enough at a distance"),
    ("BOTH", "Displacement and Bump", "The relief moves the surface too. Needs a finely divided, smoothly shaded mesh"),
]
OCCLUSION = [
    ("KEEP", "Keep Aside", "In the material for export, but not in the render: the renderer finds the occlusion itself"),
    ("MULTIPLY", "Multiply", "Darken the base colour in the hollows, for relief that is only bump"),
]


class BACKLOT_PG_material(bpy.types.PropertyGroup):  # noqa: N801
    """One entry of the history. ``name`` is its id, which the materials that it made carry too."""

    kind: EnumProperty(items=KINDS)  # type: ignore[valid-type]
    title: StringProperty()  # type: ignore[valid-type]
    seed: IntProperty()  # type: ignore[valid-type]
    request: StringProperty(description="JSON: parameters, seed, inputs")  # type: ignore[valid-type]
    report: StringProperty(description="JSON: what the backend understood")  # type: ignore[valid-type]
    picture: StringProperty(description="A PNG in base 64: the thumbnails, one below the other")  # type: ignore[valid-type]
    picked: IntProperty(default=-1, description="Number of the chosen variation, -1 for none")  # type: ignore[valid-type]


class BACKLOT_PG_materials(bpy.types.PropertyGroup):  # noqa: N801
    """The materials of a scene."""

    items: CollectionProperty(type=BACKLOT_PG_material)  # type: ignore[valid-type]
    active: IntProperty(name="Active Entry")  # type: ignore[valid-type]
    shown: StringProperty(description="Id of the entry whose variations the panel shows")  # type: ignore[valid-type]
    lock_seed: BoolProperty(  # type: ignore[valid-type]
        name="Lock Seed", description="Keep the seed for the next variations; else each time new ones are shown"
    )
    displacement: EnumProperty(  # type: ignore[valid-type]
        name="Displacement", items=DISPLACEMENT, description="What the height of a new material does"
    )
    occlusion: EnumProperty(  # type: ignore[valid-type]
        name="Ambient Occlusion", items=OCCLUSION, description="What is done with the ambient occlusion of a new material"
    )


CLASSES = (BACKLOT_PG_material, BACKLOT_PG_materials)
