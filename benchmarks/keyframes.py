"""Style from keyframes against rendered truth: PSNR and SSIM on frames that nobody painted.

    python3 dev.py bench keyframes [--shots yard] [--looks toon hatched painted] [--keys 1 3] [--minutes 10] [--threads 2] [--steps 0]
    python3 dev.py bench keyframes --ebsynth PROGRAM ...
    python3 dev.py bench keyframes --speed [--threads 2]
    python3 dev.py bench keyframes --tiny [--speed]

Three shots of ``scenes/shots`` (Cycles, 36 frames), three looks rendered as truth. Keyframes are the looks of frame 18, or of frames 6,
18 and 30; figures are means over every third other frame, PSNR of display-encoded pixels in 0..1.

``warp`` is the nearest keyframe's paint carried along the same exact tracking, holes filled from the nearest pixel; ``transfer`` is each
frame by itself in the manner of the nearest keyframe (``style.image``), over every ninth frame; ``network`` is the operation's result,
``gain`` the network over the better of the two, which has a bar (2 dB). ``ebsynth`` is that program's result with our guides over every
ninth frame, if one is named. ``frame`` is the network's own prediction from each frame's passes without any tracking (trained by early
stop in the same run), and ``lead`` what the network gains on that. ``steady`` is the warping error of neighbouring frames as a multiple
of the truth's own. ``cpu`` is the processor time of the training: the time on the wall depends on what else runs. ``--speed`` measures a
1920 x 1080 frame of the lite network.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from skimage.metrics import structural_similarity

from ..backend.core.color import to_float, to_srgb
from ..backend.core.context import Context
from ..backend.core.shaper import unshape_linear
from ..backend.io.reading import decode
from ..backend.style.keyframes.dataset import Keyframe
from ..backend.style.keyframes.features import measure_shot
from ..backend.style.keyframes.model import ShotModel, read_model
from ..backend.style.keyframes.network import Config, ShotNetwork, count_multiplications
from ..backend.style.keyframes.rendering import Renderer
from ..backend.style.keyframes.shot import color_of, open_shot
from ..backend.style.keyframes.tracking import Tracker
from ..backend.style.operations.style_keyframes import run
from ..backend.style.shot import measure, passes
from ..shared.operations import find
from ..shared.values import Camera, EncodedFile, Image, SceneFrame
from . import _ebsynth
from ._report import Row, begin, make_parser, print_table, psnr, to_bytes
from .scenes import shots
from .scenes.rendered import TINY, RenderedShot, rendered
from .shots import single

PAINTED: dict[int, tuple[int, ...]] = {1: (18,), 3: (6, 18, 30)}
"""Frames that are keyframes, by how many there are."""
TINY_PAINTED = (3,)


def display(shaped: np.ndarray) -> np.ndarray:
    """From the shaper to display-encoded colour in 0..1."""
    return np.clip(to_srgb(np.maximum(unshape_linear(shaped), 0)), 0, 1)


def nearest_warp(guides: np.ndarray) -> np.ndarray:
    """Paint of the nearer slot, then of the other, then of the nearest pixel that has some."""
    slots = guides.reshape(2, 9, *guides.shape[1:])
    first = slots[0, 8] >= slots[1, 8]
    paint = np.where(first, slots[0, :3], slots[1, :3])
    seen = np.maximum(slots[0, 6], slots[1, 6]) > 0
    if not seen.any():
        return paint.transpose(1, 2, 0)
    rows, columns = distance_transform_edt(~seen, return_distances=False, return_indices=True)
    return paint[:, rows, columns].transpose(1, 2, 0)


def truths(look: dict[int, EncodedFile]) -> dict[int, np.ndarray]:
    """Frames of a look by number: ``(H, W, 3)`` display-encoded in 0..1."""
    found = {}
    for number, file in look.items():
        image = decode(file)
        pixels = to_float(image.pixels)[..., :3]
        found[number] = np.clip(to_srgb(pixels) if image.color_space == "linear" else pixels, 0, 1)
    return found


def steadiness(frames: list[SceneFrame], renderer: Renderer, truth: dict[int, np.ndarray], painted: tuple[int, ...]) -> float:
    """E_warp of the network's frames, one frame apart, as a multiple of that of the look rendered as truth, over four pairs."""
    sequence = passes.open_shot(frames)
    late_ones = [i for i in range(1, len(sequence)) if not {sequence.numbers[i - 1], sequence.numbers[i]} & set(painted)]
    errors = []
    for pick in (0.2, 0.4, 0.6, 0.8):
        late = late_ones[int(pick * len(late_ones))]
        joined = measure.pairs(sequence, 1, torch.device("cpu"), start=late - 1, end=late + 1)
        numbers = {late - 1: sequence.numbers[late - 1], late: sequence.numbers[late]}
        ours = {i: torch.from_numpy(display(renderer.render(n).picture)).permute(2, 0, 1) for i, n in numbers.items()}
        theirs = {i: torch.from_numpy(truth[n].astype(np.float32)).permute(2, 0, 1) for i, n in numbers.items()}
        errors.append((measure.e_warp(ours, joined), measure.e_warp(theirs, joined)))
    made, real = np.mean(errors, 0)
    return round(float(made / real), 2)


def few(numbers: list[int], painted: tuple[int, ...]) -> list[tuple[int, int]]:
    """The frames on which slow peers are measured, each with its nearest keyframe."""
    return [(number, min(painted, key=lambda n: abs(n - number))) for number in [n for n in numbers if n not in painted][::9]]


def transfer(frames: dict[int, SceneFrame], truth: dict[int, np.ndarray], painted: tuple[int, ...], device: torch.device) -> float:
    """Mean PSNR of frames that are styled one by one after the nearest keyframe."""
    found = []
    for number, nearest in few(list(frames), painted):
        made = single(frames[number], Image(np.rint(truth[nearest] * 255).astype(np.uint8)), device)
        found.append(psnr(display(made.permute(1, 2, 0).cpu().numpy()) - truth[number]))
    return float(np.mean(found))


def ebsynth(program: Path, tracker: Tracker, truth: dict[int, np.ndarray], painted: tuple[int, ...]) -> float:
    """Mean PSNR of frames to which EbSynth brings the nearest keyframe."""
    found = []
    for number, nearest in few(tracker.shot.numbers, painted):
        paint = np.rint(truth[nearest] * 255).astype(np.uint8)
        found.append(psnr(_ebsynth.bring(program, tracker, number, nearest, paint) - truth[number]))
    return float(np.mean(found))


def compare(shot: RenderedShot, look: str, painted: tuple[int, ...], options: argparse.Namespace) -> tuple[Row, list[np.ndarray]]:
    """Train on the painted frames and measure on others: figures, and pictures of one frame."""
    frames, files = shot.frames, shot.look(look)
    truth = truths(files)
    inputs = {"frames": frames, "keyframes": [files[n] for n in painted]}
    parameters = {"minutes": options.minutes, "steps": options.steps, "frames_wanted": "none", "size": options.size}
    began, cpu = time.perf_counter(), time.process_time()
    outputs = run(inputs, find("style.keyframes").check_parameters(parameters), Context(torch.device(options.device), seed=0))
    spent, cpu = time.perf_counter() - began, time.process_time() - cpu
    sequence = open_shot(frames)
    renderer = Renderer(Tracker(sequence), read_model(outputs["model"]), torch.device(options.device))
    sums: dict[str, list[float]] = {name: [] for name in ("warp", "frame", "network", "ssim_warp", "ssim_frame", "ssim")}
    pictures: list[np.ndarray] = []
    others = [n for n in sequence.numbers if n not in painted][::3]
    for number in others:
        picture = renderer.render(number).picture
        guides = renderer.guides().guide(number)
        predicted = renderer.predict(number)
        made = {"warp": display(nearest_warp(guides)), "frame": display(predicted), "network": display(picture)}
        for name, value in made.items():
            sums[name].append(psnr(value - truth[number]))
            ssim = structural_similarity(value, truth[number], channel_axis=2, data_range=1.0)
            sums["ssim" if name == "network" else f"ssim_{name}"].append(float(ssim))
        if number == others[len(others) // 3]:
            render = np.clip(to_srgb(np.maximum(color_of(sequence[number]), 0)), 0, 1)
            pictures = [render, made["warp"], made["frame"], made["network"], truth[number]]
    row: Row = {"look": look, "keys": len(painted)}
    row |= {name: round(float(np.mean(values)), 3 if "ssim" in name else 2) for name, values in sums.items()}
    row["steady"] = steadiness(frames, renderer, truth, painted)
    row["transfer"] = round(transfer(dict(zip(sequence.numbers, frames, strict=True)), truth, painted, torch.device(options.device)), 2)
    row["gain"] = round(row["network"] - max(row["warp"], row["transfer"]), 2)
    if options.ebsynth:
        row["ebsynth"] = round(ebsynth(options.ebsynth, renderer.tracker, truth, painted), 2)
        row["over ebsynth"] = round(row["network"] - row["ebsynth"], 2)
    row["lead"] = round(row["network"] - row["frame"], 2)
    row |= {"steps": outputs["report"]["steps"], "seconds": round(spent), "cpu": round(cpu)}
    return row, pictures


def speed(options: argparse.Namespace) -> list[Row]:
    """A 1080p frame of the lite network with one keyframe: its parts in seconds."""
    height, width = (64, 96) if options.tiny else (1080, 1920)
    random = np.random.default_rng(0)
    camera = Camera(width, height, 2000.0, 2000.0, width / 2, height / 2, np.eye(4))
    frames = []
    for number in (1, 2):
        channels: dict[str, Image | EncodedFile] = {
            "color": Image(random.random((height, width, 3), np.float32), "linear"),
            "depth": Image(np.full((height, width, 1), 5, np.float32), "data"),
            "normal": Image(np.zeros((height, width, 3), np.float32), "data"),
            "motion": Image(np.zeros((height, width, 4), np.float32), "data"),
            "object_id": Image((np.arange(width)[None, :, None] // 240 + np.zeros((height, 1, 1))).astype(np.float32), "data"),
        }
        frames.append(SceneFrame(camera, channels, 1.0, number))
    shot = open_shot(frames)
    statistics = measure_shot(shot)
    rows = []
    for size in ("lite", "full") if options.device != "cpu" else ("lite",):
        network = ShotNetwork(Config.of_size(size, statistics.groups))
        key = Keyframe(1, random.random((height, width, 3), np.float32), np.ones((height, width), np.float32))
        renderer = Renderer(Tracker(shot), ShotModel(network, statistics, (height, width), {1: key}), torch.device(options.device))
        prepared = renderer.prepare(2)
        renderer.render(2)
        whole = _fastest(partial(renderer.render, 2))
        alone = _fastest(partial(renderer.paint, prepared))
        row = {"size": size, "multiplications": count_multiplications(network), "network": round(alone, 3), "frame": round(whole, 3)}
        rows.append({**row, "threads": options.threads, "device": options.device})
    return rows


def _fastest(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each shot, look and number of keyframes; or the speed."""
    parser = make_parser(__file__, __doc__, threads=2, device=True)
    parser.add_argument("--shots", nargs="+", default=list(shots.SHOTS), choices=shots.SHOTS)
    parser.add_argument("--looks", nargs="+", default=list(shots.LOOKS), choices=shots.LOOKS)
    parser.add_argument("--keys", nargs="+", type=int, default=[1, 3], choices=(1, 3))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--size", default="lite", choices=("lite", "full"))
    parser.add_argument("--save", default="keyframes", help="name of the file of figures in results/")
    parser.add_argument("--ebsynth", type=Path, help="that program, as a further peer")
    parser.add_argument("--speed", action="store_true")
    options, report = begin(parser, arguments)
    if options.tiny:
        options.shots, options.looks, options.keys, options.steps = [TINY], ["toon"], [1], 2
    if options.speed:
        rows = speed(options)
        print_table(rows)
        report.save_rows("keyframes_speed", rows)
        return
    rows = []
    for name in options.shots:
        shot = rendered(name)
        for look in options.looks:
            strips = []
            for count in options.keys:
                row, pictures = compare(shot, look, TINY_PAINTED if options.tiny else PAINTED[count], options)
                rows.append({"shot": name, **row})
                print(rows[-1], flush=True)
                strips.append(np.concatenate(pictures, 1))
            report.save_picture(f"keyframes_{name}_{look}.jpg", to_bytes(np.concatenate(strips)))
    print_table(rows)
    report.save_rows(options.save, rows)


if __name__ == "__main__":
    main()
