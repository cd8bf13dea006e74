"""What Blender pays for the add-on: import, register and first draw, in a fresh process each time.

Run with Blender's Python:  .venvs/bpy-4.5/bin/python -m backlot.benchmarks.addon_register
or:                         .venvs/bpy-4.5/bin/python benchmarks/addon_register.py

"Beyond Blender's own" is measured as the difference to a process in which numpy is already imported, as it is in every
Blender with its bundled add-ons enabled; the first figure of each line is without that.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 7
LIMIT_MS = 50.0

SCRIPT = """
import importlib.util, json, sys, time
import bpy
if {numpy}: import numpy
root = {root!r}
clock, cpu = time.perf_counter(), time.process_time()
places = [root]
spec = importlib.util.spec_from_file_location("backlot", root + "/__init__.py", submodule_search_locations=places)
backlot = importlib.util.module_from_spec(spec); sys.modules["backlot"] = backlot; spec.loader.exec_module(backlot)
from backlot import addon
imported = time.perf_counter()
backlot.register()
registered = time.perf_counter()
class Layout:
    def __getattr__(self, name):
        return (lambda *a, **k: Layout())
from backlot.addon import panels
for cls in panels.panel_classes():
    if hasattr(cls, "draw"):
        cls.draw(type("P", (), {{"layout": Layout()}})(), bpy.context)
drawn = time.perf_counter()
print("@" + json.dumps({{
    "import": (imported - clock) * 1e3, "register": (registered - imported) * 1e3, "draw": (drawn - registered) * 1e3,
    "cpu": (time.process_time() - cpu) * 1e3,
    "zmq": "zmq" in sys.modules, "numpy": "numpy" in sys.modules, "blender": bpy.app.version_string}}))
"""


def measure(numpy: bool) -> list[dict[str, float]]:
    """Milliseconds of import, register and first draw (Python's part of it), in ``RUNS`` fresh processes."""
    results = []
    for _ in range(RUNS):
        command = [sys.executable, "-c", SCRIPT.format(root=str(ROOT), numpy=numpy)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        results.append(json.loads(next(line for line in output.splitlines() if line.startswith("@"))[1:]))
    return results


def main() -> int:
    """Prints medians and whether they are within the bar."""
    total = 0.0
    for numpy in (False, True):
        results = measure(numpy)
        parts = {name: statistics.median(r[name] for r in results) for name in ("import", "register", "draw", "cpu")}
        total = parts["import"] + parts["register"] + parts["draw"]
        print(
            f"Blender {results[0]['blender']}, numpy {'already there' if numpy else 'not there'}: import {parts['import']:.1f} ms, "
            f"register {parts['register']:.1f} ms, first draw {parts['draw']:.1f} ms, together {total:.1f} ms (CPU {parts['cpu']:.1f} ms); "
            f"afterwards zmq imported: {results[0]['zmq']}, numpy: {results[0]['numpy']}"
        )
    print(f"bar {LIMIT_MS:.0f} ms: {'kept' if total <= LIMIT_MS else 'missed'}")
    return 0 if total <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
