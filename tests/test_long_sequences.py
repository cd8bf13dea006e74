"""Sizes nobody tried: more arrays than a message takes, more files than may be open, more bytes than fit into memory or through a wire."""

from __future__ import annotations

import dataclasses
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import zmq
from backend_process import Backend, RemoteClient, backend, gather, job_info, wait_for, wait_until
from rude_peer import Rude, request
from tcp_proxy import Proxy

from backlot.backend.io.frames.source import decode_depth
from backlot.backend.io.inputs import decode_inputs
from backlot.backend.runtime import peers as peers_module
from backlot.backend.runtime.blobs import BlobStore
from backlot.backend.runtime.contents import Contents
from backlot.backend.runtime.intake import Intake
from backlot.backend.runtime.peers import Peers
from backlot.shared import events as ev
from backlot.shared import polled_client, wire
from backlot.shared.client import Client
from backlot.shared.client_socket import Line
from backlot.shared.connection import read_connection
from backlot.shared.deferred import Deferred
from backlot.shared.digest import CHUNK, as_bytes, digest
from backlot.shared.errors import InputError, LimitError, ProtocolError
from backlot.shared.flow_control import MESSAGES, WINDOW, FlowControl
from backlot.shared.jobs import Job
from backlot.shared.manifest import fold
from backlot.shared.operations import find
from backlot.shared.stored import HeldFiles, StoredArray, blob_path, open_buffers
from backlot.shared.transfer import describe_blob
from backlot.shared.value_codec import Buffer, decode, encode
from backlot.shared.values import Camera, EncodedFile, Image, SceneFrame
from backlot.shared.wire import Codec, Message

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and counts open files the POSIX way")


def noise(nbytes: int, seed: int = 0) -> np.ndarray:
    return np.frombuffer(np.random.default_rng(seed).bytes(nbytes), np.uint8)


def frame(number: int, data: np.ndarray | EncodedFile, **channels: EncodedFile) -> SceneFrame:
    pose = np.eye(4)
    pose[0, 3] = number
    color = data if isinstance(data, EncodedFile) else EncodedFile(data, f"color_{number:05d}.exr", "linear")
    return SceneFrame(Camera(8, 6, 9.0, 9.0, 4.0, 3.0, pose), {"color": color, **channels}, 1.0, number)


def tiny_file(number: int) -> EncodedFile:
    return EncodedFile(np.frombuffer(f"frame {number}".encode(), np.uint8), f"f_{number:05d}.png")


# -- more arrays than a message takes -----------------------------------------------------------------------------------


def test_2100_frames_there_and_back_once(either: Client) -> None:
    same = either.wait_ready().same_host
    frames = [frame(n, noise(100, n + 10_000 * same)) for n in range(2100)]  # 4,200 arrays
    job = Job("system.echo", inputs={"frames": frames})
    either.poll()
    either.submit(job)
    events = gather(either, lambda e: isinstance(e, (ev.Finished, ev.Failed)))
    assert not [e for e in events if isinstance(e, (ev.Connected, ev.Lost))]  # as when the message was refused, for ever
    back = events[-1].outputs["frames"]
    assert [f.name for f in back] == [f"color_{n:05d}.exr" for n in range(2100)]
    assert {f.color_space for f in back} == {"linear"}
    assert [f.data.tobytes() for f in back] == [one.channels["color"].data.tobytes() for one in frames]
    assert job_info(either, job.id).attempts == 1


def test_a_result_of_more_arrays_than_a_message_takes(either: Client, server: Backend) -> None:
    same = either.wait_ready().same_host
    files = [tiny_file(n + 10_000 * same) for n in range(4200)]
    large = EncodedFile(noise(300_000, same), "large.png")
    job = Job("system.echo", inputs={"files": [*files, large]})
    back = either.run(job, timeout=90)["files"]
    assert [f.data.tobytes() for f in back] == [f.data.tobytes() for f in (*files, large)]
    assert either.run(Job("system.echo"), timeout=90) == {}  # the queue goes on
    either.attach(job.id)  # and the outcome is kept
    again = wait_for(either, ev.Finished, job.id)
    assert again.outputs["files"][-1].data.tobytes() == large.data.tobytes()
    noted = again.provenance["inputs"]["files"]  # not one by one: that would be a message too long as well
    assert noted["files"] == 4201
    assert (noted["first"], noted["last"]) == (files[0].name, "large.png")
    assert noted["bytes"] == sum(f.data.nbytes for f in (*files, large))


def test_one_file_under_several_names_is_sent_once(client: Client) -> None:
    layers = EncodedFile(noise(70_000), "layers.exr")
    frames = [frame(n, layers, depth=layers) for n in range(300)]
    buffers: list[Buffer] = []
    encode(frames, buffers)
    assert len(buffers) == 301  # and 300 poses
    back = client.run(Job("system.echo", inputs={"frames": frames}), timeout=90)["frames"]
    assert all(f.data.tobytes() == layers.data.tobytes() for f in back)


def test_asked_for_twice_and_cancelled_before_it_is_taken_in(server: Backend, client: Client) -> None:
    store = BlobStore(server.state / "store")
    value, buffers = encoded([tiny_file(n + 50_000) for n in range(3000)])
    manifest = fold(value, buffers, lambda b: stored(b, store))
    busy = Job("system.echo", {"seconds": 1.0}, priority=900)
    client.submit(busy)
    wait_for(client, ev.Progress, busy.id)
    body = request(inputs={"files": {"$": "manifest", "index": 0}})
    with Rude(server) as one, Rude(server) as two:
        for rude in (one, two):
            for kind, more in (("job.submit", body), ("job.submit", body), ("job.cancel", {"job": body["job"]})):
                rude.sequence += 1
                arrays, descriptions = ([None], [manifest]) if kind == "job.submit" else ([], [])
                frames = rude.codec.encode(kind, more, arrays, descriptions, session=rude.session["control"], sequence=rude.sequence)
                rude.sockets["control"].send_multipart(frames)
        for rude in (one, two):
            heard = []
            while "job.cancelled" not in heard:
                assert rude.sockets["control"].poll(10_000), heard
                heard.append(rude.codec.decode(rude.sockets["control"].recv_multipart()).type)
            assert heard[0] == "job.accepted"
    assert job_info(client, body["job"]).state == "cancelled"
    client.result(busy.id, timeout=90)


def test_a_long_job_outlives_its_backend_and_few_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process of the backend may have more than 200 files open, and the supervisor is killed in the middle."""
    monkeypatch.setattr(polled_client, "LOST_AFTER", 1.5)
    monkeypatch.setattr(polled_client, "PING_EVERY", 0.5)
    server = Backend(tmp_path / "state", preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))).start()
    try:
        for make in (server.client, server.remote_client):
            with make() as client:
                client.wait_ready()
                files = [EncodedFile(noise(70_000, n), f"{n}.png") for n in range(500)]
                job = Job("system.echo", {"seconds": 1.0}, {"files": files})
                client.submit(job)
                wait_for(client, ev.Progress, job.id)
                server.kill()
                wait_for(client, ev.Lost)
                server.start()
                back = client.result(job.id, timeout=90).outputs["files"]
                assert [f.data.tobytes() for f in back] == [f.data.tobytes() for f in files]
                assert psutil.Process().num_fds() < 300
    finally:
        server.stop()


# -- limits, on both sides before anything is sent ----------------------------------------------------------------------


class OlderBackend(Client):
    """A client that hears what a backend before protocol 1.4 announced."""

    def _welcomed(self, line: Line, message: Message) -> None:
        limits = {k: v for k, v in message.body.get("limits", {}).items() if not k.startswith("manifest")}
        super()._welcomed(line, dataclasses.replace(message, body={**message.body, "limits": limits}))


def test_an_older_backend_is_not_sent_what_it_cannot_read(server: Backend) -> None:
    with OlderBackend(read_connection(server.path)) as client:
        client.wait_ready()
        few = [tiny_file(n) for n in range(1000)]
        assert len(client.run(Job("system.echo", inputs={"files": few}), timeout=90)["files"]) == 1000  # as before
        job = Job("system.echo", inputs={"files": [tiny_file(n) for n in range(4200)]})
        with pytest.raises(LimitError, match=r"at most 4,096 arrays.*4,200.*Update the backend"):
            client.run(job, timeout=90)
        client.request_jobs(job.id)
        assert wait_for(client, ev.JobList).jobs == []


def test_an_older_client_is_told_of_a_result_that_it_cannot_read(server: Backend, client: Client) -> None:
    job = Job("system.echo", inputs={"files": [tiny_file(n) for n in range(4200)]})
    client.run(job, timeout=90)
    with Rude(server) as old:
        for _ in range(2):
            old.session["control"] = old.ask("hello", {"nonce": "old", "protocol": [1, 3]}).session
        assert old.ask("job.attach", {"job": job.id}).type == "job.accepted"
        answer = old.codec.decode(old.sockets["control"].recv_multipart())
        assert answer.type == "job.error"
        assert answer.body["error"]["code"] == "limit_error"
        assert "Update the add-on" in answer.body["error"]["fix"]


def test_job_bytes_count_what_a_manifest_names(server: Backend, tmp_path: Path) -> None:
    with server.client() as client:
        welcome = client.wait_ready()
        client.welcome = dataclasses.replace(welcome, limits={**welcome.limits, "job_bytes": 1000})
        with pytest.raises(LimitError, match="MiB of input"):
            client.run(Job("system.echo", inputs={"files": [tiny_file(n) for n in range(300)]}), timeout=90)
    store = BlobStore(tmp_path)
    intake = Intake(store, Contents(store), 1000)
    value, buffers = encoded([tiny_file(n) for n in range(300)])
    manifest = fold(value, buffers, lambda b: stored(b, store))
    body = request(inputs={"files": {"$": "manifest", "index": 0}})
    intake.begin("a" * 32, b"", Message("job.submit", body, [None], [manifest]))
    with pytest.raises(LimitError, match="MiB of input"):
        wait_until(lambda: list(intake.finished()))[0].work.result()
    intake.close()


def encoded(value: Any) -> tuple[Any, list[Buffer]]:
    buffers: list[Buffer] = []
    return encode(value, buffers), buffers


def stored(buffer: Buffer, store: BlobStore) -> dict[str, Any]:
    return {**buffer.describe(), "transport": "blob", "digest": store.put(buffer.read(0, buffer.array.nbytes))}


def test_a_manifest_that_names_what_is_not_there_is_refused(rude: Rude, server: Backend) -> None:
    store = BlobStore(server.state / "store")
    value, buffers = encoded([EncodedFile(noise(100_000, 77), "a.png")])
    manifest = fold(value, buffers, lambda b: stored(b, store) if b.layout == "manifest" else {**describe_blob(b), "digest": "7" * 64})
    answer = rude.ask("job.submit", request(inputs={"files": {"$": "manifest", "index": 0}}), [None], buffers=[manifest])
    assert answer.type == "job.rejected"
    assert "was not uploaded" in answer.body["error"]["message"]
    nonsense = stored(Buffer(np.frombuffer(b'{"value": 1}', np.uint8), "manifest"), store)
    answer = rude.ask("job.submit", request(inputs={"files": {"$": "manifest", "index": 0}}), [None], buffers=[nonsense])
    assert answer.body["error"]["code"] == "protocol_error"
    assert rude.ask("ping", {}).type == "pong"


@pytest.fixture
def rude(server: Backend) -> Iterator[Rude]:
    with Rude(server) as one:
        yield one


# -- more files than may be open, more bytes than fit into memory --------------------------------------------------------


def test_files_of_a_sequence_are_opened_when_they_are_used(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    value, buffers = encoded([EncodedFile(noise(70_000, n), f"{n}.png") for n in range(300)])
    manifest = fold(value, buffers, lambda b: stored(b, store))
    before = psutil.Process().num_fds()
    files = decode({"$": "manifest", "index": 0}, open_buffers([manifest], tmp_path))
    kept = [f.data for f in files[:20]]
    assert psutil.Process().num_fds() - before <= 25
    assert [k.tobytes() for k in kept] == [noise(70_000, n).tobytes() for n in range(20)]
    assert files[299].data.tobytes() == noise(70_000, 299).tobytes()
    assert encoded(files)[1][0].array is vars(files[0])["data"]  # passed on without being read
    blob_path(tmp_path, vars(files[5])["data"].digest).unlink()
    with pytest.raises(ProtocolError, match="not in the store any more"):
        files[5].data  # noqa: B018


def test_what_a_client_holds_stays_whatever_the_backend_removes(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    data = noise(3 * 2**20)
    description = stored(Buffer(data), store)
    held = HeldFiles(tmp_path)
    array = StoredArray(held.take(tmp_path, description["digest"]), description, holder=held)
    path = blob_path(tmp_path, description["digest"])
    path.touch()
    time.sleep(0.01)
    store.release(description["digest"])
    assert not path.exists()
    store.put(noise(3 * 2**20, 1))  # would be written over a spare file
    assert array.load().tobytes() == data.tobytes()
    folder = held.folder
    del held, array
    assert not folder.exists()
    abandoned = tmp_path / "held" / "backlot-999999999-x"
    abandoned.mkdir(parents=True)
    store.collect(set(), older_than=-1)
    assert not abandoned.exists()


def test_a_result_stays_when_its_job_is_forgotten(tmp_path: Path) -> None:
    with backend(tmp_path / "state") as server, server.client() as client:
        client.wait_ready()
        files = [EncodedFile(noise(70_000, n), f"{n}.png") for n in range(100)]
        back = client.run(Job("system.echo", inputs={"files": files}), timeout=90)["files"]
        for path in (server.state / "store" / "blobs").glob("??/*"):
            path.unlink()
        assert [f.data.tobytes() for f in back] == [f.data.tobytes() for f in files]


def test_a_file_that_changes_while_it_is_sent_is_said(either: Client, tmp_path: Path) -> None:
    paths = [tmp_path / f"f_{n:04d}.png" for n in range(300)]
    for n, path in enumerate(paths):
        path.write_bytes(noise(100_000, n).tobytes())
    files = [EncodedFile.on_disk(path) for path in paths]
    assert files[3].start(5) == noise(100_000, 3)[:5].tobytes()
    paths[250].write_bytes(b"shorter")
    with pytest.raises(InputError, match=r"f_0250\.png as it was"):
        either.run(Job("system.echo", inputs={"files": files}), timeout=90)
    paths[250].unlink()
    with pytest.raises(InputError, match=r"a readable file at .*f_0250\.png"):
        either.run(Job("system.echo", inputs={"files": files}), timeout=90)
    with pytest.raises(InputError, match="readable file"):
        EncodedFile.on_disk(paths[250])


# -- nothing is lost when a socket is full, and nobody waits for somebody slow --------------------------------------------


class Narrow:
    """A data socket that takes messages now and then, and the backend behind it."""

    def __init__(self, seed: int, there: set[str]) -> None:
        self.ready, self._rng, self._there = True, random.Random(seed), there
        self.queue: list[tuple[str, dict[str, Any], Any]] = []
        self.received: dict[str, bytes] = {}
        self.most = (0, 0)

    @property
    def writable(self) -> bool:
        return self._rng.random() < 0.6

    def send(self, kind: str, body: dict[str, Any], arrays: Any = None) -> None:
        self.queue.append((kind, body, None if arrays is None else arrays[0].tobytes()))
        waiting = [len(data) for kind, _, data in self.queue if kind == "blob.put"]
        self.most = max(self.most[0], len(waiting)), max(self.most[1], sum(waiting))

    def serve(self, flow: FlowControl, blobs: dict[str, bytes]) -> None:
        for _ in range(self._rng.randrange(4)):
            if not self.queue:
                return
            kind, body, data = self.queue.pop(0)
            if kind == "blob.has":
                flow.hear_present([d for d in body["digests"] if d in self._there])
            elif kind == "blob.put":
                have = self.received.setdefault(body["digest"], b"")
                assert body["offset"] == len(have), "a chunk was forgotten, or came twice"
                self.received[body["digest"]] = have + data
                flow.hear_received(body["digest"], len(self.received[body["digest"]]))
            else:
                chunk = blobs[body["digest"]][body["offset"] : body["offset"] + body["length"]]
                flow.hear_chunk(body["digest"], body["offset"], np.frombuffer(chunk, np.uint8))


@pytest.mark.parametrize("seed", range(5))
def test_a_full_socket_loses_nothing(seed: int) -> None:
    from backlot.shared.chunks import Download, Upload

    arrays = [noise(size, seed + n) for n, size in enumerate([5 * CHUNK + 3, 1000, CHUNK, 70_000, *[9000] * 200])]
    names = [digest(as_bytes(a)) for a in arrays]
    blobs = {name: a.tobytes() for name, a in zip(names, arrays, strict=True)}
    line = Narrow(seed, {names[1]})
    flow = FlowControl()
    flow.send("one", [Upload(Buffer(a, "bytes"), name) for a, name in zip(arrays[:3], names, strict=False)])
    flow.send("two", [Upload(Buffer(a, "bytes"), name) for a, name in zip(arrays, names, strict=True)])
    downloads = [Download({**Buffer(a).describe(), "digest": n}) for a, n in zip([*arrays, arrays[0]], [*names, names[0]], strict=True)]
    flow.fetch("three", downloads)
    for turn in range(20_000):
        assert flow.advance(line) == []
        line.serve(flow, blobs)
        if turn == 60:  # a reconnect: what was on its way is gone
            line.queue.clear()
            line.received = {n: d for n, d in line.received.items() if len(d) == len(blobs[n])}
            flow.restart()
        if flow.arrived("one") and flow.arrived("two") and all(d.done for d in downloads):
            break
    assert line.received == {n: d for n, d in blobs.items() if n != names[1]}
    for download, array in zip(downloads, arrays, strict=False):
        download.check()
        assert download.array.tobytes() == array.tobytes()
    assert line.most[0] <= MESSAGES
    assert line.most[1] <= WINDOW * CHUNK


def test_420_arrays_to_a_slow_backend(server: Backend) -> None:
    there = read_connection(server.path)
    images = [Image(noise(90 * 300 * 3, n).reshape(90, 300, 3), "data") for n in range(420)]
    with (
        Proxy(there.data, bandwidth=40e6, delay=0.0005) as data,
        RemoteClient(dataclasses.replace(there, data=data.address, path=None)) as one,
    ):
        one.wait_ready()
        back = one.run(Job("system.echo", inputs={"images": images}), timeout=90)["images"]
        assert all(a.pixels.tobytes() == b.pixels.tobytes() for a, b in zip(images, back, strict=True))


def test_a_network_so_slow_that_one_chunk_takes_longer_than_the_patience(server: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polled_client, "LOST_AFTER", 0.3)
    monkeypatch.setattr(polled_client, "PING_EVERY", 0.1)
    there = read_connection(server.path)
    image = Image(noise(4 * 2**20, 4711).reshape(1024, 1024, 4), "data")
    with Proxy(there.data, bandwidth=3e6) as data, RemoteClient(dataclasses.replace(there, data=data.address, path=None)) as one:
        one.wait_ready()
        back = one.run(Job("system.echo", {"negate": True}, {"image": image}), timeout=60)["image"]
        assert back.pixels.tobytes() == (~image.pixels).tobytes()


@pytest.fixture
def slow_client(server: Backend) -> Iterator[Client]:
    there = read_connection(server.path)
    with Proxy(there.data, bandwidth=10e6) as data, RemoteClient(dataclasses.replace(there, data=data.address, path=None)) as one:
        one.wait_ready()
        yield one


def test_a_small_job_does_not_wait_for_a_large_upload(slow_client: Client) -> None:
    large = Job("system.echo", inputs={"files": [EncodedFile(noise(200_000, n), f"{n}.png") for n in range(400)]})  # 8 s
    small = Job("system.echo", inputs={"files": [EncodedFile(noise(100_000, 999), "small.png")]})
    slow_client.submit(large)
    wait_until(lambda: [slow_client.poll(0.02), slow_client._flow.progress(large.id)[0] > 10 * CHUNK // 4][1])
    slow_client.submit(small)
    begin = time.monotonic()
    events = gather(slow_client, lambda e: isinstance(e, ev.Finished))
    assert events[-1].job_id == small.id
    assert time.monotonic() - begin < 5.5
    slow_client.cancel(large.id)


def test_cancel_during_preparation_and_upload(slow_client: Client) -> None:
    job = Job("system.echo", inputs={"files": [EncodedFile(noise(150_000, n + 5000), f"{n}.png") for n in range(400)]})
    slow_client.submit(job)
    slow_client.cancel(job.id)  # before it is hashed
    assert wait_for(slow_client, ev.Cancelled, job.id)
    job = job.changed(id=wire.new_id())
    slow_client.submit(job)
    wait_until(lambda: [slow_client.poll(0.02), slow_client._flow.progress(job.id)[0]][1])
    slow_client.cancel(job.id)
    assert wait_for(slow_client, ev.Cancelled, job.id)
    assert slow_client._flow.uploads == {}
    slow_client.submit(job.changed(id=wire.new_id()))
    words = gather(slow_client, lambda e: isinstance(e, ev.Transfer) and e.stage.startswith("sending, "))[-1]
    assert words.stage.endswith("of 57 MiB")
    assert 0 <= words.fraction < 1
    slow_client.cancel(words.job_id)
    assert slow_client.run(Job("system.echo"), timeout=90) == {}
    slow_client.request_jobs(job.id)
    assert wait_for(slow_client, ev.JobList).jobs == []


def test_who_does_not_read_takes_neither_memory_nor_time_from_others(server: Backend, client: Client) -> None:
    data = noise(CHUNK, 42)
    BlobStore(server.state / "store").put(data)
    address, before = digest(as_bytes(data)), server.supervisor.memory_info().rss
    with Rude(server) as rude:
        rude.sockets["data"].close(0)
        rude.sockets["data"] = rude.context.socket(zmq.DEALER)
        rude.sockets["data"].rcvhwm = 1
        rude.sockets["data"].connect(read_connection(server.path).data)
        rude.session["data"] = rude.ask("hello", {"nonce": "n"}, on="data").session
        for _ in range(100):  # 400 MiB
            rude.sequence += 1
            body = {"digest": address, "offset": 0, "length": CHUNK}
            rude.sockets["data"].send_multipart(rude.codec.encode("blob.get", body, session=rude.session["data"], sequence=rude.sequence))
        time.sleep(1.0)
        with server.remote_client() as other:
            other.wait_ready()
            image = Image(noise(3 * 2**20, 43).reshape(1024, 1024, 3), "data")
            begin = time.monotonic()
            back = other.run(Job("system.echo", {"negate": True}, {"image": image}), timeout=90)["image"]
            assert back.pixels.tobytes() == (~image.pixels).tobytes()
            assert time.monotonic() - begin < 10
        assert server.supervisor.memory_info().rss - before < 160e6
        for _ in range(100):  # late, but all of it
            assert rude.sockets["data"].poll(10_000)
            message = rude.codec.decode(rude.sockets["data"].recv_multipart())
            assert message.arrays[0] is not None
            assert message.arrays[0].nbytes == CHUNK


def test_messages_wait_for_a_client_that_reads_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    codec, context = Codec(b"k" * 32), zmq.Context()
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    router.sndhwm = dealer.rcvhwm = 4
    router.linger = dealer.linger = 0
    dealer.connect(f"tcp://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}")
    try:
        peers = Peers(router, codec)
        dealer.send_multipart(codec.encode("hello", {"nonce": "n", "protocol": [1, 4]}))
        assert router.poll(5000)
        route, hello = peers.receive()  # type: ignore[misc]
        peers.welcome(route, hello, {})
        filler = "x" * 200_000
        for n in range(200):
            peers.send(route, "status", {"n": n, "filler": filler})
        assert not peers.ready(route)
        got = []
        while len(got) < 201:
            peers.flush()
            if dealer.poll(1000):
                got.append(codec.decode(dealer.recv_multipart()))
        assert [m.body["n"] for m in got[1:]] == list(range(200))
        monkeypatch.setattr(peers_module, "MAX_WAITING", 5_000_000)
        for _ in range(200):
            peers.send(route, "status", {"filler": filler})
        assert not peers.knows(route)  # it says hello again, and attaches to its jobs
    finally:
        context.destroy(0)


@pytest.mark.usefixtures("faults")
def test_many_partial_results_at_once(server: Backend, client: Client) -> None:
    job = Job("system.fault", {"kind": "hang", "emit": 1000, "attempts": 99})
    client.submit(job)
    seen: set[int | None] = set()
    while len(seen) < 1000:
        seen |= {e.index for e in client.poll(0.1) if isinstance(e, ev.Partial)}
    with server.remote_client() as other:
        other.wait_ready()
        other.attach(job.id)
        time.sleep(1.0)
        again: dict[int | None, bytes] = {}
        end = time.monotonic() + 60
        while len(again) < 1000 and time.monotonic() < end:
            again |= {e.index: e.value.data.tobytes() for e in other.poll(0.1) if isinstance(e, ev.Partial)}
        assert again == {n: f"frame {n}, attempt 1".encode() for n in range(1000)}
    client.cancel(job.id)
    wait_for(client, ev.Cancelled, job.id)


def test_a_long_queue_is_not_told_of_every_change(client: Client) -> None:
    busy = Job("system.echo", {"seconds": 2.0}, priority=900)
    client.submit(busy)
    wait_for(client, ev.Progress, busy.id)
    jobs = [Job("system.echo") for _ in range(150)]
    for job in jobs:
        client.submit(job)
    left, told = {j.id for j in jobs}, 0
    while left:
        for event in client.poll(0.1):
            told += isinstance(event, ev.Queued)
            left -= {event.job_id} if isinstance(event, ev.Finished) else set()
    assert 150 <= told < 150 * 75 / 2  # a message for each change of each would be 11,000


def test_thousands_of_jobs_keep_the_list_quick(tmp_path: Path) -> None:
    from backlot.backend.runtime.journal import Journal

    journal = Journal(tmp_path / "journal.sqlite")
    big = {"operation": "system.echo", "label": "x", "priority": 0, "inputs": ["y" * 1000] * 20}
    journal._db.execute("BEGIN")
    for n in range(1000):
        journal.add(f"{n:032d}", big, [], f"digest {n}")
    journal._db.execute("COMMIT")
    begin = time.perf_counter()
    rows = journal.recent()
    assert len(rows) == 200
    assert "request" not in rows[0].keys()  # noqa: SIM118
    assert len(journal.waiting()) == 1000
    assert time.perf_counter() - begin < 0.5
    journal.close()


# -- as large as it gets ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("remote", [False, True], ids=["same host", "remote"])
def test_10000_frames(tmp_path: Path, remote: bool) -> None:
    """2 GB there and back, of which no process keeps more than a part in memory."""
    from backlot.benchmarks.long_sequences import make_frames, measure

    frames = make_frames(tmp_path / "frames", 10_000)
    with backend(tmp_path / "state") as server:
        processes = {"client": psutil.Process(), "supervisor": server.supervisor, "worker": wait_until(server.workers)[0]}
        with server.remote_client() if remote else server.client() as client:
            client.run(Job("system.echo"), timeout=90)
            row = measure(client, frames, processes)
    print(row)
    assert all(row[f"{name} MB"] < 300 for name in processes)
    assert row["longest poll ms"] < 1000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_file_of_2_gb_to_a_remote_backend(tmp_path: Path) -> None:
    path = tmp_path / "large.exr"
    with path.open("wb") as file:
        for n in range(512):
            file.write(noise(CHUNK, n).tobytes())
    with backend(tmp_path / "state") as server, server.remote_client() as client:
        client.wait_ready()
        before, begin = psutil.Process().memory_info().rss, time.monotonic()
        job = Job("system.echo", inputs={"files": [EncodedFile.on_disk(path)] * 2})
        client.submit(job)
        most, longest, accepted, begun = 0, 0.0, False, False
        while not accepted:
            at = time.monotonic()
            for event in client.poll():
                assert not isinstance(event, ev.Failed), event
                accepted |= isinstance(event, ev.Accepted)
                begun |= isinstance(event, ev.Progress)
            longest = max(longest, time.monotonic() - at)
            most = max(most, psutil.Process().memory_info().rss - before)
            time.sleep(0.002)
        print(f"2 GiB uploaded in {time.monotonic() - begin:.1f} s, peak {most / 1e6:.0f} MB, longest poll {longest * 1e3:.0f} ms")
        assert most < 300e6
        if not begun:
            wait_for(client, ev.Progress, job.id)
        client.cancel(job.id)


class _Counted(Deferred):
    """An array that counts how often it is read."""

    def __init__(self, array: np.ndarray) -> None:
        self._array, self.dtype, self.shape, self.reads = array, array.dtype, array.shape, 0

    def load(self) -> np.ndarray:
        self.reads += 1
        return self._array


def test_pixels_on_disk_are_read_once_for_each_use() -> None:
    content = _Counted(np.full((8, 8, 3), 0.5, np.float32))
    read = decode_inputs(
        find("style.image"), {"content": Image(content, "linear"), "style": Image(np.ones((8, 8, 3), np.float32), "linear")}
    )
    assert [read["content"].pixels.sum() for _ in range(3)] == [96.0] * 3
    assert content.reads == 1
    depth, color = _Counted(np.full((8, 8, 1), 2.0, np.float32)), _Counted(np.full((8, 8, 3), 0.5, np.float32))
    camera = Camera(8, 8, 8.0, 8.0, 4.0, 4.0, np.eye(4))
    frame = SceneFrame(camera, {"depth": Image(depth, "data"), "color": Image(color, "linear")}, 1.0, 1)
    assert (decode_depth(frame).depth == 2).all()
    assert (depth.reads, color.reads) == (1, 1)
