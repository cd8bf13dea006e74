"""A studio's folder as training data: finds the map stacks, checks and completes them, and lists what it left out and why."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ....shared.errors import BacklotError, InputError
from ....shared.file_lookup import FileLookup
from .complete import complete
from .dataset import Entry, to_bytes
from .decode import read_map, resample
from .names import SUFFIXES, parse_name, telling_folders, words_of
from .sidecars import Sidecar, describe, find_licence, read_sidecar

SIZE = 256
LEAST_MATERIALS = 8
# Of base colour at the training size; below, a network learns the pictures by heart (stylegan2-ada issue 20 saw it at 100 pictures)
LEAST_MEGAPIXELS = 0.5
LEAST_DEVIATION = 0.006  # standard deviation in 0..1 below which a map is flat: one and a half steps of 8 bit
_WRAP_FACTOR = 1.6  # a picture tiles when the step across its wrap line is below this many times the median step inside


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A file or material that was left out; ``path`` is relative to the library."""

    path: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Collection:
    """What a folder gave.

    Attributes:
        entries: Stacks of one size, ready for ``write_dataset``; a material seen closely may have several.
        skipped: What was left out.
        materials: Number of different materials.
        size: Side of the stacks in pixels.
    """

    entries: list[Entry]
    skipped: list[Skipped]
    materials: int
    size: int

    def require_enough(self) -> None:
        """Raises ``InputError`` when it is too little to train on, with what would do."""
        megapixels = self.materials * self.size**2 / 1e6
        if self.materials < LEAST_MATERIALS or megapixels < LEAST_MEGAPIXELS:
            need = max(LEAST_MATERIALS, -int(-LEAST_MEGAPIXELS * 1e6 // self.size**2))
            raise InputError(
                expected=f"at least {need} different materials to train on",
                got=f"{self.materials} of {self.size} px ({megapixels:.2f} megapixels), {len(self.skipped)} left out",
                fix=f"Add {need - self.materials} or more, or mend those that were left out; a single photograph is "
                "for adapting a shipped model instead: backlot texture PHOTO --engine gan",
            )


@dataclasses.dataclass
class _Material:
    name: str
    folder: Path
    files: dict[str, Path]
    texts: FileLookup
    alone: bool = False  # the only one of its folder


def collect(
    folder: str | Path, *, progress: Callable[[float, str], None] | None = None, size: int = SIZE, close_ups: bool = True
) -> Collection:
    """Walks a library's folder.

    Nothing in it is fatal: what cannot be used is listed with the reason.

    Args:
        folder: With map stacks by suffix (``NAME_basecolor.png`` …), one folder per material, or plain photographs.
        progress: Called with a fraction and the material's name; may raise to stop.
        size: Side of the stacks in pixels.
        close_ups: Whether a material of twice the size or more also gives its four quarters.

    Raises:
        InputError: The folder cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(expected="a folder with materials", got=f"{root}, which is {'a file' if root.exists() else 'not there'}")
    skipped: list[Skipped] = []
    materials = _find_materials(root, skipped)
    entries: list[Entry] = []
    seen: dict[str, str] = {}
    used = 0
    for number, material in enumerate(materials):
        if progress:
            progress(number / len(materials), material.name)
        where = str(material.files["base_color"].relative_to(root))
        try:
            made = list(_load(material, root, size, close_ups, skipped))
        except (BacklotError, OSError) as error:
            skipped.append(Skipped(where, str(error)))
            continue
        digest = hashlib.sha256(made[0].stack.numpy().tobytes()).hexdigest()
        if digest in seen:
            skipped.append(Skipped(where, f"the same as {seen[digest]}"))
            continue
        seen[digest] = where
        entries += made
        used += 1
    if progress:
        progress(1.0, "")
    return Collection(entries, sorted(skipped, key=lambda s: s.path), used, size)


def _find_materials(root: Path, skipped: list[Skipped]) -> list[_Material]:
    stacks: dict[tuple[Path, str], _Material] = {}
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        here = Path(place)
        texts = FileLookup(here, ())
        plain: list[Path] = []
        for path in (here / name for name in sorted(names)):
            if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
                continue
            said = parse_name(path.stem)
            if said.kind == "ignored":
                continue
            if not said.kind:
                plain.append(path)
                continue
            name = said.material or next(iter(telling_folders(here.relative_to(root))), here.name)
            stack = stacks.setdefault((here, name.lower()), _Material(name, here, {}, texts))
            rival = stack.files.get(said.kind)
            if rival is not None:  # the same at another resolution
                small, path = sorted((rival, path), key=lambda p: p.stat().st_size)
                skipped.append(Skipped(str(small.relative_to(root)), f"{path.name} is the same map, larger"))
            stack.files[said.kind] = path
        _sort_out(root, here, plain, stacks, skipped)
    return [stacks[key] for key in sorted(stacks)]


def _sort_out(root: Path, here: Path, plain: list[Path], stacks: dict[tuple[Path, str], _Material], skipped: list[Skipped]) -> None:
    """Settles the pictures of one folder that no suffix explains."""
    mine = [key for key in stacks if key[0] == here]
    for key in mine:
        stack = stacks[key]
        lone = next(iter(stack.files.values()))
        if "base_color" in stack.files:
            continue
        del stacks[key]
        if len(stack.files) == 1 and parse_name(lone.stem).could_be_photo:
            plain.append(lone)  # rusty_metal.jpg
        else:
            said = f"its stack has {', '.join(sorted(stack.files))} but no base colour"
            skipped.extend(Skipped(str(path.relative_to(root)), said) for path in stack.files.values())
    mine = [key for key in stacks if key[0] == here]
    texts = FileLookup(here, ())
    for path in plain:
        if len(mine) == 1 and len(stacks[mine[0]].files) > 1:
            skipped.append(Skipped(str(path.relative_to(root)), f"no map by its name, in the folder of {stacks[mine[0]].name}"))
        else:
            stacks[here, path.name.lower()] = _Material(path.stem, here, {"base_color": path}, texts)
    found = [stack for key, stack in stacks.items() if key[0] == here]
    for stack in found:
        stack.alone = len(found) == 1


def _load(material: _Material, root: Path, size: int, close_ups: bool, skipped: list[Skipped]) -> Iterator[Entry]:
    """The stacks of one material; the first shows all of it."""
    color = read_map(material.files["base_color"], "base_color")
    height, width = color.shape[1:]
    if min(height, width) < size:
        raise InputError(
            expected=f"at least {size} x {size} pixels", got=f"{width} x {height}", fix="Use a larger scan, or a smaller --size"
        )
    maps = {"base_color": color}
    for kind, path in material.files.items():
        if kind == "base_color" or (kind == "normal_dx" and "normal" in material.files):
            continue
        try:
            values = read_map(path, kind)
            if abs(values.shape[2] * height - values.shape[1] * width) > 0.02 * values.shape[2] * height:
                raise InputError(
                    expected=f"the proportions of the base colour, {width} x {height}", got=f"{values.shape[2]} x {values.shape[1]}"
                )
            maps[kind] = values
        except (BacklotError, OSError) as error:
            skipped.append(Skipped(str(path.relative_to(root)), f"{error} The material is used without this map."))
    if all(float(values.flatten(1).std(1).max()) < LEAST_DEVIATION for values in maps.values()):
        raise InputError(expected="something to learn", got="flat maps: one colour all over")
    sidecar = _sidecar(material, root, skipped)
    tiles = _tiles(color) if sidecar.tiles is None else sidecar.tiles
    maps, tiles, metres = _square(maps, tiles, sidecar.metres)
    caption = sidecar.caption or ", ".join(dict.fromkeys(filter(None, _caption(material, root))))
    licence = sidecar.licence or find_licence(material.folder, root)

    def entry(name: str, part: dict[str, torch.Tensor], whole: bool, width_in_metres: float) -> Entry:
        scaled = {kind: resample(values, (size, size), kind == "base_color") for kind, values in part.items()}
        stack, notes, known = complete(scaled, tiles and whole)
        stack = to_bytes(stack)
        vector, which = describe(stack, caption, sidecar, known, width_in_metres)
        return Entry(
            name,
            stack,
            vector,
            known=which,
            caption=caption,
            licence=licence,
            tiles=tiles and whole,
            metres=width_in_metres,
            notes=tuple(notes),
            group=str(material.files["base_color"].relative_to(root)),
        )

    yield entry(material.name, maps, True, metres)
    side = maps["base_color"].shape[1]
    if close_ups and side >= 2 * size:
        for number in range(4):
            quarter = {}
            for kind, values in maps.items():
                half = values.shape[1] // 2
                row, column = (number // 2) * half, (number % 2) * half
                quarter[kind] = values[:, row : row + half, column : column + half]
            yield entry(f"{material.name} quarter {number + 1}", quarter, False, metres / 2)


def _tiles(color: torch.Tensor) -> bool:
    """Whether the steps across both wrap lines are like those inside."""
    for axis in (1, 2):
        step = (color - color.roll(1, axis)).abs().mean((0, 3 - axis))
        if float(step[0]) > _WRAP_FACTOR * float(step[1:].median()) + 1e-3:
            return False
    return True


def _square(maps: dict[str, torch.Tensor], tiles: bool, metres: float) -> tuple[dict[str, torch.Tensor], bool, float]:
    """Square maps: a picture that tiles is repeated along its short side where that comes out even, else the middle is cut out."""
    height, width = maps["base_color"].shape[1:]
    ratio = max(height, width) / min(height, width)
    if ratio == 1:
        return maps, tiles, metres
    if tiles and ratio in (2, 3, 4):
        return (
            {kind: v.repeat(1, *((1, int(ratio)) if height > width else (int(ratio), 1))) for kind, v in maps.items()},
            True,
            metres * (ratio if height > width else 1),
        )
    cut = {}
    for kind, values in maps.items():
        side = min(values.shape[1:])
        top, left = (values.shape[1] - side) // 2, (values.shape[2] - side) // 2
        cut[kind] = values[:, top : top + side, left : left + side]
    return cut, False, metres * min(height, width) / width


def _caption(material: _Material, root: Path) -> list[str]:
    return [words_of(material.name), *telling_folders(material.folder.relative_to(root))]


def _sidecar(material: _Material, root: Path, skipped: list[Skipped]) -> Sidecar:
    shared = (material.folder.name, "material", "caption") if material.alone else ()
    stems = dict.fromkeys((material.files["base_color"].stem, material.name, *shared))
    for stem in stems:
        for path in map(material.texts.find, (f"{stem}.json", f"{stem}.txt")):
            if path is not None:
                try:
                    return read_sidecar(path)
                except InputError as error:
                    skipped.append(Skipped(str(path.relative_to(root)), f"{error} The material is used without this file."))
    return Sidecar()
