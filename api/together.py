# SPDX-License-Identifier: Apache-2.0
"""Invoices that come one by one are committed together: what waits while a commit is under way makes the next one.

A lane gathers the requests of one key that are asked alike; one transaction serves them all, and each is answered once that
transaction is on disk. The transaction belongs to the lane, so a request that is given up takes nothing from its neighbours.
While one batch is on its way to disk, the next one is read, checked and priced.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from api.admission import WAIT_S, Busy, Shares
from desmos_fast.base.clock import Clock, at
from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.types import TenantId
from desmos_fast.billing import express, intake, service
from desmos_fast.billing.intake import Terms
from desmos_fast.billing.model import Created
from desmos_fast.billing.pricing.codec import Entry
from desmos_fast.db.idempotency import Answer, Asked, once_each, running
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pipeline import Exchange, exchange
from desmos_fast.db.pool import AWAY, Connection, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from desmos_fast.nomenclature.service import TariffBook
from desmos_fast.nomenclature.tariffs import Tariffs
from monitoring import metrics

ROUTE: Final = "/v1/invoices"
MOST_AT_ONCE: Final = 256
# Of those that wait or are under way half make a batch, so that one is prepared while the other is written; fewer are not parted.
UNPARTED: Final = 16
BYTES_AT_ONCE: Final = 4 * 1024 * 1024
# Of one centre: what waits fits into the next commit, so whoever is let in is not kept waiting for long.
MOST_WAITING: Final = MOST_AT_ONCE
# Fewer when commits are slow: as many as are served in so many seconds, for who waits longer than that is better sent to another process.
QUEUE_S: Final = 0.3
LEAST_WAITING: Final = 128
# How much of the pace is that of the last batch.
NEWEST: Final = 0.2
MOST_IN_ALL: Final = 2048
BYTES_IN_ALL: Final = 64 * 1024 * 1024


def full() -> Busy:
    """Return what a request is refused with while enough wait already."""
    return Busy("too many requests of this kind wait already", hint="send again with the same key in a moment")


class Way(NamedTuple):
    """What requests have in common that one transaction can serve."""

    caller: Caller
    draft: bool
    explain: bool
    allow_late: bool


@dataclass(eq=False, slots=True)
class _Post:
    asked: Asked
    body: bytes
    done: "asyncio.Future[Answer]"
    patience: asyncio.TimerHandle | None = None


class _Lane(dict[_Post, None]):
    """Requests in their order, quick to leave from the middle; `woken` is told when another one comes, `away` is how many are under way."""

    away: int = 0
    woken: "asyncio.Future[None] | None" = None

    def wake(self, *_: object) -> None:
        """Tell who waits for a request, or for what else he asked to be told of."""
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)


@dataclass(slots=True)
class _Next:
    """Requests that left their lane for the next batch, and what was found of them: when and by which pack, which must not change."""

    posts: list[_Post] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    seen: "tuple[Tariffs, date] | None" = None
    fit: bool = True


class Together:
    """Sign invoices that come one by one, in as few transactions as they can share."""

    def __init__(
        self, pool: Pool, shares: Shares, keyring: Keyring, tariffs: TariffBook, clock: Clock, answer: Callable[[Created], Answer]
    ) -> None:
        self._pool = pool
        self._shares = shares
        self._keyring = keyring
        self._tariffs = tariffs
        self._clock = clock
        self._answer = answer
        self._lanes: dict[Way, _Lane] = {}
        self._drains: set[asyncio.Task[None]] = set()
        self._keys: set[tuple[TenantId, str]] = set()
        self._waiting: Counter[TenantId] = Counter()
        self._in_all = self._bytes = 0
        # Seconds that an invoice of a batch takes, of late.
        self._pace = QUEUE_S / MOST_WAITING

    @property
    def is_full(self) -> bool:
        """Say whether no more requests may wait, whoever's they are."""
        return self._in_all >= MOST_IN_ALL or self._bytes >= BYTES_IN_ALL

    def has_room(self, tenant: TenantId) -> bool:
        """Say whether one more request of a centre may wait; to ask before its body is read costs least."""
        return self._waiting.get(tenant, 0) < self._most_waiting and not self.is_full

    @property
    def _most_waiting(self) -> int:
        return min(MOST_WAITING, max(LEAST_WAITING, int(QUEUE_S / self._pace)))

    async def sign(self, way: Way, asked: Asked, body: bytes) -> Answer:
        """Return the answer of one request once it is on disk, or the answer that its key was given before.

        Raises Busy, KeyRunning, KeyReused, DatabaseDown and what the invoice is refused with.
        """
        return await self.submit(way, asked, body)

    def submit(self, way: Way, asked: Asked, body: bytes) -> "asyncio.Future[Answer]":
        """Do what `sign` does for who does not wait here; whoever cancels the answer gives up the request. Raises Busy, KeyRunning."""
        tenant = way.caller.tenant
        if not self.has_room(tenant):
            raise full()
        if (tenant, asked.key) in self._keys:
            raise running()
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(way)
        if lane is None:
            lane = self._lanes[way] = _Lane()
            task = loop.create_task(self._drain(way, lane))
            self._drains.add(task)
            task.add_done_callback(self._drains.discard)
        post = _Post(asked, body, loop.create_future())
        post.patience = loop.call_later(WAIT_S, self._late, way, lane, post)
        lane[post] = None
        lane.wake()
        self._keys.add((tenant, asked.key))
        self._waiting[tenant] += 1
        self._in_all += 1
        self._bytes += len(body)
        return post.done

    async def close(self) -> None:
        """Wait for what is being committed."""
        while self._drains:
            await asyncio.gather(*self._drains)

    def _late(self, way: Way, lane: _Lane, post: _Post) -> None:
        self._leave(lane, post)
        self._begun(way, [post])
        self._over(way, post, Busy("the requests before this one take long", hint="send again with the same key in a moment"))

    def _leave(self, lane: _Lane, post: _Post) -> None:
        del lane[post]
        if post.patience is not None:
            post.patience.cancel()

    def _begun(self, way: Way, posts: Sequence[_Post]) -> None:
        """Count requests no more among those that wait."""
        tenant = way.caller.tenant
        self._waiting[tenant] -= len(posts)
        if not self._waiting[tenant]:
            del self._waiting[tenant]
        self._in_all -= len(posts)
        self._bytes -= sum(len(post.body) for post in posts)

    def _over(self, way: Way, post: _Post, found: Answer | Exception) -> None:
        self._keys.discard((way.caller.tenant, post.asked.key))
        if post.done.done():
            # Given up by its caller; what became of it is kept under its key.
            return
        if isinstance(found, Exception):
            post.done.set_exception(found)
        else:
            post.done.set_result(found)

    def _take(self, way: Way, lane: _Lane, beside: Sequence[_Post] = (), most: int | None = None) -> list[_Post]:
        """Take from a lane what fits into a batch of `most` beside what is in it."""
        most = MOST_AT_ONCE if most is None else most
        batch: list[_Post] = []
        size = sum(len(post.body) for post in beside)
        for post in list(lane):
            size += len(post.body)
            if (batch or beside) and (len(batch) + len(beside) >= most or size > BYTES_AT_ONCE):
                break
            self._leave(lane, post)
            if post.done.done():
                self._begun(way, [post])
                self._keys.discard((way.caller.tenant, post.asked.key))
            else:
                batch.append(post)
        return batch

    def _start(self, way: Way, lane: _Lane) -> list[_Post]:
        batch = self._take(way, lane)
        self._begun(way, batch)
        return batch

    async def _drain(self, way: Way, lane: _Lane) -> None:
        try:
            while lane:
                await self._commit(way, lane)
        finally:
            # Whatever happens, the next request begins a lane of its own.
            del self._lanes[way]

    async def _commit(self, way: Way, lane: _Lane) -> None:
        batch: list[_Post] = []
        found: Sequence[Answer | Exception]
        try:
            if self._is_ordinary(way):
                tenant = way.caller.tenant
                async with self._shares.slot(tenant), exchange(self._pool, tenant) as opened:
                    await self._straight(opened, way, lane, batch)
                if not batch:
                    return
            async with self._transaction(way) as con:
                # Not sooner: who comes while we wait for a connection is served by it too.
                batch = batch or self._start(way, lane)
                found = await self._serve(con, way, batch)
        except Exception as error:
            batch = batch or self._start(way, lane)
            found = await self._apart(way, batch, error)
        self._tell(way, list(zip(batch, found, strict=True)))

    async def _straight(self, opened: Exchange, way: Way, lane: _Lane, batch: list[_Post]) -> None:
        """Serve one batch after the other on a connection that nobody else waits for; what must be served otherwise is left in `batch`.

        The next batch is on its way before the answers to the one before are.
        """
        now = asyncio.get_running_loop().time
        after, told = _Next(), list[tuple[_Post, Answer | Exception]]()
        try:
            while True:
                self._gather(way, lane, after)
                if not after.posts:
                    return
                these, after = after, _Next()
                batch += these.posts
                lane.away = len(batch)
                self._begun(way, batch)
                began, spare = now(), self._has_spare()
                found = await self._express(opened, way, these, told, after if spare else None, lane)
                if found is None:
                    return
                told += zip(batch, found, strict=True)
                self._pace += ((now() - began) / len(batch) - self._pace) * NEWEST
                batch.clear()
                if not spare:
                    return
        finally:
            self._tell(way, told)
            self._begun(way, after.posts)
            batch += after.posts

    def _has_spare(self) -> bool:
        """Say whether nobody waits for the connection of a lane that goes on with it."""
        return self._pool.get_idle_size() > 0 or self._pool.get_size() < self._pool.get_max_size()

    def _gather(self, way: Way, lane: _Lane, into: _Next) -> None:
        """Check and price what waits, for the next batch. What cannot be is out of the ordinary, and its batch with it."""
        half = (len(lane) + lane.away + len(into.posts) + 1) // 2
        posts = self._take(way, lane, into.posts, min(MOST_AT_ONCE, max(UNPARTED, half)))
        if not posts:
            return
        first = len(into.posts) + 1
        into.posts += posts
        context, tariffs = self._context(way), self._tariffs.known()
        if tariffs is not None and into.seen is None:
            into.seen = tariffs, context.today
        if tariffs is None or into.seen != (tariffs, context.today):
            into.fit = False
            return
        try:
            checked = intake.each(context, [post.body for post in posts], Terms(tariffs, way.allow_late), first)
        except Exception:
            # Of one of them: who serves them otherwise finds out which.
            into.fit = False
            return
        into.entries += checked.entries
        into.faults += checked.faults

    def _tell(self, way: Way, told: list[tuple[_Post, Answer | Exception]]) -> None:
        """Tell everybody what became of his request, once."""
        self._count(way, [one for _, one in told])
        for post, one in told:
            self._over(way, post, one)
        told.clear()

    async def _apart(self, way: Way, batch: Sequence[_Post], error: Exception) -> Sequence[Answer | Exception]:
        """Serve by halves a batch that was undone for an error, so that the one that it is about fails alone."""
        if len(batch) <= 1 or isinstance(error, OutsideFailed):
            return [error] * len(batch)
        found: list[Answer | Exception] = []
        for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
            try:
                async with self._transaction(way) as con:
                    served = await self._serve(con, way, half)
            except Exception as again:
                served = await self._apart(way, half, again)
            found += served
        return found

    def _context(self, way: Way) -> Context:
        tenant = way.caller.tenant
        return Context(way.caller, self._keyring.of(tenant), at(self._clock, tenant))

    def _is_ordinary(self, way: Way) -> bool:
        return not way.draft and not way.explain and self._tariffs.known() is not None and express.is_ordinary(self._context(way))

    async def _express(
        self, opened: Exchange, way: Way, these: _Next, told: list[tuple[_Post, Answer | Exception]], after: _Next | None, lane: _Lane
    ) -> Sequence[Answer | Exception] | None:
        """Serve a batch in two exchanges; None, with nothing kept, for one that must be served otherwise.

        Those of `told` are told while the first is under way, and what comes is gathered in `after` while the second is.
        """
        context, tariffs = self._context(way), self._tariffs.known()
        if not these.fit or not these.entries or these.seen != (tariffs, context.today):
            return None
        asked = [post.asked for post in these.posts]
        try:
            begun = express.begin(opened, context, ROUTE, asked, these.entries)
            self._tell(way, told)
            held = await begun
            if held is None:
                return None
            signing, found = express.finish(opened, context, ROUTE, asked, these.entries, these.faults, held, self._answer)
            await (signing if after is None else self._meanwhile(signing, way, lane, after))
        except AWAY:
            raise
        except Exception:
            # Of one of them, or of a number that was given twice at once: who serves them otherwise finds out, and tells.
            return None
        return found

    async def _meanwhile(self, signing: Coroutine[None, None, object], way: Way, lane: _Lane, after: _Next) -> None:
        """Wait for a commit, and gather what comes in the meantime."""
        task = asyncio.ensure_future(signing)
        task.add_done_callback(lane.wake)
        try:
            while not task.done():
                self._gather(way, lane, after)
                lane.woken = asyncio.get_running_loop().create_future()
                await lane.woken
            await task
        finally:
            task.cancel()
            lane.woken = None

    @asynccontextmanager
    async def _transaction(self, way: Way) -> AsyncIterator[Connection]:
        tenant = way.caller.tenant
        async with self._shares.slot(tenant), transaction(self._pool, tenant) as con:
            yield con

    async def _serve(self, con: Connection, way: Way, batch: Sequence[_Post]) -> Sequence[Answer | Exception]:
        if not batch:
            return []
        tenant, context = way.caller.tenant, self._context(way)
        terms = Terms(await self._tariffs.current(con), way.allow_late)

        async def effect(places: Sequence[int]) -> list[Answer | Exception]:
            bodies = [batch[place].body for place in places]
            made = await service.create_each(con, context, bodies, terms, draft=way.draft, explain=way.explain)
            return [one if isinstance(one, Exception) else self._answer(one) for one in made]

        return await once_each(con, tenant, ROUTE, [post.asked for post in batch], effect)

    def _count(self, way: Way, found: Sequence[Answer | Exception]) -> None:
        kind = way.caller.kind
        metrics.invoices_refused.labels(kind).inc(sum(isinstance(one, FaultyInput) for one in found))
        if not way.draft:
            metrics.invoices_signed.labels(kind).inc(sum(isinstance(one, Answer) and not one.replayed for one in found))
