"""Manifests: what goes in comes out, and whatever else they hold only a ProtocolError escapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlot.shared import manifest
from backlot.shared.deferred import Deferred
from backlot.shared.digest import CHUNK, as_bytes, digest
from backlot.shared.errors import LimitError, ProtocolError
from backlot.shared.manifest import LAYOUT, Pack, fold, read_manifest
from backlot.shared.stored import blob_path, open_buffers
from backlot.shared.transfer import deposit
from backlot.shared.value_codec import DTYPES, Buffer, Opened, decode, encode
from backlot.shared.values import EncodedFile, Image, Mesh

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=6), v, max_size=4), max_leaves=10,
)  # fmt: skip
digests = st.sampled_from(["0" * 64, "a" * 64, "x", "", 5, None])
sizes = st.integers(-1, 2**70) | st.sampled_from([0, 1, 4, CHUNK, CHUNK + 1]) | json_values
entries = st.fixed_dictionaries(
    {"dtype": st.sampled_from([*DTYPES, "|O8", 3]), "shape": st.lists(st.integers(-1, 5), max_size=3) | json_values, "nbytes": sizes},
    optional={"transport": st.sampled_from(["blob", "pack", "inline", "spool", 1]), "digest": digests, "pack": sizes, "offset": sizes,
              "layout": st.sampled_from(["NC", "manifest", 1])},
)  # fmt: skip
packs = st.lists(st.fixed_dictionaries({"digest": digests, "nbytes": sizes}) | json_values, max_size=3)
nodes = st.fixed_dictionaries({"$": st.sampled_from(["manifest", "buffer", "image", "frame", "file"]), "index": st.integers(-2, 3)})
trees = st.recursive(json_values | nodes, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(["$", "a"]), v, max_size=2))


class Blobs(dict[str, np.ndarray]):
    """A store in memory."""

    def keep(self, buffer: Buffer) -> dict[str, Any]:
        data = buffer.read(0, buffer.array.nbytes).copy()
        self[digest(as_bytes(data))] = data
        return {**buffer.describe(), "transport": "blob", "digest": digest(as_bytes(data))}

    def open(self, description: dict[str, Any]) -> np.ndarray | Deferred:
        return self[description["digest"]].view(description["dtype"]).reshape(description["shape"])


def folded(value: Any) -> tuple[Blobs, dict[str, Any]]:
    buffers: list[Buffer] = []
    tree = encode(value, buffers)
    blobs = Blobs()
    return blobs, fold(tree, buffers, blobs.keep)


def opened(blobs: Blobs, description: dict[str, Any]) -> Opened:
    listing = read_manifest(blobs[description["digest"]])
    return Opened(listing.tree, listing.arrays(blobs.open))


@given(st.lists(st.integers(0, 70_000), max_size=20), st.sampled_from(DTYPES))
def test_values_survive_and_few_blobs_hold_them(lengths: list[int], dtype: str) -> None:
    rng = np.random.default_rng(len(lengths))
    arrays = [np.frombuffer(rng.bytes(n * np.dtype(dtype).itemsize), dtype) if dtype != "|b1" else rng.random(n) > 0.5 for n in lengths]
    value = {"list": [{"a": a, "n": i} for i, a in enumerate(arrays)], "text": "ü\n", "number": 1.5}
    blobs, description = folded(value)
    assert description["layout"] == LAYOUT
    back = decode({"$": "manifest", "index": 0}, [opened(blobs, description)])
    assert [one["a"].tobytes() for one in back["list"]] == [a.tobytes() for a in arrays]
    assert [(one["a"].dtype.str, one["a"].shape, one["n"]) for one in back["list"]] == [
        (a.dtype.str, a.shape, i) for i, a in enumerate(arrays)
    ]
    assert all(one["a"].flags.aligned for one in back["list"])
    assert (back["text"], back["number"]) == ("ü\n", 1.5)
    large = len({a.tobytes() for a in arrays if a.nbytes > 65536})
    assert len(blobs) <= 1 + large + 1 + sum(a.nbytes for a in arrays if a.nbytes <= 65536) // (CHUNK - 65536)
    assert decode({"$": "manifest", "index": 0, "field": "text"}, [opened(blobs, description)]) == "ü\n"
    again, same = folded(value)
    assert same == description  # so that the same job is the same
    assert again.keys() == blobs.keys()


def test_ten_thousand_small_arrays_are_one_pack() -> None:
    blobs, description = folded([np.full(16, n, np.float64) for n in range(10_000)])
    assert len(blobs) == 2
    back = decode({"$": "manifest", "index": 0}, [opened(blobs, description)])
    assert [int(a[0]) for a in back] == list(range(10_000))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_manifest(data)


@given(st.lists(entries | json_values, max_size=4), packs, trees)
def test_json_of_any_shape(buffers: list[Any], some: list[Any], tree: Any) -> None:
    text = json.dumps({"value": tree, "buffers": buffers, "packs": some}).encode()
    try:
        listing = read_manifest(text)
        zeros = listing.arrays(lambda d: np.zeros(min(d["nbytes"], 1 << 20), np.uint8)[: d["nbytes"]].view(d["dtype"]).reshape(d["shape"]))
        decode({"$": "manifest", "index": 0}, [Opened(listing.tree, zeros)])
    except ProtocolError:
        pass
    except ValueError:
        assert max(d["nbytes"] for d in listing.blobs.values()) > 1 << 20  # of the stand-in for blobs


@given(st.data())
def test_a_manifest_with_one_thing_changed(data: st.DataObject) -> None:
    blobs, description = folded([EncodedFile(np.arange(9, dtype=np.uint8), "a.png"), Image(np.zeros((200, 200, 3), np.uint8))])
    body = json.loads(blobs[description["digest"]].tobytes())
    where: Any = body
    while isinstance(where, (dict, list)) and where:
        key = data.draw(st.sampled_from(sorted(where) if isinstance(where, dict) else range(len(where))))
        if not isinstance(where[key], (dict, list)) or not where[key] or data.draw(st.booleans()):
            where[key] = data.draw(json_values | st.sampled_from(["pack", "blob", "f" * 64, -1, 2**63, {"$": "manifest", "index": 0}]))
            break
        where = where[key]
    try:
        listing = read_manifest(json.dumps(body).encode())
        decode(listing.tree, [Opened(listing.tree, listing.arrays(blobs.open))])
        decode({"$": "manifest", "index": 0}, [Opened(listing.tree, listing.arrays(blobs.open))])
    except ProtocolError:
        pass
    except KeyError as error:  # a digest that nobody has, in a store that is a dictionary
        if error.args[0] in blobs:
            raise


def test_no_manifest_within_a_manifest() -> None:
    for tree in ({"$": "manifest", "index": 0}, [{"a": {"$": "manifest", "index": 0}}]):
        with pytest.raises(ProtocolError, match=r"manifest|below 0"):
            decode({"$": "manifest", "index": 0}, [Opened(tree, [])])
        with pytest.raises(ProtocolError, match="other kind"):
            decode({"$": "manifest", "index": 0}, [Opened(tree, [np.zeros(3)])])
    listed = {"dtype": "|u1", "shape": [3], "nbytes": 3, "transport": "blob", "digest": "0" * 64, "layout": LAYOUT}
    with pytest.raises(ProtocolError, match="names a manifest"):
        read_manifest(json.dumps({"value": 1, "buffers": [listed], "packs": []}).encode())
    with pytest.raises(ProtocolError, match="other kind"):
        decode({"$": "buffer", "index": 0}, [Opened(1, [])])
    for field in ("b", 3, None, ["a"]):
        with pytest.raises(ProtocolError):
            decode({"$": "manifest", "index": 0, "field": field}, [Opened({"a": 1}, [])])


def test_what_is_too_large_is_refused_before_it_is_made_or_read(monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs()
    monkeypatch.setattr(manifest, "MAX_LISTED", 10)
    with pytest.raises(LimitError, match=r"at most 10 arrays.*11"):
        fold(None, [Buffer(np.zeros(1))] * 11, blobs.keep)
    assert not blobs
    many = {
        "value": 1,
        "packs": [],
        "buffers": [{"dtype": "|u1", "shape": [0], "nbytes": 0, "transport": "pack", "pack": 0, "offset": 0}] * 11,
    }
    with pytest.raises(ProtocolError, match="at most 10"):
        read_manifest(json.dumps(many).encode())
    monkeypatch.setattr(manifest, "MAX_BYTES", 1000)
    with pytest.raises(LimitError, match="describe one job"):
        fold("x" * 2000, [], blobs.keep)
    with pytest.raises(LimitError, match="manifest of at most"):
        read_manifest(b" " * 1001)
    oversize = {"value": 1, "buffers": [], "packs": [{"digest": "0" * 64, "nbytes": CHUNK + 1}]}
    with pytest.raises(ProtocolError, match="pack's digest and size"):
        read_manifest(json.dumps(oversize).encode())


def test_a_pack_reads_its_parts_when_it_is_read() -> None:
    parts = [(0, Buffer(np.arange(5, dtype=np.uint8))), (16, Buffer(np.array([7], np.uint8)))]
    pack = Pack(parts, 32)
    assert pack.nbytes == 32
    assert pack.read(3, 14).tolist() == [3, 4, *[0] * 11, 7]


def test_blobs_that_are_missing_or_damaged(tmp_path: Path) -> None:
    for name in ("spool", "blobs"):
        (tmp_path / name).mkdir()
    mesh = Mesh(np.random.default_rng(0).random((9000, 3)).astype(np.float32), np.zeros((9, 3), np.int32))
    buffers: list[Buffer] = []
    tree = encode(mesh, buffers)
    description = fold(tree, buffers, lambda b: deposit(b, tmp_path, place=True))
    node = {"$": "manifest", "index": 0}
    back = decode(node, open_buffers([description], tmp_path))
    assert back.vertices.tobytes() == mesh.vertices.tobytes()  # not a file or picture: an array at once
    assert isinstance(vars(back)["vertices"], np.ndarray)
    named = read_manifest(blob_path(tmp_path, description["digest"]).read_bytes())
    for address in named.blobs:
        path = blob_path(tmp_path, address)
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        with pytest.raises(ProtocolError, match="bytes"):
            decode(node, open_buffers([description], tmp_path))
        path.unlink()
        with pytest.raises(ProtocolError, match="not in the store any more"):
            decode(node, open_buffers([description], tmp_path))
        path.write_bytes(whole)
    path = blob_path(tmp_path, description["digest"])
    path.write_bytes(b"{" * path.stat().st_size)
    with pytest.raises(ProtocolError, match="JSON manifest"):
        open_buffers([description], tmp_path)
