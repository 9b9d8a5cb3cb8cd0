# SPDX-License-Identifier: Apache-2.0
"""A pack of prices to come, imported while the service runs: a price flips on its day and not before, without a restart."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from desmos_fast.base.clock import paris_date, system_clock
from desmos_fast.db.tenant import direct
from desmos_fast.nomenclature import service
from tests.api.conftest import Desk, House
from tests.api.test_pricing import bare, look
from tests.nomenclature.packs import small

TRIES: Final = 100


@pytest.fixture
async def imports(house: House) -> AsyncIterator[House]:
    """Let no pack stay for the other tests of the service."""
    yield house
    async with direct(house.owner_dsn) as con:
        await con.execute("DELETE FROM tariff_pack")


async def priced(desk: Desk, day: date) -> dict[str, Any]:
    """Have a visit of a day priced by the service."""
    body = bare(desk, created_on=str(day))
    body["acts"][0]["date"] = str(day)
    found: dict[str, Any] = (await look(desk, "&explain=true", body)).json["pricing"]
    return found


async def test_a_price_flips_on_its_day_without_a_restart(imports: House, desk: Desk, tmp_path: Path) -> None:
    flip = paris_date(system_clock()) + timedelta(days=30)
    before = flip - timedelta(days=1)
    assert [(await priced(desk, day))["total"] for day in (before, flip)] == [3000, 3000]
    async with direct(imports.owner_dsn) as con:
        await service.import_tariffs(con, service.check_tariffs(small(tmp_path, prices=f"G,,3333,{flip},,L,a price of a test")))
    for _ in range(TRIES):
        if (await priced(desk, flip))["pack"] == "centre-1":
            break
        await asyncio.sleep(0.1)
    old, new = await priced(desk, before), await priced(desk, flip)
    assert (old["pack"], old["total"], old["amo"]) == ("centre-1", 3000, 2100)
    assert (new["pack"], new["total"], new["amo"]) == ("centre-1", 3333, 2333)
    # A given amount is held against the price of its day.
    body = bare(desk, absent=("unit_price", "base", "rate", "amo", "amc"), created_on=str(flip))
    body["acts"][0] |= {"date": str(flip), "base": 3000, "fees": 3333}
    fault = (await look(desk, "", body)).json["errors"][0]
    assert (fault["code"], fault["expected"]) == ("amount_mismatch", 3333)
