# SPDX-License-Identifier: Apache-2.0
"""People decide at random of random centres, over HTTP; after each decision the database is what memory makes of it."""

import random
from collections import Counter
from typing import Any, Final

import pytest

from desmos_fast.invariants.store import reading
from desmos_fast.settlement.replay.rows import Rows
from desmos_fast.settlement.replay.service import play
from tests.api.conftest import House
from tests.api.test_replay import same
from tests.api.test_settlement_random import steps
from tests.settlement.centre import Centre
from tests.settlement.choices import Choice, choose

# Care of this year is not barred yet; these invoices were never sealed, so nothing can be billed again.
NOT_HERE: Final = frozenset({"time_bar", "recycle"})


async def world(centre: Centre) -> Rows:
    """Return the centre as memory has it."""
    async with reading(centre.desk.house.wire.dsn, centre.desk.tenant) as con:
        return (await play(con, centre.desk.tenant, centre.keys.index)).player.world.rows


async def decide(centre: Centre, choice: Choice) -> None:
    path, body = await asked(centre, choice)
    reply = await centre.desk.post(path, body)
    assert reply.status in (200, 201), (choice, reply.body)


async def asked(centre: Centre, choice: Choice) -> tuple[str, dict[str, Any]]:
    """Return how a decision is asked for: what was kept of an earlier one is named by its row."""
    kind, subject, detail = choice
    match kind:
        case "payment" | "refund" | "unpay":
            return _at_desk(kind, subject, detail)
        case "claim" | "assign":
            return f"/v1/rejects/{await _invoice(centre, subject)}/{subject.rpartition('/')[2]}:{kind}", _of_reject(kind, detail)
        case "undo":
            return "/v1/decisions", {"kind": kind, "match": await _record(centre, detail["left"][0], "confirmed")}
        case "accept":
            return "/v1/decisions", {"kind": kind, "record": await _record(centre, detail["left"][0], "suggested")}
        case "refuse" if detail.get("record"):
            return "/v1/decisions", {"kind": kind, "record": await _record(centre, detail["left"][0], "suggested")}
        case "refuse":
            return "/v1/decisions", {"kind": kind, "left": detail["left"], "right": detail["right"]}
        case "split" | "unsplit":
            return "/v1/decisions", {"kind": kind, "left": subject, **detail}
        case "indu_write_off":
            return "/v1/decisions", {"kind": kind, "line": detail["left"][0]}
        case "match":
            return "/v1/decisions", {"kind": kind, **detail}
        case _:
            return "/v1/decisions", {"kind": kind, "share": subject, **detail}


def _of_reject(kind: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {"to": detail["to"]} if kind == "assign" else {"reference": "RECL-1", "why": "payée"}


def _at_desk(kind: str, subject: str, detail: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if kind == "unpay":
        return f"/v1/payments/{subject}:unpay", detail
    if "attached" in detail:
        return f"/v1/payments/{subject}:attach", {"invoices": [_for(part) for part in detail["attached"]]}
    if kind == "refund":
        [part] = detail["parts"]
        where = {"invoice": part["invoice"]} if part["invoice"] else {"payment": part["payment"]}
        return "/v1/refunds", {"means": detail["means"], "amount": -detail["amount"], **where}
    return "/v1/payments", {"means": detail["means"], "amount": detail["amount"], "invoices": [_for(part) for part in detail["parts"]]}


def _for(part: dict[str, Any]) -> dict[str, Any]:
    return {"invoice": part["invoice"], "amount": part["amount"]}


async def _record(centre: Centre, left: str, status: str) -> str:
    async with centre.rows() as con:
        found = await con.fetchval(
            "SELECT id FROM match WHERE $1 = ANY (left_refs) AND status = $2 ORDER BY left_refs[1] = $1 DESC, id DESC LIMIT 1", left, status
        )
    return str(found)


async def _invoice(centre: Centre, share: str) -> str:
    biller, number, _ = share.split("/")
    async with centre.rows() as con:
        return str(await con.fetchval("SELECT id FROM invoice WHERE biller = $1 AND number = $2", biller, int(number)))


async def history(centre: Centre, seed: int, decisions: int) -> Counter[str]:
    """Let all arrive with runs in between, people deciding; look at the database after each of both."""
    draw, said = random.Random(seed), Counter[str]()
    all_steps = steps(seed)
    for step in draw.sample(all_steps, len(all_steps)):
        await step(centre)
        if draw.random() < 0.2:
            await centre.reconcile()
    await centre.reconcile()
    for _ in range(decisions):
        choice = choose(await world(centre), draw)
        if choice is not None and choice[0] not in NOT_HERE:
            await decide(centre, choice)
            said[choice[0]] += 1
            await same(centre)
        if draw.random() < 0.3:
            await centre.reconcile()
            await same(centre)
    return said


async def test_what_people_decide_is_played_again(house: House) -> None:
    said = Counter[str]()
    for seed in range(4):
        said += await history(Centre(await house.desk()), seed, 12)
    assert len(said) > 6 and said["undo"] and said["match"] and said["split"]


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
async def test_what_people_decide_is_played_again_for_long(house: House) -> None:
    said = Counter[str]()
    for seed in range(100, 136):
        said += await history(Centre(await house.desk()), seed, 25)
    print(said)
    assert {"match", "accept", "refuse", "undo", "split", "unsplit", "write_off", "to_patient", "indu_accept", "payment"} <= said.keys()
