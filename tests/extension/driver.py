"""Runs inside Blender as a module: what an artist does with the archive, from installing it to removing it.

    python driver.py ARCHIVE REPORT.json

Prints nothing that matters; the report holds what was seen, for the test outside to judge.
"""

from __future__ import annotations

import importlib.machinery
import json
import os
import site
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

HIDDEN = ("zmq", "backlot")  # what the tests' environment has and an artist's Blender has not


class HideTestPackages:
    """Finds the hidden packages only where Blender put them: in its extensions' own site-packages."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> Any:
        """Return where a hidden package is, or raise; None for every other name, which goes on to the usual finders."""
        if name not in HIDDEN:
            return None
        own = [entry for entry in sys.path if entry not in site.getsitepackages()]
        spec = importlib.machinery.PathFinder.find_spec(name, own, target)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return spec


sys.meta_path.insert(0, HideTestPackages())

import bpy  # noqa: E402 - after the finder that keeps the environment's packages away

MODULE = "bl_ext.user_default.backlot"


def registered() -> set[str]:
    """Return the names of everything that extensions can register and must take away again."""
    kinds = (bpy.types.Operator, bpy.types.Panel, bpy.types.Menu, bpy.types.PropertyGroup, bpy.types.UIList, bpy.types.AddonPreferences)
    names = {cls.__name__ for kind in kinds for cls in kind.__subclasses__() if "backlot" in cls.__module__ and cls.is_registered}
    holders = (bpy.types.Scene, bpy.types.WindowManager, bpy.types.Object, bpy.types.Image, bpy.types.Material)
    names |= {f"{holder.__name__}.{key}" for holder in holders for key in holder.bl_rna.properties.keys()}  # noqa: SIM118
    handlers = [name for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)]
    for name in handlers:
        names |= {f"handler {name}" for function in getattr(bpy.app.handlers, name) if "backlot" in getattr(function, "__module__", "")}
    return names


def files(folder: Path) -> list[str]:
    """Return the files below the user's folder, without Blender's own cache of which extensions fit."""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in found if name != "extensions/.cache/compat.dat"]


def echo() -> dict[str, Any]:
    """Send a picture to the backend and back with the client that the archive brought."""
    import numpy as np

    client, connection, jobs, values = (import_module(f"{MODULE}.shared.{name}") for name in ("client", "connection", "jobs", "values"))
    pixels = np.linspace(0.0, 1.0, 8 * 6 * 4, dtype=np.float32).reshape(6, 8, 4)
    with client.Client(connection.read_connection(), name="the installed archive") as line:
        line.wait_ready(30.0)
        job = jobs.Job("system.echo", {"negate": True}, {"image": values.Image(pixels, "linear")})
        image = line.run(job, timeout=60.0)["image"]
    return {"shape": list(image.pixels.shape), "exact": bool(np.array_equal(image.pixels, -pixels)), "numpy": np.__version__}


def main(archive: str, report_path: str) -> None:
    """Install, look, use, switch off, remove."""
    user = Path(os.environ["BLENDER_USER_RESOURCES"])
    seen: dict[str, Any] = {"version": bpy.app.version_string, "before": sorted(registered())}

    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
    seen["enabled"] = MODULE in bpy.context.preferences.addons
    seen["registered"] = sorted(registered())
    seen["operators"] = sorted(f"backlot.{name}" for name in dir(bpy.ops.backlot))
    seen["heavy"] = sorted({"torch", "scipy", "backlot"} & set(sys.modules))
    import zmq

    seen["zmq"] = {"file": zmq.__file__, "version": zmq.__version__}
    seen["inside"] = str(user)

    seen["echo"] = echo()

    bpy.ops.preferences.addon_disable(module=MODULE)
    seen["after_disable"] = sorted(registered())
    repository = [repo.module for repo in bpy.context.preferences.extensions.repos].index("user_default")
    bpy.ops.extensions.package_uninstall(repo_index=repository, pkg_id="backlot")
    seen["after_remove"] = files(user)
    Path(report_path).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
