"""What goes wrong on purpose: workers that die, a supervisor that is killed, a bad network, a full disk."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from backend_process import Backend, RemoteClient, gather, job_info, wait_for, wait_until
from tcp_proxy import Proxy

from backlot.backend.runtime.blobs import BlobStore
from backlot.backend.runtime.journal import MAX_ATTEMPTS, Journal
from backlot.shared import events as ev
from backlot.shared import polled_client
from backlot.shared.client import Client
from backlot.shared.connection import read_connection
from backlot.shared.digest import CHUNK
from backlot.shared.errors import InputError, JobFailed, OutOfMemory, StorageError, WorkerDied
from backlot.shared.jobs import Job
from backlot.shared.values import EncodedFile, Image

pytestmark = [
    pytest.mark.usefixtures("faults"),
    pytest.mark.skipif(sys.platform == "win32", reason="kills and limits processes the POSIX way"),
]


def fault(kind: str, attempts: int = 99) -> Job:
    return Job("system.fault", {"kind": kind, "attempts": attempts})


def picture(shape: tuple[int, ...] = (1500, 1500, 4), seed: int = 0) -> Image:
    return Image(np.random.default_rng(seed).integers(0, 256, shape, np.uint8), "data")


# -- workers that die ----------------------------------------------------------------------------------------------------


def test_a_job_that_kills_its_worker_once_is_done_by_the_next(client: Client) -> None:
    job = fault("exit", attempts=1)
    client.submit(job)
    events = gather(client, lambda e: isinstance(e, ev.Finished))
    assert events[-1].outputs["report"]["attempt"] == 2
    assert any("trying again" in e.stage for e in events if isinstance(e, ev.Progress))
    assert job_info(client, job.id).attempts == 2


def test_a_job_that_kills_every_worker_is_given_up(client: Client) -> None:
    job = fault("segfault")
    client.submit(job)
    failed = wait_for(client, ev.Failed, job.id, 60)
    assert isinstance(failed.error, WorkerDied)
    assert failed.attempts == MAX_ATTEMPTS
    assert "signal 11" in str(failed.error)
    assert job_info(client, job.id).state == "failed"
    assert client.run(fault("none"), timeout=90)["report"]["attempt"] == 1  # the next job is not its victim


def test_a_worker_killed_from_outside_in_mid_job(server: Backend, client: Client) -> None:
    image = picture((300, 300, 3))
    job = Job("system.echo", {"seconds": 1.0, "negate": True}, {"image": image})
    client.submit(job)
    wait_for(client, ev.Progress, job.id)
    (worker,) = server.workers()
    worker.kill()
    result = client.result(job.id, timeout=90)
    np.testing.assert_array_equal(result.outputs["image"].pixels, ~image.pixels)
    assert job_info(client, job.id).attempts == 2
    (other,) = server.workers()
    assert other.pid != worker.pid


@pytest.mark.parametrize(("kind", "error"), [("error", JobFailed), ("out_of_memory", OutOfMemory)])
def test_errors_fail_the_job_and_leave_the_worker(server: Backend, client: Client, kind: str, error: type[JobFailed]) -> None:
    before = client.run(fault("none"), timeout=90)["report"]["pid"]
    with pytest.raises(JobFailed) as caught:
        client.run(fault(kind), timeout=90)
    assert type(caught.value) is error
    assert caught.value.fix
    if kind == "error":
        assert "ValueError: on purpose" in str(caught.value)
    assert client.run(fault("none"), timeout=90)["report"]["pid"] == before


def test_inputs_that_cannot_be_read_are_the_clients_fault(client: Client) -> None:
    for data in (b"not an image", bytes(100_000), b"\x89PNG\r\n\x1a\n" + bytes(50)):
        job = Job("system.echo", {}, {"image": EncodedFile(np.frombuffer(data, np.uint8), "broken.png")})
        with pytest.raises(InputError) as caught:
            client.run(job, timeout=90)
        assert "broken.png" in str(caught.value)


# -- a supervisor that is killed -----------------------------------------------------------------------------------------


def test_the_supervisor_is_killed_in_mid_job_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polled_client, "LOST_AFTER", 1.5)
    monkeypatch.setattr(polled_client, "PING_EVERY", 0.5)
    server = Backend(tmp_path / "state", BACKLOT_FAULTS="1").start()
    try:
        with server.client() as client:
            client.wait_ready()
            finished = Job("system.echo", {"negate": True}, {"image": picture()})
            done = client.run(finished, timeout=90)["image"].pixels
            running = Job("system.echo", {"seconds": 1.0, "negate": True}, {"image": picture(seed=1)})
            queued = Job("system.echo", {"negate": True}, {"image": picture(seed=2)})
            client.submit(running)
            wait_for(client, ev.Progress, running.id)
            client.submit(queued)
            wait_for(client, ev.Accepted, queued.id)
            unwanted = Job("system.echo", {"seconds": 300}, priority=-1)
            client.submit(unwanted)
            wait_for(client, ev.Accepted, unwanted.id)
            orphans = server.workers()
            server.kill()
            wait_until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in orphans), 10)
            wait_for(client, ev.Lost, timeout=10)
            assert client.state == "lost"
            while_lost = Job("system.echo")
            client.submit(while_lost)
            client.cancel(unwanted.id)  # must reach the backend when it is back
            server.start()
            for job, seed in ((running, 1), (queued, 2)):
                result = client.result(job.id, timeout=90)
                np.testing.assert_array_equal(result.outputs["image"].pixels, ~picture(seed=seed).pixels)
            assert client.result(while_lost.id, timeout=90).outputs == {}
            assert client.state == "ready"
            wait_until(lambda: job_info(client, unwanted.id).state == "cancelled", 5)
            assert [job_info(client, j.id).attempts for j in (finished, running, queued, while_lost)] == [1, 2, 1, 1]
            np.testing.assert_array_equal(client.run(finished, timeout=90)["image"].pixels, done)  # from the journal, not again
            assert job_info(client, finished.id).attempts == 1
    finally:
        server.stop()


def test_a_job_that_wears_out_supervisors_is_given_up(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    request = {"operation": "system.echo", "label": "", "priority": 0}
    journal.add("a" * 32, request, [], "d")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert journal.recover() == []
        assert journal.next_queued()["id"] == "a" * 32
        assert journal.start("a" * 32) == attempt
    assert journal.recover() == ["a" * 32]
    assert journal.next_queued() is None
    journal.close()


def test_stopping_keeps_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polled_client, "LOST_AFTER", 1.0)
    monkeypatch.setattr(polled_client, "PING_EVERY", 0.3)
    server = Backend(tmp_path / "state").start()
    try:
        with server.client() as client:
            client.wait_ready()
            job = Job("system.echo", {"seconds": 0.5})
            client.submit(job)
            wait_for(client, ev.Progress, job.id)
            assert server.stop() == 0
            assert not server.path.exists()
            server.start()
            assert client.result(job.id, timeout=90).outputs == {}
            assert job_info(client, job.id).attempts == 1  # being told to stop is not the job's fault
    finally:
        server.stop()


# -- a bad network -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        {"piece": 7000},
        {"delay": 0.002, "piece": 60_000},
        {"cut_after": 300},
        {"cut_after": 3 * CHUNK // 2, "cuts": 3},
        {"cut_after": 14_000_000, "cuts": 1},
        {"swallow_after": CHUNK, "cuts": 1},
    ],
    ids=["crumbs", "slow", "cut at once", "cut in the upload", "cut in the download", "silence"],
)
def test_a_job_survives_a_bad_network(server: Backend, trouble: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polled_client, "LOST_AFTER", 0.8)
    monkeypatch.setattr(polled_client, "PING_EVERY", 0.2)
    image = picture((1500, 2000, 4), seed=len(str(trouble)))  # 12 MB, three chunks
    there = read_connection(server.path)
    with Proxy(there.control, **trouble) as control, Proxy(there.data, **trouble) as data:
        connection = dataclasses.replace(there, control=control.address, data=data.address, path=None)
        with RemoteClient(connection) as client:
            job = Job("system.echo", {"negate": True, "seconds": 0.2}, {"image": image})
            client.submit(job)
            result = client.result(job.id, timeout=40)
            np.testing.assert_array_equal(result.outputs["image"].pixels, ~image.pixels)
            assert job_info(client, job.id).attempts == 1
        if "cut_after" in trouble:
            assert control.connections + data.connections > 2


def test_a_late_welcome_does_not_confuse_the_numbers(server: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hello is said again while the answer to the first is under way, so that two welcomes arrive."""
    monkeypatch.setattr(polled_client, "HELLO_EVERY", 0.01)
    there = read_connection(server.path)
    with contextlib.ExitStack() as stack:
        control, data = (stack.enter_context(Proxy(address, delay=0.02)) for address in (there.control, there.data))
        client = stack.enter_context(RemoteClient(dataclasses.replace(there, control=control.address, data=data.address, path=None)))
        client.wait_ready()
        assert client.run(Job("system.echo", {"seconds": 0.5}), timeout=15) == {}
        image = picture((1100, 1000, 4))
        job = Job("system.echo", {"negate": True}, {"image": image})
        np.testing.assert_array_equal(client.run(job, timeout=15)["image"].pixels, ~image.pixels)


# -- a disk that is full or read-only ------------------------------------------------------------------------------------


@contextlib.contextmanager
def tiny_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    folder.mkdir()
    mounted = os.geteuid() == 0 and sys.platform == "linux"
    if mounted:
        mounted = (
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
            ).returncode
            == 0
        )
    if not mounted:
        pytest.skip("cannot mount a small file system here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _lives_through_a_full_disk(server: Backend, large: Image) -> None:
    for make in (server.client, server.remote_client):
        with make() as client:
            client.wait_ready()
            with pytest.raises(StorageError, match=r"Free space|too large"):
                client.run(Job("system.echo", {"negate": True}, {"image": large}), timeout=90)
            assert client.run(Job("system.echo"), timeout=90) == {}
            client.request_status()
            assert wait_for(client, ev.Status).report["jobs"]["done"] >= 1


def test_files_may_not_grow(tmp_path: Path) -> None:
    """Every write beyond 1 MiB fails, as on a full disk."""
    server = Backend(tmp_path / "state", preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)))
    try:
        server.start()
        with server.remote_client() as remote:
            remote.wait_ready()
            with pytest.raises(StorageError):
                remote.run(Job("system.echo", {"negate": True}, {"image": picture()}), timeout=90)
            assert remote.run(Job("system.echo"), timeout=90) == {}
        with server.client() as client:  # may write the large input, but the worker cannot write the large result
            client.wait_ready()
            with pytest.raises(StorageError):
                client.run(Job("system.echo", {"negate": True}, {"image": picture()}), timeout=90)
            assert client.run(Job("system.echo"), timeout=90) == {}
    finally:
        server.stop()


def _many_jobs(client: Client) -> None:
    for n in range(200):
        client.run(Job("system.echo", label=f"{n}" * 60), timeout=90)


def test_a_full_disk(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", 4) as disk:
        server = Backend(disk / "state")
        server.environment["TMPDIR"] = str(tmp_path)
        try:
            with contextlib.ExitStack() as stack:
                # the log lies beside the folder, on the small disk too
                stack.callback(server.stop)
                server.start()
                _lives_through_a_full_disk(server, picture())
                with server.client() as client:
                    client.wait_ready()
                    running = Job("system.echo", {"seconds": 1.0})
                    client.submit(running)
                    wait_for(client, ev.Progress, running.id)
                    filler = disk / "filler"
                    with contextlib.suppress(OSError), filler.open("wb") as file:
                        while True:
                            file.write(bytes(4096))
                            file.flush()
                    with pytest.raises(StorageError, match=r"journal|Cannot write"):  # the journal itself cannot grow any more
                        _many_jobs(client)
                    filler.unlink()
                    assert client.run(Job("system.echo"), timeout=90) == {}  # and it goes on as soon as there is space
        finally:
            server.stop()


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folders = [tmp_path / "file", tmp_path / "file" / "below"]
    if os.geteuid() == 0 and sys.platform == "linux":
        folders.append(Path("/proc/nothing"))
    else:
        (tmp_path / "locked").mkdir(mode=0o500)
        folders.append(tmp_path / "locked" / "state")
    for folder in folders:
        refused = subprocess.run(
            [sys.executable, "-m", "backlot", "--state", str(folder), "serve"], capture_output=True, text=True, timeout=90, check=False
        )
        assert refused.returncode == 4, refused.stderr
        assert "--state" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_damaged_journal_is_said(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "journal.sqlite").write_bytes(b"this is no database" * 100)
    refused = subprocess.run(
        [sys.executable, "-m", "backlot", "--state", str(state), "serve", "--device", "cpu"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert refused.returncode == 4
    assert "journal" in refused.stderr
    assert "Traceback" not in refused.stderr


# -- housekeeping --------------------------------------------------------------------------------------------------------


def test_nothing_leaks_in_200_jobs(server: Backend) -> None:
    def census() -> dict[str, int]:
        (worker,) = server.workers()
        return {
            "supervisor files": server.supervisor.num_fds(), "supervisor threads": server.supervisor.num_threads(),
            "worker files": worker.num_fds(), "worker threads": worker.num_threads(),
            "processes": len(server.supervisor.children(recursive=True)),
        }  # fmt: skip

    def work(count: int, offset: int) -> None:
        with server.client() as near, server.remote_client() as far:
            near.wait_ready()
            far.wait_ready()
            for n in range(count):
                image = picture((200, 200, 3), seed=offset + n)
                for one in (near, far):
                    one.run(Job("system.echo", {"negate": True}, {"image": image}), timeout=90)

    work(10, 0)
    before = census()
    work(100, 1000)
    wait_until(lambda: not [k for k, v in census().items() if v > before[k] + 3])
    spool = list((server.state / "store" / "spool").iterdir())
    assert not [p for p in spool if time.time() - p.stat().st_mtime > 30 and p.stat().st_size == 200 * 200 * 3]


def test_a_spare_file_that_is_taken_while_they_are_counted(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    (tmp_path / "spare" / "taken").symlink_to(tmp_path / "by somebody else")
    store.prepare()


def test_what_nobody_needs_is_collected(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    kept, dropped = (store.put(np.full(5000, v, np.uint8)) for v in (1, 2))
    (tmp_path / "spool" / ("0" * 32)).write_bytes(b"left behind")
    assert store.collect({kept}, older_than=-1) == 5000 + 11
    assert store.has(kept)
    assert not store.has(dropped)
    assert list((tmp_path / "spool").iterdir()) == []
    assert store.size() == 5000
