"""Fusion of depth maps with known cameras: truncated signed distances and marching cubes."""
