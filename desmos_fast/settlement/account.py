# SPDX-License-Identifier: Apache-2.0
"""What has been paid on one invoice part while lines are matched to it."""

from collections import Counter

from desmos_fast.settlement.model import OrderLine, Outcome
from desmos_fast.settlement.rules import OpenLine, OpenPart


class Account:
    """One part: what is open on it, below zero once overpaid, and the payments that nothing has taken back yet.

    A recovery may be dated before its payment: it waits among the payments, below zero, and takes the first one of its amount.
    """

    def __init__(self, part: OpenPart) -> None:
        self.open = int(part.part.open)
        self.closed = part.closed
        self._total = sum(part.paid)
        self._payments: list[tuple[int, str | None]] = [(amount, None) for amount in part.paid]

    def take(self, item: OpenLine) -> tuple[int, int, str | None]:
        """Pay a line on the part; return what was open before, by how much that fell, and the line of the payment taken back."""
        amount = int(item.line.amount)
        before = max(self.open, 0)
        self.open -= amount
        self._total += amount
        self.closed = self.closed or item.line.status == "rejected"
        found, payment = self._other_side(amount) if amount else (True, None)
        if not found:
            self._payments.append((amount, item.id))
        return before, before - max(self.open, 0), payment if amount < 0 else None

    def _other_side(self, amount: int) -> tuple[bool, str | None]:
        # The latest of that amount; it may also stand in orders that are not given any more.
        for place in range(len(self._payments) - 1, -1, -1):
            if self._payments[place][0] == -amount:
                return True, self._payments.pop(place)[1]
        return False, None

    def paid(self) -> set[int]:
        """Return the amounts that a recovery may take back: each payment, and all of them together."""
        return {amount for amount, _ in self._payments} | ({self._total} if self._total > 0 else set())

    def gives_back(self, asked: Counter[int]) -> bool:
        """Say whether all these recoveries can be of payments on the part, no two of one payment."""
        if asked.total() == 1 and self._total in asked:
            return True
        return asked <= Counter(amount for amount, _ in self._payments) and sum(asked.elements()) <= self._total


def outcome_of(line: OrderLine, before: int) -> Outcome:
    """Return what a confirmed line means for a part on which `before` cents were open."""
    if line.status == "rejected":
        return "rejected"
    if line.amount < 0:
        return "recovery"
    if line.amount == before:
        return "paid"
    return "partial" if line.amount < before else "overpaid"
