"""Scenes with a survey's coordinates: nothing is lost to float32, and the results say where they belong."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from footage_scene import camera_at, eyes, shoot, track
from hypothesis import given
from hypothesis import strategies as st

from backlot.backend.core.context import Context
from backlot.backend.io.meshes import decode_mesh, encode_mesh
from backlot.backend.reconstruct.operations import reconstruct_depth, reconstruct_footage, reconstruct_plate, reconstruct_texture
from backlot.shared.errors import ProtocolError
from backlot.shared.notes import collect_notes
from backlot.shared.operations import find
from backlot.shared.origin import NEAR, ZERO, moved, origin_of, relative
from backlot.shared.value_codec import decode, encode
from backlot.shared.values import Camera, EncodedFile, Image, Mesh, SceneFrame

UTM = np.array([500123.0, 4649776.0, 212.0])
RADIUS = 0.4


def look_at(eye: np.ndarray) -> np.ndarray:
    back = eye / np.linalg.norm(eye)
    right = np.cross((0.0, 0.0, 1.0), back)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(back, right), back, eye], 1)
    return pose


def ball(shift: np.ndarray) -> list[SceneFrame]:
    """Frames around a ball of ``RADIUS`` at ``shift``."""
    frames = []
    for number in range(12):
        a, b = number * math.pi / 3, (-0.5, 0.5)[number % 2]
        pose = look_at(1.5 * np.array([math.cos(a) * math.cos(b), math.sin(a) * math.cos(b), math.sin(b)]))
        camera = Camera(160, 120, 150.0, 150.0, 80.0, 60.0, pose)
        v, u = np.mgrid[:120, :160]
        ray = np.stack([(u + 0.5 - 80) / 150, -(v + 0.5 - 60) / 150, -np.ones(u.shape)], -1) @ pose[:3, :3].T
        a2, half, c = (ray**2).sum(-1), ray @ pose[:3, 3], pose[:3, 3] @ pose[:3, 3] - RADIUS**2
        root = half**2 - a2 * c
        depth = np.where(root > 0, (-half - np.sqrt(np.maximum(root, 0))) / a2, 1e10).astype(np.float32)
        color = np.tile(np.float32([0.8, 0.1, 0.05]), (120, 160, 1))
        pose = pose.copy()
        pose[:3, 3] += shift
        channels = {"depth": Image(depth[..., None], "data"), "color": Image(color, "linear")}
        frames.append(SceneFrame(dataclasses.replace(camera, camera_to_world=pose), channels, 1.0, number))
    return frames


def rebuild(frames: list[SceneFrame], context: Context) -> tuple[Mesh, dict]:
    parameters = {"voxel": 0.02, "truncation": 3.0, "max_depth": 0.0, "min_component": 100}
    outputs = reconstruct_depth.run({"frames": frames}, parameters, context)
    return outputs["mesh"], outputs["report"]


def test_a_survey_is_rebuilt_as_well_as_the_same_scene_at_zero() -> None:
    context = Context(torch.device("cpu"))
    near, near_report = rebuild(ball(np.zeros(3)), context)
    assert near.origin == ZERO
    assert "origin" not in near_report
    with collect_notes() as notes:
        mesh, report = rebuild(ball(UTM), context)
    assert np.abs(np.array(mesh.origin) - UTM).max() < 2
    assert report["origin"] == list(mesh.origin)
    assert any("500123" in text for text in notes.sentences())
    distance = np.linalg.norm(mesh.vertices.astype(np.float64) + mesh.origin - UTM, axis=1)
    assert np.abs(distance - RADIUS).mean() < 0.1 * 0.02  # float32 has steps of 0.5 there
    assert abs(len(mesh.faces) - len(near.faces)) < 0.05 * len(near.faces)
    early = context.emitted["mesh", None]
    assert early.origin == mesh.origin


def test_colour_is_baked_onto_a_mesh_of_a_survey_whatever_its_own_origin() -> None:
    near, _ = rebuild(ball(np.zeros(3)), Context(torch.device("cpu")))
    parameters = find("reconstruct.texture").check_parameters({"texture_size": 256})
    for origin in (tuple(UTM), tuple(UTM + np.array([3, -2, 1]))):
        vertices = moved(near.vertices, tuple(UTM), origin)
        given_mesh = dataclasses.replace(near, vertices=vertices, colors=None, origin=origin)
        outputs = reconstruct_texture.run({"mesh": given_mesh, "frames": ball(UTM)}, parameters, Context(torch.device("cpu")))
        assert outputs["report"]["texture"]["coverage"] > 0.9
        baked = outputs["mesh"]
        distance = np.linalg.norm(baked.vertices.astype(np.float64) + baked.origin - UTM, axis=1)
        assert np.abs(distance - RADIUS).mean() < 0.1 * 0.02


def test_footage_of_a_survey_uses_its_tracks() -> None:
    frames, depths = shoot([camera_at(eye) for eye in eyes(4)])
    tracks = track(frames, depths)
    far = [dataclasses.replace(f, camera=dataclasses.replace(f.camera, camera_to_world=shifted(f.camera.camera_to_world))) for f in frames]
    far_tracks = dataclasses.replace(tracks, points=tracks.points + UTM)
    parameters = find("reconstruct.footage").check_parameters({"resolution": 96, "min_component": 10})
    outputs = reconstruct_footage.run({"frames": far, "tracks": far_tracks}, parameters, Context(torch.device("cpu")))
    assert outputs["report"]["reprojection"]["median"] < 1.0
    assert np.abs(np.array(outputs["mesh"].origin) - UTM).max() < 5
    same = reconstruct_footage.run({"frames": frames, "tracks": tracks}, parameters, Context(torch.device("cpu")))["mesh"]
    middle = outputs["mesh"].vertices.mean(0) + np.array(outputs["mesh"].origin) - UTM
    assert np.abs(middle - same.vertices.mean(0)).max() < 0.2  # float32 has steps of 0.5 there


def shifted(pose: np.ndarray) -> np.ndarray:
    pose = pose.copy()
    pose[:3, 3] += UTM
    return pose


def test_one_plate_of_a_survey() -> None:
    frame = ball(UTM)[0]
    parameters = find("reconstruct.plate").check_parameters({"resolution": 64})
    mesh = reconstruct_plate.run({"frames": [frame]}, parameters, Context(torch.device("cpu")))["mesh"]
    middle = mesh.vertices.mean(0) + np.array(mesh.origin) - UTM
    assert np.linalg.norm(middle) < 2


@pytest.mark.parametrize("suffix", ["ply", "obj", "glb", "usda"])
def test_files_say_where_a_mesh_of_a_survey_belongs(suffix: str) -> None:
    triangle = Mesh(np.float32([[0, 0, 0], [1.25, 0, 0], [0, 2.5, 3]]), np.array([[0, 1, 2]], np.int32), origin=tuple(UTM + 0.5))
    data = encode_mesh(triangle, suffix)
    assert b"Backlot origin 500123.5 4649776.5 212.5" in data
    assert b"origin" not in encode_mesh(dataclasses.replace(triangle, origin=ZERO), suffix)
    if suffix != "usda":
        read = decode_mesh(EncodedFile(np.frombuffer(data, np.uint8), f"m.{suffix}"))
        assert read.origin == triangle.origin
        np.testing.assert_array_equal(read.vertices, triangle.vertices)


def test_a_file_with_a_surveys_coordinates_keeps_its_millimetres() -> None:
    rows = np.array([[500123.4567, 4649776.1234, 212.001], [500124.9, 4649776.5, 212.5], [500123.5, 4649779.25, 213.75]])
    text = "".join(f"v {x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in rows) + "f 1 2 3\n"
    with collect_notes() as notes:
        mesh = decode_mesh(EncodedFile(np.frombuffer(text.encode(), np.uint8), "survey.obj"), "z")
    np.testing.assert_allclose(mesh.vertices.astype(np.float64) + mesh.origin, rows, atol=1e-6)
    assert any("survey.obj" in sentence and "500124" in sentence for sentence in notes.sentences())


@given(st.floats(1.0, 1e7), st.floats(1e-2, 1e5), st.integers(0, 2**32))
def test_relative_points_are_as_fine_as_float32_can_be(distance: float, size: float, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(50, 3)) * size + (distance, -distance, 0)
    stored, origin = relative(points)
    error = np.abs(stored.astype(np.float64) + origin - points).max()
    assert error <= max(2.0**-22 * max(NEAR, 6 * size), 2e-4 * size)
    if distance < NEAR / 2 and size < NEAR / 100:
        assert origin == ZERO
        assert np.array_equal(stored, points.astype(np.float32))


def test_millimetres_and_rows_that_are_not_finite_move_nothing() -> None:
    table = np.array([[12000.0, 300, 900], [12300, 900, 700], [11800, 100, 1200]])
    assert origin_of(table) == ZERO
    assert origin_of(np.array([[np.nan, 0, 0], [np.inf, 1, 1]])) == ZERO
    assert origin_of(np.array([[np.nan, 0, 0], UTM, UTM + 1])) != ZERO


def test_the_origin_travels() -> None:
    mesh = Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32), origin=(1.0, 2.5, -3.0))
    buffers: list = []
    tree = encode(mesh, buffers)
    assert decode(tree, [b.array for b in buffers]).origin == mesh.origin
    del tree["origin"]  # what an older program sends
    assert decode(tree, [b.array for b in buffers]).origin == ZERO
    for wrong in ([1, 2], [1, 2, "x"], None, [1, 2, 1e999]):
        with pytest.raises(ProtocolError):
            decode({**tree, "origin": wrong}, [b.array for b in buffers])
