# SPDX-License-Identifier: Apache-2.0
"""What a centre did not subscribe to is refused before any route, whoever asks, from the day on that was said."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.contract.document import OPERATIONS
from api.keys import OPTIONS as BOOK
from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import direct
from desmos_fast.identity.options import rules
from desmos_fast.identity.options.model import Turn
from desmos_fast.identity.options.rules import OPTIONS, has, option_of
from tests.api.conftest import Desk, Reply
from tests.api.worker import ROOT, environment
from tests.days import today

OPTIONAL = sorted(name for name in OPERATIONS if option_of(name[1]) is not None)


async def put(desk: Desk, *turns: Turn) -> None:
    """Say what the centre has, as its owner, and let the service ask anew."""
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        for turn in turns:
            await con.execute(
                "INSERT INTO centre_option (tenant_id, option, starts, subscribed, set_at, set_by) VALUES ($1, $2, $3, $4, now(), 'test')",
                desk.tenant, *turn,
            )  # fmt: skip
    desk.house.app[BOOK]._known.clear()


def path_of(desk: Desk, route: str) -> str:
    for name, value in (("id", str(desk.tenant)), ("part", "amo"), ("quarter", "2026Q1"), ("name", "a")):
        route = route.replace(f"{{{name}}}", value)
    # A stream goes on for a minute.
    return f"{route}?seconds=1" if route == "/v1/readers/events" else route


async def ask(desk: Desk, method: str, route: str) -> Reply:
    headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
    return await desk.house.send(method, path_of(desk, route), headers, None if method == "GET" else b"{}")


async def test_each_route_of_an_option_is_refused_without_it_alone(desk: Desk) -> None:
    for option in OPTIONS.values():
        centre = await desk.house.desk()
        await put(centre, Turn(option.name, today(), False))
        for name in OPTIONAL:
            reply = await ask(centre, *name)
            refused = reply.status == 403 and reply.code == "option_not_subscribed"
            assert refused is (option_of(name[1]) == option), (option.name, name)
            if refused:
                assert reply.json["title_fr"] == "Option non souscrite par le centre" and option.title_fr in reply.json["detail"]


async def test_every_other_route_and_centre_goes_on(desk: Desk) -> None:
    await put(desk, *(Turn(name, today(), False) for name in OPTIONS))
    other = await desk.house.desk()
    for method, route in sorted(set(OPERATIONS) - set(OPTIONAL)):
        if method == "GET" and route.startswith("/v1/"):
            reply = await ask(desk, method, route)
            assert reply.status != 403 or reply.code != "option_not_subscribed", route
    for option in OPTIONS.values():
        listed = next(name for name in OPTIONAL if option_of(name[1]) == option and name[0] == "GET")
        reply = await ask(other, *listed)
        assert reply.status != 403


async def test_an_option_begins_and_ends_with_its_day(desk: Desk) -> None:
    day = timedelta(days=1)
    await put(
        desk, Turn("webhooks", today() - 3 * day, False), Turn("webhooks", today() - day, True), Turn("webhooks", today() + day, False)
    )
    assert (await desk.get("/v1/webhooks")).status == 200
    (shown,) = [one for one in (await desk.get("/v1/options")).json["options"] if one["option"] == "webhooks"]
    assert (shown["subscribed"], shown["changes"]) == (True, (today() + day).isoformat())
    # A test centre that lives two days later has it no more.
    assert (await desk.post("/v1/test/clock", {"by_s": 2 * 86_400})).status == 200
    assert (await desk.get("/v1/webhooks")).code == "option_not_subscribed"


async def test_what_is_set_holds_within_a_second(desk: Desk) -> None:
    assert (await desk.get("/v1/webhooks")).status == 200
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        await con.execute("INSERT INTO centre_option VALUES ($1, 'webhooks', $2, false, now(), 'test')", desk.tenant, today())
    await asyncio.sleep(1)
    assert (await desk.get("/v1/webhooks")).code == "option_not_subscribed"


async def test_an_operator_sets_options_and_the_centre_cannot(desk: Desk, tmp_path: Path) -> None:
    async def run(*arguments: str) -> tuple[int, Any]:
        env = environment(desk, tmp_path / "home") | {"DESMOS_OWNER_DSN": desk.house.owner_dsn}
        command = [sys.executable, "-m", "desmos_fast.cli", "centre", "options", desk.finess, "--json", *arguments]
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
        return done.returncode, orjson.loads(done.stdout) if done.stdout else done.stderr

    later = (today() + timedelta(days=30)).isoformat()
    status, shown = await run("--off", "accounting", "--off", "webhooks")
    assert status == 0, shown
    assert {one["option"] for one in shown["options"] if not one["subscribed"]} == {"accounting", "webhooks"}
    assert (await run("--on", "accounting", "--from", later))[1]["options"][-2]["changes"] == later
    desk.house.app[BOOK]._known.clear()
    assert (await desk.get("/v1/accounting/settings")).code == "option_not_subscribed"
    assert (await desk.get("/v1/options")).json == (await run())[1]
    assert (await run("--on", "nothing"))[0] == 1 and (await run("--on", "tp", "--from", "2020-01-01"))[0] == 1
    with pytest.raises(Exception, match="permission denied"):
        async with direct(desk.house.wire.dsn, desk.tenant) as con:
            await con.execute("INSERT INTO centre_option VALUES ($1, 'desk', $2, true, now(), 'me')", desk.tenant, today())


def test_every_row_of_the_table_has_routes_and_a_name_in_french() -> None:
    for option in OPTIONS.values():
        for beginning in option.routes:
            assert any(path == beginning or path.startswith((beginning + "/", beginning + ":")) for _, path in OPERATIONS), beginning
    assert option_of("/v1/paymentsome") is None and option_of("/v1/payments:x") == OPTIONS["desk"]
    assert has(OPTIONS["tp"], [], today()) is True
    for bad in ("a,maybe,A,A,/a", "a,yes,A,A,", "a,yes,A,,/a"):
        with pytest.raises(OurBug):
            rules.read(["option,subscribed,title_en,title_fr,routes", bad])
