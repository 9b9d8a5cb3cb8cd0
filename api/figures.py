# SPDX-License-Identifier: Apache-2.0
"""Figures of all centres for Prometheus, counted in the database now and then, however often they are asked for."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog

from desmos_fast.base.clock import Clock, at
from desmos_fast.base.types import TenantId
from desmos_fast.db import health
from desmos_fast.db.pool import DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.lots.follow import service, store
from desmos_fast.settlement.dunning import service as follow_up
from monitoring import metrics

EVERY_S: Final = 60.0
# What is due is counted over every part of every invoice: less often.
MONEY_EVERY_S: Final = 600.0
# Who asks first waits so long for figures; later a scrape never waits, and shows those of before.
PATIENCE_S: Final = 2.0
log: Final = structlog.get_logger("desmos.figures")


class Counting:
    """Counts in the background, one count at a time over all processes of the service, at most every `every_s` seconds."""

    def __init__(self, pool: Pool, clock: Clock, every_s: float = EVERY_S) -> None:
        self.pool = pool
        self.clock = clock
        self.every_s = every_s
        self._task: asyncio.Task[None] | None = None
        self._begun = -float("inf")
        self._money_begun = -float("inf")
        self._known = False

    async def refresh(self) -> None:
        """Take what another process counted, and count again when it is time; wait a little for the first figures."""
        self._take()
        if self._task is None and time.monotonic() - self._begun >= self.every_s:
            self._begin()
        if not self._known:
            await self.wait(PATIENCE_S)

    async def wait(self, limit_s: float) -> None:
        """Wait until what is being counted is counted."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=limit_s)

    async def close(self) -> None:
        """Stop counting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _take(self) -> None:
        money_age_s = metrics.take_figures()
        if money_age_s is not None and metrics.PART is not None:
            self._begun = time.monotonic() - metrics.PART.figures_age_s()
            self._money_begun = self._begun - money_age_s
            self._known = True

    def _begin(self) -> None:
        hold = None if metrics.PART is None else metrics.PART.hold()
        if hold is None and metrics.PART is not None:
            return
        self._begun = time.monotonic()
        self._task = asyncio.create_task(self._count())
        if hold is not None:
            self._task.add_done_callback(lambda _: os.close(hold))

    async def _count(self) -> None:
        try:
            await self._all()
            self._known = True
            metrics.tell_figures(time.monotonic() - self._money_begun)
        except DatabaseDown as error:
            log.warning("the figures could not be counted", error=error.detail)
        except Exception as error:
            log.error("the figures cannot be counted", error=type(error).__name__)
        finally:
            self._task = None

    async def _all(self) -> None:
        counts: Counter[str] = Counter()
        oldest: dict[str, float] = {}
        differences: Counter[str] = Counter()
        async with health.bare(self.pool) as con:
            tenants = await store.tenants(con)
        for tenant in tenants:
            async with transaction(self.pool, tenant) as con:
                found = await service.figures(con, tenant, at(self.clock, tenant))
            for kind, (count, age_s) in found.anomalies.items():
                counts[kind] += count
                oldest[kind] = max(age_s, oldest.get(kind, 0.0))
            differences.update(found.differences)
        metrics.set_figures(counts, oldest, differences)
        if time.monotonic() - self._money_begun >= min(MONEY_EVERY_S, 10 * self.every_s):
            self._money_begun = time.monotonic()
            await self._money(tenants)

    async def _money(self, tenants: Sequence[TenantId]) -> None:
        cents: Counter[tuple[str, str, str]] = Counter()
        for tenant in tenants:
            async with transaction(self.pool, tenant) as con:
                cents.update(await follow_up.gauges(con, tenant, at(self.clock, tenant)))
        metrics.set_follow_up(cents)
