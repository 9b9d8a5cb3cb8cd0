# SPDX-License-Identifier: Apache-2.0
"""The only way to a connection: a transaction that sees one tenant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import asyncpg

from desmos_fast.db.pool import ACQUIRE_TIMEOUT_S, AWAY, Connection, DatabaseDown, Pool

SET_TENANT: Final = "SELECT set_config('app.tenant', $1, true)"


@asynccontextmanager
async def transaction(pool: Pool, tenant: UUID) -> AsyncIterator[Connection]:
    """Give a connection inside a transaction in which row-level security shows only `tenant`.

    Raises DatabaseDown when no connection is free in time or the database goes away, commit included.
    """
    try:
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as con, con.transaction():
            await con.execute(SET_TENANT, str(tenant))
            yield con  # type: ignore[misc]  # the pool's proxy forwards every method of a connection
    except AWAY as error:
        raise DatabaseDown(
            f"the database is away or busy ({type(error).__name__})", hint="send again with the same key in a moment"
        ) from error


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
