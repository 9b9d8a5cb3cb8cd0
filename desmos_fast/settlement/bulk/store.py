# SPDX-License-Identifier: Apache-2.0
"""Lines and shares on their way to the kernel, and what it says of them on its way back. Functions take a connection and never commit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from desmos_fast.base import ledger
from desmos_fast.base.errors import OurBug
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.db import journal, leaf
from desmos_fast.db.pool import Connection
from desmos_fast.settlement.bulk.kernel import Posts, Settlement

SQL: Final = Path(__file__).parent / "sql"
LINES: Final = (SQL / "lines.sql").read_text(encoding="utf-8")
SHARES: Final = (SQL / "shares.sql").read_text(encoding="utf-8")
WRITE: Final = (SQL / "write.sql").read_text(encoding="utf-8")
# Whether there are so many without counting them all.
MANY: Final = """
    SELECT count(*) = $2::bigint
      FROM (SELECT FROM order_line WHERE tenant_id = $1 AND match_id IS NULL LIMIT $2::bigint) AS free
"""
EVENT: Final = ("id", "name", "invoice_id", "subject", "part", "detail", "happened_at", "actor")
ENTRY: Final = ("id", "seq", "event", "ref", "posted_at", "hash")
ENTRY_LINE: Final = ("entry_id", "line", "account", "debit", "credit")
# Rows that are written by one statement.
AT_ONCE: Final = 10_000
# A stream of millions of rows takes longer than any statement may.
PATIENCE_S: Final = 1_800


async def are_many(con: Connection, tenant: UUID, lines: int) -> bool:
    """Say whether at least so many lines are free."""
    return bool(await con.fetchval(MANY, tenant, lines))


async def read(con: Connection, tenant: UUID, since: datetime) -> Settlement:
    """Stream all lines that a run decides, then all shares that are open, through the kernel."""
    settlement = Settlement()
    await _read(con, settlement.take_lines, LINES, tenant, since)
    await _read(con, settlement.take_shares, SHARES, tenant, sorted(TERMINAL))
    return settlement


async def _read(con: Connection, take: Callable[[bytes], None], query: str, *args: object) -> None:
    failed: list[Exception] = []

    async def taken(data: bytes | bytearray) -> None:
        # asyncpg waits for ever when this raises: the rest of the stream is let go by.
        try:
            if not failed:
                take(bytes(data))
        except Exception as error:
            failed.append(error)

    await con.copy_from_query(query, *args, output=taken, format="binary", timeout=PATIENCE_S)
    if failed:
        raise failed[0]


async def _blocks(give: Callable[[], bytes]) -> AsyncIterator[bytes]:
    # A block takes a millisecond or two to be laid out: the loop serves others meanwhile.
    while block := await asyncio.to_thread(give):
        yield block


async def write(con: Connection, tenant: UUID, run_id: UUID, now: datetime, posts: Posts, settled: int) -> None:
    """Store matches, lines, shares and events. Raises OurBug when a line or a share is not as it was read."""
    while (block := await asyncio.to_thread(posts.matches, AT_ONCE))[0]:
        rows, *columns = block
        row = await con.fetchrow(WRITE, tenant, run_id, now, *columns)
        if row is None or tuple(row) != (rows, rows, rows):
            raise OurBug(f"{rows} lines were to be settled, PostgreSQL says {row}")
    await leaf.copy_blocks(con, "event", tenant, EVENT, _blocks(posts.events), 2 * settled, patience=PATIENCE_S)


async def post(con: Connection, tenant: UUID, posts: Posts, others: Sequence[ledger.Entry]) -> int:
    """Add the entries of a settlement, and `others` among them in order of their ref, and return how many.

    As with `journal.post`, others who post for the same tenant wait for the end of the transaction.
    """
    kept = [entry for entry in others if entry.lines]
    count = posts.entries + len(kept)
    if not count:
        return 0
    row = await con.fetchrow(journal.HEAD, tenant, ledger.GENESIS)
    assert row is not None, "the upsert returns its row"
    named = journal.ids(len(kept))
    said = [
        (name.bytes, entry.event.encode(), entry.ref.encode(), ledger.canonical(entry)) for name, entry in zip(named, kept, strict=True)
    ]
    posts.chain(bytes(row["hash"]), row["value"] + 1, said)
    await leaf.copy_blocks(con, "ledger_entry", tenant, ENTRY, _blocks(posts.ledger_entries), count, patience=PATIENCE_S)
    await leaf.copy_blocks(con, "ledger_line", tenant, ENTRY_LINE, _blocks(posts.ledger_lines), posts.entry_lines, patience=PATIENCE_S)
    if kept:
        await journal.add_lines(con, tenant, named, kept)
    await con.execute(journal.ADVANCE, tenant, row["value"] + count, posts.last_hash())
    return count
