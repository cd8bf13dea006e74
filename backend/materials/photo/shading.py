"""How a flat piece of material looks from straight above: the renderer of the training pictures, of the loss and of the measure.

Microfacet shading as in Principled and glTF materials: GGX distribution, height-correlated Smith visibility in Hammon's approximation,
Schlick's Fresnel term, Lambert's diffuse term. Directions are x right, y up in the picture, z towards the viewer.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from ...core.color import to_linear, to_srgb
from .. import maps
from ..stack import BASE_COLOR, HEIGHT, METALLIC, ROUGHNESS

_LEAST_ALPHA = 0.02
"""Smallest GGX width: a lower one puts the whole highlight between two pixels."""

_DIELECTRIC = 0.04
"""Reflectance of dielectrics at right angles, index of refraction 1.5."""


@dataclasses.dataclass(frozen=True)
class Surface:
    """Maps of a batch of materials, all float.

    Attributes:
        base_color: ``(B, 3, H, W)`` sRGB 0..1.
        height: ``(B, H, W)`` in pixels, any offset.
        roughness: ``(B, H, W)`` 0..1.
        metallic: ``(B, H, W)`` 0..1.
    """

    base_color: Tensor
    height: Tensor
    roughness: Tensor
    metallic: Tensor

    @classmethod
    def from_stack(cls, stack: Tensor, depth_px: float | Tensor) -> Surface:
        """From stacks ``(B, 6, H, W)`` as in ``stack.CHANNELS``; ``depth_px`` a number or ``(B,)``."""
        depth = torch.as_tensor(depth_px, dtype=stack.dtype, device=stack.device).reshape(-1, 1, 1)
        return cls(stack[:, BASE_COLOR], (stack[:, HEIGHT] - 0.5) * depth, stack[:, ROUGHNESS], stack[:, METALLIC])

    def crop(self, border: int) -> Surface:
        """Without a border of that many pixels."""
        inner = (..., slice(border, -border or None), slice(border, -border or None))
        return Surface(*(getattr(self, f.name)[inner] for f in dataclasses.fields(self)))


@dataclasses.dataclass(frozen=True)
class Sky:
    """Light from everywhere, brighter on one side.

    Attributes:
        color: ``(B, 3)`` linear irradiance on a level surface, where a white one would look as bright as the number.
        lean: ``(B, 3)`` direction of the brighter side times the contrast, 0..1.
    """

    color: Tensor
    lean: Tensor


def encode_srgb(linear: Tensor) -> Tensor:
    """Linear light to display-encoded, cut off at 0 and 1, any shape; its gradient is finite everywhere."""
    return to_srgb(linear.clamp(0, 1))


def render_lit(
    surface: Surface, direction: Tensor, sun: Tensor, sky: Sky | None = None, *, tile: bool = True, shadows: bool = False
) -> Tensor:
    """Renders from straight above under one distant light and a sky.

    Args:
        surface: The material.
        direction: ``(B, 3)`` towards the light, unit length.
        sun: ``(B, 3)`` linear: what a white matt surface facing the light looks like.
        sky: Ambient light; None for darkness.
        tile: Whether the surface wraps round.
        shadows: Whether high points shade what is behind them.

    Returns:
        ``(B, 3, H, W)`` linear light, 0 and more.
    """
    normal, z, diffuse, mirror = _materials(surface, tile)
    alpha = (surface.roughness**2).clamp_min(_LEAST_ALPHA)
    facing = _dot(normal, direction).clamp_min(0)
    light = sun[:, :, None, None] * facing[:, None]
    if shadows:
        light = light * cast_shadows(surface.height, direction, tile)[:, None]
    half = torch.nn.functional.normalize(direction + direction.new_tensor([0.0, 0.0, 1.0]), dim=1)
    fresnel = mirror + (1 - mirror) * (1 - half[:, 2, None, None, None].clamp(0, 1)) ** 5
    square = alpha * alpha
    spread = _dot(normal, half).clamp(0, 1) ** 2 * (square - 1) + 1
    gloss = square / (spread * spread) / (2 * torch.lerp(2 * facing * z, facing + z, alpha)).clamp_min(1e-3)
    seen = light * (diffuse + fresnel * gloss[:, None].clamp_max(60.0))
    return seen if sky is None else seen + sky_light(surface, sky, tile)


def cast_shadows(height: Tensor, direction: Tensor, tile: bool, reach: float = 32.0) -> Tensor:
    """Soft shadows on a height in pixels ``(B, H, W)`` of a light in ``direction`` ``(B, 3)``: 1 lit, 0 in shadow."""
    batch, rows, columns = height.shape
    border = math.ceil(reach)
    padded = maps.extend(height, border, tile)
    lit = torch.ones_like(height)
    for number in range(batch):
        x, y, z = (float(v) for v in direction[number])
        flat = math.hypot(x, y)
        if flat < 1e-3:
            continue
        worst = torch.full_like(height[number], -1e9)
        for distance in maps.distances(reach):
            ox, oy = round(x / flat * distance), round(-y / flat * distance)
            length = math.hypot(ox, oy)
            there = padded[number, border + oy : border + oy + rows, border + ox : border + ox + columns]
            worst = torch.maximum(worst, (there - height[number]) / length - z / flat)
        lit[number] = torch.sigmoid(-12 * worst)  # a penumbra of about ten degrees
    return lit


def nine_lights() -> Tensor:
    """``(9, 3)``: one from straight above and eight all round, alternately 35 and 60 degrees from the zenith."""
    lights = [(0.0, 0.0, 1.0)]
    for number in range(8):
        tilt, azimuth = math.radians(35 if number % 2 else 60), math.tau * number / 8
        lights.append((math.sin(tilt) * math.cos(azimuth), math.sin(tilt) * math.sin(azimuth), math.cos(tilt)))
    return torch.tensor(lights)


def rerender_error(estimate: Surface, truth: Surface, tile: bool = True) -> Tensor:
    """Root mean square difference of display-encoded renders under nine lights and a weak even sky, ``(B,)``, 0..1."""
    batch = len(truth.height)
    sun, sky = _standard(batch)
    ambient = [sky_light(s, sky, tile) for s in (estimate, truth)]
    total = torch.zeros(batch)
    for direction in nine_lights():
        towards = direction.expand(batch, 3)
        ours, wanted = (encode_srgb(render_lit(s, towards, sun, tile=tile) + a) for s, a in zip((estimate, truth), ambient, strict=True))
        total += (ours - wanted).square().mean((1, 2, 3))
    return torch.sqrt(total / 9)


def render_standard(surface: Surface, direction: Tensor, tile: bool = True) -> Tensor:
    """A white sun in ``direction`` ``(3,)`` and a weak even sky, display-encoded ``(B, 3, H, W)``."""
    batch = len(surface.height)
    sun, sky = _standard(batch)
    return encode_srgb(render_lit(surface, direction.expand(batch, 3), sun, sky, tile=tile))


def _standard(batch: int) -> tuple[Tensor, Sky]:
    return torch.full((batch, 3), 0.9), Sky(torch.full((batch, 3), 0.15), torch.zeros(batch, 3))


def sky_light(surface: Surface, sky: Sky, tile: bool) -> Tensor:
    """Light of the sky, which grows linearly towards its lean: scattered, and mirrored with Lazarov's fit for the GGX integral.

    Returns:
        ``(B, 3, H, W)`` linear.
    """
    normal, z, diffuse, mirror = _materials(surface, tile)
    seen = maps.ambient_occlusion(surface.height, 1.0, 16.0, tile)
    color = sky.color[:, :, None, None]
    around = (1 + 2 / 3 * _dot(normal, sky.lean)) * seen
    bounce = torch.stack([2 * normal[:, 0] * z, 2 * normal[:, 1] * z, 2 * z * z - 1], 1)
    rough = surface.roughness
    there = (1 + (1 - rough / 2) * _dot(bounce, sky.lean)).clamp_min(0) * seen
    edge = torch.minimum((1 - rough) ** 2, torch.exp2(-9.28 * z)) * (1 - rough) + 0.0425 - 0.0275 * rough
    scale, offset = 1.04 - 0.572 * rough - 1.04 * edge, 1.04 * edge + 0.022 * rough - 0.04
    return color * (diffuse * around[:, None] + (mirror * scale[:, None] + offset[:, None]) * there[:, None])


def _materials(surface: Surface, tile: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Normal ``(B, 3, H, W)``, its z, and linear colours of what is scattered and of what is mirrored straight on."""
    dx, dy = maps.slopes(surface.height, tile)
    z = torch.rsqrt(dx * dx + dy * dy + 1)
    base = to_linear(surface.base_color)
    metallic = surface.metallic[:, None]
    return torch.stack([-dx * z, dy * z, z], 1), z, base * (1 - metallic), _DIELECTRIC + (base - _DIELECTRIC) * metallic


def _dot(field: Tensor, direction: Tensor) -> Tensor:
    """``(B, 3, H, W)`` times ``(B, 3)``: ``(B, H, W)``."""
    return (field * direction[:, :, None, None]).sum(1)
