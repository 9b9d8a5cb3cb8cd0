# SPDX-License-Identifier: Apache-2.0
"""Does a figure grow? The median of the slopes between all pairs of readings (Theil and Sen), and between what it lies with 95 %."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Final, Literal, NamedTuple

Z: Final = 1.96
FEWEST: Final = 8
Verdict = Literal["holds", "broken", "open"]


class Slope(NamedTuple):
    """How much a figure grows in an hour, and its bounds of 95 %."""

    per_hour: float
    low: float
    high: float

    def verdict(self, most: float) -> Verdict:
        """Say whether it grows by no more than `most`: `open` when what was seen allows both."""
        if self.high <= most:
            return "holds"
        return "broken" if self.low > most else "open"


def slope(seconds: Sequence[float], values: Sequence[float]) -> Slope:
    """Return the slope of readings taken at some seconds; a few that are far off do not move it.

    The bounds are Sen's, by the normal approximation; readings that depend on the one before make them too narrow. Raises ValueError for
    fewer than 8 readings.
    """
    count = len(values)
    if count < FEWEST:
        raise ValueError(f"a slope needs {FEWEST} readings, {count} were taken")
    pairs = sorted(
        (values[later] - values[first]) / (seconds[later] - seconds[first]) * 3600
        for first in range(count)
        for later in range(first + 1, count)
    )
    half = Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(math.floor((len(pairs) - half) / 2), 0)
    high = min(math.ceil((len(pairs) + half) / 2), len(pairs) - 1)
    return Slope(median(pairs), pairs[low], pairs[high])
