# SPDX-License-Identifier: Apache-2.0
"""Invoices as a centre looks through them, a page at a time. Amounts are integer cents."""

from datetime import date
from typing import Final, Literal
from uuid import UUID

import msgspec

from desmos_fast.base.types import Part

PAGE: Final = 200
Document = Literal["priced", "signed", "void"]
ShareState = Literal[
    "open", "lotted", "sent", "received", "pending", "file_refused", "rejected", "announced", "announced_part", "settled", "settled_part",
    "indu", "recycled", "to_patient", "written_off", "time_barred", "void", "not_due", "due", "part_paid", "paid", "refund_due",
]  # fmt: skip


class ShareLine(msgspec.Struct, frozen=True):
    """One share of an invoice in a list."""

    part: Part
    payer: str
    flow: int
    amount: int
    state: str


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice in a list, without the people it names; amounts in cents, `executor` the number of who did the first act."""

    id: UUID
    number: int
    biller: str
    state: str
    document: str
    created_on: date
    care_date: date
    executor: str
    total: int
    from_amo: int
    from_amc: int
    desk: int
    third_party: str
    security: str
    supersedes: UUID | None
    shares: list[ShareLine]


class InvoicePage(msgspec.Struct, frozen=True):
    """Invoices, the newest first; `next` is the cursor of what follows, null at the end: before it a page may hold few, or none."""

    invoices: list[InvoiceLine]
    next: str | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the list: all that is given must hold, `share` and `payer` of one share; days included.

    `since` and `until` are days of Paris on which the service took an invoice in, `before` the invoice after which a page begins.
    """

    number: int | None = None
    document: str | None = None
    share: str | None = None
    payer: str | None = None
    executor: int | None = None
    care_since: date | None = None
    care_until: date | None = None
    since: date | None = None
    until: date | None = None
    before: UUID | None = None
    limit: int = PAGE
