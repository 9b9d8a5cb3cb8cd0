# SPDX-License-Identifier: Apache-2.0
"""Random histories of small centres in memory: twins, wrong numbers, recoveries, equal sums; what arrives in whatever order, and runs."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from desmos_fast.base.ledger import Entry
from desmos_fast.base.types import Part
from desmos_fast.settlement.bank.model import BankLine, occurrences
from desmos_fast.settlement.model import LineRow, LineStatus, OrderRow, Settings
from desmos_fast.settlement.replay.model import Announced, GivenLine, Ran, Signed, SignedShare, Stated, Step
from desmos_fast.settlement.replay.world import World
from tests.settlement.choices import Choice, decided
from tests.settlement.worlds import AMC, AMO, BILLER, PAYERS, credit

CARE: Final = date(2026, 9, 14)
PAID_ON: Final = date(2026, 10, 1)
BEGUN: Final = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
AMOUNTS: Final[dict[Part, int]] = {"amo": 2100, "amc": 900}
NAMES: Final = {AMO: "CPAM DE ALBEVILLE", AMC: "MUTUELLE GENERALE DU SUD"}
SECRET: Final = b"secret of a test"
INVOICES: Final = 6


def signed(number: int) -> Signed:
    """Two invoices each are of one person, and of one day."""
    shares = (SignedShare("amo", AMO, AMOUNTS["amo"], "sent", number), SignedShare("amc", AMC, AMOUNTS["amc"], "sent", number + 100))
    return Signed(UUID(int=number), BILLER, number, person(number), CARE, shares)


def person(number: int) -> str:
    return f"{number // 2:02x}"


def reference(number: int) -> str:
    return f"262740000000{number % 7:02d}"


def announced(name: int, chance: random.Random) -> Announced:
    """Announce a few lines of one payer; most bear their number, some another's or none, some recoveries nothing else."""
    part: Part = chance.choice(("amo", "amo", "amc"))
    payer, order = (AMO if part == "amo" else AMC), UUID(int=1000 + name)
    lines = tuple(_line(order, place, part, payer, chance) for place in range(1, chance.randint(1, 3) + 1))
    total = sum(line.amount for line in lines)
    day = PAID_ON + timedelta(chance.randint(0, 3))
    row = OrderRow(
        order, f"o:{name:02d}", "recovery" if total < 0 else "payment", payer, payer, None, day, reference(name), total, None, True, BILLER
    )
    return Announced(f"orders {name}", (row,), lines)


def _line(order: UUID, place: int, part: Part, payer: str, chance: random.Random) -> LineRow:
    number, full = chance.randint(1, INVOICES), AMOUNTS[part]
    amount = chance.choice([full, full, full // 3, 0, -full])
    row = LineRow(
        order, place, BILLER, part, payer, _status(amount), amount,
        chance.choice([number, number, number, None, number % INVOICES + 1, 50]), None, person(number), CARE,
        None if amount else chance.choice(["2900005", "0450072"]), False,
    )  # fmt: skip
    if amount < 0 and chance.random() < 0.5:
        return row._replace(part=None, biller=None, insured=None, care_date=None)
    return row._replace(insured=None) if chance.random() < 0.2 else row


def _status(amount: int) -> LineStatus:
    return "recovery" if amount < 0 else "paid" if amount else "rejected"


def stated(name: int, lines: Sequence[BankLine]) -> Stated:
    keyed = zip(lines, occurrences(lines), strict=True)
    return Stated(
        f"bank {name}", tuple(GivenLine(UUID(int=5000 + 100 * name + place), line, *key) for place, (line, key) in enumerate(keyed))
    )


def again(step: Stated) -> Stated:
    """Write what a statement says under another file."""
    lines = tuple(
        row._replace(id=UUID(int=row.id.int + 50_000), line=msgspec.structs.replace(row.line, id=f"again {row.line.id}"))
        for row in step.lines
    )
    return Stated(f"again {step.name}", lines)


def statement(name: int, orders: Sequence[OrderRow], chance: random.Random) -> Stated:
    """Write one statement: credits of one order, of two, of nobody, and now and then a debit."""
    found = []
    for place in range(1, chance.randint(1, 3) + 1):
        some = chance.sample(orders, min(2, len(orders)))
        payer = chance.choice((some[0].payer, some[0].payer, AMO, AMC))
        amount = max(chance.choice([some[0].total, sum(order.total for order in some)]), 100)
        texts = [reference(chance.randint(1, 9))] if chance.random() < 0.4 else []
        told = {"label": f"VIR SEPA {NAMES[payer]}", "payer_name": NAMES[payer]}
        if chance.random() < 0.1:
            amount, told = -amount, {"label": "PRLV SEPA", "payer_name": ""}
        found.append(
            credit(
                place,
                amount,
                file=f"bank {name}",
                days=chance.randint(0, 5),
                payer_id=f"bank {name}",
                remittance=texts,
                references=texts,
                **told,
            )
        )
    return stated(name, found)


def inputs(chance: random.Random) -> list[Step]:
    """Invent a small centre: all that arrives in it."""
    return [*(signed(number) for number in range(1, INVOICES + 1)), *returns_and_statements(chance)]


def returns_and_statements(chance: random.Random, after: int = 0) -> list[Step]:
    """Invent what payers and the bank send, numbered after so many."""
    orders = [announced(after + name, chance) for name in range(1, chance.randint(4, 9))]
    banks = [statement(after + name, [step.orders[0] for step in orders], chance) for name in range(1, chance.randint(2, 4))]
    return [*orders, *banks]


class Play:
    """One history as it goes on: every entry is looked at, and the clock goes on by a minute a step."""

    def __init__(self) -> None:
        self.world = World(SECRET)
        self.minutes = 0
        self.decisions = 0

    def take(self, step: Step) -> list[Entry]:
        self.minutes += 1
        entries = self.world.apply(step)
        for entry in entries:
            assert sum(line.debit - line.credit for line in entry.lines) == 0
        return entries

    def run(self) -> list[Entry]:
        return self.take(Ran(UUID(int=10_000 + self.minutes), BEGUN + timedelta(minutes=self.minutes), PAYERS, Settings()))

    def decide(self, choice: Choice) -> list[Entry]:
        self.decisions += 1
        return self.take(decided(choice, self.decisions, BEGUN + timedelta(minutes=self.minutes)))

    def matches(self) -> dict[str, tuple[Any, ...]]:
        """Say which matches hold, without what depends on the order of arrival."""
        return {key: (row.rule, row.left, row.right, row.amount) for key, row in self.world.state().matches.items()}

    def end(self) -> tuple[object, object, object]:
        """Return all that must not depend on the order of arrival."""
        state = self.world.state()
        return self.matches(), dict(state.shares), dict(state.balances)


def check(play: Play) -> None:
    """Look at what must hold of the books and matches at any moment."""
    state = play.world.state()
    assert sum(state.balances.values()) == 0
    receivables = {account: amount for account, amount in state.balances.items() if account.startswith("creance:")}
    owed = Counter[str]()
    for invoice in play.world.rows.invoices.values():
        for share in invoice.shares.values():
            owed[f"creance:{share.payer}:{invoice.biller}/{invoice.number}"] += share.open
    assert receivables == {account: amount for account, amount in owed.items() if amount}
    used = Counter[tuple[str, str]]()
    for row in state.matches.values():
        used.update((row.problem, name) for name in row.left)
        if row.problem == "B":
            used.update(("order", name) for name in row.right)
    assert not used or max(used.values()) == 1


def played(steps: Iterable[Step], chance: random.Random, often: float) -> Play:
    """Take steps with runs in between, and one at the end."""
    play = Play()
    for step in steps:
        play.take(step)
        if chance.random() < often:
            play.run()
    play.run()
    check(play)
    return play
