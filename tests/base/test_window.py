# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime, timedelta

import pytest

from desmos_fast.base.window import Hours, is_open, month_of, next_change, open_seconds, spans
from tests.oracle import slo as oracle


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("instant", "opened"),
    [
        ("2026-07-13T07:59:59+02:00", False), ("2026-07-13T08:00:00+02:00", True), ("2026-07-13T19:59:59.999+02:00", True),
        ("2026-07-13T20:00:00+02:00", False), ("2026-07-14T12:00:00+02:00", False), ("2026-07-18T12:00:00+02:00", True),
        ("2026-07-19T12:00:00+02:00", False), ("2026-03-28T18:59:59+00:00", True), ("2026-03-28T19:00:00+00:00", False),
        ("2026-03-30T05:59:59+00:00", False), ("2026-03-30T06:00:00+00:00", True), ("2026-10-26T06:59:59+00:00", False),
        ("2026-10-26T07:00:00+00:00", True),
    ],
)  # fmt: skip
def test_the_edges_of_the_window(instant: str, opened: bool) -> None:
    assert is_open(at(instant)) is opened


@pytest.mark.parametrize("year", sorted(oracle.MOVING))
def test_the_window_is_that_of_printed_calendars(year: int) -> None:
    start, end = oracle.midnight(year, 1), oracle.midnight(year, 12, 31) + oracle.DAY
    opened = [
        (round(a.timestamp()), round(b.timestamp())) for a, b in spans(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
    ]
    counted: list[tuple[int, int]] = []
    since = None
    closed = oracle.closed_days(year)
    shifted = 0
    # Nothing changes between two minutes: every minute of the year is looked at.
    for minute in range(start, end + 60, 60):
        if minute % 3600 == 0 or minute == start:
            shifted = oracle.shift(minute, year)
        day, second = divmod(minute + shifted, oracle.DAY)
        now = minute < end and (day + oracle.THURSDAY) % 7 != 0 and 28800 <= second < 72000 and day not in closed
        if now and since is None:
            since = minute
        elif not now and since is not None:
            counted.append((since, minute))
            since = None
    assert opened == counted
    for opens, closes in opened:
        for edge in (opens, closes):
            for second in (edge - 1, edge):
                assert is_open(datetime.fromtimestamp(second, UTC)) is oracle.is_open(second, year)
        assert next_change(datetime.fromtimestamp(opens - 1, UTC)).timestamp() == opens
        assert next_change(datetime.fromtimestamp(opens, UTC)).timestamp() == closes


def test_the_days_and_minutes_of_2026() -> None:
    days = []
    for month in range(1, 13):
        start, end = month_of(at(f"2026-{month:02}-15T12:00:00+00:00"))
        days.append(open_seconds(start, end) / 43200)
    assert days == [26, 24, 26, 25, 22, 26, 26, 25, 26, 27, 24, 26]
    assert sum(days) * 720 * 0.005 == pytest.approx(1090.8) and sum(days) * 720 * 0.001 == pytest.approx(218.16)


def test_the_hours_that_are_kept_are_those_of_now() -> None:
    hours = Hours()
    now = at("2026-03-27T00:00:00+01:00")
    while now < at("2026-04-08T00:00:00+02:00"):
        assert hours.is_open(now) is is_open(now), now
        now += timedelta(minutes=7)
    # A clock that is set back is believed too.
    assert hours.is_open(at("2026-03-27T12:00:00+01:00"))
