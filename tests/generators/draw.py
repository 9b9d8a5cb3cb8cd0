# SPDX-License-Identifier: Apache-2.0
"""Where the generators take their choices from: a seed, fast, or Hypothesis, which can make a counterexample smaller."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

Item = TypeVar("Item")


class Draw:
    """Choices, all of them made from numbers below a bound; 0 is the plainest."""

    __slots__ = ("below",)

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    def pick(self, items: Sequence[Item]) -> Item:
        """Choose one; the first is the plainest."""
        return items[self.below(len(items))]

    def once_in(self, times: int) -> bool:
        """Say yes once in so many times."""
        return self.below(times) == times - 1

    def number(self, low: int, high: int) -> int:
        """Choose a number, one at a border or beside it half of the time."""
        kind = self.below(6)
        if kind < 2:
            return low + self.below(high - low + 1)
        return (low, high, low + 1, high - 1)[kind - 2]

    def digits(self, width: int, low: int = 0) -> str:
        """Choose so many digits, not below `low` as a number."""
        return str(self.number(low, 10**width - 1)).zfill(width)


def seeded(seed: int) -> Draw:
    """Return choices that a seed decides."""
    random = Random(seed).random
    return Draw(lambda bound: int(random() * bound))


def drawn(draw: st.DrawFn) -> Draw:
    """Return choices that Hypothesis makes."""
    return Draw(lambda bound: draw(st.integers(0, bound - 1)))
