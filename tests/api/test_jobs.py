# SPDX-License-Identifier: Apache-2.0
"""Held jobs of whatever kind: listed with what they are for and why, and done again once they are asked for, never by themselves."""

import asyncio
import json
from pathlib import Path

import pytest

from desmos_fast.db import queue
from desmos_fast.db.queue import Job
from tests.api.conftest import Desk
from tests.api.post import column, rows
from tests.api.test_worker import ended
from tests.api.worker import start

pytestmark = pytest.mark.usefixtures("empty_queue")

KINDS = ("send_file", "build_on_schedule", "a_kind_to_come")


class Worker:
    """Does jobs of every kind, or fails at them for good."""

    def __init__(self) -> None:
        self.fails = True
        self.done: list[bytes] = []

    async def __call__(self, job: Job) -> None:
        """Fail, or do it."""
        if self.fails:
            raise RuntimeError("the disk is full")
        self.done.append(job.payload)


async def run(desk: Desk, worker: Worker) -> None:
    await queue.run(desk.house.pool, dict.fromkeys(KINDS, worker), asyncio.Event(), once=True)


async def test_a_job_of_any_kind_that_fails_is_held_listed_and_taken_up_again(desk: Desk, tmp_path: Path) -> None:
    async with rows(desk) as con:
        for kind in KINDS:
            await queue.enqueue(con, kind, [b'{"for":"%s"}' % kind.encode()])
    worker = Worker()
    await run(desk, worker)
    status, output = await ended(start(desk, tmp_path / "home", "jobs", "list", "--json"))
    listed = [json.loads(line) for line in output.splitlines()]
    assert status == 0 and [(one["job"], one["for"], one["reason"]) for one in listed] == [
        (kind, {"for": kind}, "the disk is full") for kind in KINDS
    ]
    # Held is held: another worker that could do it leaves it alone.
    worker.fails = False
    await run(desk, worker)
    assert worker.done == []
    assert await ended(start(desk, tmp_path / "home", "jobs", "retry", str(listed[2]["id"]))) == (0, "1 to be tried again\n")
    await run(desk, worker)
    assert worker.done == [b'{"for":"a_kind_to_come"}']
    assert (await ended(start(desk, tmp_path / "home", "jobs", "retry", str(listed[2]["id"]))))[0] != 0, "it is done"
    assert await ended(start(desk, tmp_path / "home", "jobs", "retry", "--all")) == (0, "2 to be tried again\n")
    await run(desk, worker)
    assert sorted(worker.done) == sorted(b'{"for":"%s"}' % kind.encode() for kind in KINDS)
    assert await column(desk, "SELECT count(*) FROM pgqueuer") == [0]
