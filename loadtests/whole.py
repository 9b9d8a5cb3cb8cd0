# SPDX-License-Identifier: Apache-2.0
"""Measure everything and bring every page up to date: `python -m loadtests.whole [--quick]`, hours of a quiet machine, or minutes.

It measures service times for the model of capacity, then every suite with the gate, and makes the run the baseline when nothing has become
slower (`--keep` makes it so in any case). It writes build/bench/report.html, the figures of docs/reference/bench.md, of the first page and
of docs/capacity.md, loadtests/capacity/figures.json, the baseline and the history. What has changed is for a person to look at and commit.
"""

import argparse
import sys

import msgspec

from loadtests import command, gate, pages, record, suite
from loadtests.capacity import show
from loadtests.capacity.measure import measure
from loadtests.capacity.model import FIGURES


def main() -> None:
    """Do it all; status 1 when something has become slower."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less work and fewer rounds: a look, not a measure")
    parser.add_argument("--keep", action="store_true", help="make this run the baseline even if it is slower")
    given = parser.parse_args()
    FIGURES.write_bytes(msgspec.json.format(msgspec.json.encode(measure()), indent=1) + b"\n")
    sound = command.run(tuple(suite.SUITES), quick=given.quick, as_json=False, hold=True)
    run = record.load(command.FOLDER / command.RECORD)
    pages.main(str(command.FOLDER / command.RECORD))
    pages.put(show.PAGE, show.page())
    if sound or given.keep:
        path = gate.path_of(run.quick)
        gate.write(gate.kept(run, gate.read(path)), path)
        gate.remember(run, gate.HISTORY)
    sys.exit(not (sound or given.keep))


if __name__ == "__main__":
    main()
