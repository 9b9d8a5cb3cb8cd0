# SPDX-License-Identifier: Apache-2.0
"""From decisions to what is written: rows taken, ledger entries, moves of the shares, events. Pure: nothing here stores anything."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.errors import OurBug
from desmos_fast.base.ledger import Due, Entry
from desmos_fast.base.types import Cents, Part, uuid7
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.db.journal import Event
from desmos_fast.settlement.book import Book, Decisions
from desmos_fast.settlement.model import CreditRow, Evidence, LineRow, Match, OrderRow, PartRow, ShareLineRow
from desmos_fast.settlement.rules import part_name
from desmos_fast.settlement.shares import MatchedLine, share_state

EVENTS: Final[Mapping[str, str]] = {
    "announced": "share.announced",
    "announced_part": "share.announced",
    "settled": "share.settled",
    "settled_part": "share.settled",
    "rejected": "share.rejected",
    "indu": "share.indu",
}
REVISED: Final = frozenset({"A3", "A5"})
"""The rules of lines that what comes later may contradict: another invoice of the patient, another line of the part."""
KEYED: Final = frozenset({"A1", "A2"})
"""The rules of lines that bear all keys of their share; the amount of any other passes through where it would go back to."""

DIRECT: Final = frozenset({"line.matched", "line.overpaid"})
"""The entries that put a line on its share without having let it wait."""


class Word(NamedTuple):
    """The last record kept of a line or credit that is not matched."""

    match_key: str
    status: str
    evidence: Evidence


class LineTaken(NamedTuple):
    """An order line confirmed on a share."""

    order_id: UUID
    line: int
    match_id: UUID
    invoice_id: UUID
    part: Part
    says_part: bool


class LineFreed(NamedTuple):
    """An order line whose match does not hold beside what has come since; its amount waits again."""

    order_id: UUID
    line: int
    match_id: UUID
    parked: bool


@dataclass
class Plan:
    """What one reconciliation writes; `orders` and `credits` give the match of each, `shares` are those that lines were confirmed on.

    `standing` are the lines and credits whose match was confirmed again, so that nothing is written of them; `undone` gives the credit of
    each match that falls, `freed` the orders of these, `lines_freed` the lines whose match falls.
    """

    matches: list[tuple[UUID, Match]] = field(default_factory=list)
    lines: list[LineTaken] = field(default_factory=list)
    lines_freed: list[LineFreed] = field(default_factory=list)
    shares: set[tuple[UUID, str]] = field(default_factory=set)
    parked: list[tuple[UUID, int]] = field(default_factory=list)
    orders: dict[UUID, UUID] = field(default_factory=dict)
    credits: dict[UUID, UUID] = field(default_factory=dict)
    standing: set[str] = field(default_factory=set)
    undone: dict[UUID, UUID] = field(default_factory=dict)
    freed: list[UUID] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def make_plan(book: Book, decisions: Decisions, last: Mapping[str, Word]) -> Plan:
    """Say what follows from the decisions; a record without match is kept only when it says something new."""
    plan = Plan()
    _plan_lines(plan, book, decisions.lines)
    _plan_credits(plan, book, decisions.credits)
    for match in (*decisions.lines, *decisions.credits):
        word = Word(match.match_id, match.status, match.evidence)
        for name in match.left if match.status != "confirmed" else ():
            if last.get(name) != word:
                plan.matches.append((uuid7(), _kept_for(match, name)))
    # What is settled in bulk is posted among these, in the same order whoever settles it.
    plan.entries.sort(key=attrgetter("ref"))
    return plan


def _kept_for(match: Match, name: str) -> Match:
    # What is said of several credits is kept once for each, that one first: the first name is how a record is found again.
    return msgspec.structs.replace(match, left=(name, *(other for other in match.left if other != name)))


# --- order lines


def _plan_lines(plan: Plan, book: Book, matches: Sequence[Match]) -> None:
    names = {row.id: row.ref for row in book.orders}
    lines = {f"{names[row.order_id]}#{row.line}": row for row in book.lines}
    shares = Shares(book.parts)
    for match in matches:
        line = lines[match.left[0]]
        if line.match_id is not None and line.match_key == match.match_id:
            plan.standing.add(match.left[0])
        elif line.share is not None:
            lines[match.left[0]] = plan_line_undone(plan, match.left[0], line, shares)
    for match in matches:
        line = lines[match.left[0]]
        if match.status == "confirmed" and match.left[0] not in plan.standing:
            plan_taken(plan, match, line, shares)
        elif match.status != "confirmed" and line.amount and not line.parked:
            plan_parked(plan, match.left[0], line)


class Shares:
    """The shares that lines are put on, and what is announced on each while a plan is made."""

    def __init__(self, parts: Iterable[PartRow]) -> None:
        self._parts = {part_name(part): part for part in parts}
        self._names: dict[tuple[UUID, str], str] = {(part.invoice_id, part.part): name for name, part in self._parts.items()}
        self._announced = {name: part.announced for name, part in self._parts.items()}

    def named(self, name: str) -> PartRow:
        """Return a share by the name that records give it."""
        return self._parts[name]

    def of(self, share: tuple[UUID, str]) -> PartRow:
        """Return a share by its row."""
        return self._parts[self._names[share]]

    def announce(self, part: PartRow, amount: int) -> tuple[Cents, int]:
        """Announce so many cents more; return by how much what is due falls, and the rest, which is in excess."""
        name = part_name(part)
        before = max(part.amount - self._announced[name], 0)
        self._announced[name] += amount
        due = before - max(part.amount - self._announced[name], 0)
        return Cents(due), amount - due


def plan_parked(plan: Plan, ref: str, line: LineRow) -> None:
    """Let the amount of a line wait in the books."""
    plan.parked.append((line.order_id, line.line))
    plan.entries.append(waiting(ref, line))


def plan_taken(plan: Plan, match: Match, line: LineRow, shares: Shares) -> None:
    """Put a line on the share that a match names."""
    row_id, part = uuid7(), shares.named(match.right[0])
    invoice = f"{part.biller}/{part.number}"
    due, excess = shares.announce(part, match.amount)
    plan.matches.append((row_id, msgspec.structs.replace(match, residual=Cents(excess))))
    plan.lines.append(LineTaken(line.order_id, line.line, row_id, part.invoice_id, part.part, line.part is not None))
    plan.shares.add((part.invoice_id, part.part))
    if line.amount and match.rule not in KEYED and not line.parked:
        # Such a match may fall again: it always comes from where its amount would go back to.
        plan.entries.append(waiting(match.left[0], line))
        line = line._replace(parked=True)
    if line.amount:
        plan.entries.append(_placed(match.left[0], line, invoice, due, excess))
    detail = {"match": match.match_id, "rule": match.rule, "order_line": match.left[0], "amount": match.amount, "outcome": match.outcome}
    plan.events.append(Event("match.confirmed", row_id, part.invoice_id, part.part, detail))


def plan_line_undone(plan: Plan, ref: str, line: LineRow, shares: Shares, event: str | None = None) -> LineRow:
    """Take the match of a line back, and return the line as it is then: free, its amount waiting.

    `event` is the entry that put it on its share, when that was not one that took it from where it waits.
    """
    if line.match_id is None or line.share is None:
        raise OurBug(f"line {ref} has no match to undo")
    part, parked = shares.of(line.share), line.amount != 0
    plan.lines_freed.append(LineFreed(line.order_id, line.line, line.match_id, parked))
    plan.shares.add((part.invoice_id, part.part))
    due, excess = shares.announce(part, -line.amount)
    invoice = f"{part.biller}/{part.number}"
    if line.amount and event in DIRECT:
        entry = ledger.overpaid(ref, line.payer, invoice, Cents(-due), Cents(-excess), event=event)
        plan.entries += [ledger.undone(entry, ref), waiting(ref, line)]
    elif line.amount:
        plan.entries.append(ledger.undone(_placed(ref, line._replace(parked=True), invoice, Cents(-due), -excess), ref))
    detail = {"match": line.match_key, "order_line": ref, "amount": line.amount}
    plan.events.append(Event("match.undone", line.match_id, part.invoice_id, part.part, detail))
    return line._replace(match_id=None, match_key=None, share=None, parked=parked)


def waiting(ref: str, line: LineRow) -> Entry:
    """Return the entry that lets the amount of a line wait in the books."""
    if line.status == "recovery":
        return ledger.recovery_parked(ref, line.payer, Cents(line.amount))
    return ledger.line_without_invoice(ref, line.payer, Cents(line.amount))


def _placed(ref: str, line: LineRow, invoice: str, due: Cents, excess: int) -> Entry:
    payer = line.payer
    if line.parked and line.status == "recovery":
        return ledger.recovery_identified(ref, payer, invoice, due, Cents(excess))
    if line.parked:
        return ledger.line_invoiced_later(ref, payer, invoice, due, Cents(excess))
    if excess:
        return ledger.overpaid(ref, payer, invoice, due, Cents(excess))
    return ledger.line_matched(ref, payer, invoice, due)


# --- credits


def _plan_credits(plan: Plan, book: Book, matches: Iterable[Match]) -> None:
    credits = {row.line.id: row for row in book.credits}
    orders = {row.ref: row for row in book.orders}
    before: dict[UUID, list[OrderRow]] = {}
    # By name, as they were taken: the entry that takes a match back is the one that it posted, turned over line by line.
    for order in sorted(book.orders, key=attrgetter("ref")):
        if order.match_id is not None:
            before.setdefault(order.match_id, []).append(order)
    for match in matches:
        for credit in (credits[name] for name in match.left):
            if credit.match_key == match.match_id:
                plan.standing.add(credit.line.id)
                continue
            if credit.match_id is not None:
                _plan_undone(plan, credit, credit.match_id, before[credit.match_id])
            if match.status == "confirmed":
                _plan_credited(plan, match, credit, [orders[name] for name in match.right])


def _plan_credited(plan: Plan, match: Match, credit: CreditRow, paid: Sequence[OrderRow]) -> None:
    row_id = uuid7()
    plan.matches.append((row_id, match))
    plan.credits[credit.id] = row_id
    plan.orders.update({order.id: row_id for order in paid})
    plan.entries.append(_received(credit, paid))
    detail = {"match": match.match_id, "rule": match.rule, "credit": match.left[0], "orders": match.right, "amount": match.amount}
    plan.events.append(Event("match.confirmed", row_id, detail=detail))


def _plan_undone(plan: Plan, credit: CreditRow, match_id: UUID, paid: Sequence[OrderRow]) -> None:
    """Take a match back that does not hold beside what has come since: a payer and an amount fit more than one order by now."""
    plan.undone[match_id] = credit.id
    plan.freed.extend(order.id for order in paid)
    plan.entries.append(ledger.undone(_received(credit, paid), credit.line.id))
    detail = {"match": credit.match_key, "credit": credit.line.id, "orders": [order.ref for order in paid], "amount": credit.line.amount}
    plan.events.append(Event("match.undone", match_id, detail=detail))


def _received(credit: CreditRow, paid: Sequence[OrderRow]) -> Entry:
    dues = [Due(order.payer, Cents(order.total)) for order in paid]
    if sum(due.amount for due in dues) != credit.line.amount:
        raise OurBug(f"credit {credit.line.id}: {credit.line.amount} cents are not the sum of its orders")
    return ledger.credit_matched_later(credit.line.id, dues)


# --- shares


class ShareMove(NamedTuple):
    """What a share becomes."""

    invoice_id: UUID
    part: Part
    state: str
    announced: int
    credited: int
    reject_code: str | None


def share_moves(rows: Iterable[ShareLineRow], newly_paid: Collection[UUID]) -> tuple[list[ShareMove], list[Event]]:
    """Return what the shares become and the events of that, from all the lines confirmed on each, given one after the other.

    `newly_paid` are the orders that the bank paid in this run: what was announced is told before what was received. What is received
    falls below zero when a credit turns out to be another order's.
    """
    moves: list[ShareMove] = []
    events: list[Event] = []
    for _, group in groupby(rows, key=lambda row: (row.invoice_id, row.part)):
        lines = list(group)
        move = _move(lines)
        moves.append(move)
        events.extend(_told(lines, move, newly_paid))
    return moves, events


def _move(lines: Sequence[ShareLineRow]) -> ShareMove:
    share = lines[0]
    codes = [line.code for line in lines if line.code is not None]
    return ShareMove(
        invoice_id=share.invoice_id,
        part=share.part,
        state=_state(lines, ()),
        announced=sum(line.line_amount for line in lines),
        credited=sum(line.line_amount for line in lines if line.order_credited),
        reject_code=codes[-1] if codes else None,
    )


def _state(lines: Sequence[ShareLineRow], not_yet: Collection[UUID]) -> str:
    share = lines[0]
    matched = [
        MatchedLine(line.line_status, line.line_amount, line.order_credited and line.order_id not in not_yet, line.answered)
        for line in lines
        if line.line_status is not None
    ]
    return share_state(share.amount, matched, share.state if share.state in TERMINAL else share.transport)


def _told(lines: Sequence[ShareLineRow], move: ShareMove, newly_paid: Collection[UUID]) -> Iterator[Event]:
    share = lines[0]
    announced = _state(lines, newly_paid)
    if announced != share.state or move.announced != share.announced:
        credited = sum(line.line_amount for line in lines if line.order_credited and line.order_id not in newly_paid)
        yield from _state_event(move._replace(credited=credited), announced)
    if move.credited != share.credited:
        detail = {"amount": move.credited - share.credited, "credited": move.credited}
        yield Event("payment.received", share.invoice_id, share.invoice_id, share.part, detail)
    if move.state != announced:
        yield from _state_event(move, move.state)


def _state_event(move: ShareMove, state: str) -> Iterator[Event]:
    name = EVENTS.get(state)
    if name is not None:
        detail = {"state": state, "announced": move.announced, "credited": move.credited, "reject_code": move.reject_code}
        yield Event(name, move.invoice_id, move.invoice_id, move.part, detail)
