"""A real backend over real sockets."""

from __future__ import annotations

import dataclasses
import os
import queue
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from backend_process import Backend, backend, gather, job_info, wait_for, wait_until
from rude_peer import Rude, request

from backlot.backend.runtime import worker_handle
from backlot.backend.runtime.serve import allow_client
from backlot.backend.runtime.supervisor import Supervisor
from backlot.shared import events as ev
from backlot.shared import wire
from backlot.shared.client import Client
from backlot.shared.connection import Connection, read_connection
from backlot.shared.errors import (
    BackendUnavailable,
    InputError,
    JobCancelled,
    LimitError,
    ParameterError,
    ProtocolError,
    SignatureError,
    UnknownOperation,
    VersionError,
)
from backlot.shared.jobs import Job
from backlot.shared.operations import OPERATIONS, system_fault
from backlot.shared.values import EncodedFile, Image

MakeClient = Callable[[], Client]


def noise(shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> np.ndarray:
    nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(np.random.default_rng(seed).bytes(nbytes), dtype).reshape(shape)


def echo(client: Client, pixels: np.ndarray, **parameters: Any) -> np.ndarray:
    image = client.run(Job("system.echo", parameters, {"image": Image(pixels, "data")}), timeout=60)["image"]
    assert image.color_space == "data"
    return image.pixels


# -- arrays there and back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "float16", "float32"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (0, 0, 3), (0, 5, 4), (7, 5, 2), (300, 400, 4)])
def test_echo_of_every_type_and_size(either: Client, dtype: str, shape: tuple[int, ...]) -> None:
    pixels = noise(shape, dtype)  # NaN and Inf among the floats
    back = echo(either, pixels)
    assert back.dtype == pixels.dtype
    assert back.shape == pixels.shape
    assert back.tobytes() == pixels.tobytes()


def test_a_new_picture_comes_back(either: Client) -> None:
    pixels = noise((300, 400, 3), "uint8")
    np.testing.assert_array_equal(echo(either, pixels, negate=True), ~pixels)


def test_66_mb_there_and_back(either: Client) -> None:
    pixels = noise((2160, 3840, 4), "float16", 5)  # 4K RGBA
    back = echo(either, pixels, negate=True)
    np.testing.assert_array_equal(back.view(np.uint16), pixels.view(np.uint16) ^ 0x8000)
    back[0, 0] = 0  # the caller's own copy
    assert echo(either, pixels).tobytes() == pixels.tobytes()  # known to the backend by now


def test_strided_and_big_endian_arrays(either: Client) -> None:
    pixels = np.arange(400 * 300 * 3, dtype=">f4").reshape(300, 400, 3)[::-1, ::2]
    np.testing.assert_array_equal(echo(either, pixels), pixels)


def test_no_image_at_all(client: Client) -> None:
    assert client.run(Job("system.echo"), timeout=90) == {}


def test_two_jobs_with_the_same_large_array_at_once(either: Client) -> None:
    same_host = either.wait_ready().same_host
    pixels = noise((1080, 1920, 6), "float32", 30 + same_host)  # 50 MB: more than one window of chunks
    jobs = [Job("system.echo", inputs={"image": Image(pixels, "data")}) for _ in range(2)]
    for job in jobs:
        either.submit(job)
    time.sleep(0.4)  # both are hashed by now and leave together
    for job in reversed(jobs):  # the results of those that are not waited for yet are kept
        assert either.result(job.id, timeout=60).outputs["image"].pixels.tobytes() == pixels.tobytes()


def test_a_slow_client_with_an_array_that_is_there_already(server: Backend) -> None:
    """The answer that the array is there comes together with those to the chunks that were sent before it."""
    pixels = noise((1080, 1920, 6), "float32", 9)
    with server.remote_client() as remote:
        remote.wait_ready()
        assert echo(remote, pixels).tobytes() == pixels.tobytes()
        job = Job("system.echo", inputs={"image": Image(pixels, "data")})
        remote.submit(job)
        for _ in range(3):
            time.sleep(0.25)
            remote.poll()
        assert remote.result(job.id, timeout=90).outputs["image"].pixels.tobytes() == pixels.tobytes()


# -- submitting, attaching, cancelling -----------------------------------------------------------------------------------


def test_the_same_id_twice_is_done_once(either: Client) -> None:
    job = Job("system.echo", {"negate": True}, {"image": Image(noise((200, 200, 3), "uint8"), "srgb")}, label="twice")
    first = either.run(job, timeout=90)["image"].pixels
    provenance = []
    for _ in range(2):
        either.submit(job)
        event = wait_for(either, ev.Finished, job.id)
        np.testing.assert_array_equal(event.outputs["image"].pixels, first)
        provenance.append(event.provenance)
    assert provenance[0] == provenance[1]
    assert job_info(either, job.id).attempts == 1


def test_progress_then_result(client: Client) -> None:
    job = Job("system.echo", {"seconds": 0.4}, label="a label")
    client.submit(job)
    events = [e for e in gather(client, lambda e: isinstance(e, ev.Finished)) if getattr(e, "job_id", "") == job.id]
    assert isinstance(events[0], ev.Accepted)
    fractions = [e.fraction for e in events if isinstance(e, ev.Progress)]
    assert len(fractions) >= 3
    assert fractions == sorted(fractions)
    assert events[-1].provenance["operation"] == "system.echo"
    info = job_info(client, job.id)
    assert (info.state, info.label, info.fraction, info.operation) == ("done", "a label", 1.0, "system.echo")


def test_cancel_a_running_job(client: Client) -> None:
    job = Job("system.echo", {"seconds": 60})
    client.submit(job)
    wait_for(client, ev.Progress, job.id)
    client.cancel(job.id)
    wait_for(client, ev.Cancelled, job.id)  # long before its 60 s are over
    assert job_info(client, job.id).state == "cancelled"
    with pytest.raises(JobCancelled):
        client.run(job, timeout=10)  # the stored outcome


def test_cancel_a_queued_job_and_one_before_it_is_sent(client: Client) -> None:
    busy, queued = Job("system.echo", {"seconds": 60}), Job("system.echo")
    client.submit(busy)
    wait_for(client, ev.Progress, busy.id)
    client.submit(queued)
    wait_for(client, ev.Accepted, queued.id)
    assert job_info(client, queued.id).state == "queued"
    client.cancel(queued.id)
    wait_for(client, ev.Cancelled, queued.id)
    unsent = Job("system.echo", {}, {"image": Image(noise((800, 800, 4)), "data")})
    client.submit(unsent)
    client.cancel(unsent.id)
    wait_for(client, ev.Cancelled, unsent.id)
    client.cancel(busy.id)
    wait_for(client, ev.Cancelled, busy.id)
    client.cancel(busy.id)  # once more is harmless
    client.cancel("0" * 32)  # and so is one that nobody knows
    assert client.run(Job("system.echo"), timeout=10) == {}


def test_larger_priority_goes_first(client: Client) -> None:
    busy = Job("system.echo", {"seconds": 60})
    jobs = [Job("system.echo", priority=p) for p in (0, 5, 0, 9)]
    client.submit(busy)
    wait_for(client, ev.Progress, busy.id)
    order: list[str] = []
    for job in jobs:
        client.submit(job)
    waiting: set[str] = set()
    gather(client, lambda e: isinstance(e, ev.Queued) and (waiting.add(e.job_id) or len(waiting) == len(jobs)))
    client.cancel(busy.id)
    while len(order) < len(jobs):
        order += [e.job_id for e in client.poll(0.1) if isinstance(e, ev.Finished) and e.job_id != busy.id]
    assert order == [jobs[i].id for i in (3, 1, 0, 2)]


def test_a_job_that_waits_says_how_many_come_before_it(server: Backend, client: Client) -> None:
    """Told when it is taken, when one goes ahead of it, when one is done, and to whoever attaches; in the list of jobs as well."""
    busy, first, second, urgent = (Job("system.echo", {"seconds": 60}, priority=p) for p in (0, 0, 0, 5))
    told: list[tuple[str, int]] = []

    def hear(*expected: tuple[Job, int]) -> None:
        gather(client, lambda e: isinstance(e, ev.Queued) and (told.append((e.job_id, e.before)) or len(told) == len(expected)))
        assert sorted(told) == sorted((job.id, before) for job, before in expected)
        told.clear()

    client.submit(busy)
    wait_for(client, ev.Progress, busy.id)
    client.submit(first)
    hear((first, 1))
    client.submit(second)
    hear((second, 2))
    client.submit(urgent)
    hear((urgent, 1), (first, 2), (second, 3))
    assert [job_info(client, job.id).before for job in (busy, urgent, first, second)] == [None, 1, 2, 3]
    client.cancel(urgent.id)
    hear((first, 1), (second, 2))
    with server.client("other") as other:
        other.wait_ready()
        other.attach(second.id)
        assert wait_for(other, ev.Queued, second.id).before == 2
    client.cancel(busy.id)
    events = gather(client, lambda e: isinstance(e, ev.Progress) and e.job_id == first.id)
    assert not [e for e in events if isinstance(e, ev.Queued) and e.job_id == first.id]  # it begins: it waits no more
    for job in (second, first):
        client.cancel(job.id)
        wait_for(client, ev.Cancelled, job.id)


def test_waiting_for_the_result_says_that_it_waits(client: Client) -> None:
    busy, waits = Job("system.echo", {"seconds": 0.5}), Job("system.echo")
    client.submit(busy)
    wait_for(client, ev.Progress, busy.id)
    stages: list[str] = []
    client.run(waits, lambda event: stages.append(event.stage), timeout=90)
    assert stages[0] == "waiting, 1 before it"


def test_a_client_of_protocol_1_1_is_not_told_what_it_does_not_know(rude: Rude, client: Client) -> None:
    busy = Job("system.echo", {"seconds": 60})
    client.submit(busy)
    wait_for(client, ev.Progress, busy.id)
    assert rude.ask("hello", {"nonce": "other", "protocol": [1, 1]}).type == "welcome"
    rude.session["control"] = rude.ask("hello", {"nonce": "other", "protocol": [1, 1]}).session
    body = request()
    assert rude.ask("job.submit", body).type == "job.accepted"
    assert job_info(client, body["job"]).before == 1
    assert not rude.sockets["control"].poll(200)
    for job_id in (body["job"], busy.id):
        client.cancel(job_id)
    wait_for(client, ev.Cancelled, busy.id)


def test_progress_reaches_only_who_asked(server: Backend, client: Client) -> None:
    with server.client("other") as other:
        other.wait_ready()
        mine, theirs = Job("system.echo", {"seconds": 0.3}), Job("system.echo", {"seconds": 0.3})
        client.submit(mine)
        other.submit(theirs)
        heard = {"client": set(), "other": set()}
        done = 0
        while done < 2:
            for name, one in (("client", client), ("other", other)):
                for event in one.poll(0.02):
                    heard[name].add(getattr(event, "job_id", ""))
                    done += isinstance(event, ev.Finished)
        assert heard["client"] - {""} == {mine.id}
        assert heard["other"] - {""} == {theirs.id}


def test_nothing_of_a_job_is_sent_to_others(rude: Rude, client: Client) -> None:
    client.run(Job("system.echo", {"seconds": 0.3}), timeout=90)
    assert not rude.sockets["control"].poll(100)


def test_attach_from_another_client(server: Backend, client: Client) -> None:
    pixels = noise((300, 300, 4), "uint8", 3)
    job = Job("system.echo", {"seconds": 0.6}, {"image": Image(pixels, "data")})
    client.submit(job)
    wait_for(client, ev.Progress, job.id)
    client.forget(job.id)
    with server.client() as running, server.remote_client() as late:
        running.wait_ready()
        running.attach(job.id)
        events = gather(running, lambda e: isinstance(e, ev.Finished))
        assert any(isinstance(e, ev.Progress) for e in events)
        np.testing.assert_array_equal(events[-1].outputs["image"].pixels, pixels)
        late.attach(job.id)  # before it is connected
        np.testing.assert_array_equal(late.result(job.id, timeout=90).outputs["image"].pixels, pixels)
    assert not [e for e in client.poll() if getattr(e, "job_id", "") == job.id]


def test_attach_to_a_job_that_nobody_knows(client: Client) -> None:
    client.attach("f" * 32)
    with pytest.raises(InputError, match="knows no job"):
        client.result("f" * 32, timeout=10)


def test_a_client_that_goes_away_does_not_take_its_job_along(server: Backend, client: Client) -> None:
    job = Job("system.echo", {"seconds": 0.5})
    with server.client() as gone:
        gone.wait_ready()
        gone.submit(job)
        wait_for(gone, ev.Accepted, job.id)
    client.attach(job.id)
    assert client.result(job.id, timeout=90).outputs == {}


def test_status(client: Client) -> None:
    echo(client, noise((200, 200, 3), "uint8", 77))
    client.request_status()
    report = wait_for(client, ev.Status).report
    assert report["devices"][0]["state"] == "idle"
    assert report["devices"][0]["device"] == "cpu"
    assert report["jobs"]["done"] >= 1
    assert report["clients"] >= 1
    assert report["store_bytes"] > 0


def test_welcome_announces_operations_and_limits(client: Client) -> None:
    welcome = client.wait_ready()
    assert {"texture.synthesize", "style.image", "reconstruct.depth"} <= set(welcome.operations)
    assert welcome.limits["frame_bytes"] == wire.MAX_FRAME
    assert welcome.protocol[0] == 1


def test_files_are_delivered_encoded(client: Client) -> None:
    pixels = noise((20, 30, 3), "uint8")
    job = Job("system.echo", {}, {"image": Image(pixels)}, deliver="files", formats={"image": "png"})
    file = client.run(job, timeout=90)["image"]
    assert isinstance(file, EncodedFile)
    assert file.name == "image.png"
    back = client.run(Job("system.echo", {}, {"image": file}), timeout=90)["image"]  # and decoded again
    np.testing.assert_array_equal(back.pixels, pixels)


# -- what is refused -----------------------------------------------------------------------------------------------------


def test_bad_jobs_are_refused_before_they_are_sent(client: Client) -> None:
    with pytest.raises(UnknownOperation):
        client.submit(Job("no.such"))
    with pytest.raises(ParameterError):
        client.submit(Job("system.echo", {"seconds": -1}))
    with pytest.raises(InputError):
        client.submit(Job("texture.synthesize"))


@pytest.fixture
def rude(server: Backend) -> Iterator[Rude]:
    with Rude(server) as one:
        yield one


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"operation": "no.such"}, "unknown_operation"),
        ({"operation": ["a"]}, "protocol_error"),
        ({"parameters": {"no": 1}}, "parameter_error"),
        ({"parameters": {"seconds": 1e300}}, "parameter_error"),
        ({"parameters": {"seconds": 10**400}}, "parameter_error"),
        ({"parameters": [1]}, "parameter_error"),
        ({"inputs": {"nothing": 1}}, "input_error"),
        ({"inputs": 5}, "input_error"),
        ({"seed": -1}, "parameter_error"),
        ({"seed": "1"}, "parameter_error"),
        ({"deliver": 3}, "parameter_error"),
        ({"formats": {"image": ["png"]}}, "parameter_error"),
        ({"priority": 10**30}, "input_error"),
        ({"priority": "high"}, "input_error"),
        ({"label": None}, "protocol_error"),
    ],
)
def test_bad_jobs_that_were_sent_all_the_same(rude: Rude, change: dict[str, Any], code: str) -> None:
    answer = rude.ask("job.submit", request(**change))
    assert answer.type == "job.rejected"
    assert answer.body["error"]["code"] == code
    assert rude.ask("ping", {}).type == "pong"


@pytest.mark.parametrize("job", ["short", "../../../../etc/passwd", "a" * 65, "", None, 5, ["a"], "semi;colon!"])
def test_job_ids_are_checked(rude: Rude, job: Any) -> None:
    for kind in ("job.submit", "job.attach", "job.cancel"):
        assert rude.ask(kind, request(job=job)).body["code"] == "protocol_error"


@pytest.mark.parametrize("inputs", [{"image": {"$": "buffer", "index": 7}}, {"image": {"$": "nonsense"}}, {"image": 5}, {"image": [[[1]]]}])
def test_inputs_that_make_no_sense_fail_the_job_only(rude: Rude, inputs: Any) -> None:
    body = request(inputs=inputs)
    assert rude.ask("job.submit", body).type == "job.accepted"
    for _ in range(20):
        assert rude.sockets["control"].poll(10_000)
        answer = rude.codec.decode(rude.sockets["control"].recv_multipart())
        if answer.type == "job.error":
            break
    assert answer.body["error"]["code"] in ("protocol_error", "input_error")
    assert answer.body["attempts"] == 1


def test_odd_labels_are_kept_readable(rude: Rude, client: Client) -> None:
    body = request(label="a\n\ud800\x00" + "b" * 1000)
    assert rude.ask("job.submit", body).type == "job.accepted"
    assert job_info(client, body["job"]).label.startswith("a???bbb")


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "a/b", "", None, 7, "A" * 64, "0" * 63, "0" * 64 + "/.."])
def test_no_name_climbs_out_of_the_store(rude: Rude, server: Backend, name: Any) -> None:
    before = {p for p in server.state.parent.rglob("*") if "store" not in p.parts}
    for kind, body in (("blob.has", {"digests": [name]}), ("blob.get", {"digest": name, "offset": 0, "length": 4}),
                       ("blob.put", {"digest": name, "offset": 0, "total": 4})):  # fmt: skip
        answer = rude.ask(kind, body, [np.zeros(4, np.uint8)] if kind == "blob.put" else (), on="data")
        assert answer.type == "error"
        assert answer.body["code"] == "protocol_error"
    for transport, more in (
        ("blob", {"digest": name}),
        ("spool", {"digest": "0" * 64, "file": name}),
        ("spool", {"digest": name, "file": "0" * 32}),
    ):
        if transport == "spool" and more["file"] == name and name == "0" * 64:
            continue
        description = {"dtype": "|u1", "shape": [4], "nbytes": 4, "layout": "NC", "transport": transport, **more}
        answer = rude.ask("job.submit", request(), [None], buffers=[description])
        assert answer.type == "job.rejected"
        assert answer.body["error"]["code"] == "protocol_error"
    assert {p for p in server.state.parent.rglob("*") if "store" not in p.parts} == before


@pytest.mark.parametrize(
    "body", [{"offset": -1, "total": 4}, {"offset": 2, "total": 4}, {"offset": 0, "total": 2}, {"offset": "0", "total": 4}, {}]
)
def test_chunks_out_of_place(rude: Rude, body: dict[str, Any]) -> None:
    answer = rude.ask("blob.put", {"digest": "a" * 64, **body}, [np.zeros(4, np.uint8)], on="data")
    assert answer.body["code"] == "protocol_error"


def test_a_damaged_array_is_refused(rude: Rude) -> None:
    answer = rude.ask("blob.put", {"digest": "a" * 64, "offset": 0, "total": 4}, [np.zeros(4, np.uint8)], on="data")
    assert "damaged" in answer.body["message"]
    assert rude.ask("blob.has", {"digests": ["a" * 64]}, on="data").body["present"] == []


def test_blobs_that_are_not_there(rude: Rude) -> None:
    assert rude.ask("blob.get", {"digest": "a" * 64, "offset": 0, "length": 4}, on="data").body["code"] == "protocol_error"
    huge = rude.ask("blob.put", {"digest": "b" * 64, "offset": 0, "total": 2**60}, [np.zeros(4, np.uint8)], on="data")
    assert huge.body["code"] == "limit_error"
    assert rude.ask("blob.get", {"digest": "a" * 64, "offset": 0, "length": 2**40}, on="data").body["code"] == "limit_error"


def test_rubbish_and_replays_are_answered_with_an_error(rude: Rude) -> None:
    for frames in ([b""], [b"GET / HTTP/1.1"], [wire.PREFIX, b"", b"", b""]):
        answer = rude.send(frames)
        assert answer.type == "error"
    frames = rude.codec.encode("ping", {}, session=rude.session["control"], sequence=1000)
    assert rude.send(frames).type == "pong"
    assert "again" in rude.send(frames).body["got"]  # recorded and played back
    frames = rude.codec.encode("ping", {}, session=wire.new_id(), sequence=2000)
    assert "another" in rude.send(frames).body["got"]


def test_requests_before_hello_are_refused(server: Backend) -> None:
    stranger = Rude(server)
    try:
        answer = stranger.ask("job.list", {})
        assert (answer.type, answer.body["expected"]) == ("error", "hello first")
    finally:
        stranger.context.destroy(0)


def test_a_wrong_key_is_said_at_once(server: Backend) -> None:
    wrong = dataclasses.replace(read_connection(server.path), key=b"x" * 32, path=None)
    with Client(wrong) as stranger, pytest.raises(SignatureError, match="same key"):
        stranger.wait_ready(10)


def test_another_protocol_version_is_said_at_once(server: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PREFIX", wire.MAGIC + bytes([9]))
    monkeypatch.setattr(wire, "PROTOCOL_VERSION", (9, 0))
    with server.client() as newer, pytest.raises(VersionError, match="Update"):
        newer.wait_ready(10)


def test_nobody_there(tmp_path: Path) -> None:
    with (
        Client(Connection("tcp://127.0.0.1:1", "tcp://127.0.0.1:2", b"k" * 32)) as alone,
        pytest.raises(BackendUnavailable, match="doctor"),
    ):
        alone.wait_ready(0.5)
    with pytest.raises(BackendUnavailable, match="backlot serve"):
        read_connection(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InputError):
        read_connection(tmp_path / "bad.json")


def test_only_the_owner_may_read_the_keys(server: Backend) -> None:
    for name in ("connection.json", "key", "store/host.json"):
        assert stat.S_IMODE((server.state / name).stat().st_mode) == 0o600


def test_a_second_backend_in_the_same_folder_is_refused(server: Backend) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "backlot", "serve"], env=server.environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert second.returncode == 3
    assert "running already" in second.stderr
    assert "Traceback" not in second.stderr
    assert read_connection(server.path).pid == server.process.pid


# -- settings ------------------------------------------------------------------------------------------------------------


def serve(state: Path, *arguments: str, timeout: float = 90.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "backlot", "--state", str(state), "serve", "--device", "cpu", *arguments],
                          capture_output=True, text=True, timeout=timeout, check=False)  # fmt: skip


def test_an_open_address_needs_keys(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "127.0.0.2"):
        refused = serve(tmp_path, "--host", host)
        assert refused.returncode == 2
        assert "backlot keys" in refused.stderr
        assert not (tmp_path / "connection.json").exists()


def test_a_taken_port_is_said(tmp_path: Path, server: Backend) -> None:
    port = read_connection(server.path).control.rpartition(":")[2]
    refused = serve(tmp_path, "--port", port)
    assert refused.returncode == 2
    assert "--port" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_idle_exit(tmp_path: Path) -> None:
    ended = serve(tmp_path, "--idle-exit", "0.2")
    assert ended.returncode == 0
    assert "idle" in ended.stderr
    assert not (tmp_path / "connection.json").exists()


def test_an_outcome_that_was_dropped_while_nobody_polled(server: Backend) -> None:
    with server.client() as client, server.client() as other:
        client.wait_ready()
        other.wait_ready()
        job = Job("system.echo", {"seconds": 0.3})
        client.submit(job)
        wait_for(client, ev.Accepted, job.id)
        wait_until(lambda: job_info(other, job.id).state == "done")
        wait_until(lambda: (message := client._control.receive()) is not None and message.type == "job.result")
        client._kept_alive -= 60  # a render that blocked the window for a minute
        assert client.result(job.id, timeout=10).job_id == job.id


def test_keys_that_were_carried_here_are_not_overwritten(tmp_path: Path) -> None:
    allow_client(tmp_path / "keys", "studio", "tcp://127.0.0.1:9", "tcp://127.0.0.1:10", bytes(32), tmp_path / "connection.json")
    before = (tmp_path / "connection.json").read_bytes()
    refused = serve(tmp_path)
    assert refused.returncode == 2
    assert "the keys to a backend on another one" in refused.stderr
    assert (tmp_path / "connection.json").read_bytes() == before


def test_a_wrong_address_is_an_input_error() -> None:
    with pytest.raises(InputError, match="render01:7700"):
        Client(Connection("render01:7700", "render01:7701", bytes(32)))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second loopback address")
def test_encryption_and_the_list_of_clients(tmp_path: Path) -> None:
    state = tmp_path / "state"
    port = 41000 + os.getpid() % 20000
    addresses = [f"tcp://127.0.0.2:{port + i}" for i in (0, 1)]
    key = bytes(range(32))
    state.mkdir()
    (state / "key").write_text(key.hex())
    allow_client(state / "keys", "studio", *addresses, key, tmp_path / "studio.json")
    allow_client(tmp_path / "other keys", "thief", *addresses, key, tmp_path / "thief.json")
    assert stat.S_IMODE((tmp_path / "studio.json").stat().st_mode) == 0o600
    studio, thief = read_connection(tmp_path / "studio.json"), read_connection(tmp_path / "thief.json")
    pixels = noise((600, 600, 4), "float32")
    with backend(state, "--host", "127.0.0.2", "--port", str(port), "--max-job-mib", "8") as running:
        with running.remote_client(studio) as allowed:
            allowed.wait_ready()
            assert echo(allowed, pixels).tobytes() == pixels.tobytes()
            with pytest.raises(LimitError, match="8 MiB"):
                allowed.submit(Job("system.echo", {}, {"image": Image(np.zeros((2000, 2000, 4), np.float32), "data")}))
        stolen = dataclasses.replace(studio, client_public=thief.client_public, client_secret=thief.client_secret)
        with Client(stolen) as stranger, pytest.raises(BackendUnavailable):
            stranger.wait_ready(1.0)
        with Client(dataclasses.replace(studio, server_key="")) as plain, pytest.raises(BackendUnavailable):
            plain.wait_ready(1.0)
        with running.client() as owner:  # whoever may read the connection file
            assert owner.wait_ready().same_host


# -- the supervisor alone, with short deadlines --------------------------------------------------------------------------


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A supervisor in a thread that loses patience soon."""
    monkeypatch.setattr(worker_handle, "CANCEL_TIMEOUT", 0.3)
    monkeypatch.setenv("BACKLOT_FAULTS", "1")
    monkeypatch.setitem(OPERATIONS, system_fault.OPERATION.name, system_fault.OPERATION)
    context = zmq.Context()
    control, data = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
    ports = [s.bind_to_random_port("tcp://127.0.0.1") for s in (control, data)]
    connection = Connection(f"tcp://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{ports[1]}", b"k" * 32)
    started: queue.Queue[Supervisor] = queue.Queue()

    def run() -> None:  # all of it in one thread, which SQLite insists on
        started.put(Supervisor(tmp_path, context, control, data, connection, ["cpu"], 2**30, 2**20))
        started.queue[0].run()

    thread = threading.Thread(target=run)
    thread.start()
    yield connection
    started.get(timeout=10).stop()
    thread.join(20)
    control.close(0)
    context.destroy(0)
    assert not thread.is_alive()


def test_cancel_a_job_that_hangs(hasty: Connection, tmp_path: Path) -> None:
    with Client(hasty) as client:
        client.wait_ready()
        stuck = Job("system.fault", {"kind": "hang"})
        client.submit(stuck)
        wait_until(lambda: client.poll(0.05) is not None and job_info(client, stuck.id).state == "running")
        client.cancel(stuck.id)
        wait_for(client, ev.Cancelled, stuck.id)
        assert client.run(Job("system.fault", {"kind": "none"}), timeout=90)["report"]["attempt"] == 1  # a new worker
        for seed in range(4):  # only 1 MiB of results is kept
            client.run(Job("system.echo", {"negate": True}, {"image": Image(noise((400, 400, 3), "float32", seed), "data")}), timeout=90)
        kept = sum(p.stat().st_size for p in (tmp_path / "store" / "blobs").glob("??/*"))
        assert kept < 4 * 2 * 400 * 400 * 3 * 4


def test_protocol_error_is_what_a_message_on_the_wrong_socket_gets(rude: Rude) -> None:
    assert rude.ask("blob.has", {"digests": []}).body["code"] == ProtocolError.code
    assert rude.ask("job.list", {}, on="data").body["code"] == ProtocolError.code
