# SPDX-License-Identifier: Apache-2.0
"""How many large bodies are held at once: the others wait a moment, then are asked to come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from desmos_fast.base.errors import OutsideFailed

SLOTS: Final = 4
WAIT_S: Final = 1.0


class Busy(OutsideFailed):
    """Enough large requests are being served; this one was not read."""

    code = "busy"


class Gate:
    """Admit `slots` at once; twice as many may wait, `wait_s` at most."""

    __slots__ = ("_free", "_most", "_wait_s", "_waiting")

    def __init__(self, slots: int = SLOTS, wait_s: float = WAIT_S) -> None:
        self._free = asyncio.Semaphore(slots)
        self._most = 2 * slots
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
            raise Busy("too many large requests wait already", hint="send again with the same key in a moment")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise Busy("the large requests before this one take long", hint="send again with the same key in a moment") from error
        finally:
            self._waiting -= 1
