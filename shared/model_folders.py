"""Which folders with network weights the backend may read: the user's ``models`` folder, and those its owner named on this machine.

A job names a model; a name from elsewhere must not make the backend open any path of the machine. So a path counts only if the owner
allowed it beforehand, by a list in the state folder. The command line and the add-on write it when the user picks a folder: whoever can
write there owns the backend, and a client on another machine cannot.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from .connection import state_folder
from .digest import write_whole
from .errors import InputError, StorageError

LIST = "model_folders.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a model may be called."""


def models_folder() -> Path:
    """Where the user's own models are: files, and folders of networks from elsewhere."""
    return state_folder() / "models"


def allowed_folders() -> list[Path]:
    """The list, in the order of naming; what cannot be read counts as empty."""
    try:
        said = json.loads((state_folder() / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [Path(entry) for entry in said if isinstance(entry, str)] if isinstance(said, list) else []


def allow_folder(path: str | Path) -> Path:
    """Lets the backend of this user read a folder; gives its absolute path, to be sent as the model.

    Raises:
        InputError: No such folder.
        StorageError: The list cannot be written.
    """
    folder = Path(path).expanduser().resolve()
    if not folder.is_dir():
        raise InputError(expected=f"a folder with a model at {folder}", got="no such folder" if not folder.exists() else "a file")
    known = allowed_folders()
    if folder not in known:
        target = state_folder() / LIST
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, (json.dumps([str(p) for p in [*known, folder]], indent=1) + "\n").encode())
        except OSError as error:
            msg = f"Cannot write {target}: {error.strerror}"
            raise StorageError(msg, fix="Free space there, or put the model's folder into the folder models next to it") from error
    return folder


def find_folder(model: str) -> Path:
    """The folder of a model by its name in the user's ``models`` folder, or by an allowed path.

    Raises:
        InputError: Not a name of one that is there, nor an allowed folder.
    """
    own = models_folder()
    if NAME.fullmatch(model):
        if (own / model).is_dir():
            return own / model
        there = sorted(p.name for p in own.iterdir() if p.is_dir()) if own.is_dir() else []
        raise InputError(
            expected=f"a folder {model} in {own}",
            got=", ".join(there) or "no folder there",
            fix="Put the model's folder there, or give the path of one on this machine",
        )
    folder = Path(model)
    if folder.is_absolute():
        folder = folder.resolve()
        if any(folder == root or root in folder.parents for root in (own.resolve(), *allowed_folders())):
            if folder.is_dir():
                return folder
            raise InputError(expected=f"a folder with a model at {folder}", got="no such folder")
    raise InputError(
        expected="the name of a folder in the backend's models folder, or a folder that its owner allowed",
        got=repr(model[:200]),
        fix=f"Put it into {own}, or choose it once on the backend's own machine",
    )
