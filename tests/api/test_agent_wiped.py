# SPDX-License-Identifier: Apache-2.0
"""A workstation is wiped: its certificate ends at the service, its files are gone, and the proof holds."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import orjson
import pytest

from desmos_fast.agents import wiping, wire
from desmos_fast.base.settings import load
from desmos_fast.db.secrets import found, put
from desmos_fast.db.tenant import direct
from readers.outbox.outbox import Outbox
from readers.packaging.wipe import StillRuns, wipe
from readers.uplink_folder import QUEUE, SERVICE
from tests.agents.workstation import FakeCards, happened
from tests.api.conftest import Desk, House
from tests.api.test_centre_commands import run
from tests.api.worker import ROOT, environment
from tests.api.workstations import enrolled, line, proven, readers_of, running, until


async def test_a_workstation_is_wiped_and_its_certificate_ends(house: House, desk: Desk, tmp_path: Path) -> None:
    folder = await enrolled(desk, tmp_path / "agent")
    async with running(folder, FakeCards(happened("service_up"), happened("reader_added"))):
        await until(lambda: readers_of(desk), lambda readers: any(one["online"] for one in readers))
        with pytest.raises(StillRuns):
            await wipe(folder)
        assert (await desk.get("/v1/agents")).json["agents"][0]["state"] == "online"
    identity, agent = folder.identity(), folder.service().agent
    names = {path.name for path in folder.path.iterdir()}
    said, signed, signature = wiping.read(await wipe(folder))
    wiping.check(signed, signature, identity.key.public_key())
    assert {one.name for one in said.files} >= names and all(one.overwritten and one.removed for one in said.files)
    assert (said.agent, said.revoked, said.unsent, said.left) == (agent, True, 0, [])
    assert said.folder_removed and not folder.path.exists()
    (one,) = (await desk.get("/v1/agents")).json["agents"]
    assert one["state"] == "blocked" and one["blocked_at"]
    async with line(house.url) as ws:
        assert await proven(ws, identity) == wire.Closing.BLOCKED
    async with direct(house.owner_dsn, desk.tenant) as con:
        rows = await con.fetch("SELECT actor, subject FROM audit WHERE action = 'agent.resigned'")
    assert [tuple(row) for row in rows] == [(agent, agent)]


async def test_without_the_service_the_proof_says_that_the_certificate_lasts(desk: Desk, tmp_path: Path) -> None:
    folder = await enrolled(desk, tmp_path / "agent")
    async with Outbox(folder.path / QUEUE, folder.queue_key()) as outbox:
        await outbox.put(happened("service_up"))
    folder.write(SERVICE, msgspec.json.encode(msgspec.structs.replace(folder.service(), url="http://127.0.0.1:9")))
    (folder.path / "mine.txt").write_text("x", encoding="utf-8")
    said, _, _ = wiping.read(await wipe(folder))
    assert (said.revoked, said.unsent, said.left, said.folder_removed) == (False, 1, ["mine.txt"], False)
    assert (await desk.get("/v1/agents")).json["agents"][0]["state"] == "enrolled"


async def test_one_that_was_blocked_before_is_wiped_too(desk: Desk, tmp_path: Path) -> None:
    folder = await enrolled(desk, tmp_path / "agent")
    assert (await desk.post(f"/v1/agents/{folder.service().agent}:block", b"")).status == 200
    assert wiping.read(await wipe(folder))[0].revoked


def command(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "desmos_fast.cli", "agent", "wipe", *map(str, arguments)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)


async def test_the_commands_wipe_and_check_the_proof(house: House, desk: Desk, tmp_path: Path) -> None:
    folder, proof, home = await enrolled(desk, tmp_path / "agent"), tmp_path / "proof.json", tmp_path / "home"
    nothing = await asyncio.to_thread(command, "--folder", tmp_path / "nowhere", "--proof", proof, "--yes")
    assert nothing.returncode == 3 and not proof.exists() and not tmp_path.joinpath(".proof.json.part").exists()
    done = await asyncio.to_thread(command, "--folder", folder.path, "--proof", proof, "--yes")
    assert done.returncode == 0 and "the certificate is revoked" in done.stdout, done.stderr
    assert (await asyncio.to_thread(command, "--folder", folder.path, "--proof", proof, "--yes")).returncode == 2
    environment(desk, home)
    authority = found(load().data_dir, "agent_authority")
    assert authority is not None
    put(home, "agent_authority", authority)
    status, out, errors = await run(desk, home, "agents", "wiped", str(proof))
    assert status == 0 and "certificate revoked; left: nothing; unsent events: 0" in out, errors
    status, out, _ = await run(desk, home, "agents", "wiped", str(proof), "--json")
    assert status == 0 and orjson.loads(out)["revoked"] is True
    other = await house.desk()
    assert (await run(other, home, "agents", "wiped", str(proof)))[0] == 1
    forged = orjson.loads(proof.read_bytes())
    forged["signature"] = forged["signature"][:-8] + "AAAAAAA="
    proof.write_bytes(orjson.dumps(forged))
    assert (await run(desk, home, "agents", "wiped", str(proof)))[0] == 1
