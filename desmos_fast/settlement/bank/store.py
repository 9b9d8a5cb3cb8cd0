# SPDX-License-Identifier: Apache-2.0
"""The rows of statements in several formats: mappings, entries of camt files, lines of one account. Functions never commit."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from desmos_fast.db.pool import Connection
from desmos_fast.settlement.bank.mapping import Mapping
from desmos_fast.settlement.bank.model import BankLine, Entry, KnownEntry, NamedMapping, Overlap
from desmos_fast.settlement.bank.texts import same_accounts

# --- mappings

SET_MAPPING: Final = """
    INSERT INTO bank_mapping (tenant_id, name, document, set_at, set_by) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, name) DO UPDATE SET document = excluded.document, set_at = excluded.set_at, set_by = excluded.set_by
"""
MAPPINGS: Final = "SELECT name, document, set_at, set_by FROM bank_mapping WHERE tenant_id = $1 ORDER BY name LIMIT $2"
MAPPING: Final = "SELECT name, document, set_at, set_by FROM bank_mapping WHERE tenant_id = $1 AND name = $2"


async def set_mapping(con: Connection, tenant: UUID, row: NamedMapping) -> None:
    """Store a mapping, in the place of one of that name."""
    await con.execute(SET_MAPPING, tenant, row.name, msgspec.json.encode(row.mapping).decode(), row.set_at, row.set_by)


async def mappings(con: Connection, tenant: UUID, most: int) -> list[NamedMapping]:
    """Return the mappings of a centre by their names."""
    return [_named(row) for row in await con.fetch(MAPPINGS, tenant, most)]


async def mapping(con: Connection, tenant: UUID, name: str) -> NamedMapping | None:
    """Return the mapping of that name."""
    row = await con.fetchrow(MAPPING, tenant, name)
    return None if row is None else _named(row)


def _named(row: Any) -> NamedMapping:
    document = msgspec.json.decode(row["document"], type=Mapping)
    return NamedMapping(name=row["name"], mapping=document, set_at=row["set_at"], set_by=row["set_by"])


# --- entries

SAME_ENTRIES: Final = """
    SELECT e.bank_file_id, e.first, e.kind, e.account, e.booking_date, e.amount, e.currency, e.keys, e.ref, e.content_key, e.occurrence
      FROM unnest($2::text[], $3::bigint[], $4::text[]) AS asked (account, amount, currency)
      JOIN bank_entry AS e
             ON e.tenant_id = $1 AND e.account = asked.account AND e.amount = asked.amount AND e.currency = asked.currency
"""
ADD_ENTRIES: Final = """
    INSERT INTO bank_entry (tenant_id, bank_file_id, first, kind, account, booking_date, amount, currency, keys, ref, content_key,
                            occurrence)
    SELECT $1, $2, e.first, e.kind, e.account, e.booking_date, e.amount, e.currency, e.keys, e.ref, e.content_key, e.occurrence
      FROM jsonb_to_recordset($3::jsonb)
           AS e (first integer, kind text, account text, booking_date date, amount bigint, currency text, keys text[],
                 ref text, content_key text, occurrence integer)
"""


async def same_entries(con: Connection, tenant: UUID, entries: Sequence[Entry]) -> list[KnownEntry]:
    """Return the known entries of these accounts, amounts and currencies."""
    asked = zip(*{(entry.account, entry.amount, entry.currency) for entry in entries}, strict=True)
    return [KnownEntry(**dict(row)) for row in await con.fetch(SAME_ENTRIES, tenant, *map(list, asked))]


async def add_entries(con: Connection, tenant: UUID, entries: Sequence[KnownEntry]) -> None:
    """Store the entries of one file."""
    if entries:
        await con.execute(ADD_ENTRIES, tenant, entries[0].bank_file_id, msgspec.json.encode(entries).decode())


# --- accounts that come in two formats

OVERLAPS: Final = """
    SELECT asked.account, f.format, min(b.booking_date) AS first, max(b.booking_date) AS last, count(DISTINCT b.id) AS lines,
           count(DISTINCT b.id) FILTER (WHERE said.amount IS NOT NULL) AS alike
      FROM unnest($2::text[], $3::text[], $4::date[], $5::date[]) AS asked (account, form, first, last)
      JOIN bank_line AS b
             ON b.tenant_id = $1 AND b.account = asked.form AND b.booking_date BETWEEN asked.first AND asked.last
            AND b.duplicate_of IS NULL AND b.piece_of IS NULL
      JOIN bank_file AS f ON f.tenant_id = $1 AND f.id = b.bank_file_id AND split_part(f.format, '.', 1) <> $6
      LEFT JOIN unnest($7::text[], $8::date[], $9::bigint[]) AS said (account, day, amount)
             ON said.account = asked.account AND said.day = b.booking_date AND said.amount = b.amount
     GROUP BY asked.account, f.format
     ORDER BY asked.account, f.format
"""


async def overlaps(con: Connection, tenant: UUID, statement_format: str, lines: Iterable[BankLine]) -> list[Overlap]:
    """Return what files of other formats gave of the accounts and days of these lines; camt.053 and camt.054 are one."""
    days: dict[str, list[Any]] = {}
    said = [(line.account, line.booking_date, line.amount) for line in lines]
    for account, day, _ in said:
        days.setdefault(account, []).append(day)
    asked = [(account, form, min(some), max(some)) for account, some in days.items() for form in same_accounts(account)]
    if not asked:
        return []
    columns = [list(column) for column in zip(*asked, strict=True)]
    movements = [list(column) for column in zip(*set(said), strict=True)]
    return [Overlap(**dict(row)) for row in await con.fetch(OVERLAPS, tenant, *columns, statement_format.partition(".")[0], *movements)]
