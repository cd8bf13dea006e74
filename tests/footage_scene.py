"""A textured scene with exact depth for the tests of footage: a floor, a wall behind and a ball, ray-cast in numpy."""

from __future__ import annotations

import numpy as np

from backlot.backend.core.camera import project, unproject
from backlot.backend.core.lens import undistort_pixels
from backlot.shared.values import Camera, Distortion, Image, SceneFrame, Tracks

BALL, RADIUS = np.array([0.1, 0.0, 0.5]), 0.5


def look_at(eye, target=(0.0, 0.3, 0.5)) -> np.ndarray:
    back = np.subtract(eye, target).astype(float)
    back /= np.linalg.norm(back)
    right = np.cross((0.0, 0.0, 1.0), back)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(back, right), back, np.array(eye, float)], 1)
    return pose


def value_noise(points: np.ndarray, seed: int) -> np.ndarray:
    """Smooth noise of 3D points, 0..1, the same for the same place."""
    cell = np.floor(points).astype(np.int64)
    part = points - cell
    part = part * part * (3 - 2 * part)
    total = np.zeros(points.shape[:-1])
    for corner in range(8):
        offset = np.array([corner & 1, corner >> 1 & 1, corner >> 2])
        at = (cell + offset).astype(np.uint64)
        mixed = (at[..., 0] * np.uint64(73856093)) ^ (at[..., 1] * np.uint64(19349663)) ^ (at[..., 2] * np.uint64(83492791 + seed))
        mixed = (mixed ^ (mixed >> np.uint64(13))) * np.uint64(1274126177)
        total += (mixed >> np.uint64(8) & np.uint64(0xFFFF)) / 65535.0 * np.where(offset, part, 1 - part).prod(-1)
    return total


def texture(points: np.ndarray, thing: np.ndarray, plain_wall: bool) -> np.ndarray:
    gray = sum(value_noise(points * scale + 100, n) * weight for n, (scale, weight) in enumerate([(4, 0.4), (9, 0.35), (19, 0.25)]))
    if plain_wall:
        gray = np.where((thing == 1) & (np.abs(points[..., 0]) < 1.0) & (points[..., 2] > 0.9), 0.5, gray)
    gray = np.clip((gray - 0.5) * 2.2 + 0.5, 0.02, 1)
    tint = np.array([[0.7, 0.6, 0.4], [0.5, 0.6, 0.8], [0.9, 0.4, 0.3]])[thing]
    return gray[..., None] * tint


def render(camera: Camera, plain_wall: bool = False, samples: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Linear colour ``(H, W, 3)`` float32 seen through the camera's lens, and depth at the pixels' centres."""
    v, u = np.mgrid[: camera.height, : camera.width]
    color = np.zeros((camera.height, camera.width, 3))
    for i in range(samples):
        for j in range(samples):
            color += _see(camera, u + (i + 0.5) / samples, v + (j + 0.5) / samples, plain_wall)[0]
    return (color / samples**2).astype(np.float32), _see(camera, u + 0.5, v + 0.5, plain_wall)[1]


def _see(camera: Camera, u: np.ndarray, v: np.ndarray, plain_wall: bool) -> tuple[np.ndarray, np.ndarray]:
    straight = undistort_pixels(camera, np.stack([u, v], -1))
    local = np.stack([(straight[..., 0] - camera.cx) / camera.fl_x, -(straight[..., 1] - camera.cy) / camera.fl_y, -np.ones(u.shape)], -1)
    direction = local @ camera.camera_to_world[:3, :3].T
    eye = camera.camera_to_world[:3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        floor, wall = -eye[2] / direction[..., 2], (2.0 - eye[1]) / direction[..., 1]
    floor, wall = np.where(floor > 0, floor, np.inf), np.where(wall > 0, wall, np.inf)
    offset = eye - BALL
    a, b, c = (direction**2).sum(-1), direction @ offset, offset @ offset - RADIUS**2
    root = b * b - a * c
    ball = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
    every = np.stack([floor, wall, ball])
    thing, depth = every.argmin(0), every.min(0)
    return texture(eye + depth[..., None] * direction, thing, plain_wall), depth.astype(np.float32)


def camera_at(eye, width=120, height=84, distortion: Distortion | None = None, target=(0.0, 0.3, 0.5)) -> Camera:
    return Camera(width, height, 0.94 * width, 0.94 * width, width / 2, height / 2, look_at(eye, target), distortion)


def eyes(count: int) -> list[tuple[float, float, float]]:
    return [(-0.5 + i / max(count - 1, 1), -2.6, 0.9 + 0.05 * (i % 3)) for i in range(count)]


def shoot(cameras: list[Camera], plain_wall: bool = False) -> tuple[list[SceneFrame], list[np.ndarray]]:
    """Frames with colour only, and the true depth of each (at the distorted picture's pixels)."""
    frames, depths = [], []
    for number, camera in enumerate(cameras):
        color, depth = render(camera, plain_wall)
        frames.append(SceneFrame(camera, {"color": Image(color, "linear")}, 1.0, number))
        depths.append(depth)
    return frames, depths


def track(frames: list[SceneFrame], depths: list[np.ndarray], count: int = 40, noise: float = 0.2) -> Tracks:
    """Points of the first frame's surfaces, observed in every frame that has them in its picture."""
    generator = np.random.default_rng(3)
    camera = frames[0].camera
    u, v = generator.integers(8, camera.width - 8, count), generator.integers(8, camera.height - 8, count)
    points = unproject(camera, np.stack([u + 0.5, v + 0.5], -1), depths[0][v, u])
    numbers, indices, pixels = [], [], []
    for frame in frames:
        pixels_now, _ = project(frame.camera, points)
        seen = pixels_now + generator.normal(0, noise, (count, 2))
        inside = np.flatnonzero((seen > 0).all(1) & (seen < (camera.width, camera.height)).all(1))
        numbers += [frame.number] * len(inside)
        indices += inside.tolist()
        pixels += seen[inside].tolist()
    return Tracks(points, np.array(numbers, np.int32), np.array(indices, np.int32), np.array(pixels, np.float32))
