# SPDX-License-Identifier: Apache-2.0
"""Put the figures of a run into the pages that show them.

`desmos-fast bench --json > run.json`, then `python -m loadtests.pages run.json`; of suites that were run one by one, all the files.
"""

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

from loadtests.judge import Row
from loadtests.machine import ROOT
from loadtests.record import Run, load
from loadtests.report import amount, cells

BEGIN: Final = "<!-- figures:begin -->\n"
END: Final = "<!-- figures:end -->"
PAGE: Final = ROOT / "docs" / "reference" / "bench.md"
README: Final = ROOT / "README.md"
MORE: Final = "Every figure, the peers, and what they do not show: [benchmarks](docs/reference/bench.md)."
# What the first page shows: the work of a centre's day, each beside the peer that one would write or take instead.
SHOWN: Final = (
    ("msgspec Structs to records against generated f-strings", "f-strings"),
    ("NDJSON in schema order to records, against orjson and f-strings", "orjson and f-strings"),
    ("columns to records: every check", "NumPy"),
    ("check and decode bare records", "struct"),
    ("lots of columns: order, numbers, totals; against polars", "polars"),
    ("join of 1 M rows with 1 M on keys of 64 bytes, one thread; against polars", "polars"),
)


def whole_table(rows: Iterable[Row]) -> str:
    """Return every row that was measured."""
    told = [cells(row) for row in rows if row.ratio is not None]
    lines = [[*told[0]], ["---"] * len(told[0]), *([*row.values()] for row in told)] if told else []
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def short_table(rows: Iterable[Row]) -> str:
    """Return the few rows of the first page: how many times as fast as the peer."""
    head = "| work | ours | peer | times as fast |\n|---|---|---|---|\n"
    named = {(row.work, row.peer): row for row in rows}
    lines = []
    for work, peer in SHOWN:
        row = named.get((work, peer))
        if row is not None and row.ours is not None and row.peer_value is not None and row.ratio is not None:
            times = 1 / row.ratio if row.direction == "<=" else row.ratio
            ours, theirs = amount(row.ours, row.unit), amount(row.peer_value, row.unit)
            lines.append(f"| {work.split(' against ')[0].rstrip(',;')} | {ours} | {peer}, {theirs} | {times:.3g}x |\n")
    return head + "".join(lines)


def told(run: Run, day: date) -> str:
    """Return where, when and by which command the figures were measured."""
    known = run.machine
    command = "desmos-fast bench --quick" if known.get("quick") else "desmos-fast bench"
    return (
        f"`{command}`, {day.day} {day:%B %Y}, {known['cpu']}, {known['cores']} cores, {known['python']}, {known['compiler']}, revision\n"
        f"{known['revision']}, load of the machine {known['load']:.1f} when it began. Values are of one invoice or one row.\n"
    )


def put(page: Path, text: str) -> None:
    """Put text between the marks of a page."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no place for figures")
    page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


def main(*paths: str) -> None:
    """Write the pages."""
    runs = [load(Path(path)) for path in paths]
    where = [told(run, date.today()) for run in runs]
    put(PAGE, "\n".join(f"{line}\n{whole_table(run.goals)}" for line, run in zip(where, runs, strict=True)))
    short = short_table(row for run in runs for row in run.goals)
    put(README, "\n".join([*where, short, f"{MORE}\n"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
