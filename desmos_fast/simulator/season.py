# SPDX-License-Identifier: Apache-2.0
"""How busy each day of a centre is: by day of the week, month, part of the month, legal holidays and the days between."""

import csv
import datetime
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from desmos_fast.base.calendar import is_holiday
from desmos_fast.base.errors import InvalidInput

TABLE: Final = Path(__file__).parent / "data" / "seasons.csv"
ONE: Final = datetime.timedelta(1)
FRIDAY: Final = 4


class Season(msgspec.Struct, frozen=True):
    """Percentages of an ordinary day: by weekday (Monday is 0), by month, from a day of the month on, and for days off."""

    weekday: dict[int, int]
    month: dict[int, int]
    monthday: dict[int, int]
    holiday: int
    bridge: int

    def weight(self, day: datetime.date) -> int:
        """Return how busy a day is; only its size beside that of another day says something."""
        part = max(start for start in self.monthday if start <= day.day)
        usual = self.weekday[day.weekday()] * self.month[day.month] * self.monthday[part]
        if is_holiday(day):
            return usual * self.holiday // 100
        return usual * self.bridge // 100 if is_bridge(day) else usual


def is_bridge(day: datetime.date) -> bool:
    """Say whether a day is one that people take off between a holiday and the end of the week: a Friday after it, a Monday before."""
    return (day.weekday() == FRIDAY and is_holiday(day - ONE)) or (day.weekday() == 0 and is_holiday(day + ONE))


@functools.cache
def load_season(path: Path = TABLE) -> Season:
    """Read the table of the seasons."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    by = {part: {int(row["name"]): int(row["percent"]) for row in rows if row["part"] == part} for part in ("weekday", "month", "monthday")}
    special = {row["name"]: int(row["percent"]) for row in rows if row["part"] == "special"}
    return Season(by["weekday"], by["month"], by["monthday"], **special)


def spread(count: int, first: datetime.date, days: int, season: Season) -> Iterator[tuple[datetime.date, int]]:
    """Share `count` out over days, in whole numbers that add up to it. Raises InvalidInput when the centre is closed on all of them."""
    weights = [season.weight(first + datetime.timedelta(number)) for number in range(days)]
    whole = sum(weights)
    if not whole:
        raise InvalidInput("the centre is closed on every day of that time", hint="give a longer time")
    so_far = 0
    for number, weight in enumerate(weights):
        begun = count * so_far // whole
        so_far += weight
        yield first + datetime.timedelta(number), count * so_far // whole - begun
