"""COLMAP's binary models, which are its default: ``cameras.bin``, ``images.bin`` and ``points3D.bin``, little-endian, not aligned."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from .colmap_records import ColmapCamera, ColmapImage, ColmapModel
from .errors import InputError
from .lens_models import MODELS
from .text_file import decode_text, read_bytes

_FEATURE = np.dtype([("pixel", "<f8", 2), ("point", "<u8")])
_BY_NUMBER = list(MODELS)


def read(files: dict[str, Path]) -> ColmapModel:
    """Reads a model; ``files`` as in ``colmap_model.ModelFiles``.

    Raises:
        InputError: A file that breaks off or is none of COLMAP's.
    """
    ids, points = _points(files["points3d"]) if "points3d" in files else (np.zeros(0, np.uint64), np.zeros((0, 3)))
    return ColmapModel(_cameras(files["cameras"]), _images(files["images"]), ids, points)


def count(path: Path) -> int:
    """How many images an ``images.bin`` lists."""
    return int(_Reader(path).unpack("Q")[0])


class _Reader:
    """The bytes of a file, from front to back."""

    def __init__(self, path: Path) -> None:
        self.name, self._data, self._at = path.name, read_bytes(path, "a readable file"), 0

    def unpack(self, form: str) -> tuple[int | float, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def number(self) -> int:
        """A count of things of at least one byte each."""
        return int(self.unpack("Q")[0])

    def take(self, size: int) -> bytes:
        data = self._data[self._at : self._at + size]
        if len(data) < size:
            fix = "Copy it again; if it is whole, it is no binary file of COLMAP"
            raise InputError(expected=f"{self.name} to be whole", got=f"one that breaks off at {len(self._data)} bytes", fix=fix)
        self._at += size
        return data

    def text(self) -> str:
        end = self._data.find(b"\0", self._at)
        name = decode_text(self.take((end if end >= 0 else len(self._data)) - self._at), self.name)
        self.take(1)
        return name

    def end(self) -> None:
        if self._at != len(self._data):
            got = f"{len(self._data) - self._at} bytes more than its counts say"
            raise InputError(expected=f"{self.name} as COLMAP writes it", got=got, fix="Write the model again with COLMAP")


def _cameras(path: Path) -> dict[int, ColmapCamera]:
    file = _Reader(path)
    cameras: dict[int, ColmapCamera] = {}
    for _ in range(file.number()):
        identity, number, width, height = map(int, file.unpack("IiQQ"))
        where = f"camera {identity} of {file.name}"
        if not 0 <= number < len(_BY_NUMBER):
            fix = "Convert it with: colmap model_converter --output_type TXT"
            raise InputError(expected=f"a camera model from 0 to {len(_BY_NUMBER) - 1} in {where}", got=str(number), fix=fix)
        if identity in cameras:
            raise InputError(expected=f"CAMERA_ID {identity} once in {file.name}", got="it twice")
        model = _BY_NUMBER[number]
        cameras[identity] = ColmapCamera(model, width, height, tuple(map(float, file.unpack(f"{len(MODELS[model])}d"))), where)
    file.end()
    return cameras


def _images(path: Path) -> list[ColmapImage]:
    file = _Reader(path)
    images: list[ColmapImage] = []
    for _ in range(file.number()):
        identity, *values, camera = file.unpack("I7dI")
        name = file.text()
        features = np.frombuffer(file.take(file.number() * _FEATURE.itemsize), _FEATURE)
        pose = np.array(values, np.float64)
        where = f"image {identity} of {file.name}"
        pixels, points = features["pixel"].astype(np.float64), features["point"].astype(np.uint64)
        images.append(ColmapImage(int(identity), pose[:4], pose[4:], int(camera), name, pixels, points, where))
    file.end()
    return images


def _points(path: Path) -> tuple[np.ndarray, np.ndarray]:
    file = _Reader(path)
    ids: list[int] = []
    points: list[tuple[float, ...]] = []
    for _ in range(file.number()):
        identity, *values = file.unpack("Q3d3Bd")
        ids.append(int(identity))
        points.append(tuple(values[:3]))
        file.take(file.number() * 8)  # the track: IMAGE_ID and POINT2D_IDX, which the images say too
    file.end()
    return np.array(ids, np.uint64), np.array(points, np.float64).reshape(-1, 3)
