# SPDX-License-Identifier: Apache-2.0
"""Rejects through the service: claims to payers, and persons who take care."""

from datetime import date

import pytest

from tests.api.conftest import Desk
from tests.settlement.centre import REFERENCE, credit
from tests.settlement.rejects.work import DUPLICATE, KNOWN, Work, details


@pytest.fixture
def work(desk: Desk) -> Work:
    return Work(desk)


async def test_a_claim_lets_the_share_wait_until_its_payer_says_more(work: Work) -> None:
    made = await work.rejected(code=DUPLICATE)
    before = await work.balances()
    said = (await work.do(made, "claim", reference="RECL-1")).json
    assert (said["state"], len(said["lines"])) == ("pending", 1)
    assert (await work.share(made.id))["state"] == "pending" and await work.queue() == [] and await work.balances() == before
    for _ in range(2):
        await work.reconcile()
    assert (await work.share(made.id))["state"] == "pending"
    await work.told(work.says(made, "amo", 2800))
    assert (await work.share(made.id))["state"] == "announced"


async def test_a_second_reject_after_a_claim_is_a_reject_again(work: Work) -> None:
    made = await work.rejected(code=DUPLICATE)
    await work.do(made, "claim")
    await work.told(work.says(made, "amo", code=KNOWN), day=date(2026, 12, 1))
    (shown,) = await work.queue()
    assert (shown["code"], shown["told_on"]) == (KNOWN, "2026-12-01")


async def test_a_claim_holds_when_the_bank_pays_the_order_of_the_reject(work: Work) -> None:
    made, other = await work.sign(), await work.sign()
    await work.order("o:1", work.says(made, "amo"), work.says(other, "amo", 2800))
    await work.reconcile()
    await work.do(made, "claim")
    await work.bank(*credit(2800, REFERENCE))
    assert (await work.reconcile())["credits"]["confirmed"]["count"] == 1
    assert [(await work.share(one.id))["state"] for one in (made, other)] == ["pending", "settled"]


async def test_a_person_takes_care_of_it_and_gives_it_back(work: Work) -> None:
    made = await work.rejected()
    for to in ("Camille R.", "Sacha", None):
        said = (await work.do(made, "assign", to=to)).json
        assert said["assigned_to"] == to and (await work.queue())[0]["assigned_to"] == to
    rows = await work.look("SELECT kind, detail FROM decision ORDER BY seq")
    assert details(rows) == [{"to": "Camille R."}, {"to": "Sacha"}, {"to": None}]
    assert (await work.do(made, "assign", to="x" * 81)).code == "reject_request_invalid"


async def test_no_decision_keeps_an_identity_number(work: Work) -> None:
    made = await work.rejected()
    await work.do(made, "assign", to=f"M. {made.body['insured_nir']}")
    await work.do(made, "claim", why=f"assuré {made.body['insured_nir']}", reference=made.body["insured_nir"])
    assert not [row for row in await work.look("SELECT detail::text FROM decision") if made.body["insured_nir"][:13] in row["detail"]]


async def test_no_run_takes_away_what_a_claim_was_sent_for(work: Work) -> None:
    made = await work.sign()
    await work.told(work.says(made, "amo", invoice_number=None))
    assert (await work.do(made, "claim")).json["state"] == "pending"
    # Another invoice of the patient on that day: a line told by these alone would be free again.
    await work.sign()
    await work.reconcile()
    assert (await work.share(made.id))["state"] == "pending"
    assert (await work.look("SELECT count(*) AS lines FROM order_line WHERE share_invoice_id = $1", made.id))[0]["lines"] == 1


async def test_a_claimed_part_can_be_paid_by_a_line_without_its_number(work: Work) -> None:
    made = await work.rejected(code=DUPLICATE)
    await work.do(made, "claim")
    await work.told(work.says(made, "amo", 2800, invoice_number=None))
    assert (await work.share(made.id))["state"] == "announced"
