# SPDX-License-Identifier: Apache-2.0
"""What people decide of a share: given up, owed by the patient, barred; what was claimed back contested or accepted."""

from datetime import date
from typing import Any

import pytest

from desmos_fast.db.tenant import direct
from tests.api.conftest import Desk
from tests.api.test_decisions import decide, matches, share, show
from tests.api.test_replay import same
from tests.days import today
from tests.db.rows import insert
from tests.settlement.centre import AMO, REFERENCE, Centre, credit


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


async def rejected(centre: Centre, paid: int = 0) -> None:
    """Let the payer reject what it does not pay of an invoice."""
    await centre.invoice()
    lines = [centre.line(paid)] if paid else []
    await centre.order("o:1", *lines, centre.line(0, reject_code="0250050"))
    await centre.reconcile()
    assert (await centre.shares())["1/amo"][0] == "rejected"


async def row(centre: Centre, part: str = "amo") -> dict[str, Any]:
    async with centre.rows() as con:
        found = await con.fetchrow("SELECT state, amount, closed, announced, credited FROM share WHERE part = $1", part)
    return dict(found or {})


@pytest.mark.parametrize("paid", [0, 1000])
async def test_what_is_given_up_is_lost_and_the_share_has_ended(centre: Centre, paid: int) -> None:
    await rejected(centre, paid)
    before = await centre.balances()
    assert await decide(centre, "write_off", 409, share=share(centre), amount=2000) == "decision_stale"
    made = await decide(centre, "write_off", share=share(centre), amount=2100 - paid, why="petit montant")
    assert (made["subject"], made["detail"]["from"], made["detail"]["amount"]) == (share(centre), "rejected", 2100 - paid)
    assert await row(centre) == {"state": "written_off", "amount": 2100, "closed": 2100 - paid, "announced": paid, "credited": 0}
    balances = await centre.balances()
    assert balances["perte"] == 2100 - paid and f"creance:{AMO}:CENTRE/1" not in balances
    assert before["produit"] == balances["produit"]
    assert await decide(centre, "write_off", 409, share=share(centre)) == "share_refuses"
    assert await decide(centre, "undo", 409, decision=made["id"]) == "decision_final"
    await centre.reconcile()
    assert (await row(centre))["state"] == "written_off"


async def test_what_comes_for_a_share_that_ended_is_an_overpayment_and_its_payments_are_not_undone(centre: Centre) -> None:
    await rejected(centre, 1000)
    await decide(centre, "write_off", share=share(centre))
    await centre.order("o:2", centre.line(300), reference="33333333333")
    await centre.reconcile()
    balances = await centre.balances()
    assert balances[f"trop_percu:{AMO}"] == -300 and f"creance:{AMO}:CENTRE/1" not in balances
    records = {one["left"][0]: one["id"] for one in await matches(centre, status="confirmed")}
    # Without what came last, the share would still owe nothing: it is undone; without the first, it would owe again.
    await decide(centre, "undo", match=records["o:2#1"])
    assert await decide(centre, "undo", 409, match=records["o:1#1"]) == "share_closed"
    assert f"trop_percu:{AMO}" not in await centre.balances()


@pytest.mark.parametrize("desk_due", [0, 700])
async def test_the_patient_owes_what_the_payer_does_not_pay(centre: Centre, desk_due: int) -> None:
    await rejected(centre, 600)
    async with centre.rows() as con:
        invoice = await con.fetchval("SELECT id FROM invoice")
        if desk_due:
            await insert(
                con, "share", tenant_id=centre.desk.tenant, invoice_id=invoice, part="patient", payer="patient", flow=0, amount=desk_due,
                transport="due", state="due",
            )  # fmt: skip
    made = await decide(centre, "to_patient", share=share(centre))
    assert made["detail"]["amount"] == 1500 and made["entries"] == 1
    assert (await row(centre))["state"] == "to_patient" and (await row(centre))["closed"] == 1500
    assert await row(centre, "patient") == {"state": "due", "amount": desk_due + 1500, "closed": 0, "announced": 0, "credited": 0}
    balances = await centre.balances()
    assert balances["creance:patient:CENTRE/1"] == 1500 and f"creance:{AMO}:CENTRE/1" not in balances
    assert [name for name, _ in await centre.events(invoice, "patient")] == ["share.due"]
    assert [name for name, _ in await centre.events(invoice)][-2:] == ["decision.to_patient", "share.to_patient"]
    await decide(centre, "write_off", share=share(centre, 1, "patient"), amount=desk_due + 1500)
    assert (await row(centre, "patient"))["state"] == "written_off"


async def test_a_share_that_paid_for_the_desk_owes_the_rest_again(centre: Centre) -> None:
    await rejected(centre)
    async with centre.rows() as con:
        await insert(
            con, "share", tenant_id=centre.desk.tenant, invoice_id=await con.fetchval("SELECT id FROM invoice"), part="patient",
            payer="patient", flow=0, amount=700, transport="due", state="paid", announced=700, credited=700,
        )  # fmt: skip
    await decide(centre, "to_patient", share=share(centre))
    assert await row(centre, "patient") == {"state": "part_paid", "amount": 2800, "closed": 0, "announced": 700, "credited": 700}


@pytest.mark.parametrize(
    ("kind", "state"),
    [("write_off", "sent"), ("write_off", "open"), ("to_patient", "sent"), ("to_patient", "lotted"), ("time_bar", "lotted"),
     ("indu_contest", "sent"), ("indu_accept", "rejected")],
)  # fmt: skip
async def test_a_share_in_another_state_is_not_decided_so(centre: Centre, kind: str, state: str) -> None:
    await centre.invoice(transport="sent" if state == "rejected" else state)
    more = {"into": "open"} if kind == "indu_accept" else {}
    assert await decide(centre, kind, 409, share=share(centre), **more) == "share_refuses"
    assert await centre.desk.count("decision") == 0


@pytest.mark.parametrize(("care", "barred"), [(date(2023, 8, 10), True), (date(2023, 12, 31), False)])
async def test_a_share_is_barred_from_two_years_after_the_quarter_of_its_care(centre: Centre, care: date, barred: bool) -> None:
    """On 2026-11-25 or later: what was cared for in the third quarter of 2023 is barred since 2025-10-01; the day decides for the other."""
    await centre.invoice()
    future = date(today().year, 1, 1)
    async with centre.rows() as con:
        invoice = await con.fetchval("SELECT id FROM invoice")
    async with direct(centre.desk.house.owner_dsn, centre.desk.tenant) as con:
        await con.execute("UPDATE invoice SET care_date = $2 WHERE id = $1", invoice, care if barred else future)
    if not barred:
        assert await decide(centre, "time_bar", 409, share=share(centre)) == "not_barred_yet"
        return
    made = await decide(centre, "time_bar", share=share(centre))
    assert (await row(centre))["state"] == "time_barred" and made["entries"] == 1
    assert (await centre.balances())["perte"] == 2100


# --- what was claimed back


async def claimed_back(centre: Centre, amount: int = 2100) -> Any:
    await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.bank(*credit(2100, REFERENCE))
    await centre.reconcile()
    await centre.order("o:2", centre.line(-amount, reject_code="0450072"), reference="26300000000001")
    await centre.reconcile()
    assert (await centre.shares())["1/amo"][0] == "indu"
    return (await matches(centre, status="confirmed"))[0]


async def test_what_is_contested_and_won_is_owed_by_the_payer_and_the_share_is_settled_again(centre: Centre) -> None:
    recovery = await claimed_back(centre)
    made = await decide(centre, "indu_contest", share=share(centre))
    open_indus = (await centre.desk.get("/v1/follow-up/indus")).json
    assert [(one["subject"], one["identified"]) for one in open_indus["items"]] == [("o:2#1", False)]
    assert open_indus["total"]["cents"] == (await centre.balances())[f"indu:{AMO}"]
    assert (await centre.shares())["1/amo"] == ("settled", 2100, 2100, None)
    balances = await centre.balances()
    assert balances[f"indu:{AMO}"] == 2100 and balances[f"attente:{AMO}"] == -2100 and f"creance:{AMO}:CENTRE/1" not in balances
    (held,) = made["matches"]
    record = await show(centre, held)
    assert (record["status"], record["rule"], record["right"]) == ("confirmed", "M", [f"indu:{AMO}"])
    assert (await show(centre, recovery["id"]))["status"] == "undone"
    before = await centre.written()
    await centre.reconcile()
    assert await centre.written() == before
    assert await decide(centre, "undo", 409, decision=made["id"]) == "decision_final"
    await decide(centre, "undo", match=held)
    await centre.reconcile()
    (proposal,) = await matches(centre, status="suggested")
    assert (proposal["left"], proposal["why"]) == (["o:2#1"], "undone_by_person")
    assert (await centre.balances()) == balances


@pytest.mark.parametrize(("amount", "state"), [(2100, "open"), (600, "settled_part")])
async def test_what_is_accepted_opens_the_share_again(centre: Centre, amount: int, state: str) -> None:
    await claimed_back(centre, amount)
    before = await centre.balances()
    made = await decide(centre, "indu_accept", share=share(centre), into="open", amount=amount)
    assert made["entries"] == 0 and await centre.balances() == before
    assert (await centre.shares())["1/amo"][0] == state
    await centre.reconcile()
    assert (await centre.shares())["1/amo"][0] == state
    await centre.order("o:3", centre.line(amount), reference="26300000000003")
    await centre.bank(*credit(amount, "26300000000003"), opening=102100)
    await centre.reconcile()
    assert (await centre.shares())["1/amo"][0] in ("settled", "settled_part")
    assert f"creance:{AMO}:CENTRE/1" not in await centre.balances()


@pytest.mark.parametrize(("into", "account"), [("written_off", "perte"), ("to_patient", "creance:patient:CENTRE/1")])
async def test_what_is_accepted_may_be_lost_or_the_patients(centre: Centre, into: str, account: str) -> None:
    await claimed_back(centre)
    await decide(centre, "indu_accept", share=share(centre), into=into)
    assert (await centre.shares())["1/amo"][0] == into
    assert (await centre.balances())[account] == 2100


async def owed(centre: Centre) -> tuple[int, list[tuple[str, int]]]:
    """Return the figure and the list of what a payer still owes."""
    found = (await centre.dashboard())["follow_up"]["ageing"]
    reply = await centre.desk.get(f"/v1/follow-up/outstanding?payer={AMO}")
    rows = [(row["state"], row["open"]) for row in reply.json["items"]]
    return sum(row["total"]["cents"] for row in found if row["payer"] == AMO), rows


@pytest.mark.parametrize(("kind", "end"), [("write_off", "written_off"), ("to_patient", "to_patient")])
async def test_what_is_taken_back_of_a_share_that_ended_is_owed_in_sight_and_closed_once_more(centre: Centre, kind: str, end: str) -> None:
    await rejected(centre, 1000)
    await decide(centre, kind, share=share(centre))
    assert await owed(centre) == (0, [])
    await centre.order("o:2", centre.line(-1000), reference="33333333333")
    await centre.reconcile()
    assert await owed(centre) == (1000, [(end, 1000)])
    assert (await centre.balances())[f"creance:{AMO}:CENTRE/1"] == 1000
    made = await decide(centre, kind, share=share(centre), amount=1000)
    assert (made["detail"]["from"], made["detail"]["to"], made["detail"]["amount"]) == (end, end, 1000)
    assert await row(centre) == {"state": end, "amount": 2100, "closed": 2100, "announced": 0, "credited": 0}
    assert await owed(centre) == (0, []) and f"creance:{AMO}:CENTRE/1" not in await centre.balances()
    assert await decide(centre, kind, 409, share=share(centre)) == "share_refuses"
    other = "to_patient" if kind == "write_off" else "write_off"
    assert await decide(centre, other, 409, share=share(centre)) == "share_refuses"
    await same(centre)


async def test_a_patient_never_owes_what_was_taken_back_but_never_paid(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(2100))
    await centre.order("o:2", centre.line(-2100), reference="33333333333")
    await centre.reconcile()
    (record,) = [one["id"] for one in await matches(centre, status="confirmed") if one["left"] == ["o:1#1"]]
    await decide(centre, "undo", match=record)
    assert (await row(centre))["announced"] == -2100
    assert await decide(centre, "to_patient", 409, share=share(centre)) == "share_refuses"
    assert await decide(centre, "indu_accept", 409, share=share(centre), into="to_patient") == "share_refuses"
    await decide(centre, "write_off", share=share(centre), amount=4200)
    await same(centre)
