# SPDX-License-Identifier: Apache-2.0
"""One reading of a card that is in, from the loop of a test, with what came of it as one word; and how late the loop was meanwhile."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from readers.errors import ReaderError
from readers.reading import Wait
from readers.sessions.desk import Desk


async def outcome(desk: Desk, reader: str, seconds: float = 5.0) -> dict[str, str | None] | str:
    """Return the identity of the card in a reader, or the code of the error."""
    until = asyncio.get_running_loop().time() + seconds
    try:
        found = await Wait(desk, reader, until, lambda advice: None).read()
    except ReaderError as error:
        return error.code
    return found.identity if found.identity is not None else found.card


LATE_S: Final = 0.010


class Lag:
    """How late (seconds) the loop came back from its shortest pauses, at most, without the time in which the machine ran others instead."""

    def __init__(self) -> None:
        self.most = 0.0


def denied() -> dict[str, float]:
    """Return for each thread how long (seconds) it was ready to run and the machine ran others; nothing where the system does not tell.

    Waiting in a call, for a lock or for the interpreter is none of it.
    """
    found = {}
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # A thread that ended meanwhile.
            found[path.parent.name] = int(path.read_text(encoding="ascii").split()[1]) / 1e9
    return found


def denied_since(before: dict[str, float]) -> float:
    """Return how long (seconds) the machine ran others instead of this thread, and of the one that it may have waited for."""
    waited = {thread: total - before.get(thread, total) for thread, total in denied().items()}
    # Whoever has the interpreter may be denied the processor too, and then this thread waits for it.
    return waited.pop(str(threading.get_native_id()), 0.0) + max(waited.values(), default=0.0)


@contextlib.asynccontextmanager
async def lag() -> AsyncIterator[Lag]:
    """Measure while the block runs."""
    found = Lag()

    async def tick() -> None:
        while True:
            before, began = denied(), time.perf_counter()
            await asyncio.sleep(0.001)
            late = time.perf_counter() - began - 0.001
            found.most = max(found.most, late - denied_since(before))

    task = asyncio.create_task(tick())
    try:
        yield found
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def kept(measure: Callable[[], Awaitable[float]]) -> bool:
    """Say whether a delay is short in one of three tries: what holds the loop up does so each time."""
    for _ in range(3):
        if await measure() <= LATE_S:
            return True
    return False
