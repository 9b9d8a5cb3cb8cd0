# SPDX-License-Identifier: Apache-2.0
"""What a payer sends for a share that the patient was asked for: the patient owes it no more, and what was paid of it is given back."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from desmos_fast.db.tenant import direct
from tests.api.conftest import Desk
from tests.api.money import holds
from tests.api.test_decisions import decide, matches, share
from tests.api.test_decisions_shares import rejected, row
from tests.api.test_replay import same
from tests.db.rows import insert
from tests.settlement.centre import AMO, Centre


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


async def moved(centre: Centre) -> UUID:
    """Let the patient owe an invoice's AMO part; return the invoice."""
    await rejected(centre)
    await decide(centre, "to_patient", share=share(centre))
    async with centre.rows() as con:
        return UUID(str(await con.fetchval("SELECT id FROM invoice")))


async def sent(centre: Centre, amount: int, ref: str = "o:2", reference: str = "33333333333") -> None:
    """Let the payer announce so much more."""
    await centre.order(ref, centre.line(amount), reference=reference)
    await centre.reconcile()


async def pay(centre: Centre, invoice: UUID, amount: int) -> Any:
    body = {"means": "cash", "amount": amount, "invoices": [{"invoice": str(invoice), "amount": amount}]}
    reply = await centre.desk.post("/v1/payments", body)
    assert reply.status == 201, reply.body
    return reply.json


async def sound(centre: Centre) -> None:
    """Say that the amounts agree to the cent, and that memory makes the same of it all."""
    await holds(centre.desk, "I4", "I5", "I6")
    await same(centre)


async def test_what_the_payer_sends_after_all_the_patient_owes_no_more(centre: Centre) -> None:
    invoice = await moved(centre)
    assert await decide(centre, "from_patient", 409, share=share(centre)) == "nothing_to_take_back"
    await sent(centre, 2100)
    assert (await centre.balances())[f"trop_percu:{AMO}"] == -2100
    assert await decide(centre, "from_patient", 409, share=share(centre), amount=2000) == "decision_stale"
    trial = await centre.desk.post("/v1/decisions?validate_only=true", {"kind": "from_patient", "share": share(centre)})
    made = await decide(centre, "from_patient", share=share(centre), amount=2100, why="payé après coup")
    assert trial.json["detail"] == {key: value for key, value in made["detail"].items() if key != "why"}
    assert made["detail"] == {"from": "to_patient", "amount": 2100, "payer": AMO, "refund_due": 0, "why": "payé après coup"}
    assert await row(centre, "patient") == {"state": "not_due", "amount": 0, "closed": 0, "announced": 0, "credited": 0}
    assert await row(centre) == {"state": "to_patient", "amount": 2100, "closed": 0, "announced": 2100, "credited": 0}
    balances = await centre.balances()
    assert f"trop_percu:{AMO}" not in balances and "creance:patient:CENTRE/1" not in balances
    assert balances[f"attente:{AMO}"] == 2100
    assert [name for name, _ in await centre.events(invoice)][-2:] == ["decision.from_patient", "share.from_patient"]
    assert await decide(centre, "from_patient", 409, share=share(centre)) == "nothing_to_take_back"
    assert await decide(centre, "undo", 409, decision=made["id"]) == "decision_final"
    await sound(centre)
    # Its end stays what it was, a run changes nothing, and the patient is not asked again.
    before = await centre.written()
    await centre.reconcile()
    assert await centre.written() == before
    refused = await centre.desk.post("/v1/payments", {"means": "cash", "amount": 1, "invoices": [{"invoice": str(invoice), "amount": 1}]})
    assert refused.code == "nothing_at_desk"


async def test_what_the_patient_had_paid_is_to_be_given_back(centre: Centre) -> None:
    invoice = await moved(centre)
    await pay(centre, invoice, 1500)
    await sent(centre, 2100)
    made = await decide(centre, "from_patient", share=share(centre))
    assert (made["detail"]["amount"], made["detail"]["refund_due"]) == (2100, 1500)
    assert await row(centre, "patient") == {"state": "refund_due", "amount": 0, "closed": 0, "announced": 1500, "credited": 1500}
    balances = await centre.balances()
    assert (balances["trop_percu:patient"], balances["caisse:cash"]) == (-1500, 1500)
    assert "creance:patient:CENTRE/1" not in balances and f"trop_percu:{AMO}" not in balances
    await sound(centre)
    assert (await centre.desk.post("/v1/refunds", {"means": "transfer", "amount": 1501, "invoice": str(invoice)})).code == "refund_too_high"
    given = await centre.desk.post("/v1/refunds", {"means": "transfer", "amount": 1500, "invoice": str(invoice)})
    assert given.status == 201, given.body
    assert given.json["shares"][0]["state"] == "not_due"
    assert "trop_percu:patient" not in await centre.balances()
    await sound(centre)
    # The transfer comes back: it is due to the patient again.
    back = await centre.desk.post(f"/v1/payments/{given.json['id']}:unpay", {"why": "virement rejeté"})
    assert back.json["shares"][0]["state"] == "refund_due"
    await sound(centre)


@pytest.mark.parametrize(
    ("paid", "later", "state", "refund"),
    [(0, 600, "due", 0), (1500, 600, "paid", 0), (1800, 600, "refund_due", 300), (400, 600, "part_paid", 0), (0, 2500, "not_due", 0)],
)
async def test_a_part_is_taken_back_and_never_more_than_was_moved(centre: Centre, paid: int, later: int, state: str, refund: int) -> None:
    invoice = await moved(centre)
    if paid:
        await pay(centre, invoice, paid)
    await sent(centre, later)
    made = await decide(centre, "from_patient", share=share(centre))
    taken = min(later, 2100)
    assert (made["detail"]["amount"], made["detail"]["refund_due"]) == (taken, refund)
    patient = await row(centre, "patient")
    assert (patient["state"], patient["amount"], patient["announced"]) == (state, 2100 - taken, paid)
    # What is above all that was moved stays with the payer's excess.
    assert (await centre.balances()).get(f"trop_percu:{AMO}", 0) == taken - later
    await sound(centre)


async def test_what_the_payer_takes_back_again_the_patient_may_owe_once_more(centre: Centre) -> None:
    await moved(centre)
    await sent(centre, 2100)
    await decide(centre, "from_patient", share=share(centre))
    await centre.order("o:3", centre.line(-2100, reject_code="0450072"), reference="44444444444")
    await centre.reconcile()
    if not [one for one in await matches(centre, status="confirmed") if one["left"] == ["o:3#1"]]:
        await decide(centre, "match", problem="A", left=["o:3#1"], right=[share(centre)])
    await decide(centre, "to_patient", share=share(centre), amount=2100)
    assert (await row(centre, "patient"))["amount"] == 2100
    await sent(centre, 2100, "o:4", "55555555555")
    await decide(centre, "from_patient", share=share(centre), amount=2100)
    assert (await row(centre, "patient"))["state"] == "not_due"
    await sound(centre)


async def test_a_payment_that_was_another_invoices_is_taken_off_and_the_patient_asked_again(centre: Centre) -> None:
    invoice = await moved(centre)
    await sent(centre, 2100)
    await decide(centre, "from_patient", share=share(centre))
    [paid] = [one for one in await matches(centre, status="confirmed") if one["left"] == ["o:2#1"]]
    await decide(centre, "undo", match=paid["id"])
    balances = await centre.balances()
    assert (balances[f"creance:{AMO}:CENTRE/1"], balances[f"hors_facture:{AMO}"]) == (2100, -2100)
    assert (await row(centre))["state"] == "to_patient"
    await sound(centre)
    await decide(centre, "to_patient", share=share(centre), amount=2100)
    assert await row(centre, "patient") == {"state": "due", "amount": 2100, "closed": 0, "announced": 0, "credited": 0}
    assert (await centre.balances())["creance:patient:CENTRE/1"] == 2100
    assert [name for name, _ in await centre.events(invoice, "patient")] == ["share.due", "share.due"]
    await sound(centre)


async def test_a_patients_share_that_ended_and_any_other_share_are_refused(centre: Centre) -> None:
    await rejected(centre)
    assert await decide(centre, "from_patient", 409, share=share(centre)) == "share_refuses"
    await decide(centre, "to_patient", share=share(centre))
    assert await decide(centre, "from_patient", 409, share=share(centre, 1, "patient")) == "share_refuses"
    await sent(centre, 2100)
    await decide(centre, "write_off", share=share(centre, 1, "patient"))
    assert await decide(centre, "from_patient", 409, share=share(centre)) == "share_closed"


async def test_the_same_request_twice_is_one_decision(centre: Centre) -> None:
    await moved(centre)
    await sent(centre, 2100)
    body = {"kind": "from_patient", "share": share(centre)}
    first = await centre.desk.post("/v1/decisions", body, key="once")
    again = await centre.desk.post("/v1/decisions", body, key="once")
    assert (first.status, again.status) == (201, 201) and first.body == again.body
    assert await centre.desk.count("decision") == 2


@pytest.mark.parametrize(
    ("part", "amount", "passes"), [("patient", 700, True), ("patient", 699, False), ("amo", 2099, False), ("amo", 2101, False)]
)
async def test_the_database_lets_a_patients_amount_fall_to_what_was_signed_and_no_other(
    centre: Centre, part: str, amount: int, passes: bool
) -> None:
    invoice = await centre.invoice()
    async with centre.rows() as con:
        await insert(
            con, "share", tenant_id=centre.desk.tenant, invoice_id=invoice, part="patient", payer="patient", flow=0, amount=900,
            transport="due", state="due",
        )  # fmt: skip
    async with direct(centre.desk.house.owner_dsn, centre.desk.tenant) as con:
        await con.execute("UPDATE invoice SET desk = 700, from_amc = 200 WHERE id = $1", invoice)
        if passes:
            await con.execute("UPDATE share SET amount = $1 WHERE part = $2", amount, part)
        else:
            with pytest.raises(asyncpg.CheckViolationError, match="is signed"):
                await con.execute("UPDATE share SET amount = $1 WHERE part = $2", amount, part)
