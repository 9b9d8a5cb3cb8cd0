# SPDX-License-Identifier: Apache-2.0
"""Rows of the trail and the end of its chain."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from desmos_fast.db.pool import Connection
from desmos_fast.identity.audit.model import Access, AccessShown, Head, Link

# The row is made by the first access and locked by every other one: the chain has one end.
LOCK: Final = """
    INSERT INTO counter (tenant_id, kind, name, value, hash) VALUES ($1, 'audit', '', 0, $2)
    ON CONFLICT (tenant_id, kind, name) DO UPDATE SET value = counter.value
    RETURNING value, hash
"""
ADD: Final = """
    WITH moved AS (UPDATE counter SET value = $2, hash = $3 WHERE tenant_id = $1 AND kind = 'audit' AND name = '')
    INSERT INTO audit (tenant_id, seq, happened_at, actor, action, subject, request, items, filter, hash)
    SELECT $1, a.*
      FROM unnest($4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::text[], $12::bytea[])
           AS a
"""
HEAD: Final = "SELECT value, hash FROM counter WHERE tenant_id = $1 AND kind = 'audit' AND name = ''"
HASH: Final = "SELECT hash FROM audit WHERE tenant_id = $1 AND seq = $2"
LAST: Final = "SELECT max(seq) FROM audit WHERE tenant_id = $1"
LINKS: Final = """
    SELECT seq, happened_at, actor, action, subject, request, items, filter, hash
      FROM audit WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4
"""
LIST: Final = """
    SELECT seq, happened_at, actor, action, subject, request, items, filter, hash FROM audit
     WHERE tenant_id = $1 AND ($2::bigint IS NULL OR seq < $2) AND ($3::text IS NULL OR actor = $3) AND ($4::text IS NULL OR action = $4)
       AND ($5::text IS NULL OR subject = $5) AND ($6::timestamptz IS NULL OR happened_at >= $6)
       AND ($7::timestamptz IS NULL OR happened_at < $7)
     ORDER BY seq DESC LIMIT $8
"""


async def lock(con: Connection, tenant: UUID, genesis: bytes) -> Head:
    """Return the end of the chain, which nobody else moves until the transaction ends."""
    row = await con.fetchrow(LOCK, tenant, genesis)
    assert row is not None, "the upsert returns its row"
    return Head(row["value"], bytes(row["hash"]))


async def add(con: Connection, tenant: UUID, first: int, accesses: Sequence[Access], hashes: Sequence[bytes]) -> None:
    """Add rows from number `first` on, and move the end of the chain."""
    last = first + len(accesses) - 1
    columns = [list(column) for column in zip(*accesses, strict=True)]
    await con.execute(ADD, tenant, last, hashes[-1], list(range(first, last + 1)), *columns, list(hashes))


async def head(con: Connection, tenant: UUID) -> Head | None:
    """Return the end of the chain as it is kept apart, or None before the first row."""
    row = await con.fetchrow(HEAD, tenant)
    return None if row is None else Head(row["value"], bytes(row["hash"]))


async def hash_of(con: Connection, tenant: UUID, seq: int) -> bytes | None:
    """Return the hash that is kept of a row, or None without it."""
    found: bytes | None = await con.fetchval(HASH, tenant, seq)
    return found


async def last(con: Connection, tenant: UUID) -> int:
    """Return the number of the last row, 0 without one."""
    return int(await con.fetchval(LAST, tenant) or 0)


async def links(con: Connection, tenant: UUID, after: int, until: int, limit: int) -> list[Link]:
    """Return the rows that follow number `after`, up to `until`, in their order."""
    rows = await con.fetch(LINKS, tenant, after, until, limit)
    return [Link(row["seq"], bytes(row["hash"]), Access(*tuple(row)[1:-1])) for row in rows]


async def listed(
    con: Connection, tenant: UUID, before: int | None, actor: str | None, action: str | None, subject: str | None,
    since: datetime | None, until: datetime | None, limit: int,
) -> list[AccessShown]:  # fmt: skip
    """Return rows, the newest first."""
    return [
        AccessShown(
            row=row["seq"], at=row["happened_at"], actor=row["actor"], action=row["action"], subject=row["subject"],
            request=row["request"], items=row["items"], filter=row["filter"], hash=row["hash"].hex(),
        )
        for row in await con.fetch(LIST, tenant, before, actor, action, subject, since, until, limit)
    ]  # fmt: skip
