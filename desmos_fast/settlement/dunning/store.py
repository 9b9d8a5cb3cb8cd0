# SPDX-License-Identifier: Apache-2.0
"""The rows of the follow-up: what stands of each part, lists of it, and the settings of a centre."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.db.pool import Connection
from desmos_fast.settlement.dunning.model import (
    CreditUnexplained,
    Expiring,
    Indu,
    Item,
    OrderUncredited,
    Outstanding,
    Penalty,
    Term,
    Wanted,
)
from desmos_fast.settlement.dunning.rules import Question
from desmos_fast.settlement.model import Tally

SQL: Final = Path(__file__).parent / "sql"
STANDING: Final = (SQL / "standing.sql").read_text(encoding="utf-8")
DASHBOARD: Final = (SQL.parents[1] / "sql" / "dashboard.sql").read_text(encoding="utf-8").replace("--standing--", STANDING)


@asynccontextmanager
async def by_hash(con: Connection) -> AsyncIterator[None]:
    """Have what is joined inside joined by hash or in order.

    Of a centre that came since the last ANALYZE the planner believes that it has one row, and would go through all its payments for each.
    """
    await con.execute("SET LOCAL enable_nestloop = off")
    yield
    await con.execute("SET LOCAL enable_nestloop = on")


async def dashboard(con: Connection, tenant: UUID, asked: Question, listed: int) -> Mapping[str, str]:
    """Return the columns of the dashboard as JSON texts, all told in one statement, so that they agree with each other."""
    async with by_hash(con):
        row = await con.fetchrow(DASHBOARD, tenant, *asked, listed)
    assert row is not None, "the query gives one row"
    return dict(row.items())


# --- lists


class List(msgspec.Struct, frozen=True):
    """One list: the table of the query, the column that its filter `kind` compares, that of its sum, and what its rows are."""

    table: str
    kind: str
    cents: str
    item: type[Item]
    where: str = "true"
    payer: str = "payer"


LISTS: Final = {
    "outstanding": List("outstanding", "age", '"open"', Outstanding),
    "late": List("outstanding", "age", '"open"', Outstanding, "late"),
    "penalties": List("penalty", "status", "penalty", Penalty),
    "forclusion": List("expiring", "stage", '"open"', Expiring, "stage IS NOT NULL"),
    "indus": List("indu", "CASE WHEN identified THEN 'identified' ELSE 'unidentified' END", "amount", Indu),
    "orders": List("uncredited", "NULL::text", "amount", OrderUncredited),
    "credits": List("unexplained", "NULL::text", "amount", CreditUnexplained, payer="NULL::text"),
}


def _query(one: List) -> str:
    # Names of tables and columns are those of LISTS, nothing that anybody gives. A page is read as JSON: amounts stay whole numbers.
    return f"""
        WITH {STANDING},
        listed AS (
            SELECT * FROM {one.table}
             WHERE ({one.where}) AND ($8::text IS NULL OR {one.payer} = $8) AND ($9::text IS NULL OR {one.kind} = $9)
        )
        SELECT (SELECT json_build_object('count', count(*), 'cents', coalesce(sum({one.cents}), 0)) FROM listed) AS total,
               (SELECT coalesce(json_agg(r), '[]') FROM (
                    SELECT * FROM listed WHERE $7::text IS NULL OR place COLLATE "C" > $7 ORDER BY place COLLATE "C" LIMIT $10
                ) AS r) AS rows
    """  # noqa: S608


QUERIES: Final = {name: _query(one) for name, one in LISTS.items()}


async def listed(con: Connection, tenant: UUID, asked: Question, name: str, wanted: Wanted) -> tuple[Tally, list[Item]]:
    """Return the total of a list and one page of it, with one row more than was wanted where there are more."""
    async with by_hash(con):
        row = await con.fetchrow(QUERIES[name], tenant, *asked, wanted.after, wanted.payer, wanted.kind, wanted.limit + 1)
    assert row is not None, "the query gives one row"
    total = msgspec.json.decode(row["total"], type=Tally)
    return total, msgspec.json.decode(row["rows"], type=list[LISTS[name].item])  # type: ignore[misc]


INDU: Final = f"WITH {STANDING} SELECT subject, invoice_id, part, disputed FROM indu WHERE subject = $7"  # noqa: S608


async def indu(con: Connection, tenant: UUID, asked: Question, subject: str) -> tuple[UUID | None, str | None, bool] | None:
    """Return invoice, part and flag of a sum that was taken back and is not settled, or None."""
    async with by_hash(con):
        row = await con.fetchrow(INDU, tenant, *asked, subject)
    return None if row is None else (row["invoice_id"], row["part"], row["disputed"])


# --- settings

OWN: Final = "SELECT name, payer, value, since, until, source FROM follow_up_setting WHERE tenant_id = $1 ORDER BY id"
ADD: Final = """
    INSERT INTO follow_up_setting (tenant_id, id, name, payer, value, since, until, source, set_by, set_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def own_terms(con: Connection, tenant: UUID) -> list[Term]:
    """Return the settings of a centre, in the order in which they were made."""
    rows = await con.fetch(OWN, tenant)
    return [Term(row["name"], row["value"], row["since"], row["until"], row["source"], payer=row["payer"]) for row in rows]


async def add_term(con: Connection, tenant: UUID, row_id: UUID, term: Term, by: str, now: datetime) -> None:
    """Keep a setting of a centre."""
    await con.execute(ADD, tenant, row_id, term.name, term.payer, term.value, term.since, term.until, term.source, by, now)


# --- figures of all centres

AGEING: Final = f"""
    WITH {STANDING}
    SELECT 'outstanding' AS figure, kind, age AS of, sum("open")::bigint AS cents FROM outstanding GROUP BY kind, age
     UNION ALL
    SELECT 'forclusion', NULL, stage, sum("open")::bigint FROM expiring WHERE stage IS NOT NULL GROUP BY stage
     UNION ALL
    SELECT 'reminders', rule, NULL, count(*) FROM reminder WHERE tenant_id = $1 AND state = 'open' GROUP BY rule
     UNION ALL
    SELECT 'billed', kind, state, sum(amount)::bigint FROM part GROUP BY kind, state
    UNION ALL
    SELECT 'invoices', NULL, state, count(*) FROM invoice WHERE tenant_id = $1 GROUP BY state
     UNION ALL
    SELECT 'unmatched', 'credit', NULL, sum(amount)::bigint
      FROM bank_line
     WHERE tenant_id = $1 AND match_id IS NULL AND duplicate_of IS NULL AND amount > 0 AND document ->> 'currency' = 'EUR'
    HAVING count(*) > 0
     UNION ALL
    SELECT 'unmatched', 'line', NULL, sum(amount)::bigint FROM order_line WHERE tenant_id = $1 AND match_id IS NULL HAVING count(*) > 0
"""  # noqa: S608


async def gauges(con: Connection, tenant: UUID, asked: Question) -> dict[tuple[str, str, str], int]:
    """Return what is shown as metrics of one centre, by figure, kind and what else it is told apart by."""
    async with by_hash(con):
        rows = await con.fetch(AGEING, tenant, *asked)
    return {(row["figure"], row["kind"] or "", row["of"] or ""): row["cents"] for row in rows}
