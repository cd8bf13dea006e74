"""A material into the asset browser: marked, described, with a preview that needs no window and no render."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...shared.errors import InputError
from ...shared.material import FAMILIES
from ..scene import provenance
from . import lighting, maps

SIDE = 256
"""Of the preview in px: what Blender's own are."""


def mark(material: bpy.types.Material) -> None:
    """Marks a material as an asset: description and tags from what made it, its maps on a ball as preview.

    Raises:
        InputError: It was not made here, or belongs to another file.
    """
    facts = provenance.read(material)
    if not facts:
        raise InputError(
            expected="a material made in this panel", got=repr(material.name), fix="Use Mark as Asset of Blender's own for other materials"
        )
    if material.library is not None:
        raise InputError(expected="a material of this file", got=f"{material.name!r} of a library", fix="Make it local first")
    material.asset_mark()
    data = material.asset_data
    data.description = str(facts.get("title") or "")
    family = FAMILIES.get(str(facts.get("family") or ""))
    for tag in ("Backlot", *([family.label] if family else [])):
        if tag not in data.tags:
            data.tags.new(tag)
    set_preview(material)


def set_preview(material: bpy.types.Material) -> None:
    """Renders the maps on a ball as the material's preview."""
    picture = lighting.ball(_stack(material, provenance.read(material)), SIDE)
    preview = material.preview_ensure()
    preview.image_size = SIDE, SIDE
    rgba = picture[::-1].astype(np.float32) / 255
    preview.image_pixels_float.foreach_set(np.ascontiguousarray(rgba).reshape(-1))


def _stack(material: bpy.types.Material, facts: dict[str, Any]) -> lighting.Stack:
    images = {role: image for role, image in maps.of_material(material).items() if role != "height"}
    pixels = {role: maps.read(image, SIDE) for role, image in images.items()}
    shader = next((node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    constants = (
        {role: shader.inputs[socket].default_value for role, socket in (("roughness", "Roughness"), ("metallic", "Metallic"))}
        if shader
        else {}
    )
    linear = "base_color" in images and images["base_color"].is_float
    directx = (facts.get("parameters") or {}).get("normals") == "directx"
    return maps.stack(pixels, linear, directx, constants)
