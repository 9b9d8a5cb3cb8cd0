# SPDX-License-Identifier: Apache-2.0
"""One row for each account that looks; the caller owns the transaction."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from desmos_fast.db.pool import Connection

# In the order of the accounts, so that two processes do not wait for each other; each row is held until the transaction ends.
COUNT: Final = """
    INSERT INTO look_up AS l (tenant_id, actor, hour, in_hour, day, in_day)
    SELECT $1, a.actor, $2, a.items, $3, a.items FROM unnest($4::uuid[], $5::bigint[]) AS a (actor, items) ORDER BY a.actor
    ON CONFLICT (tenant_id, actor) DO UPDATE SET
        in_hour = CASE WHEN l.hour >= excluded.hour THEN l.in_hour ELSE 0 END + excluded.in_hour, hour = greatest(l.hour, excluded.hour),
        in_day = CASE WHEN l.day >= excluded.day THEN l.in_day ELSE 0 END + excluded.in_day, day = greatest(l.day, excluded.day)
    RETURNING actor, in_hour, in_day
"""
TAKE_BACK: Final = "UPDATE look_up SET in_hour = in_hour - $3, in_day = in_day - $3 WHERE tenant_id = $1 AND actor = $2"
NAME: Final = """
    SELECT label FROM api_key WHERE tenant_id = $1 AND id = $2
     UNION ALL SELECT login FROM member WHERE tenant_id = $1 AND id = $2
"""


class Seen(NamedTuple):
    """How much an account looked up in its last hour and on its last day, what is counted now included."""

    in_hour: int
    in_day: int


async def count(con: Connection, tenant: UUID, hour: datetime, day: date, items: Mapping[UUID, int]) -> dict[UUID, Seen]:
    """Count what accounts are about to see."""
    rows = await con.fetch(COUNT, tenant, hour, day, list(items), list(items.values()))
    return {row["actor"]: Seen(row["in_hour"], row["in_day"]) for row in rows}


async def take_back(con: Connection, tenant: UUID, actor: UUID, items: int) -> None:
    """Take back what an account does not see after all."""
    await con.execute(TAKE_BACK, tenant, actor, items)


async def name(con: Connection, tenant: UUID, actor: UUID) -> str:
    """Return what an account is called: the label of a key, the login of a user."""
    return await con.fetchval(NAME, tenant, actor) or ""
