"""Names of attributes in files, which have narrower rules than a ``Mesh``: ASCII, one word, none that means something else."""

from __future__ import annotations

import re

import numpy as np

from ....shared.notes import note
from ....shared.values import Mesh

AXES = "xyz"
RENAMED = "an attribute has another name in the file, because the format does not allow its own"
_NO_WORD = re.compile(r"[^A-Za-z0-9_]+")


def columns(mesh: Mesh, taken: frozenset[str] = frozenset()) -> dict[str, np.ndarray]:
    """Attributes as numbers of one column each; those of three are ``name_x``, ``name_y`` and ``name_z``, as Blender's PLY has them.

    Args:
        mesh: The mesh.
        taken: Names, in lower case, that mean something else in the format.

    Returns:
        By name, in alphabetical order: ``(N,)`` float32.
    """
    found: dict[str, np.ndarray] = {}
    for name, values in words(mesh, taken).items():
        wide = np.asarray(values, np.float32).reshape(len(values), -1)
        if values.ndim == 1:
            found[name] = wide[:, 0]
        else:
            found |= {f"{name}_{AXES[k] if wide.shape[1] == 3 else k}": wide[:, k] for k in range(wide.shape[1])}
    return found


def words(mesh: Mesh, taken: frozenset[str] = frozenset()) -> dict[str, np.ndarray]:
    """Attributes under names that are words, each once whatever the case; see ``columns``."""
    found: dict[str, np.ndarray] = {}
    used = set(taken)
    for name, values in sorted(mesh.attributes.items()):
        word = _NO_WORD.sub("_", name) or "attribute"
        word = f"_{word}" if word[0].isdigit() else word
        number, free = 1, word
        while any(one in used for one in _occupied(free, values)):
            number += 1
            free = f"{word}_{number}"
        if free != name:
            note(RENAMED, f"{name} as {free}")
        used |= _occupied(free, values)
        found[free] = values
    return found


def grouped(single: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inverse of ``columns``: ``name_x``, ``name_y`` and ``name_z`` (or ``_0``, ``_1``, ``_2``) become ``name``, ``(N, 3)``."""
    found = dict(single)
    for axes in (AXES, "012", "XYZ"):
        for name in [n[:-2] for n in single if n.endswith(f"_{axes[0]}")]:
            parts = [f"{name}_{axis}" for axis in axes]
            if name and name not in found and all(part in found for part in parts) and f"{name}_3" not in found:
                found[name] = np.stack([found.pop(part) for part in parts], 1)
    return found


def _occupied(name: str, values: np.ndarray) -> set[str]:
    lower = name.lower()
    return {lower} if values.ndim == 1 else {lower, *(f"{lower}_{axis}" for axis in AXES)}
