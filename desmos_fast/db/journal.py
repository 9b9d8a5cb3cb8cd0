# SPDX-License-Identifier: Apache-2.0
"""What happened and what it changed in the books: events and ledger entries, added by COPY and never changed."""

import asyncio
from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, NamedTuple
from uuid import UUID

import orjson

from desmos_fast.base import ledger
from desmos_fast.base.types import uuid7_block
from desmos_fast.db.kernel import Kind
from desmos_fast.db.leaf import Column, copy_in, step
from desmos_fast.db.pipeline import Answered, Step, expecting
from desmos_fast.db.pool import Connection

# The row is made by the first entry and locked by every other one: the chain has one end.
HEAD: Final = """
    INSERT INTO counter (tenant_id, kind, name, value, hash) VALUES ($1, 'ledger', '', 0, $2)
    ON CONFLICT (tenant_id, kind, name) DO UPDATE SET value = counter.value
    RETURNING value, hash
"""
ADVANCE: Final = "UPDATE counter SET value = $2, hash = $3 WHERE tenant_id = $1 AND kind = 'ledger' AND name = ''"
# Where the ledger is known to end, and holds it as HEAD does.
ENDS_AT: Final = expecting(
    "SELECT 1 FROM counter WHERE tenant_id = $1 AND kind = 'ledger' AND name = '' AND value = $2 AND hash = $3 FOR UPDATE", "1"
)
# More events than these are laid out in several goes, between which the loop serves others.
EVENTS_AT_ONCE: Final = 2_000
# Who does what no key asked for.
WORKER: Final = "worker"
# Above this many entries the hashes take longer than the loop may wait.
THREAD_FROM: Final = 500


class Event(NamedTuple):
    """One thing that happened to `subject`; `invoice` and `part` place it on the timeline of an invoice."""

    name: str
    subject: UUID
    invoice: UUID | None = None
    part: str | None = None
    detail: Mapping[str, object] | None = None


async def record(con: Connection, tenant: UUID, now: datetime, events: Sequence[Event], *, by: str) -> None:
    """Add events in the order given; `detail` must never hold a NIR, `by` is the id of a key, or a word such as WORKER."""
    for start in range(0, len(events), EVENTS_AT_ONCE):
        await _record(con, tenant, now, events[start : start + EVENTS_AT_ONCE], by)


async def _record(con: Connection, tenant: UUID, now: datetime, events: Sequence[Event], by: str) -> None:
    await copy_in(con, "event", tenant, event_columns(now, events, by))


def event_columns(now: datetime, events: Sequence[Event], by: str) -> dict[str, Column]:
    """Lay out the rows of events."""
    details = [None if event.detail is None else orjson.dumps(event.detail) for event in events]
    return {
        "id": Column(Kind.UUID, uuid7_block(len(events))),
        "name": Column(Kind.TEXT, [event.name for event in events]),
        "invoice_id": Column(Kind.UUID, [event.invoice for event in events]),
        "subject": Column(Kind.UUID, [event.subject for event in events]),
        "part": Column(Kind.TEXT, [event.part for event in events]),
        "detail": Column(Kind.JSONB, details),
        "happened_at": Column(Kind.TIMESTAMPTZ, now),
        "actor": Column(Kind.TEXT, by),
    }


async def post(con: Connection, tenant: UUID, now: datetime, entries: Sequence[ledger.Entry]) -> int:
    """Add entries to the ledger and return how many; one that moves nothing is left out.

    Call it once and last in a transaction: others who post for the same tenant wait for its end.
    """
    kept = [entry for entry in entries if entry.lines]
    if not kept:
        return 0
    row = await con.fetchrow(HEAD, tenant, ledger.GENESIS)
    assert row is not None, "the upsert returns its row"
    first, previous = row["value"] + 1, bytes(row["hash"])
    hashes = await asyncio.to_thread(ledger.chain, previous, kept) if len(kept) > THREAD_FROM else ledger.chain(previous, kept)
    named = uuid7_block(len(kept))
    await copy_in(con, "ledger_entry", tenant, entry_columns(now, first, named, kept, hashes))
    await add_lines(con, tenant, named, kept)
    await con.execute(ADVANCE, tenant, first + len(kept) - 1, hashes[-1])
    return len(kept)


class End(NamedTuple):
    """Where the ledger of a centre ends: how many entries it has, and the hash of the last one."""

    posted: int
    link: bytes


def holding(tenant: UUID) -> Step:
    """Return the step of an exchange that holds the end of the ledger until the transaction ends; `end_of` reads its answer."""
    return Step(HEAD, (str(tenant), ledger.GENESIS))


def end_of(held: Answered) -> End:
    """Return where the ledger ends, of the answer to `holding`."""
    ((posted, link),) = held.rows
    return End(int(posted or 0), bytes.fromhex((link or b"")[2:].decode()))


class Unposted(NamedTuple):
    """Entries with the ids of their rows and the step that adds their lines: all that does not depend on where the ledger ends."""

    entries: list[ledger.Entry]
    named: list[bytes]
    lines: Step


def unposted(tenant: UUID, entries: Sequence[ledger.Entry]) -> Unposted:
    """Lay out entries, before the end of the ledger is held; the leaves are known."""
    kept = [entry for entry in entries if entry.lines]
    named = uuid7_block(len(kept))
    return Unposted(kept, named, step("ledger_line", tenant, line_columns(named, kept)))


def posting(tenant: UUID, now: datetime, end: End, laid: Unposted) -> tuple[list[Step], End]:
    """Return the steps that do what `post` does, in a transaction that holds the end of the ledger, and where it ends then."""
    if not laid.entries:
        return [], end
    hashes = ledger.chain(end.link, laid.entries)
    then = End(end.posted + len(hashes), hashes[-1])
    return [
        step("ledger_entry", tenant, entry_columns(now, end.posted + 1, laid.named, laid.entries, hashes)),
        laid.lines,
        Step(ADVANCE, (str(tenant), *then)),
    ], then


def entry_columns(
    now: datetime, first: int, named: Sequence[UUID | bytes], entries: Sequence[ledger.Entry], hashes: Sequence[bytes]
) -> dict[str, Column]:
    """Lay out the rows of entries that have the numbers from `first` on."""
    return {
        "id": Column(Kind.UUID, named),
        "seq": Column(Kind.INT8, array("q", range(first, first + len(entries)))),
        "event": Column(Kind.TEXT, [entry.event for entry in entries]),
        "ref": Column(Kind.TEXT, [entry.ref for entry in entries]),
        "posted_at": Column(Kind.TIMESTAMPTZ, now),
        "hash": Column(Kind.BYTEA, hashes),
    }


async def add_lines(con: Connection, tenant: UUID, named: Sequence[UUID | bytes], entries: Sequence[ledger.Entry]) -> None:
    """Add the lines of entries that are stored under the ids given."""
    await copy_in(con, "ledger_line", tenant, line_columns(named, entries))


def line_columns(named: Sequence[UUID | bytes], entries: Sequence[ledger.Entry]) -> dict[str, Column]:
    """Lay out the rows of the lines of entries."""
    lines = list(chain.from_iterable(entry.lines for entry in entries))
    owners: list[UUID | bytes] = [name for name, entry in zip(named, entries, strict=True) for _ in entry.lines]
    return {
        "entry_id": Column(Kind.UUID, owners),
        "line": Column(Kind.INT2, array("q", chain.from_iterable(range(1, len(entry.lines) + 1) for entry in entries))),
        "account": Column(Kind.TEXT, [line.account for line in lines]),
        "debit": Column(Kind.INT8, array("q", [line.debit for line in lines])),
        "credit": Column(Kind.INT8, array("q", [line.credit for line in lines])),
    }


def ids(count: int) -> list[UUID]:
    """Make ids that sort in the order in which they are made, also within one millisecond."""
    return [UUID(bytes=made) for made in uuid7_block(count)]
