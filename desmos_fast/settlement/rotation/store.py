# SPDX-License-Identifier: Apache-2.0
"""Rows under a former master key, moved by the owner of the tables; the caller owns the transaction, unless it is said otherwise."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from desmos_fast.db.pool import AWAY, Connection, DatabaseDown
from desmos_fast.settlement.rotation.model import KeyShown, Left, RotationRuns

WAITED_FOR: Final = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
"""What a transaction is undone with that somebody else's rows kept waiting: it is tried again."""
PAUSE_S: Final = 0.05
ALONE: Final = "SELECT pg_try_advisory_lock(hashtextextended('master keys', 4))"
NEWEST: Final = "SELECT id, done_at IS NOT NULL AS done FROM master_key ORDER BY id DESC LIMIT 1"
KEYS: Final = """
    SELECT id, seals_at IS NOT NULL, indexes_at IS NOT NULL, done_at IS NOT NULL FROM master_key ORDER BY id
"""
ADD: Final = "INSERT INTO master_key (id, made_at) VALUES ($1, now())"
SEALS: Final = "UPDATE master_key SET seals_at = coalesce(seals_at, now()) WHERE id = $1"
INDEXES: Final = "UPDATE master_key SET indexes_at = coalesce(indexes_at, now()) WHERE id = $1"
DONE: Final = "UPDATE master_key SET done_at = now() WHERE id = $1"
TENANTS: Final = "SELECT every_tenant()"
# Whatever holds something sealed: a table that comes later is found by itself.
SEALED: Final = """
    SELECT c.relname FROM pg_class AS c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND 3 = (SELECT count(*) FROM pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attname IN ('tenant_id', 'id', 'sealed') AND NOT a.attisdropped)
     ORDER BY c.relname = 'invoice' DESC, c.relname = 'return_file' DESC, c.relname
"""
INDEXED: Final = ("invoice", "order_line")
# The lines of orders are looked for by a patient at no other time.
FIND_LINES: Final = "CREATE INDEX CONCURRENTLY order_line_moving ON order_line (tenant_id, insured_key)"
FORGET_LINES: Final = "DROP INDEX CONCURRENTLY IF EXISTS order_line_moving"
FOLLOW: Final = (
    "CREATE OR REPLACE TRIGGER follows BEFORE INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION follow_index()",
    "CREATE OR REPLACE TRIGGER follows BEFORE INSERT ON order_line FOR EACH ROW EXECUTE FUNCTION follow_index()",
    "CREATE OR REPLACE TRIGGER follows BEFORE INSERT ON reminder FOR EACH ROW WHEN (NEW.rule = 'patient') EXECUTE FUNCTION follow_debtor()",
)
END_FOLLOWING: Final = (
    "DROP TRIGGER IF EXISTS follows ON invoice",
    "DROP TRIGGER IF EXISTS follows ON order_line",
    "DROP TRIGGER IF EXISTS follows ON reminder",
    "TRUNCATE moved_index",
)
BLOBS: Final = """
    SELECT id, sealed FROM (table) WHERE tenant_id = $1 AND id > $3 AND sealed IS NOT NULL AND substring(sealed FROM 1 FOR 8) <> $2
     ORDER BY id LIMIT $4
"""
INVOICES: Final = """
    SELECT id, sealed, insured_key FROM invoice AS t
     WHERE tenant_id = $1 AND id > $3
       AND (substring(sealed FROM 1 FOR 8) <> $2
            OR NOT EXISTS (SELECT FROM moved_index AS m WHERE m.tenant_id = $1 AND m.index = t.insured_key))
     ORDER BY id LIMIT $4
"""
RETURNS: Final = """
    WITH named AS (
        SELECT DISTINCT o.return_file_id FROM order_line AS l JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
         WHERE l.tenant_id = $1 AND l.insured_key IS NOT NULL
           AND NOT EXISTS (SELECT FROM moved_index AS m WHERE m.tenant_id = $1 AND m.index = l.insured_key)
    )
    SELECT id, sealed FROM return_file
     WHERE tenant_id = $1 AND id > $3 AND (substring(sealed FROM 1 FOR 8) <> $2 OR id IN (SELECT return_file_id FROM named))
     ORDER BY id LIMIT $4
"""
LEFT_SEALED: Final = "SELECT count(*) FROM (table) WHERE tenant_id = $1 AND sealed IS NOT NULL AND substring(sealed FROM 1 FOR 8) <> $2"
LEFT_INDEXED: Final = """
    SELECT count(*) FROM (table) AS t
     WHERE tenant_id = $1 AND insured_key IS NOT NULL
       AND NOT EXISTS (SELECT FROM moved_index AS m WHERE m.tenant_id = $1 AND m.index = t.insured_key)
"""
LEFT_DEBTORS: Final = """
    SELECT count(*) FROM reminder AS r
     WHERE r.tenant_id = $1 AND r.rule = 'patient'
       AND NOT EXISTS (SELECT FROM moved_index AS m WHERE m.tenant_id = $1 AND encode(m.index, 'hex') = r.debtor)
"""
# Nobody writes by an index, nor settles, while patients move. Who holds one of these is waited for outside, for they hold rows too.
HOLD: Final = """
    SELECT pg_try_advisory_xact_lock(hashtextextended('settlement ' || $1, 2))
       AND pg_try_advisory_xact_lock(hashtextextended('shares of ' || $1, 2))
       AND pg_try_advisory_xact_lock(hashtextextended('index of ' || $1, 4))
"""
BRIEFLY: Final = "SELECT set_config('lock_timeout', '500ms', true)"
MOVE: Final = "INSERT INTO moved_index (tenant_id, former, index) SELECT $1, * FROM unnest($2::bytea[], $3::bytea[]) ON CONFLICT DO NOTHING"
MOVES: Final = (
    """UPDATE invoice AS t SET insured_key = n.index FROM unnest($2::bytea[], $3::bytea[]) AS n (former, index)
        WHERE t.tenant_id = $1 AND t.insured_key = n.former""",
    """UPDATE order_line AS t SET insured_key = n.index FROM unnest($2::bytea[], $3::bytea[]) AS n (former, index)
        WHERE t.tenant_id = $1 AND t.insured_key = n.former""",
    """UPDATE reminder AS t SET debtor = encode(n.index, 'hex') FROM unnest($2::bytea[], $3::bytea[]) AS n (former, index)
        WHERE t.tenant_id = $1 AND t.rule = 'patient' AND t.debtor = encode(n.former, 'hex')""",
)
MOVED: Final = "SELECT former FROM moved_index WHERE tenant_id = $1 AND former = ANY ($2::bytea[])"
RESEAL: Final = """
    UPDATE (table) AS t SET sealed = n.sealed FROM unnest($2::uuid[], $3::bytea[]) AS n (id, sealed) WHERE t.tenant_id = $1 AND t.id = n.id
"""


# People belong to no centre.
ACCOUNTS: Final = """
    SELECT id, sealed FROM account WHERE id > $2 AND sealed IS NOT NULL AND substring(sealed FROM 1 FOR 8) <> $1 ORDER BY id LIMIT $3
"""
LEFT_ACCOUNTS: Final = "SELECT count(*) FROM account WHERE sealed IS NOT NULL AND substring(sealed FROM 1 FOR 8) <> $1"
# Somebody may begin with another code generator meanwhile.
RESEAL_ACCOUNTS: Final = """
    UPDATE account AS a SET sealed = n.sealed FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS n (id, former, sealed)
     WHERE a.id = n.id AND a.sealed = n.former
"""


class Row(NamedTuple):
    """A sealed row; `insured` is the index of its patient, where it has one."""

    id: UUID
    sealed: bytes
    insured: bytes | None = None


@asynccontextmanager
async def alone(dsn: str) -> AsyncIterator[Connection]:
    """Give a connection outside of any transaction, to one program at a time; the next may go on where it died.

    Raises RotationRuns, DatabaseDown.
    """
    try:
        con: Connection = await asyncpg.connect(dsn, timeout=5.0)
    except AWAY as error:
        raise DatabaseDown("the database is away", hint="start it with `desmos-fast serve`, or check DESMOS_DSN") from error
    try:
        if not await con.fetchval(ALONE):
            raise RotationRuns("another program is changing the keys", hint="let it end")
        yield con
    finally:
        await con.close()


async def unfinished(con: Connection) -> tuple[int, bool]:
    """Return the newest master key, 0 for the first, and whether rows may be left under the one before it."""
    row = await con.fetchrow(NEWEST)
    return (0, False) if row is None else (row["id"], not row["done"])


async def keys(con: Connection) -> list[KeyShown]:
    """Return the master keys after the first one."""
    return [KeyShown(*row) for row in await con.fetch(KEYS)]


async def add(con: Connection, number: int) -> None:
    """Keep that there is a new master key, which nobody uses yet."""
    await con.execute(ADD, number)


async def begin(con: Connection, number: int) -> None:
    """Have new rows sealed under a key, and those of a patient who moves follow. Not in a transaction."""
    await con.execute(SEALS, number)
    await con.execute(FORGET_LINES)
    await con.execute(FIND_LINES)
    await _patiently(con, FOLLOW)


async def index_under(con: Connection, number: int) -> None:
    """Have new rows indexed under a key."""
    await con.execute(INDEXES, number)


async def finish(con: Connection, number: int) -> None:
    """Keep that nothing is left under the keys before, and let nothing follow any more. Not in a transaction."""
    await _patiently(con, END_FOLLOWING, (DONE, number))
    await con.execute(FORGET_LINES)


async def _patiently(con: Connection, statements: Sequence[str], last: tuple[str, int] | None = None) -> None:
    """Change tables in one transaction; whoever writes is waited for a moment at a time, for others wait behind us."""
    while True:
        try:
            async with con.transaction():
                await con.execute(BRIEFLY)
                for statement in statements:
                    await con.execute(statement)
                if last is not None:
                    await con.execute(*last)
        except WAITED_FOR:
            await asyncio.sleep(PAUSE_S)
        else:
            return


async def tenants(con: Connection) -> list[UUID]:
    """Return every centre."""
    return [row[0] for row in await con.fetch(TENANTS)]


async def tables(con: Connection) -> list[str]:
    """Return every table that holds something sealed, invoices and returns first."""
    return [row[0] for row in await con.fetch(SEALED)]


async def rows(con: Connection, tenant: UUID, table: str, head: bytes, after: UUID, most: int) -> list[Row]:
    """Return rows of a table that are not sealed under `head`, or whose patients did not all move, in the order of their ids."""
    statement = {"invoice": INVOICES, "return_file": RETURNS}.get(table) or BLOBS.replace("(table)", table)
    return [Row(*row) for row in await con.fetch(statement, tenant, head, after, most)]


async def left(con: Connection, tenant: UUID, head: bytes, names: Sequence[str]) -> Left:
    """Count what is under a former key."""
    sealed = [await con.fetchval(LEFT_SEALED.replace("(table)", name), tenant, head) for name in names]
    indexed = [await con.fetchval(LEFT_INDEXED.replace("(table)", name), tenant) for name in INDEXED]
    return Left(sum(sealed), sum(indexed) + await con.fetchval(LEFT_DEBTORS, tenant))


async def hold(con: Connection, tenant: UUID) -> bool:
    """Keep writers by an index away until the transaction ends, which waits for no row for long; say whether they let it."""
    await con.execute(BRIEFLY)
    return bool(await con.fetchval(HOLD, str(tenant)))


async def still(con: Connection, tenant: UUID, former: Sequence[bytes]) -> set[bytes]:
    """Return the indexes that did not move yet."""
    return set(former) - {row[0] for row in await con.fetch(MOVED, tenant, list(former))}


async def move(con: Connection, tenant: UUID, moves: Sequence[tuple[bytes, bytes]]) -> None:
    """Give every row of some patients their new index; the caller holds."""
    former, index = [one for one, _ in moves], [other for _, other in moves]
    for statement in (MOVE, *MOVES):
        await con.execute(statement, tenant, former, index)


async def reseal(con: Connection, tenant: UUID, table: str, ids: Sequence[UUID], sealed: Sequence[bytes]) -> None:
    """Put rows sealed anew in the place of those before."""
    await con.execute(RESEAL.replace("(table)", table), tenant, list(ids), list(sealed))


async def accounts(con: Connection, head: bytes, after: UUID, most: int) -> list[Row]:
    """Return people whose code generators are not sealed under `head`, in the order of their ids."""
    return [Row(*row) for row in await con.fetch(ACCOUNTS, head, after, most)]


async def left_accounts(con: Connection, head: bytes) -> int:
    """Count the people whose code generators are not sealed under `head`."""
    return int(await con.fetchval(LEFT_ACCOUNTS, head))


async def reseal_accounts(con: Connection, rows: Sequence[Row], sealed: Sequence[bytes]) -> None:
    """Put secrets sealed anew in the place of those before, where they are still the same."""
    await con.execute(RESEAL_ACCOUNTS, [row.id for row in rows], [row.sealed for row in rows], list(sealed))
