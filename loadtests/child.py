# SPDX-License-Identifier: Apache-2.0
"""One contender in a process of its own: made ready, run once and proved right, and only then timed. JSON on standard output, line by line.

`python -m loadtests.child MODULE RACE CONTENDER SIZE SECONDS DIGEST`; `answer` in place of a contender gives the digest to prove.
A contender says that it is ready, and measures once for each line on its standard input: once only, unless its work can be done again.
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
from loadtests.model import Job, Race
from loadtests.wire import percentile

CLOCKS: Final[dict[str, Callable[[], float]]] = {"processor": time.process_time, "wall": time.perf_counter}
# So many runs, unless they take more seconds than that, or so little time is given that it is a look.
FEWEST_RUNS: Final = 3
LOOK: Final = 0.2
LONG: Final = 3.0
SHARES: Final = (1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)


def digest(proof: object) -> str:
    """Return a digest of bytes, or of numbers, tuples and lists as Python writes them."""
    if isinstance(proof, bytes | bytearray | memoryview):
        return hashlib.sha256(proof).hexdigest()
    return hashlib.sha256(b"of Python: " + repr(proof).encode()).hexdigest()


def race_of(module: str, name: str) -> Race:
    """Return the race of that name of a module."""
    races: tuple[Race, ...] = importlib.import_module(module).RACES
    return next(race for race in races if race.name == name)


def unproved(job: Job, result: object, expected: str) -> dict[str, object]:
    """Return why a result counts for nothing; nothing when it is the expected one."""
    return {} if digest(job.proof(result)) == expected else {"reason": "its result is not the right one, so it was not timed"}


def read(job: Job, expected: str) -> dict[str, object]:
    """Run a job once, prove it, and read what it found."""
    assert job.reading is not None, "it finds a value"
    result = job.run()
    if wrong := unproved(job, result, expected):
        return wrong
    found: dict[str, object] = {"value": job.reading(result), "memory": peak_memory(), "probe": probe()}
    if job.latencies is not None:
        found["latency"] = quantiles(list(job.latencies(result)))
    if job.refused is not None:
        found["refused"] = job.refused(result)
    return found


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Return within how many seconds which share of the answers came: `p50` is half of them."""
    return {f"p{share:g}": percentile(seconds, share / 100) for share in SHARES}


def timed(race: Race, job: Job, seconds: float) -> dict[str, object]:
    """Time a job that was proved; it may be timed again."""
    gc.collect()
    forget_peak()
    return {"value": _timed(job, CLOCKS[race.clock], seconds), "memory": peak_memory(), "probe": probe()}


def _timed(job: Job, clock: Callable[[], float], seconds: float) -> float:
    """Return the median of the seconds an item takes, over as many runs as the given time holds."""
    found: list[float] = []
    fewest = 1 if 0 < seconds < LOOK else FEWEST_RUNS
    gc.disable()
    began, passed = time.perf_counter(), 0.0
    while not found or passed < seconds or (len(found) < fewest and passed < LONG):
        start = clock()
        job.run()
        found.append((clock() - start) / job.items)
        passed = time.perf_counter() - began
    gc.enable()
    return statistics.median(found)


def main(arguments: list[str]) -> None:
    """Run what the parent asks for and say what came of it."""
    module, name, who, size, seconds, *expected = arguments
    race = race_of(module, name)
    if who == "answer":
        say({"digest": digest(race.answer(int(size)))})
        return
    contender = next(each for each in race.contenders if each.name == who)
    job = contender.prepare(int(size))
    if job.reading is None and (wrong := unproved(job, job.run(), expected[0])):
        say(wrong)
        return
    again = job.reading is None or job.again
    say({"again": again})
    for _ in sys.stdin:
        say(timed(race, job, float(seconds)) if job.reading is None else read(job, expected[0]))
        if not again:
            return


def say(found: dict[str, object]) -> None:
    """Tell the parent."""
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
