# SPDX-License-Identifier: Apache-2.0
"""Problem B: which orders a bank credit pays. Each pass decides on the whole set before the next.

A wrong match is worse than none: an amount alone never confirms, and whatever a text quotes beats payer and amount.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
            named.setdefault(order.payment_ref.upper().strip(), []).append(order.id)
        self.quoted: dict[str, dict[str, list[str]]] = {}
        self.quoted_by: dict[str, set[str]] = {}
        for line in lines:
            tokens = sorted(quoted_tokens(line)) if line.currency == CURRENCY else []
            self.quoted[line.id] = {token: named[token] for token in tokens if token in named}
            for name in self.orders_quoted(line.id):
                self.quoted_by.setdefault(name, set()).add(line.id)

    def orders_quoted(self, line: str) -> set[str]:
        """Return the orders that the texts of a line name, free or taken."""
        return {order for named in self.quoted[line].values() for order in named}

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


def decide_credits(
    lines: Sequence[BankLine], orders: Sequence[Order], payers: Sequence[Payer], settings: Settings, taken: Sequence[Order] = ()
) -> list[Match]:
    """Return one record for each bank line.

    `taken` are orders that earlier credits paid: none can be paid again, but a text that names one still speaks against the others.
    """
    state = Credits(lines, orders, payers, settings, taken)
    _set_aside(state)
    state.confirm("B1", *_by_reference(state))
    found = _by_amount(state)
    proposals = {line: proposal for line, candidates in found.items() if (proposal := _single(state, line, candidates))}
    state.confirm("B2", proposals, Counter(order for candidates in found.values() for order in candidates))
    return state.matches + [_unmatched(state, line, found.get(line.id, ())) for line in state.open.values()]


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
    claims: Counter[str] = Counter()
    for line in state.open.values():
        quoted = state.quoted[line.id]
        solutions = {orders for orders in _named_sets(state, line) if sum(state.free[order].total for order in orders) == line.amount}
        claims.update(frozenset().union(*solutions))
        if len(solutions) == 1:
            [orders] = solutions
            references = [token for token, named in quoted.items() if orders & set(named)]
            evidence = Evidence(
                fields=("references", "amount"),
                values={"references": tuple(references), "amount": (line.amount, line.amount)},
                candidates=len(state.orders_quoted(line.id)),
                candidate_ids=tuple(sorted(orders)[:SHOWN]),
                solutions=1,
                unique=True,
            )
            proposals[line.id] = (orders, evidence)
    return proposals, claims


def _named_sets(state: Credits, line: BankLine) -> set[frozenset[str]]:
    # All references together, each alone, and of each set what the payer of the credit may pay: references are not unique across payers.
    named = [frozenset(orders) for orders in state.quoted[line.id].values()]
    sets = {frozenset().union(*named), *named}
    payer = state.payer[line.id]
    if payer:
        sets |= {frozenset(order for order in orders if payer in state.who_may_pay(state.known[order])) for orders in sets}
    return {orders for orders in sets if orders and orders <= state.free.keys()}


# --- B2


def _by_amount(state: Credits) -> dict[str, list[str]]:
    index: dict[tuple[str, int], list[Order]] = {}
    for order in state.free.values():
        if order.kind == "payment":
            for payer in state.who_may_pay(order):
                index.setdefault((payer, order.total), []).append(order)
    found = {}
    for line in state.open.values():
        known = state.payer[line.id]
        orders = index.get((known, line.amount), []) if known else []
        found[line.id] = sorted(order.id for order in orders if _in_window(state.settings, line, order))
    return found


def _in_window(settings: Settings, line: BankLine, order: Order) -> bool:
    return settings.window_from <= (line.booking_date - order.payment_date).days <= settings.window_to


def _single(state: Credits, line: str, candidates: Sequence[str]) -> Proposal | None:
    if len(candidates) != 1 or _contradicted(state, line, candidates[0]):
        return None
    credit, order = state.open[line], state.free[candidates[0]]
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
    if quoted:
        return order not in quoted
    return any(other in state.open for other in state.quoted_by.get(order, ()))


# --- B9


def _unmatched(state: Credits, line: BankLine, candidates: Sequence[str]) -> Match:
    evidence = Evidence(
        candidates=len(candidates),
        candidate_ids=tuple(candidates[:SHOWN]),
        solutions=min(len(candidates), 2),
        why=_why(state, line, candidates),
    )
    return make_match("B", "unmatched", "B9", [line.id], [], line.amount, evidence)


def _why(state: Credits, line: BankLine, candidates: Sequence[str]) -> str:
    if line.currency != CURRENCY:
        return "other_currency"
    quoted = state.orders_quoted(line.id)
    if quoted and not quoted & set(candidates):
        return "reference_with_another_sum"
    if not state.payer[line.id]:
        return "payer_unknown"
    if len(candidates) > 1:
        return "several_orders"
    return "several_credits_or_reference_elsewhere" if candidates else "no_order"
