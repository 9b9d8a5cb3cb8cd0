# SPDX-License-Identifier: Apache-2.0
"""Builds through the real service: what waits, its numbers, its files, and what must not happen to them."""

import asyncio
import hashlib
import io
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.db import numbers
from desmos_fast.db.pool import Connection
from desmos_fast.exchange.codec import examine
from tests.api.conftest import Desk, House
from tests.api.post import build, column, content, events, rows, shares, sign

KINDS = ("01_ngap_visit", "02_dental_ccam", "07_amc_apart", "08_c2s", "13_defaults", "17_third_party")


async def test_nothing_waiting_makes_no_file(desk: Desk) -> None:
    assert await build(desk) == {"files": [], "lots": 0, "shares": 0, "invoices": 0}
    assert await desk.count("counter") == 0


async def test_what_waits_becomes_a_file_that_every_check_accepts(desk: Desk) -> None:
    ids = await sign(desk, *KINDS)
    built = await build(desk)
    (file,) = built["files"]
    data = await content(desk, file["id"])
    assert (file["size"], file["sha256"], file["sequence"]) == (len(data), hashlib.sha256(data).hexdigest(), 1)
    assert file["name"] == f"{desk.finess}-000001.b2"
    reading, faults = examine(data)
    assert (reading.kind, faults) == ("TR", [])
    assert [lot["number"] for lot in file["lots"]] == [1, 2, 3, 4]
    keys = [(lot["regime"], lot["caisse"], lot["centre"], lot["flow"], lot["amc_number"], lot["security"]) for lot in file["lots"]]
    assert keys == [
        ("01", "751", "0000", 1, None, "D"), ("01", "751", "0000", 1, None, "S"), ("01", "751", "0000", 2, "0075912345", "S"),
        ("02", "345", "0000", 1, None, "S"),
    ]  # fmt: skip
    assert [lot["invoices"] for lot in file["lots"]] == [1, 4, 1, 1]
    amc = {lot["flow"]: lot["amc"] for lot in file["lots"] if lot["security"] == "S" and lot["regime"] == "01"}
    assert amc[2] == 1200, "the claim apart carries the complementary share, its sheet of flow 1 does not"
    found = await shares(desk)
    assert (built["lots"], built["invoices"], built["shares"]) == (4, len(ids), len(found))
    assert {state for _, *states in found for state in states} == {"lotted"}
    assert await build(desk) == {"files": [], "lots": 0, "shares": 0, "invoices": 0}


async def test_an_invoice_tells_its_lot_and_its_story(desk: Desk) -> None:
    (name,) = await sign(desk, "07_amc_apart")
    built = await build(desk)
    invoice = (await desk.get(f"/v1/invoices/{name}")).json
    (file,) = built["files"]
    lots = {lot["flow"]: {"id": lot["id"], "number": lot["number"], "state": "sealed", "ack_missing": False} for lot in file["lots"]}
    assert {share["part"]: share["lot"] for share in invoice["shares"] if share["flow"]} == {"amo": lots[1], "amc": lots[2]}
    told = [(event["event"], event["part"], event["detail"]) for event in invoice["timeline"] if event["event"] == "share.lotted"]
    assert sorted(told) == [("share.lotted", part, {"lot": lot, "trace": file["id"]}) for part, lot in (("amc", 2), ("amo", 1))]
    assert [name for name, _ in await events(desk, "lot.sealed", "file.queued")] == ["lot.sealed", "lot.sealed", "file.queued"]


async def test_both_parts_of_an_invoice_go_in_its_lot_of_flow_1(desk: Desk) -> None:
    await sign(desk, "02_dental_ccam")
    built = await build(desk)
    assert (built["lots"], built["shares"], built["invoices"]) == (1, 2, 1)
    assert await column(desk, "SELECT part FROM lot_share ORDER BY part") == ["amc", "amo"]


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (b'{"date":"2026-11-21"}', "B2_UNKNOWN_KEY", "/date"),
        (b'{"max_invoices_per_lot":0}', "B2_BAD_VALUE", "/max_invoices_per_lot"),
        (b'{"max_invoices_per_lot":1000}', "B2_OVERFLOW", "/max_invoices_per_lot"),
        (b'{"routing":{"01/751/0000":["75","000"]}}', "B2_BAD_VALUE", "/routing/01~1751~10000"),
        (b"{", "B2_BAD_JSON", ""),
    ],
)
async def test_settings_that_cannot_stand_build_nothing(desk: Desk, body: bytes, code: str, pointer: str) -> None:
    await sign(desk, "01_ngap_visit")
    reply = await desk.post("/v1/lots:build", body)
    assert (reply.status, reply.code) == (422, "faulty_input")
    assert [(error["code"], error["pointer"]) for error in reply.json["errors"]] == [(code, pointer)]
    assert await shares(desk) == [("amo", "open", "open")]


async def test_what_a_file_cannot_hold_goes_to_the_next_one(desk: Desk) -> None:
    await sign(desk, *["01_ngap_visit"] * 5)
    built = await build(desk, max_invoices_per_lot=1, max_lots_per_file=2)
    assert [(file["sequence"], [lot["number"] for lot in file["lots"]]) for file in built["files"]] == [(1, [1, 2]), (2, [3, 4]), (3, [5])]
    for file in built["files"]:
        assert examine(await content(desk, file["id"]))[1] == []
    assert (built["lots"], built["invoices"], len(set(await column(desk, "SELECT lot_id FROM share WHERE flow > 0")))) == (5, 5, 5)


async def test_destinations_may_be_asked_apart(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit", "13_defaults", "17_third_party")
    built = await build(desk, one_destination_per_file=True)
    assert [[lot["caisse"] for lot in file["lots"]] for file in built["files"]] == [["751", "751"], ["345"]]


async def test_the_same_key_builds_once(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit")
    first = await desk.post("/v1/lots:build", {}, key="one")
    await sign(desk, "01_ngap_visit")
    again = await desk.post("/v1/lots:build", {}, key="one")
    assert (again.status, again.body) == (200, first.body)
    assert await desk.count("lot") == 1


async def test_another_centre_sees_no_file(desk: Desk, house: House) -> None:
    await sign(desk, "01_ngap_visit")
    file = (await build(desk))["files"][0]["id"]
    other = await house.desk()
    foreign, unknown = await other.get(f"/v1/files/{file}/content"), await other.get(f"/v1/files/{uuid7()}/content")
    assert [(reply.status, reply.code, reply.json["detail"]) for reply in (foreign, unknown)] == [
        (404, "not_found", "the centre has no such file")
    ] * 2
    assert await build(other) == {"files": [], "lots": 0, "shares": 0, "invoices": 0}


async def test_numbers_are_taken_when_all_else_is_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of counters are the last that a build locks: nobody waits for them longer than for its commit."""
    take, seen = numbers.take, []

    async def watched(con: Connection, *args: Any) -> int:
        written = [await con.fetchval(f"SELECT count(*) FROM {table}") for table in ("file", "lot", "lot_share", "stage_total")]
        seen.append((args[1], written, await con.fetchval("SELECT count(*) FROM event WHERE name = 'share.lotted'")))
        return await take(con, *args)

    await sign(desk, "01_ngap_visit", "07_amc_apart")
    monkeypatch.setattr(numbers, "take", watched)
    await build(desk)
    assert seen == [("file", [1, 2, 3, 3], 3), ("lot", [1, 2, 3, 3], 3)]


async def test_builds_that_run_at_once_number_without_a_gap_and_take_nothing_twice(desk: Desk) -> None:
    """Eight desks build while invoices are signed; every share ends in one live lot, every number is given once."""
    lines = b"\n".join(orjson.dumps(desk.invoice()) for _ in range(20))

    async def bill() -> None:
        for _ in range(3):
            assert (await desk.post("/v1/invoices:batch", lines)).status == 200

    async def lot(key: str) -> None:
        for turn in range(3):
            reply = await desk.insist("/v1/lots:build", {"max_invoices_per_lot": 3}, f"{key}{turn}")
            assert reply.status == 200, reply.body

    await asyncio.gather(bill(), *(lot(f"desk{number}-") for number in range(8)))
    await build(desk, max_invoices_per_lot=3)
    numbers = await column(desk, "SELECT number FROM lot ORDER BY cycle, number")
    assert numbers == list(range(1, len(numbers) + 1))
    assert await column(desk, "SELECT value FROM counter WHERE kind = 'lot'") == [len(numbers)]
    sequences = await column(desk, "SELECT sequence FROM file ORDER BY sequence")
    assert sequences == list(range(1, len(sequences) + 1))
    assert await column(desk, "SELECT count(*) FROM lot_share WHERE live GROUP BY invoice_id, part") == [1] * 60
    assert await column(desk, "SELECT count(*) FROM share WHERE flow > 0 AND state <> 'lotted'") == [0]


async def fill_numbers(desk: Desk, numbers: list[int]) -> None:
    """Give the centre sealed lots of these numbers, as if they had been built and never answered."""
    file = uuid7()
    async with rows(desk) as con:
        await con.execute(
            "INSERT INTO file (tenant_id, id, biller, sequence, name, created_on, state, profile, size, sha256, sealed, created_at)"
            " VALUES ($1, $2, $3, 900000, 'old.b2', '2026-11-01', 'sent', 'essai-1', 1, $4, 'x', now())",
            desk.tenant, file, desk.finess, bytes(32),
        )  # fmt: skip
        await con.executemany(
            "INSERT INTO lot (tenant_id, id, biller, cycle, number, flow, destination, amc_number, security, lot_date, state, invoices,"
            " fees, amo, amc, file_id, created_at)"
            " VALUES ($1, $2, $3, 1, $4, 1, 17510000, 0, 'S', '2026-11-01', 'sent', 1, 0, 0, 0, $5, now())",
            [(desk.tenant, uuid7(), desk.finess, number, file) for number in numbers],
        )
        await con.execute("INSERT INTO counter (tenant_id, kind, name, value) VALUES ($1, 'lot', $2, 999)", desk.tenant, desk.finess)


async def test_numbers_without_an_answer_are_stepped_over(desk: Desk) -> None:
    await fill_numbers(desk, [1, 2, 4])
    await sign(desk, *["01_ngap_visit"] * 3)
    built = await build(desk, max_invoices_per_lot=1)
    assert [(lot["cycle"], lot["number"]) for lot in built["files"][0]["lots"]] == [(2, 3), (2, 5), (2, 6)]
    assert await column(desk, "SELECT value FROM counter WHERE kind = 'lot'") == [999 + 6]


async def test_when_every_number_awaits_an_answer_nothing_is_lost(desk: Desk) -> None:
    await fill_numbers(desk, [number for number in range(1, 1000) if number != 500])
    await sign(desk, "01_ngap_visit", "01_ngap_visit")
    before = [await desk.count(table) for table in ("file", "lot", "event")]
    reply = await desk.post("/v1/lots:build", {"max_invoices_per_lot": 1}, key="full")
    assert (reply.status, reply.code) == (409, "lot_numbers_exhausted")
    assert [error["code"] for error in reply.json["errors"]] == ["LOT_NUMBERS_EXHAUSTED"]
    assert [await desk.count(table) for table in ("file", "lot", "event")] == before
    assert await column(desk, "SELECT value FROM counter WHERE kind = 'lot'") == [999]
    assert await shares(desk) == [("amo", "open", "open")] * 2
    async with rows(desk) as con:
        await con.execute("UPDATE lot SET state = 'accepted' WHERE number = 7")
    built = await desk.post("/v1/lots:build", {"max_invoices_per_lot": 1}, key="full")
    assert [lot["number"] for lot in built.json["files"][0]["lots"]] == [7, 500]


async def test_an_invoice_that_is_not_what_was_signed_stops_the_build_and_is_named(desk: Desk, log: io.StringIO) -> None:
    _, changed = await sign(desk, "01_ngap_visit", "01_ngap_visit")
    async with rows(desk) as con:
        kept = await con.fetchval("SELECT content_hash FROM invoice WHERE id = $1", UUID(changed))
        await con.execute("UPDATE invoice SET content_hash = $2 WHERE id = $1", UUID(changed), bytes(32))
    reply = await desk.post("/v1/lots:build", {})
    assert (reply.status, reply.code) == (500, "internal")
    assert changed in log.getvalue() and changed.encode() not in reply.body
    assert (await desk.count("file"), await desk.count("lot")) == (0, 0)
    assert await shares(desk) == [("amo", "open", "open")] * 2
    async with rows(desk) as con:
        await con.execute("UPDATE invoice SET content_hash = $2 WHERE id = $1", UUID(changed), kept)
    assert [lot["number"] for lot in (await build(desk))["files"][0]["lots"]] == [1]


async def test_a_file_that_is_not_what_was_laid_out_is_not_given(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit")
    file = (await build(desk))["files"][0]["id"]
    async with rows(desk) as con:
        await con.execute("UPDATE file SET sha256 = $1", bytes(32))
    reply = await desk.get(f"/v1/files/{file}/content")
    assert (reply.status, reply.code) == (500, "internal")


async def test_a_share_that_was_decided_otherwise_waits_for_no_lot(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit", "02_dental_ccam")
    async with rows(desk) as con:
        await con.execute("UPDATE share SET state = 'to_patient' WHERE part = 'amc'")
    built = await build(desk)
    assert (built["invoices"], built["shares"]) == (2, 2)
    assert await column(desk, "SELECT DISTINCT part FROM lot_share") == ["amo"]


async def test_the_service_may_not_move_a_lot_back(desk: Desk) -> None:
    """The database refuses it, whatever the service thinks."""
    await sign(desk, "01_ngap_visit")
    await build(desk)
    with pytest.raises(asyncpg.CheckViolationError):
        async with rows(desk) as con:
            await con.execute("UPDATE lot SET state = 'open'")
