"""The architecture, held by a test: who may import whom, and what the code never does."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ("addon", "shared", "backend")
MAX_LINES = 400
MAX_FUNCTION_LINES, MAX_PARAMETERS = 60, 9
# What may be imported absolutely, beyond the standard library. The extension ships pyzmq, Blender ships numpy.
ALLOWED = {
    "addon": {
        "bpy",
        "bpy_extras",
        "bl_ui",
        "bmesh",
        "gpu",
        "gpu_extras",
        "blf",
        "mathutils",
        "addon_utils",
        "rna_keymap_ui",
        "numpy",
        "zmq",
    },
    "shared": {"numpy", "zmq"},
}
FORBIDDEN = {
    "addon": {"torch", "backlot"},
    "shared": {"bpy", "torch", "backlot"},
    "backend": {"bpy", "bmesh", "mathutils", "gpu", "backlot"},
}
# An arrow points from a part to the parts that it may import.
ARROWS = {"addon": {"addon", "shared"}, "shared": {"shared"}, "backend": {"backend", "shared"}}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
UNSAFE_CALLS = {"exec", "eval", "compile", "__import__"}

MODULES = sorted(path for part in PROGRAM for path in (ROOT / part).rglob("*.py") if "__pycache__" not in path.parts)
TOOLS = [ROOT / "dev.py", ROOT / "__init__.py", *sorted((ROOT / "tools").glob("*.py"))]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _imports(path: Path, tree: ast.Module | None = None) -> Iterator[tuple[str, str, int]]:
    """Yield ``(kind, target, line)``: kind "absolute" with a top-level name, or "relative" with a part of this package."""
    package = path.relative_to(ROOT).parent.parts  # ("shared", "operations") for shared/operations/schema.py
    for node in ast.walk(tree or _tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield "absolute", alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield "absolute", str(node.module).split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - (node.level - 1)]
            full = (*base, *(node.module.split(".") if node.module else ()))
            if node.level - 1 > len(package):
                yield "relative", "outside", node.lineno
            elif full:
                yield "relative", full[0], node.lineno
            else:  # from .. import shared
                for alias in node.names:
                    yield "relative", alias.name, node.lineno


def test_the_walk_sees_the_program() -> None:
    """A walk over nothing would pass every other test here."""
    names = {_name(path) for path in MODULES}
    assert {"shared/errors.py", "shared/operations/schema.py", "backend/core/context.py", "addon/__init__.py"} <= names
    assert ("relative", "shared", 2) in list(_imports(ROOT / "backend" / "x.py", ast.parse("\nfrom ..shared.errors import InputError")))
    assert ("relative", "backend", 1) in list(_imports(ROOT / "addon" / "x.py", ast.parse("from .. import backend")))
    assert ("absolute", "torch", 2) in list(_imports(ROOT / "addon" / "x.py", ast.parse("def f():\n import torch.nn as nn")))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_follow_the_arrows(path: Path) -> None:
    part = path.relative_to(ROOT).parts[0]
    wrong = []
    for kind, target, line in _imports(path):
        if kind == "relative":
            if target not in ARROWS[part]:
                wrong.append(f"line {line}: {part} must not import {target}")
        elif target in FORBIDDEN[part]:
            wrong.append(f"line {line}: {part} must not import {target} (inside the package imports are relative)")
        elif part in ALLOWED and target not in ALLOWED[part] and target not in sys.stdlib_module_names:
            wrong.append(f"line {line}: {part} may use the standard library and {', '.join(sorted(ALLOWED[part]))}, not {target}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", [*MODULES, ROOT / "__init__.py"], ids=_name)
def test_nothing_names_the_extension_repository(path: Path) -> None:
    """In Blender the package has another name in every repository: only ``__package__`` knows it."""
    tree = _tree(path)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings may explain it
    named = [
        f"line {node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "bl_ext" in node.value and id(node) not in prose
    ]
    assert not named, "\n".join(named)


@pytest.mark.parametrize("path", [*MODULES, *TOOLS], ids=_name)
def test_nothing_runs_data_as_code(path: Path) -> None:
    wrong = [f"line {line}: {target}" for _kind, target, line in _imports(path) if target in UNSAFE_MODULES]
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name) and function.id in UNSAFE_CALLS:
                wrong.append(f"line {node.lineno}: {function.id}()")
            if isinstance(function, ast.Attribute) and function.attr == "recv_pyobj":
                wrong.append(f"line {node.lineno}: recv_pyobj() unpickles")
            for keyword in node.keywords:
                value = keyword.value
                if keyword.arg == "allow_pickle" and not (isinstance(value, ast.Constant) and value.value is False):
                    wrong.append(f"line {node.lineno}: allow_pickle")
            loads = isinstance(function, ast.Attribute) and function.attr == "load" and ast.unparse(function.value) == "torch"
            plain = any(k.arg == "weights_only" and isinstance(k.value, ast.Constant) and k.value.value is True for k in node.keywords)
            if loads and not plain:
                wrong.append(f"line {node.lineno}: torch.load unpickles; weights are safetensors")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", [*MODULES, *TOOLS], ids=_name)
def test_a_module_is_one_idea(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{_name(path)} has {lines} lines, more than {MAX_LINES}: split it"


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("part", ["addon", "shared", "backend", "tools", "benchmarks"])
def test_large_functions_say_why(part: str) -> None:
    wrong = []
    for path in sorted((ROOT / part).rglob("*.py")):
        for function in _functions(path):
            where, reasons = f"{_name(path)}:{function.lineno}: {function.name}", ast.get_docstring(function) or ""
            lines = (function.end_lineno or 0) - function.lineno + 1
            arguments = function.args
            names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            parameters = len(names) - (names[:1] in (["self"], ["cls"]))
            if lines > MAX_FUNCTION_LINES and "Long:" not in reasons:
                wrong.append(f"{where} has {lines} lines, more than {MAX_FUNCTION_LINES}: split it, or say why after 'Long:'")
            if parameters > MAX_PARAMETERS and "Parameters:" not in reasons:
                wrong.append(f"{where} has {parameters} parameters, more than {MAX_PARAMETERS}: say why after 'Parameters:'")
    assert not wrong, "\n".join(wrong)


def test_the_package_list_is_complete() -> None:
    """What is not listed in pyproject.toml is missing from an installed backlot; what is listed must exist."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"])
    present = {"backlot"}
    for path in MODULES:
        present.add(".".join(("backlot", *path.relative_to(ROOT).parent.parts)))
    assert listed == present
    for package in present:
        assert (ROOT.joinpath(*package.split(".")[1:]) / "__init__.py").exists(), f"{package} has no __init__.py"


def test_one_version_everywhere() -> None:
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    namespace = {
        target.id: ast.literal_eval(node.value)
        for node in _tree(ROOT / "shared" / "version.py").body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert manifest["version"] == namespace["__version__"]
