# SPDX-License-Identifier: Apache-2.0
"""Invoices signed together in one exchange with the database or two, when nothing about them is out of the ordinary.

Whatever is (a key that was used before, a number that is taken, a leaf that nobody asked for yet) is left to `service.create_each`, which
asks one question after the other: here nothing is decided, only refused to be done this way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import msgspec

from desmos_fast.base import ledger
from desmos_fast.billing import service, store
from desmos_fast.billing.model import Created
from desmos_fast.billing.pricing.codec import Entry
from desmos_fast.db import idempotency, journal, leaf, numbers
from desmos_fast.db.idempotency import Answer, Asked
from desmos_fast.db.pipeline import Answered, Step
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.identity.context import Context
from desmos_fast.identity.service import known_apart

TABLES: Final = ("invoice", "share", "event", "ledger_entry", "ledger_line")
Told: TypeAlias = Answer | Exception


class Held(NamedTuple):
    """Where a batch begins: the numbers that it takes, how many entries the ledger has, and the hash of the last one."""

    taken: Sequence[int]
    posted: int
    link: bytes


class End(NamedTuple):
    """Where a batch ended: the last number taken, how many entries the ledger has, and the hash of the last one."""

    last: int
    posted: int
    link: bytes

    def held(self, wanted: int) -> Held:
        """Return what the next batch holds that takes so many numbers, if nobody else comes between."""
        return Held(range(self.last + 1, self.last + wanted + 1), self.posted, self.link)


class Laid(NamedTuple):
    """What is sent to sign a batch, what everybody is told once it is on disk, and where it ends; None if that cannot be said."""

    steps: list[Step]
    told: list[Told]
    end: End | None


def is_ordinary(context: Context) -> bool:
    """Say whether invoices of a centre may be signed this way: what is asked once of each centre was asked."""
    return known_apart(context) and all(leaf.is_known(table, context.tenant) for table in TABLES)


@dataclass(slots=True)
class Batch:
    """Some requests: their keys, the sound ones with the place of each as its line, and the faults of the others."""

    context: Context
    route: str
    asked: Sequence[Asked]
    entries: Sequence[Entry]
    faults: Sequence[Fault]
    answer: Callable[[Created], Answer]

    @property
    def chosen(self) -> list[int]:
        """Return the numbers that came with invoices."""
        return [entry.invoice.number for entry in self.entries if not entry.automatic]

    @property
    def wanted(self) -> int:
        """Return how many numbers must be taken."""
        return sum(entry.automatic for entry in self.entries)

    def holding(self) -> list[Step]:
        """Return the steps that hold what the batch needs; `held` reads what they are answered."""
        tenant, finess = str(self.context.tenant), self.context.finess
        steps = [*idempotency.asking(self.context.tenant, self.route, self.asked), Step(journal.HEAD, (tenant, ledger.GENESIS))]
        if chosen := self.chosen:
            steps.insert(2, Step(store.USED, (tenant, finess, chosen)))
        if wanted := self.wanted:
            # Whether they are free is seen once nobody else can take them.
            steps[-1:-1] = (
                Step(numbers.TAKE, (tenant, "invoice", finess, wanted)),
                Step(store.USED_LAST, (tenant, finess, wanted)),
            )
        return steps

    def held(self, answers: Sequence[Answered]) -> Held | None:
        """Return where the batch begins, None when it is out of the ordinary."""
        chosen, wanted = self.chosen, self.wanted
        locked, known, *rest, end = answers
        used = [answered.rows for answered in (rest[:1] if chosen else []) + (rest[-1:] if wanted else [])]
        last = int(rest[-2].rows[0][0] or 0) if wanted else 0
        if any(used) or last > service.LAST_NUMBER or any(last - wanted < one <= last for one in chosen):
            return None
        if len(set(chosen)) != len(chosen) or not idempotency.all_new(locked, known):
            return None
        posted, link = end.rows[0]
        return Held(range(last - wanted + 1, last + 1), int(posted or 0), bytes.fromhex((link or b"")[2:].decode()))

    def can_follow(self, end: End) -> bool:
        """Say whether the batch may begin where another ended: only one whose numbers are all taken, of which there are enough."""
        return 0 < self.wanted == len(self.entries) and end.last + self.wanted <= service.LAST_NUMBER

    def expecting(self, end: End) -> list[Step]:
        """Return the steps that take what a batch needs which begins where another ended, and fail if it does not."""
        tenant, finess, wanted = str(self.context.tenant), self.context.finess, self.wanted
        return [
            *idempotency.expecting_new(self.context.tenant, self.route, self.asked),
            Step(numbers.TAKE_AFTER, (tenant, "invoice", finess, wanted, end.last)),
            Step(store.NONE_USED, (tenant, finess, end.last, end.last + wanted)),
            Step(journal.ENDS_AT, (tenant, end.posted, end.link)),
        ]

    def laid(self, held: Held) -> Laid:
        """Lay out what is sent to sign the sound ones, in the same transaction as what they hold."""
        kept = service.prepare(self.context, self.entries, held.taken, draft=False)
        found: dict[int, Told] = {line: self.answer(service.created(kept, place, draft=False)) for place, line in enumerate(kept.lines)}
        refused: dict[int, list[Fault]] = {}
        for fault in self.faults:
            refused.setdefault(fault.line or 0, []).append(msgspec.structs.replace(fault, line=None))
        found.update((line, FaultyInput(faults)) for line, faults in refused.items())
        told = [found[line] for line in range(1, len(self.asked) + 1)]
        new = [(one, answered) for one, answered in zip(self.asked, told, strict=True) if isinstance(answered, Answer)]
        steps, posted, link = _rows(self.context, kept, held)
        steps.append(idempotency.keeping(self.context.tenant, self.route, [one for one, _ in new], [answered for _, answered in new]))
        return Laid(steps, told, End(held.taken[-1], posted, link) if held.taken else None)


def _rows(context: Context, kept: service.Kept, held: Held) -> tuple[list[Step], int, bytes]:
    """Return the steps that add the rows, and where the ledger ends then."""
    tenant, now = context.tenant, context.now
    entries = [entry for entry in kept.entries if entry.lines]
    columns = [("invoice", kept.tables.invoices), ("event", journal.event_columns(now, kept.events, context.actor))]
    if kept.tables.shares is not None:
        columns.insert(1, ("share", kept.tables.shares))
    steps = [leaf.step(table, tenant, laid) for table, laid in columns]
    if not entries:
        return steps, held.posted, held.link
    links, named = ledger.chain(held.link, entries), journal.ids(len(entries))
    posted = held.posted + len(entries)
    steps += (
        leaf.step("ledger_entry", tenant, journal.entry_columns(now, held.posted + 1, named, entries, links)),
        leaf.step("ledger_line", tenant, journal.line_columns(named, entries)),
        Step(journal.ADVANCE, (str(tenant), posted, links[-1])),
    )
    return steps, posted, links[-1]
