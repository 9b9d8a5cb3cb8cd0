# SPDX-License-Identifier: Apache-2.0
"""Problem B: which orders a bank credit pays. Each pass decides on the whole set before the next.

A wrong match is worse than none: an amount alone never confirms, and whatever a text quotes beats payer and amount.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final

import msgspec

from desmos_fast.settlement.bank.model import BankLine, occurrences
from desmos_fast.settlement.labels import NOT_A_PAYER, Recogniser, quoted_tokens
from desmos_fast.settlement.model import Evidence, Match, Order, Payer, Settings
from desmos_fast.settlement.rules import SHOWN, make_match

CURRENCY: Final = "EUR"
Proposal = tuple[frozenset[str], Evidence]


class Credits:
    """The credits and orders of one run, and what is still free of them."""

    def __init__(
        self, lines: Sequence[BankLine], orders: Sequence[Order], payers: Sequence[Payer], settings: Settings, taken: Sequence[Order]
    ) -> None:
        self.settings = settings
        self.free: dict[str, Order] = {order.id: order for order in orders if order.total}
        self.known: dict[str, Order] = self.free | {order.id: order for order in taken}
        self.open: dict[str, BankLine] = {line.id: line for line in lines}
        self.matches: list[Match] = []
        recogniser = Recogniser(payers, orders, settings.learned)
        # Orders are in euros: a credit in other money keeps no payer and no reference, so nothing can take it.
        self.payer = {line.id: recogniser.payer_of(line) if line.currency == CURRENCY else None for line in lines}
        self._operators: dict[str, list[str]] = {}
        for payer in payers:
            for other in payer.pays_for:
                self._operators.setdefault(other, []).append(payer.id)
        named: dict[str, list[str]] = {}
        for order in self.known.values():
            named.setdefault(_reference(order), []).append(order.id)
        self.named = {reference: frozenset(orders) for reference, orders in named.items()}
        self.quoted: dict[str, tuple[str, ...]] = {}
        self._quoting: dict[str, list[str]] = {}
        self._unions: dict[tuple[str, ...], frozenset[str]] = {}
        for line in lines:
            tokens = sorted(quoted_tokens(line)) if line.currency == CURRENCY else []
            self.quoted[line.id] = tuple(token for token in tokens if token in named)
            for token in self.quoted[line.id]:
                self._quoting.setdefault(token, []).append(line.id)

    def orders_quoted(self, line: str) -> frozenset[str]:
        """Return the orders that the texts of a line name, free or taken."""
        tokens = self.quoted[line]
        if tokens not in self._unions:
            self._unions[tokens] = frozenset().union(*(self.named[token] for token in tokens))
        return self._unions[tokens]

    def is_quoted(self, order: str) -> bool:
        """Say whether a line that is still open names the order."""
        return any(line in self.open for line in self._quoting.get(_reference(self.known[order]), ()))

    def who_may_pay(self, order: Order) -> set[str]:
        """Return the payers whose credit may hold an order: its own, its emitter, the operators that pay for its payer."""
        return {order.payer, order.emitter or order.payer, *self._operators.get(order.payer, ())}

    def confirm(self, rule: str, proposals: Mapping[str, Proposal], claims: Counter[str]) -> None:
        """Confirm the proposals of a pass whose orders no other line of the pass could take; `claims` counts the lines of an order."""
        for line, (orders, evidence) in proposals.items():
            if all(claims[order] == 1 for order in orders):
                amount = self.open.pop(line).amount
                self.matches.append(make_match("B", "confirmed", rule, [line], sorted(orders), amount, evidence))
                for order in orders:
                    del self.free[order]


def _reference(order: Order) -> str:
    return order.payment_ref.upper().strip()


def decide_credits(
    lines: Sequence[BankLine], orders: Sequence[Order], payers: Sequence[Payer], settings: Settings, taken: Sequence[Order] = ()
) -> list[Match]:
    """Return one record for each bank line.

    `taken` are orders that earlier credits paid: none can be paid again, but a text that names one still speaks against the others.
    """
    state = Credits(lines, orders, payers, settings, taken)
    _set_aside(state)
    state.confirm("B1", *_by_reference(state))
    found, claims = _by_amount(state)
    proposals = {line: proposal for line, candidates in found.items() if (proposal := _single(state, line, candidates))}
    state.confirm("B2", proposals, claims)
    return state.matches + [_unmatched(state, line, found.get(line.id, NOBODY)) for line in state.open.values()]


# --- B0


def duplicates_of(lines: Iterable[BankLine]) -> dict[str, str]:
    """Return, for each line another file already gave, the id of the one kept: that of the smallest file hash."""
    ordered = sorted(lines, key=lambda line: (line.source.file_sha256, line.source.line, line.id))
    kept: dict[tuple[str, int], str] = {}
    found = {}
    for line, key in zip(ordered, occurrences(ordered), strict=True):
        first = kept.setdefault(key, line.id)
        if first != line.id:
            found[line.id] = first
    return found


def _set_aside(state: Credits) -> None:
    # What is pending may come again booked, and that is the first time it is paid.
    booked = [line for line in state.open.values() if line.status == "booked"]
    for name, kept in duplicates_of(booked).items():
        amount = state.open.pop(name).amount
        record = make_match("B", "duplicate", "B0", [name], [], amount, Evidence(why="imported_before"))
        state.matches.append(msgspec.structs.replace(record, duplicate_of=kept))
    for line in list(state.open.values()):
        if why := _no_credit(line, state.payer[line.id]):
            state.matches.append(make_match("B", "ignored", "B0", [line.id], [], line.amount, Evidence(why=why)))
            del state.open[line.id]


def _no_credit(line: BankLine, payer: str | None) -> str:
    if line.amount <= 0:
        return "debit"
    if line.status == "pending":
        return "pending"
    return "not_a_payer" if payer == NOT_A_PAYER else ""


# --- B1


def _by_reference(state: Credits) -> tuple[dict[str, Proposal], Counter[str]]:
    proposals: dict[str, Proposal] = {}
    takers: Counter[frozenset[frozenset[str]]] = Counter()
    # Many lines may quote the same: what they may mean is worked out once.
    meanings: dict[tuple[tuple[str, ...], str | None], list[tuple[frozenset[str], int]]] = {}
    for line in state.open.values():
        asked = state.quoted[line.id], state.payer[line.id]
        if asked not in meanings:
            meanings[asked] = [(orders, sum(state.free[order].total for order in orders)) for orders in _named_sets(state, *asked)]
        solutions = frozenset(orders for orders, total in meanings[asked] if total == line.amount)
        takers[solutions] += 1
        if len(solutions) == 1:
            [orders] = solutions
            proposals[line.id] = (orders, _quoting_evidence(state, line, orders))
    claims: Counter[str] = Counter()
    for solutions, count in takers.items():
        for order in frozenset().union(*solutions):
            claims[order] += count
    return proposals, claims


def _quoting_evidence(state: Credits, line: BankLine, orders: frozenset[str]) -> Evidence:
    references = tuple(token for token in state.quoted[line.id] if orders & state.named[token])
    return Evidence(
        fields=("references", "amount"),
        values={"references": references, "amount": (line.amount, line.amount)},
        candidates=len(state.orders_quoted(line.id)),
        candidate_ids=tuple(sorted(orders)[:SHOWN]),
        solutions=1,
        unique=True,
    )


def _named_sets(state: Credits, tokens: Sequence[str], payer: str | None) -> set[frozenset[str]]:
    # All references together, each alone, and of each set what the payer of the credit may pay: references are not unique across payers.
    named = [state.named[token] for token in tokens]
    sets = {frozenset().union(*named), *named}
    if payer:
        sets |= {frozenset(order for order in orders if payer in state.who_may_pay(state.known[order])) for orders in sets}
    return {orders for orders in sets if orders and orders <= state.free.keys()}


# --- B2


class Candidates(msgspec.Struct, frozen=True):
    """The orders of one payer and amount whose date suits a credit: a stretch of all of them, each as its day and id, in that order."""

    alike: Sequence[tuple[int, str]] = ()
    first: int = 0
    end: int = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return self.end - self.first

    @property
    def shown(self) -> tuple[str, ...]:
        """The ids of some, in order."""
        return tuple(sorted(name for _, name in self.alike[self.first : min(self.end, self.first + SHOWN)]))

    def holds(self, order: Order) -> bool:
        """Say whether an order is one of them."""
        key = _day_and_id(order)
        place = bisect_left(self.alike, key)
        return self.first <= place < self.end and self.alike[place] == key


NOBODY: Final = Candidates()


def _day_and_id(order: Order) -> tuple[int, str]:
    return order.payment_date.toordinal(), order.id


def _by_amount(state: Credits) -> tuple[dict[str, Candidates], Counter[str]]:
    """Return the candidates of each open line, and how many lines may take each order: equal sums may be many, so by stretches."""
    index: dict[tuple[str | None, int], list[tuple[int, str]]] = {}
    for order in sorted((order for order in state.free.values() if order.kind == "payment"), key=_day_and_id):
        for payer in state.who_may_pay(order):
            index.setdefault((payer, order.total), []).append(_day_and_id(order))
    edges = {key: [0] * (len(alike) + 1) for key, alike in index.items()}
    found = {}
    for line in state.open.values():
        key: tuple[str | None, int] = (state.payer[line.id], line.amount)
        day = line.booking_date.toordinal()
        if alike := index.get(key):
            first = bisect_left(alike, (day - state.settings.window_to, ""))
            end = bisect_left(alike, (day - state.settings.window_from + 1, ""))
            edges[key][first] += 1
            edges[key][end] -= 1
            found[line.id] = Candidates(alike, first, end)
    claims: Counter[str] = Counter()
    for key, alike in index.items():
        for (_, name), count in zip(alike, accumulate(edges[key]), strict=False):
            claims[name] += count
    return found, claims


def _single(state: Credits, line: str, candidates: Candidates) -> Proposal | None:
    if candidates.count != 1:
        return None
    credit, order = state.open[line], state.free[candidates.alike[candidates.first][1]]
    if _contradicted(state, line, order.id):
        return None
    evidence = Evidence(
        fields=("payer", "amount", "window"),
        values={
            "payer": (state.payer[line], order.payer),
            "amount": (credit.amount, order.total),
            "window": (str(credit.booking_date), str(order.payment_date)),
        },
        candidates=1,
        candidate_ids=(order.id,),
        solutions=1,
        unique=True,
    )
    return frozenset([order.id]), evidence


def _contradicted(state: Credits, line: str, order: str) -> bool:
    """Say whether a text names another order for this credit, or this order for another credit."""
    quoted = state.orders_quoted(line)
    return order not in quoted if quoted else state.is_quoted(order)


# --- B9


def _unmatched(state: Credits, line: BankLine, candidates: Candidates) -> Match:
    evidence = Evidence(
        candidates=candidates.count,
        candidate_ids=candidates.shown,
        solutions=min(candidates.count, 2),
        why=_why(state, line, candidates),
    )
    return make_match("B", "unmatched", "B9", [line.id], [], line.amount, evidence)


def _why(state: Credits, line: BankLine, candidates: Candidates) -> str:
    if line.currency != CURRENCY:
        return "other_currency"
    quoted = state.orders_quoted(line.id)
    if quoted and not any(candidates.holds(state.known[order]) for order in quoted):
        return "reference_with_another_sum"
    if not state.payer[line.id]:
        return "payer_unknown"
    if candidates.count > 1:
        return "several_orders"
    return "several_credits_or_reference_elsewhere" if candidates.count else "no_order"
