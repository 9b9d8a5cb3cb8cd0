# SPDX-License-Identifier: Apache-2.0
"""Invoices checked, numbered, sealed and kept in the caller's transaction, one or many; and shown."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.types import Part
from desmos_fast.billing import intake, rules, store
from desmos_fast.billing.intake import Terms
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
    StageView,
)
from desmos_fast.billing.pricing.codec import Entry
from desmos_fast.billing.pricing.explain import Pricing
from desmos_fast.billing.pricing.quote import Quote, quote_alone
from desmos_fast.billing.sealed import EVERY_PART, Block, seal_block
from desmos_fast.billing.store import NumberClash, Tables
from desmos_fast.db import journal, numbers
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.identity.context import Context
from desmos_fast.identity.service import keep_apart
from monitoring import metrics

LAST_NUMBER: Final = 999_999_999
# Above this many invoices the work takes longer than the loop may wait.
THREAD_FROM: Final = 48
P = ParamSpec("P")
R = TypeVar("R")


class Kept(NamedTuple):
    """What a request leaves behind, ready to be written: the invoices in order of number, and the lines they came on."""

    lines: list[int]
    block: Block
    tables: Tables
    events: list[Event]
    entries: list[ledger.Entry]


class Explained(Created, frozen=True, kw_only=True):
    """An invoice that was just kept, and why it is worth what it is."""

    pricing: Pricing | None


class Again(NamedTuple):
    """What is billed again: the parts of which invoice, and the entry that takes back what was open on them."""

    supersedes: UUID
    parts: frozenset[Part]
    contra: ledger.Entry


class Trial(NamedTuple):
    """What an invoice would be refused for, and why it is worth what it is."""

    faults: list[Fault]
    pricing: Pricing | None


async def create_each(
    con: Connection, context: Context, bodies: Sequence[bytes], terms: Terms, *, draft: bool, explain: bool = False
) -> list[Created | FaultyInput]:
    """Price and sign invoices that came each in a request of its own, or stop at `priced` for drafts; the caller counts them.

    Returns in their order what became of each: with `explain` an Explained, or what that request is refused with. Raises what fails for
    all, or for one of them as nobody foresaw: then the caller undoes them, and tries again with fewer.
    """
    checked = await offload(len(bodies), intake.each, context, bodies, terms)
    kept, late = await _keep(con, context, checked.entries, draft=draft)
    found: dict[int, Created | FaultyInput] = {}
    if kept is not None:
        for place, line in enumerate(kept.lines):
            made = created(kept, place, draft=draft)
            found[line] = Explained(**msgspec.structs.asdict(made), pricing=checked.explanation(line)) if explain else made
    refused: dict[int, list[Fault]] = {}
    for fault in checked.faults + late:
        refused.setdefault(fault.line or 0, []).append(msgspec.structs.replace(fault, line=None))
    found.update((line, FaultyInput(faults)) for line, faults in refused.items())
    return [found[line] for line in range(1, len(bodies) + 1)]


async def bill_again(con: Connection, context: Context, entry: Entry, again: Again) -> Created:
    """Sign, under a new number, the invoice that bills some parts of another one again; post that and what it takes back together.

    `entry` was checked and priced, and is for those parts alone. Raises FaultyInput, InvoiceNumbersExhausted.
    """
    kept, late = await _keep(con, context, [entry], draft=False, again=again)
    if kept is None:
        raise FaultyInput(late)
    metrics.invoices_signed.labels(context.kind).inc()
    return created(kept, 0, draft=False)


def created(kept: Kept, place: int, *, draft: bool) -> Created:
    """Return what is told of the invoice of a place."""
    split = kept.block.splits[place]
    return Created(
        id=kept.block.ids[place],
        number=kept.block.invoices[place].number,
        state="priced" if draft else "signed",
        total=split.total,
        from_amo=split.from_amo,
        from_amc=split.from_amc,
        desk=split.desk,
    )


async def create_batch(
    con: Connection, context: Context, body: bytes, terms: Terms, *, first_line: int = 1, too_long: Sequence[int] = ()
) -> BatchResult:
    """Price and sign those invoices of an NDJSON body that can be, and say line by line what became of them.

    `first_line` is the number of the first line of a part of a body, `too_long` those of lines that were left out for their length.
    Raises BatchTooLong, InvoiceNumbersExhausted.
    """
    checked = await asyncio.to_thread(intake.batch, context, body, terms, first_line)
    kept, late = await _keep(con, context, checked.entries, draft=False)
    accepted = [] if kept is None else told_of(kept)
    return batch_result(context, accepted, [*map(intake.too_long, too_long), *checked.faults, *late])


def told_of(kept: Kept) -> list[LineResult]:
    """Return what is told of each line that was signed."""
    rows = zip(kept.lines, kept.block.ids, kept.block.invoices, strict=True)
    return [LineResult(line=line, id=name, number=invoice.number) for line, name, invoice in rows]


def batch_result(context: Context, accepted: list[LineResult], faults: Sequence[Fault]) -> BatchResult:
    """Put what became of lines in their order, and count it."""
    refused: dict[int, list[Fault]] = {}
    for fault in faults:
        refused.setdefault(fault.line or 0, []).append(msgspec.structs.replace(fault, line=None))
    metrics.invoices_signed.labels(context.kind).inc(len(accepted))
    metrics.invoices_refused.labels(context.kind).inc(len(refused))
    results = [*accepted, *(LineResult(line=line, errors=tuple(found)) for line, found in refused.items())]
    results.sort(key=lambda result: result.line)
    return BatchResult(accepted=len(accepted), refused=len(refused), results=results)


async def check_only(con: Connection, context: Context, body: bytes, terms: Terms, *, explain: bool = False) -> Trial:
    """Return what one invoice would be refused for at this moment, with its pricing when `explain`."""
    checked = intake.one(context, body, terms)
    faults = checked.faults + (await _free(con, context, checked.entries))[1]
    return Trial(faults, checked.explanation() if explain else None)


def quote(context: Context, body: bytes, terms: Terms) -> Quote:
    """Say what one invoice would cost and who would pay it; nothing is kept. Raises FaultyInput."""
    block = intake.plain(context, body, terms)
    if block is None:
        checked = intake.one(context, body, terms)
        if checked.faults:
            raise FaultyInput(checked.faults)
        block = checked.block
    return quote_alone(block)


async def show(con: Connection, context: Context, invoice: UUID) -> InvoiceView:
    """Show one invoice of the centre, its shares and what happened to them. Raises InvoiceNotFound."""
    found = await store.find(con, context.tenant, invoice)
    if found is None:
        raise InvoiceNotFound("no such invoice")
    row = found.invoice
    flags = {"conflict" for share in found.shares if share["announced"] > share["amount"]}
    # What its payer told or a person decided of a share says more than that the answer to its lot is missing.
    flags |= {"ack_missing" for share in found.shares if share["ack_missing"] and share["state"] == "sent"}
    state = rules.document_state(row["state"], [share["state"] for share in found.shares], flags)
    shown = dict(row) | {"state": state, "document": row["state"]}
    return InvoiceView(
        **shown,
        shares=[_share(share) for share in found.shares],
        timeline=[_happened(event) for event in found.events],
        stages=[StageView(**{**row, "hash": row["hash"].hex()}) for row in found.stages],
    )


def _happened(row: store.Row) -> Happened:
    detail = None if row["detail"] is None else msgspec.json.decode(row["detail"], type=dict[str, Any])
    return Happened(row["happened_at"], row["name"], row["part"], row["actor"], detail)


def _share(row: store.Row) -> ShareView:
    lot = None if row["lot_id"] is None else ShareLot(row["lot_id"], row["lot_number"], row["lot_state"], row["ack_missing"])
    fields = ("part", "payer", "flow", "amount", "state", "announced", "credited", "reject_code", "successor")
    return ShareView(**{name: row[name] for name in fields}, lot=lot)


async def _keep(
    con: Connection, context: Context, entries: Sequence[Entry], *, draft: bool, again: Again | None = None
) -> tuple[Kept | None, list[Fault]]:
    """Write the entries whose number is free, and return them with the faults of the others."""
    while True:
        try:
            # A savepoint: a number that another transaction gives meanwhile costs one more look, not the request.
            async with con.transaction():
                free, faults = await _free(con, context, entries)
                if not free:
                    return None, faults
                await keep_apart(con, context, first=True)
                if not all(entry.automatic for entry in free):
                    await numbers.hold(con, context.tenant, "invoice", context.finess)
                taken = await _automatic(con, context, free)
                kept = await offload(len(free), prepare, context, free, taken, draft, again)
                await store.add(con, context.tenant, kept.tables)
            break
        except NumberClash:
            continue
    await journal.record(con, context.tenant, context.now, kept.events, by=context.actor)
    if not draft:
        await journal.post(con, context.tenant, context.now, kept.entries)
    return kept, faults


async def _free(con: Connection, context: Context, entries: Sequence[Entry]) -> tuple[list[Entry], list[Fault]]:
    chosen = [entry.invoice.number for entry in entries if not entry.automatic]
    used = await store.used_numbers(con, context.tenant, context.finess, chosen)
    free: list[Entry] = []
    faults: list[Fault] = []
    for entry in entries:
        if entry.automatic or entry.invoice.number not in used:
            free.append(entry)
        else:
            faults.append(intake.duplicate(entry))
    return free, faults


async def _automatic(con: Connection, context: Context, entries: Sequence[Entry]) -> list[int]:
    """Take a number for each entry that comes without one, stepping over those that callers chose."""
    wanted = sum(entry.automatic for entry in entries)
    chosen = {entry.invoice.number for entry in entries if not entry.automatic}
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


def prepare(context: Context, entries: Sequence[Entry], taken: Sequence[int], draft: bool, again: Again | None = None) -> Kept:
    """Encode, seal and lay out entries, those without a number under those that were taken for them."""
    given = iter(taken)
    today = context.today.isoformat()
    numbered = sorted(
        ((next(given) if entry.automatic else entry.invoice.number, entry) for entry in entries),
        key=lambda pair: pair[0],
    )
    invoices = [
        msgspec.structs.replace(entry.invoice, number=number, created_on=entry.invoice.created_on or today) for number, entry in numbered
    ]
    block = seal_block(context.keys, context.tenant, invoices, EVERY_PART if again is None else again.parts)
    name = "invoice.priced" if draft else "invoice.signed"
    return Kept(
        lines=[entry.line for _, entry in numbered],
        block=block,
        tables=store.tables(
            block, kind=context.kind, signed_at=None if draft else context.now, supersedes=None if again is None else again.supersedes
        ),
        events=[Event(name, subject=invoice, invoice=invoice) for invoice in block.ids],
        entries=[*([] if again is None else [again.contra]), *([] if draft else rules.entries(block.invoices, block.shares))],
    )


async def offload(count: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do work on so many invoices where it keeps nobody waiting."""
    if count > THREAD_FROM:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)
