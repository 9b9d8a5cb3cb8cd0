# SPDX-License-Identifier: Apache-2.0
"""Dead letters of returns in the database; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.db.pool import Connection
from desmos_fast.returns.letters.model import DeadShown, DeadState, DeadWhole

# What was given up stays so: the same bytes tell nothing new.
KEEP: Final = """
    INSERT INTO dead_return AS d (tenant_id, id, sha256, code, detail, faults, size, profile, sealed, noticed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (tenant_id, sha256, coalesce(ordinal, 0)) DO UPDATE
       SET code = excluded.code, detail = excluded.detail, faults = excluded.faults, profile = excluded.profile, tries = d.tries + 1
     WHERE d.state = 'open'
 RETURNING id
"""
KNOWN: Final = "SELECT id FROM dead_return WHERE tenant_id = $1 AND sha256 = $2 AND ordinal IS NULL"
ADD_ORDERS: Final = """
    INSERT INTO dead_return (tenant_id, id, sha256, ordinal, return_file_id, code, detail, faults, size, profile, noticed_at)
    SELECT $1, d.id, $2, d.ordinal, $3, 'order_repeated', d.detail, d.faults::jsonb, 0, $4, $5
      FROM unnest($6::uuid[], $7::integer[], $8::text[], $9::text[]) AS d (id, ordinal, detail, faults)
"""
TAKE: Final = """
    UPDATE dead_return SET state = 'taken', taken_as = $3, ended_at = $4, ended_by = $5
     WHERE tenant_id = $1 AND sha256 = $2 AND ordinal IS NULL AND state = 'open' RETURNING id
"""
TAKE_ORDER: Final = """
    UPDATE dead_return SET state = 'taken', taken_as = return_file_id, ended_at = $3, ended_by = $4
     WHERE tenant_id = $1 AND id = $2 AND state = 'open'
"""
DISCARD: Final = """
    UPDATE dead_return SET state = 'discarded', ended_at = $3, ended_by = $4, ended_why = $5
     WHERE tenant_id = $1 AND id = $2 AND state = 'open'
"""
TRIED: Final = """
    UPDATE dead_return SET code = $3, detail = $4, faults = $5, profile = $6, tries = tries + 1
     WHERE tenant_id = $1 AND id = $2 AND state = 'open'
"""
LISTED: Final = """
    SELECT id, encode(sha256, 'hex') AS sha256, ordinal, return_file_id AS return_id, code, detail, size, profile, state, tries, noticed_at,
           ended_at, ended_by, ended_why, taken_as
      FROM dead_return
     WHERE tenant_id = $1 AND ($2::text IS NULL OR state = $2) AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4
"""
FIND: Final = """
    SELECT id, encode(sha256, 'hex') AS sha256, ordinal, return_file_id AS return_id, code, detail, size, profile, state, tries, noticed_at,
           ended_at, ended_by, ended_why, taken_as, faults
      FROM dead_return WHERE tenant_id = $1 AND id = $2
"""
BYTES: Final = """
    SELECT d.sealed, f.id AS return_id, f.sealed AS return_sealed
      FROM dead_return AS d LEFT JOIN return_file AS f ON f.tenant_id = $1 AND f.id = d.return_file_id
     WHERE d.tenant_id = $1 AND d.id = $2
"""


class Refusal(NamedTuple):
    """Why a return was refused, as it is kept: no NIR is in it."""

    code: str
    detail: str
    faults: bytes


class RepeatedOrder(NamedTuple):
    """A payment order of a return that came before."""

    id: UUID
    ordinal: int
    detail: str
    faults: str


class Sealed(NamedTuple):
    """The bytes of a dead letter as they are kept: its own, or those of the return that holds a repeated order."""

    sealed: bytes | None
    return_id: UUID | None
    return_sealed: bytes | None


async def keep(
    con: Connection, tenant: UUID, row_id: UUID, sha256: bytes, why: Refusal, size: int, profile: str, sealed: bytes, now: datetime
) -> UUID:
    """Keep a return that was refused, once for its bytes, and return the id it has."""
    values = (row_id, sha256, why.code, why.detail, why.faults.decode(), size, profile, sealed, now)
    kept: UUID | None = await con.fetchval(KEEP, tenant, *values)
    return kept if kept is not None else await con.fetchval(KNOWN, tenant, sha256)


async def add_orders(
    con: Connection, tenant: UUID, sha256: bytes, file: UUID, profile: str, orders: Sequence[RepeatedOrder], now: datetime
) -> None:
    """Keep the orders of a return that came before."""
    columns = [[order[place] for order in orders] for place in range(len(RepeatedOrder._fields))]
    await con.execute(ADD_ORDERS, tenant, sha256, file, profile, now, *columns)


async def take(con: Connection, tenant: UUID, sha256: bytes, file: UUID, now: datetime, by: str) -> list[UUID]:
    """End the dead letter of bytes that were imported after all, and return it."""
    return [row["id"] for row in await con.fetch(TAKE, tenant, sha256, file, now, by)]


async def take_order(con: Connection, tenant: UUID, dead: UUID, now: datetime, by: str) -> None:
    """End the dead letter of a repeated order that was taken."""
    await con.execute(TAKE_ORDER, tenant, dead, now, by)


async def discard(con: Connection, tenant: UUID, dead: UUID, now: datetime, by: str, why: str) -> None:
    """End a dead letter that a person gave up."""
    await con.execute(DISCARD, tenant, dead, now, by, why)


async def tried(con: Connection, tenant: UUID, dead: UUID, why: Refusal, profile: str) -> None:
    """Say why a new try failed too."""
    await con.execute(TRIED, tenant, dead, why.code, why.detail, why.faults.decode(), profile)


async def listed(con: Connection, tenant: UUID, state: DeadState | None, before: UUID | None, limit: int) -> list[DeadShown]:
    """Return dead letters, the latest first."""
    return [DeadShown(**row) for row in await con.fetch(LISTED, tenant, state, before, limit)]


async def find(con: Connection, tenant: UUID, dead: UUID) -> DeadWhole | None:
    """Return a dead letter, or None."""
    row = await con.fetchrow(FIND, tenant, dead)
    if row is None:
        return None
    values: dict[str, Any] = {**row, "faults": msgspec.json.decode(row["faults"])}
    return DeadWhole(**values)


async def content(con: Connection, tenant: UUID, dead: UUID) -> Sealed | None:
    """Return the bytes of a dead letter as they are kept, or None."""
    row = await con.fetchrow(BYTES, tenant, dead)
    return None if row is None else Sealed(*row)
