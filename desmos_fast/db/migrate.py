# SPDX-License-Identifier: Apache-2.0
"""Bring a database to this version: our migrations, then the tables of the queue."""

import logging
from pathlib import Path
from typing import Final

import asyncpg
import pgqueuer
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pogo_core.util import migrate as pogo
from pogo_core.util import sql

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.db.pool import AWAY, Connection, DatabaseDown

MIGRATIONS: Final = Path(__file__).parent / "migrations"
SCHEMA: Final = "public"
LOCK: Final = "SELECT pg_advisory_lock(hashtextextended('desmos_fast migrate', 0))"
QUEUE_THERE: Final = "SELECT to_regclass('pgqueuer') IS NOT NULL"
QUEUE_RIGHTS: Final = """
    DO $$
    DECLARE
        name text;
    BEGIN
        FOR name IN SELECT c.relname FROM pg_class AS c
                     WHERE c.relnamespace = current_schema()::regnamespace AND c.relname LIKE 'pgqueuer%' AND c.relkind = 'r' LOOP
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO desmos_app', name);
        END LOOP;
        FOR name IN SELECT c.relname FROM pg_class AS c
                     WHERE c.relnamespace = current_schema()::regnamespace AND c.relname LIKE 'pgqueuer%' AND c.relkind = 'S' LOOP
            EXECUTE format('GRANT USAGE ON SEQUENCE %I TO desmos_app', name);
        END LOOP;
    END
    $$
"""
VERSION_RIGHTS: Final = "GRANT SELECT ON public._pogo_migration TO desmos_app"
VERSION: Final = "SELECT migration_id FROM public._pogo_migration ORDER BY migration_id DESC LIMIT 1"


class NotOwner(OutsideFailed):
    """The role may not migrate the database, or the role that serves is not there."""

    code = "outside_failed"


def newest() -> str:
    """Return the id of the newest migration of this version."""
    return max(path.stem for path in MIGRATIONS.glob("*.sql"))


async def apply(con: Connection) -> None:
    """Apply what is missing, by number: the library goes by what depends on what, and then as the folder happens to be listed."""
    await sql.ensure_pogo_sync(con)
    found = await sql.read_migrations(MIGRATIONS, con, schema_name=SCHEMA)
    for migration in sorted((one for one in found if not one.applied), key=lambda one: one.id):
        migration.load()
        async with pogo.transaction(con, migration):
            await migration.apply(con)
            await sql.migration_applied(con, migration.id, migration.hash, schema_name=SCHEMA)


async def migrate(owner_dsn: str) -> str:
    """Apply what is missing as the role that owns the tables; several programs may call it at once. Return the version."""
    logging.getLogger("pogo_core").setLevel(logging.ERROR)
    try:
        con = await asyncpg.connect(owner_dsn, timeout=10.0)
    except AWAY as error:
        raise DatabaseDown(f"the database is away ({type(error).__name__})", hint="check DESMOS_OWNER_DSN") from error
    try:
        await con.execute(LOCK)
        await apply(con)
        if not await con.fetchval(QUEUE_THERE):
            await pgqueuer.Queries(AsyncpgDriver(con)).install()
        await con.execute(QUEUE_RIGHTS)
        await con.execute(VERSION_RIGHTS)
        return newest()
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedObjectError) as error:
        raise NotOwner(
            f"the database refuses a migration: {error}",
            hint="DESMOS_OWNER_DSN must name the owner of the tables, and the role desmos_app must exist",
        ) from error
    finally:
        await con.close()
