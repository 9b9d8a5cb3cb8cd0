# SPDX-License-Identifier: Apache-2.0
"""Time as a value that is passed in, so that a test or a simulation owns it."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
NOT_AHEAD = timedelta()
Clock = Callable[[], datetime]


class Clocks:
    """The clock of the house, and those of test centres, which may be ahead of it."""

    __slots__ = ("_ahead", "_clock")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: Mapping[UUID, timedelta] = {}

    def __call__(self) -> datetime:
        """Return the present instant of the house."""
        return self._clock()

    def set(self, ahead: Mapping[UUID, timedelta]) -> None:
        """Take by how much the clocks of centres are ahead; those of all others are not."""
        self._ahead = ahead

    def ahead(self, tenant: UUID) -> timedelta:
        """Return by how much the clock of a centre is ahead."""
        return self._ahead.get(tenant, NOT_AHEAD) if self._ahead else NOT_AHEAD


def ahead(clock: Clock, tenant: UUID) -> timedelta:
    """Return by how much a centre is ahead of a clock."""
    return clock.ahead(tenant) if isinstance(clock, Clocks) else NOT_AHEAD


def at(clock: Clock, tenant: UUID) -> datetime:
    """Return what time it is for a centre."""
    return clock() + ahead(clock, tenant)


def system_clock() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def paris_date(now: datetime) -> date:
    """Return the calendar day in Paris of an aware instant."""
    return now.astimezone(PARIS).date()
