"""Procedural materials: training data for the generator, and ground truth for the estimator of maps.

Every family is a module of ``families`` with ``sample(canvas) -> Attributes`` and ``render(canvas, attributes) -> Material``.
It may name in ``HANDLES`` (a frozenset) those of wear, wetness and growth that it draws itself; the rest is done by ``finish``.
"""

from __future__ import annotations

import importlib
import importlib.util
import zlib
from types import ModuleType

import torch

from ....shared.errors import InputError
from ....shared.material import FAMILIES
from ..attributes import Attributes
from ..stack import Material
from .canvas import Canvas
from .overlays import finish

__all__ = ["Canvas", "available", "finish", "render", "sample_attributes"]


def available() -> tuple[str, ...]:
    """Names of the families that have a generator, in the order of ``FAMILIES``."""
    return tuple(name for name in FAMILIES if importlib.util.find_spec(f"{__name__}.families.{name}") is not None)


def render(family: str, attributes: Attributes, seed: int, size: int = 256) -> Material:
    """Draws one material.

    Args:
        family: Which generator draws it.
        attributes: What it should be like.
        seed: The same seed gives the same material.
        size: Pixels across and down; the tile repeats exactly.

    Returns:
        The stack with, for families with joints, its pattern and cells.
    """
    module = _module(family)
    canvas = _canvas(family, seed, size)
    return finish(canvas, module.render(canvas, attributes), attributes, getattr(module, "HANDLES", frozenset()))


def sample_attributes(family: str, seed: int) -> Attributes:
    """Plausible attributes of a family, at random."""
    sampled: Attributes = _module(family).sample(_canvas(family, seed ^ 0x5EED, 16))
    return sampled


def _module(family: str) -> ModuleType:
    if family not in FAMILIES:
        raise InputError(expected=f"a family of materials: {', '.join(FAMILIES)}", got=repr(family))
    return importlib.import_module(f"{__name__}.families.{family}")


def _canvas(family: str, seed: int, size: int) -> Canvas:
    mixed = zlib.crc32(f"{family} {seed}".encode()) << 20 ^ (seed & 0xFFFFF)
    return Canvas(size, torch.Generator().manual_seed(mixed))
