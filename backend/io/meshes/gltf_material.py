"""What of a glTF document's materials a mesh keeps: one base colour picture and the UVs that look it up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.text_file import printable
from ....shared.values import EncodedFile, Image
from ..reading import decode
from .gltf_file import GltfFile

_SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def base_color(file: GltfFile, primitive: dict[str, Any]) -> dict[str, Any]:
    """The reference to a primitive's base colour texture, ``{}`` if it has none."""
    if "material" not in primitive:
        return {}
    material = file.item("materials", primitive["material"])
    shading = material.get("pbrMetallicRoughness", {})
    older = material.get("extensions", {}).get("KHR_materials_pbrSpecularGlossiness", {})
    found: dict[str, Any] = shading.get("baseColorTexture") or older.get("diffuseTexture") or {}
    factors = shading.get("baseColorFactor") if "baseColorTexture" in shading else older.get("diffuseFactor")
    if found and list(factors or (1, 1, 1))[:3] != [1, 1, 1]:
        note("its base colour factor is not multiplied into its picture", file.name)
    return found


def uv_set(file: GltfFile, given: dict[str, Any], reference: dict[str, Any]) -> np.ndarray | None:
    """The UVs of a primitive's vertices that its texture is looked up with, ``(N, 2)`` float64, v up; None without any."""
    moved = reference.get("extensions", {}).get("KHR_texture_transform", {})
    number = int(moved.get("texCoord", reference.get("texCoord", 0)))
    if sum(key.startswith("TEXCOORD_") for key in given) > 1:
        note("it has several sets of UVs; only that of its base colour is read", file.name)
    if f"TEXCOORD_{number}" not in given:
        return None
    uv = file.array(given[f"TEXCOORD_{number}"]).astype(np.float64)
    if moved:
        note("its UVs are moved as its texture transform says", file.name)
        angle = float(moved.get("rotation", 0))
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        uv = (uv * np.array(moved.get("scale", (1, 1)), np.float64)) @ turn.T + np.array(moved.get("offset", (0, 0)), np.float64)
    return np.stack([uv[:, 0], 1 - uv[:, 1]], 1)


def picture(file: GltfFile, references: list[dict[str, Any]]) -> Image | None:
    """The picture of the first of the textures that primitives use; what cannot be read is noted."""
    sources = [file.item("textures", reference["index"]) for reference in references if reference]
    images = list(dict.fromkeys(found for texture in sources if (found := _source(texture)) is not None))
    if not images:
        if sources:
            note("its base colour picture is of a kind that is not read; it is left out", file.name)
        return None
    if len(images) > 1 or not all(references):
        note("its parts do not share one base colour picture; only the first one is read", file.name)
    about = file.item("images", images[0])
    data = file.view(about["bufferView"]) if "bufferView" in about else file.uri(about.get("uri"))
    if data is None:
        note(f"its picture is in another file ({printable(about.get('uri'), 60)}) and is left out", file.name)
        return None
    suffix = _SUFFIXES.get(about.get("mimeType", ""), "png")
    try:
        return decode(EncodedFile(np.frombuffer(data, np.uint8), f"{file.name}.{suffix}"), use="texture")
    except InputError as error:
        note(f"its picture cannot be read and is left out: {error}", file.name)
        return None


def _source(texture: dict[str, Any]) -> Any:
    webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
    return texture.get("source", webp.get("source"))
