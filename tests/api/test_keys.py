# SPDX-License-Identifier: Apache-2.0
"""Who may ask, and what another centre's key sees."""

from typing import Final

import pytest

from api.middlewares import PUBLIC
from desmos_fast.db.tenant import direct
from desmos_fast.identity.model import CentreExists, UnknownCentre, new_secret
from desmos_fast.identity.rights import OPEN, RULES
from desmos_fast.identity.service import add_centre, new_key
from tests.api.conftest import Desk, House, finess

# A fixed one: it is in the names of tests, which are the same in each process that runs some of them.
ABSENT: Final = "01920000-0000-7000-8000-000000000000"
ROUTES: Final = [
    *((method, path.replace("{id}", ABSENT).replace("{part}", "amo").replace("{name}", "a").replace("{quarter}", "2025Q1"))
      for method, path in RULES),
    ("GET", "/v1/nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_nothing_is_answered_without_a_key(house: House, method: str, path: str) -> None:
    for headers in (
        {},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Bearer abc"},
        {"Authorization": f"Bearer {new_secret('test')}"},
    ):
        reply = await house.send(method, path, headers, b"{}" if method == "POST" else None)
        assert (reply.status, reply.code) == (401, "unauthorized")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
        assert reply.headers["X-Request-Id"] in reply.json["instance"]


def test_every_route_has_a_rule_and_every_rule_a_route(house: House) -> None:
    offered = {
        (route.method, route.resource.canonical)
        for route in house.app.router.routes()
        if route.resource is not None and route.method != "HEAD" and route.resource.canonical not in PUBLIC
    }
    assert offered == set(RULES) | OPEN and not OPEN & set(RULES)


async def test_a_revoked_key_ends_once_it_is_forgotten(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desmos_fast.identity.service.time.monotonic", lambda: 1_000.0)
    assert (await desk.get("/v1/nothing")).status == 404
    async with direct(house.owner_dsn) as con:
        await con.execute("UPDATE api_key SET revoked_at = now() WHERE tenant_id = $1", desk.tenant)
    assert (await desk.get("/v1/nothing")).status == 404
    monkeypatch.setattr("desmos_fast.identity.service.time.monotonic", lambda: 1_000.91)
    assert (await desk.get("/v1/nothing")).status == 401


async def test_a_centre_is_registered_once(house: House) -> None:
    number = finess()
    async with direct(house.owner_dsn) as con:
        first = await add_centre(con, number, "Un centre")
        assert await add_centre(con, number, "Un centre") == first
        with pytest.raises(CentreExists):
            await add_centre(con, number, "Un autre")
        with pytest.raises(UnknownCentre):
            await new_key(con, finess(), "test", pepper=b"p" * 32)


async def test_only_the_hmac_of_a_key_is_kept(house: House, desk: Desk) -> None:
    async with direct(house.owner_dsn) as con:
        row = await con.fetchrow("SELECT k::text AS whole FROM api_key AS k WHERE tenant_id = $1", desk.tenant)
    assert row is not None
    assert desk.key not in row["whole"]
    assert desk.key.encode().hex() not in row["whole"]


async def test_a_method_that_is_not_offered_says_which_ones_are(desk: Desk) -> None:
    reply = await desk.post("/v1/dashboard", {})
    assert (reply.status, reply.code, reply.headers["Allow"]) == (405, "method_not_allowed", "GET,HEAD")


async def test_another_centre_sees_nothing(house: House, desk: Desk) -> None:
    created = await desk.post("/v1/invoices", desk.invoice())
    assert created.status == 201, created.body
    other = await house.desk()
    where = created.headers["Location"]
    assert (await desk.get(where)).status == 200
    foreign, absent = await other.get(where), await other.get(f"/v1/invoices/{ABSENT}")
    assert (foreign.status, foreign.code) == (404, "not_found")
    assert {**foreign.json, "instance": ""} == {**absent.json, "instance": ""}


@pytest.mark.parametrize("path", [f"/v1/files/{ABSENT}/content", "/v1/files/12/content", "/v1/invoices/12"])
async def test_what_does_not_exist_is_not_found(desk: Desk, path: str) -> None:
    reply = await desk.get(path)
    assert (reply.status, reply.code) == (404, "not_found")
