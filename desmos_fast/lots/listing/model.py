# SPDX-License-Identifier: Apache-2.0
"""Lots and files as a centre looks through them: pages of each, and one lot or file whole."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from desmos_fast.base.types import FileId, LotId

PAGE: Final = 200


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for, newest first: those older than `before`, days included, `low` and `high` bound the destination."""

    state: str | None = None
    since: date | None = None
    until: date | None = None
    low: int | None = None
    high: int | None = None
    before: UUID | None = None
    limit: int = PAGE


class FileName(msgspec.Struct, frozen=True):
    """A file by its id and the name that it is sent with."""

    id: FileId
    name: str


class LotLine(msgspec.Struct, frozen=True, kw_only=True):
    """One lot; `destination` is regime/caisse/centre, amounts are cents, `amc_number` is null in flow 1."""

    id: LotId
    number: int
    cycle: int
    state: str
    flow: int
    destination: str
    amc_number: str | None
    security: str
    date: date
    invoices: int
    fees: int
    amo: int
    amc: int
    arl_code: str | None
    file: FileName


class LotPage(msgspec.Struct, frozen=True):
    """Lots, the newest first; `next` is the cursor of what follows, null at the end."""

    lots: list[LotLine]
    next: str | None


class FileLine(msgspec.Struct, frozen=True, kw_only=True):
    """One claim file; `sha256` in hex, `size` in bytes, sums over its lots in cents."""

    id: FileId
    name: str
    sequence: int
    state: str
    date: date
    profile: str
    size: int
    sha256: str
    created_at: datetime
    sent_at: datetime | None
    lots: int
    invoices: int
    fees: int
    amo: int
    amc: int


class FilePage(msgspec.Struct, frozen=True):
    """Files, the newest first; `next` is the cursor of what follows, null at the end."""

    files: list[FileLine]
    next: str | None


class LotPart(msgspec.Struct, frozen=True):
    """One share in a lot: `live` until another lot replaces this one."""

    part: str
    state: str
    live: bool


class LotInvoice(msgspec.Struct, frozen=True):
    """One invoice in a lot; `record` is the place, from 1, of its first record in the file."""

    id: UUID
    number: int
    record: int
    parts: list[LotPart]


class Told(msgspec.Struct, frozen=True):
    """One thing that happened; `by` is the id of the key that asked for it, `worker` or `operator`."""

    at: datetime
    event: str
    by: str | None
    detail: dict[str, Any] | None


class LotView(LotLine, frozen=True, kw_only=True):
    """One lot with what is in it and what happened to it and to its file."""

    contents: list[LotInvoice]
    timeline: list[Told]


class FileView(FileLine, frozen=True, kw_only=True):
    """One file with its lots and what happened to it."""

    contents: list[LotLine]
    timeline: list[Told]
