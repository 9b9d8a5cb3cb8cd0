# SPDX-License-Identifier: Apache-2.0
"""Play what is stored again, in its order: told by the numbers of runs and decisions, by the ledger, and by who has a record of what. Pure.

Statements, runs and decisions wait for each other, so each is whole before the next; invoices are signed at any time, also during a run.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from desmos_fast.settlement.replay.model import Announced, Ran, Signed, Stated, Step
from desmos_fast.settlement.replay.world import World

SIGNED = "invoice.signed"


class LedgerRow(NamedTuple):
    """One entry of the stored ledger."""

    seq: int
    event: str
    ref: str
    hash: bytes


class Act(NamedTuple):
    """One run or decision in its place: `decisions` came before it; `ledger` is where the ledger ended when a run began."""

    id: UUID
    decisions: int
    run: int
    ledger: int | None
    step: Step

    @property
    def place(self) -> tuple[int, int]:
        """Return what orders acts: a decision comes before the runs that know it."""
        return self.decisions, self.run


class Inputs(NamedTuple):
    """All that came in: invoices by their name in the ledger, the rest by its row; `seen` says which acts have a record of what."""

    ledger: Sequence[LedgerRow]
    invoices: Mapping[str, Signed]
    announced: Mapping[UUID, Announced]
    stated: Mapping[UUID, Stated]
    seen: Iterable[tuple[UUID, UUID]]


class Player:
    """A world that takes the stored steps; what the ledger says of their entries is compared as they come."""

    def __init__(self, secret: bytes, inputs: Inputs, acts: Sequence[Act]) -> None:
        self.world = World(secret)
        self.acts = sorted(acts, key=lambda act: act.place)
        self.wrong: LedgerRow | None = None
        """The first stored entry that is not the one that follows from the steps."""
        self._inputs = inputs
        self._next = 0
        self._bounds = self._ledger_ends()
        self._given = {line.line.id: name for name, step in inputs.stated.items() for line in step.lines}
        self._waiting: dict[UUID, Announced | Stated] = {**inputs.announced, **inputs.stated}
        self._first: dict[UUID, list[UUID]] = {}
        for name, place in self._first_places().items():
            self._first.setdefault(self.acts[place].id, []).append(name)

    def _ledger_ends(self) -> list[int]:
        # A decision does not keep where the ledger ended: no statement can be between it and the next run and be unknown to that.
        found, end = [], len(self._inputs.ledger)
        for act in reversed(self.acts):
            end = end if act.ledger is None else act.ledger
            found.append(end)
        return found[::-1]

    def _first_places(self) -> dict[UUID, int]:
        places = {act.id: place for place, act in enumerate(self.acts)}
        first: dict[UUID, int] = {}
        for name, act in self._inputs.seen:
            if act in places:
                first[name] = min(first.get(name, len(places)), places[act])
        return first

    # --- the steps

    def prepare(self, place: int) -> list[Signed]:
        """Take all that came before an act, and return the invoices that were signed while it read: it has seen those that it names."""
        self._walk(self._bounds[place])
        for name in self._first.get(self.acts[place].id, ()):
            self._bring(name)
        late = []
        while (row := self._row()) is not None and row.event == SIGNED and row.ref in self._inputs.invoices:
            late.append(self._inputs.invoices[row.ref])
            self._take(late[-1])
        return late

    def act(self, place: int, hidden: Iterable[UUID] = ()) -> None:
        """Take an act; `hidden` are invoices that it did not see."""
        step = self.acts[place].step
        self._take(step._replace(hidden=frozenset(hidden)) if isinstance(step, Ran) else step)

    def finish(self) -> None:
        """Take all that came after the last act."""
        self._walk(len(self._inputs.ledger))
        for name in list(self._waiting):
            self._bring(name)

    def _row(self) -> LedgerRow | None:
        return self._inputs.ledger[self._next] if self._next < len(self._inputs.ledger) else None

    def _walk(self, end: int) -> None:
        """Take what the ledger names next, as long as it came in: what follows an act is for that to say."""
        while (row := self._row()) is not None and row.seq <= end:
            if row.event == SIGNED and row.ref in self._inputs.invoices:
                self._take(self._inputs.invoices[row.ref])
            elif row.event == "credit.unmatched" and self._given.get(row.ref) in self._waiting:
                self._bring(self._given[row.ref])
            else:
                break

    def _bring(self, name: UUID) -> None:
        step = self._waiting.pop(name, None)
        if step is not None:
            self._take(step)

    def _take(self, step: Step) -> None:
        before = len(self.world.links)
        self.world.apply(step)
        for link in islice(self.world.links, before, None):
            row = self._row()
            self._next += 1
            if self.wrong is None and row is not None and row.hash != link:
                self.wrong = row
