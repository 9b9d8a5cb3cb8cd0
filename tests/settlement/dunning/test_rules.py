# SPDX-License-Identifier: Apache-2.0
"""Days, dates, terms and penalties by themselves, and against the twin."""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.settlement.dunning import rules
from desmos_fast.settlement.dunning.model import Penalty, SettingRefused, Term, TermsInvalid
from desmos_fast.settlement.dunning.reminders.rules import levels
from desmos_fast.settlement.dunning.rules import TermSpan
from desmos_fast.settlement.dunning.terms import Count, Terms, check, read_table
from tests.oracle import dunning as oracle

DAY: Final = date(2026, 11, 25)
AMO: Final = "amo:01751"
near: Final = st.dates(date(2025, 1, 2), date(2027, 12, 30))


def span(terms: Terms, key: str, day: date) -> TermSpan:
    [found] = [one for one in rules.spans(terms) if one.key == key and one.since <= day <= one.until]
    return found


def own(name: str, value: str | None, since: str, until: str | None = None, payer: str | None = None) -> Term:
    return Term(name, value, date.fromisoformat(since), until and date.fromisoformat(until) or None, "test", payer=payer)


# --- the table and what a centre sets over it


def test_every_row_of_the_table_is_sound_and_has_its_source() -> None:
    terms = Terms()
    assert (terms.value("amo.clock", DAY), terms.count("amo.delay", DAY)) == ("ack", Count(7, "working"))
    assert {term.name for term in read_table()} == set(terms.names)
    assert all(term.source and term.confidence in ("H", "M", "L") for term in read_table())


@pytest.mark.parametrize(
    "row",
    ["amo.delay,7 weeks,2000-01-01,,H,s", "amo.hope,7 working,2000-01-01,,H,s", "amo.delay,7 working,2000-01-01,,X,s",
     "amo.delay,7 working,2000-01-01,,H,", "amo.delay,7 working,never,,H,s", "amo.delay,07 working,2000-01-01,,H,s"],
)  # fmt: skip
def test_a_row_that_is_none_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "terms.csv"
    path.write_text(f"name,value,since,until,confidence,source\n{row}\n")
    with pytest.raises(TermsInvalid, match=r"terms\.csv, line 2"):
        read_table(path)


def test_two_rows_of_a_name_on_one_day_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "terms.csv"
    path.write_text("name,value,since,until,confidence,source\namo.clock,ack,2020-01-01,,H,s\namo.clock,sent,2021-01-01,,H,s\n")
    with pytest.raises(TermsInvalid, match="two rows of amo.clock"):
        read_table(path)


def test_the_last_row_for_the_payer_holds_then_the_last_for_all_then_the_table() -> None:
    terms = Terms([
        own("amc.delay", "45 calendar", "2026-01-01"),
        own("amc.delay", "20 calendar", "2026-03-01", "2026-03-31", "amc:0099000013"),
        own("amc.delay", "10 calendar", "2026-03-15", "2026-03-20", "amc:0099000013"),
        own("amc.delay", None, "2026-06-01"),
    ])  # fmt: skip
    payer = "amc:0099000013"
    found = [terms.count("amc.delay", date(2026, month, day), payer) for month, day in ((2, 1), (3, 1), (3, 16), (3, 21), (4, 1), (6, 1))]
    assert [count and count.number for count in found] == [45, 20, 10, 20, 45, 30]
    assert terms.count("amc.delay", date(2025, 12, 31), payer) == Count(30, "calendar")


def test_terms_by_stretch_say_what_each_day_says() -> None:
    terms = Terms([own("amo.sanctioned", "yes", "2026-03-02", "2026-03-20", AMO), own("amo.clock", "sent", "2026-03-10")])
    for key in (AMO, "amo"):
        day = date(2026, 2, 25)
        while day < date(2026, 4, 1):
            one = span(terms, key, day)
            assert one.clock == ("sent" if day >= date(2026, 3, 10) else "ack")
            assert one.delay == (30 if key == AMO and date(2026, 3, 2) <= day <= date(2026, 3, 20) else 7)
            day += timedelta(1)


@pytest.mark.parametrize(
    ("name", "value", "payer"),
    [("amo.hope", "1 days", None), ("amc.delay", "thirty", None), ("amc.delay", "30 months", None), ("amc.delay", "30 calendar", AMO),
     ("reminder.patient.1", "30 calendar", AMO), ("amc.delay", "30 calendar", "2550899999012"), ("reminder.amo.0", "3 working", None),
     ("amo.forclusion", "101 years", None), ("indu.answer", "1201 months", None), ("reminder.amc.1", "36501 calendar", None)],
)  # fmt: skip
def test_a_setting_that_is_none_is_refused(name: str, value: str, payer: str | None) -> None:
    with pytest.raises(SettingRefused):
        check(own(name, value, "2026-01-01", payer=payer))


@pytest.mark.parametrize(
    ("name", "value"), [("amo.forclusion", "100 years"), ("indu.answer", "1200 months"), ("amo.penalty.flat", "999999 cents")]
)
def test_a_century_and_any_amount_may_be_set(name: str, value: str) -> None:
    check(own(name, value, "2026-01-01"))


# --- days


@given(day=st.dates(date(2025, 6, 1), date(2027, 12, 30)), count=st.integers(1, 60))
def test_a_level_is_reached_on_its_day_and_not_before(day: date, count: int) -> None:
    for unit in ("working", "calendar"):
        cutoff = rules.latest_start(Count(count, unit), day)
        passed = oracle.working_days if unit == "working" else lambda start, end: (end - start).days
        assert passed(cutoff, day) >= count > passed(cutoff + timedelta(1), day)


@given(day=near, months=st.integers(1, 36))
def test_months_are_those_of_the_calendar(day: date, months: int) -> None:
    cutoff = rules.latest_start(Count(months, "months"), day)
    assert rules.months_after(cutoff, months) <= day < rules.months_after(cutoff + timedelta(1), months)


def test_the_end_of_a_month_is_met_by_the_last_day_of_a_shorter_one() -> None:
    assert rules.months_after(date(2026, 8, 31), 18) == date(2028, 2, 29)
    assert rules.months_after(date(2026, 12, 31), 2) == date(2027, 2, 28)


@given(start=near, days=st.integers(0, 300))
def test_days_are_numbered_as_the_twin_counts_them(start: date, days: int) -> None:
    numbered = {rules.BEGIN + timedelta(offset): number for offset, number in enumerate(rules.day_numbers(date(2027, 12, 31)))}
    end = min(start + timedelta(days), date(2027, 12, 31))
    assert numbered[end] - numbered[start] == oracle.working_days(start, end)


# --- penalties and forclusion


@given(amount=st.integers(1, 10**7), start=near, days=st.integers(0, 90), sanctioned=st.booleans())
def test_penalties_are_those_of_the_twin(amount: int, start: date, days: int, sanctioned: bool) -> None:
    paid = min(start + timedelta(days), date(2027, 12, 31))
    terms = Terms([own("amo.sanctioned", "yes", "2025-01-01")] if sanctioned else [])
    found = rules.penalty_of(amount, oracle.working_days(start, paid), span(terms, "amo", start))
    assert found == oracle.penalty(amount, start, paid, sanctioned=sanctioned)


@given(care=st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_forclusion_is_that_of_the_twin(care: date) -> None:
    assert rules.barred_on(care, 2) == oracle.barred(care)


def test_forclusion_of_the_example() -> None:
    assert rules.barred_on(date(2026, 2, 10), 2) == date(2028, 4, 1)
    assert rules.barred_on(date(2026, 12, 31), 2) == date(2029, 1, 1)


def line(penalty: int, days: int, paid_on: date | None) -> Penalty:
    return Penalty(
        place="p", invoice="750000010/1", invoice_id=uuid7(), payer=AMO, amount=Cents(12345), clock="ack", start=date(2026, 10, 30),
        paid_on=paid_on, status="due" if paid_on else "running", days=days, delay=7, unit="working", penalty=Cents(penalty),
        flat=Cents(100), flat_days=2, rate=100,
    )  # fmt: skip


def test_a_penalty_says_its_arithmetic_and_which_holidays_it_skipped() -> None:
    told = rules.explained(line(1235, 10, date(2026, 11, 16)), DAY)
    assert told.holidays == (date(2026, 11, 11),)
    assert told.arithmetic == (
        "10 jours ouvrés du 30/10/2026 au 16/11/2026, sans le 11/11/2026 (férié) ; délai 7 ; "
        "10 % de 123,45\u00a0€ à partir du 10e jour, arrondi au cent le plus proche = 12,35\u00a0€"
    )
    assert (told.payable_in, told.rounding) == ("2027H1", "half_up")
    flat = rules.explained(line(100, 8, date(2026, 11, 12)), DAY)
    assert "1,00\u00a0€ par facture payée du 8e au 9e jour = 1,00\u00a0€" in flat.arithmetic
    assert rules.explained(line(1235, 16, None), DAY).payable_in is None


def test_a_sum_that_the_arithmetic_does_not_give_is_our_fault() -> None:
    with pytest.raises(OurBug):
        rules.explained(line(1234, 10, date(2026, 11, 16)), DAY)


def test_a_level_that_is_off_is_none() -> None:
    found = {(one.rule, one.key, one.level) for one in levels(Terms([own("reminder.amo.2", "off", "2026-01-01")]), DAY)}
    assert ("amo", "", 1) in found and ("amo", "", 2) not in found and ("patient", "", 3) in found
