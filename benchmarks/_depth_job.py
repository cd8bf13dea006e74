"""The operation ``reconstruct.depth`` as a whole: noisy depth, and from encoded files to a textured mesh."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from backlot.backend.core.color import to_srgb
from backlot.backend.core.context import Context
from backlot.backend.io.writing import encode
from backlot.backend.reconstruct.operations import reconstruct_depth
from backlot.shared.values import Camera, EncodedFile, Image, Mesh, SceneFrame

from .report import print_table, save_picture, save_rows
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
VOXEL = 0.01
SIZE = (320, 240, 262.5)
Quality = Callable[[Any, np.ndarray, float], dict[str, float]]


def _camera(view: room.View) -> Camera:
    height, width = view.depth.shape
    return Camera(width, height, view.focal, view.focal, width / 2, height / 2, view.camera_to_world)


def _run(frames: list[SceneFrame], **parameters: Any) -> tuple[Mesh, dict[str, Any], float]:
    given = {"voxel": VOXEL, "max_depth": 0.0, "min_component": 100, **parameters}
    start = time.perf_counter()
    outputs = reconstruct_depth.run({"frames": frames}, given, Context(torch.device("cpu")))
    return outputs["mesh"], outputs["report"], time.perf_counter() - start


def noise_study(count: int, quality: Quality, picture: Callable[..., np.ndarray] | None) -> None:
    """Fixed truncation against what the operation sets, as 16-bit millimetres."""
    views = [room.render(pose, *SIZE) for pose in room.poses(count)]
    truth = room.surface_samples(views, density=300)
    rows, tiles = [], []
    for level, sigma in LEVELS.items():
        generator = np.random.default_rng(0)
        frames = []
        for number, view in enumerate(views):
            z = view.depth.astype(np.float64)
            raw = np.rint((z + sigma(z) * generator.normal(size=z.shape)) * 1000).clip(0, 65535).astype(np.uint16)
            frames.append(SceneFrame(_camera(view), {"depth": Image(raw[..., None], "data")}, 0.001, number))
        line = []
        for setting, parameters in SETTINGS.items():
            mesh, report, seconds = _run(frames, **parameters)
            surface = (mesh.vertices, mesh.faces)
            row = {"noise": level, "setting": setting, "truncation_voxels": report["truncation"] / VOXEL, **report["noise"]}
            rows.append({**row, **quality(surface, truth, VOXEL), "seconds": seconds})
            print_table(rows[-1:])
            if picture:
                line.append(np.concatenate([picture(surface, views[1], VOXEL, heat) for heat in (False, True)], 1))
        tiles.append(line)
    print_table(rows)
    save_rows("reconstruct_noise_cpu", torch.device("cpu"), rows)
    if picture:
        save_picture("reconstruct_noise.jpg", np.concatenate([np.concatenate([line[0], line[2]], 1) for line in tiles]))


def whole_job(count: int) -> None:
    """From files in memory (float EXR depth, 8-bit PNG colour, 640 x 480) to a mesh."""
    frames = []
    for number, pose in enumerate(room.poses(count)):
        view = room.render(pose)
        depth = encode(Image(view.depth[..., None], "data"), "exr")
        color = encode(Image(np.rint(255 * to_srgb(np.clip(view.color, 0, 1))).astype(np.uint8)), "png")
        files = {
            "depth": EncodedFile(np.frombuffer(depth, np.uint8), "d.exr"),
            "color": EncodedFile(np.frombuffer(color, np.uint8), "c.png"),
        }
        frames.append(SceneFrame(_camera(view), files, 1.0, number))
    rows = []
    _run(frames[:2], voxel=0.05)  # compilation
    for name, parameters in {"vertex colours": {}, "50,000 faces, texture": {"max_faces": 50_000, "texture": True}}.items():
        mesh, report, seconds = _run(frames, **parameters)
        stages = {f"{stage}_s": taken for stage, taken in report["seconds"].items()}
        estimate = {"estimated_s": report["estimate"]["seconds"], "estimated_mb": report["estimate"]["bytes"] / 1e6}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        rows.append({"job": name, "seconds": seconds, "faces": len(mesh.faces), **stages, **estimate, "process_peak_mb": peak})
    print_table(rows)
    save_rows("reconstruct_job_cpu", torch.device("cpu"), rows)
