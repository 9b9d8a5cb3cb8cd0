# SPDX-License-Identifier: Apache-2.0
"""The legal holidays of France (article L3133-1 of the code du travail), those of every département, and the days that are worked."""

import functools
from datetime import date, timedelta
from typing import Final

FIXED: Final = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
# Easter Monday, Ascension Day and Whit Monday, in days after Easter.
MOVING: Final = (1, 39, 50)
SATURDAY: Final = 5
ONE: Final = timedelta(1)


def is_holiday(day: date) -> bool:
    """Say whether a day is a legal holiday."""
    return day in holidays_of(day.year)


def is_working_day(day: date) -> bool:
    """Say whether a day is worked: from Monday to Friday, and no holiday."""
    return day.weekday() < SATURDAY and not is_holiday(day)


def add_working_days(day: date, count: int) -> date:
    """Return the day that comes `count` working days after a day, which need not be one."""
    while count > 0:
        day += ONE
        count -= is_working_day(day)
    return day


def late_since(today: date, count: int) -> date:
    """Return the last day from which `count` working days were over before today."""
    day = today - ONE
    while add_working_days(day, count) >= today:
        day -= ONE
    return day


@functools.cache
def holidays_of(year: int) -> frozenset[date]:
    """Return the legal holidays of a year."""
    first = easter(year)
    return frozenset([date(year, month, day) for month, day in FIXED] + [first + timedelta(days) for days in MOVING])


def easter(year: int) -> date:
    """Return Easter Sunday, by the Gregorian reckoning of Butcher."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    skipped = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - skipped + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
