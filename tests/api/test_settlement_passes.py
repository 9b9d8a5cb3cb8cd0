# SPDX-License-Identifier: Apache-2.0
"""What the later passes decide through the service: written once, shown with its reason, undone when something better comes."""

from datetime import date
from typing import Any

import pytest

from tests.api.conftest import House
from tests.settlement.centre import AMC, AMO, REFERENCE, Centre, credit

LATER = date(2026, 10, 20)


@pytest.fixture
async def centre(house: House) -> Centre:
    return Centre(await house.desk())


async def same_again(centre: Centre) -> None:
    """See that another run changes nothing at all."""
    written, balances, shares = await centre.written(), await centre.balances(), await centre.shares()
    again = await centre.reconcile()
    assert "confirmed" not in again["lines"] and "confirmed" not in again["credits"] and again["entries"] == 0
    assert (await centre.written(), await centre.balances(), await centre.shares()) == (written, balances, shares)


def nameless(centre: Centre, amount: int, number: int | None, payer: str = AMO) -> dict[str, Any]:
    return centre.line(amount, number, part=None, payer=payer, biller=None, insured_key=None, care_date=None)


async def test_a_line_without_number_goes_to_the_share_of_its_patient_and_day(centre: Centre) -> None:
    invoice = await centre.invoice()
    await centre.invoice(2, order=13)
    await centre.order("o:1", centre.line(1000, None, status="partial"))
    assert (await centre.reconcile())["rules"] == {"A3": {"count": 1, "cents": 1000}}
    assert (await centre.shares())["1/amo"] == ("announced_part", 1000, 0, None)
    assert [name for name, _ in await centre.events(invoice)] == ["match.confirmed", "share.announced"]
    assert f"hors_facture:{AMO}" not in await centre.balances()
    await same_again(centre)


async def test_a_twin_that_comes_later_takes_the_match_back_to_the_cent(centre: Centre) -> None:
    invoice = await centre.invoice()
    await centre.order("o:1", centre.line(2100, None))
    await centre.reconcile()
    await centre.invoice(2)
    assert (await centre.reconcile())["lines"] == {"ambiguous": {"count": 1, "cents": 2100}}
    assert {name: share[:3] for name, share in (await centre.shares()).items() if name.endswith("amo")} == {
        "1/amo": ("sent", 0, 0), "2/amo": ("sent", 0, 0),
    }  # fmt: skip
    assert (await centre.balances())[f"hors_facture:{AMO}"] == -2100
    assert [name for name, _ in await centre.events(invoice)] == ["match.confirmed", "share.announced", "match.undone"]
    reasons = (await centre.dashboard())["order_lines_unmatched"]["reasons"]
    assert reasons == {"several_parts": {"count": 1, "cents": 2100}}
    await same_again(centre)


async def test_a_recovery_with_a_number_alone_opens_the_share_it_was_paid_on(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(900, part="amc", payer=AMC))
    await centre.order("o:2", nameless(centre, -900, 1, AMC), reference="26274999999999", day=LATER)
    assert (await centre.reconcile())["rules"] == {"A1": {"count": 1, "cents": 900}, "A5": {"count": 1, "cents": -900}}
    assert (await centre.shares())["1/amc"] == ("indu", 0, 0, None)
    balances = await centre.balances()
    assert balances[f"creance:{AMC}:CENTRE/1"] == 900 and not {name for name in balances if name.startswith(("indu", "attente"))}
    await same_again(centre)


async def test_a_recovery_that_nothing_places_is_parked_once(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", nameless(centre, -300, None))
    assert (await centre.reconcile())["lines"] == {"parked": {"count": 1, "cents": -300}}
    assert (await centre.balances())[f"indu:{AMO}"] == 300
    assert (await centre.dashboard())["order_lines_unmatched"]["reasons"] == {"recovery_without_part": {"count": 1, "cents": -300}}
    await same_again(centre)


async def test_a_group_is_offered_to_each_of_its_credits(centre: Centre) -> None:
    for number in (1, 2):
        await centre.invoice(number, order=11 + number)
        await centre.order(f"o:{number}", centre.line(2100, number, order=11 + number), reference=f"2627400000000{number}")
    await centre.bank(*credit(2100), *credit(2100, day="031026"))
    assert (await centre.reconcile())["credits"] == {"suggested": {"count": 1, "cents": 4200}}
    assert (await centre.dashboard())["credits_unmatched"]["reasons"] == {"equal_credits_and_orders": {"count": 2, "cents": 4200}}
    await same_again(centre)


async def test_groups_and_nettings_are_posted_and_proposals_are_not(centre: Centre) -> None:
    await centre.invoice(1, amo=5000)
    await centre.order("o:1", centre.line(2000, status="partial"), centre.line(1000, status="partial"))
    await centre.order("o:2", nameless(centre, -400, None), reference="26274999999999", day=date(2026, 9, 28))
    await centre.bank(*credit(2600, REFERENCE))
    assert (await centre.reconcile())["rules"]["B6"] == {"count": 1, "cents": 2600}
    balances = await centre.balances()
    assert f"attente:{AMO}" not in balances and "ecart" not in balances
    await centre.order("o:3", centre.line(700, status="partial"), reference="26274000000003", day=LATER)
    await centre.order("o:4", centre.line(600, status="partial"), reference="26274000000004", day=date(2026, 10, 21))
    await centre.bank(*credit(1300, day="231026"))
    assert (await centre.reconcile())["credits"] == {"suggested": {"count": 1, "cents": 1300}}
    assert (await centre.balances())["ecart"] == -1300
    assert (await centre.dashboard())["credits_unmatched"]["reasons"] == {"unique_sum": {"count": 1, "cents": 1300}}
    await same_again(centre)
