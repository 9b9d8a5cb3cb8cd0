# SPDX-License-Identifier: Apache-2.0
"""A desk without readers: who puts a card in is who it tells of, with their own family, and nobody else's."""

import asyncio

import pytest

from readers.errors import CardGone, CardTimeout
from readers.loopback.board import Board
from readers.simulator.cards import invented
from readers.simulator.desk import READER, InventedDesk


async def test_people_come_one_after_another() -> None:
    desk, board = InventedDesk(7, stays_s=0.01, away_s=0.01, takes_s=0), Board()
    seen: list[str] = []
    async for event in desk.events():
        board.note(event)
        seen.append(event.kind)
        if event.kind == "card_inserted":
            found, told = await desk.read(READER, 5), await desk.rights(READER)
            person = invented(7 + seen.count("card_inserted") - 1)
            assert found.identity is not None and found.identity["nir"] == person.nir and "99999" in person.nir
            first = told.beneficiaries[0]
            assert (first.last_name, first.first_name, first.birth_date) == (person.last_name, person.first_name, person.birth_date)
            assert board.stand.state == "card"
        if len(seen) == 6:
            break
    assert seen == ["service_up", "reader_added", "card_inserted", "card_removed", "card_inserted", "card_removed"]


async def test_a_card_that_leaves_meanwhile_says_nothing() -> None:
    desk = InventedDesk(7, stays_s=0.05, away_s=0.05, takes_s=0.2)
    with pytest.raises(CardTimeout):
        await desk.read(READER, 0.01)

    async def follow() -> None:
        async for _ in desk.events():
            pass

    following = asyncio.create_task(follow())
    try:
        with pytest.raises(CardGone):
            await desk.read(READER, 5)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
