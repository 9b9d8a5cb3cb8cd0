# SPDX-License-Identifier: Apache-2.0
"""What must happen on which day, worked out from docs/reference/following.md and a hand-written list of holidays, not from the program."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

HOLIDAYS: Final = frozenset(map(date.fromisoformat, (
    "2026-11-01", "2026-11-11", "2026-12-25", "2027-01-01", "2027-03-29", "2027-05-01", "2027-05-06", "2027-05-08", "2027-05-17",
    "2027-07-14", "2027-08-15",
)))  # fmt: skip
ANSWER, RESEND, PAID, THIRD_PARTY = 2, 2, 3, 8


def worked(day: date) -> bool:
    """Say whether a day is worked."""
    return day.isoweekday() <= 5 and day not in HOLIDAYS


def after(day: date, count: int) -> date:
    """Return the `count`-th worked day after a day."""
    worked_days = (one for n in range(1, 60) if worked(one := day + timedelta(n)))
    return next(one for rank, one in enumerate(worked_days, 1) if rank == count)


def alarm_on(sent: date) -> date:
    """Return the first day on which the missing answer to a file that left on `sent` is noticed."""
    return after(sent, ANSWER) + timedelta(1)


def again_on(sent: date) -> date:
    """Return the day on which that file leaves again."""
    return max(after(after(sent, ANSWER), RESEND), alarm_on(sent))


def late_on(signed: date, *, paid: bool) -> date:
    """Return the first day on which an invoice that is in no lot yet is late."""
    return after(signed, PAID if paid else THIRD_PARTY) + timedelta(1)


def spans(days: list[date], true_on: Callable[[date], bool]) -> list[tuple[date, date | None]]:
    """Return from which day something holds and on which it does not any more, over days in their order."""
    found: list[tuple[date, date | None]] = []
    for day in days:
        holds = true_on(day)
        is_open = bool(found) and found[-1][1] is None
        if holds and not is_open:
            found.append((day, None))
        elif is_open and not holds:
            found[-1] = (found[-1][0], day)
    return found
