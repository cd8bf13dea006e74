"""What Blender's importers make of mesh files, in a Blender that the caller has started: values of all corners, to be compared."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np

KEYS = {"FLOAT": "value", "INT": "value", "FLOAT_VECTOR": "vector", "FLOAT2": "vector", "FLOAT_COLOR": "color", "BYTE_COLOR": "color"}


def import_file(path: Path, **options: str) -> dict[str, np.ndarray]:
    """Imports a file as a person does, with the importer's defaults, into an empty scene.

    Returns:
        By name, for each corner of each face: ``position`` in world space, ``normal``, and every attribute. ``picture``: rows from the
        top, 0..255, if there is one.
    """
    bpy.ops.wm.read_factory_settings(use_empty=True)
    suffix = path.suffix
    if suffix == ".ply":
        bpy.ops.wm.ply_import(filepath=str(path), **options)
    elif suffix == ".obj":
        bpy.ops.wm.obj_import(filepath=str(path), **options)
    elif suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path), **options)
    else:
        bpy.ops.wm.usd_import(filepath=str(path), **options)
    bpy.context.view_layer.update()
    (item,) = [item for item in bpy.data.objects if item.type == "MESH"]
    return {**corners(item), **pictures(item)}


def corners(item: bpy.types.Object) -> dict[str, np.ndarray]:
    mesh, world = item.data, np.array(item.matrix_world)
    vertex = np.array([loop.vertex_index for loop in mesh.loops])
    points = np.array([v.co for v in mesh.vertices])
    turn = world[:3, :3] / np.linalg.norm(world[:3, :3], axis=0)
    found = {
        "position": (points @ world[:3, :3].T + world[:3, 3])[vertex],
        "normal": np.array([one.vector for one in mesh.corner_normals]) @ turn.T,
        "sizes": np.array([polygon.loop_total for polygon in mesh.polygons]),
    }
    for attribute in mesh.attributes:
        if attribute.data_type in KEYS and attribute.domain in ("POINT", "CORNER") and attribute.name != "position":
            values = np.array([getattr(one, KEYS[attribute.data_type]) for one in attribute.data])
            found[attribute.name] = values[vertex] if attribute.domain == "POINT" else values
    return found


def pictures(item: bpy.types.Object) -> dict[str, np.ndarray]:
    for material in item.data.materials:
        for node in material.node_tree.nodes if material else ():
            if node.type == "TEX_IMAGE" and node.image:
                width, height = node.image.size
                pixels = np.array(node.image.pixels[:]).reshape(height, width, -1)[::-1]
                shader = next(one for one in material.node_tree.nodes if one.type == "BSDF_PRINCIPLED")
                return {"picture": np.rint(pixels * 255), "sees_alpha": np.array(shader.inputs["Alpha"].is_linked)}
    return {}


def keep(folder: Path, out: Path) -> None:
    """Imports every ``.glb`` of a folder and keeps the values in one file; for a Blender of its own."""
    found = {}
    for path in sorted(folder.glob("*.glb")):
        found |= {f"{path.stem}|{key}": values for key, values in import_file(path).items()}
    np.savez(out, **found)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]))
