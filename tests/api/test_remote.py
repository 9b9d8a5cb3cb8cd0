# SPDX-License-Identifier: Apache-2.0
"""The typed functions of the client against the real service: each answer is read into its type, whole."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from desmos_fast.client import Client, Refused
from desmos_fast.lots import remote
from desmos_fast.lots.model import BuildRequest
from desmos_fast.lots.schedule.model import Plan
from desmos_fast.webhooks import remote as webhooks
from tests.api.conftest import Desk
from tests.api.post import content, sign


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[Client]:
    async with Client(desk.house.url, desk.key) as opened:
        yield opened


async def test_lots_and_files(desk: Desk, client: Client) -> None:
    await sign(desk, "01_ngap_visit", "07_amc_apart", "13_defaults")
    settings = BuildRequest(one_destination_per_file=True)
    planned = await remote.preview(client, settings)
    built = await remote.build(client, settings, key="one")
    assert [file.sha256 for file in planned.files] == [file.sha256 for file in built.files]
    assert await remote.build(client, settings, key="one") == built
    lots = [lot async for lot in remote.lots(client)]
    assert {lot.id for lot in lots} == {lot.id for file in built.files for lot in file.lots} and len(lots) == 3
    assert [lot.destination async for lot in remote.lots(client, destination="02", state="sealed")] == ["02/345/0000"]
    assert [file async for file in remote.files(client, until=date(2020, 1, 1))] == []
    files = [file.id async for file in remote.files(client, since=date(2020, 1, 1))]
    assert set(files) == {file.id for file in built.files}
    assert (await remote.lot(client, lots[0].id)).contents[0].parts[0].state == "lotted"
    shown = await remote.file(client, files[0])
    assert (shown.state, len(shown.contents)) == ("queued", shown.lots)
    assert await remote.content(client, files[0]) == await content(desk, str(files[0]))
    with pytest.raises(Refused):
        await remote.lots(client, state="nothing").__anext__()
    assert (await remote.cancel(client, files[0], "mauvais mois")).lots == shown.lots
    assert (await remote.file(client, files[0])).state == "cancelled"


async def test_pages_follow_one_another(desk: Desk, client: Client) -> None:
    await sign(desk, *["01_ngap_visit"] * 205)
    await remote.build(client, BuildRequest(max_invoices_per_lot=1, max_lots_per_file=999))
    found = [lot.id async for lot in remote.lots(client)]
    assert len(found) == len(set(found)) == 205


async def test_schedules(client: Client) -> None:
    made = await remote.set_schedule(client, Plan(at=("12:30",), days=("mon",), skip_holidays=False))
    assert (made.at, made.days, made.skip_holidays, made.last) == (("12:30",), ("mon",), False, None)
    assert await remote.schedule(client) == made
    await remote.end_schedule(client)
    with pytest.raises(Refused) as refused:
        await remote.schedule(client)
    assert refused.value.problem.code == "not_found"


async def test_webhooks(client: Client) -> None:
    made = await webhooks.add(client, "https://203.0.113.9.example/told", ["file.sent"], key="k")
    assert made.secret is not None and (await webhooks.add(client, made.url, ["file.sent"], key="k")).secret is None
    (found,) = (await webhooks.show(client)).webhooks
    assert (found.id, found.waiting, found.dead) == (made.id, 0, 0)
    assert (await webhooks.replay(client, made.id, datetime(2026, 1, 1, tzinfo=UTC))).queued == 0
    assert [one async for one in webhooks.deliveries(client, made.id, state="dead")] == []
    await webhooks.end(client, made.id)
    assert (await webhooks.show(client)).webhooks == []
