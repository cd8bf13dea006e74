"""The operation ``reconstruct.depth`` as a whole: noisy depth, and from encoded files to a textured mesh."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..backend.core.color import to_srgb
from ..backend.core.context import Context
from ..backend.io.writing import encode
from ..backend.reconstruct.operations import reconstruct_depth
from ..shared.values import Camera, EncodedFile, Image, Mesh, SceneFrame
from ._report import Report, peak_memory, print_table, to_bytes
from .scenes import room

LEVELS = {
    "quadratic 0.0025": lambda z: 0.0025 * z * z,
    "quadratic 0.006": lambda z: 0.006 * z * z,
    "constant 10 mm": lambda z: 0.010 + 0 * z,
}
"""Standard deviation in metres at z metres; the first is what a structured-light camera has (Khoshelham and Elberink 2012)."""
SETTINGS: dict[str, dict[str, Any]] = {
    "fixed 3 voxels": {"noise": "exact", "truncation": 3.0},
    "fixed 8 voxels": {"noise": "exact", "truncation": 8.0},
    "from noise": {"noise": "measured", "truncation": 0.0},
}
VOXEL, TINY_VOXEL = 0.01, 0.08
"""Metres."""
FULL, SMALL, TINY = (640, 480, 525.0), (320, 240, 262.5), (160, 120, 131.25)
"""Width, height and focal length in pixels: of frames, of noisy frames, of ``--tiny``."""
Quality = Callable[[Any, np.ndarray, float], dict[str, float]]


def camera_of(view: room.View) -> Camera:
    """Of a view, its centre in the middle."""
    height, width = view.depth.shape
    return Camera(width, height, view.focal, view.focal, width / 2, height / 2, view.camera_to_world)


def _run(frames: list[SceneFrame], **parameters: Any) -> tuple[Mesh, dict[str, Any], float]:
    given = {"max_depth": 0.0, "min_component": 100, **parameters}
    start = time.perf_counter()
    outputs = reconstruct_depth.run({"frames": frames}, given, Context(torch.device("cpu")))
    return outputs["mesh"], outputs["report"], time.perf_counter() - start


def noise_study(report: Report, count: int, quality: Quality, picture: Callable[..., np.ndarray] | None, *, tiny: bool) -> None:
    """Fixed truncation against what the operation sets, as 16-bit millimetres."""
    views = [room.render(pose, *(TINY if tiny else SMALL)) for pose in room.poses(count)]
    truth = room.surface_samples(views, density=300)
    voxel = TINY_VOXEL if tiny else VOXEL
    rows, tiles = [], []
    for level, sigma in list(LEVELS.items())[: 1 if tiny else None]:
        generator = np.random.default_rng(0)
        frames = []
        for number, view in enumerate(views):
            z = view.depth.astype(np.float64)
            raw = np.rint((z + sigma(z) * generator.normal(size=z.shape)) * 1000).clip(0, 65535).astype(np.uint16)
            frames.append(SceneFrame(camera_of(view), {"depth": Image(raw[..., None], "data")}, 0.001, number))
        line = []
        for setting, parameters in SETTINGS.items():
            mesh, made, seconds = _run(frames, voxel=voxel, **parameters)
            surface = (mesh.vertices, mesh.faces)
            row = {"noise": level, "setting": setting, "truncation_voxels": made["truncation"] / voxel, **made["noise"]}
            rows.append({**row, **quality(surface, truth, voxel), "seconds": seconds})
            print_table(rows[-1:])
            if picture:
                line.append(np.concatenate([picture(surface, views[1], voxel, heat) for heat in (False, True)], 1))
        tiles.append(line)
    print_table(rows)
    report.save_rows("reconstruct_noise_cpu", rows)
    if picture:
        report.save_picture("reconstruct_noise.jpg", np.concatenate([np.concatenate([line[0], line[2]], 1) for line in tiles]))


def whole_job(report: Report, views: list[room.View], *, tiny: bool) -> None:
    """From files in memory (float EXR depth, 8-bit PNG colour) to a mesh."""
    frames = []
    for number, view in enumerate(views):
        depth = encode(Image(view.depth[..., None], "data"), "exr")
        color = encode(Image(to_bytes(to_srgb(np.clip(view.color, 0, 1)))), "png")
        files: dict[str, Image | EncodedFile] = {
            "depth": EncodedFile(np.frombuffer(depth, np.uint8), "d.exr"),
            "color": EncodedFile(np.frombuffer(color, np.uint8), "c.png"),
        }
        frames.append(SceneFrame(camera_of(view), files, 1.0, number))
    rows = []
    _run(frames[:2], voxel=0.05)  # compilation
    faces = 2000 if tiny else 50_000
    jobs: dict[str, dict[str, Any]] = {"vertex colours": {}, f"{faces:,} faces, texture": {"max_faces": faces, "texture": True}}
    for name, parameters in jobs.items():
        mesh, made, seconds = _run(frames, voxel=TINY_VOXEL if tiny else VOXEL, **parameters)
        stages = {f"{stage}_s": taken for stage, taken in made["seconds"].items()}
        estimate = {"estimated_s": made["estimate"]["seconds"], "estimated_mb": made["estimate"]["bytes"] / 1e6}
        rows.append({"job": name, "seconds": seconds, "faces": len(mesh.faces), **stages, **estimate, "process_peak_mb": peak_memory()})
    print_table(rows)
    report.save_rows("reconstruct_job_cpu", rows)
