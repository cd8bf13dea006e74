"""The link to the backend: started, connected and polled without ever blocking Blender's window.

A timer calls ``Backend.tick``; sockets are polled with timeout 0 from Blender's own thread. zmq is imported on the first connection.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...shared.errors import BackendUnavailable, BacklotError, InputError, SignatureError, VersionError
from .. import settings

if TYPE_CHECKING:  # zmq, numpy and subprocess (20 ms) are loaded on the first connection only
    import subprocess

    from ...shared.client import Client
    from ...shared.connection import Connection

BUSY_S = 0.05
IDLE_S = 0.25
STALE_S = 3.0
"""Seconds without an answer after which the backend of a connection file counts as ended."""
PATIENCE_S = 60.0
"""Seconds to wait, without a window, for a backend that was lost; it may be restarting."""
START_S = 90.0
"""Seconds: a first start reads torch from disk."""


class Backend:
    """The one backend that this Blender talks to.

    Attributes:
        state: ``off``, ``starting``, ``connecting``, ``ready``, ``lost`` or ``error``.
        problem: What is wrong, for ``error`` and ``lost``.
        on_event: Called with each event of the client.
    """

    def __init__(self) -> None:
        self.state = "off"
        self.problem = ""
        self.client: Client | None = None
        self.on_event: Callable[[Any], None] = lambda event: None
        self.is_busy: Callable[[], bool] = lambda: False
        self._process: subprocess.Popen[bytes] | None = None
        self._since = 0.0
        self._launched = 0.0
        self._may_start = False
        self._started = False

    # -- start and stop ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connects to the backend of this user, and starts one if none answers. Returns at once.

        Raises:
            BacklotError: No backend is installed, or nothing may be contacted.
        """
        if self.state == "lost" and not settings.preferences().connection_file:
            self._launch()  # the client that lost it finds the new one by itself, and still has its jobs
        if self.client is not None or self.state == "starting":
            return
        self._may_start = True
        try:
            self.attach()
        except BackendUnavailable:
            self._launch()

    def attach(self) -> None:
        """Connects to a running backend: the remote one of the preferences, else this user's own.

        Raises:
            BackendUnavailable: None is running.
            InputError: The preferences name a remote backend and are incomplete, or online access is off.
        """
        connection = self._connection()
        from ...shared.client import Client

        self._drop()
        self.client = Client(connection, name="Blender " + bpy.app.version_string)
        self._set("connecting")
        self.run_timer()

    def stop(self) -> None:
        """Asks the backend to stop, if it was ever reached; its unfinished jobs stay in its journal."""
        if self.client is not None and self.client.state == "ready":
            self.client.request_shutdown()
            self.client.poll(0.05)
        elif self._process is not None and self._process.poll() is None:
            self._process.terminate()
        process, self._process = self._process, None
        self._started = False
        self._drop()
        self._set("off")
        if process is not None and bpy.app.background:
            import subprocess  # loaded with the first start already

            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def detach(self) -> None:
        """Disconnects; the backend keeps running."""
        self._drop()
        self._set("off")

    def require(self, timeout: float = START_S) -> Client:
        """The connected client; starts a backend if need be. Blocks: for Blender without a window.

        Raises:
            BacklotError: None can be started, or it does not answer.
        """
        if self.state in ("off", "error"):
            self.start()
        end = time.monotonic() + timeout
        while self.state != "ready":
            self.tick()
            if self.state == "error":
                raise BackendUnavailable(self.problem)
            if time.monotonic() > end:
                raise BackendUnavailable(expected=f"the backend within {timeout:g} s", got="no answer", fix="Run: backlot doctor")
            time.sleep(0.02)
        assert self.client is not None
        return self.client

    def usable(self) -> bool:
        """Whether a job may be handed to the client now; it waits there until the backend answers."""
        return self.client is not None

    @property
    def started_here(self) -> bool:
        """Whether the running backend was started by this Blender."""
        return self._started

    def describe(self) -> str:
        """One line for the panel."""
        if self.state == "ready" and self.client is not None and self.client.welcome is not None:
            welcome = self.client.welcome
            devices = ", ".join(str(device.get("name") or device.get("kind", "")) for device in welcome.devices)
            return f"Ready: {devices or 'no device yet'}, version {welcome.server_version}"
        return {"off": "Not running", "starting": "Starting …", "connecting": "Connecting …"}.get(self.state, self.problem)

    # -- the timer ---------------------------------------------------------------------------------------------------

    def run_timer(self) -> None:
        """Makes Blender call ``_timer``; there is no event loop in background mode, where ``require`` polls instead."""
        if not bpy.app.background and not bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.register(self._timer, first_interval=BUSY_S, persistent=True)

    def stop_timer(self) -> None:
        """Ends the timer."""
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)

    def _timer(self) -> float | None:
        before = self.state
        self.tick()
        if self.state != before:
            redraw()
        if self.state in ("off", "error"):
            return None
        return BUSY_S if self.is_busy() or self.state != "ready" else IDLE_S

    def tick(self) -> None:
        """Handles what has arrived, without waiting."""
        try:
            if self.state == "starting":
                self._connect_to_started()
            if self.client is not None:
                for event in self.client.poll(0):
                    self._on_client_event(event)
                    self.on_event(event)
            if self.state == "connecting" and self._may_start and time.monotonic() - self._since > STALE_S:
                self._drop()
                self._launch()
        except BacklotError as error:
            self._drop()
            self._set("error", str(error))
        except Exception:  # a timer that raises is never called again, and with it every job would be forgotten
            traceback.print_exc()

    # -- internals -----------------------------------------------------------------------------------------------

    def _on_client_event(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "Connected":
            self._may_start = False
            self._set("ready")
        elif kind == "Lost":
            if isinstance(event.reason, (VersionError, SignatureError)):
                self._drop()
                self._set("error", str(event.reason))
            else:
                self._set("lost", str(event.reason))

    def _connect_to_started(self) -> None:
        from ...shared.connection import connection_path, read_connection, state_folder

        assert self._process is not None
        if self._process.poll() is not None:
            log = state_folder() / "serve.log"
            raise BackendUnavailable(
                message="The backend ended while starting", got=f"exit code {self._process.returncode}", expected="a running process",
                fix=f"Run: backlot doctor; its log is {log}",
            )  # fmt: skip
        if time.monotonic() - self._since > START_S:
            raise BackendUnavailable(expected=f"the backend to start within {START_S:g} s", got="no answer", fix="Run: backlot doctor")
        try:
            connection = read_connection()
            fresh = connection_path().stat().st_mtime >= self._launched - 1
        except (BacklotError, OSError):
            return
        if connection.pid == self._process.pid or fresh:
            from ...shared.client import Client

            if self.client is not None:
                self._set("connecting")
                return
            self.client = Client(connection, name="Blender " + bpy.app.version_string)
            self._set("connecting")

    def _launch(self) -> None:
        from ...shared.launch import find_backend, launch

        self._may_start = False
        try:
            command = find_backend(settings.preferences().python)
            self._launched = time.time()
            self._process = launch(command)
        except OSError as error:
            raise BackendUnavailable(
                message="The backend cannot be started", got=str(error), fix="Set the backend's Python in the preferences"
            ) from error
        self._started = True
        self._set("starting")
        self.run_timer()

    def _connection(self) -> Connection:
        from ...shared.connection import read_connection

        chosen = settings.preferences().connection_file
        connection = read_connection(Path(bpy.path.abspath(chosen)) if chosen else None)
        if connection.is_loopback:
            return connection
        if not bpy.app.online_access:
            raise InputError(
                message="Blender may not go online", expected="online access for a backend on another machine", got="it is off",
                fix="Allow Online Access in Preferences > System",
            )  # fmt: skip
        if not (connection.server_key and connection.client_public and connection.client_secret):
            raise InputError(
                expected="keys for an encrypted connection to another machine", got="a connection file without them",
                fix="Make the file on the backend's machine with: backlot keys",
            )  # fmt: skip
        return connection

    def _set(self, state: str, problem: str = "") -> None:
        self.state, self.problem, self._since = state, problem, time.monotonic()

    def _drop(self) -> None:
        if self.client is not None:
            self.client.close()
            self.client = None


def redraw() -> None:
    """Redraws the panels."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "IMAGE_EDITOR", "CLIP_EDITOR"}:
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


BACKEND = Backend()
