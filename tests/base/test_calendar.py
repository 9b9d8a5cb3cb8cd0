# SPDX-License-Identifier: Apache-2.0
from datetime import date, timedelta

import pytest

from desmos_fast.base.calendar import add_working_days, easter, holidays_of, is_holiday, late_since


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(1961, 4, 2), (1970, 3, 29), (2000, 4, 23), (2008, 3, 23), (2011, 4, 24), (2024, 3, 31), (2026, 4, 5), (2038, 4, 25), (2049, 4, 18)],
)
def test_easter_falls_where_almanacs_say(year: int, month: int, day: int) -> None:
    assert easter(year) == date(year, month, day)


def test_the_holidays_of_a_year() -> None:
    days = ["01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14", "08-15", "11-01", "11-11", "12-25"]
    assert sorted(holidays_of(2026)) == [date.fromisoformat(f"2026-{day}") for day in days]
    # Ascension Day and the eighth of May are one day.
    assert len(holidays_of(2008)) == 10 and is_holiday(date(2008, 5, 1)) and not is_holiday(date(2026, 11, 12))


@pytest.mark.parametrize(
    ("day", "count", "after"),
    [
        # The holiday of 11 November lies between.
        ("2026-11-06", 3, "2026-11-12"), ("2026-11-06", 8, "2026-11-19"), ("2026-11-06", 2, "2026-11-10"), ("2026-11-10", 2, "2026-11-13"),
        ("2026-11-07", 1, "2026-11-09"), ("2026-11-11", 1, "2026-11-12"), ("2026-12-24", 1, "2026-12-28"), ("2026-11-06", 0, "2026-11-06"),
    ],
)  # fmt: skip
def test_working_days_leave_out_the_end_of_the_week_and_holidays(day: str, count: int, after: str) -> None:
    assert add_working_days(date.fromisoformat(day), count) == date.fromisoformat(after)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_what_is_late_today_was_not_yet_late_the_day_before(count: int) -> None:
    for offset in range(400):
        today = date(2026, 1, 1) + timedelta(offset)
        last = late_since(today, count)
        assert add_working_days(last, count) < today <= add_working_days(last + timedelta(1), count)
