# SPDX-License-Identifier: Apache-2.0
"""What patients pay at the desk, told in memory as docs/reference/payments.md says it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Entry, Settled
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.settlement.replay.model import Decided
from desmos_fast.settlement.replay.rows import PATIENT, PaymentRow, Rows, ShareRow

OF_PAYMENTS: Final = frozenset({"payment", "refund", "unpay"})


def pay(rows: Rows, step: Decided) -> list[Entry]:
    """Take, attach, give back or take back a payment, and return its entry."""
    detail, name = step.detail, step.subject
    if step.kind == "unpay":
        return [_unpay(rows, name)]
    if "attached" in detail:
        payment, parts = rows.payments[name], detail["attached"]
        _add(payment, parts)
        return [_settle(rows, "payment.attached", name, payment.means, 0, parts, [(name, -_sum(parts))])]
    payment, parts = PaymentRow(detail["means"], detail["amount"]), detail["parts"]
    rows.payments[name] = payment
    _add(payment, parts)
    if step.kind == "refund":
        of_others = [(part["payment"], part["amount"]) for part in parts if part["payment"] is not None]
        return [_settle(rows, "payment.refunded", name, payment.means, payment.amount, parts, of_others)]
    return [_settle(rows, "payment.received", name, payment.means, payment.amount, parts, [(name, payment.amount - _sum(parts))])]


Part = Mapping[str, Any]
"""How much is for an `invoice`, or is the rest of another `payment`."""


def _add(payment: PaymentRow, parts: Sequence[Part]) -> None:
    payment.parts += [(part["invoice"], part["payment"], part["amount"]) for part in parts]


def _sum(parts: Sequence[Part]) -> int:
    return sum(part["amount"] for part in parts)


def _unpay(rows: Rows, name: str) -> Entry:
    payment = rows.payments[name]
    payment.unpaid = True
    sums: dict[str, int] = {}
    for invoice, _, amount in payment.parts:
        if invoice is not None:
            sums[invoice] = sums.get(invoice, 0) - amount
    waiting = [(name, sum(amount for *_, amount in payment.parts) - payment.amount)]
    waiting += [(source, -amount) for _, source, amount in payment.parts if source is not None]
    parts = [{"invoice": invoice, "payment": None, "amount": amount} for invoice, amount in sums.items()]
    return _settle(rows, "payment.unpaid", name, payment.means, -payment.amount, parts, waiting)


def _settle(rows: Rows, event: str, name: str, means: str, cash: int, parts: Sequence[Part], advances: Sequence[tuple[str, int]]) -> Entry:
    moved = [_move(rows, part["invoice"], part["amount"]) for part in parts if part["invoice"] is not None]
    return ledger.at_desk(event, name, means, cash, moved, advances)


def _move(rows: Rows, name: str, change: int) -> Settled:
    """Put so many cents more on a patient's share; what one that has ended is short of afterwards is lost."""
    invoice = rows.invoices[UUID(name)]
    share = invoice.shares[PATIENT]
    before = share.open
    share.announced += change
    share.credited = share.announced
    due = before - share.open
    lost = due if share.state in TERMINAL else 0
    share.closed -= lost
    share.state = desk_state(share)
    return Settled(f"{invoice.biller}/{invoice.number}", due - lost, change - due, lost)


def desk_state(share: ShareRow) -> str:
    """Return the state of a patient's share from what is owed and what was received; an end stays."""
    if share.state in TERMINAL:
        return share.state
    owed, received = share.amount - share.closed, share.announced
    if received == owed:
        return "paid" if owed else "not_due"
    if received > owed:
        return "refund_due"
    return "part_paid" if received > 0 else "due"
