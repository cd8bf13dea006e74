"""A whole stack out of the maps that a material came with: what is missing is derived, else guessed and said so."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...core.color_spaces import luminance
from ...core.filters import box_mean
from ..maps import directx, height_from_normal
from .measure import RELIEF_HIGH, RELIEF_LOW

GUESSED_ROUGHNESS, GUESSED_METALLIC = 0.6, 0.0
_DEVIATION_FROM_NORMAL, _DEVIATION_FROM_LUMINANCE = 0.15, 0.12
"""Standard deviation of a height whose own scale is not known."""


def complete(maps: Mapping[str, torch.Tensor], tiles: bool) -> tuple[torch.Tensor, list[str], frozenset[str]]:
    """Puts a stack together.

    Args:
        maps: By kind (see ``names.KINDS``), ``(C, S, S)`` float32; ``base_color`` must be there.
        tiles: Whether the maps wrap round.

    Returns:
        The stack ``(6, S, S)`` in 0..1; what was guessed, in words; the attributes that were not guessed, among ``relief``,
        ``roughness`` and ``metallic``.
    """
    color = maps["base_color"]
    notes: list[str] = []
    known = set()
    roughness, metallic = maps.get("roughness"), maps.get("metallic")
    if "packed" in maps:  # occlusion, roughness, metallic, as game engines and glTF have them
        roughness = maps["packed"][1:2] if roughness is None else roughness
        metallic = maps["packed"][2:3] if metallic is None else metallic
    if roughness is None and "gloss" in maps:
        roughness = 1 - maps["gloss"]
    if roughness is None:
        notes.append(f"roughness guessed as {GUESSED_ROUGHNESS}")
        roughness = torch.full_like(color[:1], GUESSED_ROUGHNESS)
    else:
        known.add("roughness")
    if metallic is None:
        notes.append(f"metallic guessed as {GUESSED_METALLIC:g}")
        metallic = torch.full_like(color[:1], GUESSED_METALLIC)
    else:
        known.add("metallic")
    height = _height(maps, color, tiles, notes, known)
    return torch.cat([color, height, roughness, metallic]).clamp(0, 1), notes, frozenset(known)


def _height(maps: Mapping[str, torch.Tensor], color: torch.Tensor, tiles: bool, notes: list[str], known: set[str]) -> torch.Tensor:
    if "height" in maps and float(maps["height"].std()) > 1e-4:
        known.add("relief")
        return _normalised(maps["height"])
    normal = maps.get("normal")
    if normal is None and "normal_dx" in maps:
        normal = directx(maps["normal_dx"])
    if normal is not None:
        height = height_from_normal(normal, tiles)[None]
        if float(height.std()) > 1e-3:
            known.add("relief")
            notes.append("height integrated from the normal map")
            return _with_deviation(height, _DEVIATION_FROM_NORMAL)
    notes.append("height estimated from luminance")
    gray = luminance(color)
    mode = "circular" if tiles else "replicate"
    side = gray.shape[-1] // 8 * 2 + 1
    even = box_mean(gray, side // 2, mode)  # light falling off across a photograph is not height
    return _with_deviation(gray - even, _DEVIATION_FROM_LUMINANCE)


def _normalised(height: torch.Tensor) -> torch.Tensor:
    """Centred at 0.5, its contrast held within what ``relief`` covers: what a studio calls full height differs from file to file."""
    deviation = float(height.std())
    return _with_deviation(height, min(max(deviation, RELIEF_LOW), RELIEF_HIGH))


def _with_deviation(height: torch.Tensor, deviation: float) -> torch.Tensor:
    centred = height - height.mean()
    return (0.5 + centred * (deviation / centred.std().clamp_min(1e-6))).clamp(0, 1)
