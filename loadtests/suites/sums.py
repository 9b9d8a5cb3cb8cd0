# SPDX-License-Identifier: Apache-2.0
"""Which payment orders explain a credit, and whether only those do: credits that are sums of six of 16 and of 60 orders.

Peers: every subset looked at in plain Python and dpss (16 orders only), sets of bits that are Python integers, and the
CP-SAT solver, asked for a first and then for a second solution. The slow ones are given fewer credits.
"""

import random
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from itertools import combinations
from typing import Any, Final

from ext import subset
from loadtests.model import Contender, Job, Race

Case = tuple[list[int], int]
PAID: Final = 6
FEW: Final = 16


def cases(count: int, orders: int) -> list[Case]:
    """Return credits with the orders around them: amounts of a day of an insurer, from 15 to 600 euros."""
    chance = random.Random(orders)
    found = []
    for _ in range(count):
        amounts = [chance.randrange(1_500, 60_000) for _ in range(orders)]
        found.append((amounts, sum(chance.sample(amounts, PAID))))
    return found


def by_integers(amounts: list[int], target: int) -> int:
    """Count the subsets with sets of bits that are Python integers: what is reached, and what is reached twice."""
    one, two, mask = 1, 0, (2 << target) - 1
    for amount in amounts:
        two |= (two << amount | one & one << amount) & mask
        one |= one << amount & mask
    return (one >> target & 1) + (two >> target & 1)


def by_counting(amounts: list[int], target: int) -> int:
    """Count every sum with a dictionary."""
    sums = Counter({0: 1})
    for amount in amounts:
        for total, times in list(sums.items()):
            if total + amount <= target:
                sums[total + amount] += times
    return min(sums[target], 2)


def by_looking(amounts: list[int], target: int) -> int:
    """Look at every subset until two are found."""
    found = 0
    for size in range(len(amounts) + 1):
        for chosen in combinations(amounts, size):
            if sum(chosen) == target:
                found += 1
                if found == 2:
                    return 2
    return found


def by_solver(amounts: list[int], target: int) -> int:
    """Ask CP-SAT for a subset, then for another one."""
    cp: Any = import_module("ortools.sat.python.cp_model")
    model, solver = cp.CpModel(), cp.CpSolver()
    solver.parameters.num_workers = 1
    taken = [model.NewBoolVar(str(row)) for row in range(len(amounts))]
    model.Add(sum(amount * one for amount, one in zip(amounts, taken, strict=True)) == target)
    found = 0
    while found < 2 and solver.Solve(model) in (cp.OPTIMAL, cp.FEASIBLE):
        found += 1
        model.AddBoolOr([one.Not() if solver.Value(one) else one for one in taken])
    return found


def by_dpss(amounts: list[int], target: int) -> int:
    """Ask dpss for every subset of whatever length."""
    return min(len(import_module("dpss").find_subset(amounts, target, len(amounts))), 2)


def counted(orders: int, count: Callable[[list[int], int], int]) -> Callable[[int], Job]:
    """Make a contender that counts the explanations of each credit."""

    def prepare(size: int) -> Job:
        some = cases(size, orders)
        return Job(lambda: [count(amounts, target) for amounts, target in some], size)

    return prepare


def kernel(amounts: list[int], target: int) -> int:
    """Count with the kernel."""
    return subset.explain(amounts, target)[0]


def race(name: str, orders: int, size: int, quick: int, peers: tuple[Contender, ...]) -> Race:
    """Race over credits with so many orders around them; the answers are every sum counted, or Python integers where sums are too many."""
    known = by_counting if orders <= FEW else by_integers
    return Race(
        name, f"explanations of a credit among {orders} orders", size, quick,
        ours=(Contender("kernel", counted(orders, kernel)),),
        peers=(*peers, Contender("CP-SAT", counted(orders, by_solver), needs=("ortools",), size=10, quick=2)),
        answer=lambda count: [known(amounts, target) for amounts, target in cases(count, orders)],
    )  # fmt: skip


def tight(count: int) -> list[Case]:
    """Return credits whose orders have few different amounts, so that about half of them have one explanation, and some none."""
    chance = random.Random(9)
    found = []
    for number in range(count):
        amounts = [chance.randrange(-300, 3_000) for _ in range(6 + number % 11)]
        found.append((amounts, sum(chance.sample(amounts, 3)) + number % 5 // 4))
    return found


def unique(count: Callable[[list[int], int], int]) -> Callable[[int], Job]:
    """Make a contender that says of which credits there is one explanation: the value is how many there are for each that has one."""

    def prepare(size: int) -> Job:
        some = tight(size)

        def run() -> list[Case]:
            return [(amounts, target) for amounts, target in some if count(amounts, target) == 1]

        return Job(run, size, proof=lambda found: None, reading=lambda found: len(found) / sum(by_every_sum(*case) == 1 for case in found))

    return prepare


def by_every_sum(amounts: list[int], target: int) -> int:
    """Count every sum with a dictionary, recoveries among them."""
    sums = Counter({0: 1})
    for amount in amounts:
        sums.update({total + amount: times for total, times in list(sums.items())})
    return min(sums[target], 2)


RACES: Final = (
    Race(
        "subset-unique", "explanations said to be the only one, for each that is", 1_000, 200, unit="",
        ours=(Contender("kernel", unique(kernel)),), peers=(Contender("every sum counted", unique(by_every_sum)),),
        answer=lambda count: None,
    ),
    race("subset-16", 16, 500, 50, (
        Contender("every subset in Python", counted(16, by_looking), size=10, quick=3),
        Contender("Python integers", counted(16, by_integers)),
        Contender("dpss", counted(16, by_dpss), needs=("dpss",), size=10, quick=3),
    )),
    race("subset-60", 60, 50, 5, (Contender("Python integers", counted(60, by_integers)),)),
)  # fmt: skip
