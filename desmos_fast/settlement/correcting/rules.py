# SPDX-License-Identifier: Apache-2.0
"""What may be decided, told from rows alone. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.settlement.account import outcome_of
from desmos_fast.settlement.decisions.model import (
    AlreadyMatched,
    DecisionInvalid,
    MatchContradicts,
    NothingTakenBack,
    NotRecovery,
    ShareRefuses,
    SplitRefused,
    SumDiffers,
)
from desmos_fast.settlement.model import CreditRow, Evidence, LineRow, Match, OrderLine, OrderRow, PartRow
from desmos_fast.settlement.rules import HIDDEN, make_match, part_name, shown

MANUAL: Final = "M"
"""The rule of what a person says."""
LOSS: Final = "perte"
STAYS_FREE: Final = "ecart"
CLOSING: Final[Mapping[str, frozenset[str]]] = {
    "write_off": frozenset({"rejected", "settled_part", "announced_part", "indu"}),
    "to_patient": frozenset({"rejected", "pending", "received", "open", "settled_part", "indu"}),
    "from_patient": frozenset({"to_patient"}),
    "time_bar": frozenset({"open", "sent", "received", "pending", "rejected"}),
    "indu_contest": frozenset({"indu"}),
    "indu_accept": frozenset({"indu"}),
}
AT_DESK: Final[Mapping[str, frozenset[str]]] = {"write_off": frozenset({"due", "part_paid"})}
ONCE_MORE: Final = {"written_off": "write_off", "time_barred": "write_off", "recycled": "write_off", "to_patient": "to_patient"}
"""How a share that ended is closed again, in the same end, once a payer took back what it had paid of it."""


class Remainder(NamedTuple):
    """What credits and orders differ by, and the account it goes to; nothing of either when they are equal."""

    account: str | None = None
    cents: int = 0


# --- matches


def check_free(name: str, match_id: object) -> None:
    """Refuse what a match has, or what is cut in pieces. Raises AlreadyMatched."""
    if match_id is not None:
        raise AlreadyMatched(f"{name} is not free", hint="undo its match first, or look at its pieces")


def check_line(name: str, line: LineRow, part: PartRow) -> None:
    """Refuse a line that cannot be of a share. Raises AlreadyMatched, MatchContradicts."""
    check_free(name, line.match_id)
    if part.part == "patient":
        raise MatchContradicts(f"{part_name(part)} is the patient's: no payer announces anything for it")
    if line.payer != part.payer:
        raise MatchContradicts(f"{name} is of {line.payer}, {part_name(part)} of {part.payer}")
    if line.part is not None and line.part != part.part:
        raise MatchContradicts(f"{name} is of part {line.part}, not {part.part}")
    if line.amount < 0 and -line.amount > part.announced:
        raise MatchContradicts(f"{name} takes back {-line.amount} cents, {part.announced} were announced on {part_name(part)}")


def line_match(name: str, line: LineRow, part: PartRow, rule: str, evidence: Evidence) -> Match:
    """Say that a line pays a share."""
    before = max(part.amount - part.announced, 0)
    outcome = outcome_of(OrderLine(line=line.line, status=line.status, amount=Cents(line.amount)), before)
    return make_match("A", "confirmed", rule, [name], [part_name(part)], line.amount, evidence, outcome=outcome)


def check_recovery(name: str, line: LineRow) -> None:
    """Refuse a line that takes nothing back, or that is dealt with. Raises NotRecovery, AlreadyMatched."""
    if line.status != "recovery":
        raise NotRecovery(f"{name} takes nothing back")
    check_free(name, line.match_id)


def compared(line: LineRow, part: PartRow, version: str) -> Evidence:
    """Show both sides of all that a line says, for a person who puts it on a share; `version` names the settings in force."""
    lot = None if part.lot is None else f"{part.lot:03d}"
    values: dict[str, tuple[str | int | None, ...]] = {
        "biller": (line.biller, part.biller),
        "invoice_number": (line.invoice_number, part.number),
        "care_date": (None if line.care_date is None else str(line.care_date), str(part.care_date)),
        "part": (line.part, part.part),
        "payer": (line.payer, part.payer),
        "lot": (line.lot, lot),
    }
    said = {name: both for name, both in values.items() if both[0] is not None}
    if line.insured is not None:
        same = line.insured == part.insured
        said["nir"] = (HIDDEN, HIDDEN if same else "")
    said["amount"] = (line.amount, max(part.amount - part.announced, 0))
    return _by_person(said, [part_name(part)], version)


def _by_person(values: dict[str, tuple[str | int | None, ...]], right: Sequence[str], version: str) -> Evidence:
    return Evidence(
        fields=tuple(values), values=values, candidates=len(right), candidate_ids=shown(right), solutions=1, settings=version
    )  # fmt: skip


def check_credit(credit: CreditRow) -> None:
    """Refuse a bank line that no order explains. Raises AlreadyMatched, MatchContradicts."""
    check_free(credit.line.id, credit.match_id)
    if credit.line.currency != "EUR" or credit.line.status != "booked" or credit.line.amount <= 0:
        raise MatchContradicts(f"{credit.line.id} is no credit in euros that the bank has booked")


def check_order(order: OrderRow) -> None:
    """Refuse an order that no credit is awaited for. Raises AlreadyMatched, MatchContradicts."""
    check_free(order.ref, order.match_id)
    if order.total == 0:
        raise MatchContradicts(f"{order.ref} sums to nothing: no credit is awaited for it")


def remainder_of(credits: Sequence[CreditRow], orders: Sequence[OrderRow], named: str | None) -> Remainder:
    """Say where the difference of credits and orders goes. Raises SumDiffers."""
    cents = sum(credit.line.amount for credit in credits) - sum(order.total for order in orders)
    if named is None:
        if cents:
            raise SumDiffers(f"credits and orders differ by {cents} cents", hint="say in `remainder` where they go")
        return Remainder()
    if not cents:
        raise SumDiffers("credits and orders are equal: nothing remains")
    payers = {order.payer for order in orders}
    if named == STAYS_FREE and cents < 0:
        raise SumDiffers(f"the credits are {-cents} cents less than the orders: nothing of them stays free")
    if named not in {STAYS_FREE, LOSS} and named not in {f"{kind}:{payer}" for kind in ("indu", "hors_facture") for payer in payers}:
        raise SumDiffers("a remainder goes to ecart, perte, or to indu or hors_facture of a payer of these orders")
    return Remainder(named, cents)


def cut_for(credits: Sequence[CreditRow], cents: int) -> CreditRow:
    """Return the credit of which so many cents stay free: the last one by name that is greater. Raises SumDiffers."""
    greater = [credit for credit in credits if credit.line.amount > cents]
    if not greater:
        raise SumDiffers(f"no credit is greater than the {cents} cents that would stay free", hint="leave one of them out")
    return greater[-1]


def credits_match(credits: Sequence[CreditRow], orders: Sequence[OrderRow], remainder: Remainder, rule: str, evidence: Evidence) -> Match:
    """Say that credits pay orders, all of them together."""
    received = sum(credit.line.amount for credit in credits)
    left, right = [credit.line.id for credit in credits], [order.ref for order in orders]
    if remainder.account is not None:
        evidence = msgspec.structs.replace(evidence, values={**evidence.values, "remainder": (remainder.account, remainder.cents)})
    return make_match("B", "confirmed", rule, left, right, received, evidence, residual=remainder.cents)


def summed(credits: Sequence[CreditRow], orders: Sequence[OrderRow], version: str) -> Evidence:
    """Show both sums, for a person who puts credits and orders together; `version` names the settings in force."""
    received, announced = sum(credit.line.amount for credit in credits), sum(order.total for order in orders)
    return _by_person({"amount": (received, announced)}, [order.ref for order in orders], version)


def remainder_kept(evidence: Evidence) -> Remainder:
    """Return where the remainder of a match went."""
    account, cents = evidence.values.get("remainder", (None, 0))
    return Remainder(None if account is None else str(account), int(cents or 0))


def problem_of(left: Sequence[str], right: Sequence[str]) -> Literal["A", "B"]:
    """Tell by names whether lines and shares are meant, or credits and orders. Raises DecisionInvalid."""
    if not left or not right:
        raise DecisionInvalid("say a record, or `left` and `right`")
    if all("#" in name for name in left):
        return "A"
    if any("#" in name for name in left):
        raise DecisionInvalid("`left` names order lines, or credits, and not both")
    return "B"


# --- pieces


def check_pieces(name: str, whole: int, amounts: Sequence[int]) -> None:
    """Refuse amounts that are not a line or credit cut in parts. Raises SplitRefused."""
    if sum(amounts) != whole:
        raise SplitRefused(f"the pieces sum to {sum(amounts)} cents, {name} is of {whole}")
    if not all(amount * whole > 0 for amount in amounts):
        raise SplitRefused(f"every piece of {name} has its sign, and none is of nothing")


# --- shares


def check_state(kind: str, part: PartRow) -> None:
    """Refuse what cannot be decided of a share in its state. Raises ShareRefuses."""
    allowed = (AT_DESK if part.part == "patient" else CLOSING).get(kind, frozenset())
    once_more = part.part != "patient" and ONCE_MORE.get(part.state) == kind and open_of(part)
    if part.state not in allowed and not once_more:
        where = f"one that is {', '.join(sorted(allowed))}" if allowed else "none of the patient's"
        raise ShareRefuses(f"{part_name(part)} is {part.state}: {kind} is for {where}")


def open_of(part: PartRow) -> Cents:
    """Return what is open on a share; its row has what was closed taken off already."""
    return Cents(max(part.amount - part.announced, 0))


def check_owed(part: PartRow) -> None:
    """Refuse what a patient cannot owe: nothing, or what the payer took back and had never paid. Raises ShareRefuses."""
    if not open_of(part):
        raise ShareRefuses(f"nothing is open on {part_name(part)} that the patient could owe")
    if part.announced < 0:
        raise ShareRefuses(
            f"{-part.announced} cents were taken back on {part_name(part)} that were never paid: no patient owes these",
            hint="match the payment that was taken back, undo the match of what was taken back, or write off",
        )


def taken_back(part: PartRow, moved: int) -> Cents:
    """Return what a payer sent of the cents that were moved to the patient. Raises NothingTakenBack."""
    cents = min(part.announced - part.amount, moved)
    if cents <= 0:
        raise NothingTakenBack(f"{part.payer} has sent nothing for {part_name(part)} that the patient is asked for")
    return Cents(cents)
