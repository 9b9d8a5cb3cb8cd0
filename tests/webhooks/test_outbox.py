# SPDX-License-Identifier: Apache-2.0
"""Writers that commit late, roll back and are killed, receivers that fail, workers that die: nothing lost, nothing invented, in order."""

import asyncio
import contextlib
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from desmos_fast.base.clock import system_clock
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db import journal, queue
from desmos_fast.db import pool as pools
from desmos_fast.db.journal import WORKER, Event
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from desmos_fast.webhooks import service, store
from desmos_fast.webhooks.jobs import Deliverer
from desmos_fast.webhooks.model import DELIVER, Message, Outcome, Subscription
from desmos_fast.webhooks.rules import Patience
from tests.db.databases import Place

WRITERS = 8
MASTER = b"m" * 32
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 9))"
PATIENCE = Patience(tries=1000, first_s=0.02, longest_s=0.1, lease_s=1.0)


class Undone(Exception):
    """Raised to roll a transaction back."""


class Storm:
    """A centre in which much happens at once, and one receiver of it."""

    def __init__(self, place: Place, pool: Pool, tenant: TenantId, draw: random.Random, pause_s: float) -> None:
        self.place, self.pool, self.tenant, self.draw, self.pause_s = place, pool, tenant, draw, pause_s
        self.subjects = [uuid7() for _ in range(20)]
        self.fates: Counter[str] = Counter()
        self.received: list[Message] = []
        self.webhook = UUID(int=0)

    async def subscribe(self) -> None:
        caller = Caller(tenant=self.tenant, finess="750000010", kind="test", key_id=uuid7())
        context = Context(caller=caller, keys=Keyring(MASTER).of(self.tenant), now=system_clock())
        async with transaction(self.pool, self.tenant) as con:
            self.webhook = (await service.add(con, context, Subscription("https://example.org/", ("x.y",)))).id

    async def write(self, count: int) -> None:
        """Let things happen to subjects, one writer at a time for each as all services do, and end each transaction as fate wills."""
        for _ in range(count):
            subject = self.draw.choice(self.subjects)
            (fate,) = self.draw.choices(["commit", "undo", "kill"], [90, 7, 3])
            with contextlib.suppress(Undone, DatabaseDown):
                async with transaction(self.pool, self.tenant) as con:
                    await con.execute(LOCK, str(subject))
                    number = await con.fetchval("SELECT count(*) FROM event WHERE subject = $1", subject)
                    await journal.record(con, self.tenant, system_clock(), [Event("x.y", subject, detail={"n": number})], by=WORKER)
                    await journal.record(con, self.tenant, system_clock(), [Event("x.z", subject)], by=WORKER)
                    await asyncio.sleep(self.draw.random() * self.pause_s)
                    if fate == "undo":
                        raise Undone
                    if fate == "kill":
                        async with self.place.admin() as admin:
                            await admin.execute("SELECT pg_terminate_backend($1, 5000)", con.get_server_pid())
            self.fates[fate] += 1

    async def post(self, _url: str, body: bytes, _signed: Mapping[str, str]) -> Outcome:
        """Receive, or not; some answers are lost after the message was taken."""
        await asyncio.sleep(self.draw.random() * 0.005)
        (fate,) = self.draw.choices(["take", "lose", "fail", "away"], [80, 5, 10, 5])
        if fate in ("take", "lose"):
            self.received.append(msgspec.json.decode(body, type=Message))
        return {"take": Outcome(204), "lose": Outcome(None, "lost"), "fail": Outcome(400), "away": Outcome(503)}[fate]

    async def die(self, times: int) -> None:
        """Be workers that take deliveries and are killed before they say what became of them."""
        taken = 0
        while taken < times:
            async with transaction(self.pool, self.tenant) as con:
                batch = await service.take(con, Keyring(MASTER).of(self.tenant), self.tenant, self.webhook, system_clock(), PATIENCE)
            taken += batch is not None
            await asyncio.sleep(0.02)


async def weather(place: Place, writes: int, pause_s: float, deaths: int) -> tuple[Storm, list[tuple[UUID, UUID]]]:
    """Let a storm pass; return it, and each event that was committed, in order, with its subject."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    pool = await pools.create(place.app_dsn, WRITERS + 14)
    storm = Storm(place, pool, await place.centre(), random.Random(seed), pause_s)
    stop = asyncio.Event()
    try:
        await storm.subscribe()
        workers = [asyncio.create_task(_work(storm, stop)) for _ in range(2)]
        await asyncio.gather(storm.die(deaths), *(storm.write(writes) for _ in range(WRITERS)))
        async with transaction(pool, storm.tenant) as con:
            committed = [
                tuple(row) for row in await con.fetch("SELECT id, subject FROM event WHERE name = 'x.y' ORDER BY subject, detail -> 'n'")
            ]
        await _until(lambda: _nothing_waits(storm))
        stop.set()
        await asyncio.gather(*workers)
    finally:
        await pool.close()
    return storm, [(one[0], one[1]) for one in committed]


async def _work(storm: Storm, stop: asyncio.Event) -> None:
    pool = await pools.create(storm.place.app_dsn, 8)
    try:
        await queue.run(pool, {DELIVER: Deliverer(pool, Keyring(MASTER), storm.post, system_clock, PATIENCE)}, stop)
    finally:
        await pool.close()


async def _nothing_waits(storm: Storm) -> bool:
    async with transaction(storm.pool, storm.tenant) as con:
        return not await con.fetchval("SELECT count(*) FROM webhook_delivery WHERE state = 'waiting'")


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(100):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def judge(storm: Storm, committed: list[tuple[UUID, UUID]]) -> None:
    """Each committed event was received, nothing else was, and each subject's came in their order when they came first."""
    assert min(storm.fates.values()) > 0 and len(storm.fates) == 3, storm.fates
    first = list(dict.fromkeys(message.id for message in storm.received))
    assert set(first) == {name for name, _ in committed}
    assert len(storm.received) > len(first), "some came twice: at least once is not exactly once"
    told: dict[UUID, list[UUID]] = defaultdict(list)
    happened: dict[UUID, list[UUID]] = defaultdict(list)
    subjects = dict(committed)
    for name in first:
        told[subjects[name]].append(name)
    for name, subject in committed:
        happened[subject].append(name)
    assert told == happened


async def test_nothing_is_lost_invented_or_out_of_order(place: Place) -> None:
    storm, committed = await weather(place, 40, 0.02, 10)
    assert len(committed) > 200
    judge(storm, committed)


@pytest.mark.fault
@pytest.mark.timeout(1500)
async def test_nothing_is_lost_invented_or_out_of_order_for_long(place: Place) -> None:
    storm, committed = await weather(place, 1250, 0.2, 200)
    assert len(committed) > 8000
    judge(storm, committed)


async def test_a_job_that_wakes_too_early_looks_again_and_others_rely_on_it(place: Place) -> None:
    tenant, webhook, now = await place.centre(), uuid7(), system_clock()
    async with place.app(tenant) as con:
        await store.add(con, tenant, webhook, "https://example.org/", [], b"sealed", now)
        assert await store.next_look(con, tenant, webhook, now, 1) is None, "nothing waits"
        await _insert(con, tenant, "x.y", uuid7())
        await con.execute("UPDATE webhook_delivery SET next_at = $1", now + timedelta(seconds=9))
        later, early = now + timedelta(seconds=9), now + timedelta(seconds=8)
        assert await store.next_look(con, tenant, webhook, now, 1) == later
        assert await store.next_look(con, tenant, webhook, now, 2) is None, "job 1 looks by then"
        assert await store.next_look(con, tenant, webhook, early, 1) == later
        # Job 1 is gone: whoever comes after its time takes its place.
        assert await store.next_look(con, tenant, webhook, later, 2) == later


async def test_an_event_without_a_subscriber_costs_no_row(place: Place) -> None:
    tenant = await place.centre()
    async with place.app(tenant) as con:
        await journal.record(con, tenant, system_clock(), [Event("x.y", uuid7())], by=WORKER)
        assert await con.fetchval("SELECT count(*) FROM webhook_delivery") == 0
        assert await con.fetchval("SELECT count(*) FROM pgqueuer WHERE payload::text LIKE $1", f"%{tenant.hex}%") == 0


async def test_events_that_enter_by_the_parent_are_offered_too(place: Place) -> None:
    tenant, webhook, subject = await place.centre(), uuid7(), uuid7()
    async with place.app(tenant) as con:
        await store.add(con, tenant, webhook, "https://example.org/", [], b"sealed", system_clock())
        await _insert(con, tenant, "x.y", subject)
        await _insert(con, tenant, "webhook.dead", webhook)
        rows = [tuple(row) for row in await con.fetch("SELECT webhook_id, subject, state, tried FROM webhook_delivery")]
        assert rows == [(webhook, subject, "waiting", 0)], "a webhook is not told of itself"


async def _insert(con: Connection, tenant: UUID, name: str, subject: UUID) -> None:
    await con.execute(
        "INSERT INTO event (tenant_id, id, name, subject, happened_at) VALUES ($1, $2, $3, $4, now())", tenant, uuid7(), name, subject
    )
