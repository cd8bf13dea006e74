"""Multi-scale guided coherent patch synthesis: one engine for textures and for style."""

from .descriptor import PATCH
from .engine import Guide, Settings, synthesize

__all__ = ["PATCH", "Guide", "Settings", "synthesize"]
