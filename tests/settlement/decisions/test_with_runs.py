# SPDX-License-Identifier: Apache-2.0
"""People and runs beside each other: what a person said stands, what they took apart is proposed at most, and the books agree."""

import random
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from desmos_fast.db.tenant import direct
from desmos_fast.invariants import service as invariants
from desmos_fast.invariants import store as checks
from tests.api.test_decisions import credit_names, decide, matches, share, stored
from tests.settlement.centre import AMC, AMO, Centre, credit

PAID = date(2026, 9, 30)
LATER = date(2026, 10, 2)
TOLD = frozenset({"accounts", "receivables", "matches", "entries", "states", "chain"})


async def wrong(centre: Centre) -> list[Any]:
    """Return the checks of the books and the shares that do not hold."""
    async with direct(centre.desk.house.owner_dsn, centre.desk.tenant) as con:
        found = await invariants._centre(con, checks.Centre(centre.desk.tenant, centre.desk.finess))
    seen = [one for one in found if one.check in TOLD]
    assert {one.check for one in seen} == TOLD
    return [one for one in seen if one.wrong]


async def test_ten_runs_change_nothing_of_what_people_said(centre: Centre) -> None:
    await centre.invoice(1, order=12)
    await centre.invoice(2, order=12)
    await centre.order("o:1", centre.line(2100, None, order=12), reference="11111111111")
    await centre.order("o:2", centre.line(900, 9, order=40), reference="22222222222")
    await centre.bank(*credit(2100, "RIEN"), *credit(890, "RIEN NON PLUS"))
    await centre.reconcile()
    names = await credit_names(centre)
    (one,) = await matches(centre, problem="B", status="confirmed")
    await decide(centre, "undo", match=one["id"])
    made = [
        await decide(centre, "match", problem="A", left=["o:1#1"], right=[share(centre, 2)]),
        await decide(centre, "match", problem="B", left=[names.get(890, "")], right=["o:2"], remainder="perte"),
        await decide(centre, "match", problem="B", left=list(one["left"]), right=["o:1"]),
    ]
    await centre.reconcile()
    kept, shares, balances = await stored(centre), await centre.shares(), await centre.balances()
    # Words of runs come and go with what arrives; of what people said nothing moves.
    await centre.invoice(3, order=12)
    await centre.order("o:3", centre.line(2100, 3, order=12), reference="33333333333")
    await centre.bank(*credit(2100, "ENCORE"), opening=200000)
    for _ in range(10):
        await centre.reconcile()
    after = await stored(centre)
    assert [after[done["subject"]] for done in made] == [kept[done["subject"]] for done in made]
    now = await centre.shares()
    assert {name: now[name] for name in shares} == shares
    assert (await centre.balances())["perte"] == balances["perte"] == 10
    assert await wrong(centre) == []


async def test_both_sides_of_what_was_taken_apart_stay_free_for_others(centre: Centre) -> None:
    await centre.order("o:1", centre.line(700, 9, order=40), reference="11111111111")
    await centre.bank(*credit(700, "11111111111"))
    await centre.reconcile()
    (first,) = await matches(centre, status="confirmed")
    await decide(centre, "undo", match=first["id"])
    # The right credit of the order comes later, and so does the right order of the credit.
    await centre.bank(*credit(700, "VIREMENT"), opening=200000)
    await centre.reconcile()
    (right,) = await matches(centre, problem="B", status="confirmed")
    assert right["right"] == ["o:1"] and right["left"] != first["left"]
    (held,) = await matches(centre, problem="B", status="suggested")
    assert (held["left"], held["right"], held["why"]) == (first["left"], first["right"], "undone_by_person")
    await centre.order("o:2", centre.line(700, 8, order=41), reference="22222222222")
    await decide(centre, "match", problem="B", left=held["left"], right=["o:2"])
    await centre.reconcile()
    assert await matches(centre, status="suggested") == [] and await wrong(centre) == []


async def test_what_was_refused_is_never_confirmed(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line())
    await decide(centre, "refuse", left=["o:1#1"], right=[share(centre)], why="autre patient")
    await centre.reconcile()
    (held,) = await matches(centre, problem="A")
    assert (held["status"], held["rule"], held["why"]) == ("suggested", "A1", "refused_by_person")
    assert (await centre.shares())["1/amo"] == ("sent", 0, 0, None) and await wrong(centre) == []
    made = await decide(centre, "accept", record=held["id"])
    assert await decide(centre, "refuse", 409, left=["o:1#1"], right=[share(centre)]) == "already_matched"
    assert await decide(centre, "undo", 409, decision=(await decisions(centre))[-1]["id"]) == "decision_final"
    await decide(centre, "undo", match=made["subject"])
    await centre.reconcile()
    assert [one["why"] for one in await matches(centre, problem="A")] == ["undone_by_person"]


async def decisions(centre: Centre) -> list[Any]:
    return list((await centre.desk.get("/v1/decisions")).json["decisions"])


async def test_a_proposal_that_is_refused_says_so_at_once_and_after_the_next_run(centre: Centre) -> None:
    await centre.order("o:1", centre.line(1000, 9, order=40), reference="11111111111")
    await centre.order("o:2", centre.line(500, 9, order=41), reference="22222222222", day=PAID)
    await centre.order("o:3", centre.line(250, 9, order=42), reference="33333333333", day=LATER)
    await centre.bank(*credit(1250, "VIREMENT"))
    await centre.reconcile()
    (proposal,) = await matches(centre, problem="B", status="suggested")
    assert (proposal["rule"], proposal["why"], proposal["right"]) == ("B4", "unique_sum", ["o:1", "o:3"])
    made = await decide(centre, "refuse", record=proposal["id"])
    (now,) = await matches(centre, problem="B", status="suggested")
    assert (now["id"], now["why"]) == (made["matches"][0], "refused_by_person")
    written = await centre.desk.count("match")
    await centre.reconcile()
    assert await centre.desk.count("match") == written
    assert await decide(centre, "accept", 409, record=proposal["id"]) == "decision_stale"
    await decide(centre, "accept", record=now["id"])
    assert await wrong(centre) == []


async def test_a_piece_is_refused_what_its_whole_was(centre: Centre) -> None:
    await centre.invoice()
    await centre.order("o:1", centre.line(2100))
    await centre.reconcile()
    (whole,) = await matches(centre, problem="A", status="confirmed")
    await decide(centre, "undo", match=whole["id"])
    await decide(centre, "split", left="o:1#1", amounts=[2000, 100])
    await centre.reconcile()
    held = await matches(centre, problem="A", status="suggested")
    assert sorted(one["left"][0] for one in held) == ["o:1#2", "o:1#3"]
    assert {one["why"] for one in held} == {"undone_by_person"} and await wrong(centre) == []


async def test_what_a_person_saw_must_still_hold(centre: Centre) -> None:
    await centre.invoice(1, order=12)
    await centre.invoice(2, order=12)
    await centre.order("o:1", centre.line(2100, None, order=12))
    await centre.reconcile()
    (seen,) = await matches(centre, status="ambiguous")
    asked: dict[str, Any] = {"problem": "A", "left": ["o:1#1"], "right": [share(centre, 1)], "expects": [seen["id"]]}
    await centre.order("o:2", centre.line(2100, None, order=12), reference="22222222222")
    await centre.invoice(3, order=12)
    await centre.reconcile()
    assert await decide(centre, "match", 409, **asked) == "decision_stale"
    now = next(one for one in await matches(centre, status="ambiguous") if one["left"] == ["o:1#1"])
    made = await decide(centre, "match", **asked | {"expects": [now["id"]]})
    assert await decide(centre, "undo", 409, match=made["subject"], expects=[now["id"]]) == "decision_stale"
    await decide(centre, "undo", match=made["subject"], expects=[made["subject"]])


async def test_a_trial_keeps_nothing_and_a_repeated_request_has_one_effect(centre: Centre) -> None:
    await centre.order("o:1", centre.line(1000, 9, order=40))
    body = {"kind": "split", "left": "o:1#1", "amounts": [600, 400]}
    before = await stored(centre), await centre.written()
    house = centre.desk.house
    tried = await house.send("POST", "/v1/decisions?validate_only=true", {"Authorization": f"Bearer {centre.desk.key}"}, encode(body))
    assert (tried.status, tried.json["seq"], tried.json["entries"]) == (200, 1, 1)
    assert (await stored(centre), await centre.written()) == before and await centre.desk.count("decision") == 0
    first = await centre.desk.post("/v1/decisions", body, "once")
    again = await centre.desk.post("/v1/decisions", body, "once")
    assert (first.status, first.body) == (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true" and await centre.desk.count("decision") == 1
    refused = await centre.desk.post("/v1/decisions", body | {"amounts": [500, 500]}, "once")
    assert refused.code == "idempotency_key_reused"


def encode(body: Any) -> bytes:
    import orjson

    return orjson.dumps(body)


async def test_no_reason_keeps_a_nir(centre: Centre) -> None:
    await centre.order("o:1", centre.line(1000, 9, order=40))
    made = await decide(centre, "split", left="o:1#1", amounts=[600, 400], why="patient 255089999904087")
    assert made["detail"]["why"] == "patient ***************"


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_people_and_runs_do_the_books_and_the_shares_say_the_same(centre: Centre, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(1, 5):
        await centre.invoice(number, order=number)
    lines = 0
    for number in range(1, 5):
        said = [line_of(centre, chance) for _ in range(chance.randint(1, 3))]
        lines += len(said)
        if sum(one["amount"] for one in said):
            await centre.order(f"o:{number}", *said, reference=f"7777777777{number}")
    await centre.bank(*(text for number in range(1, 5) for text in credit(chance.choice([2100, 900, 700, 2100]), f"7777777777{number}")))
    done: list[str] = []
    for _ in range(24):
        done.append(await one_step(centre, chance))
        assert await wrong(centre) == [], done
    assert len(set(done)) >= 4, done


def line_of(centre: Centre, chance: random.Random) -> dict[str, Any]:
    person, part = chance.randint(1, 4), chance.choice(["amo", "amc"])
    full = 2100 if part == "amo" else 900
    number = chance.choice([person, person, None, 9])
    return centre.line(
        chance.choice([full, full, full // 3, 0, -full]), number, order=person, part=part, payer=AMO if part == "amo" else AMC
    )


async def one_step(centre: Centre, chance: random.Random) -> str:
    """Do one thing that a person or a run may do here, and say what it was: a kind, or why it was refused."""
    if chance.random() < 0.25:
        await centre.reconcile()
        return "run"
    held = await matches(centre)
    asked = chance.choice([body for body in bodies(centre, held, await credit_names(centre), chance) if body])
    reply = await centre.desk.post("/v1/decisions", asked)
    assert reply.status in (201, 404, 409), reply.body
    return str(asked["kind"]) if reply.status == 201 else str(reply.code)


def bodies(centre: Centre, held: Sequence[Any], names: dict[int, str], chance: random.Random) -> list[dict[str, Any]]:
    target = share(centre, chance.randint(1, 4), chance.choice(["amo", "amc", "amo", "patient"]))
    record = chance.choice(held) if held else None
    left = f"o:{chance.randint(1, 4)}#{chance.randint(1, 5)}"
    found: list[dict[str, Any]] = [
        {"kind": "match", "problem": "A", "left": [left], "right": [target]},
        {"kind": "split", "left": left, "amounts": [chance.choice([700, 300]), chance.choice([1400, 600, 400])]},
        {"kind": "unsplit", "left": left},
        {"kind": chance.choice(["write_off", "to_patient", "from_patient", "time_bar", "indu_contest"]), "share": target},
        {"kind": "indu_accept", "share": target, "into": chance.choice(["open", "to_patient", "written_off"])},
    ]
    if record:
        kind = "undo" if record["status"] == "confirmed" else chance.choice(["accept", "refuse"])
        found += [{"kind": kind, "match" if kind == "undo" else "record": record["id"]}] * 3
    if names:
        amount, name = chance.choice(sorted(names.items()))
        order = f"o:{chance.randint(1, 4)}"
        remainder = chance.choice([None, "ecart", "perte", f"indu:{AMO}", f"hors_facture:{AMC}"])
        found.append({"kind": "match", "problem": "B", "left": [name], "right": [order], "remainder": remainder})
        found.append({"kind": "split", "left": name, "amounts": [amount - 100, 100]})
        found.append({"kind": "unsplit", "left": name.rpartition(".")[0] or name})
    return found
