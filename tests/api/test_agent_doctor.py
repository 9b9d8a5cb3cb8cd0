# SPDX-License-Identifier: Apache-2.0
"""The service has a workstation look how it is; the trail says who asked; a command does the same from another process."""

import asyncio
from pathlib import Path

import orjson

from desmos_fast.agents import wire
from desmos_fast.base.settings import load
from desmos_fast.base.types import uuid7
from desmos_fast.db.secrets import put, secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity.context import OPERATOR
from tests.agents.workstation import FakeCards
from tests.api.conftest import Desk, House
from tests.api.test_centre_commands import run
from tests.api.test_roles import key_of
from tests.api.worker import environment
from tests.api.workstations import enrolled, heard, line, proven, running, say, until


async def online(desk: Desk) -> str:
    """Wait until the first agent of a centre is connected, and return its id."""
    found = await until(lambda: desk.get("/v1/agents"), lambda reply: any(one["state"] == "online" for one in reply.json["agents"]))
    return str(found.json["agents"][0]["id"])


async def test_a_workstation_is_asked_how_it_is(house: House, desk: Desk, tmp_path: Path) -> None:
    async with running(await enrolled(desk, tmp_path / "agent"), FakeCards()):
        path = f"/v1/agents/{await online(desk)}/doctor"
        assert (await desk.get(path)).status == 404
        made = await desk.post(path, {"mobile": True})
        assert made.status == 200, made.body
        told = made.json
        assert told["verdict"] in ("recommended", "minimum", "unsupported", "unknown")
        rows = {one["subject"]: one for one in told["findings"]}
        assert rows["service"]["level"] == "ok" and house.url in rows["service"]["cause"]
        assert rows["horloge"]["level"] == "ok" and rows["certificat"]["cause"].startswith("Le certificat du poste vaut encore 29 jours")
        # Of one that is carried about the disk is asked too.
        assert "disque" in rows and rows["mémoire"]["point"] == "R36"
        assert (await desk.get(path)).json == told
        again = await desk.post(path, b"")
        assert again.json["reported_at"] > told["reported_at"] and "disque" not in {one["subject"] for one in again.json["findings"]}
        assert (await desk.post(path, {"mobile": 1})).code == "agent_refused"
    async with direct(house.owner_dsn, desk.tenant) as con:
        acts = await con.fetch("SELECT actor, subject FROM audit WHERE action = 'agent.doctor'")
    key = (await desk.get("/v1/keys")).json["keys"][0]["id"]
    assert {tuple(row) for row in acts} == {(key, told["agent"])} and len(acts) == 2


async def test_who_is_away_is_not_asked(house: House, desk: Desk, tmp_path: Path) -> None:
    agent = (await enrolled(desk, tmp_path / "agent")).service().agent
    assert (await desk.post(f"/v1/agents/{agent}/doctor", b"")).code == "agent_away"
    other = await house.desk()
    assert [(await other.post(f"/v1/agents/{name}/doctor", b"")).status for name in (agent, uuid7())] == [404, 404]
    headers = {"Authorization": f"Bearer {await key_of(house, desk, 'biller')}"}
    assert (await house.send("POST", f"/v1/agents/{agent}/doctor", headers, b"")).code == "role_missing"
    async with direct(house.owner_dsn, desk.tenant) as con:
        assert await con.fetchval("SELECT count(*) FROM audit WHERE action = 'agent.doctor'") == 0


async def test_what_was_not_asked_for_is_not_kept(house: House, desk: Desk, tmp_path: Path) -> None:
    folder = await enrolled(desk, tmp_path / "agent")
    async with line(house.url) as ws:
        assert isinstance(await proven(ws, folder.identity()), wire.Welcome)
        finding = wire.FindingTold(point="", subject="x", level="ok", cause="x")
        await say(ws, wire.Examined(request=uuid7(), verdict="recommended", findings=(finding,)))
        path = f"/v1/agents/{await online(desk)}/doctor"
        asked = asyncio.create_task(desk.post(path, b""))
        told = await heard(ws)
        assert isinstance(told, wire.Examine) and (await desk.get(path)).status == 404
        await say(ws, wire.Examined(request=told.request, verdict="minimum", findings=(finding,)))
        assert (await asked).json["verdict"] == "minimum" and (await desk.get(path)).json["verdict"] == "minimum"
        asked = asyncio.create_task(desk.post(path, b""))
        told = await heard(ws)
        assert isinstance(told, wire.Examine)
        await say(ws, wire.ReadFailed(request=told.request, code="card_busy"))
        assert (await asked).code == "card_busy"


async def test_a_command_asks_from_another_process(desk: Desk, tmp_path: Path) -> None:
    async with running(await enrolled(desk, tmp_path / "agent"), FakeCards()):
        name = await online(desk)
        home = tmp_path / "home"
        environment(desk, home)
        # What is told between processes is sealed under a secret that they share.
        put(home, "agent_relay", secret(load(), "agent_relay"))
        told = orjson.loads(await said(desk, home, "agents", "doctor", name, "--json"))
        assert told == (await desk.get(f"/v1/agents/{name}/doctor")).json
        out = await said(desk, home, "agents", "doctor", name, "--last")
        assert out.startswith(f"{told['verdict']}, ") and "horloge" in out and len(out.splitlines()) == 1 + len(told["findings"])
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        assert await con.fetchval("SELECT actor FROM audit WHERE action = 'agent.doctor'") == OPERATOR


async def said(desk: Desk, home: Path, *arguments: str) -> str:
    status, out, errors = await run(desk, home, *arguments)
    assert status == 0, errors
    return out
