# SPDX-License-Identifier: Apache-2.0
"""What is stored is what follows from what came in: after each step of random centres the database is played again in memory."""

import random

import pytest

from desmos_fast.invariants.store import reading
from desmos_fast.settlement.replay.service import Replayed, replay
from tests.api.conftest import House
from tests.api.test_settlement_random import steps
from tests.settlement.centre import Centre


async def replayed(centre: Centre) -> Replayed:
    async with reading(centre.desk.house.wire.dsn, centre.desk.tenant) as con:
        return await replay(con, centre.desk.tenant, centre.desk.finess, centre.keys.index)


async def same(centre: Centre) -> Replayed:
    found = await replayed(centre)
    assert found.differences == () and found.same
    return found


@pytest.mark.parametrize("seed", range(6))
async def test_each_step_of_a_random_centre_is_played_again(house: House, seed: int) -> None:
    draw, centre = random.Random(seed), Centre(await house.desk())
    all_steps = steps(seed)
    for step in draw.sample(all_steps, len(all_steps)):
        await step(centre)
        if draw.random() < 0.4:
            await centre.reconcile()
            await same(centre)
    await centre.reconcile()
    found = await same(centre)
    assert found.runs > 2 and found.entries > 20 and found.stored == found.rebuilt
