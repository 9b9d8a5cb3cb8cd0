# SPDX-License-Identifier: Apache-2.0
"""Requests count for availability where they are answered, by the service's own clock."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from api.app import make_app
from desmos_fast.base.settings import load
from desmos_fast.db.keyring import Keyring
from tests.api.conftest import MASTER, Desk

Client = TestClient[web.Request, web.Application]
Figures = dict[tuple[str, ...], float]


class Clock:
    """A clock that stands where it is put."""

    now = datetime.fromisoformat("2026-11-23T19:59:59+01:00")

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def served_at(desk: Desk) -> AsyncIterator[tuple[Client, Clock]]:
    clock = Clock()
    async with TestClient(TestServer(make_app(load(), desk.house.pool, Keyring(MASTER), clock=clock))) as client:
        yield client, clock


async def figures(client: Client) -> Figures:
    text = await (await client.get("/metrics")).text()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {(one.name, *sorted(one.labels.values())): one.value for one in samples}


async def test_a_request_counts_in_the_window_of_its_time(desk: Desk, served_at: tuple[Client, Clock]) -> None:
    client, clock = served_at
    key = {"Authorization": f"Bearer {desk.key}"}
    before = await figures(client)
    assert before["desmos_service_window",] == 1
    assert (await client.get("/v1/lots", headers=key)).status == 200
    assert (await client.get("/v1/lots")).status == 401
    assert (await client.get("/livez")).status == 200
    clock.now = datetime.fromisoformat("2026-11-23T20:00:00+01:00")
    assert (await client.get("/v1/lots", headers=key)).status == 200
    assert (await client.get("/v1/lots", headers=key)).status == 200
    after = await figures(client)
    assert after["desmos_service_window",] == 0
    grown = {key[1:]: after[key] - before[key] for key in after if key[0] == "desmos_sli_requests_total"}
    assert grown == {("good", "open"): 1, ("closed", "good"): 2, ("bad", "open"): 0, ("bad", "closed"): 0}
