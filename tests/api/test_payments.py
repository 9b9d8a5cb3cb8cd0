# SPDX-License-Identifier: Apache-2.0
"""The desk over HTTP: payments of any means for any number of invoices, deposits, refunds, bounced cheques, and what is refused."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest

from desmos_fast.base import ledger
from desmos_fast.base.types import Cents
from desmos_fast.db import journal
from desmos_fast.settlement.desk.model import MOST_INVOICES
from tests.api.conftest import Desk, person
from tests.api.money import UNKNOWN, asked, balances, decisions, holds, owed, pay, share
from tests.api.post import rows
from tests.days import today
from tests.db.rows import NOW

# --- payments


async def test_a_payment_of_all_that_is_owed_makes_the_share_paid(desk: Desk) -> None:
    invoice = await owed(desk)
    assert await share(desk, invoice) == ("due", 900, 0)
    paid = await pay(desk, 900, (invoice, 900), means="card", reference="T-0042")
    assert (paid["kind"], paid["state"], paid["rest"], paid["on"], paid["reference"]) == ("payment", "kept", 0, str(today()), "T-0042")
    assert paid["shares"] == [
        {"invoice": invoice, "number": 1, "state": "paid", "amount": 900, "received": 900, "open": 0, "excess": 0}
    ]
    assert paid["parts"] == [{"invoice": invoice, "number": 1, "payment": None, "amount": 900}]
    assert await share(desk, invoice) == ("paid", 900, 900)
    assert await balances(desk) == {"caisse:card": 900}
    assert (await desk.get(f"/v1/payments/{paid['id']}")).json == paid
    timeline = (await desk.get(f"/v1/invoices/{invoice}")).json["timeline"]
    assert [one["event"] for one in timeline] == ["invoice.signed", "payment.received"]
    assert timeline[-1]["detail"] == {"means": "card", "amount": 900, "state": "paid"}
    [(kind, subject, detail)] = await decisions(desk)
    assert (kind, subject, detail["parts"]) == ("payment", paid["id"], [{"invoice": invoice, "payment": None, "amount": 900}])


async def test_one_cheque_for_many_invoices(desk: Desk) -> None:
    invoices = [await owed(desk, 500 + 100 * n) for n in range(3)]
    paid = await pay(desk, 1500, (invoices[0], 500), (invoices[1], 600), (invoices[2], 400), means="cheque", reference="7654321")
    assert [(one["state"], one["open"]) for one in paid["shares"]] == [("paid", 0), ("paid", 0), ("part_paid", 300)]
    assert await balances(desk) == {"caisse:cheque": 1500, "creance:patient:C/3": 300}
    last = await pay(desk, 300, (invoices[2], 300))
    assert last["shares"][0]["state"] == "paid"
    assert await balances(desk) == {"caisse:cheque": 1500, "caisse:cash": 300}
    of_invoice = (await desk.get(f"/v1/payments?invoice={invoices[2]}")).json["payments"]
    assert [one["id"] for one in of_invoice] == [last["id"], paid["id"]]


async def test_a_payment_without_an_fse_waits_on_its_own_account_until_it_is_attached(desk: Desk) -> None:
    paid = await pay(desk, 1000, means="transfer")
    assert (paid["rest"], paid["parts"], paid["shares"]) == (1000, [], [])
    assert await balances(desk) == {"caisse:transfer": 1000, f"avance:{paid['id']}": -1000}
    first, second = await owed(desk), await owed(desk, 500)
    attached = await desk.post(f"/v1/payments/{paid['id']}:attach", {"invoices": [{"invoice": first, "amount": 900}]})
    assert (attached.status, attached.json["rest"], attached.json["shares"][0]["state"]) == (200, 100, "paid")
    assert await balances(desk) == {"caisse:transfer": 1000, f"avance:{paid['id']}": -100, "creance:patient:C/2": 500}
    refused = await desk.post(f"/v1/payments/{paid['id']}:attach", {"invoices": [{"invoice": second, "amount": 101}]})
    assert (refused.status, refused.code) == (409, "payment_spent")
    await desk.post(f"/v1/payments/{paid['id']}:attach", {"invoices": [{"invoice": second, "amount": 100}]})
    assert await balances(desk) == {"caisse:transfer": 1000, "creance:patient:C/2": 400}
    await holds(desk)
    assert [kind for kind, _, _ in await decisions(desk)] == ["payment"] * 3


async def test_what_is_paid_above_the_debt_is_to_be_given_back(desk: Desk) -> None:
    invoice = await owed(desk)
    paid = await pay(desk, 1000, (invoice, 1000), means="cheque")
    assert (paid["shares"][0]["state"], paid["shares"][0]["excess"], paid["shares"][0]["open"]) == ("refund_due", 100, 0)
    assert (await desk.get(f"/v1/invoices/{invoice}")).json["state"] == "to_review"
    assert await balances(desk) == {"caisse:cheque": 1000, "trop_percu:patient": -100}
    over = await desk.post("/v1/refunds", {"means": "cash", "amount": 101, "invoice": invoice})
    assert (over.status, over.code) == (409, "refund_too_high")
    some = await desk.post("/v1/refunds", {"means": "cash", "amount": 40, "invoice": invoice})
    assert (some.status, some.json["kind"], some.json["amount"], some.json["shares"][0]["state"]) == (201, "refund", -40, "refund_due")
    rest = await desk.post("/v1/refunds", {"means": "transfer", "amount": 60, "invoice": invoice})
    assert rest.json["shares"][0]["state"] == "paid"
    assert await balances(desk) == {"caisse:cheque": 1000, "caisse:cash": -40, "caisse:transfer": -60}
    assert (await desk.post("/v1/refunds", {"means": "cash", "amount": 1, "invoice": invoice})).code == "refund_too_high"


async def test_many_who_pay_one_invoice_at_once_are_all_counted(desk: Desk) -> None:
    invoice = await owed(desk)
    replies = await asyncio.gather(*(asked(desk, 300, (invoice, 300)) for _ in range(5)))
    assert sorted(reply.json["shares"][0]["received"] for reply in replies) == [300, 600, 900, 1200, 1500]
    assert await share(desk, invoice) == ("refund_due", 900, 1500)
    assert await balances(desk) == {"caisse:cash": 1500, "trop_percu:patient": -600}


async def test_what_a_decision_moves_to_the_patient_is_owed_at_the_desk(desk: Desk) -> None:
    invoice = await owed(desk, 900)
    await pay(desk, 1000, (invoice, 1000))
    async with rows(desk) as con:
        await con.execute("UPDATE share SET state = 'lotted', transport = 'lotted' WHERE part = 'amo'")
        await con.execute("UPDATE share SET state = 'rejected' WHERE part = 'amo'")
    moved = await desk.post("/v1/decisions", {"kind": "to_patient", "share": f"{desk.finess}/1/amo"})
    assert moved.status in (200, 201), moved.body
    assert await share(desk, invoice) == ("part_paid", 3000, 1000)
    assert (await desk.get(f"/v1/invoices/{invoice}")).json["state"] == "part_paid"
    assert (await pay(desk, 2000, (invoice, 2000)))["shares"][0]["state"] == "paid"
    assert (await desk.get(f"/v1/invoices/{invoice}")).json["state"] == "paid"
    assert await balances(desk) == {"caisse:cash": 3000}


# --- what is taken back


async def test_a_bounced_cheque_takes_back_its_own_payment_and_touches_no_other(desk: Desk) -> None:
    first, second = await owed(desk, 900), await owed(desk, 500)
    cash = await pay(desk, 400, (first, 400))
    cheque = await pay(desk, 1200, (first, 600), (second, 500), means="cheque")
    assert await share(desk, first) == ("refund_due", 900, 1000)
    before = {name: (await desk.get(f"/v1/payments/{name}")).json["parts"] for name in (cash["id"],)}
    bounced = await desk.post(f"/v1/payments/{cheque['id']}:unpay", {"why": "impayé"})
    assert (bounced.status, bounced.json["state"], bounced.json["rest"]) == (200, "unpaid", 0)
    assert [(one["state"], one["received"]) for one in bounced.json["shares"]] == [("part_paid", 400), ("due", 0)]
    assert await balances(desk) == {"caisse:cash": 400, "creance:patient:C/1": 500, "creance:patient:C/2": 500}
    assert {name: (await desk.get(f"/v1/payments/{name}")).json["parts"] for name in before} == before
    for path, body in ((":unpay", {"why": "encore"}), (":attach", {"invoices": [{"invoice": first, "amount": 1}]})):
        assert (await desk.post(f"/v1/payments/{cheque['id']}{path}", body)).code == "payment_bounced"
    assert (await desk.post("/v1/refunds", {"means": "cash", "amount": 1, "payment": cheque["id"]})).code == "payment_bounced"
    assert [kind for kind, _, _ in await decisions(desk)] == ["payment", "payment", "unpay"]


async def test_a_refund_of_the_rest_and_its_return(desk: Desk) -> None:
    paid = await pay(desk, 1000, means="cheque")
    given = (await desk.post("/v1/refunds", {"means": "transfer", "amount": 300, "payment": paid["id"]})).json
    assert given["parts"] == [{"invoice": None, "number": None, "payment": paid["id"], "amount": -300}]
    assert (await desk.get(f"/v1/payments/{paid['id']}")).json["rest"] == 700
    assert await balances(desk) == {"caisse:cheque": 1000, "caisse:transfer": -300, f"avance:{paid['id']}": -700}
    # The cheque bounces after all: what was given back of it is owed to the centre.
    await desk.post(f"/v1/payments/{paid['id']}:unpay", {"why": "impayé"})
    assert await balances(desk) == {"caisse:transfer": -300, f"avance:{paid['id']}": 300}
    # And the refund comes back, which makes all even.
    await holds(desk)
    await desk.post(f"/v1/payments/{given['id']}:unpay", {"why": "virement rejeté"})
    assert await balances(desk) == {}


async def test_what_bounces_after_the_rest_was_given_up_is_lost_and_owed_by_nobody(desk: Desk) -> None:
    invoice = await owed(desk, 900)
    paid = await pay(desk, 400, (invoice, 400), means="cheque")
    async with rows(desk) as con:
        await con.execute("UPDATE share SET state = 'written_off', closed = 500 WHERE part = 'patient'")
        gone = ledger.written_off("d", "patient", f"{desk.finess}/1", Cents(500))
        await journal.post(con, desk.tenant, NOW, [gone])
    bounced = (await desk.post(f"/v1/payments/{paid['id']}:unpay", {"why": "impayé"})).json
    assert [(one["state"], one["open"], one["excess"]) for one in bounced["shares"]] == [("written_off", 0, 0)]
    assert await balances(desk) == {"perte": 900}
    await holds(desk)


# --- deposits


async def test_care_to_come_is_never_paid_in_full(desk: Desk) -> None:
    plan = {"plan": "DEVIS-12", "total": 1000}
    first = await pay(desk, 600, deposit=plan)
    assert first["deposit"] == plan
    for amount, kept in ((400, False), (399, True), (1, False)):
        reply = await asked(desk, amount, deposit=plan)
        assert (reply.status == 201) is kept and (kept or (reply.status, reply.code) == (409, "prepayment_forbidden"))
    assert (await asked(desk, 400, deposit={"plan": "DEVIS-13", "total": 400})).code == "prepayment_forbidden"
    await pay(desk, 400, deposit={"plan": "DEVIS-13", "total": 1000})
    # What was given back, and what bounced, no longer counts; what was attached does.
    await desk.post("/v1/refunds", {"means": "cash", "amount": 100, "payment": first["id"]})
    await pay(desk, 100, deposit=plan)
    invoice = await owed(desk, 500)
    assert (await desk.post(f"/v1/payments/{first['id']}:attach", {"invoices": [{"invoice": invoice, "amount": 500}]})).status == 200
    assert (await asked(desk, 1, deposit=plan)).code == "prepayment_forbidden"
    await desk.post(f"/v1/payments/{first['id']}:unpay", {"why": "impayé"})
    await pay(desk, 499, deposit=plan)


async def test_two_deposits_at_once_do_not_pass_the_total_between_them(desk: Desk) -> None:
    replies = await asyncio.gather(*(asked(desk, 300, deposit={"plan": "D", "total": 1000}) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [201, 201, 201, 409, 409]


async def test_an_invoice_of_care_to_come_is_held_to_the_same(desk: Desk) -> None:
    invoice = await owed(desk, 900, amo=0)
    async with rows(desk) as con:
        await con.execute("UPDATE invoice SET care_date = $1", today() + timedelta(days=3))
    assert (await asked(desk, 900, (invoice, 900))).code == "prepayment_forbidden"
    await pay(desk, 899, (invoice, 899))
    assert (await asked(desk, 1, (invoice, 1))).code == "prepayment_forbidden"


# --- what is refused


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"\xff", {}, {"means": "gold", "amount": 5}, {"means": "cash", "amount": 0}, {"means": "cash", "amount": -5},
        {"means": "cash", "amount": 5.0}, {"means": "cash", "amount": 10**12}, {"means": "cash", "amount": 5, "more": 1},
        {"means": "cash", "amount": 5, "on": str(today() + timedelta(days=2))}, {"means": "cash", "amount": 5, "reference": "é"},
        {"means": "cash", "amount": 5, "reference": "1" * 36}, {"means": "cash", "amount": 5, "deposit": {"plan": "", "total": 9}},
        {"means": "cash", "amount": 5, "deposit": {"plan": "D", "total": 9}, "invoices": [{"invoice": UNKNOWN, "amount": 1}]},
        {"means": "cash", "amount": 5, "invoices": [{"invoice": UNKNOWN, "amount": 3}, {"invoice": UNKNOWN, "amount": 2}]},
        {"means": "cash", "amount": 5, "invoices": [{"invoice": UNKNOWN, "amount": 6}]},
        {"means": "cash", "amount": 5, "invoices": [{"invoice": "1", "amount": 5}]},
        {"means": "cash", "amount": 5000, "invoices": [{"invoice": UNKNOWN, "amount": 1}] * (MOST_INVOICES + 1)},
    ],
)
async def test_a_body_that_is_no_payment_is_refused_and_nothing_kept(desk: Desk, body: Mapping[str, object] | bytes) -> None:
    reply = await desk.post("/v1/payments", body)
    assert (reply.status, reply.code) == (422, "payment_refused")
    assert await desk.count("payment") == await desk.count("decision") == 0


@pytest.mark.parametrize("body", [{"means": "cash", "amount": 5}, {"means": "cash", "amount": 5, "invoice": UNKNOWN, "payment": UNKNOWN}])
async def test_a_refund_is_of_one_thing(desk: Desk, body: Mapping[str, object]) -> None:
    assert (await desk.post("/v1/refunds", body)).code == "payment_refused"


@pytest.mark.parametrize("field", ["reference", "plan"])
async def test_a_nir_is_refused_and_told_to_nobody(desk: Desk, field: str) -> None:
    more = {"reference": person()} if field == "reference" else {"deposit": {"plan": person(), "total": 900}}
    reply = await asked(desk, 5, **more)
    assert (reply.status, reply.code) == (422, "payment_refused")
    assert person().encode() not in reply.body


async def test_what_owes_nothing_takes_nothing(desk: Desk) -> None:
    assert (await asked(desk, 5, (await owed(desk, 0), 5))).code == "nothing_at_desk"
    assert (await asked(desk, 5, (UNKNOWN, 5))).status == 404
    ended = await owed(desk)
    async with rows(desk) as con:
        await con.execute("UPDATE share SET state = 'written_off', closed = amount WHERE part = 'patient'")
    assert (await asked(desk, 5, (ended, 5))).code == "nothing_at_desk"
    assert await desk.count("payment") == 0


async def test_another_centre_sees_and_touches_nothing(desk: Desk) -> None:
    invoice = await owed(desk)
    paid = await pay(desk, 1000, (invoice, 900))
    other = await desk.house.desk()
    assert (await other.get(f"/v1/payments/{paid['id']}")).status == 404
    assert (await other.get("/v1/payments")).json == {"payments": [], "next": None}
    assert (await other.get("/v1/till")).json["net"] == 0
    assert (await asked(other, 5, (invoice, 5))).status == 404
    for path, body in ((":unpay", {"why": "x"}), (":attach", {"invoices": [{"invoice": invoice, "amount": 1}]})):
        assert (await other.post(f"/v1/payments/{paid['id']}{path}", body)).status == 404
    assert (await other.post("/v1/refunds", {"means": "cash", "amount": 5, "payment": paid["id"]})).status == 404


# --- once, and only tried


async def test_the_same_key_pays_once_and_with_another_content_it_is_an_error(desk: Desk) -> None:
    invoice = await owed(desk)
    body = {"means": "cash", "amount": 400, "invoices": [{"invoice": invoice, "amount": 400}]}
    first, again = await desk.post("/v1/payments", body, key="k1"), await desk.post("/v1/payments", body, key="k1")
    assert first.body == again.body and again.headers["Idempotency-Replayed"] == "true"
    assert (await desk.post("/v1/payments", body | {"amount": 500}, key="k1")).code == "idempotency_key_reused"
    assert await share(desk, invoice) == ("part_paid", 900, 400)
    assert await desk.count("payment") == 1


async def test_validate_only_answers_the_same_and_keeps_nothing(desk: Desk) -> None:
    invoice = await owed(desk)
    kept = await pay(desk, 1000, (invoice, 900))
    tables = ("payment", "payment_part", "decision", "event", "ledger_entry", "idempotency")
    before = {table: await desk.count(table) for table in tables}
    for path, body in (
        ("/v1/payments", {"means": "cash", "amount": 100, "invoices": [{"invoice": invoice, "amount": 100}]}),
        (f"/v1/payments/{kept['id']}:attach", {"invoices": [{"invoice": invoice, "amount": 100}]}),
        (f"/v1/payments/{kept['id']}:unpay", {"why": "impayé"}),
        ("/v1/refunds", {"means": "cash", "amount": 100, "payment": kept["id"]}),
    ):
        tried = await desk.post(f"{path}?validate_only=true", body)
        assert tried.status == 200 and "Location" not in tried.headers, tried.body
        assert {table: await desk.count(table) for table in tables} == before
        assert (await desk.get(f"/v1/payments/{kept['id']}")).json == kept
    lost = {"means": "cash", "amount": 5, "invoices": [{"invoice": UNKNOWN, "amount": 5}]}
    refused = await desk.post("/v1/payments?validate_only=true", lost)
    assert refused.status == 404
    done = await desk.post(f"/v1/payments/{kept['id']}:unpay", {"why": "impayé"})
    assert done.json["shares"][0]["state"] == "due"
