# SPDX-License-Identifier: Apache-2.0
"""One effect for each key, the same bytes each time, and nothing half done when the database goes away."""

import asyncio
from typing import Final

import asyncpg
import orjson
import pytest
from aiohttp.test_utils import TestServer

from api.app import make_app
from desmos_fast.base.clock import system_clock
from desmos_fast.base.settings import load
from desmos_fast.base.types import uuid7
from desmos_fast.db import idempotency
from desmos_fast.db import pool as pools
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.tenant import direct, transaction
from desmos_fast.settlement.dunning.reminders.jobs import Daily
from tests.api.conftest import MASTER, Desk, House, person
from tests.api.test_deadlines import locked

WRITES: Final = [
    "/v1/invoices", "/v1/invoices:batch", "/v1/invoices:stream", "/v1/lots:build", "/v1/returns", "/v1/bank-statements",
    "/v1/reconciliations",
]  # fmt: skip


@pytest.mark.parametrize("path", WRITES)
async def test_a_write_needs_a_key(house: House, desk: Desk, path: str) -> None:
    reply = await house.send("POST", path, {"Authorization": f"Bearer {desk.key}"}, b"{}")
    assert (reply.status, reply.code) == (400, "idempotency_key_missing")


async def test_the_same_key_gives_the_same_answer(desk: Desk) -> None:
    key, body = str(uuid7()), desk.invoice()
    first = await desk.post("/v1/invoices", body, key)
    again = await desk.post("/v1/invoices", body, key)
    assert first.status == again.status == 201
    assert first.body == again.body
    assert first.headers["Location"] == again.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await desk.count("invoice") == 1


async def test_the_same_key_with_another_request_is_refused(desk: Desk) -> None:
    key, body = str(uuid7()), desk.invoice()
    assert (await desk.post("/v1/invoices", body, key)).status == 201
    for path, sent in (("/v1/invoices", body | {"insured_nir": person(13)}), ("/v1/invoices?draft=true", body)):
        reply = await desk.post(path, sent, key)
        assert (reply.status, reply.code) == (422, "idempotency_key_reused")
    assert await desk.count("invoice") == 1


async def test_a_key_belongs_to_its_centre_and_route(house: House, desk: Desk) -> None:
    key, other = str(uuid7()), await house.desk()
    for caller, path in ((desk, "/v1/invoices"), (other, "/v1/invoices"), (desk, "/v1/reconciliations")):
        body: object = caller.invoice() if path.endswith("invoices") else b""
        reply = await caller.post(path, body, key)
        assert reply.status in (200, 201), reply.body
        assert "Idempotency-Replayed" not in reply.headers


async def test_many_at_once_make_one_effect(desk: Desk) -> None:
    key, body = str(uuid7()), desk.invoice()
    replies = await asyncio.gather(*(desk.insist("/v1/invoices", body, key) for _ in range(24)))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.body for reply in replies}) == 1
    assert sum("Idempotency-Replayed" not in reply.headers for reply in replies) == 1
    assert await desk.count("invoice") == 1


async def test_a_refused_request_leaves_its_key_free(desk: Desk) -> None:
    key, body = str(uuid7()), desk.invoice()
    wrong = body | {"insured_nir": person()[:13] + "98"}
    refused = await desk.post("/v1/invoices", wrong, key)
    assert refused.status == 422
    assert person()[:13].encode() not in refused.body
    assert await desk.count("idempotency") == 0
    assert (await desk.post("/v1/invoices", body, key)).status == 201


async def test_a_database_that_comes_back_is_found_again(house: House, desk: Desk) -> None:
    assert (await desk.post("/v1/invoices", desk.invoice())).status == 201
    key, body = str(uuid7()), desk.invoice()
    await house.wire.cut()
    for _ in range(3):
        reply = await desk.post("/v1/invoices", body, key)
        assert (reply.status, reply.code) == (503, "database_unavailable")
        assert 1 <= int(reply.headers["Retry-After"]) <= 5
    stranger = await house.send("GET", "/v1/dashboard", {"Authorization": f"Bearer {desk.key[:-1]}x"})
    assert (stranger.status, stranger.code) == (503, "database_unavailable")
    ready = await house.send("GET", "/readyz", {})
    assert (ready.status, ready.json["reason"]) == (503, "database")
    assert (await house.send("GET", "/livez", {})).status == 200
    await house.wire.mend()
    reply = await desk.post("/v1/invoices", body, key)
    assert reply.status == 201, reply.body
    assert (await house.send("GET", "/readyz", {})).json == {"status": "ready"}
    assert await desk.count("invoice") == 2


async def test_a_wire_cut_at_any_moment_doubles_nothing(house: House, desk: Desk) -> None:
    for tenth in range(12):
        key, body = str(uuid7()), desk.invoice()
        sending = asyncio.create_task(desk.post("/v1/invoices", body, key))
        await asyncio.sleep(tenth * 0.001)
        await house.wire.cut()
        first = await sending
        assert first.status in (201, 503), first.body
        await house.wire.mend()
        again = await desk.insist("/v1/invoices", body, key)
        assert again.status == 201, again.body
        assert first.status == 503 or first.body == again.body
        assert await desk.count("invoice") == tenth + 1


async def test_a_worker_takes_away_what_is_older_than_ninety_days_and_nothing_else(
    house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, ages = await house.desk(), (("91", 5), ("89", 2), ("0", 1))
    for centre in (desk, other):
        for days, many in ages:
            for turn in range(many):
                assert (await centre.post("/v1/invoices", centre.invoice(), f"{days}-{turn}")).status == 201
    async with direct(house.owner_dsn, desk.tenant) as con:
        await con.execute("UPDATE idempotency SET created_at = now() - make_interval(days => split_part(key, '-', 1)::int)")
    monkeypatch.setattr(idempotency, "FORGOTTEN_AT_ONCE", 2)
    await Daily(house.pool, Keyring(MASTER), system_clock).look()
    assert (await desk.count("idempotency"), await other.count("idempotency")) == (3, 8)
    for key, known in (("89-1", True), ("0-0", True), ("91-4", False)):
        reply = await desk.post("/v1/invoices", desk.invoice(), key)
        assert (reply.status, "Idempotency-Replayed" in reply.headers) == (201, known)
    assert await desk.count("invoice") == 9
    async with transaction(house.pool, desk.tenant) as con:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await con.execute("DELETE FROM idempotency")


async def test_what_a_lost_connection_left_at_work_holds_its_key_until_it_ends(house: House, desk: Desk) -> None:
    key, body = str(uuid7()), desk.invoice()
    async with locked(house, "invoice"):
        sending = asyncio.create_task(desk.post("/v1/invoices", body, key))
        await asyncio.sleep(0.3)
        await house.wire.cut()
        assert (await sending).status == 503
        await house.wire.mend()
        again = await desk.post("/v1/invoices", body, key)
        assert (again.status, again.code, again.headers["Retry-After"]) == (409, "idempotency_key_running", "1")
    assert (await desk.insist("/v1/invoices", body, key)).status == 201
    assert await desk.count("invoice") == await desk.count("ledger_entry") == 1


@pytest.mark.parametrize(
    ("setting", "trouble"),
    [("default_transaction_read_only=on", "read_only"), ("statement_timeout=1", None)],
)
async def test_a_database_that_refuses_for_now_is_away(house: House, desk: Desk, setting: str, trouble: str | None) -> None:
    """A primary that was demoted, or one that gives up on statements: nothing is written, and the caller is told to come back."""
    pool = await pools.create(f"{house.wire.dsn}&{setting}", 2)
    server = TestServer(make_app(load(), pool, Keyring(MASTER)))
    await server.start_server()
    headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
    body = b"\n".join(orjson.dumps(desk.invoice()) for _ in range(300))
    async with house.session.post(server.make_url("/v1/invoices:batch"), headers=headers, data=body) as reply:
        answer = await reply.json(content_type="application/problem+json")
        assert (reply.status, answer["code"]) == (503, "database_unavailable")
        assert 1 <= int(reply.headers["Retry-After"]) <= 5
    if trouble is not None:
        async with house.session.get(server.make_url("/readyz")) as reply:
            assert (reply.status, (await reply.json())["reason"]) == (503, trouble)
    await server.close()
    await pool.close()
    assert await desk.count("invoice") == 0
    assert (await desk.post("/v1/invoices:batch", body, key=headers["Idempotency-Key"])).json["accepted"] == 300
