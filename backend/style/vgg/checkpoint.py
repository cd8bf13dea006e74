"""Where VGG19's weights come from: a file that the artist has, or a download that somebody agreed to.

They are not part of Backlot: the network was trained on ImageNet, whose pictures belong to others. torchvision's file is turned into
safetensors once and kept among the user's models under the name ``vgg19``; nothing else is read afterwards.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ....shared.errors import InputError
from ....shared.model_folders import models_folder
from ...io.models.cards import ModelCard
from ...io.models.registry import find_model, load_model, save_model
from .network import CONVOLUTIONS, Vgg

ARCHITECTURE = "vgg19-features"
NAME = "vgg19"
URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
SHA256_STARTS = "dcbb9e9d"
"""torchvision names its files by the first eight digits of their SHA-256."""
LICENCE = "torchvision's weights (BSD-3-Clause code), trained on ImageNet: check whether you may use them"
_CHUNK = 1 << 20
Report = Callable[[float, str], None]


def fetch(agreed: bool, report: Report, url: str = URL, sha256: str = SHA256_STARTS, name: str = NAME) -> Path:
    """Downloads the weights and keeps them as a model.

    Args:
        agreed: Whether somebody said yes to this download. Without it nothing is opened.
        report: Called with the fraction done; may raise to cancel.
        url: Where they are.
        sha256: What the file's SHA-256 begins with.
        name: Under which they are kept.

    Raises:
        InputError: Nobody agreed, not reachable, or not the file that was meant.
    """
    if not agreed:
        raise InputError(expected=f"a yes to the download of 548 MB from {url}", got="none", fix="backlot models fetch vgg19 --yes")
    with tempfile.TemporaryDirectory(prefix="backlot-") as folder:
        path = Path(folder) / "vgg19.pth"
        try:
            with urllib.request.urlopen(url, timeout=60) as source, path.open("wb") as target:
                whole, done = int(source.headers.get("Content-Length") or 0), 0
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    done += len(chunk)
                    report(0.95 * done / whole if whole else 0.5, f"downloading {done / 1e6:.0f} MB")
        except (urllib.error.URLError, OSError, ValueError) as error:
            got = str(getattr(error, "strerror", None) or error)
            raise InputError(expected=f"a file at {url}", got=got, fix="Check the connection, or get the file by hand") from error
        return keep(path, sha256, name, source_name=url)


def keep(path: Path, sha256: str = "", name: str = NAME, source_name: str = "") -> Path:
    """Turns torchvision's checkpoint into safetensors among the user's models.

    Args:
        path: A ``.pth`` with the state of ``torchvision.models.vgg19``.
        sha256: What its SHA-256 has to begin with; empty takes any file of the right shapes.
        name: Under which it is kept.
        source_name: For its card; the file's name if empty.

    Raises:
        InputError: Another file, damaged, or with other shapes.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise InputError(expected=f"a readable file at {path}", got=error.strerror or str(error)) from error
    found = digest.hexdigest()
    if sha256 and not found.startswith(sha256):
        raise InputError(expected=f"a file whose SHA-256 begins with {sha256}", got=found, fix="It is damaged or another one: get it again")
    try:
        # weights_only: plain tensors or nothing, so that no code in the file can run.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        got = f"{type(error).__name__}: {str(error).splitlines()[0][:160] if str(error) else ''}"
        raise InputError(expected=f"a checkpoint of plain tensors in {path.name}", got=got, fix="Use torchvision's vgg19 file") from error
    tensors = check_shapes(state, path.name)
    card = ModelCard(
        architecture=ARCHITECTURE,
        config={"layers": len(CONVOLUTIONS)},
        title="VGG19, convolutions only",
        licence=LICENCE,
        data={"description": "ImageNet-1k, by torchvision; not made by Backlot", "source": source_name or path.name, "sha256": found},
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    return save_model(models_folder() / f"{name}.safetensors", tensors, card)


def check_shapes(state: Any, where: str) -> dict[str, torch.Tensor]:
    """The convolutions' tensors out of a state dictionary, float32.

    Raises:
        InputError: One is missing or has another shape.
    """
    if not isinstance(state, Mapping):
        raise InputError(expected=f"{where} to hold tensors by name", got=type(state).__name__, fix="Use torchvision's vgg19 file")
    tensors: dict[str, torch.Tensor] = {}
    for conv, number, inputs, outputs in CONVOLUTIONS:
        for kind, shape in (("weight", (outputs, inputs, 3, 3)), ("bias", (outputs,))):
            key = f"features.{number}.{kind}"
            tensor = state.get(key)
            if not isinstance(tensor, torch.Tensor) or tuple(tensor.shape) != shape:
                got = f"shape {tuple(tensor.shape)}" if isinstance(tensor, torch.Tensor) else "none"
                raise InputError(
                    expected=f"{key} ({conv}) of shape {shape} in {where}", got=got, fix="Use torchvision's vgg19, without _bn"
                )
            tensors[key] = tensor.detach().float()
    return tensors


def vgg(name: str, device: torch.device) -> Vgg:
    """The network of that name, kept in memory.

    Raises:
        InputError: It is not there; the message says how to get it.
    """
    try:
        path = find_model(name)
    except InputError as error:
        raise InputError(
            expected=f"VGG19's weights as the model {name!r}",
            got="none",
            fix="They do not come with Backlot. If you have vgg19-dcbb9e9d.pth: backlot models import FILE.pth; "
            "to download it (548 MB): backlot models fetch vgg19 --yes",
        ) from error
    return _cached(str(path), path.stat().st_mtime_ns, str(device))


@functools.lru_cache(maxsize=1)
def _cached(path: str, _changed: int, device: str) -> Vgg:
    tensors, _ = load_model(path, ARCHITECTURE)
    return Vgg(check_shapes(tensors, Path(path).name)).to(device).eval()
