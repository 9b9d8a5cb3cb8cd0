# SPDX-License-Identifier: Apache-2.0
"""The list of invoices on the command line, over the database of the service: what the API lists, and no more."""

from pathlib import Path

import orjson

from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, person
from tests.api.test_centre_commands import run, told

COUNT = 230


async def test_invoices_are_listed_as_the_api_lists_them(desk: Desk, tmp_path: Path) -> None:
    body = b"\n".join(orjson.dumps(desk.invoice(insured_nir=person(order))) for order in range(COUNT))
    assert (await desk.post("/v1/invoices:batch", body, str(uuid7()))).json["accepted"] == COUNT
    home = tmp_path / "home"
    shown = (await told(desk, home, "invoices", "--limit", "1000", "--json"))["invoices"]
    first, second = (await desk.get("/v1/invoices")).json, None
    second = (await desk.get(f"/v1/invoices?cursor={first['next']}")).json
    assert shown == first["invoices"] + second["invoices"] and len(shown) == COUNT, "more than a page of the API"
    assert person(1).encode() not in orjson.dumps(shown)
    (one,) = (await told(desk, home, "invoices", "--number", "7", "--json"))["invoices"]
    assert one["number"] == 7
    status, out, _ = await run(desk, home, "invoices", "--limit", "2", "--share", "open", "--document", "signed")
    lines = out.splitlines()
    assert status == 0 and lines[0].split()[0] == str(COUNT) and lines[-1].startswith("2 invoices, ")
    assert any("amo" in line and "open" in line for line in lines)
    for asked in (
        ("--share", "settled"),
        ("--payer", "amo:99999"),
        ("--from", "2099-01-01"),
        ("--care-to", "2001-01-01"),
        ("--executor", "1"),
    ):
        assert (await run(desk, home, "invoices", *asked))[1] == "0 invoices, 0.00 EUR\n", asked
    status, _, errors = await run(desk, home, "invoices", "--share", "lost")
    assert status == 2 and "announced_part" in errors
