# SPDX-License-Identifier: Apache-2.0
"""How many large bodies are held at once, and what one centre writes or reads: the others wait a moment, then are asked to come back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.types import TenantId

SLOTS: Final = 4
MOST_STREAMS: Final = 16
WAIT_S: Final = 1.0
# Who reads holds up nobody but his own centre.
READ_WAIT_S: Final = 10.0
MOST_WAITING: Final = 1000


class Busy(OutsideFailed):
    """Enough requests of this kind are being served; nothing was done for this one."""

    code = "busy"


class Gate:
    """Admit `slots` at once; `most` may wait, or twice as many as the slots, `wait_s` at most."""

    __slots__ = ("_free", "_most", "_wait_s", "_waiting")

    def __init__(self, slots: int = SLOTS, wait_s: float = WAIT_S, most: int | None = None) -> None:
        self._free = asyncio.Semaphore(slots)
        self._most = 2 * slots if most is None else most
        self._wait_s = wait_s
        self._waiting = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot. Raises Busy when the queue is full or the wait too long."""
        if self._free.locked():
            await self._wait()
        else:
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        if self._waiting >= self._most:
            raise Busy("too many requests of this kind wait already", hint="send again with the same key in a moment")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise Busy("the requests before this one take long", hint="send again with the same key in a moment") from error
        finally:
            self._waiting -= 1


class Shares:
    """Let what one centre writes, or reads, hold `slots` connections at most: what waits for itself leaves the others theirs."""

    def __init__(self, slots: int, wait_s: float = WAIT_S) -> None:
        self._slots = slots
        self._wait_s = wait_s
        self._gates: dict[TenantId, Gate] = {}
        self._standing: Counter[TenantId] = Counter()

    @property
    def slots(self) -> int:
        """Return how many one centre may hold."""
        return self._slots

    def left(self, tenant: TenantId) -> int:
        """Return how many more a centre could hold now."""
        return max(0, self._slots - self._standing.get(tenant, 0)) if self._standing else self._slots

    def __len__(self) -> int:
        """Return how many centres hold or wait for a slot."""
        return len(self._gates)

    @asynccontextmanager
    async def slot(self, tenant: TenantId) -> AsyncIterator[None]:
        """Hold one of the centre's slots. Raises Busy when the wait is too long."""
        gate = self._gates.get(tenant)
        if gate is None:
            gate = self._gates[tenant] = Gate(self._slots, self._wait_s, MOST_WAITING)
        self._standing[tenant] += 1
        try:
            async with gate.slot():
                yield
        finally:
            self._standing[tenant] -= 1
            if not self._standing[tenant]:
                del self._gates[tenant], self._standing[tenant]


class Parted(Gate):
    """A gate of which one centre holds half at most: who sends slowly, and keeps his places long, leaves the others theirs."""

    __slots__ = ("_each",)

    def __init__(self, slots: int = SLOTS, wait_s: float = WAIT_S) -> None:
        super().__init__(slots, wait_s)
        self._each = Shares(max(1, slots // 2), wait_s)

    @asynccontextmanager
    async def slot_of(self, tenant: TenantId) -> AsyncIterator[None]:
        """Hold one slot for a centre. Raises Busy."""
        async with self._each.slot(tenant), self.slot():
            yield
