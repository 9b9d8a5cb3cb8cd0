# SPDX-License-Identifier: Apache-2.0
"""The follow-up over HTTP: every figure of the dashboard opens a list, and every list sums to its figure."""

import asyncio
import random
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.keys import COUNTING
from desmos_fast.settlement.dunning import rules, service, store
from desmos_fast.settlement.dunning.terms import Terms
from monitoring import metrics
from tests.api.conftest import Desk
from tests.api.post import send_and_answer, sign
from tests.days import today
from tests.oracle import dunning as oracle
from tests.settlement.centre import AMC, AMO, credit
from tests.settlement.dunning.world import LateCentre


@pytest.fixture
def centre(desk: Desk) -> LateCentre:
    return LateCentre(desk)


def ago(days: int) -> date:
    return today() - timedelta(days)


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
    await centre.paid(3, 1000, today(), care=ago(8))
    await centre.paid(4, 2100, today(), care=ago(30))
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


async def test_decisions_and_payments_at_the_desk_keep_ages_and_books_equal(centre: LateCentre) -> None:
    names = {}
    for number in (1, 2, 3):
        lot = await centre.lot(ago(40), ago(40))
        parts = (("amo", AMO, 2100), ("amc", AMC, 900), ("patient", "patient", 500))
        names[number] = await centre.claim(number, ago(40), lot, parts, state="rejected" if number == 3 else "received")
    finess = centre.desk.finess
    for asked in (
        {"kind": "to_patient", "share": f"{finess}/2/amc", "why": "contrat résilié"},
        {"kind": "write_off", "share": f"{finess}/3/amo", "why": "geste"},
    ):
        reply = await centre.desk.post("/v1/decisions", asked)
        assert (reply.status, reply.json.get("entries")) == (201, 1), reply.body
    paid = {"means": "cash", "amount": 700, "invoices": [{"invoice": str(names[2]), "amount": 700}]}
    assert (await centre.desk.post("/v1/payments", paid)).status == 201
    rows = {row["payer"]: row["total"] for row in (await centre.dashboard())["follow_up"]["ageing"]}
    assert rows == {
        AMO: {"count": 2, "cents": 4200}, AMC: {"count": 2, "cents": 1800}, "patient": {"count": 3, "cents": 500 + 500 + 1400 - 700},
    }  # fmt: skip
    balances = await centre.balances()
    for payer, row in rows.items():
        assert row["cents"] == sum(amount for account, amount in balances.items() if account.startswith(f"creance:{payer}:"))


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


async def test_penalties_and_forclusion_of_random_invoices_are_those_of_the_twin(centre: LateCentre) -> None:
    draw = random.Random(2026)
    expected: dict[int, tuple[str, int]] = {}
    stages: dict[str, dict[str, int]] = {}
    lots: dict[date, Any] = {}
    for number in range(1, 61):
        acked = ago(draw.randrange(0, 150))
        care = acked - timedelta(draw.choice((0, 0, 400, 560, 650, 740, 830, 900)))
        if acked not in lots:
            lots[acked] = await centre.lot(acked, acked)
        amount, paid = draw.randrange(1, 30_000), acked + timedelta(draw.randrange(0, 40))
        state = draw.choice(("received", "received", "rejected", "pending", "written_off"))
        await centre.claim(number, acked, lots[acked], (("amo", AMO, amount),), care=care, state=state)
        is_paid = state == "received" and paid <= today() and draw.random() < 0.7
        if is_paid:
            line = centre.line(amount, number, care_date=care)
            await centre.order(f"o:{number}", line, reference=f"{number:08d}", day=paid)
        if is_paid or state in ("received", "pending"):
            owed = oracle.penalty(amount, acked, paid if is_paid else today())
            expected |= {number: ("due" if is_paid else "running", owed)} if owed else {}
        stage = None if is_paid or state == "written_off" else oracle.stage(care, today())
        if stage is not None:
            figure = stages.setdefault(stage, {"count": 0, "cents": 0})
            figure["count"] += 1
            figure["cents"] += amount
    await centre.reconcile()
    total, listed = await whole(centre, "penalties")
    found = {int(one["invoice"].partition("/")[2]): (one["status"], one["penalty"]) for one in listed}
    assert found == expected and {status for status, _ in found.values()} == {"due", "running"}
    assert total == tally(listed, "penalty")
    figures = (await centre.dashboard())["follow_up"]
    [row] = figures["penalties"]
    for status in ("due", "running"):
        assert row[status] == (await centre.list("penalties", status=status, payer=AMO))["total"]
    assert figures["forclusion"] == stages and len(stages) >= 3
    for stage, figure in stages.items():
        assert (await whole(centre, "forclusion", stage=stage))[0] == figure


async def test_the_clock_and_a_sanction_are_settings_of_the_centre(centre: LateCentre) -> None:
    signed, acked = ago(60), ago(30)
    await centre.claim(1, signed, await centre.lot(ago(50), acked), (("amo", AMO, 1000),))
    [first] = (await centre.list("penalties"))["items"]
    assert (first["clock"], first["start"], first["delay"]) == ("ack", acked.isoformat(), 7)
    settings = [
        {"name": "amo.clock", "value": "sent", "since": ago(90).isoformat(), "source": "avenant"},
        {
            "name": "amo.sanctioned", "value": "yes", "payer": AMO, "since": ago(90).isoformat(), "until": ago(40).isoformat(),
            "source": "courrier",
        },
    ]  # fmt: skip
    assert (await centre.desk.post("/v1/follow-up/settings?validate_only=true", settings[0])).status == 200
    assert (await centre.list("penalties"))["items"] == [first], "a trial sets nothing"
    for asked in settings:
        assert (await centre.desk.post("/v1/follow-up/settings", asked)).status == 201
    [again] = (await centre.list("penalties"))["items"]
    assert (again["start"], again["delay"], again["days"]) == (ago(50).isoformat(), 30, oracle.working_days(ago(50), today()))
    shown = (await centre.desk.get("/v1/follow-up/settings")).json["terms"]
    own = [(one["name"], one["payer"], one["confidence"]) for one in shown if one["confidence"] == "centre"]
    assert own == [("amo.clock", None, "centre")], "the sanction is over today"
    refused = await centre.desk.post("/v1/follow-up/settings", {"name": "amo.x", "value": "1 days", "since": "2026-01-01", "source": "x"})
    assert (refused.status, refused.code) == (422, "setting_refused")
    assert (await centre.desk.post("/v1/follow-up/settings", {"name": "amo.delay"})).code == "follow_up_invalid"


async def test_the_clock_of_what_was_not_acknowledged_has_not_started(centre: LateCentre) -> None:
    await centre.claim(1, ago(60), await centre.lot(ago(60), None), (("amo", AMO, 1000),), state="sent")
    assert (await centre.list("penalties"))["items"] == [] == (await centre.list("late"))["items"]
    [one] = (await centre.list("outstanding"))["items"]
    assert (one["start"], one["waited"], one["late"]) == (None, None, False)


async def test_a_payer_that_refused_owes_nothing_for_coming_late(centre: LateCentre) -> None:
    await centre.claim(1, ago(60), await centre.lot(ago(60), ago(60)), (("amo", AMO, 1000),))
    assert (await centre.list("penalties"))["total"] == {"count": 1, "cents": 100}
    line = centre.line(0, 1, care_date=ago(60), reject_code="0250050")
    await centre.order("o:1", line, reference="1", day=ago(20))
    await centre.reconcile()
    assert (await centre.list("penalties"))["total"] == {"count": 0, "cents": 0}
    rejects = (await centre.dashboard())["rejects"]["classes"]
    assert [one["ages"] for one in rejects] == [{"8-30": {"count": 1, "cents": 1000}}]


async def test_a_sum_taken_back_is_disputed_by_a_decision_that_says_why(centre: LateCentre) -> None:
    line = centre.line(-500, None, insured_key=None, care_date=None, biller=None, part=None)
    await centre.order("o:parked", line, day=ago(3))
    await centre.reconcile()
    [one] = (await centre.list("indus"))["items"]
    assert (one["subject"], one["disputed"], one["answer_by"] > today().isoformat()) == ("o:parked#1", False, True)
    asked = {"subject": "o:parked#1", "disputed": True, "why": "aucun détail"}
    path = "/v1/follow-up/indus:dispute"
    assert (await centre.desk.post(path, {**asked, "why": ""})).code == "why_missing"
    assert (await centre.desk.post(path, {**asked, "subject": "o:parked#2"})).status == 404
    for _ in range(2):
        assert (await centre.desk.post(path, asked)).json == {"subject": "o:parked#1", "disputed": True}
    [one] = (await centre.list("indus"))["items"]
    assert (one["disputed"], one["why"]) == (True, "aucun détail")
    assert (await centre.dashboard())["follow_up"]["indus"][0]["disputed"] == {"count": 1, "cents": 500}
    async with centre.rows() as con:
        kept = await con.fetch("SELECT kind, subject FROM decision")
        told = await con.fetchval("SELECT count(*) FROM event WHERE name = 'decision.dispute'")
    assert [tuple(row) for row in kept] == [("dispute", "o:parked#1")] and told == 1
    await centre.desk.post(path, {**asked, "disputed": False})
    assert (await centre.list("indus"))["items"][0]["disputed"] is False


async def test_the_rate_of_automatic_matches_stands_beside_what_hesitates(centre: LateCentre) -> None:
    for number in (1, 2, 3):
        await centre.claim(number, ago(20), await centre.lot(ago(20), ago(20)), order=11 + number)
        await centre.order(f"o:{number}", centre.line(2100, number, order=11 + number, care_date=ago(20)), reference=f"{number:014d}")
    await centre.order("o:4", centre.line(100, 99), reference="9" * 14)
    await centre.bank(*credit(2100, "REGLEMENT DE PRESTATIONS"), *credit(100, "9" * 14))
    await centre.reconcile()
    rates = (await centre.dashboard())["follow_up"]["automatic"]
    assert rates["lines"] == {"all": 4, "automatic": 3, "by_person": 0, "ambiguous": 0, "suggested": 0, "permille": 750}
    assert rates["credits"] == {"all": 2, "automatic": 1, "by_person": 0, "ambiguous": 1, "suggested": 0, "permille": 500}


async def test_what_a_person_cuts_and_makes_whole_again_is_matched_by_no_rule(centre: LateCentre) -> None:
    await centre.order("o:1", centre.line(100, 99), reference="9" * 14)
    await centre.bank(*credit(300, "REGLEMENT DE PRESTATIONS"))
    await centre.reconcile()
    [free] = (await centre.list("credits"))["items"]
    for left, amounts in (("o:1#1", [60, 40]), (free["ref"], [200, 100])):
        before = (await centre.dashboard())["follow_up"]["automatic"]["lines" if "#" in left else "credits"]
        cut = {"kind": "split", "amounts": amounts}
        for asked, pieces in ((cut, 2), ({"kind": "unsplit"}, 1), (cut, 2)):
            reply = await centre.desk.post("/v1/decisions", {**asked, "left": left})
            assert reply.status == 201, reply.body
            rate = (await centre.dashboard())["follow_up"]["automatic"]["lines" if "#" in left else "credits"]
            assert rate == {**before, "all": pieces, "automatic": 0, "permille": 0}, asked


@pytest.mark.parametrize(
    "path",
    ["/v1/follow-up/outstanding?age=old", "/v1/follow-up/penalties?status=x", "/v1/follow-up/credits?payer=amo:01751",
     "/v1/follow-up/orders?cursor=!!", "/v1/follow-up/forclusion?stage=soon", "/v1/reminders?state=x", "/v1/audits/tp/2026Q3?format=x",
     "/v1/till?on=0001-01-01", "/v1/till?on=9999-12-31", "/v1/ledger/entries?to=9999-12-31", "/v1/ledger/balance?from=0001-01-01"],
)  # fmt: skip
async def test_a_question_of_a_wrong_form_is_refused(centre: LateCentre, path: str) -> None:
    assert (await centre.desk.get(path)).status == 400


async def test_metrics_tell_what_is_due_without_naming_anybody(centre: LateCentre) -> None:
    for number, days in enumerate((3, 40), 1):
        await centre.claim(number, ago(days), await centre.lot(ago(days), ago(days)), (("amo", AMO, 2100), ("amc", AMC, 900)))
    await centre.order("o:1", centre.line(100, 99), reference="9" * 14)
    await centre.bank(*credit(300, "REGLEMENT DE PRESTATIONS"))
    await centre.reconcile()
    async with centre.rows() as con:
        found = await service.gauges(con, centre.desk.tenant, datetime.now(UTC))
    board = await centre.dashboard()
    assert found == {
        ("outstanding", "amo", "0-7"): 2100, ("outstanding", "amc", "0-7"): 900,
        ("outstanding", "amo", "31-60"): 2100, ("outstanding", "amc", "31-60"): 900,
        ("billed", "amo", "received"): 4200, ("billed", "amc", "received"): 1800,
        ("unmatched", "credit", ""): board["credits_unmatched"]["cents"],
        ("unmatched", "line", ""): board["order_lines_unmatched"]["cents"],
        ("invoices", "", "signed"): 2,
    }  # fmt: skip
    assert (found["unmatched", "credit", ""], found["unmatched", "line", ""]) == (300, 100)
    metrics.set_follow_up(found)
    assert 'desmos_billed_cents{kind="amc",state="received"} 1800.0' in metrics.exposition().decode()
    metrics.set_follow_up({("forclusion", "", "18"): 5, ("reminders", "amo", ""): 2, ("unmatched", "line", ""): 7})
    text = metrics.exposition().decode()
    assert 'desmos_outstanding_cents{age="0-7",kind="amo"} 0.0' in text
    assert 'desmos_unmatched_cents{of="credit"} 0.0' in text and 'desmos_unmatched_cents{of="line"} 7.0' in text
    assert 'desmos_forclusion_cents{stage="18"} 5.0' in text and 'desmos_reminders_open{rule="amo"} 2.0' in text


async def test_metrics_of_all_centres_are_counted_in_the_background(centre: LateCentre) -> None:
    await centre.claim(1, ago(3), await centre.lot(ago(3), ago(3)), (("amo", AMO, 2100),))
    counting = centre.desk.house.app[COUNTING]
    counting.every_s = 0.0
    for _ in range(50):
        text = (await centre.desk.get("/metrics")).body.decode()
        found = re.search(r'desmos_outstanding_cents\{age="0-7",kind="amo"\} ([0-9.e+]+)', text)
        if found is not None and int(float(found[1])) >= 2100:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("nothing was counted")


@pytest.mark.usefixtures("empty_queue")
async def test_the_clock_of_what_is_really_sent_starts_with_its_acknowledgement(desk: Desk, tmp_path: Path) -> None:
    (name,) = await sign(desk, "01_ngap_visit", order=904)
    centre = LateCentre(desk)
    _, (said,) = await send_and_answer(desk, tmp_path)
    [before] = (await centre.list("outstanding", payer=AMO))["items"]
    assert (before["invoice_id"], before["state"], before["start"]) == (name, "sent", None)
    assert (await desk.post("/v1/returns", said.arl[0])).status == 200
    [after] = (await centre.list("outstanding", payer=AMO))["items"]
    assert (after["state"], after["start"], after["waited"]) == ("received", today().isoformat(), 0)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.parametrize("name", ["dashboard", *store.QUERIES])
async def test_payments_of_a_new_centre_are_not_gone_through_for_each_part(centre: LateCentre, name: str) -> None:
    """Until the next ANALYZE the planner believes that a new centre has a row or none: a loop over its payments would be quadratic."""
    asked = rules.question(Terms(), today())
    query, more = (store.DASHBOARD, (200,)) if name == "dashboard" else (store.QUERIES[name], (None, None, None, 10))
    async with centre.rows() as con, store.by_hash(con):
        found = await con.fetchval(f"EXPLAIN (FORMAT JSON) {query}", centre.desk.tenant, *asked, *more)
        loops = [one for one in nodes(orjson.loads(found)[0]["Plan"]) if one["Node Type"] == "Nested Loop"]
    assert not [one for loop in loops for one in nodes(loop) if one.get("CTE Name") in ("history", "standing", "said")]
