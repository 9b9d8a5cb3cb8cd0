# SPDX-License-Identifier: Apache-2.0
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.lots import codec
from desmos_fast.lots.codec import decode_settings
from desmos_fast.lots.kernel import RowsDisagree
from desmos_fast.lots.model import BuiltFile, LotNumbersExhausted, LotSettings, Rows
from tests.lots.claims import FILES, LINE, Claim, claims_of, golden_rows, lines_of, record_type, rows_of, zone

BILLERS = {"file1": "750000010", "file2": "2A0002689"}
PLAIN = LotSettings(date="2026-11-21")


def golden_settings(name: str) -> LotSettings:
    return decode_settings((FILES / f"{name}.settings.json").read_bytes())


def build_encoded(rows: Rows, biller: str, chosen: LotSettings, in_use: frozenset[int] = frozenset()) -> BuiltFile:
    """The one file that these settings make."""
    (built,) = codec.build_encoded(rows, biller, chosen, in_use)
    return built


def golden_claims() -> list[Claim]:
    return claims_of((FILES / "file1.b2").read_bytes())


def faults_of(rows: Rows, biller: str, given_settings: LotSettings) -> list[Fault]:
    with pytest.raises(FaultyInput) as refused:
        build_encoded(rows, biller, given_settings)
    return refused.value.faults


@pytest.mark.parametrize("name", ["file1", "file2"])
def test_golden_files_are_laid_out_byte_for_byte(name: str) -> None:
    built = build_encoded(golden_rows(name), BILLERS[name], golden_settings(name))
    assert built.content == (FILES / f"{name}.b2").read_bytes()
    assert built.name == f"{BILLERS[name]}-{built.sequence:06d}.b2"


@pytest.mark.parametrize("name", ["file1", "file2"])
def test_each_lot_says_what_its_own_records_say(name: str) -> None:
    rows = golden_rows(name)
    built = build_encoded(rows, BILLERS[name], golden_settings(name))
    lines = lines_of(built.content)
    heads = [line for line in lines if record_type(line) == "1"]
    tails = [line for line in lines if record_type(line) == "6"]
    assert len(built.lots) == len(heads) == len(tails)
    for lot, head, tail in zip(built.lots, heads, tails, strict=True):
        assert [zone(head, "1", field) for field in ("lot_number", "regime", "caisse", "centre", "flow", "security_mode")] == [
            f"{lot.number:03d}", lot.regime, lot.caisse, lot.centre, f"{lot.flow:02d}", lot.security,
        ]  # fmt: skip
        assert [zone(head, "1", field) for field in ("recipient_organism", "computing_centre")] == [
            lot.recipient_organism,
            lot.computing_centre,
        ]
        assert zone(head, "1", "amc_number") == (lot.amc_number or "0000000000")
        assert [int(zone(tail, "6", field)) for field in ("invoice_count", "record_count", "total_fees", "total_amo", "total_amc")] == [
            lot.invoices, lot.records, lot.fees, lot.amo, lot.amc,
        ]  # fmt: skip
        assert int(zone(tail, "6", "total_patient_share")) == lot.insured_share
        assert lines.index(tail) - lines.index(head) + 1 == lot.records
        assert lot.executor is None
        for row, first in zip(lot.rows, lot.first_records, strict=True):
            assert lines[first - 1] == rows.data[rows.starts[row] : rows.starts[row] + LINE]
    assert [built.records, built.invoices, built.fees, built.amo, built.amc] == [
        int(zone(lines[-1], "999", field)) for field in ("record_count", "invoice_count", "total_fees", "total_amo", "total_amc")
    ]
    assert built.records == len(lines)


def test_what_comes_next_is_given_back() -> None:
    built = build_encoded(golden_rows("file2"), BILLERS["file2"], golden_settings("file2"))
    assert [lot.number for lot in built.lots] == [998, 999, 1, 2]
    assert (built.next_lot, built.next_sequence) == (3, 1235)
    last = msgspec.structs.replace(golden_settings("file2"), file_sequence=999_999, first_lot=996)
    built = build_encoded(golden_rows("file2"), BILLERS["file2"], last)
    assert (built.next_lot, built.next_sequence) == (1, 1)
    assert built.content[:LINE][49:52] == b"999"


def test_numbers_that_wait_for_an_answer_are_stepped_over() -> None:
    built = build_encoded(golden_rows("file2"), BILLERS["file2"], golden_settings("file2"), frozenset({999, 2}))
    assert [lot.number for lot in built.lots] == [998, 1, 3, 4]
    with pytest.raises(LotNumbersExhausted) as refused:
        build_encoded(golden_rows("file2"), BILLERS["file2"], golden_settings("file2"), frozenset(range(1, 997)))
    assert [fault.code for fault in refused.value.faults] == ["LOT_NUMBERS_EXHAUSTED"]


def test_executors_part_lots_only_when_asked() -> None:
    rows = rows_of([claim for claim in golden_claims() if zone(claim.head, "1", "lot_number") == "002"])
    parted = msgspec.structs.replace(rows, executor=type(rows.executor)("q", [7, 5, 7]))
    assert [list(lot.rows) for lot in build_encoded(parted, "750000010", PLAIN).lots] == [[0, 1, 2]]
    lots = build_encoded(parted, "750000010", msgspec.structs.replace(PLAIN, lot_per_executor=True)).lots
    assert [(lot.executor, list(lot.rows)) for lot in lots] == [(5, [1]), (7, [0, 2])]


def test_two_centres_of_one_caisse_are_one_destination() -> None:
    rows = golden_rows("file2")
    strict = golden_settings("file2")
    other = type(rows.destination)("q", [*rows.destination[:-1], rows.destination[-1] + 1])
    assert len({lot.centre for lot in build_encoded(msgspec.structs.replace(rows, destination=other), "2A0002689", strict).lots}) == 2


@pytest.mark.parametrize("biller", ["2A0102689", "200102689", "2B0100000"])
def test_a_biller_that_records_cannot_hold_is_refused(biller: str) -> None:
    assert [(fault.code, fault.field) for fault in faults_of(golden_rows("file2"), biller, PLAIN)] == [("B2_BAD_VALUE", "biller")]


def test_no_row_makes_no_file() -> None:
    assert [fault.code for fault in faults_of(rows_of([]), "750000010", PLAIN)] == ["B2_MISSING"]


def test_a_total_wider_than_its_field_is_refused_by_name() -> None:
    rows = golden_rows("file2")
    rich = msgspec.structs.replace(rows, fees=type(rows.fees)("q", [10**12 - 1] + [1] * 6))
    (fault,) = faults_of(rich, "2A0002689", PLAIN)
    assert (fault.code, fault.record_type, fault.field, fault.value, fault.width) == ("B2_OVERFLOW", "999", "total_fees", 10**12 + 5, 12)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"sender_program": "DESMOS1"}, "B2_OVERFLOW", "sender_program"),
        ({"sender_type": ""}, "B2_MISSING", "sender_type"),
        ({"recipient_program": "é"}, "B2_BAD_CHAR", "recipient_program"),
        ({"recipient_number": "1" * 15}, "B2_OVERFLOW", "recipient_number"),
        ({"recipient_number": "12X"}, "B2_BAD_NUMERIC", "recipient_number"),
    ],
)
def test_a_header_text_that_does_not_fit_is_refused_by_name(change: dict[str, str], code: str, field: str) -> None:
    (fault,) = faults_of(golden_rows("file1"), "750000010", msgspec.structs.replace(PLAIN, **change))
    assert (fault.code, fault.field, fault.record_type) == (code, field, "000")


def test_columns_that_contradict_their_bytes_are_our_own_fault() -> None:
    rows = golden_rows("file1")
    ends = type(rows.starts)("q", [*rows.starts[:-1], rows.starts[-1] + LINE])
    with pytest.raises(RowsDisagree):
        build_encoded(msgspec.structs.replace(rows, starts=ends), "750000010", PLAIN)
    with pytest.raises(RowsDisagree, match="row 5 of the build"):
        build_encoded(msgspec.structs.replace(rows, security=b"SSSSSX"), "750000010", PLAIN)
    with pytest.raises(RowsDisagree):
        build_encoded(msgspec.structs.replace(rows, fees=rows.fees[:-1]), "750000010", PLAIN)


@settings(max_examples=50, deadline=None)
@given(picked=st.lists(st.integers(0, 5), min_size=1, max_size=40), most=st.integers(1, 9), first=st.integers(1, 999))
def test_any_mix_of_claims_is_conserved(picked: list[int], most: int, first: int) -> None:
    claims = golden_claims()
    rows = rows_of([claims[index] for index in picked])
    built = build_encoded(rows, "750000010", msgspec.structs.replace(PLAIN, max_invoices_per_lot=most, first_lot=first))
    assert sorted(row for lot in built.lots for row in lot.rows) == list(range(len(picked)))
    assert max(lot.invoices for lot in built.lots) <= most
    assert (built.fees, built.amo, built.amc) == (sum(rows.fees), sum(rows.amo), sum(rows.amc))
    assert len({lot.number for lot in built.lots}) == len(built.lots)
    bodies = [line for line in lines_of(built.content) if record_type(line)[0] in "245"]
    assert sorted(bodies) == sorted(lines_of(bytes(rows.data)))
