# SPDX-License-Identifier: Apache-2.0
"""The page of a reception desk in a real browser: signing in, every state, a card that is read and pulled; and what it may not do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from desmos_fast.agents.tickets import Ticket, Use
from readers.errors import CardNirKey
from readers.loopback.gate import Gate
from readers.loopback.said import Family, family
from readers.run import Pages, serve
from readers.simulator.rights import CODE, SimulatedCards
from readers.uplink_folder import Folder
from tests.agents.workstation import FakeCards, happened, vitale
from tests.api.conftest import Desk, person
from tests.api.people import PASSWORD, set_policy, with_password
from tests.api.workstations import enrolled
from tests.browser import Tab, browser, program
from tests.readers.watching import settled

# One agent of this machine at a time, as at a desk.
pytestmark = [
    pytest.mark.together, pytest.mark.skipif(program() is None, reason="there is no browser here: scripts/system-packages chromium")
]  # fmt: skip
STATE: Final = "document.getElementById('etat')?.dataset.state"


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let people in by their password."""
    set_policy(monkeypatch, tmp_path, "[totp]", "required = []")


async def rights(_reader: str) -> Family:
    """Read an invented family with its rights."""
    return family(await SimulatedCards(3).read_rights(CODE, date(2026, 3, 4)))


@contextlib.asynccontextmanager
async def workstation(folder: Folder, cards: FakeCards, pages: Pages) -> AsyncIterator[None]:
    """Run the agent of this machine, until a page can reach it."""
    up: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(folder, cards, pages._replace(bound=up.set_result)))
    try:
        await asyncio.wait_for(up, 30)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def sign_in(tab: Tab, desk: Desk, *roles: str) -> None:
    """Sign in as people do."""
    user = await with_password(desk, *roles)
    await tab.open(f"{desk.house.url}/poste")
    await tab.type("#login", user["login"])
    await tab.type("#password", PASSWORD)
    await tab.click("#connexion button")
    await tab.until("document.getElementById('poste') !== null", bool)


async def state(tab: Tab, wanted: str) -> None:
    """Wait until the page shows a state."""
    await tab.until(STATE, lambda found: found == wanted)


async def test_a_person_reads_a_card_at_the_desk(desk: Desk, tmp_path: Path) -> None:
    folder, nir, cards = await enrolled(desk, tmp_path / "agent"), person(), FakeCards()
    async with browser(tmp_path) as tab:
        await sign_in(tab, desk, "biller")
        await state(tab, "no_agent")
        async with workstation(folder, cards, Pages(rights=rights)):
            await state(tab, "service_down")
            seen = {"service_up": "no_reader", "reader_added": "no_card", "card_mute": "mute", "card_removed": "no_card"}
            for kind, wanted in seen.items():
                cards.queue.put_nowait(happened(kind))
                await state(tab, wanted)
            cards.answer = vitale(nir)
            cards.queue.put_nowait(happened("card_inserted", atr="3B751300004309EA9000"))
            await state(tab, "read")
            await tab.until("document.querySelectorAll('#beneficiaires tr').length", bool)
            told = await tab.text("#carte")
            assert "DUPONT" in told and "14/08/1955" in told and nir[1:3] in told and "AMO" in told
            cards.queue.put_nowait(happened("card_removed"))
            await state(tab, "pulled")
            assert "DUPONT" not in await tab.evaluate("document.documentElement.outerHTML")
            cards.answer = CardNirKey("x")
            cards.queue.put_nowait(happened("card_inserted", atr="3B751300004309EA9000"))
            await state(tab, "failed:card_nir_key")
            assert "La clé du NIR" in await tab.text("#etat")
        await state(tab, "no_agent")
        await tab.click("#sortir")
        await tab.until("document.getElementById('connexion') !== null", bool)
    assert [each for each in tab.complaints if "Content Security" in each or "exception" in each.lower()] == []


async def test_a_card_that_stays_in_is_read_and_counted_once(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cards, shown, redeem = FakeCards(happened("service_up"), happened("reader_added")), [], Gate.redeem

    def seen(gate: Gate, text: str, use: Use, origin: str) -> Ticket:
        shown.append(use)
        return redeem(gate, text, use, origin)

    monkeypatch.setattr(Gate, "redeem", seen)
    cards.answer = vitale(person())
    cards.queue.put_nowait(happened("card_inserted", atr="3B751300004309EA9000"))
    async with workstation(await enrolled(desk, tmp_path / "agent"), cards, Pages()), browser(tmp_path) as tab:
        # Four minutes of the page are half a second here.
        quick = "const given = window.setInterval; window.setInterval = (work, ms) => given(work, ms / 480);"
        await tab.send("Page.addScriptToEvaluateOnNewDocument", source=quick)
        await sign_in(tab, desk, "biller")
        await state(tab, "read")
        await settled(lambda: shown.count("watch") > 3, True, 30)
        assert await tab.evaluate(STATE) == "read" and "DUPONT" in await tab.text("#carte")
        assert shown.count("read") == len(cards.asked) == 1
        # Who is signed out elsewhere does not stay.
        await tab.evaluate("fetch('v1/sessions', {method: 'DELETE', credentials: 'same-origin'}).then((reply) => reply.status)")
        await state(tab, "signed_out")
        assert "DUPONT" not in await tab.evaluate("document.documentElement.outerHTML")


@contextlib.asynccontextmanager
async def at_a_desk(desk: Desk, tmp_path: Path) -> AsyncIterator[None]:
    """Run an agent with a reader in which there is no card."""
    cards = FakeCards(happened("service_up"), happened("reader_added"))
    async with workstation(await enrolled(desk, tmp_path / "agent"), cards, Pages()):
        yield


PROBE: Final = """
(async () => {
  const tried = await fetch("http://127.0.0.1:%(port)d/health").then((reply) => reply.status, (error) => error.name);
  const ws = new WebSocket("ws://127.0.0.1:%(port)d/v1/desk");
  const opened = await new Promise((done) => { ws.onopen = () => done("opened"); ws.onerror = () => done("refused"); });
  return [tried, opened];
})()
"""


async def test_pages_of_other_sites_get_nothing_from_the_agent(desk: Desk, tmp_path: Path) -> None:
    up: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    cards = FakeCards(happened("service_up"), happened("reader_added"))
    task = asyncio.create_task(serve(await enrolled(desk, tmp_path / "agent"), cards, Pages(bound=up.set_result)))
    other = TestServer(stranger())
    await other.start_server()
    try:
        port = await asyncio.wait_for(up, 30)
        rebound = "--host-resolver-rules=MAP rebound.example 127.0.0.1"
        async with browser(tmp_path, rebound) as tab:
            await tab.open(f"http://localhost:{other.port}/")
            assert await tab.evaluate(PROBE % {"port": port}) == ["TypeError", "refused"]
            # A name of the stranger's that leads to the agent: a page of the agent's own host by then, as the browser sees it.
            await tab.open(f"http://rebound.example:{port}/health")
            assert await tab.text("body") == "refused"
            await tab.open(f"{desk.house.url}/docs")
            # The page of the service may ask which program it is; its policy lets the one page alone do so.
            assert (await tab.evaluate(PROBE % {"port": port}))[0] == "TypeError"
            assert any("Content Security Policy" in each for each in tab.complaints)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await other.close()


def stranger() -> web.Application:
    """Return the site of somebody else."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<!DOCTYPE html><title>autre</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    return app


@pytest.mark.parametrize(("setting", "wanted"), [("granted", "no_card"), ("denied", "denied")])
async def test_a_page_of_the_web_needs_leave_to_reach_this_machine(desk: Desk, tmp_path: Path, setting: str, wanted: str) -> None:
    place = desk.house.url.removeprefix("http://")
    async with at_a_desk(desk, tmp_path), browser(tmp_path, f"--ip-address-space-overrides={place}=public") as tab:
        for name in ("loopback-network", "local-network-access"):
            with contextlib.suppress(AssertionError):
                await tab.send("Browser.setPermission", permission={"name": name}, setting=setting, origin=desk.house.url)
        await sign_in(tab, desk, "biller")
        await state(tab, wanted)
