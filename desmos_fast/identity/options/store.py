# SPDX-License-Identifier: Apache-2.0
"""What centres subscribed to; written by the owner of the tables alone, and the caller owns the transaction."""

from datetime import datetime
from typing import Final
from uuid import UUID

from desmos_fast.db.pool import Connection
from desmos_fast.identity.options.model import Turn

TURNS: Final = "SELECT option, starts, subscribed FROM centre_option WHERE tenant_id = $1 ORDER BY starts"
SET: Final = """
    INSERT INTO centre_option (tenant_id, option, starts, subscribed, set_at, set_by) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id, option, starts)
    DO UPDATE SET subscribed = excluded.subscribed, set_at = excluded.set_at, set_by = excluded.set_by
"""


async def turns(con: Connection, tenant: UUID) -> list[Turn]:
    """Return what was said of the options of a centre, in the order of the days."""
    return [Turn(*row) for row in await con.fetch(TURNS, tenant)]


async def put(con: Connection, tenant: UUID, turn: Turn, now: datetime, by: str) -> None:
    """Say that a centre has an option from a day on, or has it no more."""
    await con.execute(SET, tenant, turn.option, turn.starts, turn.subscribed, now, by)
