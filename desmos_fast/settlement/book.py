# SPDX-License-Identifier: Apache-2.0
"""What one reconciliation looks at, and what it decides of it. Pure: rows in, records out."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.settlement import rules
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.credits import decide_credits
from desmos_fast.settlement.lines import decide_lines
from desmos_fast.settlement.model import (
    CreditRow,
    Invoice,
    InvoicePart,
    LineRow,
    Match,
    Order,
    OrderLine,
    OrderRow,
    PartRow,
    Payer,
    Settings,
)


class Book(NamedTuple):
    """All that may be decided, the parts that the lines may pay, and the orders taken for good that a credit names."""

    orders: Sequence[OrderRow]
    lines: Sequence[LineRow]
    parts: Sequence[PartRow]
    credits: Sequence[CreditRow]


class Decisions(NamedTuple):
    """One record for each free line and one for each credit, in the order of their names."""

    lines: list[Match]
    credits: list[Match]


def decide(book: Book, payers: Sequence[Payer], settings: Settings) -> Decisions:
    """Match the lines to the parts and the credits to the orders, in the manner of `reconcile`."""
    lines = rules.open_lines(_orders_with_lines(book))
    parts = rules.open_parts(_invoices(book.parts))
    free, taken = ([_order(row) for row in book.orders if row.free is wanted] for wanted in (True, False))
    credits = decide_credits(_as_one_file(book.credits), _by_id(free), payers, settings, _by_id(taken))
    return Decisions(_by_left(decide_lines(lines, parts, settings)), _by_left(credits))


def part_name(row: PartRow) -> str:
    """Name a part as the records do."""
    return f"{row.biller}/{row.number}/{row.part}"


def _order(row: OrderRow, lines: tuple[OrderLine, ...] = ()) -> Order:
    return Order(
        id=row.ref,
        kind=row.kind,
        payer=row.payer,
        emitter=row.emitter,
        emitter_name=row.emitter_name,
        payment_date=row.payment_date,
        payment_ref=row.payment_ref,
        total=Cents(row.total),
        lines=lines,
    )


def _orders_with_lines(book: Book) -> list[Order]:
    lines: dict[UUID, list[OrderLine]] = {}
    for row in book.lines:
        lines.setdefault(row.order_id, []).append(_line(row))
    return [_order(row, tuple(lines[row.id])) for row in book.orders if row.id in lines]


def _line(row: LineRow) -> OrderLine:
    return OrderLine(
        line=row.line,
        status=row.status,
        amount=Cents(row.amount),
        biller=row.biller,
        part=row.part,
        payer=row.payer,
        invoice_number=row.invoice_number,
        lot=row.lot,
        nir=row.insured,
        care_date=row.care_date,
        reject_code=row.reject_code,
    )


def _invoices(parts: Iterable[PartRow]) -> list[Invoice]:
    return [_invoice(list(rows)) for _, rows in groupby(parts, key=attrgetter("invoice_id"))]


def _invoice(rows: Sequence[PartRow]) -> Invoice:
    first = rows[0]
    return Invoice(
        id=f"{first.biller}/{first.number}",
        number=first.number,
        biller=first.biller,
        insured_nir=first.insured,
        care_date=first.care_date,
        parts=tuple(_part(row) for row in rows),
        total=Cents(sum(row.amount for row in rows)),
    )


def _part(row: PartRow) -> InvoicePart:
    # Below zero once overpaid: what is taken back then takes the excess first, in whatever run it comes.
    still_open = Cents(row.amount - row.announced)
    lot = f"{row.lot:03d}" if row.lot is not None else None
    return InvoicePart(part=row.part, payer=row.payer, amount=Cents(row.amount), open=still_open, lot=lot)


def _as_one_file(credits: Iterable[CreditRow]) -> list[BankLine]:
    # The import told the duplicates by the whole of both files; equal lines of one file are two operations, so these all are.
    one = [msgspec.structs.replace(row.line, source=msgspec.structs.replace(row.line.source, file_sha256="")) for row in credits]
    return sorted(one, key=attrgetter("id"))


def _by_id(orders: Iterable[Order]) -> list[Order]:
    return sorted(orders, key=attrgetter("id"))


def _by_left(matches: Iterable[Match]) -> list[Match]:
    return sorted(matches, key=attrgetter("left"))
