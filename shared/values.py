"""The things that operations take and give: images, files, cameras, scene frames, meshes.

All arrays are numpy, C-contiguous and little-endian. Lengths are in scene units (metres in Blender by default).
Cameras follow the OpenGL convention, which is Blender's own: the camera looks along its -z axis, +y is up.
Pixel (column u, row v) counts from the top left; its centre is at (u + 0.5, v + 0.5), so cx of a centred camera is width / 2.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from .deferred import Deferred, FileOnDisk, MayBeDeferred, as_given
from .errors import InputError
from .origin import ZERO, Origin

COLOR_SPACES = ("srgb", "linear", "data")
"""``srgb``: display-encoded colour in 0..1; ``linear``: scene-linear Rec.709, 0..inf; ``data``: not colour (depth, ids, maps)."""

PIXEL_TYPES = ("uint8", "uint16", "uint32", "float16", "float32")
DEPTH_BACKGROUND = 1e9
"""Depths at or beyond this are background (Blender writes 1e10)."""


@dataclasses.dataclass(frozen=True)
class Image:
    """Pixels and what they mean.

    Attributes:
        pixels: ``(H, W, C)``, row 0 at the top, one of ``PIXEL_TYPES``. Integer types span 0..max for 0..1.
        color_space: One of ``COLOR_SPACES``. With four channels the last is unassociated (straight) alpha.
    """

    pixels: np.ndarray
    color_space: str = "srgb"

    def in_memory(self) -> Image:
        """The same with pixels that are read now and kept: a ``Deferred`` is read anew whenever somebody looks at it."""
        return self if isinstance(as_given(self, "pixels"), np.ndarray) else Image(self.pixels, self.color_space)

    def __post_init__(self) -> None:
        if self.color_space not in COLOR_SPACES:
            raise InputError(expected=f"a colour space out of {', '.join(COLOR_SPACES)}", got=repr(self.color_space))
        pixels = as_given(self, "pixels")
        array = isinstance(pixels, (np.ndarray, Deferred))
        if not array or pixels.ndim != 3 or pixels.dtype.name not in PIXEL_TYPES:
            got = f"{pixels.dtype} {pixels.shape}" if array else type(pixels).__name__
            raise InputError(expected=f"pixels of shape (height, width, channels), one of {', '.join(PIXEL_TYPES)}", got=got)


@dataclasses.dataclass(frozen=True)
class EncodedFile:
    """A file as it is on disk (PNG, EXR, JPEG …); the backend decodes it.

    Attributes:
        data: ``(N,)`` uint8, the file's bytes.
        name: The file's name with its suffix, for messages and to tell the format.
        color_space: Overrides what the format implies, or ``""``.
        layer: Name of the view layer that is meant, of an OpenEXR file that has several.
        number: Its frame number where more is known of it than its name, which ``frame_names`` reads.
    """

    data: np.ndarray
    name: str
    color_space: str = ""
    number: int | None = None
    layer: str = ""

    @classmethod
    def read(cls, path: str | Path, color_space: str = "", number: int | None = None) -> EncodedFile:
        """Reads a file from disk; ``InputError`` says what is wrong with the path."""
        path = Path(path)
        try:
            data = np.fromfile(path, np.uint8)
        except OSError as error:
            raise InputError(expected=f"a readable file at {path}", got=error.strerror or str(error)) from error
        return cls._named(data, path, color_space, number)

    @classmethod
    def on_disk(cls, path: str | Path, color_space: str = "", number: int | None = None) -> EncodedFile:
        """The same, but the bytes stay on disk until they are needed: for sequences, which need not fit into memory.

        The file must not change until the job is accepted; ``data`` raises ``InputError`` if it has.
        """
        path = Path(path)
        return cls._named(FileOnDisk(path), path, color_space, number)

    @classmethod
    def _named(cls, data: Any, path: Path, color_space: str, number: int | None) -> EncodedFile:
        if not data.nbytes:
            raise InputError(expected=f"a file with content at {path}", got="an empty file", fix="Export the file again")
        return cls(data, path.name, color_space, number)

    def start(self, length: int) -> bytes:
        """The first bytes, without reading the rest of a file that stays on disk."""
        data = as_given(self, "data")
        return (data.read(0, min(length, data.nbytes)) if isinstance(data, Deferred) else data[:length]).tobytes()

    def changed(self, **fields: Any) -> EncodedFile:
        """With some fields changed; a file that stays on disk stays there."""
        return EncodedFile(**{**vars(self), **fields})


EncodedFile.data = MayBeDeferred("data", written=False)  # type: ignore[assignment]  # here, so that the class above says what is read
Image.pixels = MayBeDeferred("pixels", written=True)  # type: ignore[assignment]


@dataclasses.dataclass(frozen=True)
class Distortion:
    """How a lens bends the picture of a pinhole camera.

    In normalised coordinates (pixel minus principal point, over focal length, y down), r being the distance from the axis:

    - ``brown`` (k1, k2, k3, k4, p1, p2): distorted = ideal (1 + k1 r² + k2 r⁴ + k3 r⁶ + k4 r⁸) + tangential terms of p1 and p2 as
      OpenCV has them. Blender's polynomial and Brown models, pinholes of COLMAP and nerfstudio.
    - ``division`` (k1, k2): ideal = distorted / (1 + k1 r² + k2 r⁴), r of the distorted one (Fitzgibbon 2001). Blender's own
      division and Nuke models differ in which radius they take; the add-on sends them as ``brown``, fitted.
    - ``nuke`` (k1, k2): the same formula in units of half the larger side of the picture.

    Attributes:
        model: One of the above.
        coefficients: In the table's order; those left out at the end are 0.
    """

    model: str
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        counts = {"brown": 6, "division": 2, "nuke": 2}
        if self.model not in counts:
            raise InputError(expected=f"a lens distortion out of {', '.join(counts)}", got=repr(self.model))
        values = tuple(float(k) for k in self.coefficients)
        if len(values) > counts[self.model] or not all(math.isfinite(k) for k in values):
            got = repr(self.coefficients)[:80]
            raise InputError(expected=f"at most {counts[self.model]} finite coefficients of the distortion {self.model}", got=got)
        object.__setattr__(self, "coefficients", values)


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera, possibly behind a lens that distorts.

    Attributes:
        width: Pixels across.
        height: Pixels down.
        fl_x: Focal length in pixels, horizontal.
        fl_y: Focal length in pixels, vertical.
        cx: Principal point, in pixels from the left edge of the image.
        cy: Principal point, in pixels from the top edge of the image.
        camera_to_world: ``(4, 4)`` float64, rigid; OpenGL convention (looks along -z).
        distortion: Of the lens; None for a renderer's picture or an undistorted one.
    """

    width: int
    height: int
    fl_x: float
    fl_y: float
    cx: float
    cy: float
    camera_to_world: np.ndarray
    distortion: Distortion | None = None


@dataclasses.dataclass(frozen=True)
class SceneFrame:
    """What a renderer knows of one frame.

    Attributes:
        camera: The camera of all channels.
        channels: Name to picture. Names: ``color`` (linear), ``depth`` (planar z in scene units, background >= 1e9),
            ``normal`` (world space), ``motion`` (pixels; see docs/PROTOCOL.md), ``object_id`` (integers), ``confidence``.
            A multilayer EXR may stand for several channels: the same ``EncodedFile`` under each name.
        depth_scale: Scene units per unit of depth, whatever type stores it (``depth_unit_scale_factor``).
        number: Frame number in the shot.
        integer_depth_unit: Another factor where whole numbers store the depth: 0.001 in a capture that does not give its unit. Only
            whoever decodes the file knows the type.
    """

    camera: Camera
    channels: dict[str, Image | EncodedFile]
    depth_scale: float = 1.0
    number: int = 0
    integer_depth_unit: float = 1.0


@dataclasses.dataclass(frozen=True)
class Tracks:
    """Points that a camera solve placed in the world, and where each was seen.

    Attributes:
        points: ``(P, 3)`` float64, world space, scene units.
        frames: ``(O,)`` int32, frame numbers (``SceneFrame.number``), one for each observation.
        indices: ``(O,)`` int32, which point was seen.
        pixels: ``(O, 2)`` float32, where: column and row in the picture as it is on disk, distortion included.
    """

    points: np.ndarray
    frames: np.ndarray
    indices: np.ndarray
    pixels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Mesh:
    """A triangle mesh in world space.

    Attributes:
        vertices: ``(N, 3)`` float32.
        faces: ``(M, 3)`` int32, counter-clockwise seen from outside.
        normals: ``(N, 3)`` float32, unit length, or None.
        colors: ``(N, 3)`` float32, scene-linear Rec.709, or None.
        uvs: ``(M, 3, 2)`` float32, one for each corner of each face; (0, 0) is the texture's bottom left, or None.
        attributes: More of each vertex by name, ``(N,)`` or ``(N, 3)`` float32. Usual names: ``confidence`` (0..1) and
            ``invented`` (1 where the surface was not measured but filled in).
        texture: The base colour that ``uvs`` look up, or None.
        origin: What has to be added to ``vertices`` for world space, see ``shared/origin.py``; (0, 0, 0) but for scenes far from it.
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray | None = None
    colors: np.ndarray | None = None
    uvs: np.ndarray | None = None
    attributes: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    texture: Image | None = None
    origin: Origin = ZERO

    def __post_init__(self) -> None:
        values = tuple(self.origin)
        if len(values) != 3 or not all(isinstance(k, (int, float)) and math.isfinite(k) for k in values):
            raise InputError(expected="a mesh's origin as three finite numbers", got=repr(self.origin)[:80])
        object.__setattr__(self, "origin", tuple(float(k) for k in values))


Value = Image | EncodedFile | SceneFrame | Tracks | Mesh | list[SceneFrame] | list[Image] | dict[str, object]
