"""A reconstruction into the scene: the mesh with its material, coarser ones and the proxy hidden, and a note of how it was made."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import bpy
import mathutils
import numpy as np

from ...shared.errors import InputError
from ...shared.frames import read_transforms
from ...shared.origin import ZERO, Origin, moved
from ...shared.values import Camera, Image, Mesh
from ..images import pictures
from ..jobs import records
from ..scene import mesh_object, provenance, surface, transaction
from . import facts
from .camera_object import orientation, solved_camera
from .names import TEXTURE

_EXTRA = {"lod_1": "LOD 1", "lod_2": "LOD 2", "lod_3": "LOD 3", "proxy": "Proxy"}


def apply(scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
    """Puts the outputs of a reconstruction into the scene.

    Args:
        scene: The scene that sent the job.
        operation: Name of the operation.
        label: Names new datablocks.
        outputs: By name; ``mesh`` is required.
        request: What the record of the job holds. ``origin`` says what the mesh belongs to: a clip, a plate, or the object of
            which the mesh was sent.

    Returns:
        What happened, in words.

    Raises:
        InputError: There is no mesh, or the object that it was for is gone.
    """
    value = outputs.get("mesh")
    if not isinstance(value, Mesh):
        raise InputError(expected="a mesh", got=type(value).__name__, fix="Update extension and backend to the same version")
    report = dict(outputs["report"]) if isinstance(outputs.get("report"), dict) else {}
    if isinstance(request.get("camera_error"), float):
        report["camera_error"] = request["camera_error"]
    origin = request.get("origin") or {}
    if operation == TEXTURE:
        item = _textured(scene, value, outputs, origin)
    else:
        item = _placed(scene, value, label, outputs, request, origin)
        note = {"operation": operation, "job": request.get("job", ""), "label": label, "report": _small(report), "origin": origin}
        note["mesh_origin"] = value.origin
        item[provenance.NOTE] = json.dumps({**note, **{key: request.get(key) for key in ("parameters", "seed", "inputs")}})
    messages = ["stopped early, this is the best so far"] if report.get("unfinished") else []
    messages += [f"Object {item.name!r}", facts.sentence(scene, report) or f"{len(value.faces):,} triangles"]
    for name, title in _EXTRA.items():
        if isinstance(outputs.get(name), Mesh) and len(outputs[name].faces):
            extra = _extra(scene, outputs[name], f"{item.name} {title}", item, name == "proxy", value.origin)
            messages.append(f"{title} {len(extra.data.polygons):,} triangles")
    messages.append(mesh_object.hidden_where(scene, item) if operation != TEXTURE else "")
    if origin.get("kind") == "clip" and not origin.get("camera"):
        messages.append("no camera in the scene follows the solve, so the mesh is in the solve's own space")
    return messages + provenance.remarks(report)


def _placed(
    scene: bpy.types.Scene, value: Mesh, label: str, outputs: dict[str, Any], request: dict[str, Any], origin: dict[str, Any]
) -> bpy.types.Object:
    """A new object, aligned with the present pose of the camera that saw it."""
    item = mesh_object.make(scene, value, label)
    item.matrix_world = _moved_since(scene, origin) @ mathutils.Matrix.Translation(value.origin)
    if origin.get("kind") != "plate":
        _give_material(item, value, outputs)
        return item
    plate = _plate(scene, item, request, value.origin)
    cards = (request.get("parameters") or {}).get("mode") == "cards"  # they overlap: only their own textures know the content of each
    bent = plate is not None and plate[2].distortion is not None  # a projection knows no lens
    _give_material(item, value, outputs, None if cards or bent else plate, captured=True)
    return item


def _give_material(item: bpy.types.Object, value: Mesh, outputs: dict[str, Any], plate: Any = None, captured: bool = False) -> None:
    """Gives an object its material. ``captured``: the result of a plate; the alpha of its texture is a matte, and it starts unlit."""
    texture = value.texture or outputs.get("texture")
    picture = _receive(texture, item.name, "Color", captured) if isinstance(texture, Image) and value.uvs is not None else None
    bend = outputs.get("normal_map")
    bump = _receive(bend, item.name, "Normal") if isinstance(bend, Image) and value.uvs is not None else None
    if picture is None and plate is None and value.colors is None:
        return
    matte = captured and isinstance(texture, Image) and texture.pixels.shape[2] == 4
    material = surface.build(item.name, picture, bump, plate, matte, captured)
    confidence = outputs.get("texture_confidence")
    if isinstance(confidence, Image) and value.uvs is not None:
        node = material.node_tree.nodes.new("ShaderNodeTexImage")
        node.image, node.label, node.location = _receive(confidence, item.name, "Confidence"), "Confidence (not connected)", (-300, -620)
    item.data.materials.clear()
    item.data.materials.append(material)


def _receive(value: Image, name: str, title: str, matte: bool = False) -> bpy.types.Image:
    """An image datablock. Alpha of a baked texture masks the observed texels; in a base colour it would blacken the seams."""
    pixels = value.pixels[..., :3] if value.pixels.shape[2] == 4 and not matte else value.pixels
    return pictures.receive(Image(np.ascontiguousarray(pixels), value.color_space), f"{name} {title}")


def _extra(scene: bpy.types.Scene, value: Mesh, name: str, item: bpy.types.Object, proxy: bool, origin: Origin) -> bpy.types.Object:
    """A coarser mesh or the proxy; ``origin`` is that of the fine mesh."""
    extra = mesh_object.make(scene, value, name)
    extra.parent = item  # moves with the fine mesh
    extra.location = np.subtract(value.origin, origin)
    if proxy:
        extra.display_type, extra.hide_render = "WIRE", True
        return extra
    if value.texture is not None:
        _give_material(extra, value, {})
    elif item.data.materials and (value.uvs is not None or item.data.uv_layers.active is None):
        extra.data.materials.append(item.data.materials[0])
    elif value.colors is not None:
        _give_material(extra, value, {})
    mesh_object.hide(scene, extra)
    return extra


def _textured(scene: bpy.types.Scene, value: Mesh, outputs: dict[str, Any], origin: dict[str, Any]) -> bpy.types.Object:
    """Replaces the mesh of the object that was sent by the one that came back: the same surface with UVs and a texture."""
    found, gone = records.resolve([origin["target"]]) if origin.get("target") else ([], ["without a name"])
    if not found or found[0].type != "MESH":
        raise InputError(expected=f"the object {gone[0] if gone else found[0].name}", got="it is gone", fix="Unwrap and bake another one")
    item = found[0]
    before = item.data
    x, y, z = facts.note_of(item).get("mesh_origin") or ZERO
    there = dataclasses.replace(value, vertices=moved(value.vertices, value.origin, (x, y, z)), origin=(x, y, z))
    transaction.set_value(item, "data", mesh_object.data(there, before.name))
    _give_material(item, value, outputs)
    if before.users == 0:
        bpy.data.meshes.remove(before)
    return item


def _moved_since(scene: bpy.types.Scene, origin: dict[str, Any]) -> mathutils.Matrix:
    """The transform of the solved camera since the job was sent: the artist may have set floor and scale."""
    clip, sent = bpy.data.movieclips.get(str(origin.get("clip", ""))), origin.get("world")
    camera = solved_camera(clip, scene) if clip is not None and sent else None
    if camera is None or not origin.get("camera"):
        return mathutils.Matrix.Identity(4)
    moved = orientation(camera) @ mathutils.Matrix(sent).inverted()
    same = np.abs(np.array(moved) - np.eye(4)).max() < 1e-5
    return mathutils.Matrix.Identity(4) if same else moved


def _plate(
    scene: bpy.types.Scene, item: bpy.types.Object, request: dict[str, Any], mesh_origin: Origin
) -> tuple[bpy.types.Image, bpy.types.Object, Camera] | None:
    """Picture, projector and camera of the plate that was sent; the projector is a child of the mesh."""
    origin = request["origin"]
    image = bpy.data.images.get(str(origin.get("image", "")))
    if image is None:
        return None
    camera = read_transforms(origin["folder"])[0].camera
    found = surface.projector(f"{item.name} Projector", camera)
    mesh_object.collection(scene).objects.link(found)
    found.parent = item
    found.matrix_basis = mathutils.Matrix.Translation(-mathutils.Vector(mesh_origin)) @ found.matrix_basis
    mesh_object.hide(scene, found)
    layer = item.data.uv_layers.new(name="Camera", do_init=False)
    layer.uv.foreach_set("vector", _camera_uvs(item.data, camera, mesh_origin).reshape(-1))
    if len(item.data.uv_layers) > 1:
        item.data.uv_layers.active_index = 0
    return image, found, camera


def _camera_uvs(mesh: bpy.types.Mesh, camera: Camera, origin: Origin) -> np.ndarray:
    """UVs of the plate's camera for each corner, for other programs: ``(L, 2)`` float32."""
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    view = np.linalg.inv(camera.camera_to_world)
    at = (points.reshape(-1, 3).astype(np.float64) + origin) @ view[:3, :3].T + view[:3, 3]
    ahead = np.maximum(-at[:, 2], 1e-9)
    u = (camera.cx + camera.fl_x * at[:, 0] / ahead) / camera.width
    v = 1.0 - (camera.cy - camera.fl_y * at[:, 1] / ahead) / camera.height
    return np.stack([u, v], 1).astype(np.float32)[corners]


def _small(report: dict[str, Any]) -> dict[str, Any]:
    kept = (
        "faces",
        "vertices",
        "frames",
        "frames_skipped",
        "camera_error",
        "voxel",
        "error",
        "coverage",
        "reprojection",
        "confirmed",
        "invented",
        "notes",
        "warnings",
        "bounds",
        "components",
    )
    return {key: report[key] for key in kept if key in report}
