"""The maps of a material as images of the file: packed as PNG, in the right colour space, 16 bit where it matters."""

from __future__ import annotations

import json
from typing import Any

import bpy
import numpy as np

from ...shared.values import Image
from ..images import color_space, pictures, png
from ..scene import provenance
from . import lighting
from .pictures import SIDE, shrink

ROLES = ("base_color", "roughness", "metallic", "normal", "height", "ambient_occlusion")
"""The maps that a material can have, in the node tree's order."""
_ALIASES = {"occlusion": "ambient_occlusion"}
DATA_SPACES = ("Non-Color", "Raw", "Utility - Raw", "raw", "Utility Raw")
COLOR_SPACES = ("sRGB", "sRGB - Texture", "Utility - sRGB - Texture", "srgb_texture", "sRGB Encoded Rec.709 (sRGB)")
"""Blender's own names first, then those of ACES configurations that studios use."""


def roles(outputs: dict[str, Any]) -> dict[str, Image]:
    """The maps among a job's outputs, by role."""
    named = {_ALIASES.get(name, name): value for name, value in outputs.items() if isinstance(value, Image)}
    return {role: named[role] for role in ROLES if role in named}


def constant(value: Image) -> float | None:
    """The value of a map that is constant (to 1/255), else None."""
    first = value.pixels[..., :1]
    scale = 1.0 if first.dtype.kind == "f" else float(np.iinfo(first.dtype).max)
    low, high = float(first.min()) / scale, float(first.max()) / scale
    return (low + high) / 2 if high - low <= 1 / 255 else None


def receive(value: Image, role: str, name: str, note: dict[str, Any]) -> bpy.types.Image:
    """Makes an image datablock of a map.

    Args:
        value: The map. Whole numbers keep their depth; data in floats is kept in 16 bits; linear colour stays float.
        role: One of ``ROLES``.
        name: Name of the datablock.
        note: Stored with the image: what made it.
    """
    if value.pixels.dtype.kind == "f" and value.color_space == "linear":
        image = pictures.receive(value, name)
    else:
        pixels = value.pixels
        if pixels.dtype.kind == "f":
            pixels = np.rint(pixels.astype(np.float32).clip(0, 1) * 65535).astype(np.uint16)
        elif pixels.dtype.itemsize > 2:
            pixels = (pixels >> 16).astype(np.uint16)
        image = _packed(png.encode(pixels), name, pixels.shape)
        set_space(image, data=role != "base_color")
    image[provenance.NOTE] = json.dumps({**note, "output": role})
    return image


def _packed(data: bytes, name: str, shape: tuple[int, ...]) -> bpy.types.Image:
    """An image packed as an encoded file, which keeps its 16 bits."""
    image = bpy.data.images.new(name, shape[1], shape[0])
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image.filepath_raw = f"//{bpy.path.clean_name(name)}.png"  # the name it gets when the artist unpacks it
    return image


def set_space(image: bpy.types.Image, data: bool) -> None:
    """Sets the colour space, by name or, in a configuration that has none of the names, by what Blender gives a new image."""
    if color_space.set_space(image, DATA_SPACES if data else COLOR_SPACES):
        return
    pattern = bpy.data.images.new("Backlot Colour Space", 1, 1, is_data=data)
    try:
        image.colorspace_settings.name = pattern.colorspace_settings.name
    finally:
        bpy.data.images.remove(pattern)


def of_material(material: bpy.types.Material) -> dict[str, bpy.types.Image]:
    """The images of a material that this add-on made, by role."""
    found: dict[str, bpy.types.Image] = {}
    for node in material.node_tree.nodes if material.node_tree else ():
        if node.type != "TEX_IMAGE" or node.image is None:
            continue
        role = provenance.read(node.image).get("output")
        if isinstance(role, str):
            found[_ALIASES.get(role, role)] = node.image
    return found


def read(image: bpy.types.Image, side: int) -> np.ndarray:
    """Pixels of an image, made smaller.

    Returns:
        ``(h, w, 4)`` float32 as Blender holds them (byte images: display-encoded), row 0 at the top, no side above ``side``.
    """
    width, height = image.size
    flat = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    pixels = shrink(flat.reshape(height, width, image.channels)[::-1], side)
    rgba = np.ones((*pixels.shape[:2], 4), np.float32)
    rgba[..., : image.channels] = pixels if image.channels != 1 else pixels[..., :1]
    return rgba


def small_stack(values: dict[str, Image], directx: bool = False, constants: dict[str, float] | None = None) -> lighting.Stack:
    """Maps as they came, made small enough for a thumbnail; missing ones get a constant."""
    floats = {role: _floats(value) for role, value in values.items()}
    linear = values["base_color"].color_space == "linear" if "base_color" in values else False
    return stack({role: shrink(pixels, SIDE) for role, pixels in floats.items()}, linear, directx, constants)


def _floats(value: Image) -> np.ndarray:
    pixels = value.pixels
    return pixels.astype(np.float32) / (1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max)


def stack(found: dict[str, np.ndarray], linear: bool, directx: bool = False, constants: dict[str, float] | None = None) -> lighting.Stack:
    """A stack for ``lighting``, of the size of the base colour.

    Args:
        found: ``(H, W, C)`` float32 by role; maps of another size than the base colour are left out.
        linear: Whether the base colour is scene-linear; else it is display-encoded.
        directx: Whether green is down in the normal map.
        constants: Values of maps that are not pictures.
    """
    base = found.get("base_color", np.full((SIDE, SIDE, 3), 0.5, np.float32))[..., :3]
    if base.shape[2] == 1:
        base = np.repeat(base, 3, axis=2)
    if not linear:
        base = np.where(base <= 0.04045, base / 12.92, ((np.maximum(base, 0.04045) + 0.055) / 1.055) ** 2.4)
    size = base.shape[:2]
    plain = {"roughness": 0.5, "metallic": 0.0, "ambient_occlusion": 1.0, **(constants or {})}

    def scalar(role: str) -> np.ndarray:
        pixels = found.get(role)
        return pixels[..., 0] if pixels is not None and pixels.shape[:2] == size else np.full(size, plain[role], np.float32)

    normal = np.zeros((*size, 3), np.float32)
    normal[..., 2] = 1
    given = found.get("normal")
    if given is not None and given.shape[:2] == size and given.shape[2] >= 3:
        normal = given[..., :3] * 2 - 1
        if directx:
            normal[..., 1] *= -1
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    base, normal = base.astype(np.float32), normal.astype(np.float32)
    return lighting.Stack(base, normal, scalar("roughness"), scalar("metallic"), scalar("ambient_occlusion"))
