# SPDX-License-Identifier: Apache-2.0
"""Invoices priced by the real service: what is absent is filled, what is given is checked, and why is told."""

from typing import Any, Final

import orjson
import pytest

from tests.api.conftest import Desk, Reply, person
from tests.api.test_invoices import AMC, C2S, errors, rows, signed

AMOUNTS: Final = ("unit_price", "base", "rate", "amo", "fees", "amc")
BATCH: Final = "/v1/invoices:batch"


def bare(desk: Desk, name: str = "01_ngap_visit", absent: tuple[str, ...] = AMOUNTS, **changes: Any) -> dict[str, Any]:
    """Return an invoice whose acts lack some amounts."""
    made = desk.invoice(name, **changes)
    for act in made["acts"]:
        act["amc"] = act["fees"] - act["amo"] if made["amc"] else 0
        for amount in absent:
            del act[amount]
    return made


async def look(desk: Desk, query: str, body: dict[str, Any]) -> Reply:
    """Have an invoice checked only."""
    return await desk.house.send(
        "POST", f"/v1/invoices?validate_only=true{query}", {"Authorization": f"Bearer {desk.key}"}, orjson.dumps(body)
    )


@pytest.mark.parametrize("absent", [*((name,) for name in AMOUNTS), AMOUNTS])
async def test_an_absent_amount_is_filled(desk: Desk, absent: tuple[str, ...]) -> None:
    await signed(desk, bare(desk, absent=(), amc=AMC))
    made = await signed(desk, bare(desk, absent=absent, amc=AMC))
    assert made | {"id": ""} == {
        "id": "", "number": 2, "state": "signed", "total": 3000, "from_amo": 2100, "from_amc": 900, "desk": 0
    }  # fmt: skip
    complete, filled = await rows(desk, "SELECT fees, amo, amc_sum, destination, amc_number FROM invoice ORDER BY number")
    assert complete == filled


async def test_an_amount_that_is_null_is_absent(desk: Desk) -> None:
    body = desk.invoice()
    body["acts"][0]["amo"] = None
    assert (await signed(desk, body))["from_amo"] == 2100


async def test_what_no_tariff_says_is_asked_for(desk: Desk) -> None:
    body = bare(desk)
    body["acts"][0]["code"] = "ZZ"
    assert errors(await desk.post("/v1/invoices", body)) == [("amount_missing", "/acts/0/unit_price")]
    body["acts"][0]["unit_price"] = 3000
    assert errors(await desk.post("/v1/invoices", body)) == [("amount_missing", "/acts/0/rate")]
    body["acts"][0]["rate"] = 70
    assert (await signed(desk, body))["from_amo"] == 2100


@pytest.mark.parametrize(
    ("field", "given", "expected", "rule"),
    [("base", 2999, 3000, "P5"), ("rate", 60, 70, "P7"), ("amo", 2099, 2100, "P10"), ("amo", 2101, 2100, "P10"), ("amc", 899, 900, "P11")],
)
async def test_a_given_amount_is_checked(desk: Desk, field: str, given: int, expected: int, rule: str) -> None:
    body = bare(desk, amc=AMC)
    body["acts"][0][field] = given
    reply = await desk.post("/v1/invoices", body)
    assert errors(reply) == [("amount_mismatch", f"/acts/0/{field}")]
    (error,) = reply.json["errors"]
    assert (error["value"], error["expected"], error["rule"]) == (given, expected, rule)
    assert error["title_fr"] != "Donnée refusée"
    assert await desk.count("invoice") == 0


async def test_a_line_of_a_batch_says_what_was_expected(desk: Desk) -> None:
    wrong = desk.invoice()
    wrong["acts"][0]["amo"] = 2099
    lines = [desk.invoice(), wrong, bare(desk), b"{", bare(desk, amc=C2S)]
    reply = await desk.post(BATCH, b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines))
    assert (reply.json["accepted"], reply.json["refused"]) == (3, 2)
    (error,) = reply.json["results"][1]["errors"]
    assert {key: error[key] for key in ("code", "field", "value", "expected", "rule")} == {
        "code": "amount_mismatch", "field": "acts[0].amo", "value": 2099, "expected": 2100, "rule": "P10"
    }  # fmt: skip
    kept = await rows(desk, "SELECT number, fees, amo, amc_sum FROM invoice ORDER BY number")
    assert [tuple(row) for row in kept] == [(1, 3000, 2100, 0), (2, 3000, 2100, 0), (3, 3000, 2100, 900)]


async def test_numbers_of_filled_invoices_are_chosen_or_given(desk: Desk) -> None:
    lines = [bare(desk) | {"number": 2}, bare(desk), bare(desk) | {"number": 2}, bare(desk), bare(desk) | {"number": 0}]
    reply = await desk.post(BATCH, b"\n".join(map(orjson.dumps, lines)))
    found = [result.get("number") or result["errors"][0]["code"] for result in reply.json["results"]]
    assert found == [2, 1, "B2_DUPLICATE_NUMBER", 3, "B2_BAD_VALUE"]


async def test_an_amount_that_was_found_may_be_too_wide_for_its_record(desk: Desk) -> None:
    body = bare(desk)
    body["acts"][0] |= {"unit_price": 9_000_000, "quantity": 90}
    found = errors(await desk.post("/v1/invoices", body))
    assert found and {code for code, _ in found} == {"B2_OVERFLOW"}


async def test_why_is_told_when_it_is_asked(desk: Desk) -> None:
    reply = await desk.post("/v1/invoices?explain=true", bare(desk, amc=AMC))
    assert reply.status == 201, reply.body
    pricing = reply.json["pricing"]
    assert (pricing["total"], pricing["amo"], pricing["amc"], pricing["patient"], pricing["participation"]) == (3000, 2100, 900, 0, 200)
    (act,) = pricing["acts"]
    assert act["rules"] == {
        "unit_price": "P2", "fees": "P4", "base": "P5", "rate": "P7g", "amo": "P10", "amc": "P11 contract", "participation": "P13"
    }  # fmt: skip
    by_table = {row["table"]: row for row in act["rows"]}
    assert set(by_table) == {"acts", "prices", "rates", "contracts", "values"}
    assert by_table["prices"] | {"source": "", "until": None} == {
        "amount": "unit_price", "table": "prices", "key": "G/*", "since": "2024-12-22", "until": None, "source": "", "confidence": "H"
    }  # fmt: skip
    assert by_table["prices"]["source"]
    said = " ".join(phrase["text"] for phrase in act["phrases"])
    assert "sera retenue par la caisse, n'est pas demandée au centre" in said
    assert person()[:13] not in reply.body.decode()
    assert "DUPONT" not in reply.body.decode()


async def test_the_same_is_told_of_a_trial(desk: Desk) -> None:
    body = bare(desk, amc=AMC)
    assert (await look(desk, "", body)).json == {"valid": True}
    asked = (await look(desk, "&explain=true", body)).json
    assert asked["valid"] is True
    assert asked["pricing"] == (await desk.post("/v1/invoices?explain=true", body)).json["pricing"]
    body["acts"][0]["amo"] = 1
    assert errors(await look(desk, "&explain=true", body)) == [("amount_mismatch", "/acts/0/amo")]


async def test_old_care_needs_somebody_who_allows_it(desk: Desk) -> None:
    body = bare(desk)
    body["acts"][0]["date"] = "2025-10-01"
    assert errors(await desk.post("/v1/invoices", body)) == [("care_too_old", "/acts/0/date")]
    lines = orjson.dumps(body)
    assert (await desk.post(BATCH, lines)).json["refused"] == 1
    assert (await desk.post(f"{BATCH}?allow_late=true", lines)).json["accepted"] == 1
    assert (await desk.post("/v1/invoices?allow_late=true", body)).status == 201
    assert (await desk.post("/v1/invoices?allow_late=perhaps", body)).code == "bad_parameter"
