# SPDX-License-Identifier: Apache-2.0
"""Credits told by payer, exact amount and days: B2 for one order, B3 for all the orders of one reference or one day."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import Order
from desmos_fast.settlement.rules import SHOWN
from desmos_fast.settlement.standing import Credits, Days, Orders, Proposal, Values, day_and_id, reference_of, stretch


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
        key = day_and_id(order)
        place = bisect_left(self.alike, key)
        return self.first <= place < self.end and self.alike[place] == key


NOBODY: Final = Candidates()
Found = dict[str, Candidates]


def by_amount(state: Credits) -> None:
    """B2: confirm the only order of a payer, an amount and the days of a credit, when it is the order's only credit."""
    found, groups, claims = _candidates(state)
    alone = {line: candidates for line, candidates in found.items() if candidates.count == 1 and line not in groups}
    proposals = {line: proposal for line, candidates in alone.items() if (proposal := _single(state, line, candidates))}
    state.confirm("B2", proposals, claims)


def _candidates(state: Credits) -> tuple[Found, dict[str, list[Orders]], Counter[str]]:
    """Return the single orders and the groups that each open line may be, and how many lines may take each order either way."""
    found, claims = single_orders(state)
    known = _groups(state)
    groups: dict[str, list[Orders]] = {}
    wanted: Counter[Orders] = Counter()
    for line in state.open.values():
        alike = known.get((state.payer[line.id], line.amount), ())
        suiting = [group.orders for group in alike if state.pays(line, group.first) and state.pays(line, group.last)]
        if suiting:
            groups[line.id] = suiting
            wanted.update(suiting)
    for orders, count in wanted.items():
        for order in orders:
            claims[order] += count
    return found, groups, claims


def single_orders(state: Credits) -> tuple[Found, Counter[str]]:
    """Return the candidates of each open line, and how many lines may take each order: equal sums may be many, so by stretches."""
    index = orders_of(state)
    edges = {key: [0] * (len(alike) + 1) for key, alike in index.items()}
    found = {}
    for line in state.open.values():
        key: tuple[str | None, int] = (state.payer[line.id], line.amount)
        day = line.booking_date.toordinal()
        if alike := index.get(key):
            tolerance = state.tolerance(key[0])
            first, end = stretch(alike, day - tolerance.window_to, day - tolerance.window_from)
            edges[key][first] += 1
            edges[key][end] -= 1
            found[line.id] = Candidates(alike, first, end)
    claims: Counter[str] = Counter()
    for key, alike in index.items():
        for (_, name), count in zip(alike, accumulate(edges[key]), strict=False):
            claims[name] += count
    return found, claims


def orders_of(state: Credits) -> dict[tuple[str | None, int], Days]:
    """Return the free payment orders that each payer may pay, by payer and amount."""
    index: dict[tuple[str | None, int], Days] = {}
    for order in sorted((order for order in state.free.values() if order.total > 0), key=day_and_id):
        for payer in state.who_may_pay(order):
            index.setdefault((payer, order.total), []).append(day_and_id(order))
    return index


def _single(state: Credits, line: str, candidates: Candidates) -> Proposal | None:
    credit, order = state.open[line], state.free[candidates.alike[candidates.first][1]]
    if state.contradiction(line, frozenset([order.id])):
        return None
    values: Values = {
        "payer": (state.payer[line], order.payer),
        "amount": (credit.amount, order.total),
        "window": (str(credit.booking_date), str(order.payment_date)),
    }
    return frozenset([order.id]), state.evidence([order.id], ("payer", "amount", "window"), values)


def equal_credits(state: Credits) -> None:
    """Offer as many equal credits as there are equal orders of their payer and days as one group: the set is certain, the pairs are not."""
    found, claims = single_orders(state)
    groups: dict[tuple[int, int, int], list[BankLine]] = {}
    for line in state.waiting():
        candidates = found.get(line.id, NOBODY)
        if candidates.count > 1:
            groups.setdefault((id(candidates.alike), candidates.first, candidates.end), []).append(line)
    for lines in groups.values():
        candidates = found[lines[0].id]
        orders = [name for _, name in candidates.alike[candidates.first : candidates.end]]
        alone = len(lines) == len(orders) and all(claims[name] == len(lines) for name in orders)
        if alone and not any(state.contradiction(line.id, frozenset(orders)) for line in lines):
            payer = state.payer[lines[0].id]
            values: Values = {"payer": (payer, payer), "amount": (lines[0].amount,) * 2, "count": (len(lines), len(orders))}
            evidence = state.evidence(
                orders, ("payer", "amount", "window"), values, candidates=len(orders), why="equal_credits_and_orders"
            )  # fmt: skip
            state.offer("suggested", "B2", [line.id for line in lines], orders, evidence)


# --- B3


class Group(NamedTuple):
    """All payment orders that a payer may pay under one reference or on one day, and their first and last day."""

    orders: Orders
    first: date
    last: date


def by_group(state: Credits) -> None:
    """B3: confirm all the orders of one reference or one day of a payer whose sum is the credit, when one such group is."""
    found, groups, claims = _candidates(state)
    proposals: dict[str, Proposal] = {}
    for name, some in groups.items():
        if len(some) == 1 and not found.get(name, NOBODY).count and not state.contradiction(name, some[0]):
            fields = ("payer", *_shared(state, some[0]), "amount")
            proposals[name] = some[0], state.evidence(some[0], fields, _values(state, state.open[name], some[0]))
    state.confirm("B3", proposals, claims)


def _groups(state: Credits) -> Mapping[tuple[str | None, int], set[Group]]:
    """Return the groups of more than one order by payer and sum; one that holds a recovery is none."""
    named: dict[tuple[str, str | int], list[Order]] = {}
    for order in state.free.values():
        for payer in state.who_may_pay(order):
            named.setdefault((payer, reference_of(order)), []).append(order)
            named.setdefault((payer, order.payment_date.toordinal()), []).append(order)
    found: dict[tuple[str | None, int], set[Group]] = {}
    for (payer, _), orders in named.items():
        if len(orders) > 1 and all(order.total > 0 for order in orders):
            days = [order.payment_date for order in orders]
            group = Group(frozenset(order.id for order in orders), min(days), max(days))
            found.setdefault((payer, sum(order.total for order in orders)), set()).add(group)
    return found


def _shared(state: Credits, orders: Orders) -> list[str]:
    some = [state.free[order] for order in orders]
    shared = {"payment_ref": len({reference_of(order) for order in some}), "payment_date": len({order.payment_date for order in some})}
    return [name for name, count in shared.items() if count == 1]


def _values(state: Credits, line: BankLine, orders: Orders) -> Values:
    some = [state.free[order] for order in sorted(orders)]
    return {
        "payer": (state.payer[line.id], *sorted({order.payer for order in some})[:SHOWN]),
        "payment_ref": tuple(sorted({reference_of(order) for order in some})[:SHOWN]),
        "payment_date": (str(line.booking_date), *sorted({str(order.payment_date) for order in some})[:SHOWN]),
        "amount": (line.amount, sum(order.total for order in some)),
    }
