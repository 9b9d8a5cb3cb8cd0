# SPDX-License-Identifier: Apache-2.0
"""What a run looks at: the rows in memory that the queries of the settlement's store would give."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from desmos_fast.billing.rules import TERMINAL
from desmos_fast.settlement.book import Book
from desmos_fast.settlement.labels import quoted_tokens
from desmos_fast.settlement.model import CreditRow, LineRow, OrderRow, PartRow, ShareLineRow, TakenRow
from desmos_fast.settlement.replay.model import Share
from desmos_fast.settlement.replay.rows import PATIENT, InvoiceRow, LineKey, Rows

AUTO = "auto"
Patient: TypeAlias = tuple[str, str, date]


def open_book(rows: Rows, since: datetime, hidden: Collection[UUID]) -> Book:
    """Return all that is free, what was matched automatically after `since`, and the parts that the lines may pay."""
    credits = _credits(rows, since)
    revised = _revised(rows, since)
    orders = _orders(rows, since, credits, revised)
    lines = [rows.lines[key] for key in rows.free_lines] + [rows.lines[key] for key in revised]
    parts, told_by = _parts(rows, lines, {order.id: order.biller for order in orders}, hidden)
    again = {rows.lines[key].match_id for key in revised}
    return Book(orders, lines, parts, credits, list(_taken(rows, told_by, again)), rows.forbidden)


def _young(rows: Rows, match_id: UUID, since: datetime) -> bool:
    match = rows.matches[match_id]
    return match.by == AUTO and match.status == "confirmed" and match.at > since


def _credits(rows: Rows, since: datetime) -> list[CreditRow]:
    found = []
    for credit in rows.credits.values():
        if credit.line.amount > 0 and (credit.match_id is None or _young(rows, credit.match_id, since)):
            key = None if credit.match_id is None else rows.matches[credit.match_id].match.match_id
            found.append(CreditRow(credit.id, credit.line, credit.match_id, key))
    return found


def _revised(rows: Rows, since: datetime) -> list[LineKey]:
    """Return the lines that were told by their patient or an amount, while their shares can still move."""
    found = []
    for key in rows.revisable - rows.answered:
        match_id, share = rows.lines[key].match_id, rows.lines[key].share
        assert match_id is not None and share is not None, f"line {key} is free"
        if _young(rows, match_id, since) and rows.share(share).state not in TERMINAL and rows.invoices[share[0]].state == "signed":
            found.append(key)
    return found


def _orders(rows: Rows, since: datetime, credits: Iterable[CreditRow], revised: Iterable[LineKey]) -> list[OrderRow]:
    young = {credit.match_id for credit in credits if credit.match_id is not None}
    chosen = {name for name in rows.free_orders if rows.orders[name].total}
    for match_id in young:
        chosen |= rows.paid_by[match_id]
    chosen.update(order for order, _ in rows.free_lines)
    chosen.update(order for order, _ in revised)
    for token in {token for credit in credits for token in quoted_tokens(credit.line)}:
        chosen.update(rows.by_reference.get(token, ()))
    found = (rows.orders[name] for name in sorted(chosen))
    return [order._replace(free=order.match_id is None or order.match_id in young) for order in found]


def _parts(
    rows: Rows, lines: Iterable[LineRow], billers: Mapping[UUID, str | None], hidden: Collection[UUID]
) -> tuple[list[PartRow], set[UUID]]:
    """Return the parts that lines may pay, and the invoices of those told by their patient or their payments rather than by all keys."""
    seen: dict[UUID, InvoiceRow] = {}
    told_by: set[UUID] = set()
    lost: set[Patient] = set()
    for line in lines:
        biller = line.biller or billers[line.order_id]
        named = _signed(rows, rows.numbered.get((biller, line.invoice_number), ()) if biller and line.invoice_number else (), hidden)
        seen.update((one.id, one) for one in named)
        if line.insured is None and line.amount < 0:
            told_by.update(one.id for one in named)
        patient = _patient(line)
        if patient is not None and (line.share is not None or patient not in map(_patient_of, named)):
            lost.add(patient)
    for patient in lost:
        found = _signed(rows, rows.patients.get(patient, ()), hidden)
        seen.update((one.id, one) for one in found)
        told_by.update(one.id for one in found)
    return [part for name in sorted(seen) for part in _parts_of(seen[name])], told_by


def _signed(rows: Rows, names: Iterable[UUID], hidden: Collection[UUID]) -> list[InvoiceRow]:
    found = (rows.invoices[name] for name in names if name not in hidden)
    return [invoice for invoice in found if invoice.state == "signed"]


def _patient(line: LineRow) -> Patient | None:
    if line.biller is None or line.insured is None or line.care_date is None:
        return None
    return line.biller, line.insured, line.care_date


def _patient_of(invoice: InvoiceRow) -> Patient:
    return invoice.biller, invoice.insured, invoice.care_date


def _parts_of(invoice: InvoiceRow) -> list[PartRow]:
    shares = [share for part, share in sorted(invoice.shares.items()) if part != PATIENT]
    return [
        PartRow(
            invoice.id, invoice.biller, invoice.number, invoice.insured, invoice.care_date, share.part, share.payer,
            share.amount - share.closed, share.announced, share.lot, share.state,
        )
        for share in shares
    ]  # fmt: skip


def _taken(rows: Rows, told_by: Iterable[UUID], again: Collection[UUID | None]) -> Iterable[TakenRow]:
    for invoice in told_by:
        for part, share in rows.invoices[invoice].shares.items():
            for key in rows.on_share.get((invoice, part), ()):
                line = rows.lines[key]
                # A claimed reject closes nothing.
                claimed = key in rows.answered and line.status == "rejected"
                if line.match_id not in again and not claimed:
                    yield TakenRow(invoice, share.part, line.status, line.amount)


def share_lines(rows: Rows, shares: Iterable[Share], orders: Iterable[UUID]) -> list[ShareLineRow]:
    """Return every line on the given shares and on those that the orders pay, share by share; one row for a share of none."""
    touched = set(shares)
    for order in orders:
        touched.update(paid for key in rows.lines_of.get(order, ()) if (paid := rows.lines[key].share) is not None)
    found = []
    for invoice, part in sorted(touched):
        share = rows.share((invoice, part))
        said = invoice, share.part, share.amount, share.transport, share.state, share.announced, share.credited
        keys = sorted(rows.on_share.get((invoice, part), ()), key=lambda key: _paid_on(rows, key))
        for line in map(rows.lines.__getitem__, keys):
            credited = rows.orders[line.order_id].match_id is not None
            found.append(
                ShareLineRow(
                    *said, line.status, line.amount, line.reject_code, line.order_id, credited, (line.order_id, line.line) in rows.answered
                )
            )
        if not keys:
            found.append(ShareLineRow(*said, None, 0, None, None, False))
    return found


def _paid_on(rows: Rows, key: LineKey) -> tuple[date, str, int]:
    order = rows.orders[key[0]]
    return order.payment_date, order.ref, key[1]
