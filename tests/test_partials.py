"""Results that are there before the job has ended, through real processes."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_process import Backend, gather, job_info, wait_until

from backlot.backend.core.context import Context
from backlot.backend.io.reading import decode
from backlot.backend.runtime import journal as journals
from backlot.backend.runtime.contents import Contents
from backlot.backend.runtime.journal import Journal, Partial
from backlot.shared import events as ev
from backlot.shared import polled_client
from backlot.shared.client import Client
from backlot.shared.errors import JobCancelled, StorageError
from backlot.shared.jobs import Job
from backlot.shared.values import EncodedFile, Image
from backlot.shared.wire import Message

pytestmark = [pytest.mark.usefixtures("faults"), pytest.mark.skipif(sys.platform == "win32", reason="kills processes the POSIX way")]


def picture(seed: int = 0, shape: tuple[int, ...] = (1100, 1000, 4)) -> Image:
    return Image(np.random.default_rng(seed).integers(0, 256, shape, np.uint8), "data")  # 4.4 MB: two chunks


def named(buffers: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(b["digest"], 0) for b in buffers]


def partials(events: list[ev.Event]) -> list[ev.Partial]:
    return [e for e in events if isinstance(e, ev.Partial)]


def text(value: EncodedFile) -> str:
    return value.data.tobytes().decode()


# -- on their way --------------------------------------------------------------------------------------------------------


def test_they_come_before_the_end(either: Client) -> None:
    image = picture()
    job = Job("system.echo", {"seconds": 1.0, "emit": 3, "negate": True}, {"image": image})
    either.submit(job)
    events = gather(either, lambda e: isinstance(e, ev.Finished))
    found = partials(events)
    assert [(p.job_id, p.name, p.index) for p in found] == [(job.id, "image", n) for n in range(3)]
    for partial in found:
        assert partial.value.pixels.tobytes() == image.pixels.tobytes()
        assert partial.value.color_space == "data"
    first = events.index(found[0])
    assert sum(isinstance(e, ev.Progress) for e in events[first:]) >= 4
    assert events[-1].outputs["image"].pixels.tobytes() == (~image.pixels).tobytes()


def test_the_result_is_not_downloaded_again(server: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    with server.remote_client() as remote:
        remote.wait_ready()
        asked: list[dict[str, Any]] = []
        send = remote._data.send
        monkeypatch.setattr(remote._data, "send", lambda kind, body, *more: (asked.append((kind, body)), send(kind, body, *more)))
        image = picture(1)
        result = remote.run(Job("system.echo", {"seconds": 0.5, "emit": 2}, {"image": image}), timeout=90)["image"].pixels
        assert result.tobytes() == image.pixels.tobytes()
        assert len([1 for kind, _ in asked if kind == "blob.get"]) <= 4  # two chunks, and once more what both frames asked for
        result[0] = 0  # the caller's own


def test_files_are_encoded_like_results(client: Client) -> None:
    image = picture(2, (40, 30, 3))
    seen: list[ev.Partial] = []
    job = Job("system.echo", {"emit": 2}, {"image": image}, deliver="files", formats={"image": "png"})
    outputs = client.run(job, timeout=90, on_partial=seen.append)
    assert [p.value.name for p in seen] == ["image_0000.png", "image_0001.png"]
    assert seen[0].value.data.tobytes() == outputs["image"].data.tobytes()
    np.testing.assert_array_equal(decode(seen[0].value).pixels, image.pixels)


def test_those_of_a_job_that_is_waited_for_later_are_kept(client: Client) -> None:
    first, second = (Job("system.echo", {"emit": 2}, {"image": picture(n, (9, 9, 3))}) for n in (3, 4))
    client.submit(first)
    client.submit(second)
    for job in (second, first):
        seen: list[ev.Partial] = []
        client.result(job.id, timeout=90, on_partial=seen.append)
        assert [(p.job_id, p.index) for p in seen] == [(job.id, 0), (job.id, 1)]


def test_one_that_comes_together_with_the_result_is_heard_before_it(client: Client) -> None:
    job = client.submit(Job("system.echo", {"seconds": 30.0}))
    gather(client, lambda event: isinstance(event, ev.Accepted))
    client._handle_job(Message("job.partial", {"job": job, "name": "image", "index": 1, "value": {"n": 1}}))
    client._handle_job(Message("job.result", {"job": job, "outputs": {}, "provenance": {}}))
    client._advance()
    heard = [event for event in client.poll(0.0) if isinstance(event, (ev.Partial, ev.Finished)) and event.job_id == job]
    assert [type(event) for event in heard] == [ev.Partial, ev.Finished]
    client.attach(job)
    client.cancel(job)


def test_many_of_the_same_name_are_bounded_and_the_last_arrives(server: Backend) -> None:
    """Through the worker's own class: an operation may call emit in its innermost loop."""
    from backlot.backend.runtime.blobs import BlobStore
    from backlot.backend.runtime.worker.partials import StoredPartials
    from backlot.shared.operations import find

    sent: list[dict[str, Any]] = []
    store = StoredPartials(find("system.fault"), None, BlobStore(server.state / "other"), [], lambda body, buffers: sent.append(body))
    context = Context(None, emitted=store)  # type: ignore[arg-type]
    end, count = time.monotonic() + 0.6, 0
    while time.monotonic() < end:
        context.emit("report", {"step": count})
        assert context.emitted["report", None] == {"step": count}
        count += 1
    store.flush(all=True)
    assert count > 100
    assert len(sent) <= 4
    assert sent[-1]["value"] == {"step": count - 1}
    assert list(store) == [("report", None)]
    assert len(store) == 1


# -- attempts ------------------------------------------------------------------------------------------------------------


def test_the_next_attempt_finds_what_a_killed_worker_gave(server: Backend, client: Client) -> None:
    job = Job("system.fault", {"kind": "hang", "attempts": 1, "emit": 3}, deliver="files")
    client.submit(job)
    before = partials(gather(client, lambda e: isinstance(e, ev.Partial) and e.index == 2))
    assert [text(p.value) for p in before] == [f"frame {n}, attempt 1" for n in range(3)]
    server.workers()[0].kill()
    after = gather(client, lambda e: isinstance(e, ev.Finished))
    outputs = after[-1].outputs
    assert (outputs["report"]["attempt"], outputs["report"]["found"]) == (2, [0, 1, 2])
    assert [text(f) for f in outputs["frames"]] == [f"frame {n}, attempt 1" for n in range(3)]
    assert partials(after) == []  # nothing twice, and nothing of what is for the next attempt only


def test_a_crash_right_after_loses_nothing_that_was_sent(client: Client) -> None:
    report = client.run(Job("system.fault", {"kind": "hang", "attempts": 0, "emit": 5}), timeout=90)["report"]
    assert report["found"] == []
    job = Job("system.fault", {"kind": "segfault", "attempts": 2, "emit": 40})
    seen: list[ev.Partial] = []
    outputs = client.run(job, timeout=60, on_partial=seen.append)
    assert outputs["report"]["attempt"] == 3
    given = [p for p in seen if p.name == "frames"]
    assert {p.index for p in given} == set(range(40))
    assert len({text(f) for f in outputs["frames"]}) == 40


def test_the_supervisor_is_killed_and_the_frames_are_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polled_client, "LOST_AFTER", 1.5)
    monkeypatch.setattr(polled_client, "PING_EVERY", 0.5)
    server = Backend(tmp_path / "state", BACKLOT_FAULTS="1").start()
    try:
        with server.client() as client:
            client.wait_ready()
            job = Job("system.fault", {"kind": "hang", "attempts": 1, "emit": 3})
            client.submit(job)
            gather(client, lambda e: isinstance(e, ev.Partial) and e.index == 2)
            server.kill()
            server.start()
            with server.client() as other:  # which was not there when they were made
                other.wait_ready()
                other.attach(job.id)
                seen = gather(other, lambda e: isinstance(e, (ev.Finished, ev.Failed)))
                assert [p.index for p in partials(seen)] in ([0, 1, 2], [])  # none if it was done by then
                assert seen[-1].outputs["report"]["found"] == [0, 1, 2]
            result = gather(client, lambda e: isinstance(e, ev.Finished))
            assert partials(result) == []  # sent again after the reconnect, told once
    finally:
        server.stop()


# -- cancelled and failed jobs -------------------------------------------------------------------------------------------


def test_who_cancels_keeps_the_last(either: Client) -> None:
    image = picture(5)
    job = Job("system.echo", {"seconds": 60.0, "emit": 200}, {"image": image})
    either.submit(job)
    seen = gather(either, lambda e: isinstance(e, ev.Partial))
    either.cancel(job.id)
    seen += gather(either, lambda e: isinstance(e, ev.Cancelled), 20)
    assert partials(seen)[-1].value.pixels.tobytes() == image.pixels.tobytes()
    either.attach(job.id)
    again: list[ev.Partial] = []
    with pytest.raises(JobCancelled):
        either.result(job.id, timeout=90, on_partial=again.append)
    assert [(p.index, p.value.pixels.tobytes()) for p in again] == [(p.index, image.pixels.tobytes()) for p in partials(seen)]


def test_ctrl_c_hands_on_what_comes_while_it_stops(client: Client) -> None:
    seen: list[ev.Partial] = []
    job = Job("system.echo", {"seconds": 60.0, "emit": 60}, {"image": picture(6, (20, 20, 3))})

    def interrupt(partial: ev.Partial) -> None:
        seen.append(partial)
        if len(seen) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.run(job, timeout=90, on_partial=interrupt)
    assert seen
    wait_until(lambda: job_info(client, job.id).state == "cancelled", 10)


def test_an_old_client_is_not_told(server: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    from backlot.shared import client_socket

    monkeypatch.setattr(client_socket, "PROTOCOL_VERSION", (1, 0))
    with server.client() as old:
        old.wait_ready()
        job = Job("system.echo", {"emit": 3}, {"image": picture(7, (9, 9, 3))})
        old.submit(job)
        assert partials(gather(old, lambda e: isinstance(e, ev.Finished))) == []


# -- journal and store ---------------------------------------------------------------------------------------------------


REQUEST = {"operation": "system.echo", "label": "", "priority": 0}


def buffer(letter: str, nbytes: int = 10) -> dict[str, Any]:
    return {"digest": letter * 64, "nbytes": nbytes}


def test_the_journal_keeps_the_latest_until_the_job_is_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    for job in ("done", "cancelled"):
        journal.add(job, REQUEST, [buffer("a")], "d")
        journal.start(job)
        for index, letter in ((10, "b"), (-2, "c"), (None, "d")):
            assert journal.keep_partial(job, Partial("image", index, {"n": letter}, [buffer(letter)])) == []
        assert journal.keep_partial(job, Partial("image", 10, {"n": "e"}, [buffer("e")])) == [buffer("b")]
    assert [(p.index, p.value["n"]) for p in journal.partials("done")] == [(-2, "c"), (None, "d"), (10, "e")]
    assert journal.referenced(named) == {letter * 64 for letter in "acde"}
    journal.finish("done", "done", {}, [buffer("f")])
    assert journal.partials("done") == []
    journal.finish("cancelled", "cancelled", {})
    assert journal.referenced(named) == {letter * 64 for letter in "cdef"}
    assert journal.outcomes() == [("done", [buffer("f")]), ("cancelled", [buffer("c"), buffer("d"), buffer("e")])]
    journal.forget("cancelled")
    assert journal.referenced(named) == {"f" * 64}
    journal.close()


def test_a_journal_of_version_1_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    old = sqlite3.connect(path)
    old.executescript("""
        CREATE TABLE jobs (
            id TEXT PRIMARY KEY, operation TEXT NOT NULL, label TEXT NOT NULL, request TEXT NOT NULL, buffers TEXT NOT NULL,
            digest TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
            submitted REAL NOT NULL, started REAL, finished REAL, outcome TEXT, outcome_buffers TEXT
        ) STRICT;
        CREATE INDEX by_state ON jobs (state, priority DESC, submitted);
        INSERT INTO jobs VALUES ('queued', 'system.echo', 'q', '{}', '[]', 'd', 0, 'queued', 1, 5.0, NULL, NULL, NULL, NULL);
        INSERT INTO jobs VALUES ('done', 'system.echo', 'd', '{}', '[]', 'd', 0, 'done', 1, 4.0, 4.0, 9.0, '{}',
                                 '[{"digest": "x", "nbytes": 3}]');
        PRAGMA user_version = 1;
    """)
    before = old.execute("SELECT * FROM jobs").fetchall()
    old.close()
    journal = Journal(path)
    assert journal.next_queued()["id"] == "queued"
    assert journal.outcomes() == [("done", [{"digest": "x", "nbytes": 3}])]
    journal.keep_partial("queued", Partial("image", 1, None, [buffer("a")]))
    journal.close()
    again = Journal(path)
    assert len(again.partials("queued")) == 1
    again.close()
    new = sqlite3.connect(path)
    assert new.execute("SELECT * FROM jobs").fetchall() == before
    assert new.execute("PRAGMA user_version").fetchone() == (journals.SCHEMA_VERSION,)
    new.execute(f"PRAGMA user_version = {journals.SCHEMA_VERSION + 1}")
    new.close()
    with pytest.raises(StorageError, match=r"version 3"):
        Journal(path)


def test_replaced_ones_do_not_fill_the_disk(tmp_path: Path) -> None:
    from backlot.backend.runtime import retention
    from backlot.backend.runtime.blobs import BlobStore

    journal, store = Journal(tmp_path / "journal.sqlite"), BlobStore(tmp_path / "store")
    keeper = retention.Retention(journal, store, Contents(store), 2**20)
    journal.add("job", REQUEST, [], "d")
    limit = retention.RECENT_BYTES
    retention.RECENT_BYTES = 50_000
    try:
        for n in range(100):
            array = np.full(4000, n, np.uint8)
            described = {"digest": store.put(array), "nbytes": 4000}
            keeper.replaced(journal.keep_partial("job", Partial("image", None, {}, [described])))
    finally:
        retention.RECENT_BYTES = limit
    assert store.size() < 70_000
    assert store.has(described["digest"])
    journal.finish("job", "cancelled", {})
    keeper.finished("job", [])
    assert store.has(described["digest"])
    journal.close()


def test_without_a_worker_they_are_kept_in_memory() -> None:
    context = Context(None)  # type: ignore[arg-type]
    context.emit("frames", "a", 1)
    context.emit("frames", "b", 1)
    assert dict(context.emitted) == {("frames", 1): "b"}
    assert ("frames", 2) not in context.emitted


def test_a_shot_of_more_frames_than_files_may_be_open(server: Backend, client: Client) -> None:
    """On the same host each large result is a file that is mapped; here 251 different ones in a process that may open 200."""
    resource = pytest.importorskip("resource")
    frames = [Image(np.full((150, 200, 3), n % 251, np.uint8), "data") for n in range(400)]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        back = client.run(Job("system.echo", {}, {"images": frames}), timeout=60)["images"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert [int(image.pixels[0, 0, 0]) for image in back] == [n % 251 for n in range(400)]
