"""The pictures of a frame by channel: which file, and which layer of it, a pass is in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....shared.errors import InputError
from ....shared.values import EncodedFile, Image, SceneFrame
from ..exr_layers import decode_layers
from ..reading import decode

LAYERS: dict[str, tuple[str, ...]] = {
    "color": ("Combined", "image", "beauty"),
    "depth": ("Depth", "Z", "V", "Y"),
    "normal": ("Normal",),
    "motion": ("Vector", "motion"),
    "object_id": ("IndexOB", "object_id", "Object Index"),
    "albedo": ("DiffCol", "Diffuse Color", "Denoising Albedo", "albedo"),
    "rest": ("Rest", "rest_position", "rest position"),
    "diffuse_direct": ("DiffDir", "Diffuse Direct"),
    "diffuse_indirect": ("DiffInd", "Diffuse Indirect"),
}
"""Channel to the names its layer may have in a multilayer file, in any case."""


def displacements(motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What Blender's Vector pass says, in pictures whose rows go down.

    Args:
        motion: ``(..., 4)``, pixels right and up: to where it was in the frame before, and from where it will be in the next.

    Returns:
        From each pixel to its place in the frame before and in the next, ``(..., 2)`` each: right and down, pixels.
    """
    x, y, z, w = np.moveaxis(motion[..., :4], -1, 0)
    return np.stack([x, -y], -1), np.stack([-z, w], -1)


class FrameFiles:
    """Decodes each file of a frame once, however many channels it stands for.

    Args:
        frame: What the client sent.
        where: What to call it in messages.
    """

    def __init__(self, frame: SceneFrame, where: str) -> None:
        self._frame, self._where = frame, where
        self._layers: dict[int, dict[str, Image]] = {}

    def pick(self, channel: str) -> Image | None:
        """The channel's picture, or None. A pass that has no file is looked for beside the others, but colour is not.

        Raises:
            InputError: A file that cannot be read.
        """
        value = self._frame.channels.get(channel)
        if isinstance(value, Image):
            return value
        if value is None:
            if channel == "color":
                return None
            every = (_named(self._read(file, channel), channel) for file in self._exr())
            return next((found for found in every if found is not None), None)
        if not _is_exr(value):
            return self._decoded(value, channel)
        layers = self._read(value, channel)
        shared = sum(other is value for other in self._frame.channels.values()) > 1
        found = _named(layers, channel)
        if found is not None or len(layers) != 1 or shared:
            return found
        only = next(iter(layers.values()))
        # Passes are often stored as R, G, B, A: their fourth number is no alpha, by which the others would have been divided.
        return only if channel == "color" or only.color_space == "data" else self._as_numbers(value, channel)

    def names(self) -> list[str]:
        """The layers there are, for messages."""
        return sorted({name for file in self._exr() for name in self._read(file, "passes")})

    def _exr(self) -> list[EncodedFile]:
        values = [v for v in self._frame.channels.values() if isinstance(v, EncodedFile) and _is_exr(v)]
        return list({id(v): v for v in values}.values())

    def _read(self, file: EncodedFile, channel: str) -> dict[str, Image]:
        if id(file) not in self._layers:
            try:
                self._layers[id(file)] = decode_layers(file)
            except InputError as error:
                raise self._unreadable(channel, error) from error
        return self._layers[id(file)]

    def _as_numbers(self, file: EncodedFile, channel: str) -> Image:
        try:
            return Image(next(iter(decode_layers(EncodedFile(file.data, file.name), associated=True).values())).pixels, "data")
        except InputError as error:
            raise self._unreadable(channel, error) from error

    def _decoded(self, file: EncodedFile, channel: str) -> Image:
        try:
            return decode(file)
        except InputError as error:
            raise self._unreadable(channel, error) from error

    def _unreadable(self, channel: str, error: InputError) -> InputError:
        return InputError(expected=f"readable {channel} for {self._where}", got=str(error).rstrip("."))


def _is_exr(file: EncodedFile) -> bool:
    return Path(file.name).suffix.lower() == ".exr"


def _named(layers: dict[str, Image], channel: str) -> Image | None:
    by_name = {name.lower(): image for name, image in layers.items()}
    return next((by_name[n.lower()] for n in (*LAYERS.get(channel, ()), channel) if n.lower() in by_name), None)
