# SPDX-License-Identifier: Apache-2.0
"""Invoices checked, numbered, sealed and kept in the caller's transaction, one or many; and shown."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

import msgspec

from desmos_fast.base import ledger
from desmos_fast.billing import intake, rules, store
from desmos_fast.billing.intake import Candidate
from desmos_fast.billing.model import (
    BatchResult,
    Created,
    Happened,
    InvoiceNotFound,
    InvoiceNumbersExhausted,
    InvoiceView,
    LineResult,
    ShareLot,
    ShareView,
)
from desmos_fast.billing.sealed import Block, seal_block
from desmos_fast.billing.store import NumberClash, Tables
from desmos_fast.db import journal, numbers
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.identity.context import Context
from monitoring import metrics

LAST_NUMBER: Final = 999_999_999
# Above this many invoices the work takes longer than the loop may wait.
THREAD_FROM: Final = 20
P = ParamSpec("P")
R = TypeVar("R")


class Kept(NamedTuple):
    """What a request leaves behind, ready to be written: the invoices in order of number, and the lines they came on."""

    lines: list[int]
    block: Block
    tables: Tables
    events: list[Event]
    entries: list[ledger.Entry]


async def create_one(con: Connection, context: Context, body: bytes, *, draft: bool) -> Created:
    """Sign one invoice, or stop at `priced` for a draft. Raises FaultyInput, InvoiceNumbersExhausted."""
    candidates, faults = intake.one(context, body)
    kept, late = await _keep(con, context, candidates, draft=draft)
    if kept is None:
        metrics.invoices_refused.labels(context.kind).inc()
        raise FaultyInput(faults + late)
    split = kept.block.splits[0]
    return Created(
        id=kept.block.ids[0],
        number=kept.block.invoices[0].number,
        state="priced" if draft else "signed",
        total=split.total,
        from_amo=split.from_amo,
        from_amc=split.from_amc,
        desk=split.desk,
    )


async def create_batch(con: Connection, context: Context, body: bytes) -> BatchResult:
    """Sign those invoices of an NDJSON body that can be, and say line by line what became of them.

    Raises BatchTooLong, InvoiceNumbersExhausted.
    """
    candidates, faults = await asyncio.to_thread(intake.batch, context, body)
    kept, late = await _keep(con, context, candidates, draft=False)
    results = [] if kept is None else _accepted(kept)
    refused: dict[int, list[Fault]] = {}
    for fault in faults + late:
        refused.setdefault(fault.line or 0, []).append(msgspec.structs.replace(fault, line=None))
    metrics.invoices_refused.labels(context.kind).inc(len(refused))
    results += [LineResult(line=line, errors=tuple(found)) for line, found in refused.items()]
    results.sort(key=lambda result: result.line)
    return BatchResult(accepted=len(results) - len(refused), refused=len(refused), results=results)


async def check_only(con: Connection, context: Context, body: bytes) -> list[Fault]:
    """Return what one invoice would be refused for at this moment."""
    candidates, faults = intake.one(context, body)
    return faults + (await _free(con, context, candidates))[1]


async def show(con: Connection, context: Context, invoice: UUID) -> InvoiceView:
    """Show one invoice of the centre, its shares and what happened to them. Raises InvoiceNotFound."""
    found = await store.find(con, context.tenant, invoice)
    if found is None:
        raise InvoiceNotFound("no such invoice")
    row = found.invoice
    conflict = any(share["announced"] > share["amount"] for share in found.shares)
    state = rules.document_state(row["state"], [share["state"] for share in found.shares], ["conflict"] if conflict else [])
    shown = dict(row) | {"state": state, "document": row["state"]}
    return InvoiceView(
        **shown,
        shares=[_share(share) for share in found.shares],
        timeline=[_happened(event) for event in found.events],
    )


def _happened(row: store.Row) -> Happened:
    detail = None if row["detail"] is None else msgspec.json.decode(row["detail"], type=dict[str, Any])
    return Happened(row["happened_at"], row["name"], row["part"], detail)


def _share(row: store.Row) -> ShareView:
    lot = None if row["lot_id"] is None else ShareLot(row["lot_id"], row["lot_number"], row["lot_state"])
    fields = ("part", "payer", "flow", "amount", "state", "announced", "credited", "reject_code")
    return ShareView(**{name: row[name] for name in fields}, lot=lot)


def _accepted(kept: Kept) -> list[LineResult]:
    rows = zip(kept.lines, kept.block.ids, kept.block.invoices, strict=True)
    return [LineResult(line=line, id=name, number=invoice.number) for line, name, invoice in rows]


async def _keep(con: Connection, context: Context, candidates: Sequence[Candidate], *, draft: bool) -> tuple[Kept | None, list[Fault]]:
    """Write the candidates whose number is free, and return them with the faults of the others."""
    while True:
        try:
            # A savepoint: a number that another transaction gives meanwhile costs one more look, not the request.
            async with con.transaction():
                free, faults = await _free(con, context, candidates)
                if not free:
                    return None, faults
                taken = await _automatic(con, context, free)
                kept = await _offload(len(free), _prepare, context, free, taken, draft)
                await store.add(con, context.tenant, kept.tables)
            break
        except NumberClash:
            continue
    await journal.record(con, context.tenant, context.now, kept.events)
    if not draft:
        await journal.post(con, context.tenant, context.now, kept.entries)
        metrics.invoices_signed.labels(context.kind).inc(len(kept.lines))
    return kept, faults


async def _free(con: Connection, context: Context, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Fault]]:
    chosen = [candidate.invoice.number for candidate in candidates if not candidate.automatic]
    used = await store.used_numbers(con, context.tenant, context.finess, chosen)
    free: list[Candidate] = []
    faults: list[Fault] = []
    for candidate in candidates:
        if candidate.automatic or candidate.invoice.number not in used:
            free.append(candidate)
        else:
            faults.append(intake.duplicate(candidate))
    return free, faults


async def _automatic(con: Connection, context: Context, candidates: Sequence[Candidate]) -> list[int]:
    """Take a number for each candidate that comes without one, stepping over those that callers chose."""
    wanted = sum(candidate.automatic for candidate in candidates)
    chosen = {candidate.invoice.number for candidate in candidates if not candidate.automatic}
    found: list[int] = []
    skip = 0
    while len(found) < wanted:
        count = skip + wanted - len(found)
        first = await numbers.take(con, context.tenant, "invoice", context.finess, count)
        span = range(first + skip, first + count)
        if span[-1] > LAST_NUMBER:
            raise InvoiceNumbersExhausted(f"the numbers of invoices end at {LAST_NUMBER}", hint="give free numbers yourself")
        used = chosen | await store.used_numbers(con, context.tenant, context.finess, list(span))
        found += [number for number in span if number not in used]
        # A long run of chosen numbers (another program's, before this one) is jumped at once.
        skip = await store.run_length(con, context.tenant, context.finess, span[-1] + 1) if len(found) < wanted else 0
    return found


def _prepare(context: Context, candidates: Sequence[Candidate], taken: Sequence[int], draft: bool) -> Kept:
    given = iter(taken)
    today = context.today.isoformat()
    numbered = sorted(
        ((next(given) if candidate.automatic else candidate.invoice.number, candidate) for candidate in candidates),
        key=lambda pair: pair[0],
    )
    invoices = [
        msgspec.structs.replace(candidate.invoice, number=number, created_on=candidate.invoice.created_on or today)
        for number, candidate in numbered
    ]
    block = seal_block(context.keys, context.tenant, invoices)
    name = "invoice.priced" if draft else "invoice.signed"
    return Kept(
        lines=[candidate.line for _, candidate in numbered],
        block=block,
        tables=store.tables(block, kind=context.kind, signed_at=None if draft else context.now),
        events=[Event(name, subject=invoice, invoice=invoice) for invoice in block.ids],
        entries=[] if draft else rules.entries(block.invoices, block.shares),
    )


async def _offload(count: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    if count > THREAD_FROM:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)
