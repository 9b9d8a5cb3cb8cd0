# SPDX-License-Identifier: Apache-2.0
"""When visits come and how long people think, drawn from a seed: the service has no say in it, so a slow one is not spared."""

import math
import random
from collections.abc import Callable

Rate = Callable[[float], float]


def poisson(draw: random.Random, rate: Rate, highest: float, seconds: float) -> list[float]:
    """Return the times, in seconds from the start, at which visits come at a rate that changes; `highest` bounds it.

    Those of the highest rate are drawn, and each is kept with the share that the rate has there.
    """
    times: list[float] = []
    now = draw.expovariate(highest) if highest > 0 else seconds
    while now < seconds:
        if draw.random() * highest < rate(now):
            times.append(now)
        now += draw.expovariate(highest)
    return times


def steady(draw: random.Random, rate: float, seconds: float) -> list[float]:
    """Return times at one rate."""
    return poisson(draw, lambda _: rate, rate, seconds)


def opening(many: int, half_s: float, draw: random.Random, seconds: float) -> list[float]:
    """Return when `many` doors open, all within the time: half of those that are still shut every `half_s`, as after a bell."""
    most = 1 - 0.5 ** (seconds / half_s)
    return sorted(-half_s * math.log2(1 - draw.random() * most) for _ in range(many))


def thinking(draw: random.Random, median_s: float) -> float:
    """Return how long a person thinks: half of them less than the median, one in forty more than four times as long."""
    return draw.lognormvariate(math.log(median_s), math.log(4) / 1.96)
