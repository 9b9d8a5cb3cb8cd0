# SPDX-License-Identifier: Apache-2.0
"""Amounts that a text fixes from a day on: a table as data, asked by key and day of care."""

import csv
import functools
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from desmos_fast.base.errors import OurBug

TABLE: Final = Path(__file__).parent / "data" / "values.csv"


class ValueAbsent(OurBug):
    """The table of values has no row for a key on a day, or two."""

    code = "internal"


class ValueRow(msgspec.Struct, frozen=True):
    """One value in cents from `since` to `until`, both included."""

    key: str
    since: date
    until: date | None
    value: int


@functools.cache
def read_table(path: Path = TABLE) -> tuple[ValueRow, ...]:
    """Read the table."""
    with path.open(encoding="utf-8", newline="") as lines:
        return tuple(
            ValueRow(
                row["key"],
                date.fromisoformat(row["since"]),
                date.fromisoformat(row["until"]) if row["until"] else None,
                int(row["value"]),
            )
            for row in csv.DictReader(lines)
        )


@functools.lru_cache(maxsize=4096)
def value(key: str, day: date) -> int | None:
    """Return the cents of `key` on a day, None before its first row. Raises ValueAbsent for an unknown key and for rows that overlap."""
    rows = [row for row in read_table() if row.key == key]
    found = [row.value for row in rows if row.since <= day and (row.until is None or day <= row.until)]
    if len(found) > 1 or not rows:
        raise ValueAbsent(f"{len(found)} rows of {key} hold on {day}")
    return found[0] if found else None
