# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.agents.child FOLDER COUNT`: an agent at whose readers so many things happen, and that waits to be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from desmos_fast.agents import wire
from readers.outbox.store import Happened
from readers.run import serve
from readers.uplink_folder import Folder
from tests.agents.workstation import FakeCards, happened


class Busy(FakeCards):
    """Readers at which much happens at once; whoever asks for more has all of it on disk."""

    async def events(self) -> AsyncIterator[Happened]:
        """Tell of it, then say so."""
        while not self.queue.empty():
            yield self.queue.get_nowait()
        print("queued", flush=True)
        await asyncio.Event().wait()


async def _main(folder: Path, count: int) -> None:
    # Small mouthfuls, so that there is a middle in which to be killed.
    wire.MOST_EVENTS = 10  # type: ignore[misc]
    await serve(Folder(folder), Busy(*(happened("card_inserted", f"event {rank}") for rank in range(1, count + 1))))


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
