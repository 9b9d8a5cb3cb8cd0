# SPDX-License-Identifier: Apache-2.0
"""What the service does with more than it can: `python -m loadtests.overload [--seconds 4] [--json]`.

A database and one process that serves are started. How many invoices a second it signs for 64 callers that wait is its capacity.
Then requests come at a multiple of that whatever becomes of them, each timed from when it was due; last, a centre that floods and one
that asks now and then share the service. Client, service and database share the processors, so the client lets them go first: in life it
has a machine of its own. It has 1,000 connections; who finds none free waits, and is timed from when it was due and from when it was sent.
"""

import argparse
import asyncio
import itertools
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import uvloop

from loadtests.served import SERVE, Centre, Service, place
from loadtests.wire import Seen, closed, opened, percentile

FACTORS: Final = (1.0, 3.0, 10.0, 0.5)
CALLERS: Final = 64
CONNECTIONS: Final = 1000
STANDS_BACK: Final = 10
# Linux weighs sessions against each other first, and `nice` within each: service and database have sessions of their own.
SESSION: Final = Path("/proc/self/autogroup")
WARM: Final = 300
# How often a second the small centre asks, beside one that floods at three times the capacity.
SMALL_RATE: Final = 10.0
FLOOD: Final = 3.0


@contextmanager
def standing_back() -> Iterator[None]:
    """Let this process, and the session in which it was started, give way to the others."""
    os.nice(STANDS_BACK)
    before = SESSION.read_text(encoding="ascii").split()[-1] if SESSION.exists() else None
    try:
        if before is not None:
            SESSION.write_text(str(max(STANDS_BACK, int(before))), encoding="ascii")
        yield
    finally:
        if before is not None:
            SESSION.write_text(before, encoding="ascii")


def asking(centre: Centre, bodies: list[bytes]) -> Callable[[], bytes]:
    """Return what makes one request after the other, each under a new key."""
    turns = itertools.cycle(bodies)
    return lambda: centre.request("/v1/invoices", next(turns))


def told(seen: Seen, capacity: float) -> dict[str, Any]:
    """Say what came of a phase; times in milliseconds."""
    return {
        "good_per_s": round(seen.rate, 1),
        "goodput": round(seen.rate / capacity, 3),
        "p50_ms": _ms(seen.good, 0.5),
        "p99_ms": _ms(seen.good, 0.99),
        "sent_p99_ms": _ms(seen.sent, 0.99),
        "refused_p99_ms": _ms(seen.refused, 0.99),
        "statuses": {str(status): count for status, count in sorted(seen.statuses.items())},
    }


def _ms(values: list[float], share: float) -> float | None:
    found = percentile(values, share)
    return None if math.isnan(found) else round(found * 1000, 1)


async def measure(port: int, centre: Centre, small: Centre, seconds: float) -> dict[str, Any]:
    """Drive every phase and say what came of each."""
    make = asking(centre, centre.invoices(500))
    await closed(port, [make() for _ in range(WARM)], CALLERS)
    # As many as take about so long at the rate that the warm-up showed.
    rate = (await closed(port, [make() for _ in range(WARM)], CALLERS)).rate
    base = await closed(port, [make() for _ in range(max(round(rate * seconds), CALLERS))], CALLERS)
    capacity = base.rate
    found: dict[str, Any] = {"capacity": told(base, capacity)}
    for factor in FACTORS:
        seen = await opened(port, make, capacity * factor, seconds, CONNECTIONS)
        found[f"{factor:g}x"] = told(seen, capacity)
    flood, beside = await asyncio.gather(
        opened(port, make, capacity * FLOOD, seconds, CONNECTIONS),
        opened(port, asking(small, small.invoices(100)), SMALL_RATE, seconds, 8),
    )
    return {**found, "flood": told(flood, capacity), "beside the flood": told(beside, SMALL_RATE)}


def main(arguments: list[str]) -> None:
    """Run it and print a table, or one object."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.overload", description="The service under more than it can do.")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each phase takes")
    parser.add_argument("--json", action="store_true", help="print one object")
    options = parser.parse_args(arguments)
    with place() as here, Service(here, *SERVE) as service:
        centre, small = asyncio.run(here.centre(1)), asyncio.run(here.centre(2))
        with standing_back():
            found = uvloop.run(measure(service.port, centre, small, options.seconds))
    if options.json:
        print(json.dumps(found))
        return
    for phase, row in found.items():
        cells = " ".join(f"{name} {value}" for name, value in row.items() if name != "statuses")
        print(f"{phase:17} {cells} {row['statuses']}")


if __name__ == "__main__":
    main(sys.argv[1:])
