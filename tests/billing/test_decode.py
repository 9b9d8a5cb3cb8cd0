# SPDX-License-Identifier: Apache-2.0
"""Claims back to invoices: golden files, both claims of an invoice, and the way back to the same bytes."""

import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from desmos_fast.billing.codec import encode
from desmos_fast.billing.reading.codec import blocks, decode, examine_claims, read, summary
from desmos_fast.billing.reading.kernel import wire
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.exchange.reading.claims import ClaimRules
from desmos_fast.exchange.reading.kernel import claims
from tests.exchange.files import ANSWERS, BAD, CLAIMS, FILES, LINE, RUNS, changed, damaged, file, name, run
from tests.exchange.test_golden import WAYS
from tests.oracle import wire as oracle
from tests.oracle.reader import TABLES, type_of


def lines(data: bytes) -> bytes:
    return b"".join(block for _, block in blocks(read(data)))


def objects(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(data).splitlines()]


def golden(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.with_suffix(".decoded.ndjson").read_bytes().splitlines()]


@pytest.mark.parametrize("path", [*RUNS, *FILES], ids=name)
@pytest.mark.parametrize("way", WAYS)
def test_golden_files_decode(path: Path, way: str) -> None:
    assert objects(WAYS[way](path.read_bytes())) == golden(path)


@pytest.mark.parametrize("path", RUNS, ids=name)
def test_golden_runs_encode_again_to_the_same_bytes(path: Path) -> None:
    encoded = encode(decode(path.read_bytes()))
    assert (encoded.faults, encoded.data) == ([], path.read_bytes())


@pytest.mark.parametrize("path", BAD, ids=name)
def test_a_bad_file_gives_its_faults_and_no_invoice(path: Path) -> None:
    with pytest.raises(FaultyInput) as refused:
        read(path.read_bytes())
    assert refused.value.faults == examine_claims(path.read_bytes())[1]


@pytest.mark.parametrize("path", ANSWERS, ids=name)
def test_a_sound_answer_is_of_another_kind(path: Path) -> None:
    assert [fault.code for fault in examine_claims(path.read_bytes())[1]] == ["B2_WRONG_KIND"]


def test_an_empty_input_is_no_invoice() -> None:
    assert (decode(b""), lines(b"")) == ([], b"")


def swapped_lots() -> bytes:
    """file1 with the lot of flow 02 before the lot of flow 01."""
    rows = file("file1").splitlines(keepends=True)
    return b"".join(rows[:9] + rows[30:38] + rows[9:30] + rows[38:])


def test_an_invoice_in_both_flows_comes_once_with_the_amounts_of_flow_02() -> None:
    for data in (file("file1"), swapped_lots()):
        found = objects(data)
        assert sorted(invoice["number"] for invoice in found) == [301, 302, 303, 304, 305]
        apart = next(invoice for invoice in found if invoice["number"] == 303)
        assert [(act["amo"], act["amc"]) for act in apart["acts"]] == [(2100, 900)]
    assert summary(read(file("file1"))) == {"kind": "TR", "records": 47, "lots": 4, "claims": 6, "invoices": 5}


def test_a_claim_of_flow_02_alone_keeps_its_amounts() -> None:
    rows = file("file1").splitlines(keepends=True)
    data = b"".join([rows[0], *rows[30:38], rows[46]])
    counts = {"record_count": "10", "lot_count": "1", "invoice_count": "1"}
    data = changed(data, 10, "999", **counts, total_fees="3000", total_amo="2100", total_amc="900")
    assert [(invoice["number"], invoice["acts"][0]["amc"]) for invoice in objects(data)] == [(303, 900)]


def test_both_claims_of_an_invoice_may_fall_in_different_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desmos_fast.billing.reading.codec.PORTION", 1)
    assert objects(file("file1")) == golden(FILES[0])
    assert [done for done, _ in blocks(read(file("file1")))] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("birth", "care", "century"), [
    ("260101", "261120", "20"), ("270101", "261120", "19"), ("991231", "991231", "19"), ("001301", "991231", "19"),
    ("000001", "000101", "20"), ("690101", "690101", "20"), ("700101", "690101", "19"), ("550814", "700101", "19"),
])  # fmt: skip
def test_the_century_of_birth_follows_the_year_of_care(birth: str, care: str, century: str) -> None:
    data = changed(changed(run(1), 1, "2", birth_date=birth), 3, "4", care_date=care)
    assert objects(data)[0]["beneficiary"]["birth_date"] == century + birth


def variants(data: bytes) -> Iterator[bytes]:
    """Each zone of each record that stands alone in its invoice, filled in a few ways."""
    rows = data.splitlines()
    for place, row in enumerate(rows):
        for zone in TABLES[type_of(row.decode())].values():
            if zone.kind not in ("const", "filler"):
                for filling in (b"0", b"9", b"01", b"A", b"A B", b"G", b"4", b"S", b"O", b" "):
                    text = (filling * 25)[: zone.end - zone.start] if filling != b"A B" else filling.ljust(25)[: zone.end - zone.start]
                    changed_row = row[: zone.start] + text + row[zone.end :]
                    yield b"\n".join([*rows[:place], changed_row, *rows[place + 1 :]]) + b"\n"


@pytest.mark.parametrize("path", [path for path in RUNS if path.stem != "15_many_lines"], ids=name)
def test_whatever_is_accepted_encodes_again_to_the_same_bytes(path: Path) -> None:
    accepted = 0
    for data in variants(path.read_bytes()):
        reading, faults = examine_claims(data)
        if not faults:
            accepted += 1
            found = lines(data)
            assert [json.loads(line) for line in found.splitlines()] == oracle.decode(data)
            encoded = encode(decode(data))
            assert (encoded.faults, encoded.data) == ([], data)
    assert accepted > 40


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(damaged(CLAIMS))
def test_whatever_is_accepted_reads_as_the_oracle_reads_it(data: bytes) -> None:
    reading, faults = examine_claims(data)
    assume(not faults)
    assert objects(data) == oracle.decode(data)


def test_the_kernel_refuses_columns_that_are_not_of_its_buffer() -> None:
    reading = read(file("file1"))
    assert isinstance(reading.rules, ClaimRules)
    scan, firsts, stops, apart = reading.scan, reading.firsts, reading.stops, reading.rules.way.apart
    assert wire().lines(claims(), scan, firsts, stops, apart, 0, 6).count(b"\n") == 5
    for columns in (
        (firsts[:5], stops), (array("q", [-1] * 6), stops), (firsts, array("q", [10**9] * 6)), (firsts, firsts),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="invoice"):
            wire().lines(claims(), scan, *columns, apart, 0, 6)
    for begin, end in ((-1, 2), (3, 2), (0, 7)):
        with pytest.raises(ValueError, match="no such invoices"):
            wire().lines(claims(), scan, firsts, stops, apart, begin, end)
    backwards = wire().lines(claims(), scan, firsts[::-1], stops[::-1], apart, 0, 6)
    assert backwards.count(b"\n") >= 5


def test_a_long_file_is_written_in_blocks_of_whole_lines() -> None:
    rows = run(1).splitlines(keepends=True)
    many = b"".join(row for number in range(1, 9001) for row in numbered(rows, number))
    reading = read(many)
    pieces = list(blocks(reading))
    assert [done for done, _ in pieces] == [*range(512, 9000, 512), 9000]
    assert [json.loads(line)["number"] for _, piece in pieces for line in piece.splitlines()] == list(range(1, 9001))


def numbered(rows: list[bytes], number: int) -> Iterator[bytes]:
    for row in rows:
        zone = TABLES[type_of(row.decode())]["invoice_number"]
        yield row[: zone.start] + f"{number:09d}".encode() + row[zone.end :]


def test_a_file_of_one_invoice_of_many_lines() -> None:
    data = next(path for path in RUNS if path.stem == "15_many_lines").read_bytes()
    assert len(objects(data)[0]["acts"]) == 60
    assert len(data) == 243 * LINE
