"""Whether a change of the code left every result the same, byte for byte: each operation by the command line, before and after.

    python3 dev.py bench outputs --backlot "A/.venv/bin/python -m backlot" --write before.json --keep before/
    python3 dev.py bench outputs --backlot "B/.venv/bin/python -m backlot" --compare before.json --against before/
    python3 dev.py bench outputs --tiny

A and B are two checkouts, each with its ``.venv``. This file uses nothing of the package but its command, its job files and the files that
it reads and writes. One thread, one backend on the CPU with a state folder of its own, which is stopped at the end. Both runs must be on
the same machine with the same libraries: others round differently, so digests are not kept with the code.

Files are hashed as they are, except what changes with time and place: entries named ``VOLATILE`` are removed from JSON and from the cards
in safetensors (whose metadata are sorted, since their library writes them in any order); the path of the work folder and that of a shipped
model are removed from what is printed. Left out because they depend on the clock: the engine ``gan`` of texture.synthesize, ``minutes`` of
style.keyframes (its ``steps`` are used) and ``backlot evaluate``. Left out because they need Blender: captures and the add-on.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ._outputs_cases import CASES, Case
from ._outputs_compare import compare, digests
from ._outputs_inputs import draw
from ._report import begin, make_parser

START_WITHIN, JOB_WITHIN = 120.0, 900.0
"""Seconds; the first job on a machine compiles its kernels."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "COLUMNS": "100"}


@contextlib.contextmanager
def backend(command: list[str], work: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """A backend with a state folder of its own for as long as the block lasts."""
    state = Path(environment["BACKLOT_STATE_DIR"])
    with (work / "serve.log").open("wb") as log:
        words = [*command, "serve", "--device", "cpu", "--idle-exit", "1200"]
        process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, cwd=work)
    try:
        end = time.monotonic() + START_WITHIN
        while not (state / "connection.json").exists():
            if process.poll() is not None or time.monotonic() > end:
                message = f"The backend does not start:\n{(work / 'serve.log').read_text()}"
                raise SystemExit(message)
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def call(case: Case, command: list[str], work: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run one case in the work folder; its exit code, and what it wrote to stderr."""
    out = work / "out" / case.name
    out.mkdir(parents=True, exist_ok=True)
    if case.job is not None:
        path = work / f"{case.name.replace('/', '-')}.json"
        path.write_text(json.dumps(case.job))
        words = ["run", path.name]
    else:
        words = shlex.split(case.command.format(out=f"out/{case.name}"))
    done = subprocess.run([*command, *words], capture_output=True, text=True, env=environment, cwd=work, timeout=JOB_WITHIN, check=False)
    (out / "stdout.txt").write_text(done.stdout.replace(str(work), "WORK"))
    if case.code:
        lines = [line for line in done.stderr.replace(str(work), "WORK").splitlines() if not line.startswith("progress")]
        (out / "stderr.txt").write_text("\n".join(lines))
    return done.returncode, done.stderr


def run_all(command: list[str], pattern: str, work: Path) -> dict[str, dict[str, str]]:
    """Run the cases whose names fit the pattern in an empty folder: inputs go to ``in``, results to ``out``. Digests by case."""
    environment = {**os.environ, **ENVIRONMENT, "BACKLOT_STATE_DIR": str(work / "state")}
    draw(work / "in", work / "state/models")
    record = {"inputs": digests(work / "in")}
    with backend(command, work, environment):
        for case in CASES:
            if not fnmatch.fnmatch(case.name, pattern):
                continue
            began = time.monotonic()
            code, errors = call(case, command, work, environment)
            record[case.name] = {"exit code": str(code), **digests(work / "out" / case.name)}
            print(f"{case.name:34}{time.monotonic() - began:6.1f} s, {len(record[case.name]) - 1} files", flush=True)
            if code != case.code:
                print(f"    ended with {code}, expected {case.code}: {errors[-600:]}", flush=True)
    return record


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cases, write their digests, compare."""
    parser = make_parser(__file__, __doc__)
    parser.add_argument("--backlot", default=f"{sys.executable} -m backlot", metavar="COMMAND", help="runs backlot (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="FILE.json", help="write the digests")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave inputs and results there")
    parser.add_argument("--compare", type=Path, metavar="FILE.json", help="digests to compare with; exit code 1 if any differ")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="what --keep left, to say how files differ")
    parser.add_argument("--only", default="*", metavar="PATTERN", help='cases to run, such as "style.*", with what they read')
    options, report = begin(parser, arguments)
    if options.tiny:
        options.only, options.write = "texture.generate/likeness", options.write or report.folder / "outputs.json"
    command = shlex.split(options.backlot)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the backend is stopped on the way out
    if command[1:] == ["-m", "backlot"]:
        where = [command[0], "-c", "import backlot; print(*backlot.__path__)"]
        print("Testing", subprocess.check_output(where, text=True, cwd="/").strip(), flush=True)
    with tempfile.TemporaryDirectory(prefix="backlot-outputs-") as temporary:
        work = Path(temporary).resolve()
        record = run_all(command, options.only, work)
        if options.keep:
            for name in ("in", "out"):
                shutil.copytree(work / name, options.keep / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("vgg19.pth"))
        if options.write:
            options.write.write_text(json.dumps(record, indent=1) + "\n")
        different = compare(json.loads(options.compare.read_text()), record, options.against, work) if options.compare else 0
    signal.signal(signal.SIGTERM, before)
    if different:
        sys.exit(1)


if __name__ == "__main__":
    main()
