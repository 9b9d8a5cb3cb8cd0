# SPDX-License-Identifier: Apache-2.0
"""What one reconciliation looks at, and what it decides of it. Pure: rows in, records out."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.billing.rules import TERMINAL
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
    TakenRow,
)
from desmos_fast.settlement.rules import OpenPart, part_name

Share = tuple[UUID, str]


class Barred(NamedTuple):
    """That a person said that two do not go together: by which decision of the centre, and how."""

    seq: int
    why: str


class Book(NamedTuple):
    """All that may be decided, the parts that the lines may pay, and the orders taken for good that a credit names.

    `taken` are the lines that are on parts for good, where a line may be told by what they paid; `forbidden` gives, for problem, left and
    right, what a person said against them.
    """

    orders: Sequence[OrderRow]
    lines: Sequence[LineRow]
    parts: Sequence[PartRow]
    credits: Sequence[CreditRow]
    taken: Sequence[TakenRow] = ()
    forbidden: Mapping[tuple[str, str, str], Barred] = MappingProxyType({})


class Decisions(NamedTuple):
    """One record for each free line and one for each credit, in the order of their names."""

    lines: list[Match]
    credits: list[Match]


def decide(book: Book, payers: Sequence[Payer], settings: Settings) -> Decisions:
    """Match the lines to the parts and the credits to the orders, in the manner of `reconcile`."""
    lines = rules.open_lines(_orders_with_lines(book))
    parts = _open_parts(book)
    free, taken = (_by_id(_order(row) for row in book.orders if row.free is wanted) for wanted in (True, False))
    credits = _as_one_file(book.credits)

    def match_lines(held: Collection[str]) -> list[Match]:
        return decide_lines([line for line in lines if line.id not in held], parts, settings)

    def match_credits(held: Collection[str]) -> list[Match]:
        return decide_credits([line for line in credits if line.id not in held], free, payers, settings, taken)

    return Decisions(_by_left(_allowed(book, match_lines)), _by_left(_allowed(book, match_credits)))


def _allowed(book: Book, match: Callable[[Collection[str]], list[Match]]) -> list[Match]:
    """Match until nothing is confirmed that a person spoke against; what would be is proposed, and the others are matched without it."""
    if not book.forbidden:
        return match(())
    held: dict[str, Match] = {}
    while True:
        found = [_spoken_against(book, one) for one in match(held.keys())]
        barred = [one for before, one in found if before.status == "confirmed" and one is not before]
        if not barred:
            return [one for _, one in found] + list({one.match_id: one for one in held.values()}.values())
        held.update((name, one) for one in barred for name in one.left)


def _spoken_against(book: Book, match: Match) -> tuple[Match, Match]:
    """Return a record, and what is left of it beside what people said: a proposal at most."""
    if match.status not in ("confirmed", "suggested"):
        return match, match
    pairs = ((match.problem, left, right) for left in match.left for right in match.right)
    against = [book.forbidden[pair] for pair in pairs if pair in book.forbidden]
    if not against:
        return match, match
    evidence = msgspec.structs.replace(match.evidence, why=max(against).why)
    return match, msgspec.structs.replace(match, status="suggested", outcome=None, evidence=evidence)


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
        biller=row.biller,
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


def _open_parts(book: Book) -> list[OpenPart]:
    # What a line pays that is decided again must not speak for itself.
    again: Counter[Share] = Counter()
    for line in book.lines:
        if line.share is not None:
            again[line.share] += line.amount
    taken: dict[Share, list[TakenRow]] = {}
    for one in book.taken:
        taken.setdefault((one.invoice_id, one.part), []).append(one)
    found = []
    for _, group in groupby(book.parts, key=attrgetter("invoice_id")):
        rows = list(group)
        invoice = _invoice(rows, again)
        for row, part in zip(rows, invoice.parts, strict=True):
            lines = taken.get((row.invoice_id, row.part), [])
            closed = row.state in TERMINAL or any(line.status == "rejected" for line in lines)
            found.append(OpenPart(part_name(row), invoice, part, _payments(line.amount for line in lines), closed))
    return found


def _payments(amounts: Iterable[int]) -> tuple[int, ...]:
    """Return what was paid and not taken back: the payments one by one as far as recoveries are of their amounts."""
    kept: list[int] = []
    for amount in sorted(amounts, reverse=True):
        if amount > 0:
            kept.append(amount)
        elif -amount in kept:
            kept.remove(-amount)
        elif amount:
            kept.append(amount)
    return tuple(kept)


def _invoice(rows: Sequence[PartRow], again: Mapping[Share, int]) -> Invoice:
    first = rows[0]
    return Invoice(
        id=f"{first.biller}/{first.number}",
        number=first.number,
        biller=first.biller,
        insured_nir=first.insured,
        care_date=first.care_date,
        parts=tuple(_part(row, again.get((row.invoice_id, row.part), 0)) for row in rows),
        total=Cents(sum(row.amount for row in rows)),
    )


def _part(row: PartRow, again: int) -> InvoicePart:
    # Below zero once overpaid: what is taken back then takes the excess first, in whatever run it comes.
    still_open = Cents(row.amount - row.announced + again)
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
