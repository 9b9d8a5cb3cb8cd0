# SPDX-License-Identifier: Apache-2.0
"""Measure everything and bring every page up to date: `python -m loadtests.whole [--quick]`, half an hour of a quiet machine, or minutes.

It measures every suite with the gate, then service times for the model of capacity, and makes the run the baseline when nothing has become
slower (`--keep` makes it so in any case). Each suite is kept as it ends: after an interruption `--resume` goes on from there, and measures
again what broke. It writes build/bench/report.html, the figures of docs/reference/bench.md, of the first page and of docs/capacity.md,
loadtests/capacity/figures.json, the baseline and the history. What has changed is for a person to look at and commit.
"""

import argparse
import sys
import traceback

import msgspec

from loadtests import command, gate, pages, record, suite
from loadtests.capacity import show
from loadtests.capacity.measure import measure
from loadtests.capacity.model import FIGURES


def main() -> None:
    """Do it all; status 1 when something has become slower, or the model of capacity could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less work and fewer rounds: a look, not a measure")
    parser.add_argument("--keep", action="store_true", help="make this run the baseline even if it is slower")
    parser.add_argument("--resume", action="store_true", help="measure only what an interrupted run has left, or could not measure")
    given = parser.parse_args()
    sound = command.run(tuple(suite.SUITES), quick=given.quick, as_json=False, hold=True, resume=given.resume)
    run = record.load(command.FOLDER / command.RECORD)
    pages.main(str(command.FOLDER / command.RECORD))
    if sound or given.keep:
        path = gate.path_of(run.quick)
        gate.write(gate.kept(run, gate.read(path)), path)
        gate.remember(run, gate.HISTORY)
    sys.exit(not (sized() and (sound or given.keep)))


def sized() -> bool:
    """Measure for the model of capacity, and say whether that went well; what was known before stays if it did not."""
    try:
        with command.leaving_nothing():
            figures = measure()
        command.put(FIGURES, msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")
    except Exception:
        traceback.print_exc()
        return False
    pages.put(show.PAGE, show.page())
    return True


if __name__ == "__main__":
    main()
