# SPDX-License-Identifier: Apache-2.0
"""Records and decisions are looked through: filters, pages, one record with the way from the books to the invoice."""

from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.api.test_centre_commands import run, told
from tests.api.test_decisions import credit_names, decide, matches, share, show
from tests.settlement.centre import AMC, AMO, REFERENCE, Centre, credit


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


async def world(centre: Centre) -> None:
    """Let there be one settled share, one line and one credit of nothing, and a proposal."""
    await centre.invoice(1)
    await centre.order("o:1", centre.line(), reference=REFERENCE)
    await centre.order("o:2", centre.line(450, 77, order=40, payer=AMC, part="amc"), reference="44444444444")
    await centre.bank(*credit(2100, REFERENCE), *credit(777, "RIEN"))
    await centre.reconcile()


async def test_filters_say_which_records_are_shown(centre: Centre) -> None:
    await world(centre)
    names = await credit_names(centre)

    async def seen(**asked: str) -> set[tuple[str, str]]:
        return {(one["rule"], one["status"]) for one in await matches(centre, **asked)}

    a1, b1, a9, b9 = ("A1", "confirmed"), ("B1", "confirmed"), ("A9", "unmatched"), ("B9", "unmatched")
    assert await seen() == {a1, b1, a9, b9}
    assert await seen(problem="A") == {a1, a9}
    assert await seen(status="unmatched") == {a9, b9}
    assert await seen(rule="B1") == {b1}
    assert await seen(payer=AMO) == {a1, b1}
    assert await seen(payer=AMC) == {a9}
    assert await seen(outcome="paid") == {a1} and await seen(outcome="overpaid") == set()
    assert await seen(invoice=f"{centre.desk.finess}/1") == {a1}
    assert await seen(invoice=f"{centre.desk.finess}/2") == set()
    assert await seen(invoice="x") == set()
    assert await seen(credit=names[777]) == {b9}
    assert await seen(credit=names[777], problem="A") == set()
    reply = await centre.desk.get("/v1/matches?status=odd")
    assert (reply.status, reply.code) == (400, "bad_parameter")


async def test_what_was_paid_too_much_is_listed_to_the_cent_of_the_books(centre: Centre) -> None:
    await world(centre)
    await decide(centre, "to_patient", 409, share=share(centre))
    await centre.order("o:3", centre.line(300), reference="33333333333")
    await centre.reconcile()
    (over,) = await matches(centre, outcome="overpaid")
    assert (over["left"], over["residual"]) == (["o:3#1"], 300)
    assert (await centre.balances())[f"trop_percu:{AMO}"] == -300
    assert [one["left"] for one in await matches(centre, outcome="overpaid", invoice=f"{centre.desk.finess}/1")] == [["o:3#1"]]
    await decide(centre, "undo", match=over["id"])
    assert await matches(centre, outcome="overpaid") == []
    assert (await centre.desk.get("/v1/matches?outcome=odd")).code == "bad_parameter"


async def test_records_that_hold_no_more_are_history(centre: Centre) -> None:
    await world(centre)
    (line,) = await matches(centre, status="confirmed", problem="A")
    await decide(centre, "undo", match=line["id"])
    await centre.invoice(77, amc=450, amo=500, order=40)
    await centre.reconcile()
    held = await matches(centre, problem="A")
    assert {(one["rule"], one["status"], one["holds"]) for one in held} == {("A1", "suggested", True), ("A1", "confirmed", True)}
    every = await matches(centre, problem="A", history="true")
    assert {(one["rule"], one["status"], one["holds"]) for one in every} - {(one["rule"], one["status"], True) for one in held} == {
        ("A1", "undone", False), ("A9", "unmatched", False),
    }  # fmt: skip
    assert [one["id"] for one in await matches(centre, invoice=f"{centre.desk.finess}/1", status="undone")] == [line["id"]]


async def test_pages_follow_one_another_without_loss(centre: Centre) -> None:
    for number in range(1, 6):
        await centre.order(f"o:{number}", centre.line(100 * number, number), reference=f"5555555555{number}")
    await centre.reconcile()
    whole = await matches(centre)
    assert [one["id"] for one in whole] == sorted((one["id"] for one in whole), reverse=True) and len(whole) == 5
    pages: list[Any] = []
    cursor = ""
    while True:
        reply = (await centre.desk.get(f"/v1/matches?limit=2{cursor}")).json
        pages += reply["matches"]
        if reply["next"] is None:
            break
        cursor = f"&cursor={reply['next']}"
    assert pages == whole
    assert (await centre.desk.get("/v1/matches?limit=201")).code == "bad_parameter"
    assert (await centre.desk.get("/v1/matches?cursor=x")).code == "bad_cursor"


async def test_one_record_leads_from_the_books_to_the_invoice(centre: Centre) -> None:
    await world(centre)
    (line,) = await matches(centre, status="confirmed", problem="A")
    record = await show(centre, line["id"])
    assert record["evidence"]["fields"][:2] == ["biller", "invoice_number"] and record["evidence"]["settings"]
    assert [(entry["event"], entry["own"]) for entry in record["entries"]] == [("line.matched", True)]
    assert record["entries"][0]["lines"] == [[f"attente:{AMO}", 2100, 0], [f"creance:{AMO}:{centre.desk.finess}/1", 0, 2100]]
    (order,), (paid,), (owed,) = record["orders"], record["lines"], record["shares"]
    assert (order["ref"], paid["name"], owed["name"], owed["state"]) == ("o:1", "o:1#1", share(centre), "settled")
    (received,) = await matches(centre, status="confirmed", problem="B")
    record = await show(centre, received["id"])
    assert [entry["event"] for entry in record["entries"]] == ["credit.unmatched", "credit.matched_later"]
    assert [entry["own"] for entry in record["entries"]] == [False, True]
    assert (record["credits"][0]["amount"], record["lines"][0]["name"], record["shares"][0]["name"]) == (2100, "o:1#1", share(centre))
    assert record["decision"] is None and record["undone_by"] is None
    reply = await centre.desk.get("/v1/matches/01a21476-fe5a-7b3d-b802-40aac50a1ccc")
    assert (reply.status, reply.code) == (404, "not_found")


async def test_candidates_that_lost_say_why(centre: Centre) -> None:
    await centre.invoice(1, order=12)
    await centre.invoice(2, order=12)
    await centre.order("o:1", centre.line(2100, None))
    await centre.reconcile()
    (one,) = await matches(centre, status="ambiguous")
    evidence = (await show(centre, one["id"]))["evidence"]
    assert evidence["why"] == "several_parts" and evidence["candidate_ids"] == [share(centre, 1), share(centre, 2)]
    assert await decide(centre, "accept", 409, record=one["id"]) == "nothing_proposed"
    assert await decide(centre, "accept", 409, record=one["id"], right=[share(centre, 1, "amc")]) == "not_a_candidate"
    made = await decide(centre, "accept", record=one["id"], right=[share(centre, 2)])
    record = await show(centre, made["subject"])
    assert (record["rule"], record["right"], record["evidence"]["candidates"]) == ("A4", [share(centre, 2)], 2)
    assert (await centre.shares())["2/amo"][:2] == ("announced", 2100)


async def test_another_centre_sees_nothing(centre: Centre) -> None:
    await world(centre)
    (record, *_) = await matches(centre)
    other = Centre(await centre.desk.house.desk())
    assert await matches(other, history="true") == []
    assert (await other.desk.get(f"/v1/matches/{record['id']}")).code == "not_found"
    assert await decide(other, "undo", 404, match=record["id"]) == "not_found"


async def test_decisions_are_listed_in_their_order(centre: Centre) -> None:
    await world(centre)
    (line,) = await matches(centre, status="confirmed", problem="A")
    await decide(centre, "undo", match=line["id"], why="doute")
    await decide(centre, "match", problem="A", left=["o:1#1"], right=[share(centre)])
    await decide(centre, "split", left="o:2#1", amounts=[400, 50])
    listed = (await centre.desk.get("/v1/decisions")).json["decisions"]
    assert [(one["seq"], one["kind"]) for one in listed] == [(3, "split"), (2, "match"), (1, "undo")]
    assert listed[-1]["subject"] == line["id"] and listed[-1]["detail"]["why"] == "doute"
    first = (await centre.desk.get("/v1/decisions?limit=2")).json
    rest = (await centre.desk.get(f"/v1/decisions?limit=2&cursor={first['next']}")).json
    assert first["decisions"] + rest["decisions"] == listed and rest["next"] is None
    assert [one["seq"] for one in (await centre.desk.get("/v1/decisions?kind=undo")).json["decisions"]] == [1]
    assert [one["seq"] for one in (await centre.desk.get(f"/v1/decisions?subject={line['id']}")).json["decisions"]] == [1]
    assert (await centre.desk.get("/v1/decisions?kind=odd")).code == "bad_parameter"


async def test_the_command_line_shows_and_decides_the_same(centre: Centre, tmp_path: Path) -> None:
    await world(centre)
    home = tmp_path / "home"
    listed = (await told(centre.desk, home, "matches", "list", "--json"))["matches"]
    assert listed == await matches(centre)
    for option in ("--status", "--problem", "--outcome"):
        status, out, errors = await run(centre.desk, home, "matches", "list", option, "odd")
        assert (status, out) == (2, "") and "one of" in errors
    status, out, _ = await run(centre.desk, home, "matches", "list", "--status", "confirmed", "--problem", "A")
    assert status == 0 and out.count("\n") == 1 and f"o:1#1 -> {share(centre)}" in out and "21.00 EUR" in out
    line = next(one for one in listed if one["rule"] == "A1")
    assert (await told(centre.desk, home, "matches", "show", line["id"]))["entries"][0]["event"] == "line.matched"
    tried = await told(centre.desk, home, "decide", "undo", "--match", line["id"], "--dry-run")
    assert tried["kind"] == "undo" and await centre.desk.count("decision") == 0
    made = await told(centre.desk, home, "decide", "undo", "--match", line["id"], "--why", "doute")
    assert made["detail"]["why"] == "doute" and made["seq"] == 1
    await told(centre.desk, home, "decide", "split", "--left", "o:2#1", "--amount", "400", "--amount", "50")
    await told(centre.desk, home, "decide", "match", "--problem", "A", "--left", "o:1#1", "--right", share(centre))
    status, _, errors = await run(centre.desk, home, "decide", "undo", "--match", line["id"])
    assert status == 3 and "undone" in errors
    assert (await run(centre.desk, home, "decide", "odd"))[0] == 1


async def test_the_command_line_takes_back_from_the_patient_and_gives_up_what_was_taken_back(centre: Centre, tmp_path: Path) -> None:
    home = tmp_path / "home"
    await centre.invoice()
    await centre.order("o:1", centre.line(0, reject_code="0250050"))
    await centre.order("o:2", centre.line(-500, None, insured_key=None, care_date=None, biller=None, part=None), reference="2222222")
    await centre.reconcile()
    await decide(centre, "to_patient", share=share(centre))
    await centre.order("o:3", centre.line(2100), reference="3333333")
    await centre.reconcile()
    spared = await told(centre.desk, home, "decide", "from_patient", "--share", share(centre), "--amount", "2100")
    lost = await told(centre.desk, home, "decide", "indu_write_off", "--line", "o:2#1", "--amount", "500", "--why", "introuvable")
    assert (spared["detail"]["amount"], lost["detail"]["why"]) == (2100, "introuvable")
    balances = await centre.balances()
    assert balances["perte"] == 500 and not any(account.startswith(("trop_percu", "indu", "creance:patient")) for account in balances)
    status, _, errors = await run(centre.desk, home, "decide", "from_patient", "--share", share(centre))
    assert status == 3 and "nothing" in errors
