# SPDX-License-Identifier: Apache-2.0
"""The job that tells a webhook what waits for it: at least once, in order for each subject."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

import msgspec
import structlog

from desmos_fast.base.clock import Clock
from desmos_fast.base.signature import sign
from desmos_fast.db import queue
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.queue import Job, TryLater
from desmos_fast.db.tenant import transaction
from desmos_fast.webhooks import service, store
from desmos_fast.webhooks.model import DELIVER, DeliverWebhook, Message, Outcome
from desmos_fast.webhooks.rules import Patience

T = TypeVar("T")
# Whatever sends a body to a URL under a signature, and tells what was answered.
Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Outcome]]
log: Final = structlog.get_logger("desmos.webhooks")
DATABASE_PAUSE_S: Final = 1.0
# A wait shorter than the queue takes to look again is waited out.
STAY_S: Final = 2.0
# Whose backlog takes longer lets the webhooks of others go first, and a worker that is to end do so.
TURN_S: Final = 5.0


@dataclass
class Deliverer:
    """Makes the deliveries of webhooks; any number of these may run at once."""

    pool: Pool
    keyring: Keyring
    post: Post
    clock: Clock
    patience: Patience = field(default_factory=Patience)

    async def __call__(self, job: Job) -> None:
        """Make every delivery of a webhook that is due. Raises TryLater when some are due later and nobody else will look."""
        order, ends = msgspec.json.decode(job.payload, type=DeliverWebhook), time.monotonic() + TURN_S
        while True:
            while await self._round(order):
                if time.monotonic() >= ends:
                    await self._in_transaction(order, lambda con: self._hand_on(con, order, job.payload))
                    return
            due = await self._in_transaction(order, lambda con: store.next_look(con, order.tenant, order.webhook, self.clock(), job.id))
            if due is None:
                return
            wait_s = max(0.0, (due - self.clock()) / timedelta(seconds=1))
            if wait_s > STAY_S:
                raise TryLater(wait_s, counted=False)
            await asyncio.sleep(wait_s)

    async def _hand_on(self, con: Connection, order: DeliverWebhook, payload: bytes) -> None:
        await store.forget_look(con, order.tenant, order.webhook)
        await queue.hand_on(con, DELIVER, payload, str(order.webhook))

    async def _round(self, order: DeliverWebhook) -> bool:
        """Make some deliveries; return False when there was none to make."""
        keys = self.keyring.of(order.tenant)
        batch = await self._in_transaction(
            order, lambda con: service.take(con, keys, order.tenant, order.webhook, self.clock(), self.patience)
        )
        if batch is None:
            return False
        # Outside of any transaction, for it may take long. Who dies before the next one leaves deliveries that are made once more.
        outcomes = await asyncio.gather(*(self._send(batch, letter.message) for letter in batch.letters))
        await self._in_transaction(
            order, lambda con: service.settle(con, order.tenant, order.webhook, self.clock(), batch, outcomes, self.patience)
        )
        failed = [outcome.reason for outcome in outcomes if not outcome.delivered]
        if failed:
            log.warning("deliveries failed", webhook=str(order.webhook), failed=len(failed), of=len(outcomes), reason=failed[0])
        return True

    async def _send(self, batch: service.Batch, message: Message) -> Outcome:
        body = msgspec.json.encode(message)
        return await self.post(batch.url, body, sign(batch.secrets, str(message.id), int(self.clock().timestamp()), body))

    async def _in_transaction(self, order: DeliverWebhook, act: Callable[[Connection], Awaitable[T]]) -> T:
        """Run one transaction of the centre, again for as long as the database is away."""
        while True:
            try:
                async with transaction(self.pool, order.tenant) as con:
                    return await act(con)
            except DatabaseDown:
                await asyncio.sleep(DATABASE_PAUSE_S)
