# SPDX-License-Identifier: Apache-2.0
"""What a worker shows of incidents: how many run, and what the oldest clocks show."""

import asyncio
import contextlib
from typing import Final

from desmos_fast.base.clock import Clock
from desmos_fast.db import health
from desmos_fast.db.pool import AWAY, DatabaseDown, Pool
from desmos_fast.incidents import store
from monitoring import metrics

EVERY_S: Final = 15.0


async def show(pool: Pool, clock: Clock, every_s: float = EVERY_S) -> None:
    """Show what runs, now and then, until cancelled; while the database is away, the last that was seen."""
    while True:
        with contextlib.suppress(DatabaseDown, *AWAY):
            await look(pool, clock)
        await asyncio.sleep(every_s)


async def look(pool: Pool, clock: Clock) -> None:
    """Show what runs. Raises DatabaseDown."""
    now = clock()
    async with health.bare(pool) as con:
        found = await store.running(con, now)
    for state, count in (("down", found.down), ("degraded", found.degraded), ("maintenance", found.maintenance)):
        metrics.incidents.labels(state).set(count)
    for clock_name, since in (("gti", found.unattended_since), ("gtr", found.down_since)):
        metrics.incident_clock.labels(clock_name).set(0 if since is None else (now - since).total_seconds())
