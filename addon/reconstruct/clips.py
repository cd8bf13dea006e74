"""A solved clip as the values that operations take: cameras with their lens, and tracks.

Checked against Blender's own solver (tests/blender/test_reconstruct_clip.py): markers made with these formulas are solved with a
reprojection error of 0. Frames are numbered as the Clip Editor does it: 1 is the first frame of the footage.
"""

from __future__ import annotations

import dataclasses

import bpy
import mathutils
import numpy as np

from ...shared.errors import InputError
from ...shared.values import Camera, Distortion, Tracks
from .camera_object import orientation, solved_camera

MIN_FRAMES = 3
MIN_PARALLAX = 1e-3
"""Path of the camera divided by the distance of the points, below which nothing can be triangulated: 0.06 degrees."""
FIT_SAMPLES = 256
FIT_ERROR = 0.2
"""Pixels, the largest over the picture."""


@dataclasses.dataclass(frozen=True)
class Solve:
    """A clip's camera solve in the world of a scene.

    Attributes:
        clip: Name of the clip.
        size: Pixels of its pictures.
        poses: Frame of the clip to camera-to-world, ``(4, 4)`` float64, OpenGL convention, without scale.
        world: From the solve's own space to the scene's, as the artist oriented the camera object; ``(4, 4)`` float64.
        camera: Name of the camera object that follows the solve, or ``""``: then ``world`` is the identity.
        error: Average reprojection error of the solve, in pixels.
    """

    clip: str
    size: tuple[int, int]
    poses: dict[int, np.ndarray]
    world: np.ndarray
    camera: str
    error: float


def find(name: str) -> bpy.types.MovieClip:
    """The clip of that name, or the only one where the name is empty.

    Raises:
        InputError: There is none.
    """
    if not name and len(bpy.data.movieclips) == 1:
        return bpy.data.movieclips[0]
    clip = bpy.data.movieclips.get(name)
    if clip is None:
        got = f"{name!r}" if name else "none chosen"
        raise InputError(expected="a movie clip of this file", got=got, fix="Open the footage in the Clip Editor, track it and solve it")
    return clip


def solve(clip: bpy.types.MovieClip, scene: bpy.types.Scene) -> Solve:
    """Reads the camera solve of a clip.

    Raises:
        InputError: No solve, one without parallax (tripod), too few frames, or a scene orientation that is not a similarity.
    """
    tracking = _camera_tracking(clip)
    reconstruction = tracking.reconstruction
    if not reconstruction.is_valid or not len(reconstruction.cameras):
        raise InputError(
            expected=f"a camera solve of the clip {clip.name!r}", got="none",
            fix="In the Clip Editor track at least 8 points through the shot and press Solve > Solve Camera Motion",
        )  # fmt: skip
    camera = solved_camera(clip, scene)
    world = orientation(camera) if camera is not None else mathutils.Matrix.Identity(4)
    _check_similarity(world, camera)
    poses = {}
    for item in reconstruction.cameras:
        location, rotation, _ = (world @ item.matrix).decompose()
        poses[int(item.frame)] = np.array(mathutils.Matrix.LocRotScale(location, rotation, None), np.float64)
    found = Solve(
        clip.name, (int(clip.size[0]), int(clip.size[1])), dict(sorted(poses.items())), np.array(world, np.float64),
        camera.name if camera is not None else "", float(reconstruction.average_error),
    )  # fmt: skip
    _check_parallax(clip, found, tracking)
    return found


def tracks(clip: bpy.types.MovieClip, world: np.ndarray, frames: set[int]) -> Tracks:
    """The solved tracks of a clip.

    Args:
        clip: A solved clip.
        world: See ``Solve.world``.
        frames: Frames of the clip of which observations are wanted.

    Raises:
        InputError: No track was solved.
    """
    width, height = clip.size
    points: list[list[float]] = []
    observed: list[tuple[int, int, float, float]] = []
    for track in _camera_tracking(clip).tracks:
        if not track.has_bundle:
            continue
        offset_x, offset_y = track.offset
        seen = [
            (int(m.frame), len(points), (m.co[0] + offset_x) * width, height - (m.co[1] + offset_y) * height)
            for m in track.markers
            if not m.mute and int(m.frame) in frames
        ]
        if seen:
            points.append([*track.bundle])
            observed += seen
    if not points:
        raise InputError(expected=f"solved tracks in the clip {clip.name!r}", got="none in the chosen frames", fix="Solve the camera again")
    placed = np.array(points, np.float64) @ world[:3, :3].T + world[:3, 3]
    table = np.array(observed, np.float64)
    return Tracks(placed, table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2:].astype(np.float32))


def cameras(clip: bpy.types.MovieClip, solved: Solve) -> dict[int, Camera]:
    """The camera of each solved frame, with the lens that the clip was solved with."""
    lens = clip.tracking.camera
    width, height = solved.size
    focal = float(lens.focal_length_pixels)
    # Blender's solver squeezes heights by the pixel's aspect; one focal length holds for both directions then.
    fl_y = focal * float(lens.pixel_aspect)
    across, up = lens.principal_point_pixels
    bent = distortion(lens, solved.size)
    return {
        frame: Camera(width, height, focal, fl_y, float(across), height - float(up), pose, bent) for frame, pose in solved.poses.items()
    }


def distortion(lens: bpy.types.MovieTrackingCamera, size: tuple[int, int]) -> Distortion | None:
    """A clip's lens distortion in OpenCV's terms, None for one that bends nothing.

    Blender counts rows upwards, which turns the sign of one tangential term, and its Brown model has the two the other way round
    than OpenCV. Its division model divides by a polynomial of the *ideal* radius, its Nuke model by one of the distorted radius in
    units of half the larger side: both are sent as the polynomial that fits them over the whole picture.

    Raises:
        InputError: A model that is not known, or one that bends more than a polynomial can follow.
    """
    model = lens.distortion_model
    found: tuple[float, ...]
    if model == "POLYNOMIAL":
        found = (lens.k1, lens.k2, lens.k3)
    elif model == "BROWN":
        found = (lens.brown_k1, lens.brown_k2, lens.brown_k3, lens.brown_k4, -lens.brown_p2, lens.brown_p1)
    elif model in ("DIVISION", "NUKE"):
        found = _fitted(lens, size)
    else:
        fix = "Choose another Lens Distortion model in the Clip Editor and solve again"
        raise InputError(expected="a polynomial, division, Nuke or Brown lens", got=model.title(), fix=fix)
    return Distortion("brown", found) if any(found) else None


def _camera_tracking(clip: bpy.types.MovieClip) -> bpy.types.MovieTrackingObject:
    return next(item for item in clip.tracking.objects if item.is_camera)


def _check_similarity(world: mathutils.Matrix, camera: bpy.types.Object | None) -> None:
    columns = np.array(world.to_3x3(), np.float64)
    scale = np.cbrt(abs(np.linalg.det(columns)))
    if scale > 0 and np.abs(columns.T @ columns / scale**2 - np.eye(3)).max() < 1e-3 and np.linalg.det(columns) > 0:
        return
    name = camera.name if camera is not None else ""
    got = f"{name!r} scaled by {', '.join(f'{s:.4g}' for s in np.linalg.norm(columns, axis=0))}"
    raise InputError(expected="a solved camera with the same scale along x, y and z", got=got, fix="Give its scale three equal numbers")


def _check_parallax(clip: bpy.types.MovieClip, found: Solve, tracking: bpy.types.MovieTrackingObject) -> None:
    if len(found.poses) < MIN_FRAMES:
        fix = "Track through more of the shot and solve again"
        raise InputError(expected=f"at least {MIN_FRAMES} solved frames in {clip.name!r}", got=str(len(found.poses)), fix=fix)
    centres = np.array([pose[:3, 3] for pose in found.poses.values()])
    bundles = np.array([[*track.bundle] for track in tracking.tracks if track.has_bundle], np.float64).reshape(-1, 3)
    points = bundles @ found.world[:3, :3].T + found.world[:3, 3]
    way = float(np.linalg.norm(centres - centres.mean(0), axis=1).max())
    far = float(np.median(np.linalg.norm(points - centres.mean(0), axis=1))) if len(points) else 1.0
    if clip.tracking.settings.use_tripod_solver or way < MIN_PARALLAX * far:
        raise InputError(
            message=f"The camera of {clip.name!r} turns on the spot", expected="a camera that moves, so that depth can be seen",
            got="a tripod solve", fix="Reconstruct from a plate with a depth image instead, or solve without Tripod",
        )  # fmt: skip


def _fitted(lens: bpy.types.MovieTrackingCamera, size: tuple[int, int]) -> tuple[float, ...]:
    focal, (across, up) = float(lens.focal_length_pixels), lens.principal_point_pixels
    corners = np.array([[x - across, (y - up) / lens.pixel_aspect] for x in (0, size[0]) for y in (0, size[1])]) / focal
    farthest = float(np.linalg.norm(corners, axis=1).max())
    if lens.distortion_model == "NUKE":
        k1, k2 = lens.nuke_k1, lens.nuke_k2
        bent = np.linspace(0.0, farthest, FIT_SAMPLES + 1)[1:]
        square = (bent * focal / (max(size) / 2)) ** 2
        ideal = bent / (1 + k1 * square + k2 * square**2)
    else:
        k1, k2 = lens.division_k1, lens.division_k2
        ideal = np.linspace(0.0, 2.0 * farthest, 4 * FIT_SAMPLES + 1)[1:]
        bent = ideal / (1 + k1 * ideal**2 + k2 * ideal**4)
        inside = np.maximum.accumulate(np.where(bent > 0, bent, np.inf)) <= farthest
        ideal, bent = ideal[inside], bent[inside]
    if not (k1 or k2):
        return (0.0,)
    if len(ideal) >= 8 and np.isfinite(ideal).all() and (np.diff(ideal) > 0).all() and (np.diff(bent) > 0).all():
        # Differences of radii are fitted, not their quotient: the error in pixels is minimised.
        unit = ideal[-1]
        powers = (ideal[:, None] / unit) ** np.array([3, 5, 7, 9])
        found = np.linalg.lstsq(powers, bent - ideal, rcond=None)[0]
        if np.abs(powers @ found - (bent - ideal)).max() * focal < FIT_ERROR:
            return tuple(float(k) for k in found / unit ** np.array([3, 5, 7, 9]))
    raise InputError(
        expected="a lens that bends the picture moderately", got=f"{lens.distortion_model.title()} {k1:.4g}, {k2:.4g}",
        fix="Choose the lens distortion Polynomial or Brown in the Clip Editor and solve again",
    )  # fmt: skip
