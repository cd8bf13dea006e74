"""A relief: the picture's surface as a mesh, torn where it jumps, with what is behind the tears filled in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.ndimage import binary_dilation

from ....shared.values import Camera, Image, Mesh
from ...core.camera import camera_centre, unproject
from ...core.morphology import dilate
from ...io.tensors import to_planes
from .atlas import make_atlas
from .edges import Tears, find_tears
from .extend import Hidden, extend_behind
from .inpaint import inpaint
from .plate import Plate, resize
from .sheet import Sheet, make_sheet

PUSHED = 0.002
"""Part of its distance by which filled surface is behind the visible surface that it grew from, so that the two do not flicker."""


@dataclasses.dataclass(frozen=True)
class Surface:
    """Depth of the whole picture, ready to become geometry.

    Attributes:
        disparity: ``(H, W)`` float32, 1 / planar depth, sharpened.
        valid: ``(H, W)`` bool, where there is to be geometry.
        assumed: ``(H, W)`` bool, where depth was not measured but assumed (the backdrop).
    """

    disparity: np.ndarray
    valid: np.ndarray
    assumed: np.ndarray


def tear_surface(plate: Plate, surface: Surface, threshold: float, grazing: float) -> Tears:
    """The tears of a surface; nothing assumed hangs together with what was measured."""
    tears = find_tears(surface.disparity, surface.valid, threshold, grazing, (plate.camera.fl_x, plate.camera.fl_y))
    right = np.where(surface.assumed[:, 1:] != surface.assumed[:, :-1], np.maximum(tears.right, 1), tears.right)
    down = np.where(surface.assumed[1:] != surface.assumed[:-1], np.maximum(tears.down, 1), tears.down)
    return Tears(right.astype(np.float32), down.astype(np.float32))


def make_relief(
    plate: Plate,
    surface: Surface,
    tears: Tears,
    cells: Sequence[int],
    fill: int,
    gap: float,
    seed: int,
    device: torch.device,
    progress: Callable[[float, str], None],
) -> tuple[list[Mesh], dict[str, Any]]:
    """Builds the textured mesh in world space, in one or several levels of detail that share one texture.

    Long: front and hidden surface of each level share one texture, so all are laid out before any is made.

    Args:
        plate: The picture and its camera.
        surface: Its depth.
        tears: Of the surface.
        cells: Cells of the grid along the longer side, for each level, the finest first.
        fill: How many pixels of hidden surface are added behind each tear; 0 for none.
        gap: Relative disparity by which added surface stays behind what hides it.
        seed: Of the paint.
        device: Where the paint is made.
        progress: Told the fraction of this part, and the stage.

    Returns:
        A mesh for each level, with the attributes ``confidence`` (cosine between surface and line of sight; 0 where invented) and
        ``invented``, and facts for the report.
    """
    progress(0.0, "cutting the relief")
    fronts = [make_sheet(surface.disparity, surface.valid, tears, n) for n in cells]
    paint = working_planes(plate)
    backs: list[Sheet | None] = [None] * len(cells)
    facts: dict[str, Any] = {"torn_edges": tears.count}
    if fill > 0 and tears.count:
        progress(0.05, "extending hidden surfaces")

        def painted(fraction: float) -> None:
            progress(0.1 + 0.8 * fraction, "inpainting hidden surfaces")

        hidden = extend_behind(surface.disparity, surface.valid, tears, fill, gap)
        facts["filled"] = round(float(hidden.grown.mean()), 4)
        if hidden.grown.any():
            found = paint_hidden(paint, surface, tears, hidden, seed, device, painted)
            paint = _keep_seen(paint, found, surface.disparity, hidden)
            backs = [_back_sheet(surface, hidden, n, plate.camera) for n in cells]
    progress(0.92, "placing the mesh")
    # Faces at a tear, on its farther side, show the paint too: their pixels may have half of the near side's colour.
    shows = [f.behind if b is not None else np.zeros(len(f.faces), bool) for f, b in zip(fronts, backs, strict=True)]
    plain = [f.places[f.faces][~s] for f, s in zip(fronts, shows, strict=True)]
    hidden_faces = [
        np.concatenate([f.places[f.faces][s], *([] if b is None else [b.places[b.faces]])])
        for f, s, b in zip(fronts, shows, backs, strict=True)
    ]
    margin = int(np.ceil(max(surface.disparity.shape) / min(cells))) + 4
    atlas = make_atlas(plate.image, paint, np.concatenate(plain), np.concatenate(hidden_faces), margin)
    front_uvs = np.split(atlas.front, np.cumsum([len(p) for p in plain])[:-1])
    paint_uvs = np.split(atlas.painted, np.cumsum([len(p) for p in hidden_faces])[:-1])
    meshes = []
    for front, back, shown, own, others in zip(fronts, backs, shows, front_uvs, paint_uvs, strict=True):
        count = int(shown.sum())
        uvs = np.zeros((len(front.faces), 3, 2), np.float32)
        uvs[~shown], uvs[shown] = own, others[:count]
        vertices, faces = _world(front, plate.camera), front.faces
        invented = surface.assumed[front.pixels[:, 1], front.pixels[:, 0]].astype(np.float32)
        if back is not None:
            faces = np.concatenate([faces, back.faces + len(vertices)])
            vertices = np.concatenate([vertices, _world(back, plate.camera)])
            invented = np.concatenate([invented, np.ones(len(back.places), np.float32)])
            uvs = np.concatenate([uvs, others[count:]])
        meshes.append(textured_mesh(vertices, faces, uvs, invented, atlas.image, plate.camera))
    return meshes, facts


def working_planes(plate: Plate) -> torch.Tensor:
    """The picture at the working size as ``to_planes`` has it, ``(C, H, W)``."""
    return resize(to_planes(plate.image, torch.device("cpu")), plate.values.shape)


def paint_hidden(
    planes: torch.Tensor,
    surface: Surface,
    tears: Tears,
    hidden: Hidden,
    seed: int,
    device: torch.device,
    progress: Callable[[float], None],
) -> torch.Tensor:
    """The picture with the hidden surface painted in, ``(C, H, W)`` on the CPU.

    Pixels right behind a tear are painted too: half of their colour may be the near side's.
    """
    at_tear = torch.from_numpy(tears.pixels())
    near_tear = dilate(at_tear, 1)
    source = torch.from_numpy(surface.valid & ~surface.assumed) & ~near_tear
    if not bool(source.any()):
        source = torch.from_numpy(surface.valid)
    wanted = torch.from_numpy(hidden.grown | hidden.seeds)
    behind = torch.from_numpy(np.where(hidden.grown, hidden.disparity, surface.disparity))
    visible = torch.from_numpy(surface.disparity)
    generator = torch.Generator().manual_seed(seed & (2**63 - 1))
    moved = planes.to(device), visible.to(device), source.to(device), wanted.to(device), behind.to(device)
    return inpaint(*moved, generator, progress).cpu()


def _keep_seen(planes: torch.Tensor, painted: torch.Tensor, disparity: np.ndarray, hidden: Hidden) -> torch.Tensor:
    """Takes the paint of visible pixels back, but for those that are mixtures of the paint and the near side's colour."""
    y, x = np.nonzero(hidden.seeds & ~hidden.grown)
    nearest, ny, nx = disparity[y, x], y, x
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            oy, ox = np.clip(y + dy, 0, disparity.shape[0] - 1), np.clip(x + dx, 0, disparity.shape[1] - 1)
            closer = disparity[oy, ox] > nearest
            nearest, ny, nx = np.where(closer, disparity[oy, ox], nearest), np.where(closer, oy, ny), np.where(closer, ox, nx)
    own, paint, near = planes[:3, y, x], painted[:3, y, x], planes[:3, ny, nx]
    span = near - paint
    share = ((own - paint) * span).sum(0) / (span**2).sum(0).clamp(min=1e-6)
    missed = ((own - paint - share * span) ** 2).sum(0)
    mixture = (share > 0.08) & (share < 0.95) & (missed < 0.1 * (span**2).sum(0))
    result = painted.clone()
    result[:, y, x] = torch.where(mixture[None], painted[:, y, x], planes[:, y, x])
    return result


def _back_sheet(surface: Surface, hidden: Hidden, cells: int, camera: Camera) -> Sheet | None:
    """The hidden surface as a sheet of its own. It overlaps the visible surface that it grew from, a little behind it."""
    shape = surface.disparity.shape
    overlap = int(np.ceil(max(shape) / cells)) + 1
    wide = binary_dilation(hidden.grown, iterations=overlap)
    value = hidden.disparity * np.float32(1 - PUSHED)
    # Under the overlap the sheet must stay behind the picture: where something farther is visible, it would hang in front of it.
    valid = surface.valid & (hidden.grown | (wide & (value < surface.disparity)))
    # Where surfaces of different distance meet back there, a stretched face does less harm than a slit.
    tears = find_tears(value, valid, 0.5, 89.9, (camera.fl_x, camera.fl_y))
    sheet = make_sheet(value, valid, tears, cells)
    return sheet if len(sheet.faces) else None


def _world(sheet: Sheet, camera: Camera) -> np.ndarray:
    return unproject(camera, sheet.places, 1 / sheet.disparity.astype(np.float64))


def textured_mesh(
    vertices: np.ndarray,
    faces: np.ndarray,
    uvs: np.ndarray,
    invented: np.ndarray,
    texture: Image,
    camera: Camera,
    more: Mapping[str, np.ndarray] | None = None,
) -> Mesh:
    """A mesh with normals and attributes (``more`` besides), without vertices that the lens cannot see or that no face uses."""
    seen = np.isfinite(vertices).all(1)
    keep = seen[faces].all(1)
    faces, uvs = faces[keep], uvs[keep]
    used, faces = np.unique(faces, return_inverse=True)
    faces, vertices, invented = faces.reshape(-1, 3), vertices[used], invented[used]
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack([np.bincount(faces.ravel(), np.repeat(normal[:, k], 3), len(vertices)) for k in range(3)], 1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    sight = camera_centre(camera) - vertices
    sight = sight / np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-12)
    normals = np.where(length > 1e-30, total / np.maximum(length, 1e-30), sight)
    confidence = np.clip((normals * sight).sum(1), 0, 1) * (1 - invented)
    attributes = {"confidence": confidence.astype(np.float32), "invented": invented.astype(np.float32)}
    attributes |= {name: values[used] for name, values in (more or {}).items()}
    return Mesh(
        vertices.astype(np.float32), faces.astype(np.int32), normals.astype(np.float32), None, uvs.astype(np.float32), attributes, texture
    )
