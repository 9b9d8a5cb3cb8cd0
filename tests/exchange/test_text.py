# SPDX-License-Identifier: Apache-2.0
"""Free text into the alphabet: the four steps of the format, said again one character at a time, over every letter of the Latin blocks."""

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.text import fitted, latin, latin_cached

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SPELT = {"Æ": "AE", "Œ": "OE", "Ø": "O", "Đ": "D", "Ð": "D", "Þ": "TH", "Ł": "L", "ß": "SS"}
BOTH_CASES = SPELT | {"æ": "AE", "œ": "OE", "ø": "O", "đ": "D", "ð": "D", "þ": "TH", "ł": "L"}
# Latin-1, Extended-A and -B, IPA, modifiers, marks, phonetic extensions, Extended Additional, punctuation to letter-like signs,
# Extended-C, -D and -E, ligatures, full width.
BLOCKS = ((0, 0x370), (0x1D00, 0x1E00), (0x1E00, 0x1F00), (0x2000, 0x2190), (0x2C60, 0x2C80), (0xA720, 0xA800), (0xAB30, 0xAB70),
          (0xFB00, 0xFB07), (0xFE00, 0xFE70), (0xFF00, 0xFFF0))  # fmt: skip
LATIN = [chr(code) for first, last in BLOCKS for code in range(first, last)]


def taken_apart(character: str) -> str:
    """Decompose by the tables of Unicode, the compatible forms too, until nothing comes apart."""
    parts = [part for part in unicodedata.decomposition(character).split() if not part.startswith("<")]
    return "".join(taken_apart(chr(int(part, 16))) for part in parts) or character


def spoken(text: str) -> str | None:
    out = ""
    for character in text:
        for part in BOTH_CASES.get(character) or taken_apart(character):
            kind = unicodedata.category(part)
            if kind.startswith("M"):
                continue
            for capital in part.upper():
                if capital in ALPHABET:
                    out += capital
                elif unicodedata.category(capital)[0] in ("P", "S", "Z"):
                    out += " "
                else:
                    return None
    return re.sub(r"^ +| +$| +(?= )", "", out)


def test_the_letters_of_the_profile_are_those_of_the_format() -> None:
    assert load_pack().letters == SPELT


@pytest.mark.parametrize("around", ["{}", "A{}B", " {}{} ", "é{}-"], ids=["alone", "inside", "twice", "after a mark"])
def test_every_latin_letter_mark_and_sign_goes_the_four_steps(around: str) -> None:
    differ = [hex(ord(one)) for one in LATIN if latin(around.format(one, one)) != spoken(around.format(one, one))]
    assert differ == []


def test_every_letter_with_a_mark_keeps_its_letter() -> None:
    """What the blocks are for: not one accented letter of French, or of a name from elsewhere in Europe, is refused."""
    for base in ALPHABET[:26]:
        for letter in (base, base.lower()):
            for mark in map(chr, range(0x300, 0x370)):
                assert latin(unicodedata.normalize("NFC", letter + mark)) == base


@given(st.text(st.sampled_from(LATIN) | st.characters(), max_size=30))
def test_any_text_goes_the_four_steps(text: str) -> None:
    written = latin(text)
    assert written == spoken(text) == latin_cached(text)
    if written is not None:
        assert set(written) <= set(ALPHABET + " ") and written == written.strip() and "  " not in written
        assert latin(written) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("d’Œuvray-Łęcki", "D OEUVRAY LECKI"), ("Þórðarson", "THORDARSON"), ("GROßE-HÅKON", "GROSSE HAKON"), ("  a \u00a0 b  ", "A B"),
        ("ﬁnk №½", "FINK NO1 2"), ("ŉ", None), ("Ŧ", None), ("Иванов", None), ("a\tb", None), ("a\u00adb", None), ("\ud800", None),
        ("…", ""), ("", ""), ("٣", None),
    ],
)  # fmt: skip
def test_what_becomes_of_names(text: str, written: str | None) -> None:
    assert latin(text) == written


@pytest.mark.parametrize("apply", [latin, latin_cached])
def test_a_text_that_records_hold_already_is_left_alone(apply: Callable[[str], str | None]) -> None:
    assert apply("D OEUVRAY 2") == "D OEUVRAY 2"


@pytest.mark.parametrize(
    ("record_type", "field", "written"),
    [
        ("2S", "referring_last_name", "ZOE"), ("2S", "referring_first_name", "ZOE"), ("A1", "label", "ZOE"), ("R2", "label", "ZOE"),
        ("R3", "label", "ZOE"), ("2S", "pathway", "Zoé"), ("4", "act_code", "Zoé"), ("R2", "faulty_value", "Zoé"),
        ("R1", "reject_code", "Zoé"),
    ],
)  # fmt: skip
def test_only_free_text_is_put_into_the_alphabet(record_type: str, field: str, written: str) -> None:
    assert fitted(record_type, field, "Zoé") == written
