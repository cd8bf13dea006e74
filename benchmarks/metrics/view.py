"""Pictures of textured meshes from any camera, for comparing them with the truth: perspective-correct, alpha composited back to front.

The rasteriser knows nothing of how the meshes were made, and samples textures bilinearly, as Blender's viewport does.
"""

from __future__ import annotations

import numba
import numpy as np

from ...backend.core.camera import project
from ...backend.core.color import to_float
from ...backend.core.lens import undistorted
from ...shared.values import Camera, Mesh


@numba.njit(cache=True)
def _raster(points, faces, behind, depth, face, weights):  # type: ignore[no-untyped-def]
    """The nearest surface of each pixel beyond ``behind``; points are (column, row, depth)."""
    height, width = depth.shape
    for n in range(len(faces)):
        a, b, c = points[faces[n, 0]], points[faces[n, 1]], points[faces[n, 2]]
        if min(a[2], b[2], c[2]) < 1e-6:
            continue
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-12:
            continue
        x0, x1 = max(0, int(np.floor(min(a[0], b[0], c[0]) - 0.5))), min(width - 1, int(np.ceil(max(a[0], b[0], c[0]) - 0.5)))
        y0, y1 = max(0, int(np.floor(min(a[1], b[1], c[1]) - 0.5))), min(height - 1, int(np.ceil(max(a[1], b[1], c[1]) - 0.5)))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = x + 0.5, y + 0.5
                u = ((b[0] - px) * (c[1] - py) - (b[1] - py) * (c[0] - px)) / area
                v = ((c[0] - px) * (a[1] - py) - (c[1] - py) * (a[0] - px)) / area
                w = 1 - u - v
                if u < -1e-9 or v < -1e-9 or w < -1e-9:
                    continue
                z = 1 / (u / a[2] + v / b[2] + w / c[2])
                if z < depth[y, x] and z > behind[y, x]:
                    depth[y, x], face[y, x] = z, n
                    weights[y, x, 0], weights[y, x, 1], weights[y, x, 2] = u * z / a[2], v * z / b[2], w * z / c[2]


def picture(mesh: Mesh, camera: Camera, peels: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a camera sees of a textured mesh.

    Args:
        mesh: With UVs and texture.
        camera: Where from; its lens distortion is ignored.
        peels: Most surfaces behind each other that are looked through where the texture has alpha.

    Returns:
        Colour ``(H, W, 3)`` as stored in the texture over black, coverage ``(H, W)`` in 0..1, and the depth of the nearest surface that
        is at all opaque ``(H, W)``, infinite where there is none.
    """
    pixels, z = project(undistorted(camera), mesh.vertices)
    points = np.concatenate([pixels, z[:, None]], 1)
    shape = (camera.height, camera.width)
    color, left = np.zeros((*shape, 3)), np.ones(shape)
    first = np.full(shape, np.inf)
    behind = np.zeros(shape)
    assert mesh.texture is not None
    assert mesh.uvs is not None
    texture = to_float(mesh.texture.pixels)
    for _ in range(peels if texture.shape[2] == 4 else 1):
        depth, face, weights = np.full(shape, np.inf), np.full(shape, -1), np.zeros((*shape, 3))
        _raster(np.nan_to_num(points), mesh.faces, behind, depth, face, weights)
        hit = face >= 0
        if not hit.any():
            break
        uv = (mesh.uvs[np.maximum(face, 0)] * weights[..., None]).sum(-2)
        seen = _bilinear(texture, uv)
        alpha = (seen[..., 3] if seen.shape[-1] == 4 else np.ones(shape)) * hit
        color += (left * alpha)[..., None] * seen[..., :3]
        first = np.where((alpha > 0.01) & (left > 0.99), np.minimum(first, depth), first)
        left = left * (1 - alpha)
        behind = np.where(hit, depth * (1 + 1e-6), np.inf)
    return color, 1 - left, first


def _bilinear(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    height, width = texture.shape[:2]
    x, y = uv[..., 0] * width - 0.5, (1 - uv[..., 1]) * height - 0.5
    x0, y0 = np.clip(np.floor(x).astype(int), 0, width - 2), np.clip(np.floor(y).astype(int), 0, height - 2)
    a, b = np.clip(x - x0, 0, 1)[..., None], np.clip(y - y0, 0, 1)[..., None]
    top = texture[y0, x0] * (1 - a) + texture[y0, x0 + 1] * a
    bottom = texture[y0 + 1, x0] * (1 - a) + texture[y0 + 1, x0 + 1] * a
    result: np.ndarray = top * (1 - b) + bottom * b
    return result
