# SPDX-License-Identifier: Apache-2.0
"""Due times: instants made of days and times of Paris, each once, in the nights when clocks change too."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from desmos_fast.base.calendar import is_holiday
from desmos_fast.base.clock import PARIS, paris_date
from desmos_fast.lots.recipients.model import DAYS
from desmos_fast.lots.schedule.model import Plan, ScheduleRefused

MOST_TIMES: Final = 24
# No day of the week is a holiday for so long.
AHEAD: Final = timedelta(days=60)
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def check(plan: Plan) -> None:
    """Refuse a plan without a time or a day, or with one that is none. Raises ScheduleRefused."""
    if not 1 <= len(plan.at) <= MOST_TIMES or any(_TIME.fullmatch(one) is None or not one.isascii() for one in plan.at):
        raise ScheduleRefused(f"at holds 1 to {MOST_TIMES} times of Paris, HH:MM")
    if not plan.days or len(set(plan.days)) != len(plan.days) or len(set(plan.at)) != len(plan.at):
        raise ScheduleRefused("days and at name at least one each, and each once")


def due_on(plan: Plan, day: date) -> list[datetime]:
    """Return the due times of a day of Paris, in order.

    02:30 of the night that has no 02:30 is 03:30; of the night that has two, the first.
    """
    if DAYS[day.weekday()] not in plan.days or (plan.skip_holidays and is_holiday(day)):
        return []
    # The offset of before the change is the one of fold 0, for a time that is missing as for one that comes twice.
    return sorted({datetime.combine(day, time.fromisoformat(one), PARIS).astimezone(UTC) for one in plan.at})


def due_between(plan: Plan, after: datetime, until: datetime) -> Iterator[datetime]:
    """Give the due times later than `after`, up to `until` included, in order."""
    day, last = paris_date(after), paris_date(until)
    while day <= last:
        yield from (due for due in due_on(plan, day) if after < due <= until)
        day += timedelta(days=1)


def next_due(plan: Plan, after: datetime) -> datetime:
    """Return the first due time later than an instant."""
    return next(due_between(plan, after, after + AHEAD))
