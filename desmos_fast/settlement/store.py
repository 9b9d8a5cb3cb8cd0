# SPDX-License-Identifier: Apache-2.0
"""The rows of settlement: statements, what is free, what is decided of it. Functions take a connection and never commit."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import OurBug
from desmos_fast.billing.rules import TERMINAL
from desmos_fast.db.pool import Connection
from desmos_fast.settlement.bank.model import BankLine, Block
from desmos_fast.settlement.book import Barred, Book
from desmos_fast.settlement.labels import INDEXED, kept_reference, quoted_tokens
from desmos_fast.settlement.model import CreditRow, Evidence, LineRow, Match, OrderRow, PartRow, ShareLineRow, StatementAnswer, TakenRow
from desmos_fast.settlement.posting import LineFreed, LineTaken, ShareMove, Word

CURRENCY: Final = "EUR"
AUTO: Final = "auto"
"""Who decides in a run."""
SQL: Final = Path(__file__).parent / "sql"
_ENCODER: Final = msgspec.json.Encoder()

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('settlement ' || $1, 2))"


async def lock(con: Connection, tenant: UUID) -> None:
    """Wait until no other statement or reconciliation of the tenant is being written, then keep the others out to the end."""
    await con.execute(LOCK, str(tenant))


# --- statements

FILE: Final = "SELECT answer FROM bank_file WHERE tenant_id = $1 AND sha256 = $2"


async def answer_of(con: Connection, tenant: UUID, sha256: str) -> StatementAnswer | None:
    """Return what was answered when these bytes came first."""
    answer = await con.fetchval(FILE, tenant, bytes.fromhex(sha256))
    return None if answer is None else msgspec.json.decode(answer, type=StatementAnswer)


BLOCKS_BEFORE: Final = """
    SELECT DISTINCT ON (asked.account, asked.currency) b.*
      FROM unnest($2::text[], $3::text[], $4::date[]) AS asked (account, currency, opening_date)
      JOIN bank_file AS f ON f.tenant_id = $1
     CROSS JOIN LATERAL jsonb_to_recordset(f.answer -> 'balances')
           AS b (account text, currency text, opening_date date, opening bigint, closing_date date, closing bigint, line integer)
     WHERE b.account = asked.account AND b.currency = asked.currency AND b.closing_date <= asked.opening_date
     ORDER BY asked.account, asked.currency, b.closing_date DESC, f.id DESC
"""


async def blocks_before(con: Connection, tenant: UUID, first: Sequence[Block]) -> list[Block]:
    """Return, for the first block of each account of a file, the last known block that ends before it."""
    asked = ([block.account for block in first], [block.currency for block in first], [block.opening_date for block in first])
    return [Block(**row) for row in await con.fetch(BLOCKS_BEFORE, tenant, *asked)]


# By key, whatever the planner expects: with few lines at hand it would read all those of the centre.
GIVEN: Final = """
    SELECT b.content_key, b.occurrence, b.ref
      FROM unnest($2::text[]) AS asked (content_key)
     CROSS JOIN LATERAL (
               SELECT content_key, occurrence, ref FROM bank_line
                WHERE tenant_id = $1 AND duplicate_of IS NULL AND content_key = asked.content_key
               OFFSET 0
           ) AS b
"""


async def lines_given(con: Connection, tenant: UUID, keys: Iterable[str]) -> dict[tuple[str, int], str]:
    """Return the lines that earlier files gave with these content keys, by key and occurrence."""
    rows = await con.fetch(GIVEN, tenant, list(set(keys)))
    return {(row["content_key"], row["occurrence"]): row["ref"] for row in rows}


class NewBankLine(NamedTuple):
    """One line of a statement as it is stored; no text in it holds a NIR."""

    id: UUID
    line: BankLine
    content_key: str
    occurrence: int
    duplicate_of: str | None


ADD_FILE: Final = "INSERT INTO bank_file (tenant_id, id, sha256, format, answer, imported_at) VALUES ($1, $2, $3, $4, $5, $6)"
ADD_LINES: Final = """
    INSERT INTO bank_line (tenant_id, id, bank_file_id, ref, account, booking_date, amount, content_key, occurrence, document, duplicate_of)
    SELECT $1, l.id, $2, l.ref, l.account, l.booking_date, l.amount, l.content_key, l.occurrence, l.document, l.duplicate_of
      FROM unnest($3::uuid[], $4::text[], $5::text[], $6::date[], $7::bigint[], $8::text[], $9::integer[], $10::jsonb[], $11::text[])
           AS l (id, ref, account, booking_date, amount, content_key, occurrence, document, duplicate_of)
"""


async def add_statement(con: Connection, tenant: UUID, now: datetime, answer: StatementAnswer, lines: Sequence[NewBankLine]) -> None:
    """Store a statement with its lines and what is answered for it."""
    document = _ENCODER.encode(answer).decode()
    await con.execute(ADD_FILE, tenant, answer.id, bytes.fromhex(answer.sha256), answer.format, document, now)
    await con.execute(
        ADD_LINES, tenant, answer.id,
        [row.id for row in lines],
        [row.line.id for row in lines],
        [row.line.account for row in lines],
        [row.line.booking_date for row in lines],
        [row.line.amount for row in lines],
        [row.content_key for row in lines],
        [row.occurrence for row in lines],
        [_ENCODER.encode(row.line).decode() for row in lines],
        [row.duplicate_of for row in lines],
    )  # fmt: skip


# --- what may be decided

CREDITS: Final = """
    SELECT b.id, b.document, m.id AS match_id, m.match_key
      FROM bank_line AS b
      LEFT JOIN match AS m ON m.tenant_id = $1 AND m.id = b.match_id
     WHERE b.tenant_id = $1 AND b.duplicate_of IS NULL AND b.amount > 0
       AND (b.match_id IS NULL OR m.decided_by = 'auto' AND m.decided_at > $2)
"""
ORDERS: Final = (SQL / "orders.sql").read_text(encoding="utf-8")
# As many digits as a NIR has, with or without its key.
LONG_REFERENCES: Final = """
    SELECT DISTINCT payment_ref FROM payment_order
     WHERE tenant_id = $1 AND match_id IS NOT NULL AND payment_ref ~ '^ *[0-9]{13}([0-9]{2})? *$'
"""
LINES: Final = """
    SELECT order_id, line, biller, part, payer, status, amount, invoice_number, lot, encode(insured_key, 'hex') AS insured, care_date,
           reject_code, parked
      FROM order_line
     WHERE tenant_id = $1 AND match_id IS NULL AND order_id = ANY ($2::uuid[])
"""
REVISED: Final = (SQL / "revised.sql").read_text(encoding="utf-8")
PARTS: Final = """
    SELECT i.id, i.biller, i.number, encode(i.insured_key, 'hex') AS insured, i.care_date, s.part, s.payer, s.amount - s.closed,
           s.announced, t.number AS lot, s.state
      FROM (SELECT DISTINCT n.biller, n.number FROM unnest($2::text[], $3::bigint[]) AS n (biller, number)) AS named
      JOIN invoice AS i ON i.tenant_id = $1 AND i.biller = named.biller AND i.number = named.number AND i.state = 'signed'
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = i.id AND s.part <> 'patient'
      LEFT JOIN lot AS t ON t.tenant_id = $1 AND t.id = s.lot_id
"""
PATIENTS: Final = """
    SELECT DISTINCT i.biller, i.number
      FROM unnest($2::text[], $3::bytea[], $4::date[]) AS n (biller, insured_key, care_date)
      JOIN invoice AS i
             ON i.tenant_id = $1 AND i.insured_key = n.insured_key AND i.care_date = n.care_date AND i.biller = n.biller
            AND i.state = 'signed'
"""
TAKEN: Final = """
    SELECT l.share_invoice_id, coalesce(l.share_part, l.part), l.status, l.amount
      FROM order_line AS l
     WHERE l.tenant_id = $1 AND l.share_invoice_id = ANY ($2::uuid[]) AND l.match_id IS NOT NULL AND l.match_id <> ALL ($3::uuid[])
       AND NOT (l.answered AND l.status = 'rejected')
"""

FORBIDDEN: Final = """
    SELECT f.problem, f.left_ref, f.right_ref, max(d.seq), (array_agg(f.why ORDER BY d.seq DESC))[1]
      FROM forbidden AS f JOIN decision AS d ON d.tenant_id = $1 AND d.id = f.decision_id
     WHERE f.tenant_id = $1 GROUP BY f.problem, f.left_ref, f.right_ref
"""


async def open_book(con: Connection, tenant: UUID, since: datetime, secret: bytes) -> Book:
    """Return all that is free, the parts that the lines may pay, and the credits that were matched automatically after `since`.

    `secret` is the centre's, for the references that bank lines keep by their index.
    """
    decoder = msgspec.json.Decoder(BankLine)
    rows = await con.fetch(CREDITS, tenant, since)
    credits = [CreditRow(row["id"], decoder.decode(row["document"]), row["match_id"], row["match_key"]) for row in rows]
    tokens = {token for row in credits for token in quoted_tokens(row.line)}
    if any(token.startswith(INDEXED) for token in tokens):
        long = [row["payment_ref"] for row in await con.fetch(LONG_REFERENCES, tenant)]
        tokens.update(reference.strip() for reference in long if kept_reference(secret, reference) in tokens)
    found = [OrderRow(*row) for row in await con.fetch(ORDERS, tenant, list(tokens), since)]
    orders = [row._replace(payment_ref=kept_reference(secret, row.payment_ref)) for row in found]
    # Orders first: an order that is committed in between then comes whole with the next run, never as lines alone.
    lines = [LineRow(*row) for row in await con.fetch(LINES, tenant, [row.id for row in orders])]
    for row in await con.fetch(REVISED, tenant, since, sorted(TERMINAL)):
        *said, invoice_id, part = row
        lines.append(LineRow(*said)._replace(share=(invoice_id, part)))
    parts, told_by = await _parts(con, tenant, lines, {row.id: row.biller for row in orders})
    revised = [row.match_id for row in lines if row.match_id is not None]
    taken = [TakenRow(*row) for row in await con.fetch(TAKEN, tenant, sorted(told_by), revised)] if told_by else []
    barred = {(problem, left, right): Barred(seq, why) for problem, left, right, seq, why in await con.fetch(FORBIDDEN, tenant)}
    return Book(orders, lines, parts, credits, taken, barred)


async def _parts(
    con: Connection, tenant: UUID, lines: Sequence[LineRow], billers: Mapping[UUID, str | None]
) -> tuple[list[PartRow], set[UUID]]:
    """Return the parts that lines may pay, and the invoices of those told by their patient or their payments rather than by all keys."""
    numbers = [(row.biller or billers[row.order_id], row.invoice_number) for row in lines if row.invoice_number is not None]
    found = await _numbered(con, tenant, numbers)
    whole = {(part.biller, part.number, part.insured, part.care_date) for part in found}
    lost = [
        (row.biller, bytes.fromhex(row.insured), row.care_date)
        for row in lines
        if row.insured is not None and row.biller is not None and row.care_date is not None
        and (row.share is not None or (row.biller, row.invoice_number, row.insured, row.care_date) not in whole)
    ]  # fmt: skip
    nameless = {(row.biller or billers[row.order_id], row.invoice_number) for row in lines if row.insured is None and row.amount < 0}
    told_by = {part.invoice_id for part in found if (part.biller, part.number) in nameless}
    if lost:
        rows = await con.fetch(PATIENTS, tenant, *(list(column) for column in zip(*lost, strict=True)))
        patients = await _numbered(con, tenant, [(row["biller"], row["number"]) for row in rows])
        told_by.update(part.invoice_id for part in patients)
        found.extend(patients)
    return sorted(set(found), key=lambda part: (part.invoice_id, part.part)), told_by


async def _numbered(con: Connection, tenant: UUID, numbers: Sequence[tuple[str | None, int | None]]) -> list[PartRow]:
    rows = await con.fetch(PARTS, tenant, [biller for biller, _ in numbers], [number for _, number in numbers])
    return [PartRow(*row) for row in rows]


LAST_WORDS: Final = """
    SELECT DISTINCT ON (m.left_refs[1]) m.left_refs[1] AS name, m.match_key, m.status, m.evidence
      FROM match AS m
     WHERE m.tenant_id = $1 AND m.status <> 'confirmed' AND m.status <> 'undone' AND m.left_refs[1] = ANY ($2::text[])
     ORDER BY m.left_refs[1], m.id DESC
"""


async def last_words(con: Connection, tenant: UUID, names: Sequence[str]) -> dict[str, Word]:
    """Return the last record of each of these lines and credits that was not matched."""
    decoder = msgspec.json.Decoder(Evidence)
    rows = await con.fetch(LAST_WORDS, tenant, names)
    return {row["name"]: Word(row["match_key"], row["status"], decoder.decode(row["evidence"])) for row in rows}


# --- what is decided

ADD_MATCHES: Final = """
    INSERT INTO match (tenant_id, id, run_id, match_key, problem, status, rule, left_refs, right_refs, amount, residual, outcome, evidence,
                       decided_by, decided_at)
    SELECT $1, r.id, $2, m.match_id, m.problem, m.status, m.rule, m."left", m."right", m.amount, m.residual, m.outcome, m.evidence,
           $5, $3
      FROM json_to_recordset($4::json) AS r (id uuid, match json)
     CROSS JOIN LATERAL json_to_record(r.match)
           AS m (match_id text, problem text, status text, rule text, "left" text[], "right" text[], amount bigint, residual bigint,
                 outcome text, evidence jsonb)
"""


async def add_matches(con: Connection, tenant: UUID, now: datetime, run_id: UUID, document: str, by: str = AUTO) -> None:
    """Store the records of a run or a decision, written by `matches_document`."""
    await con.execute(ADD_MATCHES, tenant, run_id, now, document, by)


def matches_document(matches: Iterable[tuple[UUID, Match]]) -> str:
    """Write records with their row ids as one JSON array."""
    return _ENCODER.encode([{"id": row_id, "match": match} for row_id, match in matches]).decode()


UNDO: Final = "UPDATE match SET status = 'undone' WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND status = 'confirmed'"
FREE_CREDITS: Final = "UPDATE bank_line SET match_id = NULL WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND match_id IS NOT NULL"
FREE_ORDERS: Final = "UPDATE payment_order SET match_id = NULL WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND match_id IS NOT NULL"
FREE_LINES: Final = """
    UPDATE order_line AS l SET match_id = NULL, share_invoice_id = NULL, share_part = NULL, parked = f.parked, answered = false
      FROM unnest($2::uuid[], $3::integer[], $4::uuid[], $5::boolean[]) AS f (order_id, line, match_id, parked)
     WHERE l.tenant_id = $1 AND l.order_id = f.order_id AND l.line = f.line AND l.match_id = f.match_id
"""


async def undo(con: Connection, tenant: UUID, matches: Sequence[UUID], credits: Sequence[UUID], orders: Sequence[UUID]) -> None:
    """Take matches of credits back; `credits` and `orders` are theirs. Raises OurBug when one is free already."""
    await _each(con, UNDO, tenant, matches)
    await _each(con, FREE_CREDITS, tenant, credits)
    await _each(con, FREE_ORDERS, tenant, orders)


async def free_lines(con: Connection, tenant: UUID, freed: Sequence[LineFreed]) -> None:
    """Take matches of order lines back. Raises OurBug when one is free already."""
    if freed:
        await _each(con, UNDO, tenant, [line.match_id for line in freed])
        await _each(con, FREE_LINES, tenant, *(list(column) for column in zip(*freed, strict=True)))


TAKE_LINES: Final = """
    UPDATE order_line AS l SET match_id = m.match_id, share_invoice_id = m.invoice_id, parked = false
      FROM unnest($2::uuid[], $3::integer[], $4::uuid[], $5::uuid[]) AS m (order_id, line, match_id, invoice_id)
     WHERE l.tenant_id = $1 AND l.order_id = m.order_id AND l.line = m.line AND l.match_id IS NULL
"""
PLACE_LINES: Final = """
    UPDATE order_line AS l SET share_part = m.part
      FROM unnest($2::uuid[], $3::integer[], $4::text[]) AS m (order_id, line, part)
     WHERE l.tenant_id = $1 AND l.order_id = m.order_id AND l.line = m.line AND l.part IS NULL
"""
PARK: Final = """
    UPDATE order_line AS l SET parked = true
      FROM unnest($2::uuid[], $3::integer[]) AS p (order_id, line)
     WHERE l.tenant_id = $1 AND l.order_id = p.order_id AND l.line = p.line AND NOT l.parked
"""
TAKE_ORDERS: Final = """
    UPDATE payment_order AS o SET match_id = m.match_id
      FROM unnest($2::uuid[], $3::uuid[]) AS m (id, match_id)
     WHERE o.tenant_id = $1 AND o.id = m.id AND o.match_id IS NULL
"""
TAKE_CREDITS: Final = """
    UPDATE bank_line AS b SET match_id = m.match_id
      FROM unnest($2::uuid[], $3::uuid[]) AS m (id, match_id)
     WHERE b.tenant_id = $1 AND b.id = m.id AND b.match_id IS NULL
"""


async def take_lines(con: Connection, tenant: UUID, taken: Sequence[LineTaken]) -> None:
    """Give each order line its match, and one that names no part its share's. Raises OurBug when one has a match already."""
    if taken:
        await _each(con, TAKE_LINES, tenant, *(list(column) for column in zip(*(line[:4] for line in taken), strict=True)))
    partless = [(line.order_id, line.line, line.part) for line in taken if not line.says_part]
    if partless:
        await _each(con, PLACE_LINES, tenant, *(list(column) for column in zip(*partless, strict=True)))


async def park(con: Connection, tenant: UUID, lines: Sequence[tuple[UUID, int]]) -> None:
    """Mark order lines whose amount now waits in the books. Raises OurBug when one waited already."""
    await _each(con, PARK, tenant, [order for order, _ in lines], [line for _, line in lines])


async def take_orders(con: Connection, tenant: UUID, taken: Mapping[UUID, UUID]) -> None:
    """Give each order the match of its credit. Raises OurBug when one has a match already."""
    await _each(con, TAKE_ORDERS, tenant, list(taken), list(taken.values()))


async def take_credits(con: Connection, tenant: UUID, taken: Mapping[UUID, UUID]) -> None:
    """Give each bank line its match. Raises OurBug when one has a match already."""
    await _each(con, TAKE_CREDITS, tenant, list(taken), list(taken.values()))


async def _each(con: Connection, query: str, tenant: UUID, first: Sequence[Any], *columns: Sequence[Any]) -> None:
    if first:
        status = await con.execute(query, tenant, first, *columns)
        if status != f"UPDATE {len(first)}":
            raise OurBug(f"{len(first)} rows were to change, PostgreSQL says {status}")


# --- shares

# Statistics from before a run know no line with a share, and a join planned by them reads all lines for each: they are looked up by key.
SHARE_LINES: Final = """
    WITH touched AS (
        SELECT s.invoice_id, s.part, s.amount, s.transport, s.state, s.announced, s.credited
          FROM share AS s
         WHERE s.tenant_id = $1
           AND (s.invoice_id, s.part) IN (
               SELECT m.invoice_id, m.part FROM unnest($2::uuid[], $3::text[]) AS m (invoice_id, part)
               UNION
               SELECT l.share_invoice_id, coalesce(l.share_part, l.part) FROM order_line AS l
                WHERE l.tenant_id = $1 AND l.order_id = ANY ($4::uuid[]) AND l.share_invoice_id IS NOT NULL
           )
    )
    SELECT t.invoice_id, t.part, t.amount, t.transport, t.state, t.announced, t.credited, l.status, coalesce(l.amount, 0), l.reject_code,
           o.id, o.match_id IS NOT NULL, coalesce(l.answered, false)
      FROM touched AS t
      LEFT JOIN LATERAL (
               SELECT * FROM order_line
                WHERE tenant_id = $1 AND share_invoice_id = t.invoice_id AND coalesce(share_part, part) = t.part AND match_id IS NOT NULL
               OFFSET 0
           ) AS l ON true
      LEFT JOIN LATERAL (SELECT * FROM payment_order WHERE tenant_id = $1 AND id = l.order_id OFFSET 0) AS o ON true
     ORDER BY t.invoice_id, t.part, o.payment_date, o.ref, l.line
"""
MOVE_SHARES: Final = """
    UPDATE share AS s SET state = m.state, announced = m.announced, credited = m.credited, reject_code = m.reject_code
      FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[])
           AS m (invoice_id, part, state, announced, credited, reject_code)
     WHERE s.tenant_id = $1 AND s.invoice_id = m.invoice_id AND s.part = m.part
"""


async def share_lines(con: Connection, tenant: UUID, shares: Iterable[tuple[UUID, str]], orders: Sequence[UUID]) -> list[ShareLineRow]:
    """Return every line confirmed on the given shares and on those that the orders pay, share by share; one row for a share of none."""
    named = list(shares)
    rows = await con.fetch(SHARE_LINES, tenant, [invoice for invoice, _ in named], [part for _, part in named], orders)
    return [ShareLineRow(*row) for row in rows]


async def move_shares(con: Connection, tenant: UUID, moves: Sequence[ShareMove]) -> None:
    """Record what shares have become."""
    if moves:
        await _each(con, MOVE_SHARES, tenant, *(list(column) for column in zip(*moves, strict=True)))
