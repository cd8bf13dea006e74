"""Blender images to and from what operations take and give."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from ...shared.errors import InputError
from ...shared.values import EncodedFile, Image
from ..settings import working_folder
from .color_space import LINEAR, NAMED, set_space
from .temporary_scene import set_output, temporary_scene

_SUFFIX = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "OPEN_EXR": ".exr",
    "TIFF": ".tif",
    "HDR": ".hdr",
    "TARGA": ".tga",
    "BMP": ".bmp",
    "WEBP": ".webp",
}
_FLOATS = ("OPEN_EXR", "OPEN_EXR_MULTILAYER", "HDR")


def find(text: str, what: str) -> bpy.types.Image | EncodedFile:
    """An image of this file by name, or a file by path.

    Raises:
        InputError: Neither is there.
    """
    if not text:
        raise InputError(expected=f"an image: {what}", got="none", fix="Choose one in the panel")
    image = bpy.data.images.get(text)
    if image is not None:
        return image
    path = Path(bpy.path.abspath(text))
    if not path.is_file():
        raise InputError(expected=f"an image of this file or the path of one: {what}", got=text, fix="Open the image first")
    return EncodedFile.read(path)


def send(image: bpy.types.Image) -> Image | EncodedFile:
    """What is sent of an image: its file's bytes where they are what Blender shows, else its pixels.

    With a file goes the colour space that the image has in Blender, but for the usual sRGB, where the file's own words count.

    Raises:
        InputError: It has no pixels, or is of a kind that has several pictures.
    """
    if image.type == "RENDER_RESULT":
        return _render_result(image)
    if image.source == "TILED":
        raise InputError(expected="a single image", got=f"the UDIM tiles of {image.name!r}", fix="Choose an image without tiles")
    space = image.colorspace_settings.name
    meaning = "data" if image.colorspace_settings.is_data else "linear" if space in LINEAR else ""
    chosen = space == "sRGB" and image.file_format in _FLOATS  # by the artist: Blender takes such files for linear
    said = meaning or (space if space in NAMED else "srgb" if chosen else "")
    if image.source == "FILE" and not image.is_dirty:
        if image.packed_file is not None:
            data = np.frombuffer(image.packed_file.data, np.uint8).copy()
            suffix = Path(image.filepath).suffix or _SUFFIX.get(image.file_format, "")
            return EncodedFile(data, Path(image.name).stem + suffix, said)
        path = Path(bpy.path.abspath(image.filepath, library=image.library))
        if not path.is_file():
            raise InputError(
                expected=f"the file of the image {image.name!r}",
                got=f"nothing at {path}",
                fix="Use File > External Data > Find Missing Files",
            )
        return EncodedFile.read(path, said)
    return _pixels(image, meaning)


def _pixels(image: bpy.types.Image, meaning: str) -> Image:
    width, height = image.size
    channels = image.channels
    count = width * height * channels
    if not count or len(image.pixels) != count:
        raise InputError(expected=f"pixels in the image {image.name!r}", got="none", fix="Reload it, or choose another")
    flat = np.empty(count, np.float32)
    image.pixels.foreach_get(flat)
    pixels = flat.reshape(height, width, channels)[::-1]
    if not image.is_float:
        return Image(np.ascontiguousarray(np.rint(pixels * 255).clip(0, 255).astype(np.uint8)), meaning or "srgb")
    pixels = pixels.copy()
    if channels == 4 and meaning != "data":  # Blender's float buffers hold colour multiplied by alpha
        alpha = pixels[..., 3:]
        np.divide(pixels[..., :3], alpha, out=pixels[..., :3], where=alpha > 0)
    return Image(np.ascontiguousarray(pixels), meaning or "linear")


def _render_result(image: bpy.types.Image) -> EncodedFile:
    """The render result, saved through a scene of its own: the artist's output settings stay as they are."""
    path = working_folder("captures") / "render_result.exr"
    path.unlink(missing_ok=True)
    try:
        with temporary_scene("Backlot Output") as scene:
            set_output(scene, str(path), layers=False)
            image.save_render(str(path), scene=scene)
        return EncodedFile.read(path, "linear")
    except (RuntimeError, InputError) as error:
        raise InputError(
            expected="a render result", got="none", fix="Render with F12, or let the operation render from the camera"
        ) from error
    finally:
        path.unlink(missing_ok=True)


def write(image: bpy.types.Image, folder: Path, stem: str) -> Path:
    """Writes what is sent of an image as a file: its own file's bytes, else PNG of 8 bits or OpenEXR of floats.

    Raises:
        InputError: As ``send``.
    """
    value = send(image)
    if isinstance(value, EncodedFile):
        path = folder / (stem + (Path(value.name).suffix.lower() or ".png"))
        value.data.tofile(path)
        return path
    if value.color_space == "data":  # numbers, which no alpha may multiply or divide
        value = Image(np.ascontiguousarray(value.pixels[..., :3]), "data")
    path = folder / f"{stem}{'.exr' if value.pixels.dtype.kind == 'f' else '.png'}"
    copy = receive(value, stem)
    try:
        copy.filepath_raw, copy.file_format = str(path), "OPEN_EXR" if path.suffix == ".exr" else "PNG"
        copy.save()
    finally:
        bpy.data.images.remove(copy)
    return path


def receive(value: Image, name: str) -> bpy.types.Image:
    """Makes an image datablock, packed into the file.

    Args:
        value: 8-bit and 16-bit pixels of display colour stay 8-bit; everything else becomes float.
        name: Name of the datablock.
    """
    pixels = value.pixels
    height, width, channels = pixels.shape
    is_float = pixels.dtype.kind == "f" or pixels.dtype.itemsize > 1
    image = bpy.data.images.new(name, width, height, alpha=channels in (2, 4), float_buffer=is_float, is_data=value.color_space == "data")
    if value.color_space != "data":
        set_space(image, "sRGB" if value.color_space == "srgb" and not is_float else LINEAR)
    rgba = np.ones((height, width, 4), np.float32)
    scaled = pixels.astype(np.float32) if pixels.dtype.kind == "f" else pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
    rgba[..., :3] = scaled[..., :3] if channels >= 3 else scaled[..., :1]
    if channels in (2, 4):
        rgba[..., 3] = scaled[..., -1]
    if is_float and value.color_space == "srgb":  # float buffers are scene-linear
        low = rgba[..., :3] <= 0.04045  # IEC 61966-2-1
        rgba[..., :3] = np.where(low, rgba[..., :3] / 12.92, ((np.maximum(rgba[..., :3], 0.04045) + 0.055) / 1.055) ** 2.4)
    if is_float and value.color_space != "data":
        light = value.color_space == "linear"  # then colour without alpha is light: glow, fire
        rgba[..., :3] = np.where(light & (rgba[..., 3:] == 0), rgba[..., :3], rgba[..., :3] * rgba[..., 3:])
    image.pixels.foreach_set(np.ascontiguousarray(rgba[::-1]).reshape(-1))
    image.update()
    image.pack()
    return image
