# SPDX-License-Identifier: Apache-2.0
"""From samples to rows: medians, ratios within a round, their spread, and what the table of goals says of them."""

import csv
import functools
import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import msgspec

from loadtests.model import Outcome, Race, Sample

GOALS: Final = Path(__file__).with_name("goals.csv")
INFORMATION: Final = "no goal: shown for comparison"
PROBE: Final = "a loop of known work"
NOTHING_YET: Final = "nothing is measured yet"
ABSENT: Final = Outcome(size=0, reason=NOTHING_YET)


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One row of goals.csv. `>=` asks how many times the peer's value ours is worth (peer / ours), `<=` for a share of it (ours / peer).

    `measure` is `value`; `memory` for the peaks of the processes; `slope` for an exponent over the sizes of the race; `p50` or `p99` for
    the time within which so many answers in a hundred came. Without a peer a goal is one in seconds, which becomes one in steps of the
    probe, of which `probe_ns` is the time where the goal was set. The gate leaves `margin` on the goal.
    """

    id: str
    suite: str
    race: str
    ours: str
    peer: str
    work: str
    measure: Literal["value", "probe", "memory", "slope", "p50", "p99"]
    direction: Literal[">=", "<="]
    goal: float
    stretch: float | None
    margin: float
    unit: str
    probe_ns: float | None

    def reached(self, ratio: float, margin: float = 0.0) -> bool:
        """Say whether a ratio keeps to the goal, or to the goal with a margin."""
        bound = self.in_ratio(self.goal)
        assert bound is not None
        return ratio >= bound * (1 - margin) if self.direction == ">=" else ratio <= bound * (1 + margin)

    def in_ratio(self, bound: float | None) -> float | None:
        """Return a bound as a ratio: seconds become steps of the probe."""
        return bound if bound is None or self.probe_ns is None else bound / (self.probe_ns * 1e-9)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report. Values are in `unit`, memory in bytes; what could not be measured is null and has a `reason`.

    `refused` is how many requests of ours were refused for now and asked again, in all rounds.
    """

    id: str | None
    work: str
    peer: str
    ours: float | None = None
    peer_value: float | None = None
    ratio: float | None = None
    goal: float | None = None
    stretch: float | None = None
    met: bool | None = None
    spread: float | None = None
    rounds: int = 0
    suite: str = ""
    direction: str = ""
    unit: str = "s"
    gate: bool | None = None
    size: int = 0
    memory: int | None = None
    peer_memory: int | None = None
    reason: str | None = None
    ratios: tuple[float, ...] = ()
    race: str = ""
    refused: int = 0

    @property
    def key(self) -> str:
        """Return the name under which this row is found again in another run."""
        return f"{self.suite}: {self.work} / {self.peer}"


@functools.cache
def goals() -> tuple[Goal, ...]:
    """Return the table of goals."""
    with GOALS.open(encoding="utf-8", newline="") as file:
        rows = [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
    texts = ("race", "ours", "peer", "unit")
    return tuple(msgspec.convert({**row, **{name: row[name] or "" for name in texts}}, Goal, strict=False) for row in rows)


def judged(suite: str, race: Race, outcomes: Mapping[str, Outcome]) -> Iterator[Row]:
    """Give the rows of a race: one for each of its goals, then one for each pair that no goal names."""
    mine = [goal for goal in goals() if (goal.suite, goal.race) == (suite, race.name)]
    for goal in mine:
        yield _compared(suite, race, outcomes, goal.ours, goal.peer, goal)
    named = {(goal.ours, goal.peer) for goal in mine}
    for ours, peer in itertools.product(race.ours, race.peers):
        if (ours.name, peer.name) not in named:
            yield _compared(suite, race, outcomes, ours.name, peer.name, None)


def unmeasured(suite: str, measured: set[str]) -> Iterator[Row]:
    """Give a row for each goal of a suite that no race measures, and one for a suite that has neither."""
    open_goals = [goal for goal in goals() if goal.suite == suite and goal.race not in measured]
    for goal in open_goals:
        yield Row(
            id=goal.id, work=goal.work, peer=goal.peer, goal=goal.in_ratio(goal.goal), stretch=goal.in_ratio(goal.stretch), suite=suite,
            direction=goal.direction, reason=NOTHING_YET,
        )  # fmt: skip
    if not open_goals and not measured:
        yield Row(id=None, work=suite, peer="", suite=suite, reason=NOTHING_YET)


def _compared(suite: str, race: Race, outcomes: Mapping[str, Outcome], ours: str, peer: str, goal: Goal | None) -> Row:
    mine, theirs = outcomes.get(ours, ABSENT), outcomes.get(peer, ABSENT) if peer else ABSENT
    measure = goal.measure if goal else "value"
    slope, memory = measure == "slope", measure == "memory"
    row = Row(
        id=goal.id if goal else None,
        work=goal.work if goal else race.work if len(race.ours) == 1 else f"{race.work}: {ours}",
        peer=peer or PROBE,
        goal=goal.in_ratio(goal.goal) if goal else None,
        stretch=goal.in_ratio(goal.stretch) if goal else None,
        suite=suite,
        race=race.name,
        direction=goal.direction if goal else ">=",
        unit="B" if memory else race.unit,
        size=mine.size,
    )
    involved = [each.name for each in race.ours] if slope else [name for name in (ours, peer) if name]
    if reasons := [f"{name}: {found.reason}" for name in involved if (found := outcomes.get(name, ABSENT)).reason]:
        return msgspec.structs.replace(row, reason=reasons[0])
    mine, theirs = _valued(mine, measure), _valued(theirs, measure)
    ratios = _slopes(race, outcomes) if slope else _ratios(mine.samples, theirs.samples, goal)
    ratio = statistics.median(ratios)
    return msgspec.structs.replace(
        row,
        ours=statistics.median(sample.value for sample in mine.samples),
        peer_value=statistics.median([each.value for each in theirs.samples] or [each.probe for each in mine.samples]),
        ratio=ratio,
        met=goal.reached(ratio) if goal else None,
        gate=goal.reached(ratio, goal.margin) if goal else None,
        spread=(max(ratios) - min(ratios)) / ratio,
        rounds=len(ratios),
        memory=None if memory else _most(race, mine),
        peer_memory=None if memory else _most(race, theirs),
        reason=None if goal else INFORMATION,
        ratios=tuple(ratios),
        refused=sum(sample.refused for sample in mine.samples),
    )


def _valued(outcome: Outcome, measure: str) -> Outcome:
    """Return an outcome whose values are what is measured: the peaks of its processes, or a time within which answers came."""
    match measure:
        case "memory":
            return replace(outcome, samples=tuple(replace(sample, value=float(sample.memory)) for sample in outcome.samples))
        case "p50" | "p99":
            return replace(outcome, samples=tuple(replace(sample, value=sample.latency[measure]) for sample in outcome.samples))
        case _:
            return outcome


def _most(race: Race, outcome: Outcome) -> int | None:
    """Return the most memory a contender took; None where memory is the value itself, which another process than the sampled one took."""
    return None if race.unit == "B" else max((sample.memory for sample in outcome.samples), default=None)


def _ratios(mine: Sequence[Sample], theirs: Sequence[Sample], goal: Goal | None) -> list[float]:
    """Return the ratio of each round, of samples that were taken one after the other."""
    if goal is not None and goal.probe_ns is not None:
        return [sample.value / sample.probe for sample in mine]
    shares = [a.value / b.value for a, b in zip(mine, theirs, strict=True)]
    return shares if goal is not None and goal.direction == "<=" else [1 / share for share in shares]


def _slopes(race: Race, outcomes: Mapping[str, Outcome]) -> list[float]:
    """Return the exponent of each round: the slope of the logarithm of the time over that of the size."""
    told = [outcomes[each.name] for each in race.ours]
    sizes = [math.log(outcome.size) for outcome in told]
    rounds = zip(*(outcome.samples for outcome in told), strict=True)
    return [
        statistics.linear_regression(sizes, [math.log(each.value * outcome.size) for each, outcome in zip(taken, told, strict=True)]).slope
        for taken in rounds
    ]
