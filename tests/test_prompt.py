"""The prompt encoder: what an artist types, what must be reported, and what must never happen."""

from __future__ import annotations

import importlib.util
import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlot.backend.materials.prompt import Prompt, read_prompt
from backlot.backend.materials.prompt.lexicon import lexicon
from backlot.backend.materials.prompt.palette import mix, tone
from backlot.backend.materials.prompt.scan import MAX_CHARACTERS
from backlot.backend.materials.prompt.semantics import Semantics
from backlot.shared.errors import InputError
from backlot.shared.material import ATTRIBUTES, FAMILIES, LAYOUTS

WHITE, BLACK, RED = (0.92, 0.91, 0.89), (0.11, 0.11, 0.11), (0.66, 0.21, 0.16)

# (prompt, main family, layout, {attribute: (lowest, highest)}); families other than the main one must stay below half.
PROMPTS: list[tuple[str, str, str, dict[str, tuple[float, float]]]] = [
    ("wet mossy cobblestone", "cobblestone", "", {"wetness": (0.7, 0.9), "growth": (0.6, 0.9)}),
    ("old rusty metal, scratched", "rust", "", {"wear": (0.6, 0.9)}),
    ("dark oak planks, worn, not glossy", "planks", "", {"wear": (0.6, 0.8), "roughness": (0.6, 0.9)}),
    ("snow", "snow", "", {}),
    ("cracked dry mud", "mud", "cracked", {"wetness": (0, 0)}),
    ("mud, no cracks", "mud", "none", {}),
    ("blue glazed bathroom tiles with white grout", "tiles", "", {"roughness": (0.05, 0.2)}),
    ("hexagonal tiles", "tiles", "hexagons", {}),
    ("herringbone oak parquet, polished", "planks", "herringbone", {"roughness": (0, 0.15)}),
    ("running bond bricks", "brick", "running_bond", {}),
    ("weathered brick wall, chipped", "brick", "", {"wear": (0.65, 0.9)}),
    ("brand new bricks", "brick", "", {"wear": (0, 0.1)}),
    ("brushed steel, not rusty", "brushed_metal", "", {"wear": (0, 0)}),
    ("rust-free steel", "brushed_metal", "", {}),
    ("slightly rusty brushed aluminium", "brushed_metal", "", {"wear": (0.1, 0.4)}),
    ("rusty metal plates", "plates", "", {"wear": (0.4, 0.7)}),
    ("not very rusty iron", "brushed_metal", "", {}),
    ("tiny gravel", "gravel", "", {"scale": (0, 0.1)}),
    ("coarse gravel, dusty", "gravel", "", {"scale": (0.7, 1), "roughness": (0.8, 1)}),
    ("very large pebbles", "gravel", "", {"scale": (0.9, 1)}),
    ("moss covered rocks", "rock", "", {"growth": (0.85, 1)}),
    ("moss on old bricks", "brick", "", {"growth": (0.5, 0.8), "wear": (0.5, 0.7)}),
    ("snow on rocks", "rock", "", {}),
    ("cobblestone, moss, rain", "cobblestone", "", {"growth": (0.5, 0.8), "wetness": (0.8, 0.9)}),
    ("cobblestones with grass growing between the stones", "cobblestone", "", {"growth": (0.5, 0.8)}),
    ("concrete without cracks", "concrete", "", {"wear": (0, 0)}),
    ("clean smooth concrete", "concrete", "", {"wear": (0, 0), "relief": (0.1, 0.3)}),
    ("white brick wall without moss or cracks", "brick", "", {"growth": (0, 0), "wear": (0, 0)}),
    ("stone wall, never wet", "cobblestone", "", {"wetness": (0, 0)}),
    ("dry sand", "sand", "", {"wetness": (0, 0)}),
    ("soaked asphalt", "asphalt", "", {"wetness": (1, 1)}),
    ("slightly damp plaster", "plaster", "", {"wetness": (0.1, 0.3)}),
    ("asphalt with puddles", "asphalt", "", {"wetness": (0.8, 0.9)}),
    ("old cracked asphalt road with weeds", "asphalt", "", {"growth": (0.6, 0.8), "wear": (0.6, 0.8)}),
    ("(mossy:1.2) stone wall", "cobblestone", "", {"growth": (0.88, 0.92)}),
    ("brown leather, scuffed", "leather", "", {"wear": (0.65, 0.85)}),
    ("crocodile leather", "leather", "", {"relief": (0.7, 0.9)}),
    ("carbon fibre weave", "weave", "", {"roughness": (0.1, 0.3)}),
    ("woven wicker basket", "weave", "", {}),
    ("lava with glowing cracks", "lava", "cracked", {}),
    ("beach sand with ripples", "sand", "", {"relief": (0.7, 0.8)}),
    ("slate roof shingles", "shingles", "", {}),
    ("terracotta roof tiles, overgrown with moss", "shingles", "", {"growth": (0.85, 1)}),
    ("birch bark", "bark", "", {}),
    ("pine tree bark, deep", "bark", "", {"relief": (0.75, 0.85)}),
    ("lush green grass", "grass", "", {}),
    ("stone tiles", "tiles", "", {}),
    ("marble tiles", "tiles", "", {}),
    ("hand-made irregular clay tiles", "tiles", "", {"irregularity": (0.8, 1)}),
    ("machine-made regular pavers", "pavers", "", {"irregularity": (0, 0.2)}),
    ("unpolished granite", "rock", "", {"roughness": (0.6, 0.9)}),
    ("sci-fi metal panels, clean", "plates", "", {"wear": (0, 0)}),
    ("frozen lake, glossy", "ice", "", {"roughness": (0.05, 0.2)}),
    ("bumpy forest floor", "moss", "", {"relief": (0.7, 0.9)}),
    ("flat grey concrete", "concrete", "", {"relief": (0, 0.2)}),
    ("peeling painted wall", "plaster", "", {"wear": (0.7, 0.9)}),
    ("seamless 4k PBR texture of wet stone floor", "rock", "", {"wetness": (0.7, 0.9)}),
    ("natural oak wood, matte, plain", "wood", "", {"roughness": (0.8, 1), "variation": (0, 0.2)}),
    ("ancient ruined castle wall", "brick", "", {"wear": (0.8, 1)}),
    ("cobblstone, weatherd, mossyy", "cobblestone", "", {"growth": (0.6, 0.9), "wear": (0.6, 0.8)}),
    ("non-metallic grey panels", "plates", "", {"metallic": (0, 0)}),
]


@pytest.mark.parametrize(("text", "family", "layout", "ranges"), PROMPTS, ids=[row[0] for row in PROMPTS])
def test_what_artists_type(text: str, family: str, layout: str, ranges: dict[str, tuple[float, float]]) -> None:
    prompt = read_prompt(text)
    assert max(prompt.families, key=lambda name: prompt.families[name]) == family
    assert prompt.families[family] >= 0.5
    assert prompt.layout == layout
    for name, (low, high) in ranges.items():
        assert low - 1e-9 <= prompt.attributes[name] <= high + 1e-9, (name, prompt.attributes)  # type: ignore[operator]
    assert not [note for note in prompt.notes if "contradict" in note]


@pytest.mark.parametrize(
    ("text", "color", "gap"),
    [
        ("red bricks with white mortar", RED, WHITE),
        ("bricks in red, mortar in white", RED, WHITE),
        ("polished white marble with gray veins", WHITE, (0.5, 0.5, 0.5)),
        ("gold veins in black marble", BLACK, (0.79, 0.63, 0.25)),
        ("black and white marble", BLACK, WHITE),
        ("#f80 plaster", (1.0, 0.533, 0.0), None),
        ("plaster #102030, matte", (16 / 255, 32 / 255, 48 / 255), None),
        ("steelblue tiles, black grout", (70 / 255, 130 / 255, 180 / 255), BLACK),
        ("gravel with sand joints", None, (0.77, 0.65, 0.48)),
        ("moss green leather", (0.38, 0.44, 0.23), None),
        ("snow", None, None),
        ("rock with orange lichen", None, None),
    ],
)
def test_colours_go_where_they_belong(text: str, color: tuple[float, ...] | None, gap: tuple[float, ...] | None) -> None:
    attributes = read_prompt(text).attributes
    for name, expected in (("color", color), ("gap_color", gap)):
        if expected is None:
            assert name not in attributes
        else:
            assert attributes[name] == pytest.approx(expected, abs=0.02)


def _lightness(text: str) -> float:
    color = read_prompt(text).attributes["color"]
    assert isinstance(color, tuple)
    return sum(color)


def test_modifiers_of_colours() -> None:
    assert _lightness("very dark red bricks") < _lightness("dark red bricks") < _lightness("red bricks") < _lightness("light red bricks")
    assert _lightness("dark rock") < _lightness("pale rock")
    assert _lightness("dark oak planks") < _lightness("oak planks")
    bluish, plain = read_prompt("bluish grey slate").attributes["color"], read_prompt("grey slate").attributes["color"]
    assert isinstance(bluish, tuple)
    assert isinstance(plain, tuple)
    assert bluish[2] - bluish[0] > 0.05 > plain[2] - plain[0]


def test_mixing_and_toning_stay_in_range() -> None:
    assert mix([((0.2, 0.4, 0.6), 1.0), ((0.2, 0.4, 0.6), 3.0)]) == pytest.approx((0.2, 0.4, 0.6), abs=1e-4)
    for name in ("light", "pale", "dark", "deep", "muted", "vivid", "bright", "warm", "cool"):
        for color in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)):
            assert all(0.0 <= x <= 1.0 for x in tone(color, name, 2.0))
    assert tone((0.3, 0.5, 0.7), "vivid", 0.0) == pytest.approx((0.3, 0.5, 0.7), abs=1e-4)


def test_blends_have_the_asked_shares() -> None:
    assert read_prompt("half moss half gravel").families == pytest.approx({"moss": 0.5, "gravel": 0.5})
    assert read_prompt("30% moss, 70% gravel").families == pytest.approx({"moss": 0.3, "gravel": 0.7})
    assert read_prompt("grass and mud").families == pytest.approx({"grass": 0.5, "mud": 0.5})
    assert set(read_prompt("mossy cobblestone").families) == {"cobblestone"}


def test_an_emphasis_weighs_more() -> None:
    wear = [
        read_prompt(f"{word} brick").attributes["wear"]
        for word in ("slightly chipped", "[chipped]", "chipped", "(chipped)", "(chipped:1.3)")
    ]
    assert wear == sorted(wear)
    assert len(set(wear)) == len(wear)
    assert read_prompt("(mossy:0) brick").attributes["growth"] == 0.0


def test_every_word_is_reported() -> None:
    prompt = read_prompt("The wet flurble tiles & a glass snorkel, 77 not rusty 🧱")
    assert prompt.unknown == ["flurble", "glass", "snorkel", "77", "🧱"]
    assert ("wet", "wetness 0.80") in prompt.known
    assert ("rusty", "no rust") in [(word, meaning.split(",")[0]) for word, meaning in prompt.known]
    assert {"the", "a", "and"} <= {word for word, _ in prompt.known}
    report = json.loads(json.dumps(prompt.report()))
    assert {"word": "wet", "as": "wetness 0.80"} in report["understood"]
    assert "the" not in [entry["word"] for entry in report["understood"]]


def test_a_typo_is_told_and_a_real_word_is_not_bent() -> None:
    assert dict(read_prompt("cobblstone").known)["cobblstone"].startswith("read as 'cobblestone'")
    for stranger in ("glass", "travel", "mouse", "weather", "rice", "feather", "state"):
        assert read_prompt(stranger).unknown == [stranger]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dry wet sand", "'dry' and 'wet' contradict each other"),
        ("glossy matte tiles", "'glossy' and 'matte' contradict each other"),
        ("grass without grass", "it is kept"),
        ("not red bricks", "a colour can only be asked for"),
        ("herringbone hexagonal tiles", "2 layouts are named"),
        ("(wet:9) sand", "Weight 9 is outside 0 to 2"),
        ("flurble", "No material is named"),
        ("rock with orange lichen", "The colour of the lichen alone cannot be set"),
        ("bricks with wide joints", "The size of the joints cannot be set"),
    ],
)
def test_contradictions_and_demands_that_cannot_be_met_are_noted(text: str, said: str) -> None:
    assert any(said in note for note in read_prompt(text).notes)


@pytest.mark.parametrize("text", ["", "   \n\t", "...,;!?", "()[]{}:", "\x00\x07", "--"])
def test_nothing_said_sets_nothing(text: str) -> None:
    assert read_prompt(text) == Prompt({}, {}, "", [], [], [])


@pytest.mark.parametrize("text", ["红砖墙", "мокрый камень", "गीली ईंट", "🧱🔥", "12345", "3.14"])
def test_other_scripts_symbols_and_numbers_are_unknown_words(text: str) -> None:
    prompt = read_prompt(text)
    assert not prompt.families
    assert not prompt.attributes
    assert prompt.unknown


def test_accents_capitals_and_curly_quotes_do_not_matter() -> None:
    plain = read_prompt("isn't wet plaster")
    assert read_prompt("ISN’T Wet PLÁSTER").attributes == plain.attributes == {"wetness": 0.0}


def test_too_long_and_not_text_are_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"at most 2000 characters, got 10000.*fewer words"):
        read_prompt("wet " * 2500)
    with pytest.raises(InputError, match="prompt as text, got NoneType"):
        read_prompt(None)  # type: ignore[arg-type]
    assert read_prompt("wet " * (MAX_CHARACTERS // 4)).attributes["wetness"] >= 0.8


def _check(prompt: Prompt) -> None:
    assert all(name in FAMILIES and math.isfinite(weight) and 0 < weight <= 1 + 1e-9 for name, weight in prompt.families.items())
    assert not prompt.families or math.isclose(sum(prompt.families.values()), 1.0, abs_tol=1e-9)
    assert prompt.layout in LAYOUTS or prompt.layout == ""
    for name, value in prompt.attributes.items():
        numbers = value if isinstance(value, tuple) else (value,)
        assert len(numbers) == (3 if ATTRIBUTES[name].kind == "color" else 1)
        assert all(math.isfinite(x) and 0.0 <= x <= 1.0 for x in numbers)
    json.dumps(prompt.report()).encode("utf-8")
    "".join(prompt.unknown).encode("utf-8")  # no halves of surrogate pairs: these go over the wire


_words = st.sampled_from([*sorted(lexicon()), ",", "(", ")", ":1.4)", ":-3)", "[", "]", "-", "50%", "#abc", "xq", "0%", "un", "free", "&"])


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        _check(read_prompt(text))
    except InputError:
        assert len(text) > MAX_CHARACTERS


@settings(max_examples=150, deadline=None)
@given(st.lists(_words, max_size=14).map(" ".join))
def test_any_words_give_values_in_range(text: str) -> None:
    _check(read_prompt(text))


def test_lexicon_reaches_every_family_attribute_and_layout() -> None:
    senses = lexicon().values()
    assert len(lexicon()) > 1500
    assert {name for sense in senses for name in sense.families} == set(FAMILIES)
    numbers = {name for name, attribute in ATTRIBUTES.items() if attribute.kind == "number"}
    assert {name for sense in senses for name in sense.main} == numbers
    assert {sense.layout for sense in senses if sense.layout} >= set(LAYOUTS) - {"none"}
    for name, family in FAMILIES.items():
        assert read_prompt(name.replace("_", " ")).families == {name: 1.0}
        assert name in read_prompt(family.label).families


def test_reading_takes_less_than_two_milliseconds() -> None:
    texts = [row[0] for row in PROMPTS]
    read_prompt("flurble")  # the speller's table is made once
    best = min(_milliseconds(texts) for _ in range(5))
    assert best / len(texts) < 2.0


def _milliseconds(texts: list[str]) -> float:
    start = time.process_time()  # of this process: the machine may be busy with other tests
    for text in texts:
        read_prompt(text)
    return (time.process_time() - start) * 1e3


class _Fixed(Semantics):
    """A semantics with vectors made by hand, so that its rule can be tested without an encoder."""

    def __init__(self, vectors: dict[str, tuple[float, float]]) -> None:
        self.threshold, self._entries, self._table, self._found = 0.65, ["cobblestone", "wet"], None, {}
        self._vectors = {"cobblestone": (1.0, 0.0), "wet": (0.0, 1.0), **vectors}

    def embed(self, texts: Any) -> Any:
        import torch

        return torch.tensor([self._vectors[text] for text in texts])


def test_semantics_takes_the_nearest_word_and_says_so() -> None:
    semantics = _Fixed({"flurblestones": (0.8, 0.6), "snorkel": (0.6, 0.6)})
    prompt = read_prompt("flurblestones snorkel glazed", semantics)
    assert prompt.families == {"cobblestone": 1.0}
    assert prompt.unknown == ["snorkel"]
    assert prompt.known[0][1].startswith("'flurblestones' taken as 'cobblestone' (0.80)")


def test_semantics_refuses_what_is_not_an_encoder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a folder on this machine.*online=True"):
        Semantics("sentence-transformers/all-MiniLM-L6-v2")
    with pytest.raises(InputError, match=r"without config\.json, model\.safetensors, tokenizer"):
        Semantics(tmp_path)
    for name in ("model.safetensors", "vocab.txt"):
        (tmp_path / name).write_bytes(b"junk")
    for config, kind in (("{}", "none"), ("[1]", "none"), ("{", "unreadable"), ('{"model_type": "gpt2"}', "gpt2")):
        (tmp_path / "config.json").write_text(config, encoding="utf-8")
        with pytest.raises(InputError, match=f"type bert in config.json, got {kind}"):
            Semantics(tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("transformers") is not None, reason="transformers is installed here")
def test_semantics_without_transformers_says_what_to_install(tmp_path: Path) -> None:
    for name, text in (("model.safetensors", ""), ("vocab.txt", ""), ("config.json", '{"model_type": "bert"}')):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"backlot\[semantics\]"):
        Semantics(tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="needs the extra 'semantics' (transformers)")
def test_semantics_loads_a_tiny_bert(tmp_path: Path, one_thread: None) -> None:
    from transformers import BertConfig, BertModel, BertTokenizer

    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(vocabulary), **sizes)).save_pretrained(tmp_path, safe_serialization=True)
    semantics = Semantics(tmp_path, threshold=0.0)
    assert semantics.embed(["wet", "very wet stone"]).norm(dim=1).tolist() == pytest.approx([1.0, 1.0], abs=1e-5)
    prompt = read_prompt("xylophone", semantics)
    assert not prompt.unknown
    assert "taken as" in prompt.known[0][1]
    (tmp_path / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(InputError, match="could not be read"):
        Semantics(tmp_path)
