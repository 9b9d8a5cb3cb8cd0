# SPDX-License-Identifier: Apache-2.0
"""The job that sends a file: at least once, and to the same effect however often."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
import structlog

from desmos_fast.base.clock import Clock
from desmos_fast.base.errors import DesmosError, OurBug, OutsideFailed
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.queue import Job, TryLater
from desmos_fast.db.tenant import transaction
from desmos_fast.lots import service, store
from desmos_fast.lots.model import FileState, SendFile
from desmos_fast.lots.transports.port import Parcel, Transport

T = TypeVar("T")
log: Final = structlog.get_logger("desmos.lots")
WAITS_TO_LEAVE: Final = frozenset({FileState.QUEUED, FileState.DEAD})
DATABASE_PAUSE_S: Final = 1.0


class FileLost(OurBug):
    """A job names a file that its centre does not have."""

    code = "internal"


@dataclass(frozen=True)
class Patience:
    """How often a file is tried before it is given up, and how long to wait in between: doubled each time from `first_s`."""

    tries: int = 12
    first_s: float = 1.0
    longest_s: float = 300.0

    def delay_s(self, tried: int) -> float:
        """Return the wait after `tried` tries that failed before this one."""
        return min(self.first_s * 2.0**tried, self.longest_s)


@dataclass
class Sender:
    """Hands files over to a transport; counts those that it sent and those that it gave up."""

    pool: Pool
    keyring: Keyring
    transport: Transport
    clock: Clock
    patience: Patience
    sent: int = 0
    dead: int = 0

    async def __call__(self, job: Job) -> None:
        """Send the file that a job names, once more or for the first time.

        Raises TryLater when it may go better later; when it will not, the file is marked dead and the error raised, which holds the job.
        """
        order = msgspec.json.decode(job.payload, type=SendFile)
        try:
            await self._send(order)
        except Exception as error:
            lasting = isinstance(error, DesmosError) and not isinstance(error, OutsideFailed)
            code = error.code if isinstance(error, DesmosError) else type(error).__name__
            if not lasting and job.tried + 1 < self.patience.tries:
                delay_s = self.patience.delay_s(job.tried)
                log.warning("a file was not sent, trying again", file=str(order.file), code=code, tried=job.tried + 1, delay_s=delay_s)
                raise TryLater(delay_s) from error
            await self._in_transaction(order, lambda con: service.mark_dead(con, order.tenant, self.clock(), order.file, code))
            self.dead += 1
            log.error("a file cannot be sent and is given up", tenant=str(order.tenant), file=str(order.file), code=code)
            raise

    async def _send(self, order: SendFile) -> None:
        kept = await self._in_transaction(order, lambda con: store.find_file(con, order.tenant, order.file))
        if kept is None:
            raise FileLost(f"there is no file {order.file}")
        if kept.state not in WAITS_TO_LEAVE:
            return
        file = await service.opened(self.keyring.of(order.tenant), order.tenant, kept)
        # Outside of any transaction, for it may take long. Who dies before the next one gives the same bytes again, which changes nothing.
        await self.transport.put(Parcel(file.name, file.data))
        if await self._in_transaction(order, lambda con: service.mark_sent(con, order.tenant, self.clock(), order.file)):
            self.sent += 1
            log.info("a file was sent", file=str(order.file), size=len(file.data))

    async def _in_transaction(self, order: SendFile, act: Callable[[Connection], Awaitable[T]]) -> T:
        """Run one transaction of the centre, again for as long as the database is away: that is no reason to give up a file."""
        while True:
            try:
                async with transaction(self.pool, order.tenant) as con:
                    return await act(con)
            except DatabaseDown:
                await asyncio.sleep(DATABASE_PAUSE_S)
