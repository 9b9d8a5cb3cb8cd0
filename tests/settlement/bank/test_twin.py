# SPDX-License-Identifier: Apache-2.0
"""The kernel of statements beside its twin: lines, blocks, warnings and faults, byte for byte."""

import io
import random
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.settlement.bank import input as reading
from desmos_fast.settlement.bank import read_statement, stream_statement
from desmos_fast.settlement.bank.model import WARNINGS_KEPT, BankFault, BankRefused, Statement
from ext import cfonb
from tests.generators.statements import damaged, statement
from tests.oracle import cfonb120 as oracle
from tests.settlement.statements import detail, joined, movement
from tests.settlement.statements import statement as block

KINDS = ("01", "04", "05", "07", "09", "  ", "0")


def ours(data: bytes) -> Statement:
    return read_statement(data, "cfonb120")


def outcome(read: Callable[[bytes], Statement], data: bytes) -> BankFault | Statement:
    try:
        return read(data)
    except BankRefused as refused:
        return refused.fault


def compare(data: bytes) -> BankFault | Statement:
    found, twin = outcome(ours, data), outcome(oracle.parse, data)
    assert msgspec.json.encode(found) == msgspec.json.encode(twin), data
    return found


def drawn(seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for place in range(count):
        data = statement(chance)
        yield damaged(chance, data) if place % 2 else data


def compare_drawn(monkeypatch: pytest.MonkeyPatch, seed: int, count: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    for place, data in enumerate(drawn(seed, count)):
        monkeypatch.setattr(reading, "BLOCK", random.Random(place).choice((1, 7, 119, 120, 121, 500, 1 << 18)))
        found = compare(data)
        seen.update([found.code] if isinstance(found, BankFault) else {fault.code for fault in found.warnings} | {"sound"})
    return seen


def test_generated_and_damaged_statements_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = compare_drawn(monkeypatch, 1, 1500)
    assert seen["sound"] > 700
    assert set(seen) == {
        "sound", "BANK_RECORD_LENGTH", "BANK_UNKNOWN_RECORD", "BANK_BAD_DATE", "BANK_BAD_AMOUNT", "BANK_NO_OPENING", "BANK_NO_CLOSING",
        "BANK_ORPHAN_DETAIL", "BANK_KEY_MISMATCH", "BANK_UNBALANCED", "BANK_CURRENCY", "BANK_DECIMALS", "BANK_GAP", "BANK_OLD_DETAIL",
        "BANK_UNKNOWN_QUALIFIER", "BANK_UNKNOWN_OPERATION", "BANK_DEFAULT_CURRENCY",
    }, seen  # fmt: skip


@pytest.mark.fuzz
def test_generated_and_damaged_statements_are_read_alike_long(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(2, 102):
        compare_drawn(monkeypatch, seed, 1000)


def test_sound_statements_are_taken() -> None:
    chance = random.Random(7)
    for _ in range(300):
        assert not isinstance(found := outcome(ours, statement(chance)), BankFault), found


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_alike(data: bytes) -> None:
    compare(data)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 250)), max_size=7), st.sampled_from(["\n", "\r\n", ""]))
def test_rows_of_any_length_are_read_alike(rows: list[tuple[str, int]], separator: str) -> None:
    compare(separator.join((kind + " " * 118 + "X" * 200)[:length] for kind, length in rows).encode())


def test_more_warnings_than_are_kept_are_counted() -> None:
    records = [movement(1, operation="Z9")] * (WARNINGS_KEPT + 5)
    found = reading.Found()
    assert sum(map(len, stream_statement(io.BytesIO(joined(*block(*records))), found)))
    assert (len(found.warnings), found.warned) == (WARNINGS_KEPT, WARNINGS_KEPT + 5)
    compare(joined(*block(*records)))


@pytest.mark.parametrize(("count", "code"), [(cfonb.MOST, None), (cfonb.MOST + 1, "BANK_TOO_LARGE")])
def test_a_movement_has_so_many_details_and_no_more(count: int, code: str | None) -> None:
    texts = [detail("LIB", f"{number:05d} {number % 100:05d}") for number in range(count)]
    found = compare(joined(*block(movement(1), *texts)))
    assert (found.code if isinstance(found, BankFault) else None) == code


def test_sums_beyond_64_bits_are_told() -> None:
    records = [movement(0)[:90] + "9999999999999I" + movement(0)[104:]] * 200
    records = [record[:16] + "TND0" + record[20:] for record in block(*records)]
    found = compare(joined(*records[:-1], records[-1][:90] + "0000000000000{" + records[-1][104:]))
    assert isinstance(found, BankFault) and found.code == "BANK_UNBALANCED" and str(200 * (10**14 - 1) * 1000) in found.message


def test_a_reader_takes_what_it_is_promised() -> None:
    sha256 = b"a" * 64
    for wrong in ((b"a" * 63, b"", b"", 1), (sha256, b"A", b"", 1), (sha256, b"", b"XPF", 1), (sha256, b"", b"", -1)):
        with pytest.raises(ValueError, match="a hash"):
            cfonb.Reader(*wrong)
