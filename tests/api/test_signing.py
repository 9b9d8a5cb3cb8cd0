# SPDX-License-Identifier: Apache-2.0
"""People sign in and out: what a session is good for and how it ends, code generators, and what nobody ever reads."""

import asyncio
import dataclasses
import io
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.auth import COOKIE
from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import direct
from tests.api.conftest import Desk, House, Reply
from tests.api.people import (
    NEW,
    PASSWORD,
    ask,
    enrolled,
    moment,
    seat,
    send,
    set_policy,
    sign_in,
    signed_in,
    sql,
    with_password,
)
from tests.api.test_audit import trail


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_policy(monkeypatch, tmp_path, "[sessions]", "idle_s = 3600", "[totp]", 'required = ["admin"]', "recovery = 3")


# --- sessions


async def test_a_session_is_opened_used_listed_and_ended(desk: Desk) -> None:
    user = await with_password(desk, "biller")
    made = await sign_in(desk, user)
    assert made.status == 201 and made.json["token"].startswith("dsf_session_") and "Set-Cookie" not in made.headers
    assert (made.json["user"], made.json["centre"], made.json["kind"], made.json["enrol"]) == (user["id"], desk.finess, "test", False)
    clerk, other = dataclasses.replace(desk, key=made.json["token"]), await seat(desk, user)
    assert (await clerk.post("/v1/invoices", clerk.invoice())).status == 201
    assert (await ask(clerk, "GET", "/v1/me")).json == {
        "id": user["id"], "centre": desk.finess, "kind": "test", "login": user["login"], "name": user["name"], "roles": ["biller"],
        "totp": False, "recovery": 0,
    }  # fmt: skip
    listed = (await ask(clerk, "GET", "/v1/sessions")).json["sessions"]
    assert [(one["id"] == made.json["id"], one["current"]) for one in listed] == [(False, False), (True, True)]
    assert (await ask(clerk, "DELETE", f"/v1/sessions/{listed[0]['id']}")).status == 204
    assert (await ask(clerk, "DELETE", f"/v1/sessions/{listed[0]['id']}")).status == 404
    assert [one["current"] for one in (await ask(clerk, "GET", "/v1/sessions")).json["sessions"]] == [True]
    assert (await ask(clerk, "DELETE", "/v1/sessions")).status == 204
    await asyncio.sleep(0.95)
    ended = [await one.get("/v1/lots") for one in (clerk, other)]
    assert [reply.code for reply in ended] == ["unauthorized", "unauthorized"]
    # A person's screen shows the title: nobody who signed in is asked for a key.
    assert {reply.json["title_fr"] for reply in ended} == {"Connectez-vous, ou donnez une clé d'API valable"}
    acts = [row["action"] for row in await trail(desk) if row["actor"] == user["id"]]
    assert acts == ["password.changed", "session.opened", "session.opened", "session.ended", "session.ended"]


async def test_what_a_person_does_bears_their_id(house: House, desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    name = (await clerk.post("/v1/invoices", clerk.invoice())).json["id"]
    assert (await clerk.get(f"/v1/invoices/{name}")).status == 200
    async with direct(house.owner_dsn, desk.tenant) as con:
        actors = await con.fetch("SELECT DISTINCT actor FROM event WHERE subject = $1::text::uuid", name)
    assert [row["actor"] for row in actors] == [user["id"]]
    assert [(row["actor"], row["action"]) for row in await trail(desk)][-1] == (user["id"], "GET /v1/invoices/{id}")


@pytest.mark.parametrize("how", ["log-out", "password", "end", "end-all"])
async def test_a_session_ends_everywhere_within_a_second(desk: Desk, second: str, how: str) -> None:
    clerk, user = await signed_in(desk, "biller")
    both = [clerk, dataclasses.replace(clerk, house=dataclasses.replace(clerk.house, url=second))]
    assert [(await one.get("/v1/lots")).status for one in both] == [200, 200]
    if how == "log-out":
        reply = await ask(clerk, "DELETE", "/v1/sessions")
    elif how == "password":
        reply = await ask(clerk, "POST", "/v1/me/password", {"password": PASSWORD, "new": NEW})
    elif how == "end-all":
        reply = await ask(await seat(desk, user), "POST", "/v1/sessions:end-all")
    else:
        reply = await desk.house.send(
            "DELETE", f"/v1/users/{user['id']}", {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
        )
    assert reply.status == 204, reply.body
    ended = time.monotonic()
    while time.monotonic() - ended < 0.95:
        await asyncio.gather(*(one.get("/v1/schedule") for one in both))
    assert [(await one.get("/v1/lots")).status for one in both] == [401, 401]


async def test_a_session_ends_unused_and_at_its_end(house: House, desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    other = await seat(desk, user)
    listed = (await ask(clerk, "GET", "/v1/sessions")).json["sessions"]
    await sql(house, "UPDATE session SET used_at = now() - interval '3601 s' WHERE id = $1", listed[1]["id"])
    await sql(house, "UPDATE session SET ends_at = now() - interval '1 s' WHERE id = $1", listed[0]["id"])
    await asyncio.sleep(0.95)
    assert [(await one.get("/v1/lots")).status for one in (clerk, other)] == [401, 401]


async def test_use_is_noted_and_keeps_a_session(house: House, desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    await sql(house, "UPDATE session SET used_at = now() - interval '3500 s' WHERE member_id = $1", user["id"])
    assert (await clerk.get("/v1/lots")).status == 200
    for _ in range(50):
        async with direct(house.owner_dsn) as con:
            ago = await con.fetchval("SELECT extract(epoch FROM now() - used_at)::float FROM session WHERE member_id = $1", user["id"])
        if ago < 60:
            break
        await asyncio.sleep(0.02)
    assert ago < 60
    assert (await desk.get("/v1/users")).json["users"][0]["used_at"] is not None


@pytest.mark.parametrize("path", ["/v1/me", "/v1/sessions"])
async def test_a_key_is_no_person(desk: Desk, path: str) -> None:
    assert (await desk.get(path)).code == "not_a_person"


async def test_nobody_ends_the_session_of_another(desk: Desk) -> None:
    clerk, _ = await signed_in(desk, "biller")
    other, _ = await signed_in(desk, "biller")
    theirs = (await ask(other, "GET", "/v1/sessions")).json["sessions"][0]["id"]
    assert (await ask(clerk, "DELETE", f"/v1/sessions/{theirs}")).status == 404
    assert (await other.get("/v1/lots")).status == 200


# --- cookies


async def by_cookie(desk: Desk, user: dict[str, Any]) -> dict[str, str]:
    """Sign in as a browser and return the header that it sends from then on."""
    body = orjson.dumps({"login": user["login"], "password": PASSWORD, "cookie": True})
    reply = await desk.house.send("POST", "/v1/sessions", {"Origin": desk.house.url}, body)
    assert reply.status == 201 and reply.json["token"] is None, reply.body
    cookie, *rest = reply.headers["Set-Cookie"].split("; ")
    assert cookie.startswith(f"{COOKIE}=dsf_session_") and sorted(rest) == ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]
    return {"Cookie": cookie}


async def test_a_cookie_is_good_for_pages_of_this_host_alone(house: House, desk: Desk) -> None:
    user = await with_password(desk, "ops")
    cookie = await by_cookie(desk, user)

    async def post(**headers: str) -> Reply:
        sent = cookie | {"Idempotency-Key": str(uuid7())} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await house.send("POST", "/v1/webhooks", sent, orjson.dumps({"url": "https://example.org/", "events": []}))

    assert (await house.send("GET", "/v1/webhooks", cookie)).status == 200
    for wrong in (
        {}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Origin": "http://["},
        {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Sec_Fetch_Site": "none"},
        {"Origin": house.url, "Sec_Fetch_Site": "cross-site"},
    ):  # fmt: skip
        reply = await post(**wrong)
        assert (reply.status, reply.code) == (403, "cross_site"), wrong
    assert [(await post(**right)).status for right in ({"Origin": house.url}, {"Sec_Fetch_Site": "same-origin"})] == [201, 201]
    assert (await house.send("GET", "/v1/webhooks", {"Cookie": f"{COOKIE}={desk.key}"})).code == "unauthorized"
    out = await house.send("DELETE", "/v1/sessions", cookie | {"Origin": house.url})
    assert out.status == 204 and "Max-Age=0" in out.headers["Set-Cookie"]


async def test_no_page_of_another_site_signs_anybody_in(desk: Desk) -> None:
    user = await with_password(desk, "ops")
    for headers in ({}, {"Origin": "https://elsewhere.example"}, {"Origin": "http://[::1"}):
        body = {"login": user["login"], "password": PASSWORD, "cookie": True}
        assert (await send(desk, "/v1/sessions", body, **headers)).code == "cross_site"


# --- code generators


async def test_an_administrator_enrols_before_anything_else(desk: Desk) -> None:
    now = await moment()
    user = await with_password(desk, "admin")
    made = await sign_in(desk, user)
    boss = dataclasses.replace(desk, key=made.json["token"])
    assert made.json["enrol"] is True
    assert [(await boss.get(path)).code for path in ("/v1/keys", "/v1/lots")] == ["enrolment_needed"] * 2
    begun = (await ask(boss, "POST", "/v1/me/totp")).json
    assert begun["uri"].startswith("otpauth://totp/") and begun["secret"] in begun["uri"]
    assert (await ask(boss, "POST", "/v1/me/totp:confirm", {"code": "000000" if int(now) % 2 else "12"})).code == "code_wrong"
    assert (await boss.get("/v1/keys")).code == "enrolment_needed"
    generator, codes = await enrolled(boss, now)
    assert len(codes) == 3 and (await ask(boss, "POST", "/v1/me/totp")).code == "code_wrong"
    assert (await ask(boss, "POST", "/v1/me/totp:confirm", {"code": generator.code(now)})).code == "no_enrolment"
    await asyncio.sleep(0.95)
    assert (await boss.get("/v1/keys")).status == 200
    assert (await ask(boss, "GET", "/v1/me")).json["totp"] is True
    assert (await sign_in(desk, user)).code == "sign_in_refused"
    assert (await sign_in(desk, user, code=generator.code(now))).json["enrol"] is False


async def test_a_session_that_was_opened_without_a_code_stays_what_it_is(desk: Desk) -> None:
    now = await moment()
    user = await with_password(desk, "admin")
    thief, boss = await seat(desk, user), await seat(desk, user)
    await enrolled(boss, now)
    await asyncio.sleep(0.95)
    assert [(await one.get("/v1/keys")).status for one in (boss, thief)] == [200, 403]


async def test_a_code_is_taken_once_and_one_step_off_at_most(house: House, desk: Desk) -> None:
    now = await moment()
    clerk, user = await signed_in(desk, "biller")
    generator, _ = await enrolled(clerk, now)
    # The step before was used to confirm; two steps off is too far either way.
    for steps in (-2, -1, 2):
        assert (await sign_in(desk, user, code=generator.code(now, steps))).code == "sign_in_refused", steps
    both = await asyncio.gather(*(sign_in(desk, user, code=generator.code(now)) for _ in range(2)))
    assert sorted(reply.status for reply in both) == [201, 401]
    assert (await sign_in(desk, user, code=generator.code(now, 1))).status == 201
    assert (await sign_in(desk, user, code=generator.code(now))).status == 401


async def test_a_recovery_code_is_good_once(house: House, desk: Desk) -> None:
    now = await moment()
    clerk, user = await signed_in(desk, "biller")
    _, codes = await enrolled(clerk, now)
    assert (await sign_in(desk, user, code=f" {codes[1].upper().replace('-', ' ')}")).status == 201
    assert (await sign_in(desk, user, code=codes[1])).status == 401
    assert (await ask(clerk, "GET", "/v1/me")).json["recovery"] == 2
    async with direct(house.owner_dsn) as con:
        kept = str(await con.fetch("SELECT * FROM account"))
    assert not [code for code in codes if code in kept or code.replace("-", "") in kept]


async def test_a_lost_generator_is_reset(desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    await enrolled(clerk, await moment())
    reset = (await desk.post(f"/v1/users/{user['id']}:reset", {"totp": True})).json
    assert (await send(desk, "/v1/passwords", {"login": user["login"], "code": reset["code"], "password": NEW})).status == 204
    assert (await sign_in(desk, user, NEW)).status == 201


# --- what nobody reads


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"login":"a"}', b'{"login":1,"password":"hush-hush"}',
                                  b'{"login":"a","password":"hush-hush","x":1}'])  # fmt: skip
async def test_what_has_no_form_is_refused_without_being_repeated(desk: Desk, body: bytes) -> None:
    for path in ("/v1/sessions", "/v1/passwords"):
        reply = await desk.house.send("POST", path, {}, body)
        assert reply.code in ("sign_in_form", "empty_body") and b"hush" not in reply.body


async def test_no_secret_is_in_a_log_or_an_answer(house: House, log: io.StringIO, desk: Desk) -> None:
    now = await moment()
    user = await with_password(desk, "biller")
    made = await sign_in(desk, user)
    clerk = dataclasses.replace(desk, key=made.json["token"])
    generator, codes = await enrolled(clerk, now)
    code = generator.code(now)
    replies = [
        await sign_in(desk, user, "mot-de-passe-faux-1"), await sign_in(desk, user, code=code), await sign_in(desk, user, code=codes[0]),
        await ask(clerk, "POST", "/v1/me/password", {"password": PASSWORD, "new": "court-et-faux"[:6]}), await ask(clerk, "GET", "/v1/me"),
        await ask(clerk, "GET", "/v1/sessions"), await desk.get("/v1/users"), await desk.get("/v1/audit"),
    ]  # fmt: skip
    secrets = [PASSWORD, "mot-de-passe-faux-1", "court-", user["code"], made.json["token"], generator.totp.secret, *codes]
    told = log.getvalue() + "".join(reply.body.decode() for reply in replies)
    assert "/v1/sessions" in told and not [one for one in secrets if one in told]
    assert user["login"] not in log.getvalue()
    async with direct(house.owner_dsn, desk.tenant) as con:
        kept = str([await con.fetch(f"SELECT * FROM {table}") for table in ("account", "member", "session", "audit", "idempotency")])
    assert not [one for one in secrets if one in kept]
