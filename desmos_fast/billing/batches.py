# SPDX-License-Identifier: Apache-2.0
"""Batches signed part after part: while the database takes one, the next is read, priced and sealed.

All parts are in the transaction of the caller, so a batch is kept whole or not at all. Whatever is out of the ordinary (a number that is
taken, numbers chosen in no order, a refusal of the database) is left to `service.create_batch`, which sees all of it before it writes.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from desmos_fast.base import ledger
from desmos_fast.billing import express, intake, service
from desmos_fast.billing.intake import Terms
from desmos_fast.billing.model import BatchResult, LineResult
from desmos_fast.billing.pricing.codec import Entry
from desmos_fast.db import journal, leaf, numbers
from desmos_fast.db.pipeline import Step
from desmos_fast.db.pool import AWAY, Connection
from desmos_fast.db.within import REFUSED, Within, within
from desmos_fast.exchange.faults import Fault
from desmos_fast.identity.context import Context

# The database waits for the first part; each of those that follow is ready before the one before it is taken.
FIRST_LINES: Final = 100
MOST_LINES: Final = 400
GROWTH: Final = 2


class _Unusual(Exception):
    """The batch is not one that is signed part after part."""


class _Part(NamedTuple):
    """A part that is ready: what is sent, what is told of its lines, what is posted at the end."""

    steps: list[Step]
    told: list[LineResult]
    entries: list[ledger.Entry]


async def create(
    con: Connection, context: Context, body: bytes, terms: Terms, *, first_line: int = 1, too_long: Sequence[int] = ()
) -> BatchResult:
    """Price and sign those invoices of an NDJSON body that can be, and say line by line what became of them.

    `first_line` is the number of the first line of a part of a body, `too_long` those of lines that were left out for their length.
    Raises BatchTooLong, InvoiceNumbersExhausted.
    """
    # One that may be too long is counted where blank lines are told from others.
    if FIRST_LINES < body.count(b"\n") < intake.MAX_LINES and express.is_ordinary(context):
        signing = await _by_parts(con, context, body, terms, first_line)
        if signing is not None:
            return service.batch_result(context, signing.told, [*map(intake.too_long, too_long), *signing.faults])
    return await service.create_batch(con, context, body, terms, first_line=first_line, too_long=too_long)


async def _by_parts(con: Connection, context: Context, body: bytes, terms: Terms, first_line: int) -> "_Signing | None":
    """Sign a batch, or leave nothing of it: then what stands in the way is found, and told, by who looks before writing."""
    try:
        async with con.transaction(), within(con, context.tenant) as opened:
            signing = _Signing(opened, context, terms)
            await signing.run(body, first_line)
            return signing
    except AWAY:
        raise
    except leaf.MOVED:
        leaf.forget(context.tenant)
    except (_Unusual, REFUSED):
        return None
    return None


def parts(body: bytes, first_line: int) -> Iterator[tuple[int, bytes]]:
    """Cut a body into parts of whole lines, each with the number of its first line; they grow, for the first one is waited for."""
    at, lines = 0, FIRST_LINES
    while at < len(body):
        end = at
        for _ in range(lines):
            end = body.find(b"\n", end) + 1
            if not end:
                end = len(body)
                break
        yield first_line, body[at:end]
        at, first_line, lines = end, first_line + lines, min(GROWTH * lines, MOST_LINES)


class _Signing:
    """One batch that is being signed on a connection that is lent."""

    def __init__(self, opened: Within, context: Context, terms: Terms) -> None:
        self._opened = opened
        self._context = context
        self._terms = terms
        # The last number that was given or chosen, and which of both.
        self._last = 0
        self._automatic: bool | None = None
        self._entries: list[ledger.Entry] = []
        self.told: list[LineResult] = []
        self.faults: list[Fault] = []

    async def run(self, body: bytes, first_line: int) -> None:
        for first, data in parts(body, first_line):
            checked = await asyncio.to_thread(intake.batch, self._context, data, self._terms, first)
            self.faults += checked.faults
            if checked.entries:
                taken, steps = await self._number(checked.entries)
                part = await asyncio.to_thread(_prepared, self._context, checked.entries, taken)
                await self._opened.answers()
                self._opened.send(*steps, *part.steps)
                self.told += part.told
                self._entries += part.entries
        if self._entries:
            await self._post()

    async def _number(self, entries: Sequence[Entry]) -> tuple[Sequence[int], list[Step]]:
        """Return the numbers that entries are given, and the step that takes them where the counter is held already.

        Numbers ascend from part to part, as they do within one: batches that clash wait for each other, never in a circle.
        """
        wanted = sum(entry.automatic for entry in entries)
        if wanted not in (0, len(entries)) or self._automatic not in (None, wanted > 0):
            raise _Unusual
        if not wanted:
            held = self._automatic is False
            self._automatic = False
            chosen = [entry.invoice.number for entry in entries]
            if min(chosen) <= self._last:
                raise _Unusual
            self._last = max(chosen)
            # Held from the first part on, as where they are taken: who is given one of them waits before he holds the end of the ledger.
            return (), [] if held else [Step(numbers.TAKE, (str(self._context.tenant), "invoice", self._context.finess, numbers.NOTHING))]
        step = Step(numbers.TAKE, (str(self._context.tenant), "invoice", self._context.finess, wanted))
        held = self._automatic is True
        self._automatic = True
        if not held:
            self._opened.send(step)
            (answered,) = await self._opened.answers()
            self._last = int(answered.rows[0][0] or 0) - wanted
        taken = range(self._last + 1, self._last + wanted + 1)
        self._last += wanted
        if self._last > service.LAST_NUMBER:
            raise _Unusual
        return taken, [step] if held else []

    async def _post(self) -> None:
        """Post what was signed, at last: others who post for the centre wait from here on."""
        context = self._context
        laid = await asyncio.to_thread(journal.unposted, context.tenant, self._entries)
        await self._opened.answers()
        self._opened.send(journal.holding(context.tenant))
        (held,) = await self._opened.answers()
        steps, _ = await asyncio.to_thread(journal.posting, context.tenant, context.now, journal.end_of(held), laid)
        self._opened.send(*steps)
        await self._opened.answers()


def _prepared(context: Context, entries: Sequence[Entry], taken: Sequence[int]) -> _Part:
    kept = service.prepare(context, entries, taken, draft=False)
    return _Part(express.adding(context, kept), service.told_of(kept), kept.entries)
