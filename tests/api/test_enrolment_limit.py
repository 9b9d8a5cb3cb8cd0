# SPDX-License-Identifier: Apache-2.0
"""Who guesses codes of workstations, or passwords, gets no more tries by asking several processes."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from tests.api import people
from tests.api.conftest import Desk, House
from tests.api.test_agents import ask
from tests.api.workstations import new_code

pytestmark = pytest.mark.usefixtures("nobody_tried")


@pytest.fixture
async def houses(house: House) -> AsyncIterator[list[House]]:
    """Serve by three processes' worth of applications over one database."""

    servers = [TestServer(house.application()) for _ in range(3)]
    for server in servers:
        await server.start_server(auto_decompress=False)
    yield [dataclasses.replace(house, url=str(server.make_url("")).rstrip("/")) for server in servers]
    for server in servers:
        await server.close()


async def test_codes_are_guessed_ten_times_wherever_one_asks(house: House, houses: list[House], desk: Desk) -> None:
    replies = [await ask(houses[order % 2], "no") for order in range(11)]
    assert [one.status for one in replies] == [403] * 10 + [429]
    assert replies[-1].code == "enrolment_limited" and 0 < int(replies[-1].headers["Retry-After"]) <= 60
    # One that was started just now knows it too, whatever comes.
    assert (await ask(houses[2], await new_code(desk))).status == 429
    # A minute later nothing of it is left.
    await people.sql(house, "UPDATE attempt SET last_at = last_at - interval '61 seconds'")
    assert (await ask(houses[2], await new_code(desk))).status == 201


async def test_many_at_once_are_as_many(houses: list[House]) -> None:
    replies = await asyncio.gather(*(ask(houses[order % 3], "no") for order in range(24)))
    assert sorted(one.status for one in replies) == [403] * 10 + [429] * 14


async def test_a_centre_that_sets_up_many_workstations_is_not_held_up(houses: list[House], desk: Desk) -> None:
    for order in range(14):
        assert (await ask(houses[order % 2], await new_code(desk))).status == 201


async def test_passwords_are_guessed_as_often_wherever_one_asks(houses: list[House], desk: Desk) -> None:

    user = await people.with_password(desk, "biller")
    statuses = [
        (await people.sign_in(dataclasses.replace(desk, house=houses[order % 3]), user, password="wrong")).status for order in range(8)
    ]
    free = next(order for order, status in enumerate(statuses) if status == 429)
    assert statuses == [401] * free + [429] * (8 - free) and free <= 5
