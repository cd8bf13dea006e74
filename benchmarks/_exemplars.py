"""The gallery's exemplars: three photographs and five procedural materials that no model was trained on, and what is made of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch

from ..backend.core.color import from_float
from ..backend.core.context import Context
from ..backend.materials.operations.texture_synthesize import run
from ..backend.materials.procedural import render, sample_attributes
from ..backend.materials.stack import BASE_COLOR, HEIGHT, METALLIC, ROUGHNESS
from ..shared.material import FAMILIES
from ..shared.operations import find
from ..shared.values import Image
from ._sheet import BODY, GAP, Column, middle, mosaic, resize
from .metrics.likeness import likeness

SIDE = 512
"""Pixels of an exemplar: as scikit-image's photographs are, and large enough to differ from another piece of the same material."""
TILE = 256
"""Pixels of the tile that is repeated."""
MADE = 512
"""Pixels of what the GAN makes."""
METRES = {"brick": 1.4, "gravel": 0.5, "grass": 0.8}
"""Width that a photograph shows, guessed."""
Maps = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Exemplar:
    """One exemplar.

    Attributes:
        slug: Names its files.
        family: Of materials; a photograph has the name of scikit-image's.
        seed: Of the renderer; the training data's are below 900000. 0 for a photograph.
    """

    slug: str
    family: str
    seed: int = 0

    @property
    def title(self) -> str:
        """For people."""
        if not self.seed:
            return f"{self.family.capitalize()}, a photograph"
        return f"{FAMILIES[self.family].label}, a held-out render"

    def another(self) -> tuple[np.ndarray, np.ndarray]:
        """Two real pieces of the material that share no pixel: how unlike they are is what nothing but a copy can undercut.

        Of a photograph its halves, of a render another seed; ``(H, W, 3)`` float32 0..1 each.
        """
        whole = rgb(self.inputs()["exemplar"].pixels)
        if not self.seed:
            return whole[SIDE // 2 :], whole[: SIDE // 2]
        attributes = sample_attributes(self.family, self.seed)
        color = render(self.family, attributes, self.seed + 5000, SIDE).stack[BASE_COLOR].clamp(0, 1)
        return np.ascontiguousarray(color.permute(1, 2, 0).numpy()), whole

    def inputs(self) -> dict[str, Image]:
        """As ``texture.synthesize`` takes them: a photograph comes alone, a render with its own maps, as a scan does."""
        if not self.seed:
            whole = np.asarray(getattr(skimage.data, self.family)(), np.float32)[..., None].repeat(3, 2) / 255
            return {"exemplar": Image(_bytes(resize(whole, SIDE, SIDE)), "srgb")}
        stack = render(self.family, sample_attributes(self.family, self.seed), self.seed, SIDE).stack
        planes = {"exemplar": stack[BASE_COLOR], **{n: stack[c][None] for n, c in _CHANNELS.items()}}
        return {
            name: Image(_bytes(p.clamp(0, 1).permute(1, 2, 0).numpy()), "srgb" if name == "exemplar" else "data")
            for name, p in planes.items()
        }


_CHANNELS = {"height": HEIGHT, "roughness": ROUGHNESS, "metallic": METALLIC}

EXEMPLARS = (
    Exemplar("photo-brick", "brick"),
    Exemplar("photo-gravel", "gravel"),
    Exemplar("photo-grass", "grass"),
    Exemplar("held-out-cobblestone", "cobblestone", 900005),
    Exemplar("held-out-bark", "bark", 900004),
    Exemplar("held-out-weave", "weave", 900005),
    Exemplar("held-out-rust", "rust", 900001),
    Exemplar("held-out-leather", "leather", 900003),
)


def make(exemplar: Exemplar, folder: Path, minutes: float, seeds: int) -> None:
    """Makes the patch engine's texture and the GAN's, and writes them into the folder; what is there is kept.

    Written are ``input.npy``, ``patch.npy``, ``seed1.npy`` …, ``tile.npy``, and ``maps.npz`` and ``report.json`` of the first seed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    inputs = exemplar.inputs()
    np.save(folder / "input.npy", inputs["exemplar"].pixels)
    if not (folder / "patch.npy").exists():
        np.save(folder / "patch.npy", _synthesize(inputs, 1, size=[SIDE, SIDE])["base_color"].pixels)
    for seed in range(1, seeds + 1):
        if (folder / f"seed{seed}.npy").exists():
            continue
        made = _synthesize(inputs, seed, size=[MADE, MADE], engine="gan", minutes=minutes)
        if seed == 1:
            _save_first(exemplar, folder, made)
        np.save(folder / f"seed{seed}.npy", made["base_color"].pixels)
    if not (folder / "tile.npy").exists():
        np.save(folder / "tile.npy", _synthesize(inputs, 1, size=[TILE, TILE], engine="gan", minutes=minutes)["base_color"].pixels)


def measured(exemplar: Exemplar, folder: Path, seeds: int = 2) -> list[dict[str, Any]]:
    """How like the exemplar, and how copied, the patch engine's texture, the GAN's first seeds and another real piece are: a row each."""
    source = read(folder / "input.npy")
    minutes = json.loads((folder / "report.json").read_text())["trained_minutes"]
    pairs = {what: (read(folder / f"{what}.npy"), source) for what in ("patch", *(f"seed{seed}" for seed in range(1, seeds + 1)))}
    rows = []
    for what, (made, real) in {"another piece": exemplar.another(), **pairs}.items():
        found = likeness(made, real)
        row = {"exemplar": exemplar.slug, "what": what, "minutes": round(minutes, 1) if what.startswith("seed") else 0.0}
        rows.append({**row, **{name: round(value, 3 if name == "verbatim" else 2) for name, value in found.items()}})
    return rows


def columns(folder: Path, seeds: int) -> list[Column]:
    """The columns of its sheet that need no renderer."""
    part = (BODY - GAP) // 2
    made = [read(folder / f"seed{seed}.npy") for seed in range(1, seeds + 1)]
    sources = [middle(read(folder / name), part) for name in ("input.npy", "patch.npy")]
    with np.load(folder / "maps.npz") as data:
        strip = [rgb(data[name]) for name in MAP_ORDER]
    return [
        Column("exemplar; patch engine", mosaic(sources, 1)),
        Column("GAN, four seeds (parts, 1:1)", mosaic([middle(picture, part) for picture in made], 2)),
        Column("the first as a tile of 256 px, 3 x 3", resize(np.tile(read(folder / "tile.npy"), (3, 3, 1)), BODY, BODY)),
        Column("maps", mosaic([middle(picture, part) for picture in strip], 1)),
    ]


MAP_ORDER = ("base_color", "normal", "height", "roughness", "metallic", "ambient_occlusion")


def read(path: Path) -> np.ndarray:
    """A saved map as ``(H, W, 3)`` float32 0..1."""
    return rgb(np.load(path))


def rgb(pixels: np.ndarray) -> np.ndarray:
    """Whole numbers, one channel or three, as ``(H, W, 3)`` float32 0..1."""
    values = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
    return values if values.shape[2] == 3 else values[..., :1].repeat(3, 2)


def _synthesize(inputs: dict[str, Image], seed: int, **parameters: Any) -> dict[str, Any]:
    checked = find("texture.synthesize").check_parameters(parameters)
    return run(inputs, checked, Context(torch.device("cpu"), seed))


def save_maps(folder: Path, maps: Maps) -> None:
    """Write maps by name for the renderer and the sheet, as ``maps.npz``."""
    np.savez(folder / "maps.npz", allow_pickle=False, **maps)


def _save_first(exemplar: Exemplar, folder: Path, made: dict[str, Any]) -> None:
    maps = {("ambient_occlusion" if name == "occlusion" else name): value.pixels for name, value in made.items() if name != "report"}
    save_maps(folder, maps)
    metres = FAMILIES[exemplar.family].metres if exemplar.seed else METRES[exemplar.family]
    width = metres * MADE / SIDE
    report = {
        **made["report"],
        "prompt": exemplar.title,
        "seed": 1,
        "width_m": width,
        "depth_m": _depth_px(maps) * width / MADE,
    }
    (folder / "report.json").write_text(json.dumps(report, indent=1))


def _depth_px(maps: Maps) -> float:
    """Pixels between height 0 and 1, from the slopes that the normal map shows and the height map has."""
    normal = maps["normal"].astype(np.float64) / np.iinfo(maps["normal"].dtype).max * 2 - 1
    height = maps["height"][..., 0].astype(np.float64) / np.iinfo(maps["height"].dtype).max
    shown = -normal[..., 0] / np.maximum(normal[..., 2], 0.05)
    held = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2
    return float((shown * held).sum() / max((held * held).sum(), 1e-12))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(from_float(values, np.uint8))
