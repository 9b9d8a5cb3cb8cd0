# SPDX-License-Identifier: Apache-2.0
"""Let the service run for long at a low rate, and say whether anything grows: `python -m loadtests.soak [--for 20] [--json]`.

A database, one process that serves and a worker are started. People come as on any day, centres build, a batch comes now and then. Memory
and descriptors of both processes and connections of PostgreSQL are read all along, dead rows and the size of tables at the end. The first
half, in which caches fill, counts for nothing. The exit status is 1 when something is broken, 2 when it cannot be told yet: let it run
for longer.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from desmos_fast.db.tenant import direct
from desmos_fast.demo.processes import Child
from loadtests.machine import ROOT, fingerprint
from loadtests.scenarios import arrivals, driver
from loadtests.scenarios.driver import Step, Visit
from loadtests.scenarios.figures import GOOD_SHARE, Figures, Sample, apart, figures
from loadtests.scenarios.model import Asked
from loadtests.scenarios.people import ordinary
from loadtests.scenarios.town import Desk, Town, own
from loadtests.served import Place, place
from loadtests.slopes import Slope, Verdict, slope
from loadtests.wire import percentile

CENTRES: Final = 20
PEOPLE: Final = 5.0
BUILDS: Final = 0.1
BATCHES: Final = 1 / 30
BATCH: Final = 100
PIECE_S: Final = 30.0
# What may be a leak: a megabyte an hour, one descriptor an hour.
MOST_MIB: Final = 1.0
MOST_DESCRIPTORS: Final = 1.0
MOST_DEAD_SHARE: Final = 0.5
MANY_ROWS: Final = 10_000
DRIFT: Final = 1.05
READY: Final = re.compile(rb"desmos-fast worker is ready")
START_S: Final = 60.0
NDJSON: Final = "application/x-ndjson"
CHART: Final = ROOT / "build" / "load" / "soak.svg"
CONNECTIONS: Final = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
TABLES: Final = """
    SELECT relname, n_live_tup AS live, n_dead_tup AS dead, pg_total_relation_size(relid) AS bytes
      FROM pg_stat_user_tables WHERE n_live_tup + n_dead_tup > 0
"""


class Reading(msgspec.Struct, frozen=True):
    """What was read at one moment, in seconds from the start; memory in MiB."""

    at: float
    service_mib: float
    service_descriptors: int
    worker_mib: float
    worker_descriptors: int
    connections: int
    p99_ms: float


class Grown(msgspec.Struct, frozen=True):
    """One figure: what it was at the end, how much it grows in an hour with its bounds of 95 %, and what that means."""

    name: str
    last: float
    per_hour: float
    low: float
    high: float
    most: float
    verdict: Verdict


class Table(msgspec.Struct, frozen=True):
    """A table at the end: rows that live, dead ones, bytes with its indexes."""

    relname: str
    live: int
    dead: int
    bytes: int


class Soaked(msgspec.Struct, frozen=True, kw_only=True):
    """What a soak showed."""

    minutes: float
    grown: list[Grown]
    connections: int
    tables: list[Table]
    bloated: list[str]
    total: Figures
    actions: dict[str, Figures]
    readings: list[Reading]

    @property
    def verdict(self) -> Verdict:
        """Say what all of it means."""
        verdicts = {one.verdict for one in self.grown}
        if "broken" in verdicts or self.bloated or self.total.good < GOOD_SHARE * self.total.asked:
            return "broken"
        return "open" if "open" in verdicts else "holds"


def usage(pid: int) -> tuple[float, int]:
    """Return the memory (MiB) and the descriptors of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024, sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    raise LookupError(f"process {pid} has no memory")


def visits(town: Town, piece: int, seconds: float) -> list[Visit]:
    """Return who comes in one piece of the time."""
    draw = Asked(seed=piece).draw
    come = ordinary(draw, town.desks, PEOPLE, seconds, "people")
    for due in arrivals.steady(draw, BUILDS, seconds):
        come.append(Visit(due, "centres", [draw.choice(town.desks).post("build lots", "/v1/lots:build", b"{}")]))
    for due in arrivals.steady(draw, BATCHES, seconds):
        come.append(Visit(due, "centres", [_batch(draw.choice(town.desks))]))
    return come


def _batch(desk: Desk) -> Step:
    lines = b"\n".join(next(desk.bodies) for _ in range(BATCH))
    return Step(f"sign {BATCH} at once", "bulk", lambda _: desk.centre.request("/v1/invoices:batch", lines, NDJSON))


async def soak(town: Town, service: int, worker: int, seconds: float, told: Callable[[Reading], None]) -> Soaked:
    """Let people come for so long, and read all figures after each piece."""
    assert town.place is not None
    began, samples, readings = time.monotonic(), list[Sample](), list[Reading]()
    # A short one is read as often, so that a slope can be told.
    piece_s = min(PIECE_S, seconds / 16)
    for piece in range(round(seconds / piece_s)):
        seen = await driver.play(town.target, visits(town, piece, piece_s))
        samples += seen
        readings.append(await _read(town.place, service, worker, time.monotonic() - began, seen))
        told(readings[-1])
    town.target.close()
    kept = readings[len(readings) // 2 :]
    async with direct(town.place.admin_dsn) as con:
        tables = [Table(*row) for row in await con.fetch(TABLES)]
    return Soaked(
        minutes=round((time.monotonic() - began) / 60, 1), grown=grown(kept), connections=max(one.connections for one in readings),
        tables=sorted(tables, key=lambda one: -one.bytes)[:10], bloated=[one.relname for one in tables if is_bloated(one)],
        total=figures(samples, seconds), actions=apart(samples, "action", seconds), readings=readings,
    )  # fmt: skip


async def _read(place: Place, service: int, worker: int, at: float, seen: list[Sample]) -> Reading:
    async with direct(place.admin_dsn) as con:
        connections = int(await con.fetchval(CONNECTIONS))
    p99 = percentile([sample.seconds for sample in seen if sample.kind != "bulk"], 0.99)
    # That of the reading itself is none of the service's.
    return Reading(round(at, 1), *usage(service), *usage(worker), connections - 1, round(p99 * 1000, 1))


def is_bloated(table: Table) -> bool:
    """Say whether a table has more dead rows than it should, of so many that it matters."""
    return table.dead > MANY_ROWS and table.dead > MOST_DEAD_SHARE * (table.live + table.dead)


def grown(readings: list[Reading]) -> list[Grown]:
    """Say how much each figure grows; the 99th of 100 answers may get a twentieth slower over the whole time."""
    at = [one.at for one in readings]
    slow = percentile([one.p99_ms for one in readings], 0.5)
    hours = (at[-1] - at[0]) / 3600
    known = (
        ("service, MiB", "service_mib", MOST_MIB), ("service, descriptors", "service_descriptors", MOST_DESCRIPTORS),
        ("worker, MiB", "worker_mib", MOST_MIB), ("worker, descriptors", "worker_descriptors", MOST_DESCRIPTORS),
        ("connections", "connections", MOST_DESCRIPTORS), ("p99, ms", "p99_ms", slow * (DRIFT - 1) / hours),
    )  # fmt: skip
    return [_grown(name, at, [getattr(one, field) for one in readings], most) for name, field, most in known]


def _grown(name: str, at: list[float], values: list[float], most: float) -> Grown:
    found: Slope = slope(at, values)
    low, high = round(found.low, 3), round(found.high, 3)
    return Grown(name, round(values[-1], 1), round(found.per_hour, 3), low, high, round(most, 3), found.verdict(most))


def lines(told: Soaked) -> Iterator[str]:
    """Show a soak as text."""
    yield f"{told.minutes:g} minutes, {told.total.asked} requests, errors {told.total.errors or 'none'}, p99 {told.total.p99} ms"
    yield f"{'':22} {'last':>8} {'an hour':>10} {'95 % between':>24} {'allowed':>9}"
    for one in told.grown:
        yield f"{one.name:22} {one.last:8.1f} {one.per_hour:10.3f} {one.low:11.3f} {one.high:12.3f} {one.most:9.3f}  {one.verdict}"
    yield f"connections at most {told.connections}; bloated tables: {', '.join(told.bloated) or 'none'}"
    for table in told.tables[:5]:
        yield f"  {table.relname:20} {table.live:9} rows, {table.dead:7} dead, {table.bytes / 2**20:8.1f} MiB"
    yield f"verdict: {told.verdict}"


def draw(told: Soaked, path: Path) -> bool:
    """Draw what was read over time. Raises ModuleNotFoundError without the library."""
    from importlib import import_module

    pyplot: Any = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(3, 1, sharex=True, layout="constrained", figsize=(10, 7))
    minutes = [one.at / 60 for one in told.readings]
    parts = (
        ("MiB", ("service_mib", "worker_mib")), ("number", ("service_descriptors", "worker_descriptors", "connections")),
        ("ms", ("p99_ms",)),
    )  # fmt: skip
    for axis, (unit, names) in zip(axes, parts, strict=True):
        for name in names:
            axis.plot(minutes, [getattr(one, name) for one in told.readings], marker=".", markersize=3, linewidth=1, label=name)
        axis.set_ylabel(unit, fontsize=8)
        axis.legend(fontsize=8, frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("minutes", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return True


def run(minutes: float, told: Callable[[Reading], None]) -> Soaked:
    """Start all that takes part and let it run."""
    with place() as here, own(here, 1) as target:
        desks = [Desk(centre) for centre in uvloop.run(here.centres(range(1, CENTRES + 1)))]
        worker = Child(["worker"], here.environment, here.folder.parent / "worker.log")
        worker.start()
        try:
            worker.wait_for(READY, START_S)
            assert worker.process is not None and target.pid is not None
            return uvloop.run(soak(Town(target, desks, here), target.pid, worker.process.pid, minutes * 60, told))
        finally:
            worker.stop()


def main(arguments: list[str]) -> int:
    """Run it and say what it showed."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--for", type=float, default=20.0, dest="minutes", metavar="MINUTES", help="how long (20)")
    parser.add_argument("--json", action="store_true", help="print one object")
    asked = parser.parse_args(arguments)
    shown = "{0.at:7.0f} s: {0.service_mib:.1f} MiB, {0.service_descriptors} descriptors, {0.connections} connections, p99 {0.p99_ms} ms"
    soaked = run(asked.minutes, lambda reading: print(shown.format(reading), file=sys.stderr, flush=True))
    if asked.json:
        print(msgspec.json.encode({"machine": fingerprint(), "soak": soaked, "verdict": soaked.verdict}).decode())
    else:
        print("\n".join(lines(soaked)))
    try:
        draw(soaked, CHART)
    except ModuleNotFoundError as absent:
        print(f"no chart: {absent.name} is not installed", file=sys.stderr)
    return {"holds": 0, "broken": 1, "open": 2}[soaked.verdict]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
