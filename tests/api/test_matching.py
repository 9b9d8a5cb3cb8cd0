# SPDX-License-Identifier: Apache-2.0
"""What a centre sets for matching and what people explain: the next run follows it, says so, and can be played again."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, Reply
from tests.api.worker import environment
from tests.settlement import statements
from tests.settlement.centre import AMC, AMO, NAMES, Centre

STRANGE = "VIR PRESTA 75"
ACCOUNT = f"3000200550{statements.ACCOUNT}"


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


def credit(label: str, day: str = "021026") -> list[str]:
    return [statements.movement(2100, label, day=day)]


async def test_settings_that_are_tried_are_not_kept(desk: Desk) -> None:
    before = (await desk.get("/v1/matching/settings")).json
    headers = {"Authorization": f"Bearer {desk.key}"}
    reply = await desk.house.send("PUT", "/v1/matching/settings?validate_only=true", headers, b'{"window_to": 20}')
    assert reply.status == 200 and reply.json["window_to"] == 20, reply.body
    assert (await desk.get("/v1/matching/settings")).json == before


async def put(desk: Desk, body: dict[str, Any]) -> Reply:
    headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
    return await desk.house.send("PUT", "/v1/matching/settings", headers, json.dumps(body).encode())


async def teach(desk: Desk, payer: str | None, label: str = STRANGE, account: str = ACCOUNT) -> Reply:
    return await desk.post("/v1/matching/labels", {"account": account, "label": label, "payer": payer})


async def rules(centre: Centre) -> dict[str, Any]:
    return dict((await centre.reconcile())["rules"])


async def owed(centre: Centre) -> None:
    """Announce 21.00, and let the bank receive them under a label that nobody knows."""
    await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.bank(*credit(STRANGE))


async def test_a_label_that_is_explained_finds_its_payer(desk: Desk, centre: Centre) -> None:
    await owed(centre)
    assert set(await rules(centre)) == {"A1", "B9"}
    reply = await teach(desk, AMO, "Vir  presta 75")
    assert reply.status == 201 and reply.json["payer"] == AMO
    assert set(await rules(centre)) == {"B2"}
    (one,) = (await desk.get("/v1/matching/labels")).json["labels"]
    assert (one["account"], one["payer"]) == (ACCOUNT, AMO) and one["taught_by"] and one["taught_at"]


async def test_labels_are_listed_by_pages_the_last_taught_first(desk: Desk) -> None:
    for number in range(1, 6):
        assert (await teach(desk, AMO, f"VIR PRESTA {number}")).status == 201
    # What is said anew is the newest, what is forgotten is not there, another page follows where the last one ended.
    assert (await teach(desk, None, "VIR PRESTA 2")).status == 201
    assert (await desk.post("/v1/matching/labels:forget", {"account": ACCOUNT, "label": "VIR PRESTA 4"})).status == 204
    expected = [("VIR PRESTA 2", None), ("VIR PRESTA 5", AMO), ("VIR PRESTA 3", AMO), ("VIR PRESTA 1", AMO)]
    found: list[Any] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        page = (await desk.get("/v1/matching/labels?limit=2" + (f"&cursor={cursor}" if cursor else ""))).json
        assert len(page["labels"]) == 2
        found += [(one["label"], one["payer"]) for one in page["labels"]]
        if not pages:
            assert (await teach(desk, AMO, "VIR PRESTA 6")).status == 201
        cursor, pages = page["next"], pages + 1
    assert (found, pages) == (expected, 2)
    whole = (await desk.get("/v1/matching/labels")).json
    assert [one["label"] for one in whole["labels"]] == ["VIR PRESTA 6", *(label for label, _ in expected)] and whole["next"] is None
    assert (await desk.get("/v1/matching/labels?cursor=abc")).code == "bad_cursor"
    assert (await desk.get("/v1/matching/labels?limit=201")).status == 400


async def test_a_label_may_stand_for_no_payer_and_for_nothing_again(desk: Desk, centre: Centre) -> None:
    await owed(centre)
    await teach(desk, None)
    assert "B0" in await rules(centre)
    await teach(desk, AMO)
    assert "B2" in await rules(centre), "the last word counts"
    reply = await desk.post("/v1/matching/labels:forget", {"account": ACCOUNT, "label": STRANGE})
    assert reply.status == 204 and (await desk.get("/v1/matching/labels")).json["labels"] == []
    assert "B9" in await rules(centre), "what followed the label alone falls with it"
    again = await desk.post("/v1/matching/labels:forget", {"account": ACCOUNT, "label": STRANGE})
    assert (again.status, again.code) == (404, "not_found")


async def test_a_window_for_one_payer_is_followed_and_named(desk: Desk, centre: Centre) -> None:
    before = (await desk.get("/v1/matching/settings")).json
    assert (before["revision"], before["window_to"], before["per_payer"]) == (0, 10, {})
    await centre.invoice()
    await centre.order("o:1", centre.line())
    await centre.bank(*credit(f"VIR SEPA {NAMES[AMO]}", day="171026"))
    assert "B9" in await rules(centre)
    assert (await put(desk, {"per_payer": {AMC: {"window_to": 30}}})).status == 200
    assert "B9" in await rules(centre), "of another payer"
    after = await put(desk, {"per_payer": {AMO: {"window_to": 30}}})
    assert after.json["revision"] == 2 and after.json["version"] != before["version"]
    assert "B2" in await rules(centre)
    async with centre.rows() as con:
        named = await con.fetchval("SELECT evidence ->> 'settings' FROM match WHERE problem = 'B' AND status = 'confirmed'")
        assert named == after.json["version"]
        assert [row[0] for row in await con.fetch("SELECT settings_revision FROM run ORDER BY seq")] == [0, 1, 2]


@pytest.mark.parametrize(
    "body",
    [
        {"window_from": 3, "window_to": 2}, {"per_payer": {AMO: {"window_to": -9}}}, {"per_payer": {"someone": {}}}, {"window_to": 1000},
        {"per_payer": {AMO: {"window_to": 99_999}}}, {"per_payer": {AMO: {"window_from": -400}}},
        {"per_payer": {AMO: {"recovery_days": -1}}},
        {"learned": []}, {"confirm_unique_sum": 1},
    ],
)  # fmt: skip
async def test_settings_that_cannot_be_are_refused(desk: Desk, body: dict[str, Any]) -> None:
    reply = await put(desk, body)
    assert (reply.status, reply.code) == (422, "matching_invalid")
    assert (await desk.get("/v1/matching/settings")).json["revision"] == 0


@pytest.mark.parametrize(("payer", "label"), [("someone", STRANGE), (AMO, ""), (AMO, "VIR SEPA"), (AMO, "…")])
async def test_a_label_that_tells_nothing_is_refused(desk: Desk, payer: str, label: str) -> None:
    reply = await teach(desk, payer, label)
    assert (reply.status, reply.code) == (422, "matching_invalid")


async def test_a_label_is_kept_without_a_nir(desk: Desk) -> None:
    reply = await teach(desk, AMO, "VIR 255089999901262 DUPONT")
    assert b"99999" not in reply.body
    assert b"99999" not in (await desk.get("/v1/matching/labels")).body


async def test_no_centre_sees_what_another_one_set(desk: Desk) -> None:
    await teach(desk, AMO)
    await put(desk, {"window_to": 20})
    other = await desk.house.desk()
    assert (await other.get("/v1/matching/labels")).json["labels"] == []
    assert (await other.get("/v1/matching/settings")).json["window_to"] == 10


async def test_the_commands(desk: Desk, tmp_path: Path) -> None:
    async def run(*arguments: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
        env = {**environment(desk, tmp_path / "home"), "DESMOS_OWNER_DSN": desk.house.owner_dsn}
        command = [sys.executable, "-m", "desmos_fast.cli", "matching", *arguments, "--centre", desk.finess]
        return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, env=env, check=False, input=given)

    assert (await run("teach", ACCOUNT, STRANGE, "--payer", AMO)).returncode == 0
    assert f"{ACCOUNT}  {STRANGE}  {AMO}" in (await run("labels")).stdout
    assert json.loads((await run("settings", "--set", "-", given='{"window_to": 12}')).stdout)["window_to"] == 12
    assert (await run("teach", ACCOUNT, STRANGE)).returncode == 2
    assert (await run("forget", ACCOUNT, STRANGE)).returncode == 0
    assert (await run("forget", ACCOUNT, STRANGE)).returncode == 1
