"""What the report of a stylised shot says: how steady it is compared with the render, what it was trained on."""

from __future__ import annotations

from typing import Any

import bpy

from ..scene import provenance


def note_of(image: bpy.types.Image | None) -> dict[str, Any]:
    """What is known of an image sequence of a shot; empty for any other image."""
    found = provenance.read(image)
    return found if "first" in found else {}


def facts(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and value, in the order of a panel.

    The warping error says how much a surface point changes its colour from one frame to another, moved along the exact motion: of
    the painted frames, and of the render, which is never 0 because light changes.
    """
    rows: list[tuple[str, str]] = []
    errors = report.get("warping_error")
    for gap, row in sorted((errors or {}).items(), key=lambda item: int(item[0])) if isinstance(errors, dict) else ():
        painted, render, ratio = (_number(row.get(name)) for name in ("stylised", "render", "ratio"))
        if painted is None:
            continue
        compared = "" if render is None else f" (render {render:.4f}" + (f", {ratio:.2f}x)" if ratio is not None else ")")
        rows.append((f"Warping Error, {gap} Frame{'s' if int(gap) > 1 else ''}", f"{painted:.4f}{compared}"))
    keyframes = report.get("keyframes")
    if isinstance(keyframes, list) and keyframes:
        rows.append(("Keyframes", ", ".join(str(number) for number in keyframes)))
    confidence = report.get("confidence")
    if isinstance(confidence, dict) and confidence:
        frame, value = min(confidence.items(), key=lambda item: item[1])
        rows.append(("Lowest Confidence", f"frame {frame} ({value:.2f})"))
    steps = _number(report.get("steps"))
    if steps:
        rows.append(("Training Steps", f"{steps:,.0f}"))
    missing = report.get("missing_passes")
    if missing:
        rows.append(("Missing Passes", ", ".join(map(str, missing))))
    return rows


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
