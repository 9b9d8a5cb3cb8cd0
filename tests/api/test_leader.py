# SPDX-License-Identifier: Apache-2.0
"""Two workers as real programs: one does what the clock asks for, the other takes over, and nothing is done twice."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from tests.api.conftest import Desk
from tests.api.post import column
from tests.api.worker import ROOT, environment
from tests.days import today
from tests.settlement.dunning.world import AMC, AMO, LateCentre

pytestmark = pytest.mark.usefixtures("empty_queue")
LEADS = "this program leads"
DONE = "the day of a centre is done"


class Worker:
    """One worker and the events of its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, object]] = []
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            if line.startswith(b"{"):
                self.events.append(orjson.loads(line))

    def said(self, event: str, **fields: object) -> int:
        """Return how often it said this."""
        return sum(one.get("event") == event and fields.items() <= one.items() for one in self.events)


@asynccontextmanager
async def worker(desk: Desk, home: Path) -> AsyncIterator[Worker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "desmos_fast.cli", "worker", "--log-level", "info", cwd=ROOT, env=environment(desk, home),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    one = Worker(process)
    try:
        yield one
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await one.reading


async def until(*workers: Worker, event: str, **fields: object) -> Worker:
    """Wait until one of them says so, and return it."""
    async with asyncio.timeout(30):
        while True:
            for one in workers:
                if one.said(event, **fields):
                    return one
            await asyncio.sleep(0.02)


async def test_another_worker_takes_over_and_no_day_is_done_twice(desk: Desk, tmp_path: Path) -> None:
    centre, before = LateCentre(desk), today() - timedelta(60)
    await centre.claim(1, before, await centre.lot(before, before), (("amo", AMO, 2100), ("amc", AMC, 900)))
    tenant = str(desk.tenant)
    async with worker(desk, tmp_path / "one") as one, worker(desk, tmp_path / "two") as two:
        first = await until(one, two, event=LEADS)
        second = two if first is one else one
        await until(first, event=DONE, centre=tenant)
        made = await column(desk, "SELECT count(*) FROM reminder")
        assert made[0] > 0
        # A day that was not done yet, for who comes after.
        other = await desk.house.desk()
        assert second.said(LEADS) == second.said(DONE, centre=tenant) == 0
        first.process.kill()
        killed = time.monotonic()
        assert await until(second, event=LEADS) is second
        assert time.monotonic() - killed < 5
        await until(second, event=DONE, centre=str(other.tenant))
        assert first.said(DONE, centre=tenant) == 1 and second.said(DONE, centre=tenant) == 0
        assert await column(desk, "SELECT count(*) FROM reminder") == made
        second.process.terminate()
        assert await asyncio.wait_for(second.process.wait(), 20) == 0
