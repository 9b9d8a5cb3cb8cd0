# SPDX-License-Identifier: Apache-2.0
"""Reads that look for what must not be: each file of `sql/` is one check, which tells how many it looked at and which are wrong."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.identifiers import mask_nir, nir_is_valid
from desmos_fast.base.types import TenantId
from desmos_fast.db.migrate import VERSION, newest
from desmos_fast.db.pool import AWAY, Connection, DatabaseDown
from desmos_fast.db.tenant import SET_TENANT, direct
from desmos_fast.invariants.model import SHOWN
from desmos_fast.settlement.shares import MatchedLine

SQL: Final = Path(__file__).parent / "sql"
PREFETCH: Final = 2000
CENTRES: Final = "SELECT tenant_id, finess FROM centre ORDER BY finess"
SNAPSHOT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class NotOwner(OutsideFailed):
    """The role given cannot list the centres."""

    code = "outside_failed"


class NotMigrated(OutsideFailed):
    """The database is not of this version, so these checks are not for it."""

    code = "outside_failed"


class Seen(NamedTuple):
    """How many a check looked at, how many were wrong, and at most ten of those."""

    looked: int
    wrong: int
    examples: tuple[str, ...]


class Centre(NamedTuple):
    """One centre by its id and FINESS."""

    id: TenantId
    finess: str


class Told(NamedTuple):
    """What the database keeps of one share, the lines matched to it, and what payments brought when it is a patient's."""

    name: str
    amount: int
    transport: str
    state: str
    announced: int
    credited: int
    lines: tuple[MatchedLine, ...]
    owed: int
    received: int | None


@asynccontextmanager
async def reading(dsn: str, tenant: TenantId | None = None) -> AsyncIterator[Connection]:
    """Give one unchanging view of the database, of one centre when `tenant` is given. Raises DatabaseDown."""
    try:
        async with direct(dsn) as con:
            await con.execute(SNAPSHOT)
            if tenant is not None:
                await con.execute(SET_TENANT, str(tenant))
            yield con
    except AWAY as error:
        raise DatabaseDown(f"the database went away ({type(error).__name__})", hint="check it and run this again") from error


async def centres(con: Connection) -> list[Centre]:
    """Return every centre in order of FINESS. Raises NotOwner, NotMigrated."""
    try:
        version = await con.fetchval(VERSION)
        if version != newest():
            raise NotMigrated(f"the database is at {version}, this program at {newest()}", hint="run `desmos-fast migrate`")
        return [Centre(*row) for row in await con.fetch(CENTRES)]
    except asyncpg.UndefinedTableError as error:
        raise NotMigrated("the database has no tables of ours", hint="run `desmos-fast migrate`, or check DESMOS_DSN") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotOwner("this role cannot list the centres", hint="set DESMOS_OWNER_DSN to the role that owns the tables") from error


@cache
def check_names(invariant: str) -> tuple[str, ...]:
    """Return the names of an invariant's checks in `sql/`: `shares` for `i4_shares.sql`."""
    prefix = f"{invariant.lower()}_"
    return tuple(sorted(path.stem.removeprefix(prefix) for path in SQL.glob(f"{prefix}*.sql")))


@cache
def _text(invariant: str, name: str) -> str:
    return (SQL / f"{invariant.lower()}_{name}.sql").read_text(encoding="utf-8")


async def run(con: Connection, invariant: str, name: str, *args: object) -> Seen:
    """Run one check of `sql/`; those of a centre take its id."""
    return _seen(await con.fetchrow(_text(invariant, name), *args))


def _seen(row: asyncpg.Record | None) -> Seen:
    assert row is not None, "an aggregate gives its row"
    return Seen(row["looked"], row["wrong"], tuple(row["examples"] or ()))


SHARES: Final = """
    SELECT i.biller || '/' || i.number || '/' || s.part AS name, s.amount, s.transport, s.state, s.announced, s.credited,
           s.amount - s.closed AS owed,
           CASE WHEN s.part = 'patient' THEN (
               SELECT coalesce(sum(t.amount), 0)::bigint
                 FROM payment_part AS t JOIN payment AS p ON p.tenant_id = $1 AND p.id = t.payment_id AND p.unpaid_at IS NULL
                WHERE t.tenant_id = $1 AND t.invoice_id = s.invoice_id
           ) END AS received,
           l.status, l.amount AS line_amount, o.match_id IS NOT NULL AS line_credited, l.answered
      FROM share AS s
      JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id
      LEFT JOIN order_line AS l
             ON l.tenant_id = $1 AND l.share_invoice_id = s.invoice_id AND coalesce(l.share_part, l.part) = s.part
            AND l.match_id IS NOT NULL
      LEFT JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
     WHERE s.tenant_id = $1
     ORDER BY s.invoice_id, s.part
"""


async def shares(con: Connection, tenant: TenantId) -> AsyncIterator[Told]:
    """Give each share of a centre with the lines matched to it, a few thousand in memory at a time."""
    async for rows in _runs(con.cursor(SHARES, tenant, prefetch=PREFETCH), "name"):
        yield _told(rows)


async def _runs(rows: AsyncIterable[asyncpg.Record], column: str) -> AsyncIterator[list[asyncpg.Record]]:
    """Give the rows that follow one another with the same value in a column."""
    kept: list[asyncpg.Record] = []
    async for row in rows:
        if kept and row[column] != kept[0][column]:
            yield kept
            kept = []
        kept.append(row)
    if kept:
        yield kept


def _told(rows: Sequence[asyncpg.Record]) -> Told:
    first = rows[0]
    lines = tuple(
        MatchedLine(row["status"], row["line_amount"], row["line_credited"], row["answered"]) for row in rows if row["status"] is not None
    )
    return Told(
        first["name"], first["amount"], first["transport"], first["state"], first["announced"], first["credited"], lines, first["owed"],
        first["received"],
    )  # fmt: skip


# Written by the server from its own catalogue, names quoted by it: a table that is added later is looked at too.
READABLE: Final = """
    SELECT c.relname, format('SELECT count(*) FROM %I WHERE tenant_id <> $1', c.relname) AS query
      FROM pg_class AS c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
       AND has_table_privilege(c.oid, 'SELECT')
     ORDER BY c.relname
"""


async def foreign_rows(con: Connection, tenant: TenantId) -> Seen:
    """Count the tables of which the role that serves, acting for one centre, sees rows of another one."""
    tables = await con.fetch(READABLE)
    seen = [(row["relname"], await con.fetchval(row["query"], tenant)) for row in tables]
    wrong = [f"{name}: {count} rows" for name, count in seen if count]
    return Seen(len(seen), len(wrong), tuple(wrong[:SHOWN]))


# Text, JSON and arrays of text of every table, and the answers that are kept; the form is looked for here, the key by us.
CLEAR_TEXT: Final = """
    SELECT c.relname, c.of_centre,
           format(
               'SELECT t.tableoid::regclass::text || '' '' || t.ctid AS place, hit.found[1] AS digits'
               ' FROM %I AS t CROSS JOIN LATERAL regexp_matches(concat_ws('' '', %s), %L, ''g'') AS hit (found)',
               c.relname,
               string_agg(
                   format(CASE a.atttypid WHEN 'bytea'::regtype THEN 'encode(t.%I, ''escape'')' ELSE 't.%I::text' END, a.attname), ', '
               ),
               '(?<![0-9A-Za-z])([0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{8})(?![0-9A-Za-z])'
           ) || CASE WHEN c.of_centre THEN ' WHERE t.tenant_id = $1' ELSE '' END AS query
      FROM (
            SELECT oid, relname, EXISTS (SELECT FROM pg_attribute WHERE attrelid = oid AND attname = 'tenant_id') AS of_centre
              FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
           ) AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE a.atttypid = ANY (ARRAY['text', 'text[]', 'varchar', 'json', 'jsonb']::regtype[])
        OR (a.atttypid = 'bytea'::regtype AND a.attname IN ('body', 'payload'))
     GROUP BY c.oid, c.relname, c.of_centre
     ORDER BY c.relname
"""


async def clear_nirs(con: Connection, tenant: TenantId | None) -> Seen:
    """Look for NIR in what is not sealed: in the rows of one centre, or in the tables of the house."""
    tables = [row for row in await con.fetch(CLEAR_TEXT) if row["of_centre"] == (tenant is not None)]
    places: dict[str, None] = {}
    for table in tables:
        args = () if tenant is None else (tenant,)
        async for row in con.cursor(table["query"], *args, prefetch=PREFETCH):
            if nir_is_valid(row["digits"]):
                places[mask_nir(row["place"])] = None
    return Seen(len(tables), len(places), tuple(list(places)[:SHOWN]))


KEPT_FILES: Final = "SELECT name, encode(sha256, 'hex') AS sha256 FROM file WHERE tenant_id = $1 AND name = ANY($2::text[])"


async def kept_files(con: Connection, tenant: TenantId, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return name and SHA-256 (hex) of those claim files of a centre that bear one of these names."""
    return [(row["name"], row["sha256"]) for row in await con.fetch(KEPT_FILES, tenant, names)]
