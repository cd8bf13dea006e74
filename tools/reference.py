"""Writes what is made from the operations' descriptions: docs/operations.md and shared/operations/engines.json; a test compares.

``python3 dev.py docs``, or ``python -m tools.reference`` in ``.venv``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from backlot.shared.operations import OPERATIONS, Operation, Parameter, engines

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operations.md"
HEAD = """# Operations

Made from the schemas in `shared/operations` by `python3 dev.py docs`; the same descriptions draw the panel, make the command line's
flags and check every request. Each job also has a seed (0 to 2147483647): the same seed on the same device gives the same bytes.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_operation(o) for o in OPERATIONS.values() if not o.hidden)


def _operation(operation: Operation) -> str:
    lines = [f"\n## `{operation.name}` (version {operation.version})\n", f"{operation.summary}.\n"]
    lines += ["| Input | Kind | What it is |", "|---|---|---|"]
    for item in operation.inputs:
        needs = f"; each needs {', '.join(item.channels)}" if item.channels else ""
        also = f"; uses {', '.join(item.optional_channels)} if there" if item.optional_channels else ""
        lines.append(f"| `{item.name}`{'' if item.required else ' (optional)'} | {item.kind} | {item.help}{needs}{also} |")
    lines += ["", "| Parameter | Default | Allowed | What it does |", "|---|---|---|---|"]
    lines += [_parameter(p) for p in operation.parameters]
    lines += ["", "| Output | Formats | What it is |", "|---|---|---|"]
    lines += [f"| `{o.name}` | {', '.join('.' + f for f in o.formats)} | {o.help} |" for o in operation.outputs]
    return "\n".join(lines) + "\n"


def _parameter(parameter: Parameter) -> str:
    default = "x".join(map(str, parameter.default)) if isinstance(parameter.default, list) else parameter.default
    default = "–" if default in (None, "") else default
    allowed = "; ".join(f"`{k}`: {v}" for k, v in parameter.choices.items()) if parameter.choices else parameter.describe()
    unit = {"px": " px", "percent": " %", "length": " scene units"}.get(parameter.unit, "")
    return f"| `{parameter.name}` | {default}{unit} | {allowed} | {parameter.help} |"


def files() -> dict[Path, str]:
    """The files and what should be in them."""
    return {PAGE: page(), engines.RECORD: engines.record(engines.find_engines([ROOT]))}


def main() -> int:
    """Writes the files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
