# SPDX-License-Identifier: Apache-2.0
"""Time as a value that is passed in, so that a test or a simulation owns it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def paris_date(now: datetime) -> date:
    """Return the calendar day in Paris of an aware instant."""
    return now.astimezone(PARIS).date()
