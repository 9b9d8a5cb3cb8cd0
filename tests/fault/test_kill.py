# SPDX-License-Identifier: Apache-2.0
"""Service and worker are killed in the middle of a day, at random points: nothing is lost and nothing happens twice."""

import asyncio
import datetime
import os
import random
import secrets
from uuid import UUID

import pytest

from desmos_fast.base.clock import paris_date, system_clock
from desmos_fast.client import Client
from desmos_fast.demo import audit
from desmos_fast.demo.desk import Desk
from desmos_fast.demo.flow import Plan, Played
from desmos_fast.demo.house import House
from tests.fault.conftest import Open
from tests.fault.kills import PATIENCE_S, Followed, centre, disturbed, draw, outcome, play

FINESS = "750000010"
WORLD = 11


def chaos_seed() -> int:
    """Return the seed of the kills: DESMOS_TEST_CHAOS_SEED plays a run again."""
    chosen = int(os.environ.get("DESMOS_TEST_CHAOS_SEED") or secrets.randbelow(2**32))
    print(f"DESMOS_TEST_CHAOS_SEED={chosen}")
    return chosen


def plan_of(invoices: int, date: datetime.date) -> Plan:
    return Plan(WORLD, FINESS, date, invoices)


def undisturbed(house: House, plan: Plan) -> tuple[Played, Followed]:
    watch = Followed()
    return asyncio.run(play(house, plan, centre(house, plan.finess), watch)), watch


async def present(house: House, key: str, day: Played) -> dict[int, UUID]:
    """Ask the service for every invoice that it acknowledged."""
    async with Client(house.url, key) as client:
        desk = Desk(client, PATIENCE_S)
        views = [await desk.invoice(invoice) for invoice in day.signed.ids.values()]
    return {view.number: view.id for view in views}


def kill_and_compare(open_house: Open, invoices: int, kills: int) -> None:
    plan = plan_of(invoices, paris_date(system_clock()))
    house = open_house()
    calm, watch = undisturbed(house, plan)
    house.stop()
    points = draw(random.Random(chaos_seed()), watch.stages, kills)
    print(*points, sep="\n")
    house = open_house()
    key = centre(house, plan.finess)
    struck, happened = asyncio.run(disturbed(house, plan, key, points))
    assert happened == kills, "the day ended before every kill: the run says nothing"
    assert audit.differences(struck, audit.expected_of(struck)) == []
    assert outcome(struck) == outcome(calm)
    assert asyncio.run(present(house, key, struck)) == struck.signed.ids
    assert sorted(struck.signed.ids) == list(range(1, invoices + 1))
    found = house.invariants()
    assert found.holds, [verdict for verdict in found.verdicts if not verdict.holds]
    assert [path.name for path in (house.letterbox / "to_payers").iterdir()] == [file.name for file in struck.built.files]


def test_two_kills_change_nothing(open_house: Open) -> None:
    kill_and_compare(open_house, 300, 2)


@pytest.mark.fault
@pytest.mark.timeout(900)
def test_ten_kills_change_nothing(open_house: Open) -> None:
    kill_and_compare(open_house, 5000, 10)
