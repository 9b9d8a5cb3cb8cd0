# SPDX-License-Identifier: Apache-2.0
"""How many credits have one explanation, by how many orders may be in them: `python -m loadtests.explanations --credits 200`.

A credit is the sum of six orders among so many. The kernel says of each whether one set of orders gives it, or two at least. Whatever it
calls unique is put to CP-SAT, which is asked for a second set, and up to 16 orders to dpss, which lists them all: a set that either of them
finds beside makes the answer false. Times are medians of one credit, of those that each was asked.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

from desmos_fast.settlement.kernel import explain
from loadtests.command import progress
from loadtests.suites.sums import by_dpss, by_solver, cases

ORDERS: Final = (6, 8, 10, 12, 14, 16, 18, 20, 24, 30, 40, 60)
# dpss keeps every subset.
LISTED: Final = 16
# CP-SAT takes tens of milliseconds for a credit: beside all that the kernel calls unique, it is asked about so many others.
ASKED: Final = 5


def timed(times: list[float], count: Callable[[list[int], int], int], amounts: list[int], target: int) -> int:
    """Count and keep how long it took."""
    began = time.perf_counter()
    found = count(amounts, target)
    times.append(time.perf_counter() - began)
    return found


def kernel(amounts: list[int], target: int) -> int:
    """Return how many explanations the kernel finds, 2 for two or more."""
    found = explain(amounts, target)
    if found is None:
        raise OverflowError("sums that the kernel cannot tell")
    return found[0]


def row(orders: int, credits: int) -> dict[str, Any]:
    """Return what is said of so many credits among so many orders."""
    ours, solver, listed = list[float](), list[float](), list[float]()
    said, false, asked = {1: 0, 2: 0}, 0, 0
    for amounts, target in cases(credits, orders):
        found = timed(ours, kernel, amounts, target)
        said[found] += 1
        if found == 1 or len(solver) - said[1] < ASKED:
            others = [timed(solver, by_solver, amounts, target)]
            if orders <= LISTED:
                others.append(timed(listed, by_dpss, amounts, target))
            asked += 1
            false += any(other != found for other in others)
    seconds = {"kernel": ours, "cp-sat": solver, "dpss": listed}
    return {
        "orders": orders, "credits": credits, "unique": said[1], "ambiguous": said[2], "put to the others": asked, "said otherwise": false,
        "seconds": {name: statistics.median(some) for name, some in seconds.items() if some},
    }  # fmt: skip


def show(rows: list[dict[str, Any]]) -> None:
    """Print a table."""
    print("| orders | credits | unique | ambiguous | put to the others | said otherwise | kernel | CP-SAT | dpss |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for one in rows:
        times = (f"{1e6 * one['seconds'][name]:,.0f} µs" if name in one["seconds"] else "-" for name in ("kernel", "cp-sat", "dpss"))
        shares = (f"{100 * one[name] / one['credits']:.1f} %" for name in ("unique", "ambiguous"))
        counts = (one["put to the others"], one["said otherwise"])
        print("|", " | ".join(map(str, (one["orders"], one["credits"], *shares, *counts, *times))), "|")


def main() -> None:
    """Read the arguments, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credits", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    with progress(len(ORDERS)) as told:
        for orders in ORDERS:
            rows.append(row(orders, given.credits))
            told(f"{orders} orders")
    print(json.dumps(rows)) if given.json else show(rows)


if __name__ == "__main__":
    main()
