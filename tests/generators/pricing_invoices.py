# SPDX-License-Identifier: Apache-2.0
"""Invoices to be priced by a pack, with acts of each of its rows and of none, on each side of each of its days.

Amounts are left out; `given_again` puts in those that pricing found, and some that are beside them.
"""

from datetime import date, timedelta
from functools import cached_property
from typing import Any

import msgspec

from desmos_fast.billing.model import Amc, Amo, Beneficiary, Executor, Invoice
from desmos_fast.billing.pricing.model import PricedAct, PricedInvoice, UnpricedCcamAct, UnpricedInvoice, UnpricedNgapAct
from desmos_fast.nomenclature.tariffs import Tariffs
from tests.billing.pricing.engines import filled
from tests.generators import words
from tests.generators.draw import Draw
from tests.oracle.fse_keys import TEETH

Act = UnpricedNgapAct | UnpricedCcamAct
DAY = timedelta(days=1)
FIRST, LAST = date(1970, 1, 1), date(2069, 12, 31)
TOOTH = sorted(TEETH)
NEVER = ("ZZ", "Q9", "HBLD")
NATURES = (10, 10, 10, 13, 13, 30, 41, 41, 90, 20, 99)
EXEMPTIONS = ("0", "0", "0", "0", "4", "1", "C", "7", "3", "5", "6", "9", "8")
PATHWAYS = ("T", "", "S", "S", "S", *"NROMDHUABJ", "Z")
QUALIFIERS = ("", "", "", "", "A", "A", "D", "E", "F", "G", "N", "Z")
ROLES = ("act", "act", "act", "act", "majoration", "forfait", "atd", "unknown")
LUNAR = ("0000", "0100", "1350", "5315", "9999", "0230", "0631")
# One in so many acts and invoices holds what no record can.
RARE = 60
OUT: dict[str, tuple[Any, ...]] = {
    "unit_price": (-1, 10**8, 2**40), "fees": (-1, 10**8), "base": (-1, 10**8), "rate": (-1, 101), "amo": (-7, 10**8), "amc": (-1, 2**62),
    "date": ("2026-02-30", "1969-12-31", "2070-01-01", "2026-1-01", ""), "quantity": (0, -1, 1000), "coefficient": (0, -100, 10**7),
}  # fmt: skip
# What no invoice on the wire may hold, and a Struct can.
CODES = ("", "g", "é", "GG", "G ", " G", "ABCDEFG", "ABCDEFGH", "HBLD6344", "É" * 7)
ODD: dict[str, tuple[Any, ...]] = {
    "act.code": CODES, "act.grouping": CODES, "act.exemption": ("44", "é", " "), "act.qualifier": ("NN", "é", " "),
    "act.teeth": (("99",), ("1",), ("",), ("11", "é1"), ("19", "11"), ("111",)),
    "executor.am": ("", "é", "ë", "A" * 9, "75000000", "0" * 10),
    "executor.specialty": ("", "1", "001", "é", "0é"), "amo.exemption": ("", "44", "é"), "amo.pathway": ("SS", "s", "é"),
    "amc.number": ("", "m", "12A", "0", "12345678901", "MM", "é"), "amc.contract_type": ("", "8", "089", "8é", "A9", "-1"),
}  # fmt: skip


class Menu:
    """What a pack offers to choose from."""

    def __init__(self, pack: Tariffs) -> None:
        self.pack = pack
        days = [day + DAY * by for day in pack.breakpoints() for by in (0, -1)]
        self.days = [day for day in days if FIRST <= day <= LAST]
        self.acts: dict[str, list[Any]] = {role: [row for row in pack.acts if row.role == role] for role in ROLES}
        named = {row.specialty for row in pack.acts} | {row.specialty for row in pack.prices}
        self.specialties = sorted(named - {""} | {"01", "22", "03", "99"})
        self.numbers = sorted({row.number for row in pack.contracts} - {"*"}) or ["0000000001"]
        self.types = sorted({row.contract_type for row in pack.contracts} - {"*"} | {"00", "42"})
        self.ages = sorted({age for row in pack.acts for age in (row.age_from, row.age_to) if age is not None} | {18})

    @cached_property
    def codes(self) -> set[str]:
        return {row.code for row in self.pack.prices}

    @cached_property
    def ccam(self) -> list[tuple[str, tuple[str, ...], int | None]]:
        """Codes of the CCAM with the teeth and the ceiling of a basket; those of a ceiling come more often."""
        found = [(row.code, row.teeth, row.cap) for row in self.pack.baskets for _ in range(1 if row.cap is None else 8)]
        found += [(row.code, (), None) for row in self.pack.prices if len(row.code) == 7 for _ in range(3)]
        return [*found, ("ZZZZ999", (), None)]


def executors(d: Draw, menu: Menu) -> list[Executor]:
    """Return who may do the acts of an invoice; two of them may be one person under two specialties."""
    found = [Executor(am=f"75000000{place}", specialty=d.pick(menu.specialties), condition="S") for place in range(1 + d.below(2))]
    return [*found, msgspec.structs.replace(found[0], specialty=d.pick(menu.specialties))] if d.once_in(10) else found


def day_of(d: Draw, menu: Menu) -> date:
    kind = d.below(8)
    if kind == 7:
        return FIRST + DAY * d.below((LAST - FIRST).days + 1)
    return d.pick(menu.days) if kind > 2 else date(2015, 1, 1) + DAY * d.below(4500)


def birth(d: Draw, menu: Menu, day: date) -> str:
    """Return a day of birth, often a birthday that matters to the rules, of any calendar or none."""
    if d.once_in(4):
        return f"{1900 + d.below(130)}{d.pick(LUNAR)}"
    year = day.year - d.pick((*menu.ages, d.below(100), d.pick(menu.ages) + 1))
    other = day + DAY * (d.below(3) - 1) if d.below(3) else day + DAY * d.below(365)
    return f"{year}{other.month:02d}{other.day:02d}"


def insurer(d: Draw, menu: Menu) -> Amc | None:
    kind = d.below(8)
    if kind == 0:
        return None
    if kind == 1:
        return Amc(number="M", contract_type=d.pick(menu.types))
    number = d.pick(menu.numbers) if kind < 5 else d.digits(10, 1)
    return Amc(number=number.lstrip("0") if d.below(2) else number, contract_type=d.pick(menu.types))


def written_on(d: Draw, day: date) -> str | None:
    """Return a day of writing: none, that of care, or about a year later."""
    if d.below(3) == 0:
        return None
    kind = d.below(6)
    later = min(LAST.year, day.year + d.pick((1, 1, 1, 2)))
    written = (day, day.replace(day=1) + DAY * 40, *(date(later, day.month, min(28, max(1, day.day + by))) for by in (0, 1, -1)), day - DAY)
    return str(max(FIRST, written[kind]))


def numbers(d: Draw, cap: int | None) -> dict[str, Any]:
    """Return how many, at what price and what is asked for them."""
    found: dict[str, Any] = {
        "quantity": d.pick((1, 1, 1, 1, 2, 3, 999)),
        "coefficient": d.pick((100, 100, 100, 100, 5999, 6000, 6001, 650)),
    }
    if d.once_in(12):
        found["coefficient"] = d.number(1, 10**7 - 1)
    if d.once_in(3):
        found["unit_price"] = d.pick((12_000, 11_999, 12_001, 12_540, d.below(6000), d.number(0, 10**8 - 1)))
    if d.once_in(3):
        asked = d.pick((3000, 0, 3500, 12_000, 50_000, d.below(20_000), d.number(0, 10**8 - 1)))
        found["fees"] = asked if cap is None or d.below(2) else max(0, cap * found["quantity"] + d.below(3) - 1)
        found["fees"] = min(found["fees"], 10**8 - 1)
    return found


def teeth_of(d: Draw, teeth: tuple[str, ...]) -> tuple[str, ...]:
    kind = d.below(4)
    if kind == 0:
        return ()
    own = teeth if teeth and kind < 3 else TOOTH
    return tuple(d.pick(own) for _ in range(1 + d.below(3)))


def act(d: Draw, menu: Menu, day: date, who: Executor) -> Act:
    role = d.pick(ROLES)
    rows = menu.acts[role]
    row = d.pick(rows) if rows else None
    is_ccam = row.kind == "ccam" if row is not None else d.once_in(3)
    code, teeth, cap = d.pick(menu.ccam) if is_ccam else (row.code if row is not None else d.pick(NEVER), (), None)
    if row is not None and row.specialty and d.below(2):
        who = msgspec.structs.replace(who, specialty=row.specialty)
    given = {
        "code": code, "date": str(day), "executor": who, "qualifier": d.pick(QUALIFIERS),
        "exemption": d.pick(EXEMPTIONS) if d.once_in(4) else "", **numbers(d, cap),
    }  # fmt: skip
    if row is None or code not in menu.codes:
        given.setdefault("unit_price", d.pick((3000, 12_000, 11_999, 12_540, d.below(20_000))))
    if row is None and d.below(8):
        given["rate"] = d.pick((100, 100, 70, 60, 0, d.below(101)))
    if role == "atd" and d.below(8):
        given["fees"] = d.pick((6000, 0, 1, d.below(30_000)))
    if d.once_in(RARE):
        name = d.pick(list(OUT))
        given[name] = d.pick(OUT[name])
    if is_ccam:
        grouping = row.code if row is not None else d.pick(NEVER)
        return UnpricedCcamAct(grouping=grouping, activity="1", teeth=teeth_of(d, teeth), **given)
    return UnpricedNgapAct(**given)


def invoice(d: Draw, menu: Menu) -> UnpricedInvoice:
    """Return an invoice whose acts leave out the amounts that the rules make."""
    day, people = day_of(d, menu), executors(d, menu)
    acts = []
    for _ in range(1 + d.pick((0, 0, 1, 1, 2, 2, 3, 5))):
        on = day if d.below(6) else d.pick((min(LAST, day + DAY), d.pick(menu.days)))
        acts.append(act(d, menu, on, people[0] if d.below(3) else d.pick(people)))
    born = birth(d, menu, day) if not d.once_in(4 * RARE) else d.pick(("", "1955081", "1955-814"))
    nature = d.pick(NATURES) if not d.once_in(4 * RARE) else d.pick((100, -1))
    found = UnpricedInvoice(
        number=1, biller="750000010", insured_nir=words.nir(d), beneficiary=Beneficiary(birth_date=born),
        amo=Amo(regime="01", caisse="751", centre="0000", nature=nature, exemption=d.pick(EXEMPTIONS), pathway=d.pick(PATHWAYS)),
        amc=insurer(d, menu), acts=tuple(acts), created_on=written_on(d, day) if not d.once_in(4 * RARE) else "2026-02-30",
    )  # fmt: skip
    return oddly(d, found) if d.once_in(RARE) else found


def oddly(d: Draw, found: UnpricedInvoice) -> UnpricedInvoice:
    """Put a text that is none of its kind in one place of an invoice, or in one place of each of its acts."""
    path = d.pick(list(ODD))
    owner, _, name = path.partition(".")
    if owner in ("act", "executor"):
        return msgspec.structs.replace(found, acts=tuple(odd_act(d, act, owner, name) for act in found.acts))
    part = getattr(found, owner)
    return found if part is None else msgspec.structs.replace(found, **{owner: msgspec.structs.replace(part, **{name: d.pick(ODD[path])})})


def odd_act(d: Draw, act: Act, owner: str, name: str) -> Act:
    odd = {name: d.pick(ODD[f"{owner}.{name}"])}
    if owner == "executor":
        return msgspec.structs.replace(act, executor=msgspec.structs.replace(act.executor, **odd))
    return msgspec.structs.replace(act, **odd) if hasattr(act, name) else act


def given_again(d: Draw, invoice: UnpricedInvoice, priced: PricedInvoice) -> Invoice | UnpricedInvoice:
    """Return the invoice with amounts that pricing found: all of them, some, or some that are beside them."""
    if d.below(3) == 0 and None not in priced.acts:
        return filled(invoice, priced)
    acts = tuple(one if found is None else with_amounts(d, one, found) for one, found in zip(invoice.acts, priced.acts, strict=True))
    return msgspec.structs.replace(invoice, acts=acts)


def with_amounts(d: Draw, one: Act, found: PricedAct) -> Act:
    names = [name for name in ("unit_price", "base", "rate", "amo", "fees", "amc") if d.below(2)]
    given = {name: getattr(found, name) for name in names}
    if d.below(2):
        name = d.pick(("amc", "amo", "base", "rate", "fees"))
        excess = max(0, found.fees - found.base)
        by = d.pick((1, -1, 100, excess, excess + 1, d.below(excess + 1), -1800, -2400, -3200))
        given[name] = max(0, getattr(found, name) + by)
        if name == "rate":
            given[name] = min(100, given[name])
    if leaves_flat(d, found):
        given |= {"amo": found.base - d.pick((2400, 3200, 1800)), "rate": 100}
    return msgspec.structs.replace(one, **{name: min(value, 10**8 - 1) for name, value in given.items()})


def leaves_flat(d: Draw, found: PricedAct) -> bool:
    """Say whether to leave the flat share of an act that has no row to the patient, as a centre may."""
    return found.act_row == 0 and found.base >= 3200 and d.below(2) == 0
