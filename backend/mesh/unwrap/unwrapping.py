"""UVs for a mesh that has none.

Small meshes go through xatlas, in a process of its own that can be stopped; it takes 3 s for 10,000 faces and 81 s for 50,000. Larger
ones, and those xatlas does not finish in time, are cut along directions by ``charts.py``. Both are packed by ``packing.py``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import topology
from ..raster import overlapping, rasterise
from . import charts, packing

XATLAS_FACES = 20_000
TIME_LIMIT = 60.0
"""Seconds xatlas may take."""
_ROUNDS = 4
_SCRIPT = Path(__file__).with_name("xatlas_process.py")


def unwrap(
    vertices: np.ndarray, faces: np.ndarray, size: int, progress: Callable[[float], None] = lambda fraction: None,
    time_limit: float = TIME_LIMIT, method: str = "auto",
) -> tuple[np.ndarray, str]:  # fmt: skip
    """Cuts, flattens and packs.

    Args:
        vertices: ``(N, 3)`` float32.
        faces: ``(M, 3)`` int32, at least one.
        size: Texels of the atlas' sides, which decides the padding between charts.
        progress: Called with 0..1 several times a second; what it raises stops the work and passes through.
        time_limit: Seconds xatlas may take before the fast way is taken instead.
        method: ``xatlas``, ``charts`` or ``auto`` (xatlas up to 20,000 faces).

    Returns:
        ``(M, 3, 2)`` float32 UVs without overlaps, and which of the two methods made them.
    """
    cut = None
    if method == "xatlas" or (method == "auto" and len(faces) <= XATLAS_FACES):
        cut = _xatlas(vertices, faces, lambda part: progress(0.8 * part), time_limit)
    used = "charts" if cut is None else "xatlas"
    if cut is None:
        progress(0.1)
        area = 0.5 * float(np.linalg.norm(topology.face_vectors(vertices, faces), axis=1).sum())
        cut = charts.cut(vertices, faces, max((area / (0.6 * size * size)) ** 0.5, 1e-12))
    labels, flat = cut
    progress(0.8)
    uvs = packing.pack(flat, labels, size)
    for _ in range(_ROUNDS):  # slivers that only meet at the final scale
        progress(0.9)
        double = overlapping(uvs, faces, size)
        if not double.any():
            break
        labels = charts.split(labels, topology.neighbours(faces), double)
        flat = charts.settle(flat, labels)
        uvs = packing.pack(flat, labels, size)
    progress(1.0)
    return uvs, used


def measure(vertices: np.ndarray, faces: np.ndarray, uvs: np.ndarray, size: int) -> dict[str, Any]:
    """How good UVs are.

    Returns:
        ``stretch``: L2 stretch of Sander et al. (2001), 1 is perfect, scaled to the UVs' own area; ``stretch_p95``: the larger singular
        value's 95th percentile by area; ``occupancy``: part of the atlas in charts; ``overlaps``: texels that two faces claim;
        ``flipped``: mirrored faces; ``charts``.
    """
    corners, flat = vertices.astype(np.float64)[faces], uvs.astype(np.float64)
    edge_1, edge_2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    uv_1, uv_2 = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    twice = uv_1[:, 0] * uv_2[:, 1] - uv_1[:, 1] * uv_2[:, 0]
    area = 0.5 * np.linalg.norm(np.cross(edge_1, edge_2), axis=1)
    usable = (np.abs(twice) > 1e-16) & (area > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_u = (edge_1 * uv_2[:, 1:] - edge_2 * uv_1[:, 1:]) / twice[:, None]
        per_v = (edge_2 * uv_1[:, :1] - edge_1 * uv_2[:, :1]) / twice[:, None]
    a, b, c = ((p * q).sum(1)[usable] for p, q in ((per_u, per_u), (per_u, per_v), (per_v, per_v)))
    area, covered = area[usable], 0.5 * np.abs(twice[usable]).sum()
    scale = covered / area.sum()
    largest = np.sqrt(0.5 * (a + c + np.sqrt((a - c) ** 2 + 4 * b * b)) * scale)
    order = np.argsort(largest)
    p95 = largest[order][min(np.searchsorted(np.cumsum(area[order]), 0.95 * area.sum()), len(order) - 1)]
    atlas = rasterise(uvs, faces, size, gutter=0)
    return {
        "stretch": float(np.sqrt((0.5 * (a + c) * area).sum() / area.sum() * scale)),
        "stretch_p95": float(p95),
        "occupancy": float(atlas.inside.sum() / size**2),
        "overlaps": atlas.overlaps,
        "flipped": int((twice < 0).sum()),
        "charts": _uv_parts(faces, uvs),
    }


def seams(faces: np.ndarray, uvs: np.ndarray, found: topology.Edges | None = None) -> np.ndarray:
    """Edges that two faces share but show at different positions of the atlas.

    Args:
        faces: ``(M, 3)``.
        uvs: ``(M, 3, 2)``.
        found: Their edges, where they are known already.

    Returns:
        ``(S, 4)`` int32: first face, its corner where the edge begins, second face, its corner where the same vertex is.
    """
    pairs = topology.pairs(found or topology.edges(faces))
    one, other = (pairs // 3).T
    a, c = (pairs % 3).T
    same_way = faces[one, a] == faces[other, c]  # normally the other face runs the other way
    d = np.where(same_way, c, (c + 1) % 3)
    a_end, d_end = (a + 1) % 3, np.where(same_way, (c + 1) % 3, c)
    apart = (np.abs(uvs[one, a] - uvs[other, d]).max(1) > 1e-6) | (np.abs(uvs[one, a_end] - uvs[other, d_end]).max(1) > 1e-6)
    return np.stack([one, a, other, d], 1)[apart].astype(np.int32)


def _uv_parts(faces: np.ndarray, uvs: np.ndarray) -> int:
    found = topology.edges(faces)
    across = topology.neighbours(faces, found)
    cut = seams(faces, uvs, found)
    on_seam = np.zeros(len(found.counts), bool)
    on_seam[found.of_faces[cut[:, 0], cut[:, 1]]] = True
    roots = np.arange(len(faces), dtype=np.int32)
    charts.unite(across, (across >= 0) & ~on_seam[found.of_faces], roots)
    return len(np.unique(roots))


def _xatlas(
    vertices: np.ndarray, faces: np.ndarray, progress: Callable[[float], None], time_limit: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Charts by xatlas, or None if it fails or takes too long."""
    with tempfile.TemporaryDirectory(prefix="backlot-xatlas-") as folder:
        np.savez(Path(folder) / "mesh.npz", vertices=vertices.astype(np.float32), faces=faces.astype(np.uint32))
        process = subprocess.Popen(
            [sys.executable, str(_SCRIPT), folder], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            started = time.monotonic()
            expected = 3.3 * (len(faces) / 10_000) ** 2 + 0.5
            while process.poll() is None:
                spent = time.monotonic() - started
                if spent > time_limit:
                    return None
                progress(min(spent / expected, 0.98))
                time.sleep(0.05)
        finally:
            process.kill()
            process.wait()
        path = Path(folder) / "charts.npz"
        if process.returncode != 0 or not path.exists():
            return None
        with np.load(path, allow_pickle=False) as data:
            mapping, corners, uvs = data["mapping"], data["corners"].astype(np.int32), data["uvs"].astype(np.float64)
    if len(corners) != len(faces) or not (mapping[corners] == faces).all() or not np.isfinite(uvs).all():
        return None  # xatlas leaves out what it cannot flatten
    flat = uvs[corners]
    labels = charts.numbered(topology.parts(int(corners.max()) + 1, corners)[corners[:, 0]])
    e, f = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    signed = np.bincount(labels, e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0])
    flat[..., 0] *= np.where(signed < 0, -1.0, 1.0)[labels, None]  # a mirrored chart would turn a normal map inside out
    return labels, charts.settle(flat, labels)
