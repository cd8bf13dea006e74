"""Blends of materials lie in patches: which ones, how much of each, without a seam, and to be seen in what the shipped model makes."""

from __future__ import annotations

import pytest
import torch

from backlot.backend.materials.generator.blend_masks import lay_patches, parts_of
from backlot.backend.materials.generator.generate import Request, produce
from backlot.backend.materials.generator.model import MaterialModel, material_model
from backlot.backend.materials.prompt import read_prompt
from backlot.backend.materials.stack import BASE_COLOR

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shipped() -> MaterialModel:
    return material_model("materials", CPU)


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("rock covered in snow", [{"rock"}, {"snow"}]),
        ("30% moss, 70% gravel", [{"gravel"}, {"moss"}]),
        ("rusty iron plates", [{"plates"}, {"rust"}]),
        ("concrete tiles with rust", [{"tiles", "concrete"}, {"rust"}]),
        ("marble tiles", []),  # what the tiles are made of
        ("wet mossy cobblestone", []),  # growth is an attribute
        ("rusty metal", []),  # a fifth is a tinge
        ("brick", []),
    ],
)
def test_what_lies_apart(prompt: str, parts: list[set[str]]) -> None:
    read = read_prompt(prompt)
    found = parts_of(read.families, read.apart)
    assert sorted(sorted(families) for families, _ in found) == sorted(sorted(names) for names in parts)
    for families, share in found:
        assert sum(families.values()) == pytest.approx(1)
        assert share == pytest.approx(sum(read.families[name] for name in families))


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.7, 0.3], [0.5, 0.3, 0.2]])
def test_shares_are_kept_and_patches_close(shares: list[float]) -> None:
    laid = lay_patches(shares, (512, 1024), torch.Generator().manual_seed(1))
    assert laid.shape == (len(shares), 64, 128)
    torch.testing.assert_close(laid.sum(0), torch.ones(64, 128))
    assert laid.min() >= 0
    for place, share in zip(laid, shares, strict=True):
        assert float(place.mean()) == pytest.approx(share, abs=0.04)
        assert float(((place > 0.1) & (place < 0.9)).float().mean()) < 0.25, "mostly one or the other"
        for axis in (0, 1):
            steps = (place - place.roll(1, axis)).abs().mean(1 - axis)
            assert steps[0] <= steps[1:].max()
            assert steps[0] < 3 * steps.mean()


def test_snow_lies_on_rock_in_patches(shipped: MaterialModel) -> None:
    def white(prompt: str, seed: int, **more: object) -> torch.Tensor:
        stack = produce(shipped, Request((256, 256), prompt, **more), seed).stack  # type: ignore[arg-type]
        low = torch.nn.functional.avg_pool2d(stack[None, BASE_COLOR].amin(1, keepdim=True), 16)[0, 0]
        return low > 0.6

    both, rock = white("rock covered in snow", 2), white("gray rock", 2)
    assert 0.2 < float(both.float().mean()) < 0.55
    assert float(rock.float().mean()) < 0.1
    near = white("rock covered in snow", 7, like_seed=2, likeness=0.9)
    assert float((near == both).float().mean()) > 0.85, "what is near a variation has its patches"


def test_a_blend_morphs_into_a_plain_material(shipped: MaterialModel) -> None:
    mask = torch.zeros(64, 64)
    mask[:, 32:] = 1
    request = Request((128, 128), "rock covered in snow", morph_prompt="black lava", morph=1.0, morph_mask=mask)
    color = produce(shipped, request, 2).stack[BASE_COLOR].mean(0)
    assert float(color[:, 80:112].mean()) < 0.25 < float(color[:, 16:48].mean())
    whole = produce(shipped, Request((128, 128), "rock covered in snow", morph_prompt="black lava", morph=1.0), 2)
    assert float(whole.stack[BASE_COLOR].mean()) < 0.25
    back = produce(shipped, Request((128, 128), "black lava", morph_prompt="rock covered in snow", morph=1.0), 2)
    assert float(back.stack[BASE_COLOR].mean()) > 0.3, "what is morphed to may be a blend too"
