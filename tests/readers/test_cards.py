# SPDX-License-Identifier: Apache-2.0
"""What cards are and say: the table of ATRs, tags and lengths, the file of pointers, the holder; beside a twin, and on damaged bytes."""

import csv
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readers.cards.identity import Identity, identity, places
from readers.cards.recognition import CPS, CPS_CONTACTLESS, TABLE, VITALE, application, by_atr, proof, select, table
from readers.cards.tlv import walk
from readers.errors import CardNirKey, CardNoIdentity, ReaderError
from readers.simulator import cards
from tests.oracle import vitale as twin

PERSON = cards.invented(11)
POINTERS = cards.pointers({VITALE: (cards.CLOSED, cards.PEOPLE), CPS: (b"\x10\x01",)})


def told(files: list[bytes]) -> str | dict[str, str | None]:
    """Return what the program reads, or the code of its error."""
    try:
        return identity(files).shown()
    except ReaderError as error:
        return error.code


@pytest.mark.parametrize(
    ("atr", "kind"),
    [
        ("3F65250022096990 00", "vitale1"), ("3F652500 2C09F99000", "vitale1"), ("3F65250052096A9000", "vitale1"),
        ("3F652500A3096A9000", "vitale1"), ("3F652500A4096A9000", "vitale1"), ("3B751300004309EA9000", "vitale2"),
        ("3B751300004909EA9000", "vitale2"), ("3BAC00402A001225006480000310009000", "cps3"),
        ("3BAC00402A001225006480820212009000", "cps2ter"), ("3B8F80010031B86404B0ECC1739401808290000E", "cps3"),
        ("3B9B1880010012250064800401000090 44", "cps4"), ("3B9B1880010012250064800004010090 44", "cps4"),
        ("3BDC18FF0000122500648000040100 9000", "cps4"), ("3B751300004209EA9000", "unknown"), ("3B751300004A09EA9000", "unknown"),
        ("3B751300004309EA900000", "unknown"), ("3F65250022096B9000", "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_an_atr_is_recognised_whole_or_not_at_all(atr: str, kind: str) -> None:
    assert by_atr(bytes.fromhex(atr)) == kind


def test_the_table_says_where_each_row_comes_from() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(table()) == 10
    assert all(row["source"] for row in rows)


def test_a_kind_is_confirmed_by_the_application_that_it_must_have() -> None:
    assert application("vitale2", cards.VITALE_ATR) == VITALE
    assert application("cps3", cards.CPS_ATR) == CPS
    assert application("cps3", bytes.fromhex("3B8F80010031B86404B0ECC1739401808290000E")) == CPS_CONTACTLESS
    assert proof("vitale2", cards.VITALE_ATR) == bytes.fromhex("00A404000BD250000002564954414C45")
    assert [proof(kind, b"") for kind in ("vitale1", "cps2ter", "unknown")] == [None, None, None]
    assert select(CPS)[4] == len(CPS) == 13


def test_the_pointers_lead_to_each_file_once() -> None:
    assert [(place.application, place.file) for place in places(POINTERS)] == [
        (VITALE, cards.CLOSED), (VITALE, cards.PEOPLE), (CPS, b"\x10\x01"),
    ]  # fmt: skip
    assert len(places(POINTERS + POINTERS)) == 3


def test_a_file_of_an_application_that_is_not_there_is_passed_over() -> None:
    entry = cards.tlv(0x80, b"FICHIER1", b"\x00\x09", b"\x2f\x01")
    assert places(cards.tlv(0xE0, cards.tlv(0xA0, cards.tlv(0x82, b"\x00\x01\x00\x01" + VITALE)), entry)) == []


@pytest.mark.parametrize("width", [11, 13])
def test_an_entry_of_another_width_is_passed_over(width: int) -> None:
    entry = cards.tlv(0x80, (b"FICHIER1\x00\x01\x2f\x01" + bytes(1))[:width])
    assert places(cards.tlv(0xE0, cards.tlv(0xA0, cards.tlv(0x82, b"\x00\x01\x00\x01" + VITALE)), entry)) == []


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("1F81820101AA", [(0x1F818201, b"\xaa")]), ("1F8182830101AA", []), ("5F2001AA00FF4F00", [(0x5F20, b"\xaa"), (0x4F, b"")]),
        ("658101AA", [(0x65, b"\xaa")]), ("65820001AA", [(0x65, b"\xaa")]), ("6583000001AA", []),
        ("6580AA", []), ("65", []), ("6502AA", []),
    ],
)  # fmt: skip
def test_tags_and_lengths_of_every_width(data: str, found: list[tuple[int, bytes]]) -> None:
    assert list(walk(bytes.fromhex(data))) == found
    assert [(int(tag, 16), value) for tag, value in twin.nodes(bytes.fromhex(data))] == found


def test_names_come_as_they_are_and_a_date_of_the_moon_too() -> None:
    sound = cards.Person("  LEFÈVRE  ", "ZOÉ ", "19604500", cards.invented(3).nir)
    found = identity([cards.holder(sound)])
    assert found.shown() == sound.expected()
    assert found.valid_from == b"20200101" and found.nationality == b"FRA"


@pytest.mark.parametrize("nir", ["155062A99900141", "155062B99900168"])
def test_the_key_of_corsica_is_right(nir: str) -> None:
    assert twin.key_is_right(nir)
    assert told([cards.holder(cards.Person("A", "B", "19550601", nir))]) != "card_nir_key"


@pytest.mark.parametrize("nir", ["155062a99900141", "155062A99900142", "155062A9990014", "155062A999001410", ""])
def test_another_form_or_key_is_refused(nir: str) -> None:
    assert not twin.key_is_right(nir)
    assert told([cards.holder(cards.Person("A", "B", "19550601", nir))]) == "card_nir_key"


def test_the_first_holder_alone_counts_and_never_two_together() -> None:
    one, other = cards.invented(1), cards.invented(2)
    only_name = cards.tlv(0x65, cards.tlv(0x80, b"SEUL"))
    assert told([cards.holder(one), cards.holder(other)]) == one.expected()
    assert told([only_name, cards.holder(other)]) == {"last_name": "SEUL", "first_name": None, "birth_date": None, "nir": None}


def test_nothing_that_tells_of_anybody_is_an_error() -> None:
    with pytest.raises(CardNoIdentity):
        identity([cards.tlv(0x66, cards.tlv(0x80, b"20200101")), b"", b"\x65\x7f"])


def test_a_wrong_key_says_no_more() -> None:
    with pytest.raises(CardNirKey) as raised:
        identity([cards.holder(cards.Person("A", "B", "19550601", "155069999900199"))])
    assert "1550" not in str(raised.value) + raised.value.hint


def test_an_identity_does_not_show_itself() -> None:
    found = identity([cards.holder(PERSON)])
    assert isinstance(found, Identity)
    assert PERSON.nir not in repr(found) and PERSON.last_name not in repr(found)


@pytest.mark.parametrize("cut", range(len(cards.holder(PERSON)) + 1))
def test_a_file_that_is_cut_anywhere_reads_as_the_twin_reads_it(cut: int) -> None:
    file = cards.holder(PERSON)[:cut]
    assert told([file]) == twin.who([file])


@given(data=st.binary(max_size=300))
def test_any_bytes_are_walked_as_the_twin_walks_them(data: bytes) -> None:
    assert [(f"{tag:X}", value) for tag, value in walk(data)] == [(tag.lstrip("0"), value) for tag, value in twin.nodes(data)]


@given(data=st.binary(max_size=200))
def test_any_pointers_are_followed_as_the_twin_follows_them(data: bytes) -> None:
    for pointers in (data, cards.tlv(0xE0, data), cards.tlv(0xE0, cards.tlv(0xA0, cards.tlv(0x82, b"\x00\x01\x00\x00\x01")), data)):
        assert [(place.application, place.file) for place in places(pointers)] == twin.places(pointers)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=300)
def test_damaged_files_give_what_the_twin_gives(seed: int) -> None:
    drawn = random.Random(seed)
    file = bytearray(drawn.choice((cards.holder(cards.invented(seed)), POINTERS)))
    for _ in range(drawn.randrange(1, 4)):
        file[drawn.randrange(len(file))] = drawn.randrange(256)
    data = bytes(file)
    assert told([data]) == twin.who([data])
    assert [(place.application, place.file) for place in places(data)] == twin.places(data)


def test_the_people_of_the_simulator_are_sound_and_synthetic() -> None:
    people = [cards.invented(seed) for seed in range(300)]
    assert people == [cards.invented(seed) for seed in range(300)]
    assert all(person.nir[5:10] == "99999" and twin.key_is_right(person.nir) for person in people)
    assert any(int(person.birth_date[4:6]) not in range(1, 13) for person in people)
