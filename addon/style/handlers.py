"""What becomes of the results of shots and movies: files on disk, then images of this file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...shared.errors import BacklotError
from ..jobs.handlers import Handler
from ..scene import provenance
from . import files, movie

if TYPE_CHECKING:
    import bpy

    from ...shared.events import Finished, Partial
    from ..jobs.records import BACKLOT_PG_job


class _FileHandler(Handler):
    files = True

    def files_in(self, outputs: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Files as paths in the folder."""
        return files.placed(outputs, folder)


class ShotHandler(_FileHandler):
    """Frames are written as they come, and become an image sequence; the model is noted for further training."""

    def apply(self, scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
        """See ``results.apply``."""
        from . import results  # imports numpy

        return results.apply(scene, operation, label, outputs, request)

    def partial(self, scene: bpy.types.Scene, record: BACKLOT_PG_job, event: Partial) -> None:
        """Writes a frame."""
        folder = provenance.parse(record.request).get("folder")
        if not folder:
            super().partial(scene, record, event)
            return
        with contextlib.suppress(BacklotError):  # the disk is full: writing the result reports it, if it still is
            files.take(record.name, folder, event)

    def finished(self, job_id: str, request: dict[str, Any], event: Finished) -> dict[str, Any]:
        """Writes what is not written yet; files as paths."""
        folder = request.get("folder")
        return files.finish(job_id, folder, event) if folder else dict(event.outputs)

    def cancelled(self, job_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """The frames and the model that were written."""
        return files.unfinished(job_id)

    def forget(self, job_id: str) -> None:
        """Forgets what was written of a job; the files stay."""
        files.WRITERS.pop(job_id, None)

    def forget_session(self) -> None:
        """Forgets what was written of all jobs."""
        files.WRITERS.clear()


class MovieHandler(_FileHandler):
    """A movie is written to the folder of its frames, and becomes an image that their panel offers."""

    def apply(self, scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
        """See ``movie.apply``."""
        return movie.apply(label, outputs, request) + provenance.numbers(outputs.get("report"))

    def finished(self, job_id: str, request: dict[str, Any], event: Finished) -> dict[str, Any]:
        """Writes the movie to the folder of its frames."""
        return files.finish_movie(Path(request["inputs"]["pictures"]["sequence"]).parent, event)
