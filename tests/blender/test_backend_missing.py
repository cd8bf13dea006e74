"""Without a backend, or with one that may not be contacted: what to do is said."""

import os
import time

import bpy
import pytest

from backlot.addon import settings
from backlot.addon.jobs import link
from backlot.shared import events as ev
from backlot.shared.errors import BackendUnavailable

BACKEND_PYTHON = os.environ["BACKLOT_PYTHON"]


@pytest.fixture
def unlinked(monkeypatch, tmp_path, scene):
    """A link of its own, with an empty state folder and no backend on the PATH."""
    backend = link.Backend()
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BACKLOT_PYTHON", raising=False)
    chosen = settings.Defaults()
    monkeypatch.setattr(settings, "preferences", lambda: chosen)
    yield backend, chosen
    backend.detach()


@pytest.mark.contract
def test_not_installed(unlinked):
    backend, _ = unlinked
    with pytest.raises(Exception, match="pip install"):
        backend.require()


def test_a_python_that_is_not_there(unlinked, tmp_path):
    backend, chosen = unlinked
    chosen.python = str(tmp_path / "no-python")
    with pytest.raises(Exception, match="no-python"):
        backend.require()


def test_a_program_that_is_no_backend(unlinked):
    backend, chosen = unlinked
    chosen.python = "/bin/false"
    with pytest.raises(Exception, match="ended while starting"):
        backend.require(timeout=10)
    assert backend.state == "error"
    assert "doctor" in backend.describe()


def test_one_that_was_killed_is_started_again_with_its_client(unlinked):
    mine, chosen = unlinked
    chosen.python = BACKEND_PYTHON
    client = mine.require()
    mine._process.kill()
    mine._process.wait()
    mine._on_client_event(ev.Lost(BackendUnavailable("The backend does not answer")))
    assert mine.state == "lost"
    mine.start()
    end = time.monotonic() + 60
    while mine.state != "ready" and time.monotonic() < end:
        mine.tick()
        time.sleep(0.02)
    assert mine.state == "ready"
    assert mine.client is client  # and what it follows
    mine.stop()


def test_remote_needs_online_access_and_keys(unlinked, tmp_path):
    from backlot.shared.connection import Connection

    backend, chosen = unlinked
    chosen.connection_file = str(tmp_path / "render01.json")
    with pytest.raises(Exception, match="connection file at"):
        backend.attach()
    Connection("tcp://render01:7700", "tcp://render01:7701", bytes(32)).write(tmp_path / "render01.json")
    with pytest.raises(Exception, match="backlot keys" if bpy.app.online_access else "Allow Online Access"):
        backend.attach()


def test_a_backend_of_another_key_is_refused(unlinked, backend, tmp_path):
    import dataclasses

    mine, _ = unlinked
    real = backend.client._connection
    dataclasses.replace(real, key=bytes(32), pid=0).write(tmp_path / "connection.json")
    mine.attach()
    import time

    end = time.monotonic() + 8
    while mine.state == "connecting" and time.monotonic() < end:
        mine.tick()
        time.sleep(0.02)
    assert mine.state in ("connecting", "error", "lost")
    assert mine.state != "ready"
