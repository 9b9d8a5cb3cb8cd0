# SPDX-License-Identifier: Apache-2.0
"""The state of one share, told from the whole of what was matched to it, never from the order of arrival."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import Cents
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.lots.rules import TRANSPORT_MOVES
from desmos_fast.settlement.model import LineStatus

TOLD_BY_RETURNS: Final = frozenset({"announced", "announced_part", "settled", "settled_part", "rejected", "indu"})
# Beside the moves of sending: what a person decides of a share, and the patient's desk.
DECIDED: Final[Mapping[str, frozenset[str]]] = {
    "not_due": frozenset({"due"}),
    "due": frozenset({"part_paid", "paid", "written_off"}),
    "part_paid": frozenset({"paid", "written_off"}),
    "paid": frozenset({"refund_due", "part_paid"}),
    "refund_due": frozenset({"paid", "part_paid"}),
    "open": frozenset({"to_patient", "time_barred", "void"}),
    "lotted": frozenset({"void"}),
    "sent": frozenset({"time_barred"}),
    "received": frozenset({"to_patient", "time_barred"}),
    "pending": frozenset({"to_patient", "time_barred"}),
    "file_refused": frozenset({"void"}),
    "rejected": frozenset({"recycled", "to_patient", "written_off", "time_barred"}),
    "announced_part": frozenset({"written_off"}),
    "settled_part": frozenset({"to_patient", "written_off"}),
    "indu": frozenset({"to_patient", "written_off"}),
}


def share_moves() -> dict[str, frozenset[str]]:
    """Return from which state to which others a share may go; an end leads nowhere.

    Lines are matched, and matches undone, several at once and in any order: what they tell comes from, and goes back to, any transport.
    """
    moves: dict[str, frozenset[str]] = dict.fromkeys(TERMINAL, frozenset())
    for state in {*DECIDED, *TRANSPORT_MOVES, *TOLD_BY_RETURNS}:
        reached = DECIDED.get(state, frozenset()) | TRANSPORT_MOVES.get(state, frozenset())
        if state in TRANSPORT_MOVES:
            reached |= TOLD_BY_RETURNS
        if state in TOLD_BY_RETURNS:
            reached |= TOLD_BY_RETURNS | TRANSPORT_MOVES.keys()
        moves[state] = reached - {state}
    return moves


class MatchedLine(NamedTuple):
    """One order line confirmed on a share: cents below zero for a recovery, `credited` once the bank has its order."""

    status: LineStatus
    amount: int
    credited: bool


def share_state(amount: int, lines: Sequence[MatchedLine], before: str) -> str:
    """Return the state of a share of `amount` cents on which `lines` are confirmed.

    `before` is the state it has without any of them; a terminal state stays, whatever comes after it.
    Raises OurBug when `before` can only come from lines and there is none.
    """
    if before in TERMINAL:
        return before
    if not lines:
        if before in TOLD_BY_RETURNS:
            raise OurBug(f"state {before} stands on no matched line; give the state before the first one")
        return before
    if any(line.amount < 0 for line in lines):
        return "indu"
    payments = [line for line in lines if line.status != "rejected"]
    if not payments:
        return "rejected"
    announced = sum(line.amount for line in payments)
    credited = sum(line.amount for line in payments if line.credited)
    if announced < amount and len(payments) < len(lines):
        return "rejected"
    return _paid_state(amount, announced, credited)


def _paid_state(amount: int, announced: int, credited: int) -> str:
    if credited >= amount:
        return "settled"
    if credited > 0:
        return "settled_part"
    return "announced" if announced >= amount else "announced_part"


def open_amount(amount: int, lines: Sequence[MatchedLine]) -> Cents:
    """Return what is still due on a share, never below zero: an excess is the overpaid account's."""
    return Cents(max(amount - sum(line.amount for line in lines), 0))
