"""``backlot evaluate``: how good a material model is, in figures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ...shared.events import Progress
from .models import model_path
from .report import progress, table


def add_verbs(verbs: Any) -> None:
    """Adds the verb."""
    parser = verbs.add_parser("evaluate", help="measure a material model against materials that it has not seen")
    parser.add_argument("--model", required=True, help="a model's name or file")
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DATASET", help="real materials; those held out of the training are used"
    )
    parser.add_argument("--training", type=Path, metavar="DATASET", help="what it was trained on, if --data holds only unseen materials")
    parser.add_argument("--count", type=int, default=200, help="materials to generate (default: 200)")
    parser.add_argument("--no-layouts", action="store_true", help="do not give the joint layouts of the held-out materials")
    parser.add_argument("--seconds", type=float, default=120.0, help="training of the network that reads attributes (default: 120)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="where to generate (default: cpu)")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the figures")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="picture of the generated materials most like training materials")
    parser.set_defaults(action=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    import torch

    from ...shared.values import Image
    from ..io.atomic import in_one_step
    from ..io.writing import encode
    from ..materials.data.dataset import read_dataset
    from ..materials.evaluate.generated import make_materials
    from ..materials.evaluate.memorisation import memory_sheet
    from ..materials.evaluate.report import evaluate, rows
    from ..materials.generator.model import read_material_model

    path = model_path(arguments.model)
    model = read_material_model(path, torch.device(arguments.device), path.stem)
    held_out = read_dataset(arguments.data)
    if arguments.training:
        training = read_dataset(arguments.training)
    else:  # the same share that `backlot train materials` keeps aside
        training, held_out = held_out.split(float(model.card.data.get("held_out", 0.1)), int(model.card.data.get("split_seed", 0)))
    with progress("evaluate") as report:

        def say(begin: float, end: float) -> Any:
            return lambda fraction, what: report(Progress("", begin + (end - begin) * fraction, what))

        made, asked = make_materials(model, held_out, arguments.count, arguments.seed, not arguments.no_layouts, say(0, 0.4))
        result = evaluate(made, asked, held_out, training, seconds=arguments.seconds, seed=arguments.seed, progress=say(0.4, 1))
    table(rows(result.figures), ["measure", "generated", "real", "target"])
    if arguments.out:
        said = {
            "model": path.stem,
            "data": str(arguments.data),
            "seed": arguments.seed,
            "layouts": not arguments.no_layouts,
            **result.figures,
        }
        with in_one_step(arguments.out) as temporary:
            temporary.write_text(json.dumps(said, indent=1))
        print(arguments.out)
    if arguments.sheet:
        with in_one_step(arguments.sheet) as temporary:
            temporary.write_bytes(encode(Image(memory_sheet(made, training.stacks, result.found)), "png"))
        print(arguments.sheet)
    return 0
