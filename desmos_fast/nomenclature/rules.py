# SPDX-License-Identifier: Apache-2.0
"""What the rows of a tariff pack must be to each other: one of a key on a day, none that names what is not there, none missing."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from desmos_fast.nomenclature.model import BasketRow, Row
from desmos_fast.nomenclature.tables import BY_NAME, DAY, FIRST_DAY, LAST_DAY, TABLES, UNKNOWN_REJECT, VALUE_KEYS, Table

# The rules of pricing keep the rates of a day in a block of this size.
_LIMITS: Final = {"categories": 64, "natures": 8}
# The rows of which table name, in which column, what another holds in one of its own.
_NAMES: Final = (
    ("acts", "category", "categories", "category"),
    ("rates", "category", "categories", "category"),
    ("rates", "nature", "natures", "nature"),
    ("baskets", "alternative", "baskets", "code"),
    ("reject_codes", "name", "reject_classes", "name"),
)


class Placed(NamedTuple):
    """A row and where it stands."""

    row: Row
    file: str
    line: int


class PackFault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a pack, where, and what to do; line 0 is the whole file, key "" no row of its own."""

    file: str
    line: int
    key: str
    message: str
    hint: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{where}{f', {self.key}' if self.key else ''}: {self.message}; {self.hint}"


Rows = Mapping[str, Sequence[Placed]]


def key_text(table: Table, row: Row) -> str:
    """Write the key of a row as a person would."""
    return " ".join(shown for value in table.key_of(row) if (shown := _shown(value))) or '""'


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "out of the pathway" if value else "in the pathway"
    return " ".join(value) if isinstance(value, tuple) else str(value)


def merge(base: Sequence[Placed], own: Sequence[Placed], table: Table) -> list[Placed]:
    """Lay the rows of a pack over those that it extends: same key and first day replaces, a later first day ends the one in force."""
    by_key: dict[tuple[Any, ...], list[Placed]] = {}
    for placed in own:
        by_key.setdefault(table.key_of(placed.row), []).append(placed)
    merged = []
    for old in base:
        news = by_key.get(table.key_of(old.row), ())
        if any(new.row.since == old.row.since for new in news):
            continue
        later = [new.row.since for new in news if new.row.since > old.row.since and old.row.in_force(new.row.since)]
        ended = msgspec.structs.replace(old.row, until=min(later) - DAY) if later else old.row
        merged.append(old._replace(row=ended))
    return merged + list(own)


def check(rows: Rows, unread: Collection[str]) -> Iterator[PackFault]:
    """Yield what is wrong between the rows of a pack; what a table lacks is not said of one that was not read whole."""
    for table in TABLES:
        yield from _overlaps(table, rows[table.name])
        limit = _LIMITS.get(table.name)
        if limit and len({table.key_of(placed.row) for placed in rows[table.name]}) > limit:
            yield PackFault(file=table.file, line=0, key="", message=f"there are more than {limit} {table.name}", hint="take some out")
    yield from _references(rows, unread)
    yield from _missing(rows, unread)


def _overlaps(table: Table, rows: Iterable[Placed]) -> Iterator[PackFault]:
    before: dict[tuple[Any, ...], list[Placed]] = {}
    for placed in sorted(rows, key=lambda placed: placed.row.since):
        # Two rows of one code for the same tooth leave open which of them holds, whatever their other teeth are.
        same = before.setdefault(table.key_of(placed.row)[:1] if table.row is BasketRow else table.key_of(placed.row), [])
        for other in same:
            if other.row.in_force(placed.row.since) and _share_teeth(other.row, placed.row):
                yield PackFault(
                    file=placed.file, line=placed.line, key=key_text(table, placed.row),
                    message=f"on {placed.row.since} the row of {other.file}, line {other.line} is in force too",
                    hint="end the earlier one the day before, or take one out",
                )  # fmt: skip
                break
        same.append(placed)


def _share_teeth(one: Row, other: Row) -> bool:
    if not (isinstance(one, BasketRow) and isinstance(other, BasketRow)):
        return True
    return not one.teeth or not other.teeth or bool(set(one.teeth) & set(other.teeth))


def _days_without(rows: Iterable[Row], first: date, last: date) -> tuple[date, date] | None:
    """Return the first run of days from `first` to `last` on which none of the rows is in force."""
    day = first
    for row in sorted(rows, key=attrgetter("since")):
        if row.since > day:
            return day, min(row.since - DAY, last)
        day = max(day, (row.until or LAST_DAY) + DAY)
        if day > last:
            return None
    return day, last


def _references(rows: Rows, unread: Collection[str]) -> Iterator[PackFault]:
    """Yield the rows that name what is not in force as long as they are."""
    for name, column, target, target_column in _NAMES:
        if target in unread:
            continue
        there: dict[Any, list[Row]] = {}
        for placed in rows[target]:
            there.setdefault(getattr(placed.row, target_column), []).append(placed.row)
        for placed in rows[name]:
            row, value = placed.row, getattr(placed.row, column)
            gap = _days_without(there.get(value, ()), row.since, row.until or LAST_DAY) if value != "" else None
            if gap:
                yield PackFault(
                    file=placed.file, line=placed.line, key=key_text(BY_NAME[name], row),
                    message=f"its {column} is {value}, and {target}.csv has none on {gap[0]}",
                    hint=f"add the row to {target}.csv for all the days of this one, or correct the name",
                )  # fmt: skip


def _missing(rows: Rows, unread: Collection[str]) -> Iterator[PackFault]:
    """Yield what is needed on every day and a pack does not always have."""
    needed = (("contracts", ("*", "*")), *(("values", (key,)) for key in VALUE_KEYS), ("reject_classes", (UNKNOWN_REJECT,)))
    for name, key in needed:
        table = BY_NAME[name]
        # A table that another pack lends may begin later than the rest.
        own = [rows[name]] if table.lent else rows.values()
        first = min((placed.row.since for placed_rows in own for placed in placed_rows), default=FIRST_DAY)
        gap = _days_without([placed.row for placed in rows[name] if table.key_of(placed.row) == key], first, LAST_DAY)
        if gap and name not in unread:
            days = f"from {gap[0]} on" if gap[1] == LAST_DAY else f"from {gap[0]} to {gap[1]}"
            message = f"no row is in force {days}, and one is needed on every day"
            yield PackFault(file=table.file, line=0, key=" ".join(key), message=message, hint="add a row for these days")


def gaps(rows: Rows) -> Iterator[str]:
    """Say of each key that rests between two of its rows from when to when."""
    for table in TABLES:
        by_key: dict[tuple[Any, ...], list[Row]] = {}
        for placed in rows[table.name]:
            by_key.setdefault(table.key_of(placed.row), []).append(placed.row)
        for found in by_key.values():
            found.sort(key=attrgetter("since"))
            for before, after in zip(found, found[1:], strict=False):
                if before.until is not None and before.until + DAY < after.since:
                    yield f"{table.file}, {key_text(table, after)}: no row from {before.until + DAY} to {after.since - DAY}"
