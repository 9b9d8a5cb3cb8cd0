# SPDX-License-Identifier: Apache-2.0
"""The rows of settlement held in memory, with what finds them again: what the database holds, without it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeAlias
from uuid import UUID

from desmos_fast.base.ledger import Entry
from desmos_fast.base.types import Part
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.book import Barred
from desmos_fast.settlement.labels import kept_reference
from desmos_fast.settlement.model import LineRow, Match, OrderRow
from desmos_fast.settlement.posting import KEYED
from desmos_fast.settlement.replay.model import Announced, GivenLine, Share, Signed

LineKey: TypeAlias = tuple[UUID, int]
PATIENT: Final = "patient"


@dataclass
class ShareRow:
    """One share as it stands."""

    part: Part
    payer: str
    amount: int
    transport: str
    state: str
    lot: int | None = None
    closed: int = 0
    announced: int = 0
    credited: int = 0
    reject_code: str | None = None

    @property
    def open(self) -> int:
        """Return what is still owed."""
        return max(self.amount - self.closed - self.announced, 0)


@dataclass
class InvoiceRow:
    """One signed invoice with its shares by part."""

    id: UUID
    biller: str
    number: int
    insured: str
    care_date: date
    shares: dict[str, ShareRow]
    state: str = "signed"


@dataclass
class CreditState:
    """One bank line that no other file gave before, with its match."""

    id: UUID
    line: BankLine
    match_id: UUID | None = None


@dataclass
class MatchRow:
    """One record that was confirmed, and whether it still is."""

    match: Match
    by: str
    at: datetime
    status: str = "confirmed"
    entry: Entry | None = None
    """What a person's match of credits posted."""


@dataclass
class PaymentRow:
    """One payment at the desk, a refund below zero; its parts name an invoice, or another payment whose rest is given back."""

    means: str
    amount: int
    parts: list[tuple[str | None, str | None, int]] = field(default_factory=list)
    unpaid: bool = False


@dataclass
class Rows:
    """Every row, and the indexes that a run asks; `secret` is the centre's, for references that have the form of a NIR."""

    secret: bytes
    invoices: dict[UUID, InvoiceRow] = field(default_factory=dict)
    orders: dict[UUID, OrderRow] = field(default_factory=dict)
    lines: dict[LineKey, LineRow] = field(default_factory=dict)
    credits: dict[UUID, CreditState] = field(default_factory=dict)
    given: dict[tuple[str, int], str] = field(default_factory=dict)
    """The first bank line of each content and occurrence."""
    matches: dict[UUID, MatchRow] = field(default_factory=dict)
    words: dict[str, Match] = field(default_factory=dict)
    """The last record of each line and credit that was not confirmed."""
    forbidden: dict[tuple[str, str, str], Barred] = field(default_factory=dict)
    """Why no run may confirm a pair: problem, left, right."""
    answered: set[LineKey] = field(default_factory=set)
    """The lines that a person has dealt with: they count for their amount and no more."""
    placed: dict[str, str] = field(default_factory=dict)
    """The event of the last entry that put a line on a share."""
    last_piece: dict[str, int] = field(default_factory=dict)
    """The number of the last piece of each credit, and of the last line of each order."""
    payments: dict[str, PaymentRow] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    numbered: dict[tuple[str, int], list[UUID]] = field(default_factory=dict)
    patients: dict[tuple[str, str, date], list[UUID]] = field(default_factory=dict)
    by_reference: dict[str, list[UUID]] = field(default_factory=dict)
    by_ref: dict[str, UUID] = field(default_factory=dict)
    by_line_ref: dict[str, UUID] = field(default_factory=dict)
    lines_of: dict[UUID, list[LineKey]] = field(default_factory=dict)
    on_share: dict[Share, set[LineKey]] = field(default_factory=dict)
    paid_by: dict[UUID, set[UUID]] = field(default_factory=dict)
    """The orders of each match of a credit."""
    revisable: set[LineKey] = field(default_factory=set)
    """The lines whose match may fall: told by their patient or by an amount alone."""
    free_orders: set[UUID] = field(default_factory=set)
    free_lines: set[LineKey] = field(default_factory=set)
    free_credits: set[UUID] = field(default_factory=set)

    # --- what comes in

    def sign(self, step: Signed) -> None:
        """Add an invoice."""
        shares: dict[str, ShareRow] = {
            one.part: ShareRow(one.part, one.payer, one.amount, one.transport, one.transport, one.lot) for one in step.shares
        }
        self.invoices[step.id] = InvoiceRow(step.id, step.biller, step.number, step.insured, step.care_date, shares)
        self.numbered.setdefault((step.biller, step.number), []).append(step.id)
        self.patients.setdefault((step.biller, step.insured, step.care_date), []).append(step.id)

    def announce(self, step: Announced) -> None:
        """Add the orders of a return."""
        for order in step.orders:
            kept = kept_reference(self.secret, order.payment_ref)
            self.orders[order.id] = order._replace(payment_ref=kept, match_id=None, free=True)
            self.by_reference.setdefault(kept.upper().strip(), []).append(order.id)
            self.by_ref[order.ref] = order.id
            self.free_orders.add(order.id)
        for line in step.lines:
            self.add_line(line)

    def add_line(self, line: LineRow) -> LineKey:
        """Add one free line to its order."""
        key = (line.order_id, line.line)
        self.lines[key] = line
        self.lines_of.setdefault(line.order_id, []).append(key)
        self.free_lines.add(key)
        return key

    def give(self, lines: Iterable[GivenLine]) -> Iterator[BankLine]:
        """Add the lines of a statement that no other one gave, and return these."""
        new = [row for row in lines if (row.content_key, row.occurrence) not in self.given]
        for row in new:
            self.given[row.content_key, row.occurrence] = row.line.id
            self.add_credit(row.id, row.line)
            yield row.line

    def add_credit(self, name: UUID, line: BankLine) -> UUID:
        """Add one free bank line."""
        self.credits[name] = CreditState(name, line)
        self.by_line_ref[line.id] = name
        self.free_credits.add(name)
        return name

    # --- what is taken and freed

    def hold_line(self, key: LineKey, match_id: UUID) -> None:
        """Give a free line a match that puts it on no share."""
        self.free_lines.remove(key)
        self.lines[key] = self.lines[key]._replace(match_id=match_id, match_key=self.matches[match_id].match.match_id)

    def take_line(self, key: LineKey, match_id: UUID, share: Share) -> None:
        """Give a free line its match and share."""
        self.hold_line(key, match_id)
        match = self.matches[match_id].match
        self.lines[key] = self.lines[key]._replace(parked=False, share=(share[0], self.share(share).part))
        self.on_share.setdefault(share, set()).add(key)
        if match.rule not in KEYED:
            self.revisable.add(key)

    def free_line(self, key: LineKey, *, parked: bool) -> None:
        """Take the match of a line back."""
        line = self.lines[key]
        assert line.match_id is not None, f"line {key} is free"
        if line.share is not None:
            self.on_share[line.share].remove(key)
        self.revisable.discard(key)
        self.matches[line.match_id].status = "undone"
        self.lines[key] = line._replace(parked=parked, match_id=None, match_key=None, share=None)
        self.free_lines.add(key)

    def take_order(self, order: UUID, match_id: UUID) -> None:
        """Give a free order the match of its credit."""
        self.free_orders.remove(order)
        self.orders[order] = self.orders[order]._replace(match_id=match_id, free=False)
        self.paid_by.setdefault(match_id, set()).add(order)

    def free_order(self, order: UUID) -> None:
        """Take the match of an order back."""
        match_id = self.orders[order].match_id
        assert match_id is not None, f"order {order} is free"
        self.paid_by[match_id].remove(order)
        self.orders[order] = self.orders[order]._replace(match_id=None, free=True)
        self.free_orders.add(order)

    def take_credit(self, credit: UUID, match_id: UUID) -> None:
        """Give a free credit its match."""
        self.free_credits.remove(credit)
        self.credits[credit].match_id = match_id

    def free_credit(self, credit: UUID) -> None:
        """Take the match of a credit back."""
        match_id = self.credits[credit].match_id
        assert match_id is not None, f"credit {credit} is free"
        self.matches[match_id].status = "undone"
        self.credits[credit].match_id = None
        self.free_credits.add(credit)

    # --- what names mean

    def share(self, share: Share) -> ShareRow:
        """Return one share."""
        return self.invoices[share[0]].shares[share[1]]

    def share_named(self, name: str) -> Share:
        """Return the share `biller/number/part`."""
        biller, number, part = name.rsplit("/", 2)
        [invoice] = self.numbered[biller, int(number)]
        return invoice, part

    def line_named(self, name: str) -> LineKey:
        """Return the line `order#line`."""
        order, _, line = name.rpartition("#")
        return self.by_ref[order], int(line)

    def name_of(self, key: LineKey) -> str:
        """Return how records name a line."""
        return f"{self.orders[key[0]].ref}#{key[1]}"

    def in_force(self, problem: str, left: str) -> UUID:
        """Return the match that a line or credit is in."""
        row = self.lines[self.line_named(left)] if problem == "A" else self.credits[self.by_line_ref[left]]
        assert row.match_id is not None, f"{left} is free"
        return row.match_id
