"""A strength with keys over a shot: the keys of the panel's slider as text for the operations (``1:0 24:1``)."""

from __future__ import annotations

from typing import Any

import bpy

from ...shared.errors import InputError

PATH = "backlot_style.strength"
TOLERANCES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""How far a straight line between two keys may be from the curve; the first that gives a text short enough."""


def text(scene: bpy.types.Scene, numbers: list[int], longest: int = 2000) -> str:
    """The strength of each frame.

    Args:
        scene: Holds the slider ``backlot_style.strength``, and its keys.
        numbers: Frames of the shot, in order.
        longest: Most characters.

    Returns:
        One number, or frames and numbers with straight lines between.

    Raises:
        InputError: A driver moves the slider.
    """
    curve = curve_of(scene)
    if curve is None:
        data = scene.animation_data
        if data is not None and any(driver.data_path == PATH for driver in data.drivers):
            raise InputError(expected="strength as a number or with keys", got="a driver", fix="Bake the driver to keys")
        return f"{scene.backlot_style.strength:.4g}"
    values = [min(1.0, max(0.0, float(curve.evaluate(number)))) for number in numbers]
    for tolerance in TOLERANCES:
        kept = _corners(numbers, values, tolerance)
        found = " ".join(f"{numbers[i]}:{values[i]:.3g}" for i in kept) if len(kept) > 1 else f"{values[0]:.4g}"
        if len(found) <= longest:
            break
    return found


def curve_of(scene: bpy.types.Scene) -> Any:
    """The slider's F-curve, or None: of a layered action (from Blender 4.4 on) or of a legacy one."""
    data = scene.animation_data
    if data is None or data.action is None:
        return None
    slot = getattr(data, "action_slot", None)
    if not hasattr(data, "action_slot"):
        return data.action.fcurves.find(PATH)
    if slot is None:
        return None
    for layer in data.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(slot)
            found = bag.fcurves.find(PATH) if bag is not None else None
            if found is not None:
                return found
    return None


def _corners(numbers: list[int], values: list[float], tolerance: float) -> list[int]:
    """Points that straight lines must go through so that no value is further off than ``tolerance`` (Ramer, Douglas, Peucker)."""
    keep = {0, len(values) - 1}
    spans = [(0, len(values) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        rise = (values[last] - values[first]) / (numbers[last] - numbers[first])
        off = [abs(values[i] - values[first] - rise * (numbers[i] - numbers[first])) for i in range(first + 1, last)]
        worst = max(range(len(off)), key=off.__getitem__)
        if off[worst] > tolerance:
            middle = first + 1 + worst
            keep.add(middle)
            spans += [(first, middle), (middle, last)]
    ordered = sorted(keep)
    level = max(values) - min(values) <= tolerance
    return ordered[:1] if level else ordered
