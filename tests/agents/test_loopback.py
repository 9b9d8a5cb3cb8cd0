# SPDX-License-Identifier: Apache-2.0
"""The loopback of the agent: who is let in, with which ticket, and what a page is told of the readers and of a card."""

import asyncio
import errno
import logging
import socket
from datetime import date, timedelta
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from desmos_fast.agents.tickets import TicketRefused
from desmos_fast.base.types import uuid7
from readers.errors import CardGone, CardNirKey
from readers.loopback import server
from readers.loopback.board import Board
from readers.loopback.gate import TRIES, BadOrigin, origin_of
from readers.loopback.said import Family, family
from readers.loopback.server import MOST, listen
from readers.reading import Reading
from readers.simulator.rights import CODE, SimulatedCards
from tests.agents.pages import ORIGIN, Desk, Page, loopback
from tests.agents.workstation import READER, happened, vitale
from tests.api.conftest import person

CPS = "3BAC00402A00122500648000031000900" + "0"


async def ask(desk: Desk, path: str = "/health", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    async with aiohttp.ClientSession() as session, session.request(method, desk.url + path, headers=headers) as reply:
        return reply.status, dict(reply.headers), await reply.read()


async def opened(desk: Desk, page: Page) -> None:
    await page.say("open", desk.ticket())


# --- who is let in


async def test_a_page_that_is_let_in_learns_which_program_it_is() -> None:
    async with loopback() as desk:
        status, headers, body = await ask(desk, Origin=ORIGIN)
        assert status == 200 and headers["Access-Control-Allow-Origin"] == ORIGIN and headers["Vary"] == "Origin"
        assert b'"product":"desmos-agent"' in body and b'"ready":true' in body and b'"desk":"Accueil 3"' in body


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://desmos.example", "https://desmos.example:8443", "https://desmos.example.evil.example", "null", ""],
)
@pytest.mark.parametrize("path", ["/health", "/v1/desk"])
async def test_another_origin_is_turned_away(origin: str, path: str) -> None:
    async with loopback() as desk:
        status, headers, body = await ask(desk, path, **({"Origin": origin} if origin else {}))
        assert (status, body) == (403, b"refused\n") and "Access-Control-Allow-Origin" not in headers
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with desk.page(origin):
                pass
        assert refused.value.status == 403


@pytest.mark.parametrize("host", ["desmos.example:{port}", "evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}"])
async def test_a_name_that_somebody_rebound_to_this_machine_is_turned_away(host: str) -> None:
    async with loopback() as desk:
        told = host.format(port=desk.port)
        assert (await ask(desk, Origin=ORIGIN, Host=told))[0] == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with desk.page(host=told):
                pass
        assert (await ask(desk, Origin=ORIGIN, Host=f"localhost:{desk.port}"))[0] == 200


async def test_a_browser_that_asks_first_is_answered() -> None:
    async with loopback() as desk:
        asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Private-Network": "true"}
        status, headers, _ = await ask(desk, method="OPTIONS", Origin=ORIGIN, **asked)
        assert (status, headers["Access-Control-Allow-Private-Network"], headers["Access-Control-Allow-Methods"]) == (204, "true", "GET")
        assert headers["Access-Control-Allow-Origin"] == ORIGIN and "Access-Control-Allow-Credentials" not in headers
        assert (await ask(desk, method="OPTIONS", Origin="https://evil.example", **asked))[0] == 403
        assert "Access-Control-Allow-Private-Network" not in (await ask(desk, method="OPTIONS", Origin=ORIGIN))[1]
        assert [(await ask(desk, path, method, Origin=ORIGIN))[0] for path, method in (("/", "GET"), ("/health", "POST"))] == [404, 405]


async def test_it_listens_on_the_loopback_alone() -> None:
    found = listen([0])
    assert found is not None
    port, sockets = found
    try:
        assert {one.getsockname()[0] for one in sockets} <= {"127.0.0.1", "::1"} and {one.getsockname()[1] for one in sockets} == {port}
        # The port is held: the next one is taken, and where all are held there is none.
        assert listen([port]) is None
        other = listen([port, 0])
        assert other is not None and other[0] != port
        for one in other[1]:
            one.close()
    finally:
        for one in sockets:
            one.close()


def test_a_machine_without_the_newer_addresses_has_the_older_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = socket.socket.bind

    def without(self: socket.socket, address: Any) -> None:
        if self.family is socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "no such address")
        bind(self, address)

    class Old(socket.socket):
        bind = without

    monkeypatch.setattr("readers.loopback.server.socket.socket", Old)
    found = listen([0])
    assert found is not None and [one.family for one in found[1]] == [socket.AF_INET]
    found[1][0].close()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Desmos.Example/desmos/", "https://desmos.example"), ("https://a.example:443", "https://a.example"),
        ("https://a.example:8443/x", "https://a.example:8443"), ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://[::1]", "http://[::1]"),
    ],
)  # fmt: skip
def test_an_origin_is_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["http://a.example", "null", "", "ftp://a.example", "https://u@a.example", "https://a.example:x", "*"])
def test_nothing_else_is_an_origin(url: str) -> None:
    with pytest.raises(BadOrigin):
        origin_of(url)


# --- with which ticket


async def test_a_ticket_lets_a_page_watch_once() -> None:
    async with loopback() as desk:
        ticket = desk.ticket()
        async with desk.page() as page:
            await page.say("open", ticket)
            assert await page.state() == "service_down"
        async with desk.page() as page:
            await page.say("open", ticket)
            assert await page.state() == "refused+ticket_refused" and await page.heard() == {"closed": 4401}


WRONG: dict[str, dict[str, Any]] = {
    "of another key": {"key": ec.generate_private_key(ec.SECP256R1())},
    "for another agent": {"agent": uuid7()},
    "for another use": {"use": "read"},
    "for another origin": {"origin": "https://other.example"},
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_ticket_is_refused(what: str) -> None:
    async with loopback() as desk, desk.page() as page:
        await page.say("open", desk.ticket(**WRONG[what]))
        assert await page.state() == "refused+ticket_refused"


async def test_a_ticket_that_was_tampered_with_is_refused() -> None:
    async with loopback() as desk:
        said, _, signature = desk.ticket().partition(".")
        for wrong in (f"{said}.", f".{signature}", f"{said[:-4]}AAAA.{signature}", f"{said}.{signature}.x", "é.é", "x", f"{said}.{said}"):
            with pytest.raises(TicketRefused):
                desk.gate.redeem(wrong, "watch", ORIGIN)
        assert desk.gate.redeem(f"{said}.{signature}", "watch", ORIGIN).use == "watch"


async def test_a_ticket_ends_by_the_clock_of_the_service() -> None:
    async with loopback() as desk:
        ticket, other = desk.ticket(), desk.ticket()
        desk.clock.now_s += 59.9
        assert desk.gate.redeem(ticket, "watch", ORIGIN)
        desk.clock.now_s += 0.2
        with pytest.raises(TicketRefused, match="ended"):
            desk.gate.redeem(other, "watch", ORIGIN)
        # A ticket that was used is not good again once it is forgotten.
        desk.clock.now_s += 600
        with pytest.raises(TicketRefused):
            desk.gate.redeem(ticket, "watch", ORIGIN)


async def test_nothing_is_told_before_the_service_was_heard() -> None:
    async with loopback(welcomed=False) as desk:
        assert b'"ready":false' in (await ask(desk, Origin=ORIGIN))[2]
        with pytest.raises(TicketRefused, match="not heard"):
            desk.gate.redeem(desk.ticket(), "watch", ORIGIN)


async def test_a_key_that_is_none_lets_nobody_in() -> None:
    async with loopback() as desk:
        ticket = desk.ticket()
        with pytest.raises(TicketRefused):
            desk.gate.welcomed("nothing", desk.at)
        with pytest.raises(TicketRefused, match="not heard"):
            desk.gate.redeem(ticket, "watch", ORIGIN)


async def test_who_guesses_is_made_to_wait() -> None:
    async with loopback() as desk:
        for _ in range(TRIES):
            with pytest.raises(TicketRefused, match="no ticket"):
                desk.gate.redeem("x.x", "watch", ORIGIN)
        with pytest.raises(TicketRefused, match="too many"):
            desk.gate.redeem(desk.ticket(), "watch", ORIGIN)
        desk.clock.now_s += 59
        with pytest.raises(TicketRefused, match="too many"):
            desk.gate.redeem(desk.ticket(), "watch", ORIGIN)
        desk.clock.now_s += 2
        desk.at += timedelta(seconds=61)
        assert desk.gate.redeem(desk.ticket(), "watch", ORIGIN)


@pytest.mark.parametrize(
    "said", ["", "{}", "[1]", '{"type":"apdu","data":"00A4"}', '{"type":"read","ticket":"x"}', '{"type":"open","ticket":"x","pin":"1"}']
)
async def test_a_page_that_says_anything_else_is_refused(said: str) -> None:
    async with loopback() as desk, desk.page() as page:
        await page.ws.send_str(said)
        assert await page.state() == "refused+ticket_refused" and await page.heard() == {"closed": 4401}


async def test_a_page_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "OPEN_S", 0.05)
    async with loopback() as desk, desk.page() as page:
        assert await page.heard() == {"closed": 4408}


async def test_pages_have_room_for_a_few() -> None:
    async with loopback() as desk, aiohttp.ClientSession() as session:
        pages = [Page(await session.ws_connect(f"{desk.url}/v1/desk", headers={"Origin": ORIGIN})) for _ in range(MOST)]
        for page in pages:
            await opened(desk, page)
            assert await page.state() == "service_down"
        async with desk.page() as late:
            assert await late.heard() == {"closed": 4429}
        for page in pages:
            await page.ws.close()


# --- what a page is told


async def test_a_page_sees_what_happens() -> None:
    async with loopback() as desk, desk.page() as page:
        await opened(desk, page)
        seen = [await page.state()]
        for kind in ("service_up", "reader_added", "card_mute", "card_removed", "card_inserted", "reader_removed", "service_down"):
            desk.happen(kind)
            seen.append(await page.state())
        assert seen == ["service_down", "no_reader", "no_card", "mute", "no_card", "card", "no_reader", "service_down"]


async def test_a_page_reads_a_card_and_hears_that_it_was_pulled(caplog: pytest.LogCaptureFixture) -> None:
    nir = person()
    async with loopback() as desk, desk.page() as page:
        desk.happen("service_up", "reader_added", "card_inserted")
        desk.cards.answer = vitale(nir)
        with caplog.at_level(logging.DEBUG):
            await opened(desk, page)
            assert await page.state() == "card"
            await page.say("read", desk.ticket("read"))
            assert await page.state() == "reading"
            told = await page.heard()
        assert told == {
            "state": "read", "reader": READER, "card": "vitale2",
            "identity": {"last_name": "DUPONT", "first_name": "MARIE", "birth_date": "19550814", "nir": nir},
        }  # fmt: skip
        desk.happen("card_removed")
        assert await page.state() == "pulled"
        desk.happen("card_inserted")
        assert await page.state() == "card"
        assert f"a page of {ORIGIN} reads the card" in caplog.text and nir not in caplog.text and "DUPONT" not in caplog.text


async def test_each_reading_takes_a_ticket_of_its_own() -> None:
    async with loopback() as desk, desk.page() as page:
        desk.happen("service_up", "reader_added", "card_inserted")
        desk.cards.answer = vitale(person())
        await opened(desk, page)
        ticket = desk.ticket("read")
        await page.say("read", ticket)
        assert [await page.state() for _ in range(3)] == ["card", "reading", "read"]
        await page.say("read", ticket)
        assert await page.state() == "refused+ticket_refused" and len(desk.cards.asked) == 1


async def test_a_ticket_to_watch_reads_nothing() -> None:
    async with loopback() as desk, desk.page() as page:
        desk.happen("service_up", "reader_added", "card_inserted")
        await opened(desk, page)
        await page.say("read", desk.ticket("watch"))
        assert [await page.state() for _ in range(2)] == ["card", "refused+ticket_refused"] and not desk.cards.asked


@pytest.mark.parametrize(("error", "code"), [(CardGone("x"), "card_removed"), (CardNirKey("x"), "card_nir_key")])
async def test_a_reading_that_fails_says_why_until_there_is_another_card(error: Exception, code: str) -> None:
    async with loopback() as desk, desk.page() as page:
        desk.happen("service_up", "reader_added", "card_inserted")
        desk.cards.answer = error
        await opened(desk, page)
        await page.say("read", desk.ticket("read"))
        assert [await page.state() for _ in range(3)] == ["card", "reading", f"failed+{code}"]
        desk.happen("card_removed", "card_inserted")
        assert await page.state() == "card"


class Slow:
    """A card that says what it says when a test lets it."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.go, self.begun = reading, asyncio.Event(), asyncio.Event()

    async def __call__(self, _reader: str, _deadline_s: float) -> Reading:
        self.begun.set()
        await self.go.wait()
        return self.reading


@pytest.mark.parametrize("then", [("card_removed",), ("card_removed", "card_inserted"), ("reader_removed",), ("service_down",)])
async def test_nothing_is_told_of_a_card_that_left_meanwhile(then: tuple[str, ...]) -> None:
    slow = Slow(vitale(nir := person()))
    async with loopback(read=slow) as desk, desk.page() as page:
        desk.happen("service_up", "reader_added", "card_inserted")
        await opened(desk, page)
        await page.say("read", desk.ticket("read"))
        await asyncio.wait_for(slow.begun.wait(), 10)
        desk.happen(*then)
        slow.go.set()
        heard = [await page.heard() for _ in range(3)]
        assert [told["state"] for told in heard] == ["card", "reading", "failed"] and nir not in str(heard)


async def test_without_a_card_nothing_is_read() -> None:
    async with loopback() as desk, desk.page() as page:
        desk.happen("service_up", "reader_added")
        await opened(desk, page)
        await page.say("read", desk.ticket("read"))
        assert [await page.state() for _ in range(2)] == ["no_card", "failed+card_removed"] and not desk.cards.asked


def test_the_card_of_a_professional_is_none_of_a_patient() -> None:
    board = Board()
    for event in (happened("service_up"), happened("reader_added", "A"), happened("card_inserted", "A", CPS)):
        board.note(event)
    assert board.stand.state == "no_card"
    board.note(happened("reader_added", "B"))
    board.note(happened("card_inserted", "B", "3B751300004309EA9000"))
    assert (board.stand.state, board.stand.reader) == ("card", "B")


async def rights_of(seed: int) -> Family:
    return family(await SimulatedCards(seed).read_rights(CODE, date(2026, 3, 4)))


async def test_a_family_comes_with_its_rights_where_they_can_be_read() -> None:
    families = [await rights_of(seed) for seed in range(40)]
    assert {len(one.beneficiaries) for one in families} >= {1, 2, 3, 4} and {one.complement for one in families} == {"", "mutuelle", "amc"}
    assert {right.ald for one in families for someone in one.beneficiaries for right in someone.coverage} == {True, False}
    assert all(someone.amo and someone.coverage and someone.last_name for one in families for someone in one.beneficiaries)
    assert repr(families[0]) == "Family(...)" and repr(families[0].beneficiaries[0]) == "Beneficiary(...)"

    async with loopback(lambda _: rights_of(3)) as desk, desk.page() as page:
        desk.happen("service_up", "reader_added", "card_inserted")
        desk.cards.answer = vitale(person())
        await opened(desk, page)
        await page.say("read", desk.ticket("read"))
        told = [await page.heard() for _ in range(3)][-1]
        assert told["family"]["regime"] == "01" and len(told["family"]["beneficiaries"]) == len((await rights_of(3)).beneficiaries)
