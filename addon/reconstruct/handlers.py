"""What becomes of the results of reconstructions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..jobs import records
from ..jobs.handlers import Handler
from ..jobs.waiting import under_way
from ..scene import provenance
from . import progress

if TYPE_CHECKING:
    import bpy

    from ...shared.events import Partial


class ReconstructionHandler(Handler):
    """A mesh with its material, placed in the scene; while the job runs the latest coarse mesh, if the artist wants it."""

    def apply(self, scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
        """See ``results.apply``."""
        from . import results  # imports numpy

        return results.apply(scene, operation, label, outputs, request)

    def occupied(self, request: dict[str, Any]) -> list[bpy.types.Object]:
        """The object that gets a new mesh, while it is edited, sculpted or painted."""
        target = (request.get("origin") or {}).get("target")
        found, _ = records.resolve([target]) if target else ([], [])
        return [item for item in found if item.mode != "OBJECT"]

    def partial(self, scene: bpy.types.Scene, record: records.BACKLOT_PG_job, event: Partial) -> None:
        """Keeps the coarse mesh, and shows it if the artist wants it and is not in the middle of an action."""
        super().partial(scene, record, event)
        wanted = event.name == "mesh" and provenance.parse(record.request).get("show_progress")
        if wanted and record.name in records.LIVE and not under_way():
            progress.show(scene, record.name, record.label, event.value)

    def cancelled(self, job_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """The last coarse mesh, if the artist wants to keep it."""
        live = records.live(job_id)
        best = live.partials.get(("mesh", None)) if live is not None else None
        if best is None or not len(best.faces) or not request.get("keep_best"):
            return {}
        return {"mesh": best, "report": {"unfinished": True, "faces": len(best.faces)}}

    def follow_up(self, scene: bpy.types.Scene, job_id: str, request: dict[str, Any]) -> None:
        """Unwraps the mesh and has its texture baked, where the request says so."""
        if request.get("then") == "bake":
            from . import unwrap  # imports numpy

            unwrap.bake(scene, job_id, request)

    def forget(self, job_id: str) -> None:
        """Removes the coarse mesh."""
        progress.forget(job_id)

    def repair(self, running: set[str]) -> None:
        """Removes coarse meshes of jobs that are over."""
        progress.repair(running)
