# SPDX-License-Identifier: Apache-2.0
"""The rows that a decision looks at and changes, found by the names that records give them. Functions never commit."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import NotThere, OurBug
from desmos_fast.db.pool import Connection
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import CreditRow, Evidence, LineRow, OrderRow, PartRow


class Record(NamedTuple):
    """One record; `holds` while it is confirmed, or the last word on its first `left`; whether that is free is another question."""

    id: UUID
    run_id: UUID
    match_key: str
    problem: str
    status: str
    rule: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    amount: int
    residual: int
    outcome: str | None
    evidence: Evidence
    decided_by: str
    holds: bool


RECORDS: Final = """
    SELECT m.id, m.run_id, m.match_key, m.problem, m.status, m.rule, m.left_refs, m.right_refs, m.amount, m.residual, m.outcome, m.evidence,
           m.decided_by,
           m.status IN ('confirmed', 'split') OR m.status <> 'undone' AND NOT EXISTS (
               SELECT FROM match AS later
                WHERE later.tenant_id = $1 AND later.left_refs[1] = m.left_refs[1] AND later.id > m.id AND later.status <> 'confirmed'
                  AND later.status <> 'undone'
           ) AS holds
      FROM match AS m WHERE m.tenant_id = $1 AND m.id = ANY ($2::uuid[])
"""


async def records(con: Connection, tenant: UUID, ids: Sequence[UUID]) -> list[Record]:
    """Return the records with these ids. Raises NotThere when one is not there."""
    rows = await con.fetch(RECORDS, tenant, ids)
    if len(rows) != len(set(ids)):
        raise NotThere("the centre has no such record")
    decoder = msgspec.json.Decoder(Evidence)
    return [_record(row, decoder.decode(row["evidence"])) for row in rows]


def _record(row: Any, evidence: Evidence) -> Record:
    identity, run_id, match_key, problem, status, rule, left, right, amount, residual, outcome, _, by, holds = row
    return Record(
        identity, run_id, match_key, problem, status, rule, tuple(left), tuple(right), amount, residual, outcome, evidence, by, holds
    )


# --- by name

LINE: Final = """
    SELECT l.order_id, l.line, coalesce(l.biller, o.biller), l.part, l.payer, l.status, l.amount, l.invoice_number, l.lot,
           encode(l.insured_key, 'hex'), l.care_date, l.reject_code, l.parked, l.match_id, m.match_key, l.share_invoice_id,
           coalesce(l.share_part, l.part)
      FROM payment_order AS o
      JOIN order_line AS l ON l.tenant_id = $1 AND l.order_id = o.id AND l.line = $3
      LEFT JOIN match AS m ON m.tenant_id = $1 AND m.id = l.match_id
     WHERE o.tenant_id = $1 AND o.ref = $2
"""


async def line(con: Connection, tenant: UUID, name: str) -> LineRow:
    """Return an order line with the share that it pays, its biller the order's where it has none. Raises NotThere."""
    order, _, number = name.rpartition("#")
    row = await con.fetchrow(LINE, tenant, order, int(number)) if _is_number(number) else None
    if row is None:
        raise NotThere(f"the centre has no order line {name}")
    *said, invoice, part = row
    return LineRow(*said)._replace(share=None if invoice is None else (invoice, part))


SHARE: Final = """
    SELECT i.id, i.biller, i.number, encode(i.insured_key, 'hex'), i.care_date, s.part, s.payer, s.amount - s.closed, s.announced,
           t.number, s.state
      FROM invoice AS i
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = i.id AND s.part = $4
      LEFT JOIN lot AS t ON t.tenant_id = $1 AND t.id = s.lot_id
     WHERE i.tenant_id = $1 AND i.biller = $2 AND i.number = $3 AND i.state = 'signed'
"""


async def find_share(con: Connection, tenant: UUID, name: str) -> PartRow | None:
    """Return the share of a signed invoice, its amount less what was closed."""
    biller, _, rest = name.partition("/")
    number, _, part = rest.partition("/")
    row = await con.fetchrow(SHARE, tenant, biller, int(number), part) if _is_number(number) else None
    return None if row is None else PartRow(*row)


async def share(con: Connection, tenant: UUID, name: str) -> PartRow:
    """Do as `find_share`. Raises NotThere."""
    found = await find_share(con, tenant, name)
    if found is None:
        raise NotThere(f"the centre has no share {name} of a signed invoice")
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


CREDITS: Final = """
    SELECT b.ref, b.id, b.document, b.match_id, m.match_key, b.duplicate_of IS NOT NULL AS duplicate
      FROM bank_line AS b LEFT JOIN match AS m ON m.tenant_id = $1 AND m.id = b.match_id
     WHERE b.tenant_id = $1 AND b.ref = ANY ($2::text[])
"""


async def credits(con: Connection, tenant: UUID, names: Sequence[str]) -> list[CreditRow]:
    """Return bank lines in the order of their names; one that another file gave before counts for nothing. Raises NotThere."""
    rows = {row["ref"]: row for row in await con.fetch(CREDITS, tenant, names) if not row["duplicate"]}
    missing = [name for name in names if name not in rows]
    if missing:
        raise NotThere(f"the centre has no credit {missing[0]}", hint="a line that another file gave before counts for nothing")
    decoder = msgspec.json.Decoder(BankLine)
    kept = (rows[name] for name in sorted(set(names)))
    return [CreditRow(row["id"], decoder.decode(row["document"]), row["match_id"], row["match_key"]) for row in kept]


ORDERS: Final = """
    SELECT id, ref, kind, payer, emitter, emitter_name, payment_date, payment_ref, total, match_id, match_id IS NULL, biller
      FROM payment_order WHERE tenant_id = $1 AND ref = ANY ($2::text[])
"""


async def orders(con: Connection, tenant: UUID, names: Sequence[str]) -> list[OrderRow]:
    """Return payment orders in the order of their names. Raises NotThere."""
    rows = {row.ref: row for row in (OrderRow(*row) for row in await con.fetch(ORDERS, tenant, names))}
    missing = [name for name in names if name not in rows]
    if missing:
        raise NotThere(f"the centre has no payment order {missing[0]}")
    return [rows[name] for name in sorted(set(names))]


RECOVERIES: Final = """
    SELECT o.ref || '#' || l.line
      FROM order_line AS l JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
     WHERE l.tenant_id = $1 AND l.share_invoice_id = $2 AND coalesce(l.share_part, l.part) = $3 AND l.match_id IS NOT NULL
       AND l.amount < 0 AND NOT l.answered
     ORDER BY o.ref, l.line
"""


async def recoveries(con: Connection, tenant: UUID, part: PartRow) -> list[str]:
    """Return the names of what was claimed back on a share and nobody has answered."""
    return [row[0] for row in await con.fetch(RECOVERIES, tenant, part.invoice_id, part.part)]


PLACED: Final = """
    SELECT e.event FROM ledger_entry AS e
     WHERE e.tenant_id = $1 AND e.ref = $2 AND e.event <> 'invoice.signed'
       AND e.event IN ('line.matched', 'line.overpaid', 'line.invoiced_later', 'recovery.identified')
     ORDER BY e.seq DESC LIMIT 1
"""


async def placed_by(con: Connection, tenant: UUID, name: str) -> str | None:
    """Return the event of the entry that put a line on its share; None for a line of nothing."""
    event: str | None = await con.fetchval(PLACED, tenant, name)
    return event


# --- what a decision changes

FORBID: Final = """
    INSERT INTO forbidden (tenant_id, problem, left_ref, right_ref, decision_id, why)
    SELECT $1, $2, l.name, r.name, $5, $6 FROM unnest($3::text[]) AS l (name) CROSS JOIN unnest($4::text[]) AS r (name)
"""


async def forbid(con: Connection, tenant: UUID, problem: str, left: Sequence[str], right: Sequence[str], decision: UUID, why: str) -> None:
    """Keep that a person spoke against each of `left` with each of `right`."""
    await con.execute(FORBID, tenant, problem, left, right, decision, why)


HOLD: Final = """
    UPDATE order_line AS l SET match_id = $4
     WHERE l.tenant_id = $1 AND l.order_id = $2 AND l.line = $3 AND l.match_id IS NULL
"""


async def hold(con: Connection, tenant: UUID, order: UUID, number: int, match_id: UUID) -> None:
    """Let a record take a free order line that pays no share; its amount goes on waiting."""
    _one(await con.execute(HOLD, tenant, order, number, match_id))


TAKE_LINE: Final = """
    UPDATE order_line AS l SET match_id = $4, parked = false
     WHERE l.tenant_id = $1 AND l.order_id = $2 AND l.line = $3 AND l.match_id IS NULL
"""


async def take_line(con: Connection, tenant: UUID, order: UUID, number: int, match_id: UUID) -> None:
    """Let a record take a free order line that pays no share, its amount waiting no more."""
    _one(await con.execute(TAKE_LINE, tenant, order, number, match_id))


CLOSE: Final = """
    UPDATE share AS s SET state = $4, closed = s.closed + $5
     WHERE s.tenant_id = $1 AND s.invoice_id = $2 AND s.part = $3 AND s.state = $6
"""


async def close(con: Connection, tenant: UUID, part: PartRow, state: str, cents: int) -> None:
    """Let a share end, so many cents of it owed no more; below zero, they are owed again."""
    _one(await con.execute(CLOSE, tenant, part.invoice_id, part.part, state, cents, part.state))


CLOSED: Final = "SELECT closed FROM share WHERE tenant_id = $1 AND invoice_id = $2 AND part = $3"


async def closed_of(con: Connection, tenant: UUID, part: PartRow) -> int:
    """Return how much of a share is owed no more."""
    return int(await con.fetchval(CLOSED, tenant, part.invoice_id, part.part))


RAISE: Final = (
    "UPDATE share AS s SET state = $3, amount = s.amount + $4 WHERE s.tenant_id = $1 AND s.invoice_id = $2 AND s.part = 'patient'"
)
OWE: Final = """
    INSERT INTO share (tenant_id, invoice_id, part, payer, flow, amount, transport, state)
    VALUES ($1, $2, 'patient', 'patient', 0, $4, $3, $3)
"""


async def owe(con: Connection, tenant: UUID, invoice: UUID, state: str, cents: int, *, new: bool) -> None:
    """Let the patient owe so many cents more on an invoice, or less when below zero."""
    _one(await con.execute(OWE if new else RAISE, tenant, invoice, state, cents))


ANSWER: Final = """
    UPDATE order_line AS l SET answered = true
     WHERE l.tenant_id = $1 AND l.share_invoice_id = $2 AND coalesce(l.share_part, l.part) = $3 AND l.match_id IS NOT NULL AND l.amount < 0
"""


async def answer_recoveries(con: Connection, tenant: UUID, part: PartRow) -> None:
    """Keep that what was claimed back on a share is accepted."""
    await con.execute(ANSWER, tenant, part.invoice_id, part.part)


def _one(status: str) -> None:
    if status not in ("UPDATE 1", "INSERT 0 1"):
        raise OurBug(f"one row was to change, PostgreSQL says {status}")


# --- pieces

CUT_LINE: Final = """
    WITH last AS (SELECT max(line) AS line FROM order_line WHERE tenant_id = $1 AND order_id = $2)
    INSERT INTO order_line (tenant_id, order_id, line, biller, part, payer, status, amount, invoice_number, lot, insured_key, care_date,
                            reject_code, parked, piece_of)
    SELECT $1, $2, last.line + p.rank, l.biller, l.part, l.payer, l.status, p.amount, l.invoice_number, l.lot, l.insured_key, l.care_date,
           l.reject_code, true, l.line
      FROM order_line AS l CROSS JOIN last CROSS JOIN unnest($4::bigint[]) WITH ORDINALITY AS p (amount, rank)
     WHERE l.tenant_id = $1 AND l.order_id = $2 AND l.line = $3
 RETURNING line
"""


async def cut_line(con: Connection, tenant: UUID, whole: LineRow, amounts: Sequence[int], record: UUID) -> list[int]:
    """Put pieces beside a line, which the record takes; return their numbers. The amount of each waits in the books."""
    rows = await con.fetch(CUT_LINE, tenant, whole.order_id, whole.line, amounts)
    await take_line(con, tenant, whole.order_id, whole.line, record)
    return sorted(row["line"] for row in rows)


PIECES_OF: Final = "SELECT count(*) FROM bank_line WHERE tenant_id = $1 AND piece_of = $2 AND bank_file_id = $3"
FILE_OF: Final = "SELECT bank_file_id FROM bank_line WHERE tenant_id = $1 AND id = $2"
CUT_CREDIT: Final = """
    INSERT INTO bank_line (tenant_id, id, bank_file_id, ref, account, booking_date, amount, content_key, occurrence, document, piece_of)
    SELECT $1, p.id, b.bank_file_id, p.ref, b.account, b.booking_date, p.amount, 'piece ' || p.ref, 1, p.document, b.ref
      FROM bank_line AS b CROSS JOIN unnest($3::uuid[], $4::text[], $5::bigint[], $6::jsonb[]) AS p (id, ref, amount, document)
     WHERE b.tenant_id = $1 AND b.id = $2
"""
TAKE_CREDIT: Final = "UPDATE bank_line AS b SET match_id = $3 WHERE b.tenant_id = $1 AND b.id = $2 AND b.match_id IS NULL"


async def pieces_before(con: Connection, tenant: UUID, whole: CreditRow) -> int:
    """Return how many pieces were ever made of a credit."""
    file = await con.fetchval(FILE_OF, tenant, whole.id)
    return int(await con.fetchval(PIECES_OF, tenant, whole.line.id, file))


async def cut_credit(con: Connection, tenant: UUID, whole: CreditRow, pieces: Sequence[CreditRow], record: UUID) -> None:
    """Put pieces beside a credit, which the record takes."""
    encoder = msgspec.json.Encoder()
    await con.execute(
        CUT_CREDIT, tenant, whole.id,
        [piece.id for piece in pieces],
        [piece.line.id for piece in pieces],
        [piece.line.amount for piece in pieces],
        [encoder.encode(piece.line).decode() for piece in pieces],
    )  # fmt: skip
    _one(await con.execute(TAKE_CREDIT, tenant, whole.id, record))


INHERIT: Final = """
    INSERT INTO forbidden (tenant_id, problem, left_ref, right_ref, decision_id, why)
    SELECT DISTINCT f.tenant_id, f.problem, p.name, f.right_ref, $4::uuid, f.why
      FROM forbidden AS f CROSS JOIN unnest($3::text[]) AS p (name)
     WHERE f.tenant_id = $1 AND f.left_ref = $2
    ON CONFLICT DO NOTHING
"""


async def inherit(con: Connection, tenant: UUID, whole: str, pieces: Sequence[str], decision: UUID) -> None:
    """Speak against the pieces of a line or credit as was spoken against the whole."""
    await con.execute(INHERIT, tenant, whole, pieces, decision)


END_SPLIT: Final = "UPDATE match SET status = 'undone' WHERE tenant_id = $1 AND id = $2 AND status = 'split'"
WHOLE_LINE: Final = """
    UPDATE order_line AS l SET match_id = CASE WHEN l.line = $3 THEN NULL ELSE $4::uuid END, parked = l.line = $3
     WHERE l.tenant_id = $1 AND l.order_id = $2 AND (l.line = $3 AND l.match_id = $4 OR l.line = ANY ($5::integer[]) AND l.match_id IS NULL)
"""
WHOLE_CREDIT: Final = """
    UPDATE bank_line AS b SET match_id = CASE WHEN b.id = $2 THEN NULL ELSE $3::uuid END
     WHERE b.tenant_id = $1 AND (b.id = $2 AND b.match_id = $3 OR b.id = ANY ($4::uuid[]) AND b.match_id IS NULL)
"""


async def whole_line(con: Connection, tenant: UUID, whole: LineRow, record: UUID, pieces: Sequence[int]) -> None:
    """Give a line free that was cut; the record takes its pieces instead."""
    _one(await con.execute(END_SPLIT, tenant, record))
    _count(await con.execute(WHOLE_LINE, tenant, whole.order_id, whole.line, record, pieces), 1 + len(pieces))


async def whole_credit(con: Connection, tenant: UUID, whole: CreditRow, record: UUID, pieces: Sequence[UUID]) -> None:
    """Give a credit free that was cut; the record takes its pieces instead."""
    _one(await con.execute(END_SPLIT, tenant, record))
    _count(await con.execute(WHOLE_CREDIT, tenant, whole.id, record, pieces), 1 + len(pieces))


def _count(status: str, count: int) -> None:
    if status != f"UPDATE {count}":
        raise OurBug(f"{count} rows were to change, PostgreSQL says {status}")
