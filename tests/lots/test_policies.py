# SPDX-License-Identifier: Apache-2.0
"""What settings part lots and files by, on days of a whole centre: declared, bounded, and the same whatever came first."""

import json
import random
from array import array
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.lots import policies
from desmos_fast.lots.codec import build_all, build_encoded, claimed_apart, decode_request, decode_settings
from desmos_fast.lots.model import BuiltFile, BuiltLot, Criterion, LotSettings, Rows
from desmos_fast.simulator.day import Day
from desmos_fast.simulator.world import World
from tests.lots.claims import golden_rows

BUILT_ON = date(2026, 12, 15)
PLAIN = LotSettings(date=BUILT_ON.isoformat(), max_lots_per_file=999)
CARE = (date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 15), date(2026, 11, 30))
MODES = ("degraded", "desynchronised", *["secured"] * 8)


@cache
def invoices() -> list[Invoice]:
    """Care from 15 to 105 days old, one in ten degraded, one in ten desynchronised, some claimed apart."""
    world = World(7)
    found = [invoice for place, day in enumerate(CARE) for invoice in Day(world, day).invoices(60, 1 + 60 * place)]
    return [msgspec.structs.replace(invoice, security=MODES[invoice.number % 10]) for invoice in found]


@cache
def rows() -> list[Invoice]:
    """The invoice of each row of a build."""
    return [*invoices(), *(invoices()[place] for place in claimed_apart(invoices()))]


def built(**change: object) -> list[BuiltFile]:
    return build_all(invoices(), msgspec.structs.replace(PLAIN, **change))


def lots_of(files: list[BuiltFile]) -> Iterator[BuiltLot]:
    return (lot for file in files for lot in file.lots)


def age(invoice: Invoice) -> int:
    return (BUILT_ON - date.fromisoformat(invoice.acts[0].date)).days


def fees(invoice: Invoice) -> int:
    return sum(act.fees for act in invoice.acts)


VALUES: dict[Criterion, Callable[[BuiltLot], object]] = {
    "caisse": lambda lot: (lot.regime, lot.caisse),
    "destination": lambda lot: (lot.regime, lot.caisse, lot.centre),
    "flow": lambda lot: lot.flow,
    "amc": lambda lot: lot.amc_number,
    "security": lambda lot: lot.security,
    "executor": lambda lot: {rows()[row].acts[0].executor.am for row in lot.rows},
    "age": lambda lot: {sum(age(rows()[row]) >= bound for bound in (30, 60)) for row in lot.rows},
    "amount": lambda lot: {sum(fees(rows()[row]) >= bound for bound in (3000, 6000)) for row in lot.rows},
}
BOUNDS: dict[Criterion, dict[str, object]] = {"age": {"age_bounds": (30, 60)}, "amount": {"amount_bounds": (3000, 6000)}}


def test_these_invoices_have_all_that_is_parted() -> None:
    plain = list(lots_of(built()))
    assert {lot.flow for lot in plain} == {1, 2} and {lot.security for lot in plain} == set("SDY")
    assert len({VALUES["caisse"](lot) for lot in plain}) > 3
    for criterion in ("executor", "age", "amount"):
        found = [VALUES[criterion](lot) for lot in plain]
        assert any(isinstance(one, set) and len(one) > 1 for one in found), f"nothing to part by {criterion}"


@pytest.mark.parametrize("criterion", VALUES)
def test_lots_are_parted_by_what_is_declared(criterion: Criterion) -> None:
    lots = list(lots_of(built(lots_by=(criterion,), **BOUNDS.get(criterion, {}))))
    values = [VALUES[criterion](lot) for lot in lots]
    assert all(not isinstance(value, set) or len(value) == 1 for value in values)
    # The first named is the most significant: its values follow one another.
    assert sum(before != after for before, after in zip(values, values[1:], strict=False)) == len({str(value) for value in values}) - 1
    # Each row once, and never a mixture of what a header says.
    assert sorted(row for lot in lots for row in lot.rows) == list(range(len(rows())))
    for lot in lots:
        modes = {rows()[row].security for row in lot.rows}
        assert modes == {{"S": "secured", "D": "degraded", "Y": "desynchronised"}[lot.security]}
        assert all((row >= len(invoices())) == (lot.flow == 2) for row in lot.rows)


@pytest.mark.parametrize("criterion", VALUES)
def test_files_are_parted_by_what_is_declared(criterion: Criterion) -> None:
    files = built(files_by=(criterion,), **BOUNDS.get(criterion, {}))
    found = [{str(VALUES[criterion](lot)) for lot in file.lots} for file in files]
    assert all(len(one) == 1 for one in found)
    assert len(found) == len(set().union(*found)) > 1
    assert [file.sequence for file in files] == list(range(1, len(files) + 1))
    assert [lot.number for lot in lots_of(files)] == list(range(1, 1 + sum(len(file.lots) for file in files)))


def test_the_oldest_care_leaves_first_and_the_least_amount() -> None:
    ages = [max(age(rows()[row]) for row in lot.rows) for lot in lots_of(built(lots_by=("age",), age_bounds=(30, 60)))]
    assert ages == sorted(ages, reverse=True)
    amounts = [min(fees(rows()[row]) for row in lot.rows) for lot in lots_of(built(lots_by=("amount",), amount_bounds=(3000, 6000)))]
    assert [amount >= 3000 for amount in amounts] == sorted(amount >= 3000 for amount in amounts)


def test_a_caisse_of_its_own_is_the_same_said_either_way() -> None:
    assert [file.content for file in built(one_destination_per_file=True)] == [file.content for file in built(files_by=("caisse",))]
    assert [file.content for file in built(lot_per_executor=True)] == [
        file.content for file in built(lots_by=("destination", "flow", "amc", "security", "executor"))
    ]


def test_no_lot_comes_to_more_than_its_ceiling() -> None:
    lots = list(lots_of(built(max_amount_per_lot=20_000)))
    assert any(lot.invoices > 1 for lot in lots)
    assert all(lot.fees <= 20_000 or lot.invoices == 1 for lot in lots)
    assert sum(lot.fees for lot in lots) == sum(fees(invoice) for invoice in rows())


def test_no_file_has_more_bytes_than_it_may() -> None:
    files = built(max_bytes_per_file=policies.LEAST_BYTES)
    assert len(files) > 1
    assert all(len(file.content) <= policies.LEAST_BYTES for file in files)
    assert all(len(file.content) == policies.file_size(sum(lot.records for lot in file.lots)) for file in files)
    # None is begun before the next lot has no room in the one before.
    sizes = [(len(file.content), after.lots[0].records) for file, after in zip(files, files[1:], strict=False)]
    assert all(size + records * policies.LINE > policies.LEAST_BYTES for size, records in sizes)


def test_one_lot_is_cut_where_it_fills_a_file() -> None:
    one = golden_rows("file1")
    run, count = bytes(one.data[: one.starts[1]]), 999
    same = {
        name: array("q", [getattr(one, name)[0]] * count)
        for name in ("destination", "amc_number", "executor", "care", "fees", "amo", "amc")
    }
    starts = array("q", range(0, len(run) * (count + 1), len(run)))
    many = Rows(data=run * count, starts=starts, number=array("q", range(count)), flow=b"\x01" * count, security=b"S" * count, **same)
    chosen = msgspec.structs.replace(PLAIN, max_invoices_per_lot=999, max_bytes_per_file=policies.LEAST_BYTES)
    files = build_encoded(many, "750000010", chosen)
    room = (policies.LEAST_BYTES - 4 * policies.LINE) // len(run)
    assert [[lot.invoices for lot in file.lots] for file in files[:-1]] == [[room]] * (count // room)
    assert all(len(file.content) <= policies.LEAST_BYTES for file in files)


@settings(max_examples=12, deadline=None)
@given(
    turn=st.randoms(use_true_random=False),
    parts=st.permutations(policies.CRITERIA).map(lambda found: (found[:2], found[2:4])),
    most=st.integers(1, 999),
)
def test_the_order_of_arrival_changes_no_byte(turn: random.Random, parts: tuple[list[Criterion], list[Criterion]], most: int) -> None:
    files_by, lots_by = parts
    bounds = {key: value for criterion in (*files_by, *lots_by) for key, value in BOUNDS.get(criterion, {}).items()}
    chosen = msgspec.structs.replace(PLAIN, files_by=tuple(files_by), lots_by=tuple(lots_by), max_invoices_per_lot=most, **bounds)
    mixed = turn.sample(invoices(), len(invoices()))
    assert [file.content for file in build_all(mixed, chosen)] == [file.content for file in build_all(invoices(), chosen)]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"max_bytes_per_file": 0}, "B2_BAD_VALUE", "max_bytes_per_file"),
        ({"max_bytes_per_file": 131_071}, "B2_BAD_VALUE", "max_bytes_per_file"),
        ({"max_bytes_per_file": 268_435_457}, "B2_OVERFLOW", "max_bytes_per_file"),
        ({"max_bytes_per_file": "many"}, "B2_BAD_VALUE", "max_bytes_per_file"),
        ({"max_amount_per_lot": 0}, "B2_BAD_VALUE", "max_amount_per_lot"),
        ({"max_amount_per_lot": -5}, "B2_BAD_VALUE", "max_amount_per_lot"),
        ({"max_amount_per_lot": 10**12}, "B2_OVERFLOW", "max_amount_per_lot"),
        ({"max_amount_per_lot": 10.5}, "B2_BAD_VALUE", "max_amount_per_lot"),
        ({"lots_by": "executor"}, "B2_BAD_VALUE", "lots_by"),
        ({"lots_by": ["weather"]}, "B2_BAD_VALUE", "lots_by[0]"),
        ({"lots_by": ["executor", "executor"]}, "B2_BAD_VALUE", "lots_by"),
        ({"lots_by": ["flow"], "files_by": ["flow"]}, "B2_BAD_VALUE", "lots_by"),
        ({"files_by": ["caisse", "caisse"]}, "B2_BAD_VALUE", "files_by"),
        ({"lots_by": ["age"]}, "B2_MISSING", "age_bounds"),
        ({"files_by": ["amount"]}, "B2_MISSING", "amount_bounds"),
        ({"age_bounds": [30]}, "B2_BAD_VALUE", "age_bounds"),
        ({"lots_by": ["age"], "age_bounds": [30, 30]}, "B2_BAD_VALUE", "age_bounds"),
        ({"lots_by": ["age"], "age_bounds": [30, 10]}, "B2_BAD_VALUE", "age_bounds"),
        ({"lots_by": ["age"], "age_bounds": [0]}, "B2_BAD_VALUE", "age_bounds"),
        ({"lots_by": ["age"], "age_bounds": [36_501]}, "B2_OVERFLOW", "age_bounds"),
        ({"lots_by": ["amount"], "amount_bounds": [10**12]}, "B2_OVERFLOW", "amount_bounds"),
        ({"lots_by": ["amount"], "amount_bounds": list(range(1, 102))}, "B2_OVERFLOW", "amount_bounds"),
        ({"lots_by": ["amount"], "amount_bounds": [1.5]}, "B2_BAD_VALUE", "amount_bounds[0]"),
    ],
)
def test_a_setting_that_cannot_be_is_a_coded_fault(change: dict[str, object], code: str, field: str) -> None:
    day = {"date": "2026-11-21"}
    with pytest.raises(FaultyInput) as offline:
        decode_settings(json.dumps(day | change).encode())
    with pytest.raises(FaultyInput) as asked:
        decode_request(json.dumps(change).encode(), "2026-11-21")
    for refused in (offline, asked):
        assert [(fault.code, fault.field) for fault in refused.value.faults] == [(code, field)]


def test_bounds_at_their_limits_are_taken() -> None:
    text = {"lots_by": ["age", "amount"], "age_bounds": [1, 36_500], "amount_bounds": list(range(1, 101)), "max_bytes_per_file": 131_072}
    found = decode_request(json.dumps(text).encode(), "2026-11-21")
    assert (found.age_bounds, len(found.amount_bounds)) == ((1, 36_500), 100)
    assert build_all(invoices()[:5], msgspec.structs.replace(found, date=BUILT_ON.isoformat()))
