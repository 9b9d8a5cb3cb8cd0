# SPDX-License-Identifier: Apache-2.0
"""Quotes through the real service: what care would cost, and nothing of it kept."""

from typing import Any

import orjson
import pytest

from tests.api.conftest import Desk, Reply, person
from tests.api.test_invoices import REAL_FORM, errors
from tests.api.test_pricing import bare


async def asked(desk: Desk, body: dict[str, Any], query: str = "") -> Reply:
    """Ask for a quote, as anyone does who has no key of his own for it."""
    return await desk.house.send("POST", f"/v1/quotes{query}", {"Authorization": f"Bearer {desk.key}"}, orjson.dumps(body))


async def test_a_quote_says_who_would_pay_and_what_else_to_propose(desk: Desk) -> None:
    body = bare(desk, "02_dental_ccam")
    body["acts"][0] |= {"code": "HBLD403", "grouping": "PFC", "unit_price": 12000, "fees": 80000}
    reply = await asked(desk, body)
    assert reply.status == 200, reply.body
    quote = reply.json
    assert (quote["total"], quote["amo"], quote["amc"], quote["patient"], quote["desk"]) == (80000, 7200, 4800, 68000, 68000)
    assert quote["profile"] == "profil d'essai, non agréé"
    (act,) = quote["acts"]
    assert (act["basket"]["name"], act["alternative"]["code"], act["alternative"]["shares"]["patient"]) == ("tarifs libres", "HBLD680", 0)
    assert person()[:13] not in reply.body.decode()
    assert "DUPONT" not in reply.body.decode()


async def test_the_desk_is_what_third_party_payment_leaves(desk: Desk) -> None:
    quotes = [(await asked(desk, bare(desk, third_party=payer))).json for payer in ("full", "amo", "none")]
    assert [(quote["patient"], quote["desk"]) for quote in quotes] == [(900, 900), (900, 900), (900, 3000)]


async def test_a_quote_for_another_day_is_by_the_rows_of_that_day(desk: Desk) -> None:
    body = bare(desk, "02_dental_ccam", ("base", "rate", "amo", "amc"))
    assert [(await asked(desk, body, query)).json["amo"] for query in ("", "?on=2023-10-14", "?on=2023-10-15")] == [7200, 8400, 7200]


@pytest.mark.parametrize("day", ["2023-02-30", "20231014", "14/10/2023", "", "2023-1-4"])
async def test_a_day_is_written_in_one_way(desk: Desk, day: str) -> None:
    assert (await asked(desk, bare(desk), f"?on={day}")).code == "bad_parameter"


async def test_what_cannot_be_billed_is_not_quoted(desk: Desk) -> None:
    body = bare(desk)
    body["acts"][0] |= {"fees": 4000}
    assert errors(await asked(desk, body)) == [("excess_not_allowed", "/acts/0/fees")]
    assert errors(await asked(desk, bare(desk, insured_nir=REAL_FORM))) == [("wrong_key_kind", "/insured_nir")]
    assert (await desk.house.send("POST", "/v1/quotes", {}, orjson.dumps(bare(desk)))).status == 401


async def test_nothing_is_kept_of_a_quote(desk: Desk) -> None:
    assert (await asked(desk, bare(desk))).status == 200
    assert [await desk.count(table) for table in ("invoice", "share", "counter", "idempotency", "event")] == [0] * 5
