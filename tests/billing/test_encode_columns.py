# SPDX-License-Identifier: Apache-2.0
"""Columns read all at once, where the processor can, give what they give read one by one: bytes, faults, rows that go the general way."""

from typing import Any
from unittest.mock import patch

import msgspec
import numpy
import pytest

from desmos_fast.base.identifiers import nir_key
from desmos_fast.billing import kernel
from desmos_fast.billing.codec import encode_columns
from ext.arrays import Arrays
from tests.billing.odd import INVOICES
from tests.billing.test_encode_sources import columns

DAYS = (
    b"2024-02-29", b"2023-02-29", b"2026-02-29", b"2026-04-31", b"2026-04-30", b"2026-12-31", b"2026-12-32", b"2026-01-00", b"2026-00-10",
    b"2026-13-01", b"2026-17-01", b"1969-12-31", b"1970-01-01", b"2069-12-31", b"2070-01-01", b"2026/01/02", b"2026-1-002",
    b"2026-01-0\0", b"2O26-01-02", b"\xb2026-01-02",
)  # fmt: skip
TEXTS = (
    b"", b" ", b"\0", b"0", b"1", b"00000000", b"000000000", b"00000000000", b"0000000000000000", b"9", b"A", b"A ", b"A\x01", b"A\0B",
    b"A B", b"A  B", b" A", b"a", b"A-B", b"A.", b"\xc9", b"\x7f", b"\x1f", b"/", b":", b"@", b"[", b"ZZZZZZZZ", b"M", b"MM", b"12345678",
    b"123456789", b"1234567890", b"12345678901", b"1234567\x00 9", b"19550899", b"18000101", b"17991231", b"20010101", b"21000101",
    b"19550000", b"17000101", b"2A0000012", b"750000010", b"200100010", b"99999997", b"0099999997", b"work", b"third_party",
    b"ABCDEFGHIJKLMNOP", b"ABCDEFGHIJKLMNO ",
)  # fmt: skip
NUMBERS = (
    0, 1, 2, 9, 10, 99, 100, 101, 999, 9999, 10_000, 99_999, 999_999, 9_999_999, 10**7, 99_999_999, 10**8, 999_999_999, 10**9, 2**63 - 1,
)  # fmt: skip


def nir(base: str) -> bytes:
    return f"{base}{nir_key(base):02d}".encode()


NIRS = (
    nir("2550899999025"), nir("1991299999999"), nir("255082A999025"), nir("255082B999025"), b"255089999902500", b"25508999990253",
    b"2550899999025 8",
)  # fmt: skip


def near(entry: bytes) -> tuple[bytes, ...]:
    """Return what a sound entry is easily taken for."""
    return tuple(entry + end for end in (b" ", b"A", b"0", b"\x01", b"\0\x01", b"\xe9")) + (
        entry[:-1],
        b" " + entry,
        b"\0" + entry,
        entry[::-1],
    )


def arrays(simd: str) -> Arrays:
    """Return a reader of columns of its own, with or without operations under a mask."""
    own: dict[str, Any] = {"encoder": kernel.encoder.__wrapped__, "keys": kernel.keys.__wrapped__}
    with patch.dict("os.environ", {"DESMOS_SIMD": simd}), patch.multiple(kernel, **own):
        return kernel.arrays.__wrapped__()


WIDE, PORTABLE = arrays("wide"), arrays("portable")
MANY = [msgspec.structs.replace(invoice, number=10 + place) for place, invoice in enumerate(INVOICES * 2)]
COLUMNS = columns(MANY)


def found(reader: Arrays, given: dict[str, Any]) -> Any:
    odd: list[int] = []
    acts = given["acts"]

    def general(row: int) -> None:
        odd.append(row)

    data, starts, fees, amo, amc, *_ = reader.encode({path: column for path, column in given.items() if path != "acts"}, acts, 1, general)
    return bytes(data), list(starts), list(fees), list(amo), list(amc), odd


def alike(given: dict[str, Any]) -> list[int]:
    """Compare both ways, and give the rows that go the general way."""
    wide = found(WIDE, given)
    assert wide == found(PORTABLE, given)
    rows: list[int] = wide[-1]
    return rows


@pytest.fixture(autouse=True)
def _can() -> None:
    if not WIDE.schema.encoder.wide:
        pytest.skip("this processor has no operations under a mask")


def test_sound_rows_are_read_at_once() -> None:
    few = alike(COLUMNS)
    assert len(few) < len(MANY) / 3 and alike({path: column[::-1][::-1] for path, column in COLUMNS.items()}) == few


@pytest.mark.parametrize("path", [path for path in COLUMNS if path != "acts"])
def test_no_entry_is_read_in_two_ways(path: str) -> None:
    column = COLUMNS[path]
    texts = (*TEXTS, *DAYS, *NIRS, *near(max(column.tolist()))) if column.dtype.kind == "S" else ()
    values: tuple[Any, ...] = texts or (NUMBERS if column.dtype.kind == "i" else (True, False))
    few, refused = len(alike(COLUMNS)), 0
    for place in (1, len(column) - 1):
        for value in values:
            changed = column.astype("S16") if column.dtype.kind == "S" else column.copy()
            changed[place] = value
            refused += len(alike({**COLUMNS, path: changed})) > few
    assert refused or column.dtype.kind == "b"


@pytest.mark.parametrize("form", ["i1", "u1", "i2", "u2", "i4", "u4", "u8"])
@pytest.mark.parametrize("path", ["act.rate", "act.fees", "amo.rights_source", "number"])
def test_integers_of_every_width_are_read_alike(path: str, form: str) -> None:
    column = COLUMNS[path].astype(form)
    for value in (0, 4, numpy.iinfo(form).max, numpy.iinfo(form).min):
        changed = column.copy()
        changed[len(column) // 2] = value
        alike({**COLUMNS, path: changed})


def test_both_ways_tell_the_same_faults() -> None:
    wrong = {"insured_nir": b"255089999902500", "act.date": b"2023-02-29", "act.amo": 10**8, "act.executor.am": b"000000000"}
    for path, value in wrong.items():
        changed = COLUMNS[path].copy()
        changed[1] = value
        told = []
        for reader in (WIDE, PORTABLE):
            with patch.object(kernel, "arrays", lambda reader=reader: reader):
                told.append(encode_columns({**COLUMNS, path: changed}))
        assert told[0] == told[1] and told[0].faults
