"""Meshes from depth maps with known cameras: truncated signed distance fusion and marching cubes."""
