# SPDX-License-Identifier: Apache-2.0
"""What users of other tools complain of, where the database has to answer: half a match, no trace of why."""

from typing import Any

import asyncpg

from desmos_fast.base.clock import system_clock
from desmos_fast.db.tenant import direct
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from desmos_fast.settlement import service
from tests.api.conftest import Desk
from tests.settlement.centre import Centre, credit
from tests.settlement.decisions.test_killed import Dying


async def waiting(desk: Desk) -> Centre:
    """Give a centre whose next run matches lines and credits, parks one, and moves shares."""
    centre = Centre(desk)
    for number in (1, 2, 3):
        await centre.invoice(number, order=20 + number)
    await centre.order("o:1", centre.line(order=21), centre.line(700, None, order=23))
    await centre.order("o:2", centre.line(1999, 2, order=22), centre.line(900, 77, order=24), reference="26274000000002")
    await centre.bank(*credit(2800), *credit(2899, "DECOMPTE 26274000000002"), *credit(55))
    return centre


TABLES = ("match", "run", "event", "ledger_entry", "ledger_line")


async def everything(centre: Centre) -> tuple[Any, ...]:
    async with direct(centre.desk.house.owner_dsn, centre.desk.tenant) as con:
        used = await con.fetch(
            "SELECT ref, match_id::text FROM payment_order UNION ALL SELECT ref, match_id::text FROM bank_line"
            " UNION ALL SELECT order_id || '#' || line, match_id || '/' || parked FROM order_line ORDER BY 1"
        )
    counts = [await centre.desk.count(table) for table in TABLES]
    return [tuple(row) for row in used], counts, await centre.shares(), await centre.balances()


async def test_a_run_that_is_killed_at_any_statement_leaves_nothing(desk: Desk) -> None:
    centre = await waiting(desk)
    context = Context(Caller(tenant=desk.tenant, finess=desk.finess, kind="test", key_id=desk.tenant), centre.keys, system_clock())
    before, statements = await everything(centre), 0
    while await dies(centre, context, statements):
        assert await everything(centre) == before
        statements += 1
    assert statements > 12
    after = await everything(centre)
    assert after != before and [count > was for count, was in zip(after[1], before[1], strict=True)] == [True] * len(TABLES)


async def dies(centre: Centre, context: Context, statements: int) -> bool:
    """Run until so many statements are done, then lose the connection; say whether there was one more to lose it at."""
    try:
        async with direct(centre.desk.house.owner_dsn, centre.desk.tenant) as con:
            await service.reconcile(Dying(con, centre, statements), context)  # type: ignore[arg-type]
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return True
    return False


TRACE = """
    SELECT e.happened_at, e.actor, m.rule, m.evidence -> 'fields' AS fields, m.evidence -> 'candidates' AS candidates, o.payment_ref,
           i.biller || '/' || i.number AS invoice
      FROM event AS e
      JOIN match AS m ON m.tenant_id = e.tenant_id AND m.id = e.subject
      JOIN order_line AS l ON l.tenant_id = m.tenant_id AND l.match_id = m.id
      JOIN payment_order AS o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
      JOIN invoice AS i ON i.tenant_id = l.tenant_id AND i.id = l.share_invoice_id
     WHERE e.name = 'match.confirmed'
     ORDER BY i.number
"""


async def test_one_query_goes_from_the_journal_to_the_match_the_order_and_the_invoice(desk: Desk) -> None:
    centre = await waiting(desk)
    await centre.reconcile()
    async with centre.rows() as con:
        found = await con.fetch(TRACE)
        confirmed = await con.fetchval("SELECT count(*) FROM match WHERE problem = 'A' AND status = 'confirmed'")
    assert [(row["rule"], row["invoice"]) for row in found] == [
        (rule, f"{desk.finess}/{number}") for rule, number in (("A1", 1), ("A1", 2), ("A3", 3))
    ]
    assert len(found) == confirmed == 3
    assert all(row["happened_at"] and row["actor"] and row["fields"] and row["candidates"] and row["payment_ref"] for row in found)
