# SPDX-License-Identifier: Apache-2.0
"""The job that sends a file: at least once, and to the same effect however often."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar

import msgspec
import structlog

from desmos_fast.base.clock import Clock, at
from desmos_fast.base.errors import DesmosError, OurBug, OutsideFailed
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.queue import Job, TryLater
from desmos_fast.db.tenant import transaction
from desmos_fast.lots import service, store
from desmos_fast.lots.gate import Gate
from desmos_fast.lots.model import FileState, SendFile
from desmos_fast.lots.recipients.model import Patience, Recipient, Recipients, RecipientsMixed
from desmos_fast.lots.recipients.schedule import opens_in
from desmos_fast.lots.transports.port import Parcel, Transport
from monitoring import metrics

T = TypeVar("T")
log: Final = structlog.get_logger("desmos.lots")
WAITS_TO_LEAVE: Final = frozenset({FileState.QUEUED, FileState.DEAD})
DATABASE_PAUSE_S: Final = 1.0
# Files that wait for an opening come within this time after it, not all in its first second.
SPREAD_S: Final = 10.0
NOBODY: Final = "unknown"


class FileLost(OurBug):
    """A job names a file that its centre does not have."""

    code = "internal"


class Sender:
    """Hands files over, each to its recipient; counts those that it sent, gave up and put off."""

    def __init__(self, pool: Pool, keyring: Keyring, recipients: Recipients, transports: Mapping[str, Transport], clock: Clock) -> None:
        self.pool = pool
        self.keyring = keyring
        self.recipients = recipients
        self.transports = transports
        self.clock = clock
        self.gates = {name: Gate(one.pace, one.breaker) for name, one in recipients.by_name.items()}
        self.sent = 0
        self.dead = 0
        for name in recipients.by_name:
            metrics.watch_recipient(name)

    async def __call__(self, job: Job) -> None:
        """Send the file that a job names, once more or for the first time.

        Raises TryLater when it may go better later; when it will not, the file is marked dead and the error raised, which holds the job.
        """
        order = msgspec.json.decode(job.payload, type=SendFile)
        recipient = None
        try:
            kept = await self._in_transaction(order, lambda con: store.find_file(con, order.tenant, order.file))
            if kept is None:
                raise FileLost(f"there is no file {order.file}")
            if kept.state in WAITS_TO_LEAVE:
                recipient = await self._recipient(order)
                await self._send(order, kept, recipient)
        except TryLater:
            raise
        except Exception as error:
            await self._failed(order, job.tried, recipient, error)
            raise

    async def _recipient(self, order: SendFile) -> Recipient:
        """Return who the lots of a file go to. Raises RecipientsMixed."""
        places = await self._in_transaction(order, lambda con: store.places(con, order.tenant, order.file))
        names = {self.recipients.of(place).name for place in places}
        if len(names) != 1:
            raise RecipientsMixed(
                f"the lots of file {order.file} go to {', '.join(sorted(names)) or 'nobody'}",
                hint="routes were changed since it was built: let its lots go to one recipient, then: desmos-fast jobs retry",
            )
        return self.recipients.by_name[names.pop()]

    async def _send(self, order: SendFile, kept: store.KeptFile, recipient: Recipient) -> None:
        closed_s = opens_in(recipient.schedule, self.clock()).total_seconds()
        if closed_s > 0:
            self._put_off(order, recipient, "closed", closed_s + random.uniform(0, SPREAD_S))
        gate, name = self.gates[recipient.name], recipient.name
        off = await gate.enter(order.file)
        if off is not None:
            self._put_off(order, recipient, off.reason, off.delay_s)
        if not await self._hand_over(gate, name, order, kept):
            return
        # Who dies before this is said gives the same bytes under the same key again, which changes nothing.
        if await self._in_transaction(order, lambda con: service.mark_sent(con, order.tenant, self._now(order), order.file, to=name)):
            self.sent += 1
            metrics.files_sent.labels(name).inc()
            log.info("a file was sent", file=str(order.file), recipient=name)

    async def _hand_over(self, gate: Gate, recipient: str, order: SendFile, kept: store.KeptFile) -> bool:
        """Give a file to its transport, outside of any transaction, for it may take long; tell the gate how it went.

        Return False for a file that was cancelled before its first byte left.
        """
        begun = time.monotonic()
        failed: bool | None = None
        try:
            file = await service.opened(self.keyring.of(order.tenant), order.tenant, kept)
            if not await self._in_transaction(order, lambda con: service.mark_leaving(con, order.tenant, self._now(order), order.file)):
                return False
            begun = time.monotonic()
            try:
                await self.transports[recipient].put(Parcel(file.name, file.data))
            except Exception as error:
                # Who refuses one file is there for the next.
                failed = not isinstance(error, DesmosError) or isinstance(error, OutsideFailed)
                raise
            failed = False
            return True
        finally:
            took_s = time.monotonic() - begun
            gate.leave(took_s, failed=failed)
            if failed is not None:
                metrics.observe_sending(recipient, took_s, broken=gate.broken)

    def _put_off(self, order: SendFile, recipient: Recipient, reason: str, delay_s: float) -> None:
        metrics.files_put_off.labels(recipient.name, reason).inc()
        log.info("a file waits for its recipient", file=str(order.file), recipient=recipient.name, reason=reason, delay_s=round(delay_s, 1))
        raise TryLater(delay_s, counted=False)

    async def _failed(self, order: SendFile, tried: int, recipient: Recipient | None, error: Exception) -> None:
        """Have a file tried again, or give it up."""
        name = recipient.name if recipient is not None else NOBODY
        code = error.code if isinstance(error, DesmosError) else type(error).__name__
        metrics.sendings_failed.labels(name).inc()
        lasting = isinstance(error, DesmosError) and not isinstance(error, OutsideFailed)
        patience = Patience() if recipient is None else recipient.retries
        if not lasting and tried + 1 < patience.tries:
            # Full jitter: files that failed together do not come again together.
            delay_s = random.uniform(0, patience.longest_delay_s(tried))
            told = {"file": str(order.file), "recipient": name, "code": code, "tried": tried + 1, "delay_s": round(delay_s, 1)}
            log.warning("a file was not sent, trying again", **told)
            raise TryLater(delay_s) from error
        await self._in_transaction(order, lambda con: service.mark_dead(con, order.tenant, self._now(order), order.file, code))
        self.dead += 1
        metrics.files_dead.labels(name).inc()
        log.error("a file cannot be sent and is given up", tenant=str(order.tenant), file=str(order.file), recipient=name, code=code)

    def _now(self, order: SendFile) -> datetime:
        return at(self.clock, order.tenant)

    async def _in_transaction(self, order: SendFile, act: Callable[[Connection], Awaitable[T]]) -> T:
        """Run one transaction of the centre, again for as long as the database is away: that is no reason to give up a file."""
        while True:
            try:
                async with transaction(self.pool, order.tenant) as con:
                    return await act(con)
            except DatabaseDown:
                await asyncio.sleep(DATABASE_PAUSE_S)
