# SPDX-License-Identifier: Apache-2.0
"""A centre that came after the last ANALYZE is served as fast as the others: statistics must not take it for empty."""

import json
from typing import Any, Final

from desmos_fast.db.roles import APP
from desmos_fast.db.tenant import SET_TENANT
from desmos_fast.returns import store as returns
from tests.db.databases import Place
from tests.db.test_plans import SEED, nodes

INVOICES: Final = 2000
KNOWN: Final = 6
ROWS: Final = (
    "Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck",
)  # fmt: skip
UNTOLD: Final = """
    SELECT c.relname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
     WHERE a.attname = 'tenant_id' AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND coalesce(a.attstattarget, -1) <> 0
"""


def in_vain(plan: dict[str, Any]) -> int:
    """Return how many rows a plan that was run read and threw away."""
    return sum(int(node.get(name, 0)) * int(node["Actual Loops"]) for node in nodes(plan) for name in ROWS)


async def test_no_table_tells_its_tenants_apart_by_statistics(place: Place) -> None:
    async with place.admin() as con:
        assert await con.fetch(UNTOLD) == []


async def test_an_acknowledgement_of_a_new_centre_reads_what_it_needs(place: Place) -> None:
    new, *known = [await place.centre() for _ in range(KNOWN + 1)]
    async with place.admin() as con:
        await con.execute("SET session_replication_role = replica")
        for who in (*known, new):
            if who == new:
                # As autovacuum does, some time before the centre comes.
                await con.execute("ANALYZE")
            await con.execute(
                "SELECT set_config('seed.tenant', $1, false), set_config('seed.invoices', $2, false)", str(who), str(INVOICES)
            )
            await con.execute(SEED)
        lots = [row["id"] for row in await con.fetch("SELECT id FROM lot WHERE tenant_id = $1", new)]
        async with con.transaction():
            await con.execute(f"SET LOCAL ROLE {APP}")
            await con.execute(SET_TENANT, str(new))
            await con.execute("SET LOCAL statement_timeout = '60s'")
            (row,) = await con.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {returns.ANSWER_SHARES}", new, lots)
    assert in_vain(json.loads(row[0])[0]["Plan"]) < 50 * INVOICES
