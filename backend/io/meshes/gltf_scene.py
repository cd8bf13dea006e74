"""The scene of a glTF document: which mesh is where, with instances, skins in their rest pose and morph targets at their weights."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ....shared.notes import note
from .common import broken
from .gltf_file import GltfFile

_DEPTH = 64
"""Nodes nested deeper than this are a circle."""
_MOST = 100_000


@dataclasses.dataclass(frozen=True)
class Placed:
    """A mesh of the scene.

    Attributes:
        mesh: Its entry in the document.
        matrix: ``(4, 4)`` float64, to world space, y up.
        weights: Of its morph targets.
        joints: ``(J, 4, 4)``, from the mesh's space to world space, or None. Where there are joints they count and not ``matrix``.
    """

    mesh: dict[str, Any]
    matrix: np.ndarray
    weights: tuple[float, ...]
    joints: np.ndarray | None


def placed_meshes(file: GltfFile) -> list[Placed]:
    """All meshes of the default scene."""
    scenes = file.items("scenes")
    if len(scenes) > 1:
        note(f"it has {len(scenes)} scenes; only the default one is read", file.name)
    scene = file.item("scenes", file.document.get("scene", 0)) if scenes else {"nodes": _roots(file)}
    worlds = _worlds(file, scene.get("nodes", []))
    if file.items("animations"):
        note("it is animated; it is read as it is without its animations", file.name)
    found: list[Placed] = []
    for index, matrix in worlds:
        node = file.item("nodes", index)
        if "mesh" not in node:
            continue
        mesh = file.item("meshes", node["mesh"])
        weights = tuple(float(k) for k in node.get("weights", mesh.get("weights", ())))
        joints = _joints(file, node["skin"], dict(worlds)) if "skin" in node else None
        found += [Placed(mesh, matrix @ instance, weights, joints) for instance in _instances(file, node)]
        if len(found) > _MOST:
            raise broken(file.name, f"more than {_MOST:,} instances")
    return found


def _roots(file: GltfFile) -> list[int]:
    nodes = file.items("nodes")
    children = {child for node in nodes for child in node.get("children", [])}
    return [index for index in range(len(nodes)) if index not in children]


def _worlds(file: GltfFile, roots: list[Any]) -> list[tuple[int, np.ndarray]]:
    """Nodes and their matrices to world space."""
    waiting: list[tuple[Any, np.ndarray, int]] = [(index, np.eye(4), 0) for index in reversed(roots)]
    found: list[tuple[int, np.ndarray]] = []
    while waiting:
        index, above, depth = waiting.pop()
        if depth > _DEPTH or len(found) > _MOST:
            raise broken(file.name, "nodes in a circle")
        node = file.item("nodes", index)
        if node.get("extensions", {}).get("KHR_node_visibility", {}).get("visible", True) is False:
            note("some of its nodes are hidden; they are left out", file.name)
            continue
        matrix = above @ _matrix(node)
        found.append((index, matrix))
        waiting += [(child, matrix, depth + 1) for child in reversed(node.get("children", []))]
    return found


def _matrix(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    given = (node.get("translation", (0, 0, 0)), node.get("rotation", (0, 0, 0, 1)), node.get("scale", (1, 1, 1)))
    return _composed(*(np.array([values], np.float64) for values in given))[0]


def _composed(translation: np.ndarray, rotation: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Matrices ``(K, 4, 4)`` of translations ``(K, 3)``, unit quaternions x, y, z, w ``(K, 4)`` and scales ``(K, 3)``."""
    x, y, z, w = rotation.T / np.maximum(np.linalg.norm(rotation, axis=1), 1e-30)
    turned = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
    matrices = np.tile(np.eye(4), (len(translation), 1, 1))
    matrices[:, :3, :3] = np.moveaxis(turned, 2, 0) * scale[:, None]
    matrices[:, :3, 3] = translation
    return matrices


def _instances(file: GltfFile, node: dict[str, Any]) -> np.ndarray:
    """``(K, 4, 4)``: where a node's mesh stands in the node's space, once or as EXT_mesh_gpu_instancing says."""
    given = node.get("extensions", {}).get("EXT_mesh_gpu_instancing", {}).get("attributes", {})
    found = {key: file.array(given[key]).astype(np.float64) for key in ("TRANSLATION", "ROTATION", "SCALE") if key in given}
    if not found:
        return np.eye(4)[None]
    count = len(next(iter(found.values())))
    if count > _MOST:
        raise broken(file.name, f"more than {_MOST:,} instances")
    rest = {"TRANSLATION": (0, 0, 0), "ROTATION": (0, 0, 0, 1), "SCALE": (1, 1, 1)}
    full = [found.get(key, np.tile(np.array(value, np.float64), (count, 1))) for key, value in rest.items()]
    return _composed(*full)


def _joints(file: GltfFile, index: Any, worlds: dict[int, np.ndarray]) -> np.ndarray:
    skin = file.item("skins", index)
    joints = [worlds.get(joint, np.eye(4)) for joint in skin["joints"]]
    inverse = file.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2) if "inverseBindMatrices" in skin else None
    matrices = np.stack(joints).astype(np.float64)
    return matrices if inverse is None else matrices @ inverse[: len(matrices)].astype(np.float64)
