# SPDX-License-Identifier: Apache-2.0
"""One contender in a process of its own: made ready, run once and proved right, and only then timed. One JSON object on standard output.

`python -m loadtests.child MODULE RACE CONTENDER SIZE SECONDS [DIGEST]`; `answer` in place of a contender gives the digest to prove.
"""

import gc
import hashlib
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Final

from loadtests.machine import forget_peak, peak_memory, probe
from loadtests.model import Contender, Job, Race

CLOCKS: Final[dict[str, Callable[[], float]]] = {"processor": time.process_time, "wall": time.perf_counter}
# So many runs, unless they take more seconds than that.
FEWEST_RUNS: Final = 3
LONG: Final = 5.0


def digest(proof: object) -> str:
    """Return a digest of bytes, or of numbers, tuples and lists as Python writes them."""
    if isinstance(proof, bytes | bytearray | memoryview):
        return hashlib.sha256(proof).hexdigest()
    return hashlib.sha256(b"of Python: " + repr(proof).encode()).hexdigest()


def race_of(module: str, name: str) -> Race:
    """Return the race of that name of a module."""
    races: tuple[Race, ...] = importlib.import_module(module).RACES
    return next(race for race in races if race.name == name)


def run(race: Race, contender: Contender, size: int, seconds: float, expected: str) -> dict[str, object]:
    """Make ready, prove, time; a result that is not the expected one is told and not timed. The memory is that of the work alone."""
    job = contender.prepare(size)
    result = job.run()
    if digest(job.proof(result)) != expected:
        return {"reason": "its result is not the right one, so it was not timed"}
    if job.reading is not None:
        value = job.reading(result)
    else:
        del result
        gc.collect()
        forget_peak()
        value = _timed(job, CLOCKS[race.clock], seconds)
    return {"value": value, "memory": peak_memory(), "probe": probe()}


def _timed(job: Job, clock: Callable[[], float], seconds: float) -> float:
    """Return the median of the seconds an item takes, over as many runs as the given time holds."""
    found: list[float] = []
    gc.disable()
    began, passed = time.perf_counter(), 0.0
    while not found or passed < seconds or (len(found) < FEWEST_RUNS and passed < LONG):
        start = clock()
        job.run()
        found.append((clock() - start) / job.items)
        passed = time.perf_counter() - began
    gc.enable()
    return statistics.median(found)


def main(arguments: list[str]) -> None:
    """Run what the parent asks for and print what came of it."""
    module, name, who, size, seconds, *expected = arguments
    race = race_of(module, name)
    if who == "answer":
        found: dict[str, object] = {"digest": digest(race.answer(int(size)))}
    else:
        contender = next(each for each in race.contenders if each.name == who)
        found = run(race, contender, int(size), float(seconds), expected[0])
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
