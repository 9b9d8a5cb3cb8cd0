# SPDX-License-Identifier: Apache-2.0
"""One reading of a card that is in, from the loop of a test, with what came of it as one word; and how late the loop was meanwhile."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
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
    """How late (seconds) the loop came back from its shortest pauses, at most."""

    def __init__(self) -> None:
        self.most = 0.0


@contextlib.asynccontextmanager
async def lag() -> AsyncIterator[Lag]:
    """Measure while the block runs."""
    found = Lag()

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            found.most = max(found.most, time.perf_counter() - began - 0.001)

    task = asyncio.create_task(tick())
    try:
        yield found
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def kept(measure: Callable[[], Awaitable[float]]) -> bool:
    """Say whether a delay is short in one of three tries: what holds the loop up does so each time, a busy machine does not."""
    for _ in range(3):
        if await measure() <= LATE_S:
            return True
    return False
