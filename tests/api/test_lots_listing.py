# SPDX-License-Identifier: Apache-2.0
"""Lots and files looked through: pages, filters, one of each whole, and nothing of another centre."""

import asyncio
from typing import Any, Final
from uuid import UUID

import pytest

from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, House
from tests.api.post import build, rows, sign

ALL_DIFFERENT: Final = {"max_invoices_per_lot": 1, "max_lots_per_file": 1}


async def get(desk: Desk, path: str) -> Any:
    reply = await desk.get(path)
    assert reply.status == 200, reply.body
    return reply.json


async def walk(desk: Desk, kind: str, limit: int) -> list[dict[str, Any]]:
    """Read every page of a list."""
    found, cursor = [], ""
    while True:
        page = await get(desk, f"/v1/{kind}?limit={limit}{cursor}")
        assert len(page[kind]) <= limit
        found += page[kind]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def test_pages_hold_each_once_and_the_newest_first(desk: Desk) -> None:
    made: dict[str, list[set[str]]] = {"lots": [], "files": []}
    for _ in range(2):
        await sign(desk, *["01_ngap_visit"] * 3)
        built = await build(desk, **ALL_DIFFERENT)
        made["lots"].append({lot["id"] for file in built["files"] for lot in file["lots"]})
        made["files"].append({file["id"] for file in built["files"]})
    for kind, (older, newer) in made.items():
        whole = [one["id"] for one in await walk(desk, kind, 200)]
        assert (set(whole[:3]), set(whole[3:])) == (newer, older)
        for limit in (1, 2, 3, 6):
            assert [one["id"] for one in await walk(desk, kind, limit)] == whole
    assert (await get(desk, "/v1/lots"))["next"] is None


async def test_a_page_begun_is_not_shifted_by_a_build(desk: Desk) -> None:
    await sign(desk, *["01_ngap_visit"] * 3)
    await build(desk, **ALL_DIFFERENT)
    whole = await get(desk, "/v1/lots")
    first = await get(desk, "/v1/lots?limit=2")
    await sign(desk, "01_ngap_visit")
    await build(desk)
    rest = await get(desk, f"/v1/lots?limit=2&cursor={first['next']}")
    assert first["lots"] + rest["lots"] == whole["lots"]


async def test_filters_leave_what_was_asked_for(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit", "07_amc_apart", "13_defaults")
    await build(desk, one_destination_per_file=True)
    async with rows(desk) as con:
        await con.execute("UPDATE file SET state = 'sent' WHERE sequence = 1")
        today = (await con.fetchval("SELECT created_on FROM file LIMIT 1")).isoformat()
    places = {place: [lot["destination"] for lot in (await get(desk, f"/v1/lots?destination={place}"))["lots"]]
              for place in ("01", "02/345", "02/345/0000", "02/345/0001")}  # fmt: skip
    assert places == {"01": ["01/751/0000"] * 2, "02/345": ["02/345/0000"], "02/345/0000": ["02/345/0000"], "02/345/0001": []}
    assert [file["sequence"] for file in (await get(desk, "/v1/files?destination=02"))["files"]] == [2]
    assert [file["sequence"] for file in (await get(desk, "/v1/files?state=sent"))["files"]] == [1]
    assert len((await get(desk, "/v1/lots?state=sealed"))["lots"]) == 3
    assert (await get(desk, "/v1/lots?state=refused"))["lots"] == []
    assert len((await get(desk, f"/v1/files?from={today}&to={today}"))["files"]) == 2
    assert (await get(desk, "/v1/files?to=2020-01-01"))["files"] == (await get(desk, "/v1/lots?from=2060-01-01"))["lots"] == []


@pytest.mark.parametrize(
    "query",
    ["state=nothing", "destination=1", "destination=01/75", "destination=01/751/0000/1", "destination=%D9%A1%D9%A1", "from=yesterday",
     "limit=201", "limit=0", "page=2"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["lots", "files"])
async def test_what_no_list_takes_is_refused(desk: Desk, kind: str, query: str) -> None:
    reply = await desk.get(f"/v1/{kind}?{query}")
    assert (reply.status, reply.code) == (400, "bad_parameter")


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "A" * 21 + "B", "A" * 22 + "=="])
async def test_a_cursor_that_is_not_ours_is_refused(desk: Desk, cursor: str) -> None:
    reply = await desk.get(f"/v1/files?cursor={cursor}")
    assert (reply.status, reply.code) == (400, "bad_cursor")


async def test_a_lot_shows_its_invoices_and_its_story(desk: Desk) -> None:
    ids = await sign(desk, "01_ngap_visit", "02_dental_ccam")
    (file,) = (await build(desk))["files"]
    (lot,) = file["lots"]
    found = await get(desk, f"/v1/lots/{lot['id']}")
    assert {name: found[name] for name in ("number", "cycle", "flow", "invoices", "fees", "amo", "amc", "amc_number")} == {
        name: lot[name] for name in ("number", "cycle", "flow", "invoices", "fees", "amo", "amc", "amc_number")
    }
    assert (found["state"], found["destination"], found["file"]) == ("sealed", "01/751/0000", {"id": file["id"], "name": file["name"]})
    assert [one["id"] for one in found["contents"]] == ids
    assert [one["record"] for one in found["contents"]] == sorted(one["record"] for one in found["contents"])
    assert found["contents"][1]["parts"] == [
        {"part": "amo", "state": "lotted", "live": True}, {"part": "amc", "state": "lotted", "live": True}
    ]  # fmt: skip
    assert {told["event"] for told in found["timeline"]} == {"lot.sealed", "file.queued"}
    assert {UUID(told["by"]) for told in found["timeline"]} and found["timeline"][0]["detail"]["number"] == 1


async def test_a_file_shows_its_lots_and_its_sums(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit", "07_amc_apart", "17_third_party")
    (built,) = (await build(desk))["files"]
    found = await get(desk, f"/v1/files/{built['id']}")
    assert [lot["id"] for lot in found["contents"]] == [lot["id"] for lot in built["lots"]]
    assert (found["size"], found["sha256"], found["state"], found["lots"]) == (built["size"], built["sha256"], "queued", len(built["lots"]))
    for name in ("invoices", "fees", "amo", "amc"):
        assert found[name] == sum(lot[name] for lot in built["lots"])
    assert (await get(desk, "/v1/files"))["files"] == [{key: value for key, value in found.items() if key not in ("contents", "timeline")}]


async def test_another_centre_finds_nothing(desk: Desk, house: House) -> None:
    await sign(desk, "01_ngap_visit")
    (file,) = (await build(desk))["files"]
    other = await house.desk()
    assert (await get(other, "/v1/lots"))["lots"] == (await get(other, "/v1/files"))["files"] == []
    paths = [f"/v1/files/{file['id']}", f"/v1/lots/{file['lots'][0]['id']}", f"/v1/lots/{uuid7()}", "/v1/lots/none"]
    replies = await asyncio.gather(*map(other.get, paths))
    assert {(reply.status, reply.code) for reply in replies} == {(404, "not_found")}
