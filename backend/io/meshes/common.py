"""What the formats of meshes share."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....shared.errors import InputError
from ....shared.values import Image, Mesh
from ...core.color import to_float, to_srgb
from ..writing import encode


def check(mesh: Mesh, *, finite: bool = True) -> None:
    """Raises ``InputError`` for arrays that make no mesh; ``finite`` says whether NaN and infinity are refused too."""
    total = len(mesh.vertices)
    for name in ("vertices", "normals", "colors"):
        values = getattr(mesh, name)
        if values is not None and values.shape != (total, 3):
            raise InputError(expected=f"{name} of shape ({total}, 3)", got=str(values.shape))
        if finite and values is not None and not np.isfinite(values).all():
            raise InputError(expected=f"finite {name}", got="NaN or infinity")
    if mesh.faces.ndim != 2 or mesh.faces.shape[1] != 3:
        raise InputError(expected="faces of shape (M, 3)", got=str(mesh.faces.shape))
    if mesh.faces.size and not 0 <= mesh.faces.min() <= mesh.faces.max() < total:
        raise InputError(expected=f"faces that name vertices 0 to {total - 1}", got=f"{mesh.faces.min()} to {mesh.faces.max()}")
    if mesh.uvs is not None and (mesh.uvs.shape != (len(mesh.faces), 3, 2) or (finite and not np.isfinite(mesh.uvs).all())):
        raise InputError(expected=f"finite UVs of shape ({len(mesh.faces)}, 3, 2)", got=str(mesh.uvs.shape))
    for name, values in mesh.attributes.items():
        if values.shape not in ((total,), (total, 3)):
            raise InputError(expected=f"the attribute {name} of shape ({total},) or ({total}, 3)", got=str(values.shape))


def color_bytes(colors: np.ndarray) -> np.ndarray:
    """Scene-linear colours as 8-bit sRGB."""
    return np.rint(to_srgb(np.clip(colors, 0, 1).astype(np.float32)) * 255).astype(np.uint8)


def picture_bytes(image: Image) -> bytes:
    """A texture as an 8-bit sRGB PNG, which every program reads; alpha is kept, light beyond white is clipped."""
    pixels = image.pixels
    if pixels.dtype != np.uint8 or image.color_space == "linear":
        values = to_float(pixels)
        color = color_bytes(values[..., :3]) if image.color_space == "linear" else np.rint(np.clip(values[..., :3], 0, 1) * 255)
        alpha = np.rint(np.clip(values[..., 3:], 0, 1) * 255)
        pixels = np.ascontiguousarray(np.concatenate([color, alpha], 2).astype(np.uint8))
    return encode(Image(pixels, "srgb"), "png")


def rows(pattern: str, values: np.ndarray, chunk: int = 1 << 16) -> str:
    """One line for each row; formatting many rows at once is several times faster than row by row."""
    texts = []
    for start in range(0, len(values), chunk):
        some = values[start : start + chunk]
        texts.append((pattern + "\n") * len(some) % tuple(some.ravel().tolist()))
    return "".join(texts)


def split(mesh: Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One vertex for each position and UV, as glTF wants it.

    Returns:
        Which vertex of the mesh each new one is, ``(K,)``; the new corners of the faces, ``(M, 3)`` int32; their UVs, ``(K, 2)``.
    """
    assert mesh.uvs is not None
    flat = np.ascontiguousarray(mesh.uvs.reshape(-1, 2), np.float32) + np.float32(0)  # which turns -0 into 0
    table = np.empty(len(flat), [("vertex", "<i4"), ("u", "<f4"), ("v", "<f4")])
    table["vertex"], table["u"], table["v"] = mesh.faces.ravel(), flat[:, 0], flat[:, 1]
    keys = table.view("V12").ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return table["vertex"][first], inverse.reshape(-1, 3).astype(np.int32), flat[first]


def welded(mesh: Mesh) -> Mesh:
    """One vertex for each position again: formats split them where UVs differ, which would tear the surface into its charts."""
    fields = [mesh.vertices] + [v.reshape(len(v), -1) for v in mesh.attributes.values()]
    fields += [v for v in (mesh.normals, mesh.colors) if v is not None]
    table = np.ascontiguousarray(np.hstack(fields), np.float64) + 0.0  # which turns -0 into 0
    keys = table.view(f"V{table.shape[1] * 8}").ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")  # vertices keep their order
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    first = first[order]

    def pick(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[first]

    attributes = {n: v[first] for n, v in mesh.attributes.items()}
    faces = rank[inverse.ravel()][mesh.faces]
    return dataclasses.replace(mesh, vertices=mesh.vertices[first], faces=faces, normals=pick(mesh.normals), colors=pick(mesh.colors),
                               attributes=attributes)  # fmt: skip


def count(which: np.ndarray) -> str:
    """How many of ``(N,)`` bool are set, as in a sentence: ``1,234 of 20,000``."""
    return f"{int(which.sum()):,} of {which.size:,}"


def broken(name: str, why: str) -> InputError:
    """The refusal of a file that cannot be read."""
    return InputError(expected=f"{name} to be a mesh that can be read", got=why, fix="Export it again as .glb, .ply or .obj")
