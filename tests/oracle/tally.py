# SPDX-License-Identifier: Apache-2.0
"""Counts of requests in plain Python, from the words of the metrics: what a bound holds is at most the bound."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Counted = tuple[dict[tuple[str, str], tuple[list[int], float, dict[int, int]]], int, tuple[int, ...]]


@dataclass
class Tally:
    """Counts of one process."""

    bounds: tuple[float, ...]
    methods: frozenset[str]
    slow_s: float
    shed: int
    seen: list[tuple[str, str, int, float]] = field(default_factory=list)
    outcomes: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    running: int = 0

    def begin(self) -> None:
        self.running += 1

    def end(self) -> None:
        self.running -= 1

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        if not 100 <= status <= 599:
            raise ValueError(status)
        self.seen.append((method if method in self.methods else "OTHER", route, status, seconds))

    def outcome(self, status: int, seconds: float, is_open: bool) -> None:
        if status != self.shed and 400 <= status <= 499:
            return
        bad = status >= 400 or seconds > self.slow_s
        self.outcomes[(2 if is_open else 0) + (1 if bad else 0)] += 1


def read(tallies: Sequence[Tally]) -> Counted:
    """Count what all of them saw together."""
    found: dict[tuple[str, str], tuple[list[int], float, dict[int, int]]] = {}
    for one in tallies:
        for method, route, status, seconds in one.seen:
            counts, total, statuses = found.get((method, route), ([0] * (len(one.bounds) + 1), 0.0, {}))
            counts[sum(seconds > bound for bound in one.bounds)] += 1
            statuses[status] = statuses.get(status, 0) + 1
            found[method, route] = counts, total + seconds, statuses
    outcomes = tuple(sum(one.outcomes[place] for one in tallies) for place in range(4))
    return found, sum(one.running for one in tallies), outcomes
