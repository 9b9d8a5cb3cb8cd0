# SPDX-License-Identifier: Apache-2.0
"""Rejects through the service: the queue, what is billed again and what never is, payments already made."""

from datetime import date, timedelta
from typing import Any

import pytest

from desmos_fast.settlement.dunning.model import AGES
from tests.api.conftest import Desk
from tests.days import today
from tests.settlement.rejects.work import APART, DUPLICATE, KNOWN, TOGETHER, Work, details


@pytest.fixture
def work(desk: Desk) -> Work:
    return Work(desk)


# --- what a reject says


async def test_a_reject_changes_no_amount(work: Work) -> None:
    made = await work.sign()
    before, owed = await work.balances(), await work.owed()
    await work.told(work.says(made, "amo"), work.says(made, "amc", code="7777777"))
    assert owed == {f"amo:01751:{made.number}": 2800, f"amc:0075912345:{made.number}": 1200}
    assert await work.balances() == before and await work.owed() == owed
    assert [share["amount"] for share in (await work.view(made.id))["shares"]] == [2800, 1200]


async def test_the_timeline_says_in_french_what_is_refused_and_what_to_do(work: Work) -> None:
    made = await work.rejected(APART, "amo", "amc", code="0450072")
    told = [one for one in (await work.view(made.id))["timeline"] if one["event"] == "share.rejected"]
    assert [one["part"] for one in told] == ["amo", "amc"]
    assert {key: told[0]["detail"][key] for key in ("reject_code", "class", "label", "owner", "action")} == {
        "reject_code": "0450072", "class": "rights", "label": "Exonération sur la carte, absente du fichier à la date",
        "owner": "secretariat",
        "action": "Vérifier l'exonération (ADRi), faire mettre la carte à jour, refaire la facture",
    }  # fmt: skip


async def test_a_code_that_nobody_knows_blocks_nothing_and_has_an_owner(work: Work) -> None:
    made = await work.rejected(APART, code="7777777")
    (shown,) = await work.queue()
    assert (shown["invoice"], shown["code"], shown["class"], shown["owner"]) == (str(made.id), "7777777", "unknown", "tp_manager")
    assert shown["label"] and shown["action"] and shown["owner_fr"] == "responsable du tiers payant"
    assert (await work.do(made, "recycle")).status == 201


# --- the queue


async def test_figures_are_the_sums_of_the_lists_by_every_filter(work: Work) -> None:
    for code in (KNOWN, "0450072", DUPLICATE, "7777777"):
        await work.rejected(APART, "amo", code=code)
    both = await work.rejected(APART, "amo", "amc")
    assert (await work.do(both, "assign", to="Camille R.")).status == 200
    whole = await work.queue()
    assert len(whole) == 6 and {one["class"] for one in whole} == {"identity", "rights", "duplicate", "unknown"}
    for query in ("", "class=identity", "owner=tp_manager", "code=0450072", "payer=amo:01751", "payer=amc:0075912345", "age=0-7", "age=>90",
                  "assigned=Camille R.", f"invoice={both.id}", "class=identity&payer=amo:01751&owner=secretariat"):  # fmt: skip
        rows, said = await work.queue(query), await work.figures(query)
        assert (said["count"], said["cents"]) == (len(rows), sum(row["open"] for row in rows)), query
        counted: dict[tuple[str, str, str], tuple[int, int]] = {}
        for row in rows:
            key = row["class"], row["owner"], row["age"]
            count, cents = counted.get(key, (0, 0))
            counted[key] = count + 1, cents + row["open"]
        assert {(one["class"], one["owner"], one["age"]): (one["count"], one["cents"]) for one in said["tallies"]} == counted, query
    assert len(await work.queue("class=identity")) == 3 and len(await work.queue("assigned=Camille R.")) == 1
    assert await work.queue("age=>90") == [] and len(await work.queue("limit=2")) == len(await work.queue()) == 6


async def test_the_dashboard_says_what_the_queue_says(work: Work) -> None:
    for code in (KNOWN, DUPLICATE, "7777777", "7777777"):
        await work.rejected(APART, "amo", code=code)
    said, shown = (await work.dashboard())["rejects"], await work.figures()
    assert (said["count"], said["cents"]) == (shown["count"], shown["cents"]) == (4, 4 * 2800)
    assert {one["class"]: (one["count"], one["cents"]) for one in said["classes"]} == {
        one["class"]: (one["count"], one["cents"]) for one in shown["tallies"]
    }


async def test_days_are_counted_from_the_payment_order_that_refused_as_the_dashboard_does(work: Work) -> None:
    now = today()
    for days in (0, 7, 8, 30, 31, 60, 61, 90, 91):
        made = await work.sign()
        await work.told(work.says(made, "amo"), day=now - timedelta(days=days))
    await work.look("UPDATE return_file SET imported_at = now()")
    assert [(row["days"], row["age"]) for row in await work.queue()] == [
        (0, "0-7"), (7, "0-7"), (8, "8-30"), (30, "8-30"), (31, "31-60"), (60, "31-60"), (61, "61-90"), (90, "61-90"), (91, ">90"),
    ]  # fmt: skip
    assert {row["since"] for row in await work.queue()} == {str(now)}
    (board,) = (await work.dashboard())["rejects"]["classes"]
    assert board["ages"] == {one["age"]: {"count": one["count"], "cents": one["cents"]} for one in (await work.figures())["tallies"]}
    assert set(board["ages"]) == set(AGES)


async def test_a_part_that_was_paid_in_part_shows_what_is_left(work: Work) -> None:
    made = await work.sign()
    await work.told(work.says(made, "amo", 800, status="partial"), work.says(made, "amo", 0))
    (shown,) = await work.queue()
    assert (shown["amount"], shown["open"]) == (2800, 2000)


@pytest.mark.parametrize("query", ["age=3-4", "owner=me", "limit=0", "limit=201", "invoice=7", "state=rejected", "class=a&class=b"])
async def test_a_filter_that_is_none_is_refused(work: Work, query: str) -> None:
    assert (await work.desk.get(f"/v1/rejects?{query}")).status == 400


@pytest.mark.parametrize("cursor", ["x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAD_", "é"])
async def test_a_cursor_that_was_not_given_is_refused(work: Work, cursor: str) -> None:
    assert (await work.desk.get(f"/v1/rejects?cursor={cursor}")).code == "bad_cursor"


async def test_another_centre_sees_and_decides_nothing(work: Work, desk: Desk) -> None:
    made = await work.rejected()
    other = Work(await desk.house.desk())
    assert await other.queue() == [] and (await other.figures())["count"] == 0
    for what, body in (("recycle", {}), ("claim", {}), ("assign", {"to": "Moi"})):
        assert (await other.do(made, what, **body)).status == 404
    assert (await other.desk.get(f"/v1/rejects/{made.id}/amo/payments")).status == 404


# --- billed again


async def test_only_the_rejected_part_is_billed_again_under_a_new_number(work: Work) -> None:
    made = await work.rejected(APART, "amo")
    before = await work.balances()
    reply = await work.do(made, "recycle", corrections={"amo": {"caisse": "752"}})
    assert reply.status == 201, reply.body
    said = reply.json
    assert said["number"] != made.number and reply.headers["Location"] == f"/v1/invoices/{said['invoice']}"
    assert said["parts"] == [{"part": "amo", "payer": "amo:01752", "open": 2800, "billed": 2800}] and said["others"] == []
    assert (said["corrected"], said["supersedes"]) == (["amo.caisse"], str(made.id))
    old, new = await work.view(made.id), await work.view(said["invoice"])
    assert new["supersedes"] == str(made.id) and (new["total"], new["from_amo"], new["from_amc"], new["desk"]) == (2800, 2800, 0, 0)
    assert [(share["part"], share["payer"], share["amount"], share["state"], share["flow"]) for share in new["shares"]] == [
        ("amo", "amo:01752", 2800, "open", 1)
    ]
    assert {share["part"]: (share["state"], share["successor"], share["amount"]) for share in old["shares"]} == {
        "amo": ("recycled", said["invoice"], 2800), "amc": ("received", None, 1200),
    }  # fmt: skip
    # What is owed is the same in all: the old debt was taken back, the new one signed, the other part left alone.
    assert await work.owed() == {f"amo:01752:{said['number']}": 2800, f"amc:0075912345:{made.number}": 1200}
    assert (await work.balances())["produit"] == before["produit"]
    assert await work.queue() == []


async def test_what_was_billed_again_goes_out_in_a_lot_like_any_other(work: Work) -> None:
    amo, amc = await work.rejected(APART, "amo"), await work.rejected(APART, "amc")
    for made, part in ((amo, "amo"), (amc, "amc")):
        assert (await work.do(made, "recycle", part)).status == 201
    built = await work.desk.post("/v1/lots:build", {})
    assert built.status in (200, 201), built.body
    lots = await work.look("SELECT flow, invoices, fees, amo, amc FROM lot ORDER BY flow")
    assert [tuple(row) for row in lots] == [(1, 1, 4000, 2800, 0), (2, 1, 4000, 2800, 1200)]
    states = await work.look("SELECT state FROM share WHERE lot_id IS NOT NULL")
    assert {row["state"] for row in states} == {"lotted"}


async def test_a_complementary_part_of_the_same_sheet_becomes_a_claim_apart(work: Work) -> None:
    made = await work.rejected(TOGETHER, "amc")
    said = (await work.do(made, "recycle", "amc", corrections={"amc": {"number": "0099000013"}})).json
    (share,) = (await work.view(said["invoice"]))["shares"]
    assert (share["part"], share["payer"], share["flow"], share["amount"]) == ("amc", "amc:0099000013", 2, made.parts["amc"][1])
    assert (await work.desk.post("/v1/lots:build", {})).json["lots"] == 1


async def test_both_parts_are_billed_again_together_when_both_were_rejected(work: Work) -> None:
    made = await work.rejected(TOGETHER, "amo", "amc")
    said = (await work.do(made, "recycle", parts=["amc", "amo"])).json
    assert [one["part"] for one in said["parts"]] == ["amo", "amc"]
    new = await work.view(said["invoice"])
    assert {share["part"]: share["amount"] for share in new["shares"]} == {part: amount for part, (_, amount) in made.parts.items()}
    assert {share["state"] for share in (await work.view(made.id))["shares"]} == {"recycled"}
    assert (await work.view(made.id))["state"] == "recycled"


async def test_under_c2s_one_payer_takes_both_parts_on_one_sheet(work: Work) -> None:
    made = await work.rejected("08_c2s", "amo", "amc")
    reply = await work.do(made, "recycle", "amc")
    assert (reply.status, reply.code) == (409, "recycle_parts")
    assert (await work.do(made, "recycle", parts=["amo", "amc"])).status == 201


async def test_the_chain_goes_on_when_the_successor_is_rejected_too(work: Work) -> None:
    made = await work.rejected()
    said = (await work.do(made, "recycle")).json
    again = work.signed_as(said, made)
    for state in ("lotted", "sent", "received"):
        await work.move(again.id, state)
    await work.told(work.says(again, "amo"))
    last = (await work.do(again, "recycle")).json
    assert len({made.number, said["number"], last["number"]}) == 3
    assert (await work.share(again.id))["successor"] == last["invoice"]
    assert await work.owed() == {f"amo:01751:{last['number']}": 2800, f"amc:0075912345:{made.number}": 1200}


async def test_the_decision_says_what_was_done_and_the_share_ends(work: Work) -> None:
    made = await work.rejected()
    said = (await work.do(made, "recycle", corrections={"amo": {"caisse": "752"}})).json
    (row,) = await work.look("SELECT id, kind, subject, detail FROM decision")
    finess = work.desk.finess
    assert (str(row["id"]), row["kind"], row["subject"]) == (said["decision"], "recycle", f"{finess}/{made.number}/amo")
    assert details([row]) == [{
        "parts": ["amo"], "successor": f"{finess}/{said['number']}", "open": {"amo": 2800}, "billed": {"amo": 2800},
        "corrected": ["amo.caisse"], "why": "essai",
    }]  # fmt: skip
    again = await work.do(made, "recycle")
    assert (again.status, again.code) == (409, "share_not_rejected")
    names = [one["event"] for one in (await work.view(made.id))["timeline"]]
    assert names[-2:] == ["decision.recycle", "share.recycled"] and names.count("share.recycled") == 1


async def test_the_same_request_again_bills_once(work: Work) -> None:
    made = await work.rejected()
    body = {"why": "essai"}
    first, second = [await work.desk.post(f"/v1/rejects/{made.id}/amo:recycle", body, "one-key") for _ in range(2)]
    assert first.body == second.body and second.headers["Idempotency-Replayed"] == "true"
    assert await work.desk.count("invoice") == 2 and await work.desk.count("recycling") == 1


async def test_a_trial_says_what_would_be_billed_and_does_nothing(work: Work) -> None:
    made = await work.rejected()
    before = await work.written()
    said = (await work.do(made, "recycle", query="?validate_only=true", corrections={"amo": {"caisse": "752"}})).json
    assert (said["invoice"], said["number"], said["parts"][0]["billed"]) == (None, None, 2800)
    assert await work.written() == before and await work.desk.count("invoice") == 1 and await work.desk.count("decision") == 0
    wrong: dict[str, Any] = {"corrections": {"acts": []}}
    tried, real = [await work.do(made, "recycle", query=query, **wrong) for query in ("?validate_only=true", "")]
    assert (tried.status, tried.json["errors"]) == (real.status, real.json["errors"]) and tried.status == 422


# --- amounts


async def test_another_amount_needs_a_person_to_say_that_it_is_right(work: Work) -> None:
    made = await work.rejected(code="0450072")
    exempt: dict[str, Any] = {"corrections": {"amo": {"exemption": "4"}}}
    refused = await work.do(made, "recycle", **exempt)
    assert (refused.status, refused.code) == (409, "recycle_amount_differs") and "4000" in refused.json["detail"]
    assert await work.desk.count("invoice") == 1
    said = (await work.do(made, "recycle", amount_may_change=True, **exempt)).json
    assert said["parts"][0] == {"part": "amo", "payer": "amo:01751", "open": 2800, "billed": 4000}
    assert said["others"] == [{"part": "amc", "before": 1200, "now": 0}]
    assert (await work.owed())[f"amo:01751:{said['number']}"] == 4000


async def test_what_was_paid_is_never_billed_again(work: Work) -> None:
    made = await work.sign()
    await work.told(work.says(made, "amo", 700, status="partial"), work.says(made, "amo", 0))
    whole = await work.do(made, "recycle", amount_may_change=True)
    assert (whole.status, whole.code) == (409, "recycle_amount_differs")
    rest = [act for act in made.body["acts"] if act["code"] == "G"]
    said = (await work.do(made, "recycle", corrections={"acts": rest})).json
    assert said["parts"] == [{"part": "amo", "payer": "amo:01751", "open": 2100, "billed": 2100}]
    assert (await work.owed())[f"amo:01751:{said['number']}"] == 2100
    assert f"amo:01751:{made.number}" not in await work.owed()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"corrections": {"number": 7}}, 422, "reject_request_invalid"),
        ({"corrections": {"biller": "750000018"}}, 422, "reject_request_invalid"),
        ({"corrections": {"created_on": None}}, 422, "reject_request_invalid"),
        ({"corrections": {"amo": {"caisse": "XX"}}}, 422, "faulty_input"),
        ({"corrections": {"colour": "blue"}}, 422, "faulty_input"),
        ({"corrections": []}, 422, "reject_request_invalid"),
        ({"parts": ["amc"]}, 409, "recycle_parts"),
        ({"parts": ["amo", "amc"]}, 409, "recycle_parts"),
        ({"parts": ["patient"]}, 422, "reject_request_invalid"),
        ({"colour": 1}, 422, "reject_request_invalid"),
        ({"why": " "}, 422, "why_missing"),
    ],
)
async def test_what_cannot_be_billed_again_is_refused_and_leaves_nothing(work: Work, body: dict[str, Any], status: int, code: str) -> None:
    made = await work.rejected()
    before = await work.written()
    reply = await work.do(made, "recycle", **body)
    assert (reply.status, reply.code) == (status, code)
    assert await work.written() == before and await work.desk.count("decision") == 0 and (await work.share(made.id))["state"] == "rejected"


async def test_what_is_not_rejected_is_not_billed_again(work: Work) -> None:
    made = await work.sign()
    for what, body in (("recycle", {}), ("claim", {}), ("assign", {"to": "Moi"})):
        reply = await work.do(made, what, **body)
        assert (reply.status, reply.code) == (409, "share_not_rejected")
    assert (await work.do(made, "recycle", "patient")).status == 404


async def test_a_live_key_bills_no_synthetic_person_again(work: Work) -> None:
    made = await work.rejected()
    reply = await work.do(made, "recycle", corrections={"insured_nir": "255081416802538"})
    assert reply.status == 422 and [one["code"] for one in reply.json["errors"]] == ["wrong_key_kind"]
    assert b"255081416802538" not in reply.body


# --- already paid


async def test_a_duplicate_is_never_resent_and_the_payment_is_looked_for(work: Work) -> None:
    paid = await work.sign()
    await work.told(work.says(paid, "amo", 2800))
    made = await work.rejected(code=DUPLICATE)
    reply = await work.do(made, "recycle")
    assert (reply.status, reply.code) == (409, "reject_not_resent")
    assert f"/v1/rejects/{made.id}/amo/payments" in reply.json["detail"] and reply.json["title_fr"] == "Un tel rejet ne se refacture jamais"
    assert await work.desk.count("invoice") == 2
    found = (await work.desk.get(f"/v1/rejects/{made.id}/amo/payments")).json
    (payment,) = found["payments"]
    assert (payment["share"], payment["place"], payment["amount"]) == (f"{work.desk.finess}/{paid.number}/amo", "matched", 2800)
    assert set(payment["equal"]) == {"patient", "care_date", "amount", "part"} and payment["differs"] == ["number"]
    day = today() - timedelta(days=1)
    words = f"28,00\u00a0€ du {day:%d/%m/%Y} : même payeur, patient, date de soins, montant, part ; diffère : numéro de facture"
    assert payment["text"].startswith(words)


async def test_payments_are_looked_for_among_what_is_parked_and_free_and_nothing_else_is(work: Work) -> None:
    made = await work.rejected(code=DUPLICATE)
    number_only = work.says(made, "amo", 2800, insured_key=work.index(77), care_date=date(2026, 1, 5))
    await work.told(number_only)
    day_and_amount = work.says(made, "amo", 2800, insured_key=None, invoice_number=None)
    await work.order("f:1", day_and_amount)
    strangers = [
        work.says(made, "amo", 2800, payer="amo:01999", invoice_number=None),
        work.says(made, "amo", 1234, insured_key=work.index(77), invoice_number=None),
        work.says(made, "amo", 2800, insured_key=work.index(77), invoice_number=None, care_date=date(2026, 1, 5)),
    ]
    for rank, line in enumerate(strangers):
        await work.order(f"s:{rank}", line)
    found = (await work.desk.get(f"/v1/rejects/{made.id}/amo/payments")).json["payments"]
    assert {(one["place"], tuple(one["equal"])) for one in found} == {
        ("parked", ("number", "amount", "part")), ("free", ("care_date", "amount", "part")),
    }  # fmt: skip
