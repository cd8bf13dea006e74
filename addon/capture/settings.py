"""What a capture is asked to do, checked before anything is rendered."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from ...shared.errors import InputError

MODES = ("frame", "range", "orbit")
MOST_FRAME = 1048574
"""Blender's scenes stand on frames from minus this to this (MAXFRAME in DNA_scene_types.h)."""
_WHOLE = ("start", "end", "step", "count", "samples")
_SWITCHES = ("only_objects", "color", "geometry")


@dataclasses.dataclass
class CaptureSettings:
    """What to capture.

    Attributes:
        mode: ``frame`` (as the scene stands), ``range`` (animation through the scene camera) or ``orbit``.
        start: First frame of a range; it may be negative.
        end: Last frame of a range.
        step: Frames from one to the next.
        count: Number of orbit cameras.
        elevation: Degrees above and below the horizon for orbit cameras.
        resolution: ``(width, height)`` in pixels, None for the scene's own.
        samples: Of the colour render, 0 for the scene's own.
        objects: Names of the objects that orbit cameras look at.
        only_objects: Leave all other objects out of an orbit's pictures, except lights.
        color: Whether to render colour.
        geometry: Whether to render depth, normal, motion and object id.
    """

    mode: str = "frame"
    start: int = 1
    end: int = 1
    step: int = 1
    count: int = 24
    elevation: float = 35.0
    resolution: tuple[int, int] | None = None
    samples: int = 0
    objects: tuple[str, ...] = ()
    only_objects: bool = True
    color: bool = True
    geometry: bool = True

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CaptureSettings:
        """From the ``capture`` object of a job file. ``InputError`` for anything unknown or out of range."""
        data = dict(data)
        wanted = data.pop("pass", "")
        known = {field.name for field in dataclasses.fields(cls)}
        for name in data:
            if name not in known:
                raise InputError(message=f"A capture has no entry {name!r}", fix=f"Known entries: {', '.join(sorted(known))}")
        if "mode" not in data and {"start", "end"} & set(data):
            raise InputError(expected='"mode": "range" for a capture with start and end', got="no mode", fix="Add the mode")
        try:
            resolution = data.get("resolution")
            settings = cls(**{**data, "resolution": tuple(_whole("resolution", v) for v in resolution) if resolution else None})
            settings.objects = (settings.objects,) if isinstance(settings.objects, str) else tuple(str(name) for name in settings.objects)
            for name in _WHOLE:
                setattr(settings, name, _whole(name, getattr(settings, name)))
            settings.elevation = float(settings.elevation)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(expected="a capture of numbers and names", got=json.dumps(data)[:200]) from error
        for name in _SWITCHES:
            if not isinstance(getattr(settings, name), bool):
                raise InputError(expected=f"{name} of a capture as true or false", got=repr(getattr(settings, name)))
        if wanted == "color":
            settings.geometry = False
        settings.check()
        return settings

    def check(self) -> None:
        """Raises ``InputError`` for what cannot be captured."""
        if self.mode not in MODES:
            raise InputError(expected=f"a capture mode out of {', '.join(MODES)}", got=repr(self.mode))
        if self.mode == "range":
            self._check_range()
        if self.mode == "orbit" and not 1 <= self.count <= 1000:
            raise InputError(expected="1 to 1000 orbit cameras", got=str(self.count))
        if self.mode == "orbit" and not (math.isfinite(self.elevation) and 0 <= self.elevation < 90):
            raise InputError(expected="an elevation from 0 to less than 90 degrees", got=f"{self.elevation:g}")
        if self.samples < 0:
            raise InputError(expected="samples of at least 0", got=str(self.samples), fix="0 is the scene's own number")
        if self.resolution and (len(self.resolution) != 2 or not all(4 <= side <= 65536 for side in self.resolution)):
            raise InputError(expected="a resolution of two numbers from 4 to 65536", got=str(self.resolution))

    def _check_range(self) -> None:
        if self.step < 1 or self.end < self.start:
            raise InputError(expected="a frame range that goes forward", got=f"{self.start} to {self.end} in steps of {self.step}")
        if self.start < -MOST_FRAME or self.end > MOST_FRAME:
            expected = f"frames from {-MOST_FRAME} to {MOST_FRAME}, which Blender's scenes can stand on"
            raise InputError(expected=expected, got=f"{self.start} to {self.end}", fix="Take a range within these")


def _whole(name: str, value: Any) -> int:
    """A whole number; a fraction is not cut off, because another frame or size than the one asked for would come of it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value != int(value):
        raise InputError(expected=f"{name} of a capture as a whole number", got=repr(value))
    return int(value)
