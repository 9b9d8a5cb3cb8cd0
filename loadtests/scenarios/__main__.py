# SPDX-License-Identifier: Apache-2.0
"""Play a scenario: `python -m loadtests.scenarios NAME [--scale 0.1] [--seconds 60] [--json]`.

A database and a service are started for it, unless `--url` and `--keys` name one that runs. The result goes to standard output, the chart
to `build/load`. The exit status is 1 when an aim is not reached or a proof does not hold.
"""

import argparse
import contextlib
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from desmos_fast.base.errors import DesmosError
from loadtests.machine import ROOT, fingerprint
from loadtests.scenarios import curve, table
from loadtests.scenarios.catalogue import SCENARIOS
from loadtests.scenarios.model import Asked, Result, Scenario
from loadtests.scenarios.play import Told, played
from loadtests.scenarios.ramp import Ramp, ramp
from loadtests.scenarios.town import Desk, Town, foreign, own
from loadtests.served import place

CHARTS: Final = ROOT / "build" / "load"


def options(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.scenarios", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="scenarios:\n" + "\n".join(f"  {name:12} {kind.says}" for name, kind in SCENARIOS.items()),
    )  # fmt: skip
    parser.add_argument("name", choices=SCENARIOS, metavar="NAME")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the centres, and with them of the visits (1: as described)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long visits come")
    parser.add_argument("--warm", type=float, default=5.0, metavar="SECONDS", help="how much of the beginning is in no figure")
    parser.add_argument("--seed", type=int, default=1, help="where arrivals and thinking are drawn from")
    parser.add_argument("--load", type=float, default=1.0, help="how many times as many visits come to the same centres")
    parser.add_argument("--ramp", action="store_true", help="double or halve the load until the aims are just met, and say where that is")
    parser.add_argument("--processes", type=int, default=1, help="processes of the service that is started")
    parser.add_argument("--url", help="a service that runs, as http://HOST:PORT")
    parser.add_argument("--keys", type=Path, help="its centres: a file with a line `FINESS KEY` for each, test keys alone")
    parser.add_argument("--json", action="store_true", help="print one object")
    asked = parser.parse_args(arguments)
    if not (asked.scale > 0 and 0 <= asked.warm < asked.seconds and asked.load > 0):
        parser.error("scale, load and seconds are above zero, and the warm-up is shorter than the whole")
    if bool(asked.url) != bool(asked.keys):
        parser.error("--url and --keys go together")
    if asked.url and SCENARIOS[asked.name].apart:
        parser.error(f"{asked.name} breaks what it measures, or looks into it: it starts a service of its own")
    return asked


@contextlib.contextmanager
def town(kind: type[Scenario], asked: argparse.Namespace) -> Iterator[Town]:
    """Give the town of a scenario."""
    count = max(round(kind.centres * asked.scale), kind.fewest)
    if asked.url:
        yield foreign(asked.url, asked.keys, count)
        return
    with place() as here:
        desks = [Desk(centre) for centre in uvloop.run(here.centres(range(1, count + 1)))]
        with own(here, asked.processes) as target:
            yield Town(target, desks, here)


@contextlib.contextmanager
def progress(name: str) -> Iterator[Told]:
    """Show a bar on standard error, to a terminal only."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


async def go(kind: type[Scenario], town: Town, asked: argparse.Namespace, told: Told) -> tuple[Result | Ramp, str]:
    """Play, or ramp up, and draw; return what came of it and where the chart is."""
    how = Asked(asked.scale, asked.seconds, asked.warm, asked.seed, asked.load)
    # What the client collects would be taken for the service's slowness.
    gc.freeze()
    try:
        if asked.ramp:
            return await ramp(kind, town, how, lambda done: print(table.step(done), file=sys.stderr)), ""
        result, samples = await played(kind, town, how, told)
    finally:
        town.target.close()
    path = CHARTS / f"{kind.name}.svg"
    try:
        drawn = curve.draw(result, samples, path)
    except ModuleNotFoundError as absent:
        return result, f"no chart: {absent.name} is not installed"
    return result, f"chart: {path.relative_to(ROOT)}" if drawn else "no chart: nobody came"


def main(arguments: list[str]) -> int:
    """Play a scenario and print what came of it."""
    asked = options(arguments)
    kind = SCENARIOS[asked.name]
    try:
        with town(kind, asked) as here, progress(kind.name) as told:
            result, chart = uvloop.run(go(kind, here, asked, told))
    except DesmosError as error:
        print(f"{error.detail}\n{error.hint}", file=sys.stderr)
        return 3
    if asked.json:
        print(msgspec.json.encode({"machine": fingerprint(), "result": result, "holds": result.holds}).decode())
    else:
        print(table.ramp(result) if isinstance(result, Ramp) else table.result(result))
    if chart:
        print(chart, file=sys.stderr)
    return 0 if result.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
