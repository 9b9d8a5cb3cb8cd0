# SPDX-License-Identifier: Apache-2.0
"""Rejected shares in the database; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from desmos_fast.db.pool import Connection

CODES: Final = """
    SELECT n.invoice_id, n.part, s.payer, l.code, l.day
      FROM unnest($2::uuid[], $3::text[]) AS n (invoice_id, part)
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = n.invoice_id AND s.part = n.part
     CROSS JOIN LATERAL (
               SELECT coalesce(l.reject_code, '') AS code, o.payment_date AS day
                 FROM order_line AS l JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
                WHERE l.tenant_id = $1 AND l.share_invoice_id = n.invoice_id AND coalesce(l.share_part, l.part) = n.part
                  AND l.match_id IS NOT NULL AND l.status = 'rejected'
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
