"""A stylised shot as a movie to look at: made of its files by the backend, and kept in their folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from ...shared.errors import InputError
from ..jobs.inputs import numbered_files
from ..scene import provenance, transaction
from ..ui import controls
from ..ui.operation_operators import OperationOperator
from . import files, placing
from .facts import note_of
from .names import MOVIE

_KEEP: dict[str, Any] = {"options": {"SKIP_SAVE"}}


class MovieOperator(OperationOperator):
    """Sends the frames of a shot, with the scene's frame rate."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Needs a shot."""
        if not super().poll(context):
            return False
        if not note_of(context.scene.backlot_style.result) and not any(note_of(image) for image in bpy.data.images):
            cls.poll_message_set("There is no stylised shot in this file: make one first")  # type: ignore[attr-defined]
            return False
        return True

    @classmethod
    def capture_annotations(cls, operation: Any) -> dict[str, Any]:
        """Which shot; nothing is captured."""
        text = "Name of an image sequence that Backlot made; empty for the panel's"
        with_render = BoolProperty(name="Beside the Render", description="Show the render left of the painted frames", **_KEEP)
        return {"shot": StringProperty(name="Shot", description=text, **_KEEP), "movie_beside": with_render}

    def describe_inputs(self, panel: Any) -> tuple[dict[str, dict[str, str]], str]:
        """The files of the shot and, if wanted, those of its render.

        Raises:
            InputError: There are none, or the shot is a movie.
        """
        scene = bpy.context.scene
        image, note = placing.result_of(scene, self.shot)  # type: ignore[attr-defined]
        if image.source == "MOVIE":
            raise InputError(expected="the frames of a shot", got=f"the movie {image.name!r}", fix="Choose its frames under Stylised Shot")
        described = {"pictures": _described(image, note)}
        if controls.chosen("movie_beside", self, scene.backlot_style):
            described["beside"] = _described(placing.render_of(note), note)
        if not self.properties.is_property_set("fps"):  # type: ignore[attr-defined]
            self.fps = scene.render.fps / scene.render.fps_base
        return described, ""


def _described(image: bpy.types.Image, note: dict[str, Any]) -> dict[str, str]:
    start = placing.path_of(image)
    numbered_files(start, note["last"])  # says what is missing
    return {"sequence": str(start), "last": str(note["last"]), "name": image.name}


def apply(label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
    """Makes the movie an image of this file, which the panel of its shot offers; nothing else is changed.

    Args:
        label: Names the image.
        outputs: ``movie`` as a path, ``report``.
        request: What the record of the job holds.

    Returns:
        What happened, in words.
    """
    path, report = Path(outputs["movie"]), outputs.get("report") or {}
    image = bpy.data.images.load(str(path))
    image.name, image.filepath, image.use_fake_user = label, files.relative(path), True
    shot = bpy.data.images.get((request.get("inputs") or {}).get("pictures", {}).get("name", ""))
    known = note_of(shot)
    note = {"operation": MOVIE, "movie": image.name, "job": request.get("job", ""), "parameters": request.get("parameters"),
            "first": report.get("first", 1), "last": report.get("last", 1), "before": known.get("before", "")}  # fmt: skip
    image[provenance.NOTE] = json.dumps(note)
    if shot is not None and known:
        transaction.set_note(shot, provenance.NOTE, json.dumps({**known, "movie": image.name}))
    placing.show_where_free(image)
    return [f"Movie {image.name!r}: {path}", *provenance.remarks(report)]


def movie_of(note: dict[str, Any]) -> bpy.types.Image | None:
    """The last movie of a shot, given the note of the shot, if it is still in the file."""
    image = bpy.data.images.get(note.get("movie") or "")
    return image if image is not None and image.source == "MOVIE" else None
