# SPDX-License-Identifier: Apache-2.0
"""Years of a centre: one invented quarter after the other, each with invoices, orders and statements of its own."""

from datetime import date, timedelta
from typing import Final, NamedTuple

import msgspec

from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import Invoice, Order, Payer
from tests.generators.labelled import labelled

QUARTER: Final = 91
LAST_NUMBER: Final = 10**6


class Years(NamedTuple):
    """What is matched."""

    invoices: list[Invoice]
    orders: list[Order]
    bank: list[BankLine]
    payers: list[Payer]


def years(quarters: int, invoices: int) -> Years:
    """Invent so many quarters of so many invoices."""
    found = Years([], [], [], [])
    payers: dict[str, Payer] = {}
    for quarter in range(quarters):
        world = labelled(quarter, invoices, "medium")
        later = timedelta(QUARTER * quarter)
        found.invoices.extend(_invoice(one, quarter, later) for one in world.invoices)
        found.orders.extend(_order(one, quarter, later) for one in world.orders)
        found.bank.extend(_line(one, quarter, later) for one in world.bank)
        for payer in world.payers:
            known = payers.setdefault(payer.id, payer)
            names, pays_for = sorted({*known.names, *payer.names}), sorted({*known.pays_for, *payer.pays_for})
            payers[payer.id] = msgspec.structs.replace(known, names=tuple(names), pays_for=tuple(pays_for))
    found.payers.extend(payers.values())
    return found


def _invoice(one: Invoice, quarter: int, later: timedelta) -> Invoice:
    number = one.number + quarter * LAST_NUMBER
    return msgspec.structs.replace(one, id=f"{one.biller}/{number}", number=number, care_date=one.care_date + later)


def _order(one: Order, quarter: int, later: timedelta) -> Order:
    lines = tuple(
        msgspec.structs.replace(
            line,
            invoice_number=None if line.invoice_number is None else line.invoice_number + quarter * LAST_NUMBER,
            care_date=_moved(line.care_date, later),
        )
        for line in one.lines
    )
    return msgspec.structs.replace(one, id=f"{quarter}.{one.id}", payment_date=one.payment_date + later, lines=lines)


def _line(one: BankLine, quarter: int, later: timedelta) -> BankLine:
    source = msgspec.structs.replace(one.source, file_sha256=f"{quarter:04x}{one.source.file_sha256[4:]}")
    booked = one.booking_date + later
    return msgspec.structs.replace(one, id=f"{quarter}.{one.id}", source=source, booking_date=booked, value_date=booked)


def _moved(day: date | None, later: timedelta) -> date | None:
    return None if day is None else day + later
