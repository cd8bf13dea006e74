"""A stylised shot into the file: an image sequence with a note of how it was made, the render of the same frames, and the trained model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy

from ...shared.errors import InputError
from ..images.color_space import LINEAR, set_space
from ..scene import provenance, transaction
from . import files, placing, shot
from .facts import facts

BEFORE = "Render"


def apply(scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
    """Makes the image sequence of a job's frames, and notes the model for further training.

    Args:
        scene: The scene that sent the job.
        operation: Name of the operation.
        label: Names new datablocks.
        outputs: ``stylised`` as the list of its files, ``model`` as a file, ``report``.
        request: What the record of the job holds.

    Returns:
        What happened, in words.

    Raises:
        InputError: There are neither frames nor a model.
    """
    frames = sorted((Path(path) for path in outputs.get("stylised") or []), key=files.number)
    model, report = outputs.get("model"), outputs.get("report")
    report = report if isinstance(report, dict) else {}
    if not frames and model is None:
        raise InputError(expected="frames or a model", got="neither", fix="Update extension and backend to the same version")
    group = scene.backlot_style
    messages = ["stopped early, this is what there was"] if report.get("unfinished") else []
    folder = frames[0].parent if frames else None
    early = [path for path in frames if files.number(path) < 0]
    frames = frames[len(early) :]
    if early:  # the names of Blender's sequences have no minus
        messages.append(f"{len(early)} frames before frame 0 are in {folder} only: Blender shows no image sequence of them")
    if frames:
        image = sequence(frames, label)
        before = _render_of(image.name, request, files.number(frames[0]), files.number(frames[-1]))
        note = {"operation": operation, "job": request.get("job", ""), "label": label, "report": _small(report)}
        note |= {key: request.get(key) for key in ("parameters", "seed", "inputs")}
        note |= {"first": files.number(frames[0]), "last": files.number(frames[-1]), "before": before.name if before else ""}
        image[provenance.NOTE] = json.dumps(note)
        transaction.set_value(group, "result", image)
        if before is not None:
            before[provenance.NOTE] = json.dumps({"first": note["first"], "last": note["last"], "after": image.name})
        messages.append(f"Image sequence {image.name!r}, frames {note['first']} to {note['last']}, in {frames[0].parent}")
        messages += [f"{name.lower()} {value}" for name, value in facts(report)]
        holes = note["last"] - note["first"] + 1 - len(frames)
        if holes:
            messages.append(f"{holes} frames between them are not painted")
    if model is not None:
        transaction.set_value(group, "model", files.relative(Path(model)))
        messages.append("the model is kept: Go On Training")
    if frames:
        placing.show_where_free(image)
    return messages + provenance.remarks(report)


def sequence(frames: list[Path], name: str) -> bpy.types.Image:
    """An image datablock of numbered files, scene-linear; it is kept without users, as results are."""
    image = bpy.data.images.load(str(frames[0]))
    image.name = name
    if len(frames) > 1:
        image.source = "SEQUENCE"
    set_space(image, LINEAR)
    image.filepath = files.relative(frames[0])
    image.use_fake_user = True
    return image


def _render_of(name: str, request: dict[str, Any], first: int, last: int) -> bpy.types.Image | None:
    """The captured colour of the same frames, to compare; None where its files are not numbered consecutively."""
    where = ((request.get("inputs") or {}).get("frames") or {}).get("frames", "")
    try:
        color = shot.look(Path(where)).color if where else {}
    except InputError:
        return None
    wanted = [color[number] for number in range(first, last + 1) if number in color and files.number(color[number]) == number]
    if not wanted or first not in color or not all(path.is_file() for path in wanted):
        return None
    return sequence(wanted, f"{name} {BEFORE}"[:63])


def _small(report: dict[str, Any]) -> dict[str, Any]:
    kept = ("warping_error", "keyframes", "confidence", "steps", "missing_passes", "notes", "unfinished", "painted", "segments")
    return {key: report[key] for key in kept if key in report}
