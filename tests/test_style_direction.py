"""Directing style.image: regions and shares of several styles, edges, detail, orientation, colour, soft masks, bands, and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter, minimum_filter

from backlot.backend.core.color_spaces import luminance
from backlot.backend.core.context import Context
from backlot.backend.core.filters import structure_tensor
from backlot.backend.io.exr_layers_write import encode_layers
from backlot.backend.patchmatch.voting import vote
from backlot.backend.style.image import painting as engine
from backlot.backend.style.image.directions import coverage, read_regions, shared_out
from backlot.backend.style.image.strokes import constant_flow, flow_field
from backlot.backend.style.operations.style_image import run
from backlot.shared.errors import BacklotError, InputError
from backlot.shared.operations import find
from backlot.shared.values import EncodedFile, Image

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
SIZE = (72, 96)


def content() -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = np.hypot(y - 36, x - 48) < 24
    values = np.stack([0.25 + 0.5 * disc, 0.2 + 0.5 * x / SIZE[1], 0.7 - 0.4 * disc], 2)
    return (255 * values).astype(np.uint8)


def objects() -> np.ndarray:
    """1 outside, 4 in a disc, 2 in a small corner."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    ids = np.where(np.hypot(y - 36, x - 48) < 24, 4, 1)
    ids[:9, :7] = 2
    return ids.astype(np.float32)[..., None]


def tinted(channel: int, angle: float = 0.8, seed: int = 0) -> np.ndarray:
    """Strokes in one primary colour alone."""
    y, x = np.mgrid[:80, :100]
    noise = np.random.default_rng(seed).standard_normal((80, 100))
    wave = np.clip(0.6 + 0.25 * np.sin((x * np.cos(angle) + y * np.sin(angle)) * 1.2) + 0.1 * np.sin(y / 9) + 0.03 * noise, 0.3, 1)
    picture = np.zeros((80, 100, 3), np.uint8)
    picture[..., channel] = 255 * wave
    return picture


def paint(picture: np.ndarray, model: np.ndarray, given: dict[str, Any] | None = None, **inputs: Any) -> np.ndarray:
    every = {"content": Image(picture), "style": Image(model), **inputs}
    pixels: np.ndarray = run(every, find("style.image").check_parameters(given or {}), Context(CPU, 3))["image"].pixels
    return pixels


def leak(pixels: np.ndarray, ids: np.ndarray, owner: dict[int, int]) -> float:
    """Share of pixels that hold more than a tenth of another region's primary colour, but for the smoothed pixels right at a border."""
    values = pixels.astype(np.float64)
    own = np.zeros(values.shape[:2])
    for number, channel in owner.items():
        own = np.where(ids[..., 0] == number, values[..., channel], own)
    border = maximum_filter(ids[..., 0], 3) != minimum_filter(ids[..., 0], 3)
    return float(((own < 0.9 * values.sum(2)) & ~border).mean())


@pytest.mark.parametrize("more", [{}, {"stroke_size": 9.0}, {"stroke_size": 9.0, "orientation": "content"}])
def test_styles_of_objects_do_not_leak(more: dict[str, Any]) -> None:
    ids = objects()
    others = [Image(tinted(1)), Image(tinted(2))]
    got = paint(content(), tinted(0), {"regions": "4:1 2:2", **more}, ids=Image(ids, "data"), styles=others)
    assert leak(got, ids, {1: 0, 4: 1, 2: 2}) == 0
    inside = got[30:42, 40:56]
    assert inside[..., 1].min() > 40
    assert inside[..., 0].max() == 0
    assert got[2, 2, 2] > 40


def test_regions_by_a_pass_and_objects_left_as_they_are() -> None:
    ids = objects()
    layers = {"Combined": Image(np.zeros((*SIZE, 3), np.float32), "linear"), "IndexMA": Image(ids, "data")}
    file = EncodedFile(np.frombuffer(encode_layers(layers), np.uint8), "passes.exr")
    given = {"regions": "1,2:1 4:keep", "region_ids": "material"}
    got = paint(content(), tinted(0), given, passes=file, styles=[Image(tinted(1))])
    kept = np.zeros(SIZE, bool)
    kept[20:52, 32:64] = True
    np.testing.assert_array_equal(got[kept], content()[kept])
    assert got[60:, :20, 0].max() == 0
    with pytest.raises(InputError, match="ids or passes"):
        paint(content(), tinted(0), given | {"region_ids": "object"}, passes=file, styles=[Image(tinted(1))])


def test_borders_of_regions_are_smooth_where_they_slant() -> None:
    y, x = np.mgrid[:40, :40]
    slanted = coverage(torch.from_numpy((2 * y > x + 10).astype(np.int64)), 2)
    torch.testing.assert_close(slanted.sum(0), torch.ones(40, 40))
    between = (slanted[0] > 0.02) & (slanted[0] < 0.98)
    assert 10 < int(between.sum()) < 80
    straight = coverage(torch.from_numpy((x > 20).astype(np.int64)), 2)
    assert set(straight.unique().tolist()) == {0.0, 1.0}


def test_several_styles_share_the_picture_by_their_weights() -> None:
    colors = torch.from_numpy(content()).permute(2, 0, 1).float() / 255
    owners = shared_out(colors, [0.6, 0.3, 0.1], 8.0, torch.Generator().manual_seed(0))
    got = torch.bincount(owners.flatten(), minlength=3) / owners.numel()
    torch.testing.assert_close(got, torch.tensor([0.6, 0.3, 0.1]), atol=0.03, rtol=0)
    others = [Image(tinted(1)), Image(tinted(2))]
    pixels = paint(content(), tinted(0), {"weights": "60 0 40", "detail": 0.0}, styles=others)
    main = pixels.argmax(2)
    assert abs((main == 0).mean() - 0.6) < 0.1
    assert (main == 1).sum() == 0


def test_edges_stay_sharp() -> None:
    picture = np.full((64, 96, 3), 60, np.uint8)
    picture[:, 49:] = 200
    gray = np.repeat(tinted(0)[..., :1], 3, 2)
    steps = []
    for edges in (0.0, 1.0):
        row = paint(picture, gray, {"edges": edges, "detail": 0.0, "structure": 0.9, "stroke_size": 10.0}).astype(float)[8:-8].mean((0, 2))
        steps.append(abs(row[50] - row[47]) / abs(row[60:].mean() - row[:38].mean()))
    assert steps[1] > steps[0] + 0.05
    assert steps[1] > 0.4


def test_no_patch_votes_across_an_edge() -> None:
    generator = torch.Generator().manual_seed(0)
    source = torch.rand(3, 30, 40, generator=generator)
    field = torch.stack([torch.randint(0, 24, (14, 18), generator=generator), torch.randint(0, 34, (14, 18), generator=generator)]).int()
    flat = vote(field, source, None, (20, 24), (False, False), 2.0, torch.zeros(1, 20, 24))
    torch.testing.assert_close(flat, vote(field, source, None, (20, 24), (False, False), 2.0), atol=2e-3, rtol=0)
    sides = torch.zeros(1, 20, 24)
    sides[:, :, 12:] = 9
    split = vote(field, source, None, (20, 24), (False, False), 2.0, sides)
    changed = source.clone()
    other = field.clone()
    other[:, :, 9:] = 0  # patches whose centres lie to the right
    again = vote(other, changed, None, (20, 24), (False, False), 2.0, sides)
    assert float((again - split)[:, :, :12].abs().max()) < 0.02


def test_fine_strokes_keep_what_is_small() -> None:
    picture = np.full((120, 160, 3), 170, np.uint8)
    y, x = np.mgrid[30:150, 20:180]
    eyes = (np.hypot(y - 70, x - 90) < 3) | (np.hypot(y - 70, x - 106) < 3) | ((abs(y - 84) < 2) & (abs(x - 98) < 8))
    picture[eyes] = 40
    gray = np.repeat(tinted(0)[..., :1], 3, 2)
    window = (slice(30, 62), slice(60, 96))
    found = []
    for detail in (0.0, 0.7):
        got = paint(picture, gray, {"stroke_size": 10.0, "detail": detail, "structure": 0.6})[window].astype(float).mean(2)
        found.append(np.corrcoef(got.ravel(), picture[window].mean(2).ravel())[0, 1])
    assert found[1] > found[0] + 0.1


def direction_of(picture: np.ndarray) -> float:
    """Angle of strokes in degrees, 0..180, counter-clockwise from horizontal."""
    planes = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    c, s = structure_tensor(luminance(planes)[0], 2.0)[:2, 8:-8, 8:-8].mean((1, 2)).tolist()
    return float((90 - np.degrees(np.arctan2(s, c)) / 2) % 180)


@pytest.mark.parametrize("angle", [0.0, 90.0, -45.0])
def test_strokes_lie_at_the_angle_asked_for(angle: float) -> None:
    gray = np.repeat(tinted(0, angle=0.0)[..., :1], 3, 2)  # upright strokes
    picture = np.full((80, 100, 3), 128, np.uint8)
    got = direction_of(paint(picture, gray, {"orientation": "angle", "angle": angle, "stroke_size": 4.0, "structure": 0.2}))
    assert min(abs(got - angle % 180), 180 - abs(got - angle % 180)) < 15


def test_directions_of_content() -> None:
    y, x = np.mgrid[:60, :80]
    stripes = torch.from_numpy(0.5 + 0.4 * np.sin((x + y) / 3.0)).float()[None]  # run from bottom left to top right
    wanted = constant_flow(45.0, (60, 80), CPU)
    assert float((flow_field(stripes, 4.0) * wanted).sum(0)[6:-6, 6:-6].mean()) > 0.95


def test_luminance_keeps_the_contents_chroma_exactly() -> None:
    weights = np.array([0.2126, 0.7152, 0.0722])
    picture = content().astype(np.float32) / 255
    got = paint(picture, np.repeat(tinted(0)[..., :1], 3, 2), {"color": "luminance"})
    chroma = [p - (p @ weights)[..., None] for p in (got, picture)]
    np.testing.assert_allclose(chroma[0], chroma[1], atol=2e-3)
    assert np.abs(got @ weights - picture @ weights).mean() > 0.02


def test_soft_masks_mix_in_proportion() -> None:
    picture = content()
    soft = np.tile(np.linspace(0, 1, SIZE[1], dtype=np.float32)[None, :, None], (SIZE[0], 1, 1))
    whole, part = paint(picture, tinted(0)), paint(picture, tinted(0), mask=Image(soft, "data"))
    np.testing.assert_allclose(part, picture + soft * (whole.astype(float) - picture), atol=1.01)


@pytest.mark.parametrize("regions", [False, True])
def test_bands_make_no_difference(regions: bool) -> None:
    planes = torch.from_numpy(content()).permute(2, 0, 1).float() / 255
    ids = torch.from_numpy(objects()[..., 0]).long()
    owners = (ids == 4).long() if regions else None
    models = [engine.Model(torch.from_numpy(tinted(c)).permute(2, 0, 1).float() / 255) for c in ((0, 1) if regions else (0,))]
    found = []
    for rows in (0, 9, 16):
        direction = engine.Direction(detail=0.0, owners=owners, coverage=None if owners is None else coverage(owners, 2), rows=rows)
        generator = torch.Generator().manual_seed(0)
        found.append(engine.paint(planes, models, 25.0, 0.45, 0.35, generator, direction=direction))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_transparent_parts_of_a_style_are_not_used() -> None:
    model = np.concatenate([tinted(0), np.full((80, 100, 1), 255, np.uint8)], 2)
    model[:30, :, :] = [0, 255, 0, 0]
    got = paint(content(), model)
    assert got[..., 1].max() == 0
    model[..., 3] = 0
    with pytest.raises(InputError, match="opaque"):
        paint(content(), model)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"regions": "9:0"}, "ids that are in the picture: 1, 2, 4"),
        ({"regions": "1:2"}, "styles from 0 to 1"),
        ({"regions": "1"}, "regions such as"),
        ({"regions": "x:1"}, "regions as ids"),
        ({"weights": "1 2 3"}, "2 numbers"),
        ({"weights": "0 0"}, "2 numbers"),
        ({"weights": "a b"}, "2 numbers"),
    ],
)
def test_bad_texts(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BacklotError, match=words):
        paint(content(), tinted(0), given, ids=Image(objects(), "data"), styles=[Image(tinted(1))])


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (np.zeros((5, 50, 1), np.uint8), "the shape of the content"),
        (np.random.default_rng(0).random((*SIZE, 1)).astype(np.float32), "whole numbers"),
        (np.full((*SIZE, 1), np.inf, np.float32), "whole numbers"),
        (np.random.default_rng(0).integers(0, 9, (*SIZE, 3), dtype=np.uint8), "one number"),
    ],
)
def test_bad_ids(ids: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        paint(content(), tinted(0), ids=Image(ids, "data"))


def test_ids_of_another_size_are_the_same_objects() -> None:
    whole = paint(content(), tinted(0), {"regions": "4:keep"}, ids=Image(objects(), "data"))
    twice = objects().repeat(2, 0).repeat(2, 1)
    assert np.array_equal(paint(content(), tinted(0), {"regions": "4:keep"}, ids=Image(twice, "data")), whole)


def test_the_last_region_named_counts() -> None:
    ids = torch.tensor([[1, 2], [4, 4]])
    found = read_regions("1-4:keep 4:1", ids, 2)
    assert found is not None
    assert found[0].tolist() == [[0, 0], [1, 1]]
    assert found[1].tolist() == [[True, True], [False, False]]
