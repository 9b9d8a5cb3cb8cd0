# SPDX-License-Identifier: Apache-2.0
"""What every pass of matching shares: lines and parts by name, the keys they are compared by, and the record of a decision."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import Final, Literal, NamedTuple

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.settlement.model import Evidence, Invoice, InvoicePart, Match, Order, OrderLine, Outcome, PartRow, Settings, Status

Key = tuple[str | int, ...]
SHOWN: Final = 10
HIDDEN: Final = "***"
_ENCODER: Final = msgspec.json.Encoder()


class OpenLine(NamedTuple):
    """One line of an order, named `order id#line`."""

    id: str
    order: Order
    line: OrderLine

    @property
    def biller(self) -> str | None:
        """The line's own biller, or else the order's."""
        return self.line.biller if self.line.biller is not None else self.order.biller


class OpenPart(NamedTuple):
    """One part of an invoice, named `invoice id/part`; `paid` are payments known before, less what was taken back.

    A part is `closed` once rejected or billed again: nothing is found for it any more but by its own number.
    """

    id: str
    invoice: Invoice
    part: InvoicePart
    paid: tuple[int, ...] = ()
    closed: bool = False

    @property
    def lot(self) -> str | None:
        """The part's own lot, or else the invoice's."""
        return self.part.lot if self.part.lot is not None else self.invoice.lot


# --- records


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


def settings_version(settings: Settings) -> str:
    """Return 16 hexadecimal characters that name settings, whatever the order in which labels were taught."""
    learned = sorted(settings.learned, key=_ENCODER.encode)
    return hashlib.sha256(_ENCODER.encode(msgspec.structs.replace(settings, learned=tuple(learned)))).hexdigest()[:16]


def shown(names: Iterable[str]) -> tuple[str, ...]:
    """Return the first ids of a record's candidates, in order."""
    return tuple(nsmallest(SHOWN, names))


# --- lines and parts


def part_name(row: PartRow) -> str:
    """Name a part as the records do."""
    return f"{row.biller}/{row.number}/{row.part}"


def open_lines(orders: Iterable[Order]) -> list[OpenLine]:
    """Return every order line, by payment date, then order id, then line number."""
    lines = [OpenLine(f"{order.id}#{line.line}", order, line) for order in orders for line in order.lines]
    lines.sort(key=lambda item: (item.order.payment_date, item.order.id, item.line.line))
    return lines


def open_parts(invoices: Sequence[Invoice]) -> list[OpenPart]:
    """Return every invoice part, closed ones too: what they receive is an overpayment."""
    again = {f"{invoice.supersedes}/{part.part}" for invoice in invoices if invoice.supersedes for part in invoice.parts}
    return list(_parts(invoices, again))


def _parts(invoices: Iterable[Invoice], again: set[str]) -> Iterator[OpenPart]:
    for invoice in invoices:
        for part in invoice.parts:
            paid = (part.amount - part.open,) if part.amount > part.open else ()
            name = f"{invoice.id}/{part.part}"
            yield OpenPart(name, invoice, part, paid, name in again)


def open_after(parts: Sequence[OpenPart], matches: Iterable[Match]) -> int:
    """Return by how many cents the confirmed lines bring down what is open, told from the parts alone."""
    paid: dict[str, int] = {}
    for match in matches:
        if match.status == "confirmed":
            paid[match.right[0]] = paid.get(match.right[0], 0) + match.amount
    opens = {item.id: item.part.open for item in parts if item.id in paid}
    return sum(opens[name] - max(opens[name] - amount, 0) for name, amount in paid.items())


# --- keys: None for a line that lacks one of its fields; the lot comes last, blank where it is not compared


def number_key(item: OpenLine) -> Key | None:
    """Return what rule A1 compares of a line."""
    line = item.line
    if line.biller is None or line.invoice_number is None or line.nir is None or line.care_date is None:
        return None
    if line.part is None or line.payer is None:
        return None
    return line.biller, line.invoice_number, line.nir, str(line.care_date), line.part, line.payer, line.lot or ""


def number_key_of(item: OpenPart, *, with_lot: bool) -> Key:
    """Return what rule A1 compares of a part."""
    invoice, part = item.invoice, item.part
    lot = (item.lot or "") if with_lot else ""
    return invoice.biller, invoice.number, invoice.insured_nir, str(invoice.care_date), part.part, part.payer, lot


def nameless_key(item: OpenLine) -> Key | None:
    """Return what rule A2 compares of a line without NIR."""
    line = item.line
    if line.nir is not None or line.biller is None or line.invoice_number is None or line.care_date is None:
        return None
    if line.part is None or line.payer is None:
        return None
    return line.biller, line.invoice_number, str(line.care_date), line.part, line.payer, line.lot or ""


def nameless_key_of(item: OpenPart, *, with_lot: bool) -> Key:
    """Return what rule A2 compares of a part."""
    biller, number, _, *others = number_key_of(item, with_lot=with_lot)
    return biller, number, *others


def patient_key(item: OpenLine) -> Key | None:
    """Return what rule A3 compares of a line."""
    line = item.line
    if line.nir is None or line.care_date is None or line.biller is None or line.part is None or line.payer is None:
        return None
    return line.biller, line.nir, str(line.care_date), line.part, line.payer, line.lot or ""


def patient_key_of(item: OpenPart, *, with_lot: bool) -> Key:
    """Return what rule A3 compares of a part."""
    biller, _, *others = number_key_of(item, with_lot=with_lot)
    return biller, *others
