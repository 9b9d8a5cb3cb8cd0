# SPDX-License-Identifier: Apache-2.0
"""Settings of the books, closed periods, and the lines of the ledger in blocks; the caller owns the transaction."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.types import KeyKind
from desmos_fast.db.pool import Connection
from desmos_fast.settlement.accounting.model import AccountingSettings, Balance, Export, LedgerRow
from desmos_fast.settlement.accounting.rules import Start

BLOCK: Final = 5_000
# The ledger of a year is read for longer than a request may take.
READING_S: Final = 900

HOLD: Final = "SELECT pg_advisory_xact_lock(hashtextextended('accounting of ' || $1, 5))"
SETTINGS: Final = "SELECT revision, document FROM accounting_settings WHERE tenant_id = $1 ORDER BY revision DESC LIMIT 1"
REVISION: Final = "SELECT revision, document FROM accounting_settings WHERE tenant_id = $1 AND revision = $2"
PUT: Final = """
    INSERT INTO accounting_settings (tenant_id, revision, document, since)
    SELECT $1, coalesce(max(revision), 0) + 1, $2, $3 FROM accounting_settings WHERE tenant_id = $1
 RETURNING revision
"""
EXPORTS: Final = """
    SELECT e.*, s.document FROM accounting_export AS e
      LEFT JOIN accounting_settings AS s ON s.tenant_id = $1 AND s.revision = e.settings_revision
     WHERE e.tenant_id = $1 ORDER BY e.rank
"""
ADD: Final = """
    INSERT INTO accounting_export (tenant_id, id, rank, first_day, last_day, first_seq, last_seq, settings_revision, entries, lines, amount,
                                   made_at, made_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
# An entry of a later day may stand before one of the period: what follows the first of them is of the next period.
LAST: Final = """
    SELECT coalesce(
        (SELECT min(seq) - 1 FROM ledger_entry
          WHERE tenant_id = $1 AND seq >= $2 AND (posted_at AT TIME ZONE 'Europe/Paris')::date > $3),
        (SELECT max(seq) FROM ledger_entry WHERE tenant_id = $1 AND seq >= $2), $2 - 1)
"""
BEFORE: Final = """
    SELECT min((posted_at AT TIME ZONE 'Europe/Paris')::date) FROM ledger_entry
     WHERE tenant_id = $1 AND seq >= $2 AND (posted_at AT TIME ZONE 'Europe/Paris')::date < $3
"""
TOTALS: Final = """
    SELECT count(DISTINCT e.id), count(*), coalesce(sum(l.debit), 0)::bigint
      FROM ledger_entry AS e JOIN ledger_line AS l ON l.tenant_id = $1 AND l.entry_id = e.id
     WHERE e.tenant_id = $1 AND e.seq BETWEEN $2 AND $3
"""
BALANCES: Final = """
    SELECT CASE WHEN l.account LIKE 'creance:%' THEN regexp_replace(l.account, ':[^:]*$', '') ELSE l.account END AS account,
           sum(l.debit - l.credit)::bigint
      FROM ledger_entry AS e JOIN ledger_line AS l ON l.tenant_id = $1 AND l.entry_id = e.id
     WHERE e.tenant_id = $1 AND e.seq < $2
     GROUP BY 1 ORDER BY 1
"""
# Names are those of the first run of the centre, whoever asks: the same period is to give the same bytes.
KIND: Final = "SELECT kind FROM run WHERE tenant_id = $1 AND at <= $2 ORDER BY seq LIMIT 1"
# A créance is lettered when all that ever moved it is here and comes to zero.
LINES: Final = """
    WITH settled AS MATERIALIZED (
        SELECT l.account, row_number() OVER (ORDER BY min(e.seq), l.account) AS rank,
               max((e.posted_at AT TIME ZONE 'Europe/Paris')::date) AS day
          FROM ledger_line AS l JOIN ledger_entry AS e ON e.tenant_id = $1 AND e.id = l.entry_id
         WHERE l.tenant_id = $1 AND l.account LIKE 'creance:%' AND e.seq <= $3
         GROUP BY l.account HAVING min(e.seq) >= $2 AND sum(l.debit - l.credit) = 0
    )
    SELECT e.seq, e.event, e.ref, (e.posted_at AT TIME ZONE 'Europe/Paris')::date, l.account, l.debit, l.credit, s.rank, s.day
      FROM ledger_entry AS e JOIN ledger_line AS l ON l.tenant_id = $1 AND l.entry_id = e.id
      LEFT JOIN settled AS s ON s.account = l.account
     WHERE e.tenant_id = $1 AND e.seq BETWEEN $2 AND $3
     ORDER BY e.seq, l.line
"""


async def hold(con: Connection, tenant: UUID) -> None:
    """Keep others from closing periods or changing the settings of a centre until the transaction ends."""
    await con.execute(HOLD, str(tenant))


async def settings(con: Connection, tenant: UUID, revision: int | None = None) -> tuple[int, AccountingSettings]:
    """Return the settings of a centre in force, or those of a revision, with the revision; 0 and the defaults before the first."""
    if revision == 0:
        return 0, AccountingSettings()
    row = await (con.fetchrow(SETTINGS, tenant) if revision is None else con.fetchrow(REVISION, tenant, revision))
    if row is None:
        return 0, AccountingSettings()
    return row["revision"], _settings(row["document"])


def _settings(document: str | None) -> AccountingSettings:
    return AccountingSettings() if document is None else msgspec.json.decode(document, type=AccountingSettings)


async def put_settings(con: Connection, tenant: UUID, new: AccountingSettings, now: datetime) -> int:
    """Keep new settings, and return their revision."""
    return int(await con.fetchval(PUT, tenant, msgspec.json.encode(new).decode(), now))


class Closed(NamedTuple):
    """A closed period, and the settings it was exported under."""

    export: Export
    revision: int
    closing_month: int

    @property
    def start(self) -> Start:
        """Return how it begins."""
        return Start(self.export.first, self.closing_month)


async def exports(con: Connection, tenant: UUID) -> list[Closed]:
    """Return the closed periods of a centre, the earliest first."""
    return [
        Closed(
            Export(
                id=row["id"], first=row["first_day"], last=row["last_day"], first_seq=row["first_seq"], last_seq=row["last_seq"],
                entries=row["entries"], lines=row["lines"], amount=row["amount"], draft=False, made_at=row["made_at"],
                made_by=row["made_by"],
            ),
            row["settings_revision"],
            _settings(row["document"]).closing_month,
        )
        for row in await con.fetch(EXPORTS, tenant)
    ]  # fmt: skip


async def add(con: Connection, tenant: UUID, rank: int, closed: Closed) -> None:
    """Keep a closed period."""
    one = closed.export
    await con.execute(
        ADD, tenant, one.id, rank, one.first, one.last, one.first_seq, one.last_seq, closed.revision, one.entries, one.lines, one.amount,
        one.made_at, one.made_by,
    )  # fmt: skip


async def last_seq(con: Connection, tenant: UUID, first_seq: int, last: date) -> int:
    """Return the last entry from `first_seq` on before the first one of a later day; `first_seq` - 1 when there is none."""
    return int(await con.fetchval(LAST, tenant, first_seq, last, timeout=READING_S))


async def day_before(con: Connection, tenant: UUID, first_seq: int, first: date) -> date | None:
    """Return the first day before `first` that entries from `first_seq` on are of."""
    found: date | None = await con.fetchval(BEFORE, tenant, first_seq, first, timeout=READING_S)
    return found


async def totals(con: Connection, tenant: UUID, first_seq: int, last_seq: int) -> tuple[int, int, int]:
    """Return how many entries and lines there are, and the sum of the debits in cents."""
    row = await con.fetchrow(TOTALS, tenant, first_seq, last_seq, timeout=READING_S)
    assert row is not None, "an aggregate gives one row"
    return row[0], row[1], row[2]


async def balances(con: Connection, tenant: UUID, first_seq: int) -> list[Balance]:
    """Return what each account stood at before an entry, créances of one payer as one."""
    return [Balance(*row) for row in await con.fetch(BALANCES, tenant, first_seq, timeout=READING_S)]


async def kind(con: Connection, tenant: UUID, at: datetime) -> KeyKind:
    """Return whether a centre was of synthetic people when it was first matched; live before."""
    found: KeyKind | None = await con.fetchval(KIND, tenant, at)
    return found or "live"


async def lines(con: Connection, tenant: UUID, first_seq: int, last_seq: int) -> AsyncIterator[list[LedgerRow]]:
    """Give the lines of the ledger between two entries, both included, in blocks."""
    cursor = await con.cursor(LINES, tenant, first_seq, last_seq, timeout=READING_S)
    while block := await cursor.fetch(BLOCK, timeout=READING_S):
        yield [LedgerRow(*row) for row in block]
