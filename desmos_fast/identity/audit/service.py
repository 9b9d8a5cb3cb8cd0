# SPDX-License-Identifier: Apache-2.0
"""Add to the trail of a centre, show it, and look whether it still says what was added."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from desmos_fast.base.clock import PARIS
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.audit import rules, store
from desmos_fast.identity.audit.model import SHOWN, Access, AccessPage, Break, Head, Link, Verified, Wanted
from desmos_fast.identity.lookups import service as lookups
from desmos_fast.identity.lookups.model import CeilingReached, Look, Refused
from desmos_fast.identity.lookups.rules import hour_of, wait

BLOCK: Final = 10_000
LOWEST: Final = -(2**63)


async def append(con: Connection, tenant: UUID, accesses: Sequence[Access]) -> None:
    """Add to the trail, last in a transaction: others who add to the same centre's wait for its end."""
    if not accesses:
        return
    head = await store.lock(con, tenant, rules.genesis(tenant))
    await store.add(con, tenant, head.seq + 1, accesses, rules.chain(head.hash, accesses))


class _Waiting(NamedTuple):
    access: Access
    look: Look | None
    done: asyncio.Future[None]


class Trail:
    """Adds what requests saw, and counts it: those of one centre that wait at once enter by one transaction."""

    __slots__ = ("_pool", "_running", "_told", "_waiting")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[UUID, list[_Waiting]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._told: dict[UUID, datetime] = {}

    async def add(self, tenant: UUID, access: Access, look: Look | None = None) -> None:
        """Return once the access is on disk. Raises DatabaseDown, and CeilingReached for a look that is one too many and leaves no row."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.get(tenant)
        if waiting is None:
            self._waiting[tenant] = [_Waiting(access, look, done)]
            task = asyncio.create_task(self._drain(tenant))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        else:
            waiting.append(_Waiting(access, look, done))
        await done

    async def _drain(self, tenant: UUID) -> None:
        while batch := self._waiting[tenant]:
            self._waiting[tenant] = []
            try:
                failed: Sequence[Exception | None] = await self._enter(tenant, batch)
            except Exception as error:
                failed = [error] * len(batch)
            for one, fault in zip(batch, failed, strict=True):
                if one.done.done():
                    continue
                if fault is None:
                    one.done.set_result(None)
                else:
                    one.done.set_exception(fault)
        del self._waiting[tenant]

    async def _enter(self, tenant: UUID, batch: Sequence[_Waiting]) -> Sequence[Exception | None]:
        """Add what is not refused, and return why the others are."""
        async with transaction(self._pool, tenant) as con:
            told = iter(await lookups.count(con, tenant, [one.look for one in batch if one.look is not None]))
            failed = [None if one.look is None or (why := next(told)) is None else self._reached(one.look, why) for one in batch]
            await append(con, tenant, [one.access for one, fault in zip(batch, failed, strict=True) if fault is None])
        return failed

    def _reached(self, look: Look, why: Refused) -> CeilingReached:
        # Told once an hour by each process: the anomaly stays one, however often it is noted.
        hour = hour_of(look.at)
        first = self._told.get(look.actor) != hour
        self._told[look.actor] = hour
        return CeilingReached(look, why, wait_s=wait(look.at, why.span), first=first)


async def listed(con: Connection, tenant: UUID, wanted: Wanted, cursor: Callable[[int], str]) -> AccessPage:
    """Return one page of the trail, the newest first; `cursor` writes the place where the next one begins."""
    found = await store.listed(
        con, tenant, wanted.before, wanted.actor, wanted.action, wanted.subject, _midnight(wanted.since), _midnight(wanted.until, 1),
        wanted.limit + 1,
    )  # fmt: skip
    shown = found[: wanted.limit]
    return AccessPage(shown, cursor(shown[-1].row) if len(found) > len(shown) else None)


def _midnight(day: date | None, later: int = 0) -> datetime | None:
    return None if day is None else datetime.combine(day + timedelta(days=later), time(), PARIS)


async def verify(con: Connection, tenant: UUID, *, anchor: Head | None = None) -> Verified:
    """Look whether the chain of a centre's trail holds, block by block in flat memory.

    `anchor` is an end that was noted earlier: who writes a whole trail anew makes a chain that holds, and not this hash.
    """
    genesis = rules.genesis(tenant)
    head = await store.head(con, tenant) or Head(0, genesis)
    before, place, looked = Head(0, genesis), LOWEST, 0
    found: list[Break] = []
    # What is added meanwhile comes after the head, and is for the next time.
    while links := await store.links(con, tenant, place, head.seq, BLOCK):
        found += await asyncio.to_thread(_breaks, links, before)
        before = Head(place := links[-1].seq, links[-1].hash)
        looked += len(links)
    if before.seq < head.seq:
        found.append(Break(before.seq + 1, "missing"))
    elif before.hash != head.hash:
        found.append(Break(head.seq, "other_head"))
    if not await _ends(con, tenant, head):
        found.append(Break(head.seq + 1, "beyond_head"))
    if anchor is not None and anchor.hash != (await store.hash_of(con, tenant, anchor.seq) if anchor.seq else genesis):
        found.append(Break(anchor.seq, "other_anchor"))
    found.sort(key=lambda one: one.row)
    return Verified(holds=not found, rows=looked, head=head.seq, hash=head.hash.hex(), broken=len(found), breaks=tuple(found[:SHOWN]))


def _breaks(links: list[Link], before: Head) -> list[Break]:
    return list(rules.breaks(links, before.seq, before.hash))


async def _ends(con: Connection, tenant: UUID, head: Head) -> bool:
    """Say whether nothing stands beyond the end that is kept: who adds moves both in one transaction."""
    last = await store.last(con, tenant)
    if last <= head.seq:
        return True
    # Rows may have come since the end was read.
    now = await store.head(con, tenant)
    return now is not None and last <= now.seq
