# SPDX-License-Identifier: Apache-2.0
"""Random histories of a centre: whatever comes first, and however often it is looked at, the end is the same and every cent is there."""

import random

import pytest

from tests.settlement.histories import inputs, played


def arrivals(seed: int) -> None:
    chance = random.Random(seed)
    steps = inputs(chance)
    first = played(steps, chance, 0.0).end()
    twice = [*steps, *chance.sample(steps[6:], chance.randint(0, 4))]
    assert played(chance.sample(twice, len(twice)), chance, 0.4).end() == first


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_any_order_and_duplication_of_arrivals_ends_the_same(start: int) -> None:
    for seed in range(start, start + 50):
        arrivals(seed)
