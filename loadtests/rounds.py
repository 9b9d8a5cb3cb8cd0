# SPDX-License-Identifier: Apache-2.0
"""Ours and a peer by turns in one process, so that a slow moment of the machine falls on both."""

import gc
import statistics
import time
from collections.abc import Callable

Clock = Callable[[], float]


def seconds(work: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    start = clock()
    work()
    return clock() - start


def compare(
    name: str, rows: int, ours: Callable[[], object], peer: Callable[[], object], rounds: int, clock: Clock = time.perf_counter
) -> float:
    """Run each `rounds` times in turn, print the medians in nanoseconds a row, and return how many times faster ours is.

    Work of one thread that waits for nothing may be timed by `time.thread_time`: what else the machine does then falls on neither.
    """
    ours()
    peer()
    gc.collect()
    gc.disable()
    try:
        pairs = [(seconds(ours, clock), seconds(peer, clock)) for _ in range(rounds)]
    finally:
        gc.enable()
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{name:<44} {mine / rows * 1e9:>9.0f} ns/row   peer {theirs / rows * 1e9:>9.0f} ns/row   {ratio:>6.2f}x")
    return ratio
