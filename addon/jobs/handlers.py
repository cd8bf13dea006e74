"""Who applies the results of a job: a handler for each name that schemas have in ``Operation.apply``.

Capabilities register theirs in ``HANDLERS``. The results of every other operation are the default's: images and meshes become
datablocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...shared.notes import add_to_reports
from ...shared.operations import OPERATIONS
from ..scene import provenance
from ..scene.transaction import transaction
from . import records

if TYPE_CHECKING:
    import bpy

    from ...shared.events import Finished, Partial


class Handler:
    """What becomes of the results of jobs of one kind.

    Attributes:
        files: Whether the results are files on disk; else arrays.
    """

    files = False

    def apply(self, scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
        """Puts the outputs of a job into the scene.

        Only objects noted in ``request["targets"]``, those selected when the job was sent, are given anything.

        Args:
            scene: The scene that sent the job.
            operation: Name of the operation.
            label: Names new datablocks.
            outputs: By name, as the operation describes them.
            request: What the record of the job holds.

        Returns:
            What happened, in sentences.
        """
        from . import datablocks  # imports numpy

        return datablocks.make(scene, operation, label, outputs, request)

    def occupied(self, request: dict[str, Any]) -> list[bpy.types.Object]:
        """The objects that must be in Object Mode when the outputs are put into the scene, and are in another mode now."""
        return []

    def partial(self, scene: bpy.types.Scene, record: records.BACKLOT_PG_job, event: Partial) -> None:
        """Takes a result that comes before the end of the job: it is kept in memory."""
        live = records.live(record.name)
        if live is not None:
            live.partials[event.name, event.index] = event.value

    def finished(self, job_id: str, request: dict[str, Any], event: Finished) -> dict[str, Any]:
        """The outputs of a finished job, as ``apply`` takes them.

        Raises:
            BacklotError: They cannot be stored.
        """
        return dict(event.outputs)

    def cancelled(self, job_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """What a cancelled job had made so far and the artist wants to keep, as ``apply`` takes it; empty for nothing."""
        return {}

    def files_in(self, outputs: dict[str, Any], folder: Any) -> dict[str, Any]:
        """Outputs that were written into a folder, as ``apply`` takes them: for handlers of files."""
        return outputs

    def follow_up(self, scene: bpy.types.Scene, job_id: str, request: dict[str, Any]) -> None:
        """Sends the next job, where the request of a job that is applied asks for one."""

    def forget(self, job_id: str) -> None:
        """Forgets what was kept for a job that is over."""

    def forget_session(self) -> None:
        """Forgets everything: another file is about to be loaded."""

    def repair(self, running: set[str]) -> None:
        """Called after undo, redo and loading: removes what jobs left that are not ``running`` any more, restores what they need."""


DEFAULT = Handler()
HANDLERS: dict[str, Handler] = {"": DEFAULT}
"""By the names of ``Operation.apply``; filled when the add-on registers."""


def handler_of(operation: str) -> Handler:
    """The handler of an operation's results; the default for one that this version does not know."""
    schema = OPERATIONS.get(operation)
    return HANDLERS.get(schema.apply, DEFAULT) if schema is not None else DEFAULT


def apply(scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> str:
    """Puts the outputs of a job into the scene; see ``Handler.apply``. If it fails, nothing of it is left behind.

    Notes of the capture (``request["notes"]``) become notes of the report.

    Returns:
        What happened, in one line.
    """
    outputs = {name: dict(value) if isinstance(value, dict) else value for name, value in outputs.items()}
    notes = [str(note) for note in request.get("notes") or []]
    add_to_reports(outputs, notes)
    with transaction():
        done = handler_of(operation).apply(scene, operation, label, outputs, request)
    text = "; ".join(part for part in done if part)
    said = [note for report in outputs.values() if isinstance(report, dict) for note in provenance.remarks(report)]
    return "; ".join([text, *(note for note in dict.fromkeys(said or notes) if note not in text)])
