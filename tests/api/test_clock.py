# SPDX-License-Identifier: Apache-2.0
"""A test centre's clock is advanced: what waits for a time comes, for that centre alone, and nothing goes back."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.keys import CLOCK
from desmos_fast.anomalies.service import LogNotifier
from desmos_fast.base.clock import Clocks, at, system_clock
from desmos_fast.base.types import uuid7
from desmos_fast.db import pool as pools
from desmos_fast.db import queue
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct, transaction
from desmos_fast.identity import service as identity
from desmos_fast.identity.clocks import service as clocks
from desmos_fast.lots.follow.jobs import Watch
from desmos_fast.lots.schedule.jobs import Builder
from desmos_fast.lots.schedule.model import BUILD_ON_SCHEDULE
from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.settlement.dunning.reminders.jobs import Daily
from desmos_fast.webhooks import store
from tests.api.conftest import MASTER, Desk, House, Reply
from tests.api.post import build, column, everyone, send, sign
from tests.api.test_conditions import get

pytestmark = pytest.mark.usefixtures("empty_queue")
PATH = "/v1/test/clock"


async def advance(desk: Desk, body: dict[str, Any], key: str | None = None) -> Reply:
    return await desk.post(PATH, body, key)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


async def test_the_clock_goes_ahead_and_never_back(desk: Desk) -> None:
    before = await desk.get(PATH)
    assert before.json["ahead_s"] == 0 and "X-Test-Clock" not in before.headers
    reply = await advance(desk, {"by_s": 86_400}, key="a")
    assert (reply.status, reply.json["ahead_s"]) == (200, 86_400)
    assert abs(instant(reply.json["now"]) - datetime.now(UTC) - timedelta(days=1)) < timedelta(seconds=30)
    assert (await advance(desk, {"by_s": 86_400}, key="a")).headers["Idempotency-Replayed"] == "true"
    shown = await desk.get(PATH)
    assert shown.json["ahead_s"] == 86_400, "the same key advances once"
    assert timedelta(0) <= instant(shown.json["now"]) - instant(shown.headers["X-Test-Clock"]) < timedelta(seconds=5)
    to = (datetime.now(UTC) + timedelta(days=40)).isoformat()
    assert instant((await advance(desk, {"to": to})).json["now"]) >= instant(to)
    for back in ({"to": "2026-01-01T00:00:00Z"}, {"to": (datetime.now(UTC) + timedelta(days=39)).isoformat()}):
        assert ((reply := await advance(desk, back)).status, reply.code) == (422, "clock_refused")
    # The database itself keeps it ahead.
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        with pytest.raises(asyncpg.CheckViolationError, match="never goes back"):
            await con.execute("UPDATE test_clock SET ahead_s = ahead_s - 1")


@pytest.mark.parametrize(
    "body", [{}, {"to": "2027-01-01"}, {"to": "2027-01-01T00:00:00"}, {"by_s": -1}, {"by_s": 1, "to": "2027-01-01T00:00:00Z"}, {"by": 1},
             {"by_s": 1_000_000_001}, {"to": "9999-01-01T00:00:00Z"}],
)  # fmt: skip
async def test_an_advance_that_is_none_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    assert ((reply := await advance(desk, body)).status, reply.code) == (422, "clock_refused")
    assert not await column(desk, "SELECT ahead_s FROM test_clock WHERE tenant_id = $1", desk.tenant)


async def test_live_keys_and_centres_with_one_have_the_clock_of_everybody(house: House, desk: Desk) -> None:
    live = await house.desk("live")
    for reply in (await advance(live, {"by_s": 60}), await live.get(PATH)):
        assert (reply.status, reply.code) == (403, "test_key_needed")
    await advance(desk, {"by_s": 86_400})
    async with direct(house.owner_dsn) as con:
        await identity.new_key(con, desk.finess, "live", pepper=secret_of(house))
    await clocks.look(house.pool, house.app[CLOCK])
    assert ((reply := await advance(desk, {"by_s": 60})).status, reply.code) == (409, "centre_is_live")
    shown = await desk.get(PATH)
    assert shown.json["ahead_s"] == 0 and "X-Test-Clock" not in shown.headers


def secret_of(house: House) -> bytes:
    from desmos_fast.base.settings import load

    return secret(load(), "api_keys")


async def test_another_centre_and_another_process_see_what_is_theirs(house: House, desk: Desk) -> None:
    other = await house.desk()
    await advance(desk, {"by_s": 3600})
    assert (await other.get(PATH)).json["ahead_s"] == 0
    elsewhere = Clocks(system_clock)
    assert elsewhere.ahead(desk.tenant) == timedelta(0)
    await clocks.look(house.pool, elsewhere)
    assert (elsewhere.ahead(desk.tenant), elsewhere.ahead(other.tenant)) == (timedelta(hours=1), timedelta(0))


async def test_a_process_follows_by_itself(house: House, desk: Desk) -> None:
    elsewhere = Clocks(system_clock)
    async with clocks.following(house.pool, elsewhere):
        await advance(desk, {"by_s": 3600})
        async with asyncio.timeout(5):
            while not elsewhere.ahead(desk.tenant):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_what_is_done_by_a_key_is_done_at_its_time(desk: Desk) -> None:
    await advance(desk, {"by_s": 30 * 86_400})
    await sign(desk, "01_ngap_visit")
    (signed,) = await column(desk, "SELECT signed_at FROM invoice")
    assert timedelta(days=29) < signed - datetime.now(UTC) < timedelta(days=31)
    await desk.post("/v1/webhooks", {"url": "https://example.org/"})
    (made,) = await column(desk, "SELECT created_at FROM webhook")
    assert made - datetime.now(UTC) > timedelta(days=29)
    # When something was looked at is no matter of a test.
    await desk.get("/v1/decisions")
    assert max(await column(desk, "SELECT happened_at FROM audit")) < datetime.now(UTC) + timedelta(hours=1)


async def test_delays_of_payers_run_out_for_that_centre_alone(house: House, desk: Desk, tmp_path: Path) -> None:
    """What was sent is missed after its delay: at once for who advanced the clock, not for the other."""
    other = await house.desk()
    clock = Clocks(system_clock)
    for one in (desk, other):
        await sign(one, "01_ngap_visit")
        await build(one)
        folder = tmp_path / one.finess
        folder.mkdir()
        await send(one, everyone(), {name: DirectoryTransport(folder) for name in everyone().by_name}, clock)
    watch = Watch(house.pool, clock, LogNotifier())
    await watch.look()
    assert not await column(desk, "SELECT kind FROM anomaly")
    await advance(desk, {"by_s": 20 * 86_400})
    await clocks.look(house.pool, clock)
    await watch.look()
    assert await column(desk, "SELECT kind FROM anomaly") and not await column(other, "SELECT kind FROM anomaly")


async def test_a_schedule_whose_time_came_builds(house: House, desk: Desk) -> None:
    clock = Clocks(system_clock)
    pool = await pools.create(house.wire.dsn, 8)
    try:
        headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
        every_day = b'{"at":["12:30"],"days":["mon","tue","wed","thu","fri","sat","sun"],"skip_holidays":false}'
        assert (await house.send("PUT", "/v1/schedule", headers, every_day)).status == 200
        await sign(desk, "01_ngap_visit")
        builder = Builder(pool, Keyring(MASTER), clock)
        await clocks.look(pool, clock)
        await queue.run(pool, {BUILD_ON_SCHEDULE: builder}, asyncio.Event(), once=True)
        assert not await column(desk, "SELECT id FROM lot")
        await advance(desk, {"by_s": 2 * 86_400})
        await clocks.look(pool, clock)
        await queue.run(pool, {BUILD_ON_SCHEDULE: builder}, asyncio.Event(), once=True)
        assert len(await column(desk, "SELECT id FROM lot")) == 1
        last = (await get(desk, "/v1/schedule")).json["last"]
        assert last["result"] == "built" and instant(last["due"]) > datetime.now(UTC)
    finally:
        await pool.close()


async def test_the_day_of_reminders_is_that_of_the_centre(house: House, desk: Desk) -> None:
    await advance(desk, {"by_s": 40 * 86_400})
    clock = Clocks(system_clock)
    await clocks.look(house.pool, clock)
    await Daily(house.pool, Keyring(MASTER), clock).look()
    (done,) = await column(desk, "SELECT max(day) FROM follow_up_day")
    assert done == at(clock, desk.tenant).date() or abs(done - at(clock, desk.tenant).date()) <= timedelta(days=1)
    async with transaction(house.pool, desk.tenant) as con:
        assert await con.fetchval("SELECT count(*) FROM event WHERE name = 'clock.advanced'") == 1


async def test_keys_secrets_and_the_trail_go_by_the_clock_of_the_house(desk: Desk) -> None:
    webhook = (await desk.post("/v1/webhooks", {"url": "https://1.1.1.1/x"})).json["id"]
    assert (await advance(desk, {"by_s": 365 * 86_400})).status == 200
    made = (await desk.post("/v1/keys", {"roles": ["ops"]})).json
    assert (await desk.post(f"/v1/keys/{made['id']}:rotate", {"overlap_s": 0})).status == 201
    former = Desk(desk.house, desk.tenant, desk.finess, made["secret"])
    assert (await former.get("/v1/options")).status == 401, "both keys work for overlap_s"
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert (await desk.post("/v1/keys", {"roles": ["ops"], "expires_at": soon})).status == 201
    user = (await desk.post("/v1/users", {"login": f"{uuid7()}@centre.example", "name": "Une Personne", "roles": ["ops"]})).json
    assert instant(user["code_until"]) < datetime.now(UTC) + timedelta(hours=49)
    assert (await desk.post(f"/v1/webhooks/{webhook}:rotate", {"overlap_s": 0})).status == 200
    async with transaction(desk.house.pool, desk.tenant) as con:
        assert len(await store.secrets(con, desk.tenant, webhook, system_clock())) == 1, "a secret that was lost signs no more"
    rows = (await desk.get("/v1/audit")).json["accesses"]
    assert rows and all(instant(row["at"]) <= datetime.now(UTC) for row in rows)
