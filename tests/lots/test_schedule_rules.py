# SPDX-License-Identifier: Apache-2.0
"""Due times: days and times of Paris as instants, in the nights when clocks change too."""

from datetime import UTC, date, datetime, timedelta

import pytest

from desmos_fast.base.clock import PARIS
from desmos_fast.lots.recipients.model import DAYS
from desmos_fast.lots.schedule.model import Plan, ScheduleRefused
from desmos_fast.lots.schedule.rules import check, due_between, due_on, next_due

EVERY_DAY = DAYS


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def shown(due: list[datetime]) -> list[str]:
    return [one.astimezone(PARIS).strftime("%d/%m %H:%M %z") for one in due]


def test_times_are_those_that_clocks_in_paris_show() -> None:
    plan = Plan(at=("19:00", "12:30"), days=("mon", "wed"))
    found = list(due_between(plan, paris("2026-11-22T12:00"), paris("2026-11-29T00:00")))
    assert shown(found) == ["23/11 12:30 +0100", "23/11 19:00 +0100", "25/11 12:30 +0100", "25/11 19:00 +0100"]
    assert found[0] == datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
    assert list(due_between(plan, paris("2026-07-06T00:00"), paris("2026-07-06T12:30"))) == [datetime(2026, 7, 6, 10, 30, tzinfo=UTC)]


def test_a_due_time_is_after_one_end_and_not_after_the_other() -> None:
    plan = Plan(at=("12:30",))
    noon = paris("2026-11-25T12:30").astimezone(UTC)
    assert list(due_between(plan, noon, noon + timedelta(hours=1))) == []
    assert list(due_between(plan, noon - timedelta(seconds=1), noon)) == [noon]
    assert next_due(plan, noon - timedelta(microseconds=1)) == noon
    assert next_due(plan, noon) == noon + timedelta(days=1)


def test_the_night_without_half_past_two_has_it_once_an_hour_later() -> None:
    plan = Plan(at=("01:30", "02:30", "03:30"), days=EVERY_DAY)
    assert shown(due_on(plan, date(2026, 3, 29))) == ["29/03 01:30 +0100", "29/03 03:30 +0200"]
    assert shown(due_on(Plan(at=("02:30",), days=EVERY_DAY), date(2026, 3, 29))) == ["29/03 03:30 +0200"]


def test_the_night_with_two_half_past_two_has_one_due_time() -> None:
    plan = Plan(at=("02:30",), days=EVERY_DAY)
    night = list(due_between(plan, paris("2026-10-24T12:00"), paris("2026-10-25T12:00")))
    assert shown(night) == ["25/10 02:30 +0200"]
    assert next_due(plan, night[0]) == paris("2026-10-26T02:30"), "the second half past two is none"
    assert next_due(plan, night[0]) - night[0] == timedelta(hours=25)


@pytest.mark.parametrize(("skip", "days"), [(True, ["13/07", "15/07"]), (False, ["13/07", "14/07", "15/07"])])
def test_holidays_are_left_out_or_not(skip: bool, days: list[str]) -> None:
    plan = Plan(at=("08:00",), skip_holidays=skip)
    found = list(due_between(plan, paris("2026-07-13T00:00"), paris("2026-07-15T23:59")))
    assert [one.astimezone(PARIS).strftime("%d/%m") for one in found] == days


def test_a_year_of_every_night_has_each_day_once() -> None:
    for at in ("00:00", "02:00", "02:30", "02:59", "03:00", "23:59"):
        found = list(due_between(Plan(at=(at,), days=EVERY_DAY, skip_holidays=False), paris("2026-01-01T00:00"), paris("2026-12-31T23:59")))
        assert len({one.astimezone(PARIS).date() for one in found}) == len(found) == (364 if at == "00:00" else 365)
        assert found == sorted(found)


@pytest.mark.parametrize(
    "plan",
    [Plan(at=()), Plan(at=("24:00",)), Plan(at=("9:00",)), Plan(at=("12:60",)), Plan(at=("12:30", "12:30")), Plan(at=("12:30",), days=()),
     Plan(at=("12:30",), days=("mon", "mon")), Plan(at=("١٢:٣٠",)), Plan(at=tuple(f"12:{minute:02d}" for minute in range(25)))],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused(plan: Plan) -> None:
    with pytest.raises(ScheduleRefused):
        check(plan)
