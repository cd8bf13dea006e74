"""Several styles in one shot: by object ids without leaks, by shares that stay on the surfaces, in chunks, and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter, minimum_filter
from shot_frames import ShotView, SmallShot, scene_frame

from backlot.backend.core.context import Context
from backlot.backend.io.exr_layers_read import decode_layers
from backlot.backend.style.image.directions import parse_regions, shared_out
from backlot.backend.style.operations.style_shot import run
from backlot.backend.style.shot import measure
from backlot.backend.style.shot.passes import open_shot
from backlot.backend.style.shot.sharing import Regions
from backlot.shared.errors import BacklotError, InputError
from backlot.shared.object_names import objects_as_ids, regions_as_ids, with_ids
from backlot.shared.operations import find
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
GROUND, BOX, BALL, EGG = 1, 2, 3, 4


@pytest.fixture(scope="module")
def views() -> list[ShotView]:
    return [SmallShot(64, 44, 12, 1).render(n) for n in range(1, 5)]


def tinted(channel: int) -> Image:
    """Strokes in one primary colour alone."""
    y, x = np.mgrid[:48, :64]
    noise = np.random.default_rng(channel).standard_normal((48, 64))
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[..., channel] = 255 * np.clip(0.65 + 0.25 * np.sin((x + y) / 1.4) + 0.05 * noise, 0.35, 1)
    return Image(picture)


def paint(views: list[ShotView], count: int = 3, **given: Any) -> Any:
    inputs = {"frames": [scene_frame(v) for v in views], "style": tinted(0), "styles": [tinted(n) for n in range(1, count)]}
    return run(inputs, find("style.shot").check_parameters({"anchors": 2, "stroke_size": 8.0, **given}), Context(CPU, 2))


REGIONS = {"regions": f"{BOX},{BALL}:1 {EGG}:2 0:keep"}


@pytest.fixture(scope="module")
def by_objects(views: list[ShotView]) -> Any:
    torch.set_num_threads(1)
    return paint(views, **REGIONS)


def test_styles_of_objects_do_not_leak(by_objects: Any, views: list[ShotView]) -> None:
    owner = {GROUND: 0, BOX: 1, BALL: 1, EGG: 2}
    for file, view in zip(by_objects["stylised"], views, strict=True):
        layers, ids = decode_layers(file), view.object_id
        pixels = layers["stylised"].pixels
        inner = maximum_filter(ids, 3) == minimum_filter(ids, 3)
        np.testing.assert_array_equal(pixels[inner & (ids == 0)], view.color[inner & (ids == 0)])
        assert layers["mask"].pixels[inner & (ids == 0)].max() == 0
        for number, channel in owner.items():
            mine = inner & (ids == number)
            assert mine.sum() > 10
            others = np.delete(pixels, channel, 2) - np.delete(np.maximum(view.color - 1, 0), channel, 2)
            assert np.abs(others[mine]).max() < 0.02, (view.number, number)
            assert pixels[mine][:, channel].min() > 0.02
    assert sum(by_objects["report"]["styles"]) == pytest.approx(1, abs=1e-3)
    assert by_objects["report"]["notes"] == []


def test_a_chunk_with_several_styles_is_what_the_whole_has_there(by_objects: Any, views: list[ShotView]) -> None:
    chunk = paint(views, **REGIONS, frames_wanted="4")
    np.testing.assert_array_equal(chunk["stylised"][0].data, by_objects["stylised"][3].data)


def test_several_styles_keep_the_colours_of_the_content(views: list[ShotView]) -> None:
    """A red and a green style on objects: with the colours kept, each object has its own hue, and the styles' strokes."""
    given = {"regions": f"{BOX},{BALL}:1", "color": "keep", "layers": "picture"}
    kept = [f.pixels for f in paint(views[:2], 2, **given)["stylised"]]
    other = [f.pixels for f in paint(views[:2], 2, **{**given, "regions": f"{BOX},{BALL}:keep"})["stylised"]]
    for number in (BOX, BALL, EGG):
        mine = views[1].object_id == number
        mean, want = (p[mine].mean(0) for p in (kept[1], views[1].color))
        assert np.abs(mean / mean.sum() - want / want.sum()).max() < 0.06, number
    box = views[1].object_id == BOX
    assert np.abs(kept[1] - other[1])[box].mean() > 0.01, "the second style paints the box"


def test_styles_of_objects_across_a_cut(views: list[ShotView]) -> None:
    """Each scene is painted with its own objects' styles, and a scene is the same with another before it as alone."""
    late = SmallShot(64, 44, 12, 1).render(8)
    both = paint([views[0], late], 2, regions=f"{BOX},{BALL}:1", layers="picture")
    assert both["report"]["scenes"] == [[1, 1], [8, 8]]
    for file, view in zip(both["stylised"], (views[0], late), strict=True):
        inner = maximum_filter(view.object_id, 3) == minimum_filter(view.object_id, 3)
        for number, channel in ((BOX, 1), (EGG, 0)):
            mine = inner & (view.object_id == number)
            assert mine.sum() > 10
            assert (file.pixels[mine].argmax(1) == channel).all(), (view.number, number)
    alone = paint([late], 2, regions=f"{BOX},{BALL}:1", layers="picture")
    np.testing.assert_array_equal(both["stylised"][1].pixels, alone["stylised"][0].pixels)


def test_shares_stay_on_the_surfaces(views: list[ShotView]) -> None:
    got = paint(views, 2, weights="65 35", layers="picture")
    owners = [f.pixels.argmax(2) for f in got["stylised"]]
    assert abs(np.mean([(o == 0).mean() for o in owners]) - 0.65) < 0.15
    shot = open_shot([scene_frame(v) for v in views])
    [pair] = measure.pairs(shot, 3, CPU)
    rows, columns = (p.round().long().clamp(0, s - 1).numpy() for p, s in zip(pair.place, views[0].depth.shape, strict=True))
    seen = pair.seen.numpy()

    def agreement(first: np.ndarray, last: np.ndarray) -> float:
        clear = [maximum_filter(o, 3) == minimum_filter(o, 3) for o in (first, last)]  # places are rounded to pixels
        return float((last == first[rows, columns])[seen & clear[1] & clear[0][rows, columns]].mean())

    afresh = [
        shared_out(torch.from_numpy(v.color).permute(2, 0, 1), [0.65, 0.35], 10.0, torch.Generator().manual_seed(v.number)).numpy()
        for v in (views[0], views[3])
    ]
    held = agreement(owners[0], owners[3])
    print(f"held {held:.3f}, afresh {agreement(*afresh):.3f}")
    assert held > 0.95
    assert agreement(*afresh) < 0.7


def test_the_last_region_counts_and_unseen_ids_are_said(views: list[ShotView]) -> None:
    shot = open_shot([scene_frame(v) for v in views[:2]])
    regions = Regions(shot, parse_regions("1-4:1 4:keep 77:1", 2), 2, CPU)
    shares, ids = regions.shares(0), views[0].object_id
    torch.testing.assert_close(shares.sum(0), torch.ones(ids.shape))
    inner = maximum_filter(ids, 3) == minimum_filter(ids, 3)
    for number, place in ((0, 0), (BOX, 1), (EGG, 2)):
        assert (shares[place].numpy()[inner & (ids == number)] == 1).all()
    assert regions.unseen() == ["77"]
    assert (regions.area(0, 1).numpy() >= (shares[1] > 0).numpy()).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"regions": "1:3"}, "styles from 0 to 2"),
        ({"regions": "Box:1"}, "regions as ids"),
        ({"regions": "1"}, "regions such as"),
        ({"weights": "1 2"}, "3 numbers"),
    ],
)
def test_bad_texts(views: list[ShotView], given: dict[str, str], words: str) -> None:
    with pytest.raises(BacklotError, match=words):
        paint(views[:1], **given)


def test_regions_need_ids(views: list[ShotView]) -> None:
    inputs = {"frames": [scene_frame(views[0], object_id=None)], "style": tinted(0), "styles": [tinted(1)]}
    with pytest.raises(InputError, match="object ids"):
        run(inputs, find("style.shot").check_parameters({"regions": "1:1"}), Context(CPU, 2))


def test_names_become_ids() -> None:
    names = {"Chair": 3, "Old Table": 5, "Chair.001": 6, "7": 9}
    assert objects_as_ids("Old Table, 4 8-9,Chair, 7", names) == "5,4 8-9,3,9"
    assert objects_as_ids("3 7-9", {}) == "3 7-9"
    assert regions_as_ids("Old Table,Chair.001,4:0 Chair:keep 7-8:1", names) == "5,6,4:0 3:keep 7-8:1"
    assert regions_as_ids("1,4:0 2:keep", {}) == "1,4:0 2:keep"
    with pytest.raises(InputError, match=r"The source knows 7, Chair, Chair\.001, Old Table"):
        objects_as_ids("Sofa", names)
    with pytest.raises(InputError, match=r"'Sofa'.*The frames have 7, Chair"):
        regions_as_ids("Sofa:1", names)
    given = {"objects": "Chair", "regions": "Old Table:1", "color": "keep"}
    assert with_ids(given, names) == {"objects": "3", "regions": "5:1", "color": "keep"}
