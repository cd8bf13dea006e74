"""Blender properties made from the operations' schemas: a new parameter there shows up here by itself."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)

from ...shared.operations import OPERATIONS, Input, Operation, Parameter
from ...shared.operations.schema import ParameterValue

MAX_SEED = 2**31 - 1
IMAGE_KINDS = ("image", "mask")
"""Kinds of inputs that an image of this file can be; frames are captured, and other kinds have controls in their capability."""
INPUT = "input_"
FROM_CAMERA = "from_camera_"
USE = "use_"
"""Before the name of an optional parameter: whether the artist sets it, or the operation decides."""
_UNITS = {"length": {"unit": "LENGTH"}, "px": {"subtype": "PIXEL"}, "percent": {"subtype": "PERCENTAGE"}, "factor": {}}
_INT = 2**31 - 1


def visible_operations() -> list[Operation]:
    """The operations that a panel shows."""
    return [operation for operation in OPERATIONS.values() if not operation.hidden]


def identifier(operation: Operation) -> str:
    """The operation's name as a Blender property: ``texture_synthesize``."""
    return operation.name.replace(".", "_")


def operator_name(operation: Operation) -> str:
    """What scripts and panels call the operator of an operation: its label, ``backlot.style_shot``."""
    return "backlot." + operation.label.lower().replace(" ", "_")


def parameter_property(parameter: Parameter, **extra: Any) -> Any:
    """The deferred bpy property of one parameter: label, tooltip, range, unit and default from the schema."""
    common: dict[str, Any] = {"name": parameter.label, "description": parameter.help, **extra}
    default: Any = parameter.suggestion if parameter.optional else parameter.default
    if parameter.kind == "bool":
        return BoolProperty(default=bool(default), **common)
    if parameter.kind == "choice":
        items = [(value, value.replace("_", " ").title(), text) for value, text in parameter.choices.items()]
        return EnumProperty(items=items, default=str(default or next(iter(parameter.choices))), **common)
    if parameter.kind == "text":
        longest: dict[str, Any] = {} if math.isinf(parameter.maximum) else {"maxlen": int(parameter.maximum)}
        if parameter.unit == "folder":
            longest["subtype"] = "DIR_PATH"
        return StringProperty(default=str(default or ""), **longest, **common)
    if parameter.kind == "color":
        # COLOR_GAMMA: numbers as on the screen, which is what the schema means by a colour.
        start = tuple(default or (0.5, 0.5, 0.5))
        return FloatVectorProperty(size=3, subtype="COLOR_GAMMA", min=0.0, max=1.0, default=start, **common)
    low, high = parameter.minimum, parameter.maximum
    unit = _UNITS.get(parameter.unit, {})
    if parameter.kind == "float":
        limits = {} if math.isinf(low) else {"min": low}
        limits |= {} if math.isinf(high) else {"max": high}
        if parameter.unit == "factor" and not math.isinf(low) and high <= 1:
            unit = {"subtype": "FACTOR"}
        if parameter.unit == "percent":
            unit = {}  # Blender's percentages are drawn as sliders from 0 to 100
            common["name"] = f"{parameter.label} %"
        return FloatProperty(
            default=float(default or 0.0),
            precision=4 if low < 1e-3 < abs(high) else 3,
            step=1,
            **limits,
            **unit,
            **common,
        )
    limits = {"min": int(max(low, -_INT - 1)), "max": int(min(high, _INT))}
    if parameter.kind == "int":
        return IntProperty(default=int(default or 0), **limits, **unit, **common)
    if parameter.kind == "size":
        return IntVectorProperty(size=2, default=tuple(default), **limits, **common)
    raise NotImplementedError(parameter.kind)


def parameter_properties(parameter: Parameter, ticks: bool = False, **extra: Any) -> dict[str, Any]:
    """The properties of one parameter by name: its own, and for an optional one ``use_<name>`` as well.

    Args:
        parameter: What the schema says.
        ticks: Whether moving an optional control is the same as ticking it.
        extra: For each property.
    """
    if not parameter.optional:
        return {parameter.name: parameter_property(parameter, **extra)}
    tick = BoolProperty(name=f"Set {parameter.label}", description=f"Set by hand; else the operation decides. {parameter.help}", **extra)
    follow = {"update": _ticker(parameter.name)} if ticks and FOLLOWS else {}
    return {USE + parameter.name: tick, parameter.name: parameter_property(parameter, **follow, **extra)}


# Blender 4.2 as a module crashes when its process ends if any property has had an update function. It has no window with sliders.
FOLLOWS = bpy.app.version >= (4, 5) or bool(bpy.app.binary_path)
"""Whether moving an optional control ticks it."""
_showing: list[bool] = []


@contextlib.contextmanager
def showing() -> Iterator[None]:
    """Values that are written meanwhile are displayed and do not count as set by the artist."""
    _showing.append(True)
    try:
        yield
    finally:
        _showing.pop()


def _ticker(name: str) -> Any:
    def update(self: Any, _context: bpy.types.Context) -> None:
        if not _showing and not getattr(self, USE + name):
            setattr(self, USE + name, True)

    return update


def input_properties(item: Input) -> dict[str, Any]:
    """The properties of one input of an operation's panel settings; frames are captured and need none."""
    if item.kind not in IMAGE_KINDS:
        return {}
    found = {INPUT + item.name: PointerProperty(type=bpy.types.Image, name=item.label, description=item.help)}
    if item.scene:
        found[FROM_CAMERA + item.name] = BoolProperty(
            name="From the Camera", description="Render the current frame through the scene camera instead of taking an image"
        )
    return found


def settings_group(operation: Operation) -> type[bpy.types.PropertyGroup]:
    """The class of an operation's panel settings, stored in the scene.

    One that uses the settings of another (``Operation.settings_of``) has only the parameters that the other has not, or not alike.
    """
    annotations: dict[str, Any] = {}
    shared = OPERATIONS[operation.settings_of].parameters if operation.settings_of else ()
    for parameter in operation.parameters:
        if parameter not in shared:
            annotations.update(parameter_properties(parameter, ticks=True))
    if not operation.settings_of:
        for item in operation.inputs:
            annotations.update(input_properties(item))
        annotations["seed"] = IntProperty(name="Seed", description="The same seed gives the same result", default=1, min=0, max=MAX_SEED)
    name = "BACKLOT_PG_" + identifier(operation)
    return type(name, (bpy.types.PropertyGroup,), {"__annotations__": annotations, "__doc__": operation.summary})


def operator_annotations(operation: Operation) -> dict[str, Any]:
    """The same as properties of an operator, images by name or path. What a call leaves out comes from the panel."""
    keep: dict[str, Any] = {"options": {"SKIP_SAVE"}}
    annotations: dict[str, Any] = {}
    for parameter in operation.parameters:
        annotations.update(parameter_properties(parameter, **keep))
    annotations["seed"] = IntProperty(
        name="Seed", description="The same seed gives the same result", default=1, min=0, max=MAX_SEED, **keep
    )
    for item in operation.inputs:
        if item.kind in IMAGE_KINDS:
            text = f"Name of an image in this file, or the path of one: {item.help}"
            annotations[item.name] = StringProperty(name=item.label, description=text, **keep)
            if item.scene:
                annotations[FROM_CAMERA + item.name] = BoolProperty(
                    name="From the Camera", description="Render the current frame through the scene camera", **keep
                )
    return annotations


def sources(operation: Operation, scene: bpy.types.Scene, *first: Any) -> tuple[Any, ...]:
    """Where values of an operation are looked up: what is given first, then the panel's settings in the scene."""
    operations = [operation, *([OPERATIONS[operation.settings_of]] if operation.settings_of else [])]
    return (*first, *(getattr(scene, identifier(each)) for each in operations))


def panel(operation: Operation, scene: bpy.types.Scene) -> Any:
    """The panel settings that hold the operation's inputs and its seed."""
    return sources(operation, scene)[-1]


def parameter_values(operation: Operation, *sources: Any) -> dict[str, ParameterValue]:
    """Reads parameters from the first source that has them set; the last one with such a property gives the rest."""
    return {p.name: _optional(p.name, sources) if p.optional else _plain(_find(p.name, sources)) for p in operation.parameters}


def chosen(name: str, *sources: Any) -> Any:
    """One value, from the first source that has it set, else from the last."""
    return _plain(_find(name, sources))


def placeholder(parameter: Parameter) -> dict[str, str]:
    """The argument of ``UILayout.prop`` that shows an example in an empty text field."""
    return {"placeholder": parameter.placeholder} if parameter.placeholder else {}


def _optional(name: str, sources: tuple[Any, ...]) -> Any:
    """A value, or None where it is not ticked. A call that gives the value need not tick it; one that unticks it wins."""
    holders = _holders(name, sources)
    for holder in holders[:-1]:
        if holder.is_property_set(USE + name) and not getattr(holder, USE + name):
            return None
        if holder.is_property_set(USE + name) or holder.is_property_set(name):
            return _plain(_find(name, sources))
    return _plain(_find(name, sources)) if getattr(holders[-1], USE + name) else None


def _find(name: str, sources: tuple[Any, ...]) -> Any:
    holders = _holders(name, sources)
    for holder in holders[:-1]:
        if holder.is_property_set(name):
            return getattr(holder, name)
    return getattr(holders[-1], name)


def _holders(name: str, sources: tuple[Any, ...]) -> list[Any]:
    """Those with a property of that name: what a call may leave out, then the settings that always have a value."""
    holders = [getattr(source, "properties", source) for source in sources]  # an operator's own
    holders = [holder for holder in holders if name in holder.bl_rna.properties]
    settled = [number for number, holder in enumerate(holders) if isinstance(holder, bpy.types.PropertyGroup)]
    return holders[: settled[0] + 1] if settled else holders


def _plain(value: Any) -> Any:
    # A colour arrives as mathutils.Color: float32, so that 0.2 reads 0.20000000298.
    if type(value).__name__ == "Color":
        return [round(float(part), 6) for part in value]
    return list(value) if type(value).__name__ == "bpy_prop_array" else value
