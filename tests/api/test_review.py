# SPDX-License-Identifier: Apache-2.0
"""Which rights nobody uses: told of keys and users, from what each of them asked for."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import direct
from desmos_fast.identity.review.model import Reviewed
from desmos_fast.identity.review.rules import judge, review
from tests.api.conftest import Desk, House
from tests.api.people import add, set_policy, signed_in
from tests.api.test_access import delete, made
from tests.api.test_centre_commands import home
from tests.api.worker import ROOT, environment

__all__ = ("home",)
SINCE = date(2026, 8, 28)


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_policy(monkeypatch, tmp_path)


async def reviewed(desk: Desk, query: str = "") -> dict[str, Any]:
    reply = await desk.get(f"/v1/access/review{query}")
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json
    return found


async def until(noted: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(100):
        if await noted():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it was not noted")


async def test_what_is_used_and_what_is_not(house: House, desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller", "ops")
    unused, key = await made(desk, roles=["auditor"], label="Cabinet comptable")
    gone, gone_key = await made(desk, roles=["agent"])
    await add(desk, "accountant")
    await delete(desk, f"/v1/keys/{gone_key['id']}")
    name = (await clerk.post("/v1/invoices", clerk.invoice())).json["id"]
    assert (await clerk.get(f"/v1/invoices/{name}")).status == 200
    assert (await clerk.get("/v1/webhooks")).status == 200

    async def noted() -> bool:
        async with direct(house.owner_dsn, desk.tenant) as con:
            return {"biller", "ops"} <= {row["role"] for row in await con.fetch("SELECT role FROM role_use")}

    await until(noted)
    async with direct(house.owner_dsn, desk.tenant) as con:
        await con.execute("UPDATE member SET made_at = made_at - interval '100 days'")
        await con.execute("UPDATE role_use SET used_on = used_on - 91 WHERE role = 'ops'")
    found = await reviewed(desk)
    accounts = {one["id"]: one for one in found["accounts"]}
    mine = accounts[user["id"]]
    assert (mine["account"], mine["name"], mine["kind"], mine["findings"], mine["unused"]) == (
        "user", user["login"], "test", ["role_not_used"], ["ops"],
    )  # fmt: skip
    assert mine["looked_on"] is not None and mine["roles_used"]["biller"] is not None
    assert (accounts[key["id"]]["name"], accounts[key["id"]]["findings"]) == ("Cabinet comptable", ["never_used"])
    assert gone_key["id"] not in accounts and found["days"] == 90
    # The key that asks is used; who has findings comes first.
    assert [bool(one["findings"]) for one in found["accounts"]] == [True, True, True, False]
    assert found["roles_unused"] == ["accountant", "ops", "auditor"]
    assert (await reviewed(desk, "?days=200"))["accounts"][-1]["findings"] == []
    assert [(await one.get("/v1/access/review")).status for one in (unused, clerk)] == [200, 403]
    assert (await desk.get("/v1/access/review?days=0")).code == "bad_parameter"


async def test_another_centre_and_kind_are_not_reviewed(house: House, desk: Desk) -> None:
    other = await house.desk()
    _, key = await made(other, roles=["ops"])
    assert key["id"] not in str(await reviewed(desk)) and key["id"] in str(await reviewed(other))


async def test_the_command_tells_what_is_not_used(desk: Desk, home: Path) -> None:
    async def run(*more: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "desmos_fast.cli", "access", "review", desk.finess, *more]
        env = environment(desk, home) | {"DESMOS_OWNER_DSN": desk.house.owner_dsn}
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    _, key = await made(desk, roles=["ops", "auditor"], label="Automate")
    status, out = await run()
    assert status == 1 and f"key   {key['id']}  test  used never" in out and "never_used" in out and "Automate" in out
    assert orjson.loads((await run("--json"))[1])["accounts"][0]["findings"] == ["never_used"]


def account(made: int, used: int | None, **roles: int | None) -> Reviewed:
    """Make an account; numbers are days before the present one, 90 of which are the span."""
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    return Reviewed(
        account="key", id=uuid7(), kind="live", name="", made_at=now - timedelta(days=made), looked_on=None,
        used_at=None if used is None else now - timedelta(days=used),
        roles_used={role: None if ago is None else now.date() - timedelta(days=ago) for role, ago in roles.items()},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "findings", "unused"),
    [
        (account(200, 1, ops=1, agent=2), (), ()),
        (account(200, 90, ops=90), (), ()),
        (account(200, 91, ops=91), ("not_used",), ("ops",)),
        (account(200, None, ops=None), ("never_used",), ("ops",)),
        (account(10, None, ops=None), ("never_used",), ()),
        (account(10, 5, ops=5, agent=None), (), ()),
        (account(200, 5, ops=5, agent=None), ("role_not_used",), ("agent",)),
        (account(200, 5, ops=5, agent=91), ("role_not_used",), ("agent",)),
    ],
)
def test_each_finding_has_its_days(one: Reviewed, findings: tuple[str, ...], unused: tuple[str, ...]) -> None:
    judged = judge(one, SINCE)
    assert (judged.findings, judged.unused) == (findings, unused)


def test_a_role_is_unused_when_nobody_used_it() -> None:
    both = [account(200, 1, ops=1, agent=None), account(200, 1, agent=3), account(200, None, auditor=None)]
    assert review(both, 90, SINCE).roles_unused == ["auditor"]
