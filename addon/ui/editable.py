"""The base of operators that change the scene."""

from __future__ import annotations

import bpy


class EditsScene:
    """For operators that change the scene: greyed out, with the reason, where it cannot be changed (it may be linked)."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Needs a scene that can be changed."""
        if context.scene is None or not context.scene.is_editable:
            cls.poll_message_set("This scene cannot be changed")  # type: ignore[attr-defined]
            return False
        return True
