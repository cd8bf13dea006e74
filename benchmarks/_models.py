"""The model that a benchmark measures: one that Backlot knows by name, or a file."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from ..backend.io.models.registry import SUFFIX, find_model
from ..backend.materials.exemplar.adapted import BASE


def model_file(given: str) -> Path:
    """The file of a model that is given by name or by path.

    Raises:
        InputError: No such model.
    """
    path = Path(given)
    return path if path.suffix == SUFFIX else find_model(given)


def model_key(path: Path) -> str:
    """Twelve characters that differ between models."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def use_model(path: Path, state: Path) -> str:
    """Makes a folder this process's state folder, with a copy of the model as the base of everything; gives its name.

    So the user's own models stay as they are, and a training that goes on writing to the file disturbs no measurement.
    """
    target = state / "models" / f"{BASE}{SUFFIX}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copyfile(path, target)
    os.environ["BACKLOT_STATE_DIR"] = str(state)
    return BASE
