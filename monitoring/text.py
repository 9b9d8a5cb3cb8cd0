# SPDX-License-Identifier: Apache-2.0
"""What was counted of requests, as the text that Prometheus reads: the library takes a tenth of a second for the series of every route."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

Counted = Mapping[tuple[str, str], tuple[Sequence[int], float, Mapping[int, int]]]


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def requests(name: str, counted: Counted) -> Iterable[str]:
    """Give the line of each method, route and status."""
    for (method, route), (_, _, statuses) in counted.items():
        labels = f'{name}{{method="{_quoted(method)}",route="{_quoted(route)}",status="'
        for status, count in statuses.items():
            yield f'{labels}{status}"}} {count}.0\n'


def durations(name: str, bounds: Sequence[float], counted: Counted) -> Iterable[str]:
    """Give the lines of the histogram of each method and route."""
    ends = [*(f',le="{float(bound)!r}"}} ' for bound in bounds), ',le="+Inf"} ']
    for (method, route), (counts, seconds, _) in counted.items():
        labels = f'{{method="{_quoted(method)}",route="{_quoted(route)}"'
        bucket = f"{name}_bucket{labels}"
        total = 0
        for end, total in zip(ends, accumulate(counts), strict=True):
            yield f"{bucket}{end}{total}.0\n"
        yield f"{name}_count{labels}}} {total}.0\n{name}_sum{labels}}} {seconds!r}\n"


def outcomes(name: str, counts: Sequence[int]) -> Iterable[str]:
    """Give the line of each outcome that availability knows: closed and good, closed and bad, open and good, open and bad."""
    for place, count in enumerate(counts):
        window, outcome = ("closed", "open")[place // 2], ("good", "bad")[place % 2]
        yield f'{name}{{window="{window}",outcome="{outcome}"}} {count}.0\n'
