"""README, CONTRIBUTING and docs/ name only what exists: links, files, modules, verbs, flags, benchmarks and operations."""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shlex
from pathlib import Path

import pytest

from backlot.backend.cli import build_parser
from backlot.shared.operations import OPERATIONS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("CONTRIBUTING.md"), *(ROOT / "docs").rglob("*.md")])
ROOTS = ("addon", "backend", "benchmarks", "demo", "docs", "shared", "tests", "tools")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(rf"(?<![\w/.])((?:{'|'.join(ROOTS)})/[\w./*-]*[\w/*])")
MODULE = re.compile(r"\bbacklot((?:\.[a-z_]+)+)")
OPERATION = re.compile(r"`((?:texture|style|sequence|reconstruct|system)\.[a-z]+)`")
PLACEHOLDERS = re.compile(r"NAME|<|\*")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _verbs() -> dict[str, argparse.ArgumentParser]:
    (verbs,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(verbs.choices)


def _anchors(page: Path) -> set[str]:
    """Headings as GitHub and GitLab link to them."""
    headings = re.findall(r"^#+ (.*)$", _text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _shell_lines(page: Path) -> list[str]:
    """Commands in fenced sh blocks and in inline code, without prompts and comments."""
    fenced = [line for block in re.findall(r"```sh\n(.*?)```", _text(page), re.DOTALL) for line in block.splitlines()]
    prose = re.sub(r"```.*?```", "", _text(page), flags=re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", prose)
    commands = [re.sub(r"^(\w+\$ )|^\.venv/bin/", "", line.strip()) for line in [*fenced, *inline]]
    return [part.strip() for line in commands for part in re.split(r"\s#\s|\s&&\s|\s&$", line)]


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for target in LINK.findall(_text(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            wrong.append(target)
    assert not wrong, f"{_name(page)} links to what is not there: {', '.join(wrong)}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_files_and_modules_exist(page: Path) -> None:
    prose = LINK.sub("", _text(page))
    wrong = [path for path in PATH.findall(prose) if not PLACEHOLDERS.search(path) and not _exists(path)]
    wrong += [f"backlot{name}" for name in MODULE.findall(prose) if not _importable(name)]
    assert not wrong, f"{_name(page)} names what is not there: {', '.join(wrong)}"


def _exists(path: str) -> bool:
    return (ROOT / path).exists() or (ROOT / "docs" / path).exists()


def _importable(dotted: str) -> bool:
    """Whether the name is a module, or one function in it."""
    for name in (dotted, dotted.rpartition(".")[0]):
        try:
            if name == "" or importlib.util.find_spec("backlot" + name) is not None:
                return True
        except ModuleNotFoundError:
            continue
    return False


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_exist(page: Path) -> None:
    """Each `backlot VERB` is a verb, and each flag after it is one of the verb's."""
    verbs, wrong = _verbs(), []
    for line in _shell_lines(page):
        words = re.sub(r"^backlot --state \S+", "backlot", line).split()
        if len(words) < 2 or words[0] != "backlot" or "|" in words or not re.fullmatch(r"[a-z-]+", words[1]) or words[1].startswith("-"):
            continue
        if words[1] not in verbs:
            wrong.append(line)
            continue
        known = _flags(verbs[words[1]])
        wrong += [f"{word} in: {line}" for word in _split(line) if word.startswith("--") and word.partition("=")[0] not in known]
    assert not wrong, f"{_name(page)} has commands that do not exist:\n" + "\n".join(wrong)


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)[2:]
    except ValueError:  # an apostrophe of prose
        return line.split()[2:]


def _flags(parser: argparse.ArgumentParser) -> set[str]:
    flags = {flag for action in parser._actions for flag in action.option_strings} | {"--state"}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            flags |= {flag for inner in action.choices.values() for flag in _flags(inner)}
    return flags


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_operations_and_benchmarks_exist(page: Path) -> None:
    text = _text(page)
    wrong = [name for name in OPERATION.findall(text) if name not in {*OPERATIONS, "system.fault"}]
    wrong += [
        f"dev.py bench {name}" for name in re.findall(r"dev\.py bench ([a-z_]+)", text) if not (ROOT / f"benchmarks/{name}.py").exists()
    ]
    assert not wrong, f"{_name(page)} names what does not exist: {', '.join(wrong)}"


def test_job_files_in_the_documents_are_valid() -> None:
    """The examples name operations, parameters and inputs that exist."""
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", _text(ROOT / "docs" / "job-files.md"), re.DOTALL)]
    assert len(examples) >= 5
    for example in examples:
        operation = OPERATIONS[example["operation"]]
        operation.check_parameters(example.get("parameters", {}))
        operation.check_input_names(example.get("inputs", {}))
        assert set(example.get("formats", {})) <= {output.name for output in operation.outputs}
