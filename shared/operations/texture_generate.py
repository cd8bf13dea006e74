"""``texture.generate``: a whole material from a prompt, a photograph or a model trained on a library."""

from __future__ import annotations

from ..material import ATTRIBUTES, LAYOUTS, Attribute
from .schema import Input, Operation, Output, Parameter, report
from .texture_parameters import HEIGHT_MAPS, NORMALS

MAX_PROMPT = 1000
MAPS = ("base_color", "height", "normal", "roughness", "metallic", "ambient_occlusion")

_SUGGESTED = {"color": [0.5, 0.5, 0.5], "gap_color": [0.3, 0.3, 0.3]}


def _slider(attribute: Attribute) -> Parameter:
    """An attribute as an optional control: left open, the prompt or else the family's habits decide."""
    return Parameter(
        attribute.name,
        "color" if attribute.kind == "color" else "float",
        None,
        attribute.label,
        attribute.help,
        minimum=0.0,
        maximum=1.0,
        unit="factor" if attribute.kind == "number" else "",
        advanced=True,
        optional=True,
        suggestion=_SUGGESTED.get(attribute.name, 0.5),
    )


INPUTS = (
    Input("photo", "image", "Photograph", "a photograph of a material to resemble, evenly lit", required=False),
    Input("pattern", "mask", "Pattern", "a drawing: white bricks or stones, black joints", required=False),
    Input("morph_photo", "image", "Second Photograph", "a photograph of the material to morph to", required=False),
    Input("morph_mask", "mask", "Morph Mask", "where to morph: black the first material, white the second", required=False),
)

PARAMETERS = (
    Parameter(
        "prompt",
        "text",
        "",
        "Prompt",
        "What the material is, such as: wet mossy cobblestone",
        maximum=MAX_PROMPT,
        placeholder="wet mossy cobblestone",
    ),
    Parameter("size", "size", [512, 512], "Size", "Width and height of the maps", minimum=32, maximum=8192, unit="px"),
    Parameter(
        "layout",
        "choice",
        "auto",
        "Layout",
        "How bricks, stones or boards are laid",
        choices={"auto": "As the prompt says, or as the material is usually laid", **LAYOUTS},
    ),
    Parameter("morph_prompt", "text", "", "Morph To", "A second material to morph to", maximum=MAX_PROMPT, placeholder="dry cracked mud"),
    Parameter("morph", "float", 0.0, "Morph", "0 the first material, 1 the second", minimum=0.0, maximum=1.0, unit="factor"),
    *(_slider(attribute) for attribute in ATTRIBUTES.values()),
    Parameter(
        "like_seed",
        "int",
        None,
        "Like Seed",
        "Stay near the variation of this seed",
        minimum=0,
        maximum=2**31 - 1,
        advanced=True,
        optional=True,
        suggestion=0,
    ),
    Parameter(
        "like_path",
        "text",
        "",
        "Like Path",
        "Variations passed on the way from there, as seed:likeness, such as 40:0.7,51:0.7",
        maximum=1000,
        advanced=True,
    ),
    Parameter(
        "likeness", "float", 0.7, "Likeness", "How near to it: 1 is the same", minimum=0.0, maximum=1.0, unit="factor", advanced=True
    ),
    Parameter("model", "text", "materials", "Model", "Name of a model, as in: backlot models list", maximum=200, advanced=True),
    NORMALS,
)

OPERATION = Operation(
    name="texture.generate",
    version=2,
    label="Material",
    summary="Make a tileable material of any size from a prompt, a photograph or both",
    order=10,
    verb="material",
    panel="materials",
    apply="material",
    inputs=INPUTS,
    parameters=PARAMETERS,
    outputs=(
        Output("base_color", "image", ("png", "exr", "tif", "jpg"), "Base colour, sRGB"),
        *HEIGHT_MAPS,
        report("What was understood, the attributes, the seed, width in metres and depth in metres"),
    ),
)
