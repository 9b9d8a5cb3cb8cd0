# SPDX-License-Identifier: Apache-2.0
"""The pool of connections, and what it means when the database is away."""

from typing import Final, TypeAlias

import asyncpg

from desmos_fast.base.errors import OutsideFailed

ACQUIRE_TIMEOUT_S: Final = 1.0
IDLE_LIFE_S: Final = 300.0
COMMAND_TIMEOUT_S: Final = 60.0
AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    # A primary that was demoted under us; and one of two transactions that waited for each other, undone whole.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
    # What the driver raises on a connection whose server died between two of our statements.
    asyncpg.InternalClientError,
)


UNSAYABLE: Final = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
"""What is raised for a text with U+0000, which JSON can say and PostgreSQL cannot."""


class DatabaseDown(OutsideFailed):
    """The database cannot be reached or refuses us for now; nothing was written."""

    code = "database_unavailable"


Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


async def _left_nothing(_: object) -> None:
    """Ask nothing of the database when a connection comes back.

    The driver would have it give up locks, listeners and settings of the session, in an exchange for each transaction. None of ours
    outlives its transaction: what does (a leader's lock, that of who changes master keys) has a connection of its own.
    """


async def create(dsn: str, size: int) -> Pool:
    """Open a pool of at most `size` connections; none is made before the first use, so a database that is down does not stop a start.

    A transaction that was left open is taken back when its connection comes back. Nothing else is: see `tests/db/test_pool.py`.
    """
    return await asyncpg.create_pool(
        dsn, min_size=0, max_size=size, max_inactive_connection_lifetime=IDLE_LIFE_S, command_timeout=COMMAND_TIMEOUT_S,
        reset=_left_nothing,
    )  # fmt: skip
