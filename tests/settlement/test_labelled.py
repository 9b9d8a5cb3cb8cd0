# SPDX-License-Identifier: Apache-2.0
"""Invented centres whose truth is known: what is confirmed is right, what nothing tells apart is confirmed to nobody, the rest is found."""

import random
from typing import Any

import msgspec
import pytest

from desmos_fast.settlement.codec import write_matches, write_summary
from desmos_fast.settlement.model import Settings
from desmos_fast.settlement.reconcile import reconcile
from tests.generators.judged import Judged, judge, judged
from tests.generators.labelled import LEVELS, Labelled, Level, labelled

# Least shares of what is decidable that must be found, in thousandths, order lines and credits; from 20,000 invoices on.
LEAST: dict[Level, tuple[int, int]] = {"none": (998, 930), "medium": (998, 930), "high": (998, 770)}


def sound(found: Judged, level: Level) -> None:
    assert (found.wrong_decidable, found.twins, found.sums) == (0, 0, 0)
    for (right, all_of_them), least in zip((found.recall_a, found.recall_b), LEAST[level], strict=True):
        assert right * 1000 >= all_of_them * least, (right, all_of_them)


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_confirmed_is_right_and_nearly_all_is_found(level: Level) -> None:
    found = judged(1, 2_000, level)
    sound(found, level)
    # Of four thousand records one may be wrong that nothing could tell.
    assert found.wrong <= 1


def test_every_rule_is_taken_somewhere() -> None:
    rules = judged(5, 2_000, "high").rules
    wanted = ("A1", "A2", "A3", "A5", "B1", "B2", "B3", "B4r", "B6")
    assert {rule for rule in wanted if not rules[f"{rule} confirmed"]} == set()
    assert rules["B4 suggested"] and rules["B5 ambiguous"] and rules["A4 ambiguous"] + rules["A9 unmatched"]


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("level", LEVELS)
def test_what_is_confirmed_is_right_in_twenty_thousand_invoices(seed: int, level: Level) -> None:
    found = judged(seed, 20_000, level)
    sound(found, level)
    assert found.wrong * 10_000 <= found.confirmed


def spoilt(world: Labelled, chance: random.Random) -> Labelled:
    """Give the truth of two lines, and of two credits, to each other."""
    parts, credits = dict(world.parts), dict(world.credits)
    one, two = chance.sample([name for name, part in parts.items() if part is not None and name not in world.doubtful], 2)
    parts[one], parts[two] = parts[two], parts[one]
    first, second = chance.sample([name for name, orders in credits.items() if orders and name not in world.doubtful], 2)
    credits[first], credits[second] = credits[second], credits[first]
    return world._replace(parts=parts, credits=credits)


def test_the_judge_sees_what_is_wrong() -> None:
    world = labelled(3, 300, "none")
    result = reconcile(world.invoices, world.orders, world.bank, world.payers, Settings())
    assert judge(world, result).wrong == 0
    wrong = judge(spoilt(world, random.Random(1)), result)
    assert wrong.wrong_decidable >= 3 and wrong.recall_a[0] < wrong.recall_a[1]


@pytest.mark.parametrize("level", LEVELS)
def test_the_order_of_the_inputs_and_what_is_given_twice_change_no_byte(level: Level) -> None:
    world, chance = labelled(5, 400, level), random.Random(5)

    def written(lists: list[list[Any]]) -> bytes:
        invoices, orders, bank, payers = lists
        result = reconcile(invoices, orders, bank, payers, Settings())
        return write_matches(result.matches) + write_summary(result)

    inputs: list[list[Any]] = [world.invoices, world.orders, world.bank, world.payers]
    expected = written(inputs)
    for _ in range(3):
        shuffled = [chance.sample(items + items[::7], len(items) + len(items[::7])) for items in inputs]
        shuffled[1] = [msgspec.structs.replace(order, lines=tuple(chance.sample(order.lines, len(order.lines)))) for order in shuffled[1]]
        assert written(shuffled) == expected
