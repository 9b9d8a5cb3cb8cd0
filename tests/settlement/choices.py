# SPDX-License-Identifier: Apache-2.0
"""Random decisions that a person could take of a centre in memory as it stands: each is sound when it is taken."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import combinations
from typing import Any, Final
from uuid import UUID

from desmos_fast.billing.rules import TERMINAL
from desmos_fast.settlement.model import LineRow
from desmos_fast.settlement.replay.model import Decided
from desmos_fast.settlement.replay.rows import PATIENT, Rows, ShareRow

Choice = tuple[str, str, dict[str, Any]]
"""Kind, subject, detail."""


def decided(choice: Choice, number: int, at: datetime) -> Decided:
    kind, subject, detail = choice
    return Decided(UUID(int=20_000 + number), number, at, "person", kind, subject, detail)


def choose(rows: Rows, chance: random.Random) -> Choice | None:
    """Choose one of the decisions that are possible, of a kind that is."""
    # What is proposed is looked at first, as people do, and what a payer sent of what the patient is asked for.
    for maker in (*([spared, late, proposals] if chance.random() < 0.5 else []), *chance.sample(MAKERS, len(MAKERS))):
        found = list(maker(rows, chance))
        if found:
            return chance.choice(found)
    return None


def undos(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for row in rows.matches.values():
        if row.status == "confirmed" and (row.match.problem == "B" or not _ends(rows, row.match.left[0], row.match.right[0])):
            yield undo(row.match.problem, row.match.left)


def undo(problem: str, left: tuple[str, ...]) -> Choice:
    return "undo", "", {"problem": problem, "left": left}


def _ends(rows: Rows, left: str, right: str) -> bool:
    """Say whether an undo would leave an ended share owing again."""
    if right.startswith("indu:") or right == "perte":
        return False
    line, share = rows.lines[rows.line_named(left)], rows.share(rows.share_named(right))
    ended = share.state in TERMINAL and share.state != "to_patient"
    return ended and max(share.amount - share.closed - share.announced + line.amount, 0) > share.open


def line_matches(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for key in sorted(rows.free_lines, key=rows.name_of):
        for share in _shares_for(rows, rows.lines[key]):
            yield "match", "", {"problem": "A", "left": (rows.name_of(key),), "right": (share,)}


def _shares_for(rows: Rows, line: LineRow) -> Iterator[str]:
    for invoice in rows.invoices.values():
        for part, share in invoice.shares.items():
            if share.payer == line.payer and line.part in (None, part) and line.amount + share.announced >= 0:
                yield f"{invoice.biller}/{invoice.number}/{part}"


def credit_matches(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    credits = sorted(rows.credits[name].line.id for name in rows.free_credits if _may_be_matched(rows, name))
    orders = sorted(rows.orders[name].ref for name in rows.free_orders if rows.orders[name].total)
    for _ in range(6 if credits and orders else 0):
        left = chance.sample(credits, min(len(credits), chance.randint(1, 2)))
        right = chance.sample(orders, min(len(orders), chance.randint(1, 3)))
        yield from _with_rest(rows, left, right, chance)
    for one in credits:
        for pair in combinations(orders, 2):
            yield from (choice for choice in _with_rest(rows, [one], list(pair), chance) if "remainder" not in choice[2])


def _may_be_matched(rows: Rows, name: UUID) -> bool:
    line = rows.credits[name].line
    return line.amount > 0 and line.status == "booked" and line.currency == "EUR"


def _with_rest(rows: Rows, left: list[str], right: list[str], chance: random.Random) -> Iterator[Choice]:
    paid = [rows.orders[rows.by_ref[name]] for name in right]
    amounts = [rows.credits[rows.by_line_ref[name]].line.amount for name in left]
    rest = sum(amounts) - sum(order.total for order in paid)
    detail: dict[str, Any] = {"problem": "B", "left": tuple(left), "right": tuple(right)}
    if rest:
        payer = chance.choice(paid).payer
        ways = ["perte", f"indu:{payer}", f"hors_facture:{payer}", *(["ecart"] if 0 < rest < max(amounts) else [])]
        detail["remainder"] = chance.choice(ways)
    yield "match", "", detail


def proposals(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for _, word in sorted(rows.words.items()):
        if word.status == "suggested" and word.match_id and all(_is_free(rows, left) for left in word.left):
            if not all(rows.by_ref[right] in rows.free_orders for right in word.right):
                continue
            if chance.random() < 0.5:
                yield "accept", "", {"problem": word.problem, "left": word.left, "right": ()}
            else:
                yield "refuse", "", {"problem": word.problem, "left": word.left, "right": word.right, "record": True}


def _is_free(rows: Rows, name: str) -> bool:
    return rows.by_line_ref.get(name) in rows.free_credits


def refusals(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for choice in line_matches(rows, chance):
        yield "refuse", "", choice[2]


def splits(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for key in sorted(rows.free_lines, key=rows.name_of):
        if abs(rows.lines[key].amount) > 1:
            yield "split", rows.name_of(key), {"amounts": _cut(rows.lines[key].amount, chance)}
    for name in sorted(rows.free_credits, key=lambda name: rows.credits[name].line.id):
        if rows.credits[name].line.amount > 1:
            yield "split", rows.credits[name].line.id, {"amounts": _cut(rows.credits[name].line.amount, chance)}


def _cut(amount: int, chance: random.Random) -> tuple[int, ...]:
    sign, first = (1 if amount > 0 else -1), chance.randint(1, abs(amount) - 1)
    return sign * first, amount - sign * first


def unsplits(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for row in rows.matches.values():
        if row.status == "split" and all(_piece_is_free(rows, piece) for piece in row.match.right):
            yield "unsplit", row.match.left[0], {}


def _piece_is_free(rows: Rows, piece: str) -> bool:
    return rows.line_named(piece) in rows.free_lines if "#" in piece else rows.by_line_ref[piece] in rows.free_credits


WRITTEN_OFF: Final = ("rejected", "settled_part", "announced_part", "indu")
MOVED: Final = ("rejected", "pending", "received", "open", "settled_part", "indu")
ENDED: Final = ("written_off", "time_barred", "recycled")
BARRED: Final = ("open", "sent", "received", "pending", "rejected")


def ends(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for name, part, share in _shares(rows):
        if share.state in (("due", "part_paid") if part == PATIENT else WRITTEN_OFF):
            yield "write_off", name, {}
        if part != PATIENT and share.open and share.state in ENDED:
            yield "write_off", name, {}
        if part != PATIENT and share.state in (*MOVED, "to_patient") and _may_be_moved(rows, name, share):
            yield "to_patient", name, {}
        if part != PATIENT and share.state in BARRED and chance.random() < 0.2:
            yield "time_bar", name, {}


def _shares(rows: Rows) -> Iterator[tuple[str, str, ShareRow]]:
    for invoice in rows.invoices.values():
        for part, share in invoice.shares.items():
            yield f"{invoice.biller}/{invoice.number}/{part}", part, share


def _may_be_moved(rows: Rows, name: str, share: ShareRow) -> bool:
    desk = rows.invoices[rows.share_named(name)[0]].shares.get(PATIENT)
    return share.open > 0 and share.announced >= 0 and (desk is None or desk.state not in TERMINAL)


def spared(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for name, _, share in _shares(rows):
        if share.state != "to_patient" or not share.closed or share.announced <= share.amount - share.closed:
            continue
        if rows.share((rows.share_named(name)[0], PATIENT)).state not in TERMINAL:
            yield "from_patient", name, {}


def late(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    """Put a payment on a share that the patient is asked for."""
    for choice in line_matches(rows, chance):
        [left], [right] = choice[2]["left"], choice[2]["right"]
        if rows.lines[rows.line_named(left)].amount > 0 and rows.share(rows.share_named(right)).state == "to_patient":
            yield choice


def recoveries(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for name, _, share in _shares(rows):
        if share.state == "indu":
            yield "indu_contest", name, {}
            ways = ["open", *(["to_patient"] if _may_be_moved(rows, name, share) else []), "written_off"]
            yield "indu_accept", name, {"into": chance.choice(ways)}


def losses(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for key in sorted(rows.free_lines, key=rows.name_of):
        if rows.lines[key].amount < 0 and chance.random() < 0.3:
            yield "indu_write_off", "", {"left": (rows.name_of(key),)}


def rejects(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    for name, part, share in _shares(rows):
        if share.state == "rejected":
            yield "recycle", name, {"parts": [part], "open": {part: share.open}}
            yield "assign", name, {"to": "Camille R."}
            keys = rows.on_share[rows.share_named(name)]
            lines = sorted(rows.name_of(key) for key in keys if rows.lines[key].status == "rejected" and key not in rows.answered)
            yield "claim", name, {"lines": lines}


def payments(rows: Rows, chance: random.Random) -> Iterator[Choice]:
    """Pay for an invoice, for one with a rest, or for none; put the rest on an invoice, give it back, take all of it back."""
    name = f"payment {len(rows.payments) + 1}"
    owed = [(invoice.id, invoice.shares[PATIENT]) for invoice in rows.invoices.values() if PATIENT in invoice.shares]
    payable = [(str(one), share) for one, share in owed if share.state not in TERMINAL and share.amount > share.closed]
    for one, share in payable:
        amount = chance.choice([max(share.open, 100), 500])
        part = {"invoice": one, "payment": None, "amount": amount}
        yield "payment", name, {"means": chance.choice(MEANS), "amount": amount + chance.choice([0, 0, 300]), "parts": [part]}
        excess = share.announced - (share.amount - share.closed)
        if excess > 0:
            yield "refund", name, {"means": "cash", "amount": -excess, "parts": [part | {"amount": -excess}]}
    yield "payment", name, {"means": "card", "amount": 700, "parts": []}
    for known, payment in rows.payments.items():
        if payment.unpaid:
            continue
        yield "unpay", known, {"why": "impayé"}
        rest = rest_of(rows, known)
        if rest > 0:
            yield "refund", name, {"means": "cash", "amount": -rest, "parts": [{"invoice": None, "payment": known, "amount": -rest}]}
            for one, _ in payable:
                yield "payment", known, {"attached": [{"invoice": one, "payment": None, "amount": chance.randint(1, rest)}]}


MEANS: Final = ("cash", "card", "cheque", "transfer")


def rest_of(rows: Rows, name: str) -> int:
    """Return what a payment has for no invoice: refunds of it count as long as they stand."""
    payment = rows.payments[name]
    given = (amount for one in rows.payments.values() if not one.unpaid for _, source, amount in one.parts if source == name)
    return payment.amount - sum(amount for *_, amount in payment.parts) + sum(given) if payment.amount > 0 else 0


Maker = Callable[[Rows, random.Random], Iterator[Choice]]
MAKERS: Final[tuple[Maker, ...]] = (
    undos,
    undos,
    line_matches,
    credit_matches,
    proposals,
    refusals,
    splits,
    unsplits,
    ends,
    recoveries,
    losses,
    spared,
    rejects,
    payments,
)
