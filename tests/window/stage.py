"""Runs inside Blender: installs the extension, opens its sidebar tab and steps a scenario with a timer.

A scenario is a generator ``scenario(stage)``. It may yield a number (seconds to wait, while Blender draws and handles events)
or what ``stage.screenshot(name)`` returns (wait until the harness outside has taken it).
Self-contained: Blender's Python runs it from the folder shared with the harness.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import bpy

FOLDER = Path(os.environ["BACKLOT_STAGE_FOLDER"])
ARCHIVE = os.environ["BACKLOT_STAGE_ARCHIVE"]
MODULE = "bl_ext.user_default.backlot"  # the name under which a user's Blender knows it: this is the one place that may say so
TICK_S = 0.1
SCHEDULED = Path(f"/proc/self/task/{os.getpid()}/schedstat")  # of the main thread, which draws and runs the timers


class Stage:
    """What a scenario can do beyond bpy."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def keep(self, **values: Any) -> None:
        """Store values (JSON) for the test outside."""
        self.values.update(values)

    def clock(self) -> float:
        """Return a time in seconds for the pauses between two ticks: that of the wall, without what this thread waited for a processor.

        So a busy machine does not look like a window that is blocked. Linux counts that waiting, in nanoseconds.
        """
        return time.monotonic() - int(SCHEDULED.read_text().split()[1]) / 1e9

    def quiet_gap(self) -> Generator[float, None, None]:
        """Keep ``quiet_gap``: the longest pause between two ticks, in seconds, while the view is drawn and nothing else happens.

        It is what this machine needs at the moment to draw a window by software OpenGL.
        """
        longest, before = 0.0, self.clock()
        for _ in range(30):
            self.view()["area"].tag_redraw()
            yield 0.05
            longest, before = max(longest, self.clock() - before), self.clock()
        self.keep(quiet_gap=longest)

    def screenshot(self, name: str) -> Callable[[], bool]:
        """Ask for a screenshot of the whole screen; yield the result."""
        return self._request(name=name)

    def view(self) -> dict[str, Any]:
        """Return the 3D viewport's context, for ``bpy.context.temp_override(**stage.view())``."""
        window = bpy.context.window_manager.windows[0]
        area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
        region = next(region for region in area.regions if region.type == "WINDOW")
        return {"window": window, "screen": window.screen, "area": area, "region": region}

    def open_tab(self, category: str) -> Generator[float, None, None]:
        """Open the 3D viewport's sidebar on a tab: ``yield from stage.open_tab("Backlot")``."""
        area = self.view()["area"]
        area.spaces.active.show_region_ui = True
        sidebar = next(region for region in area.regions if region.type == "UI")
        yield 1.0  # tabs are known only after the region was drawn once
        sidebar.active_panel_category = category
        sidebar.tag_redraw()
        yield 1.0

    def sidebar_pixels(self) -> list[int]:
        """Return where the 3D viewport's sidebar is on a screenshot: left, top, width, height in pixels."""
        view = self.view()
        sidebar = next(region for region in view["area"].regions if region.type == "UI")
        return [sidebar.x, view["window"].height - sidebar.y - sidebar.height, sidebar.width, sidebar.height]

    def _request(self, **request: Any) -> Callable[[], bool]:
        path = FOLDER / "stage.request"
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(request), encoding="utf-8")
        partial.rename(path)
        return lambda: not path.exists()


def _finish(stage: Stage, error: str) -> None:
    (FOLDER / "report.json").write_text(json.dumps({"values": stage.values, "error": error}), encoding="utf-8")
    # The add-on is switched off first, as at any exit of Blender; then no unsaved-changes dialog can hold the process.
    if MODULE in bpy.context.preferences.addons:
        bpy.ops.preferences.addon_disable(module=MODULE)
    bpy.ops.wm.quit_blender()


def _step(stage: Stage, scenario: Generator[Any, None, None]) -> Callable[[], float | None]:
    waiting: list[Callable[[], bool]] = []

    def tick() -> float | None:
        try:
            if waiting and not waiting[0]():
                return TICK_S
            waiting.clear()
            wish = next(scenario)
        except StopIteration:
            _finish(stage, "")
            return None
        except BaseException:
            _finish(stage, traceback.format_exc())
            return None
        if callable(wish):
            waiting.append(wish)
            return TICK_S
        return float(wish)

    return tick


def _install() -> None:
    if ARCHIVE:
        bpy.ops.extensions.package_install_files(filepath=ARCHIVE, repo="user_default", enable_on_install=True)
        if MODULE not in bpy.context.preferences.addons:
            raise RuntimeError(f"{ARCHIVE} was installed but not enabled")


def main() -> None:
    """Install, then hand over to the timer: from here on Blender's event loop runs."""
    stage = Stage()
    bpy.context.preferences.view.show_splash = False
    try:
        _install()
        path = Path(os.environ["BACKLOT_STAGE_SCENARIO"])
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        scenario = module.scenario(stage)
    except BaseException:
        (FOLDER / "report.json").write_text(json.dumps({"values": {}, "error": traceback.format_exc()}), encoding="utf-8")
        raise
    bpy.app.timers.register(_step(stage, scenario), first_interval=2.0)


main()
