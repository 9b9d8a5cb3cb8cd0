# SPDX-License-Identifier: Apache-2.0
"""The twin of the sums kernel: every subset, one by one; and every sum with the number of subsets that give it."""

from collections import Counter
from collections.abc import Sequence


def explain(amounts: Sequence[int], target: int) -> tuple[int, list[int]]:
    """Look at all subsets."""
    found = []
    for chosen in range(1 << len(amounts)):
        rows = [row for row in range(len(amounts)) if chosen >> row & 1]
        if sum(amounts[row] for row in rows) == target:
            found.append(rows)
            if len(found) == 2:
                return 2, []
    return len(found), found[0] if found else []


def count(amounts: Sequence[int], target: int) -> int:
    """Count the subsets without listing them, for more rows than can be looked at one by one."""
    sums = Counter({0: 1})
    for amount in amounts:
        sums.update({total + amount: times for total, times in list(sums.items())})
    return sums[target]
