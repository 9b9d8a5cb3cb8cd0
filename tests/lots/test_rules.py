# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.lots import rules
from desmos_fast.lots.codec import decode_settings
from desmos_fast.lots.model import FileState, LotNumbersExhausted, LotSettings, LotState
from tests.lots.claims import FILES


@pytest.mark.parametrize(
    ("first", "count", "in_use", "numbers"),
    [
        (1, 3, set(), [1, 2, 3]),
        (998, 4, set(), [998, 999, 1, 2]),
        (999, 2, {1}, [999, 2]),
        (5, 2, {5, 6}, [7, 8]),
        (5, 0, set(), []),
        (500, 1, set(range(1, 1000)) - {499}, [499]),
    ],
)
def test_numbers_run_wrap_and_step_over_those_in_use(first: int, count: int, in_use: set[int], numbers: list[int]) -> None:
    assert rules.lot_numbers(first, count, in_use) == numbers


def test_every_number_can_be_given_once_and_no_more() -> None:
    assert rules.lot_numbers(400, 999) == [*range(400, 1000), *range(1, 400)]
    with pytest.raises(LotNumbersExhausted):
        rules.lot_numbers(400, 1000)
    with pytest.raises(LotNumbersExhausted):
        rules.lot_numbers(1, 1, set(range(1, 1000)))


@settings(max_examples=100)
@given(first=st.integers(1, 999), count=st.integers(0, 999), in_use=st.sets(st.integers(1, 999)))
def test_numbers_are_new_distinct_and_in_bounds_or_there_are_too_few(first: int, count: int, in_use: set[int]) -> None:
    if count > 999 - len(in_use):
        with pytest.raises(LotNumbersExhausted):
            rules.lot_numbers(first, count, in_use)
        return
    numbers = rules.lot_numbers(first, count, in_use)
    assert len(set(numbers)) == len(numbers) == count
    assert not set(numbers) & in_use
    assert all(1 <= number <= 999 for number in numbers)
    assert [(number - first) % 999 for number in numbers] == sorted((number - first) % 999 for number in numbers)


def test_a_lot_that_was_sent_is_never_dissolved() -> None:
    ways = {(before, after) for before in LotState for after in LotState if rules.lot_may_go(before, after)}
    assert ways == {
        (LotState.OPEN, LotState.SEALED), (LotState.SEALED, LotState.SENT), (LotState.SEALED, LotState.DISSOLVED),
        (LotState.SENT, LotState.ACCEPTED), (LotState.SENT, LotState.REFUSED), (LotState.REFUSED, LotState.REPLACED),
    }  # fmt: skip


def test_a_file_ends_acknowledged_and_a_dead_one_may_be_sent_after_all() -> None:
    assert rules.file_may_go(FileState.BUILT, FileState.QUEUED)
    assert rules.file_may_go(FileState.SENT, FileState.ACKNOWLEDGED)
    assert {state for state in FileState if not rules.FILE_MOVES[state]} == {FileState.ACKNOWLEDGED, FileState.CANCELLED}
    assert rules.FILE_MOVES[FileState.DEAD] == {FileState.SENT, FileState.CANCELLED}
    assert not rules.file_may_go(FileState.BUILT, FileState.SENT)


def test_the_defaults_are_those_of_the_format() -> None:
    found = decode_settings(b'{"date":"2026-11-21"}')
    assert found == LotSettings(
        date="2026-11-21", file_sequence=1, first_lot=1, max_invoices_per_lot=200, max_lots_per_file=100, lot_per_executor=False,
        one_destination_per_file=False, routing={}, sender_type="PS", sender_program="DESMOS", recipient_type="CT",
        recipient_number="0", recipient_program="",
    )  # fmt: skip
    assert rules.route(found, "01", "751", "0000") == ("751", "000")


def test_a_route_is_looked_up_by_its_whole_destination() -> None:
    found = decode_settings((FILES / "file1.settings.json").read_bytes())
    assert rules.route(found, "01", "751", "0000") == ("751", "016")
    assert rules.route(found, "01", "751", "0001") == ("751", "000")
    assert rules.route(found, "02", "751", "0000") == ("751", "000")


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("{", "B2_BAD_JSON", None),
        ("", "B2_BAD_JSON", None),
        (b'{"date":"\xff"}', "B2_BAD_JSON", None),
        ("[]", "B2_BAD_VALUE", None),
        ("{}", "B2_MISSING", "date"),
        ('{"date":"2026-11-21","fist_lot":1}', "B2_UNKNOWN_KEY", "fist_lot"),
        ('{"date":"2026-11-21","first_lot":"1"}', "B2_BAD_VALUE", "first_lot"),
        ('{"date":"2026-11-21","first_lot":1.0}', "B2_BAD_VALUE", "first_lot"),
        ('{"date":"2026-11-21","first_lot":true}', "B2_BAD_VALUE", "first_lot"),
        ('{"date":"2026-11-21","routing":{"01/751/0000":["751"]}}', "B2_BAD_VALUE", "routing[...]"),
    ],
)
def test_settings_that_are_no_settings_are_refused(text: str | bytes, code: str, field: str | None) -> None:
    with pytest.raises(FaultyInput) as refused:
        decode_settings(text if isinstance(text, bytes) else text.encode())
    assert [(fault.code, fault.field) for fault in refused.value.faults] == [(code, field)]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"date": "2026-02-30"}, "B2_BAD_DATE", "date"),
        ({"date": "20261121"}, "B2_BAD_DATE", "date"),
        ({"date": "1969-12-31"}, "B2_BAD_DATE", "date"),
        ({"date": "2070-01-01"}, "B2_BAD_DATE", "date"),
        ({"file_sequence": 0}, "B2_BAD_VALUE", "file_sequence"),
        ({"file_sequence": 1_000_000}, "B2_OVERFLOW", "file_sequence"),
        ({"first_lot": 0}, "B2_BAD_VALUE", "first_lot"),
        ({"first_lot": 1000}, "B2_OVERFLOW", "first_lot"),
        ({"max_invoices_per_lot": 0}, "B2_BAD_VALUE", "max_invoices_per_lot"),
        ({"max_invoices_per_lot": 1000}, "B2_OVERFLOW", "max_invoices_per_lot"),
        ({"max_lots_per_file": -1}, "B2_BAD_VALUE", "max_lots_per_file"),
        ({"max_lots_per_file": 1000}, "B2_OVERFLOW", "max_lots_per_file"),
        ({"routing": {"1/751/0000": ["751", "016"]}}, "B2_BAD_VALUE", "routing"),
        ({"routing": {"01/751/0000": ["75", "016"]}}, "B2_BAD_VALUE", "routing.01/751/0000"),
        ({"routing": {"01/751/0000": ["751", "01A"]}}, "B2_BAD_VALUE", "routing.01/751/0000"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_by_name(change: dict[str, object], code: str, field: str) -> None:
    with pytest.raises(FaultyInput) as refused:
        decode_settings(json.dumps({"date": "2026-11-21"} | change).encode())
    assert [(fault.code, fault.field) for fault in refused.value.faults] == [(code, field)]


@pytest.mark.parametrize(
    ("biller", "digits"),
    [
        ("750000010", "750000010"),
        ("2A0002689", "200102689"),
        ("2B0002689", "200202689"),
        ("2A0102689", None),
        ("200102689", None),
        ("200202689", None),
        ("200302689", "200302689"),
    ],
)
def test_a_corsican_biller_is_written_in_digits(biller: str, digits: str | None) -> None:
    assert rules.biller_digits(biller) == digits


def test_a_file_is_named_after_its_biller_and_sequence() -> None:
    assert rules.file_name("2A0002689", 1234) == "2A0002689-001234.b2"
