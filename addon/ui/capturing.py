"""Operators that capture first: with a window frame by frame, so that progress is displayed and Escape stops it; else at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...shared.errors import BacklotError, JobCancelled
from ..capture.folders import new_folder
from ..jobs import queue, records
from ..jobs.link import redraw
from . import capture_controls

if TYPE_CHECKING:
    from ..capture.folders import Steps
    from ..capture.run import Capture
    from ..capture.settings import CaptureSettings


def start_capture(context: bpy.types.Context, settings: CaptureSettings) -> Capture:
    """A capture into a new folder of its own. Raises ``InputError`` for what cannot be captured."""
    from ..capture.run import Capture  # imports numpy

    return Capture(context.scene, context.view_layer, settings, new_folder())


class CapturingOperator:
    """Mixin of operators that render before they do the rest in ``captured``."""

    # No annotations here: Blender evaluates those of an operator's bases too, and these names are imported for type checkers only.
    _steps: Any = iter(())
    _job_id = ""
    _timer = None

    def captured(self, context: bpy.types.Context, capture: Any) -> str:
        """What to do with the frames; gives a sentence to report."""
        raise NotImplementedError

    def run_capture(self, context: bpy.types.Context, capture: Steps, job_id: str = "") -> set[str]:
        """Captures, then calls ``captured``."""
        self._capture, self._steps, self._job_id = capture, capture.steps(), job_id
        if bpy.app.background or context.window is None:
            try:
                for _ in self._steps:
                    pass
            except (BacklotError, OSError, RuntimeError) as error:
                self._note(state="failed", error=str(error))
                raise
            except Exception as error:  # a fault of the add-on's: the job shall not stay as if it went on
                self._note(state="failed", error=f"{type(error).__name__}: {error}")
                raise
            self.report({"INFO"}, self.captured(context, capture))  # type: ignore[attr-defined]
            return {"FINISHED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(0.01, window=context.window)
        manager.progress_begin(0, capture.total)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """One frame for each timer event."""
        if event.type == "ESC" or self._job_id in queue.STOPPED:
            self._end(context)
            self._note(state="cancelled")
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            done = next(self._steps, None)
            if done is not None:
                context.window_manager.progress_update(done)
                context.workspace.status_text_set(f"Backlot: captured {done} of {self._capture.total}. Esc stops")
                if self._job_id in records.LIVE:
                    records.LIVE[self._job_id].fraction = done / self._capture.total
                redraw()
                return {"RUNNING_MODAL"}
            self._end(context)
            self.report({"INFO"}, self.captured(context, self._capture))  # type: ignore[attr-defined]
            return {"FINISHED"}
        except (BacklotError, OSError, RuntimeError) as error:
            self._end(context)
            self._note(state="failed", error=str(error))
            self.report({"ERROR"}, str(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        except Exception as error:
            self._end(context)
            self._note(state="failed", error=f"{type(error).__name__}: {error}")
            raise

    def cancel(self, context: bpy.types.Context) -> None:
        """Called by Blender when another file is loaded, or it quits."""
        self._end(context)

    def _end(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            context.window_manager.progress_end()
            self._timer = None
        if context.workspace is not None:
            context.workspace.status_text_set(None)
        queue.STOPPED.discard(self._job_id)
        redraw()

    def _note(self, **values: str) -> None:
        if self._job_id:
            records.update(self._job_id, **values)


class BACKLOT_OT_capture(CapturingOperator, bpy.types.Operator):  # noqa: N801
    """Render colour, depth, normal, motion and object ids with exact cameras into a folder"""  # noqa: D415

    bl_idname = "backlot.capture"
    bl_label = "Capture Frames"
    bl_options = {"REGISTER"}  # noqa: RUF012

    __annotations__ = {
        **capture_controls.property_annotations(options={"SKIP_SAVE"}),
        "folder": bpy.props.StringProperty(
            name="Folder", subtype="DIR_PATH", description="Where the files go; empty for a new folder", options={"SKIP_SAVE"}
        ),
    }

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Needs a scene."""
        if context.scene is None:
            cls.poll_message_set("There is no scene")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Starts the capture."""
        try:
            capture = start_capture(context, capture_controls.read(context.scene, context.selected_objects, self))
            if self.folder:
                capture.folder = Path(bpy.path.abspath(self.folder))
            return self.run_capture(context, capture)
        except JobCancelled:
            return {"CANCELLED"}
        except (BacklotError, OSError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    def captured(self, context: bpy.types.Context, capture: Capture) -> str:
        """Gives the folder of the files."""
        context.window_manager["backlot_capture_folder"] = str(capture.folder)
        for sentence in capture.notes.sentences():
            self.report({"WARNING"}, sentence)
        return f"{capture.total} frames in {capture.folder}"
