"""A clip that Blender itself solved: markers of known points, seen by a known camera through a known lens."""

import math

import bpy
import mathutils
import numpy as np

SIZE = (160, 120)
FOCAL = 150.0
FRAMES = 16
POINTS = np.random.default_rng(0).uniform(-1, 1, (48, 3)) * [1.6, 1.4, 1.0]


def pose(frame):
    """Camera-to-world of a frame: an arc that also rises."""
    turn = (frame - 1) / FRAMES * 0.9
    location = mathutils.Vector((6 * math.sin(turn), -6 * math.cos(turn), 1.2 + 0.08 * frame))
    rotation = (mathutils.Vector((0.03 * frame, 0, 0)) - location).to_track_quat("-Z", "Y")
    return mathutils.Matrix.LocRotScale(location, rotation, None)


def ideal(points, camera_to_world):
    """Normalised coordinates, y down."""
    view = np.linalg.inv(np.array(camera_to_world, np.float64))
    at = points @ view[:3, :3].T + view[:3, 3]
    return at[:, 0] / -at[:, 2], at[:, 1] / at[:, 2]


def brown(x, y, k1=0.0, k2=0.0, k3=0.0, k4=0.0, p1=0.0, p2=0.0):
    """OpenCV's formula."""
    r = x * x + y * y
    radial = 1 + k1 * r + k2 * r**2 + k3 * r**3 + k4 * r**4
    return x * radial + 2 * p1 * x * y + p2 * (r + 2 * x * x), y * radial + p1 * (r + 2 * y * y) + 2 * p2 * x * y


def make(folder, lens=None, bend=brown, principal=(0.0, 0.0), aspect=1.0, pictures=None, points=POINTS, number=1):
    """Writes pictures, loads them as a clip, marks the points and lets Blender solve.

    Args:
        folder: Where the pictures go.
        lens: Properties of the clip's camera, such as ``{"distortion_model": "BROWN", "brown_k1": 0.1}``.
        bend: From ideal to distorted normalised coordinates.
        principal: Of the principal point, pixels right and down of the centre.
        aspect: Of a pixel.
        pictures: ``(frame) -> (H, W, 4)`` float32 display values, row 0 at the bottom; None for grey.
        points: ``(P, 3)`` world space.
        number: In the first file's name.
    """
    width, height = SIZE
    folder.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new("picture", width, height)
    for frame in range(1, FRAMES + 1):
        pixels = pictures(frame) if pictures else np.full((height, width, 4), 0.5, np.float32)
        image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
        image.filepath_raw, image.file_format = str(folder / f"shot_{frame + number - 1:04d}.png"), "PNG"
        image.save()
    bpy.data.images.remove(image)
    clip = bpy.data.movieclips.load(str(folder / f"shot_{number:04d}.png"))
    camera = clip.tracking.camera
    camera.sensor_width, camera.focal_length_pixels, camera.pixel_aspect = 36, FOCAL, aspect
    for name, value in (lens or {}).items():
        setattr(camera, name, value)
    camera.principal_point_pixels = width / 2 + principal[0], height / 2 - principal[1]
    tracks = [clip.tracking.tracks.new(name=f"point {k}", frame=1) for k in range(len(points))]
    for frame in range(1, FRAMES + 1):
        x, y = bend(*ideal(points, pose(frame)))
        u, v = FOCAL * x + width / 2 + principal[0], FOCAL * aspect * y + height / 2 + principal[1]
        for k, track in enumerate(tracks):
            at = (u[k] / width, 1 - v[k] / height)
            if frame == 1:
                track.markers[0].co = at
            else:
                track.markers.insert_frame(frame, co=at)
    solve(clip)
    return clip


def solve(clip, tripod=False):
    """Presses Solve Camera Motion; there is a screen even without a window."""
    settings = clip.tracking.settings
    settings.use_tripod_solver, settings.use_keyframe_selection = tripod, False
    main = clip.tracking.objects[0]
    main.keyframe_a, main.keyframe_b = 1, FRAMES - 2
    with clip_editor(clip):
        bpy.ops.clip.solve_camera()


def clip_editor(clip):
    """A context in which the Clip Editor shows the clip."""
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    area.type = "CLIP_EDITOR"
    area.spaces.active.clip = clip
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region)


def orient(clip, scene):
    """Puts a camera with the solve into the scene, oriented so that the solved world is the true one; gives the camera."""
    camera = scene.camera
    constraint = camera.constraints.new("CAMERA_SOLVER")
    constraint.use_active_clip, constraint.clip = False, clip
    solved = {item.frame: item.matrix.copy() for item in clip.tracking.objects[0].reconstruction.cameras}
    first, last = min(solved), max(solved)
    scale = (pose(last).translation - pose(first).translation).length / (solved[last].translation - solved[first].translation).length
    turn = pose(first).to_3x3() @ solved[first].to_3x3().inverted()
    world = (turn * scale).to_4x4()
    world.translation = pose(first).translation - world @ solved[first].translation
    camera.matrix_basis = world
    bpy.context.view_layer.update()
    return camera
