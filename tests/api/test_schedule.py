# SPDX-License-Identifier: Apache-2.0
"""Schedules through the real service and the real queue, with a clock that the test owns."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import orjson
import pytest

from api.keys import CLOCK
from desmos_fast.base.types import uuid7
from desmos_fast.db import pool as pools
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Pool
from desmos_fast.db.queue import Job, TryLater
from desmos_fast.lots import service as lots
from desmos_fast.lots.model import LotNumbersExhausted
from desmos_fast.lots.schedule.jobs import Builder
from tests.api.conftest import MASTER, Desk, House, Reply
from tests.api.post import column, events, rows, shares, sign
from tests.api.worker import start

pytestmark = pytest.mark.usefixtures("empty_queue")

NOON: Final = {"at": ["12:30"], "days": ["mon", "tue", "wed", "thu", "fri"]}
# A Wednesday in winter: 12:30 in Paris is 11:30 in UTC.
MORNING: Final = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
DUE: Final = datetime(2026, 11, 25, 11, 30, tzinfo=UTC)


class Clock:
    """Time as the test says."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(house: House) -> Clock:
    """Give a clock that the service and the builders go by."""
    made = Clock(MORNING)
    house.app._state[CLOCK] = made
    return made


@pytest.fixture
async def pool(desk: Desk) -> AsyncIterator[Pool]:
    opened = await pools.create(desk.house.wire.dsn, 8)
    yield opened
    await opened.close()


async def send(desk: Desk, method: str, body: object = None, key: str | None = None) -> Reply:
    headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": key or str(uuid7())}
    return await desk.house.send(method, "/v1/schedule", headers, None if body is None else orjson.dumps(body))


async def put(desk: Desk, plan: object = NOON) -> dict[str, Any]:
    reply = await send(desk, "PUT", plan)
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json
    return found


async def jobs(desk: Desk) -> list[bytes]:
    return await column(desk, "SELECT payload FROM pgqueuer WHERE entrypoint = 'build_on_schedule' ORDER BY id")


async def turn(builder: Builder, payload: bytes) -> float | None:
    """Do a job once; return after how many seconds it comes again, None when it ended."""
    try:
        await builder(Job(payload, 0))
    except TryLater as later:
        assert not later.counted
        return later.delay_s
    return None


async def test_a_schedule_is_set_shown_replaced_and_ended(desk: Desk, clock: Clock) -> None:
    assert (await send(desk, "GET")).code == "not_found"
    assert (await send(desk, "DELETE")).code == "not_found"
    first = await put(desk, NOON | {"settings": {"max_invoices_per_lot": 50}})
    assert first == {
        "at": ["12:30"], "days": NOON["days"], "skip_holidays": True, "settings": {"max_invoices_per_lot": 50}, "revision": 1,
        "since": "2026-11-25T08:00:00Z", "next": "2026-11-25T11:30:00Z", "last": None,
    }  # fmt: skip
    assert (await send(desk, "GET")).json == first
    assert (await put(desk, {"at": ["07:00"]}))["next"] == "2026-11-26T06:00:00Z"
    assert (await send(desk, "DELETE")).status == 204
    assert (await send(desk, "GET")).code == "not_found"
    assert (await put(desk))["revision"] == 4, "ended and set again: what was queued for it before is no longer for it"
    names = [name for name, _ in await events(desk, "schedule.set", "schedule.ended")]
    assert sorted(names) == ["schedule.ended", "schedule.set", "schedule.set", "schedule.set"]


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "schedule_refused"), ({"at": []}, "schedule_refused"), ({"at": ["12h30"]}, "schedule_refused"), ([], "schedule_refused"),
     ({"at": ["12:30"], "days": ["lundi"]}, "schedule_refused"), ({"at": ["12:30"], "days": []}, "schedule_refused"),
     ({"at": ["12:30"], "tz": "UTC"}, "schedule_refused"), ({"at": ["12:30"], "settings": {"max_invoices_per_lot": 0}}, "faulty_input"),
     ({"at": ["12:30"], "settings": []}, "faulty_input")],
)  # fmt: skip
async def test_a_schedule_that_cannot_be_changes_nothing(desk: Desk, body: object, code: str) -> None:
    reply = await send(desk, "PUT", body)
    assert (reply.status, reply.code) == (422, code)
    assert await desk.count("schedule") == 0
    assert await jobs(desk) == []


async def test_a_due_time_builds_once_with_its_settings_whoever_comes(desk: Desk, clock: Clock, pool: Pool) -> None:
    await put(desk, NOON | {"settings": {"max_invoices_per_lot": 1}})
    (job,) = await jobs(desk)
    builders = [Builder(pool, Keyring(MASTER), clock) for _ in range(4)]
    await sign(desk, "01_ngap_visit", "01_ngap_visit")
    assert await turn(builders[0], job) == (DUE - MORNING).total_seconds()
    assert await desk.count("lot") == 0
    clock.now = DUE + timedelta(seconds=2)
    waits = await asyncio.gather(*(turn(builder, job) for builder in builders))
    assert waits == [timedelta(days=1).total_seconds() - 2] * 4
    assert await desk.count("lot") == 2 and await desk.count("file") == 1
    found = (await send(desk, "GET")).json
    assert found["last"] == {
        "due": "2026-11-25T11:30:00Z", "at": "2026-11-25T11:30:02Z", "result": "built", "missed": 0, "files": 1, "lots": 2, "invoices": 2,
        "code": None,
    }  # fmt: skip
    assert found["next"] == "2026-11-26T11:30:00Z"
    assert len(await events(desk, "schedule.ran")) == 1
    assert set(await column(desk, "SELECT actor FROM event WHERE name IN ('schedule.ran', 'lot.sealed', 'file.queued')")) == {"worker"}
    # Again, later on the same day, as after a restart: the due time was dealt with.
    await sign(desk, "01_ngap_visit")
    clock.now = DUE + timedelta(hours=6)
    assert await turn(builders[1], job) == timedelta(hours=18).total_seconds()
    assert await desk.count("lot") == 2


async def test_what_was_missed_is_made_up_for_once(desk: Desk, clock: Clock, pool: Pool) -> None:
    await put(desk)
    (job,) = await jobs(desk)
    await sign(desk, "01_ngap_visit")
    clock.now = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    assert await turn(Builder(pool, Keyring(MASTER), clock), job) == timedelta(hours=2, minutes=30).total_seconds()
    last = (await send(desk, "GET")).json["last"]
    assert (last["due"], last["missed"], last["result"]) == ("2026-11-30T11:30:00Z", 3, "built")
    assert await desk.count("file") == 1
    assert len(await events(desk, "schedule.ran")) == 1


async def test_nothing_waiting_is_a_run_without_a_file(desk: Desk, clock: Clock, pool: Pool) -> None:
    await put(desk)
    clock.now = DUE
    await turn(Builder(pool, Keyring(MASTER), clock), (await jobs(desk))[0])
    assert (await send(desk, "GET")).json["last"]["result"] == "nothing"
    assert await desk.count("file") == 0


async def test_a_job_of_a_schedule_that_was_replaced_or_ended_just_ends(desk: Desk, clock: Clock, pool: Pool) -> None:
    await put(desk)
    await put(desk, {"at": ["11:00"]})
    old, new = await jobs(desk)
    await sign(desk, "01_ngap_visit")
    clock.now = DUE + timedelta(seconds=1)
    builder = Builder(pool, Keyring(MASTER), clock)
    assert await turn(builder, old) is None
    assert await desk.count("file") == 0
    await send(desk, "DELETE")
    assert await turn(builder, new) is None
    assert await desk.count("file") == 0


@pytest.mark.parametrize("error", [LotNumbersExhausted("none is free"), RuntimeError("of ours")])
async def test_a_build_that_fails_is_told_and_the_schedule_goes_on(
    desk: Desk, clock: Clock, pool: Pool, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await put(desk)
    (job,) = await jobs(desk)
    await sign(desk, "01_ngap_visit")
    build, builder = lots.build, Builder(pool, Keyring(MASTER), clock)

    async def half(*args: Any) -> None:
        await build(*args)
        raise error

    clock.now = DUE
    with monkeypatch.context() as patch:
        patch.setattr(lots, "build", half)
        assert await turn(builder, job) == timedelta(days=1).total_seconds()
    assert await desk.count("file") == 0 and await shares(desk) == [("amo", "open", "open")], "nothing of it stays"
    last = (await send(desk, "GET")).json["last"]
    assert (last["result"], last["code"]) == (
        "failed",
        "lot_numbers_exhausted" if isinstance(error, LotNumbersExhausted) else "RuntimeError",
    )
    assert len(await events(desk, "schedule.failed")) == 1
    clock.now = DUE + timedelta(days=1)
    await turn(builder, job)
    assert (await send(desk, "GET")).json["last"]["result"] == "built"


async def test_what_a_scheduled_build_finds_changed_is_an_anomaly(desk: Desk, clock: Clock, pool: Pool) -> None:
    await put(desk)
    (job,) = await jobs(desk)
    (name,) = await sign(desk, "01_ngap_visit")
    async with rows(desk) as con:
        await con.execute("UPDATE invoice SET content_hash = sha256(content_hash)")
    clock.now = DUE
    await turn(Builder(pool, Keyring(MASTER), clock), job)
    assert (await send(desk, "GET")).json["last"]["code"] == "content_changed"
    (one,) = (await desk.get("/v1/anomalies")).json["anomalies"]
    assert (one["kind"], one["subject"]) == ("content_changed", name)


async def test_a_database_that_is_away_is_no_failure_of_the_due_time(desk: Desk, clock: Clock, pool: Pool) -> None:
    await put(desk)
    (job,) = await jobs(desk)
    await sign(desk, "01_ngap_visit")
    clock.now = DUE
    builder = Builder(pool, Keyring(MASTER), clock)
    await desk.house.wire.cut()
    assert await turn(builder, job) == 5.0
    await desk.house.wire.mend()
    assert await turn(builder, job) == timedelta(days=1).total_seconds()
    assert (await send(desk, "GET")).json["last"]["result"] == "built"


async def test_another_centre_has_a_schedule_of_its_own(desk: Desk, house: House, clock: Clock, pool: Pool) -> None:
    await put(desk)
    other = await house.desk()
    assert (await send(other, "GET")).code == "not_found"
    assert (await send(other, "DELETE")).code == "not_found"
    (job,) = await jobs(desk)
    clock.now = DUE
    await sign(other, "01_ngap_visit")
    await turn(Builder(pool, Keyring(MASTER), clock), job)
    assert await other.count("file") == 0


async def test_two_real_workers_build_a_missed_time_once_and_send_the_file(desk: Desk, tmp_path: Any) -> None:
    """The schedule was set yesterday; nobody was there since."""
    now = datetime.now(UTC)
    await put(desk, {"at": ["00:00", "06:00", "12:00", "18:00"], "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                     "skip_holidays": False})  # fmt: skip
    async with rows(desk) as con:
        await con.execute("UPDATE schedule SET since = $1", now - timedelta(days=1))
    await sign(desk, "01_ngap_visit")
    children = [start(desk, tmp_path / f"home{number}", "worker") for number in range(2)]
    try:
        async with asyncio.timeout(60):
            while not await events(desk, "file.sent"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        for child in children:
            child.terminate()
        for child in children:
            await asyncio.to_thread(child.communicate, timeout=30)
    assert await desk.count("file") == 1
    (detail,) = await column(desk, "SELECT detail FROM event WHERE name = 'schedule.ran'")
    ran = msgspec.json.decode(detail)
    assert (ran["result"], ran["files"], ran["missed"] >= 2) == ("built", 1, True)
    assert len(await jobs(desk)) == 1, "the job waits for the next due time"


async def test_a_trial_of_a_schedule_sets_nothing(desk: Desk, clock: Clock) -> None:
    headers = {"Authorization": f"Bearer {desk.key}"}

    async def tried(plan: object, method: str = "PUT", **more: str) -> Reply:
        return await desk.house.send(method, "/v1/schedule?validate_only=true", headers | more, orjson.dumps(plan))

    told = await tried(NOON)
    assert (told.status, told.json["next"], told.json["revision"]) == (200, "2026-11-25T11:30:00Z", 1)
    assert (await send(desk, "GET")).code == "not_found"
    assert await jobs(desk) == [] and await events(desk, "schedule.set") == []
    assert (await tried({"at": ["25:00"]})).code == (await send(desk, "PUT", {"at": ["25:00"]})).code == "schedule_refused"
    kept = await put(desk, NOON)
    assert (await tried({"at": ["07:00"]})).json["revision"] == kept["revision"] + 1
    tag = (await send(desk, "GET")).headers["ETag"]
    assert (await tried(NOON, **{"If-Match": '"another"'})).code == "precondition_failed"
    assert (await tried(NOON, **{"If-Match": tag})).status == 200
    # An end is not tried: a key that goes with it would have ended the schedule.
    ended = await tried(NOON, "DELETE", **{"Idempotency-Key": str(uuid7())})
    assert (ended.status, ended.code) == (400, "bad_parameter")
    assert (await send(desk, "GET")).json == kept
