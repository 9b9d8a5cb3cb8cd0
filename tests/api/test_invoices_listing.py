# SPDX-License-Identifier: Apache-2.0
"""Invoices looked through: pages, filters, cursors, and nothing of another centre."""

import asyncio
from datetime import date, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest

from api.paging import write_cursor
from desmos_fast.base.types import uuid7
from desmos_fast.billing import remote
from desmos_fast.billing.listing import store
from desmos_fast.billing.listing.model import ShareState
from desmos_fast.client import Client
from tests.api.conftest import Desk, House
from tests.api.post import build, column, rows, sign
from tests.days import today

VISIT = "01_ngap_visit"


async def page(desk: Desk, query: str = "") -> Any:
    reply = await desk.get(f"/v1/invoices?{query}")
    assert reply.status == 200, reply.body
    return reply.json


async def walk(desk: Desk, query: str = "limit=200") -> list[dict[str, Any]]:
    """Read every page of the list."""
    found, cursor = [], ""
    while True:
        part = await page(desk, query + cursor)
        found += part["invoices"]
        if part["next"] is None:
            return found
        assert not cursor.endswith(part["next"]), "a page leads on"
        cursor = f"&cursor={part['next']}"


async def names(desk: Desk, query: str) -> list[str]:
    return [one["id"] for one in await walk(desk, query)]


async def test_pages_hold_each_once_and_the_newest_first(desk: Desk) -> None:
    ids = await sign(desk, *[VISIT] * 7)
    for limit in (1, 2, 3, 6, 7, 200):
        assert await names(desk, f"limit={limit}") == ids[::-1]
    assert len((await page(desk, "limit=3"))["invoices"]) == 3
    assert (await page(desk, "limit=7"))["next"] is None


async def test_a_line_says_what_the_invoice_says(desk: Desk) -> None:
    await sign(desk, VISIT, "07_amc_apart", "13_defaults")
    assert (await desk.post("/v1/invoices?draft=true", desk.invoice())).status == 201
    await build(desk)
    async with rows(desk) as con:
        await con.execute("UPDATE lot SET state = 'sent'")
        await con.execute("UPDATE share SET transport = 'sent', state = 'sent' WHERE state = 'lotted'")
        await con.execute("UPDATE lot SET ack_missing_at = now() WHERE flow = 2")
    listed = await walk(desk)
    assert [one["state"] for one in listed] == ["priced", "sent", "to_fix", "sent"]
    for one in listed:
        whole = (await desk.get(f"/v1/invoices/{one['id']}")).json
        known = one.keys() & whole.keys() - {"shares"}
        assert one.keys() - known == {"created_on", "executor", "shares"}
        assert {name: one[name] for name in known} == {name: whole[name] for name in known}
        assert one["shares"] == [{name: share[name] for name in ("part", "payer", "flow", "amount", "state")} for share in whole["shares"]]
    async with rows(desk) as con:
        kept = await con.fetch("SELECT created_on, executor_am FROM invoice ORDER BY id DESC")
    assert [(one["created_on"], int(one["executor"])) for one in listed] == [(day.isoformat(), number) for day, number in kept]
    assert all(len(one["executor"]) == 9 for one in listed)


async def test_filters_leave_what_was_asked_for(desk: Desk) -> None:
    visit, apart, other = await sign(desk, VISIT, "07_amc_apart", "13_defaults")
    draft = (await desk.post("/v1/invoices?draft=true", desk.invoice(number=77))).json["id"]
    lines = {one["id"]: one for one in await walk(desk)}
    executors = {name: one["executor"] for name, one in lines.items()}
    async with rows(desk) as con:
        await con.execute("UPDATE share SET transport = 'lotted', state = 'lotted' WHERE invoice_id = $1 AND part = 'amc'", apart)
    assert await names(desk, "document=priced") == [draft]
    assert await names(desk, "document=signed") == [other, apart, visit]
    assert await names(desk, "document=void") == []
    assert await names(desk, "number=77") == [draft]
    assert await names(desk, "number=78") == await names(desk, "number=77&document=signed") == []
    assert await names(desk, "share=lotted") == [apart]
    assert set(await names(desk, "share=open")) >= {visit, apart}
    payers = {share["part"]: share["payer"] for share in lines[apart]["shares"]}
    assert apart in await names(desk, f"payer={payers['amc']}") and draft not in await names(desk, f"payer={payers['amc']}")
    assert await names(desk, f"share=lotted&payer={payers['amc']}") == [apart]
    assert await names(desk, f"share=lotted&payer={payers['amo']}") == [], "both are asked of one share"
    for name, number in executors.items():
        found = await names(desk, f"executor={number}")
        assert name in found and found == [one for one in lines if executors[one] == number]
    assert await names(desk, "executor=000000000") == []


async def test_days_bound_the_care_and_the_taking_in(desk: Desk) -> None:
    older, newer = await sign(desk, VISIT, VISIT)
    async with rows(desk) as con:
        await con.execute("UPDATE invoice SET care_date = '2025-03-01' WHERE id = $1", older)
        await con.execute("UPDATE invoice SET care_date = '2025-03-02' WHERE id = $1", newer)
    assert await names(desk, "care_from=2025-03-02") == [newer]
    assert await names(desk, "care_to=2025-03-01") == [older]
    assert await names(desk, "care_from=2025-03-01&care_to=2025-03-02") == [newer, older]
    assert await names(desk, "care_from=2025-03-03") == await names(desk, "care_to=2025-02-28") == []
    # A run may pass midnight between what is signed and what is asked.
    day, one = today(), timedelta(days=1)
    assert await names(desk, f"from={day - one}&to={day}&limit=1") == [newer, older]
    assert await names(desk, f"to={day - 2 * one}") == await names(desk, f"from={day + one}") == []
    assert await names(desk, "from=1900-01-01&to=2199-12-31") == [newer, older]


def test_a_day_of_taking_in_is_one_of_paris() -> None:
    for day, midnight in ((date(2026, 6, 10), 1_781_042_400_000), (date(2026, 1, 10), 1_767_999_600_000)):
        assert store.made_from(day) == UUID(int=midnight << 80)
    assert store.made_from(date(1900, 1, 1)) == UUID(int=0)


async def test_a_walk_sees_all_that_was_there_once_while_invoices_are_added(desk: Desk) -> None:
    there = set(await sign(desk, *[VISIT] * 5))
    for query in ("limit=1", "limit=1&document=signed"):
        seen: list[str] = []
        cursor = ""
        while True:
            part = await page(desk, query + cursor)
            seen += [one["id"] for one in part["invoices"]]
            if part["next"] is None:
                break
            assert not cursor.endswith(part["next"]), "a page leads on"
            cursor = f"&cursor={part['next']}"
            await sign(desk, VISIT)
        assert len(seen) == len(set(seen)) and there <= set(seen)
        there = set(await column(desk, "SELECT id::text FROM invoice"))


async def test_what_is_rare_is_found_behind_pages_that_hold_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOOKED_AT", 3)
    first, *_ = await sign(desk, *[VISIT] * 8)
    async with rows(desk) as con:
        await con.execute("UPDATE invoice SET care_date = '2025-03-01' WHERE id = $1", first)
    part = await page(desk, "care_to=2025-03-01")
    parts = [[one["id"] for one in part["invoices"]]]
    while part["next"] is not None:
        part = await page(desk, f"care_to=2025-03-01&cursor={part['next']}")
        parts.append([one["id"] for one in part["invoices"]])
    assert parts == [[], [], [first]]
    for limit in (1, 2, 3, 4):
        assert len(await names(desk, f"document=signed&limit={limit}")) == 8


@pytest.mark.parametrize(
    "query",
    ["document=draft", "document=sent", "share=nothing", "executor=1", "executor=12345678a", "executor=" + "%D9%A1" * 9, "number=0",
     "number=1000000000", "number=x", "from=yesterday", "care_to=2025-13-01", "limit=201", "limit=0", "page=2", "draft=true",
     "validate_only=true", "share=open&share=sent", "payer=%00"],
)  # fmt: skip
async def test_what_the_list_does_not_take_is_refused(desk: Desk, query: str) -> None:
    reply = await desk.get(f"/v1/invoices?{query}")
    assert (reply.status, reply.code) == (400, "bad_parameter")


@pytest.mark.parametrize("query", ["document=priced", "limit=1", "cursor=AAAA", "number=7", "validate_only=true&share=open"])
async def test_a_filter_signs_nothing(desk: Desk, query: str) -> None:
    reply = await desk.post(f"/v1/invoices?{query}", desk.invoice())
    assert (reply.status, reply.code) == (400, "bad_parameter")
    assert await desk.count("invoice") == 0


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "A" * 21 + "B", "A" * 22 + "==", "A" * 5000, "'; DROP TABLE invoice --"])
async def test_a_cursor_that_is_not_ours_is_refused(desk: Desk, cursor: str) -> None:
    reply = await desk.get(f"/v1/invoices?cursor={cursor}")
    assert (reply.status, reply.code) == (400, "bad_cursor")


async def test_another_centre_sees_nothing_of_it(house: House, desk: Desk) -> None:
    other = await house.desk()
    mine, theirs = await sign(desk, *[VISIT] * 3), await sign(other, *[VISIT] * 2)
    assert (await names(desk, ""), await names(other, "limit=1")) == (mine[::-1], theirs[::-1])
    # A cursor holds a place in time and nothing else: another centre's opens nothing.
    cursor = (await page(desk, "limit=1"))["next"]
    assert {one["id"] for one in (await page(other, f"cursor={cursor}"))["invoices"]} <= set(theirs)
    assert await names(other, f"cursor={write_cursor(uuid7())}") == theirs[::-1]
    number = (await walk(desk, "limit=200"))[0]["number"]
    assert set(await names(other, f"number={number}")) <= set(theirs)
    live = await house.desk("live")
    assert await names(live, "document=signed") == []


async def test_it_names_nobody_and_the_trail_says_who_looked(house: House, desk: Desk) -> None:
    invoice = desk.invoice()
    await desk.post("/v1/invoices", invoice)
    await sign(desk, VISIT)
    reply = await desk.get("/v1/invoices?document=signed&limit=1")
    for secret in (invoice["insured_nir"], *(value for value in invoice["beneficiary"].values() if isinstance(value, str) and value)):
        assert secret not in reply.body.decode()
    async with rows(desk) as con:
        (row,) = await con.fetch("SELECT items, filter FROM audit WHERE action = 'GET /v1/invoices'")
    assert (row["items"], row["filter"]) == (1, "document=signed&limit=1")


async def test_parts_of_a_line(desk: Desk) -> None:
    (name,) = await sign(desk, VISIT)
    found = await page(desk, "fields=invoices.id,invoices.shares.state")
    assert found == {"invoices": [{"id": name, "shares": [{"state": "open"}, {"state": "due"}]}], "next": None}
    assert (await desk.get("/v1/invoices?fields=invoices.nir")).code == "unknown_field"


async def test_the_client_walks_the_list(desk: Desk) -> None:
    ids = await sign(desk, *[VISIT] * 2)
    async with Client(desk.house.url, desk.key) as client:
        found = [one async for one in remote.invoices(client, document="signed", since=today() - timedelta(days=1))]
        assert [str(one.id) for one in found] == ids[::-1]
        assert [one.number async for one in remote.invoices(client, number=found[0].number, share="open")] == [found[0].number]
        assert [one async for one in remote.invoices(client, care_until=found[0].care_date - timedelta(days=1))] == []


async def test_every_state_that_a_share_may_have_can_be_asked_for(desk: Desk) -> None:
    known = await column(desk, "SELECT before FROM state_move WHERE thing IN ('share', 'transport') "
                               "UNION SELECT after FROM state_move WHERE thing IN ('share', 'transport')")  # fmt: skip
    assert set(known) == set(get_args(ShareState))
    replies = await asyncio.gather(*(desk.get(f"/v1/invoices?share={state}") for state in known))
    assert {reply.status for reply in replies} == {200}
