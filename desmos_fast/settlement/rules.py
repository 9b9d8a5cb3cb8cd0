# SPDX-License-Identifier: Apache-2.0
"""Problem A: which invoice part an order line pays. Each pass decides on the whole set before the next.

Pure: the equal keys were found before. A part takes its lines in order of payment date, order and line number,
so that what was given first never matters.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.settlement.model import Evidence, Invoice, InvoicePart, Match, Order, OrderLine, Outcome, Status

Key = tuple[str, int, str, date, str, str, str]
SHOWN: Final = 10
HIDDEN: Final = "***"
_ENCODER: Final = msgspec.json.Encoder()


class OpenLine(NamedTuple):
    """One line of an order, named `order id#line`."""

    id: str
    order: Order
    line: OrderLine


class OpenPart(NamedTuple):
    """One part of an invoice, named `invoice id/part`."""

    id: str
    invoice: Invoice
    part: InvoicePart

    @property
    def lot(self) -> str | None:
        """The part's own lot, or else the invoice's."""
        return self.part.lot if self.part.lot is not None else self.invoice.lot


def match_id(problem: str, rule: str, left: Sequence[str], right: Sequence[str]) -> str:
    """Return 16 hexadecimal characters that name a decision, the same in every run that takes it."""
    return hashlib.sha256(_ENCODER.encode((problem, rule, sorted(left), sorted(right)))).hexdigest()[:16]


def make_match(
    problem: Literal["A", "B"],
    status: Status,
    rule: str,
    left: Sequence[str],
    right: Sequence[str],
    amount: int,
    evidence: Evidence,
    *,
    residual: int = 0,
    outcome: Outcome | None = None,
) -> Match:
    """Make a record whose id follows from what it says."""
    return Match(
        match_id=match_id(problem, rule, left, right),
        problem=problem,
        status=status,
        rule=rule,
        left=tuple(sorted(left)),
        right=tuple(sorted(right)),
        amount=Cents(amount),
        residual=Cents(residual),
        outcome=outcome,
        evidence=evidence,
    )


def open_lines(orders: Iterable[Order]) -> list[OpenLine]:
    """Return every order line, by payment date, then order id, then line number."""
    lines = [OpenLine(f"{order.id}#{line.line}", order, line) for order in orders for line in order.lines]
    lines.sort(key=lambda item: (item.order.payment_date, item.order.id, item.line.line))
    return lines


def open_parts(invoices: Iterable[Invoice]) -> list[OpenPart]:
    """Return every invoice part, closed ones too: what they receive is an overpayment."""
    return [OpenPart(f"{invoice.id}/{part.part}", invoice, part) for invoice in invoices for part in invoice.parts]


def line_key(item: OpenLine) -> Key | None:
    """Return what rule A1 compares of a line, or None when a field it needs is absent; an absent lot is blank."""
    line = item.line
    if line.biller is None or line.invoice_number is None or line.nir is None or line.care_date is None:
        return None
    if line.part is None or line.payer is None:
        return None
    return line.biller, line.invoice_number, line.nir, line.care_date, line.part, line.payer, line.lot or ""


def part_key(item: OpenPart, *, with_lot: bool) -> Key:
    """Return what rule A1 compares of a part."""
    invoice, part = item.invoice, item.part
    lot = (item.lot or "") if with_lot else ""
    return invoice.biller, invoice.number, invoice.insured_nir, invoice.care_date, part.part, part.payer, lot


def decide_lines(
    lines: Sequence[OpenLine], parts: Sequence[OpenPart], found: Sequence[int], several: Mapping[int, Sequence[int]]
) -> list[Match]:
    """Return one record for each line.

    `found` holds for each line the row of its only part (A1), -1 for none, -2 for several, whose rows `several` gives.
    """
    by_part: dict[int, list[OpenLine]] = {}
    matches = []
    for row, item in enumerate(lines):
        if found[row] >= 0:
            by_part.setdefault(found[row], []).append(item)
        else:
            matches.append(_unmatched(item, [parts[other].id for other in several.get(row, ())]))
    for place, takers in by_part.items():
        matches.extend(_settle(parts[place], takers))
    return matches


def _settle(part: OpenPart, takers: Sequence[OpenLine]) -> list[Match]:
    matches = []
    paid = 0
    unlinked: list[OpenLine] = []
    for item in takers:
        amount = item.line.amount
        before = max(part.part.open - paid, 0)
        paid += amount
        applied = before - max(part.part.open - paid, 0)
        evidence = _evidence(item, part, before)
        if amount < 0:
            evidence = msgspec.structs.replace(evidence, payment=_payment_taken_back(unlinked, amount))
        elif amount:
            unlinked.append(item)
        outcome = _outcome(item.line, before)
        matches.append(
            make_match("A", "confirmed", "A1", [item.id], [part.id], amount, evidence, residual=amount - applied, outcome=outcome)
        )
    return matches


def _outcome(line: OrderLine, before: int) -> Outcome:
    if line.status == "rejected":
        return "rejected"
    if line.amount < 0:
        return "recovery"
    if line.amount == before:
        return "paid"
    return "partial" if line.amount < before else "overpaid"


def _payment_taken_back(unlinked: list[OpenLine], amount: int) -> str | None:
    # The latest payment of that amount; it may also stand in orders that are not given any more.
    for index in range(len(unlinked) - 1, -1, -1):
        if unlinked[index].line.amount == -amount:
            return unlinked.pop(index).id
    return None


def _evidence(item: OpenLine, part: OpenPart, before: int) -> Evidence:
    line, invoice = item.line, part.invoice
    values: dict[str, tuple[str | int | None, ...]] = {
        "biller": (line.biller, invoice.biller),
        "invoice_number": (line.invoice_number, invoice.number),
        "nir": (HIDDEN, HIDDEN),
        "care_date": (str(line.care_date), str(invoice.care_date)),
        "part": (line.part, part.part.part),
        "payer": (line.payer, part.part.payer),
    }
    if line.lot is not None:
        values["lot"] = (line.lot, part.lot)
    fields = tuple(values)
    values["amount"] = (line.amount, before)
    return Evidence(fields=fields, values=values, candidates=1, candidate_ids=(part.id,), solutions=1, unique=True)


def _unmatched(item: OpenLine, candidates: Sequence[str]) -> Match:
    shown = tuple(sorted(candidates)[:SHOWN])
    evidence = Evidence(candidates=len(candidates), candidate_ids=shown, solutions=min(len(candidates), 2), why=_why(item, candidates))
    return make_match("A", "unmatched", "A9", [item.id], [], item.line.amount, evidence)


def _why(item: OpenLine, candidates: Sequence[str]) -> str:
    line = item.line
    if candidates:
        return "several_parts"
    if line.part is None:
        return "recovery_without_part" if line.status == "recovery" else "other_money"
    absent = [name for name in ("biller", "invoice_number", "nir", "care_date", "payer") if getattr(line, name) is None]
    return "absent:" + ",".join(absent) if absent else "no_part"


def open_after(parts: Sequence[OpenPart], matches: Iterable[Match]) -> int:
    """Return by how many cents the confirmed lines bring down what is open, told from the parts alone."""
    paid: dict[str, int] = {}
    for match in matches:
        if match.status == "confirmed":
            paid[match.right[0]] = paid.get(match.right[0], 0) + match.amount
    opens = {item.id: item.part.open for item in parts if item.id in paid}
    return sum(opens[name] - max(opens[name] - amount, 0) for name, amount in paid.items())
