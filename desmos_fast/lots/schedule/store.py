# SPDX-License-Identifier: Apache-2.0
"""The schedule of a centre: one row; the caller owns the transaction."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.db.pool import Connection
from desmos_fast.lots.schedule.model import Kept, LastRun, Plan

FIND: Final = """
    SELECT tenant_id, revision, days, times, skip_holidays, settings, since, ran_due, last_run
      FROM schedule WHERE tenant_id = $1 AND active
"""
HOLD: Final = FIND + " FOR UPDATE"
PUT: Final = """
    INSERT INTO schedule AS s (tenant_id, revision, active, days, times, skip_holidays, settings, since)
    VALUES ($1, 1, true, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id) DO UPDATE
       SET revision = s.revision + 1, active = true, days = excluded.days, times = excluded.times, skip_holidays = excluded.skip_holidays,
           settings = excluded.settings, since = excluded.since, ran_due = NULL
 RETURNING revision
"""
END: Final = "UPDATE schedule SET active = false, revision = revision + 1 WHERE tenant_id = $1 AND active RETURNING revision"
RAN: Final = "UPDATE schedule SET ran_due = $2, last_run = $3 WHERE tenant_id = $1"


async def find(con: Connection, tenant: UUID) -> Kept | None:
    """Return the schedule of a centre, or None."""
    return await _kept(con, FIND, tenant)


async def hold(con: Connection, tenant: UUID) -> Kept | None:
    """Return the schedule of a centre, which nobody else changes or runs until the transaction ends, or None."""
    return await _kept(con, HOLD, tenant)


async def _kept(con: Connection, query: str, tenant: UUID) -> Kept | None:
    row = await con.fetchrow(query, tenant)
    if row is None:
        return None
    plan = Plan(
        at=tuple(row["times"]), days=tuple(row["days"]), skip_holidays=row["skip_holidays"], settings=msgspec.Raw(row["settings"].encode())
    )
    last = None if row["last_run"] is None else msgspec.json.decode(row["last_run"], type=LastRun)
    return Kept(tenant=row["tenant_id"], revision=row["revision"], plan=plan, since=row["since"], done=row["ran_due"], last=last)


async def put(con: Connection, tenant: UUID, plan: Plan, now: datetime) -> int:
    """Keep a schedule in the place of another one, and return its revision."""
    settings = bytes(plan.settings).decode()
    return int(await con.fetchval(PUT, tenant, list(plan.days), list(plan.at), plan.skip_holidays, settings, now))


async def end(con: Connection, tenant: UUID) -> bool:
    """End the schedule of a centre; return False when there is none."""
    return await con.fetchval(END, tenant) is not None


async def ran(con: Connection, tenant: UUID, run: LastRun) -> None:
    """Say that a due time was dealt with, and what it gave."""
    await con.execute(RAN, tenant, run.due, msgspec.json.encode(run).decode())
