# SPDX-License-Identifier: Apache-2.0
"""The database dies under a service that runs: whoever asks is told to come back, nothing is lost, and nobody has to help."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path
from uuid import UUID

import aiohttp
import msgspec
import pytest

from desmos_fast.base.clock import paris_date, system_clock
from desmos_fast.billing.model import BatchResult
from desmos_fast.client import Client, new_key
from desmos_fast.demo import audit
from desmos_fast.demo.desk import Desk
from desmos_fast.demo.flow import Plan
from desmos_fast.demo.house import House
from desmos_fast.simulator.day import Day, line
from desmos_fast.simulator.world import World
from tests.fault.conftest import Open
from tests.fault.kills import PATIENCE_S, Followed, centre, play
from tests.fault.test_kill import FINESS, WORLD, chaos_seed

INVOICES = 300


def kill_database(house: House) -> int:
    """End the database as a power cut would, and return the process that it was."""
    mark = msgspec.json.decode((house.data_dir / "running.json").read_bytes())
    os.kill(mark["pid"], signal.SIGKILL)
    return int(mark["pid"])


async def killed_while(house: House, plan: Plan, key: str, stage: str, after_s: float) -> list[str]:
    watch = Followed()
    day = asyncio.create_task(play(house, plan, key, watch))
    await asyncio.wait_for(watch.begun[stage].wait(), 30)
    await asyncio.sleep(after_s)
    assert not day.done()
    await asyncio.to_thread(kill_database, house)
    played = await day
    assert played.signed.refused == []
    assert sorted(played.signed.ids) == list(range(1, plan.invoices + 1))
    return audit.differences(played, audit.expected_of(played))


@pytest.mark.parametrize("stage", ["Factures signées", pytest.param("Rapprochement", marks=pytest.mark.fault)])
def test_the_database_killed_in_the_middle_of_a_day_changes_nothing(open_house: Open, stage: str) -> None:
    house = open_house()
    plan = Plan(WORLD, FINESS, paris_date(system_clock()), INVOICES)
    after_s = random.Random(chaos_seed()).uniform(0.0, 0.1)
    assert asyncio.run(killed_while(house, plan, centre(house, plan.finess), stage, after_s)) == []
    found = house.invariants()
    assert found.holds, [verdict for verdict in found.verdicts if not verdict.holds]
    assert "starting it again" in house.service.log.read_text()


class Asked:
    """One centre that asks plainly, without a client that tries again."""

    def __init__(self, house: House, key: str, session: aiohttp.ClientSession) -> None:
        self._house = house
        self._session = session
        self._headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": new_key()}

    async def sign(self, body: bytes) -> tuple[int, str | None, bytes]:
        """Send the same batch under the same key."""
        async with self._session.post(self._house.url + "/v1/invoices:batch", data=body, headers=self._headers) as response:
            return response.status, response.headers.get("Retry-After"), await response.read()

    async def health(self, path: str) -> int:
        """Ask whether the service lives, or is ready."""
        async with self._session.get(self._house.url + path) as response:
            return response.status


async def down_and_up(house: House, key: str, body: bytes) -> BatchResult:
    config = house.data_dir / "postgres" / "postgresql.conf"
    async with aiohttp.ClientSession() as session:
        asked = Asked(house, key, session)
        # Without its configuration it cannot start again: it stays down for as long as we want.
        aside = move(config, ".aside")
        kill_database(house)
        for _ in range(5):
            status, wait, problem = await asked.sign(body)
            assert (status, msgspec.json.decode(problem)["code"]) == (503, "database_unavailable")
            assert wait is not None and 1 <= int(wait) <= 5
            assert (await asked.health("/livez"), await asked.health("/readyz")) == (200, 503)
            await asyncio.sleep(0.2)
        move(aside, "")
        deadline = time.monotonic() + 30
        while (answer := await asked.sign(body))[0] != 200:
            assert answer[0] == 503 and answer[1] is not None
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        assert await asked.health("/readyz") == 200
        assert (await asked.sign(body))[2] == answer[2], "the same key must give the same answer"
        return msgspec.json.decode(answer[2], type=BatchResult)


def move(path: Path, suffix: str) -> Path:
    """Give a file its name with a suffix, or without any."""
    return path.rename(path.with_name(path.name.removesuffix(".aside") + suffix))


async def numbers_of(house: House, key: str, ids: list[UUID]) -> list[int]:
    async with Client(house.url, key) as client:
        desk = Desk(client, PATIENCE_S)
        return [(await desk.invoice(one)).number for one in ids]


def test_while_the_database_is_down_callers_are_told_to_come_back(open_house: Open) -> None:
    house = open_house()
    key = centre(house, FINESS)
    day = Day(World(WORLD, finess=FINESS), paris_date(system_clock()))
    result = asyncio.run(down_and_up(house, key, b"".join(map(line, day.invoices(40)))))
    assert (result.accepted, result.refused) == (40, 0)
    ids = [one.id for one in result.results if one.id is not None]
    assert asyncio.run(numbers_of(house, key, ids)) == list(range(1, 41))
    assert house.invariants().holds
