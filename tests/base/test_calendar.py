# SPDX-License-Identifier: Apache-2.0
from datetime import date

import pytest

from desmos_fast.base.calendar import easter, holidays_of, is_holiday


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
