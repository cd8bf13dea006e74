"""A layout that notes what panels draw."""

import bpy


class Recorder:
    """Stands for a layout: checks that every property that is drawn exists, and notes its name."""

    def __init__(self, drawn=None):
        self.__dict__["drawn"] = drawn if drawn is not None else []

    def prop(self, data, name, **_options):
        assert name in data.bl_rna.properties
        self.drawn.append(name)

    def template_ID(self, data, name, **_options):  # noqa: N802
        self.prop(data, name)

    def operator(self, name, **_options):
        family, verb = name.split(".")
        getattr(getattr(bpy.ops, family), verb).get_rna_type()
        self.drawn.append(name)
        return type("Properties", (), {})()

    def template_list(self, kind, _id, data, items, *_rest, **_options):
        assert hasattr(bpy.types, kind)
        assert hasattr(data, items)

    def __getattr__(self, name):
        if name in ("row", "column", "box", "grid_flow"):
            return lambda **_options: Recorder(self.drawn)
        return lambda *_arguments, **_options: None

    def __setattr__(self, name, value):
        pass
