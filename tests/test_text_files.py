"""Text and JSON from other programs and systems: what is read, what is refused, and with which value."""

from __future__ import annotations

import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlot.shared.errors import InputError
from backlot.shared.json_file import decode_json, number_of, parse_json, read_json
from backlot.shared.notes import collect_notes
from backlot.shared.text_file import decimals, decode_text, printable, read_text, text_lines, wholes

LETTERS = "# Möbel: Stühle\nv 1 2 3\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_text_is_the_same_in_every_unicode_encoding(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes(LETTERS.encode(encoding))
    with collect_notes() as notes:
        assert read_text(tmp_path / "a.txt") == LETTERS
    assert not notes.sentences()


def test_windows_text_is_read_with_a_note():
    with collect_notes() as notes:
        assert decode_text("Größe 5 €".encode("cp1252"), "a.obj") == "Größe 5 €"
        assert decode_text(b"a\x81\xe9", "b.obj") == "a\x81é"  # the five bytes that Windows-1252 leaves out
    assert len(notes.sentences()) == 1
    assert notes.sentences()[0].startswith("a.obj, b.obj: it is not UTF-8")


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"solid\0", b"\xff\xfea"])
def test_binary_data_is_no_text(data):
    with pytest.raises(InputError, match=r"text in a\.txt"):
        decode_text(data, "a.txt")


def test_files_that_cannot_be_read_are_sentences(tmp_path):
    for path in (tmp_path, tmp_path / "none", tmp_path / "nul\0", tmp_path / ("x" * 300)):
        with pytest.raises(InputError, match="solved tracks at"):
            read_text(path, "solved tracks")


def test_lines_end_as_the_system_that_wrote_them_has_it():
    assert text_lines("a\r\nb\nc\rd\r\r\ne\u2028f") == ["a", "b", "c", "d", "e\u2028f"]
    assert text_lines("a\r\rb") == ["a", "", "b"]


def test_numbers_are_ascii_with_a_point():
    assert decimals(["1", "-2.5e-3", ".5", "5.", "+7"], "line 1") == [1, -0.0025, 0.5, 5, 7]
    assert wholes(["18446744073709551615", "-1", "+3"], "line 1") == [2**64 - 1, -1, 3]
    for word in ("1_000", "１", "0x10", "", "one", "1.5.2", "--1"):
        with pytest.raises(InputError, match="numbers in line 1"):
            decimals([word], "line 1")
        with pytest.raises(InputError, match="whole numbers in line 1"):
            wholes([word], "line 1")
    with pytest.raises(InputError, match="decimal point"):
        decimals(["1,5"], "line 1")
    for word in ("nan", "-inf", "1e999"):
        with pytest.raises(InputError, match="finite"):
            decimals([word], "line 1")
    with pytest.raises(InputError, match="whole numbers in line 1"):
        wholes(["9" * 5000], "line 1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [NaN, -Infinity]}', {"a": [math.nan, -math.inf]}),
        ('{"a": [nan, -inf, inf, -nan(ind), 1.#INF, -1.#IND]}', {"a": [math.nan, -math.inf, math.inf, math.nan, math.inf, math.nan]}),
        ('{"a": [1, 2,], // two "so"\n "b": 3, /* and\n more */}', {"a": [1, 2], "b": 3}),
        ('{"path": "C:\\Images\\x.png"}', {"path": "C:\\Images\\x.png"}),
        ('{"nan": "inf, nan // no comment /* here", "a": "x,]"}', {"nan": "inf, nan // no comment /* here", "a": "x,]"}),
        ('{"a": "tab\there"}', {"a": "tab\there"}),
        ('{"a": 1, "a": 1}', {"a": 1}),
    ],
)
def test_json_beside_the_standard(text, value):
    found = parse_json(text, "a.json")
    assert repr(found) == repr(value)
    assert repr(parse_json(text.replace("\n", "\r\n"), "a.json")) == repr(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty file"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": 1\n "b": 2}', "line 2"),
        ('{"fl_x": 1,5, "b": 2}', "decimal point"),
        ('{"a": 1, "a": 2}', "'a' once in a.json, got 1 and 2"),
        ("[" * 100000, "too deep"),
        ("1" * 5000, "digits"),
        ('{"a": "\\x", "b": "\\\\"}', "escape"),
    ],
)
def test_json_that_is_none_says_where(text, message):
    with pytest.raises(InputError, match=f"a.json.*{message}|{message}"):
        parse_json(text, "a.json")


def test_json_notes_what_is_beside_the_standard():
    with collect_notes() as notes:
        parse_json('{"a": [1,], "b": nan}  // so', "a.json")
        parse_json('{"p": "i\\mages"}', "b.json")
        parse_json('{"a": NaN, "u": "http://x"}', "c.json")
    assert [note.partition(":")[0] for note in notes.sentences()] == ["a.json", "a.json", "b.json"]


def test_only_finite_numbers_are_numbers():
    assert number_of(3) == 3.0
    assert [number_of(value) for value in (True, "1", None, [1], math.nan, -math.inf, 10**400)] == [None] * 7


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]), st.booleans())
def test_every_json_value_is_read_as_the_standard_library_reads_it(value, encoding, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert decode_json(text.encode(encoding), "a.json") == json.loads(text)


def refusal(read, data):
    try:
        read(data, "a.json")
    except InputError as error:
        return str(error)
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_a_sentence(data):
    for read in (decode_text, decode_json):
        said = refusal(read, data)
        assert said is None or ("a.json" in said and said.isprintable())


def test_messages_hold_what_can_be_printed():
    assert printable("a\0b\x1b[31m") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m"
    assert len(printable("x" * 500)) == 80
    assert printable([1, 2]) == "[1, 2]"


def test_a_file_of_json_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{", encoding="utf-16")
    with pytest.raises(InputError, match=r"a\.json to be JSON"):
        read_json(tmp_path / "a.json")
    assert sys.getrecursionlimit() >= 1000
