# SPDX-License-Identifier: Apache-2.0
"""A long file with faults planted at known places, one lot for each: all of them are found where they stand, and nothing else."""

import io
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest

from desmos_fast.exchange.codec import check_stream
from tests.exchange.files import GOLDEN
from tests.exchange.long import FILE, TEMPLATES, get, kind, lot, put, whole, zone
from tests.oracle import reader


class Wanted(NamedTuple):
    """A fault to be found: its code, its row in the lot, its zone, and its byte in the record where it is of none."""

    code: str
    row: int
    field: str = ""
    byte: int = 0


# A lot, and the row where an invoice begins: what it does to them is found as this.
Plant = Callable[[list[bytes], int], list[Wanted]]


def at(rows: list[bytes], first: int, name: str, rank: int = 0) -> int:
    """Return the row of a type in the invoice, the first one or the one of a higher rank."""
    stop = next(place for place in range(first, len(rows)) if kind(rows[place]) == "5") + 1
    return [place for place in range(first, stop) if kind(rows[place]) == name][rank]


def one(code: str, name: str, field: str, text: str | int, rank: int = 0, told: str = "") -> Plant:
    """Write a text in a zone, which is the only fault."""

    def plant(rows: list[bytes], first: int) -> list[Wanted]:
        row = at(rows, first, name, rank)
        rows[row] = put(rows[row], field, text)
        return [Wanted(code, row, told or field)]

    return plant


def everywhere(code: str, field: str, text: str | int) -> Plant:
    """Write a text in a zone that all records of an invoice repeat: the fault is of the first one."""

    def plant(rows: list[bytes], first: int) -> list[Wanted]:
        for row in range(first, at(rows, first, "5") + 1):
            rows[row] = put(rows[row], field, text)
        return [Wanted(code, first, field)]

    return plant


def short(rows: list[bytes], first: int) -> list[Wanted]:
    rows[first + 3] = rows[first + 3][:-1]
    return [Wanted("B2_BAD_LENGTH", first + 3)]


def long_(rows: list[bytes], first: int) -> list[Wanted]:
    rows[first] += b" " * 9000
    return [Wanted("B2_BAD_LENGTH", first)]


def small_letter(rows: list[bytes], first: int) -> list[Wanted]:
    rows[first + 1] = rows[first + 1][:70] + b"a" + rows[first + 1][71:]
    return [Wanted("B2_BAD_CHAR", first + 1, byte=70)]


def unknown(rows: list[bytes], first: int) -> list[Wanted]:
    rows[first + 2] = b"Z" + rows[first + 2][1:]
    return [Wanted("B2_UNKNOWN_RECORD", first + 2)]


def later(rows: list[bytes], first: int) -> list[Wanted]:
    row = at(rows, first, "4E")
    rows[row] = rows[row][:35] + b"B" + rows[row][36:]
    return [Wanted("B2_UNSUPPORTED_RECORD", row)]


def missing(rows: list[bytes], first: int) -> list[Wanted]:
    del rows[first + 1]
    return [Wanted("B2_BAD_ORDER", first + 1)]


def twice(rows: list[bytes], first: int) -> list[Wanted]:
    rows.insert(first, rows[first])
    return [Wanted("B2_BAD_ORDER", first + 1)]


def no_end(rows: list[bytes], first: int) -> list[Wanted]:
    """The next record after the lot is the `1` of another, or 999."""
    rows.pop()
    return [Wanted("B2_BAD_ORDER", len(rows))]


def wrong_share(rows: list[bytes], first: int) -> list[Wanted]:
    row = at(rows, first, "5")
    rows[row] = put(rows[row], "total_insured_share", 1 + int(get(rows[row], "total_insured_share")))
    return [Wanted("B2_BAD_TOTAL", row, "total_insured_share"), Wanted("B2_BAD_TOTAL", len(rows) - 1, "total_patient_share")]


def less_than_shares(rows: list[bytes], first: int) -> list[Wanted]:
    row, end = at(rows, first, "4"), at(rows, first, "5")
    rows[row] = put(rows[row], "fees", 1)
    return [Wanted("B2_AMOUNTS", row), Wanted("B2_BAD_TOTAL", end, "total_fees"), Wanted("B2_BAD_TOTAL", end, "total_insured_share")]


def apart(rows: list[bytes], first: int) -> list[Wanted]:
    rows[first] = put(rows[first], "split_flag", "F")
    return [Wanted("B2_SPLIT_AMOUNT", at(rows, first, "4"), "amc")]


def lot_twice(rows: list[bytes], first: int) -> list[Wanted]:
    rows[0], rows[-1] = put(rows[0], "lot_number", 1), put(rows[-1], "lot_number", 1)
    return [Wanted("B2_DUPLICATE_LOT", 0, "lot_number")]


def of_the_lot(code: str, row: int, field: str, text: str | int) -> Plant:
    def plant(rows: list[bytes], first: int) -> list[Wanted]:
        place = range(len(rows))[row]
        rows[place] = put(rows[place], field, text)
        return [Wanted(code, place, field)]

    return plant


# The template that each needs, by its place in TEMPLATES.
PLANTS: list[tuple[int, Plant]] = [
    (0, short), (1, long_), (1, small_letter), (0, unknown), (1, later), (2, missing), (0, twice), (0, no_end),
    (0, one("B2_HEADER_MISMATCH", "4S", "invoice_number", 7)), (2, one("B2_HEADER_MISMATCH", "4", "invoice_number", 7, rank=1)),
    (0, one("B2_UNEXPECTED_VALUE", "2S", "sequence", "02")), (0, one("B2_BAD_NUMERIC", "4", "base", "000A100")),
    (0, one("B2_BAD_DATE", "4", "care_date", "261399")), (0, one("B2_BAD_VALUE", "4", "qualifier", "Z")),
    (1, one("B2_BAD_CHAR", "4", "act_complement", "+")), (0, one("B2_MISSING", "4", "act_code", "")),
    (0, one("B2_BAD_VALUE", "4", "rate", 101)), (0, one("B2_FINESS_KEY", "4E", "prescriber_structure", "750000011")),
    (1, one("B2_LIST_GAP", "4M", "modifier_2", "N", told="modifier_1")), (1, one("B2_BAD_VALUE", "4M", "tooth_1", "99")),
    (2, one("B2_MIXED_PRESCRIBER", "4", "prescriber_am", "751112229", rank=1)),
    (0, everywhere("B2_BAD_NIR", "nir", "2550814168O25")), (2, everywhere("B2_DUPLICATE_NUMBER", "invoice_number", 1)),
    (0, one("B2_COUNT_MISMATCH", "5", "line_count", 9)), (2, wrong_share), (1, less_than_shares), (1, apart),
    (0, one("B2_LOT_MISMATCH", "2", "caisse", "349")), (0, lot_twice), (0, of_the_lot("B2_COUNT_MISMATCH", -1, "invoice_count", 1)),
    (0, of_the_lot("B2_COUNT_MISMATCH", -1, "record_count", 1)), (0, of_the_lot("B2_BAD_TOTAL", -1, "total_amc", 3)),
    (0, of_the_lot("B2_HEADER_MISMATCH", -1, "biller", "750000028")), (0, of_the_lot("B2_BAD_VALUE", 0, "amc_number", 75912345)),
    (0, of_the_lot("B2_BAD_NUMERIC", -1, "total_fees", "00000000000A")),
]  # fmt: skip


def bad_key(rows: list[bytes], first: int) -> list[Wanted]:
    key = (int(get(rows[first], "nir_key")) + 1) % 100
    return everywhere("B2_NIR_KEY", "nir_key", key)(rows, first)


def bad_filler(rows: list[bytes], first: int) -> list[Wanted]:
    filler = next(found for found in reader.TABLES["4"].values() if found.kind == "filler")
    return one("B2_BAD_FILLER", "4", filler.name, "X")(rows, first)


PLANTS += [(0, bad_key), (0, bad_filler)]


def planted(lots: int, invoices: int) -> tuple[bytes, list[tuple[str, int, int, str]]]:
    """Return a file and the faults that it must give: code, record, offset, zone. Its first lot and its last one are sound."""
    draw = random.Random(14)
    wanted: list[tuple[int, Wanted]] = []
    made = [lot(place + 1, 1 + place * invoices, invoices) for place in range(lots)]
    end = put(whole(made)[-1], "recipient_type", "XX")
    for place in range(1, lots - 1):
        template, plant = PLANTS[place % len(PLANTS)]
        units = [row for row, found in enumerate(made[place]) if kind(found) == "2"]
        first = draw.choice(units[template :: len(TEMPLATES)])
        wanted += [(place, found) for found in plant(made[place], first)]
    rows = [FILE[0], *(row for rows_of_lot in made for row in rows_of_lot), end]
    starts = [0]
    for rows_of_lot in made:
        starts.append(starts[-1] + len(rows_of_lot))
    offsets = [0]
    for row in rows:
        offsets.append(offsets[-1] + len(row) + 1)
    faults = [(1 + starts[place] + found.row, found) for place, found in wanted]
    faults.append((len(rows) - 1, Wanted("B2_HEADER_MISMATCH", 0, "recipient_type")))
    return b"\n".join(rows) + b"\n", [
        (found.code, place + 1, offsets[place] + (zone(rows[place], found.field).start if found.field else found.byte), found.field)
        for place, found in faults
    ]


def insist(lots: int, invoices: int, block: int) -> int:
    data, wanted = planted(lots, invoices)
    faults = check_stream(io.BytesIO(data), max_faults=100_000, block=block)
    found = Counter((fault.code, fault.record or 0, fault.offset or 0, fault.field or "") for fault in faults)
    assert found - Counter(wanted) == Counter(wanted) - found == Counter()
    assert {fault.code for fault in faults} >= CODES
    return len(data)


# Every code that a file of claims may give.
CODES = {
    "B2_BAD_LENGTH", "B2_BAD_CHAR", "B2_UNKNOWN_RECORD", "B2_UNSUPPORTED_RECORD", "B2_BAD_ORDER", "B2_HEADER_MISMATCH",
    "B2_UNEXPECTED_VALUE",
    "B2_BAD_FILLER", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE", "B2_MISSING", "B2_BAD_NIR", "B2_NIR_KEY", "B2_FINESS_KEY",
    "B2_LIST_GAP", "B2_MIXED_PRESCRIBER", "B2_COUNT_MISMATCH", "B2_BAD_TOTAL", "B2_SPLIT_AMOUNT", "B2_AMOUNTS", "B2_LOT_MISMATCH",
    "B2_DUPLICATE_NUMBER", "B2_DUPLICATE_LOT",
}  # fmt: skip


def test_the_codes_are_those_of_the_bad_files() -> None:
    """No code that a bad file of claims is refused with is left out."""
    told = {json.loads(path.read_bytes())["code"] for path in (GOLDEN / "bad").glob("[bf]*.json")}
    assert told - CODES <= {"B2_BAD_OUTCOME", "B2_WRONG_KIND"}


def test_the_file_is_sound_before() -> None:
    rows = whole([lot(place + 1, 1 + place * 30, 30) for place in range(40)])
    assert check_stream(io.BytesIO(b"\n".join(rows) + b"\n")) == []


@pytest.mark.parametrize("block", [1 << 18, 100_003])
def test_every_planted_fault_is_found_and_nothing_else(block: int) -> None:
    assert insist(lots=260, invoices=21, block=block) > 5_000_000


@pytest.mark.fuzz
@pytest.mark.timeout(600)
def test_every_planted_fault_is_found_in_a_hundred_megabytes() -> None:
    assert insist(lots=999, invoices=108, block=1 << 18) > 100_000_000
