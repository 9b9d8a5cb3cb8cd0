# SPDX-License-Identifier: Apache-2.0
"""Days counted, limits of the law, and what queries are given of both. No input or output."""

import functools
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from desmos_fast.base import french
from desmos_fast.base.calendar import is_holiday, is_working_day, late_since
from desmos_fast.base.errors import OurBug
from desmos_fast.settlement.dunning.model import FILTERS, Penalty
from desmos_fast.settlement.dunning.terms import OFF, YES, Count, Terms, kind_of, payer_of

ONE: Final = timedelta(1)
# Nothing that is followed up began before this day; working days are numbered from it on.
BEGIN: Final = date(2015, 1, 1)
AWAITED: Final = ("announced_part", "pending", "received", "sent", "settled_part")
"""States of a part of which its payer still has to speak, or to pay the rest."""
CLAIMABLE: Final = ("file_refused", "lotted", "open", "pending", "received", "rejected", "sent")
"""States of a part that forclusion can end."""
SATURDAY: Final = 5


class TermSpan(NamedTuple):
    """What holds for a payer, or a kind of payers, from `since` to `until`, both included."""

    key: str
    since: date
    until: date
    clock: str
    delay: int | None
    unit: str | None
    flat: int
    flat_days: int
    rate: int
    years: int | None


def spans(terms: Terms) -> list[TermSpan]:
    """Return the terms of delay, penalty and forclusion of every kind and payer, day by day."""
    return [_span(terms, key, since, until) for key in terms.owners() for since, until in _stretches(terms, key)]


def _stretches(terms: Terms, key: str) -> list[tuple[date, date]]:
    return terms.spans(f"{_kind(key)}.")


def _kind(key: str) -> str:
    payer = payer_of(key)
    return key if payer is None else kind_of(payer)


def _span(terms: Terms, key: str, since: date, until: date) -> TermSpan:
    kind, payer = _kind(key), payer_of(key)
    sanctioned = terms.value(f"{kind}.sanctioned", since, payer) == YES[0]
    delay = terms.count(f"{kind}.delay.sanctioned" if sanctioned else f"{kind}.delay", since, payer)
    clock = terms.value(f"{kind}.clock", since, payer)
    years = terms.count(f"{kind}.forclusion", since, payer)
    flat, flat_days, rate = (terms.count(f"{kind}.penalty.{name}", since, payer) for name in ("flat", "flat_days", "rate"))
    return TermSpan(
        key, since, until, "signed" if clock == OFF else clock, delay and delay.number, delay and delay.unit,
        _number(flat), _number(flat_days), _number(rate), years and years.number,
    )  # fmt: skip


def _number(count: Count | None) -> int:
    return 0 if count is None else count.number


@functools.lru_cache(maxsize=4)
def day_numbers(today: date) -> list[int]:
    """Return how many working days there were up to BEGIN, and up to each day after it until a year from today."""
    return list(accumulate(int(is_working_day(BEGIN + timedelta(offset))) for offset in range((today - BEGIN).days + 366)))


def latest_start(count: Count, today: date) -> date:
    """Return the last day such that so many days, working days or months after it are over by today, this day included."""
    if count.unit == "working":
        # A level fires on its day: as if that many days were over before tomorrow.
        return late_since(today + ONE, count.number)
    if count.unit == "months":
        return months_before(today, count.number)
    return today - timedelta(count.number)


def months_after(day: date, months: int) -> date:
    """Return the same day so many months later, or the last of that month where it is shorter."""
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(day.day - 1), following - ONE)


def months_before(day: date, months: int) -> date:
    """Return the last day to which so many months can be added without passing a day."""
    first = months_after(day.replace(day=1), -months)
    found = months_after(first, 1) - ONE
    while months_after(found, months) > day:
        found -= ONE
    return found


def barred_on(care: date, years: int) -> date:
    """Return the first day on which a part can be asked for no more: so many years after the first day of the quarter after the care."""
    return months_after(date(care.year, (care.month - 1) // 3 * 3 + 1, 1), 3 + 12 * years)


def penalty_of(amount: int, days: int, term: TermSpan) -> int:
    """Return what a payer owes, in cents, for a part of `amount` cents paid on a day: a rate is rounded to the cent, a half up."""
    if term.delay is None or days <= term.delay:
        return 0
    if days <= term.delay + term.flat_days:
        return term.flat
    return (amount * term.rate + 500) // 1000


def half_year_after(day: date) -> str:
    """Return the half-year in which a penalty is paid: the one after that of the payment."""
    return f"{day.year}H2" if day.month <= 6 else f"{day.year + 1}H1"


def holidays_between(start: date, end: date) -> Iterator[date]:
    """Give the legal holidays after `start`, up to `end`, that would have been worked otherwise."""
    day = start
    while day < end:
        day += ONE
        if day.weekday() < SATURDAY and is_holiday(day):
            yield day


def explained(line: Penalty, today: date) -> Penalty:
    """Return a penalty with its holidays and its arithmetic in words, checked against the sum that it explains. Raises OurBug."""
    end = line.paid_on or today
    term = TermSpan("", line.start, end, line.clock, line.delay, line.unit, line.flat, line.flat_days, line.rate, None)
    if penalty_of(line.amount, line.days, term) != line.penalty:
        raise OurBug(f"penalty of {line.invoice}: {line.penalty} cents are not what {line.days} days of a delay of {line.delay} give")
    holidays = tuple(holidays_between(line.start, end)) if line.unit == "working" else ()
    unit = "jours ouvrés" if line.unit == "working" else "jours"
    skipped = "".join(f", sans le {french.day(day.isoformat())} (férié)" for day in holidays)
    counted = f"{line.days} {unit} du {french.day(line.start.isoformat())} au {french.day(end.isoformat())}{skipped}"
    if line.days <= line.delay + line.flat_days:
        owed = f"{french.euros(line.flat)} par facture payée du {line.delay + 1}e au {line.delay + line.flat_days}e jour"
    else:
        percent, tenth = divmod(line.rate, 10)
        rate = f"{percent}{f',{tenth}' if tenth else ''} %"
        owed = f"{rate} de {french.euros(line.amount)} à partir du {line.delay + line.flat_days + 1}e jour, arrondi au cent le plus proche"
    text = f"{counted} ; délai {line.delay} ; {owed} = {french.euros(line.penalty)}"
    payable = None if line.paid_on is None else half_year_after(line.paid_on)
    return msgspec.structs.replace(line, holidays=holidays, arithmetic=text, payable_in=payable)


def is_kind(name: str, kind: str) -> bool:
    """Say whether a word is one of those that a list is filtered by."""
    return kind in FILTERS[name][1] or name == "forclusion" and kind.isascii() and kind.isdigit()


class Question(NamedTuple):
    """What every query of the room is given after the centre: a day, its terms, and what the law counts by."""

    today: date
    spans: str
    begin: date
    numbers: list[int]
    limits: str


class Limits(msgspec.Struct, frozen=True):
    """Lists of states and limits, for queries."""

    awaited: tuple[str, ...]
    claimable: tuple[str, ...]
    answer_months: int
    barred_years: int
    stages: tuple[tuple[str, int], ...]


def question(terms: Terms, today: date) -> Question:
    """Return what queries about a day are given."""
    answer, barred = terms.count("indu.answer", today), terms.count("indu.barred", today)
    stages = [(level, terms.count(f"reminder.forclusion.{level}", today)) for level in range(1, 10)]
    limits = Limits(
        AWAITED, CLAIMABLE, _number(answer), _number(barred),
        tuple((str(count.number), count.number) for _, count in stages if count is not None),
    )  # fmt: skip
    encoded = [term._asdict() for term in spans(terms)]
    return Question(today, msgspec.json.encode(encoded).decode(), BEGIN, day_numbers(today), msgspec.json.encode(limits).decode())
