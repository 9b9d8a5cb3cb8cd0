# SPDX-License-Identifier: Apache-2.0
"""Invoices and their shares in the database; the caller owns the transaction."""

from array import array
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from desmos_fast.base.errors import Conflict
from desmos_fast.base.types import KeyKind
from desmos_fast.billing import rules
from desmos_fast.billing.sealed import Block
from desmos_fast.db.kernel import Kind
from desmos_fast.db.leaf import Column, copy_in
from desmos_fast.db.pipeline import expecting
from desmos_fast.db.pool import Connection

Row: TypeAlias = asyncpg.Record
# Leaves name their own constraints: `invoice_3_tenant_id_biller_number_key`.
NUMBER_CONSTRAINT: Final = "_biller_number_key"

USED: Final = "SELECT number FROM invoice WHERE tenant_id = $1 AND biller = $2 AND number = ANY($3::bigint[])"
# Among the last ones that were taken from the counter.
USED_LAST: Final = """
    SELECT number FROM invoice
     WHERE tenant_id = $1 AND biller = $2
       AND number > (SELECT value - $3::bigint FROM counter WHERE tenant_id = $1 AND kind = 'invoice' AND name = $2)
       AND number <= (SELECT value FROM counter WHERE tenant_id = $1 AND kind = 'invoice' AND name = $2)
"""
NONE_USED: Final = expecting("SELECT 1 FROM invoice WHERE tenant_id = $1 AND biller = $2 AND number > $3 AND number <= $4", "0")
NEXT_USED: Final = "SELECT number FROM invoice WHERE tenant_id = $1 AND biller = $2 AND number >= $3 ORDER BY number LIMIT 10000"
FIND: Final = """
    SELECT id, number, biller, state, care_date, total, from_amo, from_amc, desk, third_party, security, supersedes
      FROM invoice WHERE tenant_id = $1 AND id = $2
"""
SHARES: Final = """
    SELECT s.part, s.payer, s.flow, s.amount, s.state, s.announced, s.credited, s.reject_code, r.successor_id AS successor,
           l.id AS lot_id, l.number AS lot_number, l.state AS lot_state, l.file_id AS trace,
           l.state = 'sent' AND l.ack_missing_at IS NOT NULL AS ack_missing
      FROM share AS s
      LEFT JOIN lot AS l ON l.tenant_id = s.tenant_id AND l.id = s.lot_id
      LEFT JOIN recycling AS r ON r.tenant_id = s.tenant_id AND r.invoice_id = s.invoice_id AND r.part = s.part
     WHERE s.tenant_id = $1 AND s.invoice_id = $2
     ORDER BY array_position(ARRAY['amo', 'amc', 'patient'], s.part)
"""
EVENTS: Final = """
    SELECT happened_at, name, part, actor, detail FROM event WHERE tenant_id = $1 AND invoice_id = $2 ORDER BY happened_at, id
"""
STAGES: Final = """
    SELECT trace, stage, noted_at AS at, claims, fees, amo, amc, hash FROM stage_total
     WHERE tenant_id = $1 AND trace = ANY($2::uuid[])
     ORDER BY trace, array_position(ARRAY['signed', 'lot', 'file', 'sent', 'acknowledged'], stage)
"""


class NumberClash(Conflict):
    """Two transactions gave one invoice number; the one that sees this looks again."""


class Tables(NamedTuple):
    """Columns of the rows to add; no share for drafts."""

    invoices: dict[str, Column]
    shares: dict[str, Column] | None


class Found(NamedTuple):
    """One invoice, its shares with their lots, its events in order, and the stages of the files that it is in."""

    invoice: Row
    shares: Sequence[Row]
    events: Sequence[Row]
    stages: Sequence[Row]


async def used_numbers(con: Connection, tenant: UUID, biller: str, numbers: Sequence[int]) -> set[int]:
    """Return which of these numbers the biller's invoices have."""
    return {row["number"] for row in await con.fetch(USED, tenant, biller, numbers)} if numbers else set()


async def run_length(con: Connection, tenant: UUID, biller: str, number: int) -> int:
    """Return how many used numbers, 10,000 at most, follow one another from `number` on; 0 when it is free."""
    used = await con.fetch(NEXT_USED, tenant, biller, number)
    return next((place for place, row in enumerate(used) if row["number"] != number + place), len(used))


async def add(con: Connection, tenant: UUID, found: Tables) -> None:
    """Add the rows of a block. Raises NumberClash when another transaction gave one of its numbers meanwhile."""
    try:
        await copy_in(con, "invoice", tenant, found.invoices)
        if found.shares is not None:
            await copy_in(con, "share", tenant, found.shares)
    except asyncpg.UniqueViolationError as error:
        if not (error.constraint_name or "").endswith(NUMBER_CONSTRAINT):
            raise
        raise NumberClash("an invoice number was given twice at once") from error


def tables(block: Block, *, kind: KeyKind, signed_at: datetime | None, supersedes: UUID | None = None) -> Tables:
    """Lay out the rows of a block, which stands in ascending order of number: two that clash wait for each other, never in a circle.

    `supersedes` is the invoice that those of the block take the place of.
    """
    invoices = _invoices(block, kind, signed_at)
    if supersedes is not None:
        invoices["supersedes"] = Column(Kind.UUID, supersedes)
    return Tables(invoices, None if signed_at is None else _shares(block))


async def find(con: Connection, tenant: UUID, invoice: UUID) -> Found | None:
    """Return one invoice of the tenant with all that is shown of it, or None."""
    row = await con.fetchrow(FIND, tenant, invoice)
    if row is None:
        return None
    shares = await con.fetch(SHARES, tenant, invoice)
    files = list({share["trace"] for share in shares if share["trace"] is not None})
    stages = await con.fetch(STAGES, tenant, files) if files else []
    return Found(row, shares, await con.fetch(EVENTS, tenant, invoice), stages)


def _invoices(block: Block, kind: KeyKind, signed_at: datetime | None) -> dict[str, Column]:
    invoices, splits = block.invoices, block.splits
    return {
        "id": Column(Kind.UUID, block.ids),
        "biller": Column(Kind.TEXT, [invoice.biller for invoice in invoices]),
        "number": Column(Kind.INT8, array("q", [invoice.number for invoice in invoices])),
        "kind": Column(Kind.TEXT, kind),
        "state": Column(Kind.TEXT, "priced" if signed_at is None else "signed"),
        "security": Column(Kind.TEXT, [invoice.security for invoice in invoices]),
        "third_party": Column(Kind.TEXT, [invoice.third_party for invoice in invoices]),
        "created_on": Column(Kind.DATE, [date.fromisoformat(invoice.created_on or "") for invoice in invoices]),
        "care_date": Column(Kind.DATE, [date.fromisoformat(invoice.acts[0].date) for invoice in invoices]),
        "destination": Column(Kind.INT4, array("q", [rules.destination(invoice) for invoice in invoices])),
        "amc_number": Column(Kind.INT8, array("q", [rules.amc_digits(invoice) for invoice in invoices])),
        "amc_apart": Column(Kind.BOOL, [rules.is_apart(*both) for both in zip(invoices, splits, strict=True)]),
        "executor_am": Column(Kind.INT8, array("q", [int(invoice.acts[0].executor.am) for invoice in invoices])),
        "fees": Column(Kind.INT8, block.fees),
        "amo": Column(Kind.INT8, block.amo),
        "amc": Column(Kind.INT8, block.amc),
        "amc_sum": Column(Kind.INT8, array("q", [split.amc_sum for split in splits])),
        "total": Column(Kind.INT8, array("q", [split.total for split in splits])),
        "from_amo": Column(Kind.INT8, array("q", [split.from_amo for split in splits])),
        "from_amc": Column(Kind.INT8, array("q", [split.from_amc for split in splits])),
        "desk": Column(Kind.INT8, array("q", [split.desk for split in splits])),
        "insured_key": Column(Kind.BYTEA, block.insured),
        "content_hash": Column(Kind.BYTEA, block.hashes),
        "sealed": Column(Kind.BYTEA, block.sealed),
        # A column of one value needs a value, and NULL is none.
        "signed_at": Column(Kind.TIMESTAMPTZ, [signed_at] * len(invoices)),
    }


def _shares(block: Block) -> dict[str, Column]:
    pairs = [(invoice, share) for invoice, shares in zip(block.ids, block.shares, strict=True) for share in shares]
    states = [share.state for _, share in pairs]
    return {
        "invoice_id": Column(Kind.UUID, [invoice for invoice, _ in pairs]),
        "part": Column(Kind.TEXT, [share.part for _, share in pairs]),
        "payer": Column(Kind.TEXT, [share.payer for _, share in pairs]),
        "flow": Column(Kind.INT2, array("q", [share.flow for _, share in pairs])),
        "amount": Column(Kind.INT8, array("q", [share.amount for _, share in pairs])),
        "transport": Column(Kind.TEXT, states),
        "state": Column(Kind.TEXT, states),
    }
