# SPDX-License-Identifier: Apache-2.0
"""Contacts, and which anomaly each was told of; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from desmos_fast.db.pool import Connection
from desmos_fast.notices.model import Contact, Person

HOLD: Final = "SELECT pg_advisory_xact_lock(hashtextextended('contacts of ' || $1, 4))"
COUNT: Final = "SELECT count(*), count(*) FILTER (WHERE lower(email) = lower($2)) FROM contact WHERE tenant_id = $1 AND active"
ADD: Final = "INSERT INTO contact (tenant_id, id, finess, name, email, kinds, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
LIST: Final = """
    SELECT c.id, c.name, c.email, c.kinds, c.created_at,
           (SELECT max(n.told_at) FROM notice AS n WHERE n.tenant_id = $1 AND n.contact_id = c.id) AS told_at
      FROM contact AS c WHERE c.tenant_id = $1 AND c.active ORDER BY c.id
"""
END: Final = "UPDATE contact SET active = false WHERE tenant_id = $1 AND id = $2 AND active RETURNING id"
FINESS: Final = "SELECT finess FROM contact WHERE tenant_id = $1 LIMIT 1"
ALREADY: Final = "SELECT contact_id, anomaly_id FROM notice WHERE tenant_id = $1 AND anomaly_id = ANY ($2::uuid[])"
TOLD: Final = """
    INSERT INTO notice (tenant_id, contact_id, anomaly_id, told_at)
    SELECT $1, $2, a.id, $4 FROM unnest($3::uuid[]) AS a (id)
    ON CONFLICT (tenant_id, contact_id, anomaly_id) DO NOTHING
"""


async def hold(con: Connection, tenant: UUID) -> None:
    """Keep others from changing the contacts of a centre until the transaction ends."""
    await con.execute(HOLD, str(tenant))


async def count(con: Connection, tenant: UUID, email: str) -> tuple[int, bool]:
    """Return how many contacts there are, and whether an address is one of them."""
    row = await con.fetchrow(COUNT, tenant, email)
    assert row is not None, "the query gives one row"
    return row[0], row[1] > 0


async def add(con: Connection, tenant: UUID, name: UUID, finess: str, person: Person, now: datetime) -> None:
    """Keep somebody to be told; the number of the centre is kept beside, since a worker may not read that of others."""
    await con.execute(ADD, tenant, name, finess, person.name, person.email, [kind.value for kind in person.kinds], now)


async def find_all(con: Connection, tenant: UUID) -> list[Contact]:
    """Return everybody who is told."""
    return [Contact(**row) for row in await con.fetch(LIST, tenant)]


async def end(con: Connection, tenant: UUID, name: UUID) -> bool:
    """Tell somebody nothing more; return False when there is no such contact."""
    return await con.fetchval(END, tenant, name) is not None


async def finess(con: Connection, tenant: UUID) -> str:
    """Return the number of a centre that has contacts."""
    return str(await con.fetchval(FINESS, tenant))


async def already(con: Connection, tenant: UUID, anomalies: Sequence[UUID]) -> set[tuple[UUID, UUID]]:
    """Return who was told of which of these anomalies, as pairs of contact and anomaly."""
    return {(row["contact_id"], row["anomaly_id"]) for row in await con.fetch(ALREADY, tenant, anomalies)}


async def told(con: Connection, tenant: UUID, contact: UUID, anomalies: Sequence[UUID], now: datetime) -> None:
    """Say that somebody was told of these."""
    await con.execute(TOLD, tenant, contact, anomalies, now)
