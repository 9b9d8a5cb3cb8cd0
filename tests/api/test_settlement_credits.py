# SPDX-License-Identifier: Apache-2.0
"""Credits through the service: what a text names, what payer and amount tell, and what is left to a person."""

import orjson
import pytest

from desmos_fast.db.tenant import direct
from tests.api.conftest import Desk
from tests.settlement import statements
from tests.settlement.centre import AMO, REFERENCE, Centre, credit

ACCOUNT = f"banque:3000200550{statements.ACCOUNT}"


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


async def test_one_credit_for_several_orders_settles_them_all(centre: Centre) -> None:
    for number in (1, 2):
        await centre.invoice(number)
        await centre.order(f"o:{number}", centre.line(2100, number), reference=f"2627400000000{number}")
    await centre.bank(*credit(4200, "DECOMPTES 26274000000001 26274000000002"))
    answer = await centre.reconcile()
    assert answer["credits"] == {"confirmed": {"count": 1, "cents": 4200}}
    assert [(await centre.shares())[f"{number}/amo"][0] for number in (1, 2)] == ["settled", "settled"]


async def test_a_credit_without_reference_is_told_by_payer_amount_and_days(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.bank(*credit(2100, "REGLEMENT DE PRESTATIONS"))
    assert (await centre.reconcile())["rules"]["B2"] == {"count": 1, "cents": 2100}


@pytest.mark.parametrize("reference", ["2627412345678", "262741234567890"])
@pytest.mark.parametrize("bank_first", [True, False])
async def test_a_reference_as_long_as_a_nir_still_speaks(centre: Centre, reference: str, bank_first: bool) -> None:
    await centre.invoice(1)
    await centre.invoice(2, amo=500, order=14)
    orders = [("o:1", centre.line(), reference), ("o:2", centre.line(500, 2, order=14), "99999999")]
    if bank_first:
        await centre.bank(*credit(500, f"DECOMPTE {reference}"), *credit(2100, f"LOT {reference}"))
    for ref, line, told in orders:
        await centre.order(ref, line, reference=told)
    if not bank_first:
        await centre.bank(*credit(500, f"DECOMPTE {reference}"), *credit(2100, f"LOT {reference}"))
    # The first credit names the other order: payer and amount alone must not give it the second one.
    assert (await centre.reconcile())["rules"] == {
        "A1": {"count": 2, "cents": 2600}, "B1": {"count": 1, "cents": 2100}, "B9": {"count": 1, "cents": 500},
    }  # fmt: skip
    assert reference not in str(await centre.documents())


async def test_a_long_reference_speaks_when_its_order_is_paid_for_good(centre: Centre) -> None:
    reference = "2627412345678"
    await centre.order("o:1", centre.line(), reference=reference)
    await centre.bank(*credit(2100, reference))
    assert (await centre.reconcile())["credits"] == {"confirmed": {"count": 1, "cents": 2100}}
    async with direct(centre.desk.house.owner_dsn, centre.desk.tenant) as con:
        await con.execute("UPDATE match SET decided_at = decided_at - interval '121 days'")
    await centre.order("o:2", centre.line(500), reference="99999999")
    await centre.bank(*credit(500, f"DECOMPTE {reference}"), opening=102100)
    assert (await centre.reconcile())["credits"] == {"unmatched": {"count": 1, "cents": 500}}


async def test_credits_without_order_are_listed_with_their_reason_and_sum_to_their_figure(centre: Centre) -> None:
    await centre.bank(*credit(1000), statements.movement(500, "VIREMENT M DUPONT"), statements.movement(-300, "FRAIS"))
    unseen = (await centre.dashboard())["credits_unmatched"]
    assert unseen["reasons"] == {"not_examined": {"count": 2, "cents": 1500}}
    await centre.reconcile()
    figures = await centre.dashboard()
    found = figures["credits_unmatched"]
    assert found["reasons"] == {"no_order": {"count": 1, "cents": 1000}, "payer_unknown": {"count": 1, "cents": 500}}
    assert (found["count"], found["cents"], found["left_out"]) == (2, 1500, {"count": 0, "cents": 0})
    assert sum(line["amount"] for line in found["list"]) == 1500
    assert figures["debits"] == {"count": 1, "cents": -300}
    assert figures["ledger"] == {"balances": {"banque": 1200, "ecart": -1200}, "sum": 0}


async def test_two_credits_that_name_one_order_are_left_to_a_person_whichever_came_first(centre: Centre) -> None:
    invoice = await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.bank(*credit(2100, REFERENCE))
    await centre.reconcile()
    settled = await centre.balances()
    await centre.bank(*credit(2100, REFERENCE, day="051026"))
    again = await centre.reconcile()
    assert again["credits"] == {"ambiguous": {"count": 2, "cents": 4200}}
    assert (await centre.shares())["1/amo"] == ("announced", 2100, 0, None)
    reasons = (await centre.dashboard())["credits_unmatched"]["reasons"]
    assert reasons == {"wanted_twice": {"count": 2, "cents": 4200}}
    assert await centre.balances() == settled | {ACCOUNT: 4200, "ecart": -4200, f"attente:{AMO}": 2100}
    [received, taken_back] = [detail for name, detail in await centre.events(invoice) if name == "payment.received"]
    assert (orjson.loads(received)["amount"], orjson.loads(taken_back)["amount"]) == (2100, -2100)


async def test_a_guess_by_amount_gives_way_to_the_order_that_comes_later(centre: Centre) -> None:
    for number in (1, 2):
        await centre.invoice(number)
    await centre.order("o:1", centre.line(2100, 1), reference="26274000000001")
    await centre.bank(*credit(2100, "REGLEMENT DE PRESTATIONS"))
    assert (await centre.reconcile())["rules"]["B2"]["count"] == 1
    await centre.order("o:2", centre.line(2100, 2), reference="26274000000002")
    assert (await centre.reconcile())["credits"] == {"ambiguous": {"count": 1, "cents": 2100}}
    assert {name: share[0] for name, share in (await centre.shares()).items() if share[1]} == {"1/amo": "announced", "2/amo": "announced"}
    await centre.bank(*credit(2100, "26274000000001"))
    assert (await centre.reconcile())["credits"] == {"confirmed": {"count": 2, "cents": 4200}}
    assert {name: share[0] for name, share in (await centre.shares()).items() if share[1]} == {"1/amo": "settled", "2/amo": "settled"}
    assert (await centre.balances())[ACCOUNT] == 4200 and f"attente:{AMO}" not in await centre.balances()


async def test_an_old_match_stands_for_good_and_its_order_is_not_paid_again(centre: Centre) -> None:
    for number in (1, 2):
        await centre.invoice(number)
    await centre.order("o:1", centre.line())
    await centre.bank(*credit(2100, REFERENCE))
    await centre.reconcile()
    async with direct(centre.desk.house.owner_dsn, centre.desk.tenant) as con:
        await con.execute("UPDATE match SET decided_at = decided_at - interval '121 days'")
    await centre.order("o:2", centre.line(2100, 2), reference="26274999999999")
    await centre.bank(*credit(2100, REFERENCE, day="051026"))
    assert (await centre.reconcile())["credits"] == {"unmatched": {"count": 1, "cents": 2100}}
    assert {name: share[0] for name, share in (await centre.shares()).items() if share[1]} == {"1/amo": "settled", "2/amo": "announced"}
    reasons = (await centre.dashboard())["credits_unmatched"]["reasons"]
    assert reasons == {"reference_with_another_sum": {"count": 1, "cents": 2100}}
