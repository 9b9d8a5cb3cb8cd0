# SPDX-License-Identifier: Apache-2.0
"""The page of a reception desk as the service gives it, its tickets, and what of that is in the trail."""

import asyncio
import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from api.agents import AGENCY
from api.desk import ADVICE, FILES, POLICY
from api.keys import KEYS
from desmos_fast.agents.model import FAILURES
from desmos_fast.agents.tickets import check, read_key
from desmos_fast.agents.wire import LOOPBACK_PORTS
from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import direct
from tests.agents.workstation import FakeCards, happened
from tests.api.conftest import Desk, House, Reply
from tests.api.people import seat, set_policy, with_password
from tests.api.test_roles import key_of
from tests.api.workstations import a_reader, enrolled, running

# What the vendored file is, as its makers published it: 2.0.11.
HTMX = "2OatzQy1H+Zd/IIrjr1TcuDGqLXeHhbooAyJY1KdQMKnr4LZ22k31GBLdYKHmVjg"
ORIGIN = "https://desmos.example"
COOKIE = "__Host-desmos"


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let people in by their password, but for those who keep the accounts."""
    set_policy(monkeypatch, tmp_path, "[totp]", 'required = ["accountant"]')


async def ticket(desk: Desk, agent: str, use: str = "watch", key: str = "", **headers: str) -> Reply:
    sent = {"Authorization": f"Bearer {key or desk.key}", "Origin": ORIGIN, **headers}
    return await desk.house.send("POST", f"/v1/agents/{agent}:{use}", {name: value for name, value in sent.items() if value}, b"")


async def shown(desk: Desk, path: str = "/poste", *roles: str) -> Reply:
    cookie = {"Cookie": f"{COOKIE}={(await seat(desk, await with_password(desk, *roles))).key}"} if roles else {}
    return await desk.house.send("GET", path, cookie)


async def test_a_ticket_is_for_one_agent_one_use_and_one_origin(house: House, desk: Desk, tmp_path: Path) -> None:
    agent = (await enrolled(desk, tmp_path / "agent")).service().agent
    key = read_key(house.app[AGENCY].authority.ticket_key)
    for use in ("watch", "read"):
        made = (await ticket(desk, agent, use)).json
        told = check(made["ticket"], key, datetime.now(UTC))
        assert (str(told.agent), told.use, told.origin) == (agent, use, ORIGIN)
        assert told.ends_at == datetime.fromisoformat(made["ends_at"])
        assert timedelta(seconds=50) < told.ends_at - datetime.now(UTC) <= timedelta(seconds=60)


async def test_that_a_card_is_about_to_be_read_is_in_the_trail(house: House, desk: Desk, tmp_path: Path) -> None:
    agent = (await enrolled(desk, tmp_path / "agent")).service().agent
    user = await with_password(desk, "biller")
    key = (await seat(desk, user)).key
    assert [(await ticket(desk, agent, use, key)).status for use in ("watch", "read")] == [200, 200]
    async with direct(house.owner_dsn, desk.tenant) as con:
        rows = await con.fetch("SELECT actor, subject, action FROM audit WHERE action LIKE 'POST /v1/agents/%' ORDER BY seq")
    assert [tuple(row) for row in rows] == [(user["id"], agent, "POST /v1/agents/{id}:read")]


async def test_no_ticket_for_whom_it_is_not(house: House, desk: Desk, tmp_path: Path) -> None:
    agent = (await enrolled(desk, tmp_path / "agent")).service().agent
    other = await house.desk()
    assert (await ticket(other, agent)).status == 404
    assert (await ticket(desk, str(uuid7()))).status == 404
    assert (await ticket(desk, agent, Origin="")).code == "agent_refused"
    assert (await ticket(desk, agent, key=await key_of(house, desk, "auditor"))).code == "role_missing"
    assert (await ticket(desk, agent, key=await key_of(house, desk, "agent"))).status == 200
    assert (await desk.post(f"/v1/agents/{agent}:block", b"")).status == 200
    assert (await ticket(desk, agent)).status == 404


async def test_a_page_of_another_site_gets_no_ticket_by_the_cookie(desk: Desk, tmp_path: Path) -> None:
    agent = (await enrolled(desk, tmp_path / "agent")).service().agent
    session = (await seat(desk, await with_password(desk, "biller"))).key
    path, cookie = f"/v1/agents/{agent}:read", {"Cookie": f"{COOKIE}={session}"}
    assert (await desk.house.send("POST", path, cookie | {"Origin": "https://evil.example"}, b"")).code == "cross_site"
    assert (await desk.house.send("POST", path, cookie | {"Origin": desk.house.url}, b"")).status == 200


async def test_who_is_not_signed_in_is_shown_a_way_in(desk: Desk) -> None:
    page = await shown(desk)
    assert b'id="connexion"' in page.body and b'id="poste"' not in page.body
    assert (await shown(desk, "/poste/lecteurs")).code == "unauthorized"
    forged = await desk.house.send("GET", "/poste", {"Cookie": f"{COOKIE}=dss_{'x' * 43}"})
    # A key is no person: pages are for who signs in.
    for other in (forged, await desk.get("/poste")):
        assert b'id="connexion"' in other.body and b'id="poste"' not in other.body


async def test_who_may_not_read_cards_is_told_so(desk: Desk) -> None:
    page = await shown(desk, "/poste", "auditor")
    assert "Il vous manque le rôle" in page.body.decode() and b'id="poste"' not in page.body
    page = await shown(desk, "/poste", "biller", "accountant")
    assert "double authentification" in page.body.decode() and b'id="poste"' not in page.body
    assert (await shown(desk, "/poste/lecteurs", "auditor")).code == "role_missing"


async def test_a_page_where_nobody_sits_keeps_no_session(house: House, desk: Desk) -> None:
    user = await with_password(desk, "biller")
    key = (await seat(desk, user)).key
    cookie = {"Cookie": f"{COOKIE}={key}", "Origin": desk.house.url}

    async def unused(ago: float | None = None) -> float:
        async with direct(house.owner_dsn) as con:
            if ago is not None:
                await con.execute("UPDATE session SET used_at = now() - make_interval(secs => $2) WHERE member_id = $1", user["id"], ago)
            return float(await con.fetchval("SELECT extract(epoch FROM now() - used_at) FROM session WHERE member_id = $1", user["id"]))

    await unused(1700)
    # What the page asks every fifteen seconds, and every four minutes.
    for method, path, status in (("GET", "/poste/lecteurs", 200), ("POST", f"/v1/agents/{uuid7()}:watch", 404)):
        assert (await desk.house.send(method, path, cookie, b"" if method == "POST" else None)).status == status
    await house.app[KEYS].close()
    assert await unused() > 1600
    # What somebody does counts, though the page was the one that asked who they are.
    assert (await desk.house.send("GET", "/v1/readers", cookie)).status == 200
    await house.app[KEYS].close()
    assert await unused() < 60
    await unused(1801)
    await asyncio.sleep(0.95)
    assert (await desk.house.send("GET", "/poste/lecteurs", cookie)).code == "unauthorized"


async def test_the_page_holds_to_its_policy(desk: Desk) -> None:
    page = await shown(desk, "/poste", "biller")
    body = page.body.decode()
    assert page.status == 200 and page.headers["Content-Security-Policy"] == POLICY and page.headers["Cache-Control"] == "no-store"
    assert "unsafe" not in POLICY and POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    told = re.search(r"connect-src ([^;]+)", POLICY)
    assert told and set(told[1].split()) == {"'self'", *(f"{way}://127.0.0.1:{port}" for port in LOOPBACK_PORTS for way in ("http", "ws"))}
    # Nothing inline, nothing from elsewhere.
    assert re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|https?://", body) is None
    for name in set(re.findall(r'(?:src|href)="(poste/[^"]+)"', body)):
        part = await desk.house.send("GET", f"/{name}", {})
        assert part.status == 200 and part.body and part.headers["Cache-Control"] == "public, max-age=300", name
    assert (await desk.house.send("GET", "/poste/base.html.jinja", {})).status == 404


async def test_the_page_says_every_failure_in_words(desk: Desk) -> None:
    body = (await shown(desk, "/poste", "biller")).body.decode()
    assert set(ADVICE) == {*FAILURES, "reader_failed"}
    states = set(re.findall(r'<template data-state="([^"]+)"', body))
    assert {f"failed:{code}" for code in ADVICE} <= states
    assert states >= {"no_agent", "no_reader", "no_card", "reading", "read", "pulled", "refused", "signed_out", "service_down", "mute"}
    assert 'lang="fr"' in body and 'aria-live="polite"' in body and body.count("<h1>") == 1


async def test_the_page_shows_the_readers_of_the_centre_alone(desk: Desk) -> None:
    part = await shown(desk, "/poste/lecteurs", "biller")
    assert part.status == 200 and "Aucun poste" in part.body.decode()


async def test_the_name_of_a_reader_is_text(desk: Desk, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    async with running(await enrolled(desk, tmp_path / "agent"), FakeCards(happened("service_up"), happened("reader_added", name))):
        await a_reader(desk)
        body = (await shown(desk, "/poste/lecteurs", "biller")).body.decode()
    assert "<img" not in body and "&lt;img src=x onerror=alert(1)&gt;" in body and "libre" in body and "Accueil 3" in body


def test_what_is_vendored_is_what_was_published() -> None:
    pages = files("api") / "pages"
    found = base64.b64encode(hashlib.sha384((pages / "htmx.min.js").read_bytes()).digest()).decode()
    assert found == HTMX and f'integrity="sha384-{HTMX}"' in (pages / "base.html.jinja").read_text(encoding="utf-8")
    assert "Zero-Clause BSD" in (pages / "htmx.LICENSE").read_text(encoding="utf-8")
    assert FILES["htmx.min.js"].data == (pages / "htmx.min.js").read_bytes()
