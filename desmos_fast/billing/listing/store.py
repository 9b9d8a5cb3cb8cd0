# SPDX-License-Identifier: Apache-2.0
"""Reads of the list of invoices; the caller owns the transaction."""

from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from desmos_fast.base.clock import PARIS
from desmos_fast.billing.listing.model import Wanted
from desmos_fast.db.pool import Connection

Row = asyncpg.Record
FIRST: Final = UUID(int=0)
LAST: Final = UUID(int=2**128 - 1)
# How many invoices a page with filters looks at, at most: what is rare costs more pages, and never one that takes long.
LOOKED_AT: Final = 10_000
NUMBERED: Final = "SELECT id FROM invoice WHERE tenant_id = $1 AND biller = $2 AND number = $3"
# Ids are made in the order of time: the key of the table gives the newest first, and a page costs the same at any depth. The last invoice
# that was looked at comes along, wanted or not: the next page begins after it.
INVOICES: Final = """
    SELECT i.id, i.number, i.biller, i.state AS document, i.created_on, i.care_date, i.executor_am, i.total, i.from_amo, i.from_amc,
           i.desk, i.third_party, i.security, i.supersedes, i.place, w.yes AS wanted, s.*
      FROM (SELECT id, number, biller, state, created_on, care_date, executor_am, total, from_amo, from_amc, desk, third_party, security,
                   supersedes, row_number() OVER (ORDER BY id DESC) AS place
              FROM invoice WHERE tenant_id = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4) AS i
     CROSS JOIN LATERAL (SELECT
               ($6::text IS NULL OR i.state = $6) AND ($7::bigint IS NULL OR i.executor_am = $7)
               AND ($8::date IS NULL OR i.care_date >= $8) AND ($9::date IS NULL OR i.care_date <= $9)
               AND ($10::text IS NULL AND $11::text IS NULL OR EXISTS (
                   SELECT FROM share AS o WHERE o.tenant_id = $1 AND o.invoice_id = i.id
                      AND ($10 IS NULL OR o.state = $10) AND ($11 IS NULL OR o.payer = $11))) AS yes) AS w
     CROSS JOIN LATERAL (
           SELECT array_agg(p.part) AS parts, array_agg(p.payer) AS payers, array_agg(p.flow) AS flows, array_agg(p.amount) AS amounts,
                  array_agg(p.state) AS states, bool_or(p.announced > p.amount) AS conflict, bool_or(p.missing) AS ack_missing
             FROM (SELECT q.*, q.state = 'sent' AND l.state = 'sent' AND l.ack_missing_at IS NOT NULL AS missing
                     FROM share AS q LEFT JOIN lot AS l ON l.tenant_id = $1 AND l.id = q.lot_id
                    WHERE q.tenant_id = $1 AND q.invoice_id = i.id
                    ORDER BY array_position(ARRAY['amo', 'amc', 'patient'], q.part)) AS p) AS s
     WHERE w.yes OR i.place = $4
     ORDER BY i.id DESC LIMIT $5
"""


def made_from(day: date) -> UUID:
    """Return what ids made from the beginning of a day in Paris on are not below: their first 48 bits are milliseconds."""
    return UUID(int=max(0, int(datetime.combine(day, time(), PARIS).timestamp() * 1000)) << 80)


async def numbered(con: Connection, tenant: UUID, biller: str, number: int) -> UUID | None:
    """Return the invoice that has a number."""
    found: UUID | None = await con.fetchval(NUMBERED, tenant, biller, number)
    return found


async def invoices(con: Connection, tenant: UUID, wanted: Wanted, only: UUID | None = None) -> tuple[list[Row], UUID | None]:
    """Return the rows of a page, and the id after which the next one begins; of `only` when it is given."""
    low, high = _span(wanted)
    if only is not None:
        low, high = max(low, only), min(high, UUID(int=only.int + 1))
    filters = (wanted.document, wanted.executor, wanted.care_since, wanted.care_until, wanted.share, wanted.payer)
    seen = LOOKED_AT if any(given is not None for given in filters) else wanted.limit + 1
    rows = await con.fetch(INVOICES, tenant, high, low, seen, wanted.limit + 1, *filters)
    page = [row for row in rows[: wanted.limit] if row["wanted"]]
    if len(rows) > wanted.limit:
        return page, rows[wanted.limit - 1]["id"]
    return page, rows[-1]["id"] if rows and rows[-1]["place"] == seen else None


def _span(wanted: Wanted) -> tuple[UUID, UUID]:
    """Return between which ids a page may lie: from the lower one on, below the other."""
    low = FIRST if wanted.since is None else made_from(wanted.since)
    high = LAST if wanted.until is None else made_from(wanted.until + timedelta(days=1))
    return low, high if wanted.before is None else min(high, wanted.before)
