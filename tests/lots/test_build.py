# SPDX-License-Identifier: Apache-2.0
import msgspec
import pytest

from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.lots.codec import build, build_all, claimed_apart, decode_settings
from desmos_fast.lots.model import LotNumbersExhausted, LotSettings
from tests.lots.claims import FILES


def golden(name: str) -> tuple[list[Invoice], LotSettings]:
    lines = (FILES / f"{name}.ndjson").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Invoice) for line in lines], decode_settings((FILES / f"{name}.settings.json").read_bytes())


def faults_of(invoices: list[Invoice], settings: LotSettings, lines: list[int] | None = None) -> list[Fault]:
    with pytest.raises(FaultyInput) as refused:
        build_all(invoices, settings, lines=lines)
    return refused.value.faults


@pytest.mark.parametrize("name", ["file1", "file2"])
def test_golden_files_are_built_byte_for_byte(name: str) -> None:
    assert build(*golden(name)).content == (FILES / f"{name}.b2").read_bytes()


def test_a_share_claimed_apart_stands_in_two_lots() -> None:
    invoices, settings = golden("file1")
    assert [invoices[place].number for place in claimed_apart(invoices)] == [303]
    built = build(invoices, settings)
    assert [(lot.number, lot.flow, list(lot.rows), lot.amc) for lot in built.lots] == [
        (1, 1, [3], 0),
        (2, 1, [0, 1, 2], 43700),
        (3, 2, [5], 900),
        (4, 1, [4], 0),
    ]
    assert built.lots[2].amc_number == "0075912345"


def test_nothing_is_claimed_apart_for_a_share_of_zero() -> None:
    invoices, settings = golden("file1")
    free = msgspec.structs.replace(invoices[2], acts=tuple(msgspec.structs.replace(act, amc=0) for act in invoices[2].acts))
    assert claimed_apart([free]) == []
    assert [lot.flow for lot in build([free], settings).lots] == [1]


def test_one_biller_a_file() -> None:
    invoices, settings = golden("file1")
    others, _ = golden("file2")
    (fault,) = faults_of([*invoices, others[0]], settings, [1, 2, 3, 5, 8, 13])
    assert (fault.code, fault.field, fault.value, fault.invoice, fault.line) == ("B2_BAD_VALUE", "biller", "2A0002689", 400, 13)


def test_several_files_are_refused_where_one_is_asked_for() -> None:
    invoices, settings = golden("file1")
    several = msgspec.structs.replace(settings, one_destination_per_file=True)
    with pytest.raises(FaultyInput, match="4 lots and 2 files") as refused:
        build(invoices, several)
    assert [(fault.code, fault.value) for fault in refused.value.faults] == [("B2_OVERFLOW", 2)]
    assert [{lot.caisse for lot in file.lots} for file in build_all(invoices, several)] == [{"751"}, {"345"}]


def test_an_invoice_that_cannot_be_encoded_stops_the_build() -> None:
    invoices, settings = golden("file1")
    (fault,) = faults_of([*invoices, invoices[0]], settings, [1, 2, 3, 4, 5, 6])
    assert (fault.code, fault.invoice, fault.line) == ("B2_DUPLICATE_NUMBER", 301, 6)


def test_no_invoice_makes_no_file() -> None:
    assert "B2_MISSING" in {fault.code for fault in faults_of([], golden("file1")[1])}


def test_numbers_in_use_are_stepped_over() -> None:
    invoices, settings = golden("file1")
    assert [lot.number for lot in build(invoices, settings, in_use=frozenset({1, 3})).lots] == [2, 4, 5, 6]
    with pytest.raises(LotNumbersExhausted):
        build(invoices, settings, in_use=frozenset(range(4, 1000)))


def test_lots_of_one_executor_say_so() -> None:
    invoices, settings = golden("file1")
    lots = build(invoices, msgspec.structs.replace(settings, lot_per_executor=True)).lots
    assert {lot.executor for lot in lots} == {int(invoice.acts[0].executor.am) for invoice in invoices}
