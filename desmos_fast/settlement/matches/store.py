# SPDX-License-Identifier: Apache-2.0
"""Reads of records and decisions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from desmos_fast.db.pool import Connection
from desmos_fast.settlement.matches.model import DecisionLine, MatchLine, MatchView, Wanted

SQL: Final = Path(__file__).parent / "sql"
_HOLDS: Final = (SQL / "holds.sql").read_text(encoding="utf-8")
_TEXT: Final = (SQL / "records.sql").read_text(encoding="utf-8")
_RECORDS: Final = _TEXT.replace("--holds--\n", _HOLDS)
ALL: Final = _RECORDS
"""Walks the records by id."""
CONFIRMED: Final = _TEXT.replace("--holds--\n", "           SELECT true\n").replace("--named--", "   AND t.status = 'confirmed'")
"""Asks nothing more of records that all hold."""
UNDECIDED: Final = _RECORDS.replace("--named--", "   AND t.status <> 'confirmed'")
"""Says in so many words what the index of what is not matched asks for."""
NAMED: Final = _RECORDS.replace("--named--", "   AND t.id = ANY ($10::uuid[])")
CHAIN: Final = (SQL / "chain.sql").read_text(encoding="utf-8").replace("--holds--\n", _HOLDS)
MOST: Final = 200


async def records(con: Connection, tenant: UUID, wanted: Wanted, named: Sequence[UUID] | None) -> list[MatchLine]:
    """Return one record more than a page has, if there are; `named` are the only ones looked at."""
    asked: list[Any] = [
        wanted.problem, wanted.status, wanted.rule, wanted.payer, wanted.history, wanted.before, wanted.limit + 1, wanted.outcome,
    ]  # fmt: skip
    if named is not None:
        rows = await con.fetch(NAMED, tenant, *asked, named)
    else:
        of_status = {None: ALL, "confirmed": CONFIRMED}
        rows = await con.fetch(of_status.get(wanted.status, UNDECIDED), tenant, *asked)
    return [MatchLine(**{**row, "left": tuple(row["left"]), "right": tuple(row["right"])}) for row in rows]


# Confirmed ones by the lines that are there, others by what they name, and what a person took back by the pairs spoken against.
OF_INVOICE: Final = """
    SELECT l.match_id
      FROM invoice AS i JOIN order_line AS l ON l.tenant_id = $1 AND l.share_invoice_id = i.id AND l.match_id IS NOT NULL
     WHERE i.tenant_id = $1 AND i.biller = $2 AND i.number = $3
     UNION
    SELECT m.id FROM match AS m
     WHERE m.tenant_id = $1 AND m.status <> 'confirmed'
       AND m.right_refs[1] IN ($2 || '/' || $3::text || '/amo', $2 || '/' || $3::text || '/amc')
"""
OF_CREDIT: Final = """
    SELECT b.match_id FROM bank_line AS b WHERE b.tenant_id = $1 AND b.ref = $2 AND b.match_id IS NOT NULL
     UNION
    SELECT m.id FROM match AS m WHERE m.tenant_id = $1 AND m.left_refs[1] = $2 AND m.status <> 'confirmed'
     UNION
    SELECT d.subject::uuid
      FROM forbidden AS f JOIN decision AS d ON d.tenant_id = $1 AND d.id = f.decision_id AND d.kind = 'undo'
     WHERE f.tenant_id = $1 AND f.problem = 'B' AND f.left_ref = $2
"""


async def of_invoice(con: Connection, tenant: UUID, biller: str, number: int) -> list[UUID]:
    """Return the ids of the records about one invoice."""
    return [row[0] for row in await con.fetch(OF_INVOICE, tenant, biller, number)]


async def of_credit(con: Connection, tenant: UUID, credit: str) -> list[UUID]:
    """Return the ids of the records about one credit."""
    return [row[0] for row in await con.fetch(OF_CREDIT, tenant, credit)]


async def chain(con: Connection, tenant: UUID, record: UUID) -> MatchView | None:
    """Return one record with the way from the books to the invoice."""
    row = await con.fetchrow(CHAIN, tenant, record, MOST)
    if row is None:
        return None
    told = {name: msgspec.Raw((row[name] or "null").encode()) for name in RAW}
    return MatchView(
        id=row["id"], match_id=row["match_key"], problem=row["problem"], status=row["status"], rule=row["rule"],
        left=tuple(row["left_refs"]), right=tuple(row["right_refs"]), amount=row["amount"], residual=row["residual"],
        outcome=row["outcome"], why=row["why"], decided_by=row["decided_by"], decided_at=row["decided_at"], holds=row["holds"], **told,
    )  # fmt: skip


RAW: Final = ("evidence", "decision", "undone_by", "entries", "credits", "orders", "lines", "shares")

DECISIONS: Final = """
    SELECT d.id, d.seq, d.kind, d.subject, d.detail, d.decided_by, d.decided_at
      FROM decision AS d
     WHERE d.tenant_id = $1 AND ($2::text IS NULL OR d.kind = $2) AND ($3::text IS NULL OR d.subject = $3)
       AND ($4::uuid IS NULL OR d.seq < (SELECT before.seq FROM decision AS before WHERE before.tenant_id = $1 AND before.id = $4))
     ORDER BY d.seq DESC LIMIT $5
"""


async def decisions(
    con: Connection, tenant: UUID, kind: str | None, subject: str | None, before: UUID | None, limit: int
) -> list[DecisionLine]:
    """Return one decision more than a page has, if there are."""
    rows = await con.fetch(DECISIONS, tenant, kind, subject, before, limit + 1)
    return [DecisionLine(**{**row, "detail": msgspec.json.decode(row["detail"])}) for row in rows]
