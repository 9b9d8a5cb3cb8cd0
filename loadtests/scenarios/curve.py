# SPDX-License-Identifier: Apache-2.0
"""The chart of a scenario: how long answers took, when, and what came instead of them."""

from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from loadtests.chart import BAD, GOOD, NEAR, PLAIN
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.model import Result
from loadtests.wire import percentile


def draw(result: Result, samples: Sequence[Sample], path: Path) -> bool:
    """Draw percentiles of each moment over what was asked and what failed; say whether there was anything to draw.

    Raises ModuleNotFoundError without the library.
    """
    pyplot: Any = import_module("matplotlib.pyplot")
    if not samples:
        return False
    width = max(result.seconds / 60, 0.1)
    parts: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        parts[int(sample.due / width)].append(sample)
    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, layout="constrained", figsize=(10, 6), height_ratios=(3, 2))
    _latency(above, parts, width)
    _rates(below, parts, width)
    for axis in (above, below):
        axis.axvspan(0, result.warm_s, color="#eeeeee", zorder=0)
        axis.spines[["top", "right"]].set_visible(False)
    above.set_title(f"{result.scenario}: {result.says}", fontsize=9, loc="left")
    below.set_xlabel("seconds from the start (the grey ones are in no figure)", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return True


def _latency(axis: Any, parts: dict[int, list[Sample]], width: float) -> None:
    for name, share, colour in (("p50", 0.5, PLAIN), ("p95", 0.95, NEAR), ("p99", 0.99, BAD)):
        points = [
            (number * width, percentile(times, share) * 1000)
            for number, part in sorted(parts.items())
            if (times := [sample.seconds for sample in part if not sample.outcome and sample.kind != "bulk"])
        ]
        axis.plot(*zip(*points, strict=True) if points else ((), ()), color=colour, label=name, linewidth=1.2, marker=".", markersize=3)
    axis.set_yscale("log")
    axis.set_ylabel("milliseconds from when it was due", fontsize=8)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.legend(fontsize=8, frameon=False)


def _rates(axis: Any, parts: dict[int, list[Sample]], width: float) -> None:
    numbers = sorted(parts)
    good = [sum(not sample.outcome for sample in parts[number]) / width for number in numbers]
    bad = [sum(bool(sample.outcome) for sample in parts[number]) / width for number in numbers]
    at = [number * width for number in numbers]
    axis.bar(at, good, width=width, align="edge", color=GOOD, label="answered")
    axis.bar(at, bad, width=width, align="edge", bottom=good, color=BAD, label="failed")
    axis.set_ylabel("requests a second", fontsize=8)
    axis.legend(fontsize=8, frameon=False)
