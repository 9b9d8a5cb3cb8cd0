# SPDX-License-Identifier: Apache-2.0
"""What a run leaves for a replay, and what a replay reads of one centre: what came in, was run and decided, and what became of it."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.types import KeyKind, Part
from desmos_fast.db.numbers import take
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import Evidence, LineRow, OrderRow, Settings
from desmos_fast.settlement.replay.model import (
    Announced,
    Chain,
    Decided,
    GivenLine,
    MatchState,
    ShareState,
    Signed,
    SignedShare,
    State,
    Stated,
    canonical,
)
from desmos_fast.settlement.replay.playing import LedgerRow
from desmos_fast.settlement.replay.selecting import AUTO
from desmos_fast.settlement.rules import settings_version

AT_ONCE: Final = 2_000
# As they are signed, and as the books name them.
PARTS: Final[tuple[Part, ...]] = ("amo", "amc", "patient")


class RunRow(NamedTuple):
    """One run: how many decisions came before it, where the ledger ended when it began to read, and its settings by name and revision."""

    id: UUID
    seq: int
    decisions: int
    at: datetime
    kind: KeyKind
    ledger: int
    settings: str
    revision: int


async def _rows(con: Connection, query: str, *values: object) -> AsyncIterator[tuple[Any, ...]]:
    async for row in con.cursor(query, *values, prefetch=AT_ONCE):
        yield tuple(row)


# --- what a run leaves behind

# What both counters say is what the run can see: decisions wait for it, and of the ledger every entry up to there is there.
KEEP: Final = """
    INSERT INTO run (tenant_id, id, seq, decisions, settings, at, by, kind, settings_revision, ledger)
    SELECT $1, $2, $3, coalesce((SELECT value FROM counter WHERE tenant_id = $1 AND kind = 'decision' AND name = ''), 0),
           $4, $5, $6, $7, $8, coalesce((SELECT value FROM counter WHERE tenant_id = $1 AND kind = 'ledger' AND name = ''), 0)
"""


async def keep_run(con: Connection, context: Context, run: UUID, settings: Settings, revision: int) -> None:
    """Keep that a run begins under settings of a revision. Call it with the settlement lock, before the first row that the run reads."""
    seq = await take(con, context.tenant, "run", "", 1)
    version = settings_version(settings)
    await con.execute(KEEP, context.tenant, run, seq, version, context.now, context.actor, context.kind, revision)


# --- what came in

LEDGER: Final = "SELECT seq, event, ref, hash FROM ledger_entry WHERE tenant_id = $1 ORDER BY seq"
INVOICES: Final = """
    SELECT i.id, i.biller, i.number, encode(i.insured_key, 'hex'), i.care_date, i.from_amo, i.from_amc, i.desk,
           s.part, s.payer, s.transport, t.number
      FROM invoice AS i
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = i.id
      LEFT JOIN lot AS t ON t.tenant_id = $1 AND t.id = s.lot_id
     WHERE i.tenant_id = $1 AND i.state IN ('signed', 'void')
     ORDER BY i.id
"""
ORDERS: Final = """
    SELECT return_file_id, id, ref, kind, payer, emitter, emitter_name, payment_date, payment_ref, total, biller
      FROM payment_order WHERE tenant_id = $1 ORDER BY return_file_id, id
"""
LINES: Final = """
    SELECT order_id, line, biller, part, payer, status, amount, invoice_number, lot, encode(insured_key, 'hex'), care_date, reject_code
      FROM order_line WHERE tenant_id = $1 AND piece_of IS NULL ORDER BY order_id, line
"""
BANK: Final = """
    SELECT bank_file_id, id, document, content_key, occurrence FROM bank_line
     WHERE tenant_id = $1 AND piece_of IS NULL ORDER BY bank_file_id, id
"""
RUNS: Final = "SELECT id, seq, decisions, at, kind, ledger, settings, settings_revision FROM run WHERE tenant_id = $1 ORDER BY seq"


async def ledger(con: Connection, tenant: UUID) -> list[LedgerRow]:
    """Return the ledger in its order."""
    return [LedgerRow(row[0], row[1], row[2], bytes(row[3])) async for row in _rows(con, LEDGER, tenant)]


async def invoices(con: Connection, tenant: UUID) -> dict[str, Signed]:
    """Return what was signed, by the name that the ledger gives it."""
    found: dict[str, Signed] = {}
    async for group in _groups(con, INVOICES, tenant):
        name, biller, number, insured, care_date, *amounts = group[0][:8]
        owed = dict(zip(PARTS, amounts, strict=True))
        shares = [SignedShare(part, payer, owed[part], transport, lot) for *_, part, payer, transport, lot in group]
        # A patient who owes nothing at signature may by a decision; what it makes is no input.
        signed = tuple(sorted((one for one in shares if one.part != "patient" or one.amount), key=lambda one: PARTS.index(one.part)))
        found[f"{biller}/{number}"] = Signed(name, biller, number, insured, care_date, signed)
    return found


async def _groups(con: Connection, query: str, tenant: UUID) -> AsyncIterator[list[tuple[Any, ...]]]:
    """Give the rows of equal first column together."""
    group: list[tuple[Any, ...]] = []
    async for row in _rows(con, query, tenant):
        if group and group[0][0] != row[0]:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


async def announced(con: Connection, tenant: UUID) -> dict[UUID, Announced]:
    """Return the payment orders of each return, by its row."""
    lines: dict[UUID, list[LineRow]] = {}
    async for row in _rows(con, LINES, tenant):
        lines.setdefault(row[0], []).append(LineRow._make((*row, False, None, None, None)))
    found = {}
    async for group in _groups(con, ORDERS, tenant):
        orders = tuple(OrderRow._make((*row[1:10], None, True, row[10])) for row in group)
        found[group[0][0]] = Announced(
            str(group[0][0]), orders, tuple(line for order in orders for line in lines.get(order.id, ()))
        )  # fmt: skip
    return found


async def stated(con: Connection, tenant: UUID) -> dict[UUID, Stated]:
    """Return the lines of each statement, by its row."""
    decoder = msgspec.json.Decoder(BankLine)
    found = {}
    async for group in _groups(con, BANK, tenant):
        lines = tuple(GivenLine(row[1], decoder.decode(row[2]), *row[3:]) for row in group)
        found[group[0][0]] = Stated(str(group[0][0]), lines)
    return found


async def runs(con: Connection, tenant: UUID) -> list[RunRow]:
    """Return the runs in their order."""
    return [RunRow(*row) async for row in _rows(con, RUNS, tenant)]


DECISIONS: Final = "SELECT id, seq, decided_at, decided_by, kind, subject, detail FROM decision WHERE tenant_id = $1 ORDER BY seq"


async def decisions(con: Connection, tenant: UUID) -> list[Decided]:
    """Return the decisions in their order."""
    return [Decided._make((*row[:6], msgspec.json.decode(row[6]))) async for row in _rows(con, DECISIONS, tenant)]


# --- who saw what

RETURNS_SEEN: Final = """
    SELECT DISTINCT o.return_file_id, m.run_id
      FROM match AS m JOIN payment_order AS o ON o.tenant_id = $1 AND o.ref = split_part(m.left_refs[1], '#', 1)
     WHERE m.tenant_id = $1 AND m.problem = 'A'
"""
STATEMENTS_SEEN: Final = """
    SELECT DISTINCT b.bank_file_id, m.run_id
      FROM match AS m JOIN bank_line AS b ON b.tenant_id = $1 AND b.ref = m.left_refs[1]
     WHERE m.tenant_id = $1 AND m.problem = 'B'
"""
NAMED: Final = """
    SELECT n.name FROM unnest($3::text[]) AS n (name)
     WHERE EXISTS (
         SELECT FROM match AS m
          WHERE m.tenant_id = $1 AND m.run_id = $2 AND m.problem = 'A'
            AND (n.name = ANY (m.right_refs) OR m.evidence -> 'candidate_ids' ? n.name OR m.evidence -> 'lost' ? n.name)
     )
"""


async def seen(con: Connection, tenant: UUID) -> list[tuple[UUID, UUID]]:
    """Return which returns and statements have a record of which run or decision: the first one of each came after it."""
    return [(row[0], row[1]) for query in (RETURNS_SEEN, STATEMENTS_SEEN) for row in await con.fetch(query, tenant)]


async def named(con: Connection, tenant: UUID, run: UUID, parts: Sequence[str]) -> set[str]:
    """Return which of these parts a record of a run names."""
    return {row["name"] for row in await con.fetch(NAMED, tenant, run, parts)}


# --- what became of it

MATCHES: Final = """
    SELECT match_key, problem, rule, left_refs, right_refs, amount, residual, outcome, decided_by, evidence
      FROM match WHERE tenant_id = $1 AND status = 'confirmed'
"""
SHARES: Final = """
    SELECT i.biller || '/' || i.number || '/' || s.part, s.payer, s.amount, s.closed, s.state, s.announced, s.credited, s.reject_code
      FROM share AS s JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id
     WHERE s.tenant_id = $1 AND i.state IN ('signed', 'void')
"""
BALANCES: Final = """
    SELECT account, (sum(debit) - sum(credit))::bigint FROM ledger_line
     WHERE tenant_id = $1 GROUP BY account HAVING sum(debit) <> sum(credit)
"""
HEAD: Final = "SELECT value, hash FROM counter WHERE tenant_id = $1 AND kind = 'ledger' AND name = ''"


async def state(con: Connection, tenant: UUID) -> State:
    """Return the state as it is stored."""
    decoder = msgspec.json.Decoder(Evidence)
    head = await con.fetchrow(HEAD, tenant)
    return State(
        {row[0]: _match(row[1:], decoder) async for row in _rows(con, MATCHES, tenant)},
        {row[0]: ShareState(*row[1:]) async for row in _rows(con, SHARES, tenant)},
        {row[0]: row[1] async for row in _rows(con, BALANCES, tenant)},
        Chain(0, "") if head is None else Chain(head["value"], bytes(head["hash"]).hex()),
    )


def _match(row: Sequence[Any], decoder: msgspec.json.Decoder[Evidence]) -> MatchState:
    problem, rule, left, right, amount, residual, outcome, by, evidence = row
    said = msgspec.Raw(canonical(decoder.decode(evidence)) if by == AUTO else b"null")
    return MatchState(problem, rule, tuple(left), tuple(right), amount, residual, outcome, by, said)
