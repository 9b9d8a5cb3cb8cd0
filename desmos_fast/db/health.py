# SPDX-License-Identifier: Apache-2.0
"""Connections that see no tenant, and whether the database behind a pool can serve."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import asyncpg

from desmos_fast.base.errors import OurBug
from desmos_fast.db.migrate import newest
from desmos_fast.db.pool import ACQUIRE_TIMEOUT_S, AWAY, Connection, DatabaseDown, Pool

READY_TIMEOUT_S: Final = 0.05
WANTED: Final = newest()
STATE: Final = """
    SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS writable,
           r.rolsuper OR r.rolbypassrls AS above_rights,
           EXISTS (SELECT 1 FROM pg_class AS c WHERE c.relowner = r.oid AND c.relname = 'invoice') AS owns,
           (SELECT max(m.migration_id) FROM public._pogo_migration AS m) AS version
      FROM pg_roles AS r WHERE r.rolname = current_user
"""


class WrongRole(OurBug):
    """The service's role could see every tenant: it is a superuser, bypasses row-level security, or owns the tables."""

    code = "internal"


class State(NamedTuple):
    """What the database answers about itself and about our role in it."""

    writable: bool
    above_rights: bool
    owns: bool
    version: str

    @property
    def trouble(self) -> str:
        """Return the first reason not to serve, or an empty text."""
        if self.above_rights or self.owns:
            return "role"
        if not self.writable:
            return "read_only"
        # A newer database is fine: migrations expand first, so that this version still serves while the next one comes.
        return "" if self.version >= WANTED else "schema"


NOT_MIGRATED: Final = State(writable=True, above_rights=False, owns=False, version="")


@asynccontextmanager
async def bare(pool: Pool, timeout_s: float = ACQUIRE_TIMEOUT_S) -> AsyncIterator[Connection]:
    """Give a connection that sees no tenant's row: for the key of a caller, and for the state of the database.

    Raises DatabaseDown when none is free in time or the database goes away.
    """
    try:
        async with pool.acquire(timeout=timeout_s) as con:
            yield con  # type: ignore[misc]  # the pool's proxy forwards every method of a connection
    except AWAY as error:
        raise DatabaseDown(f"the database is away or busy ({type(error).__name__})", hint="try again in a moment") from error


async def state(pool: Pool, timeout_s: float = READY_TIMEOUT_S) -> State:
    """Ask the database what it is; `timeout_s` bounds the wait for a connection and then the answer.

    Raises DatabaseDown.
    """
    async with bare(pool, timeout_s) as con:
        try:
            row = await con.fetchrow(STATE, timeout=timeout_s * 4)
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
            return NOT_MIGRATED
    return NOT_MIGRATED if row is None else State(row["writable"], row["above_rights"], row["owns"], row["version"] or "")


async def check_role(pool: Pool) -> None:
    """Refuse to serve under a role to which row-level security does not apply. Raises WrongRole, DatabaseDown."""
    found = await state(pool, ACQUIRE_TIMEOUT_S)
    if found.above_rights or found.owns:
        raise WrongRole(
            "the role of the service owns the tables or stands above row-level security",
            hint="DESMOS_DSN must name a role with rights on the tables and nothing more",
        )
