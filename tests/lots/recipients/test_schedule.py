# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desmos_fast.base.clock import PARIS
from desmos_fast.lots.recipients.model import DAYS, Schedule
from desmos_fast.lots.recipients.schedule import opens_in

OFFICE = Schedule(days=("mon", "tue", "wed", "thu", "fri"), hours=("13:00-18:30", "08:00-12:00"), holidays=False)
NIGHT = Schedule(hours=("00:00-05:00", "22:00-24:00"))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("schedule", "now", "opens"),
    [
        (Schedule(), "2026-11-11T03:00", "2026-11-11T03:00"),
        (OFFICE, "2026-11-10T09:00", "2026-11-10T09:00"),
        (OFFICE, "2026-11-10T07:59:59", "2026-11-10T08:00"),
        (OFFICE, "2026-11-10T12:00", "2026-11-10T13:00"),
        # The eleventh of November is a holiday.
        (OFFICE, "2026-11-10T18:30", "2026-11-12T08:00"),
        (OFFICE, "2026-11-11T10:00", "2026-11-12T08:00"),
        (OFFICE, "2026-11-13T19:00", "2026-11-16T08:00"),
        # Good Friday is none, Easter Monday is.
        (OFFICE, "2026-04-03T20:00", "2026-04-07T08:00"),
        (Schedule(hours=("08:00-12:00",)), "2026-11-11T10:00", "2026-11-11T10:00"),
        (NIGHT, "2026-11-10T23:59:59", "2026-11-10T23:59:59"),
        (NIGHT, "2026-11-11T05:00", "2026-11-11T22:00"),
        (Schedule(days=("sun",)), "2026-11-11T05:00", "2026-11-15T00:00"),
        # A Thursday that is Ascension Day: a week later.
        (Schedule(days=("thu",), holidays=False), "2026-05-14T00:00", "2026-05-21T00:00"),
    ],
)
def test_it_opens_when_clocks_in_paris_say_so(schedule: Schedule, now: str, opens: str) -> None:
    assert at(now) + opens_in(schedule, at(now)) == at(opens)


@pytest.mark.parametrize(
    ("now", "hours"),
    # 28 March 2027: 02:00 becomes 03:00; 31 October 2027: 03:00 becomes 02:00.
    [("2027-03-27T22:00", 9), ("2027-03-28T22:00", 10), ("2027-10-30T22:00", 11), ("2027-10-31T22:00", 10)],
)
def test_the_night_of_another_hour_is_as_long_as_it_is(now: str, hours: int) -> None:
    assert opens_in(Schedule(hours=("08:00-12:00",)), at(now)) == timedelta(hours=hours)


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)),
    days=st.sets(st.sampled_from(DAYS), min_size=1),
    hours=st.sampled_from([("00:00-24:00",), ("08:00-12:00", "13:00-18:30"), ("23:59-24:00",), ("00:00-00:01",)]),
    holidays=st.booleans(),
)
def test_it_is_open_when_it_was_said_to_open(now: datetime, days: set[str], hours: tuple[str, ...], holidays: bool) -> None:
    schedule = Schedule(days=tuple(days), hours=hours, holidays=holidays)  # type: ignore[arg-type]  # drawn from the days
    moment = now.replace(tzinfo=PARIS).astimezone(UTC)
    wait = opens_in(schedule, moment)
    assert timedelta() <= wait < timedelta(days=40)
    assert opens_in(schedule, moment + wait) == timedelta()
    assert opens_in(schedule, moment + wait / 2) == wait - wait / 2
