# SPDX-License-Identifier: Apache-2.0
"""Invented years of a centre whose truth is known: invoices, orders and statements, and what each line and credit really pays.

Persons, payers and banks err as real ones do, at three levels. What no reader could tell apart is labelled doubtful: a line that two parts
answer to with all that it says, a credit that equals another of its payer and days. Nothing here knows how matching works.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import Invoice, InvoicePart, Order, OrderLine, Payer
from tests.generators.labelled_bank import Credit, statement

BILLERS: Final = ("750000010", "750000119")
FIRST_DAY: Final = date(2026, 1, 5)
DAYS: Final = 60
MONTH: Final = 31
LARGEST: Final = 10**9
TARIFFS: Final = (2650, 3000, 2650, 6000, 2892, 12000, 2314, 7650, 4500, 1885)
Level = Literal["none", "medium", "high"]


class Noise(NamedTuple):
    """How many of a thousand lose or get something."""

    number_lost: int
    number_wrong: int
    nir_lost: int
    lot_lost: int
    reference_lost: int
    reference_partial: int
    name_cut: int
    name_lost: int
    paper: int
    twins: int


LEVELS: Final[dict[Level, Noise]] = {
    "none": Noise(0, 0, 0, 0, 0, 0, 0, 0, 10, 5),
    "medium": Noise(10, 4, 10, 50, 150, 200, 300, 20, 20, 10),
    "high": Noise(40, 10, 40, 200, 400, 400, 600, 60, 40, 10),
}


class Labelled(NamedTuple):
    """Inputs of matching and their truth: the part of each order line, the orders of each bank line, None where there is none."""

    invoices: list[Invoice]
    orders: list[Order]
    bank: list[BankLine]
    payers: list[Payer]
    parts: dict[str, str | None]
    credits: dict[str, frozenset[str] | None]
    doubtful: set[str]
    twins: set[str]


class Said(NamedTuple):
    """What a payer says of a part, or of something that is no part of ours."""

    day: date
    payer: str
    biller: str
    line: dict[str, Any]
    truth: str | None
    apart: bool = False


def payers_of(chance: random.Random) -> list[Payer]:
    """Make caisses, mutuelles, and operators that pay for some of these."""
    towns = ["ALBEVILLE", "BOURGNEUF", "CLAIRVAL", "DORMONT", "ESTREES", "FONTVIVE"]
    trees = ["TILLEULS", "CHENES", "BOULEAUX", "ORMES", "HETRES", "SAULES", "FRENES", "ERABLES", "CEDRES", "PINS", "CHARMES", "NOYERS"]
    amo = [Payer(id=f"amo:01{number:03d}", kind="amo", names=(f"CPAM DE {town}",)) for number, town in enumerate(towns, 751)]
    amc = [Payer(id=f"amc:{number:010d}", kind="amc", names=(f"MUTUELLE DES {tree}",)) for number, tree in enumerate(trees, 990001)]
    ids = [payer.id for payer in amc]
    chance.shuffle(ids)
    operators = [
        Payer(id=f"op:{number:02d}", kind="operator", names=(f"TIERSPAY {name}",), pays_for=tuple(sorted(ids[4 * number : 4 * number + 4])))
        for number, name in enumerate(("SERVICES OUEST", "GESTION EST"))
    ]
    return amo + amc + operators


class World:
    """One centre with two billers over sixty days."""

    def __init__(self, seed: int, count: int, level: Level) -> None:
        self.chance = random.Random(f"{seed} {count} {level}")
        self.noise = LEVELS[level]
        self.payers = payers_of(self.chance)
        self.amo = [payer.id for payer in self.payers if payer.kind == "amo"]
        self.amc = [payer.id for payer in self.payers if payer.kind == "amc"]
        self.operator = {other: payer.id for payer in self.payers for other in payer.pays_for}
        self.invoices = list(self._invoices(count))
        self.said = [said for invoice in self.invoices for part in invoice.parts for said in self._fate(invoice, part)]
        self.said += [self._paper() for _ in range(count) if self.draw(self.noise.paper)]
        self.said += [self._flat_rate() for _ in range(count // 500)]

    def draw(self, thousandths: int) -> bool:
        """Say yes so many times of a thousand."""
        return self.chance.randrange(1000) < thousandths

    # --- invoices

    def _invoices(self, count: int) -> Iterator[Invoice]:
        numbers = Counter[str]()
        while count:
            biller, day = self.chance.choice(BILLERS), FIRST_DAY + timedelta(self.chance.randrange(DAYS))
            nir, amo, amc = self._person(), self.chance.choice(self.amo), self.chance.choice(self.amc)
            tariff = self.chance.choice(TARIFFS)
            for _ in range(min(count, 2 if self.draw(self.noise.twins) else 1)):
                numbers[biller] += 1
                count -= 1
                yield self._invoice(biller, numbers[biller], day, nir, amo, amc, tariff)

    def _invoice(self, biller: str, number: int, day: date, nir: str, amo: str, amc: str, tariff: int) -> Invoice:
        from_amo = tariff * 7 // 10
        parts = [InvoicePart(part="amo", payer=amo, amount=Cents(from_amo), open=Cents(from_amo))]
        if self.draw(700):
            parts.append(InvoicePart(part="amc", payer=amc, amount=Cents(tariff - from_amo), open=Cents(tariff - from_amo)))
        lot = f"{((day - FIRST_DAY).days * 6 + self.amo.index(amo)) % 999 + 1:03d}"
        return Invoice(
            id=f"{biller}/{number}", number=number, biller=biller, lot=lot, insured_nir=nir, care_date=day, parts=tuple(parts),
            total=Cents(tariff), created_on=day,
        )  # fmt: skip

    def _person(self) -> str:
        chance = self.chance
        root = f"{chance.choice('12')}{chance.randrange(30, 100)}{chance.randrange(1, 13):02d}99999{chance.randrange(1, 1000):03d}"
        return root + f"{97 - int(root) % 97:02d}"

    # --- what payers say

    def _fate(self, invoice: Invoice, part: InvoicePart) -> Iterator[Said]:
        fate = self.chance.randrange(1000)
        day = invoice.care_date + timedelta(5 + hash_of(part.payer) % 9)
        later = day + timedelta(21 + self.chance.randrange(5))
        if fate < 20:
            return
        if fate < 50:
            yield self._of(invoice, part, day, 0, "rejected")
        elif fate < 80:
            cut = part.amount // 3
            yield self._of(invoice, part, day, part.amount - cut, "partial")
            if fate < 65:
                yield self._of(invoice, part, later, cut, "paid")
        else:
            yield self._of(invoice, part, day, part.amount, "paid")
            if fate < 85:
                yield self._of(invoice, part, later, part.amount, "paid")
            elif fate < 89:
                yield self._of(invoice, part, later, -part.amount, "recovery")
            elif fate < 91:
                yield self._of(invoice, part, later, -part.amount, "recovery", number_only=True)

    def _of(self, invoice: Invoice, part: InvoicePart, day: date, amount: int, status: str, *, number_only: bool = False) -> Said:
        line: dict[str, Any] = {
            "biller": invoice.biller, "part": part.part, "payer": part.payer, "status": status, "amount": amount,
            "invoice_number": invoice.number, "lot": invoice.lot, "nir": invoice.insured_nir, "care_date": invoice.care_date,
        }  # fmt: skip
        if number_only:
            line |= dict.fromkeys(("biller", "part", "lot", "nir", "care_date"))
        else:
            line |= self._spoilt(invoice)
        # Half of the payers take back by orders of their own, which they net in a later credit.
        apart = amount < 0 and hash_of(part.payer) % 2 == 0
        return Said(day, part.payer, invoice.biller, line, f"{invoice.id}/{part.part}", apart)

    def _spoilt(self, invoice: Invoice) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        if self.draw(self.noise.number_lost):
            changed["invoice_number"] = None
        elif self.draw(self.noise.number_wrong):
            changed["invoice_number"] = invoice.number + self.chance.choice((-1, 1, 10, 1000, 10**8))
        if self.draw(self.noise.nir_lost):
            changed["nir"] = None
        if self.draw(self.noise.lot_lost):
            changed["lot"] = None
        return changed

    def _paper(self) -> Said:
        day = FIRST_DAY + timedelta(self.chance.randrange(DAYS))
        payer, biller = self.chance.choice(self.amo + self.amc), self.chance.choice(BILLERS)
        line: dict[str, Any] = {
            "biller": biller, "part": payer[:3], "payer": payer, "status": "paid", "amount": self.chance.choice(TARIFFS) * 7 // 10,
            "invoice_number": self.chance.choice((None, self.chance.randrange(10**8, 10**9))), "lot": None, "nir": self._person(),
            "care_date": day,
        }  # fmt: skip
        return Said(day + timedelta(5 + hash_of(payer) % 9), payer, biller, line, None)

    def _flat_rate(self) -> Said:
        payer, biller = self.chance.choice(self.amo), self.chance.choice(BILLERS)
        line: dict[str, Any] = {"payer": payer, "status": "paid", "amount": 100 * self.chance.randrange(50, 900), "invoice_number": None}
        return Said(FIRST_DAY + timedelta(self.chance.randrange(DAYS)), payer, biller, line, None)


def hash_of(name: str) -> int:
    """Return the same number for a name in every run."""
    return hashlib.sha256(name.encode()).digest()[0]


def labelled(seed: int, count: int, level: Level) -> Labelled:
    """Invent so many invoices and all that follows, with the truth."""
    world = World(seed, count, level)
    groups: dict[tuple[date, str, str, bool], list[Said]] = {}
    for said in world.said:
        groups.setdefault((said.day, said.payer, said.biller, said.apart), []).append(said)
    orders: list[Order] = []
    parts: dict[str, str | None] = {}
    for (day, payer, biller, _), some in sorted(groups.items()):
        name = f"{hashlib.sha256(f'{day} {payer}'.encode()).hexdigest()[:16]}:{len(orders) + 1}"
        lines = tuple(OrderLine(line=number, **said.line) for number, said in enumerate(some, 1))
        parts |= {f"{name}#{number}": said.truth for number, said in enumerate(some, 1)}
        total = Cents(sum(line.amount for line in lines))
        orders.append(Order(
            id=name, kind="recovery" if total < 0 else "payment", payer=payer, emitter=world.operator.get(payer, payer), biller=biller,
            payment_date=day, payment_ref=f"{day:%y%j}{world.chance.randrange(10**7):07d}", total=total, lines=lines,
        ))  # fmt: skip
    credits = statement(world.chance, credits_of(world, orders), {payer.id: payer.names[0] for payer in world.payers})
    doubtful, twins = _doubtful_lines(world, orders, parts)
    doubtful |= doubtful_credits(credits, {order.id: order for order in orders})
    return Labelled(
        world.invoices, orders, [line for line, _ in credits], world.payers, parts,
        {line.id: frozenset(credit.orders) or None for line, credit in credits}, doubtful, twins,
    )  # fmt: skip


class Bank(Protocol):
    """What drawing credits needs of a world."""

    chance: random.Random
    noise: Noise

    def draw(self, thousandths: int) -> bool:
        """Say yes so many times of a thousand."""
        ...


def credits_of(world: Bank, orders: Iterable[Order]) -> list[Credit]:
    """Pay the orders: each by its own credit, an operator's and some payers' of one day by one, recoveries netted in what comes after."""
    waiting: dict[str, list[Order]] = {}
    bundles: dict[tuple[date, str], list[Order]] = {}
    for order in orders:
        emitter = order.emitter or order.payer
        together = emitter.startswith("op:") or hash_of(emitter) % 3 == 0
        if order.total < 0:
            waiting.setdefault(emitter, []).append(order)
        elif order.total > 0:
            bundles.setdefault((order.payment_date, emitter if together else f"{emitter} {order.id}"), []).append(order)
    found = []
    for (day, name), some in sorted(bundles.items()):
        emitter = name.partition(" ")[0]
        netted: list[Order] = []
        for debt in list(waiting.get(emitter, ())):
            if debt.payment_date < day and sum(order.total for order in (*some, *netted, debt)) > 0:
                netted.append(debt)
                waiting[emitter].remove(debt)
        found.append(_credit(world, emitter, day, some, netted))
    found += [
        Credit("", world.chance.choice(("REGIE DES EAUX", "LOUEUR DE FAUTEUILS")), FIRST_DAY + timedelta(world.chance.randrange(DAYS)),
               world.chance.randrange(1000, 90000), (), ())
        for _ in range(DAYS // 4)
    ]  # fmt: skip
    return found


def _credit(world: Bank, emitter: str, day: date, paid: list[Order], netted: list[Order]) -> Credit:
    chance, noise = world.chance, world.noise
    quoted = [order.payment_ref for order in paid]
    if world.draw(noise.reference_lost):
        quoted = []
    elif len(quoted) > 1 and world.draw(noise.reference_partial):
        quoted = quoted[:1]
    name = "" if world.draw(noise.name_lost) else "cut" if world.draw(noise.name_cut) else "whole"
    total = sum(order.total for order in (*paid, *netted))
    return Credit(emitter, name, day + timedelta(chance.randrange(4)), total, tuple(quoted), tuple(order.id for order in (*paid, *netted)))


# --- what nobody could tell


def _doubtful_lines(world: World, orders: Iterable[Order], parts: Mapping[str, str | None]) -> tuple[set[str], set[str]]:
    """Return the lines that nothing they say tells, then those of them whose own number is absent or wrong: twins, and lines without keys.

    A part that lines with its right number pay in full or reject is no twin any more.
    """
    by_number = {(invoice.biller, invoice.number): invoice for invoice in world.invoices}
    misled, nameless, closed = set[str](), dict[str, OrderLine](), Counter[str]()
    for order in orders:
        for line in order.lines:
            named, name = by_number.get((line.biller or order.biller or "", line.invoice_number or 0)), f"{order.id}#{line.line}"
            if named is None or line.nir not in (None, named.insured_nir) or line.care_date not in (None, named.care_date):
                nameless[name] = line
            elif (truth := parts[name]) is not None and truth.startswith(f"{named.id}/"):
                closed[truth] += LARGEST if line.status == "rejected" else line.amount
            else:
                misled.add(name)
    patients = Counter[tuple[Any, ...]]()
    for invoice in world.invoices:
        for part in invoice.parts:
            # What is taken back was paid, what is paid was open.
            taken_back = closed[f"{invoice.id}/{part.part}"] >= part.amount
            for lot in (invoice.lot, None):
                patients[taken_back, invoice.biller, invoice.insured_nir, invoice.care_date, part.part, part.payer, lot] += 1
    twins = {
        name
        for name, line in nameless.items()
        if patients[line.amount < 0, line.biller, line.nir, line.care_date, line.part, line.payer, line.lot] != 1
    }
    return misled | twins, twins


def doubtful_credits(credits: Iterable[tuple[BankLine, Credit]], orders: Mapping[str, Order]) -> set[str]:
    """Return the credits that another one of their payer and amount may be, and those that some of their own orders give as well."""
    some = list(credits)
    days: dict[tuple[str, int], list[date]] = {}
    for _, credit in dict(zip(map(itemgetter(1), some), some, strict=True)).values():
        days.setdefault((credit.payer, credit.amount), []).append(credit.day)
    found = set()
    for line, credit in some:
        near = [day for day in days[credit.payer, credit.amount] if abs(day - credit.day) < timedelta(MONTH)]
        sums = Counter(
            sum(some)
            for size in range(1, len(credit.orders))
            for some in combinations((orders[name].total for name in credit.orders), size)
        )
        if (not credit.quoted and len(near) > 1) or credit.amount in sums:
            found.add(line.id)
    return found


def as_ndjson(items: Iterable[Any]) -> bytes:
    """Write inputs as the command reads them."""
    return msgspec.json.Encoder().encode_lines(list(items))
