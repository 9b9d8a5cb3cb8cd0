# SPDX-License-Identifier: Apache-2.0
"""What a worker does for every centre once a day of Paris: reminders, the audit of a quarter that ended, and what is kept no longer."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

import structlog

from desmos_fast.base.clock import Clock, at, paris_date
from desmos_fast.base.types import TenantId
from desmos_fast.db import health, idempotency
from desmos_fast.db.journal import WORKER
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import without_key
from desmos_fast.lots.follow.store import tenants
from desmos_fast.settlement.dunning.audit import service as audit
from desmos_fast.settlement.dunning.reminders import service, store

log: Final = structlog.get_logger("desmos.follow_up")
EVERY_S: Final = 60


@dataclass
class Daily:
    """Looks now and then whether a centre's day is still to be done; any number may, each day is done once, in one transaction."""

    pool: Pool
    keyring: Keyring
    clock: Clock
    every_s: int = EVERY_S

    async def run(self, stop: asyncio.Event) -> None:
        """Do what is to be done until `stop`; while the database is away, wait for it."""
        while not stop.is_set():
            try:
                await self.look()
            except DatabaseDown as error:
                log.warning("the day cannot be done, trying again", error=error.detail)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every_s)

    async def look(self) -> int:
        """Do the day of each centre that has not had it; return of how many. Raises DatabaseDown."""
        async with health.bare(self.pool) as con:
            every = await tenants(con)
        return sum([await self._centre(tenant) for tenant in every])

    async def _centre(self, tenant: TenantId) -> bool:
        now = at(self.clock, tenant)
        try:
            async with transaction(self.pool, tenant) as con:
                if await store.is_done(con, tenant, paris_date(now)):
                    return False
                # What a centre is called is asked for by no reminder: letters are written when they are looked at.
                context = without_key(tenant, "", self.keyring.of(tenant), now, WORKER)
                await audit.keep_last_quarter(con, context)
                done = await service.make_day(con, context)
            forgotten = await idempotency.forget(self.pool, tenant)
        except DatabaseDown:
            raise
        except Exception as error:
            # One centre whose day cannot be done costs the others nothing.
            log.error("the day of a centre could not be done", centre=str(tenant), error=type(error).__name__)
            return False
        if done is not None:
            log.info("the day of a centre is done", centre=str(tenant), answers_forgotten=forgotten, **done._asdict())
        return done is not None
