# SPDX-License-Identifier: Apache-2.0
"""What the card service was seen to do, row by row, and what is made of it: on the service itself."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from readers.cards.recognition import VITALE, select
from readers.errors import CardBusy, CardGone, CardMute, ServiceDown
from readers.pcsc import ANY_PROTOCOL, SHARED, Connection, Pcsc, load
from readers.sessions.channel import Channel
from readers.sessions.desk import Desk
from readers.simulator import cards
from readers.simulator.vpcd import Fault
from tests.readers.bench import FIRST, SECOND, Bench
from tests.readers.watching import open_files, ours, settled, until

pytestmark = pytest.mark.together
SELECT = select(VITALE)
EXCLUSIVE = 1
RESET = 1


@contextlib.contextmanager
def another(reader: str, share: int = SHARED) -> Iterator[tuple[Pcsc, Connection]]:
    """Be another program that has a connection to the card."""
    pcsc = Pcsc()
    context = pcsc.establish()
    code, handle, protocol = load().SCardConnect(context, reader, share, ANY_PROTOCOL)
    assert code == 0
    try:
        yield pcsc, Connection(handle, protocol)
    finally:
        pcsc.disconnect(Connection(handle, protocol))
        pcsc.release(context)


def vitale() -> cards.FileCard:
    return cards.vitale2(cards.invented(1))


async def test_row_2_a_pull_while_a_command_runs_is_a_card_gone(bench: Bench, desk: Desk) -> None:
    bench.insert(1, vitale(), Fault(1, "pull"))
    async with desk.session(SECOND) as session:
        await session.transmit(SELECT)
        with pytest.raises(CardGone):
            await session.transmit(SELECT)
        with pytest.raises(CardGone):
            await session.transmit(SELECT)


async def test_row_3_a_swap_between_two_looks_is_told_by_the_session(bench: Bench, desk: Desk) -> None:
    other = vitale()
    slot = bench.insert(1, vitale(), Fault(2, "swap", card=other))
    with desk.events() as listener:
        first = await until(listener, "card_inserted")
        async with desk.session(SECOND) as session:
            await session.transmit(SELECT)
            await session.transmit(SELECT)
            with pytest.raises(CardGone):
                await session.transmit(SELECT)
            gone = await until(listener, "card_removed", seconds=0.2)
            with pytest.raises(CardGone, match="over"):
                await session.transmit(SELECT)
        # The other card was never spoken to in the session of the first, and is announced as a new one.
        assert slot.commands == 3
        back = await until(listener, "card_inserted", seconds=4)
    assert first.sequence < gone.sequence < back.sequence


async def test_row_4_a_card_that_comes_back_needs_a_new_session(bench: Bench, desk: Desk) -> None:
    bench.insert(1, vitale())
    async with desk.session(SECOND) as session:
        await session.transmit(SELECT)
        bench.insert(1, vitale())
        with pytest.raises(CardGone):
            await session.transmit(SELECT)
    async with desk.session(SECOND) as session:
        assert (await session.transmit(SELECT)).done


async def test_row_5_a_reset_by_another_program_is_taken_up_once(bench: Bench, desk: Desk) -> None:
    bench.insert(1, vitale())
    async with desk.session(SECOND) as session:
        await session.transmit(SELECT)
        with another(SECOND) as (_, card):
            load().SCardDisconnect(card.handle, RESET)
        runs = []

        def dialogue(channel: Channel) -> int:
            runs.append(1)
            return channel.send(SELECT).status

        assert await session.exchange(dialogue) == 0x9000
        assert runs == [1]


async def test_row_6_a_card_that_another_program_has_for_itself_is_busy(bench: Bench, desk: Desk) -> None:
    bench.insert(1, vitale())
    with another(SECOND, EXCLUSIVE):
        with pytest.raises(CardBusy) as raised:
            await desk.open(SECOND)
        assert raised.value.code == "card_busy" and "held by another program" in raised.value.detail
    async with desk.session(SECOND) as session:
        assert (await session.transmit(SELECT)).done


async def test_row_7_another_transaction_costs_no_more_than_the_deadline(bench: Bench, desk: Desk) -> None:
    bench.insert(1, vitale())
    session = await desk.open(SECOND)
    with another(SECOND) as (pcsc, card):
        pcsc.begin(card)
        began = time.monotonic()
        with pytest.raises(CardBusy):
            await session.transmit(SELECT, deadline_s=0.3)
        assert 0.3 <= time.monotonic() - began < 0.4
        # The threads that wait are left alone, and no more than a few of them.
        for _ in range(6):
            with pytest.raises(CardBusy):
                await desk.open(SECOND, deadline_s=0.05)
        assert 2 <= ours().count(f"reader-{SECOND}") <= 4
        began = time.monotonic()
        with pytest.raises(CardBusy):
            await desk.open(SECOND, deadline_s=5)
        assert time.monotonic() - began < 0.05
        pcsc.end(card)
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(CardBusy):
                async with desk.session(SECOND, deadline_s=1) as again:
                    assert (await again.transmit(SELECT)).done
                    break
            await asyncio.sleep(0.05)
    await settled(lambda: ours().count(f"reader-{SECOND}"), 1)


async def test_row_8_a_watch_ends_whenever_it_is_told_to(bench: Bench) -> None:
    slowest = 0.0
    for tried in range(40):
        async with Desk():
            await asyncio.sleep(tried * 0.0005)
            began = time.monotonic()
        slowest = max(slowest, time.monotonic() - began)
    await settled(ours, [])
    assert slowest < 0.2


async def test_row_10_a_service_that_is_killed_is_found_again(bench: Bench, desk: Desk) -> None:
    bench.insert(1, vitale())
    with desk.events() as listener:
        await until(listener, "card_inserted")
        session = await desk.open(SECOND)
        killed = time.monotonic()
        bench.service.kill()
        gone = await until(listener, "card_removed")
        await until(listener, "reader_removed", SECOND)
        down = await until(listener, "service_down")
        assert gone.reader == SECOND and down.at - killed < 0.1
        with pytest.raises((ServiceDown, CardGone)):
            await session.transmit(SELECT)
        await asyncio.sleep(0.3)
        bench.service.start()
        back = time.monotonic()
        up = await until(listener, "service_up")
        assert up.at - back < 2.5
        bench.slots[1].insert(vitale())
        await until(listener, "card_inserted", SECOND)
        async with desk.session(SECOND) as again:
            assert (await again.transmit(SELECT)).done


async def test_row_14_a_cancelled_coroutine_leaves_the_reader_usable(bench: Bench, desk: Desk) -> None:
    bench.insert(1, vitale(), Fault(0, "stall", seconds=0.4))
    session = await desk.open(SECOND)
    task = asyncio.create_task(session.transmit(SELECT))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(CardGone, match="over"):
        await session.transmit(SELECT)
    async with desk.session(SECOND) as again:
        assert (await again.transmit(SELECT)).done
    assert ours() == [f"reader-{SECOND}", "readers-watch"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("asyncio")]


async def test_row_16_what_a_t0_card_leaves_to_ask_for_is_asked_for(bench: Bench, desk: Desk) -> None:
    bench.insert(1, cards.vitale2(cards.invented(1), by_halves=True, ending="length", padding=300))
    async with desk.session(SECOND) as session:

        def dialogue(channel: Channel) -> bytes:
            assert channel.send(SELECT).done
            assert channel.send(b"\x00\xa4\x02\x00\x02" + cards.PEOPLE).done
            first, second = (channel.send(bytes((0, 0xB0, at, 0, 0))) for at in (0, 1))
            assert first.done and second.done and len(first.data) == 256
            return first.data + second.data

        assert (await session.exchange(dialogue)).endswith(cards.holder(cards.invented(1)))


async def test_row_17_opens_that_fail_leave_nothing_behind(bench: Bench, desk: Desk) -> None:
    bench.insert(1, vitale())
    for _ in range(3):
        async with desk.session(SECOND) as session:
            await session.transmit(SELECT)
    bench.pull(1)
    files, threads = open_files(), len(threading.enumerate())
    for _ in range(300):
        with pytest.raises(CardGone):
            await desk.open(SECOND)
    assert open_files() == files
    await settled(lambda: len(threading.enumerate()), threads)


async def test_row_18_a_mute_card_is_an_event_and_an_error_of_its_own(bench: Bench, desk: Desk) -> None:
    with desk.events() as listener:
        await until(listener, "reader_added", FIRST)
        bench.insert(0, cards.mute())
        event = await until(listener, "card_mute")
        assert event.reader == FIRST
        with pytest.raises(CardMute) as raised:
            await desk.open(FIRST)
        assert raised.value.hint == "turn the card over"
        bench.pull(0)
        await until(listener, "card_removed", FIRST)


async def test_row_19_the_end_of_a_session_disturbs_nobody(bench: Bench, desk: Desk) -> None:
    bench.insert(1, vitale())
    with another(SECOND) as (pcsc, card):
        pcsc.transmit(card, SELECT)
        async with desk.session(SECOND) as session:
            await session.transmit(SELECT)
        await asyncio.sleep(0.1)
        assert pcsc.transmit(card, b"\x00\xa4\x02\x00\x02" + cards.PEOPLE) == b"\x90\x00"


async def test_a_card_that_was_in_before_is_told_to_whoever_comes(bench: Bench, desk: Desk) -> None:
    bench.insert(0, cards.cps3())
    with desk.events() as listener:
        await until(listener, "card_inserted", FIRST)
    with desk.events() as late:
        heard = [await late.next() for _ in range(4)]
    assert [event.kind for event in heard] == ["service_up", "reader_added", "reader_added", "card_inserted"]
    assert [event.sequence for event in heard] == sorted(event.sequence for event in heard)
