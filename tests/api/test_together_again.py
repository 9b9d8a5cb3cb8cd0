# SPDX-License-Identifier: Apache-2.0
"""The same invoice posted again and again, at once, has one effect."""

import asyncio
import random

import orjson
import pytest

from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, person
from tests.api.test_together import PATH

# Of so many keys the requests come in any order: at each moment some are being answered for the first time, and most were before.
MINGLED = 100


async def duplicates(desk: Desk, keys: int, times: int) -> None:
    """Send each of some requests many times over, 32 at once, until all have their answer; count what came of it."""
    sent = [(str(uuid7()), orjson.dumps(desk.invoice(insured_nir=person(order % 1000)))) for order in range(keys)]
    answers: dict[str, set[bytes]] = {key: set() for key, _ in sent}
    fresh = 0
    chance = random.Random(keys)
    mingled = [sent[start : start + MINGLED] * times for start in range(0, keys, MINGLED)]
    queue = iter([pair for several in mingled for pair in chance.sample(several, len(several))])

    async def caller() -> None:
        nonlocal fresh
        for key, body in queue:
            reply = await desk.insist(PATH, body, key)
            assert reply.status == 201, reply.body
            answers[key].add(reply.body)
            fresh += "Idempotency-Replayed" not in reply.headers

    await asyncio.gather(*(caller() for _ in range(32)))
    assert fresh == keys
    assert {len(found) for found in answers.values()} == {1}
    assert await desk.count("invoice") == await desk.count("ledger_entry") == await desk.count("idempotency") == keys


async def test_two_thousand_duplicates_have_single_effects(desk: Desk) -> None:
    await duplicates(desk, 100, 20)


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_duplicates_have_single_effects(desk: Desk) -> None:
    await duplicates(desk, 1000, 100)
