# SPDX-License-Identifier: Apache-2.0
"""Credits told by a sum alone: B4 where one subset of the free orders makes it, B5 where several do.

Amounts alone prove little: thirty orders give tens of exact sums of six. So an only subset is proposed, not confirmed, unless the text
names one of its orders or the settings say otherwise.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from desmos_fast.settlement import kernel
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.by_reference import MOST_ORDERS
from desmos_fast.settlement.model import Evidence, Order
from desmos_fast.settlement.rules import SHOWN
from desmos_fast.settlement.standing import Credits, Days, Orders, Proposal, Values, day_and_id, stretch


class Sums(NamedTuple):
    """The orders in the days of a credit (some, when they are too many), how many these are, how many subsets give it, and the only one."""

    looked_at: tuple[str, ...]
    many: int
    solutions: int
    only: Orders


def by_sum(state: Credits) -> None:
    """B4 and B5: propose the only subset that gives a credit, confirm it where a reference is in it, and say where several do."""
    told = {line.id: sums for line, sums in _told(state)}
    wanted: Counter[str] = Counter()
    for sums in told.values():
        wanted.update(sums.only)
    proposals: dict[str, Proposal] = {}
    for name, sums in told.items():
        line = state.open[name]
        if sums.solutions > 1:
            why = "several_sums" if sums.many <= MOST_ORDERS else "too_many_orders"
            state.offer("ambiguous", "B5", [name], (), state.hesitation(why, sums.looked_at, sums.many, 2))
        elif any(wanted[order] > 1 for order in sums.only):
            state.offer("ambiguous", "B5", [name], (), state.hesitation("wanted_twice", sums.only, sums.many, 1))
        elif sums.solutions and not state.contradiction(name, sums.only):
            if state.quoted[name] or state.tolerance(state.payer[name]).confirm_unique_sum:
                proposals[name] = sums.only, _evidence(state, line, sums)
            else:
                state.offer("suggested", "B4", [name], sums.only, _evidence(state, line, sums, why="unique_sum"))
    quoting = {name for name in proposals if state.quoted[name]}
    state.confirm("B4r", {name: proposal for name, proposal in proposals.items() if name in quoting}, wanted)
    state.confirm("B4", {name: proposal for name, proposal in proposals.items() if name not in quoting}, wanted)


class _Indexed:
    """The free orders of each payer by day: payments, and recoveries."""

    def __init__(self, state: Credits) -> None:
        self._state = state
        self._payments = self._by_payer(order for order in state.free.values() if order.total > 0)
        self._recoveries = self._by_payer(order for order in state.free.values() if order.total < 0)

    def _by_payer(self, orders: Iterable[Order]) -> dict[str, Days]:
        found: dict[str, Days] = {}
        for order in sorted(orders, key=day_and_id):
            for payer in self._state.who_may_pay(order):
                found.setdefault(payer, []).append(day_and_id(order))
        return found

    def around(self, payer: str, day: int) -> tuple[tuple[str, ...], int]:
        """Return the payments that a credit of that day can hold and the recoveries that it can net, and how many they are.

        Of more than can be told only some are given.
        """
        tolerance = self._state.tolerance(payer)
        days, earlier = self._payments.get(payer, []), self._recoveries.get(payer, [])
        first, end = stretch(days, day - tolerance.window_to, day - tolerance.window_from)
        since, until = stretch(earlier, day - tolerance.recovery_days, day)
        some = days[first : min(end, first + MOST_ORDERS)] + earlier[since : min(until, since + MOST_ORDERS)]
        return tuple(name for _, name in some), end - first + until - since


def _told(state: Credits) -> Iterable[tuple[BankLine, Sums]]:
    """Give what is true of each open credit of a known payer; equal credits of one day are asked once."""
    indexed = _Indexed(state)
    known: dict[tuple[str, int, int], Sums] = {}
    for line in list(state.waiting()):
        payer = state.payer[line.id]
        if payer:
            key = payer, line.booking_date.toordinal(), int(line.amount)
            if key not in known:
                known[key] = _sums(state, *indexed.around(*key[:2]), line.amount)
            if known[key].solutions:
                yield line, known[key]


def _sums(state: Credits, names: tuple[str, ...], count: int, amount: int) -> Sums:
    counted = kernel.explain([state.free[name].total for name in names], amount) if count <= MOST_ORDERS else None
    solutions, rows = counted or (2, [])
    return Sums(names, count, solutions, frozenset(names[row] for row in rows))


def _evidence(state: Credits, line: BankLine, sums: Sums, **more: str) -> Evidence:
    orders = [state.free[name] for name in sorted(sums.only)]
    values: Values = {
        "payer": (state.payer[line.id], *sorted({order.payer for order in orders})[:SHOWN]),
        "amount": (line.amount, sum(order.total for order in orders)),
        "window": (str(line.booking_date), *map(str, sorted({order.payment_date for order in orders})[:SHOWN])),
    }
    if state.quoted[line.id]:
        values["references"] = tuple(token for token in state.quoted[line.id] if sums.only & state.named[token])
    return state.evidence(sums.only, tuple(values), values, candidates=sums.many, **more)
