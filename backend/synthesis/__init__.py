"""Multi-scale guided coherent patch synthesis: one engine for textures and for style."""

from .engine import Guide, Settings, synthesize
from .matching import PATCH

__all__ = ["PATCH", "Guide", "Settings", "synthesize"]
