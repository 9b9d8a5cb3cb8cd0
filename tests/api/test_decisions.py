# SPDX-License-Identifier: Apache-2.0
"""What people decide, through the service: matches made, refused and undone, lines cut in pieces, shares closed."""

from datetime import date
from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.settlement.centre import AMC, AMO, Centre, credit


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


async def decide(centre: Centre, kind: str, status: int = 201, **asked: Any) -> Any:
    """Decide one thing and return the answer, or the code of the problem."""
    reply = await centre.desk.post("/v1/decisions", {"kind": kind, **asked})
    assert reply.status == status, reply.body
    return reply.json if status == 201 else reply.code


async def matches(centre: Centre, **asked: str) -> list[Any]:
    """Return the records that hold, the newest first."""
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    reply = await centre.desk.get(f"/v1/matches?{query}")
    assert reply.status == 200, reply.body
    return list(reply.json["matches"])


async def show(centre: Centre, record: str) -> Any:
    reply = await centre.desk.get(f"/v1/matches/{record}")
    assert reply.status == 200, reply.body
    return reply.json


def share(centre: Centre, number: int = 1, part: str = "amo") -> str:
    return f"{centre.desk.finess}/{number}/{part}"


# --- problem A


async def test_a_person_says_which_share_a_line_pays_and_the_books_follow(centre: Centre) -> None:
    invoice = await centre.invoice()
    await centre.order("o:1", centre.line(2100, 7, order=40))
    await centre.reconcile()
    before = await centre.balances()
    assert before[f"hors_facture:{AMO}"] == -2100
    made = await decide(centre, "match", problem="A", left=["o:1#1"], right=[share(centre)], why="facture reprise")
    assert (made["seq"], made["kind"], made["entries"]) == (1, "match", 1)
    assert made["detail"]["why"] == "facture reprise" and made["subject"] == made["matches"][0]
    assert (await centre.shares())["1/amo"] == ("announced", 2100, 0, None)
    assert f"hors_facture:{AMO}" not in await centre.balances()
    record = await show(centre, made["subject"])
    assert (record["status"], record["rule"], record["outcome"]) == ("confirmed", "M", "paid")
    assert record["evidence"]["values"]["invoice_number"] == [7, 1] and record["evidence"]["values"]["nir"] == ["***", ""]
    names = [name for name, _ in await centre.events(invoice)]
    assert names == ["decision.match", "match.confirmed", "share.announced"]
    undone = await decide(centre, "undo", match=made["subject"])
    assert undone["entries"] == 1 and await centre.balances() == before
    assert (await centre.shares())["1/amo"] == ("sent", 0, 0, None)


async def test_a_pair_that_a_person_took_apart_is_proposed_at_most(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.reconcile()
    (record,) = await matches(centre, status="confirmed")
    assert (record["rule"], record["decided_by"]) == ("A1", "auto")
    await decide(centre, "undo", match=record["id"])
    assert (await centre.shares())["1/amo"] == ("sent", 0, 0, None)
    for _ in range(2):
        await centre.reconcile()
        (proposal,) = await matches(centre, problem="A")
        assert (proposal["status"], proposal["rule"], proposal["why"]) == ("suggested", "A1", "undone_by_person")
        assert (proposal["left"], proposal["right"]) == (["o:1#1"], [share(centre)])
    made = await decide(centre, "accept", record=proposal["id"])
    shown = await show(centre, made["subject"])
    assert (shown["status"], shown["rule"], shown["decision"]["kind"]) == ("confirmed", "A1", "accept")
    assert shown["evidence"].get("why") is None and shown["decided_by"] != "auto"
    before = await centre.written()
    assert (await centre.reconcile())["lines"] == {}
    assert await centre.written() == before


async def test_of_three_matches_the_second_is_undone_and_the_others_stay_to_the_byte(centre: Centre) -> None:
    await centre.invoice()
    for number, amount in enumerate((500, 600, 700), 1):
        await centre.order(f"o:{number}", centre.line(amount), reference=f"2627400000000{number}")
        await centre.bank(*credit(amount, f"2627400000000{number}"), opening=100000 * number)
    await centre.reconcile()
    assert (await centre.shares())["1/amo"] == ("settled_part", 1800, 1800, None)
    kept = {record["id"]: record for record in await matches(centre, status="confirmed")}
    assert len(kept) == 6
    second = next(one for one in kept.values() if one["left"] == ["o:2#1"])
    rows = await stored(centre)
    made = await decide(centre, "undo", match=second["id"])
    assert (await centre.shares())["1/amo"] == ("settled_part", 1200, 1200, None)
    after = await stored(centre)
    assert {name: row for name, row in after.items() if name != second["id"]} == {
        name: row for name, row in rows.items() if name != second["id"]
    }
    assert (await centre.balances())[f"creance:{AMO}:CENTRE/1"] == 900
    assert (await show(centre, second["id"]))["undone_by"]["id"] == made["id"]
    await centre.reconcile()
    (line,) = await matches(centre, status="suggested")
    assert line["left"] == ["o:2#1"]
    assert (await decide(centre, "undo", 409, match=second["id"])) == "match_not_confirmed"


async def stored(centre: Centre) -> dict[str, tuple[Any, ...]]:
    """Return every match as it is stored, by its id."""
    async with centre.rows() as con:
        return {str(row["id"]): tuple(row) for row in await con.fetch("SELECT * FROM match ORDER BY id")}


async def test_a_line_of_several_shares_is_split_and_each_piece_finds_its_own(centre: Centre) -> None:
    await centre.invoice(1, amo=2100, order=12)
    await centre.invoice(2, amo=1500, order=13)
    await centre.order("o:1", centre.line(3600, None) | {"insured_key": None, "care_date": None})
    assert (await decide(centre, "split", 409, left="o:1#1", amounts=[2100, 1400])) == "split_refused"
    assert (await decide(centre, "split", 409, left="o:1#1", amounts=[3700, -100])) == "split_refused"
    made = await decide(centre, "split", left="o:1#1", amounts=[2100, 1500])
    balances = await centre.balances()
    assert balances[f"hors_facture:{AMO}"] == -3600 and made["entries"] == 1
    record = await show(centre, made["matches"][0])
    assert (record["status"], record["left"], record["right"]) == ("split", ["o:1#1"], ["o:1#2", "o:1#3"])
    assert (await decide(centre, "match", 409, problem="A", left=["o:1#1"], right=[share(centre)])) == "already_matched"
    assert (await centre.reconcile())["lines"] == {"unmatched": {"count": 2, "cents": 3600}}
    assert await centre.balances() == balances
    first = await decide(centre, "match", problem="A", left=["o:1#2"], right=[share(centre)])
    assert (await decide(centre, "unsplit", 409, left="o:1#1")) == "pieces_taken"
    second = await decide(centre, "match", problem="A", left=["o:1#3"], right=[share(centre, 2)])
    shares = await centre.shares()
    assert (shares["1/amo"][:2], shares["2/amo"][:2]) == (("announced", 2100), ("announced", 1500))
    for one in (first, second):
        await decide(centre, "undo", match=one["subject"])
    await decide(centre, "unsplit", left="o:1#1")
    assert await centre.balances() == balances
    assert (await centre.reconcile())["lines"] == {"unmatched": {"count": 1, "cents": 3600}}
    again = await decide(centre, "split", left="o:1#1", amounts=[1800, 1800])
    assert (await show(centre, again["matches"][0]))["right"] == ["o:1#4", "o:1#5"]
    assert again["entries"] == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"payer": AMC, "part": "amc"}, "match_contradicts"),
        ({"part": "amc"}, "match_contradicts"),
        ({"amount": -100, "status": "recovery"}, "match_contradicts"),
    ],
)
async def test_what_contradicts_a_share_is_refused(centre: Centre, line: dict[str, Any], code: str) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(500, 9) | line)
    before = await centre.written()
    assert await decide(centre, "match", 409, problem="A", left=["o:1#1"], right=[share(centre)]) == code
    assert await centre.written() == before


@pytest.mark.parametrize(
    ("kind", "asked", "status", "code"),
    [
        ("match", {"problem": "A", "left": ["o:9#1"], "right": ["750000018/1/amo"]}, 404, "not_found"),
        ("match", {"problem": "A", "left": ["o:1#1"], "right": ["750000018/1/amo"]}, 404, "not_found"),
        ("match", {"problem": "B", "left": ["c:1"], "right": ["o:1"]}, 404, "not_found"),
        ("match", {"problem": "A", "left": ["o:1#1", "o:1#2"], "right": ["750000018/1/amo"]}, 422, "decision_invalid"),
        ("match", {"problem": "A", "left": ["o:1#1"]}, 422, "decision_invalid"),
        ("match", {"problem": "A", "left": ["o:1#1"], "right": ["x"], "record": "x"}, 422, "decision_invalid"),
        ("write_off", {"share": "750000018/1"}, 404, "not_found"),
        ("recycle", {}, 422, "decision_invalid"),
        ("undo", {}, 422, "decision_invalid"),
        ("undo", {"match": "01a21476-fe5a-7b3d-b802-40aac50a1ccc"}, 404, "not_found"),
        ("accept", {"record": "01a21476-fe5a-7b3d-b802-40aac50a1ccc"}, 404, "not_found"),
    ],
)
async def test_what_is_not_there_or_not_sound_is_refused(centre: Centre, kind: str, asked: dict[str, Any], status: int, code: str) -> None:
    await centre.order("o:1", centre.line())
    assert await decide(centre, kind, status, **asked) == code
    assert await centre.desk.count("decision") == 0


# --- problem B


async def test_credits_and_orders_of_other_sums_need_a_remainder(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(1000), reference="11111111111")
    await centre.order("o:2", centre.line(1100), reference="22222222222")
    await centre.bank(*credit(2050, "VIREMENT"), *credit(500, "AUTRE"))
    await centre.reconcile()
    names = await credit_names(centre)
    asked: dict[str, Any] = {"problem": "B", "left": [names[2050]], "right": ["o:1", "o:2"]}
    before = await centre.balances()
    assert await decide(centre, "match", 409, **asked) == "sum_differs"
    assert await decide(centre, "match", 409, **asked, remainder="ecart") == "sum_differs"
    assert await decide(centre, "match", 409, **asked, remainder=f"indu:{AMC}") == "sum_differs"
    made = await decide(centre, "match", **asked, remainder=f"indu:{AMO}")
    balances = await centre.balances()
    assert balances[f"indu:{AMO}"] == 50 and balances["ecart"] == -500 and f"attente:{AMO}" not in balances
    assert (await centre.shares())["1/amo"] == ("settled", 2100, 2100, None)
    record = await show(centre, made["subject"])
    assert (record["amount"], record["residual"]) == (2050, -50)
    assert record["evidence"]["values"]["remainder"] == [f"indu:{AMO}", -50]
    await decide(centre, "undo", match=made["subject"])
    assert await centre.balances() == before
    made = await decide(centre, "match", **asked, remainder="perte")
    assert (await centre.balances())["perte"] == 50
    assert await decide(centre, "match", 409, **asked, remainder="perte") == "already_matched"


async def credit_names(centre: Centre) -> dict[int, str]:
    async with centre.rows() as con:
        rows = await con.fetch("SELECT ref, amount FROM bank_line WHERE match_id IS NULL AND duplicate_of IS NULL")
    return {row["amount"]: row["ref"] for row in rows}


async def test_what_stays_free_of_a_credit_is_a_piece_that_runs_may_match(centre: Centre) -> None:
    await centre.order("o:1", centre.line(1000), reference="11111111111")
    await centre.bank(*credit(1700, "VIREMENT"))
    await centre.reconcile()
    name = (await credit_names(centre))[1700]
    made = await decide(centre, "match", problem="B", left=[name], right=["o:1"], remainder="ecart")
    record, cut = [await show(centre, one) for one in made["matches"]]
    assert (record["left"], record["amount"], record["residual"]) == ([f"{name}.1"], 1000, 0)
    assert (cut["status"], cut["left"], cut["right"]) == ("split", [name], [f"{name}.1", f"{name}.2"])
    assert (await centre.balances())["ecart"] == -700
    dashboard = await centre.dashboard()
    assert dashboard["credits_unmatched"]["cents"] == 700
    await centre.order("o:2", centre.line(700, 2), reference="22222222222")
    assert (await centre.reconcile())["credits"] == {"confirmed": {"count": 1, "cents": 700}}
    assert "ecart" not in await centre.balances()
    assert await decide(centre, "unsplit", 409, left=name) == "pieces_taken"


async def test_equal_credits_and_equal_orders_are_one_match_and_a_group_is_undone_whole(centre: Centre) -> None:
    for number in (1, 2, 3):
        await centre.order(f"o:{number}", centre.line(800, number), reference=f"1111111111{number}")
    await centre.bank(*credit(800, "A"), *credit(800, "B"), *credit(800, "C"))
    await centre.reconcile()
    proposals = await matches(centre, problem="B", status="suggested")
    assert len(proposals) == 3 and all(len(one["left"]) == len(one["right"]) == 3 for one in proposals)
    before = await centre.balances()
    made = await decide(centre, "accept", record=proposals[0]["id"])
    (record,) = await matches(centre, problem="B")
    assert (record["id"], record["status"], record["amount"]) == (made["subject"], "confirmed", 2400)
    assert await decide(centre, "accept", 409, record=proposals[1]["id"]) == "decision_stale"
    await centre.reconcile()
    assert len(await matches(centre, credit=record["left"][2])) == 1
    await decide(centre, "undo", decision=made["id"])
    assert await centre.balances() == before
    await centre.reconcile()
    again = await matches(centre, problem="B")
    assert {one["status"] for one in again} == {"suggested"} and {one["why"] for one in again} == {"undone_by_person"}
    assert [one["id"] for one in await matches(centre, credit=record["left"][2], status="undone")] == [record["id"]]


async def test_one_of_several_sums_is_chosen_and_another_is_refused(centre: Centre) -> None:
    days = [date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 2), date(2026, 9, 29)]
    for number, (amount, day) in enumerate(zip((900, 800, 700, 600), days, strict=True), 1):
        await centre.order(f"o:{number}", centre.line(amount, number), reference=f"1111111111{number}", day=day)
    await centre.bank(*credit(1500, "VIREMENT"))
    await centre.reconcile()
    (record,) = await matches(centre, problem="B")
    assert (record["rule"], record["status"], record["right"]) == ("B5", "ambiguous", [])
    assert await decide(centre, "accept", 409, record=record["id"], right=["o:1", "o:2"]) == "sum_differs"
    assert await decide(centre, "refuse", 409, record=record["id"]) == "nothing_proposed"
    refused = await decide(centre, "refuse", record=record["id"], right=["o:1", "o:4"])
    assert refused["matches"] == [] and refused["subject"] == record["id"]
    made = await decide(centre, "accept", record=record["id"], right=["o:3", "o:2"])
    shown = await show(centre, made["subject"])
    assert (shown["rule"], shown["right"], shown["residual"]) == ("B5", ["o:2", "o:3"], 0)
    assert {order["ref"] for order in shown["orders"]} == {"o:2", "o:3"}


async def test_what_a_text_quotes_less_what_was_held_back_is_accepted_as_it_is_proposed(centre: Centre) -> None:
    await centre.order("o:1", centre.line(1000, 9, order=40), reference="11111111111")
    await centre.bank(*credit(900, "DECOMPTE 11111111111"))
    await centre.reconcile()
    (record,) = await matches(centre, problem="B")
    assert (record["rule"], record["status"], record["residual"]) == ("B6", "suggested", -100)
    made = await decide(centre, "accept", record=record["id"])
    assert made["detail"]["remainder"] == f"indu:{AMO}"
    balances = await centre.balances()
    assert balances[f"indu:{AMO}"] == 100 and f"attente:{AMO}" not in balances and "ecart" not in balances
