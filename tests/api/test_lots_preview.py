# SPDX-License-Identifier: Apache-2.0
"""A preview says what the next build makes, and leaves no trace of itself."""

from typing import Any, Final

import orjson

from monitoring import metrics
from tests.api.conftest import Desk
from tests.api.post import build, rows, sign

KINDS: Final = ("01_ngap_visit", "02_dental_ccam", "07_amc_apart", "08_c2s", "13_defaults", "17_third_party")
TABLES: Final = """
    SELECT c.relname FROM pg_class AS c
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
       AND (EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') OR c.relname LIKE 'pgqueuer%')
       AND c.relname NOT IN ('centre', 'api_key')
     ORDER BY 1
"""


def sealed() -> float:
    """Return how many lots this process counted as sealed."""
    return metrics.REGISTRY.get_sample_value("desmos_lots_sealed_total") or 0.0


async def everything(desk: Desk) -> dict[str, list[str]]:
    """Return every row of every table that a centre's work may change, the queue included."""
    async with rows(desk) as con:
        tables = [row["relname"] for row in await con.fetch(TABLES)]
        return {name: [row[0] for row in await con.fetch(f"SELECT t::text FROM {name} AS t ORDER BY 1")] for name in tables}


def figures(built: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a build says of its files, without the ids that only a build gives."""
    return [
        {key: value for key, value in file.items() if key not in ("id", "total", "lots")}
        | {"lots": [{key: value for key, value in lot.items() if key != "id"} for lot in file["lots"]]}
        for file in built["files"]
    ]


async def preview(desk: Desk, body: object) -> dict[str, Any]:
    reply = await desk.house.send("POST", "/v1/lots:preview", {"Authorization": f"Bearer {desk.key}"}, orjson.dumps(body))
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json
    return found


async def test_a_preview_changes_nothing_and_the_build_after_it_is_what_it_said(desk: Desk) -> None:
    await sign(desk, *KINDS)
    settings = {"max_invoices_per_lot": 2, "max_lots_per_file": 3}
    before = await everything(desk)
    assert len(before["share"]) > len(KINDS) and {"lot", "file", "event", "counter", "pgqueuer"} <= set(before)
    counted = sealed()
    first, second = await preview(desk, settings), await preview(desk, settings)
    assert await everything(desk) == before
    assert sealed() == counted
    assert first == second
    built = await build(desk, **settings)
    assert len(built["files"]) > 1
    assert figures(built) == figures(first)
    assert {name: built[name] for name in ("lots", "shares", "invoices")} == {name: first[name] for name in ("lots", "shares", "invoices")}
    assert sealed() == counted + built["lots"]
    assert await everything(desk) != before, "the comparison sees what a build does"


async def test_totals_are_those_of_the_lots_by_file_and_by_destination(desk: Desk) -> None:
    await sign(desk, *KINDS)
    found = await preview(desk, {"one_destination_per_file": True})
    for file in found["files"]:
        for name in ("invoices", "fees", "amo", "amc"):
            assert file["total"][name] == sum(lot[name] for lot in file["lots"])
    for name in ("lots", "invoices", "fees", "amo", "amc"):
        assert found["total"][name] == sum(place["total"][name] for place in found["destinations"]) > 0
    places = [(place["destination"], place["amc_number"], place["total"]["invoices"]) for place in found["destinations"]]
    assert places == [("01/751/0000", None, 5), ("01/751/0000", "0075912345", 1), ("02/345/0000", None, 1)]


async def test_nothing_waiting_is_an_empty_preview(desk: Desk) -> None:
    nothing = {"lots": 0, "invoices": 0, "fees": 0, "amo": 0, "amc": 0}
    assert await preview(desk, {}) == {"files": [], "destinations": [], "lots": 0, "shares": 0, "invoices": 0, "total": nothing}


async def test_a_preview_refuses_what_a_build_refuses(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit")
    headers = {"Authorization": f"Bearer {desk.key}"}
    reply = await desk.house.send("POST", "/v1/lots:preview", headers, b'{"max_invoices_per_lot":0}')
    assert (reply.status, reply.code) == (422, "faulty_input")
    assert (await desk.house.send("POST", "/v1/lots:preview", headers, b"")).code == "empty_body"
    assert (await desk.house.send("POST", "/v1/lots:preview?x=1", headers, b"{}")).code == "bad_parameter"


async def test_a_number_that_no_machine_word_holds_is_refused_and_shown(desk: Desk) -> None:
    refused = await desk.post("/v1/lots:preview", b'{"lots_by": ["amount"], "amount_bounds": [133584193173402320896]}')
    assert (refused.status, refused.json["errors"][0]["code"]) == (422, "B2_OVERFLOW")
    assert refused.json["errors"][0]["value"] == "133584193173402320896"
