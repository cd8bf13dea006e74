"""Start a real Blender on a virtual screen, with the built extension installed, and step a scenario inside it.

Blender and the screen live in a Debian of their own, which ``dev.py test --all`` makes; the command that runs a program there is
in BACKLOT_WINDOW_ENTER. It has this machine's network, so a backend outside is reached on the loopback address. The folder
BACKLOT_WINDOW_SHARED has the same path inside and outside.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SCREEN = (1500, 1400)  # px; high enough for all panels of the tab at once at Blender's default scale
START_S = 60.0  # Xvfb answers in 1 s, Blender's window is drawn after about 15 s with software OpenGL on two cores
STAGE = Path(__file__).with_name("stage.py")


@dataclass
class Report:
    """What a scenario left behind.

    Attributes:
        values: What the scenario stored with ``stage.keep``.
        log: Blender's standard output and error.
        error: The traceback of what failed inside Blender, or an empty string.
        shots: Screenshots by name (PNG, the whole screen).
    """

    values: dict[str, Any]
    log: str
    error: str
    shots: dict[str, Path] = field(default_factory=dict)


class Window:
    """A virtual screen; ``play`` runs one Blender on it. Use as a context manager."""

    def __init__(self, enter: list[str], folder: Path) -> None:
        self.enter, self.folder = enter, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._display = ""
        self._xvfb: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        reader, writer = os.pipe()  # the server picks a free display and writes its number here
        command = self._inside("Xvfb", "-displayfd", str(writer), "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24", "-nolisten", "tcp")
        with (self.folder / "xvfb.log").open("wb") as log:
            self._xvfb = subprocess.Popen(
                command,
                pass_fds=[writer],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
            )
        os.close(writer)
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()  # ends at once if the server dies: the pipe closes
        if not number:
            raise RuntimeError(f"Xvfb did not start: {(self.folder / 'xvfb.log').read_text(errors='replace')}")
        self._display = f":{number}"
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._xvfb is not None:
            _end(self._xvfb)

    def play(self, scenario: Path, archive: Path | None, timeout_s: float, extra: dict[str, str] | None = None) -> Report:
        """Start Blender with an empty user folder, install the extension, step the scenario to its end, quit.

        Args:
            scenario: A Python file with a generator function ``scenario(stage)``; see stage.py for what it may yield.
            archive: The built extension to install and enable first; None for a Blender as it comes.
            timeout_s: Seconds for everything after the window is there.
            extra: Environment variables for Blender.

        Raises:
            RuntimeError: Blender ended or hung before the scenario did; with the end of its log.
        """
        user = self.folder / "user"
        shutil.rmtree(user, ignore_errors=True)
        user.mkdir()
        for leftover in [*self.folder.glob("*.request"), self.folder / "report.json"]:
            leftover.unlink(missing_ok=True)
        local = self.folder / archive.name if archive else None
        if archive and local:
            shutil.copyfile(archive, local)
        for script in (STAGE, scenario):
            shutil.copyfile(script, self.folder / script.name)
        env = self._environment(
            {
                "BLENDER_USER_RESOURCES": str(user),
                "LIBGL_ALWAYS_SOFTWARE": "1",
                "BACKLOT_STAGE_FOLDER": str(self.folder),
                "BACKLOT_STAGE_SCENARIO": str(self.folder / scenario.name),
                "BACKLOT_STAGE_ARCHIVE": str(local or ""),
                **(extra or {}),
            }
        )
        geometry = ["--window-geometry", "0", "0", str(SCREEN[0]), str(SCREEN[1])]
        command = self._inside(
            "blender", "--factory-startup", *geometry, "--python-exit-code", "1", "--python", str(self.folder / STAGE.name)
        )
        log_path = self.folder / "blender.log"
        with log_path.open("wb") as log:
            blender = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True)
        shots: dict[str, Path] = {}
        deadline = time.monotonic() + START_S + timeout_s
        try:
            while blender.poll() is None:
                self._answer_requests(shots)
                if time.monotonic() > deadline:
                    raise RuntimeError(f"Blender did not end in {START_S + timeout_s:.0f} s\n{_tail(log_path)}")
                time.sleep(0.1)
        finally:
            _end(blender)
        report_path = self.folder / "report.json"
        if not report_path.exists():
            raise RuntimeError(f"Blender ended (exit code {blender.returncode}) before the scenario did\n{_tail(log_path)}")
        report = json.loads(report_path.read_text(encoding="utf-8"))
        return Report(report["values"], log_path.read_text(encoding="utf-8", errors="replace"), report["error"], shots)

    def blender(
        self, *arguments: str, user: Path, extra: dict[str, str] | None = None, timeout_s: float = 240.0
    ) -> subprocess.CompletedProcess[str]:
        """Run Blender without a window and wait for it; ``user`` holds its preferences and extensions."""
        env = self._environment({"BLENDER_USER_RESOURCES": str(user), "LIBGL_ALWAYS_SOFTWARE": "1", **(extra or {})})
        command = self._inside("blender", *arguments)
        return subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )

    def screenshot(self, path: Path) -> None:
        """Write the whole screen to a PNG. (Blender's own screenshot operator reads black from software OpenGL.)"""
        self._run("import", "-window", "root", str(path))

    def _answer_requests(self, shots: dict[str, Path]) -> None:
        """Take the screenshots that the scenario asks for: it waits until its request file is gone."""
        for request in self.folder.glob("*.request"):
            asked = json.loads(request.read_text(encoding="utf-8"))
            shots[asked["name"]] = self.folder / f"{asked['name']}.png"
            self.screenshot(shots[asked["name"]])
            request.unlink()

    def _run(self, *command: str) -> None:
        result = subprocess.run(self._inside(*command), env=self._environment(), capture_output=True, text=True, timeout=30, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip()}")

    def _inside(self, *command: str) -> list[str]:
        return [*self.enter, *command]

    def _environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", "DISPLAY": self._display, **(extra or {})}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children: politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue


def _tail(path: Path, lines: int = 40) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
