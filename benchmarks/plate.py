"""One picture into geometry: how well alignment to tracks holds, and what a moved camera sees.

    python3 dev.py bench plate [--trials 200] [--no-pictures] [--only mattes] [--tiny]

Alignment: the room's disparity with a random scale and shift, 30 tracks with a pixel of noise (standard deviation in each direction), a
fifth of them with a random distance; the error of the scale over all trials, for each kind of depth.

Views: the furnished room of ``scenes/room.py`` with a texture of checks and waves, ray-cast, its exact depth as the depth image of the
artist's own, or the same depth smeared as networks do (a Gaussian of 2.5 pixels on disparity). The camera then moves sideways by a part of
the median distance. ``visible`` is the PSNR where the plate itself showed the surface, ``filled`` where it was hidden, ``edges`` within
4 pixels of a depth edge of the true view, ``all`` of all; pixels beyond the plate's border are left out. The naive mesh is one untorn grid.

Mattes: 24 composites with known alpha (``scenes/composites.py``). The layer is where alpha is above a half, or that grown or shrunk by a
pixel, as outlines of depth are never exact. Errors are those of the band's pixels; ``outline`` is the error of hard edges.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..backend.core.camera import project, unproject
from ..backend.core.context import Context
from ..backend.core.filters import gaussian_weights, separable
from ..backend.core.morphology import dilate_mask, erode_mask
from ..backend.reconstruct.operations import reconstruct_plate
from ..backend.reconstruct.single_view.align import KINDS, fit_tracks
from ..backend.reconstruct.single_view.edges import find_tears
from ..backend.reconstruct.single_view.matte import matte
from ..backend.reconstruct.single_view.sampling import sample
from ..shared.operations import OPERATIONS
from ..shared.values import Camera, Image, Mesh, SceneFrame
from ._report import Report, Row, begin, installed, make_parser, print_table, psnr, to_bytes
from .metrics.view import picture
from .scenes import room
from .scenes.composites import composites

WIDTH, HEIGHT, FOCAL = 480, 360, 393.0
CAMERAS = (((1.6, -1.7, 1.5), (-0.3, 0.3, 0.6)), ((-1.7, -1.5, 1.1), (0.3, 0.4, 0.5)), ((0.2, -1.9, 1.6), (0.1, 0.6, 0.6)))
"""Where the cameras are and what they look at, metres."""
SHIFTS = (0.05, 0.15)
WAYS: dict[str, dict[str, Any]] = {
    "naive": {"tear": 100.0, "grazing": 90.0, "sharpen": False, "fill": False},
    "relief": {"fill_width": 6.0},
    "cards": {"mode": "cards", "layers": 4, "fill_width": 6.0},
}


def smeared(depth: np.ndarray, sigma: float = 2.5) -> np.ndarray:
    """Depth whose inverse is blurred by a Gaussian of ``sigma`` pixels."""
    disparity = torch.from_numpy(1 / depth)
    return (1 / separable(disparity[None], gaussian_weights(sigma, 8, disparity))[0]).numpy()


def build(depth: np.ndarray, color: np.ndarray, camera: Camera, parameters: dict[str, Any]) -> tuple[Mesh, dict[str, Any], float]:
    """The operation's mesh of one picture, its report, and its seconds."""
    frame = SceneFrame(camera, {"color": Image(to_bytes(color)), "depth": Image(depth[..., None], "data")})
    checked = OPERATIONS["reconstruct.plate"].check_parameters({"resolution": camera.width, **parameters})
    start = time.perf_counter()
    outputs = reconstruct_plate.run({"frames": [frame]}, checked, Context(torch.device("cpu")))
    return outputs["mesh"], outputs["report"], time.perf_counter() - start


def regions(depth: np.ndarray, camera: Camera, plate_depth: np.ndarray, plate_camera: Camera) -> dict[str, np.ndarray]:
    """Which pixels of a moved view the plate showed, which it hid, and which are at edges; none beyond the plate's border."""
    width, height = camera.width, camera.height
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2) + 0.5
    points = unproject(camera, pixels, depth.ravel())
    shown_at, z = project(plate_camera, points)
    inside = (shown_at > 1).all(1) & (shown_at < [width - 1, height - 1]).all(1) & np.isfinite(z)
    column, row = (np.clip(np.nan_to_num(p).astype(int), 0, n - 1) for p, n in zip(shown_at.T, (width, height), strict=True))
    relative = np.nan_to_num(z / plate_depth[row, column], nan=1.0).reshape(depth.shape)
    inside = inside.reshape(depth.shape)
    shown, hidden = inside & (np.abs(relative - 1) < 0.004), inside & (relative > 1.02)
    torn = find_tears((1 / depth).astype(np.float32), np.ones(depth.shape, bool), 0.05, 88, (camera.fl_x, camera.fl_y)).pixels()
    edges = dilate_mask(torn, 4)
    return {"visible": shown, "filled": hidden, "edges": edges & inside, "all": inside}


def views(report: Report, tiny: bool, pictures: bool) -> list[Row]:
    """What moved cameras see of the plates' meshes, against the truth: a row for each kind of depth, mesh and movement."""
    scores: dict[tuple[str, str, float], list[dict[str, float]]] = {}
    tiles: list[np.ndarray] = []
    part = 4 if tiny else 1
    width, height, focal = WIDTH // part, HEIGHT // part, FOCAL / part
    for number, (centre, target) in enumerate(CAMERAS[: 1 if tiny else None]):
        camera = Camera(width, height, focal, focal, width / 2, height / 2, room.look_at(np.array(centre), np.array(target)))
        depth, color = room.textured(camera)
        step = float(np.median(depth)) * camera.camera_to_world[:3, 0]
        for kind, given in (("exact", depth), ("smeared", smeared(depth))):
            strips: dict[float, list[np.ndarray]] = {}
            for name, parameters in WAYS.items():
                mesh, made, seconds = build(given.astype(np.float32), color, camera, parameters)
                for shift in SHIFTS:
                    pose = camera.camera_to_world.copy()
                    pose[:3, 3] += shift * step
                    moved = dataclasses.replace(camera, camera_to_world=pose)
                    truth_depth, truth = room.textured(moved)
                    seen, cover, _ = picture(mesh, moved)
                    areas = regions(truth_depth, moved, depth, camera)
                    row = {area: psnr((seen - truth)[where]) for area, where in areas.items()}
                    row |= {"holes": float((cover < 0.99)[areas["all"]].mean()), "seconds": seconds}
                    scores.setdefault((kind, name, shift), []).append(row | {"faces": made["faces"]})
                    strips.setdefault(shift, [truth]).append(seen + (1 - cover)[..., None] * [0.9, 0.0, 0.9])
            if number < 2:
                tiles.append(np.concatenate(strips[SHIFTS[-1]], 1))
    if pictures:
        report.save_picture("plate_room.jpg", to_bytes(np.concatenate(tiles)))
    rows = list[Row]()
    for (kind, name, shift), found in scores.items():
        means = {key: float(np.mean([f[key] for f in found])) for key in found[0]}
        rows.append({"depth": kind, "mesh": name, "shift_percent": 100 * shift} | means)
    return rows


def alignment(trials: int, views_used: int) -> list[Row]:
    """Errors of the scale that tracks give, in percent: a row for each kind of depth."""
    depths = [room.render(pose, 640, 480, 525.0).depth.astype(np.float64) for pose in room.poses(views_used)]
    rows = list[Row]()
    for kind in KINDS:
        errors = []
        for trial in range(trials):
            generator = np.random.default_rng(trial)
            depth = depths[trial % len(depths)]
            scale = 1.0 if kind == "metric" else generator.uniform(0.2, 5)
            shift = generator.uniform(-0.05, 0.3) if kind.endswith("affine") else 0.0
            raw = ((1 / depth if kind.startswith("inverse") else depth) - shift) / scale
            pixels = np.stack([generator.uniform(4, 636, 30), generator.uniform(4, 476, 30)], 1)
            distance = depth[pixels[:, 1].astype(int), pixels[:, 0].astype(int)].copy()
            wrong = generator.permutation(30)[:6]
            distance[wrong] = generator.uniform(depth.min(), depth.max(), 6)
            values, spread = sample(raw, np.ones(raw.shape, bool), pixels + generator.normal(size=pixels.shape))
            errors.append(100 * abs(fit_tracks(values, spread, distance, kind).scale / scale - 1))
        quantiles = {"median": np.median(errors), "p95": np.percentile(errors, 95), "worst": np.max(errors)}
        rows.append({"alignment": kind, "trials": trials} | {f"{k}_percent": float(v) for k, v in quantiles.items()})
    return rows


def mattes(tiny: bool) -> list[Row]:
    """Errors of alpha in the band: a row for each half width of the band and each error of the outline, in pixels."""
    if not installed("skimage"):
        return []
    pictures = list(composites(60, 80))[:2] if tiny else list(composites(240, 320))
    rows = list[Row]()
    for off in (0, 1, -1):
        for radius in (3, 6):
            found = []
            for color, truth in pictures:
                inside = dilate_mask(truth > 0.5, off) if off >= 0 else erode_mask(truth > 0.5, -off)
                band = dilate_mask(inside, radius) & ~erode_mask(inside, radius)
                start = time.process_time()
                error = (matte(color, inside, radius) - truth)[band]
                seconds = time.process_time() - start
                found.append(((error**2).mean(), np.abs(error).mean(), ((inside - truth)[band] ** 2).mean(), seconds))
            mse, mean, outline, seconds = (float(value) for value in np.mean(found, 0))
            rows.append({"matte": radius, "outline_off": off, "mse": mse, "mean_error": mean, "outline_mse": outline, "cpu_s": seconds})
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure mattes, alignment, then views."""
    parser = make_parser(__file__, __doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--no-pictures", action="store_true")
    parser.add_argument("--only", choices=("mattes",), help="the mattes alone, whose figures are printed only")
    options, report = begin(parser, arguments)
    soft = mattes(options.tiny)
    if soft:
        print_table(soft)
    if options.only:
        return
    aligned = alignment(4, 2) if options.tiny else alignment(options.trials, 20)
    print_table(aligned)
    seen = views(report, options.tiny, not options.no_pictures)
    print_table(seen)
    report.save_rows("plate_cpu", [*aligned, *seen, *soft])


if __name__ == "__main__":
    main()
