"""Scenes on disk as other programs write them: small pictures and COLMAP models, text and binary."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backlot.shared.lens_models import MODELS

NONE = 2**64 - 1


def png(path: Path, width: int = 32, height: int = 24, value: int = 0) -> Path:
    """A grey picture of one value."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes([value]) * width) * height)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def damaged(whole: bytes, n: int, rng: np.random.Generator) -> bytes:
    """A file in which a few bytes are others; every third, for ``n``, breaks off instead."""
    data = bytearray(whole)
    if n % 3:
        for at in rng.integers(0, len(data), 1 + n % 4):
            data[at] = int(rng.integers(0, 256))
    else:
        del data[int(rng.integers(0, len(data))) :]
    return bytes(data)


@dataclasses.dataclass
class Shot:
    """An image of a model: pose from world to camera as COLMAP has it, and its features as (x, y, point id)."""

    identity: int
    name: str
    camera: int = 1
    rotation: Sequence[float] = (1.0, 0.0, 0.0, 0.0)
    translation: Sequence[float] = (0.0, 0.0, 0.0)
    features: Sequence[tuple[float, float, int]] = ()


@dataclasses.dataclass
class Model:
    """A model; cameras are (id, model, width, height, parameters), points (id, position)."""

    shots: Sequence[Shot]
    cameras: Sequence[tuple[int, str, int, int, Sequence[float]]] = ((1, "PINHOLE", 32, 24, (30.0, 31.0, 16.0, 12.0)),)
    points: Sequence[tuple[int, Sequence[float]]] = ()

    def texts(self) -> dict[str, str]:
        """The text files as COLMAP writes them."""

        def row(*values: object) -> str:
            return " ".join(v if isinstance(v, str) else repr(v) for v in values)

        cameras = [row(i, model, w, h, *map(float, params)) for i, model, w, h, params in self.cameras]
        images = []
        for s in self.shots:
            images.append(row(s.identity, *map(float, s.rotation), *map(float, s.translation), s.camera, s.name))
            images.append(" ".join(row(float(x), float(y), -1 if p == NONE else p) for x, y, p in s.features))
        points = [row(i, *map(float, xyz), 10, 20, 30, 0.5, *self.track(i)) for i, xyz in self.points]
        heads = ("cameras", len(cameras)), ("images", len(self.shots)), ("points", len(points))
        made = [f"# A list\n# Number of {what}: {count}\n" for what, count in heads]
        return dict(
            zip(
                ("cameras.txt", "images.txt", "points3D.txt"),
                (head + "".join(line + "\n" for line in lines) for head, lines in zip(made, (cameras, images, points), strict=True)),
                strict=True,
            )
        )

    def track(self, point: int) -> list[int]:
        """IMAGE_ID and POINT2D_IDX of each observation of a point."""
        return [n for s in self.shots for at, (_, _, p) in enumerate(s.features) if p == point for n in (s.identity, at)]

    def binaries(self) -> dict[str, bytes]:
        """The binary files as COLMAP writes them."""
        cameras = struct.pack("<Q", len(self.cameras))
        for i, model, w, h, params in self.cameras:
            cameras += struct.pack(f"<IiQQ{len(params)}d", i, list(MODELS).index(model), w, h, *params)
        images = struct.pack("<Q", len(self.shots))
        for s in self.shots:
            images += struct.pack("<I7dI", s.identity, *s.rotation, *s.translation, s.camera) + s.name.encode() + b"\0"
            images += struct.pack("<Q", len(s.features)) + b"".join(struct.pack("<ddQ", *feature) for feature in s.features)
        points = struct.pack("<Q", len(self.points))
        for i, xyz in self.points:
            track = self.track(i)
            points += struct.pack("<Q3d3BdQ", i, *xyz, 10, 20, 30, 0.5, len(track) // 2) + struct.pack(f"<{len(track)}I", *track)
        return {"cameras.bin": cameras, "images.bin": images, "points3D.bin": points}

    def write(self, folder: Path, form: str = "txt", pictures: Path | None = None, encoding: str = "utf-8", end: str = "\n") -> Path:
        """Writes the files, and the pictures where a folder for them is given."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (self.binaries() if form == "bin" else self.texts()).items():
            (folder / name).write_bytes(data if isinstance(data, bytes) else data.replace("\n", end).encode(encoding))
        for shot in self.shots if pictures is not None else ():
            png(pictures / shot.name.replace("\\", "/"), value=shot.identity % 256)
        return folder


def quaternion(rng: np.random.Generator) -> np.ndarray:
    """A rotation, (w, x, y, z)."""
    q = rng.normal(size=4)
    return q / np.linalg.norm(q)


def rotated(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A vector turned by a quaternion: v + 2 u x (u x v + w v)."""
    u = q[1:]
    return v + 2 * np.cross(u, np.cross(u, v) + q[0] * v)
