# SPDX-License-Identifier: Apache-2.0
"""What our layer costs, and what it never costs: measured on the bench while nothing else runs."""

import asyncio
import statistics
import time
from collections.abc import Callable

import pytest

from readers.cards.recognition import VITALE, select
from readers.errors import CardBusy
from readers.pcsc import Pcsc
from readers.sessions.channel import Channel
from readers.sessions.desk import Desk
from readers.sessions.events import Kind
from readers.simulator import cards
from readers.simulator.vpcd import Fault
from tests.readers.bench import NAMES, SECOND, Bench
from tests.readers.dialogues import denied, denied_since, kept, lag
from tests.readers.watching import settled, until

pytestmark = [pytest.mark.together, pytest.mark.alone]
READ = b"\x00\xb0\x00\x00\x00"
SELECTS = (select(VITALE), b"\x00\xa4\x02\x00\x02" + cards.PEOPLE)


def big() -> cards.FileCard:
    return cards.vitale2(cards.invented(1), padding=300)


async def read_cost(desk: Desk, count: int) -> list[float]:
    """Return what a READ of 256 bytes takes inside one of our transactions."""

    def dialogue(channel: Channel) -> list[float]:
        for command in SELECTS:
            assert channel.send(command).done
        return [timed(lambda: channel.send(READ)) for _ in range(count)]

    async with desk.session(SECOND) as session:
        return await session.exchange(dialogue, 30)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare_cost(count: int) -> list[float]:
    """Return what the same READ takes through the C layer alone."""
    pcsc = Pcsc()
    context = pcsc.establish()
    card = pcsc.connect(context, SECOND)
    pcsc.begin(card)
    for command in SELECTS:
        pcsc.transmit(card, command)
    took = [timed(lambda: pcsc.transmit(card, READ)) for _ in range(count)]
    pcsc.end(card)
    pcsc.disconnect(card)
    pcsc.release(context)
    return took


async def test_a_command_costs_little_more_than_the_bare_call(bench: Bench, desk: Desk) -> None:
    bench.insert(1, big())
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(5):
        bare += await asyncio.to_thread(bare_cost, 100)
        ours += await read_cost(desk, 100)
    # The trap of late acknowledgements costs 44 ms each.
    assert statistics.median(bare) < 0.010
    assert statistics.median(ours) - statistics.median(bare) <= 0.0002


async def test_an_event_reaches_the_loop_at_once(bench: Bench, desk: Desk) -> None:
    with desk.events() as listener:
        await until(listener, "reader_added", SECOND)

        async def came(kind: Kind) -> float:
            before = denied()
            event = await until(listener, kind)
            return time.monotonic() - event.at - denied_since(before)

        async def measure() -> float:
            bench.slots[1].insert(big())
            late = await came("card_inserted")
            bench.slots[1].pull()
            return max(late, await came("card_removed"))

        assert await kept(measure)


@pytest.mark.parametrize("what", ["stall", "lock", "kill", "nothing"])
async def test_the_loop_is_never_held_up(bench: Bench, desk: Desk, what: str) -> None:
    async def measure() -> float:
        bench.clear()
        bench.insert(1, big(), Fault(0, "stall", seconds=0.3) if what == "stall" else None)
        await settled(lambda: len(desk.known()), 4)
        async with lag() as found:
            await happening(bench, desk, what)
        return found.most

    assert await kept(measure)


async def happening(bench: Bench, desk: Desk, what: str) -> None:
    """Let something happen that takes a while."""
    if what == "lock":
        pcsc = Pcsc()
        context = pcsc.establish()
        card = pcsc.connect(context, SECOND)
        await asyncio.to_thread(pcsc.begin, card)
        with pytest.raises(CardBusy):
            await desk.open(SECOND, deadline_s=0.3)
        await asyncio.to_thread(pcsc.end, card)
        await asyncio.to_thread(pcsc.release, context)
    elif what == "kill":
        await asyncio.to_thread(bench.service.kill)
        await asyncio.sleep(0.5)
    else:
        async with desk.session(SECOND) as session:
            assert (await session.transmit(SELECTS[0])).done


async def test_two_slow_cards_are_spoken_to_at_the_same_time(bench: Bench, desk: Desk) -> None:
    class Slow(cards.FileCard):
        def answer(self, command: bytes) -> bytes:
            time.sleep(0.2)
            return b"\x90\x00"

    for rank in range(2):
        bench.insert(rank, Slow(cards.VITALE_ATR, {}))
    await settled(lambda: len(desk.known()), 5)
    sessions = [await desk.open(name) for name in NAMES]
    took = []
    for _ in range(3):
        began = time.monotonic()
        await asyncio.gather(*(session.exchange(lambda channel: [channel.send(READ) for _ in range(3)]) for session in sessions))
        took.append(time.monotonic() - began)
    # One after the other they take 1.2 s each time.
    assert min(took) < 0.75
