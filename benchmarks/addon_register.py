"""What Blender pays for the add-on: import, register and first draw, in a fresh process each time.

    .venvs/bpy-4.5/bin/python benchmarks/addon_register.py

"First start" is the one after installing, in which Python compiles the modules; Blender keeps the result, so that every later
start is the second line. numpy counts as there already, because Blender's bundled add-ons import it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 7
LIMIT_MS = 50.0

SCRIPT = """
import importlib.util, json, sys, time
import bpy
import numpy
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
from backlot.addon import capabilities
for cls in capabilities.panel_classes():
    if hasattr(cls, "draw"):
        cls.draw(type("P", (), {{"layout": Layout()}})(), bpy.context)
drawn = time.perf_counter()
print("@" + json.dumps({{
    "import": (imported - clock) * 1e3, "register": (registered - imported) * 1e3, "draw": (drawn - registered) * 1e3,
    "cpu": (time.process_time() - cpu) * 1e3,
    "zmq": "zmq" in sys.modules, "numpy": "numpy" in sys.modules, "blender": bpy.app.version_string}}))
"""


def measure(cache: str) -> dict[str, float]:
    """Milliseconds of import, register and first draw (Python's part of it), in a fresh process that keeps bytecode in ``cache``."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": cache}
    command = [sys.executable, "-c", SCRIPT.format(root=str(ROOT))]
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return json.loads(next(line for line in output.splitlines() if line.startswith("@"))[1:])


def main() -> int:
    """Prints medians and whether they are within the bar."""
    first, later = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as cache:
            first.append(measure(cache))
            later.append(measure(cache))
    totals = {}
    for name, results in (("first start", first), ("later starts", later)):
        parts = {part: statistics.median(r[part] for r in results) for part in ("import", "register", "draw")}
        totals[name] = sum(parts.values())
        listed = ", ".join(f"{part} {value:.1f} ms" for part, value in parts.items())
        print(f"Blender {results[0]['blender']}, {name:12} {listed}, together {totals[name]:.1f} ms; zmq imported: {results[0]['zmq']}")
    kept = totals["later starts"] <= LIMIT_MS
    print(f"bar {LIMIT_MS:.0f} ms: {'kept' if kept else 'missed'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
