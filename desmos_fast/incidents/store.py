# SPDX-License-Identifier: Apache-2.0
"""Rows of incidents; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from desmos_fast.db.pool import Connection
from desmos_fast.incidents.model import Running

COLUMNS: Final = """id, kind, what, cause, planned, disaster, starts_at, declared_at, declared_by, acknowledged_at, degraded_at, ended_at,
    cancelled_at"""
ADD: Final = """
    INSERT INTO incident (tenant_id, id, kind, what, cause, planned, disaster, starts_at, declared_at, declared_by, degraded_at, ended_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (tenant_id, id) DO NOTHING RETURNING id
"""
FIND: Final = f"SELECT {COLUMNS} FROM incident WHERE tenant_id = $1 AND id = $2 FOR UPDATE"  # noqa: S608  # names of columns
LIST: Final = f"""
    SELECT {COLUMNS} FROM incident
     WHERE tenant_id = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::uuid IS NULL OR id < $3)
       AND (NOT $4 OR (cancelled_at IS NULL AND (ended_at IS NULL OR ended_at > $5)))
     ORDER BY id DESC LIMIT $6
"""  # noqa: S608  # names of columns
BETWEEN: Final = f"""
    SELECT {COLUMNS} FROM incident
     WHERE tenant_id = $1 AND cancelled_at IS NULL AND starts_at < $3 AND (ended_at IS NULL OR ended_at > $2) ORDER BY starts_at, id
"""  # noqa: S608  # names of columns
STOP: Final = """
    UPDATE incident SET acknowledged_at = coalesce(acknowledged_at, $3), degraded_at = coalesce(degraded_at, $4),
           ended_at = coalesce(ended_at, $5)
     WHERE tenant_id = $1 AND id = $2
"""
CANCEL: Final = "UPDATE incident SET cancelled_at = $3 WHERE tenant_id = $1 AND id = $2"
ATTRIBUTE: Final = "UPDATE incident SET cause = $3 WHERE tenant_id = $1 AND id = $2"
RUNNING: Final = "SELECT down, degraded, maintenance, unattended_since, down_since FROM incidents_running($1)"


async def add(con: Connection, tenant: UUID, *values: object) -> bool:
    """Keep an incident, its columns in their order; return False when it is there already."""
    return await con.fetchval(ADD, tenant, *values) is not None


async def find(con: Connection, tenant: UUID, name: UUID) -> Mapping[str, Any] | None:
    """Return an incident and hold it until the transaction ends, or None."""
    row = await con.fetchrow(FIND, tenant, name)
    return None if row is None else dict(row)


async def listed(
    con: Connection, tenant: UUID, kind: str | None, before: UUID | None, now: datetime, limit: int, *, running: bool
) -> Sequence[Mapping[str, Any]]:
    """Return incidents, the last declared first; `running` leaves out what is over."""
    return [dict(row) for row in await con.fetch(LIST, tenant, kind, before, running, now, limit)]


async def between(con: Connection, tenant: UUID, since: datetime, until: datetime) -> Sequence[Mapping[str, Any]]:
    """Return what ran at some time between two instants, and was not cancelled."""
    return [dict(row) for row in await con.fetch(BETWEEN, tenant, since, until)]


async def stop(
    con: Connection, tenant: UUID, name: UUID, acknowledged: datetime | None, degraded: datetime | None, ended: datetime | None
) -> None:
    """Stop those clocks of an incident that an instant is given for, and that still run."""
    await con.execute(STOP, tenant, name, acknowledged, degraded, ended)


async def cancel(con: Connection, tenant: UUID, name: UUID, now: datetime) -> None:
    """Take back what did not begin."""
    await con.execute(CANCEL, tenant, name, now)


async def attribute(con: Connection, tenant: UUID, name: UUID, cause: str) -> None:
    """Say whose an incident is."""
    await con.execute(ATTRIBUTE, tenant, name, cause)


async def running(con: Connection, now: datetime) -> Running:
    """Return what runs in all centres together."""
    row = await con.fetchrow(RUNNING, now)
    assert row is not None, "the query gives one row"
    return Running(**row)
