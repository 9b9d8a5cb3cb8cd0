# SPDX-License-Identifier: Apache-2.0
"""The year of a large centre as its bank sees it: payment orders of forty payers, credits, and what each credit really pays.

Orders have totals and no lines: how many invoices stand behind each is drawn, so that a million make some twenty thousand orders.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from desmos_fast.base.types import Cents
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import Match, Order, Payer
from tests.generators.labelled import BILLERS, LEVELS, TARIFFS, Level, credits_of, doubtful_credits, hash_of
from tests.generators.labelled_bank import statement

FIRST_DAY: Final = date(2026, 1, 1)
YEAR: Final = 365
TOWNS: Final = ("ALBEVILLE", "BOURGNEUF", "CLAIRVAL", "DORMONT", "ESTREES", "FONTVIVE", "GRANDPRE", "HAUTERIVE", "ISLEMONT", "JONCHERE")
TREES: Final = (
    "TILLEULS", "CHENES", "BOULEAUX", "ORMES", "HETRES", "SAULES", "FRENES", "ERABLES", "CEDRES", "PINS", "CHARMES", "NOYERS", "ALISIERS",
    "AULNES", "CORMIERS", "CYPRES", "EPICEAS", "FIGUIERS", "HOUX", "IFS", "LAURIERS", "MELEZES", "MERISIERS", "MURIERS", "OLIVIERS",
    "PEUPLIERS", "PLATANES", "TREMBLES",
)  # fmt: skip
# Of each invoice the caisse pays a part, and of seven in ten an insurer or an operator in its name.
PARTS: Final = 1.7


class Year:
    """One centre with two billers, ten caisses, twenty-eight insurers, and two operators that pay for eight of these."""

    def __init__(self, seed: int, invoices: int, level: Level, days: int = YEAR) -> None:
        self.chance = random.Random(f"{seed} {invoices} {level} {days}")
        self.noise = LEVELS[level]
        amo = [Payer(id=f"amo:01{number:03d}", kind="amo", names=(f"CPAM DE {town}",)) for number, town in enumerate(TOWNS, 751)]
        amc = [Payer(id=f"amc:{number:010d}", kind="amc", names=(f"MUTUELLE DES {tree}",)) for number, tree in enumerate(TREES, 990001)]
        operators = [
            Payer(id=f"op:{rank:02d}", kind="operator", names=(name,), pays_for=tuple(one.id for one in amc[4 * rank : 4 * rank + 4]))
            for rank, name in enumerate(("TIERSPAY SERVICES OUEST", "TIERSPAY GESTION EST"))
        ]
        self.payers = amo + amc + operators
        self.operator = {other: payer.id for payer in operators for other in payer.pays_for}
        self.orders = list(self._orders(invoices, days, [*amo, *amc]))

    def draw(self, thousandths: int) -> bool:
        """Say yes so many times of a thousand."""
        return self.chance.randrange(1000) < thousandths

    def _orders(self, invoices: int, days: int, payers: list[Payer]) -> Iterator[Order]:
        opened = [FIRST_DAY + timedelta(day) for day in range(days) if (FIRST_DAY + timedelta(day)).weekday() < 5]
        # A caisse pays each working day, an insurer two days a week.
        calls = [(day, payer, biller) for day in opened for payer in payers if _pays(payer, day) for biller in BILLERS]
        behind = max(1, int(invoices * PARTS / len(calls)))
        for rank, (day, payer, biller) in enumerate(calls, 1):
            name = f"{hashlib.sha256(f'{day} {payer.id}'.encode()).hexdigest()[:16]}:{rank}"
            share = 7 if payer.kind == "amo" else 3
            count = self.chance.randint(behind // 2, 2 * behind)
            # The sum of many is drawn at once: its tail is what tells orders apart.
            total = count * 1500 + self.chance.choice(TARIFFS) * share // 10 + self.chance.randrange(count * 1500 + 1)
            yield self._order(name, "payment", payer.id, biller, day, total)
            if self.draw(60):
                yield self._order(f"{name}r", "recovery", payer.id, biller, day, -self.chance.choice(TARIFFS) * share // 10)

    def _order(self, name: str, kind: str, payer: str, biller: str, day: date, total: int) -> Order:
        return Order(
            id=name, kind="recovery" if kind == "recovery" else "payment", payer=payer, emitter=self.operator.get(payer, payer),
            biller=biller, payment_date=day, payment_ref=f"{day:%y%j}{self.chance.randrange(10**7):07d}", total=Cents(total), lines=(),
        )  # fmt: skip


def _pays(payer: Payer, day: date) -> bool:
    return payer.kind == "amo" or (day.toordinal() + hash_of(payer.id)) % 7 in (1, 4)


class Credited(NamedTuple):
    """Orders and statements of a year and what each credit pays; `doubtful` are those that nothing on them tells."""

    orders: list[Order]
    bank: list[BankLine]
    payers: list[Payer]
    truth: Mapping[str, frozenset[str] | None]
    doubtful: set[str]


def labelled_year(seed: int, invoices: int, level: Level, days: int = YEAR) -> Credited:
    """Invent the statements of a year, or of its first days, with the truth."""
    year = Year(seed, invoices, level, days)
    credits = statement(year.chance, credits_of(year, year.orders), {payer.id: payer.names[0] for payer in year.payers})
    truth = {line.id: frozenset(credit.orders) or None for line, credit in credits}
    doubtful = doubtful_credits(credits, {order.id: order for order in year.orders})
    return Credited(year.orders, [line for line, _ in credits], year.payers, truth, doubtful)


class Qualified(NamedTuple):
    """How many credits were confirmed, how many of these wrongly, and of those that pay something how many were found."""

    confirmed: int
    wrong: int
    found: int
    paying: int


def qualified(year: Credited, matches: list[Match]) -> Qualified:
    """Compare with the truth."""
    confirmed = [match for match in matches if match.status == "confirmed"]
    paying = {orders for orders in year.truth.values() if orders is not None}
    return Qualified(
        confirmed=len(confirmed),
        wrong=sum(year.truth[match.left[0]] != frozenset(match.right) for match in confirmed),
        found=len(paying & {frozenset(match.right) for match in confirmed}),
        paying=len(paying),
    )
