"""What panels have in common: text over several lines, a parameter, an image, the time that is left."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from ...shared.operations import Input, Parameter
from . import controls

_PIXELS_PER_CHARACTER = 7.0
"""Of Blender's default font at scale 1, on the wide side: text must not be cut."""


def wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """Draws a text over as many lines as it needs in this region's width."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = context.region.width if context.region else 280
    column = layout.column(align=True)
    column.scale_y = 0.75
    for number, line in enumerate(textwrap.wrap(text, max(20, int((width / scale - 50) / _PIXELS_PER_CHARACTER)))):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")


def eta_text(seconds: float | None) -> str:
    """Time left, in words."""
    if seconds is None:
        return ""
    return f"({seconds:.0f} s left)" if seconds < 100 else f"({seconds / 60:.0f} min left)"


def draw_parameter(layout: bpy.types.UILayout, group: Any, parameter: Parameter) -> None:
    """Draws one parameter; an optional one with a checkbox, greyed out while the operation decides."""
    if not parameter.optional:
        layout.column(align=True).prop(group, parameter.name, **controls.placeholder(parameter))
        return
    row = layout.row(align=True, heading=parameter.label)
    row.prop(group, controls.USE + parameter.name, text="")
    value = row.row(align=True)
    value.active = getattr(group, controls.USE + parameter.name)
    value.prop(group, parameter.name, text="")


def draw_image(layout: bpy.types.UILayout, group: Any, item: Input) -> None:
    """Draws the choice of an image."""
    from_camera = controls.FROM_CAMERA + item.name
    if hasattr(group, from_camera):
        layout.prop(group, from_camera)
    if not getattr(group, from_camera, False):
        layout.template_ID(group, controls.INPUT + item.name, open="image.open", text=item.label)


class ListRows:
    """What a ``UIList`` draws in each line: a subclass has ``draw_row``."""

    def draw_item(
        self, _context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, item: Any,
        _icon: int, _active_data: object, _active_property: str, _index: int = 0, _flag: int = 0,
    ) -> None:  # fmt: skip
        """Called by Blender, whose signature has these nine parameters."""
        self.draw_row(layout, item)

    def draw_row(self, layout: bpy.types.UILayout, item: Any) -> None:
        """Draws one line."""
        raise NotImplementedError
