# SPDX-License-Identifier: Apache-2.0
"""What `desmos-fast bench` does in a checkout: measure, show how far it is, print, draw."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from loadtests import chart, machine, report, suite
from loadtests.judge import Row
from loadtests.rounds import Told

CHART: Final = machine.ROOT / "build" / "bench" / "bench.svg"


def run(names: Sequence[str], *, quick: bool, as_json: bool) -> None:
    """Measure suites and print what came of it; the chart goes to `build/bench`."""
    known = {**machine.fingerprint(), "probe_seconds": machine.probe(), "quick": quick}
    with progress(suite.processes(names, quick)) as told:
        rows = list(suite.run(names, quick, told))
    if as_json:
        print(report.as_json(known, rows))
    else:
        report.show(known, rows)
    print(_drawn(rows, known), file=sys.stderr)


def _drawn(rows: Sequence[Row], known: dict[str, object]) -> str:
    try:
        drawn = chart.draw(rows, known, CHART)
    except ModuleNotFoundError as absent:
        return f"no chart: {absent.name} is not installed"
    return f"chart: {CHART.relative_to(machine.ROOT)}" if drawn else "no chart: nothing was measured"


@contextlib.contextmanager
def progress(total: int) -> Iterator[Told]:
    """Show a bar on standard error, to a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda doing: bar.update(task, advance=1, description=doing)
