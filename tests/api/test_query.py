# SPDX-License-Identifier: Apache-2.0
"""Parameters of the query: those that a route takes, once each; nothing is done for a request that asks for more."""

import orjson
import pytest

from tests.api.conftest import Desk, House

SYNTHETIC = "255089999901227"


@pytest.mark.parametrize(
    "query",
    ["dratf=true", "draft=true&draft=false", "validate_only=false&x", "validate-only=true", f"{SYNTHETIC}=1", "%ff=1", "=true"],
)
async def test_an_invoice_is_not_signed_when_the_query_is_not_understood(desk: Desk, query: str) -> None:
    reply = await desk.post(f"/v1/invoices?{query}", desk.invoice())
    assert (reply.status, reply.code) == (400, "bad_parameter")
    assert SYNTHETIC not in reply.body.decode()
    assert await desk.count("invoice") == 0


@pytest.mark.parametrize(
    ("path", "query"),
    [("/v1/invoices:batch", "validate_only=true"), ("/v1/lots:build", "validate_only=true"),
     ("/v1/accounting/exports", "validate_only=true"),
     ("/v1/invoices:batch", "draft=true"), ("/v1/returns", "draft=true"), ("/v1/bank-statements", "draft=true"),
     ("/v1/reconciliations", "draft=true")],
)  # fmt: skip
async def test_a_trial_is_not_taken_for_the_real_thing(desk: Desk, path: str, query: str) -> None:
    reply = await desk.post(f"{path}?{query}", desk.invoice() if path.endswith("batch") else {})
    assert (reply.status, reply.code) == (400, "bad_parameter")
    assert await desk.count("invoice") == 0
    assert await desk.count("idempotency") == 0


async def test_questions_refuse_what_they_do_not_take_and_probes_do_not_mind(house: House, desk: Desk) -> None:
    assert (await desk.get("/v1/dashboard?since=2026-11-01")).code == "bad_parameter"
    assert (await desk.get("/v1/nothing?x=1")).code == "not_found"
    assert (await house.send("GET", "/livez?t=1", {})).status == 200


async def test_a_trial_says_that_a_number_is_used(house: House, desk: Desk) -> None:
    assert (await desk.post("/v1/invoices", desk.invoice(number=7))).status == 201
    real = await desk.post("/v1/invoices", desk.invoice(number=7))
    headers = {"Authorization": f"Bearer {desk.key}"}
    trial = await house.send("POST", "/v1/invoices?validate_only=true", headers, orjson.dumps(desk.invoice(number=7)))
    assert (trial.status, trial.json["errors"]) == (real.status, real.json["errors"]) == (422, trial.json["errors"])
    [fault] = trial.json["errors"]
    assert (fault["code"], fault["pointer"], fault["value"]) == ("B2_DUPLICATE_NUMBER", "/number", 7)
    assert "line" not in fault
    trial = await house.send("POST", "/v1/invoices?validate_only=true", headers, orjson.dumps(desk.invoice(number=8)))
    assert trial.json == {"valid": True}


@pytest.mark.parametrize(
    "path",
    ["/v1/rejects?code=%00", "/v1/matches?payer=a%00", "/v1/decisions?subject=%00", "/v1/follow-up/outstanding?payer=%00",
     "/v1/ledger/entries?ref=%00", "/v1/reminders?payer=%0A"],
)  # fmt: skip
async def test_control_characters_ask_for_nothing(desk: Desk, path: str) -> None:
    assert (await desk.get(path)).code == "bad_parameter"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/decisions", {"kind": "match", "problem": "B", "left": ["a\0"], "right": ["b"]}),
        ("/v1/decisions", {"kind": "write_off", "share": "a\0/1/amo"}),
        ("/v1/follow-up/settings", {"name": "amc.delay", "value": "45 calendar", "since": "2026-01-01", "source": "a\0"}),
    ],
)
async def test_what_no_text_may_hold_is_refused_and_nothing_is_kept(desk: Desk, path: str, body: object) -> None:
    reply = await desk.post(path, body, key="one")
    assert (reply.status, reply.code) == (400, "bad_request") and "U+0000" in reply.json["detail"]
    assert await desk.count("event") == await desk.count("decision") == 0
    assert (await desk.post(path, body, key="one")).code == "bad_request"


@pytest.mark.parametrize("query", ["from=0001-01-01T00:00:00%2B14:00", "from=2026-01-01T00:00:00Z&to=9999-12-31T23:59:59-14:00"])
async def test_an_instant_that_its_offset_leads_out_of_the_calendar_is_refused(desk: Desk, query: str) -> None:
    made = (await desk.post("/v1/webhooks", {"url": "https://1.1.1.1/x"})).json
    reply = await desk.post(f"/v1/webhooks/{made['id']}:replay?{query}", b"")
    assert (reply.status, reply.code) == (400, "bad_parameter")
