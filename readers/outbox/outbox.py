# SPDX-License-Identifier: Apache-2.0
"""What happened at the readers and was not acknowledged yet: on disk before anything else, sealed, numbered without a gap.

A program that is killed at any point finds here what the service may not have; the service keeps each number once.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

from cryptography.exceptions import InvalidTag

from desmos_fast.agents.wire import EventTold
from desmos_fast.base.errors import OutsideFailed
from readers.outbox.store import Happened, Queue

T = TypeVar("T")
MOST: Final = 100_000


class OutboxBroken(OutsideFailed):
    """The queue cannot be read or written, or another program has it."""

    code = "outside_failed"


class Outbox:
    """The queue in a file; all of its work is done in a thread of its own. Use as an async context manager."""

    def __init__(self, path: Path, key: bytes, *, most: int = MOST) -> None:
        self._path = path
        self._open = lambda: Queue(path, key, most)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._added = asyncio.Event()

    async def __aenter__(self) -> Self:
        try:
            self._queue = await self._run(self._open)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._run(self._queue.close)
        self._thread.shutdown()

    async def put(self, event: Happened) -> bool:
        """Queue an event; return once it is on disk. One that finds the queue full is not kept, and False. Raises OutboxBroken."""
        kept = await self._run(lambda: self._queue.put(event))
        self._added.set()
        return kept

    async def agree(self, received: int) -> None:
        """Leave what the service has by this number, and have what waits follow it. Raises OutboxBroken.

        A queue that never was told a number, or is told of one that it never gave, is not the one that gave it: all that waits is kept.
        """
        await self._run(lambda: self._queue.agree(received))

    async def batch(self, most: int) -> tuple[EventTold, ...]:
        """Return the oldest events, `most` at most, as soon as there are any. Raises OutboxBroken."""
        while True:
            self._added.clear()
            if found := await self._run(lambda: self._queue.batch(most)):
                return found
            await self._added.wait()

    async def count(self) -> int:
        """Return how many wait. Raises OutboxBroken."""
        return await self._run(self._queue.count)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            # Whoever gives up waiting does not stop half-way what is being written.
            return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, work))
        except sqlite3.Error as error:
            raise OutboxBroken(f"{self._path}: {error}", hint="does another agent run? is the disk full?") from error
        except InvalidTag as error:
            raise OutboxBroken(f"{self._path} does not open with its key", hint="move it away; what it holds is lost") from error
