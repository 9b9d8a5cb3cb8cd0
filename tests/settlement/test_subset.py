# SPDX-License-Identifier: Apache-2.0
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.settlement import kernel
from ext import subset
from tests.oracle import subset as oracle

# Few different amounts, so that sums collide; zeros, and recoveries.
AMOUNTS = st.lists(st.one_of(st.integers(-40, 60), st.sampled_from([0, 2650, 2650, 3000, -900])), max_size=9)


@settings(max_examples=300, deadline=None)
@given(AMOUNTS, st.integers(-150, 6000), st.sampled_from([24, 4, 0]))
def test_the_kernel_agrees_with_every_subset_looked_at(amounts: list[int], target: int, halves: int) -> None:
    assert subset.explain(amounts, target, halves) == oracle.explain(amounts, target)


@settings(max_examples=200, deadline=None)
@given(AMOUNTS, st.data())
def test_a_sum_that_exists_is_found_whatever_the_order(amounts: list[int], data: st.DataObject) -> None:
    rows = data.draw(st.sets(st.sampled_from(range(len(amounts)))) if amounts else st.just(set()))
    target = sum(amounts[row] for row in rows)
    solutions, only = subset.explain(amounts, target)
    assert solutions == 2 or (solutions, set(only)) == (1, rows)
    order = data.draw(st.permutations(range(len(amounts))))
    again, rows_again = subset.explain([amounts[row] for row in order], target)
    assert (again, sorted(order[row] for row in rows_again)) == (solutions, only)


def cases(seed: int, count: int, most: int) -> list[tuple[list[int], int]]:
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        rows, width = chance.randint(0, most), chance.choice((20, 400, 60_000))
        amounts = [chance.randint(-width // 4, width) for _ in range(rows)]
        target = sum(chance.sample(amounts, chance.randint(0, rows))) + chance.choice((0, 0, 0, 1))
        found.append((amounts, target))
    return found


def compared(some: list[tuple[list[int], int]]) -> None:
    for amounts, target in some:
        expected = min(oracle.count(amounts, target), 2)
        for halves in (24, 0):
            solutions, rows = subset.explain(amounts, target, halves)
            assert solutions == expected, (amounts, target, halves)
            assert solutions != 1 or sum(amounts[row] for row in rows) == target


def test_never_unique_when_it_is_not() -> None:
    compared(cases(1, 2_000, 12))


@pytest.mark.fuzz
def test_never_unique_when_it_is_not_long() -> None:
    for seed in range(100):
        compared(cases(seed, 1_000, 16))


@pytest.mark.parametrize("rows", [25, 40, 60, 255])
def test_many_rows_are_told_by_sets_of_bits(rows: int) -> None:
    # Powers of three in few rows have one sum each; the others are above the target and in no sum.
    amounts = [3**row for row in range(12)] + [10**6 + row for row in range(rows - 12)]
    target = sum(amounts[row] for row in (0, 3, 5, 11))
    assert subset.explain(amounts, target) == (1, [0, 3, 5, 11])
    assert subset.explain(amounts, 2) == (0, [])
    assert subset.explain([*amounts[:-1], 1], target)[0] == 2


@pytest.mark.parametrize("rows", [3, 24, 30, 60])
def test_recoveries_are_netted(rows: int) -> None:
    recoveries = min(rows // 2, 15)
    amounts = [-(1 << row) for row in range(recoveries)] + [1 << 20] * (rows - recoveries)
    target = -1
    assert subset.explain(amounts, target) == (1, [0])
    assert subset.explain(amounts, (1 << 20) - 1) == (2, [])


@pytest.mark.parametrize(
    ("amounts", "target", "expected"),
    [
        ([], 0, (1, [])),
        ([], 1, (0, [])),
        ([5], 5, (1, [0])),
        ([5, 5], 5, (2, [])),
        ([0], 0, (2, [])),
        ([-5], 0, (1, [])),
        ([-5], -5, (1, [0])),
    ],
)
def test_the_smallest_cases(amounts: list[int], target: int, expected: tuple[int, list[int]]) -> None:
    assert subset.explain(amounts, target) == subset.explain(amounts, target, 0) == expected


@pytest.mark.parametrize(
    ("amounts", "target"),
    [([1] * 256, 1), ([1 << 60], 1), ([1 << 70], 1), ([1 << 59, 1 << 59], 1), ([1], 1 << 60), ([1], -(1 << 63)), ([1 << 27] * 25, 1 << 27)],
)
def test_what_is_too_much_is_refused_and_said_to_be_untold(amounts: list[int], target: int) -> None:
    with pytest.raises(OverflowError):
        subset.explain(amounts, target)
    assert kernel.explain(amounts, target) is None


@pytest.mark.parametrize(("arguments", "error"), [(([1.5], 1), TypeError), ((["1"], 1), TypeError), (([1], 1, 25), ValueError)])
def test_anything_but_whole_cents_is_refused(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        subset.explain(*arguments)
