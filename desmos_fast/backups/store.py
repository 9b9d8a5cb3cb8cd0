# SPDX-License-Identifier: Apache-2.0
"""What a server says of itself and its archive, and how many rows a database holds."""

from typing import Final

import asyncpg

from desmos_fast.backups.model import Content, Server
from desmos_fast.base.types import TenantId
from desmos_fast.db.pool import Connection
from desmos_fast.invariants.store import NotMigrated, NotOwner

# What a server says of files that are damaged, among much else.
REFUSED: Final = (asyncpg.PostgresError,)
# A segment that holds no more than its own head, of 40 bytes at most, need not be in the archive: a server that writes nothing has no
# reason to end it, and would else look as if its archive stood still.
SERVER: Final = """
    SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
           current_setting('server_version_num')::int / 10000 AS major,
           clock_timestamp() AS now,
           current_setting('archive_mode') <> 'off' AS archiving,
           CASE
               WHEN w.at IS NULL THEN NULL
               WHEN w.at % s.bytes <= 40 THEN pg_walfile_name('0/0'::pg_lsn + w.at - w.at % s.bytes - 1)
               ELSE pg_walfile_name('0/0'::pg_lsn + w.at)
           END AS wal,
           substring(a.last_archived_wal FROM '^[0-9A-F]{24}$') AS archived,
           a.last_archived_time AS archived_at
      FROM pg_stat_archiver AS a,
           (SELECT setting::bigint AS bytes FROM pg_settings WHERE name = 'wal_segment_size') AS s,
           (SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_insert_lsn() - '0/0'::pg_lsn END AS at) AS w
"""
# Of any version: a backup is taken before a migration too.
CENTRES: Final = "SELECT tenant_id FROM centre ORDER BY tenant_id"
# Written by the server from its own catalogue: the tables that the service adds to and never deletes from.
GROWING: Final = """
    SELECT c.relname, format('SELECT count(*) FROM %I WHERE tenant_id = $1', c.relname) AS query
      FROM pg_class AS c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
       AND NOT has_table_privilege('desmos_app', c.oid, 'DELETE')
     ORDER BY c.relname
"""
# The id of an event has the time of its making, by the machine's clock; that of a test centre may be ahead.
LAST: Final = """
    SELECT to_timestamp(('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0)
      FROM event WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1
"""


async def server(con: Connection) -> Server:
    """Return what the server says of itself."""
    row = await con.fetchrow(SERVER)
    assert row is not None, "the query gives one row"
    return Server(**row)


async def centres(con: Connection) -> list[TenantId]:
    """Return every centre. Raises NotOwner, NotMigrated."""
    try:
        return [row["tenant_id"] for row in await con.fetch(CENTRES)]
    except asyncpg.UndefinedTableError as error:
        raise NotMigrated("the database has no tables of ours", hint="check DESMOS_DSN") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotOwner("this role cannot list the centres", hint="set DESMOS_OWNER_DSN to the role that owns the tables") from error


async def content(con: Connection, tenant: TenantId) -> Content:
    """Return what the database holds of one centre."""
    tables = await con.fetch(GROWING)
    rows = {table["relname"]: await con.fetchval(table["query"], tenant) for table in tables}
    return Content(rows=rows, last_commit=await con.fetchval(LAST, tenant))
