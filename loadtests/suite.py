# SPDX-License-Identifier: Apache-2.0
"""The suites by name, and a run over some of them. A module of races plugs in by standing in one list."""

import importlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from loadtests.judge import Row, judged, unmeasured
from loadtests.model import Outcome, Race
from loadtests.rounds import Told, measure

# In the order of the command. A suite without a module has nothing to measure yet, and its report says so.
SUITES: Final[Mapping[str, tuple[str, ...]]] = {
    "codec": ("columns", "encoding", "reading", "memory"),
    "lots": ("lots",),
    "match": ("joining",),
    "subset": ("sums",),
    "pricing": ("pricing",),
    "bank": ("statements",),
    "api": ("http", "copying", "sealing"),
    "metrics": ("counting",),
    "readers": ("card",),
    "e2e": ("ends",),
    "capacity": ("sizing",),
}
ROUNDS: Final = 7
QUICK_ROUNDS: Final = 3
SECONDS: Final = 0.5
QUICK_SECONDS: Final = 0.1


class Measured(NamedTuple):
    """What came of one race: the samples of each contender, and the rows that judge them; of goals without a race the rows alone."""

    suite: str
    race: Race | None
    outcomes: Mapping[str, Outcome]
    rows: tuple[Row, ...]


def races(suite: str) -> Iterator[tuple[str, Race]]:
    """Give the races of a suite, each with the module that holds it."""
    for name in SUITES[suite]:
        module = f"loadtests.suites.{name}"
        for race in importlib.import_module(module).RACES:
            yield module, race


def processes(names: Sequence[str], quick: bool) -> int:
    """Return how many processes a run starts at most, for a bar of progress."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    return sum(len(race.contenders) * rounds for name in names for _, race in races(name))


def run(names: Sequence[str], quick: bool, told: Told, only: Collection[str] = ()) -> Iterator[Measured]:
    """Measure suites and give what came of each race, and of the goals that no race measures; `only` names races, all without it."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    for name in names:
        wanted = ((module, race) for module, race in races(name) if not only or race.name in only)
        for module, group in groupby(wanted, key=itemgetter(0)):
            with surroundings(module):
                for _, race in group:
                    outcomes = measure(module, race, rounds, seconds, quick, told, stay=quick)
                    yield Measured(name, race, outcomes, tuple(judged(name, race, outcomes)))
        if not only:
            yield Measured(name, None, {}, tuple(unmeasured(name, {race.name for _, race in races(name)})))


def surroundings(module: str) -> AbstractContextManager[None]:
    """Return what must stand around the races of a module while they run: a database, services; most need nothing."""
    found: Callable[[], AbstractContextManager[None]] = getattr(importlib.import_module(module), "surroundings", nullcontext)
    return found()
