"""A mesh of the backend's as an object of Blender's, in world space and scene units, and back."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.errors import InputError
from ...shared.notes import note
from ...shared.origin import ZERO, relative
from ...shared.values import Mesh
from . import evaluated
from .surface import COLOR_ATTRIBUTE, UV_LAYER

COLLECTION = "Backlot"


def make(scene: bpy.types.Scene, value: Mesh, name: str) -> bpy.types.Object:
    """Makes an object from a mesh in world space, in the collection ``Backlot`` of the scene, located at the mesh's origin.

    Raises:
        InputError: The mesh is empty.
    """
    item = bpy.data.objects.new(name, data(value, name))
    item.location = value.origin
    collection(scene).objects.link(item)
    _show_in_local_views(scene, item)
    return item


def hidden_where(scene: bpy.types.Scene, item: bpy.types.Object) -> str:
    """What hides a result from the artist in every view layer, as a sentence; empty where it is shown."""
    for layer in scene.view_layers:
        layer.update()
        if item.name in layer.objects and item.visible_get(view_layer=layer):
            return ""
    return f"the collection {collection(scene).name!r} is hidden or excluded: show it to see {item.name!r}"


def _show_in_local_views(scene: bpy.types.Scene, item: bpy.types.Object) -> None:
    """What arrives while the artist looks at some objects only is shown there as well."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas if window.scene == scene else ():
            space = area.spaces.active
            if area.type == "VIEW_3D" and space.local_view is not None:
                window.view_layer.update()
                item.local_view_set(space, True)


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
    """What an object shows as triangles: modifiers, geometry nodes and instances included, and text, curves and metaballs as meshes.

    Args:
        item: Any object.
        uvs: Whether its active UV map is wanted.
        local: In the object's own space instead of world space. For what ``make`` made that is the space of its frames, wherever
            the object was moved since.

    Raises:
        InputError: It has no faces, or no UVs where they are wanted.
    """
    depsgraph = evaluated.depsgraph_of(item)
    if item.mode == "EDIT":
        item.update_from_editmode()
    shown = item.visible_get() and depsgraph is not None
    found = evaluated.parts([item], depsgraph) if shown else [(item.evaluated_get(depsgraph) if depsgraph else item, item.matrix_world)]
    own = (item.evaluated_get(depsgraph) if depsgraph else item).matrix_world
    back = np.linalg.inv(np.array(own, np.float64)) if local else np.eye(4)
    vertices, faces, corners = [], [], []
    count, left_out = 0, set()
    for part, matrix in found:
        with evaluated.as_mesh(part) as mesh:
            if mesh is None:
                left_out.add(part.type.lower())
                continue
            placed, triangles, flat = _triangles(mesh, back @ np.array(matrix, np.float64), uvs, item.name)
        vertices.append(placed)
        faces.append(triangles + count)
        corners.append(flat)
        count += len(placed)
    if not sum(map(len, faces)):
        got = f"only {', '.join(sorted(left_out))}" if left_out else "none"
        raise InputError(
            expected=f"a mesh with faces in {item.name!r}", got=got, fix="Choose an object with a surface, or convert it to a mesh"
        )
    if left_out:
        note(f"Parts without a surface are left out: {', '.join(sorted(left_out))}", item.name)
    every = np.concatenate(vertices)
    points, origin = (every.astype(np.float32), ZERO) if local else relative(every)
    return Mesh(points, np.concatenate(faces), uvs=np.concatenate(corners) if uvs else None, origin=origin)


def _triangles(mesh: bpy.types.Mesh, matrix: np.ndarray, uvs: bool, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices ``(V, 3)`` float64 moved by a matrix, faces ``(F, 3)`` int32 and, if wanted, the UVs of their corners ``(F, 3, 2)``."""
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    vertices = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", vertices)
    faces, loops = np.empty(3 * count, np.int32), np.empty(3 * count, np.int32)
    mesh.loop_triangles.foreach_get("vertices", faces)
    mesh.loop_triangles.foreach_get("loops", loops)
    corners = np.zeros((count, 3, 2), np.float32)
    if uvs and count:
        layer = mesh.uv_layers.active
        if layer is None:
            raise InputError(expected=f"a UV map of {name!r}", got="none", fix="Unwrap it first")
        flat = np.empty(2 * len(mesh.loops), np.float32)
        layer.uv.foreach_get("vector", flat)
        corners = flat.reshape(-1, 2)[loops].reshape(-1, 3, 2)
    placed = vertices.reshape(-1, 3).astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    order = slice(None, None, -1) if np.linalg.det(matrix[:3, :3]) < 0 else slice(None)  # a mirrored part keeps its outside
    return placed, np.ascontiguousarray(faces.reshape(-1, 3)[:, order]), np.ascontiguousarray(corners[:, order])


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
