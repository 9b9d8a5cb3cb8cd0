# SPDX-License-Identifier: Apache-2.0
"""The figures of a centre: what they are called, and how the rows of the query become them. Every list sums to its figure."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final, TypeVar

import msgspec

from desmos_fast.base.clock import paris_date
from desmos_fast.base.types import Cents, Part
from desmos_fast.billing.rules import document_state
from desmos_fast.nomenclature.rejects import RejectTable
from desmos_fast.settlement.dunning.figures import follow_up_of, plus, total_of
from desmos_fast.settlement.dunning.model import NOTHING, FollowUp
from desmos_fast.settlement.model import Tally
from desmos_fast.settlement.rejects.rules import age_of

LISTED: Final = 200
Item = TypeVar("Item")


class RejectCode(msgspec.Struct, frozen=True):
    """Shares that one code refuses, and the cents still open on them."""

    code: str
    label: str
    count: int
    cents: Cents


class RejectClass(msgspec.Struct, frozen=True, kw_only=True):
    """The rejects that ask for the same kind of work, with their codes, and by days since the payer spoke."""

    name: str = msgspec.field(name="class")
    count: int
    cents: Cents
    codes: tuple[RejectCode, ...]
    ages: dict[str, Tally] = {}


class Rejects(msgspec.Struct, frozen=True):
    """All rejected shares, by class."""

    count: int
    cents: Cents
    classes: tuple[RejectClass, ...]


class PayerFigures(msgspec.Struct, frozen=True):
    """One payer: what it was asked, what of it no line covers yet, what its orders announce, what of these the bank received."""

    payer: str
    expected: Cents
    open: Cents
    announced: Cents
    received: Cents


class UnmatchedCredit(msgspec.Struct, frozen=True):
    """A credit that nothing explains; the label is the bank's, without any NIR."""

    ref: str
    account: str
    booking_date: date
    amount: Cents
    label: str
    why: str


class UnmatchedLine(msgspec.Struct, frozen=True):
    """An order line that no invoice explains."""

    ref: str
    payer: str
    payment_ref: str
    payment_date: date
    status: str
    amount: Cents
    part: Part | None
    invoice_number: int | None
    why: str


class UnmatchedCredits(msgspec.Struct, frozen=True):
    """A figure, its reasons, its list from the oldest on, and what of it the list leaves out."""

    count: int
    cents: Cents
    reasons: dict[str, Tally]
    list: tuple[UnmatchedCredit, ...]
    left_out: Tally


class UnmatchedLines(msgspec.Struct, frozen=True):
    """A figure, its reasons, its list from the oldest on, and what of it the list leaves out."""

    count: int
    cents: Cents
    reasons: dict[str, Tally]
    list: tuple[UnmatchedLine, ...]
    left_out: Tally


class Ledger(msgspec.Struct, frozen=True):
    """Debit less credit of each kind of account; `sum` is zero, or the books are broken."""

    balances: dict[str, Cents]
    sum: Cents


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """Every figure of a centre at one moment, in cents of euros."""

    at: datetime
    invoices: dict[str, Tally]
    shares: dict[str, dict[str, Tally]]
    lots: dict[str, Tally]
    files: dict[str, int]
    rejects: Rejects
    payers: tuple[PayerFigures, ...]
    credits_unmatched: UnmatchedCredits
    debits: Tally
    other_currencies: dict[str, Tally]
    order_lines_unmatched: UnmatchedLines
    ledger: Ledger
    follow_up: FollowUp = FollowUp()


class _Counted(msgspec.Struct):
    count: int
    cents: Cents

    def tally(self) -> Tally:
        return Tally(self.count, self.cents)


class _Documents(_Counted):
    state: str
    shares: list[str] | None
    ack_missing: bool


class _Shares(_Counted):
    part: str
    state: str


class _Lots(_Counted):
    state: str


class _Code(_Counted):
    code: str
    payer: str
    day: date


class _Reason(_Counted):
    why: str


class _Foreign(_Counted):
    currency: str


def make_dashboard(columns: Mapping[str, str], at: datetime, table: RejectTable) -> Dashboard:
    """Turn the columns of the query into figures; `table` says what the codes of rejects mean."""
    balances = msgspec.json.decode(columns["ledger"], type=dict[str, Cents])
    return Dashboard(
        at=at,
        invoices=_by_state(_rows(columns["invoices"], _Documents)),
        shares=_by_part(_rows(columns["shares"], _Shares)),
        lots={row.state: row.tally() for row in _rows(columns["lots"], _Lots)},
        files=msgspec.json.decode(columns["files"], type=dict[str, int]),
        rejects=rejects_of(_rows(columns["rejects"], _Code), table, paris_date(at)),
        payers=tuple(_rows(columns["payers"], PayerFigures)),
        credits_unmatched=_unmatched_credits(columns),
        debits=msgspec.json.decode(columns["debits"], type=Tally),
        other_currencies={row.currency: row.tally() for row in _rows(columns["foreign_lines"], _Foreign)},
        order_lines_unmatched=_unmatched_lines(columns),
        ledger=Ledger(balances, Cents(sum(balances.values()))),
        follow_up=follow_up_of(columns),
    )


def _rows(text: str, kind: type[Item]) -> list[Item]:
    return msgspec.json.decode(text, type=list[kind])  # type: ignore[valid-type]


def _by_state(rows: Iterable[_Documents]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for row in rows:
        state = document_state(row.state, row.shares or (), ["ack_missing"] if row.ack_missing else [])
        found[state] = plus(found.get(state, NOTHING), row.tally())
    return dict(sorted(found.items()))


def _by_part(rows: Iterable[_Shares]) -> dict[str, dict[str, Tally]]:
    found: dict[str, dict[str, Tally]] = {}
    for row in rows:
        found.setdefault(row.part, {})[row.state] = row.tally()
    return found


def rejects_of(rows: Iterable[_Code], table: RejectTable, today: date) -> Rejects:
    """Group the rejected shares of each code by class; one code may mean something else on another day or from another payer."""
    classes: dict[str, dict[tuple[str, str], Tally]] = {}
    ages: dict[str, dict[str, Tally]] = {}
    for row in rows:
        said = table.find(row.code, row.payer, row.day)
        codes = classes.setdefault(said.name, {})
        named = (row.code, said.label if said.known else "")
        codes[named] = plus(codes.get(named, NOTHING), row.tally())
        by_age, age = ages.setdefault(said.name, {}), age_of((today - row.day).days)
        by_age[age] = plus(by_age.get(age, NOTHING), row.tally())
    found = tuple(_class(name, codes, ages[name]) for name, codes in sorted(classes.items()))
    return Rejects(sum(one.count for one in found), Cents(sum(one.cents for one in found)), found)


def _class(name: str, tallies: Mapping[tuple[str, str], Tally], ages: dict[str, Tally]) -> RejectClass:
    codes = tuple(RejectCode(*named, tally.count, tally.cents) for named, tally in sorted(tallies.items()))
    whole = total_of(tallies.values())
    return RejectClass(name=name, count=whole.count, cents=whole.cents, codes=codes, ages=ages)


def _reasons(text: str) -> tuple[Tally, dict[str, Tally]]:
    reasons = {row.why: row.tally() for row in _rows(text, _Reason)}
    return total_of(reasons.values()), reasons


def _left_out(total: Tally, shown: Iterable[UnmatchedCredit | UnmatchedLine]) -> Tally:
    amounts = [item.amount for item in shown]
    return Tally(total.count - len(amounts), Cents(total.cents - sum(amounts)))


def _unmatched_credits(columns: Mapping[str, str]) -> UnmatchedCredits:
    total, reasons = _reasons(columns["credit_reasons"])
    shown = tuple(_rows(columns["credit_list"], UnmatchedCredit))
    return UnmatchedCredits(total.count, total.cents, reasons, shown, _left_out(total, shown))


def _unmatched_lines(columns: Mapping[str, str]) -> UnmatchedLines:
    total, reasons = _reasons(columns["line_reasons"])
    shown = tuple(_rows(columns["line_list"], UnmatchedLine))
    return UnmatchedLines(total.count, total.cents, reasons, shown, _left_out(total, shown))
