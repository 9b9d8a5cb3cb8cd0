# SPDX-License-Identifier: Apache-2.0
"""A stream gives what a buffer gives: the same faults, the same summary, the same invoices, wherever its blocks are cut."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.billing.reading.codec import blocks_again, decode, decode_stream, examine_claims_stream, summary
from desmos_fast.exchange.codec import check, check_stream, examine, examine_stream
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.exchange.reading.blocks import HEAD, Blocks, readable_twice
from tests.exchange.files import ANSWERS, BAD, CLAIMS, FILES, LETTERS, RUNS, changed, damaged, file, name, run
from tests.exchange.long import bare, claims_apart, lot, put, whole
from tests.oracle import reader

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
ALL = [*RUNS, *FILES, *ANSWERS, *BAD]
SIZES = (1, 128, 130, 771)


class Pipe:
    """Bytes that come once, a few at a time."""

    def __init__(self, data: bytes, most: int = 1 << 20) -> None:
        self._data, self._most = io.BytesIO(data), most

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._most))

    def seek(self, offset: int, /) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation

    def seekable(self) -> bool:
        return False


def insist_same(data: bytes, block: int) -> None:
    expected, faults = examine(data)
    found, streamed = examine_stream(io.BytesIO(data), block=block)
    assert streamed == faults
    assert (summary(found), found.found, found.kind) == (summary(expected), expected.found, expected.kind)
    if not faults and expected.kind in ("", "TR"):
        assert list(decode_stream(io.BytesIO(data), block=block)) == decode(data)


@pytest.mark.parametrize("path", ALL, ids=name)
@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b""], ids=["LF", "CR LF", "none"])
def test_every_golden_file_wherever_it_is_cut(path: Path, separator: bytes) -> None:
    data = path.read_bytes().replace(b"\n", separator)
    for block in SIZES:
        insist_same(data, block)


@settings(max_examples=300, deadline=None, suppress_health_check=QUIET)
@given(damaged(), st.integers(1, 900))
def test_damaged_files_wherever_they_are_cut(data: bytes, block: int) -> None:
    insist_same(data, block)


@settings(max_examples=150, deadline=None, suppress_health_check=QUIET)
@given(damaged(CLAIMS), st.integers(1, 900))
def test_damaged_claims_wherever_they_are_cut(data: bytes, block: int) -> None:
    insist_same(data, block)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=700), st.lists(LETTERS, max_size=700).map(bytes)), st.integers(1, 300))
def test_any_bytes_wherever_they_are_cut(data: bytes, block: int) -> None:
    insist_same(data, block)


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@settings(max_examples=50_000, deadline=None, suppress_health_check=QUIET)
@given(damaged(), st.integers(1, 2000))
def test_they_agree_for_long_wherever_they_are_cut(data: bytes, block: int) -> None:
    insist_same(data, block)


def several_lots() -> bytes:
    """A file larger than the head, with a claim apart whose flow 02 comes long after."""
    rows = file("file1").splitlines()
    return b"\n".join(whole([rows[9:30], *(lot(place, 1000 * place, 30) for place in range(10, 30)), rows[30:38]])) + b"\n"


@pytest.mark.parametrize("block", [200, 5_003, 70_001, 1 << 18])
def test_a_long_file_with_a_claim_apart(block: int) -> None:
    data = several_lots()
    assert len(data) > 4 * HEAD
    insist_same(data, block)
    assert check(data) == []
    apart = [invoice for invoice in decode_stream(io.BytesIO(data), block=block) if invoice.number == 303]
    assert [[act.amc for act in invoice.acts] for invoice in apart] == [[900]]


@pytest.mark.parametrize("block", [5_003, 1 << 18])
def test_many_claims_apart_each_find_their_other_one(block: int) -> None:
    one, two = claims_apart(2_500, 300)
    for lots in ([*one, *two], [*two, *one], [rows for pair in zip(two, one, strict=True) for rows in pair]):
        data = b"\n".join(whole(lots)) + b"\n"
        assert check(data) == []
        insist_same(data, block)
        found = list(decode_stream(io.BytesIO(data), block=block))
        assert [invoice.number for invoice in found] == list(range(1, 2_501))
        assert [[act.amc for act in invoice.acts] for invoice in found] == [[number % 900] for number in range(1, 2_501)]
    wrong = put(two[5][3], "quantity", 3)
    two[5][3] = wrong
    data = b"\n".join(whole([*one, *two])) + b"\n"
    faults = check_stream(io.BytesIO(data), block=block)
    record = whole([*one, *two]).index(wrong) + 1
    assert ("B2_LOT_MISMATCH", record, "quantity") in [(fault.code, fault.record, fault.field) for fault in faults]
    assert [(fault.code, fault.record, fault.field or "") for fault in faults] == reader.check(data)


def with_other_claim(change: Callable[[list[bytes]], None]) -> bytes:
    rows = several_lots().splitlines()
    change(rows)
    return b"\n".join(rows) + b"\n"


def other_date(rows: list[bytes]) -> None:
    rows[-5] = put(rows[-5], "prior_agreement_code", 5)
    rows[-6] = put(rows[-6], "quantity", 2)


def no_complement(rows: list[bytes]) -> None:
    """The earlier claim has no 4E, so the later one has a record more."""
    del rows[19]


@pytest.mark.parametrize("block", [300, 1 << 18])
def test_the_two_claims_of_an_invoice_are_compared_over_blocks(block: int) -> None:
    data = with_other_claim(other_date)
    faults = check_stream(io.BytesIO(data), block=block)
    assert [(fault.code, fault.record, fault.field or "") for fault in faults] == reader.check(data)
    mismatches = [fault for fault in faults if fault.code == "B2_LOT_MISMATCH"]
    assert [(fault.record_type, fault.field) for fault in mismatches] == [("4", "quantity"), ("4S", "prior_agreement_code")]
    assert data[mismatches[1].offset : (mismatches[1].offset or 0) + 1] == b"5"
    data = with_other_claim(no_complement)
    faults = check_stream(io.BytesIO(data), block=block)
    assert [(fault.code, fault.record, fault.field or "") for fault in faults] == reader.check(data)
    assert [(fault.record_type, fault.field) for fault in faults if fault.code == "B2_LOT_MISMATCH"] == [("4E", None)]


def test_a_pipe_cannot_be_read_again_so_the_zone_that_differs_is_not_named() -> None:
    data = with_other_claim(other_date)
    known, piped = check_stream(io.BytesIO(data)), check_stream(Pipe(data, 999), block=5_000)
    places = [place for place, fault in enumerate(known) if fault.code == "B2_LOT_MISMATCH"]
    assert [fault for place, fault in enumerate(piped) if place not in places] == [
        fault for place, fault in enumerate(known) if place not in places
    ]
    assert [(piped[place].code, piped[place].record, piped[place].field) for place in places] == [
        ("B2_LOT_MISMATCH", known[place].record, None) for place in places
    ]


@pytest.mark.parametrize("most", [100, 1 << 20])
def test_invoices_come_out_of_a_pipe(most: int) -> None:
    data = several_lots()
    assert list(decode_stream(Pipe(data, most), block=3_000)) == decode(data)
    with pytest.raises(FaultyInput) as refused:
        next(iter(decode_stream(Pipe(data[:-200], most))))
    assert refused.value.faults == check(data[:-200])


def test_a_source_is_read_from_where_it_stands() -> None:
    source = io.BytesIO(b"former" + run(4))
    source.seek(6)
    assert list(decode_stream(source)) == decode(run(4))
    with_fault = changed(file("file1"), 41, "4", quantity="2")
    source = io.BytesIO(b"former" + with_fault)
    source.seek(6)
    assert check_stream(source, block=100) == check(with_fault)


def test_what_was_read_of_a_pipe_is_read_again() -> None:
    with readable_twice(Pipe(b"0123456789", 4)) as source:
        assert (source.read(6), source.read(2), source.tell()) == (b"0123", b"45", 6)
        assert source.seek(1) == 1
        assert [source.read(3), source.read(9), source.read(9), source.read(9)] == [b"123", b"45", b"6789", b""]
        source.seek(0)
        assert source.read(20) == b"0123456789"


def test_a_disk_that_takes_no_more_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written to /dev/full is refused, as by a disk without room."""
    monkeypatch.setattr("desmos_fast.exchange.reading.blocks.tempfile.TemporaryFile", lambda: io.FileIO("/dev/full", "w+"))
    with pytest.raises(OutsideFailed, match="No space left on device"):
        list(decode_stream(Pipe(run(1))))


def test_the_lines_of_a_stream_are_those_of_its_buffer() -> None:
    data = several_lots()
    reading, faults = examine_claims_stream(io.BytesIO(data), block=1000)
    assert faults == []
    pieces = list(blocks_again(io.BytesIO(data), reading, block=777))
    assert sum(used for used, _ in pieces) == len(data)
    numbers = [json.loads(line)["number"] for _, piece in pieces for line in piece.splitlines()]
    assert numbers == [301, 302, 303, *(1000 * place + one for place in range(10, 30) for one in range(30))]


def test_separators_are_decided_on_the_first_bytes_alone() -> None:
    records = b"".join(run(1).splitlines()) * 200
    assert len(records) > HEAD
    at = HEAD - HEAD % 128 + 128 * 3 + 5
    broken = records[:at] + b"\n" + records[at + 1 :]
    faults = check(broken)
    assert (faults[0].code, faults[0].record, faults[0].offset) == ("B2_BAD_CHAR", at // 128 + 1, at)
    for block in (1, HEAD, 1 << 18):
        assert check_stream(io.BytesIO(broken), block=block if block > 1 else 1000) == faults
    assert [(fault.code, fault.record, fault.field or "") for fault in faults] == reader.check(broken)
    early = records[:500] + b"\n" + records[501:]
    assert check(early)[0].code == "B2_BAD_LENGTH"


def test_ends_of_line_mixed_missing_or_of_another_kind() -> None:
    rows = run(1).splitlines()
    assert check(b"\r\n".join(rows[:3]) + b"\n" + b"\n".join(rows[3:])) == []
    assert [fault.code for fault in check(b"\r".join(rows) + b"\r")][:1] == ["B2_BAD_LENGTH"]
    for data in (b"\r".join(rows), b"\n\r".join(rows), b"\r\r\n".join(rows)):
        insist_same(data, 100)
        assert [(fault.code, fault.record, fault.field or "") for fault in check(data)] == reader.check(data)
        assert check(data)[0].code == "B2_BAD_LENGTH"


@pytest.mark.parametrize("length", [129, 4095, 4096, 4097, 70_000, 400_000])
def test_a_line_of_any_length_is_one_record(length: int) -> None:
    rows = run(1).splitlines()
    data = b"\n".join([*rows, *rows[:1], b"A" * length, *rows]) + b"\n"
    faults = check(data)
    assert [(fault.code, fault.record, fault.field or "") for fault in faults] == reader.check(data)
    assert (faults[0].code, faults[0].record) == ("B2_BAD_LENGTH", 8)
    for block in (100, 4096, 5000, 1 << 18):
        insist_same(data, block)


def test_an_invoice_of_too_many_records_ends_where_it_may_not_go_on() -> None:
    """What is carried from one block to the next has a bound, whatever the input."""
    rows = run(1).splitlines()
    data = b"\n".join([*rows[:2], *rows[2:4] * 40_000, rows[-1], *rows]) + b"\n"
    faults = check_stream(io.BytesIO(data))
    assert [(fault.code, fault.record) for fault in faults][0] == ("B2_BAD_ORDER", 65_537)
    assert [(fault.code, fault.record, fault.field or "") for fault in faults] == reader.check(data)
    insist_same(data, 1 << 18)


@pytest.mark.parametrize("first", [b"", b"garbage\n", b"X" * 128 + b"\n", b"000" + b"0" * 50 + b"\n", b"\n" * 900, b"Z" * 9000 + b"\n"])
@pytest.mark.parametrize("stem", ["file1", "arl1_positive", "rsp1_paid_partial", "bare"])
def test_the_kind_of_a_damaged_beginning_does_not_hang_on_the_blocks(first: bytes, stem: str) -> None:
    rows = (run(4) if stem == "bare" else next(path for path in ALL if path.stem.startswith(stem[:4])).read_bytes()).splitlines()
    for data in (b"\n".join(rows), b"\n".join(rows[1:]), b"\n".join([rows[0].replace(b"TR", b"XX", 1), *rows[1:]])):
        assert [(fault.code, fault.record, fault.field or "") for fault in check(first + data)] == reader.check(first + data)
        for block in (1, 60, 129, 1000):
            insist_same(first + data, block)


def test_more_faults_than_are_shown_are_counted() -> None:
    data = b"".join(bare(200_000)).replace(b"2550814168025", b"2550814168026")
    every, faults = examine(data, max_faults=100_000)
    assert every.found == len(faults) > 200
    for most in (1, 7, 100):
        reading, shown = examine_stream(io.BytesIO(data), max_faults=most, block=3_000)
        assert (reading.found, len(shown)) == (len(faults), most)
        assert shown == faults[:most]


@settings(max_examples=150, deadline=None, suppress_health_check=QUIET)
@given(damaged(), st.integers(1, 3))
def test_the_first_faults_of_each_pass_are_kept(data: bytes, most: int) -> None:
    every, _ = examine(data, max_faults=100_000)
    few, faults = examine(data, max_faults=most)
    assert few.found == every.found
    assert faults == [fault for kept in every.passes for fault in kept.faults[:most]]


def test_blocks_hold_what_the_one_before_left_over() -> None:
    blocks = Blocks(io.BytesIO(b"0123456789"), 4)
    seen = []
    for data, final in blocks:
        seen.append((data, final))
        blocks.used = len(data) // 2
    assert seen == [(b"0123", False), (b"234567", False), (b"56789", False), (b"789", True)]
