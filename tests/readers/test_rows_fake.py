# SPDX-License-Identifier: Apache-2.0
"""The rest of the rows, and codes that no bench gives on demand: on a C layer that returns them."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from readers.cards.recognition import VITALE, select
from readers.errors import CardAnswer, CardBusy, CardGone, CardMute, CardReset, ReaderError, ReaderGone, Refused, ServiceDown
from readers.pcsc import LEAVE, PRESENT, SHARED, masked, meaning
from readers.sessions.channel import Channel
from readers.sessions.desk import Desk
from readers.sessions.events import Listener
from readers.sessions.watch import LONGEST_PAUSE_S, SHORTEST_PAUSE_S, pause
from tests.readers.fake import NAME, FakeLibrary, negative
from tests.readers.watching import settled, until

SELECT = select(VITALE)
GONE = (0x80100016, 0x8010002F, 0x80100069, 0x8010000C, 0x80100067)
SERVICE = (0x80100013, 0x8010001D, 0x8010001E, 0x80100018, 0x80100003, 6)


@contextlib.asynccontextmanager
async def watched(fake: FakeLibrary) -> AsyncIterator[tuple[Desk, Listener]]:
    """Give a desk over a fake, once it knows the card."""
    async with Desk(fake) as desk:
        with desk.events() as listener:
            await until(listener, "card_inserted", NAME)
            yield desk, listener


async def test_row_1_two_steps_of_the_counter_are_a_removal_and_an_insertion() -> None:
    fake = FakeLibrary()
    async with watched(fake) as (_, listener):
        fake.state = PRESENT | 3 << 16
        fake.changed.set()
        gone, back = await until(listener, "card_removed"), await until(listener, "card_inserted")
        assert back.sequence == gone.sequence + 1
        fake.state = PRESENT | 0xFFFF << 16
        fake.changed.set()
        await until(listener, "card_inserted")
        # The counter begins anew; what else changes in the state is no event.
        fake.state = PRESENT | 1 << 16
        fake.changed.set()
        await until(listener, "card_inserted")
        fake.state |= 0x100
        fake.changed.set()
        with pytest.raises(TimeoutError):
            await until(listener, "card_inserted", seconds=0.3)


async def test_row_1_another_atr_is_another_card_even_without_a_counter() -> None:
    fake = FakeLibrary()
    fake.state = PRESENT
    async with watched(fake) as (_, listener):
        fake.atr = list(bytes.fromhex("3B021450"))
        fake.state |= 0x100
        fake.changed.set()
        await until(listener, "card_removed")
        assert (await until(listener, "card_inserted")).atr == "3B021450"


@pytest.mark.parametrize("code", GONE)
@pytest.mark.parametrize("sign", [masked, negative])
async def test_row_2_each_code_of_a_card_that_left_is_a_card_gone(code: int, sign: Callable[[int], int]) -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, listener):
        async with desk.session(NAME) as session:
            fake.fail["transmit"] = [sign(code)]
            with pytest.raises(CardGone):
                await session.transmit(SELECT)
        await until(listener, "card_removed", NAME)


@pytest.mark.parametrize("answer", [b"", b"\x90"])
async def test_row_2_an_answer_without_a_status_is_a_card_gone(answer: bytes) -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, _):
        fake.answer = lambda command: answer
        with pytest.raises(CardGone):
            async with desk.session(NAME) as session:
                await session.transmit(SELECT)


async def test_row_3_an_old_session_does_not_remove_a_new_card() -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, listener):
        old = await desk.open(NAME)
        fake.state = PRESENT | 3 << 16
        fake.changed.set()
        await until(listener, "card_inserted")
        fake.fail["transmit"] = [0x80100069]
        with pytest.raises(CardGone):
            await old.transmit(SELECT)
        with pytest.raises(TimeoutError):
            await until(listener, "card_removed", seconds=0.2)


async def test_row_5_a_second_reset_is_an_error_and_the_session_goes_on() -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, _), desk.session(NAME) as session:
        fake.fail["transmit"] = [0x80100068]
        assert (await session.transmit(SELECT)).done
        assert len(fake.commands) == 2
        fake.fail["transmit"] = [0x80100068, 0x80100068]
        with pytest.raises(CardReset):
            await session.transmit(SELECT)
        fake.fail["begin"] = [0x80100068]
        with pytest.raises(CardReset):
            await session.exchange(lambda channel: channel.send(SELECT), again=False)
        assert (await session.transmit(SELECT)).done


async def test_row_6_and_19_we_open_shared_and_leave_the_card_as_it_is() -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, _):
        async with desk.session(NAME) as session:
            fake.fail["transmit"] = [0x80100068]
            await session.transmit(SELECT)
        fake.fail["transmit"] = [0x80100016]
        with pytest.raises(CardGone):
            async with desk.session(NAME) as session:
                await session.transmit(SELECT)
    assert set(fake.shares) == {SHARED} and len(fake.shares) == 3
    assert set(fake.left) == {LEAVE}


async def test_row_7_what_waits_behind_a_stuck_command_is_not_lost() -> None:
    fake = FakeLibrary()
    stuck = threading.Event()
    async with watched(fake) as (desk, _):
        first, second = await desk.open(NAME), await desk.open(NAME)
        fake.answer = lambda command: b"\x90\x00" if stuck.wait(5) else b""
        waiting = asyncio.create_task(first.transmit(SELECT, deadline_s=0.2))
        await asyncio.sleep(0.05)
        behind = asyncio.create_task(second.transmit(SELECT, deadline_s=3))
        with pytest.raises(CardBusy):
            await waiting
        # It ran on the new thread, where its card is not: coded, and at once.
        with pytest.raises(CardGone):
            async with asyncio.timeout(1):
                await behind
        stuck.set()
        async with desk.session(NAME) as again:
            assert (await again.transmit(SELECT)).done


async def test_row_9_no_context_is_used_by_two_threads() -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, _):
        for _ in range(3):
            async with desk.session(NAME) as session:
                await session.transmit(SELECT)
    await settled(lambda: fake.released, len(fake.contexts))
    assert sorted(tuple(threads) for threads in fake.contexts.values()) == [(f"reader-{NAME}",), ("readers-watch",)]


@pytest.mark.parametrize("code", SERVICE)
async def test_row_10_each_code_of_a_dead_service_begins_a_new_context(code: int) -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, listener):
        fake.fail["changes"] = [negative(code) if code > 6 else code]
        fake.changed.set()
        await until(listener, "service_down", seconds=3)
        await until(listener, "card_inserted", seconds=3)
        session = await desk.open(NAME)
        fake.fail["transmit"] = [code]
        with pytest.raises(ServiceDown):
            await session.transmit(SELECT)
        with pytest.raises(CardGone):
            await session.transmit(SELECT)
        async with desk.session(NAME) as again:
            assert (await again.transmit(SELECT)).done
    assert fake.released == len(fake.contexts) == 4


def test_row_10_the_pauses_grow_and_differ() -> None:
    assert all(SHORTEST_PAUSE_S / 2 <= pause(0) <= SHORTEST_PAUSE_S for _ in range(50))
    assert all(LONGEST_PAUSE_S / 2 <= pause(1000) <= LONGEST_PAUSE_S for _ in range(50))
    assert len({pause(5) for _ in range(50)}) > 10


async def test_row_11_every_refusal_of_a_context_is_tried_again() -> None:
    fake = FakeLibrary()
    fake.fail["establish"] = [negative(0x8010006A), 0x8010001D, 0x80100014]
    async with Desk(fake) as desk:
        with desk.events() as listener:
            await until(listener, "service_down")
            await until(listener, "service_up", seconds=3)
            await until(listener, "card_inserted")


async def test_row_12_and_15_readers_come_and_go() -> None:
    fake = FakeLibrary()
    fake.names = []
    async with Desk(fake) as desk:
        with desk.events() as listener:
            await until(listener, "service_up")
            fake.names = [NAME]
            await until(listener, "reader_added", NAME, seconds=2)
            await until(listener, "card_inserted", NAME)
            fake.names = []
            fake.changed.set()
            await until(listener, "card_removed", NAME, seconds=2)
            await until(listener, "reader_removed", NAME)
            assert [event.kind for event in desk.known()] == ["service_up"]


async def test_row_15_a_system_that_tells_nothing_of_readers_is_asked_each_second() -> None:
    fake = FakeLibrary()
    fake.names, fake.plugging_known = [], False
    async with Desk(fake) as desk:
        with desk.events() as listener:
            await until(listener, "service_up")
            await asyncio.sleep(0.1)
            fake.names = [NAME]
            await until(listener, "card_inserted", NAME, seconds=1.5)
            assert fake.looks < 5


@pytest.mark.parametrize(("protocol", "sent"), [(1, "T=0"), (2, "T=1")])
async def test_row_13_the_protocol_that_was_agreed_on_is_passed(protocol: int, sent: str) -> None:
    fake = FakeLibrary()
    fake.protocol = protocol
    async with watched(fake) as (desk, _), desk.session(NAME) as session:
        await session.transmit(SELECT)
    assert fake.protocols == [sent]


@pytest.mark.parametrize(
    ("command", "answers", "sent", "data", "status"),
    [
        ("00B0000000", ["6C10", "AABB9000"], ["00B0000000", "00B0000010"], "AABB", 0x9000),
        ("00A40400023F00", ["6102", "AABB9000"], ["00A40400023F00", "00C0000002"], "AABB", 0x9000),
        ("A0A40000023F00", ["9F0F", "AA9000"], ["A0A40000023F00", "A0C000000F"], "AA", 0x9000),
        ("00A40400023F00", ["9F0F"], ["00A40400023F00"], "", 0x9F0F),
        ("00B0000000", ["AA6101", "6C02", "BBCC6282"], ["00B0000000", "00C0000001", "00C0000002"], "AABBCC", 0x6282),
        ("00B0000000", ["AA6101", "BB6101", "CC9000"], ["00B0000000", "00C0000001", "00C0000001"], "AABBCC", 0x9000),
        ("00A404000700000000000000", ["6C05", "9000"], ["00A404000700000000000000", "00A40400070000000000000005"], "", 0x9000),
        ("00CB3FFF0300000000", ["6C05", "9000"], ["00CB3FFF0300000000", "00CB3FFF0300000005"], "", 0x9000),
        ("00840000", ["6C08", "9000"], ["00840000", "0084000008"], "", 0x9000),
        ("00B0000000", ["6A82"], ["00B0000000"], "", 0x6A82),
    ],
)
async def test_row_16_every_way_of_asking_again(command: str, answers: list[str], sent: list[str], data: str, status: int) -> None:
    fake = FakeLibrary()
    left = [bytes.fromhex(answer) for answer in answers]
    fake.answer = lambda _: left.pop(0)
    async with watched(fake) as (desk, _), desk.session(NAME) as session:
        answer = await session.transmit(bytes.fromhex(command))
    assert (answer.data.hex().upper(), answer.status) == (data, status)
    assert [each.hex().upper() for each in fake.commands] == sent


@pytest.mark.parametrize("answer", ["6100", "6C00", "AA6101"])
async def test_row_16_a_card_without_end_is_an_error(answer: str) -> None:
    fake = FakeLibrary()
    fake.answer = lambda _: bytes.fromhex(answer)
    async with watched(fake) as (desk, _), desk.session(NAME) as session:
        with pytest.raises(CardAnswer):
            await session.transmit(SELECT)
    assert len(fake.commands) < 300


@pytest.mark.parametrize("call", ["begin", "status", "connect", "transmit", "reconnect"])
async def test_row_17_a_thousand_failures_release_what_they_took(call: str) -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, _):
        for _ in range(1000):
            fake.fail[call] = [0x80100016]
            if call == "reconnect":
                fake.fail["begin"] = [0x80100068]
            with pytest.raises(CardGone):
                async with desk.session(NAME) as session:
                    await session.transmit(SELECT)
        await settled(lambda: fake.disconnected, len(fake.cards))
        assert len(fake.contexts) == 2
    assert fake.released == 2


async def test_a_connection_that_nobody_waits_for_any_more_is_given_back() -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, _):
        for _ in range(50):
            task = asyncio.create_task(desk.open(NAME))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await settled(lambda: fake.disconnected == len(fake.cards), True)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(0x8010000B, CardBusy), (0x80100068, CardReset), (0x80100066, CardMute), (0x80100009, ReaderGone), (0x80100017, ReaderGone),
     (0x8010000F, Refused), (0x80100022, Refused)],
)  # fmt: skip
def test_a_code_is_recognised_by_its_type(code: int, kind: type[ReaderError]) -> None:
    error = meaning(masked(negative(code)), "trying")
    assert type(error) is kind and f"0x{code:08X}" in error.detail


async def test_a_dialogue_that_breaks_ends_the_transaction_and_the_session() -> None:
    fake = FakeLibrary()

    def broken(channel: Channel) -> None:
        raise ZeroDivisionError

    async with watched(fake) as (desk, _):
        session = await desk.open(NAME)
        with pytest.raises(ZeroDivisionError):
            await session.exchange(broken)
        await settled(lambda: fake.disconnected, 1)
    assert fake.left.count(LEAVE) >= 2


async def test_a_desk_that_closes_leaves_its_cards_before_their_context() -> None:
    fake = FakeLibrary()
    async with watched(fake) as (desk, _):
        await desk.open(NAME)
        await desk.open(NAME)
    # A context that is released with cards in it resets them.
    assert (fake.disconnected, fake.released) == (2, 2)
    assert set(fake.left) == {LEAVE}
