"""What a folder with a depth network says about itself: ``backlot_depth.json``.

    {"backlot_depth": 1, "kind": "inverse_affine", "size": 518, "multiple": 14,
     "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}

``kind`` is one of ``metric``, ``affine``, ``inverse``, ``inverse_affine`` or ``points`` (see ``align.py``; ``points`` is an affine map of
points in camera space, as MoGe's). For a network in ONNX there are also ``file``, ``input``, ``output``, and where it has them
``channel`` (of an output with several), ``mask`` and ``scale`` (names of further outputs), ``numbers`` (further inputs, such as
``{"num_tokens": 1800}``) and ``focal`` (depth = output x focal length in pixels / this; 300 for Depth Anything 3 metric).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ....shared import json_file
from ....shared.errors import InputError
from .align import KINDS

FILE = "backlot_depth.json"
ANY_KIND = (*KINDS, "points")


@dataclasses.dataclass(frozen=True)
class Declaration:
    """How to feed a depth network and what it gives.

    Attributes:
        kind: One of ``ANY_KIND``; empty if the folder does not say.
        unit: Scene units per unit of metric depth.
        file: The ONNX file, or empty for a network of ``transformers``.
        size: Shorter side of what the network sees, in pixels.
        multiple: Its sides are multiples of this.
        mean: Subtracted from colour in 0..1.
        std: Divides what is left.
        input: Name of the picture's input; empty takes the first.
        output: Name of the depth's output; empty takes the first.
        channel: Of an output with several; -1 for one without.
        mask: Output that tells where depth means something, or empty.
        scale: Output that a map of points is multiplied with to become metres, or empty.
        numbers: Further inputs that are single whole numbers.
        focal: See above; 0 leaves the output as it is.
    """

    kind: str = ""
    unit: float = 1.0
    file: str = ""
    size: int = 518
    multiple: int = 14
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    input: str = ""
    output: str = ""
    channel: int = -1
    mask: str = ""
    scale: str = ""
    numbers: dict[str, int] = dataclasses.field(default_factory=dict)
    focal: float = 0.0


def read_declaration(folder: Path) -> Declaration | None:
    """What the folder declares, or None if it has no such file.

    Raises:
        InputError: The file is damaged or says something that makes no sense.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    said = read_json(path)
    if said.get("backlot_depth") != 1:
        raise InputError(expected=f'"backlot_depth": 1 in {path}', got=repr(said.get("backlot_depth"))[:80])
    if said.get("kind") not in ANY_KIND:
        raise InputError(expected=f'"kind" in {path} as one of {", ".join(ANY_KIND)}', got=repr(said.get("kind"))[:80])
    given: dict[str, Any] = {}
    for field in dataclasses.fields(Declaration):
        if field.name not in said:
            continue
        value = said[field.name]
        if not _fits(field.name, value):
            raise InputError(expected=f'"{field.name}" in {path} as its documentation has it', got=repr(value)[:80])
        given[field.name] = tuple(float(x) for x in value) if field.name in ("mean", "std") else value
    unknown = set(said) - {f.name for f in dataclasses.fields(Declaration)} - {"backlot_depth", "licence", "title"}
    if unknown:
        known = ", ".join(f.name for f in dataclasses.fields(Declaration))
        raise InputError(expected=f"entries of {path} out of {known}", got=", ".join(sorted(unknown))[:80])
    return Declaration(**given)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file, or ``InputError``."""
    said = json_file.read_json(path, "a description of the network", "Check that it is the model's own file")
    if not isinstance(said, dict):
        raise InputError(expected=f"{path} to be a JSON object", got=type(said).__name__)
    return said


def _fits(name: str, value: Any) -> bool:
    if name in ("mean", "std"):
        numbers = isinstance(value, list) and len(value) == 3 and all(_is_number(x) for x in value)
        return numbers and (name == "mean" or all(x > 0 for x in value))
    if name in ("unit", "focal"):
        return _is_number(value) and (value > 0 or (name == "focal" and value == 0))
    if name in ("size", "multiple", "channel"):
        low, high = {"size": (16, 4096), "multiple": (1, 512), "channel": (-1, 15)}[name]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if name == "numbers":
        return isinstance(value, dict) and all(isinstance(v, int) and not isinstance(v, bool) for v in value.values())
    if name == "file":
        return isinstance(value, str) and (value == "" or Path(value).name == value)
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return json_file.number_of(value) is not None
