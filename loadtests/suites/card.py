# SPDX-License-Identifier: Apache-2.0
"""What the agent of a workstation adds to the library of card readers, on a virtual reader: each process starts a card service of its own.

The peer is the bare C layer in the same process, by turns with ours; a card made of software answers both.
"""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from loadtests.model import Contender, Job, Race
from readers.cards.recognition import VITALE, select
from readers.pcsc import Pcsc
from readers.sessions.channel import Channel
from readers.sessions.desk import Desk
from readers.simulator import cards
from readers.simulator.service import COMMAND, OWN_PORT, own_service, the_only_one
from readers.simulator.vpcd import Fault, Slot

READER: Final = "Virtual PCD 00 01"
NEEDS: Final = ("smartcard",)
PROGRAMS: Final = (COMMAND[0], "vpcd-config")
READ: Final = b"\x00\xb0\x00\x00\x00"
SELECTS: Final = (select(VITALE), b"\x00\xa4\x02\x00\x02" + cards.PEOPLE)
# Of a dialogue as a reading has them.
COMMANDS: Final = 7
PADDING: Final = 300
TURN: Final = 50
STALL_S: Final = 0.3
# What was read, and the seconds that it took.
Found = tuple[bytes, float]


def content(_size: int = 0) -> bytes:
    """Return the first 256 bytes of the file that all read."""
    return (cards.tlv(0x7F21, bytes(PADDING)) + cards.holder(cards.invented(1)))[:256]


def bare(size: int, timed: list[float]) -> bytes:
    """Read through the C layer alone, in one transaction."""
    pcsc = Pcsc()
    context = pcsc.establish()
    card = pcsc.connect(context, READER)
    pcsc.begin(card)
    for command in SELECTS:
        pcsc.transmit(card, command)
    last = b""
    for _ in range(size):
        began = time.perf_counter()
        last = pcsc.transmit(card, READ)
        timed.append(time.perf_counter() - began)
    pcsc.end(card)
    pcsc.disconnect(card)
    pcsc.release(context)
    return last[:-2]


async def ours(desk: Desk, size: int, timed: list[float]) -> bytes:
    """Read the same in one transaction of a session."""

    def dialogue(channel: Channel) -> bytes:
        for command in SELECTS:
            channel.send(command)
        last = b""
        for _ in range(size):
            began = time.perf_counter()
            last = channel.send(READ).data
            timed.append(time.perf_counter() - began)
        return last

    async with desk.session(READER) as session:
        return await session.exchange(dialogue, 60)


async def cost(slot: Slot, desk: Desk, size: int) -> Found:
    """Return what a command costs in a session over what it costs through the C layer, by turns."""
    in_session: list[float] = []
    alone: list[float] = []
    read = b""
    for _ in range(max(1, size // TURN)):
        read = await asyncio.to_thread(bare, TURN, alone)
        if await ours(desk, TURN, in_session) != read:
            raise ArithmeticError("they read two things")
    # The difference of two medians may be less than nothing.
    return read, max(1e-9, statistics.median(in_session) - statistics.median(alone))


async def command(slot: Slot, desk: Desk, size: int) -> Found:
    """Return what one command of 256 bytes takes in a session."""
    took: list[float] = []
    return await ours(desk, size, took), statistics.median(took)


async def bare_command(slot: Slot, desk: Desk, size: int) -> Found:
    """Return what it takes through the C layer."""
    took: list[float] = []
    return await asyncio.to_thread(bare, size, took), statistics.median(took)


async def whole(slot: Slot, desk: Desk, size: int) -> Found:
    """Return what a session takes from opening to closing, with a dialogue of seven commands."""
    took, read = [], b""
    for _ in range(max(1, size // TURN)):
        began = time.perf_counter()
        read = await ours(desk, COMMANDS - len(SELECTS), [])
        took.append(time.perf_counter() - began)
    return read, statistics.median(took)


async def event(slot: Slot, desk: Desk, size: int) -> Found:
    """Return how long an event takes, at most, from when the service told us to whoever listens."""
    late = []
    with desk.events() as listener:
        for _ in range(max(1, size // 2)):
            slot.pull()
            while (heard := await listener.next()).kind != "card_removed":
                continue
            late.append(time.monotonic() - heard.at)
            slot.insert(cards.vitale2(cards.invented(1), padding=PADDING))
            while (heard := await listener.next()).kind != "card_inserted":
                continue
            late.append(time.monotonic() - heard.at)
    return await ours(desk, 1, []), max(late)


async def lag(slot: Slot, desk: Desk, size: int) -> Found:
    """Return how late the loop comes back, at most, while a card takes its time over a command."""
    late = [0.0]

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - began - 0.001)

    ticking = asyncio.create_task(tick())
    read = await ours(desk, 1, [])
    ticking.cancel()
    return read, max(late)


@contextlib.asynccontextmanager
async def bench(fault: Fault | None) -> AsyncIterator[tuple[Slot, Desk]]:
    """Give a slot with a card in, and a desk that knows it."""
    with the_only_one(), TemporaryDirectory() as folder, own_service(Path(folder)), Slot(OWN_PORT + 1) as slot:
        slot.insert(cards.vitale2(cards.invented(1), padding=PADDING), fault)
        async with Desk() as desk:
            with desk.events() as listener:
                while (await listener.next()).kind != "card_inserted":
                    continue
            yield slot, desk


def contender(name: str, measure: Callable[[Slot, Desk, int], Awaitable[Found]], fault: Fault | None = None) -> Contender:
    """Return a contender that measures once, on a bench that it takes down again."""

    async def measured(size: int) -> Found:
        async with bench(fault) as (slot, desk):
            return await measure(slot, desk, size)

    def prepare(size: int) -> Job:
        return Job(lambda: asyncio.run(measured(size)), proof=lambda found: found[0], reading=lambda found: found[1], again=True)

    return Contender(name, prepare, NEEDS, PROGRAMS)


def race(name: str, work: str, size: int, *ours: Contender, peers: tuple[Contender, ...] = ()) -> Race:
    """Return a race whose values are read off, as the clock on the wall goes."""
    return Race(name, work, size, max(1, size // 5), ours, peers, content, clock="wall")


RACES: Final = (
    race(
        "card-command", "one command of 256 bytes to a card", 2_000, contender("in a session", command),
        peers=(contender("smartcard.scard", bare_command),),
    ),
    race("card-cost", "what a session adds to one command to a card", 2_000, contender("by turns", cost)),
    race("card-session", "a session with a card: open, seven commands, close", 5_000, contender("whole", whole)),
    race("card-event", "from the word of the card service to who listens, the slowest", 8, contender("slowest", event)),
    race("card-lag", "how late the event loop is while a card is slow, at most", 1, contender("latest", lag, Fault(0, "stall", STALL_S))),
)  # fmt: skip
