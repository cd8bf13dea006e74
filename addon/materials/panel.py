"""The material panel: ask, look at variations, choose, make; and what was made before."""

from __future__ import annotations

from typing import Any

import bpy

from ...shared.material import ATTRIBUTES, FAMILIES
from ...shared.operations import OPERATIONS
from ..jobs import records
from ..ui import controls, icons
from ..ui.drawing import ListRows, draw_parameter, eta_text, wrapped
from . import history
from .properties import BACKLOT_PG_material

_GENERATE, _VARIATIONS = OPERATIONS["texture.generate"], OPERATIONS["texture.variations"]
_COLUMNS = 3
_UNIT = 20.0
"""Pixels of a row and of an icon of scale 1, at Blender's default scale."""
_LISTED = {"variations": "IMGDISPLAY", "material": "MATERIAL"}


def _settings(context: bpy.types.Context) -> Any:
    return controls.panel(_GENERATE, context.scene)


def _prop(layout: bpy.types.UILayout, settings: Any, name: str, **options: Any) -> None:
    layout.prop(settings, name, **controls.placeholder(_GENERATE.parameter(name)), **options)


def _image(layout: bpy.types.UILayout, settings: Any, name: str, label: str) -> None:
    layout.template_ID(settings, controls.INPUT + name, open="image.open", text=label)


def entry_icon(entry: BACKLOT_PG_material, number: int) -> int:
    """The icon of a thumbnail of an entry, 0 if its picture cannot be read."""

    def picture() -> Any:
        from . import pictures  # imports numpy

        count = len(history.report_of(entry).get("seeds") or [0]) if entry.kind == "variations" else 1
        found = pictures.from_text(entry.picture, count)
        return found[number] if found is not None and number < len(found) else None

    return icons.icon(f"{entry.name}/{number}", len(entry.picture), picture)


# -- the main panel --------------------------------------------------------------------------------------------------


def _draw_request(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = _settings(context)
    column = layout.column()
    _prop(column, settings, "prompt", text="", icon="TEXT")
    entry = history.newest(context.scene)
    report = history.report_of(entry) if entry is not None else {}
    said = settings.prompt.lower()
    unknown = [str(word) for word in report.get("unknown") or [] if str(word).lower() in said]
    if unknown:
        wrapped(layout, context, f"Not known to the model: {', '.join(unknown)}", "ERROR")
    split = layout.column()
    split.use_property_split, split.use_property_decorate = True, False
    _image(split, settings, "photo", "Photograph")
    split.column(align=True).prop(settings, "size")
    split.prop(settings, "layout")


def _draw_grid(layout: bpy.types.UILayout, context: bpy.types.Context, entry: BACKLOT_PG_material) -> None:
    seeds = history.report_of(entry).get("seeds") or []
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = context.region.width / scale if context.region else 280
    columns = min(_COLUMNS if len(seeds) > 4 else 2, max(1, len(seeds)))
    grid = layout.grid_flow(row_major=True, columns=columns, even_columns=True, even_rows=True, align=True)
    for number, seed in enumerate(seeds):
        cell = grid.column(align=True)
        picture = entry_icon(entry, number)
        if picture:
            cell.template_icon(icon_value=picture, scale=max(2.0, (width - 50) / columns / _UNIT))
        picked = number == entry.picked
        button = cell.operator("backlot.pick_variation", text=str(seed), icon="CHECKMARK" if picked else "NONE", depress=picked)
        button.entry_id, button.number = entry.name, number


def _draw_understood(layout: bpy.types.UILayout, context: bpy.types.Context, entry: BACKLOT_PG_material) -> None:
    report = history.report_of(entry)
    families, notes = report.get("families"), report.get("notes")
    if isinstance(families, list):  # one for each variation
        families = families[entry.picked] if 0 <= entry.picked < len(families) else {}
    shares = families.items() if isinstance(families, dict) else ()
    largest = sorted(((float(share), name) for name, share in shares if isinstance(share, (int, float))), reverse=True)[:3]
    words = [f"{FAMILIES[name].label if name in FAMILIES else name} {share:.0%}" for share, name in largest if share >= 0.05]
    if words:
        wrapped(layout, context, ", ".join(words), "INFO")
    for note in notes if isinstance(notes, list) else ():
        wrapped(layout, context, str(note), "INFO")


def _latest(context: bpy.types.Context, *operations: str) -> records.BACKLOT_PG_job | None:
    return next((item for item in reversed(context.scene.backlot_jobs.items) if item.operation in operations), None)


def _draw_progress(row: bpy.types.UILayout, context: bpy.types.Context, operation: str) -> bool:
    """Draws how far a running job is, where its button was: nothing below moves. False when none runs."""
    record = _latest(context, operation)
    if record is None or record.state not in records.ACTIVE:
        return False
    live = records.live(record.name)
    fraction, stage, left = (live.fraction, live.stage, eta_text(live.eta)) if live is not None else (0.0, "", "")
    row.progress(factor=fraction, text=" ".join(part for part in (stage or record.state.title(), left) if part))
    row.operator("backlot.cancel_job", text="", icon="CANCEL").job_id = record.name
    return True


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draws request, variations and the button that makes the material."""
    settings, group = _settings(context), context.scene.backlot_materials
    _draw_request(layout, context)
    row = layout.row(align=True)
    if not _draw_progress(row, context, _VARIATIONS.name):
        row.operator("backlot.variations", text="Show Variations", icon="IMGDISPLAY").use_like_seed = False
    count = row.row(align=True)
    count.ui_units_x = 3
    count.prop(context.scene.texture_variations, "count", text="")
    entry = history.find(context.scene, group.shown)
    if entry is not None:
        _draw_grid(layout, context, entry)
        _draw_understood(layout, context, entry)
    row = layout.row(align=True)
    row.prop(settings, "seed")
    row.operator("backlot.new_seed", text="", icon="FILE_REFRESH").group = controls.identifier(_GENERATE)
    row.prop(group, "lock_seed", text="", icon="LOCKED" if group.lock_seed else "UNLOCKED")
    row = layout.row(align=True)
    row.operator("backlot.more_like_this", icon="PARTICLEMODE")
    row.prop(settings, "likeness", text="", slider=True)
    if settings.use_like_seed:
        row = layout.row(align=True)
        row.label(text=f"Near the variation of seed {settings.like_seed}", icon="LINKED")
        row.prop(settings, "use_like_seed", text="", icon="X", toggle=True, invert_checkbox=True)
    make = layout.row(align=True)
    make.scale_y = 1.5
    if not _draw_progress(make, context, _GENERATE.name):
        make.operator("backlot.material", text="Make Material", icon="MATERIAL")
    record = _latest(context, _GENERATE.name, _VARIATIONS.name)
    if record is not None and record.state == "failed":
        wrapped(layout, context, record.error, "ERROR")


# -- the folded panels -----------------------------------------------------------------------------------------------


def _draw_sliders(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = _settings(context)
    layout.use_property_split, layout.use_property_decorate = False, False
    for name in ATTRIBUTES:
        parameter = _GENERATE.parameter(name)
        row = layout.row(align=True)
        row.prop(settings, controls.USE + name, text="")
        value = row.row(align=True)
        value.active = getattr(settings, controls.USE + name)
        if parameter.kind == "color":
            value.prop(settings, name)
        else:
            value.prop(settings, name, slider=True)
    if any(getattr(settings, controls.USE + name) for name in ATTRIBUTES):
        layout.operator("backlot.release_sliders", icon="LOOP_BACK")


def _draw_morph(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = _settings(context)
    _prop(layout, settings, "morph_prompt", text="", icon="TEXT")
    layout.prop(settings, "morph", slider=True)
    split = layout.column()
    split.use_property_split, split.use_property_decorate = True, False
    _image(split, settings, "morph_photo", "Second Photograph")
    _image(split, settings, "morph_mask", "Morph Mask")


def _draw_advanced(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings, group = _settings(context), context.scene.backlot_materials
    layout.use_property_split, layout.use_property_decorate = True, False
    layout.prop(group, "displacement")
    layout.prop(group, "occlusion")
    _image(layout, settings, "pattern", "Pattern")
    drawn_elsewhere = {"likeness", *ATTRIBUTES}
    for parameter in _GENERATE.parameters:
        if parameter.advanced and parameter.name not in drawn_elsewhere:
            draw_parameter(layout, settings, parameter)
    layout.column(align=True).prop(context.scene.texture_variations, "size", text="Thumbnails")


def _draw_history(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    group = context.scene.backlot_materials
    row = layout.row()
    row.template_list("BACKLOT_UL_materials", "", group, "items", group, "active", rows=4)
    row.operator("backlot.remove_entry", text="", icon="REMOVE")
    entry = history.active(context.scene)
    if entry is None:
        layout.label(text="Materials that you make are kept here")
        return
    picture = entry_icon(entry, max(0, entry.picked))
    if picture:
        layout.template_icon(icon_value=picture, scale=6)
    layout.operator("backlot.use_settings", icon="LOOP_BACK")
    if entry.kind == "material" and next(history.materials_of(entry.name), None) is not None:
        layout.operator("backlot.mark_asset", icon="ASSET_MANAGER").entry_id = entry.name


class BACKLOT_UL_materials(ListRows, bpy.types.UIList):  # noqa: N801
    """One line for each entry of the history."""

    def draw_row(self, layout: bpy.types.UILayout, item: Any) -> None:
        """Draws the thumbnail, the prompt and the seed."""
        row = layout.row()
        picture = entry_icon(item, max(0, item.picked))
        row.label(text=item.title, **({"icon_value": picture} if picture else {"icon": _LISTED[item.kind]}))
        seeds = len(history.report_of(item).get("seeds") or []) if item.kind == "variations" else 0
        row.label(text=f"{seeds} variations" if seeds else f"Seed {item.seed}")


def panel_classes(space: str, base: type) -> list[type]:
    """The panel and its folded parts, for one editor."""
    if space == "CLIP_EDITOR":
        return []
    name = f"BACKLOT_PT_material_{space.lower()}"
    parts = {"": ("Material", draw), "_sliders": ("Look", _draw_sliders), "_morph": ("Morph", _draw_morph)}
    parts |= {"_history": ("History", _draw_history), "_advanced": ("Advanced", _draw_advanced)}
    return [_panel(name, suffix, label, function, space, base) for suffix, (label, function) in parts.items()]


def _panel(name: str, suffix: str, label: str, function: Any, space: str, base: type) -> type:
    def draw_it(self: Any, context: bpy.types.Context) -> None:
        function(self.layout, context)

    body: dict[str, Any] = {"bl_space_type": space, "bl_label": label, "draw": draw_it, "__doc__": label}
    body |= {"bl_parent_id": name, "bl_options": {"DEFAULT_CLOSED"}} if suffix else {"bl_order": 1}
    return type(name + suffix, (base, bpy.types.Panel), body)
