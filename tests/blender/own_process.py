"""Scripts in a Blender of their own, as a module."""

import os
import subprocess
import sys

from blender.conftest import ROOT

_PREPARE = f"""
import importlib.util, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
spec = importlib.util.spec_from_file_location("backlot", {str(ROOT / "__init__.py")!r}, submodule_search_locations=[{str(ROOT)!r}])
sys.modules["backlot"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
"""


def printed(script, **environment):
    """What a script prints. Its package ``backlot`` is this one, its folder ``blender`` is this folder."""
    command = [sys.executable, "-c", _PREPARE + script]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
