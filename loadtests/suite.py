# SPDX-License-Identifier: Apache-2.0
"""The suites by name, and a run over some of them. A module of races plugs in by standing in one list."""

import importlib
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from types import TracebackType
from typing import Final, NamedTuple

from loadtests.judge import Row, judged, unmeasured
from loadtests.model import Outcome, Race
from loadtests.rounds import Told, measure, size_of

# In the order of the command. A suite without a module has nothing to measure yet, and its report says so.
SUITES: Final[Mapping[str, tuple[str, ...]]] = {
    "codec": ("columns", "encoding", "reading", "memory"),
    "lots": ("lots",),
    "match": ("joining",),
    "subset": ("sums",),
    "pricing": ("pricing",),
    "bank": ("statements",),
    "api": ("copying", "sealing", "http"),
    "metrics": ("counting",),
    "readers": ("card",),
    "e2e": ("ends",),
    "capacity": ("sizing",),
}
ROUNDS: Final = 5
QUICK_ROUNDS: Final = 3
SECONDS: Final = 0.3
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


def in_order(names: Sequence[str]) -> list[str]:
    """Return suites as they are run: those that need something around them last, so that nothing of it is beside the others."""
    return sorted(names, key=lambda name: any(_around(module) is not None for module, _ in races(name)))


class Stage:
    """What stands around races while a run lasts: a database, services. It is raised when the first race needs it."""

    def __init__(self) -> None:
        self._standing = ExitStack()
        self._raised: set[str] = set()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._standing.__exit__(kind, error, trace)

    def raised_for(self, module: str) -> None:
        """Raise what a module needs, once."""
        if module not in self._raised:
            self._standing.enter_context((_around(module) or nullcontext)())
            self._raised.add(module)


def run(names: Sequence[str], quick: bool, told: Told, only: Collection[str] = (), stage: Stage | None = None) -> Iterator[Measured]:
    """Measure suites and give what came of each race, and of the goals that no race measures; `only` names races, all without it.

    What breaks around a race, or in it, is the reason of its rows, and the others go on.
    """
    if stage is None:
        with Stage() as own:
            yield from run(names, quick, told, only, own)
        return
    for name in in_order(names):
        for module, race in races(name):
            if not only or race.name in only:
                yield _raced(stage, name, module, race, quick, told)
        if not only:
            yield Measured(name, None, {}, tuple(unmeasured(name, {race.name for _, race in races(name)})))


def _raced(stage: Stage, name: str, module: str, race: Race, quick: bool, told: Told) -> Measured:
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    try:
        stage.raised_for(module)
        outcomes = measure(module, race, rounds, seconds, quick, told, stay=quick)
        return Measured(name, race, outcomes, tuple(judged(name, race, outcomes)))
    except Exception as error:
        traceback.print_exc()
        reason = f"it broke: {type(error).__name__}: {error}".splitlines()[0]
        broken = {each.name: Outcome(size_of(race, each, quick), reason=reason) for each in race.contenders}
        return Measured(name, race, broken, tuple(judged(name, race, broken)))


def _around(module: str) -> Callable[[], AbstractContextManager[None]] | None:
    found: Callable[[], AbstractContextManager[None]] | None = getattr(importlib.import_module(module), "surroundings", None)
    return found


def surroundings(module: str) -> AbstractContextManager[None]:
    """Return what must stand around the races of a module while they run: a database, services; most need nothing."""
    return (_around(module) or nullcontext)()
