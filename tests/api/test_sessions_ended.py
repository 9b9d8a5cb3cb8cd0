# SPDX-License-Identifier: Apache-2.0
"""Who signs in at the very moment at which every session ends: none is left that the end was asked for before or after."""

import asyncio
from pathlib import Path

import pytest

from desmos_fast.db.tenant import direct
from tests.api.conftest import Desk, House
from tests.api.people import ask, set_policy, sign_in, signed_in

WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_policy(monkeypatch, tmp_path, "[totp]", "required = []")


@pytest.mark.parametrize("how", ["end-all", "reset"])
async def test_a_session_that_opens_while_all_end_ends_too(house: House, desk: Desk, how: str) -> None:
    clerk, user = await signed_in(desk, "biller")
    async with direct(house.owner_dsn, desk.tenant) as con:
        # As who signs in does: the person is held, then the session is kept.
        await con.execute("SELECT FROM account WHERE login = $1 FOR UPDATE", user["login"])
        path = f"/v1/users/{user['id']}:reset"
        ending = asyncio.create_task(ask(clerk, "POST", "/v1/sessions:end-all") if how == "end-all" else desk.post(path, {}))
        async with asyncio.timeout(20):
            while not await con.fetchval(WAITS):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await con.execute(
            "INSERT INTO session (tenant_id, id, member_id, account_id, hash, strong, idle_s, ends_at, made_at, used_at)"
            " SELECT tenant_id, gen_random_uuid(), member_id, account_id, sha256(hash), strong, idle_s, ends_at, clock_timestamp(),"
            " clock_timestamp() FROM session WHERE member_id = $1",
            user["id"],
        )
    assert (await ending).status in (200, 204)
    async with direct(house.owner_dsn) as con:
        left = await con.fetchval("SELECT count(*) FROM session AS s, authenticate_session(s.hash) WHERE s.member_id = $1", user["id"])
    assert left == 0
    assert (await sign_in(desk, user)).status == (201 if how == "end-all" else 401)
