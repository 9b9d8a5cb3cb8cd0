# SPDX-License-Identifier: Apache-2.0
import asyncio
import random
import time

import pytest

from desmos_fast.lots.gate import Gate
from desmos_fast.lots.recipients.model import Breaker, Pace

BREAKER = Breaker(failures=3, pause_s=60)


class Clock:
    """Time that the test owns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def gate(clock: Clock, at_once: int = 4, per_minute: float | None = None) -> Gate:
    return Gate(Pace(at_once=at_once, per_minute=per_minute), BREAKER, clock)


async def fail(gate: Gate, times: int) -> None:
    for file in range(times):
        assert await gate.enter(file) is None
        gate.leave(0.1, failed=True)


async def test_no_more_than_so_many_are_let_through_at_once(clock: Clock) -> None:
    two = gate(clock, at_once=2)
    assert await two.enter("a") is None and await two.enter("b") is None
    off = await two.enter("c")
    assert off is not None and off.reason == "busy" and off.delay_s > 0
    two.leave(0.1, failed=False)
    assert await two.enter("c") is None


async def test_who_comes_while_a_place_is_about_to_be_free_waits_for_it(clock: Clock) -> None:
    one = gate(clock, at_once=1)
    assert await one.enter("a") is None
    coming = asyncio.create_task(one.enter("b"))
    await asyncio.sleep(0.05)
    one.leave(0.05, failed=False)
    assert await coming is None


async def test_no_more_than_so_many_a_minute_are_let_through(clock: Clock) -> None:
    slow = gate(clock, per_minute=30)
    waits: dict[int, float] = {}
    for file in range(20):
        off = await slow.enter(file)
        waits[file] = 0.0 if off is None else off.delay_s
        assert off is None or off.reason == "pace"
    assert [waits[file] for file in range(20)] == [2.0 * file for file in range(20)], "each has a turn of its own"
    came = []
    for file in random.Random(7).sample(range(1, 20), 19):
        clock.now = 1000.0 + waits[file]
        assert await slow.enter(file) is None, "who comes at its turn is let through"
        came.append(file)
        slow.leave(0.0, failed=False)
    clock.now = 1038.0
    off = await slow.enter("late")
    assert off is not None and off.delay_s == 2.0


async def test_it_is_left_alone_after_so_many_failures_in_a_row(clock: Clock) -> None:
    one = gate(clock)
    await fail(one, 2)
    assert await one.enter("good") is None
    one.leave(0.1, failed=False)
    await fail(one, 2)
    assert not one.broken, "they were not in a row"
    await fail(one, 1)
    off = await one.enter("next")
    assert off is not None and off.reason == "broken" and 60.0 <= off.delay_s < 70.0


async def test_one_file_probes_it_and_decides_for_the_others(clock: Clock) -> None:
    one = gate(clock)
    await fail(one, 3)
    clock.now += 60.0
    assert await one.enter("probe") is None
    off = await one.enter("other")
    assert off is not None and off.reason == "broken", "one at a time"
    one.leave(0.1, failed=True)
    off = await one.enter("other")
    assert off is not None and off.delay_s >= 60.0, "one failure is enough now"
    clock.now += 60.0
    assert await one.enter("probe") is None
    one.leave(0.1, failed=False)
    assert not one.broken
    assert [await one.enter(file) for file in "abcd"] == [None] * 4


async def test_a_probe_that_says_nothing_lets_the_next_one_probe(clock: Clock) -> None:
    one = gate(clock)
    await fail(one, 3)
    clock.now += 60.0
    assert await one.enter("probe") is None
    one.leave(0.1, failed=None)
    assert one.broken and await one.enter("next") is None


async def test_what_failed_meanwhile_stops_who_waited(clock: Clock) -> None:
    one = Gate(Pace(at_once=1), Breaker(failures=1, pause_s=60), clock)
    assert await one.enter("a") is None
    coming = asyncio.create_task(one.enter("b"))
    await asyncio.sleep(0.05)
    one.leave(0.1, failed=True)
    off = await coming
    assert off is not None and off.reason == "broken"
    clock.now += 60.0
    assert await one.enter("b") is None, "the place was given back"


async def test_many_that_wait_do_not_come_back_together(clock: Clock) -> None:
    one = gate(clock, at_once=1)
    one.duration_s = 2.0
    await fail(one, 3)
    offs = [await one.enter(file) for file in range(200)]
    delays = [off.delay_s for off in offs if off is not None]
    assert len(delays) == 200 and max(delays) > 150.0
    assert sum(delay < 70.0 for delay in delays) < 20


async def test_a_file_is_not_held_long_in_front_of_the_gate() -> None:
    one = Gate(Pace(at_once=1), BREAKER)
    assert await one.enter("a") is None
    begun = time.monotonic()
    assert await one.enter("b") is not None
    assert time.monotonic() - begun < 2.0, "it keeps a place from the files of other recipients"
