"""Engines: other ways to do an operation, each in one file of the backend, as values of the operation's choice ``engine``.

The file declares itself at the top level and has the same function as an operation's file::

    ENGINE = Engine("texture.synthesize", "gan", "Train a small network ...", (Parameter("minutes", "float", 10.0, ...),))

    def run(inputs, parameters, context): ...

The declaration is read from the file's syntax tree and never run: the supervisor, the command line and Blender know the choice and its
parameters without PyTorch. An extension's archive has no backend; ``engines.json`` has the same declarations for it. See
docs/decisions/0009-engines.md.
"""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import InputError
from .schema import Operation, Parameter

CHOICE = "engine"
"""Name of the parameter that chooses; an operation that has it takes engines."""
RECORD = Path(__file__).with_name("engines.json")
_MARK = "ENGINE = Engine("


@dataclasses.dataclass(frozen=True)
class Engine:
    """Another way to do an operation.

    Attributes:
        operation: Name of the operation.
        name: Value of its parameter ``engine``, and how results and messages call it.
        help: One line without a full stop.
        parameters: Controls that only this engine has.
        order: Where it stands among the choices, after those of the schema; then by name. Panels keep the number of a choice, so that
            an engine that was released keeps its place.
    """

    operation: str
    name: str
    help: str
    parameters: tuple[Parameter, ...] = ()
    order: int = 100


def read_engine(path: Path) -> Engine | None:
    """The engine that a Python file declares, or None.

    Raises:
        InputError: The declaration has something else than literals in it.
    """
    text = path.read_text(encoding="utf-8")
    if _MARK not in text:
        return None
    try:
        for node in ast.parse(text, filename=str(path)).body:
            if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == "ENGINE" for target in node.targets):
                engine = _value(node.value)
                return engine if isinstance(engine, Engine) else None
    except (SyntaxError, TypeError, ValueError) as error:
        raise InputError(
            expected=f"ENGINE = Engine(...) in {path.name} with literals and Parameter(...) only", got=str(error).splitlines()[0][:200]
        ) from error
    return None


def _value(node: ast.expr) -> Any:
    """A literal, or a call of ``Engine`` or ``Parameter`` with such arguments."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Engine", "Parameter"):
        kind = {"Engine": Engine, "Parameter": Parameter}[node.func.id]
        return kind(*(_value(one) for one in node.args), **{str(one.arg): _value(one.value) for one in node.keywords})
    if isinstance(node, ast.Tuple):
        return tuple(_value(one) for one in node.elts)
    return ast.literal_eval(node)


def find_engines(roots: Iterable[Path]) -> list[Engine]:
    """The engines in ``backend/*/operations`` of these folders, in order; from ``engines.json`` for a root without a backend."""
    found = []
    for root in roots:
        if (root / "backend").is_dir():
            read = (read_engine(path) for path in sorted(root.glob("backend/*/operations/*.py")))
            found += [engine for engine in read if engine is not None]
        elif root == RECORD.parents[2]:
            found += _recorded()
    return sorted(found, key=lambda engine: (engine.operation, engine.order, engine.name))


def with_engines(operation: Operation, engines: Iterable[Engine]) -> Operation:
    """The operation with its engines as choices, and their parameters right after the choice.

    Raises:
        InputError: The operation has no choice ``engine``, or two things have one name.
    """
    for engine in engines:
        choice = next((p for p in operation.parameters if p.name == CHOICE and p.kind == "choice"), None)
        if choice is None:
            raise InputError(expected=f"a choice {CHOICE!r} in {operation.name}, for the engine {engine.name}", got="none")
        taken = {p.name for p in operation.parameters} & {p.name for p in engine.parameters} | ({engine.name} & {*choice.choices})
        if taken:
            what = f"names of its own in the engine {engine.name} of {operation.name}"
            raise InputError(expected=what, got=", ".join(sorted(taken)))
        wider = dataclasses.replace(choice, choices={**choice.choices, engine.name: engine.help})
        # After the choice and after the parameters of the engines before.
        parameters = [wider if p is choice else p for p in operation.parameters]
        at = max(i for i, p in enumerate(parameters) if p is wider or p.engine) + 1
        own = [dataclasses.replace(p, engine=engine.name) for p in engine.parameters]
        operation = dataclasses.replace(operation, parameters=(*parameters[:at], *own, *parameters[at:]))
    return operation


def record(engines: Iterable[Engine]) -> str:
    """The text of ``engines.json``: what differs from the defaults."""
    return json.dumps([_without_defaults(engine) for engine in engines], indent=1, ensure_ascii=False) + "\n"


def _without_defaults(described: Engine | Parameter) -> dict[str, Any]:
    usual = {f.name: f.default for f in dataclasses.fields(described)}
    said = {name: value for name, value in vars(described).items() if value not in (usual[name], {}, ())}
    return {**said, "parameters": [_without_defaults(p) for p in said["parameters"]]} if "parameters" in said else said


def _recorded() -> list[Engine]:
    read: list[dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))
    return [Engine(**{**one, "parameters": tuple(Parameter(**p) for p in one.get("parameters", ()))}) for one in read]
