"""The material of a rebuilt mesh: Principled, rough and lit, or what was captured, as it was; and a switch between them.

The captured side is an emission: it shows the picture's colours whatever lights there are. For a plate it is projected from
where the plate was seen, exactly and at each point that is rendered, so it needs neither UVs nor a fine mesh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
import mathutils

from . import nodes

if TYPE_CHECKING:
    from ...shared.values import Camera

COLOR_ATTRIBUTE = "Color"
UV_LAYER = "UVMap"
GROUP = "Backlot Projected Plate"
SWITCH = "Projected Plate"


def build(
    name: str,
    texture: bpy.types.Image | None,
    normal_map: bpy.types.Image | None = None,
    plate: tuple[bpy.types.Image, bpy.types.Object, Camera] | None = None,
    matte: bool = False,
    captured: bool = False,
) -> bpy.types.Material:
    """Makes the material.

    Args:
        name: Of the material.
        texture: Base colour by UVs; None for the colour attribute of the mesh, or for the plate alone.
        normal_map: Tangent space, by UVs.
        plate: Picture, projector object and camera of a projected plate. Where the mesh says that it is invented, the texture
            shows in its place.
        matte: Whether the texture's alpha cuts the surface out.
        captured: Whether it starts as it was captured; else it starts lit.
    """
    material, tree, shader, output = nodes.principled(name)
    links = tree.links
    shader.inputs["Roughness"].default_value = 1.0  # the captured colours contain the light already
    projected = _projected(tree, *plate) if plate is not None else None
    alpha = None
    if texture is not None:
        picture = _texture(tree, texture, (shader.location.x - 300, shader.location.y))
        color, alpha = picture.outputs["Color"], picture.outputs["Alpha"] if matte else None
        projected = _unless_invented(tree, projected, color) if projected is not None else None
    elif projected is not None:
        color = projected
    else:
        node = tree.nodes.new("ShaderNodeVertexColor")
        node.layer_name = COLOR_ATTRIBUTE
        node.location = (shader.location.x - 240, shader.location.y)
        color = node.outputs["Color"]
    links.new(color, shader.inputs["Base Color"])
    if normal_map is not None:
        picture = _texture(tree, normal_map, (shader.location.x - 540, shader.location.y - 300))
        bend = tree.nodes.new("ShaderNodeNormalMap")
        bend.uv_map, bend.location = UV_LAYER, (shader.location.x - 240, shader.location.y - 300)
        links.new(picture.outputs["Color"], bend.inputs["Color"])
        links.new(bend.outputs["Normal"], shader.inputs["Normal"])
    switch = tree.nodes.new("ShaderNodeGroup")
    switch.node_tree, switch.label, switch.name = _group(), SWITCH, SWITCH
    switch.location, output.location = (320, 0), (540, 0)
    links.new(shader.outputs["BSDF"], switch.inputs["Principled"])
    links.new(projected if projected is not None else color, switch.inputs["Captured"])
    links.new(switch.outputs["Surface"], output.inputs["Surface"])
    if alpha is not None:
        links.new(alpha, switch.inputs["Alpha"])
    switch.inputs[SWITCH].default_value = 1.0 if captured else 0.0
    return material


def switch(material: bpy.types.Material | None) -> Any:
    """The socket that holds the switch of a material made here (0 Principled, 1 projected), or None."""
    if material is None or material.node_tree is None:
        return None
    for node in material.node_tree.nodes:
        if node.type == "GROUP" and node.node_tree is not None and node.node_tree.get("backlot_group") == GROUP:
            return node.inputs[SWITCH]
    return None


def projector(name: str, camera: Camera) -> bpy.types.Object:
    """A camera object at the camera that saw the plate, with its lens. It belongs to no collection yet."""
    data = bpy.data.cameras.new(name)
    data.sensor_fit, data.sensor_width = "HORIZONTAL", 36.0
    data.lens = camera.fl_x / camera.width * data.sensor_width
    data.shift_x = (camera.width / 2 - camera.cx) / camera.width
    data.shift_y = (camera.cy - camera.height / 2) * camera.fl_x / camera.fl_y / camera.width
    item = bpy.data.objects.new(name, data)
    item.matrix_world = mathutils.Matrix(camera.camera_to_world.tolist())
    return item


def _texture(tree: bpy.types.NodeTree, image: bpy.types.Image, location: tuple[float, float]) -> bpy.types.Node:
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image, node.location = image, location
    uv = tree.nodes.new("ShaderNodeUVMap")
    uv.uv_map, uv.location = UV_LAYER, (location[0] - 200, location[1] - 120)
    tree.links.new(uv.outputs["UV"], node.inputs["Vector"])
    return node


def _projected(tree: bpy.types.NodeTree, image: bpy.types.Image, item: bpy.types.Object, camera: Camera) -> bpy.types.NodeSocket:
    """Colour of the picture where a point is seen by the projector: a perspective division, then a scale and a shift."""
    links = tree.links

    def node(kind: str, x: float, y: float = 320.0, **settings: Any) -> bpy.types.Node:
        made = tree.nodes.new(kind)
        made.location = (x, y)
        for name, value in settings.items():
            setattr(made, name, value)
        return made

    seen = node("ShaderNodeTexCoord", -1500, object=item)  # in the projector's own space: x right, y up, looking along -z
    parts = node("ShaderNodeSeparateXYZ", -1320, 160)
    ahead = node("ShaderNodeMath", -1160, 160, operation="MULTIPLY")
    ahead.inputs[1].default_value = -1.0
    distance = node("ShaderNodeCombineXYZ", -1000, 160)
    distance.inputs["Z"].default_value = 1.0
    divide = node("ShaderNodeVectorMath", -840, operation="DIVIDE")
    place = node("ShaderNodeVectorMath", -680, operation="MULTIPLY_ADD", label="Lens of the Plate")
    place.inputs[1].default_value = (camera.fl_x / camera.width, camera.fl_y / camera.height, 0.0)
    place.inputs[2].default_value = (camera.cx / camera.width, 1.0 - camera.cy / camera.height, 0.0)
    picture = node("ShaderNodeTexImage", -520, image=image, extension="EXTEND", label="Plate")
    links.new(seen.outputs["Object"], parts.inputs[0])
    links.new(parts.outputs["Z"], ahead.inputs[0])
    links.new(ahead.outputs[0], distance.inputs["X"])
    links.new(ahead.outputs[0], distance.inputs["Y"])
    links.new(seen.outputs["Object"], divide.inputs[0])
    links.new(distance.outputs[0], divide.inputs[1])
    links.new(divide.outputs[0], place.inputs[0])
    links.new(place.outputs[0], picture.inputs["Vector"])
    return picture.outputs["Color"]


def _unless_invented(tree: bpy.types.NodeTree, projected: bpy.types.NodeSocket, color: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """The projected plate; where the mesh is invented, behind edges of the plate, the inpainted texture."""
    invented, mix = tree.nodes.new("ShaderNodeAttribute"), tree.nodes.new("ShaderNodeMix")
    invented.attribute_name, invented.location = "invented", (-240, 520)
    mix.data_type, mix.label, mix.location = "RGBA", "Painted Behind Edges", (20, 320)
    tree.links.new(invented.outputs["Fac"], nodes.socket(mix.inputs, "Factor_Float"))
    tree.links.new(projected, nodes.socket(mix.inputs, "A_Color"))
    tree.links.new(color, nodes.socket(mix.inputs, "B_Color"))
    return nodes.socket(mix.outputs, "Result_Color")


def _group() -> bpy.types.NodeTree:
    """The node group of the switch; one for the file."""
    for tree in bpy.data.node_groups:
        if tree.get("backlot_group") == GROUP and tree.library is None:
            return tree
    tree = bpy.data.node_groups.new(GROUP, "ShaderNodeTree")
    tree["backlot_group"] = GROUP
    interface = tree.interface
    interface.new_socket("Surface", in_out="OUTPUT", socket_type="NodeSocketShader")
    interface.new_socket("Principled", in_out="INPUT", socket_type="NodeSocketShader")
    interface.new_socket("Captured", in_out="INPUT", socket_type="NodeSocketColor")
    factor = interface.new_socket(SWITCH, in_out="INPUT", socket_type="NodeSocketFloat")
    factor.min_value, factor.max_value, factor.subtype = 0.0, 1.0, "FACTOR"
    alpha = interface.new_socket("Alpha", in_out="INPUT", socket_type="NodeSocketFloat")
    alpha.default_value, alpha.min_value, alpha.max_value = 1.0, 0.0, 1.0
    factor.description = "0 is lit by the scene, 1 shows the picture as it was captured"
    entry, leave = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    emission, mix = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeMixShader")
    entry.location, emission.location, mix.location, leave.location = (-400, 0), (-200, -120), (0, 0), (400, 0)
    tree.links.new(entry.outputs["Captured"], emission.inputs["Color"])
    tree.links.new(entry.outputs[SWITCH], mix.inputs[0])
    tree.links.new(entry.outputs["Principled"], mix.inputs[1])
    tree.links.new(emission.outputs[0], mix.inputs[2])
    clear, cut = tree.nodes.new("ShaderNodeBsdfTransparent"), tree.nodes.new("ShaderNodeMixShader")
    clear.location, cut.location, leave.location = (0, 160), (200, 0), (400, 0)
    tree.links.new(entry.outputs["Alpha"], cut.inputs[0])
    tree.links.new(clear.outputs[0], cut.inputs[1])
    tree.links.new(mix.outputs[0], cut.inputs[2])
    tree.links.new(cut.outputs[0], leave.inputs["Surface"])
    return tree
