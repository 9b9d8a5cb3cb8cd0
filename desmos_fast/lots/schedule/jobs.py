# SPDX-License-Identifier: Apache-2.0
"""The job that is a schedule: it comes at each due time, builds, and comes again at the next one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from desmos_fast.anomalies import service as anomalies
from desmos_fast.anomalies.model import Odd
from desmos_fast.base.clock import Clock, at
from desmos_fast.base.errors import DesmosError
from desmos_fast.db.journal import WORKER
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import DatabaseDown, Pool
from desmos_fast.db.queue import Job, TryLater
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context, without_key
from desmos_fast.lots.model import SharesMoved
from desmos_fast.lots.schedule import service
from desmos_fast.lots.schedule.model import BuildOnSchedule

log: Final = structlog.get_logger("desmos.schedule")
PAUSE_S: Final = 5.0


@dataclass
class Builder:
    """Builds at the due times of schedules; any number of these may run at once, a due time is dealt with once."""

    pool: Pool
    keyring: Keyring
    clock: Clock

    async def __call__(self, job: Job) -> None:
        """Deal with a due time that came. Raises TryLater until the next one; a job whose schedule is another one now just ends."""
        order = msgspec.json.decode(job.payload, type=BuildOnSchedule)
        try:
            due = await self._turn(order)
        except (DatabaseDown, SharesMoved) as error:
            raise TryLater(PAUSE_S, counted=False) from error
        if due is not None:
            raise TryLater(max(0.0, (due - at(self.clock, order.tenant)) / timedelta(seconds=1)), counted=False)

    async def _turn(self, order: BuildOnSchedule) -> datetime | None:
        context = self._context(order)
        try:
            async with transaction(self.pool, order.tenant) as con:
                return await service.run(con, context, order.revision)
        except (DatabaseDown, SharesMoved):
            raise
        except Exception as error:
            # Whatever it was, the schedule goes on: the failure is told, and the next due time tries again.
            code = error.code if isinstance(error, DesmosError) else type(error).__name__
            odd = [error.anomaly] if isinstance(error, Odd) else []
            log.exception("a scheduled build failed", tenant=str(order.tenant), code=code)
        async with transaction(self.pool, order.tenant) as con:
            await anomalies.note(con, order.tenant, context.now, odd, by=context.actor)
            return await service.run(con, context, order.revision, failed=code)

    def _context(self, order: BuildOnSchedule) -> Context:
        return without_key(order.tenant, order.finess, self.keyring.of(order.tenant), at(self.clock, order.tenant), WORKER)
