"""The channels of a scene frame: which file, and which layer of it, holds each of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from ....shared.errors import InputError
from ....shared.values import EncodedFile, Image, SceneFrame
from ..color.encoding import LINEAR
from ..exr_layers_read import Layer, read_layers
from ..image_file import is_exr
from ..reading import decode

LAYERS: dict[str, tuple[str, ...]] = {
    "color": ("Combined", "image", "beauty"),
    "depth": ("Depth", "Z", "V", "Y"),
    "normal": ("Normal",),
    "motion": ("Vector", "motion"),
    "object_id": ("IndexOB", "object_id", "Object Index", "object"),
    "material_id": ("IndexMA", "material_id", "Material Index", "material"),
    "albedo": ("DiffCol", "Diffuse Color", "Denoising Albedo", "albedo"),
    "rest": ("Rest", "rest_position", "rest position"),
    "diffuse_direct": ("DiffDir", "Diffuse Direct"),
    "diffuse_indirect": ("DiffInd", "Diffuse Indirect"),
}
"""Channel to the names that its layer may have in a multilayer file, in any case."""
SWITCHES = {
    "color": "Output Properties > Output, as OpenEXR",
    "depth": "View Layer > Passes > Data > Z",
    "normal": "View Layer > Passes > Data > Normal",
    "motion": "View Layer > Passes > Data > Vector, with motion blur off",
    "object_id": "View Layer > Passes > Data > Object Index",
    "albedo": "View Layer > Passes > Light > Diffuse > Color",
    "diffuse": "View Layer > Passes > Light > Diffuse > Direct and Indirect",
    "position": "an AOV named rest_position of the coordinates at rest",
}
"""Channel, or field of ``Frame``, to where Blender turns it on."""
WORDS = {"color": "colour", "image": "colour", "rest": "rest position", "position": "rest position"}
"""What channels are called in messages, where that is not their name."""
COLORS = ("color", "albedo", "diffuse", "diffuse_direct", "diffuse_indirect")
"""Channels that are colours; all others but the mask are numbers, which no profile and no alpha changes."""
DECLARED = ("color", "depth")
"""Channels that must be in the file that stands for them."""


def displacements(motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The motion vectors of Blender's Vector pass with y pointing down, as displacements to the neighbouring frames.

    Args:
        motion: ``(..., 4)`` pixels, x right and y up: position in the previous frame minus this one, this one minus that in the next.

    Returns:
        To the previous and to the next frame, ``(..., 2)`` each, pixels right and down.
    """
    x, y, z, w = np.moveaxis(motion[..., :4], -1, 0)
    return np.stack([x, -y], -1), np.stack([-z, w], -1)


class FrameFiles:
    """The images of a frame by channel; each file is decoded once, however many channels it holds.

    A frame has a camera, so its pixels are used as they are stored: EXIF orientation is for photographs (``orientation``).

    Args:
        frame: What the client sent.
        where: What to call it in messages.
        search: Whether a channel without a file of its own is looked up among the layers of the other files; colour never is.
    """

    def __init__(self, frame: SceneFrame, where: str, search: bool = True) -> None:
        self._frame, self._where, self._search = frame, where, search
        self._layers: dict[int, dict[str, Layer]] = {}

    def pick(self, channel: str) -> Image | None:
        """The channel's image, or None.

        Raises:
            InputError: A file that cannot be read, a value that is no image, or depth or colour that is not in the file given for it.
        """
        value = self._frame.channels.get(channel)
        if value is None:
            return self._found(channel) if self._search and channel != "color" else None
        if isinstance(value, Image):
            return value.in_memory()
        if not isinstance(value, EncodedFile):
            raise InputError(expected=f"{channel} of {self._where} to be an image", got=type(value).__name__)
        if not is_exr(value):
            return self._decoded(value, channel)
        layers = self._read(value, channel)
        shared = sum(other is value for other in self._frame.channels.values()) > 1
        found = named_layer(layers, channel)
        if found is None and (len(layers) != 1 or shared):
            if channel in DECLARED and not self._search:
                raise self.missing(channel)
            return None
        if found is not None:
            return _image(found, channel)
        return _image(next(iter(layers.values())), channel)

    def missing(self, channel: str) -> InputError:
        """The refusal of a frame without a channel: what there is, and where Blender turns it on."""
        value = self._frame.channels.get(channel)
        name = WORDS.get(channel, channel)
        expected = f"{self._where} to have {name}"
        if isinstance(value, EncodedFile):
            expected = f"a layer {LAYERS.get(channel, (channel,))[0]} ({name}) in {value.name} ({self._where})"
        switch = SWITCHES.get(channel)
        fix = "Export it with the frames" + (f"; in Blender: {switch}" if switch else "")
        return InputError(expected=expected, got=f"layers: {', '.join(self._names()) or 'none'}", fix=fix)

    def _names(self) -> list[str]:
        return sorted({name for file in self._exr() for name in self._read(file, "passes")})

    def _found(self, channel: str) -> Image | None:
        every = (named_layer(self._read(file, channel), channel) for file in self._exr())
        return next((_image(found, channel) for found in every if found is not None), None)

    def _exr(self) -> list[EncodedFile]:
        values = [v for v in self._frame.channels.values() if isinstance(v, EncodedFile) and is_exr(v)]
        return list({id(v): v for v in values}.values())

    def _read(self, file: EncodedFile, channel: str) -> dict[str, Layer]:
        if id(file) not in self._layers:
            try:
                self._layers[id(file)] = read_layers(file)
            except InputError as error:
                raise self._unreadable(channel, error) from error
        return self._layers[id(file)]

    def _decoded(self, file: EncodedFile, channel: str) -> Image:
        try:
            camera = self._frame.camera
            return decode(file, camera=(camera.width, camera.height), use=_use(channel))
        except InputError as error:
            raise self._unreadable(channel, error) from error

    def _unreadable(self, channel: str, error: InputError) -> InputError:
        name = WORDS.get(channel, channel)
        return InputError(error.message, expected=f"{error.expected} ({name} of {self._where})", got=error.got, fix=error.fix)


def _use(channel: str) -> str:
    """What a channel is decoded as, see ``reading.decode``."""
    return "mask" if channel == "mask" else "color" if channel in COLORS else "numbers"


def _image(layer: Layer, channel: str) -> Image:
    use = _use(channel)
    if use == "color" or layer.encoding is None:
        return layer.image()
    # Passes are often stored as R, G, B, A: their fourth number is no alpha, by which the others would be divided.
    return layer.numbers() if use == "numbers" else dataclasses.replace(layer, encoding=LINEAR).image()


_Layer = TypeVar("_Layer")


def named_layer(layers: Mapping[str, _Layer], channel: str) -> _Layer | None:
    """The layer of a multilayer file that holds a channel, by the names in ``LAYERS`` or its own, in any case; or None."""
    by_name = {name.lower(): image for name, image in layers.items()}
    return next((by_name[n.lower()] for n in (*LAYERS.get(channel, ()), channel) if n.lower() in by_name), None)
