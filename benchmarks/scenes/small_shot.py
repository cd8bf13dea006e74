"""A small shot with exact passes and three looks, ray-cast in numpy: fixture of the tests of ``style.keyframes``.

A ground plane, a turning box, a ball that rolls past, and an egg that turns and swells, so that there is rigid motion, deformation,
parallax, disocclusion and light that moves over the surfaces. Lengths are metres, z is up. Each look is a painted truth of every
frame: ``toon`` depends on light and outlines only, ``hatch`` and ``dabs`` also on a pattern that is fixed to each surface.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from .room import look_at

LOOKS = ("toon", "hatch", "dabs")
BASE = np.array([[0.55, 0.65, 0.8], [0.5, 0.45, 0.36], [0.75, 0.3, 0.2], [0.2, 0.4, 0.7], [0.85, 0.65, 0.25]])
"""Scene-linear base colours of sky, ground, box, ball, egg."""
FAR = 1e10


@dataclasses.dataclass(frozen=True)
class ShotView:
    """One frame.

    Attributes:
        number: Frame number.
        camera_to_world: ``(4, 4)`` float64, OpenGL convention.
        focal: Pixels.
        color: ``(H, W, 3)`` float32, scene-linear.
        depth: ``(H, W)`` float32, planar z, 1e10 in the sky.
        normal: ``(H, W, 3)`` float32, world space.
        motion: ``(H, W, 4)`` float32, as Blender's Vector pass.
        object_id: ``(H, W)`` int32, 0 = sky.
        looks: Name to ``(H, W, 3)`` float32, scene-linear.
    """

    number: int
    camera_to_world: np.ndarray
    focal: float
    color: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    motion: np.ndarray
    object_id: np.ndarray
    looks: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class _Hits:
    thing: np.ndarray
    depth: np.ndarray
    rest: np.ndarray
    normal: np.ndarray


class SmallShot:
    """The shot.

    Args:
        width: Pixels.
        height: Pixels.
        frames: How many; the motion spans all of them, so that fewer frames mean larger steps.
        samples: Rays for a pixel's colour along each axis.
    """

    def __init__(self, width: int = 192, height: int = 128, frames: int = 24, samples: int = 3) -> None:
        self.width, self.height, self.frames, self.samples = width, height, frames, samples
        self.focal = 1.15 * width

    def pose(self, frame: float) -> np.ndarray:
        """Camera-to-world of a frame, counted from 1."""
        s = (frame - 1) / max(self.frames - 1, 1)
        return look_at(np.array([-0.9 + 1.6 * s, -4.2 + 0.3 * s, 1.5 + 0.25 * s]), np.array([0.1 * s, 0.0, 0.45]))

    def _placements(self, frame: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """Linear map and offset from rest to world of ground, box, ball, egg."""
        s = (frame - 1) / max(self.frames - 1, 1)
        turn, roll = math.radians(10 + 55 * s), 1.3 * s / 0.3
        box = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1.0]])
        ball = np.array([[math.cos(roll), 0, math.sin(roll)], [0, 1.0, 0], [-math.sin(roll), 0, math.cos(roll)]])
        swell = 1 + 0.18 * math.sin(2 * math.pi * s)
        spin = math.radians(-20 + 70 * s)
        egg = np.array([[math.cos(spin), -math.sin(spin), 0], [math.sin(spin), math.cos(spin), 0], [0, 0, 1.0]])
        egg = egg @ np.diag([1 / swell**0.5, 1 / swell**0.5, swell])
        return [
            (np.eye(3), np.zeros(3)), (box, np.array([-0.75, 0.25, 0.42])), (ball, np.array([-0.85 + 1.3 * s, -0.95, 0.3])),
            (egg, np.array([0.75, 0.35, 0.62 * swell])),
        ]  # fmt: skip

    def _cast(self, frame: int, u: np.ndarray, v: np.ndarray) -> _Hits:
        pose = self.pose(frame)
        local = np.stack([(u - self.width / 2) / self.focal, -(v - self.height / 2) / self.focal, -np.ones_like(u)], -1)
        d, o = local @ pose[:3, :3].T, pose[:3, 3]
        depth, thing = np.full(u.shape, FAR), np.zeros(u.shape, np.int32)
        rest, normal = np.zeros((*u.shape, 3)), np.zeros((*u.shape, 3))
        for index, (linear, offset) in enumerate(self._placements(frame)):
            inverse = np.linalg.inv(linear)
            ro, rd = inverse @ (o - offset), d @ inverse.T
            t, n = (_plane, _box, _ball, _egg)[index](ro, rd)
            near = (t > 1e-6) & (t < depth) & (t < 60)
            where = ro + rd * t[..., None]
            world = n @ inverse  # the inverse transpose, for row vectors
            depth, thing = np.where(near, t, depth), np.where(near, index + 1, thing)
            rest = np.where(near[..., None], where, rest)
            normal = np.where(near[..., None], world / np.maximum(np.linalg.norm(world, axis=-1, keepdims=True), 1e-12), normal)
        return _Hits(thing, depth, rest, normal)

    def _seen_at(self, hits: _Hits, frame: float) -> np.ndarray:
        """Pixel at which the surface points are seen in another frame."""
        world = np.zeros_like(hits.rest)
        for index, (linear, offset) in enumerate(self._placements(frame)):
            world = np.where((hits.thing == index + 1)[..., None], hits.rest @ linear.T + offset, world)
        pose = self.pose(frame)
        p = (world - pose[:3, 3]) @ pose[:3, :3]
        z = np.minimum(p[..., 2], -1e-6)
        return np.stack([self.width / 2 + self.focal * p[..., 0] / -z, self.height / 2 - self.focal * p[..., 1] / -z], -1)

    def render(self, number: int) -> ShotView:
        """Frame ``number``, from 1."""
        v, u = np.mgrid[: self.height, : self.width] + 0.5
        hits = self._cast(number, u, v)
        back, ahead = self._seen_at(hits, number - 1), self._seen_at(hits, number + 1)
        motion = np.stack([back[..., 0] - u, v - back[..., 1], u - ahead[..., 0], ahead[..., 1] - v], -1)
        motion[hits.thing == 0] = 0
        sums: dict[str, np.ndarray] = {}
        for i in range(self.samples):
            for j in range(self.samples):
                at = ((i + 0.5) / self.samples - 0.5, (j + 0.5) / self.samples - 0.5)
                fine = self._cast(number, u + at[0], v + at[1])
                for name, picture in self._shade(fine, number).items():
                    sums[name] = sums.get(name, 0) + picture / self.samples**2
        pictures = {name: picture.astype(np.float32) for name, picture in sums.items()}
        return ShotView(
            number, self.pose(number), self.focal, pictures.pop("color"), hits.depth.astype(np.float32), hits.normal.astype(np.float32),
            motion.astype(np.float32), hits.thing, pictures,
        )  # fmt: skip

    def _shade(self, hits: _Hits, number: int) -> dict[str, np.ndarray]:
        s = (number - 1) / max(self.frames - 1, 1)
        sun = np.array([-0.55 + 0.5 * s, -0.6, 0.75])
        sun /= np.linalg.norm(sun)
        light = np.clip(hits.normal @ sun, 0, 1)
        light = np.where(hits.thing == 1, light * (0.8 + 0.2 * np.tanh(np.linalg.norm(hits.rest[..., :2], axis=-1) - 1)), light)
        base = BASE[hits.thing]
        sky = hits.thing == 0
        color = np.where(sky[..., None], base, base * (0.15 + 1.0 * light[..., None]))
        # toon: three steps, with a rim where the surface turns away
        steps = np.where(light > 0.62, 1.0, np.where(light > 0.25, 0.55, 0.22))
        facing = np.abs(hits.normal @ self.pose(number)[:3, 2])
        rim = np.where((facing < 0.22) & (hits.thing > 1), 0.05, 1.0)
        toon = np.where(sky[..., None], np.array([0.75, 0.8, 0.85]), base**0.8 * (steps * rim)[..., None])
        # hatch: ink lines on paper, fixed to the surface, that thicken in the shade; crossed in the dark
        x, y, z = np.moveaxis(hits.rest, -1, 0)
        along, across = x + y + 1.3 * z, x - y + 0.9 * z
        fine = np.where(hits.thing == 1, 2.5, 8.0)
        along, across = along * fine, across * fine
        dark = 1 - light
        first, second = np.abs(along % 1.0 - 0.5) * 2 < 0.15 + 0.5 * dark, (np.abs(across % 1.0 - 0.5) * 2 < 0.35) & (dark > 0.55)
        mist = np.where(hits.thing == 1, np.clip((5 - np.linalg.norm(hits.rest, axis=-1)) / 3, 0, 1), 1.0)[..., None]
        ink = np.where((first | second)[..., None], 0.06 + 0.25 * base, 0.88) * mist + 0.7 * (1 - mist)
        hatch = np.where(sky[..., None], np.array([0.9, 0.88, 0.8]), ink)
        # dabs: flat cells fixed to the surface, each with its own tint, that follow the light in the middle of the cell
        cell = np.floor(hits.rest * np.where(hits.thing == 1, 3.0, 6.5)[..., None] + 0.35 * np.sin(hits.rest[..., [1, 2, 0]] * 14))
        noise = np.sin(cell @ np.array([12.99, 78.23, 37.72]))[..., None] * np.array([437.5, 917.3, 311.7])
        tint = noise - np.floor(noise)
        dabs = base * (0.25 + 0.85 * light[..., None]) * (1 + 0.7 * mist * (tint - 0.5))
        dabs = np.where(sky[..., None], np.array([0.6, 0.68, 0.8]), dabs)
        return {"color": color, "toon": toon, "hatch": hatch, "dabs": dabs}


def _plane(o: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore"):
        t = np.where(d[..., 2] < -1e-9, -o[2] / d[..., 2], FAR)
    return t, np.broadcast_to(np.array([0.0, 0.0, 1.0]), d.shape)


def _box(o: np.ndarray, d: np.ndarray, half: float = 0.42) -> tuple[np.ndarray, np.ndarray]:
    safe = np.where(np.abs(d) < 1e-12, 1e-12, d)
    a, b = (-half - o) / safe, (half - o) / safe
    near, far = np.minimum(a, b), np.maximum(a, b)
    axis, t = near.argmax(-1), near.max(-1)
    hit = (t <= far.min(-1)) & (t > 0)
    normal = -np.sign(d) * (np.arange(3) == axis[..., None])
    return np.where(hit, t, FAR), normal


def _ball(o: np.ndarray, d: np.ndarray, radius: float = 0.3, half: tuple[float, float, float] = (1, 1, 1)) -> tuple[np.ndarray, np.ndarray]:
    scale = np.asarray(half, np.float64) * radius
    so, sd = o / scale, d / scale
    a, b, c = (sd * sd).sum(-1), sd @ so, so @ so - 1
    root = b * b - a * c
    t = (-b - np.sqrt(np.maximum(root, 0))) / a
    t = np.where(root > 0, t, FAR)
    return t, (so + sd * np.minimum(t, 1e6)[..., None]) / scale


def _egg(o: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _ball(o, d, 0.62, (0.72, 0.72, 1.0))
