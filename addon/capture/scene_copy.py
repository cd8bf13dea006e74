"""A temporary copy of the scene to render from, so that the artist's scene keeps every setting.

The copy shares objects, materials and world with the original and owns its render settings, view layers and cameras. What the
objects own and a pass needs is their pass index: it is set for the length of one render and put back whatever happens.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence

import bpy
import mathutils

from ..images.temporary_scene import remove_scene, render_results_removed
from ..scene import evaluated

ORBIT = "Backlot Orbit"
"""What the orbiting camera is called."""
VIEW_LAYER = "ViewLayer"
"""What the copy's view layer is called: layers in a file are told apart by dots, which an artist's name may contain."""


@contextlib.contextmanager
def scene_copy(scene: bpy.types.Scene, view_layer: str) -> Iterator[bpy.types.Scene]:
    """Gives a copy of the scene with one view layer to render; it is gone afterwards, and all that was made with it.

    Args:
        scene: The artist's scene.
        view_layer: Name of the view layer to keep.
    """
    with render_results_removed():
        copy = scene.copy()
        copy.name = "Backlot Capture"
        try:
            for layer in list(copy.view_layers):
                if layer.name != view_layer and len(copy.view_layers) > 1:
                    copy.view_layers.remove(layer)
            copy.view_layers[0].name = VIEW_LAYER
            copy.view_layers[0].use = True
            _plain_output(copy)
            yield copy
        finally:
            for item in [item for item in copy.collection.objects if item.get("backlot_temporary")]:
                data = item.data
                bpy.data.objects.remove(item)
                bpy.data.cameras.remove(data)
            remove_scene(copy)
            _settle(scene, view_layer)


def _settle(scene: bpy.types.Scene, view_layer: str) -> None:
    """Objects are where the artist's scene has them: a copy at another frame leaves its matrices with the objects that both share.

    Transforms are evaluated again, animation is not, so that values without a key stay.
    """
    layer = scene.view_layers.get(view_layer)
    if layer is not None:
        for item in scene.objects:
            item.update_tag(refresh={"OBJECT"})
        layer.update()


def _plain_output(scene: bpy.types.Scene) -> None:
    """Switches off everything between the renderer and the file."""
    render = scene.render
    render.use_compositing = render.use_sequencer = False
    render.use_border = render.use_crop_to_border = False
    render.use_multiview = render.use_stamp = render.use_freestyle = False
    render.use_file_extension = render.use_overwrite = True
    render.use_placeholder = False
    # The renderer would be kept for the next scene of this name: colour asked of EEVEE would then come from Cycles.
    render.use_persistent_data = False


def set_size(scene: bpy.types.Scene, size: tuple[int, int] | None) -> tuple[int, int]:
    """Sets the render's size in pixels (None: the scene's own) and gives it."""
    render = scene.render
    if size is None:
        # Truncated, as Blender does it.
        size = (
            int(render.resolution_x * render.resolution_percentage / 100),
            int(render.resolution_y * render.resolution_percentage / 100),
        )
    render.resolution_x, render.resolution_y = (max(4, side) for side in size)
    render.resolution_percentage = 100
    return render.resolution_x, render.resolution_y


def set_color(scene: bpy.types.Scene, samples: int) -> None:
    """Colour as the artist set it up; ``samples`` (0: the scene's own) for Cycles and EEVEE."""
    if samples and scene.render.engine == "CYCLES":
        scene.cycles.samples = samples
        scene.cycles.use_adaptive_sampling = False
    elif samples and "EEVEE" in scene.render.engine:
        scene.eevee.taa_render_samples = samples


def set_geometry(scene: bpy.types.Scene, position: bool = False) -> None:
    """One sample through each pixel's centre, data passes only; ``position`` for the world position of each as well."""
    scene.render.engine = "CYCLES"
    scene.render.use_motion_blur = False  # it would switch the vector pass off
    scene.render.film_transparent = True  # no world to sample
    cycles = scene.cycles
    cycles.samples = 1
    cycles.use_adaptive_sampling = cycles.use_denoising = False
    cycles.max_bounces = 0
    cycles.time_limit = 0
    cycles.use_preview_denoising = False
    layer = scene.view_layers[0]
    wanted = {"use_pass_z", "use_pass_normal", "use_pass_vector", "use_pass_object_index"}
    wanted |= {"use_pass_position"} if position else set()
    for name in (p.identifier for p in layer.bl_rna.properties if p.identifier.startswith("use_pass_")):
        setattr(layer, name, name in wanted)
    layer.cycles.use_denoising = False
    if hasattr(layer.cycles, "denoising_store_passes"):
        layer.cycles.denoising_store_passes = False
    layer.material_override = None
    for aov in list(layer.aovs):
        layer.aovs.remove(aov)


def isolate(scene: bpy.types.Scene, objects: Sequence[bpy.types.Object], lights: bool) -> None:
    """Leaves only the given objects in the scene copy, and its lights for a colour render. Parents stay, invisible."""
    kept = {item.name_full: item for item in objects}
    if lights:
        kept.update((item.name_full, item) for item in scene.objects if item.type in {"LIGHT", "LIGHT_PROBE"})
    if scene.camera is not None:
        kept[scene.camera.name_full] = scene.camera
    for child in list(scene.collection.children):
        scene.collection.children.unlink(child)
    for item in list(scene.collection.objects):
        if item.name_full not in kept:
            scene.collection.objects.unlink(item)
    present = {item.name_full for item in scene.collection.objects}
    for name, item in kept.items():
        if name not in present:
            scene.collection.objects.link(item)


def sharp_camera(scene: bpy.types.Scene) -> None:
    """Replaces the scene copy's camera by a copy without depth of field; animation, parent and constraints stay."""
    original = scene.camera
    camera = original.copy()
    camera.data = original.data.copy()
    camera["backlot_temporary"] = True
    camera.data.dof.use_dof = False
    scene.collection.objects.link(camera)
    scene.timeline_markers.clear()  # they would switch to the originals
    scene.camera = camera


def posed_camera(scene: bpy.types.Scene, angle: float) -> bpy.types.Object:
    """Adds a perspective camera to the scene copy and makes it the active one. ``angle`` in radians, of the longer side."""
    data = bpy.data.cameras.new(ORBIT)
    camera = bpy.data.objects.new(ORBIT, data)
    camera["backlot_temporary"] = True
    data.sensor_fit = "AUTO"
    data.lens = data.sensor_width / 2 / math.tan(angle / 2)
    scene.collection.objects.link(camera)
    scene.timeline_markers.clear()
    scene.camera = camera
    return camera


def place(camera: bpy.types.Object, pose: mathutils.Matrix, radius: float) -> None:
    """Puts a temporary camera at a pose; clipping follows the subject's radius."""
    camera.matrix_world = pose
    camera.data.clip_start = max(1e-4, radius * 1e-3)
    camera.data.clip_end = max(1000.0, radius * 1e3)


@contextlib.contextmanager
def object_ids(scene: bpy.types.Scene) -> Iterator[dict[str, int]]:
    """Gives every object that is rendered its own pass index while the context lasts: name to number, from 1.

    Objects that are only in collections which others show, or which geometry nodes put in, have one too.
    """
    layer = scene.view_layers[0]
    layer.update()
    involved = [item.original for item in layer.depsgraph.ids if isinstance(item.original, bpy.types.Object)]
    objects = evaluated.with_contents([*scene.objects, *involved])
    before = [(item, item.pass_index) for item in objects]
    try:
        ids = {}
        for number, (item, _) in enumerate(before, start=1):
            item.pass_index = number
            ids[item.name_full] = number
        yield ids
    finally:
        for item, index in before:
            item.pass_index = index
