# SPDX-License-Identifier: Apache-2.0
"""What the API answers about invoices, and why it refuses; amounts are integer cents."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.base.types import Part
from desmos_fast.exchange.faults import Fault


class InvoiceNotFound(InvalidInput):
    """No such invoice in this centre; another centre's looks the same."""

    code = "not_found"


class BatchTooLong(InvalidInput):
    """A batch holds more invoices than one request takes."""

    code = "batch_too_long"


class InvoiceNumbersExhausted(Conflict):
    """No free invoice number is left for the biller."""

    code = "invoice_numbers_exhausted"


class Created(msgspec.Struct, frozen=True):
    """An invoice that was just kept, and how the centre is paid for it, in cents."""

    id: UUID
    number: int
    state: str
    total: int
    from_amo: int
    from_amc: int
    desk: int


class LineResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one line of a batch: an id and a number, or errors."""

    line: int
    id: UUID | None = None
    number: int | None = None
    errors: tuple[Fault, ...] = ()


class BatchResult(msgspec.Struct, frozen=True):
    """What became of a batch, line by line."""

    accepted: int
    refused: int
    results: list[LineResult]


class ShareLot(msgspec.Struct, frozen=True):
    """The lot in which a share stands."""

    id: UUID
    number: int
    state: str


class ShareView(msgspec.Struct, frozen=True):
    """One share as the centre sees it; amounts in cents."""

    part: Part
    payer: str
    flow: int
    amount: int
    state: str
    announced: int
    credited: int
    reject_code: str | None
    lot: ShareLot | None


class Happened(msgspec.Struct, frozen=True):
    """One event on the timeline of an invoice."""

    at: datetime
    event: str
    part: str | None
    detail: msgspec.Raw | None


class InvoiceView(msgspec.Struct, frozen=True):
    """One invoice as the centre sees it, without the people it names; amounts in cents."""

    id: UUID
    number: int
    biller: str
    state: str
    document: str
    care_date: date
    total: int
    from_amo: int
    from_amc: int
    desk: int
    third_party: str
    security: str
    supersedes: UUID | None
    shares: list[ShareView]
    timeline: list[Happened]
