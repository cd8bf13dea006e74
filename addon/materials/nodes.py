"""The node tree of a material: readable by the artist who opens it, and the same picture in Cycles and EEVEE."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import bpy

from ..scene.nodes import principled, socket

if TYPE_CHECKING:
    from .scale import Placement

_SOCKETS = {"base_color": "Base Color", "roughness": "Roughness", "metallic": "Metallic"}
LABELS = {
    "base_color": "Base Color", "roughness": "Roughness", "metallic": "Metallic", "normal": "Normal", "height": "Height",
    "ambient_occlusion": "Ambient Occlusion",
}  # fmt: skip
BLEND = 0.2
"""Of the projections from the sides of a box, where two meet."""


@dataclasses.dataclass(frozen=True)
class Look:
    """What is done with the maps.

    Attributes:
        depth: Scene units between height 0 and 1.
        displacement: ``BUMP`` or ``BOTH``, as Blender's displacement method.
        occlusion: ``KEEP`` or ``MULTIPLY``.
        directx: Whether green is down in the normal map.
    """

    depth: float = 0.02
    displacement: str = "BUMP"
    occlusion: str = "KEEP"
    directx: bool = False


def build(
    name: str, images: dict[str, bpy.types.Image], constants: dict[str, float], placement: Placement, look: Look
) -> bpy.types.Material:
    """Makes a material out of maps.

    With UVs and bump the relief comes from the normal map. The height is connected as well: Cycles ignores its bump where a normal
    map is linked, so the artist can switch to displacement at once. EEVEE would add the two, and gets an output without it.
    Everywhere else (displacement, or no UVs and so no tangents) the relief comes from the height alone.

    Args:
        name: Of the material.
        images: By role: ``base_color``, ``roughness``, ``metallic``, ``normal``, ``height``, ``ambient_occlusion``.
        constants: Values of constant maps.
        placement: How the texture is mapped to the object.
        look: What is done with the maps.
    """
    material, tree, shader, output = principled(name)
    textures = _textures(tree, images, placement)
    links = tree.links
    for role, name_of_socket in _SOCKETS.items():
        if role in textures:
            links.new(textures[role].outputs["Color"], shader.inputs[name_of_socket])
        elif role in constants:
            shader.inputs[name_of_socket].default_value = constants[role]
    if "ambient_occlusion" in textures and look.occlusion == "MULTIPLY" and "base_color" in textures:
        _multiply(tree, textures, shader)
    bent = "normal" in textures and placement.coordinates == "UV" and (look.displacement == "BUMP" or "height" not in textures)
    if "normal" in textures and placement.coordinates == "UV":
        normal = _normal(tree, textures["normal"], look.directx)
        if bent:
            links.new(normal.outputs["Normal"], shader.inputs["Normal"])
    if "height" in textures:
        displacement = tree.nodes.new("ShaderNodeDisplacement")
        displacement.space = "WORLD"  # metres, whatever the object's scale
        displacement.inputs["Midlevel"].default_value = 0.5
        displacement.inputs["Scale"].default_value = look.depth
        displacement.location = (0, -740)
        links.new(textures["height"].outputs["Color"], displacement.inputs["Height"])
        links.new(displacement.outputs["Displacement"], output.inputs["Displacement"])
        material.displacement_method = look.displacement
        if bent:
            _output_for_eevee(tree, shader)
    return material


def place(material: bpy.types.Material, scale: tuple[float, float, float]) -> None:
    """Sets how often the texture of a material of ``build`` repeats."""
    for node in material.node_tree.nodes:
        if node.type == "MAPPING":
            node.inputs["Scale"].default_value = scale


def _textures(tree: bpy.types.NodeTree, images: dict[str, bpy.types.Image], placement: Placement) -> dict[str, bpy.types.Node]:
    coordinates = tree.nodes.new("ShaderNodeTexCoord")
    coordinates.location = (-1080, 0)
    mapping = tree.nodes.new("ShaderNodeMapping")
    mapping.label = "Real-World Scale"
    mapping.location = (-880, 0)
    mapping.inputs["Scale"].default_value = placement.scale
    tree.links.new(coordinates.outputs[placement.coordinates], mapping.inputs["Vector"])
    textures: dict[str, bpy.types.Node] = {}
    for number, (role, image) in enumerate(images.items()):
        texture = tree.nodes.new("ShaderNodeTexImage")
        texture.image, texture.label = image, LABELS[role]
        texture.location = (-640, 120 - 300 * number)
        if placement.coordinates != "UV":
            texture.projection, texture.projection_blend = "BOX", BLEND
        tree.links.new(mapping.outputs["Vector"], texture.inputs["Vector"])
        textures[role] = texture
    return textures


def _normal(tree: bpy.types.NodeTree, texture: bpy.types.Node, directx: bool) -> bpy.types.Node:
    """A Normal Map node for the texture; the green channel of a DirectX map is inverted before it."""
    node = tree.nodes.new("ShaderNodeNormalMap")
    node.location = (-180, -400)
    color = texture.outputs["Color"]
    if directx:
        turn = tree.nodes.new("ShaderNodeRGBCurve")
        turn.label, turn.location = "Green Up", (-440, -560)
        green = turn.mapping.curves[1]
        green.points[0].location, green.points[1].location = (0.0, 1.0), (1.0, 0.0)
        turn.mapping.update()
        tree.links.new(color, turn.inputs["Color"])
        color = turn.outputs["Color"]
    tree.links.new(color, node.inputs["Color"])
    return node


def _multiply(tree: bpy.types.NodeTree, textures: dict[str, bpy.types.Node], shader: bpy.types.Node) -> None:
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type, mix.blend_type, mix.label = "RGBA", "MULTIPLY", "Occlusion"
    mix.location = (-240, 160)
    socket(mix.inputs, "Factor_Float").default_value = 1.0
    tree.links.new(textures["base_color"].outputs["Color"], socket(mix.inputs, "A_Color"))
    tree.links.new(textures["ambient_occlusion"].outputs["Color"], socket(mix.inputs, "B_Color"))
    tree.links.new(socket(mix.outputs, "Result_Color"), shader.inputs["Base Color"])


def _output_for_eevee(tree: bpy.types.NodeTree, shader: bpy.types.Node) -> None:
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    output.target, output.label = "EEVEE", "EEVEE: relief from the normal map"
    output.location = (340, -220)
    output.is_active_output = False
    tree.links.new(shader.outputs["BSDF"], output.inputs["Surface"])
