# SPDX-License-Identifier: Apache-2.0
"""A service that is killed again and again, and sessions without number: nothing is left behind."""

import asyncio
import random
import statistics
import threading
import time

import pytest

from readers.cards.recognition import VITALE, select
from readers.sessions.desk import Desk
from readers.simulator import cards
from tests.readers.bench import NAMES, SECOND, Bench
from tests.readers.dialogues import outcome
from tests.readers.watching import open_files, settled, until

pytestmark = pytest.mark.together


async def settled_card(desk: Desk) -> None:
    """Wait until the desk knows a card in the second slot."""
    await settled(lambda: any(event.kind == "card_inserted" and event.reader == SECOND for event in desk.known()), True)


async def killed(bench: Bench, desk: Desk, times: int) -> list[float]:
    """Kill the service so many times; return how long (seconds) after its new start the next card was read."""
    took = []
    with desk.events() as listener:
        for seed in range(times):
            person = cards.invented(seed)
            bench.service.kill()
            await until(listener, "service_down", seconds=1)
            await asyncio.sleep(random.Random(seed).uniform(0, 0.6))
            bench.service.start()
            began = time.monotonic()
            bench.slots[1].insert(cards.vitale2(person))
            assert await outcome(desk, SECOND, seconds=4) == person.expected()
            took.append(time.monotonic() - began)
    return took


async def test_a_few_kills_of_the_service(bench: Bench, desk: Desk) -> None:
    await settled(lambda: len(desk.known()), 3)
    await killed(bench, desk, 1)
    files, threads = open_files(), threading.active_count()
    took = await killed(bench, desk, 4)
    assert max(took) <= 3.0
    assert open_files() == files
    await settled(threading.active_count, threads)


@pytest.mark.fault
async def test_two_hundred_kills_of_the_service(bench: Bench, desk: Desk) -> None:
    await settled(lambda: len(desk.known()), 3)
    await killed(bench, desk, 1)
    files, threads = open_files(), threading.active_count()
    took = await killed(bench, desk, 200)
    print(f"\nread again after a kill: median {statistics.median(took):.2f} s, longest {max(took):.2f} s")
    assert max(took) <= 3.0
    assert open_files() == files
    await settled(threading.active_count, threads)


async def sessions(bench: Bench, desk: Desk, count: int) -> None:
    """Open and close so many sessions, and see that nothing grows."""
    bench.insert(1, cards.vitale2(cards.invented(1)))
    await settled_card(desk)
    files = threads = memory = 0
    for number in range(count):
        async with desk.session(SECOND) as session:
            assert (await session.transmit(select(VITALE))).done
        if number == count // 4:
            files, threads, memory = open_files(), threading.active_count(), resident()
    assert open_files() == files
    assert threading.active_count() == threads
    # Over the long run, 30 bytes a session are more than that.
    assert resident() - memory < 2 << 20, resident() - memory


def resident() -> int:
    """Return the memory that the process holds, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


async def test_two_thousand_sessions_leave_nothing(bench: Bench, desk: Desk) -> None:
    await sessions(bench, desk, 2_000)


@pytest.mark.fault
async def test_a_hundred_thousand_sessions_leave_nothing(bench: Bench, desk: Desk) -> None:
    await sessions(bench, desk, 100_000)


async def test_both_slots_are_read_at_the_same_time(bench: Bench, desk: Desk) -> None:
    people = [cards.invented(21), cards.invented(22)]
    for rank, person in enumerate(people):
        bench.insert(rank, cards.vitale2(person))
    await settled(lambda: len(desk.known()), 5)
    for _ in range(20):
        found = await asyncio.gather(*(outcome(desk, name) for name in NAMES))
        assert found == [person.expected() for person in people]
