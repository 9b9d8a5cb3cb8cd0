# SPDX-License-Identifier: Apache-2.0
"""Webhooks through the real service, told over real TLS to a receiver that drops, delays and refuses."""

import asyncio
import random
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
import orjson
import pytest

from desmos_fast.base.clock import system_clock
from desmos_fast.base.signature import verify
from desmos_fast.base.types import uuid7
from desmos_fast.db import journal, queue
from desmos_fast.db import pool as pools
from desmos_fast.db.journal import WORKER, Event
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.tenant import transaction
from desmos_fast.webhooks import store
from desmos_fast.webhooks.events import EVENTS
from desmos_fast.webhooks.jobs import Deliverer
from desmos_fast.webhooks.model import DELIVER
from desmos_fast.webhooks.rules import Hosts, Patience
from desmos_fast.webhooks.sender import Poster
from desmos_fast.webhooks.service import BATCH
from tests.api.conftest import MASTER, Desk, House, Reply, person
from tests.api.post import build, column, events, rows, sign
from tests.api.receiver import Fate, Receiver, receiving
from tests.api.worker import start
from tests.lots.transports.authority import Authority
from tests.oracle import standard_webhooks
from tests.settlement.rejects.work import Work

pytestmark = pytest.mark.usefixtures("empty_queue")

QUICK: Final = Patience(tries=4, first_s=0.02, longest_s=0.05, lease_s=1.5)
PATIENT: Final = Patience(tries=60, first_s=0.02, longest_s=0.05, lease_s=1.5)


@pytest.fixture(autouse=True)
def any_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let deliveries go to loopback, unless a test says otherwise, and tell of what only happens here."""
    monkeypatch.setenv("DESMOS_WEBHOOK_HOSTS", "any")
    monkeypatch.setattr("desmos_fast.webhooks.rules.EVENTS", EVENTS | {"x.y", "x.first"})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("keys"))


@pytest.fixture
async def receiver(authority: Authority) -> AsyncIterator[Receiver]:
    async with receiving(authority) as running:
        yield running


async def subscribe(desk: Desk, url: str, *names: str) -> dict[str, Any]:
    reply = await desk.post("/v1/webhooks", {"url": url, "events": names})
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json
    return made


async def delete(desk: Desk, path: str, key: str | None = None) -> Reply:
    headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": key or str(uuid7())}
    return await desk.house.send("DELETE", path, headers)


async def deliver(desk: Desk, authority: Authority, patience: Patience = QUICK, *, hosts: Hosts = "any") -> None:
    """Tell what is to be told, as a worker would, until nothing is due soon."""
    pool = await pools.create(desk.house.wire.dsn, 8)
    trust = ssl.create_default_context(cafile=str(authority.file))
    try:
        async with Poster(hosts, trust=trust, timeout=aiohttp.ClientTimeout(total=1.0)) as poster:
            deliverer = Deliverer(pool, Keyring(MASTER), poster.post, system_clock, patience)
            await queue.run(pool, {DELIVER: deliverer}, asyncio.Event(), once=True)
    finally:
        await pool.close()


async def happen(desk: Desk, *happened: Event) -> None:
    """Let things happen, each in a transaction of its own."""
    for event in happened:
        async with transaction(desk.house.pool, desk.tenant) as con:
            await journal.record(con, desk.tenant, system_clock(), [event], by=WORKER)


async def standing(desk: Desk) -> dict[str, Any]:
    (found,) = (await desk.get("/v1/webhooks")).json["webhooks"]
    told: dict[str, Any] = found
    return told


async def test_a_build_is_told_signed_and_without_people(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    made = await subscribe(desk, receiver.url, "file.queued", "share.lotted")
    ids = await sign(desk, "01_ngap_visit", "02_dental_ccam")
    (file,) = (await build(desk))["files"]
    await deliver(desk, authority)
    assert {tuple(sorted(message)) for message in receiver.taken()} == {("at", "event", "id", "invoice", "part", "subject")}
    told = [(message["event"], message["subject"], message["invoice"], message["part"]) for message in receiver.taken()]
    lot = file["lots"][0]["id"]
    assert sorted(told, key=str) == sorted(
        [("file.queued", file["id"], None, None), ("share.lotted", lot, ids[0], "amo"), ("share.lotted", lot, ids[1], "amo"),
         ("share.lotted", lot, ids[1], "amc")], key=str,
    )  # fmt: skip
    now_s = int(datetime.now(UTC).timestamp())
    for body, headers in receiver.raw:
        assert orjson.loads(standard_webhooks.verified(made["secret"], headers, body, now_s=now_s))["id"] == headers["Webhook-Id"]
        assert verify(made["secret"], headers, body, now_s=now_s)
        assert not verify(made["secret"], headers, body, now_s=now_s + 400), "an old delivery may be a replay"
        assert not verify(made["secret"], headers, body + b" ", now_s=now_s)
        assert not verify("whsec_b3RoZXI=", headers, body, now_s=now_s)
        assert person(900).encode() not in body
    assert (await standing(desk)) | {"created_at": None, "delivered_at": None} == {
        "id": made["id"], "url": receiver.url, "events": ["file.queued", "share.lotted"], "created_at": None, "waiting": 0, "dead": 0,
        "failures": 0, "paused_until": None, "delivered_at": None, "former_secret_until": None,
    }  # fmt: skip


async def test_a_secret_is_shown_once_and_kept_nowhere_in_clear(desk: Desk, receiver: Receiver) -> None:
    first = await desk.post("/v1/webhooks", {"url": receiver.url}, key="once")
    again = await desk.post("/v1/webhooks", {"url": receiver.url}, key="once")
    assert (first.status, again.status, again.headers["Idempotency-Replayed"]) == (201, 201, "true")
    secret = first.json["secret"]
    assert len(secret) > 40 and again.json == first.json | {"secret": None}
    assert secret not in (await desk.get("/v1/webhooks")).body.decode()
    async with rows(desk) as con:
        tables = ("webhook", "webhook_delivery", "idempotency", "event")
        texts = [row[0] for table in tables for row in await con.fetch(f"SELECT t::text FROM {table} AS t")]
        bodies = [bytes(row[0]) for row in await con.fetch("SELECT body FROM idempotency UNION ALL SELECT sealed FROM webhook")]
    assert len(texts) >= 3 and not [text for text in texts if secret in text] and not [body for body in bodies if secret.encode() in body]


async def test_a_receiver_that_drops_delays_and_fails_is_told_everything_in_order(
    desk: Desk, receiver: Receiver, authority: Authority
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    fates: tuple[Fate, ...] = ("take", "drop", "fail", "refuse", "redirect", "take and drop", "late")
    receiver.fate = lambda _message, _before: draw.choices(fates, [12, 4, 4, 1, 1, 1, 1])[0]
    await subscribe(desk, receiver.url)
    subjects = [uuid7() for _ in range(6)]
    happened = [Event("x.y", draw.choice(subjects)) for _ in range(60)]
    await happen(desk, *happened)
    await deliver(desk, authority, PATIENT)
    assert [state for (state,) in await told_states(desk)] == ["delivered"] * len(happened)
    assert {fate for _, fate in receiver.seen} >= {"take", "drop", "fail"}
    order = [str(name) for name in await column(desk, "SELECT event_id FROM webhook_delivery ORDER BY seq")]
    assert {message["id"] for message in receiver.taken()} == set(order)
    by_subject: dict[str, list[str]] = defaultdict(list)
    for message in receiver.taken():
        by_subject[message["subject"]].append(message["id"])
    for told in by_subject.values():
        assert told == sorted(told, key=order.index)
    assert max(len(told) for told in by_subject.values()) > 5


async def told_states(desk: Desk) -> list[tuple[str]]:
    return [(state,) for state in await column(desk, "SELECT state FROM webhook_delivery ORDER BY seq")]


async def test_what_is_never_taken_is_dead_listed_and_told_as_an_event(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    poison = uuid7()
    receiver.fate = lambda message, _before: "refuse" if message["subject"] == str(poison) else "take"
    made = await subscribe(desk, receiver.url)
    await happen(desk, Event("x.first", poison), Event("x.other", uuid7()), Event("x.second", poison))
    await deliver(desk, authority)
    assert [fate for message, fate in receiver.seen if message["event"] == "x.first"] == ["refuse"] * QUICK.tries
    # What comes after it on the same subject waits for its end, and what has another subject does not.
    assert [message["event"] for message, _ in receiver.seen].index("x.second") >= QUICK.tries
    page = (await desk.get(f"/v1/webhooks/{made['id']}/deliveries?state=dead")).json
    assert [(one["event"], one["tried"], one["status"], one["reason"]) for one in page["deliveries"]] == [
        ("x.second", 4, 400, "answered 400"), ("x.first", 4, 400, "answered 400")
    ]  # fmt: skip
    assert [(name, str(subject)) for name, subject in await events(desk, "webhook.dead")] == [("webhook.dead", made["id"])] * 2
    assert "webhook.dead" not in {message["event"] for message, _ in receiver.seen}, "it would go on for ever"
    found = await standing(desk)
    assert (found["waiting"], found["dead"], found["failures"]) == (0, 2, 0)


async def test_another_webhook_is_told_of_one_that_is_dead(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    receiver.fate = lambda message, _before: "refuse" if message["event"] == "x.first" else "take"
    await subscribe(desk, receiver.url, "x.first")
    await subscribe(desk, receiver.url, "webhook.dead")
    await happen(desk, Event("x.first", uuid7()))
    await deliver(desk, authority)
    assert [message["event"] for message in receiver.taken()] == ["webhook.dead"]


async def test_a_receiver_that_is_away_is_left_alone_and_few_jobs_wait_for_it(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    receiver.fate = lambda _message, _before: "fail"
    await subscribe(desk, receiver.url)
    await happen(desk, *(Event("x.y", uuid7()) for _ in range(100)))
    assert await column(desk, "SELECT count(*) FROM pgqueuer") == [100]
    slow = Patience(tries=12, first_s=3600.0, lease_s=1.5)
    await deliver(desk, authority, slow)
    tried = len(receiver.seen)
    assert BATCH <= tried <= queue.AT_ONCE * BATCH, "each job that runs tries some, and then nobody"
    found = await standing(desk)
    assert (found["waiting"], found["failures"]) == (100, 1)
    assert datetime.fromisoformat(found["paused_until"]) > datetime.now(UTC) + timedelta(minutes=20)
    (asleep,) = await column(desk, "SELECT count(*) FROM pgqueuer")
    assert 1 <= asleep <= queue.AT_ONCE, "those that ran at once sleep for all that wait"
    await happen(desk, Event("x.y", uuid7()))
    await deliver(desk, authority, slow)
    assert len(receiver.seen) == tried
    assert await column(desk, "SELECT count(*) FROM pgqueuer") == [asleep]


async def test_what_happened_since_an_instant_is_told_again(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    made = await subscribe(desk, receiver.url, "x.y")
    await happen(desk, Event("x.y", uuid7()), Event("x.z", uuid7()))
    await deliver(desk, authority)
    between = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    await happen(desk, Event("x.y", uuid7()), Event("x.y", uuid7()))
    await deliver(desk, authority)
    first = [message["id"] for message, _ in receiver.seen]
    assert len(first) == 3
    reply = await desk.post(f"/v1/webhooks/{made['id']}:replay?from={between}", b"")
    assert (reply.status, reply.json) == (200, {"queued": 2})
    await deliver(desk, authority)
    assert [message["id"] for message, _ in receiver.seen][3:] == first[1:]
    assert (await desk.post(f"/v1/webhooks/{made['id']}:replay?from=2000-01-01T00:00:00Z", b"")).json == {"queued": 3}
    for wrong in ("", "?from=2026-11-25", "?from=yesterday", "?from=2026-11-25T08:00:00"):
        reply = await desk.post(f"/v1/webhooks/{made['id']}:replay{wrong}", b"")
        assert (reply.status, reply.code) == (400, "bad_parameter")


async def test_deliveries_are_listed_by_pages(desk: Desk, receiver: Receiver) -> None:
    made = await subscribe(desk, receiver.url)
    await happen(desk, *(Event("x.y", uuid7()) for _ in range(5)))
    found, cursor = [], ""
    while True:
        page = (await desk.get(f"/v1/webhooks/{made['id']}/deliveries?limit=2{cursor}")).json
        found += [one["id"] for one in page["deliveries"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == sorted(await column(desk, "SELECT seq FROM webhook_delivery"), reverse=True) and len(found) == 5
    assert (await desk.get(f"/v1/webhooks/{made['id']}/deliveries?state=delivered")).json["deliveries"] == []
    assert (await desk.get(f"/v1/webhooks/{made['id']}/deliveries?state=lost")).code == "bad_parameter"


async def test_a_webhook_that_was_deleted_is_told_nothing_more(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    made = await subscribe(desk, receiver.url)
    await happen(desk, Event("x.y", uuid7()))
    assert (await delete(desk, f"/v1/webhooks/{made['id']}")).status == 204
    await happen(desk, Event("x.y", uuid7()))
    await deliver(desk, authority)
    assert receiver.seen == []
    assert await told_states(desk) == [("dropped",)]
    assert (await desk.get("/v1/webhooks")).json == {"webhooks": []}
    replies = [await delete(desk, f"/v1/webhooks/{made['id']}"), await desk.get(f"/v1/webhooks/{made['id']}/deliveries"),
               await desk.post(f"/v1/webhooks/{made['id']}:replay?from=2000-01-01T00:00:00Z", b"")]  # fmt: skip
    assert {(reply.status, reply.code) for reply in replies} == {(404, "not_found")}


async def test_one_key_deletes_one_webhook(desk: Desk, receiver: Receiver) -> None:
    first, second = await subscribe(desk, receiver.url), await subscribe(desk, receiver.url)
    assert (await delete(desk, f"/v1/webhooks/{first['id']}", "k")).status == 204
    assert (await delete(desk, f"/v1/webhooks/{first['id']}", "k")).status == 204
    assert (await delete(desk, f"/v1/webhooks/{second['id']}", "k")).code == "idempotency_key_reused"
    assert (await standing(desk))["id"] == second["id"]


async def test_another_centre_sees_nothing_of_it(desk: Desk, house: House, receiver: Receiver, authority: Authority) -> None:
    made = await subscribe(desk, receiver.url)
    other = await house.desk()
    await happen(other, Event("x.y", uuid7()))
    await deliver(desk, authority)
    assert receiver.seen == []
    assert (await other.get("/v1/webhooks")).json == {"webhooks": []}
    assert (await delete(other, f"/v1/webhooks/{made['id']}")).code == "not_found"
    assert (await other.get(f"/v1/webhooks/{made['id']}/deliveries")).code == "not_found"


async def test_a_centre_has_so_many_webhooks_and_no_more(desk: Desk, receiver: Receiver) -> None:
    for _ in range(16):
        await subscribe(desk, receiver.url)
    reply = await desk.post("/v1/webhooks", {"url": receiver.url})
    assert (reply.status, reply.code) == (409, "webhook_limit")


@pytest.mark.parametrize(
    "body",
    [{"url": "http://example.org/"}, {"url": "https:///x"}, {"url": "ftp://example.org/"}, {"url": "https://a:b@example.org/"},
     {"url": "https://example.org/#x"}, {"url": "https://exam ple.org/"}, {"url": "https://example.org:port/"}, {"url": ""}, {"url": 1}, {},
     {"url": "https://example.org/" + "x" * 2000}, {"url": f"https://example.org/{person()}"},
     {"url": "https://example.org/", "secret": "x"}, {"url": "https://example.org/", "events": ["file"]},
     {"url": "https://example.org/", "events": ["x.y"] * 65}, b"{", {"url": "https://a..b/"}, {"url": f"https://{'a' * 64}.example/"}],
)  # fmt: skip
async def test_a_webhook_that_cannot_be_is_refused(desk: Desk, body: object) -> None:
    reply = await desk.post("/v1/webhooks", body)
    assert (reply.status, reply.code) == (422, "webhook_refused")
    assert person() not in reply.body.decode()
    assert await desk.count("webhook") == 0


INSIDE: Final = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "localhost", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "224.0.0.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fec0::1]", "[64:ff9b:1::7f00:1]", "[::ffff:0:7f00:1]", "[::7f00:1]", "192.0.0.8",
)  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
async def test_addresses_that_are_not_public_are_refused_and_never_called(
    desk: Desk, host: str, authority: Authority, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    url = f"https://{host}:{port}/told"
    made = await subscribe(desk, url)
    from api.keys import WEBHOOK_HOSTS

    monkeypatch.setitem(desk.house.app._state, WEBHOOK_HOSTS, "public")
    reply = await desk.post("/v1/webhooks", {"url": url})
    assert (reply.status, reply.code) == (422, "webhook_refused")
    # A name may lead elsewhere by the time that it is called: it is looked at again then.
    await happen(desk, Event("x.y", uuid7()))
    await deliver(desk, authority, hosts="public")
    assert receiver.seen == []
    page = (await desk.get(f"/v1/webhooks/{made['id']}/deliveries")).json
    assert [(one["state"], one["reason"]) for one in page["deliveries"]] == [("dead", "address not public")]


async def test_a_certificate_that_nobody_vouches_for_is_not_told(desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    await subscribe(desk, receiver.url)
    await happen(desk, Event("x.y", uuid7()))
    await deliver(desk, Authority(tmp_path, "stranger"))
    assert receiver.seen == []
    assert await told_states(desk) == [("dead",)]


async def test_a_real_worker_tells_while_it_sends(
    desk: Desk, receiver: Receiver, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file goes into the letterbox, and that it did is told: each by a queue of its own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    receiver.fate = lambda _message, before: "take" if before else "fail"
    await subscribe(desk, receiver.url, "file.sent")
    await sign(desk, "01_ngap_visit")
    (file,) = (await build(desk))["files"]
    child = start(desk, tmp_path / "home", "worker")
    try:
        async with asyncio.timeout(60):
            while not receiver.taken():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        child.terminate()
        await asyncio.to_thread(child.communicate, timeout=30)
    assert [(message["event"], message["subject"]) for message in receiver.taken()] == [("file.sent", file["id"])]
    assert [fate for _, fate in receiver.seen] == ["fail", "take"]


async def test_a_delivery_whose_worker_died_is_made_by_another_when_its_time_is_over(
    desk: Desk, receiver: Receiver, authority: Authority
) -> None:
    made = await subscribe(desk, receiver.url)
    subject = uuid7()
    await happen(desk, Event("x.first", subject), Event("x.second", subject))
    now = system_clock()
    async with transaction(desk.house.pool, desk.tenant) as con:
        (taken,) = await store.take(con, desk.tenant, UUID(made["id"]), now, 16, now + timedelta(seconds=1))
    assert taken.message.event == "x.first"
    await deliver(desk, authority)
    assert [message["event"] for message in receiver.taken()] == ["x.first", "x.second"]
    assert datetime.now(UTC) >= now + timedelta(seconds=1)


async def test_a_reject_is_told_with_its_code_what_it_means_and_what_to_do(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    work = Work(desk)
    made = await work.sign()
    await subscribe(desk, receiver.url, "share.rejected", "share.announced")
    await work.told(work.says(made, "amo", code="0250050"), work.says(made, "amc", 1200))
    await deliver(desk, authority)
    told = {message["event"]: message for message in receiver.taken()}
    assert told["share.rejected"]["reject"] == {
        "code": "0250050", "class": "identity", "label": "Assuré absent du référentiel", "owner": "secretariat",
        "action": "Interroger les droits (ADRi), corriger le NIR ou la caisse, refaire la facture",
    }  # fmt: skip
    assert (told["share.rejected"]["invoice"], told["share.rejected"]["part"]) == (str(made.id), "amo")
    assert "reject" not in told["share.announced"]
    assert not any(person(12).encode() in body for body, _ in receiver.raw)
