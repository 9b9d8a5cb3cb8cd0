# SPDX-License-Identifier: Apache-2.0
"""Note which roles are used, beside the requests that use them, and tell which are not."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from desmos_fast.base.clock import Clock, paris_date
from desmos_fast.base.types import KeyKind
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.model import Caller
from desmos_fast.identity.review import store
from desmos_fast.identity.review.model import Review
from desmos_fast.identity.review.rules import review

FORGET_S: Final = 3_600.0
MOST: Final = 100_000
log: Final = structlog.get_logger("desmos.identity")


class Uses:
    """Which roles of which accounts this process saw used within the hour: each is noted once."""

    __slots__ = ("_forget_at", "_noting", "_seen")

    def __init__(self) -> None:
        self._seen: set[tuple[UUID, frozenset[str]]] = set()
        self._forget_at = 0.0
        self._noting: set[asyncio.Task[None]] = set()

    def note(self, pool: Pool, caller: Caller, opening: frozenset[str], clock: Clock) -> None:
        """Note that a caller asked for what these roles open, without waiting for it."""
        used = opening & caller.roles
        key = (caller.key_id, used)
        if key in self._seen and time.monotonic() < self._forget_at:
            return
        if time.monotonic() >= self._forget_at or len(self._seen) >= MOST:
            self._seen.clear()
            self._forget_at = time.monotonic() + FORGET_S
        self._seen.add(key)
        task = asyncio.create_task(_note(pool, caller, used, clock()))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def close(self) -> None:
        """Wait until what is being noted is."""
        await asyncio.gather(*self._noting)


async def _note(pool: Pool, caller: Caller, used: frozenset[str], now: datetime) -> None:
    try:
        async with transaction(pool, caller.tenant) as con:
            await store.note(con, caller.tenant, caller.key_id, used, paris_date(now))
    except DatabaseDown as error:
        log.warning("the use of a role could not be noted", account=str(caller.key_id), error=error.detail)


async def look(con: Connection, tenant: UUID, kind: KeyKind | None, days: int, now: datetime) -> Review:
    """Return what was not used for so many days: of one kind, or of both."""
    since = paris_date(now) - timedelta(days=days)
    return review(await store.accounts(con, tenant, kind), days, since)
