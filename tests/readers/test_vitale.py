# SPDX-License-Identifier: Apache-2.0
"""Reading a Vitale 2 command by command, on a C layer that a simulated card answers: short transactions, resets, files of every end."""

import time
from collections.abc import Callable

import pytest

from readers.cards.identity import Place
from readers.cards.recognition import VITALE
from readers.cards.vitale import read_file, read_identity
from readers.errors import CardGone, CardNoIdentity, CardReset
from readers.sessions import channel
from readers.sessions.desk import Desk
from readers.simulator import cards
from tests.readers.fake import NAME, FakeLibrary

PEOPLE = Place(VITALE, cards.PEOPLE)
PERSON = cards.invented(31)
RESET = 0x80100068


def left() -> float:
    return 5.0


def answered_by(card: cards.FileCard, before: Callable[[int], None] = lambda index: None) -> FakeLibrary:
    """Return a C layer with a card in it; `before` is called with the index of each command."""
    fake = FakeLibrary()

    def answer(command: bytes) -> bytes:
        before(len(fake.commands) - 1)
        return card.answer(command)

    fake.answer = answer
    return fake


@pytest.mark.parametrize("ending", ["fewer", "warning", "length", "behind", "empty"])
@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 513, 1024])
@pytest.mark.parametrize("by_halves", [False, True])
async def test_a_file_of_any_size_is_read_to_its_end(ending: cards.Ending, size: int, by_halves: bool) -> None:
    content = bytes(number % 251 for number in range(size))
    fake = answered_by(cards.FileCard(cards.VITALE_ATR, {VITALE: {cards.PEOPLE: content}}, ending=ending, by_halves=by_halves))
    async with Desk(fake) as desk, desk.session(NAME) as session:
        assert await read_file(session, PEOPLE, left) == content


@pytest.mark.parametrize("status", ["6982", "6A82", "6B00", "6700", "6281"])
async def test_any_other_status_is_a_refusal(status: str) -> None:
    fake = FakeLibrary()
    fake.answer = lambda command: bytes.fromhex(status) if command[1] == 0xB0 else b"\x90\x00"
    async with Desk(fake) as desk, desk.session(NAME) as session:
        assert await read_file(session, PEOPLE, left) is None


@pytest.mark.parametrize("refused", [0, 1])
async def test_a_file_that_cannot_be_selected_is_a_refusal(refused: int) -> None:
    fake = FakeLibrary()
    fake.answer = lambda command: b"\x6a\x82" if len(fake.commands) == refused + 1 else b"\x90\x00"
    async with Desk(fake) as desk, desk.session(NAME) as session:
        assert await read_file(session, PEOPLE, left) is None
    assert len(fake.commands) == refused + 1


async def test_a_card_that_never_ends_its_file_is_left_at_the_last_offset() -> None:
    fake = FakeLibrary()
    fake.answer = lambda command: bytes(256) + b"\x90\x00" if command[1] == 0xB0 else b"\x90\x00"
    async with Desk(fake) as desk, desk.session(NAME) as session:
        found = await read_file(session, PEOPLE, left)
    assert found is not None and len(found) == 0x8000


async def test_a_slow_card_gives_a_long_file_in_several_short_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "LONGEST_S", 0.1)
    content = bytes(number % 251 for number in range(3000))
    fake = answered_by(cards.FileCard(cards.VITALE_ATR, {VITALE: {cards.PEOPLE: content}}), lambda _: time.sleep(0.015))
    async with Desk(fake) as desk, desk.session(NAME) as session:
        assert await read_file(session, PEOPLE, left) == content
    # Each begins with both SELECTs, and none is longer than it may be by more than a moment.
    assert len(fake.transactions) >= 3 and max(fake.transactions) < 0.15
    assert [command[1] for command in fake.commands].count(0xA4) == 2 * len(fake.transactions)


async def test_a_reset_in_the_middle_drops_what_was_read_and_begins_anew_once() -> None:
    other = cards.invented(32)
    card, fresh = cards.vitale2(PERSON), cards.vitale2(other)
    fake = FakeLibrary()
    fake.answer = lambda command: (card if fake.left.count(0) < 3 else fresh).answer(command)
    async with Desk(fake) as desk, desk.session(NAME) as session:
        fake.fail["begin"] = [0, 0, RESET]
        assert (await read_identity(session, left)).shown() == other.expected()
        fake.fail["begin"] = [RESET, 0, RESET]
        with pytest.raises(CardReset):
            await read_identity(session, left)


async def test_every_command_of_a_reading_may_be_the_last() -> None:
    for index in range(9):
        fake = answered_by(cards.vitale2(PERSON))
        async with Desk(fake) as desk, desk.session(NAME) as session:
            fake.fail["transmit"] = [*[0] * index, 0x80100016]
            with pytest.raises(CardGone):
                await read_identity(session, left)
        assert len(fake.commands) == index + 1


async def test_a_file_of_pointers_that_points_nowhere_tells_of_nobody() -> None:
    for pointers in (b"", b"\xe0\x00", b"\xff" * 200, cards.pointers({b"ELSEWHERE": (cards.PEOPLE,)})):
        fake = answered_by(cards.FileCard(cards.VITALE_ATR, {VITALE: {cards.POINTERS: pointers}}))
        async with Desk(fake) as desk, desk.session(NAME) as session:
            with pytest.raises(CardNoIdentity):
                await read_identity(session, left)
