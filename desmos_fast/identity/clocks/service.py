# SPDX-License-Identifier: Apache-2.0
"""Advance the clock of a test centre, and follow the clocks that are ahead."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.base.clock import Clocks
from desmos_fast.db import journal, queue
from desmos_fast.db.health import bare
from desmos_fast.db.journal import Event
from desmos_fast.db.locks import hold
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.identity.clocks import store
from desmos_fast.identity.clocks.model import FURTHEST_S, Advance, CentreIsLive, ClockRefused, ClockShown, TestKeyNeeded
from desmos_fast.identity.context import Context

FOLLOW_S: Final = 1.0


def read_advance(body: bytes) -> Advance:
    """Read where the clock is to go. Raises ClockRefused."""
    try:
        asked = msgspec.json.decode(body, type=Advance)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ClockRefused('the body is {"to": "2027-01-15T08:00:00Z"} or {"by_s": 86400}') from error
    if (asked.to is None) == (asked.by_s is None):
        raise ClockRefused("give one of to and by_s")
    return asked


async def advance(con: Connection, context: Context, house: datetime, asked: Advance, *, wake: Sequence[str] = ()) -> ClockShown:
    """Set the clock of a test centre ahead; jobs of `wake` that wait for a time of the centre look at its clock again.

    `house` is what time it is for everybody else. Raises TestKeyNeeded, CentreIsLive, and ClockRefused for a clock that would go back or
    too far.
    """
    if context.kind != "test":
        raise TestKeyNeeded("a live key has the clock of everybody", hint="use a key of kind test")
    await hold(con, f"clock of {context.tenant}")
    if await store.is_live(con, context.tenant):
        raise CentreIsLive("the centre has a live key, so its clock stays that of everybody", hint="use a centre that has test keys alone")
    before = await store.ahead_s(con, context.tenant)
    # Rounded up: an instant that is asked for has come.
    wanted = before + (asked.by_s or 0) if asked.to is None else math.ceil((asked.to - house) / timedelta(seconds=1))
    if wanted < before:
        raise ClockRefused("a clock never goes back", hint=f"it is {_now(house, before).isoformat()} there")
    if wanted > FURTHEST_S:
        raise ClockRefused(f"a clock is at most {FURTHEST_S} seconds ahead")
    await store.advance(con, context.tenant, wanted, house, context.actor)
    now = _now(house, wanted)
    await journal.record(con, context.tenant, now, [Event("clock.advanced", context.tenant, detail={"ahead_s": wanted})], by=context.actor)
    await queue.wake(con, wake, str(context.tenant))
    return ClockShown(now=now, ahead_s=wanted)


async def show(con: Connection, context: Context, house: datetime) -> ClockShown:
    """Return what time it is for the centre. Raises TestKeyNeeded."""
    if context.kind != "test":
        raise TestKeyNeeded("a live key has the clock of everybody", hint="use a key of kind test")
    by = await ahead(con, context.tenant)
    return ClockShown(now=house + by, ahead_s=int(by.total_seconds()))


async def ahead(con: Connection, tenant: UUID) -> timedelta:
    """Return by how much the clock of a centre is ahead, for who does something for it without a process that follows."""
    return timedelta() if await store.is_live(con, tenant) else timedelta(seconds=await store.ahead_s(con, tenant))


def _now(house: datetime, ahead_s: int) -> datetime:
    return house + timedelta(seconds=ahead_s)


async def look(pool: Pool, clocks: Clocks) -> None:
    """Take by how much the clocks of centres are ahead now. Raises DatabaseDown."""
    async with bare(pool) as con:
        clocks.set(await store.every(con))


@asynccontextmanager
async def following(pool: Pool, clocks: Clocks) -> AsyncIterator[None]:
    """Follow the clocks of test centres while the block runs, a second behind."""
    with suppress(DatabaseDown):
        await look(pool, clocks)
    task = asyncio.create_task(_follow(pool, clocks))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow(pool: Pool, clocks: Clocks) -> None:
    while True:
        await asyncio.sleep(FOLLOW_S)
        with suppress(DatabaseDown):
            await look(pool, clocks)
