"""A stylised shot in an Image Editor, the sequencer, the compositor, or projected onto objects by a material."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from ...shared.errors import InputError
from ..capture import cameras
from ..images.color_space import LINEAR, set_space
from ..images.temporary_scene import set_output, temporary_scene
from ..jobs.inputs import numbered_files
from ..scene import surface
from ..scene.provenance import NOTE
from . import exr
from .facts import note_of
from .names import MOVIE

MOVING = ("SEQUENCE", "MOVIE")
"""Kinds of images that follow the scene's frame."""
FLAT = "sequencer"
"""Folder of single-layer copies for Blender's sequencer before 4.4, which reads no multilayer EXR."""


def result_of(scene: bpy.types.Scene, name: str = "") -> tuple[bpy.types.Image, dict[str, Any]]:
    """The stylised shot that is meant, and what is known of it.

    Raises:
        InputError: None was chosen, or it is no stylised shot.
    """
    image = bpy.data.images.get(name) if name else scene.backlot_style.result
    note = note_of(image)
    if image is None or not note:
        got = repr(name) if name else "none" if image is None else repr(image.name)
        raise InputError(expected="a stylised shot", got=got, fix="Make one with Style Shot, or choose one under Stylised Shot")
    return image, note


def set_frames(user: Any, note: dict[str, Any]) -> None:
    """Lets an editor or a node show frame n of a sequence at the scene's frame n."""
    user.frame_start, user.frame_duration = note["first"], note["last"] - note["first"] + 1
    user.frame_offset = 0 if note.get("operation") == MOVIE else note["first"] - 1  # a movie begins with its own first frame
    user.use_auto_refresh = True
    user.use_cyclic = False


# -- Image Editors ---------------------------------------------------------------------------------------------------


def editors() -> Iterator[bpy.types.SpaceImageEditor]:
    """The Image Editors of all windows."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                yield area.spaces.active


def show(image: bpy.types.Image, space: bpy.types.SpaceImageEditor) -> None:
    """Shows an image in an editor; a sequence follows the scene's frame."""
    space.image = image
    note = note_of(image)
    if note and image.source in MOVING:
        set_frames(space.image_user, note)


def show_where_free(image: bpy.types.Image) -> bool:
    """Shows a result in the first Image Editor that shows nothing or another result; gives whether there is one."""
    for space in editors():
        if space.image is None or (space.image.get(NOTE) and note_of(space.image)):
            show(image, space)
            return True
    return False


def compare(image: bpy.types.Image, note: dict[str, Any], space: bpy.types.SpaceImageEditor) -> str:
    """Switches an editor between the painted frames and the render; gives the name of what it shows now."""
    before = render_of(note)
    shown = before if space.image == image else image
    show(shown, space)
    return str(shown.name)


def render_of(note: dict[str, Any]) -> bpy.types.Image:
    """The rendered frames of a shot.

    Raises:
        InputError: They are gone.
    """
    before = bpy.data.images.get(note.get("before") or "")
    if before is None:
        raise InputError(expected="the rendered frames of this shot", got="they are gone", fix="Captures are kept for 14 days")
    return before


# -- sequencer -------------------------------------------------------------------------------------------------------


def add_strip(scene: bpy.types.Scene, image: bpy.types.Image, note: dict[str, Any]) -> Any:
    """Adds the shot to the scene's sequencer as an image strip, above what is there in those frames.

    Raises:
        InputError: Its files are not there.
    """
    first, last = note["first"], note["last"]
    movie = image.source == "MOVIE"
    found = [path_of(image)] if movie else files_of(image, note)
    if not movie and bpy.app.version < (4, 4) and exr.has_layers(found[0]):
        found = flattened(image, note, found[0].parent / FLAT)
    editor = scene.sequence_editor or scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # before Blender 4.4
    taken = {s.channel for s in strips if s.frame_final_start <= last and s.frame_final_end > first}
    channel = max(taken, default=0) + 1
    if channel > 128:
        raise InputError(expected="a free channel of the sequencer", got="none in these frames", fix="Remove a strip there")
    if movie:
        return strips.new_movie(image.name, str(found[0]), channel, first)
    strip = strips.new_image(image.name, str(found[0]), channel, first)
    for path in found[1:]:
        strip.elements.append(path.name)
    set_space(strip, LINEAR)
    return strip


def files_of(image: bpy.types.Image, note: dict[str, Any]) -> list[Path]:
    """The files of a sequence; a frame that is missing is stood for by the one before it.

    Raises:
        InputError: The first is not there.
    """
    there = numbered_files(path_of(image), note["last"])
    found: list[Path] = []
    for number in range(note["first"], note["last"] + 1):
        found.append(there.get(number) or found[-1])
    return found


def path_of(image: bpy.types.Image) -> Path:
    """Where an image's file is; the first of a sequence."""
    return Path(bpy.path.abspath(image.filepath, library=image.library))


def flattened(image: bpy.types.Image, note: dict[str, Any], folder: Path) -> list[Path]:
    """Single-layer copies of a multilayer sequence, made by the compositor of a scene that is removed afterwards."""
    folder.mkdir(exist_ok=True)
    with temporary_scene("Backlot Copies") as scene:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        node, output = tree.nodes.new("CompositorNodeImage"), tree.nodes.new("CompositorNodeComposite")
        node.image = image
        set_frames(node, note)
        tree.links.new(node.outputs[0], output.inputs["Image"])
        render = scene.render
        render.resolution_x, render.resolution_y = image.size
        render.resolution_percentage, render.dither_intensity = 100, 0.0
        set_output(scene, str(folder / "picture_####"), layers=False)
        scene.frame_start, scene.frame_end = note["first"], note["last"]
        bpy.ops.render.render("EXEC_DEFAULT", animation=True, scene=scene.name)
    return [folder / f"picture_{number:04d}.exr" for number in range(note["first"], note["last"] + 1)]


# -- compositor ------------------------------------------------------------------------------------------------------


def add_node(scene: bpy.types.Scene, image: bpy.types.Image, note: dict[str, Any]) -> bpy.types.Node:
    """Adds the shot to the scene's compositor as an image node with its layers; what is connected there stays as it is."""
    tree = compositor(scene)
    below = min((node.location.y - max(node.height, 120) for node in tree.nodes), default=0.0)
    left = min((node.location.x for node in tree.nodes), default=0.0)
    node = tree.nodes.new("CompositorNodeImage")
    node.image, node.label = image, image.name
    node.location = (left, below - 80)
    if image.source in MOVING:
        set_frames(node, note)
    return node


def compositor(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """The scene's compositor tree; where there is none, one that gives what is rendered."""
    if not hasattr(scene, "compositing_node_group"):  # before Blender 5.0
        scene.use_nodes = True
        return scene.node_tree
    if scene.compositing_node_group is None:
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        layers, output = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("NodeGroupOutput")
        layers.scene, output.location = scene, (400, 0)
        tree.links.new(layers.outputs["Image"], output.inputs["Image"])
        scene.compositing_node_group = tree
    return scene.compositing_node_group


# -- projection ------------------------------------------------------------------------------------------------------


def project(scene: bpy.types.Scene, image: bpy.types.Image, note: dict[str, Any], objects: list[bpy.types.Object]) -> str:
    """Gives objects a material that shows the shot as seen through the scene camera, frame by frame.

    The material sits on the objects, not on their meshes: the meshes keep their own (``release`` brings them back).

    Raises:
        InputError: No mesh among the objects, no perspective camera.
    """
    import numpy as np  # not when registering; shared/values.py imports it too

    from ...shared.values import Camera

    meshes = [item for item in objects if item.type == "MESH" and item.is_editable]
    if not meshes:
        raise InputError(expected="selected meshes to project onto", got="none", fix="Select the objects that shall show the shot")
    camera = scene.camera
    if camera is None:
        raise InputError(expected="the camera that saw the shot", got=f"none in {scene.name!r}", fix="Make it the scene's camera")
    width, height = _size(image)
    evaluated = camera.evaluated_get(bpy.context.evaluated_depsgraph_get())
    lens = cameras.intrinsics(evaluated.data, width, height, (scene.render.pixel_aspect_x, scene.render.pixel_aspect_y))
    pose = np.array(evaluated.matrix_world, np.float64)
    # The material sees points in the camera's own space, scale included, which the renderer leaves out.
    scale = np.linalg.norm(pose[:3, :3], axis=0)
    seen = Camera(width, height, lens["fl_x"] * scale[0] / scale[2], lens["fl_y"] * scale[1] / scale[2], lens["cx"], lens["cy"], pose)
    material = surface.build(f"{image.name} Projected", None, None, (image, camera, seen), captured=True)
    material[NOTE + "_shot"] = image.name
    for node in material.node_tree.nodes:
        if node.type == "TEX_IMAGE" and node.image == image and image.source in MOVING:
            set_frames(node.image_user, note)
    for item in meshes:
        if not item.material_slots:
            item.data.materials.append(None)
        for slot in item.material_slots:
            slot.link = "OBJECT"
            slot.material = material
    data = camera.data.animation_data
    zooms = data is not None and (data.action is not None or len(data.drivers) > 0)
    return f"{material.name!r} on {len(meshes)} objects" + ("; the camera's lens is taken as it is now, not animated" if zooms else "")


def release(objects: list[bpy.types.Object]) -> int:
    """Removes projected shots from objects, which then show the materials of their meshes; gives how many had one."""
    count = 0
    for item in objects:
        slots = [slot for slot in item.material_slots if slot.link == "OBJECT" and slot.material and slot.material.get(NOTE + "_shot")]
        for slot in slots:
            slot.material = None
            slot.link = "DATA"
        count += bool(slots)
    return count


def _size(image: bpy.types.Image) -> tuple[int, int]:
    """Pixels of an image; of a multilayer sequence, which has none until it is shown, from its first file."""
    if image.size[0]:
        return image.size[0], image.size[1]
    return exr.size(path_of(image))
