"""Inputs of ``outputs.py``, the same each time: a ray-cast scene, a material with its maps, paintings, networks.

The scene is a floor, a wall with sky above it and a ball that rolls; lengths are in scene units, z is up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import OpenImageIO as oiio  # noqa: N813 -- the name its own documentation uses
import torch

WIDTH, HEIGHT, FOCAL, FRAMES = 128, 84, 120.0, 6
"""Pixels. Not 120 wide: in movies that are 240 wide libx264 gives other bytes for the same frames each time (its ``mbtree`` in SIMD)."""
FAR = 1e10
_WAVES = np.random.default_rng(7).normal(size=(24, 4)) * np.array([1, 1, 1, 7])
_WAVES[:, :3] *= np.geomspace(2, 40, 24)[:, None]


def draw(folder: Path, models: Path) -> None:
    """Draws everything into ``folder``, and a depth network into the backend's folder of models."""
    draw_scene(folder)
    draw_material(folder)
    draw_networks(folder, models)


def pattern(points: np.ndarray) -> np.ndarray:
    """Something to see on every surface: the same number in 0..1 for the same point."""
    return np.clip(0.5 + 0.09 * np.cos(points @ _WAVES[:, :3].T + _WAVES[:, 3]).sum(-1), 0.02, 1)


def pose(centre: Sequence[float], target: Sequence[float] = (0.0, 0.3, 0.5)) -> np.ndarray:
    """Camera-to-world, OpenGL convention, z up."""
    back = np.subtract(centre, target) / np.linalg.norm(np.subtract(centre, target))
    right = np.cross((0.0, 0.0, 1.0), back)
    right /= np.linalg.norm(right)
    made = np.eye(4)
    made[:3] = np.stack([right, np.cross(back, right), back, np.asarray(centre, float)], 1)
    return made


def ball(moment: float) -> np.ndarray:
    """Centre of the ball, which rolls to the right."""
    return np.array([-0.25 + 0.07 * moment, 0.0, 0.5])


def see(camera: np.ndarray, moment: float = 0.0, k1: float = 0.0) -> dict[str, np.ndarray]:
    """A floor, a wall with sky above it and a ball, seen by a camera: the passes of a frame, exact."""
    v, u = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    bent = np.stack([(u - WIDTH / 2) / FOCAL, (v - HEIGHT / 2) / FOCAL], -1)
    flat = bent
    for _ in range(30):
        flat = bent / (1 + k1 * (flat**2).sum(-1, keepdims=True))
    direction = np.stack([flat[..., 0], -flat[..., 1], -np.ones((HEIGHT, WIDTH))], -1) @ camera[:3, :3].T
    centre, offset = camera[:3, 3], camera[:3, 3] - ball(moment)
    a, b, c = (direction**2).sum(-1), direction @ offset, offset @ offset - 0.25
    root = b * b - a * c
    with np.errstate(divide="ignore"):
        hits = np.stack([-centre[2] / direction[..., 2], (2 - centre[1]) / direction[..., 1], (-b - np.sqrt(np.maximum(root, 0))) / a])
    hits[2][root <= 0] = FAR
    hits[1][(centre + hits[1][..., None] * direction)[..., 2] > 1.9] = FAR
    hits[~((hits > 0) & (hits < 30))] = FAR
    ids, depth = np.where(hits.min(0) < FAR, hits.argmin(0) + 1, 0), hits.min(0)
    points = centre + np.where(ids > 0, depth, 0)[..., None] * direction
    around = (points - ball(moment)) / 0.5
    normal = np.choose(ids[..., None], [np.zeros(3), np.array([0.0, 0, 1]), np.array([0.0, -1, 0]), around])
    rest = np.where(ids[..., None] == 3, points - ball(moment), points)
    tint = np.array([[0.5, 0.65, 0.9], [0.7, 0.6, 0.4], [0.5, 0.6, 0.8], [0.9, 0.4, 0.3]])[ids]
    light = 0.35 + 0.65 * np.clip(normal @ np.array([-0.48, -0.6, 0.64]), 0, 1)
    color = np.where(ids[..., None] > 0, pattern(rest)[..., None] * light[..., None] * 1.4, 1) * tint
    made = {"color": color, "depth": depth[..., None], "normal": normal, "object_id": ids[..., None], "points": points}
    return {name: values.astype(np.float64 if name == "points" else np.float32) for name, values in made.items()}


def project(camera: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Pixels at which a camera without distortion sees points."""
    local = (points - camera[:3, 3]) @ camera[:3, :3]
    away = np.minimum(local[..., 2], -1e-6)
    return np.stack([WIDTH / 2 - FOCAL * local[..., 0] / away, HEIGHT / 2 + FOCAL * local[..., 1] / away], -1)


def motion(cameras: Sequence[np.ndarray], index: int, passes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Blender's Vector pass: pixels right and up, to where it was before, and from where it will be next."""
    v, u = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    rolling = (passes["object_id"] == 3) * (ball(1) - ball(0))
    last = len(cameras) - 1
    before = project(cameras[max(index - 1, 0)], passes["points"] - rolling * (index > 0))
    after = project(cameras[min(index + 1, last)], passes["points"] + rolling * (index < last))
    made = np.stack([before[..., 0] - u, v - before[..., 1], u - after[..., 0], after[..., 1] - v], -1)
    return np.where(passes["object_id"] > 0, made, 0).astype(np.float32)


def save(path: Path, pixels: np.ndarray, names: Sequence[str] = ()) -> None:
    """Writes a picture: floats as they are, whole numbers as they are."""
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None])
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], str(pixels.dtype))
    spec.attribute("DateTime", "2000:01:01 00:00:00")  # else OpenImageIO stamps an EXR with the time
    if names:
        spec.channelnames = tuple(names)
    path.parent.mkdir(parents=True, exist_ok=True)
    out = oiio.ImageOutput.create(str(path))
    if not out or not out.open(str(path), spec) or not out.write_image(pixels):
        message = f"{path}: {oiio.geterror()}"
        raise OSError(message)
    out.close()


def display(color: np.ndarray) -> np.ndarray:
    """Linear to 8 bits, gamma 2.2."""
    return np.rint(np.clip(color, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def capture(folder: Path, cameras: Sequence[np.ndarray], channels: Sequence[str], *, noise: float = 0.0, k1: float = 0.0,
            moving: bool = False) -> list[dict[str, np.ndarray]]:  # fmt: skip
    """Frames with ``transforms.json``; colour as PNG where nothing else is wanted, whole millimetres where the depth is noisy."""
    entries, every = [], []
    random = np.random.default_rng(3)
    keys = {"color": "file_path", "depth": "depth_file_path", "motion": "motion_file_path", "object_id": "object_id_file_path",
            "normal": "normal_file_path"}  # fmt: skip
    names = {"depth": ["Z"], "motion": ["X", "Y", "Z", "W"], "object_id": ["X"], "normal": ["X", "Y", "Z"]}
    for index, camera in enumerate(cameras):
        passes = see(camera, index if moving else 3.0, k1)
        passes["motion"] = motion(cameras, index, passes)
        every.append(passes)
        entry: dict[str, Any] = {"frame_number": index + 1, "transform_matrix": camera.tolist()}
        for channel in channels:
            pixels, suffix = passes[channel], ".exr"
            if channel == "depth" and noise:
                near = np.where(pixels < FAR, pixels + noise * pixels**2 * random.normal(size=pixels.shape), 0)
                pixels, suffix = np.rint(near * 1000).astype(np.uint16), ".png"
            elif list(channels) == ["color"]:
                pixels, suffix = display(pixels), ".png"
            entry[keys[channel]] = f"{channel}_{index + 1:04d}{suffix}"
            save(folder / entry[keys[channel]], pixels, names.get(channel, ()) if suffix == ".exr" else ())
        entries.append(entry)
    top = {"w": WIDTH, "h": HEIGHT, "fl_x": FOCAL, "fl_y": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2, "k1": k1}
    (folder / "transforms.json").write_text(json.dumps({**top, "frames": entries}))
    return every


def draw_scene(folder: Path) -> None:
    """A shot, captures around the ball, footage, a stereo pair, tracks, a mesh, painted keyframes and a render with passes."""
    shot = [pose((-0.3 + 0.06 * n, -2.6, 1.1)) for n in range(FRAMES)]
    views = capture(folder / "shot", shot, ("color", "depth", "motion", "object_id", "normal"), moving=True)
    for index in (0, FRAMES - 1):
        save(folder / f"painted/key_{index + 1:04d}.png", display(np.rint(views[index]["color"] * 5) / 5))
    first = views[0]
    layers = [("Combined", "RGB", "color"), ("Depth", "Z", "depth"), ("IndexOB", "X", "object_id"), ("Normal", "XYZ", "normal")]
    names = [f"ViewLayer.{layer}.{channel}" for layer, letters, _ in layers for channel in letters]
    capture(folder / "shot_first", shot[:1], ("color", "depth"), moving=True)
    save(folder / "passes.exr", np.concatenate([first[name] for *_, name in layers], -1), names)
    save(folder / "content.png", display(first["color"]))
    save(folder / "content.exr", first["color"])
    save(folder / "ids.png", first["object_id"].astype(np.uint8))
    save(folder / "disparity.exr", 1 / first["depth"] + 0.1, ["Y"])
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    save(folder / "mask.png", (255 * np.clip((u + v - 40) / 80, 0, 1)).astype(np.uint8))
    around = [pose((2.2 * math.sin(a), 0.3 - 2.6 * math.cos(a), 0.9 + 0.4 * (n % 2))) for n, a in enumerate(np.linspace(-0.8, 0.8, 7))]
    capture(folder / "exact", around, ("color", "depth", "object_id"))
    capture(folder / "noisy", around, ("color", "depth"), noise=0.002)
    capture(folder / "bent", around, ("color", "depth"), k1=-0.12)
    path = [pose((-0.5 + 0.2 * n, -2.6, 0.9 + 0.05 * (n % 3))) for n in range(FRAMES)]
    seen = capture(folder / "footage", path, ("color",))
    pixels = np.random.default_rng(5).integers(8, (WIDTH - 8, HEIGHT - 8), (40, 2))
    points = np.array([seen[0]["points"][y, x] for x, y in pixels if seen[0]["object_id"][y, x]])
    found = [(n + 1, k, *project(camera, point)) for n, camera in enumerate(path) for k, point in enumerate(points)]
    inside = [list(map(float, row)) for row in found if 0 < row[2] < WIDTH and 0 < row[3] < HEIGHT]
    (folder / "tracks.json").write_text(json.dumps({"points": points.tolist(), "observations": inside}))
    capture(folder / "footage_bent", path, ("color",), k1=-0.12)
    draw_parallel(folder)
    steps = [(i / 12 * math.pi, j / 24 * 2 * math.pi) for i in range(13) for j in range(24)]
    corners = [ball(3) + 0.5 * np.array([math.sin(a) * math.cos(b), math.sin(a) * math.sin(b), math.cos(a)]) for a, b in steps]
    quads = [(i * 24 + j, i * 24 + 24 + j, i * 24 + 24 + (j + 1) % 24, i * 24 + (j + 1) % 24) for i in range(12) for j in range(24)]
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in corners] + ["f " + " ".join(str(k + 1) for k in quad) for quad in quads]
    (folder / "ball.obj").write_text("\n".join(lines) + "\n")


def draw_parallel(folder: Path) -> None:
    """Parallel cameras that look along +y: a stereo pair, and a COLMAP text model of three pictures."""
    (folder / "colmap/images").mkdir(parents=True)
    lines = []
    for number, (name, x) in enumerate((("left", -0.1), ("right", 0.1), ("third", 0.3)), 1):
        color = display(see(pose((x, -2.6, 0.8), (x, 0, 0.8)), 3.0)["color"])
        save(folder / f"{name}.png", color)
        save(folder / f"colmap/images/{name}.png", color)
        lines += [f"{number} {0.5**0.5} {0.5**0.5} 0 0 {-x} 0.8 2.6 1 {name}.png", ""]
    (folder / "colmap/images.txt").write_text("\n".join(lines) + "\n")
    (folder / "colmap/cameras.txt").write_text(f"1 PINHOLE {WIDTH} {HEIGHT} {FOCAL} {FOCAL} {WIDTH / 2} {HEIGHT / 2}\n")
    (folder / "colmap/points3D.txt").write_text("")


def draw_material(folder: Path, side: int = 128) -> None:
    """Stones in mortar with their maps and regions, two paintings, and a mask."""
    random = np.random.default_rng(2)
    v, u = np.mgrid[:side, :side] + 0.5
    centres = (np.moveaxis(np.mgrid[:6, :6], 0, -1).reshape(-1, 2) + random.uniform(0.2, 0.8, (36, 2))) * side / 6
    away = np.abs(np.stack([v, u], -1)[..., None, :] - centres)
    away = np.linalg.norm(np.minimum(away, side - away), axis=-1)
    nearest, stone = np.sort(away, -1), away.argmin(-1)
    height = np.clip((nearest[..., 1] - nearest[..., 0]) / 6, 0, 1) ** 0.5
    grain = pattern(np.stack([u, v, stone * 9.0], -1) / 6)
    tint = random.uniform(0.25, 0.75, (36, 3))[stone] * [1, 0.9, 0.75]
    photo = np.where(height[..., None] > 0.5, tint * (0.6 + 0.6 * grain[..., None]), 0.16 + 0.1 * grain[..., None])
    save(folder / "stones.png", display(photo * (0.8 + 0.3 * u[..., None] / side)))
    slope = np.stack([-np.gradient(height, axis=1), np.gradient(height, axis=0), np.full_like(height, 0.3)], -1)
    slope /= np.linalg.norm(slope, axis=-1, keepdims=True)
    save(folder / "stones_normal.png", np.rint((slope * 0.5 + 0.5) * 255).astype(np.uint8))
    save(folder / "stones_height.exr", height.astype(np.float32), ["Y"])
    for name, values in (("roughness", 1 - 0.5 * grain), ("metallic", (stone % 5 == 0) * height), ("occlusion", 0.4 + 0.6 * height)):
        save(folder / f"stones_{name}.png", np.rint(values * 65535).astype(np.uint16))
    regions = np.array([[200, 30, 30], [30, 60, 200]], np.uint8)
    save(folder / "stones_labels.png", regions[stone % 2])
    save(folder / "labels.png", regions[(np.hypot(u - side / 2, v - side / 2) < side / 3).astype(int)])
    save(folder / "keep.png", (255 * (np.abs(u - side / 2) < side / 5)).astype(np.uint8))
    save(folder / "bricks.png", (255 * ((v % 32 > 4) & ((u + 32 * (v // 32 % 2)) % 64 > 4))).astype(np.uint8))
    save(folder / "morph.png", (255 * u / side).astype(np.uint8))
    for number, (stretch, colors) in enumerate([((14, 3), (0.9, 0.6, 0.2)), ((3, 9), (0.2, 0.5, 0.8))]):
        strokes = np.rint(pattern(np.stack([u / stretch[0], v / stretch[1], u * 0], -1) / 2) * 6) / 6
        save(folder / f"painting_{number}.png", display(np.stack([strokes**0.5, strokes, strokes**2], -1) * 0.5 + 0.5 * np.array(colors)))


def draw_networks(folder: Path, models: Path) -> None:
    """Random weights of VGG19's shapes as torchvision's file has them; a depth network that goes by the green of a picture."""
    widths, state, number = [3, 64, 64, 0, 128, 128, 0, *[256] * 4, 0, *[512] * 4, 0, *[512] * 4], {}, 0
    random, before = torch.Generator().manual_seed(0), widths[0]
    for width in widths[1:]:
        if width:
            state[f"features.{number}.weight"] = torch.randn(width, before, 3, 3, generator=random) * (2 / (9 * before)) ** 0.5
            state[f"features.{number}.bias"] = torch.randn(width, generator=random) * 0.01
        number, before = number + (2 if width else 1), width or before
    torch.save(state, folder / "vgg19.pth")
    node = onnx.helper.make_node("Gather", ["image", "green"], ["depth"], axis=1)
    taken = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3, "h", "w"])
    given = onnx.helper.make_tensor_value_info("depth", onnx.TensorProto.FLOAT, ["b", "y", "x"])
    graph = onnx.helper.make_graph([node], "depth", [taken], [given], [onnx.numpy_helper.from_array(np.array(1), "green")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    (models / "green").mkdir(parents=True)
    onnx.save(model, str(models / "green/model.onnx"))
    said = {"backlot_depth": 1, "kind": "inverse_affine", "mean": [0, 0, 0], "std": [1, 1, 1], "size": 64, "multiple": 8}
    (models / "green/backlot_depth.json").write_text(json.dumps(said))
