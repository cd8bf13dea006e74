"""What becomes of the results of material jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..jobs.handlers import Handler
from ..scene import provenance
from . import history

if TYPE_CHECKING:
    import bpy


class MaterialHandler(Handler):
    """Maps become a material on what was selected, remembered in the history."""

    def apply(self, scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
        """See ``results.apply``."""
        from . import results  # imports numpy

        return results.apply(scene, operation, label, outputs, request) + provenance.numbers(outputs.get("report"))

    def forget_session(self) -> None:
        """Another file has a history of its own."""
        history.forget_session()

    def repair(self, running: set[str]) -> None:
        """Entries of the history stay when their material is undone."""
        history.repair()


class VariationsHandler(Handler):
    """A sheet of variations goes into the panel, to choose one."""

    def apply(self, scene: bpy.types.Scene, operation: str, label: str, outputs: dict[str, Any], request: dict[str, Any]) -> list[str]:
        """See ``results.variations``."""
        from . import results  # imports numpy

        return results.variations(scene, label, outputs, request) + provenance.numbers(outputs.get("report"))
