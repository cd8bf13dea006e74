"""From a fused room to a textured mesh: time by stage, pictures from held-out views, seams, simplification, proxy.

    python3 dev.py bench surface [--frames 60] [--faces 50000] [--size 2048] [--no-pictures] [--tiny]

The scene is ``scenes/room.py``, which is diffuse: a point has one colour from everywhere. Every tenth frame is held out of everything; the
others (640 x 480) are fused at 10 mm, and ``mesh.finish`` makes of it what the add-on and the command line get. ``--tiny`` takes fifteen
frames of 160 x 120 at 80 mm.

``seconds`` are wall time in this process, compilation excluded. PSNR is of display-encoded pictures of the held-out views against the
truth, over pixels whose point another frame shows; over all pixels; and over those where the mesh's depth is within 2 cm of the truth's
(``surface``: without silhouettes that are a pixel off). ``vertex colours`` are those of the same simplified mesh, which take no atlas.
``seam step`` is the difference across UV seams under bilinear filtering in 255ths of display white. LOD errors are distances of points on
the mesh to the analytic scene.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import torch

from ..backend.core.camera import project, view_matrix
from ..backend.core.color import to_srgb
from ..backend.core.context import Context
from ..backend.io.frames.frame import DepthFrame
from ..backend.mesh import raster, topology
from ..backend.mesh.bake.texture import bilinear
from ..backend.mesh.finish import finish
from ..backend.mesh.unwrap import unwrapping
from ..backend.reconstruct.fusion.fusion import Settings
from ..backend.reconstruct.fusion.surface import Volumes
from ..shared.values import Camera, Mesh
from ._report import Row, begin, make_parser, print_table, psnr, to_bytes
from .scenes import room

FULL, TINY = (640, 480, 525.0), (160, 120, 131.25)
"""Width, height and focal length in pixels."""


def frames_of(count: int, size: tuple[int, int, float]) -> list[DepthFrame]:
    """All frames with colour."""
    width, height, focal = size
    frames = []
    for number, pose in enumerate(room.poses(count)):
        view = room.render(pose, width, height, focal)
        camera = Camera(width, height, focal, focal, width / 2, height / 2, pose)
        frames.append(DepthFrame(number, camera, view.depth, 0.0, view.color, None))
    return frames


def fuse(frames: list[DepthFrame], voxel: float) -> Mesh:
    """The dense mesh; ``voxel`` in metres."""
    volumes = Volumes(Settings(voxel), torch.device("cpu"), False)
    for frame in frames:
        volumes.add(frame, frame.depth)
    surface = volumes.surface(100)
    return Mesh(surface.vertices, surface.faces, surface.normals)


def render(mesh: Mesh, camera: Camera, textured: bool) -> tuple[np.ndarray, np.ndarray]:
    """The mesh's own colour without light, ``(H, W, 3)`` scene-linear, and its depth; black where there is none."""
    _, pose = view_matrix(camera)
    lens = (camera.fl_x, camera.fl_y, camera.cx, camera.cy)
    depth, face = raster.view(mesh.vertices, mesh.faces, pose, lens, camera.width, camera.height)
    rows, columns = np.nonzero(face >= 0)
    z = depth[rows, columns].astype(np.float64)
    local = np.stack([(columns + 0.5 - lens[2]) / lens[0] * z, (rows + 0.5 - lens[3]) / lens[1] * z, z], 1)
    points = (local - pose[:, 3]) @ pose[:, :3]
    which = face[rows, columns]
    a, b, c = (mesh.vertices[mesh.faces[which, k]].astype(np.float64) for k in range(3))
    normal = np.cross(b - a, c - a)
    square = np.maximum((normal * normal).sum(1), 1e-300)
    first = (np.cross(c - b, points - b) * normal).sum(1) / square
    second = (np.cross(a - c, points - c) * normal).sum(1) / square
    weights = np.clip(np.stack([first, second, 1 - first - second], 1), 0, 1)
    weights /= weights.sum(1, keepdims=True)
    picture = np.zeros((camera.height, camera.width, 3), np.float32)
    if textured:
        assert mesh.texture is not None
        assert mesh.uvs is not None
        size = mesh.texture.pixels.shape[0]
        uv = (mesh.uvs[which] * weights[..., None]).sum(1) * size
        picture[rows, columns] = bilinear(mesh.texture.pixels, np.stack([uv[:, 0], size - uv[:, 1]], 1))
    else:
        assert mesh.colors is not None
        picture[rows, columns] = (mesh.colors[mesh.faces[which]] * weights[..., None]).sum(1)
    return picture, depth


def shown_elsewhere(frame: DepthFrame, others: list[DepthFrame]) -> np.ndarray:
    """``(H, W)`` bool: pixels whose point another frame shows as well."""
    points = room.unproject(frame.camera.camera_to_world, frame.camera.fl_x, frame.depth.astype(np.float64)).reshape(-1, 3)
    seen = np.zeros(len(points), bool)
    for other in others:
        left = np.flatnonzero(~seen)
        pixels, z = project(other.camera, points[left])
        u, v = pixels.T
        inside = (z > 0.01) & (u >= 1) & (v >= 1) & (u < other.camera.width - 1) & (v < other.camera.height - 1)
        depth = other.depth[v[inside].astype(int), u[inside].astype(int)]
        seen[left[inside]] = np.abs(depth - z[inside]) < 0.01
    return seen.reshape(frame.depth.shape)


def held_out(mesh: Mesh, frames: list[DepthFrame], others: list[DepthFrame]) -> tuple[dict[str, float], list[np.ndarray]]:
    """Means over views, and pictures: truth, textured, vertex colours, ten times the texture's error."""
    figures: dict[str, list[float]] = {}
    lines = []
    for frame in frames:
        assert frame.color is not None
        truth = to_srgb(np.clip(frame.color, 0, 1))
        known = shown_elsewhere(frame, others)
        shown = []
        for name, textured in (("texture", True), ("vertex colours", False)):
            picture, depth = render(mesh, frame.camera, textured)
            picture = to_srgb(np.clip(picture, 0, 1))
            near = np.abs(depth - frame.depth) < 0.02
            figures.setdefault(f"{name}, all pixels", []).append(psnr(picture - truth))
            figures.setdefault(name, []).append(psnr((picture - truth)[known]))
            figures.setdefault(f"{name}, surface", []).append(psnr((picture - truth)[near]))
            shown.append(picture)
        lines.append(np.concatenate([truth, *shown, np.clip(np.abs(shown[0] - truth) * 10, 0, 1)], 1)[::2, ::2])
    worst = {f"{name}, worst view": min(values) for name, values in figures.items()}
    return {name: float(np.mean(values)) for name, values in figures.items()} | worst, lines


def distances(mesh: Mesh, count: int = 100_000) -> dict[str, float]:
    """Distances of points on the mesh to the scene, in millimetres."""
    generator = np.random.default_rng(0)
    area = np.cumsum(np.linalg.norm(topology.face_vectors(mesh.vertices, mesh.faces), axis=1))
    chosen = np.searchsorted(area, generator.uniform(0, area[-1], count)).clip(0, len(mesh.faces) - 1)
    weights = generator.dirichlet((1, 1, 1), count)
    error = room.distance((mesh.vertices[mesh.faces[chosen]] * weights[..., None]).sum(1)) * 1e3
    return {
        "faces": len(mesh.faces),
        "mean_mm": float(error.mean()),
        "p99_mm": float(np.percentile(error, 99)),
        "max_mm": float(error.max()),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Fuse, finish, measure."""
    parser = make_parser(__file__, __doc__)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--no-pictures", action="store_true")
    options, report = begin(parser, arguments)
    if options.tiny:
        options.frames, options.faces, options.size = 15, 2000, 256
    voxel = 0.08 if options.tiny else 0.01
    frames = frames_of(options.frames, TINY if options.tiny else FULL)
    test, used = frames[4::10], [f for f in frames if f.number % 10 != 4]
    parameters = {"max_faces": options.faces, "texture": True, "texture_size": options.size, "lods": True, "proxy": True}
    parameters["normal_map"] = True
    context = Context(torch.device("cpu"))
    finish(fuse(used[:3], voxel), used[:3], {**parameters, "max_faces": 2000, "texture_size": 256}, context)  # compilation
    started, processor = time.perf_counter(), time.process_time()
    dense = fuse(used, voxel)
    fused = time.perf_counter() - started
    started = time.perf_counter()
    finish(dense, used, {**parameters, "lods": False, "proxy": False, "normal_map": False}, context)
    textured = fused + time.perf_counter() - started
    processor = time.process_time() - processor
    outputs, made = finish(dense, used, parameters, context)
    print(f"{len(used)} frames, {len(dense.faces)} triangles fused, {numba.get_num_threads()} threads\n")
    stages: list[Row] = [{"stage": "fuse and extract", "seconds": fused}]
    stages += [{"stage": name, "seconds": seconds} for name, seconds in made["seconds"].items()]
    stages += [{"stage": f"texture: {name}", "seconds": seconds} for name, seconds in made["texture"]["seconds"].items()]
    stages.append({"stage": f"frames to textured {options.faces} faces", "seconds": textured})
    stages.append({"stage": "the same in processor seconds, all threads together", "seconds": processor})
    figures, lines = held_out(outputs["mesh"], test, used)
    views: list[Row] = [{"picture": name, "psnr_db": value} for name, value in figures.items()]
    seams: list[Row] = [
        {"seam step /255": when, **made["texture"][key]} for when, key in (("baked", "seam_step_before"), ("levelled", "seam_step"))
    ]
    levels: list[Row] = [{"mesh": "fused", **distances(dense)}]
    levels += [{"mesh": name, **distances(outputs[name])} for name in ("mesh", "lod_1", "lod_2") if name in outputs]
    for table in (stages, views, seams, levels):
        print_table(table)
        print()
    proxy: dict[str, Any] = made["proxy"]
    print(f"proxy: {proxy}\nunwrap: {made['unwrap']}\ncoverage {made['texture']['coverage']}, {unwrapping.XATLAS_FACES=}")
    report.save_rows("surface_cpu", [*stages, *views, *seams, *levels, {"proxy": proxy}, {"unwrap": made["unwrap"]}])
    if not options.no_pictures:
        report.save_picture("surface_held_out.jpg", to_bytes(np.concatenate(lines[:3])))
        atlas = to_srgb(np.clip(outputs["mesh"].texture.pixels, 0, 1))[::2, ::2]
        normals = outputs["normal_map"].pixels[::2, ::2]
        report.save_picture("surface_atlas.jpg", to_bytes(np.concatenate([atlas, normals], 1)))


if __name__ == "__main__":
    main()
