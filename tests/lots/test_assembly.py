# SPDX-License-Identifier: Apache-2.0
"""Waiting invoices to files, without a database: opened, checked, shared out, numbered over the ends of the counters."""

import hashlib
import itertools
from array import array
from collections.abc import Sequence
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.base.types import uuid7
from desmos_fast.billing.sealed import pack
from desmos_fast.db.kernel import seal
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.lots import assembly, codec, rules
from desmos_fast.lots.model import ContentChanged, LotNumbersExhausted, LotSettings, Rows, Waiting
from tests.lots.claims import golden_rows

KEYS = TenantKeys(b"s" * 32, b"i" * 32)
TENANT = uuid7()
DAY = LotSettings(date="2026-11-21")
BILLER = "750000010"


def waiting(rows: Rows) -> Waiting:
    """The rows of flow 1 as they wait in the database; the last two are claimed apart, and one only so."""
    whole = [row for row in range(len(rows.flow)) if rows.flow[row] == 1]
    runs = [bytes(rows.data[rows.starts[row] : rows.starts[row + 1]]) for row in whole]
    blobs = [pack(run, run, b"{}") for run in runs]
    ids = [uuid7() for _ in whole]
    letters = {"S": "secured", "D": "degraded", "Y": "desynchronised"}

    def column(values: Sequence[int]) -> "array[int]":
        return array("q", [values[row] for row in whole])

    return Waiting(
        ids=ids,
        numbers=column(rows.number),
        sealed=seal(KEYS, "invoice", TENANT, ids, blobs),
        hashes=[hashlib.sha256(blob).digest() for blob in blobs],
        destination=column(rows.destination),
        amc_number=array("q", [75912345] * len(whole)),
        executor=column(rows.executor),
        care_dates=[date.fromordinal(rows.care[row]) for row in whole],
        security=[letters[chr(rows.security[row])] for row in whole],
        fees=column(rows.fees),
        amo=column(rows.amo),
        amc=column(rows.amc),
        amc_sum=array("q", [77] * len(whole)),
        whole=[row < len(whole) - 1 for row in range(len(whole))],
        apart=[row >= len(whole) - 2 for row in range(len(whole))],
    )


def test_what_waits_becomes_rows_of_flow_1_then_of_flow_2() -> None:
    given_rows = golden_rows("file1")
    waits = waiting(given_rows)
    count = len(waits.ids)
    claims = assembly.no_claims()
    assembly.open_claims(KEYS, TENANT, waits, claims)
    assert [claims.invoice(row) for row in range(len(claims.rows.flow))] == [*waits.ids[:-1], *waits.ids[-2:]]
    assert claims.rows.flow == b"\x01" * (count - 1) + b"\x02" * 2
    assert list(claims.rows.amc) == [*waits.amc[:-1], 77, 77]
    assert list(claims.rows.care) == [*given_rows.care[: count - 1], *given_rows.care[count - 2 : count]]
    assert claims.rows.data[: claims.rows.starts[count - 1]] == given_rows.data[: given_rows.starts[count - 1]]
    assert claims.rows.starts[-1] == len(claims.rows.data)


def test_what_is_opened_in_several_goes_is_added() -> None:
    waits = waiting(golden_rows("file1"))
    once, twice = assembly.no_claims(), assembly.no_claims()
    assembly.open_claims(KEYS, TENANT, waits, once)
    for span in (slice(0, 2), slice(2, None)):
        part = {name: getattr(waits, name)[span] for name in waits.__struct_fields__}
        assembly.open_claims(KEYS, TENANT, Waiting(**part), twice)
    laid = [laid_out(claims, DAY) for claims in (once, twice)]
    assert laid[0][0].file.content == laid[1][0].file.content
    assert sorted(once.invoices) == sorted(twice.invoices)


def test_an_invoice_that_was_changed_is_named_and_nothing_is_opened() -> None:
    waits, claims = waiting(golden_rows("file1")), assembly.no_claims()
    changed = msgspec.structs.replace(waits, hashes=[*waits.hashes[:1], bytes(32), *waits.hashes[2:]])
    with pytest.raises(ContentChanged, match=str(waits.ids[1])):
        assembly.open_claims(KEYS, TENANT, changed, claims)
    moved = msgspec.structs.replace(waits, sealed=[*reversed(waits.sealed)])
    with pytest.raises(ContentChanged, match=str(waits.ids[0])):
        assembly.open_claims(KEYS, TENANT, moved, claims)
    assert not claims.invoices and not claims.rows.data


def laid_out(
    claims: assembly.Claims, chosen: LotSettings, first_file: int = 1, before: int = 0, in_use: frozenset[int] = frozenset()
) -> list[assembly.Laid]:
    """Every file of a build, as the service lays them out."""
    planned = codec.plan(claims.rows, chosen)
    return list(assembly.lay_out(assembly.number(claims, BILLER, chosen, planned, first_file, before, in_use), BILLER))


def claims_of(destinations: list[int]) -> assembly.Claims:
    """Invoices alike but for number and destination."""
    one = golden_rows("file1")
    run = one.data[: one.starts[1]]
    count = len(destinations)

    def same(column: Sequence[int]) -> "array[int]":
        return array("q", [column[0]] * count)

    rows = Rows(
        data=run * count, starts=array("q", range(0, len(run) * (count + 1), len(run))), number=array("q", range(count)),
        destination=array("q", destinations), amc_number=same(one.amc_number), executor=same(one.executor), care=same(one.care),
        flow=b"\x01" * count, security=b"S" * count, fees=same(one.fees), amo=same(one.amo), amc=same(one.amc),
    )  # fmt: skip
    return assembly.Claims(bytearray(b"".join(row.to_bytes(16) for row in range(count))), rows)


@settings(max_examples=100, deadline=None)
@given(
    destinations=st.lists(st.sampled_from([17510000, 17510001, 23450000, 999999999]), min_size=1, max_size=30),
    per_lot=st.integers(1, 5), per_file=st.integers(1, 4), apart=st.booleans(),
)  # fmt: skip
def test_files_hold_every_invoice_once_in_the_lots_of_one_file(destinations: list[int], per_lot: int, per_file: int, apart: bool) -> None:
    """However they are shared out, the lots are those that one file without limits would have, in their order."""
    claims = claims_of(destinations)
    chosen = msgspec.structs.replace(DAY, max_invoices_per_lot=per_lot, max_lots_per_file=per_file, one_destination_per_file=apart)
    laid = laid_out(claims, chosen)
    (alone,) = codec.build_encoded(claims.rows, BILLER, msgspec.structs.replace(DAY, max_invoices_per_lot=per_lot, max_lots_per_file=999))
    lots = [(one.claims, lot) for one in laid for lot in one.file.lots]
    assert [[found.invoice(row).int for row in lot.rows] for found, lot in lots] == [list(lot.rows) for lot in alone.lots]
    assert [lot.number for _, lot in lots] == [lot.number for lot in alone.lots]
    assert all(len(one.file.lots) <= per_file for one in laid)
    caisses = [{(lot.regime, lot.caisse) for lot in one.file.lots} for one in laid]
    assert not apart or all(len(found) == 1 for found in caisses)
    full = [len(one.file.lots) == per_file or apart and caisses[place] != caisses[place + 1] for place, one in enumerate(laid[:-1])]
    assert all(full), "no file is begun before the one before it is full"


@settings(max_examples=100, deadline=None)
@given(
    count=st.integers(1, 12), before=st.integers(0, 3000), in_use=st.frozensets(st.integers(1, 999), max_size=400),
    per_file=st.integers(1, 12),
)  # fmt: skip
def test_lots_are_counted_on_over_the_rounds(count: int, before: int, in_use: frozenset[int], per_file: int) -> None:
    """The counter goes up by one for each number that is given or stepped over, whatever file it is in."""
    chosen = msgspec.structs.replace(DAY, max_invoices_per_lot=1, max_lots_per_file=per_file)
    laid = laid_out(claims_of([17510000] * count), chosen, 1, before, in_use)
    taken = [value for one in laid for value in one.counted]
    free = (value for value in itertools.count(before + 1) if rules.lot_place(value)[1] not in in_use)
    assert taken == list(itertools.islice(free, count))
    assert [rules.lot_place(value)[1] for value in taken] == [lot.number for one in laid for lot in one.file.lots]


def test_no_number_is_given_twice_in_one_build_of_many_files() -> None:
    chosen = msgspec.structs.replace(DAY, max_invoices_per_lot=1, max_lots_per_file=400)
    laid = laid_out(claims_of([17510000] * 999), chosen, 1, 700)
    assert sorted(lot.number for one in laid for lot in one.file.lots) == list(range(1, 1000))
    with pytest.raises(LotNumbersExhausted):
        laid_out(claims_of([17510000] * 1000), chosen, 1, 700)


def test_files_are_numbered_on_over_the_end() -> None:
    chosen = msgspec.structs.replace(DAY, max_invoices_per_lot=1, max_lots_per_file=1)
    laid = laid_out(claims_of([17510000] * 3), chosen, 999_999)
    assert [one.file.sequence for one in laid] == [999_999, 1, 2]


@pytest.mark.parametrize(("taken", "place"), [(1, (1, 1)), (999, (1, 999)), (1000, (2, 1)), (1998, (2, 999)), (1999, (3, 1))])
def test_a_lot_is_placed_in_its_round(taken: int, place: tuple[int, int]) -> None:
    assert rules.lot_place(taken) == place
