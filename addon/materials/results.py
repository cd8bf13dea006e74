"""Results of material jobs into the scene: a material on what was selected, thumbnails into the panel, both into the history."""

from __future__ import annotations

import json
from typing import Any

import bpy

from ...shared.errors import InputError
from ...shared.operations import find
from ...shared.values import Image
from ..jobs import records
from ..scene import evaluated, provenance, transaction
from . import history, lighting, maps, nodes, pictures, scale, sliders

DEFAULT_DEPTH_M = 0.02
"""Metres between height 0 and 1 where no report says."""
_NAME = 56
"""Characters of a material's name; Blender keeps 63 bytes and needs some for numbers."""


def apply(scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
    """Makes a material of the maps and gives it to the objects noted in ``request["targets"]``.

    Args:
        scene: The scene that sent the job.
        operation: Name of the operation.
        label: Names material and images, unless the request has a prompt.
        outputs: The maps, and a report where there is one.
        request: Parameters, seed, inputs, targets.

    Returns:
        What happened, in words.
    """
    found = maps.roles(outputs)
    if not found:
        raise InputError(expected="maps of a material", got="none", fix="Update extension and backend to the same version")
    report = outputs["report"] if isinstance(outputs.get("report"), dict) else {}
    parameters = request.get("parameters") or {}
    title = str(parameters.get("prompt") or "").strip() or label
    name = (title[:1].upper() + title[1:])[:_NAME].strip()
    directx = parameters.get("normals") == "directx"
    constants = _constants(found)
    entry_id = history.new_id()
    note = {"operation": operation, "entry": entry_id, **{key: request.get(key) for key in ("parameters", "seed")}}
    messages = []
    images: dict[str, bpy.types.Image] = {}
    for role, value in found.items():
        if role not in constants:
            images[role] = maps.receive(value, role, name if len(found) == 1 else f"{name} {nodes.LABELS[role]}", note)
    if len(images) == 1:
        messages.append(f"Image {next(iter(images.values())).name!r}")
    group = scene.backlot_materials
    schema = find(operation)
    # An operation that is given the width in scene units answers in them.
    in_scene_units = any(parameter.name == "width" and parameter.unit == "length" for parameter in schema.parameters)
    metres = 1.0 if in_scene_units else scene.unit_settings.scale_length or 1.0
    look = nodes.Look(_number(report, "depth_m", DEFAULT_DEPTH_M) / metres, group.displacement, group.occlusion, directx)
    tile = _tile(report, next(iter(found.values())), metres)
    facts = {**note, "title": title, "family": _family(report), **{key: report.get(key) for key in ("width_m", "depth_m")}}
    messages += _assign_to_objects(name, images, constants, look, tile, facts, request.get("targets") or [])
    if schema.panel == "materials":  # the panel's own: its history and its sliders show what was made
        small = lighting.patch(maps.small_stack(found, directx, constants))
        history.add(
            scene, entry_id, kind="material", title=title, seed=int(request.get("seed") or 0), request=_kept(request),
            report=_plain(report), picture=pictures.to_text(small[None]),
        )  # fmt: skip
        sliders.show(scene, report.get("attributes") or {})
        messages += remarks(report)
    for image in images.values():
        if not image.users:
            image.use_fake_user = True  # else it would not be saved with the file
    return messages


def variations(scene: bpy.types.Scene, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
    """Puts a sheet of variations into the history and shows it in the panel; the first is chosen.

    Returns:
        What happened, in words.
    """
    sheet, report = outputs.get("sheet"), outputs.get("report")
    if not isinstance(sheet, Image) or not isinstance(report, dict) or not report.get("seeds"):
        raise InputError(expected="a sheet of variations with a report of their seeds", got="something else", fix="Update the backend")
    pixels = sheet.pixels if sheet.pixels.dtype.itemsize == 1 else (sheet.pixels >> 8).astype("u1")
    seeds = report["seeds"]
    rows, columns, gap = (int(report.get(name, otherwise)) for name, otherwise in (("rows", 1), ("columns", len(seeds)), ("gap", 0)))
    thumbnails = pictures.cut(pixels, rows, columns, len(seeds), gap)
    title = str((request.get("parameters") or {}).get("prompt") or "").strip() or label
    seed = int(request.get("seed") or 0)
    entry = history.add(
        scene, history.new_id(), kind="variations", title=title, seed=seed, request=_kept(request), report=_plain(report),
        picture=pictures.to_text(thumbnails),
    )  # fmt: skip
    group, settings = scene.backlot_materials, scene.texture_generate
    group.shown = entry.name
    if not group.lock_seed or settings.seed in seeds:
        sliders.pick(scene, entry, seeds.index(settings.seed) if group.lock_seed else 0)
    return [f"{len(seeds)} variations to choose from", *remarks(report)]


def remarks(report: dict[str, Any]) -> list[str]:
    """What the artist should know: words that mean nothing to the model, and the backend's notes."""
    words = [str(word) for word in report.get("unknown") or []]
    notes = report.get("notes")
    messages = [f"not known to the model: {', '.join(words)}"] if words else []
    return messages + [str(note) for note in (notes if isinstance(notes, list) else [])]


def _assign_to_objects(
    name: str,
    images: dict[str, bpy.types.Image],
    constants: dict[str, float],
    look: nodes.Look,
    tile: tuple[float, float] | None,
    facts: dict[str, Any],
    noted: list[dict[str, Any]],
) -> list[str]:
    """Gives the material to the noted objects: one material for all on which the texture repeats equally often."""
    objects, gone = records.resolve(noted)
    messages = [f"{item!r} is gone" for item in gone]
    made: list[tuple[scale.Placement, bpy.types.Material]] = []
    for item in objects:
        problem = _problem(item)
        if problem:
            messages.append(f"{item.name!r} {problem}")
            continue
        wanted = scale.placement(item, tile)
        material = next((known for placement, known in made if placement.like(wanted)), None)
        if material is None:
            material = _made(name, images, constants, wanted, look, facts)
            made.append((wanted, material))
            messages.append(f"Material {material.name!r}")
        assign(item, material)
        messages.append(f"on {item.name!r}")
    if not noted:
        messages.append("no mesh was selected, so it is in the file only")
    elif not made and len(images) > 1:
        messages.append("the material is in the file: choose it in the material list")
    if not made and len(images) > 1:  # no object has it: it is kept to be chosen in the material list
        across, up = (1 / side for side in tile) if tile else (1.0, 1.0)
        material = _made(name, images, constants, scale.Placement("UV", (across, up, 1.0)), look, facts)
        material.use_fake_user = True
        messages.insert(0, f"Material {material.name!r}")
    return messages


def _made(
    name: str,
    images: dict[str, bpy.types.Image],
    constants: dict[str, float],
    placement: scale.Placement,
    look: nodes.Look,
    facts: dict[str, Any],
) -> bpy.types.Material:
    material = nodes.build(name, images, constants, placement, look)
    material[provenance.NOTE] = json.dumps(facts)
    return material


def _problem(item: bpy.types.Object) -> str:
    """Why an object cannot be given a material, as the rest of a sentence; empty where it can."""
    if evaluated.instances_collection(item):
        return f"shows the collection {item.instance_collection.name!r}: select the objects in that"
    if item.type not in evaluated.PAINTED or item.data is None:
        return "cannot be given a material of a surface"
    if not item.is_editable:
        return "is linked from a library: make it local, or override it"
    if not item.material_slots and not item.data.is_editable:
        return "has linked data without a material slot: make the data local"
    return ""


def assign(item: bpy.types.Object, material: bpy.types.Material) -> None:
    """Puts a material into the object's active slot, in any mode. Other users of the same data keep what they show."""
    shared = item.data.users > 1 or not item.data.is_editable
    if not item.material_slots:
        materials = item.data.materials
        materials.append(None)
        transaction.on_failure(lambda: materials.pop())
    slot = item.material_slots[item.active_material_index]
    link = slot.link
    transaction.on_failure(lambda: setattr(slot, "link", link))
    if shared:
        slot.link = "OBJECT"
    transaction.set_value(slot, "material", material)


def _constants(found: dict[str, Image]) -> dict[str, float]:
    """Maps with the same value everywhere, as numbers: an image of them would only cost memory."""
    values = {role: maps.constant(found[role]) for role in ("roughness", "metallic") if role in found}
    return {role: value for role, value in values.items() if value is not None}


def _tile(report: dict[str, Any], value: Image, metres: float) -> tuple[float, float] | None:
    """Width and height of the texture in scene units, None where the report does not say."""
    width = _number(report, "width_m", 0.0) / metres
    height, across = value.pixels.shape[:2]
    return (width, width * height / across) if width > 0 else None


def _number(report: dict[str, Any], name: str, otherwise: float) -> float:
    value = report.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 else otherwise


def _family(report: dict[str, Any]) -> str:
    families = report.get("families")
    return str(max(families, key=lambda name: families[name])) if isinstance(families, dict) and families else ""


def _kept(request: dict[str, Any]) -> dict[str, Any]:
    return {key: request.get(key) for key in ("parameters", "seed", "inputs")}


def _plain(report: dict[str, Any]) -> dict[str, Any]:
    """The part of a report that the panel uses later."""
    kept = ("unknown", "notes", "attributes", "families", "seed", "seeds", "width_m", "depth_m", "layout")
    return {key: report[key] for key in kept if key in report}
