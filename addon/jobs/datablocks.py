"""Results of any job as datablocks: images, and meshes as objects."""

from __future__ import annotations

import json
from typing import Any

import bpy

from ...shared.values import Image, Mesh
from ..images import pictures
from ..scene import mesh_object, provenance


def make(scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
    """Makes an image of each image and an object of each mesh; see ``Handler.apply``."""
    done: list[str] = []
    for name, value in outputs.items():
        if isinstance(value, Image):
            image = pictures.receive(value, label)
            note = {"operation": operation, "output": name, **{k: request.get(k) for k in ("parameters", "seed")}}
            image[provenance.NOTE] = json.dumps(note)
            done.append(f"Image {image.name!r}")
            if not image.users:
                image.use_fake_user = True  # else it would not be saved with the file
        elif isinstance(value, Mesh):
            item = mesh_object.make(scene, value, label)
            done.append(f"Object {item.name!r}, {len(value.faces)} triangles")
    return done + provenance.numbers(outputs.get("report"))
