"""``style.keyframes``: a shot in the style of a few painted frames. Parameters: ``shared/operations/style_keyframes.py``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import psutil
import torch

from ....shared.errors import InputError
from ....shared.notes import note
from ....shared.values import EncodedFile, Image
from ...core.context import Context
from ...io.frames.channels import SWITCHES
from ...io.frames.shot import Shot
from ..keyframes.delivery import delivered
from ..keyframes.features import measure_shot
from ..keyframes.model import ShotModel, read_model
from ..keyframes.network import Config, ShotNetwork, count_multiplications
from ..keyframes.paint import read_keyframes
from ..keyframes.rendering import Renderer
from ..keyframes.shot import open_shot
from ..keyframes.tracking import Tracker
from ..keyframes.training import Options, Trainer
from ..shot.animation import Curve, frame_range

SAVE_EVERY = 60.0
"""Seconds between states of the training that survive the worker's death."""
KEPT = "_model"
"""Name under which that state is emitted."""
KEEP_SHARE = 0.25
"""Part of the free memory for decoded frames and positions."""


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Trains on the keyframes and renders ``stylised`` frames; gives the ``model`` and a ``report``.

    Raises:
        InputError: Frames, keyframes, masks or a model that cannot be used; neither keyframes nor a model.
        ParameterError: A range, strength or list of frame numbers that cannot be read.
        JobCancelled: From ``context.progress``.
    """
    strength = Curve(str(parameters["strength"]), "strength")
    warnings: list[str] = []
    room = int(psutil.virtual_memory().available * KEEP_SHARE)
    shot = open_shot(inputs["frames"], room // 2)
    wanted = frame_range(str(parameters["frames_wanted"]), shot.numbers)
    tracker = Tracker(shot, room // 2)
    warnings += tracker.warnings
    if not tracker.able:
        warnings.append("Without depth and motion no paint can be tracked: the look is learnt from colour alone")
    model, share = _model(inputs, parameters, context, shot, tracker, warnings, 0.85 if wanted else 1.0)
    file = model.encode()
    context.emit("model", file)
    lost = [g for g in model.statistics.groups if g not in ("color", "edge", *shot.present)]
    warnings += [f"The model knows {name}, which these frames lack: turn on {SWITCHES[name]}" for name in lost]
    renderer = Renderer(tracker, model, context.device)
    warnings += [f"Keyframe {n} is not among the frames: its paint cannot be tracked" for n in renderer.untracked]
    stylised, tracked, confidence = _render(renderer, wanted, strength, parameters["layers"] == "all", context, share)
    context.progress(1.0, "done")
    for number in wanted:
        for name, count in shot.not_finite(number).items():
            if count:
                what = "the colour are NaN or infinite" if name == "color" else "the motion vectors are no finite numbers"
                note(f"{count} pixels of {what} and count as 0", f"frame {number}")
    report = {
        "keyframes": sorted(model.keyframes),
        "painted": {str(n): round(float((k.mask > 0.99).mean()), 4) for n, k in sorted(model.keyframes.items())},
        "frames": wanted,
        "passes": list(shot.present),
        "missing_passes": shot.missing,
        "notes": warnings,
        "steps": model.steps,
        "multiplications_per_pixel": count_multiplications(model.network),
        "tracked": tracked,
        "confidence": confidence,
        "training": model.history[:: max(1, len(model.history) // 100)],
    }
    return {"stylised": stylised, "model": file, "report": report}


def _model(
    inputs: Mapping[str, Any],
    parameters: Mapping[str, Any],
    context: Context,
    shot: Shot,
    tracker: Tracker,
    warnings: list[str],
    share: float,
) -> tuple[ShotModel, float]:
    """The model to render from, trained if that is wanted, and the fraction of the job that is done with it."""
    given: ShotModel | None = None
    finished = context.emitted.get(("model", None))
    if finished is not None:  # an earlier attempt had trained already
        return read_model(finished), 0.0
    kept = context.emitted.get((KEPT, None))
    files, masks = inputs.get("keyframes") or [], inputs.get("masks") or []
    if inputs.get("model") is not None:
        given = read_model(inputs["model"])
        if given.size != shot.size:
            expected = f"a model of frames of {shot.size[1]} x {shot.size[0]} pixels"
            raise InputError(expected=expected, got=f"{given.size[1]} x {given.size[0]}", fix="Render the shot at that size, or train anew")
    keyframes = dict(given.keyframes) if given else {}
    if files:
        keyframes.update(read_keyframes(files, masks, str(parameters["numbers"]), shot, warnings))
    if not keyframes:
        raise InputError(expected="keyframes or a model", got="neither", fix="Paint at least one frame of the shot")
    trains = float(parameters["minutes"]) > 0 or int(parameters["steps"]) > 0
    if not trains:
        if given is None:
            raise InputError(expected="a model when nothing is to be trained", got="none", fix="Give a model, or some minutes to train")
        return given, 0.0
    usable = {n: k for n, k in keyframes.items() if n in shot}
    if not usable:
        raise InputError(expected="a keyframe of one of the frames", got=f"keyframes {sorted(keyframes)}", fix="Capture those frames too")
    start = read_model(kept) if kept is not None else given
    statistics = start.statistics if start else measure_shot(shot)
    network = start.network if start else ShotNetwork(_config(parameters, statistics.groups, context.seed))
    before = start.steps if start else 0
    steps = int(parameters["steps"])
    if steps:  # what an attempt that died had done is not done again
        steps = max(1, steps - before + (given.steps if given else 0))
    options = Options(minutes=float(parameters["minutes"]) or 1e9, steps=steps, detail=float(parameters["detail"]), seed=context.seed)
    history = list(start.history) if start else []
    trainer = Trainer(tracker, statistics, usable, network, options, context.device, resumed=start is not None)
    saved = time.monotonic()

    def report(fraction: float, stage: str, picture: Callable[[], np.ndarray] | None) -> None:
        nonlocal saved
        context.progress(share * fraction, stage, None if picture is None else picture())
        if time.monotonic() - saved > SAVE_EVERY:
            saved = time.monotonic()
            state = ShotModel(trainer.network, statistics, shot.size, keyframes, before + trainer.steps, history + trainer.history)
            context.emit(KEPT, state.encode())

    trained = trainer.run(report)
    return ShotModel(trained, statistics, shot.size, keyframes, before + trainer.steps, history + trainer.history), share


def _config(parameters: Mapping[str, Any], groups: tuple[str, ...], seed: int) -> Config:
    torch.manual_seed(seed & (2**63 - 1))
    return Config.of_size(str(parameters["size"]), groups)


def _render(
    renderer: Renderer, wanted: list[int], strength: Curve, layers: bool, context: Context, start: float
) -> tuple[list[Image | EncodedFile], dict[str, float], dict[str, float]]:
    """The frames, and by frame the share of pixels with tracked paint and the mean confidence."""
    frames: list[Image | EncodedFile] = []
    tracked, confidence = {}, {}
    for place, number in enumerate(wanted):
        done = start + (1 - start) * place / len(wanted)
        context.progress(done, f"painting frame {number}")
        earlier = context.emitted.get(("stylised", number))
        if earlier is not None:
            frames.append(earlier)
            continue
        amount = strength.at(number)
        rendered = None
        if amount > 0:
            rendered = renderer.render(number, lambda done=done, number=number: context.progress(done, f"painting frame {number}"))  # type: ignore[misc]
            tracked[str(number)] = round(rendered.tracked, 4)
            confidence[str(number)] = round(float(rendered.confidence.mean()), 4)
        context.emit("stylised", delivered(renderer.tracker.shot, number, rendered, amount, layers), number)
        frames.append(context.emitted["stylised", number])  # which is on disk: a shot has more frames than fit into memory
    return frames, tracked, confidence
