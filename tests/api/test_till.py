# SPDX-License-Identifier: Apache-2.0
"""The desk over HTTP: lists, the till of a day, and the books after any history of payments."""

import random
from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.api.money import UNKNOWN, balances, holds, owed, pay, share
from tests.api.post import rows
from tests.days import today

# --- lists and the till


async def test_lists_are_paged_and_filtered(desk: Desk) -> None:
    made = [(await pay(desk, 100 + n, means=("cash", "cheque")[n % 2], on=str(today() - timedelta(days=n))))["id"] for n in range(5)]
    await desk.post(f"/v1/payments/{made[1]}:unpay", {"why": "impayé"})
    given = (await desk.post("/v1/refunds", {"means": "cash", "amount": 5, "payment": made[0]})).json["id"]

    async def ids(query: str) -> list[str]:
        return [one["id"] for one in (await desk.get(f"/v1/payments{query}")).json["payments"]]

    assert await ids("") == [given, *reversed(made)]
    assert await ids("?means=cheque") == [made[3], made[1]]
    assert await ids("?kind=refund") == [given]
    assert await ids("?state=unpaid") == [made[1]]
    assert await ids(f"?from={today() - timedelta(days=3)}&to={today() - timedelta(days=2)}") == [made[3], made[2]]
    walked: list[str] = []
    path: str | None = "/v1/payments?limit=2"
    while path is not None:
        page = (await desk.get(path)).json
        walked += [one["id"] for one in page["payments"]]
        path = page["next"] and f"/v1/payments?limit=2&cursor={page['next']}"
    assert walked == [given, *reversed(made)]
    for query in ("?means=gold", "?kind=x", "?state=x", "?invoice=1", "?from=1", "?other=1"):
        assert (await desk.get(f"/v1/payments{query}")).code == "bad_parameter"
    assert (await desk.get("/v1/payments?cursor=x")).code == "bad_cursor"


async def test_the_till_of_a_day_is_what_the_books_moved_that_day(desk: Desk) -> None:
    invoice = await owed(desk)
    await pay(desk, 900, (invoice, 1000 - 100))
    first = await pay(desk, 500, means="cheque", on=str(today() - timedelta(days=9)))
    await pay(desk, 300, means="cheque")
    await desk.post(f"/v1/payments/{first['id']}:unpay", {"why": "impayé"})
    other = await pay(desk, 250)
    await desk.post("/v1/refunds", {"means": "cash", "amount": 50, "payment": other["id"]})
    till = (await desk.get("/v1/till")).json
    assert till["means"] == [
        {"means": "cash", "received": {"count": 2, "cents": 1150}, "refunded": {"count": 1, "cents": -50},
         "unpaid": {"count": 0, "cents": 0}, "net": 1100},
        {"means": "cheque", "received": {"count": 2, "cents": 800}, "refunded": {"count": 0, "cents": 0},
         "unpaid": {"count": 1, "cents": -500}, "net": 300},
    ]  # fmt: skip
    found = await balances(desk)
    assert {f"caisse:{one['means']}": one["net"] for one in till["means"]} == {
        name: cents for name, cents in found.items() if name.startswith("caisse:")
    }
    assert till["net"] == 1400
    async with rows(desk) as con:
        await con.execute("UPDATE payment SET unpaid_at = unpaid_at + interval '40 days' WHERE unpaid_at IS NOT NULL")
    assert (await desk.get("/v1/till")).json["net"] == 1900
    assert (await desk.get(f"/v1/till?on={today() + timedelta(days=40)}")).json["net"] == -500


# --- any history


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_history_the_books_and_the_shares_are_what_the_payments_say(desk: Desk, seed: int) -> None:
    draw = random.Random(seed)
    invoices = {await owed(desk, amount): amount for amount in (700, 900, 1300)}
    made: list[str] = []
    for _ in range(25):
        invoice, amount = draw.choice(list(invoices)), draw.randrange(1, 900)
        some = draw.sample(list(invoices), draw.randrange(3))
        named: list[dict[str, Any]] = [{"invoice": name, "amount": draw.randrange(1, 400)} for name in some]
        path, body = draw.choice([
            ("/v1/payments", {"means": "cheque", "amount": amount + sum(one["amount"] for one in named), "invoices": named}),
            ("/v1/payments", {"means": "cash", "amount": amount, "invoices": [{"invoice": invoice, "amount": amount}]}),
            ("/v1/refunds", {"means": "cash", "amount": min(amount, 50), "invoice": invoice}),
            ("/v1/refunds", {"means": "cash", "amount": amount, "payment": draw.choice(made or [UNKNOWN])}),
            (f"/v1/payments/{draw.choice(made or [UNKNOWN])}:attach", {"invoices": [{"invoice": invoice, "amount": min(amount, 200)}]}),
            (f"/v1/payments/{draw.choice(made or [UNKNOWN])}:unpay", {"why": "impayé"}),
        ])  # fmt: skip
        reply = await desk.post(path, body)
        assert reply.status in (200, 201, 404, 409), reply.body
        made += [reply.json["id"]] if reply.status == 201 else []
    payments = (await desk.get("/v1/payments")).json["payments"]
    standing = [one for one in payments if one["state"] == "kept"]
    received = {name: sum(part["amount"] for one in standing for part in one["parts"] if part["invoice"] == name) for name in invoices}
    expected: dict[str, int] = {}
    for number, (name, amount) in enumerate(invoices.items(), 1):
        above = received[name] - amount
        state = "refund_due" if above > 0 else "paid" if above == 0 else "part_paid" if received[name] > 0 else "due"
        assert await share(desk, name) == (state, amount, received[name])
        expected[f"creance:patient:C/{number}"] = max(amount - received[name], 0)
        expected["trop_percu:patient"] = expected.get("trop_percu:patient", 0) - max(received[name] - amount, 0)
    for one in payments:
        expected[f"caisse:{one['means']}"] = expected.get(f"caisse:{one['means']}", 0) + (one["amount"] if one["state"] == "kept" else 0)
        kept = one["amount"] - sum(part["amount"] for part in one["parts"]) if one["state"] == "kept" and one["kind"] == "payment" else 0
        given = sum(part["amount"] for back in standing for part in back["parts"] if part["payment"] == one["id"])
        expected[f"avance:{one['id']}"] = -kept - given
        assert one["state"] == "unpaid" or one["kind"] == "refund" or one["rest"] == kept + given >= 0
    assert await balances(desk) == {account: cents for account, cents in expected.items() if cents}
    await holds(desk)
