# SPDX-License-Identifier: Apache-2.0
"""What parts lots and files: the criteria that settings declare, in the order in which they count. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Final, get_args

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.model import RECORD_WIDTH
from desmos_fast.lots.model import BuildRequest, Criterion, LotSettings, Rows

LINE: Final = RECORD_WIDTH + 1
CRITERIA: Final[tuple[Criterion, ...]] = get_args(Criterion)
# A header says these of its lot, so no setting can put two values of one of them together.
HEADER: Final[tuple[Criterion, ...]] = ("destination", "flow", "amc", "security")
# The longest invoice has 999 records: with its headers and trailers it fits.
LEAST_BYTES: Final = 131_072
# A file is kept in one value of the database, which the worker holds in memory.
MOST_BYTES: Final = 268_435_456
MOST_CENTS: Final = 999_999_999_999
MOST_DAYS: Final = 36_500
MOST_BOUNDS: Final = 100


def file_criteria(settings: BuildRequest) -> tuple[Criterion, ...]:
    """Return what may not differ inside a file."""
    if settings.one_destination_per_file and not {"caisse", "destination"} & set(settings.files_by):
        return (*settings.files_by, "caisse")
    return settings.files_by


def lot_criteria(settings: BuildRequest) -> tuple[Criterion, ...]:
    """Return what may not differ inside a lot, in the order in which lots stand: what parts files, what parts lots, the header's rest."""
    executor: tuple[Criterion, ...] = ("executor",) if settings.lot_per_executor else ()
    return tuple(dict.fromkeys((*file_criteria(settings), *settings.lots_by, *HEADER, *executor)))


def care_bounds(settings: LotSettings) -> list[int]:
    """Return the first day (its ordinal) of each period of care but the oldest: oldest first, as lots stand."""
    today = date.fromisoformat(settings.date).toordinal()
    return sorted(today - days + 1 for days in settings.age_bounds)


def file_size(records: int) -> int:
    """Return the bytes of a file whose lots have so many records, headers and trailers included."""
    return (records + 2) * LINE


def keys_of(rows: Rows, firsts: Sequence[int], settings: LotSettings) -> list[tuple[int, ...]]:
    """Return, for the lots that begin with these rows, what parts their files."""
    columns = [_values(rows, firsts, criterion, settings) for criterion in file_criteria(settings)]
    return list(zip(*columns, strict=True)) if columns else [()] * len(firsts)


def _values(rows: Rows, firsts: Sequence[int], criterion: Criterion, settings: LotSettings) -> list[int]:
    if criterion == "caisse":
        return [rows.destination[row] // 10_000 for row in firsts]
    if criterion == "amc":
        return [rows.amc_number[row] if rows.flow[row] == 2 else 0 for row in firsts]
    if criterion == "age":
        bounds = care_bounds(settings)
        return [bisect_right(bounds, rows.care[row]) for row in firsts]
    if criterion == "amount":
        return [bisect_right(settings.amount_bounds, rows.fees[row]) for row in firsts]
    column = {"destination": rows.destination, "flow": rows.flow, "security": rows.security, "executor": rows.executor}[criterion]
    return [column[row] for row in firsts]


def check(settings: BuildRequest) -> list[Fault]:
    """Return every fault of the limits in bytes and cents, and of what is declared to part lots and files."""
    faults = _limit("max_bytes_per_file", settings.max_bytes_per_file, LEAST_BYTES, MOST_BYTES)
    faults += _limit("max_amount_per_lot", settings.max_amount_per_lot, 1, MOST_CENTS)
    named: set[str] = set()
    for field in ("files_by", "lots_by"):
        for criterion in getattr(settings, field):
            if criterion in named:
                faults.append(Fault(code="B2_BAD_VALUE", message="a criterion is named once", field=field, value=criterion))
            named.add(criterion)
    faults += _bounds("age_bounds", "age" in named, settings.age_bounds, MOST_DAYS)
    return faults + _bounds("amount_bounds", "amount" in named, settings.amount_bounds, MOST_CENTS)


def _limit(field: str, value: int | None, least: int, most: int) -> list[Fault]:
    if value is None or least <= value <= most:
        return []
    if value < least:
        return [Fault(code="B2_BAD_VALUE", message=f"{field} is at least {least}", field=field, value=value)]
    return [Fault(code="B2_OVERFLOW", message=f"{field} is at most {most}", field=field, value=value, width=len(str(most)))]


def _bounds(field: str, asked: bool, bounds: Sequence[int], most: int) -> list[Fault]:
    if asked and not bounds:
        return [Fault(code="B2_MISSING", message=f"{field} says where the parts begin, and is empty", field=field)]
    if bounds and not asked:
        message = f"{field} is given and neither files_by nor lots_by names what it is for"
        return [Fault(code="B2_BAD_VALUE", message=message, field=field, value=bounds[0])]
    if len(bounds) > MOST_BOUNDS:
        return [Fault(code="B2_OVERFLOW", message=f"{field} has at most {MOST_BOUNDS} bounds", field=field, value=len(bounds), width=3)]
    faults = [fault for bound in bounds for fault in _limit(field, bound, 1, most)]
    faults += [
        Fault(code="B2_BAD_VALUE", message=f"{field} rises from bound to bound", field=field, value=after)
        for before, after in pairwise(bounds)
        if after <= before
    ]
    return faults
