"""A lit picture of a stack of maps, as a flat patch or on a ball: for thumbnails and previews, without a renderer.

One directional key light with a GGX highlight (Walter et al. 2007), and a surrounding that is a gradient from floor to sky with a
softbox, sampled once along the reflection and blended to its mean as roughness rises. Good enough to tell wet from dry and
metal from paint at 128 px.
"""

from __future__ import annotations

import dataclasses

import numpy as np


def _vector(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


_VIEWER = _vector(0, 0, 1)
_KEY = _vector(-0.45, 0.55, 0.70) / np.linalg.norm(_vector(-0.45, 0.55, 0.70))
_KEY_STRENGTH = 2.4
_HORIZON, _SKY, _FLOOR = _vector(0.85, 0.88, 0.92), _vector(0.45, 0.60, 0.85), _vector(0.30, 0.27, 0.24)
_SURROUNDINGS_MEAN = _vector(0.50, 0.53, 0.58)
_TILES_AROUND = 2.0
"""Tiles across the visible half of the ball."""


@dataclasses.dataclass(frozen=True)
class Stack:
    """Maps of one material, of one size, float32, row 0 at the top.

    Attributes:
        base: ``(H, W, 3)``, scene-linear.
        normal: ``(H, W, 3)``, unit length, tangent space: x right, y up, z out.
        roughness: ``(H, W)``, 0..1.
        metallic: ``(H, W)``, 0..1.
        occlusion: ``(H, W)``, 0..1, 1 open.
    """

    base: np.ndarray
    normal: np.ndarray
    roughness: np.ndarray
    metallic: np.ndarray
    occlusion: np.ndarray


def patch(stack: Stack) -> np.ndarray:
    """The stack seen from above.

    Returns:
        ``(H, W, 3)`` uint8, sRGB.
    """
    return _encode(_shade(stack.base, stack.normal, stack.roughness, stack.metallic, stack.occlusion))


def ball(stack: Stack, side: int) -> np.ndarray:
    """The stack on a ball, on nothing.

    Args:
        stack: The maps; they are repeated around the ball.
        side: Of the picture in px.

    Returns:
        ``(side, side, 4)`` uint8, sRGB with alpha.
    """
    fine = 2 * side  # two by two samples for each pixel
    axis = (np.arange(fine, dtype=np.float32) + 0.5) / fine * 2 - 1
    x, y = np.meshgrid(axis / 0.94, -axis / 0.94)
    inside = x**2 + y**2 < 1
    z = np.sqrt(np.maximum(1 - x**2 - y**2, 1e-6))
    height, width = stack.base.shape[:2]
    u = np.arctan2(x, z) / np.pi * _TILES_AROUND
    v = np.arcsin(y.clip(-1, 1)) / np.pi * _TILES_AROUND * width / height
    where = (np.floor(-v * height).astype(int) % height, np.floor(u * width).astype(int) % width)
    out = np.stack([x, y, z], -1)
    right = np.stack([z, np.zeros_like(z), -x], -1) / np.maximum(np.hypot(x, z), 1e-6)[..., None]
    up = np.cross(out, right)
    bent = stack.normal[where]
    normal = bent[..., :1] * right + bent[..., 1:2] * up + bent[..., 2:] * out
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lit = _shade(stack.base[where], normal, stack.roughness[where], stack.metallic[where], stack.occlusion[where])
    lit *= inside[..., None]
    lit = lit.reshape(side, 2, side, 2, 3).mean((1, 3))
    alpha = inside.reshape(side, 2, side, 2).mean((1, 3))
    color = _encode(lit / np.maximum(alpha, 1e-6)[..., None])
    return np.concatenate([color, np.rint(alpha * 255).astype(np.uint8)[..., None]], -1)


def _shade(base: np.ndarray, normal: np.ndarray, roughness: np.ndarray, metallic: np.ndarray, occlusion: np.ndarray) -> np.ndarray:
    """Outgoing light towards the viewer at +z; scene-linear, ``(..., 3)``."""
    metallic, occlusion = metallic[..., None], occlusion[..., None]
    alpha = np.maximum(roughness, 0.04)[..., None] ** 2
    facing = normal[..., 2:].clip(0.05, 1)
    toward = (normal @ _KEY)[..., None].clip(0, 1)
    half = (_KEY + _VIEWER) / np.linalg.norm(_KEY + _VIEWER)
    along = (normal @ half)[..., None].clip(0, 1)
    lobe = alpha**2 / (np.pi * (along**2 * (alpha**2 - 1) + 1) ** 2)
    k = alpha / 2  # Schlick's form of Smith's shadowing
    visible = 1 / (4 * (facing * (1 - k) + k) * (toward * (1 - k) + k))
    tint = 0.04 * (1 - metallic) + base * metallic
    glance = tint + (np.maximum(1 - roughness[..., None], tint) - tint) * (1 - facing) ** 5
    mirrored = 2 * normal[..., 2:] * normal - _VIEWER
    around = _surroundings(mirrored) * (1 - alpha) + _SURROUNDINGS_MEAN * alpha
    diffuse = base * (1 - metallic) * (_KEY_STRENGTH / np.pi * toward + 0.55 * occlusion * (0.75 + 0.25 * normal[..., 1:2]))
    return diffuse + _KEY_STRENGTH * tint * lobe * visible * toward + glance * around * occlusion


def _surroundings(direction: np.ndarray) -> np.ndarray:
    """Radiance from a direction, ``(..., 3)``: dark floor, bright horizon, sky, a softbox above to the left."""
    height = direction[..., 1:2]
    sky = _HORIZON + height * (_SKY - _HORIZON)
    blend = 1 / (1 + np.exp(-height * 12))
    box = 1 / (1 + np.exp(-((direction @ _KEY)[..., None] - 0.80) * 25))
    return _FLOOR * (1 - blend) + sky * blend + 1.6 * box


def _encode(linear: np.ndarray) -> np.ndarray:
    """Scene-linear to sRGB (IEC 61966-2-1) with a soft shoulder above 0.8, so that highlights keep their colour."""
    shoulder = 0.8 + 0.2 * (1 - np.exp(-(linear - 0.8) / 0.2))
    value = np.where(linear > 0.8, shoulder, linear.clip(0))
    encoded = np.where(value <= 0.0031308, value * 12.92, 1.055 * np.maximum(value, 1e-9) ** (1 / 2.4) - 0.055)
    return np.rint(encoded.clip(0, 1) * 255).astype(np.uint8)
