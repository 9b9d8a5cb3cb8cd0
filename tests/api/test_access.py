# SPDX-License-Identifier: Apache-2.0
"""A centre keeps its keys: makes, lists, rotates and revokes them, each kind apart, each act in the trail."""

import asyncio
import dataclasses
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from desmos_fast.base.settings import load
from desmos_fast.base.types import KeyKind, uuid7
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service, store
from desmos_fast.identity.hashing import hash_key
from desmos_fast.identity.model import KeyAsked
from tests.api.conftest import Desk, House, Reply, person
from tests.api.test_centre_commands import home
from tests.api.worker import ROOT, environment

__all__ = ("home",)


async def delete(desk: Desk, path: str) -> Reply:
    return await desk.house.send("DELETE", path, {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())})


async def made(desk: Desk, **asked: object) -> tuple[Desk, dict[str, Any]]:
    reply = await desk.post("/v1/keys", {"roles": ["admin"], **asked})
    assert reply.status == 201, reply.body
    return dataclasses.replace(desk, key=reply.json["secret"]), reply.json


async def test_a_key_is_made_used_and_listed_without_its_secret(desk: Desk) -> None:
    clerk, told = await made(desk, roles=["biller", "agent", "biller"], label="Accueil")
    assert (told["kind"], told["label"], told["roles"]) == ("test", "Accueil", ["biller", "agent"])
    assert (await clerk.post("/v1/invoices", clerk.invoice())).status == 201
    page = (await desk.get("/v1/keys")).json
    assert [key["id"] for key in page["keys"]][0] == told["id"] and len(page["keys"]) == 2 and page["next"] is None
    assert page["keys"][0].keys() == {
        "id", "kind", "label", "roles", "created_at", "used_at", "expires_at", "revoked_at", "replaces",
    }  # fmt: skip
    assert clerk.key not in str(page)
    first = (await desk.get("/v1/keys?limit=1")).json
    rest = (await desk.get(f"/v1/keys?limit=1&cursor={first['next']}")).json
    assert [key["id"] for key in first["keys"] + rest["keys"]] == [key["id"] for key in page["keys"]]


async def test_the_secret_is_in_one_answer_only(house: House, desk: Desk) -> None:
    first = await desk.post("/v1/keys", {"roles": ["ops"]}, key="one")
    again = await desk.post("/v1/keys", {"roles": ["ops"]}, key="one")
    assert again.json == first.json | {"secret": None}
    assert again.headers["Idempotency-Replayed"] == "true"
    async with direct(house.owner_dsn, desk.tenant) as con:
        stored = await con.fetch("SELECT convert_from(body, 'UTF8') FROM idempotency")
    assert first.json["secret"] not in str(stored)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"roles": []}, {"roles": ["boss"]}, {"roles": ["ops"], "label": "x" * 101}, {"roles": ["ops"], "label": "a\nb"},
        {"roles": ["ops"], "expires_at": "2020-01-01T00:00:00Z"}, {"roles": ["ops"], "expires_at": "2999-01-01T00:00:00"},
        {"roles": ["ops"], "expires_at": "9999-12-31T23:59:59Z"}, {"roles": ["ops"], "expires_at": "9999-12-31T23:59:59-23:59"},
        {"roles": ["ops"], "kind": "live"}, {"roles": ["ops"], "label": person()}, [],
    ],
)  # fmt: skip
async def test_a_key_that_cannot_be_is_refused(desk: Desk, body: object) -> None:
    reply = await desk.post("/v1/keys", body)
    assert (reply.status, reply.code) == (422, "key_refused")
    assert person() not in reply.body.decode()
    assert len((await desk.get("/v1/keys")).json["keys"]) == 1


async def test_a_revoked_key_is_refused_everywhere_within_a_second(house: House, desk: Desk, second: str) -> None:
    gone, told = await made(desk)
    elsewhere = dataclasses.replace(house, url=second)
    both = [gone, dataclasses.replace(gone, house=elsewhere)]
    for one in both:
        assert (await one.get("/v1/dashboard")).status == 200
    assert (await delete(desk, f"/v1/keys/{told['id']}")).status == 204
    revoked = time.monotonic()
    # Asked all the while: what is remembered is not remembered longer for it.
    while time.monotonic() - revoked < 0.95:
        await asyncio.gather(*(one.get("/v1/schedule") for one in both))
    assert [(await one.get("/v1/schedule")).status for one in both] == [401, 401]
    # It stays revoked, whoever says so again.
    assert (await delete(desk, f"/v1/keys/{told['id']}")).status == 204
    [shown] = [key for key in (await desk.get("/v1/keys")).json["keys"] if key["id"] == told["id"]]
    assert shown["revoked_at"] is not None
    assert (await desk.post(f"/v1/keys/{told['id']}:rotate", b"")).code == "key_ended"


async def test_both_keys_work_until_the_overlap_ends(desk: Desk) -> None:
    old, told = await made(desk, roles=["admin", "ops"], label="Serveur")
    reply = await desk.post(f"/v1/keys/{told['id']}:rotate", {"overlap_s": 1})
    assert reply.status == 201, reply.body
    new = dataclasses.replace(desk, key=reply.json["secret"])
    assert (reply.json["replaces"], reply.json["roles"], reply.json["label"]) == (told["id"], ["admin", "ops"], "Serveur")
    assert (await old.get("/v1/keys")).status == (await new.get("/v1/keys")).status == 200
    await asyncio.sleep(1.1)
    assert ((await old.get("/v1/keys")).status, (await new.get("/v1/keys")).status) == (401, 200)


async def test_an_end_stays_an_end(desk: Desk) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    _, told = await made(desk, expires_at=soon.isoformat())
    # A day of overlap does not lengthen what was to end in an hour; the new key lasts as long as the old one was to.
    new = (await desk.post(f"/v1/keys/{told['id']}:rotate", b"")).json
    keys = {key["id"]: key for key in (await desk.get("/v1/keys")).json["keys"]}
    assert datetime.fromisoformat(keys[told["id"]]["expires_at"]) == soon
    assert soon <= datetime.fromisoformat(new["expires_at"]) < soon + timedelta(minutes=1)
    wrongs: list[object] = [{"overlap_s": -1}, {"overlap_s": 2_592_001}, {"overlap_s": 2**62}, {"overlap": 1}, []]
    for wrong in wrongs:
        assert (await desk.post(f"/v1/keys/{new['id']}:rotate", wrong)).code == "key_refused", wrong


async def test_a_key_that_is_rotated_again_lasts_as_long_as_it_was_to(house: House, desk: Desk) -> None:
    (_, ends), (_, stays) = await made(desk, expires_at=(datetime.now(UTC) + timedelta(days=300)).isoformat()), await made(desk)
    # The answer was lost, and with it the secret: whoever rotates once more finds a key whose own end is a day off.
    for name in (ends["id"], stays["id"]):
        assert (await desk.post(f"/v1/keys/{name}:rotate", b"")).status == 201
    again = (await desk.post(f"/v1/keys/{ends['id']}:rotate", b"")).json
    assert datetime.fromisoformat(again["expires_at"]) > datetime.now(UTC) + timedelta(days=299)
    again = (await desk.post(f"/v1/keys/{stays['id']}:rotate", b"")).json
    assert again["expires_at"] is None
    for _ in range(2):
        again = (await desk.post(f"/v1/keys/{again['id']}:rotate", b"")).json
    assert again["expires_at"] is None and (await desk.post(f"/v1/keys/{stays['id']}:rotate", b"")).json["expires_at"] is None


async def test_a_key_of_before_that_lasts_for_ever_is_rotated(house: House, desk: Desk) -> None:
    _, told = await made(desk)
    async with direct(house.owner_dsn) as con:
        await con.execute("UPDATE api_key SET expires_at = '9999-12-31T00:00:00Z' WHERE id = $1", told["id"])
    reply = await desk.post(f"/v1/keys/{told['id']}:rotate", b"")
    assert reply.status == 201, reply.body
    assert datetime.fromisoformat(reply.json["expires_at"]) <= datetime.now(UTC) + timedelta(days=3660)


async def test_a_key_expires(desk: Desk) -> None:
    short, _ = await made(desk, expires_at=(datetime.now(UTC) + timedelta(seconds=0.6)).isoformat())
    assert (await short.get("/v1/keys")).status == 200
    await asyncio.sleep(0.65)
    assert (await short.get("/v1/keys")).code == "unauthorized"


async def test_kinds_and_centres_are_apart(house: House, desk: Desk) -> None:
    pepper = secret(load(), "api_keys")
    async with direct(house.owner_dsn, desk.tenant) as con:
        live = await service.make_key(con, desk.tenant, "live", KeyAsked(roles=("admin",)), datetime.now(UTC), by="x", pepper=pepper)
    other = await house.desk()
    other_id = (await other.get("/v1/keys")).json["keys"][0]["id"]
    assert "live" not in {key["kind"] for key in (await desk.get("/v1/keys")).json["keys"]}
    for name in (live.id, other_id, uuid7()):
        assert (await delete(desk, f"/v1/keys/{name}")).status == 404
        assert (await desk.post(f"/v1/keys/{name}:rotate", b"")).status == 404
    assert live.secret is not None
    assert [key["kind"] for key in (await dataclasses.replace(desk, key=live.secret).get("/v1/keys")).json["keys"]] == ["live"]
    assert (await other.get("/v1/keys")).status == 200


async def test_the_last_use_is_noted_at_most_once_a_minute(house: House, desk: Desk) -> None:
    async def used() -> datetime | None:
        async with direct(house.owner_dsn) as con:
            found: datetime | None = await con.fetchval("SELECT used_at FROM api_key WHERE tenant_id = $1", desk.tenant)
            return found

    assert await used() is None
    await desk.get("/v1/dashboard")
    for _ in range(50):
        if (noted := await used()) is not None:
            break
        await asyncio.sleep(0.02)
    assert noted is not None
    await asyncio.sleep(0.95)
    await desk.get("/v1/dashboard")
    await asyncio.sleep(0.2)
    assert await used() == noted
    async with direct(house.owner_dsn) as con:
        await con.execute("UPDATE api_key SET used_at = now() - interval '61 s' WHERE tenant_id = $1", desk.tenant)
    await asyncio.sleep(0.95)
    await desk.get("/v1/dashboard")
    await asyncio.sleep(0.2)
    later = await used()
    assert later is not None and later > noted


async def test_many_who_come_at_once_are_looked_up_once(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    ask = store.authenticate

    async def counted(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        return await ask(*args)

    monkeypatch.setattr(store, "authenticate", counted)
    replies = await asyncio.gather(*(desk.get("/v1/nothing") for _ in range(30)))
    assert {reply.status for reply in replies} == {404}
    assert asked <= 3


@pytest.mark.parametrize(
    "change",
    ["revoked_at = NULL", "revoked_at = now() + interval '1 h'", "expires_at = NULL", "expires_at = now() + interval '2 h'"],
)
async def test_the_database_brings_no_key_back(house: House, desk: Desk, change: str) -> None:
    _, told = await made(desk, expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    await delete(desk, f"/v1/keys/{told['id']}")
    async with direct(house.owner_dsn) as con:
        with pytest.raises(asyncpg.CheckViolationError):
            await con.execute(f"UPDATE api_key SET {change} WHERE id = $1", told["id"])


@pytest.mark.parametrize("statement", ["SELECT hash FROM api_key", "UPDATE api_key SET roles = '{admin}'", "DELETE FROM api_key"])
async def test_the_service_reads_no_hmac_and_gives_no_roles(house: House, desk: Desk, statement: str) -> None:
    async with house.pool.acquire() as con:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await con.execute(statement)


@pytest.mark.parametrize("kind", ["test", "live"])
async def test_a_key_of_before_may_do_everything(house: House, kind: KeyKind) -> None:
    desk = await house.desk(kind)
    async with direct(house.owner_dsn) as con:
        await con.execute("INSERT INTO api_key (tenant_id, id, kind, hash) VALUES ($1, $2, $3, $4)", desk.tenant, uuid7(), kind,
                          hash_key(secret(load(), "api_keys"), old := f"dsf_{kind}_{uuid7().hex}{'0' * 11}"))  # fmt: skip
    assert (await dataclasses.replace(desk, key=old).get("/v1/keys")).status == 200


async def test_keys_are_kept_from_the_command_line(desk: Desk, home: Path) -> None:
    async def key(name: str, *rest: str) -> tuple[int, str, str]:
        # Run as any command, but for the centre, which is an argument here.
        command = [sys.executable, "-m", "desmos_fast.cli", "key", name, desk.finess, *rest]
        env = environment(desk, home) | {"DESMOS_OWNER_DSN": desk.house.owner_dsn}
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    status, out, errors = await key("new", "--kind", "test", "--role", "biller", "--role", "ops", "--label", "Caisse", "--days", "30")
    assert status == 0 and out.startswith("dsf_test_"), errors
    old = errors.split()[-1].rstrip(".")
    assert (await key("new", "--kind", "test", "--role", "boss"))[0] == 1
    status, out, errors = await key("rotate", old, "--overlap", "2")
    assert status == 0 and out.startswith("dsf_test_"), errors
    new = errors.split()[-1].rstrip(".")
    status, out, _ = await key("list", "--json")
    listed = {one["id"]: one for one in orjson.loads(out)["keys"]}
    assert len(listed) == 3 and listed[new]["replaces"] == old and listed[new]["roles"] == ["biller", "ops"]
    left = datetime.fromisoformat(listed[old]["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=110) < left <= timedelta(hours=2)
    assert (await key("revoke", new))[:2] == (0, f"{new} is revoked\n")
    assert "Caisse" in (await key("list"))[1] and "revoked" in (await key("list"))[1]
    assert (await key("rotate", new))[0] == 3
    assert (await key("revoke", str(uuid7())))[0] == 1
    status, out, _ = await key("new", "--kind", "live")
    live = (await key("list", "--json"))[1]
    assert orjson.loads(live)["keys"][0]["roles"] == ["admin"] and orjson.loads(live)["keys"][0]["kind"] == "live"
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        acts = [(row["actor"], row["action"]) for row in await con.fetch("SELECT actor, action FROM audit ORDER BY seq")]
    assert acts == [("operator", f"key.{act}") for act in ("created", "rotated", "revoked", "created")]
