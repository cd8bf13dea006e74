"""The gallery in ``docs/gallery``: 20 prompts and 8 exemplars, each on one sheet.

    python3 dev.py bench gallery [--model NAME or FILE] [--only WORD …] [--exemplars] [--minutes 12] [--jobs 2] [--quick] [--tiny]

A prompt's sheet shows four seeds (1 to 4, none was picked), the first one repeated 3 x 3, its maps, and a sphere and a plane under two
lights, rendered by Cycles with the material that the add-on makes. Without ``--exemplars`` only the prompts are done: an exemplar trains
a model for ``--minutes`` first. Everything made is kept in ``.cache/gallery``, by model; what is there is not made again. ``--quick``
does three prompts with small renders and leaves ``docs`` alone, ``--tiny`` one that is hardly to be recognised.

Sentences under the pictures are written by hand, after looking, in ``docs/gallery/captions.json``; ``said.json`` next to it keeps what
each was understood as or how it was trained.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from ..backend.materials.generator.generate import Produced, Request, produce
from ..backend.materials.generator.model import MaterialModel, material_model
from ..backend.materials.operations.texture_generate import maps_of, report_of
from ..backend.materials.photo.shading import Surface, render_standard
from . import _exemplars as exemplars
from ._exemplars import save_maps
from ._models import model_file, model_key, use_model
from ._report import Report, begin, make_parser, print_table
from ._sheet import BODY, GAP, Column, middle, mosaic, read_picture, resize, sheet, write_jpeg
from .scenes._blender import blender_python

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "gallery"
DOCS = ROOT / "docs" / "gallery"
SHOTS = ("sphere_studio", "plane_studio", "sphere_sun", "plane_sun")
SEEDS, SIDE = 4, 512
MOST_BYTES = 200_000
"""Of one sheet; 28 of them stay below 6 MB."""

PROMPTS = (
    "wet mossy cobblestone",
    "old red brick wall",
    "blue glazed tiles with white grout",
    "polished white marble with gray veins",
    "rusty metal",
    "dark oak planks",
    "weathered yellow herringbone pavers",
    "mossy slate roof shingles",
    "chipped blue plaster",
    "coarse burlap",
    "brushed steel",
    "worn riveted iron plates, slightly rusty",
    "green meadow grass",
    "worn brown leather",
    "black lava with orange cracks",
    "rock covered in snow",
    "cracked blue ice",
    "dry cracked mud",
    "wet asphalt",
    "half moss, half gravel",
)

INTRODUCTION = (
    "# Gallery",
    "",
    "Made by `python3 dev.py bench gallery` (prompts) and `python3 dev.py bench gallery --exemplars`, on a CPU. Nothing was picked:",
    "seeds are 1 to 4, and the first is the one that is repeated and rendered. Maps are 512 px, the repeated tile 256 px. The maps shown",
    "are base colour, normal, height, roughness, metallic and ambient occlusion. The spheres and planes are rendered by Cycles with the",
    "material that the add-on makes of the maps, displacement switched on, at the true scale.",
    "",
)
ABOUT_EXEMPLARS = (
    "Photographs are scikit-image's (CC0), 512 px, their maps estimated. Renders, of 512 px as well, have seeds that no training saw, and",
    "come with their maps. The patch engine makes one tile of 512 px, the adapted GAN any number of any size; here 512 px, at the",
    "exemplar's scale.",
    "",
)


def slug(prompt: str) -> str:
    """A file's name for a prompt."""
    return re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")


def lit(made: Produced) -> np.ndarray:
    """``(H, W, 3)`` float32 sRGB: the material from above, with light from the top left."""
    depth_px = made.depth_m / (made.width_m / made.stack.shape[2])
    direction = torch.nn.functional.normalize(torch.tensor([-0.5, 0.55, 0.75]), dim=0)
    picture = render_standard(Surface.from_stack(made.stack[None], depth_px), direction)[0]
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def make(prompt: str, model: MaterialModel, folder: Path, side: int) -> None:
    """Four seeds of a prompt into a folder, with all maps of the first; what is there is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(1, SEEDS + 1):
        target = folder / f"seed{seed}.npy"
        if target.exists():
            continue
        made = produce(model, Request((side, side), prompt), seed)
        if seed == 1:
            save_maps(folder, {name: image.pixels for name, image in maps_of(made, "opengl").items()})
            (folder / "report.json").write_text(json.dumps({**report_of(made, model), "prompt": prompt}, indent=1))
        np.save(target, np.rint(lit(made) * 255).astype(np.uint8))
    if not (folder / "tile.npy").exists():
        tile = produce(model, Request((exemplars.TILE, exemplars.TILE), prompt), 1)
        np.save(folder / "tile.npy", np.rint(lit(tile) * 255).astype(np.uint8))


def columns(folder: Path) -> list[Column]:
    """The columns of a prompt's sheet that need no renderer."""
    part = (BODY - GAP) // 2
    seeds = [middle(exemplars.read(folder / f"seed{seed}.npy"), part) for seed in range(1, SEEDS + 1)]
    with np.load(folder / "maps.npz") as data:
        maps = {name: exemplars.rgb(data[name]) for name in exemplars.MAP_ORDER}
    return [
        Column("four seeds, lit (parts, 1:1)", mosaic(seeds, 2)),
        Column("the first as a tile of 256 px, 3 x 3", resize(np.tile(exemplars.read(folder / "tile.npy"), (3, 3, 1)), BODY, BODY)),
        Column("the first one's maps", mosaic([middle(m, 260) for m in maps.values()], 2)),
    ]


def render(folders: list[Path], jobs: int, options: list[str]) -> None:
    """Let Blender make the pictures that are missing, in a few processes."""
    missing = [folder for folder in folders if not all((folder / f"{shot}.png").exists() for shot in SHOTS)]
    renderer = [str(blender_python()), "-m", f"{__package__}.scenes.gallery_render"]
    shares = [missing[number::jobs] for number in range(jobs) if missing[number::jobs]]

    def work(share: list[Path]) -> int:
        process = subprocess.Popen([*renderer, *map(str, share), *options], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if " pictures in " in line:
                print(line.rstrip(), flush=True)
        return process.wait()

    with ThreadPoolExecutor(max(1, len(shares))) as pool:
        failed = [code for code in pool.map(work, shares) if code]
    if failed:
        message = f"Blender ended with {failed[0]}: run {' '.join(renderer)} by hand on {missing[0]}"
        raise SystemExit(message)


def compose(title: str, line: str, found: list[Column], folder: Path, target: Path) -> None:
    """Writes a sheet."""
    pictures = [read_picture(folder / f"{shot}.png") for shot in SHOTS]
    shown = [*found, Column("Cycles: soft studio light, low sun", mosaic(pictures, 2))]
    size = write_jpeg(target, sheet(title, line, shown), MOST_BYTES)
    print(f"{target.name}: {size / 1000:.0f} kB", flush=True)


def understood(report: dict[str, Any]) -> str:
    """What a prompt was understood as, on one line."""
    known = [f"{item['word']} = {item['as']}" for item in report["understood"] if item["as"] != "grammar"]
    unknown = [f"not known: {', '.join(report['unknown'])}"] if report["unknown"] else []
    return "; ".join(known + unknown)


def trained(report: dict[str, Any]) -> str:
    """How the model of an exemplar came about, on one line."""
    return f"512 px; adapted to it in {report['trained_minutes']:.1f} minutes on a CPU; then every seed and size in a moment"


def page(cache: Path, target: Path) -> None:
    """Writes the page about all sheets that are there."""
    captions_file = DOCS / "captions.json"
    captions = json.loads(captions_file.read_text()) if captions_file.exists() else {}
    said_file = target / "said.json"
    said = json.loads(said_file.read_text()) if said_file.exists() else {}
    for name, line in [*((slug(p), understood) for p in PROMPTS), *((e.slug, trained) for e in exemplars.EXEMPLARS)]:
        report = cache / name / "report.json"
        if report.exists():
            said[name] = line(json.loads(report.read_text()))
    said_file.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    lines = [*INTRODUCTION, "## From prompts", ""]
    for prompt in PROMPTS:
        lines += _entry(target, slug(prompt), prompt, captions, said)
    found = [e for e in exemplars.EXEMPLARS if (target / f"{e.slug}.jpg").exists()]
    if found:
        lines += ["## From exemplars", "", *ABOUT_EXEMPLARS]
        for exemplar in found:
            lines += _entry(target, exemplar.slug, exemplar.title, captions, said)
    (target / "README.md").write_text("\n".join(lines).rstrip() + "\n")


def _entry(target: Path, name: str, title: str, captions: dict[str, str], said: dict[str, str]) -> list[str]:
    if not (target / f"{name}.jpg").exists() or name not in said:
        return []
    lines = [f"### {title}", "", f"![{title}]({name}.jpg)", ""]
    if name in captions:
        lines += [captions[name], ""]
    return [*lines, f"<sub>{said[name]}</sub>", ""]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the sheets of prompts or of exemplars, and the page about all."""
    parser = make_parser(__file__, __doc__, threads=2)
    parser.add_argument("--model", default="materials", help="a name, as in: backlot models list; or a file")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="only sheets whose name contains one of these")
    parser.add_argument("--exemplars", action="store_true", help="the exemplars instead of the prompts")
    parser.add_argument("--minutes", type=float, default=12.0, help="training for each exemplar")
    parser.add_argument("--jobs", type=int, default=2, help="Blender processes at a time")
    parser.add_argument("--quick", action="store_true", help="three prompts, small renders, not into docs")
    options, report = begin(parser, arguments)
    path = model_file(options.model)
    if options.tiny:
        cache = target = report.folder / "gallery"
        renders = ["--side", "16", "--samples", "1"]
    else:
        cache = CACHE / (model_key(path) + ("-quick" if options.quick else ""))
        target = cache if options.quick else DOCS
        renders = ["--side", "128", "--samples", "8"] if options.quick else []
    target.mkdir(parents=True, exist_ok=True)
    with mock.patch.dict(os.environ):  # use_model sets the state folder
        model = material_model(use_model(path, cache / "state"), torch.device("cpu"))
        if options.exemplars:
            make_exemplars(options, report, cache, target, renders)
        else:
            make_prompts(options, model, cache, target, renders)
    page(cache, target)


def make_exemplars(options: argparse.Namespace, report: Report, cache: Path, target: Path, renders: list[str]) -> None:
    """Train, measure and show each exemplar."""
    chosen = [exemplar for exemplar in exemplars.EXEMPLARS if _wanted(exemplar.slug, options.only)][: 1 if options.tiny else None]
    for exemplar in chosen:
        exemplars.make(exemplar, cache / exemplar.slug, options.minutes, SEEDS)
    render([cache / exemplar.slug for exemplar in chosen], options.jobs, renders)
    for exemplar in chosen:
        folder = cache / exemplar.slug
        line = trained(json.loads((folder / "report.json").read_text()))
        compose(exemplar.title, line, exemplars.columns(folder, SEEDS), folder, target / f"{exemplar.slug}.jpg")
        rows = exemplars.measured(exemplar, folder)
        print_table(rows)
        if not options.quick:
            report.merge_rows("exemplar_gan_cpu", rows, lambda row: (row["exemplar"], row["what"]))


def make_prompts(options: argparse.Namespace, model: MaterialModel, cache: Path, target: Path, renders: list[str]) -> None:
    """Make and show the material of each prompt."""
    count = 1 if options.tiny else 3 if options.quick else None
    prompts = [prompt for prompt in PROMPTS if _wanted(slug(prompt), options.only)][:count]
    for prompt in prompts:
        make(prompt, model, cache / slug(prompt), 64 if options.tiny else SIDE)
    render([cache / slug(prompt) for prompt in prompts], options.jobs, renders)
    for prompt in prompts:
        folder = cache / slug(prompt)
        line = understood(json.loads((folder / "report.json").read_text()))
        compose(prompt, line, columns(folder), folder, target / f"{slug(prompt)}.jpg")


def _wanted(name: str, words: list[str]) -> bool:
    return not words or any(word in name for word in words)


if __name__ == "__main__":
    main()
