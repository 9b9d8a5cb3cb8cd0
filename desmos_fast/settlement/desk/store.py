# SPDX-License-Identifier: Apache-2.0
"""The rows of the desk. Functions take a connection and never commit; writers hold the settlement lock."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from desmos_fast.base.errors import OurBug
from desmos_fast.db.pool import Connection
from desmos_fast.settlement.desk.model import Means, Part, PatientShare, Payment, Wanted

# --- shares

SHARES: Final = """
    SELECT i.id, i.biller || '/' || i.number AS name, i.number, i.care_date, i.total, s.amount, s.closed,
           (SELECT coalesce(sum(t.amount), 0)::bigint
              FROM payment_part AS t JOIN payment AS p ON p.tenant_id = $1 AND p.id = t.payment_id AND p.unpaid_at IS NULL
             WHERE t.tenant_id = $1 AND t.invoice_id = i.id) AS received,
           s.state
      FROM invoice AS i
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = i.id AND s.part = 'patient'
     WHERE i.tenant_id = $1 AND i.id = ANY ($2::uuid[]) AND i.state = 'signed'
"""
INVOICES: Final = "SELECT id, number FROM invoice WHERE tenant_id = $1 AND id = ANY ($2::uuid[])"
MOVE: Final = """
    UPDATE share AS s SET state = m.state, announced = m.received, credited = m.received, closed = m.closed
      FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[]) AS m (invoice_id, state, received, closed)
     WHERE s.tenant_id = $1 AND s.invoice_id = m.invoice_id AND s.part = 'patient'
"""


async def shares(con: Connection, tenant: UUID, invoices: Sequence[UUID]) -> dict[UUID, PatientShare]:
    """Return the patient's shares of those invoices that are signed and have one, with what all payments brought."""
    return {row["id"]: PatientShare(*row) for row in await con.fetch(SHARES, tenant, invoices)}


async def numbers(con: Connection, tenant: UUID, invoices: Sequence[UUID]) -> dict[UUID, int]:
    """Return the numbers of the invoices that the centre has."""
    return {row["id"]: row["number"] for row in await con.fetch(INVOICES, tenant, invoices)}


async def move_shares(con: Connection, tenant: UUID, moved: Sequence[PatientShare]) -> None:
    """Record what patients' shares have become. Raises OurBug when one is not there."""
    if not moved:
        return
    columns = [
        [share.invoice for share in moved], [share.state for share in moved], [share.received for share in moved],
        [share.closed for share in moved],
    ]  # fmt: skip
    status = await con.execute(MOVE, tenant, *columns)
    if status != f"UPDATE {len(moved)}":
        raise OurBug(f"{len(moved)} shares were to change, PostgreSQL says {status}")


# --- payments

# The rest: nothing of one that was taken back; what a refund gave back of it counts while the refund stands.
PAYMENT: Final = """
    SELECT p.id, p.means, p.amount, p.received_on, p.reference, p.plan, p.plan_total, p.recorded_at, p.unpaid_at,
           CASE WHEN p.unpaid_at IS NULL THEN p.amount
                - (SELECT coalesce(sum(t.amount), 0) FROM payment_part AS t WHERE t.tenant_id = $1 AND t.payment_id = p.id)
                + (SELECT coalesce(sum(t.amount), 0)
                     FROM payment_part AS t JOIN payment AS r ON r.tenant_id = $1 AND r.id = t.payment_id AND r.unpaid_at IS NULL
                    WHERE t.tenant_id = $1 AND t.source_id = p.id)
                ELSE 0 END::bigint AS rest
      FROM payment AS p
     WHERE p.tenant_id = $1
"""
ONE: Final = PAYMENT + " AND p.id = $2"
PAGE: Final = (
    PAYMENT
    + """
       AND ($2::uuid IS NULL OR p.id < $2) AND ($3::text IS NULL OR p.means = $3)
       AND ($4::text IS NULL OR (p.amount < 0) = ($4 = 'refund')) AND ($5::text IS NULL OR (p.unpaid_at IS NOT NULL) = ($5 = 'unpaid'))
       AND ($6::date IS NULL OR p.received_on >= $6) AND ($7::date IS NULL OR p.received_on <= $7)
       AND ($8::uuid IS NULL OR EXISTS (
           SELECT FROM payment_part AS t WHERE t.tenant_id = $1 AND t.payment_id = p.id AND t.invoice_id = $8))
     ORDER BY p.id DESC LIMIT $9
"""
)
PARTS: Final = """
    SELECT t.payment_id, t.invoice_id, i.number, t.source_id, t.amount
      FROM payment_part AS t LEFT JOIN invoice AS i ON i.tenant_id = $1 AND i.id = t.invoice_id
     WHERE t.tenant_id = $1 AND t.payment_id = ANY ($2::uuid[])
     ORDER BY t.payment_id, t.line
"""
ADD: Final = """
    INSERT INTO payment (tenant_id, id, means, amount, received_on, reference, plan, plan_total, recorded_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
ADD_PARTS: Final = """
    INSERT INTO payment_part (tenant_id, payment_id, line, invoice_id, source_id, amount)
    SELECT $1, $2, row_number() OVER () + (SELECT count(*) FROM payment_part WHERE tenant_id = $1 AND payment_id = $2),
           a.invoice_id, a.source_id, a.amount
      FROM unnest($3::uuid[], $4::uuid[], $5::bigint[]) AS a (invoice_id, source_id, amount)
"""
UNPAY: Final = "UPDATE payment SET unpaid_at = $3 WHERE tenant_id = $1 AND id = $2 AND unpaid_at IS NULL"
PREPAID: Final = """
    SELECT coalesce(sum(p.amount), 0)::bigint
           + (SELECT coalesce(sum(t.amount), 0)::bigint
                FROM payment_part AS t
                JOIN payment AS r ON r.tenant_id = $1 AND r.id = t.payment_id AND r.unpaid_at IS NULL
                JOIN payment AS d ON d.tenant_id = $1 AND d.id = t.source_id AND d.unpaid_at IS NULL AND d.plan = $2
               WHERE t.tenant_id = $1)
      FROM payment AS p
     WHERE p.tenant_id = $1 AND p.plan = $2 AND p.unpaid_at IS NULL
"""


async def find(con: Connection, tenant: UUID, payment: UUID) -> Payment | None:
    """Return a payment of the centre, or None."""
    row = await con.fetchrow(ONE, tenant, payment)
    return None if row is None else Payment(*row)


async def page(con: Connection, tenant: UUID, wanted: Wanted) -> list[Payment]:
    """Return one payment more than the page, if there is one."""
    bounds = (
        wanted.before, wanted.means, wanted.kind, wanted.state, wanted.since, wanted.until, wanted.invoice, wanted.limit + 1,
    )  # fmt: skip
    return [Payment(*row) for row in await con.fetch(PAGE, tenant, *bounds)]


async def parts(con: Connection, tenant: UUID, payments: Iterable[UUID]) -> dict[UUID, list[Part]]:
    """Return the parts of payments, in the order in which they were put."""
    found: dict[UUID, list[Part]] = {payment: [] for payment in payments}
    for payment, *part in await con.fetch(PARTS, tenant, list(found)):
        found[payment].append(Part(*part))
    return found


async def add(con: Connection, tenant: UUID, payment: Payment) -> None:
    """Keep a payment or a refund."""
    await con.execute(
        ADD, tenant, payment.id, payment.means, payment.amount, payment.on, payment.reference, payment.plan, payment.plan_total,
        payment.recorded_at,
    )  # fmt: skip


async def add_parts(con: Connection, tenant: UUID, payment: UUID, added: Sequence[Part]) -> None:
    """Put parts on a payment, after those that it has."""
    columns = [part.invoice for part in added], [part.payment for part in added], [part.amount for part in added]
    await con.execute(ADD_PARTS, tenant, payment, *columns)


async def unpay(con: Connection, tenant: UUID, payment: UUID, now: datetime) -> None:
    """Take a payment back. Raises OurBug when it was already."""
    status = await con.execute(UNPAY, tenant, payment, now)
    if status != "UPDATE 1":
        raise OurBug(f"a payment that stands was to be taken back, PostgreSQL says {status}")


async def prepaid(con: Connection, tenant: UUID, plan: str) -> int:
    """Return what the deposits of a plan that stand brought, less what was given back of them."""
    return int(await con.fetchval(PREPAID, tenant, plan))


# --- the till

TILL: Final = """
    SELECT means, kind, count(*) AS count, sum(amount)::bigint AS cents
      FROM (
            SELECT means, CASE WHEN amount > 0 THEN 'received' ELSE 'refunded' END AS kind, amount
              FROM payment WHERE tenant_id = $1 AND recorded_at >= $2 AND recorded_at < $3
             UNION ALL
            SELECT means, 'unpaid', -amount FROM payment WHERE tenant_id = $1 AND unpaid_at >= $2 AND unpaid_at < $3
           ) AS moved
     GROUP BY means, kind
     ORDER BY means
"""


class Moved(NamedTuple):
    """What one kind of move did to the till in one form."""

    means: Means
    kind: str
    times: int
    cents: int


async def till(con: Connection, tenant: UUID, start: datetime, end: datetime) -> list[Moved]:
    """Return what moved the till between two instants, by means and kind."""
    return [Moved(*row) for row in await con.fetch(TILL, tenant, start, end)]
