"""How a datablock was made: a JSON object in its custom property ``backlot``; and sentences from a report."""

from __future__ import annotations

import json
from typing import Any

import bpy

NOTE = "backlot"
"""Name of the custom property."""


def parse(text: Any) -> dict[str, Any]:
    """The JSON object in a text; empty for anything else."""
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def read(item: bpy.types.ID | None) -> dict[str, Any]:
    """What is known of an image, a material or an object that the add-on made; empty for any other, and for None."""
    return parse(item.get(NOTE)) if item is not None else {}


def remarks(report: dict[str, Any]) -> list[str]:
    """The sentences of a report that the artist should read: its notes, then its warnings."""
    found: list[str] = []
    for name in ("notes", "warnings"):
        value = report.get(name)
        found += [str(note) for note in value] if isinstance(value, list) else []
    return found


def numbers(report: Any) -> list[str]:
    """The decimal numbers of a report with their names, as one text; empty where there is no report."""
    if not isinstance(report, dict):
        return []
    return [", ".join(f"{key} {value:.4g}" for key, value in report.items() if isinstance(value, float))[:300]]
