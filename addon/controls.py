"""Blender properties made from the operations' schemas: a new parameter there shows up here by itself."""

from __future__ import annotations

import math
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, IntVectorProperty, PointerProperty, StringProperty

from ..shared.operations import OPERATIONS, Input, Operation, Parameter
from ..shared.operations.schema import ParameterValue

MAX_SEED = 2**31 - 1
INPUT = "input_"
FROM_CAMERA = "from_camera_"
SCENE_INPUTS = ("content",)
"""Image inputs that may be a render of the scene camera instead of an image."""
_UNITS = {"length": {"unit": "LENGTH"}, "px": {"subtype": "PIXEL"}, "percent": {"subtype": "PERCENTAGE"}, "factor": {}}
_INT = 2**31 - 1


def visible_operations() -> list[Operation]:
    """The operations that a panel shows."""
    return [operation for operation in OPERATIONS.values() if not operation.hidden]


def identifier(operation: Operation) -> str:
    """The operation's name as a Blender property: ``texture_synthesize``."""
    return operation.name.replace(".", "_")


def parameter_property(parameter: Parameter, **extra: Any) -> Any:
    """The deferred bpy property of one parameter: label, tooltip, range, unit and default from the schema."""
    common: dict[str, Any] = {"name": parameter.label, "description": parameter.help, **extra}
    if parameter.kind == "bool":
        return BoolProperty(default=bool(parameter.default), **common)
    if parameter.kind == "choice":
        items = [(value, value.replace("_", " ").title(), text) for value, text in parameter.choices.items()]
        return EnumProperty(items=items, default=str(parameter.default), **common)
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
            default=float(parameter.default),  # type: ignore[arg-type]
            precision=4 if low < 1e-3 < abs(high) else 3,
            step=1,
            **limits,
            **unit,
            **common,
        )
    limits = {"min": int(max(low, -_INT - 1)), "max": int(min(high, _INT))}
    if parameter.kind == "int":
        return IntProperty(default=int(parameter.default), **limits, **unit, **common)  # type: ignore[arg-type]
    if parameter.kind == "size":
        return IntVectorProperty(size=2, default=tuple(parameter.default), **limits, **common)  # type: ignore[arg-type]
    raise NotImplementedError(parameter.kind)


def input_properties(item: Input) -> dict[str, Any]:
    """The properties of one input of an operation's panel settings; frames are captured and need none."""
    if item.kind not in ("image", "mask"):
        return {}
    found = {INPUT + item.name: PointerProperty(type=bpy.types.Image, name=item.label, description=item.help)}
    if item.name in SCENE_INPUTS:
        found[FROM_CAMERA + item.name] = BoolProperty(
            name="From the Camera", description="Render the current frame through the scene camera instead of taking an image"
        )
    return found


def settings_group(operation: Operation) -> type[bpy.types.PropertyGroup]:
    """The class of an operation's panel settings, stored in the scene."""
    annotations: dict[str, Any] = {}
    for item in operation.inputs:
        annotations.update(input_properties(item))
    annotations.update({p.name: parameter_property(p) for p in operation.parameters})
    annotations["seed"] = IntProperty(name="Seed", description="The same seed gives the same result", default=1, min=0, max=MAX_SEED)
    name = "BACKLOT_PG_" + identifier(operation)
    return type(name, (bpy.types.PropertyGroup,), {"__annotations__": annotations, "__doc__": operation.summary})


def operator_annotations(operation: Operation) -> dict[str, Any]:
    """The same as properties of an operator, images by name or path. What a call leaves out comes from the panel."""
    keep = {"options": {"SKIP_SAVE"}}
    annotations = {p.name: parameter_property(p, **keep) for p in operation.parameters}
    annotations["seed"] = IntProperty(
        name="Seed", description="The same seed gives the same result", default=1, min=0, max=MAX_SEED, **keep
    )
    for item in operation.inputs:
        if item.kind in ("image", "mask"):
            text = f"Name of an image in this file, or the path of one: {item.help}"
            annotations[item.name] = StringProperty(name=item.label, description=text, **keep)
            if item.name in SCENE_INPUTS:
                annotations[FROM_CAMERA + item.name] = BoolProperty(
                    name="From the Camera", description="Render the current frame through the scene camera", **keep
                )
    return annotations


def parameter_values(operation: Operation, *sources: Any) -> dict[str, ParameterValue]:
    """Reads parameters from the first source that has them set; the last source gives the rest."""
    return {p.name: _plain(_find(p.name, sources)) for p in operation.parameters}


def chosen(name: str, *sources: Any) -> Any:
    """One value, from the first source that has it set, else from the last."""
    return _plain(_find(name, sources))


def _find(name: str, sources: tuple[Any, ...]) -> Any:
    for source in sources[:-1]:
        source = getattr(source, "properties", source)  # an operator's own
        if name in source.bl_rna.properties and source.is_property_set(name):
            return getattr(source, name)
    return getattr(sources[-1], name)


def _plain(value: Any) -> Any:
    return list(value) if type(value).__name__ == "bpy_prop_array" else value
