# SPDX-License-Identifier: Apache-2.0
"""How long a page stays on the loopback of the agent: as long as it shows tickets, and what it read stays read."""

import asyncio

import pytest

from readers.loopback import server
from tests.agents.pages import loopback
from tests.agents.workstation import vitale
from tests.api.conftest import person


async def test_a_page_that_stays_shows_another_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LONGEST_S", 0.1)
    async with loopback() as desk, desk.page() as page:
        await page.say("open", desk.ticket())
        assert await page.state() == "service_down" and await page.heard() == {"closed": 4408}


async def test_a_page_that_shows_another_ticket_in_time_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LONGEST_S", 2.0)
    async with loopback() as desk, desk.page() as page:
        desk.happen("service_up", "reader_added", "card_inserted")
        desk.cards.answer = vitale(person())
        await page.say("open", desk.ticket())
        await page.say("read", desk.ticket("read"))
        assert [await page.state() for _ in range(3)] == ["card", "reading", "read"]
        monkeypatch.setattr(server, "LONGEST_S", 600.0)
        await page.say("open", desk.ticket())
        await asyncio.sleep(2.1)
        # Nothing is told or read again, and the first end has passed.
        desk.happen("card_removed")
        assert await page.state() == "pulled" and len(desk.cards.asked) == 1


async def test_a_page_stays_for_no_ticket_but_a_good_one_to_watch() -> None:
    async with loopback() as desk:
        for bad in (desk.ticket("read"), desk.ticket(origin="https://evil.example"), ""):
            async with desk.page() as page:
                await page.say("open", desk.ticket())
                assert await page.state() == "service_down"
                await page.say("open", bad)
                assert await page.state() == "refused+ticket_refused" and await page.heard() == {"closed": 4401}
