# SPDX-License-Identifier: Apache-2.0
"""Numbers of invoices: chosen or given, each used once, none lost."""

import asyncio
from typing import Final

import asyncpg
import pytest

from tests.api.conftest import Desk, House
from tests.api.test_invoices import REAL_FORM, errors, rows, signed

# Copies the invoice numbered $1 under number $2, as another transaction would add it.
COPY: Final = """
    INSERT INTO invoice SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(), 'number', $2::bigint))).*
      FROM invoice AS i WHERE i.number = $1
"""


async def test_the_same_number_is_signed_once(house: House, desk: Desk) -> None:
    body = desk.invoice() | {"number": 123_456_789}
    assert (await signed(desk, body))["number"] == 123_456_789
    assert errors(await desk.post("/v1/invoices", body)) == [("B2_DUPLICATE_NUMBER", "/number")]
    other = await house.desk()
    assert (await other.post("/v1/invoices", other.invoice() | {"number": 123_456_789})).status == 201


@pytest.mark.parametrize("draft", ["", "?draft=true"])
async def test_of_eight_posts_of_one_number_one_is_signed(desk: Desk, draft: str) -> None:
    body = desk.invoice() | {"number": 7}
    replies = await asyncio.gather(*(desk.post(f"/v1/invoices{draft}", body) for _ in range(8)))
    assert sorted(reply.status for reply in replies) == [201] + [422] * 7
    assert {code for reply in replies if reply.status == 422 for code, _ in errors(reply)} == {"B2_DUPLICATE_NUMBER"}
    assert await desk.count("invoice") == await desk.count("event") == 1


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "taken back"])
@pytest.mark.parametrize("automatic", [True, False], ids=["automatic", "chosen"])
async def test_a_number_that_another_transaction_gives_meanwhile(desk: Desk, automatic: bool, kept: bool) -> None:
    await signed(desk, desk.invoice())
    con = await asyncpg.connect(desk.house.owner_dsn)
    try:
        held = con.transaction()
        await held.start()
        await con.execute("SELECT set_config('app.tenant', $1, true)", str(desk.tenant))
        await con.execute(COPY, 1, 2)
        waiting = asyncio.create_task(desk.post("/v1/invoices", desk.invoice() if automatic else desk.invoice() | {"number": 2}))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await (held.commit() if kept else held.rollback())
    finally:
        await con.close()
    reply = await asyncio.wait_for(waiting, 5)
    if kept and not automatic:
        assert errors(reply) == [("B2_DUPLICATE_NUMBER", "/number")]
    else:
        assert (reply.status, reply.json["number"]) == (201, 3 if kept else 2)
    assert (await signed(desk, desk.invoice()))["number"] == (3 if not automatic or not kept else 4)


async def test_automatic_numbers_have_no_gap(desk: Desk) -> None:
    wrong = desk.invoice(insured_nir=REAL_FORM)
    replies = await asyncio.gather(*(desk.post("/v1/invoices", wrong if post % 3 == 0 else desk.invoice()) for post in range(12)))
    assert sorted(reply.json["number"] for reply in replies if reply.status == 201) == list(range(1, 9))


async def test_automatic_numbers_step_over_chosen_ones(desk: Desk) -> None:
    for number in (2, 3, 5):
        await signed(desk, desk.invoice() | {"number": number})
    assert [(await signed(desk, desk.invoice()))["number"] for _ in range(4)] == [1, 4, 6, 7]


async def test_a_long_run_of_chosen_numbers_is_jumped(desk: Desk) -> None:
    await signed(desk, desk.invoice() | {"number": 900_000_000})
    await rows(desk, COPY.replace("$2::bigint", "n").replace("WHERE", ", generate_series(1, 20000) AS n WHERE"), 900_000_000)
    async with asyncio.timeout(2):
        assert (await signed(desk, desk.invoice()))["number"] == 20_001
    assert (await signed(desk, desk.invoice()))["number"] == 20_002


async def test_the_last_number_is_the_last(desk: Desk) -> None:
    await signed(desk, desk.invoice())
    await rows(desk, "UPDATE counter SET value = 999999998 WHERE kind = 'invoice'")
    assert (await signed(desk, desk.invoice()))["number"] == 999_999_999
    reply = await desk.post("/v1/invoices", desk.invoice())
    assert (reply.status, reply.code) == (409, "invoice_numbers_exhausted")
    assert (await signed(desk, desk.invoice() | {"number": 12}))["number"] == 12
