"""Registering, and panels that say what the schemas say."""

import bpy
import pytest
from blender import own_process
from blender.recorder import Recorder

import backlot
from backlot.addon import capabilities
from backlot.addon.style import panel as style_panel
from backlot.addon.ui import controls, panels
from backlot.shared.operations import OPERATIONS
from backlot.shared.operations.schema import Operation, Parameter

pytestmark = pytest.mark.contract  # depends on Blender's version

VISIBLE = [operation for operation in OPERATIONS.values() if not operation.hidden]


def _names():
    return {name for name in dir(bpy.types) if "BACKLOT" in name or "Backlot" in name}


def test_unregister_leaves_nothing_and_registering_again_works():
    handlers = {name: len(getattr(bpy.app.handlers, name)) for name in ("load_pre", "load_post", "undo_post", "redo_post")}
    registered = _names()
    assert registered
    for _ in range(2):
        backlot.unregister()
        assert not _names()
        assert not hasattr(bpy.types.Scene, "backlot_jobs")
        assert not hasattr(bpy.types.Scene, "texture_synthesize")
        backlot.register()
    assert _names() == registered
    assert {name: len(getattr(bpy.app.handlers, name)) for name in handlers} == handlers


@pytest.mark.parametrize("operation", VISIBLE, ids=lambda operation: operation.name)
def test_properties_equal_the_schema(scene, operation):
    groups = controls.sources(operation, scene)
    operator = getattr(bpy.ops.backlot, operation.label.lower().replace(" ", "_")).get_rna_type().properties
    for parameter in operation.parameters:
        group = next(group for group in groups if parameter.name in group.bl_rna.properties)
        default = parameter.suggestion if parameter.optional else parameter.default
        for properties in (group.bl_rna.properties, operator):
            prop = properties[parameter.name]
            assert (controls.USE + parameter.name in properties) is parameter.optional
            assert prop.description == parameter.help
            assert prop.name.startswith(parameter.label)
            if parameter.kind == "choice":
                assert {item.identifier: item.description for item in prop.enum_items} == dict(parameter.choices)
                assert prop.default == parameter.default
            elif parameter.kind in ("size", "color"):
                assert list(prop.default_array) == pytest.approx(default)
            elif parameter.kind == "text":
                assert prop.default == default
                assert prop.length_max >= parameter.maximum
            else:
                assert prop.default == pytest.approx(default)
            if parameter.kind == "color":
                assert (prop.subtype, prop.array_length) == ("COLOR_GAMMA", 3)
            if parameter.kind in ("int", "float", "size"):
                assert (prop.hard_min, prop.hard_max) == pytest.approx((parameter.minimum, parameter.maximum), rel=1e-6)
    values = controls.parameter_values(operation, *groups)
    for name, value in operation.check_parameters(values).items():
        default = operation.parameter(name).default
        assert value == (default if isinstance(default, str) or default is None else pytest.approx(default))


def test_a_new_parameter_needs_no_change_of_the_addon():
    parameters = (
        Parameter("glow", "float", 0.25, "Glow", "How much it glows", minimum=0, maximum=2),
        Parameter("deep", "bool", True, "Deep", "Whether it is deep"),
        Parameter("kind", "choice", "b", "Kind", "Which", choices={"a": "First", "b": "Second"}),
    )
    group = controls.settings_group(Operation("test.new", 1, "New", "A new operation", (), parameters))
    bpy.utils.register_class(group)
    try:
        properties = group.bl_rna.properties
        assert properties["glow"].description == "How much it glows"
        assert properties["glow"].hard_max == 2
        assert properties["deep"].default is True
        assert [item.name for item in properties["kind"].enum_items] == ["A", "B"]
    finally:
        bpy.utils.unregister_class(group)


def _places(operation):
    """Where an artist looks for an operation: where what it works on is."""
    if operation.name.startswith("reconstruct."):
        return {"footage": ["CLIP_EDITOR"], "plate": ["IMAGE_EDITOR"]}.get(operation.name.split(".")[1], ["VIEW_3D"])
    return ["VIEW_3D"] if any(item.kind == "frames" for item in operation.inputs) else ["VIEW_3D", "IMAGE_EDITOR"]


@pytest.mark.parametrize("space", panels.SPACES)
def test_every_panel_draws(scene, space):
    drawn = []
    found = [cls for cls in capabilities.panel_classes() if getattr(cls, "bl_space_type", "") == space]
    assert {cls.bl_category for cls in found} == {"Backlot"}
    for cls in found:
        registered = getattr(bpy.types, cls.__name__)
        stand_in = type("Panel", (), {"layout": Recorder(drawn)})()
        registered.draw(stand_in, bpy.context)
    for operation in VISIBLE:
        if space not in _places(operation):
            continue
        assert {parameter.name for parameter in operation.parameters} - set(style_panel.ELSEWHERE.get(operation.name, ())) <= set(drawn)
        if not operation.name.startswith("reconstruct."):
            assert {controls.INPUT + item.name for item in operation.inputs if item.kind in ("image", "mask")} <= set(drawn)
        assert "backlot." + operation.label.lower().replace(" ", "_") in drawn
    assert "backlot.cancel_job" in drawn


def test_registering_imports_nothing_heavy():
    """In a process of its own: numpy, zmq and the like only come with the first job. Blender's own modules import numpy before."""
    script = """
import builtins, bpy
heavy, found, plain = {"numpy", "zmq", "torch", "scipy", "numba", "OpenImageIO", "ssl"}, set(), builtins.__import__
def watched(name, scope=None, *rest):
    if name.split(".")[0] in heavy and (scope or {}).get("__name__", "").startswith("backlot"):
        found.add((name, scope["__name__"]))
    return plain(name, scope, *rest)
builtins.__import__ = watched
import backlot
backlot.register()
builtins.__import__ = plain
print(sorted(found))
"""
    assert own_process.printed(script).strip().endswith("[]")
