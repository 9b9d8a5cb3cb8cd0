# SPDX-License-Identifier: Apache-2.0
"""What a benchmark is made of: a race is one piece of work, run by ours and by peers, each proved right before it is timed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Clock: TypeAlias = Literal["processor", "wall"]


def itself(result: object) -> object:
    """Return the result: what a contender gives is what is compared."""
    return result


@dataclass(frozen=True)
class Job:
    """A contender made ready: `run` is what is timed, `proof` what must be the same for every contender.

    `items` is the work in one run, for a time each. With `reading` the value is what it finds in the result (bytes of memory…), not a time;
    such a job is run once, unless it says that it begins anew each time (`again`). `latencies` finds the seconds of each answer in the
    result, `refused` how many requests were refused for now and asked again.
    """

    run: Callable[[], object]
    items: int = 1
    proof: Callable[[Any], object] = itself
    reading: Callable[[Any], float] | None = None
    latencies: Callable[[Any], Sequence[float]] | None = None
    refused: Callable[[Any], int] | None = None
    again: bool = False


@dataclass(frozen=True)
class Contender:
    """One way to do the work. `prepare` takes the size and is not timed; without the modules of `needs` and the `programs` it does not run.

    A contender has a size of its own where a race compares sizes.
    """

    name: str
    prepare: Callable[[int], Job]
    needs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    size: int | None = None
    quick: int | None = None


@dataclass(frozen=True)
class Race:
    """One piece of work. `answer` takes a size and returns, by other means than ours, what every proof must equal.

    The clock is that of the processor where nobody waits and nobody uses threads: what else the machine does falls on none then.
    """

    name: str
    work: str
    size: int
    quick: int
    ours: tuple[Contender, ...]
    peers: tuple[Contender, ...]
    answer: Callable[[int], object]
    clock: Clock = "processor"
    unit: str = "s"

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """Give all that run, in the order of a round."""
        return (*self.ours, *self.peers)


@dataclass(frozen=True)
class Sample:
    """What one process measured: seconds (or another unit) an item, those of a step of the probe, its peak memory in bytes.

    `latency` has the seconds within which a share of the answers came, by the name of the share, where answers were timed one by one;
    `refused` is how many requests were refused for now and asked again.
    """

    value: float
    probe: float
    memory: int
    latency: Mapping[str, float] = field(default_factory=dict)
    refused: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one contender in all rounds; `reason` says why it has no sample."""

    size: int
    samples: tuple[Sample, ...] = ()
    reason: str = ""


def growing(name: str, work: str, prepare: Callable[[int], Job], answer: Callable[[int], object], smallest: int, quick: int) -> Race:
    """Return a race of ours against itself: the same work in sizes that grow tenfold, three times."""
    sizes = tuple(Contender(f"{times}x", prepare, size=smallest * times, quick=quick * times) for times in (1, 10, 100, 1000))
    return Race(name, work, smallest, quick, ours=sizes, peers=(), answer=answer)
