# SPDX-License-Identifier: Apache-2.0
"""Users of a centre: made, changed, ended and reset by who may, each act in the trail, and none of them by another centre."""

import asyncio
import dataclasses
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from desmos_fast.base.settings import load
from desmos_fast.base.types import uuid7
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity.context import OPERATOR
from desmos_fast.identity.model import KeyAsked
from desmos_fast.identity.people import service
from desmos_fast.identity.people.model import ResetAsked, UserAsked, UserMade
from desmos_fast.identity.people.policy import Policy
from desmos_fast.identity.service import make_key
from tests.api.conftest import Desk, House, person
from tests.api.people import PASSWORD, add, ask, login, seat, send, set_policy, sign_in, signed_in, sql, with_password
from tests.api.test_access import delete
from tests.api.test_audit import trail
from tests.api.test_centre_commands import home
from tests.api.worker import ROOT, environment

__all__ = ("home",)


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_policy(monkeypatch, tmp_path, "[totp]", "required = []")


async def test_a_user_is_made_listed_changed_and_ended(desk: Desk) -> None:
    user = await add(desk, "biller", "biller", "ops")
    assert (user["kind"], user["roles"], user["used_at"], user["ended_at"]) == ("test", ["biller", "ops"], None, None)
    [listed] = (await desk.get("/v1/users")).json["users"]
    assert listed == {name: value for name, value in user.items() if "code" not in name}
    changed = await desk.post(f"/v1/users/{user['id']}:change", {"name": "Claude Durand", "roles": ["auditor"]})
    assert (changed.json["name"], changed.json["roles"]) == ("Claude Durand", ["auditor"])
    assert (await delete(desk, f"/v1/users/{user['id']}")).status == 204
    assert (await delete(desk, f"/v1/users/{user['id']}")).status == 204
    assert (await desk.get("/v1/users")).json["users"][0]["ended_at"] is not None
    for act in ("change", "reset", "release"):
        assert (await desk.post(f"/v1/users/{user['id']}:{act}", {})).code == "user_ended"
    acts = [(row["action"], row["subject"], row["filter"]) for row in await trail(desk)]
    assert acts == [
        ("user.created", user["id"], "kind=test&roles=biller,ops"), ("user.changed", user["id"], "roles=auditor"),
        ("user.ended", user["id"], ""),
    ]  # fmt: skip


async def test_users_are_listed_by_pages(desk: Desk) -> None:
    made = [(await add(desk, "ops"))["id"] for _ in range(3)]
    first = (await desk.get("/v1/users?limit=2")).json
    rest = (await desk.get(f"/v1/users?limit=2&cursor={first['next']}")).json
    assert [user["id"] for user in first["users"] + rest["users"]] == made[::-1] and rest["next"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"login": "personne"}, {"login": f"{person()}@a.example"}, {"login": "a b@c.example"}, {"name": ""}, {"name": " "},
        {"name": "a\nb"}, {"name": f"M. {person()}"}, {"name": "x" * 101}, {"roles": []}, {"roles": ["boss"]},
        {"roles": "admin"}, {"kind": "live"},
    ],
)  # fmt: skip
async def test_a_user_that_cannot_be_is_refused(desk: Desk, change: dict[str, object]) -> None:
    reply = await desk.post("/v1/users", {"login": login(), "name": "Camille", "roles": ["ops"], **change})
    assert (reply.status, reply.code) == (422, "user_refused")
    assert person() not in reply.body.decode()
    assert (await desk.get("/v1/users")).json["users"] == []


async def test_the_code_is_in_one_answer_and_good_once(house: House, desk: Desk) -> None:
    asked = {"login": login(), "name": "Camille", "roles": ["ops"]}
    first = await desk.post("/v1/users", asked, key="one")
    again = await desk.post("/v1/users", asked, key="one")
    assert again.json == first.json | {"code": None} and first.json["code"]
    set_it = {"login": asked["login"], "code": first.json["code"], "password": PASSWORD}
    assert (await send(desk, "/v1/passwords", set_it | {"code": "another"})).code == "sign_in_refused"
    replies = await asyncio.gather(*(send(desk, "/v1/passwords", set_it) for _ in range(3)))
    assert sorted(reply.status for reply in replies) == [204, 401, 401]
    async with direct(house.owner_dsn, desk.tenant) as con:
        stored = str([await con.fetch(f"SELECT * FROM {table}") for table in ("account", "member", "audit")])
        stored += str(await con.fetch("SELECT convert_from(body, 'UTF8') FROM idempotency WHERE tenant_id = $1", desk.tenant))
    assert first.json["code"] not in stored and PASSWORD not in stored and "$argon2id$v=19$m=19456,t=1,p=1$" in stored


async def test_a_code_ends(house: House, desk: Desk) -> None:
    user = await add(desk, "ops")
    async with direct(house.owner_dsn) as con:
        await con.execute("UPDATE account SET code_until = now() WHERE login = $1", user["login"])
    assert (await send(desk, "/v1/passwords", {"login": user["login"], "code": user["code"], "password": PASSWORD})).status == 401


async def test_an_ended_user_is_refused_within_a_second_and_may_come_back(desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    assert (await clerk.get("/v1/lots")).status == 200
    assert (await delete(desk, f"/v1/users/{user['id']}")).status == 204
    await asyncio.sleep(0.95)
    assert (await clerk.get("/v1/lots")).status == 401
    assert (await sign_in(desk, user)).code == "sign_in_refused"
    again = await desk.post("/v1/users", {"login": user["login"], "name": "Camille", "roles": ["ops"]})
    assert again.status == 201 and again.json["code"] is None and again.json["id"] != user["id"]
    clerk = await seat(desk, user)
    assert (await clerk.get("/v1/schedule")).status in (200, 404)
    assert (await clerk.get("/v1/keys")).status == 403


async def test_who_has_just_ended_asks_who_they_are(desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    assert (await ask(clerk, "GET", "/v1/me")).status == 200
    assert (await delete(desk, f"/v1/users/{user['id']}")).status == 204
    # The session is still remembered: that nobody is there any more is no mistake of ours.
    reply = await ask(clerk, "GET", "/v1/me")
    assert (reply.status, reply.code) == (401, "unauthorized")


async def test_other_roles_hold_within_a_second(desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    assert (await clerk.get("/v1/webhooks")).status == 403
    assert (await desk.post(f"/v1/users/{user['id']}:change", {"roles": ["ops"]})).status == 200
    await asyncio.sleep(0.95)
    assert [(await clerk.get(path)).status for path in ("/v1/webhooks", "/v1/rejects")] == [200, 403]


async def test_who_comes_back_twice_at_once_is_one_user(house: House, desk: Desk) -> None:
    user = await with_password(desk, "biller")
    assert (await delete(desk, f"/v1/users/{user['id']}")).status == 204
    asked = {"login": user["login"], "name": "Camille", "roles": ["ops"]}
    async with direct(house.owner_dsn) as con:
        # Both are past what is looked at first when the person is free.
        await con.execute("SELECT FROM account WHERE login = $1 FOR UPDATE", user["login"])
        making = [asyncio.create_task(desk.post("/v1/users", asked)) for _ in range(2)]
        async with asyncio.timeout(20):
            while await con.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    replies = await asyncio.gather(*making)
    assert sorted(reply.status for reply in replies) == [201, 409], [reply.body for reply in replies]
    assert {reply.code for reply in replies if reply.status == 409} == {"user_known"}


async def test_the_last_administrator_stays(house: House, desk: Desk) -> None:
    first, one = await signed_in(desk, "admin")
    assert (await delete(first, f"/v1/users/{one['id']}")).code == "last_admin"
    assert (await first.post(f"/v1/users/{one['id']}:change", {"roles": ["ops"]})).code == "last_admin"
    assert (await first.post(f"/v1/users/{one['id']}:change", {"name": "Dominique"})).status == 200
    second, two = await signed_in(desk, "admin", "ops")
    # Each ends the other at the same time: one of them stays.
    ends = await asyncio.gather(delete(first, f"/v1/users/{two['id']}"), delete(second, f"/v1/users/{one['id']}"))
    assert sorted(reply.status for reply in ends) == [204, 409]
    async with direct(house.owner_dsn) as con:
        left = await con.fetchval("SELECT count(*) FROM member WHERE tenant_id = $1 AND ended_at IS NULL", desk.tenant)
    assert left == 1


async def test_nobody_takes_the_account_of_a_person_of_another_centre(house: House, desk: Desk) -> None:
    other = await house.desk()
    user = await with_password(other, "ops")
    asked = {"login": user["login"].upper(), "name": "Camille", "roles": ["admin"]}
    assert (await desk.post("/v1/users", asked)).code == "user_known"
    assert (await other.post("/v1/users", asked)).code == "user_known"
    given = await by_operator(house, desk, user, "admin")
    assert given.code is None
    # Known in two now: neither of them resets alone, and each gives and ends its own rights.
    assert (await desk.post(f"/v1/users/{given.id}:reset", {})).code == "user_elsewhere"
    told = await sign_in(desk, user)
    assert told.code == "scope_needed" and desk.finess in told.json["detail"] and other.finess in told.json["detail"]
    assert (await sign_in(desk, user, centre="750000018")).code == "sign_in_refused"
    here, there = await seat(desk, user, centre=desk.finess), await seat(desk, user, centre=other.finess, kind="test")
    assert [(await one.get("/v1/keys")).status for one in (here, there)] == [200, 403]
    assert (await ask(here, "GET", "/v1/me")).json["centre"] == desk.finess
    assert (await delete(desk, f"/v1/users/{user['id']}")).status == 404
    assert (await delete(other, f"/v1/users/{user['id']}")).status == 204
    assert (await seat(desk, user)).key


async def by_operator(house: House, desk: Desk, user: dict[str, Any], *roles: str) -> UserMade:
    """Give a person rights in one more centre, as on the command line."""
    async with direct(house.owner_dsn, desk.tenant) as con:
        return await service.make_user(
            con, desk.tenant, "test", UserAsked(login=user["login"], name="Camille", roles=roles), datetime.now(UTC),
            by=OPERATOR, pepper=secret(load(), "api_keys"), policy=Policy(),
        )  # fmt: skip


async def test_a_second_code_says_that_it_ends_the_first(house: House, desk: Desk) -> None:
    other, user = await house.desk(), await add(desk, "ops")
    assert user["code"] and user["ends_code"] is False
    second = await by_operator(house, other, user, "ops")
    assert second.code is not None and second.ends_code, "the operator is told"
    asked = {"login": user["login"], "password": PASSWORD}
    assert (await send(desk, "/v1/passwords", asked | {"code": user["code"]})).code == "sign_in_refused"
    assert (await send(desk, "/v1/passwords", asked | {"code": second.code})).status == 204
    # A code that was used, and one that is over, are ended by nothing.
    assert (third := await by_operator(house, await house.desk(), user, "ops")).code is None and not third.ends_code
    reset = (await (await house.desk()).post("/v1/users", {"login": f"x{user['login']}", "name": "X", "roles": ["ops"]})).json
    await sql(house, "UPDATE account SET code_until = now() - interval '1 second' WHERE login = $1", reset["login"])
    late = await by_operator(house, other, reset, "ops")
    assert late.code is not None and not late.ends_code


async def test_a_reset_says_that_it_ends_a_code(desk: Desk) -> None:
    user = await add(desk, "ops")
    first, second = [await desk.post(f"/v1/users/{user['id']}:reset", {}) for _ in range(2)]
    assert first.json["ends_code"] and second.json["ends_code"]
    told = await send(desk, "/v1/passwords", {"login": user["login"], "code": second.json["code"], "password": PASSWORD})
    assert told.status == 204
    assert (await desk.post(f"/v1/users/{user['id']}:reset", {})).json["ends_code"] is False


async def test_each_centre_is_told_what_ends_sessions_there(house: House, desk: Desk) -> None:
    other, user = await house.desk(), await with_password(desk, "ops")
    there = await by_operator(house, other, user, "ops")
    assert (await ask(await seat(desk, user, centre=desk.finess), "POST", "/v1/sessions:end-all")).status == 204
    async with direct(house.owner_dsn, desk.tenant) as con:
        pepper = secret(load(), "api_keys")
        await service.reset_user(
            con, desk.tenant, "test", UUID(user["id"]), ResetAsked(totp=True), datetime.now(UTC), by=OPERATOR, pepper=pepper,
            policy=Policy(),
        )  # fmt: skip
    for one, name in ((desk, user["id"]), (other, str(there.id))):
        told = [(row["actor"], row["action"], row["subject"], row["filter"]) for row in await trail(one)][-2:]
        assert told == [(name, "sessions.ended", name, ""), (OPERATOR, "user.reset", name, "totp=true")]


async def test_who_was_here_once_and_is_elsewhere_now_is_given_no_code_here(house: House, desk: Desk) -> None:
    user, other = await add(desk, "ops"), await house.desk()
    assert (await delete(desk, f"/v1/users/{user['id']}")).status == 204
    assert (await by_operator(house, other, user, "admin")).code is not None
    again = await desk.post("/v1/users", {"login": user["login"], "name": "Camille", "roles": ["ops"]})
    # The code would open the other centre too.
    assert (again.status, again.json["code"]) == (201, None)
    assert (await desk.post(f"/v1/users/{again.json['id']}:reset", {})).code == "user_elsewhere"


async def test_no_test_key_takes_what_opens_real_data(house: House, desk: Desk) -> None:
    async with direct(house.owner_dsn, desk.tenant) as con:
        asked, pepper = KeyAsked(roles=("admin",)), secret(load(), "api_keys")
        key = await make_key(con, desk.tenant, "live", asked, datetime.now(UTC), by="x", pepper=pepper)
    assert key.secret is not None
    live = dataclasses.replace(desk, key=key.secret)
    user = await add(live, "admin")
    here = await desk.post("/v1/users", {"login": user["login"], "name": "Camille", "roles": ["ops"]})
    assert (here.status, here.json["code"]) == (201, None)
    assert (await desk.post(f"/v1/users/{here.json['id']}:reset", {"totp": True})).code == "user_elsewhere"
    assert (await desk.post(f"/v1/users/{here.json['id']}:change", {"rpps": "10001234565"})).code == "user_elsewhere"
    assert (await live.post(f"/v1/users/{user['id']}:reset", {})).status == 200


async def test_kinds_and_centres_are_apart(house: House, desk: Desk) -> None:
    other, live = await house.desk(), await house.desk("live")
    users = [await add(other, "ops"), await add(live, "ops")]
    for user in (*users, {"id": str(uuid7())}):
        assert (await delete(desk, f"/v1/users/{user['id']}")).status == 404
        for act in ("change", "reset", "release"):
            assert (await desk.post(f"/v1/users/{user['id']}:{act}", {})).status == 404
    assert (await desk.get("/v1/users")).json["users"] == [] and users[1]["kind"] == "live"


async def test_a_reset_ends_sessions_and_gives_a_new_code(desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    reset = (await desk.post(f"/v1/users/{user['id']}:reset", b"")).json
    await asyncio.sleep(0.95)
    assert (await clerk.get("/v1/lots")).status == 401
    assert (await sign_in(desk, user)).status == 401
    given = {"login": user["login"], "code": reset["code"], "password": PASSWORD + "!"}
    assert (await send(desk, "/v1/passwords", given)).status == 204
    assert (await sign_in(desk, user, PASSWORD + "!")).status == 201


@pytest.mark.parametrize("weak", ["aaaaaaaaaaaaaaaa", "Motdepasse2026!", "centre.example!", "x" * 129, ""])
async def test_a_weak_password_is_refused_and_the_code_still_good(desk: Desk, weak: str) -> None:
    user = await add(desk, "ops")
    reply = await send(desk, "/v1/passwords", {"login": user["login"], "code": user["code"], "password": weak})
    assert (reply.status, reply.code) == (422, "password_weak") and (not weak or weak not in reply.body.decode())
    assert (await send(desk, "/v1/passwords", {"login": user["login"], "code": user["code"], "password": PASSWORD})).status == 204


async def test_a_password_repeats_no_name(desk: Desk) -> None:
    user = await add(desk, "ops", name="Anne-Solène Kerguelen")
    given = {"login": user["login"], "password": "9#kerguelen$Zx4"}
    # Who has no code learns no name.
    assert (await send(desk, "/v1/passwords", given | {"code": "another"})).code == "sign_in_refused"
    assert (await send(desk, "/v1/passwords", given | {"code": user["code"]})).code == "password_weak"
    assert (await send(desk, "/v1/passwords", given | {"code": user["code"], "password": PASSWORD})).status == 204
    clerk = await seat(desk, user)
    for new, code in (("9#Kerguelen$Zx4", "password_weak"), ("9#SOLENE$Zx4-7u", "password_weak")):
        assert (await ask(clerk, "POST", "/v1/me/password", {"password": PASSWORD, "new": new})).code == code


@pytest.mark.parametrize(
    "statement",
    ["SELECT hash FROM session", "DELETE FROM session", "UPDATE session SET hash = ''", "UPDATE member SET account_id = id",
     "UPDATE session SET ends_at = now()", "DELETE FROM attempt", "DELETE FROM account", "UPDATE account SET login = 'a'"],
)  # fmt: skip
async def test_the_service_reads_no_token_and_moves_no_end(house: House, desk: Desk, statement: str) -> None:
    async with house.pool.acquire() as con:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await con.execute(statement)


async def test_the_service_sees_one_person_at_a_time(house: House, desk: Desk) -> None:
    await add(desk, "ops")
    async with house.pool.acquire() as con, con.transaction():
        # Never set, or empty again after a transaction that set it: an error either way, never an empty answer.
        with pytest.raises((asyncpg.UndefinedObjectError, asyncpg.DataError)):
            async with con.transaction():
                await con.fetch("SELECT * FROM account")
        await con.execute("SELECT set_config('app.account', $1, true)", str(uuid7()))
        assert await con.fetch("SELECT * FROM account") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await con.execute("INSERT INTO account (id, login, since, made_at) VALUES ($1, 'x', now(), now())", uuid7())


async def test_what_ended_stays_so(house: House, desk: Desk) -> None:
    _, user = await signed_in(desk, "ops")
    await delete(desk, f"/v1/users/{user['id']}")
    async with direct(house.owner_dsn) as con:
        with pytest.raises(asyncpg.CheckViolationError):
            await con.execute("UPDATE member SET ended_at = NULL WHERE id = $1", user["id"])


async def test_users_are_kept_from_the_command_line(desk: Desk, home: Path) -> None:
    async def user(name: str, *rest: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "desmos_fast.cli", "user", name, desk.finess, *rest]
        env = environment(desk, home) | {"DESMOS_OWNER_DSN": desk.house.owner_dsn}
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    mine = login()
    asked = ("--login", mine, "--name", "Camille Durand", "--role", "admin", "--role", "ops")
    status, out, errors = await user("add", *asked, "--kind", "test")
    assert status == 0 and len(out.strip()) == 32, errors
    name = errors.split()[-1].rstrip(".")
    assert (await user("add", *asked, "--kind", "test"))[0] == 3
    [listed] = orjson.loads((await user("list", "--json"))[1])["users"]
    assert (listed["id"], listed["login"], listed["roles"], listed["kind"]) == (name, mine, ["admin", "ops"], "test")
    assert (await user("release", name))[:2] == (0, f"{mine} may try again\n")
    status, out, errors = await user("reset", name, "--totp")
    assert status == 0 and len(out.strip()) == 32, errors
    assert "It ends another code of theirs" in errors
    assert (await user("end", name))[:2] == (0, f"{name} has ended\n")
    listing = (await user("list"))[1]
    assert "never used" in listing and "ended" in listing
    assert (await user("end", str(uuid7())))[0] == 1
    assert [(row["actor"], row["action"]) for row in await trail(desk)] == [
        ("operator", f"user.{act}") for act in ("created", "released", "reset", "ended")
    ]
