# SPDX-License-Identifier: Apache-2.0
"""Rejects and dead returns on the command line, in a process of its own, over the database of the service."""

from pathlib import Path

import orjson
import pytest

from tests.api.conftest import Desk
from tests.api.post import send_and_answer, sign
from tests.api.test_centre_commands import run, told
from tests.exchange.packs import all_again, new_pack
from tests.exchange.test_pack_runs import moved, widened
from tests.settlement.rejects.work import DUPLICATE, Work


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def test_rejects_are_listed_counted_assigned_claimed_and_billed_again(desk: Desk, home: Path) -> None:
    work = Work(desk)
    first, second = await work.rejected(), await work.rejected(code=DUPLICATE)
    listed = (await told(desk, home, "rejects", "list", "--json"))["rejects"]
    assert [row["invoice"] for row in listed] == [str(first.id), str(second.id)] == [row["invoice"] for row in await work.queue()]
    status, out, _ = await run(desk, home, "rejects", "list", "--owner", "tp_manager")
    assert status == 0 and "2900005 Facture déjà payée" in out and out.endswith("1 rejected, 28.00 EUR open\n")
    counted = await told(desk, home, "rejects", "figures", "--class", "identity", "--json")
    assert (counted["count"], counted["cents"]) == (1, 2800)
    assert (await told(desk, home, "rejects", "assign", str(first.id), "amo", "--to", "Sacha"))["assigned_to"] == "Sacha"
    assert "Sacha" in (await run(desk, home, "rejects", "list", "--assigned", "Sacha"))[1]
    changes = home.parent / "changes.json"
    changes.write_bytes(orjson.dumps({"amo": {"caisse": "752"}}))
    asked = ("rejects", "recycle", str(first.id), "amo", "--why", "caisse corrigée", "--corrections", str(changes))
    assert (await told(desk, home, *asked, "--dry-run"))["number"] is None and await desk.count("invoice") == 2
    made = await told(desk, home, *asked)
    assert made["parts"] == [{"part": "amo", "payer": "amo:01752", "open": 2800, "billed": 2800}] and await desk.count("invoice") == 3
    status, _, errors = await run(desk, home, "rejects", "recycle", str(second.id), "amo", "--why", "essai")
    assert status != 0 and "never billed again" in errors and f"/v1/rejects/{second.id}/amo/payments" in errors
    assert (await told(desk, home, "rejects", "payments", str(second.id), "amo"))["payments"] == []
    assert (await told(desk, home, "rejects", "claim", str(second.id), "amo", "--why", "essai"))["state"] == "pending"
    status, out, _ = await run(desk, home, "rejects", "list")
    assert out == "0 rejected, 0.00 EUR open\n"


async def test_a_dead_return_is_listed_shown_taken_out_tried_and_given_up(desk: Desk, home: Path, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    torn = said.rsp[0][:-200]
    assert (await desk.post("/v1/returns", torn)).status == 422
    (letter,) = (await told(desk, home, "returns", "dead", "list", "--json"))["dead"]
    status, out, _ = await run(desk, home, "returns", "dead", "list")
    assert status == 0 and letter["id"] in out and "faulty_input" in out and out.endswith("1 open\n")
    assert (await told(desk, home, "returns", "dead", "show", letter["id"]))["faults"]
    assert (await run(desk, home, "returns", "dead", "get", letter["id"], "-o", str(tmp_path / "torn.b2")))[0] == 0
    assert (tmp_path / "torn.b2").read_bytes() == torn
    status, _, errors = await run(desk, home, "returns", "dead", "retry", letter["id"])
    assert status == 1 and "B2_" in errors
    assert (await told(desk, home, "returns", "dead", "show", letter["id"]))["tries"] == 2
    assert (await told(desk, home, "returns", "dead", "discard", letter["id"], "--why", "renvoyé"))["state"] == "discarded"
    assert (await run(desk, home, "returns", "dead", "list"))[1] == "0 open\n"


async def test_a_return_in_the_layouts_of_a_pack_to_come_is_taken_once_the_pack_is_there(
    desk: Desk, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign(desk, "01_ngap_visit", "07_amc_apart")
    _, (said,) = await send_and_answer(desk, tmp_path)
    pack = new_pack(tmp_path)
    for change in (moved, widened):
        change(pack)
    other = all_again(said.rsp[0], pack)
    assert (await desk.post("/v1/returns", other)).status == 422
    (letter,) = (await told(desk, home, "returns", "dead", "list", "--json"))["dead"]
    assert letter["profile"] == "essai-1"
    monkeypatch.setenv("DESMOS_LAYOUTS", str(pack))
    taken = await told(desk, home, "returns", "dead", "retry", letter["id"])
    assert taken["state"] == "taken" and taken["orders"] == await desk.count("payment_order") > 0
    shown = await Work(desk).look("SELECT l.amount, l.invoice_number FROM order_line AS l ORDER BY 2, 1")
    assert [tuple(row) for row in shown] == [(2100, 1), (1200, 2), (2800, 2)]
    # What it says was not taken from the layouts of before: under these the same content is known.
    monkeypatch.setenv("DESMOS_LAYOUTS", "")
    reply = await desk.post("/v1/returns", said.rsp[0])
    assert (reply.status, reply.code) == (409, "return_repeated")
