# SPDX-License-Identifier: Apache-2.0
"""A page of invoices is read by their key, and costs the same among millions as among few, however rare what is asked for."""

import json
from datetime import date
from typing import Final

import pytest

from desmos_fast.billing.listing import store
from desmos_fast.billing.listing.model import Wanted
from desmos_fast.db.pool import Connection
from tests.db.test_plans import Busy, busy, con, explained, indexes, nodes, scanned

__all__ = ["busy", "con"]

DAY: Final = date(2025, 7, 2)
MANY: Final = store.LOOKED_AT
NONE: Final = (None,) * 6


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    ("seen", "filters"),
    [
        (201, NONE),
        (MANY, ("priced", None, None, None, None, None)),
        (MANY, (None, 123456789, None, None, None, None)),
        (MANY, (None, None, DAY, DAY, None, None)),
        (MANY, (None, None, None, None, "settled", None)),
        (MANY, (None, None, None, None, "open", "amo:01750")),
    ],
)
async def test_a_page_is_read_by_the_key(con: Connection, busy: Busy, mode: str, seen: int, filters: tuple[object, ...]) -> None:
    await con.execute(f"SET LOCAL plan_cache_mode = {mode}")
    plan = await explained(con, store.INVOICES, busy.tenant, store.LAST, store.FIRST, seen, 201, *filters)
    assert scanned(plan) == []
    by_key = [node for node in plan if node["Node Type"].startswith("Index") and node["Index Name"].startswith("invoice_")]
    assert [(node["Scan Direction"], node["Index Name"][-5:]) for node in by_key] == [("Backward", "_pkey")]
    assert "id < " in by_key[0]["Index Cond"] and "id >= " in by_key[0]["Index Cond"]
    assert not any(node["Node Type"] == "Sort" and "id" in str(node["Sort Key"]) for node in plan), "the key is in order"


async def test_a_number_is_found_by_its_own_index(con: Connection, busy: Busy) -> None:
    plan = await explained(con, store.NUMBERED, busy.tenant, "b", 7)
    assert scanned(plan) == [] and any(name.endswith("biller_number_key") for name in indexes(plan))


async def test_what_nothing_has_costs_what_a_page_looks_at_and_no_more(con: Connection, busy: Busy) -> None:
    asked = (None, 123456789, None, None, None, None)
    statement = f"EXPLAIN (ANALYZE, FORMAT JSON) {store.INVOICES}"
    (row,) = await con.fetch(statement, busy.tenant, store.LAST, store.FIRST, 500, 201, *asked)
    read = [node["Actual Rows"] for node in nodes(json.loads(row[0])[0]["Plan"]) if node.get("Index Name", "").startswith("invoice_")]
    # Whoever numbers them reads one ahead.
    assert len(read) == 1 and 500 <= read[0] <= 501
    rows, last = await store.invoices(con, busy.tenant, Wanted(executor=123456789))
    assert rows == [] and last is not None
