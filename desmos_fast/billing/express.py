# SPDX-License-Identifier: Apache-2.0
"""Invoices signed together in two exchanges with the database, when nothing about them is out of the ordinary.

Whatever is (a key that was used before, a number that is taken, a leaf that nobody asked for yet) is left to `service.create_each`, which
asks one question after the other: here nothing is decided, only refused to be done this way.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec

from desmos_fast.base import ledger
from desmos_fast.billing import service, store
from desmos_fast.billing.model import Created
from desmos_fast.billing.pricing.codec import Entry
from desmos_fast.db import idempotency, journal, leaf, numbers
from desmos_fast.db.idempotency import Answer, Asked
from desmos_fast.db.pipeline import Answered, Exchange, Step
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.identity.context import Context
from desmos_fast.identity.service import known_apart

TABLES: Final = ("invoice", "share", "event", "ledger_entry", "ledger_line")
Told: TypeAlias = Answer | Exception


class Held(NamedTuple):
    """What the transaction holds: the numbers that it took, and the end of the ledger."""

    taken: Sequence[int]
    posted: int
    link: bytes


def is_ordinary(context: Context) -> bool:
    """Say whether invoices of a centre may be signed this way: what is asked once of each centre was asked."""
    return known_apart(context) and all(leaf.is_known(table, context.tenant) for table in TABLES)


def begin(
    opened: Exchange, context: Context, route: str, asked: Sequence[Asked], entries: Sequence[Entry]
) -> Coroutine[None, None, "Held | None"]:
    """Send the first exchange, which holds what invoices need; awaited it gives that, or None when one is out of the ordinary."""
    chosen = [entry.invoice.number for entry in entries if not entry.automatic]
    wanted = len(entries) - len(chosen)
    return _held(opened.begin(*_holding(context, route, asked, chosen, wanted)), chosen, wanted)


def finish(
    opened: Exchange, context: Context, route: str, asked: Sequence[Asked], entries: Sequence[Entry], faults: Sequence[Fault],
    held: Held, answer: Callable[[Created], Answer],
) -> tuple[Coroutine[None, None, object], list[Told]]:  # fmt: skip
    """Send the second exchange, which signs the sound ones of some invoices, and say in their order what becomes of each.

    Awaited it is on disk; raises what the database refuses, and nothing is kept then.
    """
    steps, told = _laid(context, route, asked, entries, faults, held, answer)
    return opened.commit(*steps), told


def _holding(context: Context, route: str, asked: Sequence[Asked], chosen: Sequence[int], wanted: int) -> list[Step]:
    tenant, finess = str(context.tenant), context.finess
    steps = [*idempotency.asking(context.tenant, route, asked), Step(journal.HEAD, (tenant, ledger.GENESIS))]
    if chosen:
        steps.insert(2, Step(store.USED, (tenant, finess, chosen)))
    if wanted:
        # Whether they are free is seen once nobody else can take them.
        steps[-1:-1] = (
            Step(numbers.TAKE, (tenant, "invoice", finess, wanted)),
            Step(store.USED_LAST, (tenant, finess, wanted)),
        )
    return steps


async def _held(begun: Coroutine[None, None, list[Answered]], chosen: Sequence[int], wanted: int) -> Held | None:
    locked, known, *rest, end = await begun
    used = [answered.rows for answered in (rest[:1] if chosen else []) + (rest[-1:] if wanted else [])]
    last = int(rest[-2].rows[0][0] or 0) if wanted else 0
    if any(used) or last > service.LAST_NUMBER or any(last - wanted < one <= last for one in chosen):
        return None
    if len(set(chosen)) != len(chosen) or not idempotency.all_new(locked, known):
        return None
    posted, link = end.rows[0]
    return Held(range(last - wanted + 1, last + 1), int(posted or 0), bytes.fromhex((link or b"")[2:].decode()))


def _laid(
    context: Context, route: str, asked: Sequence[Asked], entries: Sequence[Entry], faults: Sequence[Fault], held: Held,
    answer: Callable[[Created], Answer],
) -> tuple[list[Step], list[Told]]:  # fmt: skip
    """Return what is still to be sent, and what everybody is told once it is on disk."""
    kept = service.prepare(context, entries, held.taken, draft=False)
    found: dict[int, Told] = {line: answer(service.created(kept, place, draft=False)) for place, line in enumerate(kept.lines)}
    refused: dict[int, list[Fault]] = {}
    for fault in faults:
        refused.setdefault(fault.line or 0, []).append(msgspec.structs.replace(fault, line=None))
    found.update((line, FaultyInput(faults)) for line, faults in refused.items())
    told = [found[line] for line in range(1, len(asked) + 1)]
    new = [(one, answered) for one, answered in zip(asked, told, strict=True) if isinstance(answered, Answer)]
    steps = [
        *_rows(context, kept, held),
        idempotency.keeping(context.tenant, route, [one for one, _ in new], [answered for _, answered in new]),
    ]
    return steps, told


def _rows(context: Context, kept: service.Kept, held: Held) -> list[Step]:
    tenant, now = context.tenant, context.now
    entries = [entry for entry in kept.entries if entry.lines]
    columns = [("invoice", kept.tables.invoices), ("event", journal.event_columns(now, kept.events, context.actor))]
    if kept.tables.shares is not None:
        columns.insert(1, ("share", kept.tables.shares))
    steps = [leaf.step(table, tenant, laid) for table, laid in columns]
    if not entries:
        return steps
    links, named = ledger.chain(held.link, entries), journal.ids(len(entries))
    return [
        *steps,
        leaf.step("ledger_entry", tenant, journal.entry_columns(now, held.posted + 1, named, entries, links)),
        leaf.step("ledger_line", tenant, journal.line_columns(named, entries)),
        Step(journal.ADVANCE, (str(tenant), held.posted + len(entries), links[-1])),
    ]
