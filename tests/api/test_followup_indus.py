# SPDX-License-Identifier: Apache-2.0
"""The list of what payers took back is all that waits on their accounts: lines nobody places, and what credits were less than orders."""

import random
from collections import Counter
from typing import Any

import pytest

from tests.api.conftest import Desk, House
from tests.api.test_decisions import credit_names, decide
from tests.api.test_replay_decisions import NOT_HERE, world
from tests.api.test_replay_decisions import decide as take
from tests.api.test_settlement_random import steps
from tests.settlement.centre import AMC, AMO, PAID_ON, Centre, credit
from tests.settlement.choices import choose, credit_matches, losses


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


async def unidentified(centre: Centre, payer: str | None = None) -> Any:
    reply = await centre.desk.get("/v1/follow-up/indus?kind=unidentified&limit=200" + (f"&payer={payer}" if payer else ""))
    assert reply.status == 200, reply.body
    return reply.json


async def agrees(centre: Centre) -> Counter[str]:
    """See that list, figure and books say the same for each payer; return how many rows the list has of each source."""
    balances, found = await centre.balances(), Counter[str]()
    figures = {row["payer"]: row["unidentified"] for row in (await centre.dashboard())["follow_up"]["indus"]}
    for payer in (AMO, AMC):
        page = await unidentified(centre, payer)
        told = {"count": len(page["items"]), "cents": sum(one["amount"] for one in page["items"])}
        assert page["total"] == told == figures.get(payer, {"count": 0, "cents": 0})
        assert told["cents"] == balances.get(f"indu:{payer}", 0)
        found.update(one["source"] for one in page["items"])
    return found


async def test_what_a_credit_was_less_than_its_orders_is_listed_until_its_match_is_undone(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(1000), reference="11111111111")
    await centre.bank(*credit(950, "VIREMENT", day="031026"))
    await centre.reconcile()
    (name,) = (await credit_names(centre)).values()
    made = await decide(centre, "match", problem="B", left=[name], right=["o:1"], remainder=f"indu:{AMO}")
    [one] = (await unidentified(centre))["items"]
    assert (one["subject"], one["source"], one["payer"], one["amount"]) == (made["subject"], "match", AMO, 50)
    assert (one["taken_on"], one["identified"], one["invoice"]) == ("2026-10-03", False, None)
    asked = {"subject": made["subject"], "disputed": True, "why": "aucun avis"}
    assert (await centre.desk.post("/v1/follow-up/indus:dispute", asked)).status == 200
    [one] = (await unidentified(centre))["items"]
    assert (one["disputed"], one["why"]) == (True, "aucun avis")
    await agrees(centre)
    await decide(centre, "undo", match=made["subject"])
    assert (await unidentified(centre))["items"] == []
    await decide(centre, "match", problem="B", left=[name], right=["o:1"], remainder="perte")
    assert (await unidentified(centre))["items"] == []
    await agrees(centre)


async def test_what_a_credit_was_more_than_its_orders_takes_from_what_was_taken_back(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(1000), reference="11111111111")
    await centre.order("o:2", centre.line(-300, None, insured_key=None, care_date=None, biller=None, part=None), day=PAID_ON)
    await centre.bank(*credit(1200, "VIREMENT"))
    await centre.reconcile()
    (name,) = (await credit_names(centre)).values()
    await decide(centre, "match", problem="B", left=[name], right=["o:1"], remainder=f"indu:{AMO}")
    found = await unidentified(centre)
    assert sorted((one["source"], one["amount"]) for one in found["items"]) == [("line", 300), ("match", -200)]
    assert found["total"] == {"count": 2, "cents": 100}
    await agrees(centre)


async def test_the_list_sums_to_the_figure_and_to_the_books_in_random_centres(house: House) -> None:
    seen = Counter[str]()
    for seed in range(3):
        centre, draw = Centre(await house.desk()), random.Random(seed)
        for step in steps(seed):
            await step(centre)
        await centre.reconcile()
        for _ in range(8):
            rows = await world(centre)
            some = [one for one in credit_matches(rows, draw) if str(one[2].get("remainder")).startswith("indu:")]
            some += losses(rows, draw)
            choice = draw.choice(some) if some and draw.random() < 0.6 else choose(rows, draw)
            if choice is not None and choice[0] not in NOT_HERE:
                await take(centre, choice)
            seen += await agrees(centre)
    assert seen["line"] and seen["match"]
