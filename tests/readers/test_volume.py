# SPDX-License-Identifier: Apache-2.0
"""Cards pulled at every command, and faults at random, on many slots side by side: nobody is ever mixed up, and nothing is left behind."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, get_args

import pytest

from readers.sessions.desk import Desk
from readers.simulator import cards
from readers.simulator.vpcd import Fault, FaultKind
from tests.readers.bench import Bench
from tests.readers.dialogues import outcome
from tests.readers.watching import open_files, settled, until

pytestmark = pytest.mark.together
# What a reading of the simulated Vitale sends: one SELECT, three files.
COMMANDS: Final = 10
ENDINGS: Final[Sequence[cards.Ending]] = get_args(cards.Ending)
KINDS: Final[Sequence[FaultKind]] = get_args(FaultKind)


@pytest.fixture
async def desk(wide: Bench) -> AsyncIterator[Desk]:
    """Give a desk that watches every slot."""
    wide.clear()
    async with Desk() as running:
        await settled(lambda: len(running.known()), 1 + len(wide.names))
        yield running


async def known(desk: Desk, reader: str) -> None:
    """Wait until the desk knows of a card in a reader."""
    await settled(lambda: any(event.kind == "card_inserted" and event.reader == reader for event in desk.known()), True)


async def every(ranks: int, numbers: Sequence[int], one: Callable[[int, int], Awaitable[None]]) -> None:
    """Do something for each number, on all slots at once and on each one after the other."""

    async def on(rank: int) -> None:
        for number in numbers[rank::ranks]:
            await one(rank, number)

    await asyncio.gather(*(on(rank) for rank in range(ranks)))


async def test_the_reading_sends_what_the_others_count_on(wide: Bench, desk: Desk) -> None:
    slot = await wide.put(0, cards.vitale2(cards.invented(1)))
    await known(desk, wide.names[0])
    assert await outcome(desk, wide.names[0]) == cards.invented(1).expected()
    assert slot.commands == COMMANDS


async def pulled(bench: Bench, desk: Desk, rank: int, number: int) -> None:
    """Pull a card at one of its commands."""
    name, index = bench.names[rank], number % COMMANDS
    with desk.events() as listener:
        card = cards.vitale2(cards.invented(number))
        slot = await bench.put(rank, card, Fault(index, "pull"))
        await until(listener, "card_inserted", name)
        assert await outcome(desk, name) == "card_removed", number
        await until(listener, "card_removed", name, seconds=0.3)
        assert slot.commands == index + 1 and card.verified == 0


async def test_a_pull_at_any_command_is_told_and_leaves_nothing(wide: Bench, desk: Desk) -> None:
    ranks = len(wide.names)
    await every(ranks, range(ranks), lambda rank, number: pulled(wide, desk, rank, number))
    files, threads = open_files(), threading.active_count()
    await every(ranks, range(2 * COMMANDS), lambda rank, number: pulled(wide, desk, rank, number))
    assert open_files() <= files
    await settled(lambda: threading.active_count() <= threads, True)


@pytest.mark.fault
async def test_a_pull_at_any_command_ten_times(wide: Bench, desk: Desk) -> None:
    await every(len(wide.names), range(10 * COMMANDS), lambda rank, number: pulled(wide, desk, rank, number))


async def faulty(bench: Bench, desk: Desk, rank: int, seed: int) -> None:
    """Put a card in, let something go wrong while it is read, and check what is said."""
    drawn = random.Random(seed)
    person, other = cards.invented(seed), cards.invented(seed + 1_000_000)
    kind, index = drawn.choice(KINDS), drawn.randrange(COMMANDS + 2)
    card = cards.vitale2(person, ending=drawn.choice(ENDINGS), by_halves=drawn.random() < 0.3, padding=drawn.choice((0, 300)))
    fault = Fault(index, kind, seconds=drawn.uniform(0.01, 0.3), card=cards.vitale2(other))
    name = bench.names[rank]
    slot = await bench.put(rank, card, fault)
    await known(desk, name)
    found = await outcome(desk, name, seconds=3.0)
    reached = slot.commands > index
    # Whole, and of the one person; or nothing at all, and the reason.
    assert found == ("card_removed" if reached and kind != "stall" else person.expected()), (seed, kind, index)


async def many(bench: Bench, desk: Desk, seeds: range, at_once: int = 50) -> None:
    """Play faults on all slots, so many at once, and kill the service after these while a card is read."""
    ranks = len(bench.names)
    for first in range(seeds.start, seeds.stop, at_once):
        await every(ranks, range(first, min(first + at_once, seeds.stop)), lambda rank, seed: faulty(bench, desk, rank, seed))
        await killed(bench, desk, first // at_once % COMMANDS)


async def killed(bench: Bench, desk: Desk, index: int) -> None:
    """Kill the service at one command of a reading."""
    slot = await bench.put(0, cards.vitale2(cards.invented(index)))
    await known(desk, bench.names[0])
    slot.on_command = lambda at, _: bench.service.kill() if at == index else None
    assert await outcome(desk, bench.names[0], seconds=0.5) == "pcsc_service"
    slot.on_command = None
    await asyncio.to_thread(bench.clear)
    await settled(lambda: len(desk.known()), 1 + len(bench.names))


async def test_a_hundred_random_faults(wide: Bench, desk: Desk) -> None:
    await many(wide, desk, range(100))


@pytest.mark.fault
async def test_a_thousand_random_faults(wide: Bench, desk: Desk) -> None:
    await many(wide, desk, range(100, 150))
    files, threads = open_files(), threading.active_count()
    await many(wide, desk, range(150, 1150))
    assert open_files() <= files
    await settled(lambda: threading.active_count() <= threads, True)
