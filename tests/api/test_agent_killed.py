# SPDX-License-Identifier: Apache-2.0
"""An agent with a queue of a thousand events is killed again and again, without a word: none is lost, none is kept twice."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from desmos_fast.db.tenant import direct
from readers.outbox.outbox import Outbox
from readers.uplink_folder import QUEUE, SERVICE, Folder
from tests.api.conftest import Desk
from tests.api.worker import ROOT
from tests.api.workstations import enrolled, until

EVENTS: Final = 1000
KILLS: Final = 8


def start(folder: Folder, count: int = 0) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.agents.child", str(folder.path), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


async def queued(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdout is not None
    assert await asyncio.to_thread(child.stdout.readline) == b"queued\n"


def kill(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.communicate()


async def kept(desk: Desk) -> list[tuple[int, str]]:
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        rows = await con.fetch("SELECT number, reader FROM reader_event WHERE tenant_id = $1 ORDER BY seq", desk.tenant)
    return [(row["number"], row["reader"]) for row in rows]


async def test_a_thousand_events_are_kept_once_whenever_the_agent_is_killed(desk: Desk, tmp_path: Path) -> None:
    folder, chance = await enrolled(desk, tmp_path / "agent"), random.Random(26)
    reachable = folder.service()
    # While the service is away, everything waits on the disk.
    folder.write(SERVICE, msgspec.json.encode(msgspec.structs.replace(reachable, url="http://127.0.0.1:9")))
    child = start(folder, EVENTS)
    await queued(child)
    kill(child)
    async with Outbox(folder.path / QUEUE, folder.queue_key()) as outbox:
        assert await outbox.count() == EVENTS + 1
    folder.write(SERVICE, msgspec.json.encode(reachable))
    between = set()
    for _ in range(KILLS):
        child = start(folder)
        await queued(child)
        await asyncio.sleep(chance.uniform(0.0, 0.15))
        kill(child)
        between.add(len(await kept(desk)))
    assert any(0 < count < EVENTS for count in between), between
    child = start(folder)
    try:
        found = await until(lambda: kept(desk), lambda found: f"event {EVENTS}" in dict(found).values(), 30)
        # What the starts themselves told comes last.
        found = await until(lambda: kept(desk), lambda found: len(found) == EVENTS + KILLS + 2, 10)
    finally:
        kill(child)
    assert [number for number, _ in found] == list(range(1, EVENTS + KILLS + 3))
    assert [reader for _, reader in found if reader] == [f"event {rank}" for rank in range(1, EVENTS + 1)]
