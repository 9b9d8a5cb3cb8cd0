# SPDX-License-Identifier: Apache-2.0
"""Batches that are signed part after part: what comes of them is what comes of those that are signed in one piece."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.billing import batches, service
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from desmos_fast.settlement.ledger import service as ledger
from tests.api.conftest import Desk, House, person
from tests.api.test_deadlines import given_up, limit, locked, nobody_works
from tests.api.test_invoice_batches import PATH, ndjson, told
from tests.api.test_invoices import AMC, APART, C2S, REAL_FORM, priced, rows, signed
from tests.api.test_together import table

TABLES: Final = ("invoice", "share", "event", "ledger_entry", "ledger_line", "counter")


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Cut batches after 3, 6 and 9 lines, and so on, and say how many were signed in one piece after all."""
    monkeypatch.setattr(batches, "FIRST_LINES", 3)
    monkeypatch.setattr(batches, "MOST_LINES", 6)
    found: list[int] = []
    real = service.create_batch

    async def seen(*args: Any, **kwargs: Any) -> Any:
        found.append(1)
        return await real(*args, **kwargs)

    monkeypatch.setattr(service, "create_batch", seen)
    return found


def some(desk: Desk, count: int, **changes: Any) -> list[dict[str, Any]]:
    return [desk.invoice(insured_nir=person(order % 1000), **changes) for order in range(count)]


def mixed(desk: Desk) -> list[object]:
    """Return lines of every sort, without a number: sound ones in each part, and a part without any."""
    unpriced, wrong = desk.invoice(), desk.invoice()
    for amount in ("base", "rate", "amo", "amc"):
        del unpriced["acts"][0][amount]
    wrong["acts"][0] |= {"code": "ZZ"}
    del wrong["acts"][0]["rate"]
    c2s = priced(desk, 700, 300, amc=C2S)
    c2s["acts"][0] |= dict.fromkeys(("unit_price", "base", "fees"), 1000)
    return [
        *some(desk, 2), b"{not json",
        b"", desk.invoice(insured_nir=REAL_FORM), priced(desk, 2100, 900, amc=AMC), b"  \t ", unpriced, priced(desk, 2100, 901, amc=AMC),
        b"[", wrong, desk.invoice() | {"tarif": 1}, b"", desk.invoice(biller="750000010"), b"}",
        c2s, *some(desk, 4, third_party="none"), desk.invoice() | {"number": 0},
        priced(desk, 2000, 1000, amc=APART) | {"security": "none"}, *some(desk, 2),
    ]  # fmt: skip


async def ordinary(*desks: Desk) -> None:
    """Let the service know what it asks once of each centre."""
    for desk in desks:
        await signed(desk, desk.invoice())
        # It would learn this by the second one, which would take a number.
        identity._SEEN[desk.tenant] = "test"


async def test_rows_and_results_are_those_of_one_piece(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch, whole: list[int]) -> None:
    other = await house.desk()
    await ordinary(desk, other)
    by_parts = await desk.post(PATH, ndjson(*mixed(desk)))
    assert not whole
    monkeypatch.setattr(batches, "FIRST_LINES", 1000)
    at_once = await other.post(PATH, ndjson(*mixed(other)))
    assert whole
    assert told(by_parts) == told(at_once)
    assert (by_parts.json["accepted"], by_parts.json["refused"]) == (11, 10) == (at_once.json["accepted"], at_once.json["refused"])
    assert [number for _, number in told(by_parts) if isinstance(number, int)] == list(range(2, 13))
    for name in TABLES:
        mine, theirs = await table(desk, name), await table(other, name)
        assert mine == theirs, name
    for result in by_parts.json["results"]:
        if "id" in result:
            (row,) = await rows(desk, "SELECT number FROM invoice WHERE id = $1", result["id"])
            assert row["number"] == result["number"]
    # Ids are made in the order in which rows are added.
    kept = [row["number"] for row in await rows(desk, "SELECT number FROM invoice ORDER BY id")]
    assert kept == sorted(kept)
    async with direct(house.owner_dsn, desk.tenant) as con:
        assert (await ledger.verify(con, desk.tenant, lambda *_: None)).holds


async def test_a_thousand_lines_are_signed_by_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await ordinary(desk)
    seen: list[int] = []
    real = batches._prepared

    def prepared(*args: Any) -> Any:
        seen.append(len(args[1]))
        return real(*args)

    monkeypatch.setattr(batches, "_prepared", prepared)
    assert (await desk.post(PATH, ndjson(*some(desk, 1000)))).json["accepted"] == 1000
    assert seen == [100, 200, 400, 300]
    assert [row["number"] for row in await rows(desk, "SELECT number FROM invoice ORDER BY number")] == list(range(1, 1002))
    assert [row["seq"] for row in await rows(desk, "SELECT seq FROM ledger_entry ORDER BY seq")] == list(range(1, 1002))


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
@pytest.mark.parametrize("lines", [1, 2, 3, 4, 9, 15, 16])
def test_parts_are_the_body_and_know_their_lines(end: bytes, lines: int, whole: list[int]) -> None:
    body = b"\n".join(b"%d" % line for line in range(7, 7 + lines)) + end
    found = list(batches.parts(body, 7))
    assert b"".join(data for _, data in found) == body
    assert all(data.endswith(b"\n") for _, data in found[:-1])
    assert all(data.split(b"\n")[0] in (b"%d" % first, b"") for first, data in found)
    assert [len(data.splitlines()) for _, data in found][:4] == [3, 6, 6, 1][: len(found)] if lines == 16 and not end else True


async def test_chosen_numbers_go_by_parts_while_they_ascend(desk: Desk, whole: list[int]) -> None:
    await ordinary(desk)
    chosen = [50, 40, 60, 70, 71, 75, 72, 80, 79, 100]
    reply = await desk.post(PATH, ndjson(*(one | {"number": number} for one, number in zip(some(desk, 10), chosen, strict=True))))
    assert [number for _, number in told(reply)] == chosen
    assert not whole
    # The counter was not touched.
    assert (await signed(desk, desk.invoice()))["number"] == 2


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        pytest.param([50, 40, 60, 55, 61], [50, 40, 60, 55, 61], id="in no order"),
        pytest.param([50, 51, 52, 51, 53], [50, 51, 52, None, 53], id="one twice"),
        pytest.param([50, 51, 52, 1, 53], [50, 51, 52, None, 53], id="one that is taken"),
        pytest.param([0, 0, 0, 50, 3, 0], [2, 4, 5, 50, 3, 6], id="late"),
        pytest.param([50, 51, 52, 0, 0], [50, 51, 52, 2, 3], id="early"),
        pytest.param([0, 3, 0, 0, 0], [2, 3, 4, 5, 6], id="among those that are given"),
    ],
)
async def test_numbers_out_of_the_ordinary_are_those_of_one_piece(
    desk: Desk, whole: list[int], chosen: Sequence[int], numbers: Sequence[int | None]
) -> None:
    await ordinary(desk)
    lines = [one | ({"number": number} if number else {}) for one, number in zip(some(desk, len(chosen)), chosen, strict=True)]
    reply = await desk.post(PATH, ndjson(*lines))
    assert whole
    assert [number if isinstance(number, int) else None for _, number in told(reply)] == numbers
    assert await desk.count("invoice") == await desk.count("ledger_entry") == 1 + sum(number is not None for number in numbers)


async def test_numbers_that_are_given_step_over_those_that_were_chosen(desk: Desk, whole: list[int]) -> None:
    await ordinary(desk)
    for number in (7, 8, 12):
        await signed(desk, desk.invoice() | {"number": number})
    reply = await desk.post(PATH, ndjson(*some(desk, 10)))
    assert [number for _, number in told(reply)] == [2, 3, 4, 5, 6, 9, 10, 11, 13, 14]
    assert len(whole) == 1
    assert [number for _, number in told(await desk.post(PATH, ndjson(*some(desk, 10))))] == list(range(15, 25))
    assert len(whole) == 1


async def test_the_last_number_is_the_last(desk: Desk, whole: list[int]) -> None:
    await ordinary(desk)
    await rows(desk, "UPDATE counter SET value = 999999992 WHERE kind = 'invoice'")
    reply = await desk.post(PATH, ndjson(*some(desk, 8)))
    assert (reply.status, reply.code) == (409, "invoice_numbers_exhausted")
    assert await desk.count("invoice") == 1
    assert [number for _, number in told(await desk.post(PATH, ndjson(*some(desk, 7))))] == list(range(999_999_993, 1_000_000_000))


async def test_a_batch_has_a_longest_length(desk: Desk, whole: list[int]) -> None:
    await ordinary(desk)
    reply = await desk.post(PATH, ndjson(*[b"{"] * 10_001))
    assert (reply.status, reply.code) == (413, "batch_too_long")
    assert (await desk.post(PATH, ndjson(*[b"{"] * 10_000))).json["refused"] == 10_000
    assert len(whole) == 1


async def test_a_batch_with_nothing_good_keeps_nothing(desk: Desk, whole: list[int]) -> None:
    await ordinary(desk)
    counters = await table(desk, "counter")
    assert (await desk.post(PATH, ndjson(*[b"{"] * 20))).json["refused"] == 20
    assert not whole
    assert await table(desk, "counter") == counters


async def test_what_the_database_refuses_in_a_late_part_leaves_nothing(house: House, desk: Desk, whole: list[int]) -> None:
    await ordinary(desk)
    before = {name: await table(desk, name) for name in TABLES}
    key, body = str(uuid7()), ndjson(*some(desk, 20))
    async with direct(house.owner_dsn) as con:
        await con.execute(f"ALTER TABLE invoice ADD CONSTRAINT refused CHECK (tenant_id <> '{desk.tenant}' OR number <> 18) NOT VALID")
    try:
        assert (await desk.post(PATH, body, key)).status == 500
        assert whole
        assert {name: await table(desk, name) for name in TABLES} == before
    finally:
        async with direct(house.owner_dsn) as con:
            await con.execute("ALTER TABLE invoice DROP CONSTRAINT refused")
    # Leaves were forgotten with the refusal, and are asked for again.
    assert [number for _, number in told(await desk.post(PATH, body, key))] == list(range(2, 22))


def at_part(monkeypatch: pytest.MonkeyPatch, part: int, act: Callable[[], Awaitable[object]]) -> None:
    """Do something when a part has been read and the one before it is with the database; once."""
    real, seen = batches._Signing._number, [0]

    async def number(self: Any, entries: Any) -> Any:
        seen[0] += 1
        if seen[0] == part:
            await act()
        return await real(self, entries)

    monkeypatch.setattr(batches._Signing, "_number", number)


@pytest.mark.parametrize("part", [1, 2, 4])
async def test_a_connection_that_is_lost_between_two_parts_leaves_nothing(
    house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch, whole: list[int], part: int
) -> None:
    await ordinary(desk)
    key, body = str(uuid7()), ndjson(*some(desk, 20))
    at_part(monkeypatch, part, house.wire.cut)
    reply = await desk.post(PATH, body, key)
    assert (reply.status, reply.code) == (503, "database_unavailable")
    assert not whole
    await house.wire.mend()
    await nobody_works(house)
    assert await desk.count("invoice") == await desk.count("event") == await desk.count("ledger_entry") == 1
    assert [number for _, number in told(await desk.insist(PATH, body, key))] == list(range(2, 22))


async def test_a_batch_that_takes_too_long_is_given_up_between_its_parts(house: House, desk: Desk, whole: list[int]) -> None:
    await ordinary(desk)
    key, body = str(uuid7()), ndjson(*some(desk, 20))
    for name in ("invoice", "ledger_entry"):
        limit(house, long=0.6)
        async with locked(house, name):
            given_up(await desk.post(PATH, body, key))
        await nobody_works(house)
        assert await desk.count("invoice") == await desk.count("event") == 1
    limit(house)
    assert [number for _, number in told(await desk.post(PATH, body, key))] == list(range(2, 22))
    assert not whole


async def test_batches_at_once_share_the_numbers_without_a_gap(desk: Desk, whole: list[int]) -> None:
    await ordinary(desk)
    lines = [*some(desk, 30), desk.invoice(insured_nir=REAL_FORM)]
    replies = await asyncio.gather(*(desk.post(PATH, ndjson(*lines)) for _ in range(4)), *(desk.post("/v1/invoices", one) for one in lines))
    numbers = [number for reply in replies[:4] for _, number in told(reply) if isinstance(number, int)]
    numbers += [reply.json["number"] for reply in replies[4:] if reply.status == 201]
    assert sorted(numbers) == list(range(2, 152))
    assert not whole
    assert [row["seq"] for row in await rows(desk, "SELECT seq FROM ledger_entry ORDER BY seq")] == list(range(1, 152))
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        assert (await ledger.verify(con, desk.tenant, lambda *_: None)).holds


@pytest.mark.parametrize("number", [None, 3])
async def test_who_is_given_a_number_of_a_batch_waits_and_holds_nothing_that_it_needs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, whole: list[int], number: int | None
) -> None:
    await ordinary(desk)
    reached, go_on, post = asyncio.Event(), asyncio.Event(), batches._Signing._post

    async def late(self: Any) -> None:
        # All its rows are there, and the end of the ledger is not held yet.
        await self._opened.answers()
        reached.set()
        await go_on.wait()
        await post(self)

    monkeypatch.setattr(batches._Signing, "_post", late)
    lines = [one | {"number": chosen} for chosen, one in enumerate(some(desk, 10), 2)]
    batch = asyncio.create_task(desk.post(PATH, ndjson(*lines)))
    await reached.wait()
    alone = asyncio.create_task(desk.post("/v1/invoices", desk.invoice() | ({} if number is None else {"number": number})))
    await asyncio.sleep(0.3)
    go_on.set()
    made, replied = await batch, await alone
    assert (made.status, made.json["accepted"]) == (200, 10) and not whole
    assert (replied.status, replied.json.get("number")) == ((201, 12) if number is None else (422, None))
