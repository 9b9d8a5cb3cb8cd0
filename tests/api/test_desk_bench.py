# SPDX-License-Identifier: Apache-2.0
"""All of it: a card in a virtual reader, the card service, the agent as its own program, the service, and the page in a real browser."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from readers.simulator import cards
from readers.simulator.vpcd import Fault
from tests.api.conftest import Desk
from tests.api.people import set_policy
from tests.api.test_agent_bench import agent, readers
from tests.api.test_desk_browser import sign_in, state
from tests.browser import browser, program
from tests.readers.bench import Bench
from tests.readers.conftest import bench, service

__all__ = ("agent", "bench", "service")
pytestmark = [
    pytest.mark.together, pytest.mark.skipif(program() is None, reason="there is no browser here: scripts/system-packages chromium")
]  # fmt: skip
SHOWN = "document.querySelector('[data-field=last_name]').textContent"


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let people in by their password."""
    set_policy(monkeypatch, tmp_path, "[totp]", "required = []")


async def test_a_card_comes_onto_the_screen_and_leaves_it(
    desk: Desk, bench: Bench, agent: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    person, other = cards.invented(1), cards.invented(2)
    await bench.put(0, cards.cps3())
    await readers(desk)
    async with browser(tmp_path) as tab:
        await sign_in(tab, desk, "biller")
        # The card of the professional is in, and no patient's.
        await state(tab, "no_card")
        await asyncio.to_thread(bench.slots[1].insert, cards.vitale2(person))
        await state(tab, "read")
        assert await tab.evaluate(SHOWN) == person.last_name
        assert "ne se lisent qu'avec les composants" in await tab.text("#sans-droits")
        await asyncio.to_thread(bench.slots[1].pull)
        await state(tab, "pulled")
        assert await tab.evaluate(SHOWN) == ""
        # Torn out in the middle: nothing of it is shown, and the next card is whose it is.
        await bench.put(1, cards.vitale2(person), Fault(at=3, kind="pull"))
        await state(tab, "failed:card_removed")
        await asyncio.to_thread(bench.slots[1].insert, cards.vitale2(other))
        await state(tab, "read")
        assert await tab.evaluate(SHOWN) == other.last_name
        await asyncio.to_thread(bench.service.kill)
        await state(tab, "service_down")
        await asyncio.to_thread(bench.service.start)
        await state(tab, "no_card")
        await asyncio.to_thread(bench.slots[1].insert, cards.vitale2(person))
        await state(tab, "read")
        assert await tab.evaluate(SHOWN) == person.last_name
