# SPDX-License-Identifier: Apache-2.0
"""What becomes of a patient's share, told from all payments that stand on it, and what a payment moves in the books. Pure."""

from datetime import date
from typing import NamedTuple

from desmos_fast.base.ledger import Settled
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.settlement.desk.model import NothingAtDesk, PatientShare, PrepaymentForbidden, RefundTooHigh


class Move(NamedTuple):
    """A patient's share after a payment, and what the payment moved on it."""

    share: PatientShare
    settled: Settled


def patient_state(owed: int, received: int, before: str) -> str:
    """Return the state of a patient's share that owes `owed` cents in all and of which `received` came; an end stays."""
    if before in TERMINAL:
        return before
    if received > owed:
        return "refund_due"
    if received == owed:
        return "paid" if owed else "not_due"
    return "part_paid" if received > 0 else "due"


def move(share: PatientShare, change: int) -> Move:
    """Put `change` cents more on a share, or take them off it when below zero.

    What a share that has ended is short of afterwards is lost: it owes nothing again.
    """
    owed, received = share.amount - share.closed, share.received + change
    due = max(owed - share.received, 0) - max(owed - received, 0)
    lost = due if share.state in TERMINAL else 0
    after = share._replace(received=received, closed=share.closed - lost, state=patient_state(owed, received, share.state))
    return Move(after, Settled(share.name, due - lost, change - due, lost))


def check_payable(share: PatientShare, change: int, today: date) -> None:
    """Refuse a payment on a share that has ended, or in full of care to come. Raises NothingAtDesk, PrepaymentForbidden."""
    if share.state in TERMINAL or share.amount == share.closed:
        raise NothingAtDesk(f"the patient owes nothing on invoice {share.number}", hint="take the payment without an invoice")
    if share.care_date > today:
        check_prepaid(share.received + change, share.total)


def check_prepaid(prepaid: int, total: int) -> None:
    """Refuse to be paid in full for care that is not given. Raises PrepaymentForbidden."""
    if prepaid >= total:
        raise PrepaymentForbidden(
            f"{prepaid} cents would be paid of {total} before the care is given", hint="take less, or wait until the acts are done"
        )


def check_refund(amount: int, there: int) -> None:
    """Refuse to give back more than there is. Raises RefundTooHigh."""
    if amount > there:
        raise RefundTooHigh(f"{amount} cents are asked back, {there} can be given back")


def excess(share: PatientShare) -> int:
    """Return how much was paid above what is owed."""
    return max(share.received - (share.amount - share.closed), 0)
