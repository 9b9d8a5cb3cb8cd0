# SPDX-License-Identifier: Apache-2.0
"""The model of capacity held against a point that it was not fitted on: what one process takes tells how fast two are.

It is fitted on one process that signs invoices of some centres one a request, for as many callers as each of two processes would have: what
they share commits with decides what an invoice costs. From the processor time of service, database and client, and from how much of
what one process could do was reached, it says how long two processes take for each; that is then measured.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from typing import Final

from loadtests.capacity.measure import CALLERS, costing, signed
from loadtests.capacity.model import seconds_an_invoice
from loadtests.capacity.spent import postmaster
from loadtests.model import Contender, Job, Race
from loadtests.served import Centre, Place, placed, shared, standing
from loadtests.suites.http import SERVICES, port_of

ONE, TWO = "BENCH_OURS", "BENCH_TWO"
# Some of each, twice over, at each of two processes.
WARM: Final = 256
CENTRES: Final = 16
BODIES: Final = 40


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """Run a database, a service of one process and one of two for all rounds."""
    with shared() as here, standing(here, {name: SERVICES[name] for name in (ONE, TWO)}):
        yield


def _centres(port: int) -> tuple[Place, list[tuple[Centre, list[bytes]]]]:
    """Return centres of which nothing is unknown any more."""
    here, first = placed(), int.from_bytes(os.urandom(4)) % (1_000_000 - CENTRES)
    made = [(centre, centre.invoices(BODIES)) for centre in asyncio.run(here.centres(range(first, first + CENTRES)))]
    signed(port, made, WARM, CALLERS)
    return here, made


def predicted(size: int) -> Job:
    """Say from one process how long two take for an invoice."""
    port = port_of(ONE)
    here, centres = _centres(port)
    service, database = int(os.environ[f"{ONE}_PID"]), postmaster(here.folder)

    def run() -> float:
        sizes, costs = (size // 4, size // 2), []
        for count in sizes:
            with costing(service, database) as spent:
                seen = signed(port, centres, count, CALLERS // 2)
            costs.append((spent[0], seen.seconds))
        each = [sum(values) / sum(sizes) for values in zip(*(cost for cost, _ in costs), strict=True)]
        bound = seconds_an_invoice(each[0], each[1], each[2], 1, os.cpu_count() or 1)
        reached = sum(seconds for _, seconds in costs) / sum(sizes) / bound
        return reached * seconds_an_invoice(each[0], each[1], each[2], 2, os.cpu_count() or 1)

    return Job(run, size, lambda found: size if found > 0 else -1, lambda found: found)


def measured(size: int) -> Job:
    """Let two processes sign invoices."""
    port = port_of(TWO)
    _, centres = _centres(port)
    return Job(lambda: signed(port, centres, size, CALLERS), size, lambda seen: seen.statuses[201], lambda seen: seen.seconds / size)


RACES: Final = (
    Race(
        "sizing", "seconds an invoice that two processes sign, as the model says from one", 4000, 1000, clock="wall",
        answer=lambda size: size, ours=(Contender("predicted", predicted), Contender("measured", measured)), peers=(),
    ),
)  # fmt: skip
