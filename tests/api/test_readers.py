# SPDX-License-Identifier: Apache-2.0
"""A caller asks for the card at a desk, whichever process the desk is connected to; follows what happens there; nothing of it is kept."""

import asyncio
import dataclasses
import io
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import orjson
import pytest

from api import readers as room
from api.agents import AGENCY
from api.keys import CLOCK, LIFE
from desmos_fast.agents import relay, wire
from desmos_fast.agents.model import FAILURES
from desmos_fast.agents.rules import Models, model_of
from desmos_fast.base.clock import Clocks
from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import direct
from monitoring import metrics
from readers import errors
from readers.errors import CardGone, CardTimeout, NoLibrary
from readers.uplink_folder import Folder
from tests.agents.workstation import ATR, READER, FakeCards, happened, vitale
from tests.api.conftest import Desk, House, Reply, person
from tests.api.workstations import a_reader, enrolled, heard, line, proven, running, say, until


@pytest.fixture
async def folder(desk: Desk, second: str, tmp_path: Path) -> Folder:
    """Enrol a workstation that is connected to another process than the one that is asked."""
    return await enrolled(desk, tmp_path / "agent", second)


async def ask(desk: Desk, reader: str, deadline_s: float = 5) -> Reply:
    headers = {"Authorization": f"Bearer {desk.key}"}
    return await desk.house.send("POST", f"/v1/readers/{reader}:read", headers, orjson.dumps({"deadline_s": deadline_s}))


def counted(outcome: str) -> float:
    return float(metrics.card_reads.labels("gemalto_pc_twin_reader", outcome)._value.get())


async def test_the_card_at_a_desk_is_read_through_another_process(house: House, desk: Desk, folder: Folder, log: io.StringIO) -> None:
    cards, nir, before = FakeCards(happened("reader_added")), person(), counted("done")
    cards.answer = vitale(nir)
    async with running(folder, cards):
        reader = await a_reader(desk)
        assert house.app[AGENCY].relay.connected == 0
        reply = await ask(desk, reader["id"], 7)
    assert (reply.status, reply.json) == (
        200,
        {
            "reader": reader["id"], "atr": ATR, "card": "vitale2",
            "identity": {"last_name": "DUPONT", "first_name": "MARIE", "birth_date": "19550814", "nir": nir},
        },
    )  # fmt: skip
    assert cards.asked == [(READER, 7.0)] and counted("done") == before + 1
    # Who looked is in the trail, what they saw is nowhere.
    async with direct(house.owner_dsn, desk.tenant) as con:
        row = await con.fetchrow("SELECT action, subject, items FROM audit WHERE action LIKE 'POST %:read'")
        assert row is not None and tuple(row) == ("POST /v1/readers/{id}:read", reader["id"], 1)
        tables = [
            name["relname"]
            for name in await con.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        ]
        for table in tables:
            assert await con.fetchval(f"SELECT count(*) FROM {table} AS t WHERE t::text ~ $1", f"{nir}|DUPONT") == 0, table
    assert reply.headers["Cache-Control"] == "no-store"
    assert nir not in log.getvalue() and "DUPONT" not in log.getvalue() and "request" in log.getvalue()


async def test_what_processes_tell_each_other_cannot_be_read_or_forged(house: House, desk: Desk, folder: Folder) -> None:
    cards, nir, payloads = FakeCards(happened("reader_added")), person(), list[str]()
    cards.answer = vitale(nir)
    async with running(folder, cards), house.pool.acquire() as con:
        await con.add_listener(relay.CHANNEL, hear := lambda *heard: payloads.append(str(heard[-1])))
        reader = await a_reader(desk)
        assert (await ask(desk, reader["id"])).status == 200
        await until(lambda: asyncio.sleep(0, len(payloads)), lambda heard: heard >= 2)
        await con.remove_listener(relay.CHANNEL, hear)
        # A question that is heard again is answered to nobody, and one of somebody else is none.
        asked = len(cards.asked)
        read = wire.Read(request=uuid7(), reader=READER, deadline_s=1.0)
        stranger = relay.Relay(house.pool, b"x" * 32)
        await stranger._tell(relay.Ask(UUID(folder.service().agent), read))
        await con.execute("SELECT pg_notify($1, $2)", relay.CHANNEL, "nothing")
        await asyncio.sleep(0.2)
        assert len(cards.asked) == asked
        assert (await ask(desk, reader["id"])).status == 200
    assert payloads and nir not in str(payloads) and READER not in str(payloads)
    assert all(len(one) < 8000 for one in payloads)


@pytest.mark.parametrize("code", FAILURES)
async def test_an_error_of_the_workstation_has_its_code(desk: Desk, tmp_path: Path, code: str) -> None:
    cards, before = FakeCards(happened("reader_added")), counted(code)
    kinds = {kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ReaderError)}
    cards.answer = kinds[code]("2 55 08 99 999 012 83 said so")
    async with running(await enrolled(desk, tmp_path / "agent"), cards):
        reply = await ask(desk, (await a_reader(desk))["id"])
    assert (reply.status, reply.code) == (503, code) and "said so" not in str(reply.json) and counted(code) == before + 1


async def test_an_error_that_is_not_known_is_not_repeated(desk: Desk, folder: Folder) -> None:
    cards = FakeCards(happened("reader_added"))
    cards.answer = NoLibrary("x")
    async with running(folder, cards):
        assert (await ask(desk, (await a_reader(desk))["id"])).code == "reader_failed"


async def test_no_card_in_time_is_said_in_time(desk: Desk, folder: Folder) -> None:
    async with running(folder, FakeCards(happened("reader_added"))):
        reader = await a_reader(desk)
        began = asyncio.get_running_loop().time()
        assert (await ask(desk, reader["id"], 1)).code == CardTimeout.code
    assert 1.0 <= asyncio.get_running_loop().time() - began < 1.6


async def test_a_workstation_that_does_not_answer_is_given_up(desk: Desk, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "GRACE_S", 0.2)
    cards = FakeCards(happened("reader_added"))

    async def never(_reader: str, _deadline_s: float) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(cards, "read", never)
    async with running(folder, cards):
        assert (await ask(desk, (await a_reader(desk))["id"], 1)).code == "reader_away"


async def test_a_workstation_that_leaves_while_it_reads_is_told_at_once(desk: Desk, folder: Folder) -> None:
    cards = FakeCards(happened("reader_added"))
    async with running(folder, cards) as agent:
        reader = await a_reader(desk)
        asked = asyncio.create_task(ask(desk, reader["id"], 20))
        await until(lambda: asyncio.sleep(0, cards.asked), bool)
        agent.cancel()
        async with asyncio.timeout(2):
            assert (await asked).code == "reader_away"
    assert (await ask(desk, reader["id"])).code == "reader_away"


@pytest.mark.parametrize("body", [b"[]", b'{"deadline_s":0}', b'{"deadline_s":31}', b'{"reader":"x"}'])
async def test_a_question_has_its_form(desk: Desk, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {desk.key}"}
    assert (await desk.house.send("POST", f"/v1/readers/{uuid7()}:read", headers, body)).code == "agent_refused"


async def test_kinds_and_centres_are_apart(house: House, desk: Desk, folder: Folder) -> None:
    cards = FakeCards(happened("reader_added"))
    cards.answer = vitale(person())
    async with running(folder, cards):
        reader = await a_reader(desk)
        live = await house.desk("live")
        # A live key of the same centre does not see what a test key enrolled.
        async with direct(house.owner_dsn) as con:
            await con.execute("UPDATE api_key SET tenant_id = $1 WHERE tenant_id = $2", desk.tenant, live.tenant)
        for stranger in (await house.desk(), dataclasses.replace(desk, key=live.key)):
            assert (await stranger.get("/v1/readers")).json["readers"] == []
            assert (await ask(stranger, reader["id"])).status == 404
            assert [one async for one in frames(house.url, stranger, "?seconds=1", **{"Last-Event-ID": "0"})] == [{"retry": "1000"}]
    assert cards.asked == []


async def test_a_test_centre_whose_clock_is_ahead_reads_cards_as_any(house: House, desk: Desk, second: str, tmp_path: Path) -> None:
    clock = house.app[CLOCK]
    assert isinstance(clock, Clocks)
    clock.set({desk.tenant: timedelta(days=60)})
    cards = FakeCards(happened("reader_added"))
    cards.answer = vitale(person())
    async with running(await enrolled(desk, tmp_path / "agent", second), cards):
        assert (await ask(desk, (await a_reader(desk))["id"])).status == 200
        assert (await desk.get("/v1/agents")).json["agents"][0]["state"] == "online"


async def test_an_agent_answers_what_it_was_asked_and_nothing_else(desk: Desk, folder: Folder, tmp_path: Path) -> None:
    spy = (await enrolled(desk, tmp_path / "spy", name="Autre")).identity()
    cards = FakeCards(happened("reader_added"))
    async with running(folder, cards), line(desk.house.url) as ws:
        await proven(ws, spy)
        reader = await a_reader(desk)
        asked = asyncio.create_task(ask(desk, reader["id"], 1))
        waiting = desk.house.app[AGENCY].relay._waiting
        await until(lambda: asyncio.sleep(0, waiting), bool)
        await say(ws, wire.ReadDone(request=next(iter(waiting)), atr=ATR, card="vitale2", identity=wire.Holder(nir=person())))
        assert (await asked).code == CardTimeout.code


async def test_an_agent_that_is_asked_too_much_is_not_asked_more(desk: Desk, tmp_path: Path) -> None:
    identity = (await enrolled(desk, tmp_path / "agent")).identity()
    async with line(desk.house.url) as ws:
        await proven(ws, identity)
        event = {"number": 1, "kind": "reader_added", "at": "2026-01-01T00:00:00Z", "reader": READER}
        await ws.send_str(orjson.dumps({"type": "events", "events": [event]}).decode())
        await heard(ws)
        reader = await a_reader(desk)
        asked = [asyncio.create_task(ask(desk, reader["id"], 30)) for _ in range(20)]
        reads = [await heard(ws) for _ in range(16)]
        assert all(isinstance(one, wire.Read) for one in reads)
        done = await until(lambda: asyncio.sleep(0, [one for one in asked if one.done()]), lambda done: len(done) == 4)
        assert [one.result().code for one in done] == ["card_busy"] * 4
        await ws.close()
        async with asyncio.timeout(5):
            assert sorted([(await one).code for one in asked]) == ["card_busy"] * 4 + ["reader_away"] * 16


async def test_a_wire_that_was_cut_is_heard_again(house: House, desk: Desk, folder: Folder) -> None:
    cards = FakeCards(happened("reader_added"))
    cards.answer = vitale(person())
    async with running(folder, cards):
        reader = await a_reader(desk)
        assert (await ask(desk, reader["id"])).status == 200
        await house.wire.cut()
        assert (await ask(desk, reader["id"])).code == "database_unavailable"
        await house.wire.mend()
        await until(lambda: ask(desk, reader["id"], 1), lambda reply: reply.status == 200)


# --- events


async def frames(url: str, desk: Desk, query: str = "", **headers: str) -> AsyncGenerator[dict[str, str], None]:
    """Follow what happens, frame by frame."""
    sent = {"Authorization": f"Bearer {desk.key}", **headers}
    async with aiohttp.ClientSession() as session, session.get(f"{url}/v1/readers/events{query}", headers=sent) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
        while frame := await response.content.readuntil(b"\n\n"):
            yield dict(one.split(": ", 1) for one in frame.decode().strip().split("\n"))


async def test_what_happens_is_told_by_another_process_and_nothing_is_missed(house: House, desk: Desk, folder: Folder) -> None:
    cards = FakeCards(happened("reader_added"))
    async with running(folder, cards):
        await a_reader(desk)
        async with asyncio.timeout(5):
            stream = frames(house.url, desk)
            assert await anext(stream) == {"retry": "1000"}
            cards.queue.put_nowait(happened("card_inserted", atr=ATR))
            first = await anext(stream)
            told = orjson.loads(first["data"])
            assert (first["event"], told["kind"], told["reader"], told["atr"]) == ("card_inserted", "card_inserted", READER, ATR)
            assert told["agent"] == folder.service().agent and str(told["seq"]) == first["id"]
            await stream.aclose()
            cards.queue.put_nowait(happened("card_removed", atr=ATR))
            again = frames(house.url, desk, **{"Last-Event-ID": first["id"]})
            assert [(await anext(again)).get("event") for _ in range(2)] == [None, "card_removed"]
            await again.aclose()
            # From the beginning, in order, without a gap.
            whole = frames(house.url, desk, **{"Last-Event-ID": "0"})
            found = [await anext(whole) for _ in range(5)]
            await whole.aclose()
    assert [(one["id"], one["event"]) for one in found[1:]] == [
        ("1", "agent_started"), ("2", "reader_added"), ("3", "card_inserted"), ("4", "card_removed"),
    ]  # fmt: skip


async def test_a_stream_ends_with_its_time_its_key_and_the_service(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "QUIET_S", 0.1)
    began = asyncio.get_running_loop().time()
    assert {tuple(one) for one in [one async for one in frames(house.url, desk, "?seconds=1")]} == {("retry",), ("",)}
    assert asyncio.get_running_loop().time() - began < 2
    made = (await desk.post("/v1/keys", {"roles": ["biller"]})).json
    clerk = dataclasses.replace(desk, key=made["secret"])
    async with asyncio.timeout(5):
        stream = frames(house.url, clerk)
        await anext(stream)
        await house.send("DELETE", f"/v1/keys/{made['id']}", {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())})
        assert all([tuple(one) == ("",) async for one in stream])
        stream = frames(house.url, desk)
        await anext(stream)
        house.app[LIFE].leaving = True
        assert all([tuple(one) == ("",) async for one in stream])


async def test_a_stream_that_is_never_quiet_ends_with_its_key(house: House, desk: Desk, folder: Folder) -> None:
    cards = FakeCards(happened("reader_added"))
    made = (await desk.post("/v1/keys", {"roles": ["biller"]})).json
    clerk = dataclasses.replace(desk, key=made["secret"])
    async with running(folder, cards):
        await a_reader(desk)
        async with asyncio.timeout(10):
            stream = frames(house.url, clerk)
            await anext(stream)
            await house.send("DELETE", f"/v1/keys/{made['id']}", {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())})
            await asyncio.sleep(1)
            cards.queue.put_nowait(happened("card_inserted", atr=ATR))
            assert [one async for one in stream] == []


async def test_a_place_in_the_stream_is_a_number(desk: Desk) -> None:
    for given in ("x", "-1", "1" * 19, "٣"):
        headers = {"Authorization": f"Bearer {desk.key}", "Last-Event-ID": given}
        assert (await desk.house.send("GET", "/v1/readers/events?seconds=1", headers)).code == "bad_parameter"


# --- metrics


@pytest.mark.parametrize(
    ("reader", "model"),
    [
        (READER, "gemalto_pc_twin_reader"), ("Virtual PCD 00 01", "virtual_pcd"), ("SCM SCR 3310 [CCID] (2112001) 01 00", "scm_scr_3310"),
        ("Ingenico EFT930 20111234567 0", "ingenico_eft930_0"), ("2 55 08 99 999 012 83", "other"), ("", "other"), ("éà", "other"),
        ("x" * 90, "x" * 40),
    ],
)  # fmt: skip
def test_a_model_is_a_reader_without_its_numbers(reader: str, model: str) -> None:
    assert model_of(reader) == model


def test_models_are_no_series_without_end() -> None:
    models = Models(2)
    assert [models.of(one) for one in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]


def test_a_card_that_left_has_the_code_that_the_workstation_says() -> None:
    assert CardGone.code in FAILURES
