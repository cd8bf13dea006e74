"""Multi-scale guided coherent patch synthesis: one engine for textures and for style."""

from .atlas import Atlas
from .descriptor import PATCH
from .engine import Fixed, Guide, Settings, synthesize

__all__ = ["PATCH", "Atlas", "Fixed", "Guide", "Settings", "synthesize"]
