# SPDX-License-Identifier: Apache-2.0
"""Invoices that come one by one are committed together: what waits while a commit is under way makes the next one.

A lane gathers the requests of one key that are asked alike; one transaction serves them all, and each is answered once that
transaction is on disk. The transaction belongs to the lane, so a request that is given up takes nothing from its neighbours.
While one batch is on its way to disk, the next one is read, checked and priced.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from api.admission import Shares
from api.lanes import Lane, Lanes, Post, Told, Way
from api.straight import ROUTE, Answers, Means, Straight
from desmos_fast.base.clock import Clock, at
from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.types import TenantId
from desmos_fast.billing import express, service
from desmos_fast.billing.intake import Terms
from desmos_fast.billing.model import Created
from desmos_fast.db.idempotency import Answer, Asked, once_each
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pipeline import exchange
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature.service import TariffBook
from monitoring import metrics


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
        self._lanes = Lanes()
        self._drains: set[asyncio.Task[None]] = set()
        self._means = Means(self._lanes, pool, tariffs, self._context, answer, self._tell)

    def __len__(self) -> int:
        """Return how many requests are not answered yet."""
        return len(self._lanes)

    @property
    def is_full(self) -> bool:
        """Say whether no more requests may wait, whoever's they are."""
        return self._lanes.is_full

    def waiting(self, tenant: TenantId) -> int:
        """Return how many requests of a centre wait."""
        return self._lanes.waiting(tenant)

    def has_room(self, tenant: TenantId) -> bool:
        """Say whether one more request of a centre may wait; to ask before its body is read costs least."""
        return self._lanes.has_room(tenant)

    async def sign(self, way: Way, asked: Asked, body: bytes) -> Answer:
        """Return the answer of one request once it is on disk, or the answer that its key was given before.

        Raises Busy, KeyRunning, KeyReused, DatabaseDown and what the invoice is refused with.
        """
        return await self.submit(way, asked, body)

    def submit(self, way: Way, asked: Asked, body: bytes) -> "asyncio.Future[Answer]":
        """Do what `sign` does for who does not wait here; whoever cancels the answer gives up the request. Raises Busy, KeyRunning."""
        post, lane, is_new = self._lanes.add(way, asked, body)
        if is_new:
            task = asyncio.get_running_loop().create_task(self._drain(way, lane))
            self._drains.add(task)
            task.add_done_callback(self._drains.discard)
        return post.done

    async def close(self) -> None:
        """Wait for what is being committed."""
        while self._drains:
            await asyncio.gather(*self._drains)

    async def _drain(self, way: Way, lane: Lane) -> None:
        try:
            while lane:
                await self._commit(way, lane)
        finally:
            # Whatever happens, the next request begins a lane of its own.
            self._lanes.end(way)

    async def _commit(self, way: Way, lane: Lane) -> None:
        batch: list[Post] = []
        found: Sequence[Told]
        try:
            if self._is_ordinary(way):
                tenant = way.caller.tenant
                async with self._shares.slot(tenant), exchange(self._pool, tenant) as opened:
                    await Straight(self._means, opened, way, lane).serve(batch)
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

    def _start(self, way: Way, lane: Lane) -> list[Post]:
        batch = self._lanes.take(way, lane)
        self._lanes.begun(way, batch)
        return batch

    def _tell(self, way: Way, told: Answers) -> None:
        self._count(way, [one for _, one in told])
        self._lanes.over(way, iter(told))

    async def _apart(self, way: Way, batch: Sequence[Post], error: Exception) -> Sequence[Told]:
        """Serve by halves a batch that was undone for an error, so that the one that it is about fails alone."""
        if len(batch) <= 1 or isinstance(error, OutsideFailed):
            return [error] * len(batch)
        found: list[Told] = []
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

    @asynccontextmanager
    async def _transaction(self, way: Way) -> AsyncIterator[Connection]:
        tenant = way.caller.tenant
        async with self._shares.slot(tenant), transaction(self._pool, tenant) as con:
            yield con

    async def _serve(self, con: Connection, way: Way, batch: Sequence[Post]) -> Sequence[Told]:
        if not batch:
            return []
        tenant, context = way.caller.tenant, self._context(way)
        terms = Terms(await self._tariffs.current(con), way.allow_late)

        async def effect(places: Sequence[int]) -> list[Told]:
            bodies = [batch[place].body for place in places]
            made = await service.create_each(con, context, bodies, terms, draft=way.draft, explain=way.explain)
            return [one if isinstance(one, Exception) else self._answer(one) for one in made]

        return await once_each(con, tenant, ROUTE, [post.asked for post in batch], effect)

    def _count(self, way: Way, found: Sequence[Told]) -> None:
        kind = way.caller.kind
        metrics.invoices_refused.labels(kind).inc(sum(isinstance(one, FaultyInput) for one in found))
        if not way.draft:
            metrics.invoices_signed.labels(kind).inc(sum(isinstance(one, Answer) and not one.replayed for one in found))
