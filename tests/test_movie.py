"""Movies of sequences: encoded, decoded again and looked at; files found by their numbers; the command line."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from av.video.reformatter import ColorRange, Colorspace
from backend_process import Backend

from backlot.backend.cli import main
from backlot.backend.core.color import to_linear, to_srgb
from backlot.backend.core.context import Context
from backlot.backend.io import movie
from backlot.backend.io.color.ocio import to_scene_linear
from backlot.backend.io.display import displayed
from backlot.backend.io.exr_layers_write import encode_layers
from backlot.backend.io.operations.sequence_movie import run
from backlot.backend.io.reading import decode
from backlot.backend.io.writing import encode
from backlot.shared.client import Client
from backlot.shared.errors import InputError, JobCancelled, JobFailed, StorageError
from backlot.shared.frame_names import frame_number
from backlot.shared.inputs import read_input
from backlot.shared.jobs import Job
from backlot.shared.notes import collect_notes
from backlot.shared.operations import find
from backlot.shared.sequences import find_frames
from backlot.shared.values import EncodedFile, Image

SCHEMA = find("sequence.movie")
SIZE = (64, 36)
GRAY = 118
"""What 18 % gray is in sRGB: 255 * (1.055 * 0.18 ** (1 / 2.4) - 0.055) = 117.6."""


def file(name: str, data: bytes) -> EncodedFile:
    return EncodedFile(np.frombuffer(data, np.uint8), name)


def flat(number: int, color: Any, size: tuple[int, int] = SIZE, name: str = "paint") -> EncodedFile:
    """A PNG of one colour, of 8 bits."""
    pixels = np.empty((size[1], size[0], np.size(color)), np.uint8)
    pixels[:] = color
    return file(f"{name}_{number:04d}.png", encode(Image(pixels), "png"))


def linear(*color: float, alpha: float | None = None) -> Image:
    values = [*color, *([] if alpha is None else [alpha])]
    return Image(np.full((SIZE[1], SIZE[0], len(values)), values, np.float32), "linear")


def make(pictures: list[EncodedFile], beside: list[EncodedFile] | None = None, context: Context | None = None, **given: Any) -> Any:
    inputs = {"pictures": pictures, **({"beside": beside} if beside else {})}
    return run(inputs, SCHEMA.check_parameters(given), context or Context(torch.device("cpu")))


def look(data: bytes) -> tuple[Any, list[np.ndarray]]:
    """The stream's codec and rate, and its frames as ``(H, W, 3)`` float64 sRGB 0..255."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        facts = {
            "codec": codec.name, "size": (stream.width, stream.height), "rate": stream.average_rate, "pixels": codec.pix_fmt,
            "tags": (codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range), "count": stream.frames,
        }  # fmt: skip
        return facts, [_rgb(frame) for frame in container.decode(stream)]


def _rgb(frame: av.VideoFrame) -> np.ndarray:
    """Rec.709 in the limited range (ITU-R BT.709-6, 3.3), not rounded on the way."""
    planes = frame.reformat(format="yuv444p", src_colorspace=Colorspace.ITU709, dst_colorspace=Colorspace.ITU709,
                            src_color_range=ColorRange.MPEG, dst_color_range=ColorRange.MPEG).to_ndarray()  # fmt: skip
    y, cb, cr = ((planes.astype(np.float64) - [[[16]], [[128]], [[128]]]) / [[[219]], [[224]], [[224]]]).clip(-1, 1)
    blue, red = y + 1.8556 * cb, y + 1.5748 * cr
    return np.stack([red, (y - 0.2126 * red - 0.0722 * blue) / 0.7152, blue], 2) * 255


def seen(result: Any) -> list[np.ndarray]:
    return look(result["movie"].data.tobytes())[1]


# -- what a player gets ----------------------------------------------------------------------------------------------


def test_what_a_player_gets() -> None:
    result = make([flat(n, 30 * n) for n in (3, 1, 2, 5, 4)])
    data = result["movie"].data.tobytes()
    facts, frames = look(data)
    assert facts == {"codec": "h264", "size": SIZE, "rate": 24, "pixels": "yuv420p", "tags": (1, 1, 1, 1), "count": 5}
    assert [frame.mean() for frame in frames] == pytest.approx([30, 60, 90, 120, 150], abs=2), "in the order of their numbers"
    assert 0 < data.index(b"moov") < data.index(b"mdat"), "the index comes first: it plays while it loads"
    assert result["report"] == {
        "first": 1, "last": 5, "frames": 5, "fps": 24.0, "seconds": 0.208, "size": list(SIZE), "encoder": "libx264", "notes": [],
    }  # fmt: skip
    assert make([flat(n, 30 * n) for n in (1, 2, 3, 4, 5)])["movie"].data.tobytes() == data


@pytest.mark.parametrize(
    ("fps", "exact"),
    [(25, Fraction(25)), (23.976, Fraction(24000, 1001)), (29.97, Fraction(30000, 1001)), (12.5, Fraction(25, 2)), (1, Fraction(1))],
)
def test_the_frame_rate_is_exact(fps: float, exact: Fraction) -> None:
    result = make([flat(n, 99) for n in range(1, 4)], fps=fps)
    assert look(result["movie"].data.tobytes())[0]["rate"] == exact
    assert result["report"]["seconds"] == pytest.approx(float(3 / exact), abs=1e-3)


HALF = np.full((*SIZE[::-1], 3), [0.18, 0.5, 0.02], np.float16)
TRANSLUCENT = Image(np.full((SIZE[1], SIZE[0], 4), [255, 255, 255, 128], np.uint8))
HIDDEN = Image(np.full((SIZE[1], SIZE[0], 4), [255, 128, 0, 0], np.uint8))
LAYERS = {
    "stylised": linear(0.18, 0.18, 0.18, alpha=1.0),
    "delta": linear(0.9, 0.1, 0.5),
    "mask": Image(np.ones((*SIZE[::-1], 1), np.float16), "data"),
}
PICTURES: dict[str, tuple[bytes, str, Any]] = {
    "sRGB, 8 bits": (encode(Image(np.full((*SIZE[::-1], 3), [200, 40, 60], np.uint8)), "png"), "png", [200, 40, 60]),
    "sRGB, 16 bits": (encode(Image(np.full((*SIZE[::-1], 3), [2570, 5140, 59110], np.uint16)), "png"), "png", [10, 20, 230]),
    "JPEG": (encode(Image(np.full((*SIZE[::-1], 3), [30, 180, 70], np.uint8)), "jpg"), "jpg", [30, 180, 70]),
    "gray": (encode(Image(np.full((*SIZE[::-1], 1), 77, np.uint8)), "png"), "png", [77] * 3),
    "linear": (encode(linear(0.18, 0.18, 0.18), "exr"), "exr", [GRAY] * 3),
    "half": (encode(Image(HALF, "linear"), "exr"), "exr", to_srgb(HALF[0, 0]) * 255),
    "brighter than white": (encode(linear(7.0, 0.0, -1.0), "exr"), "exr", [255, 0, 0]),
    "not a number": (encode(linear(np.nan, np.inf, 0.18), "exr"), "exr", [0, 255, GRAY]),
    "layers": (encode_layers(LAYERS), "exr", [GRAY] * 3),
    "alpha of an EXR": (encode(linear(0.36, 0.36, 0.36, alpha=0.5), "exr"), "exr", [GRAY] * 3),
    "alpha of a PNG": (encode(TRANSLUCENT, "png"), "png", to_srgb(np.array([128 / 255] * 3)) * 255),
    "colour behind no alpha": (encode(HIDDEN, "png"), "png", [0] * 3),
    "a mask": (encode(Image(np.full((*SIZE[::-1], 1), 0.5, np.float32), "data"), "exr"), "exr", [128] * 3),
}  # fmt: skip


@pytest.mark.parametrize("kind", PICTURES)
def test_colours_are_those_of_the_screen(kind: str) -> None:
    data, suffix, wanted = PICTURES[kind]
    for frame in seen(make([file(f"a_{n}.{suffix}", data) for n in (1, 2)])):
        assert np.abs(frame - wanted).max() <= 3


def test_every_half_looks_as_its_float_does() -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256, 1)
    quick, exact = (displayed(Image(pixels, "linear"), "it") for pixels in (halves, halves.astype(np.float32)))
    assert np.array_equal(quick, exact)
    png = decode(file("it.png", encode(Image(np.where(np.isfinite(halves), halves, 0).astype(np.float32), "linear"), "png"))).pixels
    finite = np.isfinite(halves[..., 0])
    assert np.abs(exact[finite, 0] / 255 - png[finite, 0] / 65535).max() <= 0.5 / 255 + 1e-6, "as the PNG of it, rounded to 8 bits"


def test_colours_of_the_artists_config_are_respected() -> None:
    values = np.full((*SIZE[::-1], 3), [0.5, 0.1, 0.05], np.float32)
    plain = file("a_1.exr", encode(Image(values, "linear"), "exr"))
    wanted = to_srgb(to_scene_linear(values, "ACEScg")[0, 0].clip(0, 1)) * 255
    assert np.abs(wanted - to_srgb(values[0, 0]) * 255).max() > 10
    [item] = [item for item in SCHEMA.inputs if item.name == "pictures"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, plain.name)
        path.write_bytes(plain.data.tobytes())
        [frame] = seen(make(read_input(item, path, color_space="ACEScg")))
    assert np.abs(frame - wanted).max() <= 3


def test_frames_lie_beside_those_of_the_same_number() -> None:
    before = [flat(n, [0, 0, 25 * n], name="color") for n in (1, 2, 3, 4, 9)]
    result = make([flat(n, [60 * n, 0, 0]) for n in (2, 3, 4)], before)
    facts, frames = look(result["movie"].data.tobytes())
    assert facts["size"] == (2 * SIZE[0], SIZE[1])
    assert result["report"]["size"] == [2 * SIZE[0], SIZE[1]]
    for number, frame in zip((2, 3, 4), frames, strict=True):
        left, right = frame[:, : SIZE[0] - 4].mean((0, 1)), frame[:, SIZE[0] + 4 :].mean((0, 1))
        assert left == pytest.approx([0, 0, 25 * number], abs=4)
        assert right == pytest.approx([60 * number, 0, 0], abs=4)
    assert result["report"]["notes"] == []


def test_frames_beside_may_have_another_size_of_the_shape() -> None:
    with collect_notes() as notes:
        result = make([flat(n, 200) for n in (1, 2)], [flat(n, 90, (128, 72), "color") for n in (1, 2)])
    facts, frames = look(result["movie"].data.tobytes())
    assert facts["size"] == (2 * SIZE[0], SIZE[1])
    assert frames[1][:, : SIZE[0] - 4].mean() == pytest.approx(90, abs=3)
    assert frames[1][:, SIZE[0] + 4 :].mean() == pytest.approx(200, abs=3)
    assert notes.sentences() == ["beside of 128 x 72 pixels was brought to the 64 x 36 of the others"]


@pytest.mark.parametrize(("size", "even"), [((33, 20), (34, 20)), ((32, 21), (32, 22)), ((33, 21), (34, 22)), ((1, 1), (2, 2))])
def test_odd_sizes_get_one_more_line_of_the_same(size: tuple[int, int], even: tuple[int, int]) -> None:
    facts, frames = look(make([flat(1, 140, size)])["movie"].data.tobytes())
    assert facts["size"] == even
    assert np.abs(frames[0] - 140).max() <= 3, "no black edge"


def test_what_is_missing_is_held_and_said() -> None:
    result = make([flat(n, 20 * n) for n in (1, 2, 5, 7)], [flat(n, 20 * n, name="color") for n in (2, 3, 4, 5, 6, 7)])
    frames = seen(result)
    right, left = ([round(float(frame[:, part].mean()) / 20) for frame in frames] for part in (np.s_[70:], np.s_[:58]))
    assert right == [1, 2, 2, 2, 5, 5, 7]
    assert left == [2, 2, 3, 4, 5, 6, 7]
    assert result["report"]["notes"] == [
        "No picture in beside of frame 1: the one before, or else the first, is held",
        "No picture in pictures of frames 3-4, 6: the one before, or else the first, is held",
    ]


def test_quality_is_kept_for_larger_files() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:144, :256]
    noisy = [(128 + 60 * np.sin((x + 3 * n) / 9) + 30 * np.cos(y / 5) + rng.normal(0, 4, x.shape)).clip(0, 255) for n in range(12)]
    pictures = [file(f"a_{n}.png", encode(Image(np.repeat(p[..., None], 3, 2).astype(np.uint8)), "png")) for n, p in enumerate(noisy)]
    sizes, errors = [], []
    for quality in movie.QUALITIES:
        result = make(pictures, quality=quality)
        sizes.append(result["movie"].data.size)
        errors.append(np.mean([np.abs(frame.mean(2) - p).mean() for frame, p in zip(seen(result), noisy, strict=True)]))
    assert sizes[0] > 1.5 * sizes[1] > 2.25 * sizes[2]
    assert errors[0] < errors[1] < errors[2]
    assert errors[0] < 2


# -- what cannot be a movie ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pictures", "beside", "words"),
    [
        ([flat(1, 9), flat(2, 9, (48, 36))], None, "paint_0002.png to be of 64 x 36 pixels, as the frames before it, got 48 x 36"),
        ([flat(1, 9)], [flat(1, 9, (64, 48))], "pictures at the left to have the shape of the others, 64 x 36 pixels, got 64 x 48"),
        ([flat(1, 9)], [flat(2, 9)], "at the left for the frames 1 to 1, got frames 2 to 2"),
        ([flat(1, 9), file("paint_0002.png", b"no picture")], None, "paint_0002.png to be an image file"),
        ([file("paint_0001.exr", LAYERS["delta"].pixels.tobytes())], None, "paint_0001.exr to be an image file"),
        ([file("paint.png", b""), flat(1, 9)], None, "a frame number in the name of paint.png"),
        ([flat(1, 9), flat(1, 9, name="other")], None, "paint_0001.png and other_0001.png for frame 1"),
        ([flat(1, 9), flat(9000, 9)], None, "each 100th of at most 100000 frames, got 2 pictures for the frames 1 to 9000"),
        ([flat(n, 9) for n in (1, 2, 3, 20240101)], None, "got 4 pictures for the frames 1 to 20240101"),
        ([flat(n * 33333, 9) for n in (1, 2, 3)], [flat(n * 33333, 9) for n in (1, 2, 3)], "got 3 pictures for the frames 33333 to 99999"),
    ],
)
def test_what_cannot_be_a_movie_is_named(pictures: Any, beside: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        make(pictures, beside)
    assert words in str(caught.value)


def test_time_stamps_are_frames_in_their_order() -> None:
    stamps = [109328475, 109361808, 109395142, 109428475]
    with collect_notes() as notes:
        result = make([flat(stamp, 40 * n + 40) for n, stamp in reversed(list(enumerate(stamps)))])
    assert [round(float(frame.mean()) / 40) for frame in seen(result)] == [1, 2, 3, 4]
    assert (result["report"]["first"], result["report"]["last"]) == (0, 3)
    assert "time stamps" in notes.sentences()[0]


def test_larger_than_the_encoder_takes() -> None:
    with pytest.raises(InputError, match="at most 16384 pixels a side, got 16390 x 2"):
        movie.encode_movie([np.zeros((2, 16390, 3), np.uint8)], 24)
    with pytest.raises(InputError, match="at least one frame"):
        movie.encode_movie([], 24)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def stop_at(fraction: float, temporary: Path) -> Callable[..., None]:
    def progress(done: float, _stage: str, _preview: Any = None) -> None:
        if done >= fraction:
            assert list(temporary.glob("*.mp4")), "the encoder is at work"
            raise JobCancelled

    return progress


def test_a_cancelled_job_leaves_no_half_file_and_reads_no_further(temporary: Path) -> None:
    pictures = [*(flat(n, 9) for n in range(8)), file("paint_0008.png", b"not reached"), flat(9, 9)]
    with pytest.raises(JobCancelled):
        make(pictures, context=Context(torch.device("cpu"), progress=stop_at(0.5, temporary)))
    assert list(temporary.iterdir()) == []
    with pytest.raises(InputError, match=r"paint_0008\.png"):
        make(pictures)
    assert list(temporary.iterdir()) == []
    make(pictures[:3])
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_said(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = av.open
    monkeypatch.setattr(av, "open", lambda _path, *arguments, **given: real("/dev/full", *arguments, **given))
    noise = np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8)
    with pytest.raises(StorageError, match=r"cannot be written: No space left on device\. Free some space"):
        movie.encode_movie([noise] * 12, 24)
    assert list(temporary.iterdir()) == []


def test_another_encoder_stands_in_for_one_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    # A dictionary of its own: an entry that is put back later would come last.
    monkeypatch.setattr(movie, "ENCODERS", {name: options for name, options in movie.ENCODERS.items() if name != "libx264"})
    result = make([flat(n, [200, 40, 60]) for n in range(1, 6)])
    facts, frames = look(result["movie"].data.tobytes())
    assert (facts["codec"], facts["count"], facts["pixels"]) == ("mpeg4", 5, "yuv420p")
    assert all(np.abs(frame - [200, 40, 60]).max() <= 4 for frame in frames)
    assert result["report"]["encoder"] == "mpeg4"
    assert "no libx264" in result["report"]["notes"][0]
    monkeypatch.setattr(movie, "ENCODERS", {"h264_of_tomorrow": []})
    with pytest.raises(JobFailed, match=r"Expected an FFmpeg with one of the encoders h264_of_tomorrow, got PyAV .*\. Install"):
        make([flat(1, 9)])


# -- sequences on disk -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("stylised_0012.exr", 12), ("render.0007.png", 7), ("shot-0012.exr", 12), ("stylised_-005.exr", -5), ("0042.png", 42),
        ("v2_take3_0100_left.jpg", 100), ("sheet.png", None), ("a/b_12/c.png", None),
    ],
)  # fmt: skip
def test_the_number_of_a_frame_stands_in_its_name(name: str, number: int | None) -> None:
    assert frame_number(name) == number


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """What ``style-shot`` leaves in a folder."""
    for number in (-1, 0, 9, 10):
        (tmp_path / f"stylised_{number:04d}.png").write_bytes(flat(number, 50).data.tobytes())
    for name in ("report.json", "provenance.json", "model.safetensors", "sheet.png", ".stylised_0011.png"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_a_folder_is_its_numbered_pictures(shot: Path) -> None:
    names = ["stylised_-001.png", "stylised_0000.png", "stylised_0009.png", "stylised_0010.png"]
    assert [(number, path.name) for number, path in find_frames([shot])] == list(zip((-1, 0, 9, 10), names, strict=True))
    assert [path.name for _, path in find_frames([shot / "*_00*.png"])] == names[1:]
    assert find_frames([shot / "sheet.png"]) == [(0, shot / "sheet.png")]
    (shot / "color_0001.exr").write_bytes(b"")
    with pytest.raises(InputError, match=r"color_####\.exr \(1\), stylised_####\.png \(4\)"):
        find_frames([shot])
    with pytest.raises(InputError, match="none"):
        find_frames([shot / "nothing_*.png"])
    (shot / "transforms.json").write_text(json.dumps({"frames": [{"file_path": "color_0001.exr", "depth_file_path": "stylised_0000.png"}]}))
    assert find_frames([shot]) == [(1, shot / "color_0001.exr")]
    (shot / "transforms.json").write_text('{"frames": 5}')
    with pytest.raises(InputError, match=r"transforms\.json"):
        find_frames([shot])


def test_a_folder_without_pictures_says_what_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got an empty folder"):
        find_frames([tmp_path])
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(InputError, match=r"frame numbers in their names such as stylised_0012\.exr, got report\.json"):
        find_frames([tmp_path])


# -- through a backend -----------------------------------------------------------------------------------------------


def test_the_command_makes_a_movie_of_folders(
    server: Backend, shot: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(server.state))
    out = shot / "out" / "preview.mp4"
    assert main(["movie", str(shot), "--beside", str(shot), "--fps", "25", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out.split() == [str(out), f"{out}.json"]
    assert "Note: No picture in beside of frames 1-8:" in said.err
    facts, frames = look(out.read_bytes())
    assert (facts["rate"], len(frames), facts["size"]) == (25, 12, (2 * SIZE[0], SIZE[1]))
    note = json.loads(Path(f"{out}.json").read_text())
    assert note["report"]["frames"] == 12
    assert note["parameters"] == {"fps": 25.0, "quality": "high"}
    assert main(["movie", str(shot / "stylised_0009.png"), str(shot / "stylised_0010.png"), "--out", str(out)]) == 0
    assert len(look(out.read_bytes())[1]) == 2
    for arguments, words in (
        (["movie", str(shot), "--out", "movie.avi"], "ending in .mp4"),
        (["movie", str(shot / "out"), "--out", str(out)], "preview.mp4"),
        (["movie", str(shot / "gone"), "--out", str(out)], "gone"),
        (["movie", str(shot / "report.json"), "--out", str(out)], "report.json"),
    ):
        assert main(arguments) == 2
        assert words in capsys.readouterr().err
    assert len(look(out.read_bytes())[1]) == 2, "what was there stays"


def test_a_job_file_takes_a_folder_and_a_pattern(server: Backend, shot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLOT_STATE_DIR", str(server.state))
    job = {
        "backlot_job": 1, "operation": "sequence.movie", "parameters": {"quality": "low"}, "outputs": "out",
        "inputs": {"pictures": ".", "beside": "stylised_00*.png"},
    }  # fmt: skip
    (shot / "job.json").write_text(json.dumps(job))
    assert main(["run", str(shot / "job.json")]) == 0
    facts, frames = look((shot / "out" / "movie.mp4").read_bytes())
    assert (facts["size"], len(frames)) == ((2 * SIZE[0], SIZE[1]), 12)
    assert json.loads((shot / "out" / "report.json").read_text())["encoder"] == "libx264"
    assert main(["run", str(shot / "job.json")]) == 0


def test_a_client_gets_the_file_whatever_it_asks_for(client: Client) -> None:
    for deliver in ("files", "arrays"):
        outputs = client.run(Job("sequence.movie", {"fps": 10.0}, {"pictures": [flat(n, [9, 90, 9]) for n in (1, 2)]}, deliver=deliver))
        assert outputs["movie"].name == "movie.mp4"
        assert np.abs(look(outputs["movie"].data.tobytes())[1][1] - [9, 90, 9]).max() <= 3
    with pytest.raises(InputError, match="pictures"):
        client.run(Job("sequence.movie", {}, {"pictures": []}))


def test_linear_and_encoded_halves_blend_alike() -> None:
    """A PNG and an EXR of one translucent picture are one picture on the screen."""
    color, alpha = np.array([200, 120, 40]), 100
    png = Image(np.full((*SIZE[::-1], 4), [*color, alpha], np.uint8))
    light = to_linear(color / 255)
    exr = linear(*(float(v) for v in light), alpha=alpha / 255)
    encoded, scene = seen(make([file("a_1.png", encode(png, "png")), file("a_2.exr", encode(exr, "exr"))]))
    assert np.abs(encoded - scene).max() <= 2
    assert np.abs(encoded[0, 0] - to_srgb(light * alpha / 255) * 255).max() <= 3
