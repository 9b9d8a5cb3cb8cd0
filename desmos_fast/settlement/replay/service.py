# SPDX-License-Identifier: Apache-2.0
"""Rebuild what follows from the stored imports, runs and decisions of a centre, and compare it with what is stored."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, Self
from uuid import UUID

import msgspec

from desmos_fast.base.clock import paris_date
from desmos_fast.base.errors import OurBug
from desmos_fast.db.pool import Connection
from desmos_fast.nomenclature.payers import payers
from desmos_fast.settlement.model import Payer, Settings
from desmos_fast.settlement.replay import store
from desmos_fast.settlement.replay.model import COMPONENTS, Decided, Hashes, Ran, Signed, State, hashes
from desmos_fast.settlement.replay.playing import Act, Inputs, LedgerRow, Player
from desmos_fast.settlement.replay.store import RunRow
from desmos_fast.settlement.replay.world import KINDS
from desmos_fast.settlement.rules import settings_version
from desmos_fast.settlement.taught import store as taught

Progress = Callable[[int, int], None]
STUCK: Final = (LookupError, ValueError, AssertionError, OurBug)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The first thing of a component that is not as it follows: its name, and both forms, null where it is not there."""

    component: str
    name: str
    stored: object
    rebuilt: object

    @classmethod
    def of(cls, act: Act, error: str) -> Self:
        """Return what is told of an act that cannot be played."""
        component, number = ("runs", f"run {act.run}") if act.run else ("decisions", f"decision {act.decisions}")
        return cls(component=component, name=number, stored="cannot be played", rebuilt=error)


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found: how much it played, the hashes of both states, and the first difference of each component."""

    centre: str
    invoices: int
    returns: int
    statements: int
    runs: int
    decisions: int
    entries: int
    stored: Hashes
    rebuilt: Hashes
    same: bool
    differences: tuple[Difference, ...]


class Played(NamedTuple):
    """What was read, and the player that has played it."""

    player: Player
    inputs: Inputs
    runs: list[RunRow]
    settings: Mapping[int, Settings]
    decisions: list[Decided]
    stuck: Difference | None = None


async def replay(con: Connection, tenant: UUID, finess: str, secret: bytes, progress: Progress = lambda _done, _of: None) -> Replayed:
    """Play all that is stored of a centre again in memory, and compare. Give it one unchanging view of the database."""
    played = await play(con, tenant, secret, progress)
    player, inputs = played.player, played.inputs
    stored, rebuilt = await store.state(con, tenant), player.world.state()
    differences = (*_unknown(played), *_differences(stored, rebuilt, player.wrong))
    return Replayed(
        centre=finess,
        invoices=len(inputs.invoices),
        returns=len(inputs.announced),
        statements=len(inputs.stated),
        runs=len(played.runs),
        decisions=len(played.decisions),
        entries=len(inputs.ledger),
        stored=hashes(stored),
        rebuilt=hashes(rebuilt),
        same=not differences,
        differences=differences,
    )


async def play(con: Connection, tenant: UUID, secret: bytes, progress: Progress = lambda _done, _of: None) -> Played:
    """Play all that is stored of a centre again in memory."""
    inputs = Inputs(
        await store.ledger(con, tenant), await store.invoices(con, tenant), await store.announced(con, tenant),
        await store.stated(con, tenant), await store.seen(con, tenant),
    )  # fmt: skip
    rows = await store.runs(con, tenant)
    settings = {revision: await taught.settings(con, tenant, revision) for revision in {row.revision for row in rows}}
    decisions = await store.decisions(con, tenant)
    known = [Act(step.id, step.seq, 0, None, step) for step in decisions if step.kind in KINDS]
    player = Player(secret, inputs, [*(_run(row, settings[row.revision]) for row in rows), *known])
    for place, act in enumerate(player.acts):
        progress(place, len(player.acts))
        try:
            late = await asyncio.to_thread(player.prepare, place)
            await asyncio.to_thread(player.act, place, await _unseen(con, tenant, act, late))
        except STUCK as error:
            # What is stored contradicts itself: what was played so far is compared, and this is told first.
            return Played(player, inputs, rows, settings, decisions, Difference.of(act, type(error).__name__))
    await asyncio.to_thread(player.finish)
    return Played(player, inputs, rows, settings, decisions)


def _run(row: RunRow, settings: Settings) -> Act:
    known = [Payer(id=one.id, kind=one.kind, names=one.names, pays_for=one.pays_for) for one in payers(row.kind, paris_date(row.at))]
    return Act(row.id, row.decisions, row.seq, row.ledger, Ran(row.id, row.at, known, settings))


async def _unseen(con: Connection, tenant: UUID, act: Act, late: list[Signed]) -> set[UUID]:
    # An invoice that no record of the run names changed nothing in it, seen or not.
    if not late or not isinstance(act.step, Ran):
        return set()
    parts = {f"{one.biller}/{one.number}/{share.part}": one.id for one in late for share in one.shares}
    named = await store.named(con, tenant, act.id, list(parts))
    return {one.id for one in late} - {parts[name] for name in named}


# --- differences


def _unknown(played: Played) -> Iterator[Difference]:
    """Tell what cannot be played again: what nobody here knows, other settings, records of a run that was not kept."""
    if played.stuck is not None:
        yield played.stuck
    for step in played.decisions:
        if step.kind not in KINDS:
            yield Difference(component="decisions", name=f"decision {step.seq}", stored=step.kind, rebuilt=None)
            break
    for row in played.runs:
        version = settings_version(played.settings[row.revision])
        if row.settings != version:
            yield Difference(component="runs", name=f"run {row.seq}", stored=row.settings, rebuilt=version)
            break
    kept = {act.id for act in played.player.acts} | {step.id for step in played.decisions}
    for _, act in played.inputs.seen:
        if act not in kept:
            yield Difference(component="runs", name=f"run {act}", stored="has records", rebuilt=None)
            break


def _differences(stored: State, rebuilt: State, wrong: LedgerRow | None) -> list[Difference]:
    found = []
    for component in COMPONENTS[:-1]:
        found += _first(component, getattr(stored, component), getattr(rebuilt, component))
    if wrong is not None:
        found.append(
            Difference(component="chain", name=f"entry {wrong.seq} ({wrong.event} {wrong.ref})", stored=wrong.hash.hex(), rebuilt=None)
        )
    elif stored.chain != rebuilt.chain:
        found.append(Difference(component="chain", name="end", stored=stored.chain, rebuilt=rebuilt.chain))
    return found


def _first(component: str, stored: Mapping[str, object], rebuilt: Mapping[str, object]) -> list[Difference]:
    for name in sorted(stored.keys() | rebuilt.keys()):
        if stored.get(name) != rebuilt.get(name):
            return [Difference(component=component, name=name, stored=stored.get(name), rebuilt=rebuilt.get(name))]
    return []
