# SPDX-License-Identifier: Apache-2.0
"""The service window of the contract: Monday to Saturday, 8 to 20 h in Paris, without the legal holidays of France."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal

from desmos_fast.base.calendar import ONE, is_holiday
from desmos_fast.base.clock import PARIS, paris_date

OPENS: Final = time(8)
CLOSES: Final = time(20)
SUNDAY: Final = 6
# What is counted since the start of a day long past grows for ever and is the same in every process.
SINCE: Final = datetime(2024, 1, 1, tzinfo=PARIS)


def is_service_day(day: date) -> bool:
    """Say whether the service is open on a day."""
    return day.weekday() != SUNDAY and not is_holiday(day)


def spans(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Give the open stretches between two aware instants, in UTC and in order; neither is longer than a day."""
    day, last = paris_date(start), paris_date(end)
    while day <= last:
        if is_service_day(day):
            opens = max(start, _at(day, OPENS))
            closes = min(end, _at(day, CLOSES))
            if opens < closes:
                yield opens.astimezone(UTC), closes.astimezone(UTC)
        day += ONE


def open_seconds(start: datetime, end: datetime) -> float:
    """Return for how many seconds the service is open between two aware instants."""
    return sum((closes - opens).total_seconds() for opens, closes in spans(start, end))


def is_open(now: datetime) -> bool:
    """Say whether the service is open at an aware instant; it is at 8:00:00, and no more at 20:00:00."""
    here = now.astimezone(PARIS)
    return OPENS <= here.time() < CLOSES and is_service_day(here.date())


def edges(now: datetime) -> Iterator[tuple[Literal["opens", "closes"], datetime]]:
    """Give, without end, when the service opens and closes after an aware instant, in UTC and in order."""
    day = paris_date(now)
    while True:
        if is_service_day(day):
            if (opens := _at(day, OPENS)) > now:
                yield "opens", opens
            if (closes := _at(day, CLOSES)) > now:
                yield "closes", closes
        day += ONE


def next_change(now: datetime) -> datetime:
    """Return when the service opens or closes next after an aware instant, in UTC."""
    return next(edges(now))[1]


def month_of(now: datetime) -> tuple[datetime, datetime]:
    """Return the start of the calendar month of Paris that an aware instant lies in, and of the next, in UTC."""
    first = paris_date(now).replace(day=1)
    return _at(first, time()), _at((first + timedelta(31)).replace(day=1), time())


def year_of(now: datetime) -> tuple[datetime, datetime]:
    """Return the start of the calendar year of Paris that an aware instant lies in, and of the next, in UTC."""
    year = paris_date(now).year
    return _at(date(year, 1, 1), time()), _at(date(year + 1, 1, 1), time())


def _at(day: date, hour: time) -> datetime:
    # These hours are there once on every day in Paris. In UTC, for instants of one zone are compared by the clock on the wall.
    return datetime.combine(day, hour, PARIS).astimezone(UTC)


class Hours:
    """What the window is now, looked up again only when it changes: each request asks."""

    def __init__(self) -> None:
        self._from = self._to = datetime.min.replace(tzinfo=UTC)
        self._open = False

    def is_open(self, now: datetime) -> bool:
        """Say whether the service is open at an aware instant."""
        if not self._from <= now < self._to:
            self._from, self._to, self._open = now, next_change(now), is_open(now)
        return self._open
