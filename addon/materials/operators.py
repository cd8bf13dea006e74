"""The buttons of the material panel, and ``backlot.material`` and ``backlot.variations`` for scripts."""

from __future__ import annotations

import random
from typing import Any

import bpy
from bpy.props import IntProperty, StringProperty

from ...shared.errors import BacklotError, InputError
from ..ui import controls
from ..ui.editable import EditsScene
from ..ui.operation_operators import OperationOperator
from . import history, sliders
from .properties import BACKLOT_PG_material

_HIDDEN = {"options": {"SKIP_SAVE", "HIDDEN"}}
_ENTRY = {"name": "Entry", "description": "Id of the entry of the history; empty for the selected one", "options": {"SKIP_SAVE"}}


class VariationsOperator(OperationOperator):
    """Sends for variations."""

    def chosen_seed(self, scene: bpy.types.Scene) -> int:
        """The seed of the call or the panel; variations of an unlocked seed are new ones every time."""
        given = self.properties.is_property_set("seed")  # type: ignore[attr-defined]
        if not given and not scene.backlot_materials.lock_seed:
            return random.randrange(controls.MAX_SEED)
        return super().chosen_seed(scene)


class _EntryOperator(EditsScene):
    def entry(self, context: bpy.types.Context) -> BACKLOT_PG_material | None:
        """The entry meant; reports when it is not there."""
        wanted = self.entry_id  # type: ignore[attr-defined]
        found = history.find(context.scene, wanted) if wanted else history.active(context.scene)
        if found is None:
            self.report({"ERROR"}, "There is no such entry in this scene's history.")  # type: ignore[attr-defined]
        return found

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Acts on the entry, if there is one."""
        entry = self.entry(context)
        if entry is None:
            return {"CANCELLED"}
        self.act(context, entry)
        return {"FINISHED"}

    def act(self, context: bpy.types.Context, entry: BACKLOT_PG_material) -> None:
        """What the button does."""
        raise NotImplementedError


class BACKLOT_OT_more_like_this(EditsScene, bpy.types.Operator):  # noqa: N801
    """Show variations that resemble the chosen one"""  # noqa: D415

    bl_idname = "backlot.more_like_this"
    bl_label = "More Like This"
    bl_options = {"REGISTER"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Sends. A variation that is itself near another is given with the path that led to it: its seed alone does not define it."""
        settings = context.scene.texture_generate
        start, path = settings.seed, ""
        if settings.use_like_seed:
            entry = history.find(context.scene, context.scene.backlot_materials.shown)
            made = (history.request_of(entry).get("parameters") or {}) if entry is not None else {}
            likeness = float(made.get("likeness", settings.likeness))  # the slider is for the next variations
            start, path = settings.like_seed, ",".join(filter(None, [settings.like_path, f"{settings.seed}:{likeness:.4g}"]))
        try:
            return set(bpy.ops.backlot.variations(like_seed=start, like_path=path))
        except RuntimeError as error:  # what that operator reported
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
            return {"CANCELLED"}


class BACKLOT_OT_pick_variation(_EntryOperator, bpy.types.Operator):  # noqa: N801
    """Choose this variation: its seed and its settings are used from now on"""  # noqa: D415

    bl_idname = "backlot.pick_variation"
    bl_label = "Choose Variation"
    bl_options = {"INTERNAL", "UNDO"}  # noqa: RUF012
    entry_id: StringProperty(**_HIDDEN)  # type: ignore[valid-type]
    number: IntProperty(**_HIDDEN)  # type: ignore[valid-type]

    def act(self, context: bpy.types.Context, entry: BACKLOT_PG_material) -> None:
        """Chooses."""
        sliders.pick(context.scene, entry, self.number)


class BACKLOT_OT_use_settings(_EntryOperator, bpy.types.Operator):  # noqa: N801
    """Set the panel as it was for this entry: prompt, photograph, sliders and seed"""  # noqa: D415

    bl_idname = "backlot.use_settings"
    bl_label = "Use These Settings"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    entry_id: StringProperty(**_ENTRY)  # type: ignore[valid-type]

    def act(self, context: bpy.types.Context, entry: BACKLOT_PG_material) -> None:
        """Restores."""
        missing = sliders.restore(context.scene, entry)
        if missing:
            self.report({"WARNING"}, f"No longer in this file: {', '.join(missing)}")


class BACKLOT_OT_remove_entry(_EntryOperator, bpy.types.Operator):  # noqa: N801
    """Take the entry off the history. Materials that it made stay"""  # noqa: D415

    bl_idname = "backlot.remove_entry"
    bl_label = "Delete Entry"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    entry_id: StringProperty(**_ENTRY)  # type: ignore[valid-type]

    def act(self, context: bpy.types.Context, entry: BACKLOT_PG_material) -> None:
        """Deletes."""
        history.remove(context.scene, entry.name)


class BACKLOT_OT_release_sliders(EditsScene, bpy.types.Operator):  # noqa: N801
    """Untick all sliders, so that the prompt or the photograph decides"""  # noqa: D415

    bl_idname = "backlot.release_sliders"
    bl_label = "All From the Prompt"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Unticks, and displays the attributes of the chosen variation."""
        sliders.release(context.scene)
        entry = history.find(context.scene, context.scene.backlot_materials.shown)
        if entry is not None and entry.picked >= 0:
            sliders.pick(context.scene, entry, entry.picked)
        return {"FINISHED"}


class BACKLOT_OT_mark_asset(EditsScene, bpy.types.Operator):  # noqa: N801
    """Mark a material as an asset, with its description, tags and a preview of its maps"""  # noqa: D415

    bl_idname = "backlot.mark_asset"
    bl_label = "Mark as Asset"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    entry_id: StringProperty(**_HIDDEN)  # type: ignore[valid-type]
    material: StringProperty(  # type: ignore[valid-type]
        name="Material", description="Name of a material; empty for the active object's", options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Marks."""
        from . import assets  # imports numpy

        try:
            for material in self._materials(context):
                assets.mark(material)
                self.report({"INFO"}, f"{material.name!r} is an asset of this file")
        except BacklotError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _materials(self, context: bpy.types.Context) -> list[Any]:
        if self.material:
            found = [item for item in bpy.data.materials if item.name == self.material and item.library is None]
        elif self.entry_id:
            found = list(history.materials_of(self.entry_id))[:1]  # those for other objects differ in scale only
        else:
            active = context.object.active_material if context.object else None
            found = [active] if active is not None else []
        if not found:
            raise InputError(expected="a material", got="none", fix="Make one, or select an object that has one")
        return found


CLASSES = (
    BACKLOT_OT_more_like_this,
    BACKLOT_OT_pick_variation,
    BACKLOT_OT_use_settings,
    BACKLOT_OT_remove_entry,
    BACKLOT_OT_release_sliders,
    BACKLOT_OT_mark_asset,
)
