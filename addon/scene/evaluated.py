"""What objects are made of after modifiers, geometry nodes and instancing: read through the dependency graph.

A selection is more than meshes: an empty that shows a collection, text, curves, metaballs, points with instances on them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence

import bpy
import mathutils

SURFACES = ("MESH", "CURVE", "SURFACE", "FONT", "META")
"""Types of objects that become meshes."""
PAINTED = (*SURFACES, "CURVES", "POINTCLOUD")
"""Types of objects that a material of a surface can be given to."""
RENDERED = (*PAINTED, "VOLUME", "GREASEPENCIL", "GPENCIL")
"""Types of objects that have something to render."""


def instances_collection(item: bpy.types.Object) -> bool:
    """Whether an object shows a collection in its place."""
    return bool(item.instance_type == "COLLECTION" and item.instance_collection is not None)


def depsgraph_of(item: bpy.types.Object) -> bpy.types.Depsgraph | None:
    """The up-to-date dependency graph that an object is in: the window's, or that of its own scene; None where it is in none."""
    shown = bpy.context.view_layer
    for layer in [shown, *(layer for scene in item.users_scene for layer in scene.view_layers)]:
        if layer is None:
            continue
        if layer != shown:
            layer.update()  # else Blender 5.0 does not know what is in it
        known = layer.objects.get(item.name)
        # An object of a library may have the name of one of this file.
        if known is not None and (known == item or item.name_full in {other.name_full for other in layer.objects}):
            layer.update()
            return layer.depsgraph
    return None


def parts(items: Collection[bpy.types.Object], depsgraph: bpy.types.Depsgraph) -> Iterator[tuple[bpy.types.Object, mathutils.Matrix]]:
    """Everything with geometry that objects show, instances included.

    Gives:
        The evaluated object and its matrix in world space; valid until the next one is asked for.
    """
    wanted = {item.session_uid for item in items}
    for instance in depsgraph.object_instances:
        owner = instance.parent if instance.is_instance else instance.object
        if owner is None or owner.original.session_uid not in wanted:
            continue
        if instance.object.type in RENDERED and (instance.is_instance or instance.show_self):
            yield instance.object, instance.matrix_world.copy()


def corners(items: Collection[bpy.types.Object], depsgraph: bpy.types.Depsgraph) -> list[mathutils.Vector]:
    """The corners of the bounding boxes of all parts of objects, in world space."""
    return [matrix @ corner for part, matrix in parts(items, depsgraph) for corner in box(part)]


def box(part: bpy.types.Object) -> list[mathutils.Vector]:
    """The corners of the bounding box of an evaluated object, in its own space."""
    if part.type in ("CURVE", "SURFACE", "FONT"):  # Blender's box holds the control points of these
        with as_mesh(part) as mesh:
            points = [vertex.co for vertex in mesh.vertices] if mesh is not None else []
            ends = [[bound(point[axis] for point in points) for bound in (min, max)] for axis in range(3)] if points else []
            return [mathutils.Vector((x, y, z)) for x in ends[0] for y in ends[1] for z in ends[2]] if ends else []
    return [mathutils.Vector(corner) for corner in part.bound_box]


def shown(depsgraph: bpy.types.Depsgraph) -> list[bpy.types.Object]:
    """The objects that the dependency graph shows, those inside of instanced collections included; originals, each once."""
    found: dict[int, bpy.types.Object] = {}
    for instance in depsgraph.object_instances:
        original = instance.object.original
        if isinstance(original, bpy.types.Object):
            found[original.session_uid] = original
    return list(found.values())


def with_contents(objects: Sequence[bpy.types.Object]) -> list[bpy.types.Object]:
    """Objects, and those in the collections that they show, whatever is hidden; each once, in order."""
    found: dict[int, bpy.types.Object] = {}
    waiting = list(objects)
    while waiting:
        item = waiting.pop(0)
        if item.session_uid in found:
            continue
        found[item.session_uid] = item
        if instances_collection(item):
            waiting += list(item.instance_collection.all_objects)
    return list(found.values())


@contextlib.contextmanager
def as_mesh(part: bpy.types.Object) -> Iterator[bpy.types.Mesh | None]:
    """The mesh of an evaluated object of any type, as it is in its present mode; None where it has none (hair, points, a volume)."""
    try:
        mesh = part.to_mesh()
    except RuntimeError:  # this type of object never has one
        mesh = None
    try:
        yield mesh
    finally:
        if mesh is not None:
            part.to_mesh_clear()


@contextlib.contextmanager
def own_mesh(item: bpy.types.Object) -> Iterator[tuple[bpy.types.Mesh | None, mathutils.Matrix]]:
    """The mesh of an object itself, without its instances, and its matrix in world space."""
    if item.mode == "EDIT":
        item.update_from_editmode()
    if item.data is not None:
        item.data.update_tag()  # what a script changes, such as a UV map that it removes, is not always noticed
    depsgraph = depsgraph_of(item)
    part = item.evaluated_get(depsgraph) if depsgraph is not None else item
    with as_mesh(part) as mesh:
        yield mesh, part.matrix_world.copy()
