# SPDX-License-Identifier: Apache-2.0
"""The follow-up over HTTP: every figure of the dashboard opens a list, and every list sums to its figure."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from desmos_fast.base.clock import paris_date
from tests.api.conftest import Desk
from tests.settlement.centre import AMC, AMO, credit
from tests.settlement.dunning.world import LateCentre

TODAY: Final = paris_date(datetime.now(UTC))


@pytest.fixture
def centre(desk: Desk) -> LateCentre:
    return LateCentre(desk)


def ago(days: int) -> date:
    return TODAY - timedelta(days)


def tally(rows: list[dict[str, Any]], amount: str) -> dict[str, int]:
    return {"count": len(rows), "cents": sum(row[amount] for row in rows)}


async def whole(centre: LateCentre, name: str, **query: str | int) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Walk a list two rows at a time; return its total and all its rows."""
    rows: list[dict[str, Any]] = []
    page = await centre.list(name, limit=2, **query)
    while True:
        rows += page["items"]
        if page["next"] is None:
            return page["total"], rows
        assert len(page["items"]) == 2
        page = await centre.list(name, limit=2, cursor=page["next"], **query)


async def test_what_is_due_is_told_by_payer_and_age_and_the_sums_are_those_of_the_books(centre: LateCentre) -> None:
    parts = (("amo", AMO, 2100), ("amc", AMC, 900))
    for number, days in enumerate((0, 7, 8, 30, 31, 60, 61, 90, 91, 700), 1):
        await centre.claim(number, ago(days), await centre.lot(ago(days), ago(days)), parts)
    await centre.paid(3, 1000, TODAY, care=ago(8))
    await centre.paid(4, 2100, TODAY, care=ago(30))
    rows = {row["payer"]: row for row in (await centre.dashboard())["follow_up"]["ageing"]}
    assert {age: one["count"] for age, one in rows[AMC]["ages"].items()} == {"0-7": 2, "8-30": 2, "31-60": 2, "61-90": 2, ">90": 2}
    assert rows[AMO]["ages"]["8-30"] == {"count": 1, "cents": 1100}
    balances = await centre.balances()
    for payer, row in rows.items():
        books = sum(amount for account, amount in balances.items() if account.startswith(f"creance:{payer}:"))
        total, listed = await whole(centre, "outstanding", payer=payer)
        assert row["total"] == total == tally(listed, "open") and total["cents"] == books
        for age, figure in row["ages"].items():
            assert (await whole(centre, "outstanding", payer=payer, age=age))[0] == figure
        late, listed = await whole(centre, "late", payer=payer)
        assert late == row["late"] == tally(listed, "open") and all(one["late"] for one in listed)
    assert rows[AMC]["late"]["count"] == 6, "30 days from the sending are over on the 31st"


async def test_sums_taken_back_orders_and_credits_are_listed(centre: LateCentre) -> None:
    await centre.claim(1, ago(40), await centre.lot(ago(40), ago(40)))
    await centre.paid(1, 2100, ago(30), care=ago(40))
    await centre.paid(1, -2100, ago(10), care=ago(40))
    await centre.order("o:parked", centre.line(-500, None, insured_key=None, care_date=None, biller=None, part=None), day=ago(3))
    await centre.bank(*credit(777, "RIEN"))
    await centre.reconcile()
    figures = await centre.dashboard()
    [row] = figures["follow_up"]["indus"]
    assert (row["identified"], row["unidentified"]) == ({"count": 1, "cents": 2100}, {"count": 1, "cents": 500})
    total, listed = await whole(centre, "indus")
    assert total == {"count": 2, "cents": 2600} == tally(listed, "amount")
    assert (await centre.list("indus", kind="unidentified"))["total"] == row["unidentified"]
    known = next(one for one in listed if one["identified"])
    assert known["taken_on"] == ago(10).isoformat() and known["barred"] is False
    assert (await whole(centre, "orders"))[0] == figures["follow_up"]["orders_uncredited"] == {"count": 1, "cents": 2100}
    total, listed = await whole(centre, "credits")
    unmatched = figures["credits_unmatched"]
    assert total == {"count": unmatched["count"], "cents": unmatched["cents"]} == tally(listed, "amount")
