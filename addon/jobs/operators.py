"""Operators for the backend and for jobs."""

from __future__ import annotations

import json
import traceback
from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from ...shared.errors import BacklotError, JobCancelled
from . import elsewhere, handlers, queue, records, waiting
from .link import BACKEND, redraw

_JOB = {"name": "Job", "description": "Id of the job; empty for the active one of the list", "options": {"SKIP_SAVE"}}


class BACKLOT_OT_start_backend(bpy.types.Operator):  # noqa: N801
    """Start the backend in its own Python, or connect to the one that runs"""  # noqa: D415

    bl_idname = "backlot.start_backend"
    bl_label = "Start Backend"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Starts it; waits for it only where there is no window."""
        try:
            if bpy.app.background:
                BACKEND.require()
            else:
                BACKEND.start()
        except BacklotError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKLOT_OT_attach_backend(bpy.types.Operator):  # noqa: N801
    """Connect to a backend that already runs: the remote one of the preferences, or this machine's"""  # noqa: D415

    bl_idname = "backlot.attach_backend"
    bl_label = "Attach"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Attaches."""
        try:
            BACKEND.attach()
        except BacklotError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKLOT_OT_stop_backend(bpy.types.Operator):  # noqa: N801
    """Stop the backend. Unfinished jobs are kept and go on when it starts again"""  # noqa: D415

    bl_idname = "backlot.stop_backend"
    bl_label = "Stop Backend"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Needs a backend."""
        if BACKEND.state in ("off", "error"):
            cls.poll_message_set("No backend is connected")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Stops it."""
        BACKEND.stop()
        redraw()
        return {"FINISHED"}


class _JobOperator:
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Needs a job."""
        if context.scene is None or not len(context.scene.backlot_jobs.items):
            cls.poll_message_set("There are no jobs in this scene")  # type: ignore[attr-defined]
            return False
        return True

    def record(self, context: bpy.types.Context) -> records.BACKLOT_PG_job | None:
        """The job meant; reports when it is not there."""
        group = context.scene.backlot_jobs
        job_id = self.job_id  # type: ignore[attr-defined]
        if job_id:
            found = records.find(job_id)
            if found is not None:
                return found[1]
        elif 0 <= group.active < len(group.items):
            return group.items[group.active]
        self.report({"ERROR"}, "There is no such job in this file.")  # type: ignore[attr-defined]
        return None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Acts on the job, if there is one."""
        record = self.record(context)
        return {"CANCELLED"} if record is None else self.act(context, record)

    def act(self, context: bpy.types.Context, record: Any) -> set[str]:
        """What the button does; gives Blender's result."""
        raise NotImplementedError


class BACKLOT_OT_cancel_job(_JobOperator, bpy.types.Operator):  # noqa: N801
    """Stop the job"""  # noqa: D415

    bl_idname = "backlot.cancel_job"
    bl_label = "Cancel Job"
    job_id: StringProperty(**_JOB)  # type: ignore[valid-type]

    def act(self, context: bpy.types.Context, record: Any) -> set[str]:
        """Cancels."""
        queue.cancel(record.name)
        return {"FINISHED"}


class BACKLOT_OT_retry_job(_JobOperator, bpy.types.Operator):  # noqa: N801
    """Send the job again, with the same settings and inputs"""  # noqa: D415

    bl_idname = "backlot.retry_job"
    bl_label = "Retry Job"
    job_id: StringProperty(**_JOB)  # type: ignore[valid-type]

    def act(self, context: bpy.types.Context, record: Any) -> set[str]:
        """Sends it again."""
        if record.state in records.ACTIVE:
            self.report({"ERROR"}, "The job is not finished. Cancel it first.")
            return {"CANCELLED"}
        inputs = json.loads(record.request)["inputs"].values()
        if any("capture" in where for where in inputs):
            self.report({"ERROR"}, "The capture of this job did not finish. Start it from the panel again.")
            return {"CANCELLED"}
        try:
            self.report({"INFO"}, queue.retry(context.scene, record))
        except JobCancelled:
            return {"CANCELLED"}
        except (BacklotError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKLOT_OT_remove_job(_JobOperator, bpy.types.Operator):  # noqa: N801
    """Take the job off the list; one that still runs is cancelled. What it made stays"""  # noqa: D415

    bl_idname = "backlot.remove_job"
    bl_label = "Remove Job"
    job_id: StringProperty(**_JOB)  # type: ignore[valid-type]

    def act(self, context: bpy.types.Context, record: Any) -> set[str]:
        """Removes."""
        queue.remove(record.name)
        return {"FINISHED"}


class BACKLOT_OT_copy_error(_JobOperator, bpy.types.Operator):  # noqa: N801
    """Copy the error's text to the clipboard"""  # noqa: D415

    bl_idname = "backlot.copy_error"
    bl_label = "Copy Error"
    job_id: StringProperty(**_JOB)  # type: ignore[valid-type]

    def act(self, context: bpy.types.Context, record: Any) -> set[str]:
        """Copies."""
        context.window_manager.clipboard = record.error
        return {"FINISHED"}


class BACKLOT_OT_apply_now(_JobOperator, bpy.types.Operator):  # noqa: N801
    """Put a result that waits, or that could not be put there before, into the scene; objects leave their mode for it and return"""  # noqa: D415

    bl_idname = "backlot.apply_now"
    bl_label = "Apply Now"
    job_id: StringProperty(**_JOB)  # type: ignore[valid-type]

    def act(self, context: bpy.types.Context, record: Any) -> set[str]:
        """Applies."""
        if record.state != "ready" and not record.kept:
            self.report({"ERROR"}, "There is no result that waits. Retry sends the job again.")
            return {"CANCELLED"}
        try:
            self.report({"INFO"}, queue.apply_now(record.name))
        except (BacklotError, RuntimeError) as error:
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
            return {"CANCELLED"}
        return {"FINISHED"}


class BACKLOT_OT_bring_results(bpy.types.Operator):  # noqa: N801
    """Bring the results of jobs that were sent from a file that is not open, such as one that was not saved, into this file"""  # noqa: D415

    bl_idname = "backlot.bring_results"
    bl_label = "Bring Results Here"
    job_id: StringProperty(name="Job", description="Id of one job; empty for all", options={"SKIP_SAVE"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Needs such a job."""
        if context.scene is None or not context.scene.is_editable or not elsewhere.missing():
            cls.poll_message_set("No job of another file is known")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Takes them into this file's list, and asks the backend for the results."""
        wanted = [job_id for job_id in elsewhere.missing() if self.job_id in ("", job_id)]
        failed = 0
        for job_id in wanted:
            record = elsewhere.bring(context.scene, job_id)
            try:
                self.report({"INFO"}, f"{record.label}: {queue.apply_now(job_id)}")
            except (BacklotError, RuntimeError) as error:
                failed += 1
                records.update(job_id, state="failed", error=str(error).removeprefix("Error: ").strip())
                self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
        return {"CANCELLED"} if failed == len(wanted) else {"FINISHED"}


class BACKLOT_OT_apply(bpy.types.Operator):  # noqa: N801
    """Put a job's result into the scene"""  # noqa: D415

    bl_idname = "backlot.apply"
    bl_label = "Backlot Result"
    bl_options = {"INTERNAL", "UNDO"}  # noqa: RUF012
    job_id: StringProperty(options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]
    now: BoolProperty(options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Applies it as one step of undo. What cannot be applied is kept, and its record says why."""
        outputs = queue.RESULTS.pop(self.job_id, None)
        found = records.adopt(self.job_id)
        if outputs is None or found is None:
            return {"CANCELLED"}
        scene, record = found
        handler = handlers.handler_of(record.operation)
        request = {**json.loads(record.request), "job": self.job_id}
        why = waiting.reason(record.operation, request, self.now)
        if why:
            queue.RESULTS[self.job_id] = outputs
            records.update(self.job_id, state="ready", error=why)
            return {"CANCELLED"}
        try:
            with waiting.object_mode(handler.occupied(request)):
                text = handlers.apply(scene, record.operation, record.label, outputs, request)
            handler.forget(self.job_id)
        except Exception as error:
            if not isinstance(error, BacklotError):
                traceback.print_exc()
            handler.forget(self.job_id)
            queue.keep(self.job_id, outputs)
            records.update(self.job_id, state="failed", kept=True, error=str(error) or type(error).__name__)
            self.report({"ERROR"}, str(error) or type(error).__name__)
            return {"CANCELLED"}
        unfinished = self.job_id in queue.UNFINISHED
        queue.UNFINISHED.discard(self.job_id)
        records.update(self.job_id, state="cancelled" if unfinished else "done", result=text, error="", kept=False)
        elsewhere.forget(self.job_id)
        self.report({"INFO"}, text)
        return {"FINISHED"}


CLASSES = (
    BACKLOT_OT_start_backend,
    BACKLOT_OT_attach_backend,
    BACKLOT_OT_stop_backend,
    BACKLOT_OT_cancel_job,
    BACKLOT_OT_retry_job,
    BACKLOT_OT_remove_job,
    BACKLOT_OT_copy_error,
    BACKLOT_OT_apply_now,
    BACKLOT_OT_bring_results,
    BACKLOT_OT_apply,
)
