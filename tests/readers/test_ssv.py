# SPDX-License-Identifier: Apache-2.0
"""Zones of the SSV interface: both readings of a long length, cut anywhere, beside a twin; the simulator; the codes."""

import asyncio
import csv
import time
from datetime import date, timedelta
from typing import Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.simulator.rights import CODE, SimulatedCards, Trouble, config_zone, ps_zone, rights_zone
from readers.ssv.port import TABLE, HealthCardBackend, SsvFailed, meaning
from readers.ssv.zones import Group, LongForm, ZoneFault, decode, encode, layout
from tests.oracle import ssv as twin

FORMS: Final = get_args(LongForm)
DAY: Final = date(2026, 3, 2)
FIELDS = st.binary(max_size=255)


def told(zone: bytes, form: LongForm) -> list[tuple[int, list[bytes]]] | str:
    try:
        return [(group.number, list(group.fields)) for group in decode(zone, form)]
    except ZoneFault as fault:
        assert 0 <= fault.offset <= len(zone) and fault.code == "ssv_zone"
        return "cut"


def by_twin(zone: bytes, form: LongForm) -> list[tuple[int, list[bytes]]] | str:
    try:
        return twin.groups(zone, form == "joined")
    except twin.Cut:
        return "cut"


@pytest.mark.parametrize("form", FORMS)
def test_a_zone_that_is_cut_at_any_byte_is_a_fault_or_ends_with_a_group(form: LongForm) -> None:
    zone = rights_zone(3, DAY, form)
    whole = decode(zone, form)
    ends = {len(encode(whole[:count], form)) for count in range(len(whole) + 1)}
    for cut in range(len(zone) + 1):
        found = told(zone[:cut], form)
        assert found == by_twin(zone[:cut], form)
        assert (found == "cut") == (cut not in ends)


@given(data=st.binary(max_size=120))
def test_any_bytes_are_read_as_the_twin_reads_them(data: bytes) -> None:
    for form in FORMS:
        assert told(data, form) == by_twin(data, form)


@given(groups=st.lists(st.tuples(st.integers(0, 0xFFFF), st.lists(FIELDS, max_size=6)), max_size=5))
def test_what_is_written_is_read_again(groups: list[tuple[int, list[bytes]]]) -> None:
    made = [Group(number, tuple(fields)) for number, fields in groups]
    for form in FORMS:
        zone = encode(made, form)
        assert decode(zone, form) == made and by_twin(zone, form) == groups


@pytest.mark.parametrize(
    ("form", "size", "head"),
    [
        ("counted", 127, "7F"),
        ("counted", 128, "8180"),
        ("counted", 256, "820100"),
        ("joined", 127, "7F"),
        ("joined", 128, "8080"),
        ("joined", 256, "8100"),
    ],
)
def test_a_long_length_is_written_either_way(form: LongForm, size: int, head: str) -> None:
    fields = (bytes(size - 2),) if size - 2 < 256 else ()
    body = size - sum(len(field) + 1 for field in fields)
    zone = encode([Group(104, (*fields, *(b"",) * body))], form)
    assert zone[2 : 2 + len(head) // 2].hex().upper() == head


@pytest.mark.parametrize(("field", "count", "form"), [(256, 1, "counted"), (255, 129, "joined"), (255, 257, "counted")])
def test_what_is_too_long_is_refused_and_never_cut(field: int, count: int, form: LongForm) -> None:
    with pytest.raises(ZoneFault):
        encode([Group(1, (bytes(field),) * count)], form)


@pytest.mark.parametrize("zone", ["0001020341", "000102034100010100", "0001008141"])
def test_a_field_stays_in_its_group(zone: str) -> None:
    for form in FORMS:
        assert told(bytes.fromhex(zone), form) == by_twin(bytes.fromhex(zone), form) == "cut"


def test_fields_have_their_names_and_none_is_dropped() -> None:
    assert Group(106, (b"100", b"", b"20261231")).named() == {"code_couverture": "100", "to": "20261231"}
    assert Group(105, (b"1", b"2", b"3")).named() == {"from": "1", "to": "2", "field_3": "3"}
    assert Group(999, (b"\xc9",)).named() == {"field_1": "É"}
    assert all(len(set(row.names)) == len(row.names) and row.most >= 1 for row in layout().values())


def test_a_group_does_not_show_what_it_holds() -> None:
    assert "1" not in repr(Group(2, (b"1111",))).replace("1 fields", "")


def test_the_same_seed_gives_the_same_bytes() -> None:
    for make in (config_zone, ps_zone, lambda seed: rights_zone(seed, DAY)):
        assert [make(seed) for seed in range(50)] == [make(seed) for seed in range(50)]
        assert len({make(seed) for seed in range(50)}) == 50


def test_the_simulator_draws_every_kind_of_family() -> None:
    lunar = ended = ald = 0
    counts: set[int] = set()
    complements: set[str] = set()
    for seed in range(300):
        groups = decode(rights_zone(seed, DAY))
        people = [group.named() for group in groups if group.number == 104]
        counts.add(len(people))
        lunar += any(int(person["birth_date"][4:6]) not in range(1, 13) for person in people)
        ended += any(group.named()["to"] < DAY.strftime("%Y%m%d") for group in groups if group.number == 105)
        ald += any(group.named()["ald"] == "1" for group in groups if group.number == 106)
        complements |= {layout()[group.number].subject for group in groups if group.number in (107, 109)}
        complements |= {"c2s" for group in groups if group.number == 109 and group.named().get("indicator") == "C"}
        assert all(person["certified_nir"][5:10] == "99999" for person in people)
        assert {group.number for group in groups} <= set(layout())
    assert counts == {1, 2, 3, 4, 5, 6} and complements == {"mutuelle", "amc", "c2s"}
    assert lunar > 10 and ended > 10 and ald > 10


async def test_the_simulator_is_a_backend() -> None:
    backend: HealthCardBackend = SimulatedCards(5)
    assert [group.number for group in await backend.config()] == [60, 61, 62, 63, 64]
    assert [group.number for group in await backend.read_ps(CODE)][:2] == [1, 2]
    assert (await backend.read_rights(CODE, DAY))[0].number == 101
    assert await backend.read_rights(CODE, DAY) != await backend.read_rights(CODE, DAY + timedelta(days=1))
    await backend.close()


async def test_a_wrong_code_is_told_once_and_is_never_to_be_tried_again() -> None:
    backend = SimulatedCards(5)
    for call in (backend.read_ps("0000"), backend.read_rights("0000", DAY)):
        with pytest.raises(SsvFailed) as raised:
            await call
        assert raised.value.subject == "cps_code" and not raised.value.may_be_tried_again and "0000" not in str(raised.value)


async def test_trouble_comes_at_its_call_and_takes_its_time() -> None:
    backend = SimulatedCards(5, [Trouble(1, 0x0800, 0.05)])
    await backend.config()
    began = time.monotonic()
    with pytest.raises(SsvFailed) as raised:
        await backend.read_ps(CODE)
    assert time.monotonic() - began >= 0.05
    assert raised.value.may_be_tried_again and raised.value.hint
    await backend.read_ps(CODE)


async def test_a_card_that_is_taken_out_is_told_as_withdrawn_and_then_as_absent() -> None:
    backend = SimulatedCards(5, [Trouble(0, seconds=0.05)])
    reading = asyncio.create_task(backend.read_rights(CODE, DAY))
    await asyncio.sleep(0.01)
    backend.withdraw()
    with pytest.raises(SsvFailed) as first:
        await reading
    with pytest.raises(SsvFailed) as second:
        await backend.read_rights(CODE, DAY)
    assert (first.value.subject, second.value.subject) == ("withdrawn", "vitale_absent")
    assert await backend.read_ps(CODE)


@pytest.mark.parametrize(
    ("status", "subject"),
    [
        (0x0001, "resources"), (0x0010, "resources"), (0x0004, "channel"), (0x0800, "channel"), (0x0040, "reader"), (0x8001, "galss"),
        (0x8011, "galss"), (0x8012, "unknown"), (0xF001, "cps_absent"), (0xF003, "cps_code"), (0xF004, "cps_billing"),
        (0xF011, "vitale_absent"), (0xF014, "contact"), (0xF015, "withdrawn"), (0xF026, "mixed"), (0xF0F0, "both_amc"),
        (0xF0FF, "out_of_step"), (0xF101, "out_of_step"), (0xF600, "init"), (0xF670, "init"), (0xF610, "table"), (0xF66F, "table"),
        (0xF680, "sesam_ini"), (0xF6F2, "sesam_ini"), (0xF6F3, "unknown"), (0xF80B, "zones"), (0xF80C, "unknown"), (0x1234, "unknown"),
    ],
)  # fmt: skip
async def test_every_code_has_its_message_and_its_action(status: int, subject: str) -> None:
    assert meaning(status).subject == subject and meaning(status).message and meaning(status).action
    with pytest.raises(SsvFailed) as raised:
        await SimulatedCards(1, [Trouble(0, status)]).config()
    assert f"0x{status:04X}" in raised.value.detail


def test_the_table_of_codes_names_each_subject_once() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        subjects = [row["subject"] for row in csv.DictReader(file)]
    assert len(subjects) == len(set(subjects)) == 17
