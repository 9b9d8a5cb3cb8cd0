# SPDX-License-Identifier: Apache-2.0
"""The only way to a connection: a transaction that sees one tenant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import asyncpg

from desmos_fast.base import deadline
from desmos_fast.db.pool import ACQUIRE_TIMEOUT_S, AWAY, Connection, DatabaseDown, Pool

# A database that does not even take back what it was asked is hung up on.
ROLLBACK_S: Final = 5.0
SET_TENANT: Final = "SELECT set_config('app.tenant', $1, true)"


@asynccontextmanager
async def transaction(pool: Pool, tenant: UUID) -> AsyncIterator[Connection]:
    """Give a connection inside a transaction in which row-level security shows only `tenant`.

    Under a deadline what it holds is given up and rolled back in time; a commit that has begun is waited for.
    Raises DatabaseDown when no connection is free in time or the database goes away, commit included.
    """
    if (limit := deadline.running()) is not None:
        limit.go_on()
    try:
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as con:
            work = con.transaction()
            await work.start()
            try:
                await con.execute(SET_TENANT, str(tenant))
                yield con  # type: ignore[misc]  # the pool's proxy forwards every method of a connection
                await deadline.before_commit()
            except BaseException:
                await _undo(con, work)  # type: ignore[arg-type]
                raise
            await work.commit()
    except AWAY as error:
        raise DatabaseDown(
            f"the database is away or busy ({type(error).__name__})", hint="send again with the same key in a moment"
        ) from error


async def _undo(con: Connection, work: asyncpg.transaction.Transaction) -> None:
    try:
        async with asyncio.timeout(ROLLBACK_S):
            await work.rollback()
    except TimeoutError:
        con.terminate()


@asynccontextmanager
async def direct(dsn: str, tenant: UUID | None = None) -> AsyncIterator[Connection]:
    """Open one connection of its own inside a transaction, for the commands of an operator."""
    try:
        con: Connection = await asyncpg.connect(dsn, timeout=5.0)
    except AWAY as error:
        raise DatabaseDown(
            f"the database is away ({type(error).__name__})", hint="start it with `desmos-fast serve`, or check DESMOS_DSN"
        ) from error
    try:
        async with con.transaction():
            if tenant is not None:
                await con.execute(SET_TENANT, str(tenant))
            yield con
    finally:
        await con.close()
