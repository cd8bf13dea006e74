"""The tangent plane at each pixel of a depth map."""

from .finder import PlaneFinder

__all__ = ["PlaneFinder"]
