# SPDX-License-Identifier: Apache-2.0
"""Every route for every role, for keys and people, of its own centre and of another: who may ask, and that nobody sees another's."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from api.titles import PROBLEMS
from desmos_fast.base.settings import load
from desmos_fast.base.types import uuid7
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service
from desmos_fast.identity.model import ROLES, KeyAsked
from desmos_fast.identity.rights import PERSONAL, RULES, RoleMissing, Rule, check
from tests.api.conftest import Desk, House, Reply
from tests.api.people import add, seat, set_policy, with_password

# What tells two centres apart in the database: a request of a stranger adds or changes none of it.
WAYS: Final = ("key", "session")
# What ends the session that asks comes last.
ENDING: Final = frozenset({("DELETE", "/v1/sessions"), ("POST", "/v1/sessions:end-all")})
STREAMS: Final = frozenset({"/v1/readers/events"})
COUNTED: Final = (
    "invoice", "share", "lot", "file", "decision", "webhook", "contact", "payment", "anomaly", "idempotency", "audit", "member", "session",
)  # fmt: skip


async def key_of(house: House, desk: Desk, *roles: str) -> str:
    """Make a key with roles, beside the API."""
    async with direct(house.owner_dsn, desk.tenant) as con:
        made = await service.make_key(
            con, desk.tenant, "test", KeyAsked(roles=roles), datetime.now(UTC), by="x", pepper=secret(load(), "api_keys")
        )
    assert made.secret is not None
    return made.secret


async def let_in(house: House, desk: Desk, role: str, way: str) -> str:
    """Return the key of a program or the token of a person with a role."""
    return await key_of(house, desk, role) if way == "key" else (await seat(desk, await with_password(desk, role))).key


async def ask(house: House, key: str, method: str, path: str) -> Reply:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid7())}
    return await house.send(method, path, headers, None if method == "GET" else b"{}")


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let an administrator in without a code generator: who lacks it is let in nowhere, which is tried elsewhere."""
    set_policy(monkeypatch, tmp_path, "[totp]", "required = []")


@pytest.fixture
async def known(desk: Desk) -> dict[str, str]:
    """Give the centre an invoice in a lot of a file, a webhook and a contact, and return what stands for {id} on each kind of route."""
    signed = await desk.post("/v1/invoices", desk.invoice())
    assert signed.status == 201, signed.body
    built = (await desk.post("/v1/lots:build", {})).json
    webhook = await desk.post("/v1/webhooks", {"url": "https://example.org/h", "events": ["share.rejected"]})
    return {
        "invoices": signed.json["id"], "rejects": signed.json["id"], "lots": (await desk.get("/v1/lots")).json["lots"][0]["id"],
        "files": (await desk.get("/v1/files")).json["files"][0]["id"], "keys": (await desk.get("/v1/keys")).json["keys"][0]["id"],
        "webhooks": webhook.json.get("id", str(uuid7())), "built": str(built), "users": (await add(desk, "ops"))["id"],
    }  # fmt: skip


def path_of(route: str, known: dict[str, str]) -> str:
    room = route.split("/")[2].partition(":")[0]
    named = {"{id}": known.get(room, str(uuid7())), "{part}": "amo", "{name}": "banque", "{quarter}": "2025Q1"}
    for word, value in named.items():
        route = route.replace(word, value)
    return route


def asked_of(role: str) -> list[tuple[str, str, Rule]]:
    """Return what a role is tried on; a stream that it may follow would go on for a minute, and has a test of its own."""
    rules = sorted(RULES.items(), key=lambda one: one[0] in ENDING)
    return [(method, route, rule) for (method, route), rule in rules if route not in STREAMS or role not in rule.roles]


async def counts(desk: Desk) -> dict[str, int]:
    return {table: await desk.count(table) for table in COUNTED}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", ROLES)
async def test_a_role_is_let_in_where_the_table_says_so_and_nowhere_else(
    house: House, desk: Desk, known: dict[str, str], role: str, way: str
) -> None:
    key = await let_in(house, desk, role, way)
    for method, route, rule in asked_of(role):
        # What an administrator may do to the keys would end them.
        reply = await ask(house, key, method, path_of(route, known | {"keys": str(uuid7())}))
        if role in rule.roles:
            assert reply.status not in (401, 403) and reply.status < 500, (method, route, reply.body)
        else:
            assert (reply.status, reply.code) == (403, "role_missing"), (method, route)
            assert all(name in reply.json["detail"] for name in rule.roles | {role})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", ROLES)
async def test_no_role_sees_or_moves_anything_of_another_centre(
    house: House, desk: Desk, known: dict[str, str], role: str, way: str
) -> None:
    stranger = await house.desk()
    key, before = await let_in(house, stranger, role, way), await counts(desk)
    secrets = [known[name] for name in ("invoices", "lots", "files", "keys", "users")] + [desk.finess]
    for method, route, rule in asked_of(role):
        reply = await ask(house, key, method, path_of(route, known))
        assert reply.status < 500, (method, route, reply.body)
        if role not in rule.roles:
            assert reply.status == 403, (method, route)
        elif "{id}" in route and route.split("/")[2].partition(":")[0] in known:
            # Bodies and states are looked at first here and there; what is there is never told from what is not.
            absent = await ask(house, key, method, path_of(route, {}))
            assert (reply.status, reply.json.get("code")) == (absent.status, absent.json.get("code")), (method, route)
            assert reply.status in (404, 409, 422, 400), (method, route, reply.body)
        assert not [name for name in secrets if name.encode() in reply.body], (method, route, reply.body)
    assert await counts(desk) == before
    assert (await desk.get(f"/v1/invoices/{known['invoices']}")).status == 200
    assert (await desk.get("/v1/keys")).status == 200


async def test_a_key_of_several_roles_may_do_what_each_may(house: House, desk: Desk) -> None:
    key = await key_of(house, desk, "biller", "ops")
    assert (await ask(house, key, "GET", "/v1/webhooks")).status == 200
    assert (await ask(house, key, "POST", "/v1/lots:build")).status == 200
    assert (await ask(house, key, "GET", "/v1/ledger/balance")).status == 403


async def test_what_leads_nowhere_is_no_matter_of_roles(house: House, desk: Desk) -> None:
    key = await key_of(house, desk, "agent")
    assert [(await ask(house, key, *where)).status for where in (("GET", "/v1/nothing"), ("POST", "/v1/dashboard"))] == [404, 405]
    headers = {"Authorization": f"Bearer {key}"}
    assert [(await house.send("HEAD", path, headers)).status for path in ("/v1/dashboard", "/v1/keys")] == [200, 403]


def test_a_route_without_a_rule_is_nobodys() -> None:
    with pytest.raises(RoleMissing):
        check("GET", "/v1/forgotten", frozenset(ROLES))


def test_the_tables_are_whole() -> None:
    assert all(role.title_fr and role.does_fr for role in ROLES.values())
    assert all("admin" in rule.roles for rule in RULES.values())
    # Who audits only looks, but for what is their own.
    assert {name[0] for name, rule in RULES.items() if "auditor" in rule.roles and name not in PERSONAL} == {"GET"}
    assert {rule.roles for name, rule in RULES.items() if name in PERSONAL} == {frozenset(ROLES)} and set(RULES) >= PERSONAL
    assert PROBLEMS["role_missing"].status == 403


async def test_lists_are_counted_under_the_name_that_they_have(house: House, desk: Desk, known: dict[str, str]) -> None:
    for (method, route), rule in RULES.items():
        if rule.items:
            reply = await ask(house, desk.key, method, path_of(route, known))
            body: dict[str, Any] = reply.json
            assert reply.status == 404 or isinstance(body[rule.items], list), (route, body)
