# SPDX-License-Identifier: Apache-2.0
"""Reminders and what is in each; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.db.pool import Connection
from desmos_fast.settlement.dunning.reminders.model import Due, Level, Reminder, ReminderItem, Wanted
from desmos_fast.settlement.dunning.rules import Question
from desmos_fast.settlement.dunning.store import SQL, STANDING, by_hash
from desmos_fast.settlement.model import Tally

CANDIDATES: Final = f"{STANDING},\n{(SQL / 'candidates.sql').read_text(encoding='utf-8')}"

# A day is done by whoever writes its row: who comes second waits, and finds it.
DONE: Final = """
    INSERT INTO follow_up_day (tenant_id, day, done_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true
"""
IS_DONE: Final = "SELECT true FROM follow_up_day WHERE tenant_id = $1 AND day = $2"


async def is_done(con: Connection, tenant: UUID, day: date) -> bool:
    """Say whether a day was done."""
    return bool(await con.fetchval(IS_DONE, tenant, day))


async def begin(con: Connection, tenant: UUID, day: date, now: datetime) -> bool:
    """Take a day, and say whether nobody had."""
    return bool(await con.fetchval(DONE, tenant, day, now))


# The highest level that is reached; what was reminded of at that level or above is not any more.
DUE: Final = f"""
    WITH {CANDIDATES}
    SELECT DISTINCT ON (c.rule, c.subject) c.rule, l.level, c.debtor, c.subject, c.invoice_id, c.part, c.care_date, c.since, c.amount
      FROM candidate AS c
      JOIN level AS l
             ON l.rule = c.rule AND c.since <= l.cutoff
            AND l.key = CASE WHEN EXISTS (SELECT FROM level AS o WHERE o.rule = c.rule AND o.key = c.payer) THEN c.payer ELSE '' END
     WHERE NOT EXISTS (
               SELECT FROM reminder_item AS r
                WHERE r.tenant_id = $1 AND r.rule = c.rule AND r.subject = c.subject AND r.level >= l.level
           )
     ORDER BY c.rule, c.subject, l.level DESC
"""  # noqa: S608


async def due(con: Connection, tenant: UUID, asked: Question, levels: Sequence[Level]) -> list[Due]:
    """Return what reached a level that it was not reminded of at."""
    async with by_hash(con):
        return [Due(*row) for row in await con.fetch(DUE, tenant, *asked, _levels(levels))]


def _levels(levels: Sequence[Level]) -> str:
    return msgspec.json.encode([level._asdict() for level in levels]).decode()


ADD: Final = """
    INSERT INTO reminder (tenant_id, id, rule, level, debtor, day, items, amount, made_at)
    SELECT $1, r.id, r.rule, r.level, r.debtor, $2, r.items, r.amount, $3
      FROM unnest($4::uuid[], $5::text[], $6::smallint[], $7::text[], $8::integer[], $9::bigint[])
           AS r (id, rule, level, debtor, items, amount)
"""
ADD_ITEMS: Final = """
    INSERT INTO reminder_item (tenant_id, reminder_id, rule, level, subject, invoice_id, part, care_date, since, amount)
    SELECT $1, i.reminder_id, i.rule, i.level, i.subject, i.invoice_id, i.part, i.care_date, i.since, i.amount
      FROM unnest($2::uuid[], $3::text[], $4::smallint[], $5::text[], $6::uuid[], $7::text[], $8::date[], $9::date[], $10::bigint[])
           AS i (reminder_id, rule, level, subject, invoice_id, part, care_date, since, amount)
"""


async def add(con: Connection, tenant: UUID, day: date, now: datetime, made: Sequence[tuple[UUID, Sequence[Due]]]) -> None:
    """Keep the reminders of a day, each with its list."""
    heads = [(row_id, due[0].rule, due[0].level, due[0].debtor, len(due), sum(one.amount for one in due)) for row_id, due in made]
    await con.execute(ADD, tenant, day, now, *_columns(heads, 6))
    items = [
        (row_id, one.rule, one.level, one.subject, one.invoice_id, one.part, one.care_date, one.since, one.amount)
        for row_id, due in made for one in due
    ]  # fmt: skip
    await con.execute(ADD_ITEMS, tenant, *_columns(items, 9))


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(width)]


# What is open of everything that any rule looks at; a candidate that is none any more has nothing open.
NOW_OPEN: Final = f"""
    WITH {CANDIDATES},
    item AS (
        SELECT i.reminder_id, i.rule, i.subject, coalesce(c.amount, 0) AS now_open
          FROM reminder_item AS i
          JOIN reminder AS r ON r.tenant_id = $1 AND r.id = i.reminder_id AND r.state = 'open' AND ($8::uuid IS NULL OR r.id = $8)
          LEFT JOIN candidate AS c ON c.rule = i.rule AND c.subject = i.subject
         WHERE i.tenant_id = $1
    )
"""  # noqa: S608
SETTLE: Final = f"""
    {NOW_OPEN}
    UPDATE reminder AS r SET state = 'settled', ended_at = $9, ended_by = $10
      FROM (SELECT reminder_id FROM item GROUP BY reminder_id HAVING max(now_open) = 0) AS over
     WHERE r.tenant_id = $1 AND r.id = over.reminder_id
 RETURNING r.id
"""  # noqa: S608
ITEMS: Final = f"""
    WITH {CANDIDATES}
    SELECT i.subject, i.invoice_id, i.part, i.care_date, i.since, i.amount, coalesce(c.amount, 0) AS open
      FROM reminder_item AS i
      LEFT JOIN candidate AS c ON c.rule = i.rule AND c.subject = i.subject
     WHERE i.tenant_id = $1 AND i.reminder_id = $8
     ORDER BY i.since, i.subject
"""  # noqa: S608
SAY: Final = f"""
    {NOW_OPEN}
    UPDATE reminder_item AS i SET amount = item.now_open
      FROM item WHERE i.tenant_id = $1 AND i.reminder_id = item.reminder_id AND i.subject = item.subject
"""  # noqa: S608


async def settle(con: Connection, tenant: UUID, asked: Question, now: datetime, by: str) -> list[UUID]:
    """End the open reminders in which nothing is open any more, and return them."""
    async with by_hash(con):
        return [row["id"] for row in await con.fetch(SETTLE, tenant, *asked, "[]", None, now, by)]


async def items(con: Connection, tenant: UUID, asked: Question, reminder: UUID) -> list[ReminderItem]:
    """Return what a reminder is about, from the oldest on, with what is open of it now."""
    async with by_hash(con):
        rows = await con.fetch(ITEMS, tenant, *asked, "[]", reminder)
    return [ReminderItem(**row) for row in rows]


FIND: Final = """
    SELECT id, rule, level, debtor, day, state, items, amount, made_at, ended_at, ended_by, why FROM reminder WHERE tenant_id = $1
"""
ONE: Final = FIND + " AND id = $2"
HOLD: Final = ONE + " FOR UPDATE"
SOUGHT: Final = "($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR rule = $3) AND ($4::text IS NULL OR debtor = $4)"
SOME: Final = f"{FIND} AND {SOUGHT} AND ($5::uuid IS NULL OR id < $5) ORDER BY id DESC LIMIT $6"
TOTAL: Final = f"SELECT count(*) AS count, coalesce(sum(amount), 0)::bigint AS cents FROM reminder WHERE tenant_id = $1 AND {SOUGHT}"  # noqa: S608
END: Final = """
    UPDATE reminder AS r SET state = $3, ended_at = $4, ended_by = $5, why = $6,
           amount = (SELECT sum(i.amount) FROM reminder_item AS i WHERE i.tenant_id = $1 AND i.reminder_id = $2)
     WHERE r.tenant_id = $1 AND r.id = $2
"""


async def find(con: Connection, tenant: UUID, reminder: UUID, *, hold: bool = False) -> Reminder | None:
    """Return a reminder, or None; one that is held nobody else changes until the transaction ends."""
    row = await con.fetchrow(HOLD if hold else ONE, tenant, reminder)
    return None if row is None else _shown(row)


async def some(con: Connection, tenant: UUID, wanted: Wanted) -> tuple[Tally, list[Reminder]]:
    """Return the total of what is looked for and one page of it, with one more than was wanted where there are more."""
    sought = wanted.state, wanted.rule, wanted.payer
    total = await con.fetchrow(TOTAL, tenant, *sought)
    assert total is not None, "an aggregate gives one row"
    rows = await con.fetch(SOME, tenant, *sought, wanted.before, wanted.limit + 1)
    return Tally(total["count"], total["cents"]), [_shown(row) for row in rows]


async def say(con: Connection, tenant: UUID, asked: Question, reminder: UUID) -> None:
    """Let a reminder say what is open now: it is sent."""
    async with by_hash(con):
        await con.execute(SAY, tenant, *asked, "[]", reminder)


async def end(con: Connection, tenant: UUID, reminder: UUID, state: str, now: datetime, by: str, why: str | None) -> None:
    """End a reminder."""
    await con.execute(END, tenant, reminder, state, now, by, why)


def _shown(row: Any) -> Reminder:
    said = dict(row)
    debtor, rule = said.pop("debtor"), said["rule"]
    # The index of a person stays inside.
    return Reminder(
        **said | {"amount": Cents(said["amount"])}, payer=None if rule in ("patient", "credit") else debtor,
        account=debtor if rule == "credit" else None,
    )  # fmt: skip
