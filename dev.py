#!/usr/bin/env python3
r"""The one command for working on Backlot: ``python3 dev.py demo | test | build | bench | docs``.

Needs nothing but Python 3.11 or newer: it makes the environments that it needs inside the checkout
(``.venv`` for the project, ``.venvs/`` for Blender as a module and for the benchmarks) and reuses them afterwards.
Whatever you call first leaves ``.venv/bin/backlot`` behind (``.venv\Scripts\backlot.exe`` on Windows).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - before our own imports, which use newer syntax
    sys.exit(f"Backlot needs Python 3.11 or newer, this is {sys.version.split()[0]}. Run dev.py with a newer one, e.g. python3.11 dev.py")

from tools import environments, extension, tiers
from tools.console import StepError, run_step, say
from tools.paths import ROOT, python_of

# The demo renders a scene with Cycles and uses the add-on; 4.5 LTS is the version most studios have.
DEMO_BLENDER = "4.5"
# Each writes its own files in docs/ when it is run as a program.
GENERATED_DOCS = ("tools.reference", "tools.architecture")


def demo(_options: argparse.Namespace, arguments: list[str]) -> int:
    """Run the demo in Blender as a module, with the backend in ``.venv``."""
    project = environments.project()
    blender = environments.blender(DEMO_BLENDER)
    script = ROOT / "demo" / "main.py"
    say(f"Running {script.relative_to(ROOT)} in Blender {DEMO_BLENDER}")
    environment = {**os.environ, "BACKLOT_PYTHON": str(python_of(project)), "PYTHONUNBUFFERED": "1"}
    return subprocess.run([python_of(blender), script, *arguments], cwd=ROOT, env=environment, check=False).returncode


def test(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run the tiers of tests, print what passed, failed and was skipped."""
    return tiers.run(everything=options.all, slow=options.slow, arguments=arguments)


def build(_options: argparse.Namespace, _arguments: list[str]) -> int:
    """Build and validate the extension's archives in ``dist/``."""
    for archive in extension.build():
        files = extension.contents(archive)
        say(f"{archive.relative_to(ROOT)}  {archive.stat().st_size / 1e6:.2f} MB, {len(files)} files")
    say("\n".join(f"    {size:>9,d}  {name}" for name, size in files))
    return 0


def bench(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run one benchmark, or list them."""
    folder = ROOT / "benchmarks"
    names = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    if options.name is None:
        say("Benchmarks (python3 dev.py bench NAME):\n" + "\n".join(f"    {name}" for name in names))
        return 0
    if options.name not in names:
        raise StepError(what=f"there is no benchmark {options.name!r}", fix=f"choose one of: {', '.join(names)}")
    interpreter = python_of(environments.bench())
    environments.project()
    # As a module of the package, whatever the checkout's folder is called.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}  # as in the backend's workers
    return subprocess.run(
        [interpreter, "-m", f"backlot.benchmarks.{options.name}", *arguments], cwd=ROOT, env=environment, check=False
    ).returncode


def docs(_options: argparse.Namespace, _arguments: list[str]) -> int:
    """Write the pages and pictures that are made from the code."""
    interpreter = python_of(environments.project())
    for module in GENERATED_DOCS:
        run_step(f"Writing the documents of {module}", [interpreter, "-m", module], log="docs")
    return 0


def main() -> int:
    """Parse the command line and run one verb."""
    parser = argparse.ArgumentParser(prog="dev.py", description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="demo | test | build | bench | docs")
    verbs.add_parser("demo", help="photographs and a Blender scene through the real backend, ends with a contact sheet").set_defaults(
        run=demo
    )
    test_parser = verbs.add_parser("test", help="run the tests; other arguments go to pytest")
    test_parser.add_argument("--all", action="store_true", help="also Blender 4.2 and 5.0, and a real Blender window (Linux, root)")
    test_parser.add_argument("--slow", action="store_true", help="everything: --all, the tests marked slow, all tests on every Blender")
    test_parser.set_defaults(run=test)
    verbs.add_parser("build", help="build and validate the extension's archives in dist/").set_defaults(run=build)
    bench_parser = verbs.add_parser("bench", help="run a benchmark, or list them")
    bench_parser.add_argument("name", nargs="?", metavar="NAME")
    bench_parser.set_defaults(run=bench)
    verbs.add_parser("docs", help="write the pages and pictures in docs/ that are made from the code").set_defaults(run=docs)

    options, rest = parser.parse_known_args()
    if rest and options.verb in ("build", "docs"):
        parser.error(f"{options.verb} takes no arguments, got {' '.join(rest)}")
    try:
        return int(options.run(options, rest))
    except StepError as error:
        say(f"\ndev.py: {error}")
        return 1
    except KeyboardInterrupt:
        say("\ndev.py: stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
