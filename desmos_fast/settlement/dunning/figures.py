# SPDX-License-Identifier: Apache-2.0
"""How the rows of the query become the figures of the follow-up."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.settlement.dunning.model import NOTHING, AgeRow, FollowUp, InduRow, Paid, PenaltyRow, Rate
from desmos_fast.settlement.model import Tally

Item = TypeVar("Item")


class _Counted(msgspec.Struct):
    count: int
    cents: Cents

    def tally(self) -> Tally:
        return Tally(self.count, self.cents)


class _Age(_Counted):
    payer: str
    age: str
    late_count: int
    late_cents: Cents


class _Penalty(_Counted):
    payer: str
    status: str


class _Stage(_Counted):
    stage: str


class _Indu(_Counted):
    payer: str
    identified: bool
    disputed: bool


class _Rule(_Counted):
    rule: str


class _Paid(msgspec.Struct):
    kind: str
    count: int
    days: int
    median: int


class _Matched(msgspec.Struct):
    of: str
    all: int
    matched: int
    by_person: int
    ambiguous: int
    suggested: int


def plus(first: Tally, second: Tally) -> Tally:
    """Return two tallies as one."""
    return Tally(first.count + second.count, Cents(first.cents + second.cents))


def total_of(tallies: Iterable[Tally]) -> Tally:
    """Return many tallies as one."""
    total = NOTHING
    for tally in tallies:
        total = plus(total, tally)
    return total


def follow_up_of(columns: Mapping[str, str]) -> FollowUp:
    """Turn the columns of the query into figures."""
    return FollowUp(
        ageing=ageing_of(columns["ageing"]),
        penalties=penalties_of(columns["penalties"]),
        forclusion=stages_of(columns["forclusion"]),
        indus=_indus(columns["indus"]),
        orders_uncredited=msgspec.json.decode(columns["orders_uncredited"], type=Tally),
        days_to_pay={row.kind: Paid(row.count, 10 * row.days // row.count, row.median) for row in _rows(columns["days_to_pay"], _Paid)},
        automatic={row.of: _rate(row) for row in _rows(columns["automatic"], _Matched)},
        reminders_open={row.rule: row.tally() for row in _rows(columns["reminders_open"], _Rule)},
    )


def _rows(text: str, kind: type[Item]) -> list[Item]:
    return msgspec.json.decode(text, type=list[kind])  # type: ignore[valid-type]


def ageing_of(text: str) -> tuple[AgeRow, ...]:
    """Return what each payer owes, by age."""
    rows = _rows(text, _Age)
    found = []
    for payer in dict.fromkeys(row.payer for row in rows):
        own = [row for row in rows if row.payer == payer]
        ages = {row.age: row.tally() for row in own}
        late = total_of(Tally(row.late_count, row.late_cents) for row in own)
        found.append(AgeRow(payer, ages, total_of(ages.values()), late))
    return tuple(found)


def penalties_of(text: str) -> tuple[PenaltyRow, ...]:
    """Return what each payer owes for paying late."""
    rows = _rows(text, _Penalty)
    sums = {(row.payer, row.status): row.tally() for row in rows}
    return tuple(
        PenaltyRow(payer, sums.get((payer, "due"), NOTHING), sums.get((payer, "running"), NOTHING))
        for payer in dict.fromkeys(row.payer for row in rows)
    )


def stages_of(text: str) -> dict[str, Tally]:
    """Return what is near forclusion, by stage."""
    return {row.stage: row.tally() for row in _rows(text, _Stage)}


def _indus(text: str) -> tuple[InduRow, ...]:
    rows = _rows(text, _Indu)
    return tuple(
        InduRow(
            payer,
            identified=total_of(row.tally() for row in rows if row.payer == payer and row.identified),
            unidentified=total_of(row.tally() for row in rows if row.payer == payer and not row.identified),
            disputed=total_of(row.tally() for row in rows if row.payer == payer and row.disputed),
        )
        for payer in dict.fromkeys(row.payer for row in rows)
    )


def _rate(row: _Matched) -> Rate:
    automatic = row.matched - row.by_person
    return Rate(
        all=row.all, automatic=automatic, by_person=row.by_person, ambiguous=row.ambiguous, suggested=row.suggested,
        permille=1000 * automatic // row.all if row.all else 0,
    )  # fmt: skip
