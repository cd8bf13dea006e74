"""What Blender pays for the add-on: import, register and first draw, in a fresh process each time.

    python3 dev.py bench addon_register [--tiny]

Runs in Blender as a module (``.venvs/bpy-4.5``). "First start" is the one after installing, in which Python compiles the modules; Blender
keeps the result, so that every later start is the second line. numpy counts as loaded, because Blender's bundled add-ons import it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

from ._report import ROOT, Row, begin, make_parser
from .scenes._blender import blender_python

RUNS = 7
LIMIT_MS = 50.0

SCRIPT = """
import importlib.util, json, sys, time
import bpy
import numpy
root = {root!r}
clock, cpu = time.perf_counter(), time.process_time()
spec = importlib.util.spec_from_file_location("backlot", root + "/__init__.py", submodule_search_locations=[root])
backlot = importlib.util.module_from_spec(spec); sys.modules["backlot"] = backlot; spec.loader.exec_module(backlot)
from backlot import addon
imported = time.perf_counter()
backlot.register()
registered = time.perf_counter()
class Layout:
    def __getattr__(self, name):
        return (lambda *a, **k: Layout())
drawn = 0
for cls in bpy.types.Panel.__subclasses__():
    if cls.__module__.startswith("backlot.") and hasattr(cls, "draw"):
        cls.draw(type("P", (), {{"layout": Layout()}})(), bpy.context)
        drawn += 1
assert drawn, "no panel was found"
end = time.perf_counter()
print("@" + json.dumps({{
    "import": (imported - clock) * 1e3, "register": (registered - imported) * 1e3, "draw": (end - registered) * 1e3,
    "cpu": (time.process_time() - cpu) * 1e3,
    "zmq": "zmq" in sys.modules, "numpy": "numpy" in sys.modules, "blender": bpy.app.version_string, "panels": drawn}}))
"""


def measure(cache: str) -> dict[str, Any]:
    """Milliseconds of import, register and first draw (Python's part of it), in a fresh process that keeps bytecode in ``cache``."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": cache}
    command = [str(blender_python()), "-c", SCRIPT.format(root=str(ROOT))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("@"))[1:])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print medians, and whether they are within the bar."""
    options, report = begin(make_parser(__file__, __doc__), arguments)
    first, later = [], []
    for _ in range(1 if options.tiny else RUNS):
        with tempfile.TemporaryDirectory() as cache:
            first.append(measure(cache))
            later.append(measure(cache))
    rows: list[Row] = []
    for name, results in (("first start", first), ("later starts", later)):
        parts = {part: statistics.median(r[part] for r in results) for part in ("import", "register", "draw")}
        same = {key: results[0][key] for key in ("blender", "zmq", "panels")}
        rows.append({"what": name, **parts, "together": sum(parts.values()), **same})
        listed = ", ".join(f"{part} {value:.1f} ms" for part, value in parts.items())
        print(f"Blender {same['blender']}, {name:12} {listed}, together {rows[-1]['together']:.1f} ms; zmq imported: {same['zmq']}")
    kept = rows[-1]["together"] <= LIMIT_MS
    print(f"bar {LIMIT_MS:.0f} ms: {'kept' if kept else 'missed'}")
    report.save_rows("addon_register", rows)


if __name__ == "__main__":
    main()
