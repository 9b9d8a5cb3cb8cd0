# SPDX-License-Identifier: Apache-2.0
"""Wrong tries to sign in: who waits and how long, what ends the wait, and that nobody learns which logins there are."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from api.sessions import place_of
from desmos_fast.db.pool import DatabaseDown
from desmos_fast.db.tenant import direct
from desmos_fast.identity.people.errors import HashingBusy
from desmos_fast.identity.people.hashing import Hasher
from tests.api.conftest import Desk, House, Reply
from tests.api.people import NEW, PASSWORD, add, ask, login, send, set_policy, sign_in, signed_in, sql, with_password
from tests.api.test_people import by_operator

NAMING = ("X-Forwarded-For", "X-Real-IP")


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_policy(monkeypatch, tmp_path, "[totp]", 'required = ["admin"]')


async def anomalies(desk: Desk) -> list[tuple[str, str, dict[str, Any]]]:
    return [(one["kind"], one["subject"], one["found"]) for one in (await desk.get("/v1/anomalies")).json["anomalies"]]


async def wrong(desk: Desk, user: dict[str, Any]) -> Reply:
    return await sign_in(desk, user, "tout autre chose")


async def test_tries_wait_longer_and_longer_whoever_it_is(house: House, desk: Desk) -> None:
    user, nobody = await with_password(desk, "biller"), {"login": login()}
    for who in (user, nobody):
        assert [(await wrong(desk, who)).code for _ in range(5)] == ["sign_in_refused"] * 5
        for ago, left in ((0, 61), (30, 31)):
            await sql(house, "UPDATE attempt SET last_at = last_at - make_interval(secs => $1)", float(ago))
            reply = await wrong(desk, who)
            assert (reply.status, reply.code) == (429, "sign_in_delayed")
            assert left - 3 <= int(reply.headers["Retry-After"]) <= left
        await sql(house, "UPDATE attempt SET last_at = last_at - interval '32 s'")
        assert (await wrong(desk, who)).status == 401
        assert 119 <= int((await wrong(desk, who)).headers["Retry-After"]) <= 122
    # The right password waits as well; nothing else of the account does.
    assert (await sign_in(desk, user)).status == 429
    # The fifth try of the one that is somebody is told of, once, and only that.
    await asyncio.sleep(0.2)
    assert await anomalies(desk) == [("sign_in_locked", user["id"], {"login": user["login"], "tries": 5})]
    await sql(house, "UPDATE attempt SET last_at = last_at - interval '123 s'")
    assert (await sign_in(desk, user)).status == 201
    assert await anomalies(desk) == []
    assert (await wrong(desk, user)).status == 401


async def test_signing_in_ends_the_anomaly_in_every_centre(house: House, desk: Desk) -> None:
    user, other = await with_password(desk, "biller"), await house.desk()
    await by_operator(house, other, user, "ops")
    for _ in range(5):
        await wrong(desk, user)
    async with asyncio.timeout(20):
        while not all([await anomalies(one) for one in (desk, other)]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (await desk.post(f"/v1/users/{user['id']}:release", b"")).status == 200
    assert (await sign_in(desk, user, centre=desk.finess)).status == 201
    assert [await anomalies(one) for one in (desk, other)] == [[], []]


async def test_an_anomaly_that_cannot_be_ended_costs_no_sign_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise DatabaseDown("the database is away")

    user = await with_password(desk, "biller")
    monkeypatch.setattr("desmos_fast.anomalies.service.clear", away)
    reply = await sign_in(desk, user)
    assert reply.status == 201 and reply.json["token"], reply.body


async def test_many_tries_at_once_are_as_many(desk: Desk) -> None:
    user = await with_password(desk, "biller")
    replies = await asyncio.gather(*(wrong(desk, user) for _ in range(15)))
    assert sorted(reply.status for reply in replies) == [401] * 5 + [429] * 10


async def test_an_administrator_ends_the_wait(desk: Desk) -> None:
    user = await with_password(desk, "biller")
    for _ in range(5):
        await wrong(desk, user)
    assert (await sign_in(desk, user)).status == 429
    assert (await desk.post(f"/v1/users/{user['id']}:release", b"")).status == 200
    assert (await sign_in(desk, user)).status == 201


async def test_a_good_try_forgets_the_wrong_ones_and_a_day_too(house: House, desk: Desk) -> None:
    user = await with_password(desk, "biller")
    for _ in range(3):
        assert [(await wrong(desk, user)).status for _ in range(4)] == [401] * 4
        assert (await sign_in(desk, user)).status == 201
    for _ in range(5):
        await wrong(desk, user)
    await sql(house, "UPDATE attempt SET last_at = last_at - interval '25 hours'")
    assert [(await wrong(desk, user)).status for _ in range(5)] == [401] * 5


async def test_an_address_waits_too(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_policy(monkeypatch, tmp_path, "[lock_out]", "address = {free = 3, first_s = 60, longest_s = 900}")
    await sql(desk.house, "DELETE FROM attempt")
    async with TestServer(desk.house.application()) as server:
        there = dataclasses.replace(desk, house=dataclasses.replace(desk.house, url=str(server.make_url("")).rstrip("/")))
        user = await with_password(there, "ops")
        # Each for another login: nobody's password is tried twice; and each says another address, which nobody has to believe.
        tries = [
            await send(there, "/v1/sessions", {"login": login(), "password": "x"}, **dict.fromkeys(NAMING, f"203.0.113.{rank}"))
            for rank in range(5)
        ]
        assert [reply.status for reply in tries] == [401, 401, 401, 429, 429]
        assert (await sign_in(there, user)).status == 429
        await sql(desk.house, "UPDATE attempt SET last_at = last_at - interval '61 s'")
        # The own account of who tries those of others takes back none of the wrong tries, and makes nobody wait either.
        assert [(await sign_in(there, one)).status for one in (user, user, {"login": login()}, user)] == [201, 201, 401, 429]
    await sql(desk.house, "DELETE FROM attempt")


@pytest.mark.parametrize(
    ("address", "place"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("2001:db8:1:2::9", "2001:db8:1:2::/64"), ("", "unknown"),
     ("::ffff:192.0.2.7", "192.0.2.7"), ("::ffff:c000:208", "192.0.2.8")],
)
def test_one_subscriber_has_a_network_of_ipv6(address: str, place: str) -> None:
    assert place_of(address) == place


async def test_the_old_password_is_asked_for_and_counts_as_a_try(desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    change = {"password": "tout autre chose", "new": NEW}
    assert [(await ask(clerk, "POST", "/v1/me/password", change)).code for _ in range(5)] == ["sign_in_refused"] * 5
    assert (await ask(clerk, "POST", "/v1/me/password", change | {"password": PASSWORD})).status == 429
    assert (await desk.post(f"/v1/users/{user['id']}:release", b"")).status == 200
    assert (await ask(clerk, "POST", "/v1/me/password", {"password": PASSWORD, "new": user["login"]})).code == "password_weak"
    assert (await ask(clerk, "POST", "/v1/me/password", change | {"password": PASSWORD})).status == 204
    assert [(await sign_in(desk, user, one)).status for one in (PASSWORD, NEW)] == [401, 201]


async def test_a_login_that_nobody_has_costs_as_much(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    verify, seen = PasswordHasher.verify, []

    def watched(self: PasswordHasher, hashed: str, password: str) -> bool:
        try:
            return verify(self, hashed, password)
        except Exception as error:
            seen.append((hashed[:30], type(error)))
            raise

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    for who in (await with_password(desk, "biller"), {"login": login()}, await add(desk, "ops")):
        assert (await wrong(desk, who)).status == 401
    # A hash of chance is one of the same costs, and is worked through like any other.
    assert seen == [("$argon2id$v=19$m=19456,t=1,p=1", VerifyMismatchError)] * 3


async def test_costs_of_before_are_replaced_at_the_next_sign_in(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch,
                                                                tmp_path: Path) -> None:  # fmt: skip
    user = await with_password(desk, "biller")
    path = tmp_path / "identity.toml"
    path.write_text("[argon2]\nmemory_kib = 20480\npasses = 1\nlanes = 1\n", encoding="utf-8")
    async with TestServer(house.application()) as server:
        there = dataclasses.replace(desk, house=dataclasses.replace(house, url=str(server.make_url("")).rstrip("/")))
        assert [(await sign_in(there, user)).status for _ in range(2)] == [201, 201]
    async with direct(house.owner_dsn) as con:
        kept = await con.fetchval("SELECT password FROM account WHERE login = $1", user["login"])
    assert kept.startswith("$argon2id$v=19$m=20480,t=1,p=1$")


async def test_what_cannot_be_hashed_anew_now_costs_no_sign_in(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch,
                                                               tmp_path: Path) -> None:  # fmt: skip
    user = await with_password(desk, "biller")
    (tmp_path / "identity.toml").write_text("[argon2]\nmemory_kib = 20480\npasses = 1\nlanes = 1\n", encoding="utf-8")

    async def busy(*_: object) -> str:
        raise HashingBusy("too many passwords are being looked at")

    monkeypatch.setattr(Hasher, "hash", busy)
    async with TestServer(house.application()) as server:
        there = dataclasses.replace(desk, house=dataclasses.replace(house, url=str(server.make_url("")).rstrip("/")))
        reply = await sign_in(there, user)
    assert reply.status == 201 and reply.json["token"], reply.body
