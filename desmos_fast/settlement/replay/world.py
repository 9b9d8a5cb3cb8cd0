# SPDX-License-Identifier: Apache-2.0
"""A centre in memory: steps go in, and the state that follows from them comes out. It never asks a database or a clock."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.errors import OurBug
from desmos_fast.base.ledger import Due, Entry
from desmos_fast.base.types import Cents
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.book import decide
from desmos_fast.settlement.model import Match
from desmos_fast.settlement.posting import Plan, Word, make_plan, share_moves
from desmos_fast.settlement.replay.closing import OF_SHARES, Closing
from desmos_fast.settlement.replay.deciding import OF_MATCHES, PLACING, Deciding
from desmos_fast.settlement.replay.model import (
    Announced,
    Chain,
    Decided,
    MatchState,
    Ran,
    Share,
    ShareState,
    Signed,
    State,
    Stated,
    Step,
    canonical,
)
from desmos_fast.settlement.replay.paying import OF_PAYMENTS, pay
from desmos_fast.settlement.replay.rows import MatchRow, Rows
from desmos_fast.settlement.replay.selecting import AUTO, open_book, share_lines

CURRENCY: Final = "EUR"
OF_NOTHING: Final = frozenset({"dispute"})
KINDS: Final = OF_MATCHES | OF_SHARES | OF_PAYMENTS | OF_NOTHING
REVISED: Final = timedelta(days=120)


class World:
    """One centre, from nothing; `secret` is its own, for references that have the form of a NIR."""

    def __init__(self, secret: bytes) -> None:
        self.rows = Rows(secret)
        self.balances: dict[str, int] = {}
        self.links: list[bytes] = []

    def apply(self, step: Step) -> list[Entry]:
        """Take one step, and return the ledger entries that it posts; what came before, byte for byte, changes nothing."""
        entries = [entry for entry in self._entries(step) if entry.lines]
        for entry in entries:
            if entry.event in PLACING:
                self.rows.placed[entry.ref] = entry.event
            for line in entry.lines:
                balance = self.balances.get(line.account, 0) + line.debit - line.credit
                self.balances[line.account] = balance
                if not balance:
                    del self.balances[line.account]
        self.links += ledger.chain(self.links[-1] if self.links else ledger.GENESIS, entries)
        return entries

    def _entries(self, step: Step) -> Iterable[Entry]:
        match step:
            case Signed():
                return self._sign(step)
            case Announced():
                return self._announce(step)
            case Stated():
                return self._state(step)
            case Ran():
                return self._run(step)
            case Decided():
                return self._decide(step)

    def _sign(self, step: Signed) -> list[Entry]:
        self.rows.sign(step)
        return [ledger.signed(f"{step.biller}/{step.number}", [Due(share.payer, Cents(share.amount)) for share in step.shares])]

    def _is_new(self, name: str) -> bool:
        new = name not in self.rows.files
        self.rows.files.add(name)
        return new

    def _announce(self, step: Announced) -> list[Entry]:
        if self._is_new(step.name):
            self.rows.announce(step)
        return []

    def _state(self, step: Stated) -> list[Entry]:
        new = list(self.rows.give(step.lines)) if self._is_new(step.name) else []
        return [ledger.credit_unmatched(line.id, line.account, line.amount) for line in new if _is_posted(line)]

    # --- a run

    def _run(self, step: Ran) -> list[Entry]:
        book = open_book(self.rows, step.at - REVISED, step.hidden)
        decisions = decide(book, step.payers, step.settings)
        last = {name: Word(word.match_id, word.status, word.evidence) for name, word in self.rows.words.items()}
        plan = make_plan(book, decisions, last)
        for row_id, match in plan.matches:
            self._keep(row_id, match, step)
        self._take(plan)
        self._move_shares(plan.shares, [*plan.orders, *plan.freed])
        return plan.entries

    def _keep(self, row_id: UUID, match: Match, step: Ran) -> None:
        if match.status == "confirmed":
            self.rows.matches[row_id] = MatchRow(match, AUTO, step.at)
        else:
            self.rows.words[match.left[0]] = match

    def _take(self, plan: Plan) -> None:
        rows = self.rows
        for credit in plan.undone.values():
            rows.free_credit(credit)
        for order in plan.freed:
            rows.free_order(order)
        for freed in plan.lines_freed:
            rows.free_line((freed.order_id, freed.line), parked=freed.parked)
        for taken in plan.lines:
            rows.take_line((taken.order_id, taken.line), taken.match_id, (taken.invoice_id, taken.part))
        for key in plan.parked:
            if rows.lines[key].parked:
                raise OurBug(f"line {key} waits already")
            rows.lines[key] = rows.lines[key]._replace(parked=True)
        for order, match_id in plan.orders.items():
            rows.take_order(order, match_id)
        for credit, match_id in plan.credits.items():
            rows.take_credit(credit, match_id)

    def _move_shares(self, shares: Iterable[Share], orders: Iterable[UUID]) -> None:
        """Tell shares again from all their lines, and those that the orders pay."""
        moves, _ = share_moves(share_lines(self.rows, shares, orders), ())
        for move in moves:
            share = self.rows.share((move.invoice_id, move.part))
            share.state, share.announced, share.credited = move.state, move.announced, move.credited
            share.reject_code = move.reject_code

    # --- a decision

    def _decide(self, step: Decided) -> list[Entry]:
        if step.kind in OF_PAYMENTS:
            return pay(self.rows, step)
        if step.kind in OF_NOTHING:
            return []
        deciding = Closing(self.rows, step) if step.kind in OF_SHARES else Deciding(self.rows, step)
        deciding.take()
        self._move_shares(deciding.shares, deciding.orders)
        return deciding.entries

    # --- what has become of it all

    def state(self) -> State:
        """Return the state as it stands."""
        rows = self.rows
        return State(
            {row.match.match_id: match_state(row.match, row.by) for row in rows.matches.values() if row.status == "confirmed"},
            {
                f"{invoice.biller}/{invoice.number}/{part}": ShareState(
                    share.payer, share.amount, share.closed, share.state, share.announced, share.credited, share.reject_code
                )
                for invoice in rows.invoices.values()
                for part, share in invoice.shares.items()
            },
            self.balances,
            Chain(len(self.links), self.links[-1].hex() if self.links else ""),
        )


def match_state(match: Match, by: str) -> MatchState:
    """Return what is kept of a match in force."""
    evidence = msgspec.Raw(canonical(match.evidence) if by == AUTO else b"null")
    return MatchState(match.problem, match.rule, match.left, match.right, match.amount, match.residual, match.outcome, by, evidence)


def _is_posted(line: BankLine) -> bool:
    return line.status == "booked" and line.currency == CURRENCY
