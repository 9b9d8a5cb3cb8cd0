# SPDX-License-Identifier: Apache-2.0
"""Rejected shares in the database, and the payments that may be theirs; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import KeyKind
from desmos_fast.db.pool import Connection
from desmos_fast.nomenclature.rejects import RejectTable
from desmos_fast.settlement.rejects.model import Wanted

Row: TypeAlias = asyncpg.Record
SQL: Final = Path(__file__).parent / "sql"

CODES: Final = """
    SELECT n.invoice_id, n.part, s.payer, l.code, l.day
      FROM unnest($2::uuid[], $3::text[]) AS n (invoice_id, part)
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = n.invoice_id AND s.part = n.part
     CROSS JOIN LATERAL (
               SELECT coalesce(l.reject_code, '') AS code, o.payment_date AS day
                 FROM order_line AS l JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
                WHERE l.tenant_id = $1 AND l.share_invoice_id = n.invoice_id AND coalesce(l.share_part, l.part) = n.part
                  AND l.match_id IS NOT NULL AND l.status = 'rejected' AND NOT l.answered
                ORDER BY o.payment_date DESC, o.ref DESC, l.line DESC LIMIT 1
           ) AS l
"""


class CodeRow(NamedTuple):
    """The code that a share was rejected with last, by whom it is paid, and the day of the payment order that says so."""

    invoice: UUID
    part: str
    payer: str
    code: str
    day: date


async def codes(con: Connection, tenant: UUID, shares: Sequence[tuple[UUID, str]]) -> list[CodeRow]:
    """Return the last code of each of these shares that was rejected."""
    rows = await con.fetch(CODES, tenant, [invoice for invoice, _ in shares], [part for _, part in shares])
    return [CodeRow(*row) for row in rows]


# --- the queue

_QUEUE: Final = (SQL / "queue.sql").read_text(encoding="utf-8")
LISTED: Final = _QUEUE.replace(
    "--what--",
    """SELECT * FROM asked WHERE $21::uuid IS NULL OR (invoice_id, part) > ($21::uuid, $22::text) ORDER BY invoice_id, part LIMIT $23""",
)
COUNTED: Final = _QUEUE.replace(
    "--what--",
    """SELECT name, owner, days, count(*) AS count, sum(still_open)::bigint AS cents FROM asked GROUP BY name, owner, days""",
)


def _asked(tenant: UUID, today: date, table: RejectTable, wanted: Wanted) -> list[Any]:
    known = [(row.code, row.payer_kind, row.name, row.owner, row.since, row.until) for row in table.codes]
    kinds = [(row.name, row.owner, row.since, row.until) for row in table.classes]
    columns = [*_columns(known, 6), *_columns(kinds, 4)]
    asked = (wanted.name, wanted.owner, wanted.code, wanted.payer, wanted.assigned, wanted.youngest, wanted.oldest, wanted.invoice)
    return [tenant, today, *columns, *asked]


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [[row[column] for row in rows] for column in range(width)]


async def listed(
    con: Connection, tenant: UUID, today: date, table: RejectTable, wanted: Wanted, after: tuple[UUID, str] | None, limit: int
) -> list[Row]:
    """Return rejected shares in the order of their invoices, from the one that follows `after` on."""
    return await con.fetch(LISTED, *_asked(tenant, today, table, wanted), *(after or (None, None)), limit)


async def counted(con: Connection, tenant: UUID, today: date, table: RejectTable, wanted: Wanted) -> list[Row]:
    """Return how many rejected shares there are of each class, owner and number of days, and what is open on them."""
    return await con.fetch(COUNTED, *_asked(tenant, today, table, wanted))


PAYMENTS: Final = (SQL / "payments.sql").read_text(encoding="utf-8")


async def payments(con: Connection, tenant: UUID, invoice: UUID, part: str) -> list[Row]:
    """Return the order lines that may pay a share, those with the most in common with it first."""
    return await con.fetch(PAYMENTS, tenant, invoice, part)


# --- what is billed again, claimed, assigned

SHARES: Final = """
    SELECT part, payer, amount, announced, closed, transport, state FROM share WHERE tenant_id = $1 AND invoice_id = $2
"""
INVOICE: Final = "SELECT id, biller, number, kind, sealed, content_hash FROM invoice WHERE tenant_id = $1 AND id = $2"


class Kept(NamedTuple):
    """An invoice whose share was rejected."""

    id: UUID
    biller: str
    number: int
    kind: KeyKind
    sealed: bytes
    content_hash: bytes

    def share(self, part: str) -> str:
        """Name one of its shares, as decisions do."""
        return f"{self.biller}/{self.number}/{part}"


class ShareRow(NamedTuple):
    """A share as it stands."""

    part: str
    payer: str
    amount: int
    announced: int
    closed: int
    transport: str
    state: str

    @property
    def open(self) -> int:
        """Return what is still due, in cents."""
        return max(self.amount - self.closed - self.announced, 0)


async def find(con: Connection, tenant: UUID, invoice: UUID) -> Kept | None:
    """Return an invoice, or None."""
    row = await con.fetchrow(INVOICE, tenant, invoice)
    return None if row is None else Kept(*row)


async def shares(con: Connection, tenant: UUID, invoice: UUID) -> dict[str, ShareRow]:
    """Return the shares of an invoice by part."""
    return {row["part"]: ShareRow(*row) for row in await con.fetch(SHARES, tenant, invoice)}


RECYCLE: Final = """
    UPDATE share AS s SET state = 'recycled', closed = s.closed + r.open
      FROM unnest($3::text[], $4::bigint[]) AS r (part, open)
     WHERE s.tenant_id = $1 AND s.invoice_id = $2 AND s.part = r.part AND s.state = 'rejected'
"""
ADD_RECYCLING: Final = """
    INSERT INTO recycling (tenant_id, invoice_id, part, successor_id, decision_id)
    SELECT $1, $2, r.part, $4, $5 FROM unnest($3::text[]) AS r (part)
"""


async def recycle(con: Connection, tenant: UUID, invoice: UUID, opens: Mapping[str, int], successor: UUID, decision: UUID) -> None:
    """End the parts of an invoice that another one bills again; `opens` is what was open on each. Raises OurBug for one not rejected."""
    status = await con.execute(RECYCLE, tenant, invoice, list(opens), list(opens.values()))
    if status != f"UPDATE {len(opens)}":
        raise OurBug(f"{len(opens)} rejected shares were to end, PostgreSQL says {status}")
    await con.execute(ADD_RECYCLING, tenant, invoice, list(opens), successor, decision)


ANSWER: Final = """
    UPDATE order_line AS l SET answered = true
      FROM payment_order AS o
     WHERE l.tenant_id = $1 AND l.share_invoice_id = $2 AND coalesce(l.share_part, l.part) = $3 AND l.match_id IS NOT NULL
       AND l.status = 'rejected' AND NOT l.answered AND o.tenant_id = $1 AND o.id = l.order_id
 RETURNING o.ref || '#' || l.line AS name
"""
PEND: Final = """
    UPDATE share SET transport = 'pending'
     WHERE tenant_id = $1 AND invoice_id = $2 AND part = $3 AND transport IN ('sent', 'received')
"""


async def claim(con: Connection, tenant: UUID, invoice: UUID, part: str) -> list[str]:
    """Let the rejected lines of a share count for nothing, and what was sent of it wait; return the names of the lines."""
    names = sorted(row["name"] for row in await con.fetch(ANSWER, tenant, invoice, part))
    await con.execute(PEND, tenant, invoice, part)
    return names
