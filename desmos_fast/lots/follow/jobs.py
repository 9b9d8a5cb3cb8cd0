# SPDX-License-Identifier: Apache-2.0
"""The watch of a worker: what the day asks for at each centre, and who is told of what is out of the ordinary."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

import structlog

from desmos_fast.anomalies import service as anomalies
from desmos_fast.anomalies.model import Notifier
from desmos_fast.base.clock import Clock, at
from desmos_fast.base.types import TenantId
from desmos_fast.db import health
from desmos_fast.db.pool import DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.lots.follow import service, store

log: Final = structlog.get_logger("desmos.watch")
# People are told within a minute of what is noticed: three looks may fail before that.
EVERY_S: Final = 15.0


@dataclass
class Watch:
    """Looks at every centre by turns; any number may do so at once, what one did the others leave."""

    pool: Pool
    clock: Clock
    notifier: Notifier
    every_s: float = EVERY_S

    async def run(self, stop: asyncio.Event) -> None:
        """Look now and then until `stop`; while the database is away, wait for it."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every_s)
            if stop.is_set():
                return
            try:
                await self.look()
            except DatabaseDown as error:
                log.warning("the watch cannot see, trying again", error=error.detail)

    async def look(self) -> int:
        """Look at every centre once; return how many anomalies people were told of. Raises DatabaseDown."""
        async with health.bare(self.pool) as con:
            tenants = await store.tenants(con)
        return sum([await self._centre(tenant) for tenant in tenants])

    async def _centre(self, tenant: TenantId) -> int:
        try:
            async with transaction(self.pool, tenant) as con:
                await service.look(con, tenant, at(self.clock, tenant))
            # Apart: what was noticed is kept, whatever becomes of telling it.
            async with transaction(self.pool, tenant) as con:
                return await anomalies.tell(con, tenant, at(self.clock, tenant), self.notifier)
        except DatabaseDown:
            raise
        except Exception as error:
            # One centre that cannot be looked at costs the others nothing.
            log.error("a centre could not be looked at", centre=str(tenant), error=type(error).__name__)
            return 0
