# SPDX-License-Identifier: Apache-2.0
"""By how much clocks are ahead; the caller owns the transaction."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from desmos_fast.db.pool import Connection

EVERY: Final = "SELECT tenant_id, ahead_s FROM every_test_clock()"
AHEAD: Final = "SELECT coalesce((SELECT ahead_s FROM test_clock WHERE tenant_id = $1), 0)"
IS_LIVE: Final = "SELECT EXISTS (SELECT FROM api_key WHERE tenant_id = $1 AND kind = 'live' AND revoked_at IS NULL)"
ADVANCE: Final = """
    INSERT INTO test_clock (tenant_id, ahead_s, set_at, set_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id) DO UPDATE SET ahead_s = excluded.ahead_s, set_at = excluded.set_at, set_by = excluded.set_by
"""


async def every(con: Connection) -> dict[UUID, timedelta]:
    """Return by how much the clocks of centres are ahead that have no live key."""
    return {row["tenant_id"]: timedelta(seconds=row["ahead_s"]) for row in await con.fetch(EVERY)}


async def ahead_s(con: Connection, tenant: UUID) -> int:
    """Return by how many seconds the clock of a centre is ahead."""
    return int(await con.fetchval(AHEAD, tenant))


async def is_live(con: Connection, tenant: UUID) -> bool:
    """Say whether a centre has a live key."""
    return bool(await con.fetchval(IS_LIVE, tenant))


async def advance(con: Connection, tenant: UUID, seconds: int, now: datetime, by: str) -> None:
    """Keep by how many seconds a clock is ahead."""
    await con.execute(ADVANCE, tenant, seconds, now, by)
