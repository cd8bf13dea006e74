"""Multi-view stereo on three Cycles shots with truth, and a rectified pair against OpenCV.

    python3 dev.py bench footage [--shots wall table yard] [--frames 10] [--distorted] [--no-pair] [--no-pictures] [--tiny]

The shots are those of ``scenes/footage_scenes.py``, rendered once by Blender as a module (``.venvs/bpy-4.5``) into ``.cache/footage``:
10 frames of 640 x 360. Depth ranges, sources and voxel size are found by the operation; it gets colour and cameras, no tracks. Figures
are means over all frames of a shot: ``valid`` is the share of pixels with truth whose depth at least two other frames confirmed,
``absrel`` the median of |depth - truth| / truth over them, ``within 2 %`` the share of **all** pixels with truth that are right to 2 %
(unknown counts as wrong), ``filled`` the same after holes on planes are filled. ``mesh`` is the median distance of the mesh's vertices
to the truth of the frames that show them, in thousandths of the usual distance. ``--distorted`` passes each frame through a lens first
(Brown, -0.15, 0.03): the figures must stay the same.

The pair is the Middlebury 2014 motorcycle of scikit-image (741 x 500, calibration from its documentation) against OpenCV's StereoSGBM
in the same run: ``bad 2`` is the share of pixels that are off by more than 2 px of disparity; over all pixels with truth, unknown ones
are bad. ``--tiny`` takes four ray-cast views of ``scenes/room.py`` and a third of the pair's size, and needs no Blender.
"""

from __future__ import annotations

import dataclasses
import subprocess
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numba
import numpy as np
import torch

from ..backend.core.camera import project
from ..backend.core.color import to_float, to_linear, to_srgb
from ..backend.core.context import Context
from ..backend.core.lens import undistort_pixels
from ..backend.io.exr_layers_read import decode_layers
from ..backend.reconstruct.fusion.preview import shade
from ..backend.reconstruct.operations import reconstruct_footage
from ..backend.reconstruct.stereo.depths import DepthMap, Estimate, estimate_depths
from ..shared.frames import read_transforms
from ..shared.operations import find
from ..shared.values import Camera, Distortion, EncodedFile, Image, Mesh, SceneFrame
from . import _stereo_pair
from ._report import ROOT, Row, begin, make_parser, print_table, to_bytes
from ._stereo_pair import gray_of, heat
from .scenes import room
from .scenes._blender import blender_python

CACHE = ROOT / ".cache" / "footage"
LENS = Distortion("brown", (-0.15, 0.03))
Shot = tuple[list[SceneFrame], list[np.ndarray]]
"""Frames with colour only, and true depth (0 = background)."""


def render_shots(names: Sequence[str], frames: int) -> None:
    """Render what is missing."""
    command = [str(blender_python()), "-m", f"{__package__}.scenes.footage_scenes", str(CACHE), "--frames", str(frames)]
    command += ["--shots", *names]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def read_shot(name: str) -> Shot:
    """A shot that Blender rendered."""
    frames, truths = [], []
    for frame in read_transforms(CACHE / name):
        color = frame.channels["color"]
        assert isinstance(color, EncodedFile)
        depth = decode_layers(color)["Depth"].pixels[..., 0].astype(np.float32)
        truths.append(np.where(depth < 1e9, depth, np.float32(0)))
        frames.append(dataclasses.replace(frame, channels={"color": color}))
    return frames, truths


def tiny_shot(count: int = 4) -> Shot:
    """Views of the ray-cast room from a camera that moves sideways."""
    frames, truths = [], []
    for number, x in enumerate(np.linspace(-0.3, 0.3, count)):
        pose = room.look_at(np.array([x, -1.7, 1.2]), np.array([0.3 * x, 0.4, 0.6]))
        camera = Camera(112, 84, 92.0, 92.0, 56.0, 42.0, pose)
        depth, color = room.textured(camera)
        frames.append(SceneFrame(camera, {"color": Image(to_bytes(color))}, 1.0, number))
        truths.append(depth)
    return frames, truths


def distorted(frames: list[SceneFrame]) -> list[SceneFrame]:
    """The frames as a camera with ``LENS`` takes them."""
    bent = []
    for frame in frames:
        camera = dataclasses.replace(frame.camera, distortion=LENS)
        bent.append(dataclasses.replace(frame, camera=camera, channels={"color": Image(bend(linear(frame), camera), "linear")}))
    return bent


def linear(frame: SceneFrame) -> np.ndarray:
    """Colour ``(H, W, 3)`` float32, scene-linear."""
    color = frame.channels["color"]
    if isinstance(color, EncodedFile):
        return decode_layers(color)["Combined"].pixels[..., :3].astype(np.float32)
    pixels = to_float(color.pixels)[..., :3]
    return to_linear(pixels) if color.color_space == "srgb" else pixels


def bend(pixels: np.ndarray, camera: Camera) -> np.ndarray:
    """A picture without distortion as the lens of ``camera`` shows it, bilinear from a picture of four times the samples."""
    fine = torch.nn.functional.interpolate(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None], scale_factor=2, mode="bicubic")
    v, u = np.mgrid[: camera.height, : camera.width]
    there = undistort_pixels(camera, np.stack([u + 0.5, v + 0.5], -1)) / (camera.width, camera.height) * 2 - 1
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


def shot_picture(frame: SceneFrame, depth_map: DepthMap, truth: np.ndarray, mesh: Mesh) -> np.ndarray:
    """Frame, truth, ours, error (confirmed only, 2 % is red), mesh from the side; one row."""
    there = truth > 0
    low, high = np.percentile(truth[there], [1, 99])
    known = (depth_map.depth > 0) & ~depth_map.filled
    pose = frame.camera.camera_to_world
    assert mesh.normals is not None
    view = shade(mesh.vertices, mesh.faces, mesh.normals, np.array([0.0, 0.0, 1.0]), pose[:3, 2] + 0.5 * pose[:3, 0], mesh.colors)
    tiles = [
        to_srgb(np.clip(linear(frame), 0, 1)), gray_of(truth, low, high), gray_of(depth_map.depth, low, high),
        heat(np.abs(depth_map.depth - truth) / np.maximum(truth, 1e-6), known, there, 0.02),
    ]  # fmt: skip
    row = [to_bytes(tile) for tile in tiles]
    height, width = truth.shape
    fitted = np.full((height, width, 3), 255, np.uint8)
    scale = max(view.shape[0] / height, view.shape[1] / width)
    rows, columns = (np.arange(int(n / scale)) * scale for n in view.shape[:2])
    small = view[rows.astype(int)[:, None], columns.astype(int)[None]]
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    fitted[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.concatenate([*row, fitted], 1)[::2, ::2]


def run_shot(name: str, shot: Shot, lens: bool) -> tuple[Row, np.ndarray]:
    """Figures and a row of pictures."""
    frames, truths = shot
    if lens:
        frames = distorted(frames)
    kept: list[Estimate] = []

    def keeping(*args: Any, **kwargs: Any) -> Estimate:
        kept.append(estimate_depths(*args, **kwargs))
        return kept[0]

    wall, cpu = time.perf_counter(), time.process_time()
    with mock.patch.object(reconstruct_footage, "estimate_depths", keeping):  # its depth maps are not among the outputs
        parameters = find("reconstruct.footage").check_parameters({})
        outputs = reconstruct_footage.run({"frames": frames}, parameters, Context(torch.device("cpu")))
    row: Row = {
        "shot": name,
        "distorted": lens,
        "frames": len(frames),
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
    }
    mesh, maps = outputs["mesh"], kept[0].maps
    row |= figures(maps, truths) | {"mesh_error_permille": mesh_error(mesh, frames, truths), "faces": len(mesh.faces)}
    middle = len(frames) // 2
    return row, shot_picture(frames[middle], maps[middle], truths[middle], mesh)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the shots, then the pair."""
    parser = make_parser(__file__, __doc__)
    parser.add_argument("--shots", nargs="*", default=["wall", "table", "yard"])
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--distorted", action="store_true")
    parser.add_argument("--no-pair", action="store_true")
    parser.add_argument("--no-pictures", action="store_true")
    options, report = begin(parser, arguments)
    print(f"{numba.get_num_threads()} threads")
    names = ["room"] if options.tiny else options.shots
    suffix = "_distorted" if options.distorted else ""
    rows, pictures = list[Row](), list[np.ndarray]()
    if names and not options.tiny:
        render_shots(names, options.frames)
    for name in names:
        row, picture = run_shot(name, tiny_shot() if options.tiny else read_shot(name), options.distorted)
        print_table([row])
        rows.append(row)
        pictures.append(picture)
        report.save_rows(f"footage{suffix}_cpu", rows)
        if not options.no_pictures:
            report.save_picture(f"footage_shots{suffix}.jpg", np.concatenate(pictures))
    if not options.no_pair:
        rows, picture = _stereo_pair.run(options.tiny)
        print_table(rows)
        report.save_rows("footage_pair_cpu", rows)
        if not options.no_pictures:
            report.save_picture("footage_pair.jpg", picture)


if __name__ == "__main__":
    main()
