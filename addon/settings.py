"""Preferences, and what they are when the add-on runs without being enabled as an extension (Blender as a module)."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

PACKAGE = __package__.rpartition(".")[0]
"""The add-on's name in this Blender: ``bl_ext.<repository>.backlot`` or ``backlot``."""


class BacklotPreferences(bpy.types.AddonPreferences):
    """Where the backend is."""

    bl_idname = PACKAGE

    python: StringProperty(  # type: ignore[valid-type]
        name="Backend's Python", subtype="FILE_PATH",
        description="The Python in which Backlot's backend is installed. Empty: the one that last ran the command backlot",
    )  # fmt: skip
    auto_start: BoolProperty(  # type: ignore[valid-type]
        name="Start Automatically", default=True, description="Start the backend when a job is sent and none is running"
    )
    connection_file: StringProperty(  # type: ignore[valid-type]
        name="Connection File", subtype="FILE_PATH",
        description="Address and keys of a backend on another machine, made there with: backlot keys. Empty: the backend of this machine",
    )  # fmt: skip

    def draw(self, _context: bpy.types.Context) -> None:
        """Draws the preferences."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "python")
        layout.prop(self, "auto_start")
        layout.prop(self, "connection_file")
        if self.connection_file and not bpy.app.online_access:
            layout.label(text="Allow Online Access in Preferences > System to use it", icon="ERROR")


@dataclasses.dataclass
class Defaults:
    """The same settings without an enabled extension: from the environment."""

    python: str = ""
    auto_start: bool = True
    connection_file: str = ""


def preferences() -> BacklotPreferences | Defaults:
    """The add-on's preferences; ``BACKLOT_PYTHON`` and the defaults where there are none."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    if addon is not None and addon.preferences is not None:
        return addon.preferences
    return Defaults(python=os.environ.get("BACKLOT_PYTHON", ""))


def working_folder(name: str) -> Path:
    """A folder of the add-on's own for captures and logs, made if need be."""
    try:
        folder = Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=True))
    except ValueError:  # not an extension here, but Blender as a module
        folder = Path(bpy.app.tempdir) / "backlot" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
