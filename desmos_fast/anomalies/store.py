# SPDX-License-Identifier: Apache-2.0
"""Anomalies in the database; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from desmos_fast.anomalies.model import AnomalyShown, Found, Kind
from desmos_fast.base.types import uuid7
from desmos_fast.db.pool import Connection

# Seen again it is the same one, with what is found now; nothing is written when that is the same.
NOTE: Final = """
    INSERT INTO anomaly (tenant_id, id, kind, stage, subject, expected, found, trace, noticed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (tenant_id, kind, subject) WHERE resolved_at IS NULL DO UPDATE SET found = excluded.found
     WHERE anomaly.found IS DISTINCT FROM excluded.found
    RETURNING id
"""
CLEAR: Final = """
    UPDATE anomaly SET resolved_at = $4, resolved_by = $5
     WHERE tenant_id = $1 AND kind = $2 AND subject = ANY($3::uuid[]) AND resolved_at IS NULL
 RETURNING id
"""
RESOLVE: Final = """
    UPDATE anomaly SET resolved_at = $3, resolved_by = $4 WHERE tenant_id = $1 AND id = $2 AND resolved_at IS NULL RETURNING id
"""
FIND: Final = "SELECT * FROM anomaly WHERE tenant_id = $1 AND id = $2"
OPEN: Final = "SELECT * FROM anomaly WHERE tenant_id = $1 AND resolved_at IS NULL ORDER BY id DESC LIMIT $2"
EVERY: Final = "SELECT * FROM anomaly WHERE tenant_id = $1 ORDER BY id DESC LIMIT $2"
# Two workers that look at once tell of different ones.
UNTOLD: Final = "SELECT * FROM anomaly WHERE tenant_id = $1 AND told_at IS NULL ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED"
TOLD: Final = "UPDATE anomaly SET told_at = $3 WHERE tenant_id = $1 AND id = ANY ($2::uuid[])"
COUNTS: Final = """
    SELECT kind, count(*) AS number, min(noticed_at) AS oldest FROM anomaly WHERE tenant_id = $1 AND resolved_at IS NULL GROUP BY kind
"""


async def note(con: Connection, tenant: UUID, now: datetime, found: Found) -> UUID | None:
    """Keep an anomaly and return its id, or None when it was open already."""
    name = uuid7()
    kept = await con.fetchval(
        NOTE, tenant, name, found.kind.value, found.stage, found.subject, _json(found.expected), _json(found.found), found.trace, now
    )
    return name if kept == name else None


async def clear(con: Connection, tenant: UUID, now: datetime, kind: Kind, subjects: Sequence[UUID], by: str) -> list[UUID]:
    """Close what is open of a kind for these subjects, and return it."""
    return [row["id"] for row in await con.fetch(CLEAR, tenant, kind.value, subjects, now, by)]


async def resolve(con: Connection, tenant: UUID, now: datetime, anomaly: UUID, by: str) -> bool:
    """Close one anomaly; return False when it was not open."""
    return await con.fetchval(RESOLVE, tenant, anomaly, now, by) is not None


async def find(con: Connection, tenant: UUID, anomaly: UUID) -> AnomalyShown | None:
    """Return one anomaly of the tenant, or None."""
    row = await con.fetchrow(FIND, tenant, anomaly)
    return None if row is None else _shown(row)


async def some(con: Connection, tenant: UUID, most: int, *, closed: bool) -> list[AnomalyShown]:
    """Return anomalies, the latest first; with `closed` those that were resolved too."""
    return [_shown(row) for row in await con.fetch(EVERY if closed else OPEN, tenant, most)]


async def untold(con: Connection, tenant: UUID, most: int) -> list[AnomalyShown]:
    """Return anomalies that nobody was told of, and keep them from others until the transaction ends."""
    return [_shown(row) for row in await con.fetch(UNTOLD, tenant, most)]


async def told(con: Connection, tenant: UUID, now: datetime, anomalies: Sequence[UUID]) -> None:
    """Say that people were told of these."""
    await con.execute(TOLD, tenant, anomalies, now)


async def counts(con: Connection, tenant: UUID) -> list[tuple[str, int, datetime]]:
    """Return, by kind, how many are open and since when the oldest is."""
    return [tuple(row) for row in await con.fetch(COUNTS, tenant)]


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _shown(row: asyncpg.Record) -> AnomalyShown:
    fields = {name: row[name] for name in AnomalyShown.__struct_fields__}
    read = {name: None if row[name] is None else msgspec.json.decode(row[name]) for name in ("expected", "found")}
    return AnomalyShown(**fields | read)
