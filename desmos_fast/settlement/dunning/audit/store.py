# SPDX-License-Identifier: Apache-2.0
"""The rows that an audit is made of, and the audits that are kept; the caller owns the transaction."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from uuid import UUID

from desmos_fast.db.pool import Connection
from desmos_fast.settlement.dunning.audit.model import Kept
from desmos_fast.settlement.dunning.rules import Question
from desmos_fast.settlement.dunning.store import SQL, STANDING, by_hash

AUDIT: Final = f"WITH {STANDING}\n{(SQL / 'audit.sql').read_text(encoding='utf-8')}"


async def columns(con: Connection, tenant: UUID, asked: Question, since: date, until: date) -> Mapping[str, str]:
    """Return the columns of an audit as JSON texts, all of one moment."""
    async with by_hash(con):
        row = await con.fetchrow(AUDIT, tenant, *asked, since, until)
    assert row is not None, "the query gives one row"
    return dict(row.items())


BUSY: Final = """
    SELECT EXISTS (SELECT FROM invoice WHERE tenant_id = $1 AND state = 'signed' AND (signed_at AT TIME ZONE 'Europe/Paris')::date <= $2)
"""


async def was_busy(con: Connection, tenant: UUID, until: date) -> bool:
    """Say whether a centre had signed anything by a day."""
    return bool(await con.fetchval(BUSY, tenant, until))


FIND: Final = "SELECT report FROM tp_audit WHERE tenant_id = $1 AND quarter = $2"
ADD: Final = "INSERT INTO tp_audit (tenant_id, quarter, report, made_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true"
EVERY: Final = "SELECT quarter, made_at FROM tp_audit WHERE tenant_id = $1 ORDER BY quarter DESC"


async def find(con: Connection, tenant: UUID, quarter: str) -> str | None:
    """Return a report that is kept, or None."""
    report: str | None = await con.fetchval(FIND, tenant, quarter)
    return report


async def add(con: Connection, tenant: UUID, quarter: str, report: str, now: datetime) -> bool:
    """Keep a report, and say whether there was none."""
    return bool(await con.fetchval(ADD, tenant, quarter, report, now))


async def every(con: Connection, tenant: UUID) -> tuple[Kept, ...]:
    """Return which reports are kept, the latest first."""
    return tuple(Kept(**row) for row in await con.fetch(EVERY, tenant))
