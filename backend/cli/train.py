"""``backlot train``: a material model from a studio's own library."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...shared.connection import state_folder
from ...shared.errors import InputError, JobFailed
from ...shared.events import Progress
from ...shared.model_folders import models_folder
from ...shared.text_file import is_count
from .models import model_path
from .report import Reporter, progress

if TYPE_CHECKING:
    from ..materials.data.dataset import Dataset
    from ..materials.training.training import Options, Trainer


PROCEDURAL = "procedural:"
"""Instead of a folder: the materials that Backlot renders itself."""


def add_verbs(verbs: Any) -> None:
    """Adds the verb and what can be trained."""
    parser = verbs.add_parser("train", help="train a model on your own materials")
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    text = "train a material model on a folder of map stacks or photographs"
    parser = kinds.add_parser("materials", help=text, description=f"{text.capitalize()}. Ctrl-C saves; --resume goes on.")
    where = f"the library's folder, a dataset file, or {PROCEDURAL}N for N rendered materials of every family"
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help=where)
    parser.add_argument("--collect-only", type=Path, metavar="DATASET", help="only make a dataset file of the folder")
    parser.add_argument("--out", default="materials", metavar="NAME", help="name of the new model, or a file (default: materials)")
    parser.add_argument("--base", metavar="MODEL", help="go on from a model, much faster than from nothing")
    parser.add_argument("--minutes", type=float, default=60.0, help="time to train, resumed time included (default: 60)")
    parser.add_argument("--steps", type=int, default=0, help="most steps (default: no limit)")
    parser.add_argument("--width", type=float, default=1.0, help="channels of the networks, as a factor (default: 1)")
    parser.add_argument("--size", type=int, default=256, help="side of the stacks in pixels (default: 256)")
    parser.add_argument("--batch", type=int, help="crops in a step")
    parser.add_argument("--crop", type=int, help="side of a crop in pixels")
    parser.add_argument("--held-out", type=float, default=0.1, help="share of the materials kept to measure with (default: 0.1)")
    parser.add_argument("--patience", type=int, default=0, help="stop after so many checks without improvement (default: never)")
    parser.add_argument("--licence", default="", help="of the model, for its card")
    parser.add_argument("--log", type=Path, metavar="FOLDER", help="curves, TensorBoard events, sample grids, checkpoint")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in the log folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cuda:0, mps or cpu (default: cpu)")
    parser.set_defaults(action=_train)


def _train(arguments: argparse.Namespace) -> int:
    log = arguments.log or state_folder() / "training" / Path(arguments.out).stem
    if not arguments.collect_only:
        _check(arguments, log)
    with progress("train") as report:
        dataset = _data(arguments, report)
    if arguments.collect_only:
        from ..materials.data.dataset import write_dataset

        print(write_dataset(arguments.collect_only, dataset))
        return 0
    training, held_out = dataset.split(arguments.held_out, arguments.seed)
    trainer = _trainer(arguments, log)
    print(f"{len(training)} stacks to train on, {len(held_out)} held out; curves and samples in {log}", file=sys.stderr)
    why = _run(arguments, log, trainer, training, held_out)
    print(_save(arguments, trainer, training, log))
    if why.startswith(("every seed", "the discriminator")):
        message = f"The training was ended: {why}"
        raise JobFailed(message, fix="Add materials, or start from a model with --base; the model was saved as it is")
    return 0


def _check(arguments: argparse.Namespace, log: Path) -> None:
    """What would only come out after the library was read."""
    from ..io.models import registry

    if not arguments.out.endswith(registry.SUFFIX):
        registry.check_name(arguments.out)
    if arguments.base and arguments.width != 1.0:
        raise InputError(expected="--width or --base", got="both", fix="A base brings its own width")
    if not arguments.minutes > 0 or arguments.steps < 0 or not 0 < arguments.held_out < 1 or not 0.1 <= arguments.width <= 8:
        raise InputError(expected="minutes above 0, steps from 0, held-out between 0 and 1, width 0.1 to 8", got="others")
    checkpoint = log / "checkpoint.safetensors"
    if checkpoint.exists() and not arguments.resume:
        raise InputError(
            expected=f"no training under way in {log}", got="a checkpoint", fix="Go on with --resume, or give another --log or --out"
        )


def _data(arguments: argparse.Namespace, report: Reporter) -> Dataset:
    """The library as a dataset; what was left out is listed."""
    from ..materials.data.collect import collect
    from ..materials.data.dataset import build_dataset, read_dataset

    if str(arguments.data).startswith(PROCEDURAL):
        return _render(str(arguments.data).removeprefix(PROCEDURAL), report)
    if arguments.data.is_file():
        return read_dataset(arguments.data)
    found = collect(arguments.data, size=arguments.size, progress=lambda f, name: report(Progress("", f, f"reading {name}".strip())))
    print(f"{found.materials} materials, {len(found.entries)} stacks, {len(found.skipped)} left out", file=sys.stderr)
    for one in found.skipped:
        print(f"  {one.path}: {one.reason}", file=sys.stderr)
    found.require_enough()
    return build_dataset(found.entries, {"source": arguments.data.resolve().name, "materials": found.materials})


def _render(count: str, report: Reporter) -> Dataset:
    from ..materials.procedural.dataset import make_dataset

    if not is_count(count) or not int(count):
        raise InputError(expected=f"--data {PROCEDURAL}N with a whole number of at least 1", got=repr(count))
    return make_dataset(int(count), report=lambda f, family: report(Progress("", f, f"rendering {family}")))


def _trainer(arguments: argparse.Namespace, log: Path) -> Trainer:
    import torch

    from ..materials.generator.model import read_material_model
    from ..materials.generator.networks import Config
    from ..materials.training.adapt import continue_from
    from ..materials.training.checkpoint import load_checkpoint
    from ..materials.training.training import Options, Trainer

    given = {"batch": arguments.batch, "crop": arguments.crop, "warm": 0 if arguments.base else None}
    options: Options = Options(minutes=arguments.minutes, steps=arguments.steps, seed=arguments.seed)
    options = dataclasses.replace(options, **{name: value for name, value in given.items() if value is not None})
    device = torch.device(arguments.device)
    if arguments.resume:
        return load_checkpoint(log / "checkpoint.safetensors", device, options)
    if arguments.base:
        return continue_from(read_material_model(model_path(arguments.base), device), options, device)
    return Trainer(Config().widened(arguments.width), options, device)


def _run(arguments: argparse.Namespace, log: Path, trainer: Trainer, training: Dataset, held_out: Dataset) -> str:
    """Trains to the end, or until Ctrl-C, after which the checkpoint is on disk; gives why it stopped early, or nothing."""
    from ..materials.training.checkpoint import save_checkpoint
    from ..materials.training.monitor import Monitor, Schedule
    from ..materials.training.training import train

    with progress("train") as report:

        def say(fraction: float, words: str, picture: Any) -> None:
            left = trainer.spent * (1 - fraction) / fraction if fraction > 0 else None
            report(Progress("", fraction, words, left))

        monitor = Monitor(log, held_out, Schedule(patience=arguments.patience), say)
        try:
            train(training, trainer, monitor)
        except KeyboardInterrupt:
            with contextlib.suppress(KeyboardInterrupt):  # a second one must not tear the file: it is renamed when whole
                print(f"saved: {save_checkpoint(log / 'checkpoint.safetensors', trainer)}; go on with --resume", file=sys.stderr)
            raise
        monitor.close(trainer)
    if monitor.why_stopped:
        print(f"stopped at step {trainer.step_number}: {monitor.why_stopped}", file=sys.stderr)
    return monitor.why_stopped


def _save(arguments: argparse.Namespace, trainer: Trainer, training: Dataset, log: Path) -> Path:
    """Writes the model with its card; the checkpoint goes, so that the name is free again."""
    from ..io.models import registry
    from ..materials.generator.model import card_of, save_material_model

    licences = sorted({str(entry.get("licence", "")) for entry in training.entries} | {str(training.meta.get("licence", ""))} - {""})
    card = card_of(
        trainer.config,
        title=f"Materials of {training.meta.get('source', arguments.data.name)}",
        licence=arguments.licence or (licences[0] if len(licences) == 1 else ""),
        data={
            "description": str(training.meta.get("source", arguments.data.name)),
            "stacks": len(training),
            "licences": licences,
            "held_out": arguments.held_out,
            "split_seed": arguments.seed,
        },
        command=shlex.join(["backlot", *sys.argv[1:]]),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        base=arguments.base or "",
        metrics={"steps": trainer.step_number, "minutes": round(trainer.spent / 60, 1)},
    )
    to_file = arguments.out.endswith(registry.SUFFIX)
    path = Path(arguments.out) if to_file else models_folder() / (arguments.out + registry.SUFFIX)
    saved = save_material_model(path, trainer.networks(), training.attributes, card)
    (log / "checkpoint.safetensors").unlink(missing_ok=True)
    return saved
