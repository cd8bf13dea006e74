"""USD as text, which needs no library: a mesh (z up, which it says), its primvars and a preview surface.

``usdz`` is the same with its texture in an archive. Pixar's UsdPreviewSurface specification; the archive stores files unpacked and aligned
to 64 bytes (usdz specification, 2020).
"""

from __future__ import annotations

import io
import zipfile

import numpy as np

from ....shared.values import Mesh
from .common import picture_bytes, rows
from .far import comment
from .names import words

_ROOT = "reconstruction"
_TAKEN = frozenset({"st", "displaycolor", "displayopacity", "normals", "points", "velocities"})


def write(mesh: Mesh, stem: str) -> bytes:
    """The mesh as ``.usda``; ``stem`` names the texture next to it."""
    return _document(mesh, f"{stem}.png").encode("utf-8")


def archive(mesh: Mesh) -> bytes:
    """The mesh with its texture as ``.usdz``."""
    files = [("mesh.usda", _document(mesh, "texture.png").encode("utf-8"))]
    if mesh.texture is not None and mesh.uvs is not None:
        files.append(("texture.png", picture_bytes(mesh.texture)))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as packed:
        for name, data in files:
            info = zipfile.ZipInfo(name)  # dated 1980: the same mesh is the same bytes
            padding = -(stream.tell() + 30 + len(name) + 4) % 64
            info.extra = b"\x86\x19" + int(padding).to_bytes(2, "little") + b"\0" * padding
            packed.writestr(info, data)
    return stream.getvalue()


def _document(mesh: Mesh, picture: str) -> str:
    low, high = (mesh.vertices.min(0), mesh.vertices.max(0)) if len(mesh.vertices) else (np.zeros(3), np.zeros(3))
    textured = mesh.texture is not None and mesh.uvs is not None
    api = ' (\n        prepend apiSchemas = ["MaterialBindingAPI"]\n    )' if textured else ""
    said = f'doc = "{comment(mesh)}"\n    ' if comment(mesh) else ""
    parts = [
        f'#usda 1.0\n(\n    {said}defaultPrim = "{_ROOT}"\n    metersPerUnit = 1\n    upAxis = "Z"\n)\n\n',
        f'def Xform "{_ROOT}"\n{{\n    def Mesh "mesh"{api}\n    {{\n        uniform token subdivisionScheme = "none"\n',
        _array("float3[] extent", "(%.9g, %.9g, %.9g)", np.stack([low, high])),
        f"        int[] faceVertexCounts = [{', '.join(['3'] * len(mesh.faces))}]\n",
        _array("int[] faceVertexIndices", "%d", mesh.faces.reshape(-1, 1)),
        _array("point3f[] points", "(%.9g, %.9g, %.9g)", mesh.vertices),
    ]
    if mesh.normals is not None:
        each = mesh.normals[mesh.faces.reshape(-1)]  # for corners: Blender 4.2 passes over those of vertices
        parts.append(_array("normal3f[] normals", "(%.7g, %.7g, %.7g)", each, "faceVarying"))
    if mesh.colors is not None:
        parts.append(_array("color3f[] primvars:displayColor", "(%.9g, %.9g, %.9g)", mesh.colors, "vertex"))
    if mesh.uvs is not None:
        parts.append(_array("texCoord2f[] primvars:st", "(%.9g, %.9g)", mesh.uvs.reshape(-1, 2), "faceVarying"))
    for name, values in words(mesh, _TAKEN).items():
        wide = values.reshape(len(values), -1)
        kind, pattern = ("float[]", "%.9g") if wide.shape[1] == 1 else ("float3[]", "(%.9g, %.9g, %.9g)")
        parts.append(_array(f"{kind} primvars:{name}", pattern, wide, "vertex"))
    if textured:
        parts.append(f"        rel material:binding = </{_ROOT}/material>\n")
    parts.append("    }\n")
    if textured:
        opacity = _OPACITY if mesh.texture is not None and mesh.texture.pixels.shape[2] == 4 else ""
        text = _MATERIAL.replace("OPACITY", opacity).replace("ROOT", f"/{_ROOT}/material")
        parts.append(text.replace("PICTURE", picture))
    return "".join(parts) + "}\n"


def _array(what: str, pattern: str, values: np.ndarray, interpolation: str = "") -> str:
    text = rows(pattern + ",", values)[:-2]
    end = f' (\n            interpolation = "{interpolation}"\n        )' if interpolation else ""
    return f"        {what} = [{text}]{end}\n"


_OPACITY = """
            float inputs:opacity.connect = <ROOT/picture.outputs:a>"""
_MATERIAL = """
    def Material "material"
    {
        token outputs:surface.connect = <ROOT/surface.outputs:surface>

        def Shader "surface"
        {
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor.connect = <ROOT/picture.outputs:rgb>
            float inputs:roughness = 1OPACITY
            float inputs:metallic = 0
            token outputs:surface
        }

        def Shader "picture"
        {
            uniform token info:id = "UsdUVTexture"
            asset inputs:file = @@@PICTURE@@@
            token inputs:sourceColorSpace = "sRGB"
            token inputs:wrapS = "clamp"
            token inputs:wrapT = "clamp"
            float2 inputs:st.connect = <ROOT/place.outputs:result>
            float outputs:a
            float3 outputs:rgb
        }

        def Shader "place"
        {
            uniform token info:id = "UsdPrimvarReader_float2"
            string inputs:varname = "st"
            float2 outputs:result
        }
    }
"""
