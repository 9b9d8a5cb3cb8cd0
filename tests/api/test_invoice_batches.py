# SPDX-License-Identifier: Apache-2.0
"""Batches through the real application and database: a bad line never costs a good one."""

import asyncio
from typing import Any, Final

import asyncpg
import orjson
import pytest

from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, House, Reply, person
from tests.api.test_invoices import AMC, APART, C2S, REAL_FORM, priced, rows, shown

PATH: Final = "/v1/invoices:batch"


def ndjson(*lines: object) -> bytes:
    return b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)


def told(reply: Reply) -> list[tuple[int, int | list[tuple[str, str | None]]]]:
    """Return each line with its number, or with the codes and fields of its errors."""
    assert reply.status == 200, reply.body
    found: list[tuple[int, int | list[tuple[str, str | None]]]] = []
    for result in reply.json["results"]:
        if "errors" in result:
            assert set(result) == {"line", "errors"}
            found.append((result["line"], [(error["code"], error.get("field")) for error in result["errors"]]))
        else:
            assert set(result) == {"line", "id", "number"}
            found.append((result["line"], result["number"]))
    return found


async def test_good_lines_are_kept_beside_bad_ones(desk: Desk) -> None:
    unpriced, wrong = desk.invoice(), desk.invoice()
    for amount in ("base", "rate", "amo", "amc"):
        del unpriced["acts"][0][amount]
    wrong["acts"][0] |= {"code": "ZZ"}
    del wrong["acts"][0]["rate"]
    body = ndjson(
        desk.invoice(),
        b"",
        b"{not json",
        desk.invoice(insured_nir=REAL_FORM),
        desk.invoice() | {"number": 2},
        b"  \t ",
        unpriced,
        desk.invoice(biller="750000010"),
        desk.invoice() | {"number": 2},
        priced(desk, 2100, 901, amc=AMC),
        desk.invoice() | {"tarif": 1},
        wrong,
        desk.invoice(),
        b"",
    )
    reply = await desk.post(PATH, body)
    assert told(reply) == [
        (1, 1),
        (3, [("B2_BAD_JSON", None)]),
        (4, [("wrong_key_kind", "insured_nir")]),
        (5, 2),
        (7, 3),
        (8, [("wrong_biller", "biller")]),
        (9, [("B2_DUPLICATE_NUMBER", "number")]),
        (10, [("B2_AMOUNTS", "acts[0]")]),
        (11, [("B2_UNKNOWN_KEY", "tarif")]),
        (12, [("amount_missing", "acts[0].rate")]),
        (13, 4),
    ]
    assert (reply.json["accepted"], reply.json["refused"]) == (4, 7)
    assert all(error["message"] for result in reply.json["results"] for error in result.get("errors", []))
    assert await desk.count("invoice") == await desk.count("ledger_entry") == 4
    assert [row["number"] for row in await rows(desk, "SELECT number FROM invoice ORDER BY number")] == [1, 2, 3, 4]
    for result in reply.json["results"]:
        if "id" in result:
            assert (await shown(desk, result["id"]))["number"] == result["number"]


async def test_one_line_may_have_several_errors(desk: Desk) -> None:
    wrong = desk.invoice(biller="750000010", insured_nir=REAL_FORM) | {"number": 5}
    wrong["acts"][0]["rate"] = 101
    ((line, found),) = told(await desk.post(PATH, ndjson(wrong)))
    assert line == 1
    assert found == [("wrong_biller", "biller"), ("wrong_key_kind", "insured_nir"), ("B2_BAD_VALUE", "acts[0].rate")]


async def test_a_number_that_a_bad_line_chose_is_free(desk: Desk) -> None:
    bad, good = desk.invoice(insured_nir=REAL_FORM) | {"number": 5}, desk.invoice() | {"number": 5}
    worse = good | {"security": "none"}
    assert told(await desk.post(PATH, ndjson(worse, bad, good))) == [
        (1, [("B2_BAD_VALUE", "security")]), (2, [("wrong_key_kind", "insured_nir")]), (3, 5)
    ]  # fmt: skip


async def test_numbers_known_to_the_database_are_refused_and_stepped_over(desk: Desk) -> None:
    chosen = [desk.invoice() | {"number": number} for number in (3, 2)]
    assert told(await desk.post(PATH, ndjson(*chosen, desk.invoice()))) == [(1, 3), (2, 2), (3, 1)]
    again = [desk.invoice() | {"number": number} for number in (4, 3, 7)]
    reply = await desk.post(PATH, ndjson(*again, *(desk.invoice() for _ in range(3))))
    assert told(reply) == [(1, 4), (2, [("B2_DUPLICATE_NUMBER", "number")]), (3, 7), (4, 5), (5, 6), (6, 8)]


async def test_each_row_keeps_what_is_its_own(desk: Desk) -> None:
    """Rows of a block are laid out by columns: none may slip into its neighbour's place."""
    bodies = [
        priced(desk, 2100, 900, amc=AMC, insured_nir=person(1), security="degraded") | {"number": 30},
        priced(desk, 1400, 600, amc=APART, insured_nir=person(2)) | {"number": 10},
        priced(desk, 700, 300, amc=C2S, insured_nir=person(1), security="desynchronised"),
        priced(desk, 3000, 0, insured_nir=person(3), third_party="none") | {"number": 20},
        desk.invoice("02_dental_ccam", insured_nir=person(2)),
    ]
    for body, price in zip(bodies[1:3], (2000, 1000), strict=True):
        body["acts"][0] |= dict.fromkeys(("unit_price", "base", "fees"), price)
    bodies[3]["acts"][0]["rate"], bodies[3]["amo"]["exemption"] = 100, "4"
    reply = await desk.post(PATH, ndjson(*bodies))
    numbers = [number for _, number in told(reply)]
    assert numbers == [30, 10, 1, 20, 2]
    keys: dict[str, set[bytes]] = {}
    for body, result in zip(bodies, reply.json["results"], strict=True):
        view = await shown(desk, result["id"])
        (row,) = await rows(desk, "SELECT number, insured_key, fees, amo, amc_sum, amc_apart FROM invoice WHERE id = $1", result["id"])
        keys.setdefault(body["insured_nir"], set()).add(row["insured_key"])
        sums = {name: sum(act[name] for act in body["acts"]) for name in ("fees", "amo", "amc")}
        assert (row["number"], row["fees"], row["amo"], row["amc_sum"]) == (result["number"], sums["fees"], sums["amo"], sums["amc"])
        assert view["security"] == body.get("security", "secured")
        assert sum(share["amount"] for share in view["shares"]) == sums["fees"] == view["total"]
        assert row["amc_apart"] == any(share["flow"] == 2 for share in view["shares"])
    # One index a person, whoever asks, and never the same for two people.
    assert sorted(len(found) for found in keys.values()) == [1, 1, 1]
    assert len(set.union(*keys.values())) == 3
    (sums_,) = await rows(desk, "SELECT sum(debit)::bigint AS debit, sum(credit)::bigint AS credit FROM ledger_line")
    total = sum(act["fees"] for body in bodies for act in body["acts"])
    assert (sums_["debit"], sums_["credit"]) == (total, total)


async def test_the_same_batch_under_the_same_key_is_done_once(desk: Desk) -> None:
    key, body = str(uuid7()), ndjson(desk.invoice(), b"{", desk.invoice() | {"number": 9})
    first, again = await desk.post(PATH, body, key), await desk.post(PATH, body, key)
    assert (first.status, again.status) == (200, 200)
    assert first.body == again.body
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await desk.post(PATH, body)
    assert told(other) == [(1, 2), (2, [("B2_BAD_JSON", None)]), (3, [("B2_DUPLICATE_NUMBER", "number")])]
    assert await desk.count("invoice") == 3


async def test_a_batch_with_nothing_good_is_answered_and_keeps_nothing(desk: Desk) -> None:
    assert told(await desk.post(PATH, b"\n{\n[]")) == [(2, [("B2_BAD_JSON", None)]), (3, [("B2_BAD_VALUE", None)])]
    assert (await desk.post(PATH, b"\n \n")).json == {"accepted": 0, "refused": 0, "results": []}
    assert await desk.count("invoice") == await desk.count("counter") == 0


async def test_a_batch_has_a_longest_length(desk: Desk) -> None:
    line = ndjson({"biller": 1})
    reply = await desk.post(PATH, b"\n\n".join([line] * 10_001))
    assert (reply.status, reply.code) == (413, "batch_too_long")
    assert len(told(await desk.post(PATH, b"\n\n".join([line] * 10_000)))) == 10_000


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b'"' + b"a" * 500_000, b"\x00", b"\xef\xbb\xbf{}"])
@pytest.mark.parametrize("path", [PATH, "/v1/invoices"])
async def test_hostile_bodies_are_refused(desk: Desk, path: str, body: bytes) -> None:
    reply = await desk.post(path, body)
    if path == PATH:
        assert [len(found) for _, found in told(reply) if isinstance(found, list)] == [1]
    else:
        assert (reply.status, reply.code) == (422, "faulty_input")


async def test_batches_that_choose_the_same_numbers_in_opposite_orders(desk: Desk) -> None:
    """Were rows added in the order of the lines, each batch would wait for a number that the other has."""
    for first in range(1000, 6000, 1000):
        lines = [desk.invoice() | {"number": number} for number in range(first, first + 400)]
        replies = await asyncio.gather(desk.post(PATH, ndjson(*lines)), desk.post(PATH, ndjson(*reversed(lines))))
        assert sorted(reply.json["accepted"] for reply in replies) == [0, 400]
    assert await desk.count("invoice") == 5 * 400
    # Ids are made in the order in which rows are added.
    kept = [row["number"] for row in await rows(desk, "SELECT number FROM invoice ORDER BY id")]
    assert kept == sorted(kept)


async def test_batches_at_once_share_the_numbers_without_a_gap(desk: Desk) -> None:
    lines = [desk.invoice(insured_nir=person(order)) for order in range(50)]
    wrong = desk.invoice(insured_nir=REAL_FORM)
    replies = await asyncio.gather(*(desk.post(PATH, ndjson(*lines, wrong)) for _ in range(4)))
    numbers = [number for reply in replies for _, number in told(reply) if isinstance(number, int)]
    assert sorted(numbers) == list(range(1, 201))
    kept = await rows(desk, "SELECT seq FROM ledger_entry ORDER BY seq")
    assert [row["seq"] for row in kept] == list(range(1, 201))


async def test_a_batch_is_whole_or_absent_when_the_database_goes_away(house: House, desk: Desk) -> None:
    body = ndjson(*(desk.invoice(insured_nir=person(order % 1000)) for order in range(300)))
    for step in range(6):
        key = str(uuid7())
        sending = asyncio.create_task(desk.post(PATH, body, key))
        await asyncio.sleep(step * 0.03)
        await house.wire.cut()
        first = await sending
        assert first.status in (200, 503), first.body
        await house.wire.mend()
        again = await desk.insist(PATH, body, key)
        assert again.status == 200, again.body
        assert first.status == 503 or first.body == again.body
        assert await desk.count("invoice") == await desk.count("ledger_entry") == 300 * (step + 1)


async def test_a_batch_that_waits_to_be_written_learns_that_the_database_is_gone(house: House, desk: Desk) -> None:
    body = ndjson(*(desk.invoice(insured_nir=person(order % 1000)) for order in range(1100)))
    key = str(uuid7())
    con = await asyncpg.connect(house.owner_dsn)
    try:
        async with con.transaction():
            # Nobody reads the block: the service waits for room to write the rest of it.
            await con.execute("LOCK TABLE invoice IN SHARE MODE")
            sending = asyncio.create_task(desk.post(PATH, body, key))
            await asyncio.sleep(1)
            await house.wire.cut()
            reply = await asyncio.wait_for(sending, 5)
            assert (reply.status, reply.code) == (503, "database_unavailable")
    finally:
        await con.close()
    await house.wire.mend()
    assert (await desk.insist(PATH, body, key)).json["accepted"] == 1100
    assert await desk.count("invoice") == 1100


async def test_the_service_answers_others_while_a_batch_is_taken_in(house: House, desk: Desk) -> None:
    body: Any = ndjson(*(desk.invoice(insured_nir=person(order % 1000)) for order in range(1100)))
    sending = asyncio.create_task(desk.post(PATH, body))
    answered = 0
    while not sending.done():
        assert (await house.send("GET", "/livez", {})).status == 200
        answered += 1
    assert (await sending).json["accepted"] == 1100
    # A loop that stood still while the batch is checked and encoded would answer once or twice.
    assert answered > 10
