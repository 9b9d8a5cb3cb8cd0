# SPDX-License-Identifier: Apache-2.0
"""Numbers without a gap: a counter is a row, so a number taken by a transaction that fails comes again."""

from typing import Final
from uuid import UUID

from desmos_fast.base.errors import OurBug
from desmos_fast.db.pipeline import expecting
from desmos_fast.db.pool import Connection

TAKE: Final = """
    INSERT INTO counter (tenant_id, kind, name, value) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, kind, name) DO UPDATE SET value = counter.value + excluded.value
    RETURNING value
"""
# Taken by who gives numbers that a counter may give too: he comes before or after those who ask it.
NOTHING: Final = 0
# The same where the counter is known to stand at $5.
TAKE_AFTER: Final = expecting(
    "UPDATE counter SET value = value + $4 WHERE tenant_id = $1 AND kind = $2 AND name = $3 AND value = $5 RETURNING 1", "1"
)


async def take(con: Connection, tenant: UUID, kind: str, name: str, count: int) -> int:
    """Take `count` numbers in a row and return the first, 1 at the start.

    Others who ask for the same counter wait until the caller's transaction ends: take late, end soon.
    """
    if count < 1:
        raise OurBug(f"{count} numbers of {kind} were asked for")
    last = await con.fetchval(TAKE, tenant, kind, name, count)
    return int(last) - count + 1


async def hold(con: Connection, tenant: UUID, kind: str, name: str) -> None:
    """Let others who ask for the same counter wait until the caller's transaction ends, and take nothing."""
    await con.execute(TAKE, tenant, kind, name, NOTHING)
