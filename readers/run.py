# SPDX-License-Identifier: Apache-2.0
"""The agent of a workstation from beginning to end: readers, queue, channel."""

import asyncio
import logging
import platform
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from desmos_fast.agents import wire
from desmos_fast.agents.tickets import TicketRefused
from readers.doctor.remote import examined
from readers.loopback.board import Board
from readers.loopback.gate import Gate
from readers.loopback.said import PRODUCT, PROTOCOL, Health
from readers.loopback.server import Loopback, Rights
from readers.notice import Noticed, show
from readers.outbox.outbox import Outbox
from readers.outbox.store import Happened
from readers.reading import Reading, Wait
from readers.sessions.desk import Desk
from readers.uplink import VERSION, Cards, Uplink
from readers.uplink_folder import QUEUE, Folder, Service

log: Final = logging.getLogger("desmos.agent")


class Pages(NamedTuple):
    """What pages of this workstation may do: origins beside that of the service, ports, who reads rights; `bound` is told the port."""

    origins: tuple[str, ...] = ()
    ports: Sequence[int] = wire.LOOPBACK_PORTS
    rights: Rights | None = None
    bound: Callable[[int], None] = lambda _: None


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


async def run(folder: Folder, pages: Pages | None = None) -> None:
    """Read cards for the service until cancelled. Raises NoLibrary, FolderUnsound, BadOrigin, OutboxBroken, ShutOut."""
    folder.service()
    async with Desk() as desk:
        await serve(folder, Noticed(DeskCards(desk), show), pages)


async def serve(folder: Folder, cards: Cards, pages: Pages | None = None) -> None:
    """Do what `run` does, with any readers."""
    gate, board, loopback = _loopback(folder.service(), cards, pages)

    def welcomed(welcome: wire.Welcome) -> None:
        try:
            if welcome.at is not None:
                gate.welcomed(welcome.tickets, welcome.at)
        except TicketRefused as error:
            # The readers go on without pages.
            log.error("pages are let in no more: %s", error.detail)

    async with Outbox(folder.path / QUEUE, folder.queue_key()) as outbox:
        uplink = Uplink(
            folder, outbox, cards, version=VERSION, system=f"{platform.system()} {platform.release()}", welcomed=welcomed,
            examine=lambda asked: examined(asked, folder),
        )  # fmt: skip
        await outbox.put(Happened(kind="agent_started", at=datetime.now(UTC)))
        tasks = [asyncio.create_task(_follow(cards, outbox, board)), asyncio.create_task(uplink.run())]
        if pages is not None:
            tasks.append(asyncio.create_task(loopback.run(pages.ports, pages.bound)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _loopback(service: Service, cards: Cards, pages: Pages | None) -> tuple[Gate, Board, Loopback]:
    origins = (service.url, *(() if pages is None else pages.origins))
    gate, board = Gate(UUID(service.agent), origins), Board()
    health = Health(product=PRODUCT, version=VERSION, protocol=PROTOCOL, instance=service.agent, desk=service.desk, ready=False)
    return gate, board, Loopback(gate, board, health, cards.read, None if pages is None else pages.rights)


async def _follow(cards: Cards, outbox: Outbox, board: Board) -> None:
    full = False
    async for event in cards.events():
        board.note(event)
        kept = await outbox.put(event)
        if not kept and not full:
            log.error("the queue is full: what happens now is not told")
        full = not kept
