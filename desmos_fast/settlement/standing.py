# SPDX-License-Identifier: Apache-2.0
"""The credits and orders of one run, and what is still free of them: what every pass of problem B looks at and changes."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.labels import Recogniser, quoted_tokens
from desmos_fast.settlement.model import Evidence, Match, Order, Payer, Settings, Status, Tolerance
from desmos_fast.settlement.rules import make_match, settings_version, shown

CURRENCY: Final = "EUR"
Orders = frozenset[str]
Proposal = tuple[Orders, Evidence]
Values = dict[str, tuple[str | int | None, ...]]


class Credits:
    """Bank lines until they are decided, orders until they are taken, and who names and who may pay whom."""

    def __init__(
        self, lines: Sequence[BankLine], orders: Sequence[Order], payers: Sequence[Payer], settings: Settings, taken: Sequence[Order]
    ) -> None:
        self.settings = settings
        self.version = settings_version(settings)
        self.free: dict[str, Order] = {order.id: order for order in orders if order.total}
        self.known: dict[str, Order] = self.free | {order.id: order for order in taken}
        self.open: dict[str, BankLine] = {line.id: line for line in lines}
        self.matches: list[Match] = []
        self.offers: dict[str, Match] = {}
        """What is said of lines that stay open: they still speak against the matches of others."""
        recogniser = Recogniser(payers, orders, settings.learned)
        # Orders are in euros: a credit in other money keeps no payer and no reference, so nothing can take it.
        self.payer = {line.id: recogniser.payer_of(line) if line.currency == CURRENCY else None for line in lines}
        self.alike = {
            line.id: recogniser.alike(line) if line.currency == CURRENCY and self.payer[line.id] is None else {} for line in lines
        }
        """The payers that the texts of a line may mean, where nothing tells for certain, with how like their names are, of 100."""
        self._tolerances: dict[str | None, Tolerance] = {}
        self._operators: dict[str, list[str]] = {}
        for payer in payers:
            for other in payer.pays_for:
                self._operators.setdefault(other, []).append(payer.id)
        named: dict[str, list[str]] = {}
        for order in self.known.values():
            named.setdefault(reference_of(order), []).append(order.id)
        self.named = {reference: frozenset(some) for reference, some in named.items()}
        self.quoted: dict[str, tuple[str, ...]] = {}
        self._quoting: dict[str, list[str]] = {}
        self._unions: dict[tuple[str, ...], Orders] = {}
        for line in lines:
            tokens = sorted(quoted_tokens(line)) if line.currency == CURRENCY else []
            self.quoted[line.id] = tuple(token for token in tokens if token in named)
            for token in self.quoted[line.id]:
                self._quoting.setdefault(token, []).append(line.id)

    # --- what texts say

    def orders_quoted(self, line: str) -> Orders:
        """Return the orders that the texts of a line name, free or taken."""
        tokens = self.quoted[line]
        if tokens not in self._unions:
            self._unions[tokens] = frozenset().union(*(self.named[token] for token in tokens))
        return self._unions[tokens]

    def is_quoted(self, order: str) -> bool:
        """Say whether a line that is still open names the order."""
        return any(line in self.open for line in self._quoting.get(reference_of(self.known[order]), ()))

    def contradiction(self, line: str, orders: Orders) -> str:
        """Say how texts speak against these orders for a line: it names others, or another line names them; blank when they do not."""
        quoted = self.orders_quoted(line)
        if any(not self.named[token] & orders for token in self.quoted[line]):
            return "reference_with_another_sum"
        return "reference_elsewhere" if any(self.is_quoted(order) for order in orders - quoted) else ""

    # --- who may pay, and when

    def who_may_pay(self, order: Order) -> set[str]:
        """Return the payers whose credit may hold an order: its own, its emitter, the operators that pay for its payer."""
        return {order.payer, order.emitter or order.payer, *self._operators.get(order.payer, ())}

    def pays(self, line: BankLine, day: date) -> bool:
        """Say whether a credit can be of a payment order of that day."""
        tolerance = self.tolerance(self.payer[line.id])
        return tolerance.window_from <= (line.booking_date - day).days <= tolerance.window_to

    def tolerance(self, payer: str | None) -> Tolerance:
        """Return what is set for the credits of a payer."""
        if payer not in self._tolerances:
            self._tolerances[payer] = self.settings.of(payer)
        return self._tolerances[payer]

    # --- what is decided

    def confirm(self, rule: str, proposals: Mapping[str, Proposal], claims: Counter[str]) -> None:
        """Confirm the proposals of a pass whose orders no other line of the pass could take; `claims` counts the lines of an order."""
        for line, (orders, evidence) in proposals.items():
            if all(claims[order] == 1 for order in orders):
                amount = self.open.pop(line).amount
                self.matches.append(make_match("B", "confirmed", rule, [line], sorted(orders), amount, evidence))
                for order in orders:
                    del self.free[order]

    def offer(self, status: Status, rule: str, lines: Sequence[str], orders: Iterable[str], evidence: Evidence, residual: int = 0) -> None:
        """Say something of lines that stay open; what was said first stays said."""
        amount = sum(self.open[line].amount for line in lines)
        match = make_match("B", status, rule, lines, sorted(orders), amount, evidence, residual=residual)
        for line in lines:
            self.offers.setdefault(line, match)

    def waiting(self) -> Iterator[BankLine]:
        """Give the open lines of which nothing is said yet."""
        return (line for line in self.open.values() if line.id not in self.offers)

    def evidence(self, orders: Collection[str], fields: Sequence[str], values: Values, **more: Any) -> Evidence:
        """Make the evidence of an only solution; `more` says what is otherwise."""
        told = Evidence(
            fields=tuple(fields), values=values, candidates=len(orders), candidate_ids=shown(orders), solutions=1, unique=True,
            settings=self.version,
        )  # fmt: skip
        return msgspec.structs.replace(told, **more)

    def hesitation(self, why: str, orders: Iterable[str], count: int, solutions: int, lost: dict[str, str] | None = None) -> Evidence:
        """Make the evidence of a line for which nothing is taken, with some of the `count` orders looked at."""
        return Evidence(
            candidates=count, candidate_ids=shown(orders), solutions=solutions, settings=self.version, lost=lost or msgspec.UNSET, why=why
        )


def reference_of(order: Order) -> str:
    """Return the payment reference of an order as texts quote it."""
    return order.payment_ref.upper().strip()


Days = list[tuple[int, str]]
"""Orders by day and id, in that order."""


def day_and_id(order: Order) -> tuple[int, str]:
    """Return the place of an order among others."""
    return order.payment_date.toordinal(), order.id


def stretch(orders: Days, first_day: int, last_day: int) -> tuple[int, int]:
    """Return from where to where the orders of these days stand, both days included."""
    return bisect_left(orders, (first_day, "")), bisect_left(orders, (last_day + 1, ""))
