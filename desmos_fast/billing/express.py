# SPDX-License-Identifier: Apache-2.0
"""Invoices signed together in one exchange with the database or two, when nothing about them is out of the ordinary.

Whatever is (a key that was used before, a number that is taken, a leaf that nobody asked for yet) is left to `service.create_each`, which
asks one question after the other: here nothing is decided, only refused to be done this way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import msgspec

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
    """Where a batch begins: the numbers that it takes, and the end of the ledger."""

    taken: Sequence[int]
    ledger: journal.End


class End(NamedTuple):
    """Where a batch ended: the last number taken, and the end of the ledger."""

    last: int
    ledger: journal.End

    def held(self, wanted: int) -> Held:
        """Return what the next batch holds that takes so many numbers, if nobody else comes between."""
        return Held(range(self.last + 1, self.last + wanted + 1), self.ledger)


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
        steps = [*idempotency.asking(self.context.tenant, self.route, self.asked), journal.holding(self.context.tenant)]
        # Whether they are free is seen once nobody else can take them; and the end of the ledger is held last, as everywhere: who waits for
        # a number that another transaction gives, and holds what that one needs to end, would wait for ever.
        if chosen := self.chosen:
            steps[-1:-1] = (Step(numbers.TAKE, (tenant, "invoice", finess, numbers.NOTHING)), Step(store.USED, (tenant, finess, chosen)))
        if wanted := self.wanted:
            steps[-1:-1] = (
                Step(numbers.TAKE, (tenant, "invoice", finess, wanted)),
                Step(store.USED_LAST, (tenant, finess, wanted)),
            )
        return steps

    def held(self, answers: Sequence[Answered]) -> Held | None:
        """Return where the batch begins, None when it is out of the ordinary."""
        chosen, wanted = self.chosen, self.wanted
        locked, known, *rest, end = answers
        used = [answered.rows for answered in (rest[1:2] if chosen else []) + (rest[-1:] if wanted else [])]
        last = int(rest[-2].rows[0][0] or 0) if wanted else 0
        if any(used) or last > service.LAST_NUMBER or any(last - wanted < one <= last for one in chosen):
            return None
        if len(set(chosen)) != len(chosen) or not idempotency.all_new(locked, known):
            return None
        return Held(range(last - wanted + 1, last + 1), journal.end_of(end))

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
            Step(journal.ENDS_AT, (tenant, *end.ledger)),
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
        tenant = self.context.tenant
        posting, end = journal.posting(tenant, self.context.now, held.ledger, journal.unposted(tenant, kept.entries))
        keeping = idempotency.keeping(tenant, self.route, [one for one, _ in new], [answered for _, answered in new])
        steps = [*adding(self.context, kept), *posting, keeping]
        return Laid(steps, told, End(held.taken[-1], end) if held.taken else None)


def adding(context: Context, kept: service.Kept) -> list[Step]:
    """Return the steps that add the rows of signed invoices, but for the ledger; an invoice stands before what refers to it."""
    columns = {"invoice": kept.tables.invoices, "event": journal.event_columns(context.now, kept.events, context.actor)}
    if kept.tables.shares is not None:
        columns["share"] = kept.tables.shares
    return [leaf.step(table, context.tenant, laid) for table, laid in columns.items()]
