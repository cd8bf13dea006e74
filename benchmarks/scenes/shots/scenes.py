"""The three scenes. Each function builds one in an empty file and gives the key light: the looks shade by its direction."""

from __future__ import annotations

import math
from collections.abc import Callable

import bpy
import numpy as np
from mathutils import Vector

from . import FRAMES, SIZE
from .parts import ball, block, lamp, lathe, remember_rest, sheet, strands

Paint = tuple[str, tuple[float, float, float], tuple[float, float, float], float]
"""Kind of pigment, its dark and its light colour, and its scale."""


def figure() -> tuple[bpy.types.Object, dict[str, Paint]]:
    """A creature with a mane turns by 100 degrees; its head turns a little more."""
    body = ball("Body", (0, 0, 0.72), (0.52, 0.46, 0.62))
    head = ball("Head", (0, -0.1, 1.58), (0.42, 0.4, 0.38))
    snout = ball("Snout", (0, -0.5, 1.5), (0.2, 0.24, 0.15), 24)
    nose = ball("Nose", (0, -0.72, 1.56), (0.08, 0.06, 0.06), 16)
    eyes = [ball(f"Eye {s}", (0.17 * s, -0.42, 1.7), (0.085, 0.07, 0.095), 20) for s in (-1, 1)]
    pupils = [ball(f"Pupil {s}", (0.18 * s, -0.485, 1.7), (0.04, 0.025, 0.05), 16) for s in (-1, 1)]
    ears = [ball(f"Ear {s}", (0.36 * s, 0.0, 1.9), (0.11, 0.06, 0.2), 20) for s in (-1, 1)]
    arms = [ball(f"Arm {s}", (0.55 * s, -0.18, 0.82), (0.13, 0.16, 0.36), 24) for s in (-1, 1)]
    feet = [ball(f"Foot {s}", (0.25 * s, -0.25, 0.1), (0.2, 0.3, 0.11), 24) for s in (-1, 1)]
    scarf = lathe("Scarf", [(0.3, -0.1), (0.45, -0.09), (0.48, 0.0), (0.43, 0.09), (0.28, 0.1)], (0, -0.03, 1.25))
    rng = np.random.default_rng(5)
    normals = rng.normal(size=(520, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals[(normals[:, 2] > -0.35) & (normals[:, 1] > -0.35 + 0.7 * (1 - normals[:, 2]) * (normals[:, 2] < 0.55))]
    mane = strands("Mane", normals * (0.41, 0.39, 0.37) + (0, -0.1, 1.58), normals + np.array([0, 0, 0.5]), 0.62, 0.02, 7)
    tail = strands(
        "Tail", np.tile([[0, 0.45, 0.5]], (40, 1)) + rng.normal(0, 0.03, (40, 3)), np.tile([[0, 1, 0.7]], (40, 1)), 0.75, 0.016, 8
    )
    sheet("Floor", (-6, -6, 0), (12, 0, 0), (0, 12, 0))
    sheet("Wall", (-6, 2.4, 0), (12, 0, 0), (0, 0, 6))
    remember_rest()
    pivot, neck = bpy.data.objects.new("Pivot", None), bpy.data.objects.new("Neck", None)
    for empty in (pivot, neck):
        bpy.context.scene.collection.objects.link(empty)
    neck.parent = pivot
    for item in (body, tail, scarf, *arms, *feet):
        item.parent = pivot
    for item in (head, snout, nose, mane, *eyes, *pupils, *ears):
        item.parent = neck
    _key(pivot, "rotation_euler", {1: (0, 0, math.radians(-35)), FRAMES: (0, 0, math.radians(65))})
    _key(neck, "rotation_euler", {1: (0, 0, 0), FRAMES // 2: (0, 0, math.radians(9)), FRAMES: (0, 0, math.radians(-6))})
    _camera((0.3, -5.1, 1.95), (0, 0, 1.2), 46)
    lamp("Fill", "AREA", (-4, -3, 2.5), (0, 0, 1), 90, 3, (0.7, 0.8, 1.0))
    key = lamp("Key", "AREA", (3, -3.4, 4.2), (0, 0, 1), 420, 1.2, (1.0, 0.93, 0.82))
    paints: dict[str, Paint] = {
        "Body": ("spots", (0.28, 0.1, 0.04), (0.62, 0.3, 0.12), 7),
        "Head": ("spots", (0.42, 0.18, 0.07), (0.68, 0.36, 0.16), 8),
        "Snout": ("spots", (0.6, 0.4, 0.25), (0.78, 0.6, 0.42), 9),
        "Ear": ("spots", (0.5, 0.22, 0.12), (0.7, 0.42, 0.3), 9),
        "Arm": ("spots", (0.28, 0.1, 0.04), (0.62, 0.3, 0.12), 8),
        "Foot": ("spots", (0.12, 0.06, 0.04), (0.26, 0.14, 0.08), 8),
        "Scarf": ("stripes", (0.05, 0.2, 0.3), (0.75, 0.7, 0.5), 7),
        "Mane": ("spots", (0.08, 0.035, 0.02), (0.3, 0.13, 0.05), 6),
        "Tail": ("spots", (0.08, 0.035, 0.02), (0.3, 0.13, 0.05), 6),
        "Eye": ("spots", (0.8, 0.8, 0.75), (0.9, 0.9, 0.86), 4),
        "Pupil": ("spots", (0.01, 0.01, 0.012), (0.02, 0.02, 0.02), 4),
        "Nose": ("spots", (0.03, 0.02, 0.02), (0.06, 0.04, 0.04), 6),
        "Floor": ("wood", (0.2, 0.13, 0.08), (0.45, 0.32, 0.2), 1.4),
        "Wall": ("spots", (0.22, 0.34, 0.36), (0.4, 0.5, 0.48), 2.2),
    }
    return key, paints


def yard() -> tuple[bpy.types.Object, dict[str, Paint]]:
    """The camera moves sideways past pillars, pots and blocks in front of a brick wall."""
    sheet("Floor", (-8, -7, 0), (16, 0, 0), (0, 14, 0))
    sheet("Wall", (-8, 3.2, 0), (16, 0, 0), (0, 0, 7))
    for number, x in enumerate((-2.6, -0.4, 1.9)):
        profile = [(0.34, 0), (0.34, 0.12), (0.24, 0.2), (0.22, 1.2), (0.2, 2.3), (0.3, 2.42), (0.34, 2.5), (0.34, 2.62), (0.0, 2.62)]
        lathe(f"Pillar {number}", profile, (x, -0.3 + 0.5 * number, 0))
    pot = [(0.0, 0.0), (0.22, 0.0), (0.34, 0.2), (0.4, 0.42), (0.33, 0.62), (0.2, 0.74), (0.25, 0.84), (0.2, 0.82)]
    for number, position in enumerate([(-1.5, 0.9, 0), (0.7, -1.0, 0), (2.8, 1.6, 0)]):
        lathe(f"Pot {number}", pot, position)
    block("Crate 0", (-1.5, -1.2, 0.3), (0.34, 0.3, 0.3), 0.4)
    block("Crate 1", (1.0, 1.8, 0.5), (0.55, 0.4, 0.5), -0.3)
    ball("Orb", (-0.3, 1.5, 0.42), (0.42, 0.42, 0.42))
    leaves = np.random.default_rng(3).normal(0, 0.05, (70, 3)) + np.array([-1.5, 0.9, 0.8])
    strands("Grass", leaves, np.random.default_rng(4).normal(0, 0.5, (70, 3)) + np.array([0, 0, 1.3]), 0.8, 0.02, 11)
    remember_rest()
    camera = _camera((-1.7, -5.2, 1.75), (-0.6, 0.6, 1.0), 34)
    start = Vector((-1.7, -5.2, 1.75))
    for number in range(1, FRAMES + 1):
        s = (number - 1) / (FRAMES - 1)
        camera.location = start + Vector((2.6 * s, 0.5 * s, 0.25 * math.sin(math.pi * s)))
        aim = Vector((-0.6 + 1.0 * s, 0.6, 1.0))
        camera.rotation_euler = (aim - camera.location).to_track_quat("-Z", "Y").to_euler()
        camera.keyframe_insert("location", frame=number)
        camera.keyframe_insert("rotation_euler", frame=number)
    lamp("Fill", "AREA", (-4, -5, 4), (0, 0, 1), 250, 5, (0.75, 0.85, 1.0))
    key = lamp("Key", "SUN", (3, -4, 5), (0, 0, 0.5), 3.4, 0.02, (1.0, 0.92, 0.78))
    paints: dict[str, Paint] = {
        "Floor": ("tiles", (0.34, 0.3, 0.26), (0.56, 0.52, 0.45), 1.3),
        "Wall": ("bricks", (0.36, 0.13, 0.08), (0.52, 0.22, 0.13), 1.5),
        "Pillar": ("spots", (0.5, 0.47, 0.42), (0.72, 0.69, 0.62), 5),
        "Pot": ("stripes", (0.08, 0.2, 0.22), (0.62, 0.38, 0.2), 3),
        "Crate": ("wood", (0.3, 0.17, 0.08), (0.55, 0.37, 0.2), 3),
        "Orb": ("spots", (0.55, 0.3, 0.05), (0.85, 0.6, 0.15), 5),
        "Grass": ("spots", (0.05, 0.16, 0.03), (0.24, 0.42, 0.1), 5),
    }
    return key, paints


def cloth() -> tuple[bpy.types.Object, dict[str, Paint]]:
    """A banner ripples, a pillar twists and bends, and the key light moves across and turns from warm to cool."""
    banner = sheet("Banner", (-1.9, 0.5, 0.35), (2.2, 0, 0), (0, 0, 2.0), (72, 64))
    profile = [(0.0, 0.0), (0.42, 0.0), *((0.42 + 0.1 * math.sin(5 * z), z) for z in np.linspace(0.05, 1.95, 50)), (0.3, 2.0), (0.0, 2.02)]
    post = lathe("Post", profile, (0, 0, 0), 64)
    post.location = (1.25, 0.1, 0)
    ball("Pebble", (0.3, -0.9, 0.26), (0.34, 0.3, 0.26))
    sheet("Floor", (-6, -6, 0), (12, 0, 0), (0, 12, 0))
    sheet("Wall", (-6, 2.2, 0), (12, 0, 0), (0, 0, 6))
    remember_rest()
    _ripple(banner)
    twist = post.modifiers.new("Twist", "SIMPLE_DEFORM")
    twist.deform_method, twist.deform_axis = "TWIST", "Z"
    bend = post.modifiers.new("Bend", "SIMPLE_DEFORM")
    bend.deform_method, bend.deform_axis = "BEND", "X"
    for number, (a, b) in {1: (-40, -14), FRAMES // 2: (45, 22), FRAMES: (70, -6)}.items():
        twist.angle, bend.angle = math.radians(a), math.radians(b)
        twist.keyframe_insert("angle", frame=number)
        bend.keyframe_insert("angle", frame=number)
    _camera((0.15, -4.9, 1.7), (0, 0, 1.05), 42)
    lamp("Fill", "AREA", (0, -5, 3), (0, 0, 1), 70, 4, (0.8, 0.87, 1.0))
    key = lamp("Key", "AREA", (-3.2, -3, 3.4), (0, 0, 1), 260, 0.8)
    for number, (position, color) in {1: ((-3.2, -3, 3.4), (1, 0.82, 0.6)), FRAMES: ((3.0, -2.6, 3.0), (0.65, 0.8, 1))}.items():
        key.location = position
        key.rotation_euler = (Vector((0, 0, 1)) - Vector(position)).to_track_quat("-Z", "Y").to_euler()
        key.data.color = color
        key.keyframe_insert("location", frame=number)
        key.keyframe_insert("rotation_euler", frame=number)
        key.data.keyframe_insert("color", frame=number)
    paints: dict[str, Paint] = {
        "Banner": ("stripes", (0.55, 0.06, 0.07), (0.85, 0.72, 0.45), 2.4),
        "Post": ("spots", (0.1, 0.3, 0.28), (0.5, 0.68, 0.55), 5),
        "Pebble": ("spots", (0.3, 0.28, 0.3), (0.55, 0.52, 0.52), 6),
        "Floor": ("tiles", (0.22, 0.2, 0.2), (0.5, 0.47, 0.43), 2.0),
        "Wall": ("wood", (0.3, 0.3, 0.34), (0.46, 0.47, 0.5), 2.0),
    }
    return key, paints


SCENES: dict[str, Callable[[], tuple[bpy.types.Object, dict[str, Paint]]]] = {"figure": figure, "yard": yard, "cloth": cloth}


def _ripple(banner: bpy.types.Object) -> None:
    """A wave that runs along x and grows towards the lower hem: two shape keys a quarter of a wave apart, mixed frame by frame."""
    rest = np.array([v.co for v in banner.data.vertices])
    banner.shape_key_add(name="Rest")
    hang = (rest[:, 2].max() - rest[:, 2]) / np.ptp(rest[:, 2])
    keys = []
    for name, wave in (("Sine", np.sin), ("Cosine", np.cos)):
        key = banner.shape_key_add(name=name)
        key.slider_min, key.slider_max = -1.0, 1.0
        moved = rest + [[0.0, 0.26, 0.0]] * (hang**0.7 * wave(6.0 * rest[:, 0] + 1.5 * rest[:, 2]))[:, None]
        key.data.foreach_set("co", moved.astype(np.float32).ravel())
        keys.append(key)
    for number in range(FRAMES + 2):
        angle = 2 * math.pi * number / 26
        for key, value in zip(keys, (math.cos(angle), -math.sin(angle)), strict=True):
            key.value = value
            key.keyframe_insert("value", frame=number)


def _key(item: bpy.types.Object, channel: str, values: dict[int, tuple[float, float, float]]) -> None:
    for number, value in values.items():
        setattr(item, channel, value)
        item.keyframe_insert(channel, frame=number)


def _camera(position: tuple[float, float, float], aim: tuple[float, float, float], lens: float) -> bpy.types.Object:
    data = bpy.data.cameras.new("Camera")
    data.lens = lens
    item = bpy.data.objects.new("Camera", data)
    item.location = position
    item.rotation_euler = (Vector(aim) - Vector(position)).to_track_quat("-Z", "Y").to_euler()
    scene = bpy.context.scene
    scene.collection.objects.link(item)
    scene.camera = item
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    return item
