"""What the report of a reconstruction says, in words and in the scene's units."""

from __future__ import annotations

from typing import Any

import bpy

from ...shared.operations import OPERATIONS
from ..scene import provenance

_ERRORS = (
    ("mesh_to_depth", "Mesh to Depth"),
    ("depth_to_mesh", "Depth to Mesh"),
    ("reprojection", "Reprojection"),
    ("tracks", "Mesh to Tracks"),
)
MOST = "95 % Below"
"""Label of the second figure of an error, on the line after the first."""
_SHARES = (("confirmed", "Confirmed"), ("invented", "Invented"))


def note_of(item: bpy.types.Object | None) -> dict[str, Any]:
    """What is known of an object that came from a reconstruction, empty for any other."""
    found = provenance.read(item)
    operation = OPERATIONS.get(str(found.get("operation", "")))
    return found if operation is not None and operation.apply == "reconstruction" else {}


def length(scene: bpy.types.Scene, value: float) -> str:
    """A length in scene units, formatted in the units of the scene; plain digits where it has none."""
    settings = scene.unit_settings
    if settings.system == "NONE":
        return f"{value:.4g}"
    text = bpy.utils.units.to_string(settings.system, "LENGTH", value * settings.scale_length, precision=3, compatible_unit=False)
    return str(text).strip()


def lines(scene: bpy.types.Scene, report: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures of a report for an artist: label and value, in the order of a panel."""
    found: list[tuple[str, str]] = []
    faces, frames = _number(report.get("faces")), _number(report.get("frames"))
    if faces is not None:
        found.append(("Triangles", f"{faces:,.0f}"))
    said = report.get("error")
    errors: dict[str, Any] = said if isinstance(said, dict) else {}
    for name, label in _ERRORS:
        statistics = errors.get(name, report.get(name))
        if not isinstance(statistics, dict):
            continue
        median, most = _number(statistics.get("median")), _number(statistics.get("p95"))
        unit = _pixels if name == "reprojection" else lambda value: length(scene, value)
        if median is not None:
            found.append((label, unit(median)))
            found += [(MOST, unit(most))] if most is not None else []
    camera = _number(report.get("camera_error"))
    if camera is not None:  # measured in Blender against the renderer's own positions; the errors above take the camera as given
        found.append(("Camera to Render", length(scene, camera)))
    coverage = _number(errors.get("coverage", report.get("coverage")))
    if coverage is not None:
        found.append(("Coverage", f"{coverage:.1%}"))
    for name, label in _SHARES:
        share = _number(report.get(name))
        if share is not None:
            found.append((label, f"{share:.1%}"))
    voxel = _number(report.get("voxel"))
    if voxel is not None:
        found.append(("Voxel", length(scene, voxel)))
    if frames is not None:
        skipped = report.get("frames_skipped")
        without = f", {len(skipped)} without depth" if isinstance(skipped, list) and skipped else ""
        found.append(("Frames", f"{frames:.0f}{without}"))
    return found


def sentence(scene: bpy.types.Scene, report: dict[str, Any]) -> str:
    """The same in one line, for the job list; medians, and in brackets what 95 % stay below."""
    text = ", ".join(f"(95 %: {value})" if label == MOST else f"{label.lower()} {value}" for label, value in lines(scene, report))
    return text.replace(", (", " (")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _pixels(value: float) -> str:
    return f"{value:.3g} px"
