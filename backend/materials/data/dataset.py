"""The dataset file: map stacks, their attributes and their joint patterns in one safetensors file.

A studio's library and the procedural generator's output are stored alike. Pixels are read from the file when they are used (the file is
mapped into memory), so that a dataset may be larger than memory.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ....shared.errors import InputError
from ...io.atomic import in_one_step
from ...io.tensor_file import tensor_file
from ..attributes import VECTOR_SIZE, Attributes
from ..stack import CHANNELS

FORMAT = "backlot-dataset-1"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One material on its way into a dataset.

    Attributes:
        name: For reports and captions.
        stack: ``(6, S, S)``, channels as in ``CHANNELS``: uint8, or float in 0..1.
        attributes: Its description, or that as a ``(V,)`` vector.
        pattern: ``(S, S)`` joint pattern, uint8 or float in 0..1; None where there is none or it is not known.
        cells: ``(S, S)`` integers, which brick or board a pixel belongs to; None where not known.
        known: ``(V,)`` bool, which numbers of the attribute vector are measured or stated; None for all.
        caption: What a person would call it.
        licence: Of the pixels, empty where not known.
        tiles: Whether the stack tiles along both axes.
        metres: Width in metres, 0 where not known.
        notes: What had to be guessed, in words.
        group: Stacks of one material have the same; they stay together when a dataset is split. Empty for a material of its own.
    """

    name: str
    stack: torch.Tensor
    attributes: Attributes | torch.Tensor
    pattern: torch.Tensor | None = None
    cells: torch.Tensor | None = None
    known: torch.Tensor | None = None
    caption: str = ""
    licence: str = ""
    tiles: bool = True
    metres: float = 0.0
    notes: tuple[str, ...] = ()
    group: str = ""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Materials of one size to train on or to measure against.

    Attributes:
        stacks: ``(N, 6, S, S)`` uint8, channels as in ``CHANNELS``.
        attributes: ``(N, V)`` float32, each row an ``Attributes.vector()``.
        known: ``(N, V)`` bool, which of these numbers are measured or stated; the rest are defaults.
        tiles: ``(N,)`` bool, whether the stack tiles.
        has_pattern: ``(N,)`` bool.
        patterns: ``(N, S, S)`` uint8, 0 where there is none; None if no material has one.
        cells: ``(N, S, S)`` int32; None if no material has them.
        entries: Name, caption, licence, metres and notes of each material.
        meta: What was said of the whole: source, command, seed.
    """

    stacks: torch.Tensor
    attributes: torch.Tensor
    known: torch.Tensor
    tiles: torch.Tensor
    has_pattern: torch.Tensor
    patterns: torch.Tensor | None
    cells: torch.Tensor | None
    entries: tuple[dict[str, Any], ...]
    meta: dict[str, Any]

    def __len__(self) -> int:
        return len(self.stacks)

    @property
    def size(self) -> int:
        """Side of each stack in pixels."""
        return int(self.stacks.shape[-1])

    def stack(self, index: int) -> torch.Tensor:
        """``(6, S, S)`` float32 in 0..1 of one material."""
        return self.stacks[index].float() / 255

    def subset(self, indices: Sequence[int] | torch.Tensor) -> Dataset:
        """The materials with these numbers, copied into memory."""
        rows = torch.as_tensor(indices, dtype=torch.long)
        take: dict[str, Any] = {
            field.name: value[rows] if isinstance(value := getattr(self, field.name), torch.Tensor) else value
            for field in dataclasses.fields(self)
        }
        take["entries"] = tuple(self.entries[int(i)] for i in rows)
        return Dataset(**take)

    def split(self, held_out: float = 0.1, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Two parts without a common material, the second with about the share ``held_out`` of the materials, at least one.

        Raises:
            InputError: There is only one material.
        """
        groups: dict[str, list[int]] = {}
        for number, entry in enumerate(self.entries):
            groups.setdefault(entry.get("group") or f"#{number}", []).append(number)
        if len(groups) < 2:
            raise InputError(expected="at least two materials, to keep one to measure with", got=str(len(groups)))
        members = list(groups.values())
        order = torch.randperm(len(members), generator=torch.Generator().manual_seed(seed)).tolist()
        count = min(max(round(len(members) * held_out), 1), len(members) - 1)
        kept, used = (sorted(row for number in part for row in members[number]) for part in (order[:count], order[count:]))
        return self.subset(used), self.subset(kept)


def to_bytes(values: torch.Tensor) -> torch.Tensor:
    """Floats in 0..1 as uint8; uint8 as it is."""
    return values if values.dtype == torch.uint8 else (values.float().clamp(0, 1) * 255).round().to(torch.uint8)


def build_dataset(entries: Iterable[Entry], meta: dict[str, Any] | None = None) -> Dataset:
    """Puts materials of one size together in memory.

    Args:
        entries: May be a generator: each is turned to bytes as it comes.
        meta: What is to be kept with them; anything JSON can hold.

    Raises:
        InputError: None at all, or of several sizes.
    """
    made: list[Entry] = []
    for entry in entries:
        shape = tuple(entry.stack.shape)
        if len(shape) != 3 or shape != (len(CHANNELS), *(made[0].stack.shape[1:] if made else (shape[1], shape[1]))):
            expected = f"stacks of shape {tuple(made[0].stack.shape) if made else (len(CHANNELS), 'S', 'S')}"
            raise InputError(expected=expected, got=f"{shape} for {entry.name!r}")
        pattern = None if entry.pattern is None else to_bytes(entry.pattern)
        made.append(dataclasses.replace(entry, stack=to_bytes(entry.stack), pattern=pattern))
    if not made:
        raise InputError(expected="at least one material", got="none")
    size = made[0].stack.shape[-1]
    blank = torch.zeros(size, size, dtype=torch.uint8)
    patterns = [blank if e.pattern is None else e.pattern for e in made]
    cells = [blank.int() if e.cells is None else e.cells.int() for e in made]
    vectors = [e.attributes.vector() if isinstance(e.attributes, Attributes) else e.attributes.float() for e in made]
    return Dataset(
        stacks=torch.stack([e.stack for e in made]),
        attributes=torch.stack(vectors),
        known=torch.stack([torch.ones(VECTOR_SIZE, dtype=torch.bool) if e.known is None else e.known.bool() for e in made]),
        tiles=torch.tensor([e.tiles for e in made]),
        has_pattern=torch.tensor([e.pattern is not None for e in made]),
        patterns=torch.stack(patterns) if any(e.pattern is not None for e in made) else None,
        cells=torch.stack(cells) if any(e.cells is not None for e in made) else None,
        entries=tuple(
            {"name": e.name, "caption": e.caption, "licence": e.licence, "metres": e.metres, "notes": list(e.notes), "group": e.group}
            for e in made
        ),
        meta=dict(meta or {}),
    )


def write_dataset(path: str | Path, entries: Iterable[Entry] | Dataset, meta: dict[str, Any] | None = None) -> Path:
    """Writes a dataset file in one step: to a temporary file first, then renamed.

    Args:
        path: The file, usually ``NAME.safetensors``; its folder is made.
        entries: Materials of one size, or a whole dataset.
        meta: See ``build_dataset``; added to the dataset's own.

    Raises:
        InputError: None at all, or of several sizes.
        StorageError: No room, or no right to write.
    """
    dataset = entries if isinstance(entries, Dataset) else build_dataset(entries)
    tensors = {f.name: v.contiguous() for f in dataclasses.fields(dataset) if isinstance(v := getattr(dataset, f.name), torch.Tensor)}
    said = {"format": FORMAT, "meta": json.dumps({**dataset.meta, **(meta or {})}), "entries": json.dumps(dataset.entries)}
    path = Path(path)
    with in_one_step(path) as temporary:
        save_file(tensors, temporary, metadata=said)
    return path


def read_dataset(path: str | Path) -> Dataset:
    """Opens a dataset file; pixels are fetched from disk as they are used.

    Raises:
        InputError: Missing, damaged, or not a dataset of this version.
    """
    path = Path(path)
    expected, fix = f"a dataset at {path}", "Make one with: backlot train materials --data FOLDER --collect-only DATASET"
    with tensor_file(path, FORMAT, expected, fix, mapped=True) as (tensors, said):
        fields: dict[str, Any] = {"patterns": None, "cells": None, **tensors}
        dataset = Dataset(**fields, entries=tuple(json.loads(said["entries"])), meta=json.loads(said["meta"]))
    count, channels, height, width = dataset.stacks.shape if dataset.stacks.ndim == 4 else (0, 0, 0, 0)
    fits = channels == len(CHANNELS) and height == width and dataset.stacks.dtype == torch.uint8 and len(dataset.entries) == count
    if not fits or dataset.attributes.shape != (count, VECTOR_SIZE):
        got = f"stacks {tuple(dataset.stacks.shape)} with attributes {tuple(dataset.attributes.shape)}"
        raise InputError(expected=f"{expected} with {VECTOR_SIZE} attributes per material", got=got, fix="Make it again with this version")
    return dataset
