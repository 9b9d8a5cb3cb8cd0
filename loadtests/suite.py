# SPDX-License-Identifier: Apache-2.0
"""The suites by name, and a run over some of them. A module of races plugs in by standing in one list."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from operator import itemgetter
from typing import Final

from loadtests.judge import Row, judged, unmeasured
from loadtests.model import Race
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
    "e2e": (),
    "capacity": (),
}
ROUNDS: Final = 7
QUICK_ROUNDS: Final = 5
SECONDS: Final = 0.5
QUICK_SECONDS: Final = 0.1


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


def run(names: Sequence[str], quick: bool, told: Told) -> Iterator[Row]:
    """Measure suites and give a row for each goal and each comparison, those that could not be measured included."""
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    for name in names:
        for module, group in groupby(races(name), key=itemgetter(0)):
            with surroundings(module):
                for _, race in group:
                    yield from judged(name, race, measure(module, race, rounds, seconds, quick, told))
        yield from unmeasured(name, {race.name for _, race in races(name)})


def surroundings(module: str) -> AbstractContextManager[None]:
    """Return what must stand around the races of a module while they run: a database, services; most need nothing."""
    found: Callable[[], AbstractContextManager[None]] = getattr(importlib.import_module(module), "surroundings", nullcontext)
    return found()
