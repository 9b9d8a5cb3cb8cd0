# SPDX-License-Identifier: Apache-2.0
"""The kernels and the reader in plain Python tell the same faults, in the same order, of whatever they are given."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desmos_fast.exchange.codec import check
from tests.exchange.files import LETTERS, SEEDS, damaged, told
from tests.oracle import reader

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.mark.parametrize("data", SEEDS, ids=range(len(SEEDS)))
def test_they_agree_on_every_golden_file(data: bytes) -> None:
    assert told(data) == reader.check(data)


@settings(max_examples=400, deadline=None, suppress_health_check=QUIET)
@given(damaged())
def test_they_agree_on_damaged_files(data: bytes) -> None:
    assert told(data) == reader.check(data)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=700), st.lists(LETTERS, max_size=700).map(bytes)))
def test_they_agree_on_any_bytes(data: bytes) -> None:
    assert told(data) == reader.check(data)


@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
@given(damaged())
def test_each_fault_says_where_it_stands(data: bytes) -> None:
    """An offset lies in its record, whatever separates the records; only an input that ends too early has none."""
    starts = [0]
    for piece in reader.pieces(data):
        starts.append(starts[-1] + len(piece))
    gaps = data.count(b"\n") + data.count(b"\r")
    for fault in check(data):
        assert fault.record is not None
        if fault.offset is None:
            assert (fault.code, fault.record) == ("B2_BAD_ORDER", len(starts))
        else:
            assert starts[fault.record - 1] <= fault.offset <= starts[fault.record] + gaps


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@settings(max_examples=100_000, deadline=None, suppress_health_check=QUIET)
@given(damaged())
def test_they_agree_for_long(data: bytes) -> None:
    assert told(data) == reader.check(data)


def test_the_damage_reaches_every_code() -> None:
    """The strategy would prove little if its files stopped at the first passes."""
    codes: Counter[str] = Counter()

    @settings(max_examples=600, deadline=None, suppress_health_check=QUIET, derandomize=True, database=None)
    @given(damaged())
    def collect(data: bytes) -> None:
        codes.update(fault.code for fault in check(data))

    collect()
    assert set(codes) >= {
        "B2_BAD_LENGTH", "B2_BAD_CHAR", "B2_UNKNOWN_RECORD", "B2_UNSUPPORTED_RECORD", "B2_BAD_ORDER", "B2_HEADER_MISMATCH",
        "B2_UNEXPECTED_VALUE", "B2_BAD_FILLER", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE", "B2_MISSING", "B2_NIR_KEY",
        "B2_LIST_GAP", "B2_MIXED_PRESCRIBER", "B2_COUNT_MISMATCH", "B2_BAD_TOTAL", "B2_SPLIT_AMOUNT", "B2_DUPLICATE_NUMBER",
        "B2_DUPLICATE_LOT", "B2_LOT_MISMATCH", "B2_BAD_OUTCOME",
    }  # fmt: skip
