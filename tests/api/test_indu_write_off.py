# SPDX-License-Identifier: Apache-2.0
"""What a payer took back for no invoice that anybody finds: a person gives it up, and may take that back."""

from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.api.money import holds
from tests.api.test_decisions import decide, matches, share, show
from tests.api.test_replay import same
from tests.settlement.centre import AMO, Centre

LINE = "o:2#1"


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


async def parked(centre: Centre, *, reconciled: bool = True) -> None:
    """Let a payer take back 500 cents without a word of what for."""
    await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.order(
        "o:2", centre.line(-500, None, insured_key=None, care_date=None, biller=None, part=None), centre.line(300, 99), reference="2222222"
    )
    if reconciled:
        await centre.reconcile()


async def sound(centre: Centre) -> None:
    await holds(centre.desk, "I4", "I5", "I6")
    await same(centre)


async def listed(centre: Centre) -> list[Any]:
    return list((await centre.desk.get("/v1/follow-up/indus")).json["items"])


async def test_what_nobody_finds_is_given_up_and_no_run_takes_it_again(centre: Centre) -> None:
    await parked(centre)
    before = await centre.balances()
    assert before[f"indu:{AMO}"] == 500 and [one["subject"] for one in await listed(centre)] == [LINE]
    assert await decide(centre, "indu_write_off", 409, line=LINE, amount=499) == "decision_stale"
    trial = await centre.desk.post("/v1/decisions?validate_only=true", {"kind": "indu_write_off", "line": LINE})
    assert trial.status == 200 and await centre.balances() == before
    made = await decide(centre, "indu_write_off", line=LINE, amount=500, why="introuvable")
    (record,) = made["matches"]
    assert (made["subject"], made["entries"], made["detail"]["payer"]) == (record, 1, AMO)
    shown = await show(centre, record)
    assert (shown["status"], shown["rule"], shown["left"], shown["right"]) == ("confirmed", "M", [LINE], ["perte"])
    assert (shown["amount"], shown["outcome"]) == (-500, "recovery")
    balances = await centre.balances()
    assert balances["perte"] == 500 and f"indu:{AMO}" not in balances
    assert balances[f"attente:{AMO}"] == before[f"attente:{AMO}"]
    assert await listed(centre) == []
    await sound(centre)
    written = await centre.written()
    await centre.reconcile()
    assert await centre.written() == written
    assert await decide(centre, "indu_write_off", 409, line=LINE) == "already_matched"
    assert await decide(centre, "match", 409, problem="A", left=[LINE], right=[share(centre)]) == "already_matched"


@pytest.mark.parametrize("by", ["match", "decision"])
async def test_it_is_undone_and_identified_after_all(centre: Centre, by: str) -> None:
    await parked(centre)
    before = await centre.balances()
    made = await decide(centre, "indu_write_off", line=LINE)
    await decide(centre, "undo", **{by: made["matches"][0] if by == "match" else made["id"]})
    assert await centre.balances() == before and [one["subject"] for one in await listed(centre)] == [LINE]
    await sound(centre)
    await decide(centre, "match", problem="A", left=[LINE], right=[share(centre)])
    assert f"indu:{AMO}" not in await centre.balances() and (await centre.shares())["1/amo"][:2] == ("indu", 1600)
    await sound(centre)
    assert await decide(centre, "undo", 409, **{by: made["matches"][0] if by == "match" else made["id"]}) == "match_not_confirmed"


async def test_one_that_no_run_has_seen_waits_first(centre: Centre) -> None:
    await parked(centre, reconciled=False)
    made = await decide(centre, "indu_write_off", line=LINE)
    assert made["entries"] == 2
    balances = await centre.balances()
    assert (balances["perte"], balances[f"attente:{AMO}"]) == (500, -500)
    await centre.reconcile()
    await sound(centre)


async def test_a_part_of_it_is_given_up(centre: Centre) -> None:
    await parked(centre)
    await decide(centre, "split", left=LINE, amounts=[-200, -300])
    await decide(centre, "indu_write_off", line="o:2#3", amount=200)
    balances = await centre.balances()
    assert (balances["perte"], balances[f"indu:{AMO}"]) == (200, 300)
    assert [(one["subject"], one["amount"]) for one in await listed(centre)] == [("o:2#4", 300)]
    assert await decide(centre, "unsplit", 409, left=LINE) == "pieces_taken"
    await sound(centre)


async def test_what_takes_nothing_back_or_is_on_an_invoice_is_refused(centre: Centre) -> None:
    await parked(centre)
    assert await decide(centre, "indu_write_off", 409, line="o:2#2") == "not_a_recovery"
    assert await decide(centre, "indu_write_off", 404, line="o:9#1") == "not_found"
    await decide(centre, "match", problem="A", left=[LINE], right=[share(centre)])
    assert await decide(centre, "indu_write_off", 409, line=LINE) == "already_matched"
    assert [one["left"] for one in await matches(centre, status="confirmed") if one["right"] == ["perte"]] == []
