# SPDX-License-Identifier: Apache-2.0
"""Use cases: take a statement, match all that is free and post what is certain, show the figures."""

import asyncio
import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.db import journal
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature import rejects
from desmos_fast.nomenclature.payers import payers
from desmos_fast.settlement import applying, store
from desmos_fast.settlement.bank import Format, read_statement
from desmos_fast.settlement.bank import service as bank
from desmos_fast.settlement.bank.model import BankFault, BankLine, Block, Statement, gaps, occurrences
from desmos_fast.settlement.book import Decisions, decide
from desmos_fast.settlement.bulk import service as bulk
from desmos_fast.settlement.dashboard import LISTED, Dashboard, make_dashboard
from desmos_fast.settlement.dunning import store as dunning
from desmos_fast.settlement.dunning.service import question
from desmos_fast.settlement.labels import kept_reference
from desmos_fast.settlement.model import Match, Payer, RunAnswer, StatementAnswer, Tally
from desmos_fast.settlement.posting import make_plan
from desmos_fast.settlement.replay.store import keep_run
from desmos_fast.settlement.store import CURRENCY, NewBankLine
from desmos_fast.settlement.taught import service as taught
from monitoring import metrics

_CONTENTS: Final = {"booked": b"bank line\0", "pending": b"bank line pending\0"}
REVISED: Final = timedelta(days=120)
"""How long a credit matched automatically is decided again with what comes: payer and amount fit one order until a second one arrives."""


# --- statements


async def import_statement(
    con: Connection, context: Context, body: bytes, statement_format: Format = "auto", mapping: str | None = None, *, real: bool = True
) -> StatementAnswer:
    """Take one statement: every movement enters the books unexplained, and one that another file gave is marked.

    `mapping` names the centre's mapping of a CSV. The same bytes again give the first answer and write nothing. What is not `real` the
    caller undoes, and no metric counts it.
    Raises BankRefused, NotThere.
    """
    how = None if mapping is None else (await bank.mapping(con, context, mapping)).mapping
    statement = await asyncio.to_thread(read_statement, body, statement_format, how, nul_is_blank=True)
    await store.lock(con, context.tenant)
    first = await store.answer_of(con, context.tenant, statement.sha256)
    if first is not None:
        return first
    keys = await asyncio.to_thread(_keys, context.keys.index, statement.lines)
    given = await store.lines_given(con, context.tenant, (key for key, _ in keys))
    repeated = (line.source.line for line, key in zip(statement.lines, keys, strict=True) if key in given)
    joined = await bank.join(con, context, statement, repeated)
    lines = await asyncio.to_thread(_new_lines, context.keys.index, statement.lines, keys, given, joined.lines())
    live = [row.line for row in lines if row.duplicate_of is None and _is_posted(row.line)]
    answer = StatementAnswer(
        id=uuid7(),
        sha256=statement.sha256,
        format=statement.format,
        lines=len(lines),
        duplicates=sum(row.duplicate_of is not None for row in lines),
        amount=Cents(sum(line.amount for line in live)),
        balances=statement.blocks,
        warnings=(
            *statement.warnings, *await _gaps_before(con, context, statement), *await bank.overlaps(con, context, statement),
        ),
    )  # fmt: skip
    await store.add_statement(con, context.tenant, context.now, answer, lines)
    known = {row.line.source.line: bank.Known(row.duplicate_of or row.line.id, row.content_key, row.occurrence) for row in lines}
    await bank.keep_entries(con, context, answer.id, joined, known)
    detail = {"sha256": answer.sha256, "lines": answer.lines, "duplicates": answer.duplicates, "amount": answer.amount}
    await journal.record(con, context.tenant, context.now, [journal.Event("bank.imported", answer.id, detail=detail)], by=context.actor)
    metrics.bank_lines_imported.inc(len(lines) if real else 0)
    await journal.post(con, context.tenant, context.now, [ledger.credit_unmatched(line.id, line.account, line.amount) for line in live])
    return answer


def _is_posted(line: BankLine) -> bool:
    # The books are in euros, and what the bank has not booked may still vanish.
    return line.status == "booked" and line.currency == CURRENCY


def _keys(secret: bytes, lines: Sequence[BankLine]) -> list[tuple[str, int]]:
    # A label may hold a NIR, and a bare hash of few unknowns can be searched: the key of the centre is hashed in. What is pending may come
    # again booked, and that is the first time it is paid: its key is another one.
    return [
        (hmac.digest(secret, _CONTENTS[line.status] + bytes.fromhex(key), hashlib.sha256).hex(), occurrence)
        for line, (key, occurrence) in zip(lines, occurrences(lines), strict=True)
    ]


def _new_lines(
    secret: bytes, lines: Sequence[BankLine], keys: Iterable[tuple[str, int]], given: Mapping[tuple[str, int], str],
    joined: Mapping[int, bank.Known],
) -> list[NewBankLine]:
    # A line that another kind of file told stands under the key of the line it repeats.
    found = []
    for row_id, line, key in zip(journal.ids(len(lines)), lines, keys, strict=True):
        before = joined.get(line.source.line)
        name, rank, repeats = (*key, given.get(key)) if before is None else (before.content_key, before.occurrence, before.ref)
        found.append(NewBankLine(row_id, masked(secret, line), name, rank, repeats))
    return found


def masked(secret: bytes, line: BankLine) -> BankLine:
    """Return the line with every NIR in its texts hidden; a reference that looks like one can still be told by its index."""
    return msgspec.structs.replace(
        line,
        label=mask_nir(line.label),
        remittance=tuple(map(mask_nir, line.remittance)),
        end_to_end_id=line.end_to_end_id and mask_nir(line.end_to_end_id),
        payer_name=line.payer_name and mask_nir(line.payer_name),
        payer_id=line.payer_id and mask_nir(line.payer_id),
        references=tuple(kept_reference(secret, reference) for reference in line.references),
        qualifiers=tuple((code, mask_nir(text)) for code, text in line.qualifiers),
    )


async def _gaps_before(con: Connection, context: Context, statement: Statement) -> list[BankFault]:
    first: dict[tuple[str, str], Block] = {}
    for block in statement.blocks:
        first.setdefault((block.account, block.currency), block)
    known = await store.blocks_before(con, context.tenant, list(first.values()))
    return [fault for block in known for fault in gaps([block, first[block.account, block.currency]])]


# --- reconciliation


async def reconcile(con: Connection, context: Context, *, real: bool = True) -> RunAnswer:
    """Match all that is free, once at a time for a centre, and write what follows: rows taken, shares moved, entries posted.

    Credits matched automatically in the last days are decided again with all that has come since, so that the order in which orders and
    statements arrive changes nothing; a match that falls is undone by an entry of its own. What is not `real` the
    caller undoes, and no metric counts it.
    """
    tenant, run_id = context.tenant, uuid7()
    await store.lock(con, tenant)
    revision, settings = await taught.in_force(con, context)
    await keep_run(con, context, run_id, settings, revision)
    settled = await bulk.settle(con, context, run_id, context.now - REVISED, settings)
    book = await store.open_book(con, tenant, context.now - REVISED, context.keys.index)
    known = [Payer(id=row.id, kind=row.kind, names=row.names, pays_for=row.pays_for) for row in payers(context.kind, context.today)]
    decisions = await asyncio.to_thread(decide, book, known, settings)
    free = [name for match in (*decisions.lines, *decisions.credits) if match.status != "confirmed" for name in match.left]
    plan = await asyncio.to_thread(make_plan, book, decisions, await store.last_words(con, tenant, free))
    document = await asyncio.to_thread(store.matches_document, plan.matches)
    await store.add_matches(con, tenant, context.now, run_id, document)
    await applying.take(con, context, plan)
    await applying.move_shares(con, context, plan)
    metrics.reconciliations.inc(int(real))
    entries = await settled.post(con, context, plan.entries)
    return settled.added_to(_answer(run_id, decisions, plan.standing, entries))


def _answer(run_id: UUID, decisions: Decisions, standing: Collection[str], entries: int) -> RunAnswer:
    lines, credits = (
        [match for match in matches if match.left[0] not in standing] for matches in (decisions.lines, decisions.credits)
    )  # fmt: skip
    return RunAnswer(
        run_id=run_id,
        lines=_tallies(lines, "status"),
        credits=_tallies(credits, "status"),
        rules=_tallies((*lines, *credits), "rule"),
        entries=entries,
    )


def _tallies(matches: Iterable[Match], name: str) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for match in matches:
        before = found.get(getattr(match, name), Tally(0, Cents(0)))
        found[getattr(match, name)] = Tally(before.count + 1, Cents(before.cents + match.amount))
    return dict(sorted(found.items()))


# --- figures


async def dashboard(con: Connection, context: Context) -> Dashboard:
    """Show the figures of the centre, all of one moment."""
    columns = await dunning.dashboard(con, context.tenant, await question(con, context), LISTED)
    return make_dashboard(columns, context.now, await rejects.current(con))
