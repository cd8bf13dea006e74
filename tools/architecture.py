"""Draws docs/images/architecture.svg from the program's real imports: ``python -m tools.architecture``; a test compares.

Boxes are the rooms of the program: the folders and modules right below ``addon`` and ``backend``, and ``shared`` as one. Rooms of the
backend stand in the order of the import contract in pyproject.toml. Needs the standard library only.
"""

from __future__ import annotations

import ast
import functools
import html
import sys
import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
SIDES = ("addon", "shared", "backend")
Arrow = tuple[str, str]
"""Importing room and imported room, such as ``("backend.style", "backend.core")``."""

# Layout, in pixels of the picture.
BOX, LANE, STEP, STUB, PAD = 330, 15, 13, 10, 9
USES = {"addon": "in Blender's Python: bpy, numpy", "shared": "numpy, pyzmq", "backend": "in its own Python: torch and others"}
LEGEND = (
    "Arrows lead from the room",
    "that imports to the room that",
    "is imported. Numbers count",
    "import statements. Dashed red:",
    "against the order of the rooms.",
)
COLORS = ("#2f6fab", "#b3562a", "#3c8d4f", "#8a5aa8", "#9a7d18", "#2a8f8f", "#b03a6b", "#5a6b7b")
UPWARD = "#d00000"


def room_of(module: tuple[str, ...]) -> str:
    """The room of a module: ``("backend", "style", "image", "still")`` is in ``backend.style``; all of ``shared`` is one room."""
    return module[0] if module[0] == "shared" else ".".join(module[:2])


@functools.cache
def count_imports() -> dict[Arrow, int]:
    """How many import statements lead from room to room; imports for type checking only are left out."""
    found: Counter[Arrow] = Counter()
    for side in SIDES:
        for path in sorted((ROOT / side).rglob("*.py")):
            module = path.relative_to(ROOT).with_suffix("").parts
            for target in _targets(path, module[:-1]):
                arrow = room_of(module), room_of(target)
                if arrow[0] != arrow[1]:
                    found[arrow] += 1
    return dict(sorted(found.items()))


def list_rooms(arrows: Mapping[Arrow, int]) -> dict[str, list[str]]:
    """Rooms of each side, highest first: in the order of the import contract, else so that few arrows point up."""
    rooms = {side: {r for r in _all_rooms(side) if not r.endswith("__init__") or any(r in a for a in arrows)} for side in SIDES}
    return {side: _ordered(side, rooms[side], arrows) for side in SIDES}


def draw() -> str:
    """The picture as SVG text: the same imports give the same bytes."""
    arrows = count_imports()
    rooms = list_rooms(arrows)
    left, left_height, width = _column("addon", rooms["addon"], arrows, 30)
    shared_x = 30 + width + 40
    right_x = shared_x + 230
    right, right_height, right_width = _column("backend", rooms["backend"], arrows, right_x)
    height = max(left_height, right_height) + 40
    middle = _shared(arrows, shared_x, 30 + width, right_x - 10, height)
    total = right_x + right_width + 30
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" width="{total}" height="{height}" '
        'font-family="DejaVu Sans, Verdana, sans-serif" font-size="11">\n<title>Rooms of Backlot and the imports between them</title>\n'
        f'<rect width="{total}" height="{height}" fill="#ffffff"/>\n'
    )
    return head + "\n".join([*left, *middle, *right]) + "\n</svg>\n"


def _targets(path: Path, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and id(node) not in typing_only:
            base = (*package[: len(package) - node.level + 1], *(node.module or "").split("."))
            base = tuple(part for part in base if part)
            if len(base) >= 2:
                yield base
            else:  # from ..shared import jobs; from . import panel
                yield from {(*base, alias.name) for alias in node.names}


def _all_rooms(side: str) -> set[str]:
    if side == "shared":
        return {"shared"}
    entries = [p for p in (ROOT / side).iterdir() if (p / "__init__.py").exists() or p.suffix == ".py"]
    return {f"{side}.{entry.stem}" for entry in entries}


def _ordered(side: str, rooms: set[str], arrows: Mapping[Arrow, int]) -> list[str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = [c["layers"] for c in contracts if c["type"] == "layers" and c.get("containers") == [f"backlot.{side}"]]
    wanted = [f"{side}.{name.strip(' ()')}" for layer in (layers[0] if layers else []) for name in layer.replace(":", "|").split("|")]
    placed = [room for room in wanted if room in rooms]
    return _fewest_upward(sorted(rooms - set(placed)), arrows) + placed  # the package itself is not in its own contract


def _fewest_upward(rooms: list[str], arrows: Mapping[Arrow, int]) -> list[str]:
    """Moves one room at a time to where fewest imports point up, until no move helps."""

    def upward(order: list[str]) -> int:
        level = {room: i for i, room in enumerate(order)}
        return sum(n for (a, b), n in arrows.items() if a in level and b in level and level[a] > level[b])

    best = rooms
    while True:
        moves = [
            [*others[:i], room, *others[i:]] for room in best for others in [[r for r in best if r != room]] for i in range(len(rooms))
        ]
        order = min(moves, key=upward, default=best)
        if upward(order) >= upward(best):
            return best
        best = order


def _column(side: str, rooms: list[str], arrows: Mapping[Arrow, int], x: int) -> tuple[list[str], int, int]:
    """Boxes of one side below each other, lanes of arrows at their right; returns the drawing, its lower end and its width."""
    boxes: dict[str, tuple[int, int]] = {}
    drawn: list[str] = []
    y = 62
    for room in rooms:
        lines = _lines(room)
        height = max(24 + STEP * len(lines) + PAD, 26 + STUB * sum(a == room and b in rooms for a, b in arrows))
        boxes[room] = (y, height)
        drawn.append(
            f'<g data-room="{room}"><rect x="{x}" y="{y}" width="{BOX}" height="{height}" rx="6" fill="#f3f6f9" stroke="#7a8793"/>'
        )
        drawn.append(f'<text x="{x + 10}" y="{y + 18}" font-size="13" font-weight="bold">{html.escape(_label(room))}</text>')
        drawn += [
            f'<text x="{x + 10}" y="{y + 34 + STEP * i}" fill="{"#333333" if said else "#777777"}">{html.escape(line)}</text>'
            for i, (said, line) in enumerate(lines)
        ]
        drawn[-1] += "</g>"
        y += height + 12
    inside = {arrow: n for arrow, n in arrows.items() if arrow[0] in boxes and arrow[1] in boxes}
    lanes, right = _lanes(rooms, boxes, inside, x + BOX)
    width = right - x
    frame = f'<rect x="{x - 10}" y="30" width="{width + 10}" height="{y - 30}" rx="8" fill="none" stroke="#b8c2cc"/>'
    title = f'<text x="{x}" y="50" font-size="15" font-weight="bold">{side}/</text>'
    title += f'<text x="{x + BOX}" y="50" text-anchor="end" fill="#555555">{USES[side]}</text>'
    return [frame, title, *lanes, *drawn], y, width


def _lanes(rooms: list[str], boxes: Mapping[str, tuple[int, int]], arrows: Mapping[Arrow, int], x: int) -> tuple[list[str], int]:
    """One vertical lane for each imported room; importing rooms join it with a dot and their number of imports."""
    targets = [room for room in rooms if any(arrow[1] == room for arrow in arrows)]
    drawn = []
    leaving: Counter[str] = Counter()
    for i, target in enumerate(targets):
        lane = x + 34 + LANE * i
        color = COLORS[i % len(COLORS)]
        top, height = boxes[target]
        end = top + height - 9
        for source in rooms:
            count = arrows.get((source, target))
            if not count:
                continue
            start = boxes[source][0] + 11 + STUB * leaving[source]
            leaving[source] += 1
            ink, dash = (UPWARD, ' stroke-dasharray="4 2"') if rooms.index(source) > rooms.index(target) else (color, "")
            drawn.append(
                f'<g data-from="{source}" data-to="{target}" data-count="{count}" stroke="{ink}" fill="none">'
                f'<path d="M {x} {start} H {lane} V {end} H {x + 6}"{dash}/><circle cx="{lane}" cy="{start}" r="2" fill="{ink}"/>'
                f'<text x="{x + 4}" y="{start - 1}" font-size="9" fill="{ink}" stroke="none">{count}</text></g>'
            )
        drawn.append(f'<path d="M {x + 1} {end} l 7 -3.5 v 7 z" fill="{color}"/>')
    return drawn, x + 34 + LANE * len(targets) + 6


def _shared(arrows: Mapping[Arrow, int], x: int, from_addon: int, from_backend: int, height: int) -> list[str]:
    y, width = height // 2 - 60, 150
    lines = _lines("shared", 22)
    box = 30 + STEP * len(lines) + PAD
    drawn = [f'<g data-room="shared"><rect x="{x}" y="{y}" width="{width}" height="{box}" rx="8" fill="#fff7e6" stroke="#c9a24a"/>']
    drawn.append(f'<text x="{x + 10}" y="{y + 20}" font-size="15" font-weight="bold">shared/</text>')
    drawn += [f'<text x="{x + 10}" y="{y + 38 + STEP * i}" fill="#333333">{html.escape(line)}</text>' for i, (_, line) in enumerate(lines)]
    drawn[-1] += "</g>"
    drawn += [f'<text x="{x}" y="{60 + STEP * i}" fill="#555555">{line}</text>' for i, line in enumerate(LEGEND)]
    drawn.append(f'<text x="{x + 10}" y="{y + box + 16}" fill="#555555">{USES["shared"]}</text>')
    middle = y + box // 2
    for side, start, end, turn in (("addon", from_addon, x - 1, -1), ("backend", from_backend, x + width + 1, 1)):
        each = {arrow: n for arrow, n in arrows.items() if arrow[1] == "shared" and arrow[0].startswith(side)}
        drawn += [f'<g data-from="{a}" data-to="{b}" data-count="{n}"/>' for (a, b), n in each.items()]
        drawn.append(
            f'<path d="M {start} {middle} H {end}" stroke="#555555" stroke-width="2"/>'
            f'<path d="M {end} {middle} l {8 * turn} -5 v 10 z" fill="#555555"/>'
            f'<text x="{(start + end) // 2}" y="{middle - 6}" text-anchor="middle" font-size="10">{sum(each.values())}</text>'
        )
    return drawn


def _label(room: str) -> str:
    name = room.rpartition(".")[2]
    return f"{name}/" if (ROOT / room.replace(".", "/")).is_dir() else f"{name}.py"


def _lines(room: str, width: int = 54) -> list[tuple[bool, str]]:
    """First sentence of the room's docstring, then the folders in it; True for the sentence."""
    folder = ROOT / room.replace(".", "/")
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    said = text.replace("\n", " ").replace("`", "").split(". ")[0].rstrip(".")
    inner = sorted(p.parent.name for p in folder.glob("*/__init__.py")) if folder.is_dir() else []
    return [(True, line) for line in textwrap.wrap(said, width)] + [(False, line) for line in textwrap.wrap(" · ".join(inner), width)]


def main() -> int:
    """Draws the picture."""
    PICTURE.write_text(draw(), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
