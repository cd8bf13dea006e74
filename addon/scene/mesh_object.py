"""A mesh of the backend's as an object of Blender's, in world space and scene units, and back."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.errors import InputError
from ...shared.values import Mesh
from .surface import COLOR_ATTRIBUTE, UV_LAYER

COLLECTION = "Backlot"


def make(scene: bpy.types.Scene, value: Mesh, name: str) -> bpy.types.Object:
    """Makes an object from a mesh in world space, in the collection ``Backlot`` of the scene.

    Raises:
        InputError: The mesh is empty.
    """
    item = bpy.data.objects.new(name, data(value, name))
    collection(scene).objects.link(item)
    return item


def data(value: Mesh, name: str) -> bpy.types.Mesh:
    """Makes mesh data with all that the mesh has: UVs, colour, attributes, normals. It has no material.

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
    # Before anything is checked: faces that Blender drops then take their corners' values with them.
    if value.uvs is not None:
        layer = mesh.uv_layers.new(name=UV_LAYER, do_init=False)
        layer.uv.foreach_set("vector", np.ascontiguousarray(value.uvs, np.float32).reshape(-1))
    for title, array in value.attributes.items():
        wide = array.ndim == 2
        attribute = mesh.attributes.new(title, "FLOAT_VECTOR" if wide else "FLOAT", "POINT")
        attribute.data.foreach_set("vector" if wide else "value", np.ascontiguousarray(array, np.float32).reshape(-1))
    if value.colors is not None:
        color = mesh.color_attributes.new(COLOR_ATTRIBUTE, "FLOAT_COLOR", "POINT")
        rgba = np.ones((len(value.colors), 4), np.float32)
        rgba[:, :3] = value.colors
        color.data.foreach_set("color", rgba.reshape(-1))
        mesh.color_attributes.active_color = color
    mesh.update(calc_edges=True)
    if mesh.validate():
        mesh.update()
    if value.normals is not None and len(mesh.vertices) == len(value.normals):
        mesh.normals_split_custom_set_from_vertices(np.ascontiguousarray(value.normals, np.float32))
    return mesh


def read(item: bpy.types.Object, uvs: bool = True, local: bool = False) -> Mesh:
    """What an object shows (modifiers included) as triangles.

    Args:
        item: A mesh object.
        uvs: Whether its active UV map is wanted.
        local: In the object's own space instead of world space. For what ``make`` made that is the space of its frames, wherever
            the object was moved since.

    Raises:
        InputError: It has no faces, or no UVs where they are wanted.
    """
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    try:
        mesh.calc_loop_triangles()
        count = len(mesh.loop_triangles)
        if not count:
            raise InputError(expected=f"a mesh with faces in {item.name!r}", got="none")
        vertices = np.empty(3 * len(mesh.vertices), np.float32)
        mesh.vertices.foreach_get("co", vertices)
        faces, loops = np.empty(3 * count, np.int32), np.empty(3 * count, np.int32)
        mesh.loop_triangles.foreach_get("vertices", faces)
        mesh.loop_triangles.foreach_get("loops", loops)
        corners = None
        if uvs:
            layer = mesh.uv_layers.active
            if layer is None:
                raise InputError(expected=f"a UV map of {item.name!r}", got="none", fix="Unwrap it first")
            flat = np.empty(2 * len(mesh.loops), np.float32)
            layer.uv.foreach_get("vector", flat)
            corners = flat.reshape(-1, 2)[loops].reshape(-1, 3, 2)
        world = np.eye(4) if local else np.array(evaluated.matrix_world, np.float64)
        placed = vertices.reshape(-1, 3).astype(np.float64) @ world[:3, :3].T + world[:3, 3]
        order = slice(None, None, -1) if np.linalg.det(world[:3, :3]) < 0 else slice(None)
        return Mesh(
            placed.astype(np.float32),
            np.ascontiguousarray(faces.reshape(-1, 3)[:, order]),
            uvs=np.ascontiguousarray(corners[:, order]) if corners is not None else None,
        )
    finally:
        evaluated.to_mesh_clear()


def collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    """The scene's collection for results; made if need be."""
    for child in scene.collection.children:
        if child.get("backlot_results"):
            return child
    made = bpy.data.collections.new(COLLECTION)
    made["backlot_results"] = True
    scene.collection.children.link(made)
    return made


def hide(scene: bpy.types.Scene, item: bpy.types.Object) -> None:
    """Hides an object in every view layer of its scene and in renders."""
    item.hide_render = True
    for layer in scene.view_layers:
        layer.update()  # else Blender 5.0 does not know the new object there
        if item.name in layer.objects:
            item.hide_set(True, view_layer=layer)
