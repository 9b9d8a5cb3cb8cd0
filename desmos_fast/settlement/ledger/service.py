# SPDX-License-Identifier: Apache-2.0
"""Use cases of the ledger: verify its chain, list entries, make trial balances."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from desmos_fast.base.clock import PARIS
from desmos_fast.base.ledger import GENESIS
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.ledger import rules, store
from desmos_fast.settlement.ledger.model import SHOWN, Break, By, EntryPage, Head, Link, Totals, TrialBalance, Verified, Wanted

BLOCK: Final = 10_000
LOWEST: Final = -(2**63)
Progress = Callable[[int, int], None]


# --- the chain


async def verify(
    con: Connection, tenant: UUID, progress: Progress, *, first: int = 1, last: int | None = None, anchor: Head | None = None
) -> Verified:
    """Look whether the chain of a centre holds from entry `first` to `last`, or to its end, block by block in flat memory.

    A stretch is judged from the hash that is kept of the entry before it, so stretches may be looked at apart, in any order or at once.
    `anchor` is an end of the ledger that was noted earlier: who rewrites a ledger whole makes a chain that holds, and not this hash.
    """
    head = await store.head(con, tenant)
    before = Head(first - 1, GENESIS if first == 1 else await store.hash_of(con, tenant, first - 1) or GENESIS)
    # An entry may have been moved to where none can be; what is posted meanwhile comes after the head, and is for the next time.
    place, until, looked = LOWEST if first == 1 else first - 1, head.seq if last is None else last, 0
    found: list[Break] = []
    while links := await store.links(con, tenant, place, until, BLOCK):
        found += await asyncio.to_thread(_breaks, links, before)
        before = Head(place := links[-1].seq, links[-1].hash)
        looked += len(links)
        progress(looked, until - first + 1)
    found += rules.end(before, head, until)
    beyond = await store.beyond(con, tenant)
    if beyond is not None:
        found.append(Break(beyond, "beyond_head"))
    if anchor is not None and anchor.hash != (await store.hash_of(con, tenant, anchor.seq) if anchor.seq else GENESIS):
        found.append(Break(anchor.seq, "other_anchor"))
    found.sort(key=lambda one: one.entry)
    return Verified(
        holds=not found, entries=looked, head=head.seq, hash=head.hash.hex(), broken=len(found), breaks=tuple(found[:SHOWN])
    )


def _breaks(links: list[Link], before: Head) -> list[Break]:
    return list(rules.breaks(links, before.seq, before.hash))


# --- looking


async def entries(con: Connection, context: Context, wanted: Wanted, cursor: Callable[[int], str]) -> EntryPage:
    """Return one page of entries, the newest first; `cursor` writes the place where the next one begins."""
    bounds = (wanted.before, wanted.ref, wanted.event, *_instants(wanted.since, wanted.until), wanted.account, wanted.limit + 1)
    found = await store.entries(con, context.tenant, *bounds)
    shown = found[: wanted.limit]
    return EntryPage(shown, cursor(shown[-1].entry) if len(found) > len(shown) else None)


async def balance(
    con: Connection, context: Context, by: By, since: date | None, until: date | None, *, after: tuple[str, str] | None = None,
    limit: int | None = None, cursor: Callable[[str, str], str] | None = None,
) -> TrialBalance:  # fmt: skip
    """Return the trial balance of the centre over days of Paris, both included; a page of it when `limit` is given."""
    rows = await store.balance(con, context.tenant, context.finess, by, *_instants(since, until))
    debit, credit = sum(row.debit for row in rows), sum(row.credit for row in rows)
    left = [row for row in rows if after is None or (row.name, row.account) > after]
    shown = left[:limit]
    more = cursor is not None and len(left) > len(shown)
    return TrialBalance(
        by=by, since=since, until=until, rows=shown, totals=Totals(debit, credit, debit - credit),
        next=cursor(shown[-1].name, shown[-1].account) if more and cursor is not None else None,
    )  # fmt: skip


def _instants(since: date | None, until: date | None) -> tuple[datetime | None, datetime | None]:
    """Return where the days of Paris from `since` to `until`, both included, begin and end."""
    return (
        None if since is None else datetime.combine(since, time(), PARIS),
        None if until is None else datetime.combine(until + timedelta(days=1), time(), PARIS),
    )
