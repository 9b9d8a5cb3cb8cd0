# SPDX-License-Identifier: Apache-2.0
"""Lines and shares on their way to the kernel, and what it says of them on its way back. Functions take a connection and never commit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, Final
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
SETTLED: Final = (SQL / "settled.sql").read_text(encoding="utf-8")
# Whether there are so many without counting them all.
MANY: Final = """
    SELECT count(*) = $2::bigint
      FROM (SELECT FROM order_line WHERE tenant_id = $1 AND match_id IS NULL LIMIT $2::bigint) AS free
"""
ADD_MATCHES: Final = """
    INSERT INTO match (tenant_id, id, run_id, match_key, problem, status, rule, left_refs, right_refs, amount, residual, outcome, evidence,
                       decided_by, decided_at)
    SELECT $1, match_id, $2, match_key, 'A', 'confirmed', rule, ARRAY[left_ref], ARRAY[right_ref], amount, residual, outcome, evidence,
           'auto', $3
      FROM settled
"""
TAKE_LINES: Final = """
    UPDATE order_line AS l SET match_id = s.match_id, share_invoice_id = s.invoice_id, parked = false
      FROM settled AS s
     WHERE l.tenant_id = $1 AND l.order_id = s.order_id AND l.line = s.line AND l.match_id IS NULL
"""
MOVE_SHARES: Final = """
    UPDATE share AS h SET state = s.state, announced = s.amount
      FROM settled AS s
     WHERE h.tenant_id = $1 AND h.invoice_id = s.invoice_id AND h.part = s.part AND h.announced = 0
"""
EVENT: Final = ("id", "name", "invoice_id", "subject", "part", "detail", "happened_at", "actor")
ENTRY: Final = ("id", "seq", "event", "ref", "posted_at", "hash")
ENTRY_LINE: Final = ("entry_id", "line", "account", "debit", "credit")
COLUMNS: Final = (
    "order_id", "line", "match_id", "match_key", "rule", "left_ref", "right_ref", "amount", "residual", "outcome", "evidence", "invoice_id",
    "part", "state",
)  # fmt: skip


async def are_many(con: Connection, tenant: UUID, lines: int) -> bool:
    """Say whether at least so many lines are free."""
    return bool(await con.fetchval(MANY, tenant, lines))


async def read(con: Connection, tenant: UUID, since: datetime) -> Settlement:
    """Stream all lines that a run decides, then all shares that are open, through the kernel."""
    settlement = Settlement()
    await con.copy_from_query(LINES, tenant, since, output=_taker(settlement.take_lines), format="binary")
    await con.copy_from_query(SHARES, tenant, sorted(TERMINAL), output=_taker(settlement.take_shares), format="binary")
    return settlement


def _taker(take: Callable[[bytes], None]) -> Callable[[bytes], Coroutine[Any, Any, None]]:
    async def taken(data: bytes) -> None:
        take(data)

    return taken


async def _blocks(give: Callable[[], bytes]) -> AsyncIterator[bytes]:
    # A block takes a millisecond or two to be laid out: the loop serves others meanwhile.
    while block := await asyncio.to_thread(give):
        yield block


async def write(con: Connection, tenant: UUID, run_id: UUID, now: datetime, posts: Posts, settled: int) -> None:
    """Store matches, lines, shares and events. Raises OurBug when a line or a share is not as it was read."""
    await con.execute(SETTLED)
    await leaf.send(con, "settled", COLUMNS, _blocks(posts.matches))
    await con.execute("ANALYZE settled")
    await _each(con, settled, ADD_MATCHES, tenant, run_id, now)
    await _each(con, settled, TAKE_LINES, tenant)
    await _each(con, settled, MOVE_SHARES, tenant)
    await con.execute("DROP TABLE settled")
    await leaf.copy_blocks(con, "event", tenant, EVENT, _blocks(posts.events), 2 * settled)


async def _each(con: Connection, settled: int, query: str, *args: object) -> None:
    status = await con.execute(query, *args)
    if status.rpartition(" ")[2] != str(settled):
        raise OurBug(f"{settled} rows were to change, PostgreSQL says {status}")


async def post(con: Connection, tenant: UUID, posts: Posts) -> int:
    """Add the entries to the ledger and return how many; as with `journal.post`, others who post wait for the end of the transaction."""
    if not posts.entries:
        return 0
    row = await con.fetchrow(journal.HEAD, tenant, ledger.GENESIS)
    assert row is not None, "the upsert returns its row"
    first = row["value"] + 1
    posts.chain(bytes(row["hash"]), first)
    await leaf.copy_blocks(con, "ledger_entry", tenant, ENTRY, _blocks(posts.ledger_entries), posts.entries)
    await leaf.copy_blocks(con, "ledger_line", tenant, ENTRY_LINE, _blocks(posts.ledger_lines), posts.entry_lines)
    await con.execute(journal.ADVANCE, tenant, first + posts.entries - 1, posts.last_hash())
    return posts.entries
