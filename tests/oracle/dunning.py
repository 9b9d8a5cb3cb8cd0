# SPDX-License-Identifier: Apache-2.0
"""Penalties and forclusion once more, in plain Python, from the words of docs/reference/follow-up.md alone, for 2025 to 2027."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Final

_HOLIDAYS: Final = """
2025-01-01 2025-04-21 2025-05-01 2025-05-08 2025-05-29 2025-06-09 2025-07-14 2025-08-15 2025-11-01 2025-11-11 2025-12-25
2026-01-01 2026-04-06 2026-05-01 2026-05-08 2026-05-14 2026-05-25 2026-07-14 2026-08-15 2026-11-01 2026-11-11 2026-12-25
2027-01-01 2027-03-29 2027-05-01 2027-05-06 2027-05-08 2027-05-17 2027-07-14 2027-08-15 2027-11-01 2027-11-11 2027-12-25
"""
HOLIDAYS: Final = frozenset(map(date.fromisoformat, _HOLIDAYS.split()))


def working_days(start: date, end: date) -> int:
    """Count the days after `start`, up to `end`, that are worked."""
    every = (start + timedelta(count) for count in range(1, (end - start).days + 1))
    return sum(day.isoweekday() <= 5 and day not in HOLIDAYS for day in every)


def penalty(amount: int, start: date, paid: date, *, sanctioned: bool = False) -> int:
    """Return the cents that the compulsory insurer owes for a part of `amount` cents."""
    delay = 30 if sanctioned else 7
    number = working_days(start, paid)
    if number <= delay:
        return 0
    if number in (delay + 1, delay + 2):
        return 100
    return int(Fraction(amount, 10) + Fraction(1, 2))


def barred(care: date) -> date:
    """Return the first day on which nothing can be asked for any more."""
    quarters = [date(year, month, 1) for year in range(care.year, care.year + 2) for month in (1, 4, 7, 10)]
    following = next(day for day in quarters if day > care)
    return date(following.year + 2, following.month, 1)


def stage(care: date, today: date) -> str | None:
    """Return how far a part is on the way to forclusion."""
    if today >= barred(care):
        return "barred"
    months = (today.year - care.year) * 12 + today.month - care.month - (today.day < care.day and not is_month_end(today))
    return next((str(limit) for limit in (24, 21, 18) if months >= limit), None)


def is_month_end(day: date) -> bool:
    """Say whether a day is the last of its month: what began on a later day of the month is full by then."""
    return (day + timedelta(1)).month != day.month
