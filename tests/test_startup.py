"""What is wrong with folders and variables at the start is said in one sentence, with what to do; never as a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backlot.shared.connection import state_folder
from backlot.shared.errors import BackendUnavailable, InputError, StorageError
from backlot.shared.launch import launch, wait_for_backend


def backlot(*words: str | Path, code: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-m", "backlot", *words], capture_output=True, text=True, timeout=90, env=environment, check=False
    )


@pytest.mark.parametrize(
    "words", [["serve"], ["material", "brick", "--size", "64", "--out", "o"], ["keys", "a", "--address", "h", "--port", "5", "--out", "k"]]
)
def test_a_state_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    state = tmp_path / "file" / "state"
    result = backlot(*words, BACKLOT_STATE_DIR=str(state))
    assert (result.returncode, result.stderr.count("\n")) == (4, 1), result.stderr
    assert result.stderr.startswith("backlot: Cannot ")
    assert str(state) in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["store", "journal.sqlite", "logs", "key", "connection.json", "supervisor.lock"])
def test_what_is_in_the_way_inside_of_the_state_folder_is_named(tmp_path: Path, name: str) -> None:
    """A file in place of a folder, or the other way round."""
    if name in ("store", "logs"):
        (tmp_path / name).write_bytes(b"")
    else:
        (tmp_path / name / "inside").mkdir(parents=True)
    result = backlot("serve", "--device", "cpu", BACKLOT_STATE_DIR=str(tmp_path))
    assert result.returncode == 4, result.stderr
    assert "Traceback" not in result.stderr
    assert str(tmp_path) in result.stderr.splitlines()[-1]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG folders are Linux's")
@pytest.mark.parametrize("given", ["", "relative/folder"])
def test_xdg_variables_that_are_empty_or_relative_count_as_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BACKLOT_STATE_DIR", "")
    monkeypatch.setenv("XDG_STATE_HOME", given)
    assert state_folder() == tmp_path / ".local/state/backlot"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "x"))
    assert state_folder() == tmp_path / "x/backlot"


def test_a_relative_state_folder_and_a_tilde_mean_the_same_to_a_backend_started_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKLOT_STATE_DIR", "state")
    assert state_folder() == tmp_path / "state"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("BACKLOT_STATE_DIR", "~/state")
    assert state_folder() == tmp_path / "state"


def test_a_user_without_a_home_is_asked_for_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        msg = "Could not determine home directory."
        raise RuntimeError(msg)

    monkeypatch.setattr(Path, "home", homeless)
    for name in ("BACKLOT_STATE_DIR", "XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="Set BACKLOT_STATE_DIR"):
        state_folder()


def test_starting_a_backend_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path))
    with pytest.raises(BackendUnavailable, match=r"Cannot start .*nothing-here"):
        launch([str(tmp_path / "nothing-here")])
    (tmp_path / "store").write_bytes(b"")
    with pytest.raises(BackendUnavailable, match=r"ended while starting: Cannot use .*store"):
        wait_for_backend(launch([sys.executable, "-m", "backlot"], arguments=["--device", "cpu"]))
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(tmp_path / "store" / "below"))
    with pytest.raises(StorageError, match="Choose another folder"):
        launch([sys.executable, "-m", "backlot"])


def test_results_that_cannot_be_written_are_refused_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = backlot("material", "brick", "--size", "64", "--out", tmp_path / "file" / "out", BACKLOT_STATE_DIR=str(tmp_path / "state"))
    assert "Traceback" not in result.stderr
    assert result.returncode in (2, 4)
    assert not (tmp_path / "state" / "serve.log").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error on Windows")
def test_nobody_reading_the_output_is_no_traceback(tmp_path: Path) -> None:
    command = f'"{sys.executable}" -m backlot --help | true; "{sys.executable}" -m backlot models list | true'
    environment = {**os.environ, "BACKLOT_STATE_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=90, env=environment, check=False)
    assert "Traceback" not in result.stderr


def test_names_outside_of_the_terminals_encoding_can_be_said(tmp_path: Path) -> None:
    result = backlot("run", tmp_path / "Fläche.json", BACKLOT_STATE_DIR=str(tmp_path), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert result.returncode == 2
    assert "Fl\\xe4che.json" in result.stderr
    assert "Traceback" not in result.stderr
