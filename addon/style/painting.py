"""The buttons of the panel's lists: keyframes to paint, style images, objects that the style acts on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy
from bpy.props import IntProperty, StringProperty

from ...shared.errors import BacklotError, InputError, JobCancelled
from ...shared.frame_names import frame_number
from ...shared.object_names import listed
from ..capture.folders import new_folder
from ..scene import evaluated
from ..ui.capturing import CapturingOperator
from ..ui.controls import chosen
from ..ui.editable import EditsScene
from . import placing, properties, shot

# Functions import capture/run.py, images/pictures.py and keyframes.py when they are called: those import numpy.


class BACKLOT_OT_add_keyframe(EditsScene, CapturingOperator, bpy.types.Operator):  # noqa: N801
    """Make the current frame a keyframe: its render as an image to paint over in the Image Editor, packed in the file"""  # noqa: D415

    bl_idname = "backlot.add_keyframe"
    bl_label = "Add Keyframe From Frame"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    frame: IntProperty(name="Frame", description="Which frame; the current one if left out", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    image: StringProperty(  # type: ignore[valid-type]
        name="Image", options={"SKIP_SAVE"},
        description="Name or path of a frame that is painted already; the number in it is its frame, unless that is given",
    )  # fmt: skip

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Takes the image, or the captured frame, or renders it."""
        try:
            return self._add(context)
        except JobCancelled:
            return {"CANCELLED"}
        except (BacklotError, OSError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    def _add(self, context: bpy.types.Context) -> set[str]:
        from ..capture.run import Capture
        from ..capture.settings import CaptureSettings
        from . import keyframes

        scene = context.scene
        if self.image:
            image = self._image()
            keyframes.append(scene, self._number(image), image)
            return self._shown(context, image)
        self._frame = self.frame if self.properties.is_property_set("frame") else scene.frame_current
        group = scene.backlot_style
        if group.shot_source == shot.CAPTURED:
            where = Path(bpy.path.abspath(group.shot_folder)) if group.shot_folder else shot.last_capture(scene)
            file = shot.look(where).color.get(self._frame) if where is not None else None
            if file is None:
                fix = "Go to a frame of them, or set Frames From to Render"
                raise InputError(expected=f"frame {self._frame} among the captured frames", got="none", fix=fix)
            return self._shown(context, keyframes.add(scene, self._frame, file).image)
        shot.check_scene(scene)
        values = {name: chosen(name, group) for name in properties.shot_annotations()}
        size = (int(values["shot_size"][0]), int(values["shot_size"][1])) if values["shot_own_size"] else None
        settings = CaptureSettings(
            mode="range", start=self._frame, end=self._frame, resolution=size, samples=values["shot_samples"], geometry=False
        )
        return self.run_capture(context, Capture(scene, context.view_layer, settings, new_folder()))

    def captured(self, context: bpy.types.Context, capture: Any) -> str:
        """The frame is rendered."""
        from . import keyframes

        item = keyframes.add(context.scene, self._frame, capture.folder / str(capture.frames[0]["color"]))
        self._shown(context, item.image)
        return f"Paint over {item.image.name!r} in the Image Editor"

    def _shown(self, context: bpy.types.Context, image: bpy.types.Image) -> set[str]:
        space = getattr(context, "space_data", None)
        if space is not None and space.type == "IMAGE_EDITOR":
            space.image = image
        return {"FINISHED"}

    def _image(self) -> bpy.types.Image:
        from ..images import pictures

        found = pictures.find(self.image, "a painted frame")
        return found if isinstance(found, bpy.types.Image) else bpy.data.images.load(bpy.path.abspath(self.image), check_existing=True)

    def _number(self, image: bpy.types.Image) -> int:
        if self.properties.is_property_set("frame"):
            return int(self.frame)
        number = frame_number(re.sub(r"\.\d{3}$", "", image.name))  # Blender numbers images of one name: .001
        if number is None:
            raise InputError(expected=f"a frame number in the name of {image.name!r}", got="no digits", fix="Rename it, such as paint_0012")
        return number


class _ListOperator(EditsScene):
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def remove_active(self, group: Any, rows: str, active: str, what: str) -> set[str]:
        """Removes the active row of a list of the scene's style settings."""
        items, index = getattr(group, rows), getattr(group, active)
        if not 0 <= index < len(items):
            self.report({"ERROR"}, f"There is no {what} to remove.")  # type: ignore[attr-defined]
            return {"CANCELLED"}
        items.remove(index)
        setattr(group, active, max(0, min(index, len(items) - 1)))
        return {"FINISHED"}


class BACKLOT_OT_remove_keyframe(_ListOperator, bpy.types.Operator):  # noqa: N801
    """Take the keyframe off the list. Its image stays in the file until it is saved and loaded again"""  # noqa: D415

    bl_idname = "backlot.remove_keyframe"
    bl_label = "Remove Keyframe"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Removes the active one."""
        return self.remove_active(context.scene.backlot_style, "keyframes", "active_keyframe", "keyframe")


class BACKLOT_OT_paint_keyframe(EditsScene, bpy.types.Operator):  # noqa: N801
    """Show the active keyframe in an Image Editor, ready to be painted on"""  # noqa: D415

    bl_idname = "backlot.paint_keyframe"
    bl_label = "Paint"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Shows it."""
        group = context.scene.backlot_style
        active = group.keyframes[group.active_keyframe] if 0 <= group.active_keyframe < len(group.keyframes) else None
        space = context.space_data if getattr(context.space_data, "type", "") == "IMAGE_EDITOR" else next(placing.editors(), None)
        if active is None or active.image is None or space is None:
            self.report({"ERROR"}, "Open an Image Editor first." if space is None else "There is no keyframe to paint.")
            return {"CANCELLED"}
        space.image = active.image
        space.ui_mode = "PAINT"
        return {"FINISHED"}


class BACKLOT_OT_add_style_image(_ListOperator, bpy.types.Operator):  # noqa: N801
    """Add a style image to the list"""  # noqa: D415

    bl_idname = "backlot.add_style_image"
    bl_label = "Add Style Image"
    image: StringProperty(name="Image", description="Name of an image; empty for one to be chosen", options={"SKIP_SAVE"})  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Adds a row."""
        group = context.scene.backlot_style
        row = group.styles.add()
        row.image = bpy.data.images.get(self.image) if self.image else None
        group.active_style = len(group.styles) - 1
        return {"FINISHED"}


class BACKLOT_OT_remove_style_image(_ListOperator, bpy.types.Operator):  # noqa: N801
    """Take the style image off the list"""  # noqa: D415

    bl_idname = "backlot.remove_style_image"
    bl_label = "Remove Style Image"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Removes the active row."""
        return self.remove_active(context.scene.backlot_style, "styles", "active_style", "style image")


class BACKLOT_OT_style_selected(_ListOperator, bpy.types.Operator):  # noqa: N801
    """Let the style act on the selected objects only; with none selected, on all"""  # noqa: D415

    bl_idname = "backlot.style_selected"
    bl_label = "Only Selected Objects"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Notes their names, which become ids when the frames are captured."""
        names = [item.name_full for item in evaluated.with_contents(context.selected_objects) if item.type in evaluated.RENDERED]
        if context.selected_objects and not names:  # no names would be all objects
            self.report({"ERROR"}, "No selected object has anything that is rendered.")
            return {"CANCELLED"}
        text = listed(names)
        if len(text) > 2000:
            self.report({"ERROR"}, "Too many objects to list by name: give their ids, as in objects.json of the capture.")
            return {"CANCELLED"}
        context.scene.style_shot.objects = text
        return {"FINISHED"}


CLASSES = (
    BACKLOT_OT_add_keyframe,
    BACKLOT_OT_remove_keyframe,
    BACKLOT_OT_paint_keyframe,
    BACKLOT_OT_add_style_image,
    BACKLOT_OT_remove_style_image,
    BACKLOT_OT_style_selected,
)
