# SPDX-License-Identifier: Apache-2.0
"""Each account looks up so much in an hour and on a day, and no more: in every process, to the last one, and somebody is told."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.base.clock import PARIS
from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import direct
from desmos_fast.identity.lookups.model import Ceiling, Look, Refused
from desmos_fast.identity.lookups.rules import fit, wait
from tests.api.conftest import Desk, House, Reply
from tests.api.people import set_policy, signed_in
from tests.api.test_access import made
from tests.api.test_audit import holds, trail


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = ["key_factor = 2", "[look_ups.biller]", "hour = 5", "day = 8", "[look_ups.agent]", "hour = 2", "day = 2"]
    path = tmp_path / "identity.toml"
    set_policy(monkeypatch, tmp_path)
    path.write_text("\n".join(lines[:1]) + "\n" + path.read_text(encoding="utf-8") + "\n".join(lines[1:]), encoding="utf-8")


@pytest.fixture(autouse=True)
async def one_hour() -> None:
    """Begin no test in the last seconds of an hour, with which the counts begin anew."""
    now = datetime.now(UTC)
    if now.minute == 59 and now.second >= 45:
        await asyncio.sleep(60.1 - now.second)


async def invoice(desk: Desk) -> str:
    return str((await desk.post("/v1/invoices", desk.invoice())).json["id"])


async def looks(desk: Desk, name: str, times: int) -> list[int]:
    return [(await desk.get(f"/v1/invoices/{name}")).status for _ in range(times)]


async def back(house: House, desk: Desk, hours: int) -> None:
    """Let what was looked up be so many hours older."""
    async with direct(house.owner_dsn, desk.tenant) as con:
        await con.execute("UPDATE look_up SET hour = hour - make_interval(hours => $1)", hours)


async def told(desk: Desk) -> list[dict[str, Any]]:
    return [one for one in (await desk.get("/v1/anomalies")).json["anomalies"] if one["kind"] == "look_up_ceiling"]


async def test_a_person_walks_over_the_edge(house: House, desk: Desk) -> None:
    name = await invoice(desk)
    clerk, user = await signed_in(desk, "biller")
    assert await looks(clerk, name, 5) == [200] * 5
    before = len(await trail(desk))
    over: Reply = await clerk.get(f"/v1/invoices/{name}")
    assert (over.status, over.code) == (429, "look_up_ceiling")
    now = datetime.now(UTC)
    assert 0 < int(over.headers["Retry-After"]) <= 3600 and int(over.headers["Retry-After"]) <= 3602 - now.minute * 60 - now.second
    assert name not in over.body.decode() and len(await trail(desk)) == before
    assert await looks(clerk, name, 3) == [429] * 3
    [anomaly] = await told(desk)
    assert anomaly["subject"] == user["id"]
    assert anomaly["found"] == {"name": user["login"], "account": "user", "span": "hour", "ceiling": 5, "asked": 1}
    # What is no look-up goes on, and so does everybody else.
    assert (await clerk.get("/v1/lots")).status == 200 and await looks(desk, name, 1) == [200]
    await back(house, desk, 1)
    assert await looks(clerk, name, 4) == [200, 200, 200, 429]
    assert (await clerk.get(f"/v1/invoices/{name}")).json["detail"].startswith("8 look-ups in one day")
    async with direct(house.owner_dsn, desk.tenant) as con:
        await con.execute("UPDATE look_up SET day = day - 1, hour = hour - interval '1 day'")
    assert await looks(clerk, name, 5) == [200] * 5
    assert await holds(desk) == []


async def test_a_key_has_more_and_the_highest_of_its_roles(desk: Desk) -> None:
    name = await invoice(desk)
    program, key = await made(desk, roles=["agent"], label="Caisse 2")
    both, _ = await made(desk, roles=["agent", "biller"])
    assert await looks(program, name, 5) == [200] * 4 + [429]
    assert await looks(both, name, 11) == [200] * 10 + [429]
    found = {one["subject"]: one["found"] for one in await told(desk)}
    assert (found[key["id"]]["name"], found[key["id"]]["account"], found[key["id"]]["ceiling"]) == ("Caisse 2", "key", 4)


async def test_a_list_counts_what_it_shows_and_fits_whole_or_not_at_all(house: House, desk: Desk) -> None:
    clerk, user = await signed_in(desk, "biller")
    async with direct(house.owner_dsn, desk.tenant) as con:
        await con.execute(
            "INSERT INTO look_up (tenant_id, actor, hour, in_hour, day, in_day)"
            " VALUES ($1, $2::text::uuid, date_trunc('hour', now()), 3, $3, 3)",
            desk.tenant, user["id"], datetime.now(PARIS).date(),
        )  # fmt: skip
    # A list of nothing shows nobody.
    assert [(await clerk.get("/v1/rejects")).status for _ in range(3)] == [200] * 3
    name = await invoice(desk)
    assert await looks(clerk, name, 3) == [200, 200, 429]


async def test_many_at_once_in_two_processes_are_counted_to_the_last(house: House, desk: Desk, second: str) -> None:
    name = await invoice(desk)
    program, _ = await made(desk, roles=["biller"])
    there = dataclasses.replace(program, house=dataclasses.replace(house, url=second))
    replies = await asyncio.gather(*(one.get(f"/v1/invoices/{name}") for one in (program, there) * 20))
    assert sorted(reply.status for reply in replies) == [200] * 10 + [429] * 30
    seen = [row for row in await trail(desk) if row["action"] == "GET /v1/invoices/{id}"]
    assert len(seen) == 10 and await holds(desk) == [] and len(await told(desk)) == 1


def test_looks_fit_in_their_order() -> None:
    def look(items: int, hour: int = 10, day: int = 12) -> Look:
        return Look(uuid7(), datetime.now(UTC), items, Ceiling(hour=hour, day=day))

    assert fit([look(4), look(7), look(6), look(1), look(0)], 0, 0) == [None, Refused("hour", 10), None, Refused("hour", 10), None]
    assert fit([look(3), look(2), look(1)], 0, 10) == [Refused("day", 12), None, Refused("day", 12)]


@pytest.mark.parametrize(
    ("at", "hour", "day"),
    [
        ("2026-11-26T10:00:00+00:00", 3600, 13 * 3600), ("2026-11-26T10:59:59.500000+00:00", 1, 12 * 3600 + 1),
        ("2026-11-26T22:59:59+00:00", 1, 1), ("2026-11-26T23:00:00+00:00", 3600, 24 * 3600),
        # The nights on which the clocks of Paris are moved.
        ("2026-03-28T23:00:00+00:00", 3600, 23 * 3600), ("2026-10-24T22:00:00+00:00", 3600, 25 * 3600),
    ],
)  # fmt: skip
def test_the_next_hour_and_the_next_day_of_paris(at: str, hour: int, day: int) -> None:
    instant = datetime.fromisoformat(at)
    assert (wait(instant, "hour"), wait(instant, "day")) == (hour, day)
    assert wait(instant + timedelta(microseconds=1), "day") <= day
