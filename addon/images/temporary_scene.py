"""A scene that exists only to write pictures, so that the artist's output settings stay as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import bpy


@contextlib.contextmanager
def temporary_scene(name: str) -> Iterator[bpy.types.Scene]:
    """Gives an empty scene. It is removed afterwards, and with it the render results that were made meanwhile."""
    with render_results_removed():
        scene = bpy.data.scenes.new(name)
        try:
            yield scene
        finally:
            remove_scene(scene)


@contextlib.contextmanager
def render_results_removed() -> Iterator[None]:
    """Removes the render results that are made while the context lasts; those of before stay."""
    before = {image.name for image in bpy.data.images if image.type in {"RENDER_RESULT", "COMPOSITING"}}
    try:
        yield
    finally:
        for image in [i for i in bpy.data.images if i.type in {"RENDER_RESULT", "COMPOSITING"} and i.name not in before]:
            bpy.data.images.remove(image)


def remove_scene(scene: bpy.types.Scene) -> None:
    """Removes a scene. Blender 4.3 without a window looks for the active one in ``scenes.remove``, and crashes."""
    if bpy.context.window is None:
        bpy.data.batch_remove([scene])
    else:
        bpy.data.scenes.remove(scene)


def set_output(scene: bpy.types.Scene, path: str, layers: bool) -> None:
    """Lets the scene write 32-bit OpenEXR, one picture or all passes, in scene-linear Rec.709."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5.0: it decides which file formats there are
        settings.media_type = "MULTI_LAYER_IMAGE" if layers else "IMAGE"
    settings.file_format = "OPEN_EXR_MULTILAYER" if layers else "OPEN_EXR"
    settings.color_mode = "RGBA"
    settings.color_depth = "32"
    settings.exr_codec = "ZIP"
    if hasattr(settings, "use_exr_interleave"):  # Blender 5.0: its multi-part files cannot be saved when pixels are not square
        settings.use_exr_interleave = True
    if not layers:
        settings.color_management = "OVERRIDE"
        with contextlib.suppress(TypeError):  # an OCIO configuration of the studio's may not know the name
            settings.linear_colorspace_settings.name = "Linear Rec.709"
    scene.render.filepath = path
