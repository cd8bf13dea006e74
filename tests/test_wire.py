"""The wire format: what goes in comes out, and whatever else arrives only a ProtocolError escapes."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from backlot.shared.chunks import Download, Upload
from backlot.shared.digest import CHUNK, as_bytes, digest, write_file
from backlot.shared.errors import InputError, LimitError, ProtocolError, SignatureError, VersionError
from backlot.shared.session import Session
from backlot.shared.stored import blob_path, map_blob
from backlot.shared.transfer import deposit
from backlot.shared.value_codec import DTYPES, Buffer, check_descriptor, decode, encode
from backlot.shared.values import Camera, Distortion, EncodedFile, Image, Mesh, SceneFrame, Tracks
from backlot.shared.wire import MAX_FRAME, PREFIX, TYPES, Codec

KEY = b"k" * 32
CODEC = Codec(KEY)

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
names = st.text(max_size=8).filter(lambda s: s != "$")
json_values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(names, v, max_size=4), max_leaves=12)
arrays = st.sampled_from(DTYPES).flatmap(
    lambda d: hnp.arrays(np.dtype(d), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)
pixels = st.sampled_from(["u1", "u2", "u4", "f2", "f4"]).flatmap(
    lambda d: hnp.arrays(np.dtype(d), st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 4)))
)
images = st.builds(Image, pixels, st.sampled_from(["srgb", "linear", "data"]))
files = st.builds(EncodedFile, hnp.arrays(np.uint8, st.integers(0, 50)), st.text(max_size=12), st.sampled_from(["", "srgb"]))
lengths = st.floats(0.1, 1e6)
lenses = st.builds(Distortion, st.sampled_from(["brown", "division", "nuke"]), st.lists(st.floats(-1, 1), max_size=2).map(tuple))
poses = hnp.arrays(np.float64, (4, 4), elements=lengths)
sides = st.integers(1, 9999)
cameras = st.builds(Camera, sides, sides, lengths, lengths, lengths, lengths, poses, st.none() | lenses)
frames = st.builds(SceneFrame, cameras, st.dictionaries(names, images | files, max_size=3), st.floats(1e-6, 1e3), st.integers(-10, 10**6))
floats = hnp.arrays(np.float32, (5, 3), elements=st.floats(-1e6, 1e6, width=32))
meshes = st.builds(
    Mesh, floats, hnp.arrays(np.int32, (4, 3)), st.none() | floats, st.none() | floats, st.none() | hnp.arrays(np.float32, (4, 3, 2)),
    st.dictionaries(names, floats | hnp.arrays(np.float32, (5,)), max_size=2), st.none() | images,
)  # fmt: skip
indices = hnp.arrays(np.int32, (4,), elements=st.integers(0, 4))
tracks = st.builds(Tracks, floats, indices, indices, hnp.arrays(np.float32, (4, 2)))
values = images | files | frames | meshes | tracks | arrays | json_values
trees = st.recursive(values, lambda v: st.lists(v, max_size=3) | st.dictionaries(names, v, max_size=3), max_leaves=5)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(v, b[k]) for k, v in a.items())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and same(vars(a), vars(b))
    return type(a) is type(b) and a == b


def message(body: dict[str, Any] | None = None, arrays: Any = (), **more: Any) -> list[bytes]:
    return [bytes(f) for f in CODEC.encode("status", body or {}, arrays, **more)]


def signed(head: bytes, text: bytes, *raw: bytes) -> list[bytes]:
    """Frames with a right signature over whatever they hold: what a faulty but authorised peer may send."""
    return [PREFIX, CODEC._sign(PREFIX, head, text), head, text, *raw]


ONE = message({"a": [1, 2.5, "x"]}, [np.arange(4, dtype=np.uint8)])


# -- what goes in comes out ---------------------------------------------------------------------------------------------


@given(trees)
def test_values_survive_the_whole_way(value: Any) -> None:
    buffers: list[Buffer] = []
    tree = encode(value, buffers)
    received = CODEC.decode(message({"value": tree}, [b.array for b in buffers]))
    assert same(value, decode(received.body["value"], received.arrays))


@given(
    st.sampled_from(sorted(TYPES)),
    st.dictionaries(names.filter(lambda n: n != "buffers"), json_values, max_size=4),
    st.lists(arrays, max_size=3),
)
def test_messages_survive(kind: str, body: dict[str, Any], sent: list[np.ndarray]) -> None:
    got = CODEC.decode([bytes(f) for f in CODEC.encode(kind, body, sent, id="a", reply_to="b", session="c", sequence=7)])
    assert (got.type, got.id, got.reply_to, got.session, got.sequence) == (kind, "a", "b", "c", 7)
    assert same(got.body, body)
    assert same(got.arrays, sent)


def test_an_array_in_several_places_is_sent_once() -> None:
    shared = np.arange(6, dtype=np.uint8)
    buffers: list[Buffer] = []
    tree = encode([EncodedFile(shared, "a.exr"), {"again": EncodedFile(shared, "a.exr")}], buffers)
    assert len(buffers) == 1
    first, second = decode(tree, [b.array for b in buffers])
    assert first.data is second["again"].data


def test_byte_order_and_strides_are_normalised() -> None:
    big_endian = np.arange(24, dtype=">f4").reshape(2, 3, 4)[:, ::-1]
    buffers: list[Buffer] = []
    encode(big_endian, buffers)
    sent = buffers[0].array
    assert sent.dtype.str == "<f4"
    assert sent.flags.c_contiguous
    np.testing.assert_array_equal(sent, big_endian)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, {1: 2}, {"$": 1}, object(), np.array(["a"]), np.array([1j]), {"a": {1, 2}}, b"bytes", np.float32("nan")]
)
def test_what_has_no_place_on_the_wire_is_refused_with_words(value: Any) -> None:
    with pytest.raises(InputError, match="Expected"):
        encode({"deep": [value]}, [])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_pixels_may_be_nan_but_json_may_not(value: float) -> None:
    image = Image(np.full((1, 1, 1), value, np.float32), "linear")
    buffers: list[Buffer] = []
    tree = encode(image, buffers)
    got = CODEC.decode(message({"v": tree}, [b.array for b in buffers]))
    np.testing.assert_array_equal(decode(got.body["v"], got.arrays).pixels, image.pixels)
    with pytest.raises(ValueError, match="JSON"):
        CODEC.encode("status", {"v": value})


# -- whatever arrives ----------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_random_frames(frames: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        CODEC.decode(frames)


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_random_frames_after_the_magic(frames: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        CODEC.decode([PREFIX, *frames])


@given(st.data())
def test_every_flipped_bit_is_noticed(data: st.DataObject) -> None:
    frames = list(ONE)
    which = data.draw(st.integers(0, 3))  # the buffers are covered by digests, not by the signature
    bit = data.draw(st.integers(0, len(frames[which]) * 8 - 1))
    changed = bytearray(frames[which])
    changed[bit // 8] ^= 1 << (bit % 8)
    frames[which] = bytes(changed)
    with pytest.raises(ProtocolError):
        CODEC.decode(frames)


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode), st.binary(max_size=60), st.lists(st.binary(max_size=8), max_size=2))
def test_signed_rubbish(head: bytes, text: bytes, raw: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        CODEC.decode(signed(head, text, *raw))


anything = st.recursive(
    scalars | st.sampled_from(["|u1", "<f4", "image", "buffer", "frame", "mesh", "camera", "file", "inline", "blob", 10**400, 0, -1]),
    lambda v: st.lists(v, max_size=4)
    | st.dictionaries(
        st.sampled_from(["$", "index", "dtype", "shape", "nbytes", "transport", "pixels", "color_space", "data", "name", "camera",
                         "channels", "vertices", "faces", "width", "camera_to_world", "normals"]),
        v, max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip


@given(anything, anything, st.lists(st.binary(max_size=16), max_size=3))
def test_signed_json_of_any_shape(head: Any, buffers: Any, raw: list[bytes]) -> None:
    header = {"type": "status", "id": "a", "sequence": 1, **(head if isinstance(head, dict) else {"id": head})}
    with contextlib.suppress(ProtocolError):
        CODEC.decode(signed(json.dumps(header).encode(), json.dumps({"buffers": buffers}).encode(), *raw))


@given(anything)
def test_tree_decode_of_anything(data: Any) -> None:
    with contextlib.suppress(ProtocolError):
        decode(data, [np.zeros((2, 2, 3), np.uint8), np.zeros((4, 4)), np.zeros((3, 3), np.int32)])


kinds = st.sampled_from(["image", "file", "camera", "frame", "mesh"])
field = (
    scalars
    | st.integers(0, 5).map(lambda i: {"$": "buffer", "index": i})
    | st.just(
        {"$": "camera", "width": 4, "height": 4, "fl_x": 1, "fl_y": 1, "cx": 2, "cy": 2, "camera_to_world": {"$": "buffer", "index": 1}}
    )
)
fields = ["pixels", "color_space", "data", "name", "width", "height", "fl_x", "fl_y", "cx", "cy", "camera_to_world", "camera", "channels",
          "depth_scale", "number", "vertices", "faces", "normals", "colors", "of a newer version"]  # fmt: skip


@given(st.builds(lambda kind, given: {"$": kind, **given}, kinds, st.dictionaries(st.sampled_from(fields), field)))
def test_objects_with_wrong_fields(data: Any) -> None:
    try:
        value = decode(data, [np.zeros((2, 2, 3), np.uint8), np.eye(4), np.zeros((3, 3), np.float32), np.zeros(7, np.uint8)])
    except ProtocolError:
        pass
    else:  # what was let through can be sent on
        encode(value, [])


descriptions = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from([*DTYPES, "O", ">f4", "<c8", 1, None]),
        "nbytes": scalars | st.integers(0, 99),
        "shape": st.lists(st.integers(-1, 2**70) | scalars, max_size=9) | scalars,
    },
)


@given(descriptions)
def test_descriptors_of_anything(data: Any) -> None:
    try:
        dtype, shape = check_descriptor(data)
    except ProtocolError:
        pass
    else:
        assert math.prod(shape) * dtype.itemsize == data["nbytes"]


@pytest.mark.parametrize("shape", [[2**40, 2**40, 0], [2**70, 0], [0, 2**63]])
def test_shapes_that_numpy_refuses(shape: list[int]) -> None:
    with pytest.raises(ProtocolError):
        CODEC.decode(signed(b'{"type":"status"}', json.dumps({"buffers": [{"dtype": "|u1", "shape": shape, "nbytes": 0}]}).encode(), b""))


@pytest.mark.parametrize(
    "text", [b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":1e999}', b"[]", b'"a"', b"{", b"\xff", b"[" * 100_000, b"1" * 9999]
)
def test_json_that_is_not_ours(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        CODEC.decode(signed(b'{"type":"status"}', text))


def test_a_deep_tree_is_refused() -> None:
    data: Any = 1
    for _ in range(500):
        data = [data]
    with pytest.raises(ProtocolError, match="deep"):
        decode(data, [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nbytes": 5}, "16 bytes"),
        ({"dtype": "<f8"}, "bytes"),
        ({"dtype": "|O"}, "dtype"),
        ({"shape": [5]}, "bytes"),
        ({"shape": [-4]}, "whole"),
    ],
)
def test_a_buffer_that_contradicts_its_description(change: dict[str, Any], said: str) -> None:
    array = np.arange(4, dtype=np.float32)
    description = Buffer(array).describe() | change
    with pytest.raises(ProtocolError, match=said):
        CODEC.decode(signed(b'{"type":"status"}', json.dumps({"buffers": [description]}).encode(), array.tobytes()))


def test_missing_truncated_and_surplus_buffers() -> None:
    frames = message({}, [np.arange(9, dtype=np.uint8)])
    for wrong in (frames[:-1], [*frames[:-1], frames[-1][:5]], [*frames, b"more"]):
        with pytest.raises(ProtocolError):
            CODEC.decode(wrong)


def test_values_of_wrong_types() -> None:
    for wrong in (
        {"$": "image", "pixels": [1, 2], "color_space": "srgb"},
        {"$": "mesh", "vertices": {"$": "buffer", "index": 0}, "faces": {"$": "buffer", "index": 0}},
        {"$": "file", "data": {"$": "buffer", "index": 1}, "name": "x"},
        {"$": "frame", "camera": None, "channels": {}},
    ):
        with pytest.raises(ProtocolError):
            decode(wrong, [np.zeros((2, 2), np.float32), np.zeros(3, np.float32)])


# -- keys, versions, replays, limits -------------------------------------------------------------------------------------


def test_another_key() -> None:
    with pytest.raises(SignatureError, match="same key"):
        Codec(b"x" * 32).decode(message())


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ProtocolError, match="16 bytes"):
        Codec(b"short")


def test_another_major_version_says_what_to_update() -> None:
    frames = message()
    frames[0] = PREFIX[:4] + bytes([PREFIX[4] + 1])
    with pytest.raises(VersionError, match="Update"):
        CODEC.decode(frames)


def test_newer_fields_are_passed_over() -> None:
    head = b'{"type":"status","id":"a","minor":99,"colour":"blue"}'
    assert CODEC.decode(signed(head, b'{"known":1,"unknown":2}')).body["known"] == 1


def test_a_replayed_message_is_refused() -> None:
    sender, receiver = Session("s"), Session("s")
    recorded = [CODEC.decode([bytes(f) for f in sender.encode(CODEC, "ping", {})]) for _ in range(3)]
    for item in recorded:
        receiver.accept(item)
    for item in recorded:
        with pytest.raises(ProtocolError, match="again"):
            receiver.accept(item)
    with pytest.raises(ProtocolError, match="another"):
        Session("t").accept(recorded[0])


def test_an_oversize_frame_is_refused_at_the_sender() -> None:
    with pytest.raises(LimitError, match="16 MiB"):
        CODEC.encode("status", {}, [np.zeros(MAX_FRAME + 1, np.uint8)])
    with pytest.raises(LimitError, match=r"at most 16 MiB of text and lists in one message, got 16\.0 MiB\. Give"):
        CODEC.encode("status", {"text": "x" * MAX_FRAME})


# -- content addresses and transfers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
def test_digest_file_and_chunks_agree(size: int, tmp_path: Any) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    address = digest(as_bytes(data))
    write_file(as_bytes(data), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == data.tobytes()
    assert digest((tmp_path / "file").read_bytes()) == address
    if size:
        changed = data.copy()
        changed[-1] ^= 1
        assert digest(as_bytes(changed)) != address
    upload, received = Upload(Buffer(data, "bytes"), address), b""
    while (chunk := upload.next_chunk()) is not None:
        assert chunk[0]["offset"] == len(received)
        again = upload.next_chunk()  # until it has left: a full socket must not lose it
        assert again is not None
        assert again[0] == chunk[0]
        received += chunk[1].tobytes()
        upload.chunk_left(chunk[1].nbytes)
        assert upload.confirmed is None
        upload.acknowledge(len(received))
    assert received == data.tobytes()
    assert upload.confirmed is not None or not size


def test_download_puts_chunks_in_place_and_checks_the_whole() -> None:
    data = np.random.default_rng(1).integers(0, 256, 2 * CHUNK + 9, np.uint8)
    description = {**Buffer(data).describe(), "digest": digest(as_bytes(data))}
    download, requests = Download(description), []
    while (request := download.next_request()) is not None:
        assert download.next_request() == request
        requests.append(request)
        download.request_left()
    for request in reversed(requests):
        offset = request["offset"]
        download.take(offset, data[offset : offset + request["length"]])
    assert download.done
    download.check()
    np.testing.assert_array_equal(download.array, data)
    damaged = Download(description)
    for request in requests:
        offset = request["offset"]
        damaged.take(offset, data[offset : offset + request["length"]] ^ (offset == CHUNK))
    with pytest.raises(ProtocolError, match="damaged"):
        damaged.check()
    Download({**Buffer(np.zeros(0, np.uint8)).describe(), "digest": digest(b"")}).check()  # which has no chunk at all


def test_a_chunk_that_nobody_asked_for() -> None:
    download = Download({**Buffer(np.zeros(10, np.uint8)).describe(), "digest": "0" * 64})
    for offset, size in ((3, 7), (0, 9), (20, 1)):
        with pytest.raises(ProtocolError, match="asked for"):
            download.take(offset, np.zeros(size, np.uint8))


def test_deposit_and_map(tmp_path: Any) -> None:
    (tmp_path / "spool").mkdir()
    array = np.random.default_rng(2).random((64, 64, 3)).astype(np.float32)
    description = deposit(Buffer(array, "HWC", "linear"), tmp_path)
    path = blob_path(tmp_path, description["digest"])
    path.parent.mkdir(parents=True)
    (tmp_path / "spool" / description["file"]).rename(path)
    mapped = map_blob(description, tmp_path)
    np.testing.assert_array_equal(mapped, array)
    mapped[0] = 0  # a private copy
    np.testing.assert_array_equal(map_blob(description, tmp_path), array)
    assert deposit(Buffer(array, "HWC", "linear"), tmp_path)["transport"] == "blob"  # it is there already
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ProtocolError, match="bytes"):
        map_blob(description, tmp_path)
    path.unlink()
    with pytest.raises(ProtocolError, match="not in the store"):
        map_blob(description, tmp_path)
