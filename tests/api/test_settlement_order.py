# SPDX-License-Identifier: Apache-2.0
"""Whatever comes first, and however often it is looked at in between: the same shares, balances and matches in the end."""

import random
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from desmos_fast.invariants import store
from tests.api.conftest import House
from tests.settlement import statements
from tests.settlement.centre import AMC, Centre, credit

# What the books must say whatever came first.
CHECKS = [("I2", "entries"), ("I2", "names"), ("I4", "accounts"), ("I4", "entries"), ("I4", "receivables"), ("I4", "shares")]
Step = Callable[[Centre], Awaitable[object]]
PAID, PARTLY, TWICE, REJECTED, TAKEN_BACK, MERGED, UNLABELLED, SILENT, NUMBERLESS, CONTESTED, ASKED_BACK, GROUPED, NETTED = range(1, 14)


def reference(number: int) -> str:
    return f"262740000000{number:02d}"


def order(name: int, *lines: tuple[int, int], day: date = date(2026, 10, 1), **changes: Any) -> Step:
    async def step(centre: Centre) -> None:
        made = [centre.line(amount, number, order=10 + number, **changes) for number, amount in lines]
        await centre.order(f"o:{name:02d}", *made, reference=reference(name), day=day)

    return step


def nameless(name: int, amount: int, number: int = TAKEN_BACK) -> Step:
    async def step(centre: Centre) -> None:
        line = centre.line(amount, number, part=None, payer=AMC, biller=None, insured_key=None, care_date=None)
        await centre.order(f"o:{name:02d}", line, reference=reference(name), day=date(2026, 10, 20))

    return step


def bank(*records: str) -> Step:
    async def step(centre: Centre) -> None:
        await centre.bank(*records)

    return step


def signed(number: int, person: int | None = None) -> Step:
    async def step(centre: Centre) -> None:
        await centre.invoice(number, order=person or 10 + number)

    return step


STEPS: list[Step] = [
    *(signed(number) for number in range(PAID, NETTED + 1)),
    order(1, (PAID, 2100), (TWICE, 2100), (TAKEN_BACK, 2100)),
    order(2, (PARTLY, 1999), (REJECTED, 0)),
    order(3, (TWICE, 2100), day=date(2026, 10, 15)),
    order(4, (TAKEN_BACK, -2100), day=date(2026, 10, 20)),
    order(5, (MERGED, 2100)),
    order(6, (UNLABELLED, 2100), day=date(2026, 10, 5)),
    order(7, (PAID, 900), part="amc", payer=AMC),
    order(8, (99, 1234), day=date(2026, 10, 9)),
    nameless(9, -900),
    bank(*credit(6300, f"DECOMPTE {reference(1)}"), *credit(1999 + 2100, f"DECOMPTES {reference(2)} {reference(5)}")),
    bank(*credit(2100, "REGLEMENT DE PRESTATIONS", day="061026"), *credit(2100, reference(3), day="161026")),
    bank(*credit(900, payer=AMC), statements.movement(777, "VIREMENT INCONNU")),
    order(10, (NUMBERLESS, 2000), day=date(2026, 11, 2), invoice_number=None),
    order(11, (CONTESTED, 2100), day=date(2026, 11, 3), invoice_number=None),
    order(12, (CONTESTED, 2100), day=date(2026, 11, 12)),
    order(13, (ASKED_BACK, 900), day=date(2026, 11, 4), part="amc", payer=AMC),
    nameless(14, -900, ASKED_BACK),
    order(15, (GROUPED, 1000), day=date(2026, 11, 30), status="partial"),
    order(16, (GROUPED, 1100), day=date(2026, 11, 30)),
    order(17, (NETTED, 2100), day=date(2026, 12, 15)),
    order(18, (98, -600), day=date(2026, 12, 10)),
    bank(*credit(2100, day="011226"), *credit(1500, reference(17), day="161226")),
]


async def play(centre: Centre, steps: list[Step], look: Callable[[], bool]) -> Any:
    """Take the steps, reconcile where `look` says so and at the end, and return all that must not depend on either."""
    for step in steps:
        await step(centre)
        if look():
            await centre.reconcile()
    await centre.reconcile()
    async with centre.rows() as con:
        for invariant, name in CHECKS:
            seen = await store.run(con, invariant, name, centre.desk.tenant)
            assert seen.wrong == 0, (invariant, name, seen)
        matches = await con.fetch("SELECT rule, left_refs, right_refs, amount FROM match WHERE status = 'confirmed'")
    names = [[ref.replace(centre.desk.finess, "CENTRE") for ref in row["right_refs"]] for row in matches]
    decided = sorted((row["rule"], row["left_refs"], right, row["amount"]) for row, right in zip(matches, names, strict=True))
    figures = await centre.dashboard()
    del figures["at"]
    return await centre.shares(), await centre.balances(), decided, figures


@pytest.mark.parametrize("seed", range(8))
async def test_any_order_of_arrival_ends_the_same(house: House, seed: int) -> None:
    draw = random.Random(seed)
    expected = await play(Centre(await house.desk()), STEPS, lambda: False)
    shuffled = draw.sample(STEPS, len(STEPS))
    found = await play(Centre(await house.desk()), shuffled, lambda: draw.random() < 0.5)
    for part, other in zip(found, expected, strict=True):
        assert part == other
    states = {name: share[0] for name, share in expected[0].items() if name.endswith("amo")}
    assert states == {
        f"{PAID}/amo": "settled", f"{PARTLY}/amo": "settled_part", f"{TWICE}/amo": "settled", f"{REJECTED}/amo": "rejected",
        f"{TAKEN_BACK}/amo": "indu", f"{MERGED}/amo": "settled", f"{UNLABELLED}/amo": "settled", f"{SILENT}/amo": "sent",
        f"{NUMBERLESS}/amo": "announced_part", f"{CONTESTED}/amo": "announced", f"{ASKED_BACK}/amo": "sent", f"{GROUPED}/amo": "settled",
        f"{NETTED}/amo": "settled",
    }  # fmt: skip
    assert expected[0][f"{PAID}/amc"][0] == "settled" and expected[0][f"{ASKED_BACK}/amc"][:2] == ("indu", 0)
    assert {"A1", "A3", "A5", "B1", "B2", "B3", "B6"} == {rule for rule, *_ in expected[2]}
    assert expected[3]["ledger"]["sum"] == 0
