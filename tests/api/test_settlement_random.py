# SPDX-License-Identifier: Apache-2.0
"""Random centres full of twins, wrong numbers, recoveries and equal sums: in whatever order all of it arrives, the same end."""

import random
from datetime import date, timedelta
from typing import Any

import pytest

from tests.api.conftest import House
from tests.api.test_settlement_order import Step, bank, play, signed
from tests.settlement.centre import AMC, AMO, Centre, credit

INVOICES = 6
DAY = date(2026, 10, 1)


def reference(number: int) -> str:
    return f"262740000000{number:02d}"


def payment(chance: random.Random, name: int, totals: list[int]) -> Step:
    """Announce a few lines of one payer; most bear their number, some another's or none, some recoveries nothing else."""
    payer, part, full = chance.choice([(AMO, "amo", 2100), (AMC, "amc", 900)])
    said: list[tuple[int, int | None, dict[str, Any]]] = []
    for _ in range(chance.randint(1, 3)):
        number, amount = chance.randint(1, INVOICES), chance.choice([full, full, full // 3, 0, -full])
        changes: dict[str, Any] = {"part": part, "payer": payer}
        named = chance.choice([number, number, number, None, number % INVOICES + 1, 50])
        if amount < 0 and chance.random() < 0.5:
            changes |= {"part": None, "biller": None, "insured_key": None, "care_date": None}
        elif chance.random() < 0.2:
            changes["insured_key"] = None
        said.append((amount, named, changes | {"person": person(number)}))
    totals.append(sum(amount for amount, _, _ in said))
    day = DAY + timedelta(chance.randint(0, 3))

    async def step(centre: Centre) -> None:
        lines = [
            centre.line(amount, named, order=changes["person"], **{name: value for name, value in changes.items() if name != "person"})
            for amount, named, changes in said
        ]
        await centre.order(f"o:{name:02d}", *lines, reference=reference(name % 7), day=day)

    return step


def person(number: int) -> int:
    """Two invoices each are of one person."""
    return 20 + number // 2


def steps(seed: int) -> list[Step]:
    chance = random.Random(seed)
    totals: list[int] = []
    found: list[Step] = [signed(number, person(number)) for number in range(1, INVOICES + 1)]
    found += [payment(chance, name, totals) for name in range(1, 10)]
    for _ in range(3):
        some = chance.sample(totals, 2)
        amount = max(chance.choice([some[0], sum(some)]), 100)
        texts = [reference(chance.randint(1, 9) % 7)] if chance.random() < 0.4 else []
        day = DAY + timedelta(chance.randint(1, 6))
        found.append(bank(*credit(amount, *texts, payer=chance.choice([AMO, AMC]), day=f"{day:%d%m%y}")))
    return found


@pytest.mark.parametrize("seed", [0, 1, 5, 19])
async def test_any_order_of_arrival_of_a_random_centre_ends_the_same(house: House, seed: int) -> None:
    draw, all_steps = random.Random(seed), steps(seed)
    expected = await play(Centre(await house.desk()), all_steps, lambda: False)
    found = await play(Centre(await house.desk()), draw.sample(all_steps, len(all_steps)), lambda: draw.random() < 0.4)
    for part, other in zip(found[:3], expected[:3], strict=True):
        assert part == other
