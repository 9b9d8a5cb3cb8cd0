# SPDX-License-Identifier: Apache-2.0
"""Who pays health centres, from when to when, under which names: a table as data, one for each kind of key."""

import csv
import functools
from datetime import date
from pathlib import Path
from typing import Final, Literal, cast

import msgspec

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.types import KeyKind

TEST_TABLE: Final = Path(__file__).parent / "data" / "payers-essai.csv"
KINDS: Final = ("amo", "amc", "operator")

PayerKind = Literal["amo", "amc", "operator"]


class PayersInvalid(InvalidInput):
    """A table of payers is not sound."""

    code = "payers_invalid"


class PayerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One payer from `since` to `until`, both included; `pays_for` holds the ids for which an operator pays."""

    id: str
    kind: PayerKind
    names: tuple[str, ...]
    pays_for: tuple[str, ...]
    since: date
    until: date | None
    source_note: str

    def in_force(self, day: date) -> bool:
        """Say whether the row holds on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


def payers(kind: KeyKind, day: date) -> tuple[PayerRow, ...]:
    """Return the payers known on a day: the invented ones for a test key, none for a live key, which has no table yet."""
    return tuple(row for row in read_table(TEST_TABLE) if row.in_force(day)) if kind == "test" else ()


@functools.cache
def read_table(path: Path) -> tuple[PayerRow, ...]:
    """Read a table, sorted by id and first day; several names stand apart by `|`, several ids by a space.

    Raises PayersInvalid with the line of a row that is none, or whose days run over those of another row of the same payer.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [_row(path.name, number, row) for number, row in enumerate(csv.DictReader(lines), 2)]
    rows.sort(key=lambda row: (row.id, row.since))
    for before, row in zip(rows, rows[1:], strict=False):
        if row.id == before.id and before.in_force(row.since):
            raise PayersInvalid(f"{path.name}: two rows of {row.id} hold on {row.since}")
    return tuple(rows)


def _row(name: str, number: int, row: dict[str, str]) -> PayerRow:
    if row["kind"] not in KINDS:
        raise PayersInvalid(f"{name}, line {number}: {row['kind']} is no kind of payer", hint=f"one of {', '.join(KINDS)}")
    try:
        since, until = date.fromisoformat(row["since"]), date.fromisoformat(row["until"]) if row["until"] else None
    except ValueError as error:
        raise PayersInvalid(f"{name}, line {number}: {error}") from error
    return PayerRow(
        id=row["id"],
        kind=cast(PayerKind, row["kind"]),
        names=tuple(part for part in row["name"].split("|") if part),
        pays_for=tuple(row["pays_for"].split()),
        since=since,
        until=until,
        source_note=row["source_note"],
    )
