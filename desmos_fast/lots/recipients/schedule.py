# SPDX-License-Identifier: Apache-2.0
"""When a recipient is open: days and hours as clocks in Paris show them."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from desmos_fast.base.calendar import is_holiday
from desmos_fast.base.clock import PARIS, paris_date
from desmos_fast.lots.recipients.model import DAYS, Schedule

MIDNIGHT: Final = time()
# Holidays never close a day of the week for so long.
FAR_DAYS: Final = 60


def opens_in(schedule: Schedule, now: datetime) -> timedelta:
    """Return how long it is from an aware instant until the recipient is open, nothing when it is."""
    if schedule.always:
        return timedelta()
    today = paris_date(now)
    for day in (today + timedelta(later) for later in range(FAR_DAYS)):
        if not _open_on(schedule, day):
            continue
        for opening, closing in schedule.spans():
            ends = _instant(day, closing) if closing is not None else _instant(day + timedelta(1), MIDNIGHT)
            if now < ends:
                return max(_instant(day, opening) - now, timedelta())
    raise AssertionError("a day of the week is a holiday for weeks on end")


def _open_on(schedule: Schedule, day: date) -> bool:
    return DAYS[day.weekday()] in schedule.days and (schedule.holidays or not is_holiday(day))


def _instant(day: date, hour: time) -> datetime:
    # In UTC: between two times of one zone Python counts what clocks show, which is an hour off in two nights of the year.
    return datetime.combine(day, hour, PARIS).astimezone(UTC)
