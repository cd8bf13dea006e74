"""A furnished room with exact depth: the ground truth of ``benchmarks/reconstruct.py``.

A room of 4 x 4 x 2.6 m holds a torus, a sphere, a turned box and a board that is 2 cm thick. Depth is ray-cast in float64 (planes, boxes
and the sphere in closed form, the torus by sphere tracing to 1e-10 m), so that all errors in a comparison are those of the
reconstruction. Lengths are metres, z is up.
"""

from __future__ import annotations

import dataclasses
import math

import numba
import numpy as np

from ...backend.core.color import to_srgb
from ...shared.values import Camera

ROOM = np.array([[-2.0, -2.0, 0.0], [2.0, 2.0, 2.6]])
SPHERE = np.array([0.75, -0.55, 0.45, 0.45])
"""Centre and radius."""
TORUS = np.array([-0.6, 0.55, 0.95, 0.40, 0.14])
"""Centre, major and minor radius; the axis is TORUS_AXES[2]."""
BOARD_THICKNESS = 0.02


def _rotation(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    k = np.asarray(axis) / np.linalg.norm(axis)
    a = math.radians(degrees)
    K = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    return np.eye(3) + math.sin(a) * K + (1 - math.cos(a)) * (K @ K)


TORUS_AXES = np.ascontiguousarray(_rotation((1, 0.3, 0.2), 62.0).T)
"""Rows are the torus' own axes in world space."""
BOXES = np.array([[-0.75, -0.7, 0.30, 0.28, 0.36, 0.30], [0.55, 0.85, 0.55, 0.45, BOARD_THICKNESS / 2, 0.55]])
"""Centre and half extents of the box and the board."""
BOX_AXES = np.stack([_rotation((0, 0, 1), 27.0).T, _rotation((0, 0, 1), -18.0).T])


@dataclasses.dataclass(frozen=True)
class View:
    """One camera and what it sees.

    Attributes:
        camera_to_world: ``(4, 4)`` float64, OpenGL convention.
        focal: In pixels.
        depth: ``(H, W)`` float32, planar z in metres.
        color: ``(H, W, 3)`` float32, scene-linear.
    """

    camera_to_world: np.ndarray
    focal: float
    depth: np.ndarray
    color: np.ndarray


@numba.njit(cache=True)
def _slab(o: np.ndarray, d: np.ndarray, half: np.ndarray) -> tuple[float, float]:
    near, far = -1e30, 1e30
    for a in range(3):
        if abs(d[a]) < 1e-15:
            if abs(o[a]) > half[a]:
                return 1e30, -1e30
            continue
        t0, t1 = (-half[a] - o[a]) / d[a], (half[a] - o[a]) / d[a]
        near, far = max(near, min(t0, t1)), min(far, max(t0, t1))
    return near, far


@numba.njit(cache=True)
def _torus_distance(p: np.ndarray, major: float, minor: float) -> float:
    q = math.sqrt(p[0] * p[0] + p[1] * p[1]) - major
    return math.sqrt(q * q + p[2] * p[2]) - minor


@numba.njit(cache=True)
def _hit(o, d, room, sphere, torus, torus_axes, boxes, box_axes):  # type: ignore[no-untyped-def]
    """Distance along the unit ray and the number of what it hits."""
    half = (room[1] - room[0]) / 2
    _, best = _slab(o - (room[0] + room[1]) / 2, d, half)
    what = 0
    for i in range(boxes.shape[0]):
        near, far = _slab(box_axes[i] @ (o - boxes[i, :3]), box_axes[i] @ d, boxes[i, 3:])
        if near <= far and 0 < near < best:
            best, what = near, 1 + i
    oc = o - sphere[:3]
    b = np.dot(oc, d)
    disc = b * b - np.dot(oc, oc) + sphere[3] ** 2
    if disc > 0:
        t = -b - math.sqrt(disc)
        if 0 < t < best:
            best, what = t, 3
    oc = o - torus[:3]
    b = np.dot(oc, d)
    disc = b * b - np.dot(oc, oc) + (torus[3] + torus[4]) ** 2
    if disc > 0:
        lo, ld = torus_axes @ oc, torus_axes @ d
        t, end = max(0.0, -b - math.sqrt(disc)), -b + math.sqrt(disc)
        step = 1.0
        for _ in range(3000):
            step = _torus_distance(lo + t * ld, torus[3], torus[4])
            if step < 1e-10 or t > end or t > best:
                break
            t += step
        if step < 1e-8 and t < best and t < end:
            best, what = t, 4
    return best, what


@numba.njit(parallel=True, cache=True)
def _cast(c2w, focal, depth, thing, room, sphere, torus, torus_axes, boxes, box_axes):  # type: ignore[no-untyped-def]
    """Parameters: a ray and a box as scalars of the kernel."""
    height, width = depth.shape
    o = np.ascontiguousarray(c2w[:3, 3])
    rot = np.ascontiguousarray(c2w[:3, :3])
    for v in numba.prange(height):
        for u in range(width):
            local = np.array([(u + 0.5 - width / 2) / focal, -(v + 0.5 - height / 2) / focal, -1.0])
            length = math.sqrt(np.dot(local, local))
            t, what = _hit(o, rot @ (local / length), room, sphere, torus, torus_axes, boxes, box_axes)
            depth[v, u] = t / length
            thing[v, u] = what


def look_at(centre: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Camera-to-world matrix, OpenGL convention, z up."""
    back = centre - target
    back = back / np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    c2w = np.eye(4)
    c2w[:3] = np.stack([right, np.cross(back, right), back, centre], 1)
    return c2w


def poses(count: int = 60) -> list[np.ndarray]:
    """Two thirds look at the furniture from all around, one third looks at the walls across the room."""
    result = []
    for i in range(count):
        angle = 2 * math.pi * i * 0.381966
        if i % 3 < 2:
            height = 0.35 + 2.0 * ((i * 0.618034) % 1.0)
            centre = np.array([1.75 * math.cos(angle), 1.75 * math.sin(angle), height])
            target = np.array([0.25 * math.sin(3 * angle), 0.25 * math.cos(2 * angle), 0.55])
        else:
            centre = np.array([1.5 * math.cos(angle), 1.5 * math.sin(angle), 1.9])
            target = np.array([-2 * math.cos(angle + 0.5), -2 * math.sin(angle + 0.5), 2.2 * ((i * 0.7548) % 1.0)])
        result.append(look_at(centre, target))
    return result


def render(camera_to_world: np.ndarray, width: int = 640, height: int = 480, focal: float = 525.0) -> View:
    """Exact depth and a simple procedural colour."""
    depth = np.empty((height, width))
    thing = np.empty((height, width), np.int32)
    _cast(camera_to_world, focal, depth, thing, ROOM, SPHERE, TORUS, TORUS_AXES, BOXES, BOX_AXES)
    points = unproject(camera_to_world, focal, depth)
    base = np.array([[0.7, 0.7, 0.65], [0.6, 0.25, 0.15], [0.5, 0.35, 0.2], [0.15, 0.3, 0.6], [0.2, 0.5, 0.25]])[thing]
    color = base * (0.75 + 0.25 * np.sin(points * 9.0).prod(-1, keepdims=True))
    return View(camera_to_world, focal, depth.astype(np.float32), color.astype(np.float32))


def textured(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Depth, and colour with checks and waves in space over it, so that every surface has texture.

    Args:
        camera: Square pixels and the centre in the middle.

    Returns:
        Planar depth ``(H, W)`` float32 in metres and colour ``(H, W, 3)`` float32 in 0..1, display-encoded.
    """
    view = render(camera.camera_to_world, camera.width, camera.height, camera.fl_x)
    points = unproject(camera.camera_to_world, camera.fl_x, view.depth.astype(np.float64))
    checks = np.floor(points * 4 + 1e-6).sum(-1) % 2
    waves = sum(
        a * np.sin(points[..., 0] * f + k) * np.sin(points[..., 1] * f * 1.1 + 2 * k) * np.cos(points[..., 2] * f * 0.9)
        for k, (f, a) in enumerate(((23, 0.1), (47, 0.08), (91, 0.06)))
    )
    color = np.clip(view.color * (0.75 + 0.3 * checks[..., None]) + 0.6 * np.asarray(waves)[..., None], 0, 1)
    return view.depth, to_srgb(color.astype(np.float32))


def unproject(camera_to_world: np.ndarray, focal: float, depth: np.ndarray) -> np.ndarray:
    """World positions of the pixel centres, ``(H, W, 3)`` float64."""
    height, width = depth.shape
    v, u = np.mgrid[:height, :width]
    local = np.stack([(u + 0.5 - width / 2) / focal, -(v + 0.5 - height / 2) / focal, -np.ones(depth.shape)], -1) * depth[..., None]
    return local @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]


def distance(points: np.ndarray) -> np.ndarray:
    """Exact distance to the nearest surface, in metres.

    Args:
        points: ``(N, 3)``.

    Returns:
        ``(N,)`` float64, zero or more.
    """
    points = np.asarray(points, np.float64)
    best = np.abs(_box_distance(points - ROOM.mean(0), (ROOM[1] - ROOM[0]) / 2))
    for box, axes in zip(BOXES, BOX_AXES, strict=True):
        best = np.minimum(best, np.abs(_box_distance((points - box[:3]) @ axes.T, box[3:])))
    best = np.minimum(best, np.abs(np.linalg.norm(points - SPHERE[:3], axis=1) - SPHERE[3]))
    local = (points - TORUS[:3]) @ TORUS_AXES.T
    return np.minimum(best, np.abs(np.hypot(np.hypot(local[:, 0], local[:, 1]) - TORUS[3], local[:, 2]) - TORUS[4]))


def _box_distance(local: np.ndarray, half: np.ndarray) -> np.ndarray:
    q = np.abs(local) - half
    return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(1), 0)


def _box_samples(generator: np.random.Generator, density: float, half: np.ndarray) -> np.ndarray:
    parts = []
    for axis in range(3):
        b, c = (axis + 1) % 3, (axis + 2) % 3
        for side in (-1, 1):
            n = round(density * 4 * half[b] * half[c])
            points = np.empty((n, 3))
            points[:, axis] = side * half[axis]
            points[:, b] = generator.uniform(-half[b], half[b], n)
            points[:, c] = generator.uniform(-half[c], half[c], n)
            parts.append(points)
    return np.concatenate(parts)


def surface_samples(views: list[View], density: float = 8000.0, seed: int = 0) -> np.ndarray:
    """Points of the true surface, even by area, that at least one camera sees.

    Args:
        views: The cameras.
        density: Points per square metre.
        seed: Of the random points.

    Returns:
        ``(N, 3)`` float64.
    """
    generator = np.random.default_rng(seed)
    parts = [_box_samples(generator, density, (ROOM[1] - ROOM[0]) / 2) + ROOM.mean(0)]
    parts += [_box_samples(generator, density, box[3:]) @ axes + box[:3] for box, axes in zip(BOXES, BOX_AXES, strict=True)]
    direction = generator.normal(size=(round(density * 4 * math.pi * SPHERE[3] ** 2), 3))
    parts.append(SPHERE[:3] + SPHERE[3] * direction / np.linalg.norm(direction, axis=1, keepdims=True))
    major, minor = TORUS[3:]
    n = round(density * 4 * math.pi**2 * major * minor)
    a, b = generator.uniform(0, 2 * math.pi, (2, 2 * n))
    keep = generator.uniform(0, 1, 2 * n) < (major + minor * np.cos(b)) / (major + minor)
    a, b = a[keep][:n], b[keep][:n]
    ring = major + minor * np.cos(b)
    parts.append(TORUS[:3] + np.stack([ring * np.cos(a), ring * np.sin(a), minor * np.sin(b)], 1) @ TORUS_AXES)
    points = np.concatenate(parts)
    seen = np.zeros(len(points), bool)
    for view in views:
        height, width = view.depth.shape
        local = (points - view.camera_to_world[:3, 3]) @ view.camera_to_world[:3, :3]
        z = -local[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.floor(view.focal * local[:, 0] / z + width / 2)
            v = np.floor(height / 2 - view.focal * local[:, 1] / z)
        inside = (z > 0.05) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
        index = np.flatnonzero(inside)
        direction = points[index] - view.camera_to_world[:3, 3]
        reach = np.linalg.norm(direction, axis=1)
        seen[index] |= np.abs(_cast_to(view.camera_to_world[:3, 3], direction / reach[:, None]) - reach) < 1e-6
    return points[seen]


def _cast_to(origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    result = np.empty(len(directions))
    _cast_rays(origin, np.ascontiguousarray(directions), result, ROOM, SPHERE, TORUS, TORUS_AXES, BOXES, BOX_AXES)
    return result


@numba.njit(parallel=True, cache=True)
def _cast_rays(o, directions, result, room, sphere, torus, torus_axes, boxes, box_axes):  # type: ignore[no-untyped-def]
    for i in numba.prange(len(directions)):
        result[i] = _hit(o, directions[i], room, sphere, torus, torus_axes, boxes, box_axes)[0]
