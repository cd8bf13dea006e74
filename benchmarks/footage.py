"""Multi-view stereo on three Cycles shots with truth, and a rectified pair against OpenCV.

    python -m benchmarks.footage [--shots wall table yard] [--frames 10] [--distorted] [--no-pair] [--no-pictures]

The shots are those of ``scenes/footage_scenes.py``, rendered once by Blender as a module (``.venvs/bpy-4.5``) into ``.cache/footage``:
10 frames of 640 x 360. Depth ranges, sources and voxel size are found by the operation; it gets colour and cameras, no tracks. Figures
are means over all frames of a shot: ``valid`` is the share of pixels with truth whose depth at least two other frames confirmed,
``absrel`` the median of |depth - truth| / truth over them, ``within 2 %`` the share of **all** pixels with truth that are right to 2 %
(unknown counts as wrong), ``filled`` the same after holes on planes are filled. ``mesh`` is the median distance of the mesh's vertices
to the truth of the frames that show them, in thousandths of the usual distance. ``--distorted`` bends each frame by a lens first
(Brown, -0.15, 0.03): what is left is to come out the same.

The pair is the Middlebury 2014 motorcycle of scikit-image (741 x 500, calibration from its documentation) against OpenCV's StereoSGBM
in the same run: ``bad 2`` is the share of pixels that are off by more than 2 px of disparity; over all pixels with truth, unknown ones
are bad.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch

from backlot.backend.core.color import to_srgb
from backlot.backend.core.context import Context
from backlot.backend.core.lens import straighten_pixels
from backlot.backend.io.exr_layers import decode_layers
from backlot.backend.reconstruct.fusion.preview import shade
from backlot.backend.reconstruct.operations import reconstruct_footage
from backlot.backend.reconstruct.stereo.depths import DepthMap, estimate_depths
from backlot.backend.reconstruct.stereo.geometry import project
from backlot.backend.reconstruct.stereo.matching import Settings
from backlot.backend.reconstruct.stereo.views import read_views
from backlot.shared.frames import read_transforms
from backlot.shared.operations.reconstruct_footage import OPERATION
from backlot.shared.values import Camera, Distortion, EncodedFile, Image, Mesh, SceneFrame

from .report import print_table, save_picture, save_rows

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "footage"
LENS = Distortion("brown", (-0.15, 0.03))
MOTORCYCLE = {"focal": 994.978, "cx": 311.193, "cy": 254.877, "doffs": 31.086, "baseline": 0.193001}
"""Pixels of the quarter size picture, metres."""


def shots_on_disk(frames: int) -> None:
    """Renders what is missing; numbers of frames other than 10 get a folder of their own."""
    python = ROOT / ".venvs" / "bpy-4.5" / "bin" / "python"
    script = ROOT / "benchmarks" / "scenes" / "footage_scenes.py"
    subprocess.run([python, script, CACHE, "--frames", str(frames)], check=True, stdout=subprocess.DEVNULL)


def read_shot(name: str, distorted: bool) -> tuple[list[SceneFrame], list[np.ndarray]]:
    """Frames with colour only, and true depth (0 = background)."""
    frames, truths = [], []
    for frame in read_transforms(CACHE / name):
        color = frame.channels["color"]
        assert isinstance(color, EncodedFile)
        layers = decode_layers(color)
        depth = layers["Depth"].pixels[..., 0].astype(np.float32)
        truths.append(np.where(depth < 1e9, depth, np.float32(0)))
        if distorted:
            pixels = layers["Combined"].pixels[..., :3].astype(np.float32)
            camera = dataclasses.replace(frame.camera, distortion=LENS)
            frames.append(SceneFrame(camera, {"color": Image(bend(pixels, camera), "linear")}, 1.0, frame.number))
        else:
            frames.append(dataclasses.replace(frame, channels={"color": color}))
    return frames, truths


def bend(pixels: np.ndarray, camera: Camera) -> np.ndarray:
    """What the lens makes of a straight picture, bilinear from a picture of four times the samples."""
    fine = torch.nn.functional.interpolate(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None], scale_factor=2, mode="bicubic")
    v, u = np.mgrid[: camera.height, : camera.width]
    there = straighten_pixels(camera, np.stack([u + 0.5, v + 0.5], -1)) / (camera.width, camera.height) * 2 - 1
    grid = torch.from_numpy(np.nan_to_num(there, nan=-2).astype(np.float32))[None]
    bent = torch.nn.functional.grid_sample(fine, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return np.ascontiguousarray(bent[0].permute(1, 2, 0).clamp_min(0).numpy())


def figures(maps: list[DepthMap], truths: list[np.ndarray]) -> dict[str, float]:
    """Means over frames, see the module's text."""
    rows = []
    for depth_map, truth in zip(maps, truths, strict=True):
        there = truth > 0
        known = there & (depth_map.depth > 0)
        measured = known & ~depth_map.filled
        error = np.abs(depth_map.depth - truth) / np.maximum(truth, 1e-6)
        rows.append([
            measured.sum() / there.sum(), np.median(error[measured]), error[measured].mean(),
            (measured & (error < 0.01)).sum() / there.sum(), (measured & (error < 0.02)).sum() / there.sum(),
            (known & (error < 0.02)).sum() / there.sum(), (error[measured] < 0.02).mean(),
            known.sum() / there.sum(),
        ])  # fmt: skip
    names = ("valid", "absrel_median", "absrel_mean", "within_1", "within_2", "within_2_filled", "valid_within_2", "known_filled")
    return {name: float(value) for name, value in zip(names, np.mean(rows, 0), strict=True)}


def mesh_error(mesh: Mesh, frames: list[SceneFrame], truths: list[np.ndarray]) -> float:
    """Median over measured vertices of the least difference in depth to a frame that shows them, relative."""
    best = np.full(len(mesh.vertices), np.inf)
    for frame, truth in zip(frames, truths, strict=True):
        camera = dataclasses.replace(frame.camera, distortion=None)
        pixels, z = project(camera, mesh.vertices.astype(np.float64))
        inside = (z > 0) & np.all((pixels >= 0) & (pixels < (camera.width, camera.height)), axis=1)
        u, v = np.where(inside[:, None], pixels, 0).astype(int).T
        there = inside & (truth[v, u] > 0)
        best[there] = np.minimum(best[there], np.abs(truth[v, u] - z)[there] / z[there])
    seen = np.isfinite(best) & (mesh.attributes["invented"] < 0.5)
    return float(np.median(best[seen]) * 1e3)


def heat(error: np.ndarray, known: np.ndarray, there: np.ndarray, most: float) -> np.ndarray:
    """Blue 0, green half, red ``most`` and above; unknown is white, no truth black."""
    e = np.clip(np.nan_to_num(error, nan=most) / most, 0, 1)
    color = np.stack([np.clip(2 * e - 1, 0, 1), 1 - np.abs(2 * e - 1), np.clip(1 - 2 * e, 0, 1)], -1)
    color[~known] = 1
    color[~there] = 0
    return color


def gray_of(depth: np.ndarray, low: float, high: float) -> np.ndarray:
    """Near is bright; unknown is black."""
    inverse = np.where(depth > 0, (1 / np.maximum(depth, 1e-9) - 1 / high) / (1 / low - 1 / high), 0)
    return np.repeat(np.clip(0.1 + 0.9 * inverse, 0, 1)[..., None] * (depth > 0)[..., None], 3, -1)


def shot_picture(frame: SceneFrame, depth_map: DepthMap, truth: np.ndarray, mesh: Mesh) -> np.ndarray:
    """Frame, truth, ours, error (confirmed only, 2 % is red), mesh from the side; one row."""
    color = frame.channels["color"]
    picture = decode_layers(color)["Combined"].pixels[..., :3] if isinstance(color, EncodedFile) else color.pixels
    there = truth > 0
    low, high = np.percentile(truth[there], [1, 99])
    known = (depth_map.depth > 0) & ~depth_map.filled
    pose = frame.camera.camera_to_world
    assert mesh.normals is not None
    view = shade(mesh.vertices, mesh.faces, mesh.normals, np.array([0.0, 0.0, 1.0]), pose[:3, 2] + 0.5 * pose[:3, 0], mesh.colors)
    tiles = [
        to_srgb(np.clip(picture.astype(np.float32), 0, 1)), gray_of(truth, low, high), gray_of(depth_map.depth, low, high),
        heat(np.abs(depth_map.depth - truth) / np.maximum(truth, 1e-6), known, there, 0.02),
    ]  # fmt: skip
    row = [np.rint(255 * np.clip(t, 0, 1)).astype(np.uint8) for t in tiles]
    height, width = truth.shape
    fitted = np.full((height, width, 3), 255, np.uint8)
    scale = max(view.shape[0] / height, view.shape[1] / width)
    rows, columns = (np.arange(int(n / scale)) * scale for n in view.shape[:2])
    small = view[rows.astype(int)[:, None], columns.astype(int)[None]]
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    fitted[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.concatenate([*row, fitted], 1)[::2, ::2]


def run_shot(name: str, distorted: bool) -> tuple[dict[str, Any], np.ndarray]:
    """Figures and a row of pictures."""
    frames, truths = read_shot(name, distorted)
    kept: list[Any] = []
    estimate = reconstruct_footage.estimate_depths

    def keeping(*args: Any, **kwargs: Any) -> Any:
        kept.append(estimate(*args, **kwargs))
        return kept[0]

    reconstruct_footage.estimate_depths = keeping
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        outputs = reconstruct_footage.run({"frames": frames}, OPERATION.check_parameters({}), Context(torch.device("cpu")))
    finally:
        reconstruct_footage.estimate_depths = estimate
    row = {
        "shot": name,
        "distorted": distorted,
        "frames": len(frames),
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
    }
    mesh = outputs["mesh"]
    row |= figures(kept[0].maps, truths) | {"mesh_error_permille": mesh_error(mesh, frames, truths), "faces": len(mesh.faces)}
    middle = len(frames) // 2
    return row, shot_picture(frames[middle], kept[0].maps[middle], truths[middle], mesh)


def disparity_figures(name: str, disparity: np.ndarray, truth: np.ndarray, seconds: float) -> dict[str, Any]:
    """Of one method; NaN is unknown."""
    there = np.isfinite(truth)
    known = there & np.isfinite(disparity)
    error = np.abs(disparity - truth)
    right = there & (np.nan_to_num(error, nan=np.inf) <= 2)
    return {
        "method": name, "valid": known.sum() / there.sum(), "bad2_all": 1 - right.sum() / there.sum(),
        "bad2_valid": float((error[known] > 2).mean()), "mean_px": float(error[known].mean()), "median_px": float(np.median(error[known])),
        "cpu_s": seconds,
    }  # fmt: skip


def run_pair() -> tuple[list[dict[str, Any]], np.ndarray]:
    """Ours and StereoSGBM on the motorcycle."""
    import cv2
    import skimage.data

    left, right, truth = skimage.data.stereo_motorcycle()
    truth = np.where(np.isfinite(truth) & (truth > 0), truth, np.nan)
    height, width = truth.shape
    c = MOTORCYCLE
    there = np.eye(4)
    there[0, 3] = c["baseline"]
    cameras = [
        Camera(width, height, c["focal"], c["focal"], c["cx"] + 0.5, c["cy"] + 0.5, np.eye(4)),
        Camera(width, height, c["focal"], c["focal"], c["cx"] + c["doffs"] + 0.5, c["cy"] + 0.5, there),
    ]
    frames = [SceneFrame(cam, {"color": Image(p, "srgb")}, 1.0, n) for n, (cam, p) in enumerate(zip(cameras, (left, right), strict=True))]
    start = time.process_time()
    depth_map = estimate_depths(read_views(frames, 960, lambda f, s: None), Settings(), lambda f, s: None).maps[0]
    seconds = time.process_time() - start
    known = depth_map.depth > 0
    ours = np.where(known, c["focal"] * c["baseline"] / np.maximum(depth_map.depth, 1e-6) - c["doffs"], np.nan)
    measured = np.where(depth_map.filled, np.nan, ours)
    grays = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (left, right)]
    matcher = cv2.StereoSGBM_create(
        minDisparity=0, numDisparities=80, blockSize=5, P1=8 * 25, P2=32 * 25, disp12MaxDiff=1, uniquenessRatio=10, speckleWindowSize=100,
        speckleRange=2, mode=cv2.STEREO_SGBM_MODE_HH,
    )  # fmt: skip
    start = time.process_time()
    raw = matcher.compute(*grays).astype(np.float32) / 16
    sgbm_seconds = time.process_time() - start
    sgbm = np.where(raw >= 0, raw, np.nan)
    rows = [
        disparity_figures("ours, confirmed", measured, truth, seconds),
        disparity_figures("ours, filled", ours, truth, seconds),
        disparity_figures("StereoSGBM", sgbm, truth, sgbm_seconds),
    ]
    seen = np.isfinite(truth)
    tiles = [left / 255, gray_of(np.where(seen, 1 / np.maximum(truth, 1e-6), 0), 1 / 62, 1 / 5)]
    for disparity in (measured, ours, sgbm):
        tiles.append(heat(np.abs(disparity - truth), np.isfinite(disparity), seen, 4.0))
    return rows, np.rint(255 * np.clip(np.concatenate(tiles, 1)[::2, ::2], 0, 1)).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", nargs="*", default=["wall", "table", "yard"])
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--distorted", action="store_true")
    parser.add_argument("--no-pair", action="store_true")
    parser.add_argument("--no-pictures", action="store_true")
    options = parser.parse_args()
    print(f"{numba.get_num_threads()} threads")
    suffix = "_distorted" if options.distorted else ""
    if options.shots:
        shots_on_disk(options.frames)
        rows, pictures = [], []
        for name in options.shots:
            row, picture = run_shot(name, options.distorted)
            print_table([row])
            sys.stdout.flush()
            rows.append(row)
            pictures.append(picture)
            save_rows(f"footage{suffix}_cpu", torch.device("cpu"), rows)
            if not options.no_pictures:
                save_picture(f"footage_shots{suffix}.jpg", np.concatenate(pictures))
    if not options.no_pair:
        pair_rows, picture = run_pair()
        print_table(pair_rows)
        save_rows("footage_pair_cpu", torch.device("cpu"), pair_rows)
        if not options.no_pictures:
            save_picture("footage_pair.jpg", picture)


if __name__ == "__main__":
    main()
