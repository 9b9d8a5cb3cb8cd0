# SPDX-License-Identifier: Apache-2.0
"""Invoices that come one by one at once are committed together, and nobody can tell but by the clock."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import pytest

from api import lanes
from api.admission import Busy
from api.keys import KEYS, POOL, TOGETHER
from api.lanes import Way
from desmos_fast.base.types import uuid7
from desmos_fast.db.idempotency import Asked
from desmos_fast.db.tenant import direct
from desmos_fast.settlement.ledger import service as ledger
from monitoring import metrics
from tests.api.conftest import Desk, House, Reply, person
from tests.api.test_invoices import AMC, APART, REAL_FORM, priced, rows

PATH: Final = "/v1/invoices"
# What is new each time, is of one centre alone, or is made of one of these.
OWN: Final = frozenset({
    "tenant_id", "id", "invoice_id", "subject", "entry_id", "ref", "biller", "signed_at", "happened_at", "posted_at", "created_at",
    "sealed", "content_hash", "insured_key", "actor", "hash", "key", "fingerprint", "updated_at",
})  # fmt: skip
TABLES: Final = ("invoice", "share", "event", "ledger_entry", "ledger_line", "idempotency", "counter")
# What a commit holds until its end: the next number of the centre's invoices.
HOLD: Final = """
    INSERT INTO counter (tenant_id, kind, name, value) VALUES ($1, 'invoice', $2, 0)
    ON CONFLICT (tenant_id, kind, name) DO UPDATE SET value = counter.value
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be sent away because the machine is busy: how long a request waits is tested elsewhere."""
    monkeypatch.setattr(lanes, "WAIT_S", 30.0)


def bodies(desk: Desk) -> list[dict[str, Any]]:
    """Return invoices of every sort."""
    made = [
        priced(desk, 2100, 900, amc=AMC, insured_nir=person(1)) | {"number": 30},
        priced(desk, 1400, 600, amc=APART, insured_nir=person(2)),
        desk.invoice("02_dental_ccam", insured_nir=person(3)),
        priced(desk, 3000, 0, insured_nir=person(4), third_party="none") | {"number": 20},
        desk.invoice(insured_nir=person(5)) | {"number": 4},
    ]
    for act in made[1]["acts"]:
        act |= dict.fromkeys(("unit_price", "base", "fees"), 2000)
    made[3]["acts"][0]["rate"], made[3]["amo"]["exemption"] = 100, "4"
    return made + [desk.invoice(insured_nir=person(order)) for order in range(6, 12)]


@asynccontextmanager
async def held(desk: Desk) -> AsyncIterator[None]:
    """Keep a first request of the centre in the middle of its commit, for it waits for a number, while the body runs."""
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        await con.execute(HOLD, desk.tenant, desk.finess)
        first = asyncio.create_task(desk.post(PATH, desk.invoice(insured_nir=person(0))))
        await asyncio.sleep(0.2)
        yield
        await asyncio.sleep(0.2)
    assert (await first).status == 201


async def at_once(desk: Desk, sent: Sequence[object], keys: Sequence[str | None] | None = None) -> list[Reply]:
    """Send requests while a commit of the same centre is under way: the next one serves them all."""
    async with held(desk):
        later = []
        for body, key in zip(sent, keys or [None] * len(sent), strict=True):
            later.append(asyncio.create_task(desk.post(PATH, body, key)))
            await arrived(desk, len(later))
    return list(await asyncio.gather(*later))


async def arrived(desk: Desk, count: int) -> None:
    """Wait until so many requests of the centre wait, a little at most: one that is refused at once never does."""
    for _ in range(40):
        if desk.house.app[TOGETHER].waiting(desk.tenant) >= count:
            return
        await asyncio.sleep(0.002)


async def table(desk: Desk, name: str) -> list[str]:
    """Return the rows of a table without what is a centre's own."""
    found = []
    for row in await rows(desk, f"SELECT * FROM {name}"):
        kept = {column: value for column, value in dict(row).items() if column not in OWN}
        if name == "idempotency":
            kept["body"] = sorted(item for item in orjson.loads(row["body"]).items() if item[0] != "id")
            kept["headers"] = sorted(orjson.loads(row["headers"]))
        if name == "counter":
            kept.pop("name")
        found.append(repr(sorted(kept.items(), key=lambda item: item[0])).replace(desk.finess, "FINESS"))
    return sorted(found)


async def test_rows_are_those_of_requests_that_came_alone(house: House, desk: Desk) -> None:
    other = await house.desk()
    alone = [await other.post(PATH, body) for body in (other.invoice(insured_nir=person(0)), *bodies(other))]
    replies = await at_once(desk, bodies(desk))
    assert {reply.status for reply in (*alone, *replies)} == {201}
    for name in TABLES:
        mine, theirs = await table(desk, name), await table(other, name)
        assert mine == theirs, name
        assert len(mine) >= (2 if name == "counter" else len(alone)), name
    # One transaction for all that waited: what this is about.
    found = Counter(row["xmin"] for row in await rows(desk, "SELECT xmin::text FROM invoice"))
    assert sorted(found.values()) == [1, len(replies)]
    assert len({row["xmin"] for row in await rows(other, "SELECT xmin::text FROM invoice")}) == len(alone)
    for body, reply in zip(bodies(desk), replies, strict=True):
        (row,) = await rows(desk, "SELECT number, total, state FROM invoice WHERE id = $1", reply.json["id"])
        assert dict(row) == {name: reply.json[name] for name in ("number", "total", "state")}
        assert row["number"] == body.get("number", row["number"])
        assert row["total"] == sum(act["fees"] for act in body["acts"])
        assert reply.headers["Location"].endswith(reply.json["id"])
    async with direct(house.owner_dsn, desk.tenant) as con:
        assert (await ledger.verify(con, desk.tenant, lambda *_: None)).holds


async def test_a_bad_one_fails_alone(desk: Desk) -> None:
    good = [desk.invoice(insured_nir=person(order)) for order in range(5)]
    no_json, wrong, twice = b"{", desk.invoice(insured_nir=REAL_FORM), desk.invoice() | {"number": 7}
    replies = await at_once(desk, [good[0], no_json, twice, good[1], wrong, twice, good[2], b"[1]"])
    assert [reply.status for reply in replies] == [201, 422, 201, 201, 422, 422, 201, 422]
    codes = [reply.json["errors"][0]["code"] for reply in replies if reply.status == 422]
    assert codes == ["B2_BAD_JSON", "wrong_key_kind", "B2_DUPLICATE_NUMBER", "B2_BAD_VALUE"]
    assert not any("line" in entry for reply in replies for entry in reply.json.get("errors", ()))
    assert [reply.json["number"] for reply in replies if reply.status == 201] == [2, 7, 3, 4]
    assert REAL_FORM.encode() not in b"".join(reply.body for reply in replies)
    assert await desk.count("invoice") == await desk.count("idempotency") == await desk.count("ledger_entry") == 5


AT_ONCE: Final = "ALTER TABLE invoice ADD CONSTRAINT unforeseen CHECK (number <> 777777777) NOT VALID"
AT_COMMIT: Final = """
    CREATE FUNCTION unforeseen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.number = 777777777 THEN RAISE check_violation; END IF; RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER unforeseen AFTER INSERT ON invoice DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION unforeseen()
"""


@pytest.mark.parametrize(
    ("refusal", "again"),
    [(AT_ONCE, "ALTER TABLE invoice DROP CONSTRAINT unforeseen"), (AT_COMMIT, "DROP FUNCTION unforeseen CASCADE")],
    ids=["at once", "at the commit"],
)
async def test_one_that_the_database_refuses_fails_alone(desk: Desk, refusal: str, again: str) -> None:
    """What no check of ours foresees is found by halves; the numbers of those beside it stay without a gap."""
    sent = [desk.invoice(insured_nir=person(order)) for order in range(9)]
    sent[4]["number"] = 777_777_777
    signed = metrics.invoices_signed.labels("test")._value.get()
    async with direct(desk.house.owner_dsn) as con:
        await con.execute(refusal)
    try:
        replies = await at_once(desk, sent)
    finally:
        async with direct(desk.house.owner_dsn) as con:
            await con.execute(again)
    assert [reply.status for reply in replies] == [201] * 4 + [500] + [201] * 4
    assert [reply.json["number"] for reply in replies if reply.status == 201] == list(range(2, 10))
    assert await desk.count("invoice") == await desk.count("idempotency") == await desk.count("event") == 9
    assert [row["seq"] for row in await rows(desk, "SELECT seq FROM ledger_entry ORDER BY seq")] == list(range(1, 10))
    assert metrics.invoices_signed.labels("test")._value.get() - signed == 9
    # Its key is free: what was refused left nothing.
    assert (await desk.post(PATH, sent[4])).status == 201


async def test_keys_are_kept_apart(desk: Desk) -> None:
    """Of a batch, one key is known with this body, one with another, one is running, and one is new."""
    first = desk.invoice(insured_nir=person(1))
    known, reused, fresh = str(uuid7()), str(uuid7()), str(uuid7())
    before = [await desk.post(PATH, first, key) for key in (known, reused)]
    other = desk.invoice(insured_nir=person(2))
    replies = await at_once(desk, [first, other, other, other], [known, reused, fresh, fresh])
    assert replies[0].body == before[0].body and replies[0].headers["Idempotency-Replayed"] == "true"
    assert (replies[1].status, replies[1].code) == (422, "idempotency_key_reused")
    assert replies[2].status == 201 and "Idempotency-Replayed" not in replies[2].headers
    assert (replies[3].status, replies[3].code, replies[3].headers["Retry-After"]) == (409, "idempotency_key_running", "1")
    again = await desk.post(PATH, other, fresh)
    assert again.body == replies[2].body and again.headers["Idempotency-Replayed"] == "true"
    assert await desk.count("invoice") == 4


async def test_drafts_and_explanations_go_their_own_way(desk: Desk) -> None:
    async with held(desk):
        ways = ("", "?draft=true", "?explain=true", "?draft=true&explain=true")
        later = [
            asyncio.create_task(desk.post(PATH + way, desk.invoice(insured_nir=person(order))))
            for order, way in enumerate(ways * 3)
        ]  # fmt: skip
    for way, sent in zip(ways * 3, later, strict=True):
        reply = await sent
        assert reply.json["state"] == ("priced" if "draft" in way else "signed")
        assert ("pricing" in reply.json) == ("explain" in way)
        if "explain" in way:
            assert reply.json["pricing"]["total"] == reply.json["total"]
    assert await desk.count("invoice") == 13


async def way_of(desk: Desk) -> Way:
    caller = await desk.house.app[KEYS].authenticate(desk.house.app[POOL], desk.key)
    return Way(caller, draft=False, explain=False, allow_late=False)


async def test_a_request_that_is_given_up_takes_nothing_from_its_neighbours(desk: Desk) -> None:
    signing, way = desk.house.app[TOGETHER], await way_of(desk)
    body = orjson.dumps(desk.invoice(insured_nir=person(3)))
    keys = [str(uuid7()) for _ in range(4)]

    def sign(key: str) -> "asyncio.Task[Any]":
        return asyncio.create_task(signing.sign(way, Asked(key, b"f" * 32), body))

    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        await con.execute(HOLD, desk.tenant, desk.finess)
        under_way = [sign(keys[0]), sign(keys[1])]
        await asyncio.sleep(0.2)
        waiting = [sign(keys[2]), sign(keys[3])]
        await asyncio.sleep(0.05)
        under_way[0].cancel()
        waiting[0].cancel()
        await asyncio.sleep(0.05)
    assert [(await task).status for task in (under_way[1], waiting[1])] == [201, 201]
    # The first was under way and is kept, though nobody waited for it; the other one had not begun.
    assert await desk.count("invoice") == 3
    assert [(await sign(key)).replayed for key in keys] == [True, True, False, True]
    assert await desk.count("invoice") == 4


async def test_all_learn_that_the_database_went_away(house: House, desk: Desk) -> None:
    keys, sent = [str(uuid7()) for _ in range(20)], [desk.invoice(insured_nir=person(order)) for order in range(20)]
    for tenth in range(6):
        later = [asyncio.create_task(desk.post(PATH, body, key)) for body, key in zip(sent, keys, strict=True)]
        await asyncio.sleep(tenth * 0.004)
        await house.wire.cut()
        replies = await asyncio.gather(*later)
        assert {reply.status for reply in replies} <= {201, 503}
        assert {reply.code for reply in replies if reply.status == 503} <= {"database_unavailable"}
        await house.wire.mend()
        again = await asyncio.gather(*(desk.insist(PATH, body, key) for body, key in zip(sent, keys, strict=True)))
        assert {reply.status for reply in again} == {201}
        assert all(one.body == two.body for one, two in zip(replies, again, strict=True) if one.status == 201)
        assert await desk.count("invoice") == await desk.count("ledger_entry") == 20 * (tenth + 1)
        keys = [str(uuid7()) for _ in range(20)]


async def test_the_queue_has_an_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    other = await desk.house.desk()
    monkeypatch.setattr(lanes, "MOST_WAITING", 3)
    async with held(desk):
        waiting = [asyncio.create_task(desk.post(PATH, desk.invoice(insured_nir=person(order)))) for order in range(3)]
        await asyncio.sleep(0.1)
        reply = await desk.post(PATH, desk.invoice())
        assert (reply.status, reply.code) == (503, "busy")
        assert 1 <= int(reply.headers["Retry-After"]) <= 5
        # It is this centre's own end.
        assert (await other.post(PATH, other.invoice())).status == 201
    assert {reply.status for reply in await asyncio.gather(*waiting)} == {201}
    assert (await desk.post(PATH, desk.invoice())).status == 201


async def test_a_centre_that_floods_does_not_starve_another(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    other, signing = await house.desk(), house.app[TOGETHER]
    flooding, small = await way_of(desk), await way_of(other)
    bodies = orjson.dumps(desk.invoice()), orjson.dumps(other.invoice())
    serve, commits, came = signing._serve, Counter[Way](), Counter[str]()

    async def counted(con: Any, way: Way, batch: Any) -> Any:
        commits[way] += 1
        return await serve(con, way, batch)

    monkeypatch.setattr(signing, "_serve", counted)
    over = asyncio.Event()

    async def flood() -> None:
        while not over.is_set():
            try:
                came[str((await signing.sign(flooding, Asked(str(uuid7()), b"f" * 32), bodies[0])).status)] += 1
            except Busy:
                came["busy"] += 1
                await asyncio.sleep(0.005)

    callers = [asyncio.create_task(flood()) for _ in range(3 * lanes.MOST_AT_ONCE)]
    await asyncio.sleep(0.3)
    waited = []
    for _ in range(10):
        before = commits[flooding]
        assert (await signing.sign(small, Asked(str(uuid7()), b"s" * 32), bodies[1])).status == 201
        waited.append(commits[flooding] - before)
    over.set()
    await asyncio.gather(*callers)
    assert came["201"] > lanes.MOST_AT_ONCE and came["busy"] > 0, "it was to be a flood"
    # One that asks waits for the commit that is being made, or two, whatever stands in the other's queue.
    assert max(waited) <= 3
    assert commits[flooding] < came["201"] / 20


async def test_a_batch_is_cut_by_count_and_size(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST_AT_ONCE", 4)
    sent = [desk.invoice(insured_nir=person(order)) for order in range(10)]
    assert {reply.status for reply in await at_once(desk, sent)} == {201}
    found = Counter(row["xmin"] for row in await rows(desk, "SELECT xmin::text FROM invoice"))
    assert sorted(found.values()) == [1, 2, 4, 4]
    monkeypatch.setattr(lanes, "BYTES_AT_ONCE", len(orjson.dumps(sent[0])) * 2 + 10)
    assert {reply.status for reply in await asyncio.gather(*(desk.post(PATH, body) for body in sent))} == {201}
    found = Counter(row["xmin"] for row in await rows(desk, "SELECT xmin::text FROM invoice WHERE number > 11"))
    assert sum(found.values()) == 10 and max(found.values()) <= 2


async def test_nothing_is_kept_of_who_left(desk: Desk) -> None:
    await at_once(desk, [desk.invoice(), b"{"])
    signing = desk.house.app[TOGETHER]
    kept = signing._lanes
    assert not (kept._lanes or kept._keys or kept._waiting or signing._drains)
    assert kept._bytes == kept._in_all == 0


@pytest.mark.parametrize(
    ("before", "crossings", "places"),
    [
        (1, 1, "after COPY"),
        (1, 5, "after COPY"),
        (1, 1, "after INSERT INTO idempotency"),
        (1, 1, "before COMMIT"),
        (1, 1, "after COMMIT"),
        (2, 1, "after exchange (?!COMMIT)"),
        (2, 1, "before exchange COMMIT"),
        (2, 1, "after exchange COMMIT"),
        (2, 3, "before answer"),
        (2, 2, "before exchange COMMIT"),
        (2, 2, "after exchange COMMIT"),
    ],
)
async def test_a_service_killed_between_copy_and_answer_loses_and_doubles_nothing(
    house: House, desk: Desk, tmp_path: Path, before: int, crossings: int, places: str
) -> None:  # fmt: skip
    """From the third request of a centre on nothing about it is unknown: the next commit takes two exchanges, those after it one."""
    told = tmp_path / "told"
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.dying", house.wire.dsn, str(crossings), places, str(told), stdout=asyncio.subprocess.PIPE
    )
    assert dying.stdout is not None
    port = int(await asyncio.wait_for(dying.stdout.readline(), 30))
    sent = {str(uuid7()): desk.invoice(insured_nir=person(order)) for order in range(24)}
    acknowledged: dict[str, bytes] = {}

    async def ask(key: str, body: object) -> None:
        headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": key}
        try:
            async with house.session.post(f"http://127.0.0.1:{port}{PATH}", headers=headers, data=orjson.dumps(body)) as reply:
                assert reply.status == 201
                acknowledged[key] = await reply.read()
        except aiohttp.ClientError:
            return

    try:
        first, others = list(sent.items())[:before], list(sent.items())[before:]
        for one in first:
            await ask(*one)
        dying.send_signal(signal.SIGUSR1)
        assert await asyncio.wait_for(dying.stdout.readline(), 10) == b"laid\n"
        await asyncio.wait_for(asyncio.gather(*(ask(key, body) for key, body in others)), 20)
        assert await asyncio.wait_for(dying.wait(), 5) == -9
    finally:
        if dying.returncode is None:
            dying.kill()
            await dying.wait()
    assert 1 <= len(acknowledged) < 24, "it was to die in the midst of the others"
    stored = {row["id"] for row in await rows(desk, "SELECT id::text FROM invoice")}
    assert {orjson.loads(body)["id"] for body in acknowledged.values()} <= stored
    replies = {key: await desk.insist(PATH, body, key) for key, body in sent.items()}
    assert {reply.status for reply in replies.values()} == {201}
    assert all(replies[key].body == body for key, body in acknowledged.items())
    assert await desk.count("invoice") == await desk.count("ledger_entry") == await desk.count("event") == 24
    assert sorted(reply.json["number"] for reply in replies.values()) == list(range(1, 25))
