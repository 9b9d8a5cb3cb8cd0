# SPDX-License-Identifier: Apache-2.0
"""Fifty centres on four connections to the database, tasks cancelled and connections killed anywhere: nobody sees a row of another."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
import pytest

from api.server import Orders
from desmos_fast.base.settings import load
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.pool import DatabaseDown
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct, transaction
from desmos_fast.identity import service as identity
from tests.api.conftest import Desk, House, finess
from tests.api.crew import Line
from tests.api.test_server import serving

CENTRES = 50
CLIENTS = 16
# What a query of each kind of table shows: partitioned, plain, and one that rows are only added to.
SEEN = """
    SELECT tenant_id FROM invoice UNION ALL SELECT tenant_id FROM share UNION ALL SELECT tenant_id FROM event
     UNION ALL SELECT tenant_id FROM idempotency
"""
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE usename = 'desmos_app' AND datname = 'desmos'"


@dataclass
class Town:
    """The centres, each with invoices of its own."""

    house: House
    desks: list[Desk]
    ids: list[list[str]]
    expected: list[Counter[object]] = field(default_factory=list)


@pytest.fixture
async def town(house: House) -> AsyncIterator[Town]:
    pepper = secret(load(), "api_keys")
    desks = []
    async with direct(house.owner_dsn) as con:
        for _ in range(CENTRES):
            number = finess()
            centre = await identity.add_centre(con, number, "Centre de test")
            desks.append(Desk(house, centre.id, number, await identity.new_key(con, number, "test", pepper=pepper)))
    for place, desk in enumerate(desks):
        body = b"\n".join(orjson.dumps(desk.invoice()) for _ in range(1 + place % 3))
        assert (await desk.post("/v1/invoices:batch", body)).status == 200
    made = Town(house, desks, [])
    for desk in desks:
        async with transaction(house.pool, desk.tenant) as con:
            made.ids.append([str(row["id"]) for row in await con.fetch("SELECT id FROM invoice")])
            made.expected.append(Counter(row[0] for row in await con.fetch(SEEN)))
    assert all(set(rows) == {desk.tenant} for rows, desk in zip(made.expected, desks, strict=True))
    yield made


async def queries(town: Town, times: int, chance: random.Random) -> Counter[str]:
    """Ask so often as any centre, some of the tasks cancelled on the way; return how each went."""
    went: Counter[str] = Counter()

    async def ask(place: int) -> None:
        async with transaction(town.house.pool, town.desks[place].tenant) as con:
            rows = Counter(row[0] for row in await con.fetch(SEEN))
            assert rows == town.expected[place], "a centre sees what it should not, or not all that it should"

    async def client(share: int) -> None:
        for _ in range(share):
            asking = asyncio.create_task(ask(chance.randrange(CENTRES)))
            if chance.random() < 0.1:
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                asking.cancel()
            try:
                await asking
                went["seen"] += 1
            except asyncio.CancelledError:
                went["cancelled"] += 1
            except DatabaseDown:
                went["away"] += 1

    await asyncio.gather(*(client(times // CLIENTS) for _ in range(CLIENTS)))
    return went


async def kills(cluster: Cluster, chance: random.Random, every_s: float) -> None:
    """Kill a connection of the service now and then."""
    async with direct(cluster.admin_dsn("desmos")) as con:
        while True:
            await asyncio.sleep(every_s)
            pids = [row["pid"] for row in await con.fetch(BACKENDS)]
            if pids:
                os.kill(chance.choice(pids), signal.SIGTERM)


async def requests(town: Town, times: int, chance: random.Random) -> Counter[str]:
    """Ask over HTTP so often as any centre, for what is its own and what is not, some hanging up before the answer."""
    went: Counter[str] = Counter()
    orders = Orders()
    server, port = await serving(town.house.application(), orders)

    async def client(share: int) -> None:
        async with Line(port) as line:
            for _ in range(share):
                await turn(line)

    async def turn(line: Line) -> None:
        place, other = chance.randrange(CENTRES), chance.randrange(CENTRES)
        wanted = chance.choice(town.ids[other])
        line.key = town.desks[place].key
        asking = asyncio.create_task(line.send("GET", f"/v1/invoices/{wanted}"))
        if chance.random() < 0.1:
            await asyncio.sleep(chance.random() * 0.004)
            if not asking.done():
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
                line.close()
                went["hung up"] += 1
                return
        status, body = await asking
        if status == 200:
            assert place == other and orjson.loads(body)["id"] == wanted
        else:
            assert (status, place != other) in ((404, True), (503, True), (503, False)), (status, body)
        went[str(status)] += 1

    try:
        await asyncio.gather(*(client(times // CLIENTS) for _ in range(CLIENTS)))
    finally:
        orders.stop.set()
        await server
    return went


async def interleave(town: Town, cluster: Cluster, asked: int, sent: int) -> None:
    chance = random.Random(seed := random.randrange(2**32))
    print("seed", seed)
    assert town.house.pool.get_max_size() == 4
    killing = asyncio.create_task(kills(cluster, chance, 0.25))
    try:
        went, answered = await queries(town, asked, chance), await requests(town, sent, chance)
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
    assert went.total() == asked // CLIENTS * CLIENTS and answered.total() == sent // CLIENTS * CLIENTS
    assert went["seen"] > asked * 0.7 and went["cancelled"] > asked * 0.02, went
    assert answered["404"] > sent * 0.6 and answered["200"] > sent * 0.005 and answered["hung up"] > sent * 0.02, answered


async def test_fifty_centres_on_four_connections_see_their_own(town: Town, cluster: Cluster) -> None:
    await interleave(town, cluster, 4_000, 1_600)


@pytest.mark.fault
@pytest.mark.timeout(5400)
async def test_a_million_requests_of_fifty_centres_see_their_own(town: Town, cluster: Cluster) -> None:
    await interleave(town, cluster, 900_000, 100_000)
