"""Results into the scene: a material (see ``material/``), an image, a mesh at its true place."""

from __future__ import annotations

import json
from typing import Any

import bpy
import numpy as np

from ..shared.errors import InputError
from ..shared.values import Image, Mesh
from . import pictures
from .material import nodes, results

COLLECTION = "Backlot"
COLOR_ATTRIBUTE = "Color"


def apply(scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> str:
    """Puts the outputs of a job into the scene.

    Only objects noted in ``request["targets"]``, those selected when the job was sent, are given anything.

    Args:
        scene: The scene that sent the job.
        operation: Name of the operation.
        label: Names new datablocks.
        outputs: By name, as the operation describes them.
        request: What the record of the job holds.

    Returns:
        What happened, in words.
    """
    told: list[str] = []
    if operation == "texture.variations":
        told = results.variations(scene, label, outputs, request)
    elif operation.startswith("texture."):
        told = results.apply(scene, operation, label, outputs, request)
    for name, value in outputs.items() if not told else ():
        if isinstance(value, Image):
            image = pictures.receive(value, label)
            image["backlot"] = json.dumps({"operation": operation, "output": name, **{k: request.get(k) for k in ("parameters", "seed")}})
            told.append(f"Image {image.name!r}")
            if not image.users:
                image.use_fake_user = True  # else it would not be saved with the file
        elif isinstance(value, Mesh):
            item = mesh_object(scene, value, label)
            told.append(f"Object {item.name!r}, {len(value.faces)} triangles")
    report = outputs.get("report")
    if isinstance(report, dict):
        told.append(", ".join(f"{key} {value:.4g}" for key, value in report.items() if isinstance(value, float))[:300])
    return "; ".join(part for part in told if part)


def mesh_object(scene: bpy.types.Scene, value: Mesh, name: str) -> bpy.types.Object:
    """Makes an object from a mesh in world space, in the collection ``Backlot`` of the scene.

    Raises:
        InputError: The mesh is empty.
    """
    if not len(value.faces):
        raise InputError(expected="a mesh", got="one without faces", fix="Use a smaller voxel, or look at more of the surface")
    mesh = bpy.data.meshes.new(name)
    corners = np.ascontiguousarray(value.faces, np.int32).reshape(-1)
    mesh.vertices.add(len(value.vertices))
    mesh.vertices.foreach_set("co", np.ascontiguousarray(value.vertices, np.float32).reshape(-1))
    mesh.loops.add(len(corners))
    mesh.loops.foreach_set("vertex_index", corners)
    mesh.polygons.add(len(value.faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, len(corners), 3, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(value.faces), bool))
    mesh.update(calc_edges=True)
    if mesh.validate():
        mesh.update()
    if value.colors is not None and len(mesh.vertices) == len(value.colors):
        attribute = mesh.color_attributes.new(COLOR_ATTRIBUTE, "FLOAT_COLOR", "POINT")
        rgba = np.ones((len(value.colors), 4), np.float32)
        rgba[:, :3] = value.colors
        attribute.data.foreach_set("color", rgba.reshape(-1))
        mesh.color_attributes.active_color = attribute
        material, tree, shader, _ = nodes.principled(name)
        node = tree.nodes.new("ShaderNodeVertexColor")
        node.layer_name = COLOR_ATTRIBUTE
        node.location = (shader.location.x - 240, shader.location.y)
        tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
        shader.inputs["Roughness"].default_value = 1.0  # the captured colours hold the light already
        mesh.materials.append(material)
    item = bpy.data.objects.new(name, mesh)
    _collection(scene).objects.link(item)
    return item


def _collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    for child in scene.collection.children:
        if child.get("backlot_results"):
            return child
    collection = bpy.data.collections.new(COLLECTION)
    collection["backlot_results"] = True
    scene.collection.children.link(collection)
    return collection
