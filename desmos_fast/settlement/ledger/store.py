# SPDX-License-Identifier: Apache-2.0
"""Reads of the ledger; the caller owns the transaction."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from desmos_fast.base.ledger import GENESIS, Entry, Line
from desmos_fast.base.types import Cents
from desmos_fast.db.pool import Connection
from desmos_fast.settlement.ledger.model import Balance, By, EntryView, Head, LineView, Link

SQL: Final = Path(__file__).parent / "sql"
Row = asyncpg.Record

HEAD: Final = "SELECT value, hash FROM counter WHERE tenant_id = $1 AND kind = 'ledger' AND name = ''"
# In one statement: an entry and the end of the ledger are committed together.
BEYOND: Final = """
    SELECT min(e.seq) FROM ledger_entry AS e
     WHERE e.tenant_id = $1
       AND e.seq > coalesce((SELECT value FROM counter WHERE tenant_id = $1 AND kind = 'ledger' AND name = ''), 0)
"""
LINK: Final = "SELECT hash FROM ledger_entry WHERE tenant_id = $1 AND seq = $2"
LINKS: Final = """
    SELECT e.seq, e.hash, e.event, e.ref, l.account, l.debit, l.credit
      FROM (SELECT * FROM ledger_entry WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4) AS e
      LEFT JOIN ledger_line AS l ON l.tenant_id = $1 AND l.entry_id = e.id
     ORDER BY e.seq, l.line
"""


async def head(con: Connection, tenant: UUID) -> Head:
    """Return how many entries the ledger of a centre should have, and the hash of the last one."""
    row = await con.fetchrow(HEAD, tenant)
    return Head(0, GENESIS) if row is None else Head(row["value"], bytes(row["hash"]))


async def beyond(con: Connection, tenant: UUID) -> int | None:
    """Return the first entry after the end of the ledger, where none should be."""
    found: int | None = await con.fetchval(BEYOND, tenant)
    return found


async def hash_of(con: Connection, tenant: UUID, seq: int) -> bytes | None:
    """Return the hash that is kept of one entry."""
    found = await con.fetchval(LINK, tenant, seq)
    return None if found is None else bytes(found)


async def links(con: Connection, tenant: UUID, after: int, until: int, limit: int) -> list[Link]:
    """Return at most `limit` entries above number `after`, up to `until`, in the order of the chain."""
    return [_link(list(rows)) for rows in _each(await con.fetch(LINKS, tenant, after, until, limit))]


def _each(rows: Iterable[Row]) -> Iterator[Iterator[Row]]:
    return (some for _, some in groupby(rows, key=lambda row: row["seq"]))


def _link(rows: Sequence[Row]) -> Link:
    first = rows[0]
    lines = tuple(Line(row["account"], Cents(row["debit"]), Cents(row["credit"])) for row in rows if row["account"] is not None)
    return Link(first["seq"], bytes(first["hash"]), Entry(first["event"], first["ref"], lines))


# --- entries

ENTRIES: Final = """
    SELECT e.seq, e.event, e.ref, e.posted_at, e.hash, l.account, l.debit, l.credit
      FROM (
            SELECT * FROM ledger_entry AS x
             WHERE x.tenant_id = $1 AND ($2::bigint IS NULL OR x.seq < $2) AND ($3::text IS NULL OR x.ref = $3)
               AND ($4::text IS NULL OR x.event = $4) AND ($5::timestamptz IS NULL OR x.posted_at >= $5)
               AND ($6::timestamptz IS NULL OR x.posted_at < $6)
               AND ($7::text IS NULL OR EXISTS (
                   SELECT FROM ledger_line AS y WHERE y.tenant_id = $1 AND y.entry_id = x.id AND y.account = $7))
             ORDER BY x.seq DESC LIMIT $8
           ) AS e
      JOIN ledger_line AS l ON l.tenant_id = $1 AND l.entry_id = e.id
     ORDER BY e.seq DESC, l.line
"""


async def entries(con: Connection, tenant: UUID, *bounds: object) -> list[EntryView]:
    """Return the entries of one page; `bounds` are those of the query in its order."""
    return [_entry(list(rows)) for rows in _each(await con.fetch(ENTRIES, tenant, *bounds))]


def _entry(rows: Sequence[Row]) -> EntryView:
    first = rows[0]
    return EntryView(
        entry=first["seq"],
        event=first["event"],
        ref=first["ref"],
        posted_at=first["posted_at"],
        hash=first["hash"].hex(),
        lines=[LineView(row["account"], row["debit"], row["credit"]) for row in rows],
    )


# --- trial balances

BALANCE: Final = (SQL / "balance.sql").read_text(encoding="utf-8")


async def balance(con: Connection, tenant: UUID, finess: str, by: By, since: datetime | None, until: datetime | None) -> list[Balance]:
    """Return the trial balance of a centre, in the order of names and accounts."""
    return [Balance(*row) for row in await con.fetch(BALANCE, tenant, since, until, by, finess)]
