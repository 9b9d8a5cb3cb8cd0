# SPDX-License-Identifier: Apache-2.0
"""The trail of who looked at what: each look enters before it is answered, and no row of it can be changed unseen."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.keys import TRAIL
from desmos_fast.base.clock import system_clock
from desmos_fast.base.types import uuid7
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.pool import DatabaseDown
from desmos_fast.db.tenant import direct, transaction
from desmos_fast.identity.audit import service
from desmos_fast.identity.audit.model import Access, Break, Head
from desmos_fast.identity.audit.rules import canonical
from tests.api.conftest import Desk, House, person
from tests.api.test_access import made
from tests.api.test_centre_commands import home, run, told

__all__ = ("home",)
NIR = person()


async def trail(desk: Desk) -> list[dict[str, Any]]:
    """Return the whole trail of a centre, the oldest first."""
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        return [dict(row) for row in await con.fetch("SELECT * FROM audit ORDER BY seq")]


async def holds(desk: Desk) -> list[Break]:
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        return list((await service.verify(con, desk.tenant)).breaks)


async def looked(desk: Desk, times: int) -> str:
    """Sign an invoice, look at it so many times, and return its id."""
    name = str((await desk.post("/v1/invoices", desk.invoice())).json["id"])
    for _ in range(times):
        assert (await desk.get(f"/v1/invoices/{name}")).status == 200
    return name


async def by_force(cluster: Cluster, statement: str, *values: object) -> None:
    """Do what no role of the service may: as a superuser, with every guard off."""
    con = await asyncpg.connect(cluster.admin_dsn("desmos"))
    try:
        await con.execute("SET session_replication_role = replica")
        assert await con.execute(statement, *values) not in ("UPDATE 0", "DELETE 0")
    finally:
        await con.close()


async def test_a_look_is_kept_with_who_what_when_and_under_which_request(house: House, desk: Desk) -> None:
    name = await looked(desk, 0)
    key = (await desk.get("/v1/keys")).json["keys"][0]["id"]
    sent = {"Authorization": f"Bearer {desk.key}", "X-Request-Id": "look-1"}
    assert (await house.send("GET", f"/v1/invoices/{name}", sent)).status == 200
    [row] = await trail(desk)
    assert (row["seq"], row["actor"], row["action"], row["subject"], row["request"], row["items"], row["filter"]) == (
        1, key, "GET /v1/invoices/{id}", name, "look-1", 1, "",
    )  # fmt: skip
    assert await holds(desk) == []


@pytest.mark.parametrize("gap", ["", "+", "%20", ".", "-", "%C2%A0", "%E2%80%AF"])
async def test_a_nir_in_groups_is_hidden_in_the_filter_too(desk: Desk, gap: str) -> None:
    groups = (NIR[0], NIR[1:3], NIR[3:5], NIR[5:7], NIR[7:10], NIR[10:13], NIR[13:])
    assert (await desk.get(f"/v1/ledger/entries?account=x&ref={gap.join(groups)}")).status == 200
    [row] = await trail(desk)
    assert row["filter"] == "account=x&ref=***************"


async def test_a_list_is_kept_with_its_count_and_filter_and_without_a_nir(desk: Desk) -> None:
    assert (await desk.get("/v1/rejects?owner=centre&limit=5")).status in (200, 400)
    assert (await desk.get(f"/v1/rejects?code={NIR}&payer=amo:01750&limit=5")).status == 200
    row = (await trail(desk))[-1]
    assert (row["action"], row["items"], row["subject"]) == ("GET /v1/rejects", 0, "")
    assert row["filter"] == "code=***************&limit=5&payer=amo:01750"
    assert NIR[:13] not in str(await trail(desk))


async def test_what_shows_nothing_is_not_kept(house: House, desk: Desk) -> None:
    clerk, _ = await made(desk, roles=["ops"])
    before = len(await trail(desk))
    for path in ("/v1/dashboard", f"/v1/invoices/{uuid7()}", "/v1/rejects?wrong=1", "/v1/lots", "/v1/nothing"):
        await desk.get(path)
    assert (await clerk.get("/v1/rejects")).status == 403
    assert len(await trail(desk)) == before


async def test_an_export_is_kept_with_its_count(desk: Desk) -> None:
    await looked(desk, 0)
    await desk.post("/v1/lots:build", {})
    [file] = (await desk.get("/v1/files")).json["files"]
    given = await desk.get(f"/v1/files/{file['id']}/content")
    row = (await trail(desk))[-1]
    assert (row["action"], row["subject"]) == ("GET /v1/files/{id}/content", file["id"])
    assert row["items"] == len(given.body.replace(b"\r", b"").replace(b"\n", b"")) // 128 > 4


async def test_a_file_that_an_operator_takes_is_kept_too(desk: Desk, home: Path) -> None:
    await looked(desk, 0)
    await desk.post("/v1/lots:build", {})
    [file] = (await desk.get("/v1/files")).json["files"]
    assert (await desk.post("/v1/test/clock", {"by_s": 90 * 86_400})).status == 200
    status, _, errors = await run(desk, home, "files", "get", file["id"], "-o", str(home.with_name("taken.b2")))
    assert status == 0, errors
    assert (await run(desk, home, "files", "get", str(uuid7()), "-o", str(home.with_name("none.b2"))))[0] == 1
    [row] = await trail(desk)
    assert (row["actor"], row["action"], row["subject"]) == ("operator", "files get", file["id"])
    assert row["items"] > 4
    # By the clock of the house, as what is looked at over HTTP.
    assert abs(row["happened_at"] - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("route", ["content", "invoice"])
async def test_nothing_is_shown_that_cannot_be_kept(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    name = await looked(desk, 0)
    await desk.post("/v1/lots:build", {})
    [file] = (await desk.get("/v1/files")).json["files"]
    path = f"/v1/files/{file['id']}/content" if route == "content" else f"/v1/invoices/{name}"

    async def refused(*_: object) -> None:
        raise DatabaseDown("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr("desmos_fast.identity.audit.service.append", refused)
        reply = await desk.get(path)
        assert (reply.status, reply.code) == (503, "database_unavailable")
        assert (await desk.get("/v1/dashboard")).status == 200
    assert await trail(desk) == []
    assert (await desk.get(path)).status == 200
    assert len(await trail(desk)) == 1


async def test_many_looks_at_once_share_transactions_and_leave_no_gap(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    name, batches = await looked(desk, 0), []
    append = service.append

    async def counted(con: Any, tenant: Any, accesses: Any) -> None:
        batches.append(len(accesses))
        await append(con, tenant, accesses)

    monkeypatch.setattr("desmos_fast.identity.audit.service.append", counted)
    other = house.application()[TRAIL]
    mine = [desk.get(f"/v1/invoices/{name}") for _ in range(60)]
    theirs = [other.add(desk.tenant, Access(system_clock(), "x", "y")) for _ in range(40)]
    done = await asyncio.gather(*mine, *theirs)
    assert {reply.status for reply in done[:60] if reply is not None} == {200}
    assert [row["seq"] for row in await trail(desk)] == [*range(1, 101)]
    assert sum(batches) == 100 and len(batches) < 60
    assert await holds(desk) == []


async def test_one_who_leaves_takes_nothing_from_those_who_wait(house: House, desk: Desk) -> None:
    book, now = house.app[TRAIL], system_clock()
    waiting = [asyncio.create_task(book.add(desk.tenant, Access(now, "x", str(number)))) for number in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[3].cancel()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [one is None for one in done] == [False, True, True, False, True]
    assert [row["action"] for row in await trail(desk)] == ["0", "1", "2", "3", "4"]
    await book.add(desk.tenant, Access(now, "x", "5"))
    assert await holds(desk) == []


@pytest.mark.parametrize(
    ("statement", "row", "why"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 3", 3, "changed"),
        ("UPDATE audit SET subject = '' WHERE seq = 3", 3, "changed"),
        ("UPDATE audit SET request = '' WHERE seq = 3", 3, "changed"),
        ("UPDATE audit SET items = 0 WHERE seq = 3", 3, "changed"),
        ("UPDATE audit SET filter = 'a' WHERE seq = 3", 3, "changed"),
        ("UPDATE audit SET happened_at = happened_at - interval '1 us' WHERE seq = 3", 3, "changed"),
        ("UPDATE audit SET hash = sha256('') WHERE seq = 3", 3, "changed"),
        ("DELETE FROM audit WHERE seq = 3", 3, "missing"),
        ("DELETE FROM audit WHERE seq = 1", 1, "missing"),
        ("DELETE FROM audit WHERE seq = 5", 5, "missing"),
        ("UPDATE audit SET seq = 9 WHERE seq = 5", 5, "missing"),
        ("UPDATE audit SET seq = 0 WHERE seq = 3", 0, "misplaced"),
        ("UPDATE counter SET value = 4 WHERE kind = 'audit'", 4, "other_head"),
        ("DELETE FROM counter WHERE kind = 'audit'", 1, "beyond_head"),
    ],
)
async def test_the_first_broken_row_is_named(cluster: Cluster, desk: Desk, statement: str, row: int, why: str) -> None:
    await looked(desk, 5)
    assert await holds(desk) == []
    glue = " AND" if "WHERE" in statement else " WHERE"
    await by_force(cluster, f"{statement}{glue} tenant_id = $1", desk.tenant)
    assert (await holds(desk))[0] == Break(row, why)  # type: ignore[arg-type]


async def test_a_trail_written_anew_is_told_by_an_end_that_was_noted(cluster: Cluster, house: House, desk: Desk) -> None:
    await looked(desk, 3)
    async with direct(house.owner_dsn, desk.tenant) as con:
        before = await service.verify(con, desk.tenant)
    kept = [Access(row["happened_at"], "another", *(row[name] for name in ("action", "subject", "request", "items", "filter")))
            for row in await trail(desk)]  # fmt: skip
    await by_force(cluster, "DELETE FROM audit WHERE tenant_id = $1", desk.tenant)
    await by_force(cluster, "DELETE FROM counter WHERE kind = 'audit' AND tenant_id = $1", desk.tenant)
    async with transaction(house.pool, desk.tenant) as con:
        await service.append(con, desk.tenant, kept)
        assert (await service.verify(con, desk.tenant)).holds
        found = await service.verify(con, desk.tenant, anchor=Head(before.head, bytes.fromhex(before.hash)))
    assert found.breaks == (Break(3, "other_anchor"),)


async def test_a_trail_of_another_centre_does_not_fit(cluster: Cluster, house: House, desk: Desk) -> None:
    await looked(desk, 2)
    other = await house.desk()
    await by_force(cluster, "UPDATE audit SET tenant_id = $1 WHERE tenant_id = $2", other.tenant, desk.tenant)
    await by_force(cluster, "UPDATE counter SET tenant_id = $1 WHERE kind = 'audit' AND tenant_id = $2", other.tenant, desk.tenant)
    assert await holds(other) == [Break(1, "changed")]


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit", "UPDATE audit SET seq = seq + 1"],
)
async def test_no_role_of_the_service_changes_a_row(house: House, desk: Desk, served: Cluster, role: str, statement: str) -> None:
    await looked(desk, 1)
    dsn = house.owner_dsn if role == "owner" else served.app_dsn("desmos")
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)):
        async with direct(dsn, desk.tenant) as con:
            await con.execute(statement)
    assert len(await trail(desk)) == 1


@pytest.mark.parametrize("seq", [-1, 0, 2, 4, 100])
async def test_no_row_enters_but_after_the_last(house: House, desk: Desk, served: Cluster, seq: int) -> None:
    await looked(desk, 2)
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.UniqueViolationError)):
        async with direct(served.app_dsn("desmos"), desk.tenant) as con:
            await con.execute(
                "INSERT INTO audit (tenant_id, seq, happened_at, actor, action, subject, request, items, filter, hash)"
                " VALUES ($1, $2, now(), 'a', 'b', 'c', 'd', 1, '', $3)", desk.tenant, seq, bytes(32),
            )  # fmt: skip
    assert await holds(desk) == []


async def test_a_forged_row_is_a_break(desk: Desk, served: Cluster) -> None:
    await looked(desk, 2)
    async with direct(served.app_dsn("desmos"), desk.tenant) as con:
        await con.execute(
            "INSERT INTO audit (tenant_id, seq, happened_at, actor, action, subject, request, items, filter, hash)"
            " VALUES ($1, 3, now(), 'a', 'b', 'c', 'd', 1, '', $2)", desk.tenant, bytes(32),
        )  # fmt: skip
    assert await holds(desk) == [Break(3, "beyond_head")]


async def test_auditors_read_the_trail_by_pages_and_filters(desk: Desk) -> None:
    auditor, told_key = await made(desk, roles=["auditor"])
    clerk, _ = await made(desk, roles=["biller"])
    name = await looked(desk, 3)
    assert (await clerk.get("/v1/audit")).status == 403
    whole = (await auditor.get("/v1/audit")).json["accesses"]
    assert [one["action"] for one in whole] == ["GET /v1/invoices/{id}"] * 3 + ["key.created"] * 2
    assert whole[4]["subject"] == told_key["id"] and "auditor" in whole[4]["filter"]
    assert [one["row"] for one in whole] == [5, 4, 3, 2, 1]
    # The look at the trail is a look too.
    assert [one["action"] for one in (await auditor.get("/v1/audit?limit=1")).json["accesses"]] == ["GET /v1/audit"]
    asked = f"/v1/audit?subject={name}&limit=2"
    first = (await auditor.get(asked)).json
    rest = (await auditor.get(f"{asked}&cursor={first['next']}")).json
    assert [one["row"] for one in first["accesses"] + rest["accesses"]] == [5, 4, 3] and rest["next"] is None
    assert [one["row"] for one in (await auditor.get("/v1/audit?action=key.created")).json["accesses"]] == [2, 1]
    assert (await auditor.get(f"/v1/audit?actor={told_key['id']}&to=2020-01-01")).json["accesses"] == []
    assert (await auditor.get("/v1/audit?cursor=x")).code == "bad_cursor"
    assert await holds(desk) == []


async def test_the_command_says_whether_the_trail_holds(cluster: Cluster, desk: Desk, home: Path) -> None:
    await looked(desk, 4)
    status, out, errors = await run(desk, home, "audit", "verify")
    assert (status, errors) == (0, "") and out.startswith("the chain holds: 4 rows looked at; the trail ends at 4:")
    noted = out.split()[-1]
    assert (await told(desk, home, "audit", "verify", "--head", noted, "--json"))["holds"] is True
    assert (await run(desk, home, "audit", "verify", "--head", "x"))[0] == 2
    await by_force(cluster, "UPDATE audit SET items = 7 WHERE seq = 2 AND tenant_id = $1", desk.tenant)
    status, out, _ = await run(desk, home, "audit", "verify")
    assert status == 1 and out.startswith("THE CHAIN IS BROKEN in 1 places, first at row 2: changed")


def test_the_bytes_that_are_hashed_are_these() -> None:
    access = Access(datetime.fromisoformat("2026-11-25T09:00:00.000001+01:00"), "k", "GET /v1/rejects", "", "r", 3, "code=T1é")
    assert canonical(access) == '["2026-11-25T08:00:00.000001+00:00","k","GET /v1/rejects","","r",3,"code=T1é"]'.encode()
