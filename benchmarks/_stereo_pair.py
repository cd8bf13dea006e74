"""The rectified pair of ``footage.py``: our matching and OpenCV's StereoSGBM on the Middlebury 2014 motorcycle."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import skimage.data

from ..backend.reconstruct.stereo.depths import estimate_depths
from ..backend.reconstruct.stereo.matching import Settings
from ..backend.reconstruct.stereo.views import read_views
from ..shared.values import Camera, Image, SceneFrame
from ._report import Row, installed, to_bytes

MOTORCYCLE = {"focal": 994.978, "cx": 311.193, "cy": 254.877, "doffs": 31.086, "baseline": 0.193001}
"""Pixels of the quarter size picture, metres."""


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


def disparity_figures(name: str, disparity: np.ndarray, truth: np.ndarray, seconds: float) -> Row:
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


def motorcycle(part: int) -> tuple[list[SceneFrame], list[np.ndarray], np.ndarray, dict[str, float]]:
    """The pair at one ``part``-th of its size.

    Returns:
        Frames, pictures ``(H, W, 3)`` uint8, true disparity ``(H, W)`` in pixels (NaN: unknown), and the calibration in pixels and metres.
    """
    left, right, truth = skimage.data.stereo_motorcycle()
    left, right = (np.ascontiguousarray(picture[::part, ::part]) for picture in (left, right))
    truth = np.where(np.isfinite(truth) & (truth > 0), truth, np.nan)[::part, ::part] / part
    height, width = truth.shape
    c = {name: value if name == "baseline" else value / part for name, value in MOTORCYCLE.items()}
    moved = np.eye(4)
    moved[0, 3] = c["baseline"]
    half = 0.5 / part  # pixel centres
    cameras = [
        Camera(width, height, c["focal"], c["focal"], c["cx"] + half, c["cy"] + half, np.eye(4)),
        Camera(width, height, c["focal"], c["focal"], c["cx"] + c["doffs"] + half, c["cy"] + half, moved),
    ]
    pictures = [left, right]
    frames = [SceneFrame(cam, {"color": Image(p, "srgb")}, 1.0, n) for n, (cam, p) in enumerate(zip(cameras, pictures, strict=True))]
    return frames, pictures, truth, c


def match_by_opencv(pictures: Sequence[np.ndarray], disparities: int) -> tuple[np.ndarray, float]:
    """StereoSGBM's disparity ``(H, W)`` in pixels (NaN: unknown) and its processor seconds."""
    import cv2  # only in the environment of benchmarks

    grays = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in pictures]
    matcher = cv2.StereoSGBM_create(
        minDisparity=0, numDisparities=disparities, blockSize=5, P1=8 * 25, P2=32 * 25, disp12MaxDiff=1, uniquenessRatio=10,
        speckleWindowSize=100, speckleRange=2, mode=cv2.STEREO_SGBM_MODE_HH,
    )  # fmt: skip
    start = time.process_time()
    raw = matcher.compute(*grays).astype(np.float32) / 16
    return np.where(raw >= 0, raw, np.nan), time.process_time() - start


def run(tiny: bool) -> tuple[list[Row], np.ndarray]:
    """Ours, and StereoSGBM where OpenCV is installed, on the motorcycle."""
    frames, pictures, truth, c = motorcycle(4 if tiny else 1)
    start = time.process_time()
    depth_map = estimate_depths(read_views(frames, 960, lambda f, s: None), Settings(), lambda f, s: None).maps[0]
    seconds = time.process_time() - start
    known = depth_map.depth > 0
    ours = np.where(known, c["focal"] * c["baseline"] / np.maximum(depth_map.depth, 1e-6) - c["doffs"], np.nan)
    found = {"ours, confirmed": (np.where(depth_map.filled, np.nan, ours), seconds), "ours, filled": (ours, seconds)}
    if installed("cv2"):
        found["StereoSGBM"] = match_by_opencv(pictures, 32 if tiny else 80)
    rows = [disparity_figures(name, disparity, truth, spent) for name, (disparity, spent) in found.items()]
    seen = np.isfinite(truth)
    tiles = [pictures[0] / 255, gray_of(np.where(seen, 1 / np.maximum(truth, 1e-6), 0), 1 / 62, 1 / 5)]
    for disparity, _ in found.values():
        tiles.append(heat(np.abs(disparity - truth), np.isfinite(disparity), seen, 4.0))
    return rows, to_bytes(np.concatenate(tiles, 1)[::2, ::2])
