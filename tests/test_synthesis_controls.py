"""texture.synthesize: map stacks, turned copies, originality, label maps, kept pixels, extension, and the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import skimage.data
import torch

from backlot.backend.core.context import Context
from backlot.backend.materials.exemplar.labels import match_labels
from backlot.backend.materials.exemplar.map_stack import WEIGHTS
from backlot.backend.materials.operations.texture_synthesize import run
from backlot.backend.patchmatch import pyramid
from backlot.backend.patchmatch.atlas import Atlas, refine
from backlot.backend.patchmatch.descriptor import PATCH
from backlot.backend.patchmatch.engine import Fixed
from backlot.backend.patchmatch.texture_measures import exemplar_notes, usage, verbatim_share
from backlot.backend.patchmatch.transforms import ROTATIONS, Transform, transforms_for, turn_normals
from backlot.shared.errors import InputError
from backlot.shared.operations import find
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("one_thread")

GRAVEL = np.ascontiguousarray(skimage.data.gravel()[:128, :128, None])


def make(size: tuple[int, int] = (64, 64), *, seed: int = 0, parameters: dict[str, Any] | None = None, **inputs: Any) -> dict[str, Any]:
    """Runs the operation; arrays become pictures: colour for the exemplar, data for the rest."""
    checked = find("texture.synthesize").check_parameters({"size": list(size), **(parameters or {})})
    values = {k: v if isinstance(v, Image) else Image(v, "srgb" if k == "exemplar" else "data") for k, v in inputs.items()}
    return run(values, checked, Context(torch.device("cpu"), seed))


def bumps(side: int = 96) -> np.ndarray:
    """A height field that tiles, ``(H, W)`` in 0..1."""
    noise = np.random.default_rng(2).standard_normal((side, side))
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    field = np.fft.ifft2(np.fft.fft2(noise) * np.exp(-((f - 0.06) ** 2) / 0.0006)).real
    return np.clip(0.5 + 0.2 * field / field.std(), 0, 1)


def normals_of(height: np.ndarray, depth: float = 8.0) -> np.ndarray:
    """OpenGL normals, ``(H, W, 3)`` in -1..1."""
    across = depth * (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2
    down = depth * (np.roll(height, -1, 0) - np.roll(height, 1, 0)) / 2
    vectors = np.stack([-across, down, np.ones_like(across)], 2)
    return vectors / np.linalg.norm(vectors, axis=2, keepdims=True)


def as_bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def stack_of(height: np.ndarray) -> dict[str, np.ndarray]:
    """A material in which every map follows from the height, so that maps that came apart can be told."""
    return {
        "exemplar": as_bytes(np.stack([height, height**2, 1 - height], 2)),
        "normal": as_bytes(0.5 + 0.5 * normals_of(height)),
        "height": height[..., None].astype(np.float32),
        "roughness": as_bytes(1 - height)[..., None],
        "metallic": np.zeros((*height.shape, 1), np.uint8),
        "occlusion": as_bytes(height).astype(np.uint16)[..., None] * np.uint16(257),
    }


@pytest.mark.parametrize("rotation", ["none", "flips"])
def test_a_stack_of_maps_stays_together(rotation: str) -> None:
    got = make((64, 56), parameters={"rotation": rotation}, **stack_of(bumps(72)))
    assert list(got) == ["base_color", "normal", "height", "roughness", "metallic", "occlusion", "report"]
    height = got["height"].pixels[..., 0].astype(np.float64)
    assert height.shape == (56, 64)
    kinds = {k: v.pixels.dtype.name for k, v in got.items() if isinstance(v, Image)}
    assert kinds == {
        "base_color": "uint8", "normal": "uint8", "height": "float32", "roughness": "uint8", "metallic": "uint8", "occlusion": "uint16",
    }  # fmt: skip
    assert all(got[k].color_space == "data" for k in WEIGHTS)
    np.testing.assert_allclose(got["roughness"].pixels[..., 0] / 255, 1 - height, atol=0.02)
    np.testing.assert_allclose(got["occlusion"].pixels[..., 0] / 65535, height, atol=0.02)
    np.testing.assert_allclose(got["base_color"].pixels[..., 0] / 255, height, atol=0.02)
    assert (got["metallic"].pixels == 0).all()


@pytest.mark.parametrize(
    ("rotation", "convention"),
    [
        *((rotation, "OpenGL") for rotation in ("none", "mirror", "half", "quarter", "flips", "any")),
        *((rotation, "DirectX") for rotation in ("mirror", "half", "quarter")),  # all that turns a vector; the others combine these
    ],
)
def test_normals_follow_the_patches(rotation: str, convention: str) -> None:
    """The normals made are those of the height made: turned patches turn their vectors."""
    sign = np.array([1, 1 if convention == "OpenGL" else -1, 1])
    height = bumps(72)
    inputs = {"exemplar": as_bytes(height)[..., None], "normal": (normals_of(height) * sign).astype(np.float32)}
    got = make((48, 48), parameters={"rotation": rotation}, height=height[..., None].astype(np.float32), **inputs)
    vectors = got["normal"].pixels.astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=2), 1, atol=1e-5)
    truth = normals_of(got["height"].pixels[..., 0].astype(np.float64)) * sign
    for axis in (0, 1):
        assert np.corrcoef(vectors[..., axis].ravel(), truth[..., axis].ravel())[0, 1] > 0.85
    told = any("DirectX" in note for note in got["report"]["notes"])
    assert told == (convention == "DirectX")


def test_turning_normals_by_hand() -> None:
    right = torch.tensor([1.0, 0, 0]).view(3, 1, 1)
    for up in (True, False):
        turned = turn_normals(right, Transform(2), up).flatten().tolist()  # a quarter counter-clockwise: now up the picture
        assert turned == pytest.approx([0, 1 if up else -1, 0], abs=1e-6)
        assert turn_normals(right, Transform(0, mirror=True), up).flatten().tolist() == pytest.approx([-1, 0, 0], abs=1e-6)


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_maps_of_another_size_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"128 x 128 pixels, got 64 x 100"):
        make(exemplar=GRAVEL, **{name: np.zeros((100, 64, 3), np.uint8)})


def test_bad_maps() -> None:
    with pytest.raises(InputError, match="normal to have one of 3, 4 channels"):
        make(exemplar=GRAVEL, normal=GRAVEL)
    with pytest.raises(InputError, match="height to hold finite"):
        make(exemplar=GRAVEL, height=np.full((128, 128, 1), np.nan, np.float32))
    with pytest.raises(InputError, match="flat maps"):
        make(exemplar=np.full((40, 40, 3), 9, np.uint8), height=np.ones((40, 40, 1), np.uint8))


def test_a_flat_colour_with_a_textured_map_is_a_material() -> None:
    height = bumps(64)[..., None].astype(np.float32)
    got = make((48, 48), exemplar=np.full((64, 64, 3), 90, np.uint8), height=height)
    assert (got["base_color"].pixels == 90).all()
    assert got["height"].pixels.std() > 0.7 * height.std()


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_transforms_move_places_as_their_matrix_says(rotation: str) -> None:
    y, x = torch.meshgrid(torch.arange(31) - 15.0, torch.arange(41) - 20.0, indexing="ij")
    for turn in transforms_for(rotation, 0.5):
        moved = turn.apply(torch.stack([y, x]))
        inside = turn.inside((31, 41), torch.device("cpu"))
        h, w = moved.shape[1:]
        ty, tx = torch.meshgrid(torch.arange(h) - (h - 1) / 2, torch.arange(w) - (w - 1) / 2, indexing="ij")
        (yy, yx), (xy, xx) = turn.matrix()
        want = torch.stack([ty, tx]) / turn.scale
        got = torch.stack([yy * moved[0] + yx * moved[1], xy * moved[0] + xx * moved[1]])
        middle = torch.zeros(h, w, dtype=torch.bool)
        middle[4:-4, 4:-4] = True
        where = middle if inside is None else (inside[0] > 0) & middle
        assert int(where.sum()) > 200
        assert float((got - want).abs().amax(0)[where].max()) < 0.6


def test_patches_of_an_atlas_never_straddle_its_sources() -> None:
    sources = tuple(torch.full((1, 20 + 6 * i, 30 - 4 * i), float(i)) for i in range(3))
    holes = torch.ones(1, 26, 26)
    holes[:, 10, 10] = 0
    atlas = Atlas(sources, (None, holes, None))
    sheet = atlas.sheet(1.0)
    assert sheet.usable is not None
    patches = sheet.stack(sources).unfold(1, PATCH, 1).unfold(2, PATCH, 1)[0]
    flat = patches.reshape(-1, PATCH**2)[sheet.usable]
    assert bool((flat == flat[:, :1]).all())
    expected = 14 * 24 + (20 * 20 - 49) + 26 * 16
    assert int(sheet.usable.sum()) == expected
    # Refining keeps every patch in its source, and snapping finds a usable one.
    coarse = atlas.sheet(0.5)
    generator = torch.Generator().manual_seed(0)
    rows, columns = coarse.grid
    field = torch.stack([torch.randint(0, n, (12, 12), generator=generator) for n in (rows, columns)]).int()
    field = coarse.snap(field)
    fine = refine(field, ((12, 12), (24, 24)), coarse, sheet, (True, True))
    assert bool(sheet.usable[fine[0].long() * sheet.grid[1] + fine[1]].all())
    parents, _ = pyramid.parents(((12, 12), (24, 24)), (12, 12), (True, True), field.device)
    kept = coarse.member_of(field[0])[parents[0]][:, parents[1]] == sheet.member_of(fine[0])
    assert kept.float().mean() > 0.9  # snapping beside a hole may leave a source


@pytest.mark.parametrize(("rotation", "appear"), [("none", False), ("half", False), ("quarter", True)])
def test_only_the_turns_that_were_asked_for_appear(rotation: str, appear: bool) -> None:
    """Short horizontal dashes on noise stand upright only after quarter turns."""
    random = np.random.default_rng(0)
    picture = random.integers(90, 110, (96, 96))
    for y, x in random.integers(0, 84, (60, 2)):
        picture[y : y + 2, x : x + 11] = 230
    got = make((80, 80), exemplar=picture.astype(np.uint8)[..., None], parameters={"rotation": rotation, "originality": 0.0})
    bright = got["base_color"].pixels[..., 0] > 190
    upright = (bright[:-7] & bright[7:]).mean() / bright.mean()  # bright seven pixels apart, one above the other
    assert (upright > 0.25) == appear


def test_originality_breaks_copies_and_keeps_the_look() -> None:
    plain, broken = (make((96, 96), exemplar=GRAVEL[:112, :112], seed=3, parameters={"originality": o}) for o in (0.0, 0.4))
    assert broken["report"]["verbatim"] < 0.8 * plain["report"]["verbatim"]
    detail = [np.abs(np.diff(t["base_color"].pixels[..., 0].astype(np.float64), axis=0)).mean() for t in (plain, broken)]
    assert detail[1] > 0.8 * detail[0]  # seams between more pieces cost a little sharpness


def test_figures_of_known_fields() -> None:
    identity = torch.stack(torch.meshgrid(torch.arange(40), torch.arange(40), indexing="ij")).int()
    assert verbatim_share(identity) == 1
    scattered = torch.randint(0, 200, (2, 40, 40), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    assert verbatim_share(scattered) < 0.01
    used, most = usage(identity, Atlas((torch.zeros(1, 46, 46),)).sheet(1.0), [Transform()])
    assert used == 1
    assert most == pytest.approx(1)
    used, most = usage(torch.zeros_like(identity), Atlas((torch.zeros(1, 46, 46),)).sheet(1.0), [Transform()])
    assert used == pytest.approx(1 / 36)
    assert most == pytest.approx(1600 / 49)


def test_the_report_notes_what_is_not_one_material() -> None:
    def notes(picture: np.ndarray) -> list[str]:
        return exemplar_notes(torch.from_numpy(picture.astype(np.float32).transpose(2, 0, 1) / 255))

    assert notes(skimage.data.gravel()[..., None]) == []
    assert notes(skimage.data.grass()[..., None]) == []
    assert any("brighter" in n for n in notes(skimage.data.gravel()[..., None] * np.linspace(0.4, 1, 512)[:, None]))
    assert any("different things" in n for n in notes(skimage.data.camera()[..., None]))


RED, GREEN = (255, 0, 0), (0, 160, 0)


def two_materials() -> tuple[np.ndarray, np.ndarray]:
    """Dark fine noise on the left, bright coarse on the right, and their labels."""
    random = np.random.default_rng(0)
    left = random.integers(0, 110, (96, 48))
    right = 145 + np.repeat(np.repeat(random.integers(0, 110, (24, 12)), 4, 0), 4, 1)
    labels = np.zeros((96, 96, 3), np.uint8)
    labels[:, :48], labels[:, 48:] = RED, GREEN
    return np.concatenate([left, right], 1).astype(np.uint8)[..., None], labels


def test_labels_decide_where_a_material_goes() -> None:
    exemplar, labels = two_materials()
    wanted = np.zeros((48, 48, 3), np.uint8)
    wanted[:] = GREEN
    wanted[12:20, 8:40] = RED
    wanted[20:40, 8:16] = RED
    soft = np.clip(wanted.astype(int) + np.random.default_rng(1).integers(-6, 7, wanted.shape), 0, 255).astype(np.uint8)  # as JPEG makes it
    got = make((96, 96), exemplar=exemplar, exemplar_labels=labels, labels=soft)["base_color"].pixels[..., 0]
    dark = np.repeat(np.repeat((wanted[..., 0] == 255), 2, 0), 2, 1)
    assert ((got < 128) == dark).mean() > 0.95


def test_labels_that_do_not_fit() -> None:
    exemplar, labels = two_materials()
    blue = labels.copy()
    blue[40:60, 40:60] = (0, 0, 255)
    with pytest.raises(InputError, match=r"#00a000.*got #0000ff"):
        make(exemplar=exemplar, exemplar_labels=labels, labels=blue)
    with pytest.raises(InputError, match="exemplar_labels together with labels"):
        make(exemplar=exemplar, labels=labels)
    with pytest.raises(InputError, match="labels together with exemplar_labels"):
        make(exemplar=exemplar, exemplar_labels=labels)
    with pytest.raises(InputError, match="exemplar_labels as large as the exemplar, 96 x 96"):
        make(exemplar=exemplar, exemplar_labels=labels[:50], labels=labels)
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="plain colour"):
        make(exemplar=exemplar, exemplar_labels=noise, labels=labels)


def test_soft_edges_are_no_labels() -> None:
    _, labels = two_materials()
    soft = labels.astype(np.float64)
    soft[:, 46:50] = np.array(RED) + np.linspace(0, 1, 4)[None, :, None] * (np.array(GREEN) - np.array(RED))
    there, wanted, count = match_labels(Image(labels), Image(soft.astype(np.uint8)), (96, 96))
    assert count == 2
    assert (there != wanted).mean() < 0.03


def test_what_is_kept_comes_back_bit_for_bit_and_holes_are_filled() -> None:
    broken, keep = GRAVEL.copy(), np.full((128, 128, 1), 255, np.uint8)
    keep[50:90, 40:80] = 0
    broken[50:90, 40:80] = 255
    got = make((128, 128), exemplar=broken, keep=keep, parameters={"tile": "none"})["base_color"].pixels
    kept = keep[..., 0] == 255
    np.testing.assert_array_equal(got[kept], broken[kept])
    hole = got[50:90, 40:80, 0].astype(np.float64)
    truth = GRAVEL[50:90, 40:80, 0].astype(np.float64)
    assert abs(hole.mean() - truth.mean()) < 0.5 * truth.std()
    assert np.abs(np.diff(hole, axis=1)).mean() > 0.7 * np.abs(np.diff(truth, axis=1)).mean()  # neither white nor mush
    edge = np.abs(got[49, 40:80, 0].astype(float) - got[50, 40:80, 0]).mean()
    assert edge < 1.5 * np.abs(np.diff(GRAVEL[..., 0].astype(float), axis=0)).mean()


def test_the_middle_is_kept_and_the_rest_made_to_tile() -> None:
    keep = np.zeros((128, 128, 1), np.uint8)
    keep[30:98, 30:98] = 255
    got = make((128, 128), exemplar=GRAVEL, keep=keep, parameters={"source_area": "all"})["base_color"].pixels
    np.testing.assert_array_equal(got[30:98, 30:98], GRAVEL[30:98, 30:98])
    for axis in (0, 1):
        lines = np.abs(got[..., 0].astype(float) - np.roll(got[..., 0].astype(float), 1, axis)).mean(1 - axis)
        assert lines[0] < 1.4 * np.median(lines)


def test_extending_keeps_the_exemplar_in_the_middle_with_its_maps() -> None:
    height = GRAVEL.astype(np.float32) / 255
    got = make((160, 144), exemplar=GRAVEL[:96, :96], height=height[:96, :96], parameters={"extend": True, "rotation": "half"})
    top, left = 24, 32
    np.testing.assert_array_equal(got["base_color"].pixels[top : top + 96, left : left + 96], GRAVEL[:96, :96])
    np.testing.assert_array_equal(got["height"].pixels[top : top + 96, left : left + 96], height[:96, :96])
    outside = got["base_color"].pixels[:, :left].astype(np.float64)
    assert outside.std() > 0.7 * GRAVEL.std()


def test_kept_phase_is_not_broken_at_the_border() -> None:
    """Stripes that are extended go on where they were, although a whole number of them would not fit."""
    x = np.arange(96)
    stripes = (127 + 100 * np.tanh(3 * np.sin(2 * np.pi * x / 12.3)) * np.ones((96, 1))).astype(np.uint8)[..., None]
    got = make((132, 96), exemplar=stripes, parameters={"extend": True, "tile": "none"})["base_color"].pixels[..., 0].astype(float)
    truth = 127 + 100 * np.tanh(3 * np.sin(2 * np.pi * (np.arange(132) - 18) / 12.3))
    assert np.abs(got - truth).mean() < 25


@pytest.mark.parametrize(
    ("size", "parameters", "keep", "words"),
    [
        ((64, 64), {}, np.full((128, 128, 1), 255, np.uint8), "exemplar's size, 128 x 128.*got 64 x 64"),
        ((64, 64), {"extend": True}, None, "at least the exemplar's 128 x 128"),
        ((128, 128), {"exemplar_scale": 2.0}, np.full((128, 128, 1), 255, np.uint8), "exemplar scale of 1"),
        ((128, 128), {}, np.zeros((128, 128, 1), np.uint8), "white in 0.0%"),
        ((128, 128), {}, np.zeros((50, 60, 1), np.uint8), "keep as large as the exemplar, 128 x 128 pixels, got 60 x 50"),
    ],
)
def test_masks_that_do_not_fit(size: tuple[int, int], parameters: dict[str, Any], keep: np.ndarray | None, words: str) -> None:
    inputs = {} if keep is None else {"keep": keep}
    with pytest.raises(InputError, match=words):
        make(size, exemplar=GRAVEL, parameters=parameters, **inputs)


def test_keeping_both_ends_is_noted() -> None:
    got = make((128, 128), exemplar=GRAVEL, keep=np.full((128, 128, 1), 255, np.uint8))
    np.testing.assert_array_equal(got["base_color"].pixels, GRAVEL)
    assert sum("does not tile" in note for note in got["report"]["notes"]) == 2


def test_given_pixels_do_not_bleed() -> None:
    mask = torch.zeros(1, 32, 32)
    mask[:, :16] = 1
    pixels = torch.where(mask > 0, 0.25, 100.0)
    coarse = Fixed(pixels, mask).at((8, 8))
    assert float(coarse.pixels[coarse.mask > 0].max()) == pytest.approx(0.25)


@pytest.mark.parametrize("parameters", [{"rotation": "any", "scale_variation": 0.5}, {"rotation": "flips", "originality": 0.8}])
def test_one_seed_one_texture(parameters: dict[str, Any]) -> None:
    first, again, other = (make((40, 40), seed=s, exemplar=GRAVEL[:48, :48], parameters=parameters)["base_color"].pixels for s in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.3
