"""Models on disk: one safetensors file each, with its card and the sha256 of its tensors inside.

Shipped models lie next to this module in ``weights``, the user's own in ``models`` in the state folder. Only names come from outside, never
paths: ``find_model`` looks in these two folders alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from ....shared.errors import InputError
from ....shared.model_folders import NAME, models_folder
from ..atomic import in_one_step
from ..tensor_file import tensor_file
from .cards import ModelCard

FORMAT = "backlot-model-1"
SUFFIX = ".safetensors"
SHIPPED = Path(__file__).resolve().parents[2] / "weights"


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """One line of the list of models.

    Attributes:
        name: As ``find_model`` takes it.
        path: Its file.
        shipped: Whether it came with Backlot.
        size: Bytes.
        card: Its card; None if the file cannot be read.
        problem: Why it cannot be read, or empty.
    """

    name: str
    path: Path
    shipped: bool
    size: int
    card: ModelCard | None
    problem: str = ""


def list_models() -> list[ModelInfo]:
    """Every model that can be named, the user's own first; damaged ones with the reason. Reads headers only."""
    found: list[ModelInfo] = []
    for folder in (models_folder(), SHIPPED):
        for path in sorted(folder.glob("*" + SUFFIX)):
            if not NAME.fullmatch(path.stem) or any(other.name == path.stem for other in found):
                continue
            card, problem = None, ""
            try:
                card = read_card(path)
            except InputError as error:
                problem = str(error)
            found.append(ModelInfo(path.stem, path, folder == SHIPPED, path.stat().st_size, card, problem))
    return found


def find_model(name: str) -> Path:
    """The file of a model by its name.

    Raises:
        InputError: Not a name, or no such model; the message lists those there are.
    """
    for folder in (models_folder(), SHIPPED):
        path = folder / (check_name(name) + SUFFIX)
        if path.is_file():
            return path
    names = ", ".join(info.name for info in list_models() if info.card) or "there are none"
    raise InputError(
        expected="the name of a model", got=repr(name), fix=f"Choose one of: {names}; or add one with: backlot models import FILE"
    )


def check_name(name: str) -> str:
    """Gives the name back if it can be a model's.

    Raises:
        InputError: It has other characters than letters, digits, dot, dash and underscore, or is too long.
    """
    if not NAME.fullmatch(name):
        raise InputError(
            expected="a model's name of letters, digits, dots, dashes and underscores, at most 64",
            got=repr(name[:80]),
            fix="To use a file from elsewhere: backlot models import FILE",
        )
    return name


def tensor_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of all tensors, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def save_model(path: str | Path, tensors: Mapping[str, torch.Tensor], card: ModelCard) -> Path:
    """Writes a model in one step: to a temporary file first, then renamed.

    Args:
        path: The file; its folder is made.
        tensors: Weights by name. They must not share memory.
        card: What is said about it.

    Raises:
        StorageError: No room, or no right to write.
    """
    path = Path(path)
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    said = {"format": FORMAT, "card": card.to_json(), "sha256": tensor_digest(ready)}
    with in_one_step(path) as temporary:
        save_file(ready, temporary, metadata=said)
    return path


def read_card(path: str | Path) -> ModelCard:
    """The card of a model file, without reading its weights.

    Raises:
        InputError: Missing, damaged, or foreign.
    """
    return _read(Path(path), weights=False)[1]


def load_model(path: str | Path, expected_architecture: str | None = None) -> tuple[dict[str, torch.Tensor], ModelCard]:
    """Reads a model into memory, on the CPU.

    Args:
        path: The file.
        expected_architecture: What its card has to say; None takes any.

    Raises:
        InputError: Missing, damaged, foreign, or of another architecture.
    """
    path = Path(path)
    tensors, card, sha256 = _read(path)
    if expected_architecture is not None and card.architecture != expected_architecture:
        raise InputError(
            expected=f"a model of the architecture {expected_architecture!r}",
            got=f"{card.architecture!r} in {path.name}",
            fix="Use a model made for this purpose (backlot models list), or train one with this version",
        )
    if tensor_digest(tensors) != sha256:
        raise InputError(
            expected=f"{path.name} to hold the weights that its sha256 names", got="others", fix="The file is damaged: get it again"
        )
    return tensors, card


def verify(path: str | Path) -> list[str]:
    """Examines a model file; gives what is wrong with it, in words, nothing if all is well. A missing licence or data card is wrong."""
    try:
        tensors, card = load_model(path)
    except InputError as error:
        return [str(error)]
    findings = card.gaps()
    return findings + [f"it holds NaN or infinity in {name}" for name in _not_finite(tensors)[:1]]


def import_model(path: str | Path, name: str = "", licence: str = "", *, replace: bool = False) -> Path:
    """Copies a model file among the user's own, after examining the copy.

    Args:
        path: The file.
        name: What it is to be called; empty for the file's own name.
        licence: Written into its card if the card has none.
        replace: Whether it may take the place of one of that name.

    Returns:
        Where it is now.

    Raises:
        InputError: Damaged, foreign, without a licence, or the name is taken.
        StorageError: No room, or no right to write.
    """
    source = Path(path)
    target = models_folder() / (check_name(name or source.stem) + SUFFIX)
    if (SHIPPED / target.name).exists():
        raise InputError(expected="a name that no shipped model has", got=target.stem, fix="Give another with --name")
    if target.exists() and not replace:
        raise InputError(expected="a new name", got=f"{target.stem}, which is there already", fix="Give another with --name, or --replace")
    tensors, card = load_model(source)
    if licence and not card.licence.strip():
        card = dataclasses.replace(card, licence=licence)
    if not card.licence.strip():
        raise InputError(
            expected=f"{source.name} to say its licence", got="a card without one", fix="If you know it, give it with --licence"
        )
    if bad := _not_finite(tensors):
        raise InputError(expected=f"{source.name} to hold finite numbers", got=f"NaN or infinity in {bad[0]}", fix="Train it again")
    return save_model(target, tensors, card)


def export_model(name: str, path: str | Path, *, replace: bool = False) -> Path:
    """Copies a model to a file; gives the path.

    Raises:
        InputError: No such model, or the file is there already.
        StorageError: No room, or no right to write.
    """
    source, target = find_model(name), Path(path)
    if target.is_dir():
        target /= source.name
    if target.suffix != SUFFIX:
        target = target.with_name(target.name + SUFFIX)
    if target.exists() and not replace:
        raise InputError(expected="a file that is not there yet", got=str(target), fix="Choose another, or give --replace")
    with in_one_step(target) as temporary:
        shutil.copyfile(source, temporary)
    return target


def remove_model(name: str) -> None:
    """Deletes one of the user's own models.

    Raises:
        InputError: No such model, or it came with Backlot.
    """
    path = find_model(name)
    if path.parent == SHIPPED:
        raise InputError(expected="one of your own models", got=f"{name}, which came with Backlot")
    path.unlink()


def _not_finite(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    return [name for name, tensor in tensors.items() if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())]


def _read(path: Path, weights: bool = True) -> tuple[dict[str, torch.Tensor], ModelCard, str]:
    fix = "Get the file again, train it again, or use one that Backlot trained or exported"
    with tensor_file(path, FORMAT, f"a Backlot model at {path}", fix, tensors=weights) as (tensors, said):
        return tensors, ModelCard.from_json(said.get("card", "")), said.get("sha256", "")
