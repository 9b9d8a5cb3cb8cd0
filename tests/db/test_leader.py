# SPDX-License-Identifier: Apache-2.0
"""One leader at a time: another one when it dies or loses its connection, and never two at work."""

import asyncio
import os
import signal
from dataclasses import dataclass, field

import asyncpg
import pytest

from desmos_fast.db import leader
from desmos_fast.db.embedded import Cluster

HOLDER = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND (classid::int8 << 32) + objid::int8 = $1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "LOOK_S", 0.05)
    monkeypatch.setattr(leader, "PATIENCE_S", 0.5)


@dataclass
class Office:
    """Programs that would all do the same work, of which one may at a time."""

    dsn: str
    at_work: set[str] = field(default_factory=set)
    turns: list[str] = field(default_factory=list)
    told: list[tuple[str, bool]] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def program(self, name: str) -> None:
        async def work() -> None:
            assert not self.at_work, "two at work"
            self.at_work.add(name)
            self.turns.append(name)
            try:
                await self.stop.wait()
            finally:
                self.at_work.discard(name)

        await leader.lead(self.dsn, work, self.stop, lambda leads: self.told.append((name, leads)))

    async def turn(self, number: int) -> str:
        """Wait until somebody has the turn of this number, from 1."""
        async with asyncio.timeout(20):
            while len(self.turns) < number or not self.at_work:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.turns[-1]


async def holder(cluster: Cluster) -> int:
    con = await asyncpg.connect(cluster.admin_dsn())
    try:
        return int(await con.fetchval(HOLDER, leader.LOCK))
    finally:
        await con.close()


async def test_one_leads_and_another_takes_over_when_it_ends(cluster: Cluster) -> None:
    office = Office(cluster.app_dsn("postgres"))
    programs = {name: asyncio.create_task(office.program(name)) for name in ("first", "second", "third")}
    seen = [await office.turn(1)]
    await asyncio.sleep(0.3)
    assert office.turns == seen, "the others wait"
    for number in (2, 3):
        programs[seen[-1]].cancel()
        seen.append(await office.turn(number))
    assert sorted(seen) == ["first", "second", "third"]
    office.stop.set()
    await asyncio.wait_for(programs[seen[-1]], 5)
    assert office.told == [(name, leads) for name in seen for leads in (True, False)]


async def test_who_loses_the_connection_stops_at_once(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine answers late: only what is killed is to be lost here.
    monkeypatch.setattr(leader, "PATIENCE_S", 20.0)
    office = Office(cluster.app_dsn("postgres"))
    programs = [asyncio.create_task(office.program(name)) for name in ("first", "second")]
    await office.turn(1)
    for _ in range(5):
        turns = len(office.turns)
        os.kill(await holder(cluster), signal.SIGTERM)
        await office.turn(turns + 1)
    office.stop.set()
    await asyncio.wait_for(asyncio.gather(*programs), 5)
    assert [leads for _, leads in office.told] == [True, False] * len(office.turns)


async def test_who_hears_nothing_stops_and_no_other_begins_before_the_lock_is_free(cluster: Cluster) -> None:
    office = Office(cluster.app_dsn("postgres"))
    programs = [asyncio.create_task(office.program(name)) for name in ("first", "second")]
    await office.turn(1)
    backend = await holder(cluster)
    os.kill(backend, signal.SIGSTOP)
    try:
        async with asyncio.timeout(5):
            while office.at_work:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert len(office.turns) == 1
    finally:
        os.kill(backend, signal.SIGCONT)
    await office.turn(2)
    office.stop.set()
    await asyncio.wait_for(asyncio.gather(*programs), 5)


async def test_what_the_work_raises_is_raised(cluster: Cluster) -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await leader.lead(cluster.app_dsn("postgres"), work, asyncio.Event(), lambda _: None)


async def test_a_database_that_is_away_is_awaited() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(leader.lead("postgresql://nobody@/none?host=/nowhere", lambda: asyncio.sleep(0), stop, lambda _: None))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    stop.set()
    await asyncio.wait_for(waiting, 5)
