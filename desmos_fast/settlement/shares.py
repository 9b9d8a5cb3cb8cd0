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
# Payments come, bounce and are given back in any order.
AT_DESK: Final = frozenset({"due", "part_paid", "paid", "refund_due"})
# Beside the moves of sending: what a person decides of a share, and the patient's desk.
DECIDED: Final[Mapping[str, frozenset[str]]] = {
    "not_due": frozenset({"due", "refund_due"}),
    "due": AT_DESK | {"written_off", "not_due"},
    "part_paid": AT_DESK | {"written_off"},
    "paid": AT_DESK,
    "refund_due": AT_DESK | {"not_due"},
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
    """One order line confirmed on a share: cents below zero for a recovery, `credited` once the bank has its order.

    `answered`: a person has dealt with what it says, a recovery accepted or a reject claimed; its amount counts, and nothing else of it.
    """

    status: LineStatus
    amount: int
    credited: bool
    answered: bool = False


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
    speaking = [line for line in lines if not line.answered]
    if any(line.amount < 0 for line in speaking):
        return "indu"
    accepted = any(line.amount < 0 for line in lines)
    rejected = any(line.status == "rejected" for line in speaking)
    announced = sum(line.amount for line in lines)
    if rejected and (announced < amount or all(line.status == "rejected" for line in speaking)):
        return "rejected"
    if accepted and announced <= 0:
        # Billed, paid, taken back and accepted: open again, though sending has nothing more to say.
        return "open"
    if not speaking:
        return "pending"
    credited = sum(line.amount for line in lines if line.credited)
    # What was accepted is the payer's, whether it has held it back yet or not.
    return _paid_state(amount, announced, min(credited, announced) if accepted else credited)


def _paid_state(amount: int, announced: int, credited: int) -> str:
    if credited >= amount:
        return "settled"
    if credited > 0:
        return "settled_part"
    return "announced" if announced >= amount else "announced_part"


def open_amount(amount: int, lines: Sequence[MatchedLine]) -> Cents:
    """Return what is still due on a share, never below zero: an excess is the overpaid account's."""
    return Cents(max(amount - sum(line.amount for line in lines), 0))
