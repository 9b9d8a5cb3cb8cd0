# SPDX-License-Identifier: Apache-2.0
"""Ordinary batches of one lane, one after the other on one connection, in as few exchanges with the database as it takes.

While a batch is on its way to disk, the next one is read, checked and priced; it is sent before the answers to the one before are.
Where its numbers and its ledger entries begin is known from that one, as long as nobody else signs for the centre: it is sent whole
then, with what it expects, and the database refuses it if that is not so.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeAlias

from api.lanes import Lane, Lanes, Post, Told, Way
from desmos_fast.base.types import TenantId
from desmos_fast.billing import express, intake
from desmos_fast.billing.express import End, Laid
from desmos_fast.billing.intake import Terms
from desmos_fast.billing.model import Created
from desmos_fast.billing.pricing.codec import Entry
from desmos_fast.db.idempotency import Answer
from desmos_fast.db.pipeline import CameBetween, Exchange
from desmos_fast.db.pool import AWAY, Pool
from desmos_fast.exchange.faults import Fault
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature.service import TariffBook
from desmos_fast.nomenclature.tariffs import Tariffs

ROUTE: Final = "/v1/invoices"
# After somebody else came between, so many batches are not sent whole.
WARY: Final = 32
Answers: TypeAlias = list[tuple[Post, Told]]


@dataclass(slots=True)
class Next:
    """Requests that left their lane for the next batch, and what was found of them: when and by which pack, which must not change."""

    posts: list[Post] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    seen: "tuple[Tariffs, date] | None" = None
    fit: bool = True
    # Once it is laid out after the one before, nobody joins it any more.
    whole: "tuple[express.Batch, Laid] | None" = None


@dataclass(slots=True)
class Means:
    """What a batch is served with: lanes and connections, the pack in use, who asks at what moment, and how a made invoice is told."""

    lanes: Lanes
    pool: Pool
    tariffs: TariffBook
    context: Callable[[Way], Context]
    answer: Callable[[Created], Answer]
    tell: Callable[[Way, Answers], None]
    # Of which centres somebody else came between, and how many batches are not sent whole yet for that.
    wary: Counter[TenantId] = field(default_factory=Counter)

    def has_spare(self) -> bool:
        """Say whether nobody waits for the connection of a lane that goes on with it."""
        return self.pool.get_idle_size() > 0 or self.pool.get_size() < self.pool.get_max_size()


class Straight:
    """The batches of one lane on a connection that is lent for them."""

    def __init__(self, means: Means, opened: Exchange, way: Way, lane: Lane) -> None:
        self._means = means
        self._opened = opened
        self._way = way
        self._lane = lane
        self._after = Next()
        self._told: Answers = []
        self._end: End | None = None
        self._tenant = way.caller.tenant

    async def serve(self, batch: list[Post]) -> None:
        """Serve what comes while nobody else waits for the connection; what must be served otherwise is left in `batch`."""
        now, lanes = asyncio.get_running_loop().time, self._means.lanes
        try:
            while True:
                self._gather(self._after)
                if not self._after.posts:
                    return
                these, self._after = self._after, Next()
                batch += these.posts
                self._lane.away = len(batch)
                lanes.begun(self._way, batch)
                began, spare = now(), self._means.has_spare()
                found = await self._sign(these, spare)
                if found is None:
                    return
                self._told += zip(batch, found, strict=True)
                lanes.note((now() - began) / len(batch))
                batch.clear()
                if not spare:
                    return
        finally:
            self._tell()
            lanes.begun(self._way, self._after.posts)
            batch += self._after.posts

    def _tell(self) -> None:
        told, self._told = self._told, []
        self._means.tell(self._way, told)

    def _gather(self, into: Next) -> None:
        """Check and price what waits, for the next batch. What cannot be is out of the ordinary, and its batch with it."""
        if into.whole is not None:
            return
        posts = self._means.lanes.take(self._way, self._lane, into.posts, self._lane.half(len(into.posts)))
        if not posts:
            return
        first = len(into.posts) + 1
        into.posts += posts
        context, tariffs = self._means.context(self._way), self._means.tariffs.known()
        if tariffs is not None and into.seen is None:
            into.seen = tariffs, context.today
        if tariffs is None or into.seen != (tariffs, context.today):
            into.fit = False
            return
        try:
            checked = intake.each(context, [post.body for post in posts], Terms(tariffs, self._way.allow_late), first)
        except Exception:
            # Of one of them: who serves them otherwise finds out which.
            into.fit = False
            return
        into.entries += checked.entries
        into.faults += checked.faults

    async def _sign(self, these: Next, spare: bool) -> list[Told] | None:
        """Sign a batch; None, with nothing kept, for one that must be served otherwise."""
        try:
            batch = self._batch(these)
            if batch is None:
                return None
            end, self._end = self._end, None
            if end is not None:
                self._lay(these, batch, end)
            if end is not None and these.whole is not None:
                found = await self._whole(*these.whole, end, spare)
                if found is not None:
                    return found
            return await self._in_two(batch, spare)
        except AWAY:
            raise
        except Exception:
            # Of one of them, or of a number that was given twice at once: who serves them otherwise finds out, and tells.
            return None

    def _batch(self, these: Next) -> express.Batch | None:
        """Return what is signed of a batch, None when it is out of the ordinary."""
        context, means = self._means.context(self._way), self._means
        if not these.fit or not these.entries or these.seen != (means.tariffs.known(), context.today):
            return None
        return express.Batch(context, ROUTE, [post.asked for post in these.posts], these.entries, these.faults, means.answer)

    def _lay(self, these: Next, batch: express.Batch, end: End) -> None:
        """Lay out a batch that begins where another ends, unless that is not to be counted on."""
        if these.whole is None and self._tenant not in self._means.wary and batch.can_follow(end):
            these.whole = batch, batch.laid(end.held(batch.wanted))

    def _prepare(self, end: End | None) -> None:
        """Gather the next batch, and lay it out if it is as large as it will be and begins at `end`."""
        after = self._after
        self._gather(after)
        if end is None or after.whole is not None or len(after.posts) < self._lane.half(len(after.posts)):
            return
        try:
            batch = self._batch(after)
            if batch is not None:
                self._lay(after, batch, end)
        except Exception:
            # Nothing of it may disturb the batch that is under way.
            after.fit = False

    async def _whole(self, batch: express.Batch, laid: Laid, end: End, spare: bool) -> list[Told] | None:
        """Sign a batch that begins where the one before ended; None, with nothing kept, if it does not."""
        signing = self._opened.whole(*batch.expecting(end), *laid.steps)
        self._tell()
        try:
            await self._meanwhile(signing, laid.end, spare)
        except CameBetween:
            self._means.wary[self._tenant] = WARY
            await self._opened.undo()
            return None
        self._end = laid.end
        return laid.told

    async def _in_two(self, batch: express.Batch, spare: bool) -> list[Told] | None:
        """Sign a batch after asking where it begins; None, with nothing kept, when it is out of the ordinary."""
        self._less_wary()
        begun = self._opened.begin(*batch.holding())
        self._tell()
        held = batch.held(await begun)
        if held is None:
            return None
        laid = batch.laid(held)
        await self._meanwhile(self._opened.commit(*laid.steps), laid.end, spare)
        self._end = laid.end
        return laid.told

    def _less_wary(self) -> None:
        wary = self._means.wary
        if wary[self._tenant] > 1:
            wary[self._tenant] -= 1
        else:
            del wary[self._tenant]

    async def _meanwhile(self, signing: Coroutine[None, None, object], end: End | None, spare: bool) -> None:
        """Wait for a commit that ends at `end`, and prepare what comes in the meantime if the connection is still ours then."""
        if not spare:
            await signing
            return
        lane, loop = self._lane, asyncio.get_running_loop()
        task = loop.create_task(signing)
        task.add_done_callback(lane.wake)
        try:
            while not task.done():
                self._prepare(end)
                lane.woken = loop.create_future()
                await lane.woken
            await task
        finally:
            task.cancel()
            lane.woken = None
