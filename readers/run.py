# SPDX-License-Identifier: Apache-2.0
"""The agent of a workstation from beginning to end: readers, queue, channel."""

import asyncio
import logging
import os
import platform
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from readers.outbox.outbox import Outbox
from readers.outbox.store import Happened
from readers.reading import Reading, Wait
from readers.sessions.desk import Desk
from readers.uplink import Cards, Uplink
from readers.uplink_folder import QUEUE, Folder

log: Final = logging.getLogger("desmos.agent")
NAME: Final = "desmos-agent"
VERSION: Final = "0.1.0"


class DeskCards:
    """The real readers, as the uplink needs them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def events(self) -> AsyncIterator[Happened]:
        """Tell what holds now, then whatever happens."""
        loop = asyncio.get_running_loop()
        with self._desk.events() as listener:
            async for event in listener:
                # An event knows when it was by a clock that starts with the machine.
                at = datetime.now(UTC) - timedelta(seconds=max(0.0, loop.time() - event.at))
                yield Happened(kind=event.kind, at=at, reader=event.reader, atr=event.atr)

    async def read(self, reader: str, deadline_s: float) -> Reading:
        """Read the card in a reader, now or when it comes. Raises ReaderError."""
        return await Wait(self._desk, reader, asyncio.get_running_loop().time() + deadline_s, log.info).read()


def default_folder() -> Path:
    """Return where the agent of this user keeps what is its own."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / NAME
    shared = os.environ.get("XDG_DATA_HOME", "")
    return (Path(shared) if shared.startswith("/") else Path.home() / ".local" / "share") / NAME


async def run(folder: Folder) -> None:
    """Read cards for the service until cancelled. Raises NoLibrary, FolderUnsound, OutboxBroken, ShutOut."""
    folder.service()
    async with Desk() as desk:
        await serve(folder, DeskCards(desk))


async def serve(folder: Folder, cards: Cards) -> None:
    """Do what `run` does, with any readers."""
    async with Outbox(folder.path / QUEUE, folder.queue_key()) as outbox:
        uplink = Uplink(folder, outbox, cards, version=VERSION, system=f"{platform.system()} {platform.release()}")
        await outbox.put(Happened(kind="agent_started", at=datetime.now(UTC)))
        tasks = [asyncio.create_task(_follow(cards, outbox)), asyncio.create_task(uplink.run())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(cards: Cards, outbox: Outbox) -> None:
    full = False
    async for event in cards.events():
        kept = await outbox.put(event)
        if not kept and not full:
            log.error("the queue is full: what happens now is not told")
        full = not kept
