"""Which tests can run in this interpreter: `pytest tests` works in every environment and leaves out what belongs to another."""

from __future__ import annotations

import importlib.util

collect_ignore: list[str] = []
if importlib.util.find_spec("bpy") is None:
    collect_ignore.append("blender")  # these import bpy: .venvs/bpy-4.5/bin/python -m pytest tests/blender
