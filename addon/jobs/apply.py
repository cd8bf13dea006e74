"""Results into the scene: a material (``material/``), a reconstruction (``reconstruct/``), a shot or its movie (``style/``), an image."""

from __future__ import annotations

import json
from typing import Any

import bpy

from ...shared.values import Image, Mesh
from ..images import pictures
from ..materials import results
from ..reconstruct import mesh_object
from ..reconstruct import results as reconstructions
from ..style import files as shot_files
from ..style import movie
from ..style import results as shots


def apply(scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> str:
    """Puts the outputs of a job into the scene.

    Only objects noted in ``request["targets"]``, those selected when the job was sent, are given anything.

    Args:
        scene: The scene that sent the job.
        operation: Name of the operation.
        label: Names new datablocks.
        outputs: By name, as the operation describes them.
        request: What the record of the job holds.

    Returns:
        What happened, in words.
    """
    told: list[str] = []
    if operation == "texture.variations":
        told = results.variations(scene, label, outputs, request)
    elif operation.startswith("texture."):
        told = results.apply(scene, operation, label, outputs, request)
    elif operation.startswith("reconstruct."):
        return "; ".join(part for part in reconstructions.apply(scene, operation, label, outputs, request) if part)
    elif shot_files.is_shot(operation):
        return "; ".join(part for part in shots.apply(scene, operation, label, outputs, request) if part)
    elif operation == shot_files.MOVIE:
        told = movie.apply(label, outputs, request)
    for name, value in outputs.items() if not told else ():
        if isinstance(value, Image):
            image = pictures.receive(value, label)
            image["backlot"] = json.dumps({"operation": operation, "output": name, **{k: request.get(k) for k in ("parameters", "seed")}})
            told.append(f"Image {image.name!r}")
            if not image.users:
                image.use_fake_user = True  # else it would not be saved with the file
        elif isinstance(value, Mesh):
            item = mesh_object.make(scene, value, label)
            told.append(f"Object {item.name!r}, {len(value.faces)} triangles")
    report = outputs.get("report")
    if isinstance(report, dict):
        told.append(", ".join(f"{key} {value:.4g}" for key, value in report.items() if isinstance(value, float))[:300])
    return "; ".join(part for part in told if part)
