# SPDX-License-Identifier: Apache-2.0
"""Check every invariant: each centre in one unchanging view of its rows, then what belongs to the house as a whole."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from desmos_fast.billing.rules import TERMINAL
from desmos_fast.db.pool import Connection
from desmos_fast.identity.model import UnknownCentre
from desmos_fast.invariants import disk, store
from desmos_fast.invariants.model import SHOWN, Finding, Limits, Report, judge
from desmos_fast.invariants.store import Centre, Seen, Told
from desmos_fast.settlement.desk.rules import patient_state
from desmos_fast.settlement.ledger import service as ledger
from desmos_fast.settlement.shares import TOLD_BY_RETURNS, share_state

OF_A_CENTRE: Final = ("I1", "I2", "I3", "I4", "I9")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: the DSN of the role that owns the tables, that of the role that serves, and the data folder."""

    owner_dsn: str
    app_dsn: str
    data_dir: Path


async def check(place: Place, limits: Limits, progress: Callable[[int, int], None], *, only: str | None = None) -> Report:
    """Check everything and return what was found; `progress` is told how many centres are done, of how many.

    `only` is the FINESS of the one centre to look at. Raises UnknownCentre, DatabaseDown, NotOwner, NotMigrated.
    """
    # Before the rows: a file is in its table before it is in the letterbox.
    letters = await asyncio.to_thread(disk.letters, place.data_dir, only or "")
    kept: dict[str, set[str]] = {}
    async with store.reading(place.owner_dsn) as con:
        every = await store.centres(con)
    centres = [centre for centre in every if only in (None, centre.finess)]
    if only is not None and not centres:
        raise UnknownCentre(f"no centre has the FINESS {only!r}")
    findings: list[Finding] = []
    for done, centre in enumerate(centres):
        progress(done, len(centres))
        async with store.reading(place.owner_dsn, centre.id) as con:
            findings += await _centre(con, centre)
            for name, sha256 in await store.kept_files(con, centre.id, [path.name for path in letters]):
                kept.setdefault(name, set()).add(sha256)
        async with store.reading(place.app_dsn, centre.id) as con:
            findings.append(_finding("I7", "rows", await store.foreign_rows(con, centre.id), centre))
    progress(len(centres), len(centres))
    findings.append(_finding("I8", "letters", disk.compare(letters, kept)))
    findings += await _house(place, limits)
    return judge(findings, len(centres))


def _finding(invariant: str, check: str, seen: Seen, centre: Centre | None = None) -> Finding:
    return Finding(invariant, check, None if centre is None else centre.finess, *seen)


async def _centre(con: Connection, centre: Centre) -> list[Finding]:
    found = [
        _finding(invariant, name, await store.run(con, invariant, name, centre.id), centre)
        for invariant in OF_A_CENTRE
        for name in store.check_names(invariant)
    ]
    found.append(_finding("I5", "states", await _states(con, centre), centre))
    found.append(_finding("I6", "chain", await _chain(con, centre), centre))
    found.append(_finding("I10", "rows", await store.clear_nirs(con, centre.id), centre))
    return found


async def _house(place: Place, limits: Limits) -> list[Finding]:
    async with store.reading(place.app_dsn) as con:
        found = [
            _finding("I7", "policies", await store.run(con, "I7", "policies")),
            # Each role sees the state of its own sessions only.
            _finding("I11", "service", await store.run(con, "I11", "sleepers", limits.idle_s)),
        ]
    async with store.reading(place.owner_dsn) as con:
        found.append(_finding("I11", "owner", await store.run(con, "I11", "sleepers", limits.idle_s)))
        found.append(_finding("I10", "house", await store.clear_nirs(con, None)))
    found.append(_finding("I8", "half_written", await asyncio.to_thread(disk.half_written, place.data_dir, limits.temporary_s)))
    found.append(_finding("I12", "left_behind", await asyncio.to_thread(disk.left_behind, place.data_dir, limits.temporary_s)))
    return found


# --- what is computed again


@dataclass
class _Count:
    looked: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str) -> None:
        self.wrong += 1
        if len(self.examples) < SHOWN:
            self.examples.append(example)

    def seen(self) -> Seen:
        return Seen(self.looked, self.wrong, tuple(self.examples))


async def _states(con: Connection, centre: Centre) -> Seen:
    count = _Count()
    async for share in store.shares(con, centre.id):
        count.looked += 1
        if not _follows(share):
            count.add(f"{share.name} {share.state}")
    return count.seen()


def _follows(share: Told) -> bool:
    """Say whether state and sums of a share are those that its lines give, or its payments when it is a patient's."""
    if share.received is not None:
        return share.announced == share.credited == share.received and share.state == patient_state(share.owed, share.received, share.state)
    lines = share.lines
    announced, credited = sum(line.amount for line in lines), sum(line.amount for line in lines if line.credited)
    if (announced, credited) != (share.announced, share.credited) or share.transport in TOLD_BY_RETURNS:
        return False
    return share.state in TERMINAL or share.state == share_state(share.amount, lines, share.transport)


async def _chain(con: Connection, centre: Centre) -> Seen:
    found = await ledger.verify(con, centre.id, lambda _done, _of: None)
    examples = tuple(f"entry {one.entry} {one.why}: {one.event} {one.ref}".rstrip(": ") for one in found.breaks)
    return Seen(found.entries, found.broken, examples)
