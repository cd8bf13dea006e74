"""A tangent-space normal map: the fine mesh's normals on the simplified one."""

from __future__ import annotations

import numba
import numpy as np

from ....shared.values import Mesh
from ...core.compiled import kernel
from ...io.meshes.common import split
from ..nearest import nearest_points
from ..raster import Atlas
from . import fill

_SAME_SIDE = 0.1
"""Least cosine between a fine normal and the coarse one; below, the other side of something thin was found."""


def normal_map(mesh: Mesh, fine: Mesh, atlas: Atlas) -> np.ndarray:
    """Bakes normals.

    Args:
        mesh: Simplified, with UVs and normals.
        fine: With normals, at the same position.
        atlas: Texels of ``mesh``.

    Returns:
        ``(S, S, 3)`` float32 in 0..1: 0.5 + 0.5 x along the tangent (U), the bitangent (V, upwards) and the normal, as Blender's Normal
        Map node and glTF read it. Tangents are averaged over corners that share vertex and UV, by angle, as MikkTSpace does.
    """
    assert mesh.normals is not None
    assert fine.normals is not None
    places = atlas.at(np.asarray(mesh.vertices, np.float32), mesh.faces)
    normal = _unit(atlas.at(mesh.normals, mesh.faces))
    found = _on_fine(places, fine)
    found = np.where(((found * normal).sum(1) < _SAME_SIDE)[:, None], normal, found)
    corners, tangents, signs = _tangents(mesh)
    along = np.zeros_like(normal)
    for k in range(3):
        along += tangents[corners[atlas.face, k]] * atlas.weights[:, k, None]
    along = _unit(along - normal * (along * normal).sum(1, keepdims=True))
    across = np.cross(normal, along) * signs[atlas.face, None]
    local = np.stack([(found * axis).sum(1) for axis in (along, across, normal)], 1)
    picture = atlas.image(np.concatenate([0.5 + 0.5 * _unit(local), np.ones((len(local), 1), np.float32)], 1), 4)
    filled = np.where(picture[..., 3:] > 0, picture[..., :3], fill.push_pull(picture))
    return np.ascontiguousarray(filled, np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-20)).astype(np.float32)


def _tangents(mesh: Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners with one number for each vertex and UV ``(M, 3)``, their tangents ``(K, 3)``, and 1 or -1 (mirrored) by face."""
    source, corners, _ = split(mesh)
    assert mesh.uvs is not None
    points, uvs = mesh.vertices[mesh.faces].astype(np.float64), mesh.uvs.astype(np.float64)
    edge_1, edge_2 = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    uv_1, uv_2 = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    twice = uv_1[:, 0] * uv_2[:, 1] - uv_1[:, 1] * uv_2[:, 0]
    sign = np.where(twice < 0, -1.0, 1.0)
    direction = _unit((edge_1 * uv_2[:, 1:] - edge_2 * uv_1[:, 1:]) * sign[:, None])
    total = np.zeros((len(source), 3))
    for k in range(3):
        a, b = points[:, (k + 1) % 3] - points[:, k], points[:, (k + 2) % 3] - points[:, k]
        length = np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-300)
        angle = np.arccos(np.clip((a * b).sum(1) / length, -1, 1))
        for axis in range(3):
            total[:, axis] += np.bincount(corners[:, k], angle * direction[:, axis], len(source))
    return corners, _unit(total), sign.astype(np.float32)


def _on_fine(places: np.ndarray, fine: Mesh) -> np.ndarray:
    """The fine mesh's interpolated normal nearest to each position: in the faces around the nearest vertex."""
    near = nearest_points(fine.vertices, places)
    order = np.argsort(fine.faces.ravel(), kind="stable")
    starts = np.searchsorted(fine.faces.ravel()[order], np.arange(len(fine.vertices) + 1))
    result = np.empty((len(places), 3), np.float32)
    _interpolate(places, near, starts, order // 3, fine.faces, np.asarray(fine.vertices, np.float32), fine.normals, result)
    return _unit(result)


@kernel(parallel=True)
def _interpolate(
    places: np.ndarray, near: np.ndarray, starts: np.ndarray, around: np.ndarray, faces: np.ndarray, vertices: np.ndarray,
    normals: np.ndarray, result: np.ndarray,
) -> None:  # fmt: skip
    for t in numba.prange(len(places)):
        p = places[t]
        best = np.inf
        w0, w1, w2, chosen = 0.0, 0.0, 0.0, -1
        for i in range(starts[near[t]], starts[near[t] + 1]):
            f = around[i]
            a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
            ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
            vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
            px, py, pz = p[0] - a[0], p[1] - a[1], p[2] - a[2]
            uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
            pu, pv = px * ux + py * uy + pz * uz, px * vx + py * vy + pz * vz
            square = uu * vv - uv * uv
            if square <= 0:
                continue
            s, r = max((vv * pu - uv * pv) / square, 0.0), max((uu * pv - uv * pu) / square, 0.0)
            if s + r > 1:
                s, r = s / (s + r), r / (s + r)
            d = (px - s * ux - r * vx) ** 2 + (py - s * uy - r * vy) ** 2 + (pz - s * uz - r * vz) ** 2
            if d < best:
                best, chosen = d, f
                w0, w1, w2 = 1 - s - r, s, r
        for k in range(3):
            if chosen < 0:
                result[t, k] = normals[near[t], k]
            else:
                f = chosen
                result[t, k] = w0 * normals[faces[f, 0], k] + w1 * normals[faces[f, 1], k] + w2 * normals[faces[f, 2], k]
