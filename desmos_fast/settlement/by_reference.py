# SPDX-License-Identifier: Apache-2.0
"""Credits that quote orders: B1 for what they name to the cent, B6 for what they name less recoveries of the same payer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from desmos_fast.settlement import kernel
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import Evidence
from desmos_fast.settlement.rules import shown
from desmos_fast.settlement.standing import Credits, Days, Orders, Proposal, Values, day_and_id, stretch

MOST_ORDERS: Final = 60
"""Of more orders, nothing is proved by their sums."""


def by_reference(state: Credits) -> None:
    """B1: confirm each credit that is the sum of what its texts name, when no other could be."""
    proposals: dict[str, Proposal] = {}
    takers: Counter[frozenset[Orders]] = Counter()
    meanings = Meanings(state)
    for line in state.open.values():
        solutions = frozenset(orders for orders, total in meanings.of(line) if total == line.amount)
        takers[solutions] += 1
        if len(solutions) == 1:
            [orders] = solutions
            proposals[line.id] = (orders, _evidence(state, line, orders))
    claims: Counter[str] = Counter()
    for solutions, count in takers.items():
        for order in frozenset().union(*solutions):
            claims[order] += count
    state.confirm("B1", proposals, claims)


class Meanings:
    """What texts may mean, worked out once for all lines that quote the same."""

    def __init__(self, state: Credits) -> None:
        self._state = state
        self._known: dict[tuple[tuple[str, ...], str | None], list[tuple[Orders, int]]] = {}

    def of(self, line: BankLine) -> list[tuple[Orders, int]]:
        """Return the sets of free orders that a line may name, with their sums."""
        asked = self._state.quoted[line.id], self._state.payer[line.id]
        if asked not in self._known:
            self._known[asked] = [(orders, sum(self._state.free[order].total for order in orders)) for orders in self._sets(*asked)]
        return self._known[asked]

    def _sets(self, tokens: Sequence[str], payer: str | None) -> set[Orders]:
        # All references together, each alone, and of each set what the payer of the credit may pay: payers may share a reference.
        state = self._state
        named = [state.named[token] for token in tokens]
        sets = {frozenset().union(*named), *named}
        if payer:
            sets |= {frozenset(order for order in orders if payer in state.who_may_pay(state.known[order])) for orders in sets}
        return {orders for orders in sets if orders and orders <= state.free.keys()}


def _evidence(state: Credits, line: BankLine, orders: Orders) -> Evidence:
    quoted = state.orders_quoted(line.id)
    values: Values = {
        "references": _references(state, line, orders),
        "amount": (line.amount, sum(state.free[order].total for order in orders)),
    }
    lost = {order: "of_another_payer" if order in state.free else "taken" for order in shown(quoted - orders)}
    more = {"candidates": len(quoted | orders)} | ({"lost": lost} if lost else {})
    return state.evidence(orders, ("references", "amount"), values, **more)


def _references(state: Credits, line: BankLine, orders: Orders) -> tuple[str, ...]:
    return tuple(token for token in state.quoted[line.id] if orders & state.named[token])


# --- B6


class Netting(NamedTuple):
    """What explains a credit that is less than the orders it names: each of the sets, or more than can be told."""

    solutions: list[Orders]
    proved: bool
    looked_at: Orders


def net(state: Credits) -> None:
    """B6: confirm quoted orders less recoveries of the payer when one set of recoveries makes the sum; say where several do.

    What is confirmed may leave another credit an only set, so the pass is run again until it confirms nothing.
    """
    recoveries = _recoveries(state)
    told = _nettings(state, state.open, recoveries)
    while True:
        only = {line: found.solutions[0] for line, found in told.items() if found.proved and len(found.solutions) == 1}
        claims = Counter(order for orders in only.values() for order in orders)
        before = set(state.free)
        state.confirm("B6", {line: (orders, _evidence(state, state.open[line], orders)) for line, orders in only.items()}, claims)
        taken = before - state.free.keys()
        if not taken:
            break
        told = {line: found for line, found in told.items() if line in state.open}
        told |= _nettings(state, [line for line, found in told.items() if not found.looked_at.isdisjoint(taken)], recoveries)
    for line, found in told.items():
        if not found.proved or len(found.solutions) > 1:
            evidence = state.hesitation("several_nettings", found.looked_at, len(found.looked_at), 2)
            state.offer("ambiguous", "B6", [line], (), evidence)


def _recoveries(state: Credits) -> dict[str, Days]:
    found: dict[str, Days] = {}
    for order in sorted((order for order in state.free.values() if order.total < 0), key=day_and_id):
        for payer in state.who_may_pay(order):
            found.setdefault(payer, []).append(day_and_id(order))
    return found


def _nettings(state: Credits, lines: Iterable[str], recoveries: dict[str, Days]) -> dict[str, Netting]:
    """Return what explains those of the lines that are less than what they name."""
    meanings = Meanings(state)
    found = {}
    for name in lines:
        line = state.open[name]
        above = [orders for orders, total in meanings.of(line) if total > line.amount]
        found[name] = _netting(state, line, above, recoveries)
    return {name: netting for name, netting in found.items() if netting.looked_at}


def _netting(state: Credits, line: BankLine, bases: Iterable[Orders], recoveries: dict[str, Days]) -> Netting:
    day, payer = line.booking_date.toordinal(), state.payer[line.id]
    solutions: set[Orders] = set()
    looked_at: set[str] = set()
    proved = True
    for base in bases:
        payers = {payer} if payer else set.intersection(*(state.who_may_pay(state.free[order]) for order in base))
        names: set[str] = set()
        for one in payers:
            days = recoveries.get(one, [])
            first, end = stretch(days, day - state.tolerance(one).recovery_days, day)
            names.update(name for _, name in days[first:end] if name in state.free)
        some = sorted(names - base)
        missing = sum(state.free[order].total for order in base) - line.amount
        counted = kernel.explain([-state.free[name].total for name in some], missing) if len(some) <= MOST_ORDERS else None
        looked_at.update(base, some)
        count, rows = counted or (2, [])
        proved = proved and count < 2
        if count == 1:
            solutions.add(base | {some[row] for row in rows})
    return Netting(sorted(solutions, key=sorted), proved, frozenset(looked_at))


def offer_less(state: Credits) -> None:
    """B6: propose the only orders that a credit names when it is less than they are and nothing says what was held back."""
    meanings = Meanings(state)
    wanted: Counter[str] = Counter()
    offers: list[tuple[BankLine, Orders, int]] = []
    for line in state.waiting():
        above = [(orders, total) for orders, total in meanings.of(line) if total > line.amount]
        payer = state.payer[line.id]
        if len(above) == 1 and (not payer or all(payer in state.who_may_pay(state.free[order]) for order in above[0][0])):
            offers.append((line, *above[0]))
            wanted.update(above[0][0])
    for line, orders, total in offers:
        if all(wanted[order] == 1 for order in orders):
            values: Values = {"references": _references(state, line, orders), "amount": (line.amount, total)}
            evidence = state.evidence(orders, ("references",), values, unique=False, solutions=0, why="less_than_quoted")
            state.offer("suggested", "B6", [line.id], orders, evidence, line.amount - total)
