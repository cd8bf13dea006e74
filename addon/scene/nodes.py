"""The beginning of a material's node tree, and sockets that share a name."""

from __future__ import annotations

from typing import Any

import bpy


def principled(name: str) -> tuple[bpy.types.Material, bpy.types.NodeTree, bpy.types.Node, bpy.types.Node]:
    """A material with nothing but a Principled shader; with its tree, the shader and the output."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # before Blender 5.0 nodes had to be asked for
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    shader = tree.nodes.new("ShaderNodeBsdfPrincipled")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    output.location = (340, 0)
    tree.links.new(shader.outputs["BSDF"], output.inputs["Surface"])
    return material, tree, shader, output


def socket(sockets: Any, identifier: str) -> Any:
    """A socket of the Mix node by identifier: sockets of different types have the same name."""
    return next(socket for socket in sockets if socket.identifier == identifier)
