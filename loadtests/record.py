# SPDX-License-Identifier: Apache-2.0
"""A run as it is kept: the machine, a row for each goal and comparison, and what each contender of each race measured."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from loadtests.judge import Row
from loadtests.model import Sample
from loadtests.suite import Measured

# How a reason ends that no other run on this machine would mend.
ABSENT: Final = "is not installed"


class Entrant(msgspec.Struct, frozen=True):
    """A contender in a race: what it had to do, what it measured in each round, or why it did not."""

    name: str
    ours: bool
    size: int
    samples: tuple[Sample, ...]
    reason: str


class Raced(msgspec.Struct, frozen=True):
    """One race of a run."""

    suite: str
    name: str
    work: str
    unit: str
    entrants: tuple[Entrant, ...]


class Run(msgspec.Struct, frozen=True):
    """What `bench --json` prints."""

    machine: dict[str, Any]
    goals: tuple[Row, ...]
    races: tuple[Raced, ...] = ()

    @property
    def quick(self) -> bool:
        """Say whether it was a look on less work."""
        return bool(self.machine.get("quick"))

    @property
    def is_whole(self) -> bool:
        """Say whether everything was measured that is installed here."""
        reasons = (one.reason for race in self.races for one in race.entrants)
        return not any(reason and not reason.endswith(ABSENT) for reason in reasons)


def of(machine: dict[str, Any], measured: Iterable[Measured]) -> Run:
    """Return the record of a run."""
    rows: list[Row] = []
    raced: list[Raced] = []
    for suite, race, outcomes, judged in measured:
        rows += judged
        if race is not None:
            mine = {each.name for each in race.ours}
            entrants = (Entrant(name, name in mine, found.size, found.samples, found.reason) for name, found in outcomes.items())
            raced.append(Raced(suite, race.name, race.work, race.unit, tuple(entrants)))
    return Run(machine, tuple(rows), tuple(raced))


def load(path: Path) -> Run:
    """Read a record."""
    return msgspec.json.decode(path.read_bytes(), type=Run)


def joined(runs: Iterable[Run]) -> Run:
    """Return one record of suites that were run one by one; the machine is that of the last."""
    every = list(runs)
    return Run(every[-1].machine, tuple(row for run in every for row in run.goals), tuple(race for run in every for race in run.races))
