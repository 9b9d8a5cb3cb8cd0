# SPDX-License-Identifier: Apache-2.0
"""The kernel of pricing beside its twin over a block of generated invoices: what differs, and what was seen on the way.

Every comparison is of all amounts and all rows behind them, and of all faults in their order.
"""

from collections import Counter, defaultdict
from datetime import date
from typing import Any, NamedTuple, get_args

from desmos_fast.billing.pricing.model import AmcRule, PricedInvoice, PriceRule, PricingFault, RateRule
from desmos_fast.nomenclature.tariffs import Tariffs
from tests.billing.pricing.engines import Given, compiled, twin
from tests.billing.pricing.packs import SHIPPED, SMALL
from tests.generators.draw import Draw, seeded
from tests.generators.pricing_invoices import OUT, Menu, given_again, invoice
from tests.generators.pricing_packs import other_pack

MOST = 100
ROWS = ("act_row", "price_row", "rate_row", "cause_row", "path_rate_row", "forfait_row", "basket_row", "contract_row", "participation_row")
PARTS = ("forfait", "participation", "amo", "amc", "patient")
INVOICE_FIELDS = ("beneficiary.birth_date", "created_on", "amo.nature")
FAULTS = (
    ("amount_missing", "unit_price", "P2"), ("amount_missing", "fees", "P6"), ("amount_missing", "rate", "P7"),
    ("amount_mismatch", "base", "P5"), ("amount_mismatch", "base", "P6"), ("amount_mismatch", "rate", "P7"),
    ("amount_mismatch", "amo", "P10"), ("amount_mismatch", "amc", "P11"), ("excess_not_allowed", "fees", "P15"),
    ("fee_above_cap", "fees", "P14"), ("exemption_needed", "exemption", "P12"), ("age_not_covered", "code", "age"),
    ("line_order", "code", "order"), ("work_accident_only", "code", "order"), ("care_too_old", "date", "late"),
    *(("out_of_range", field, "range") for field in (*OUT, *INVOICE_FIELDS)),
)  # fmt: skip
WANTED = {
    *(f"{kind} {rule}" for kind, rules in (("price", PriceRule), ("rate", RateRule), ("amc", AmcRule)) for rule in get_args(rules) if rule),
    *(f"{part} above 0" for part in PARTS), *(f"{row} named" for row in ROWS), *(" ".join(fault) for fault in FAULTS),
    "act without amounts",
}  # fmt: skip


class Difference(NamedTuple):
    """An invoice of which kernel and twin do not say the same, and how it was priced."""

    invoice: Any
    options: dict[str, Any]
    expected: tuple[PricedInvoice, list[PricingFault]]
    actual: tuple[PricedInvoice, list[PricingFault]]


class Comparison:
    """Counts and differences of the blocks so far."""

    def __init__(self) -> None:
        self.invoices = self.acts = self.faults = self.different = 0
        self.seen: Counter[str] = Counter()
        self.differences: list[Difference] = []

    def block(self, invoices: Given, pack: Tariffs, options: dict[str, Any]) -> list[PricedInvoice]:
        """Price a block both ways; return what the twin says."""
        priced, faults = twin(invoices, pack, **options)
        others, other_faults = compiled(invoices, pack, **options)
        told, other_told = by_invoice(faults), by_invoice(other_faults)
        for place, (one, other) in enumerate(zip(priced, others, strict=True)):
            expected, actual = (one, told[place]), (other, other_told[place])
            if expected != actual:
                self.different += 1
                self.differences += [Difference(invoices[place], options, expected, actual)] if len(self.differences) < MOST else []
        self.look(priced, faults)
        return priced

    def look(self, priced: list[PricedInvoice], faults: list[PricingFault]) -> None:
        self.invoices += len(priced)
        self.faults += len(faults)
        self.seen.update(f"{each.code} {each.field} {each.rule}" for each in faults)
        for act in (act for one in priced for act in one.acts):
            self.acts += 1
            if act is None:
                self.seen["act without amounts"] += 1
                continue
            self.seen.update((f"price {act.price_rule}", f"rate {act.rate_rule}", f"amc {act.amc_rule}"))
            self.seen.update(f"{row} named" for row in ROWS if getattr(act, row))
            self.seen.update(f"{part} above 0" for part in PARTS if getattr(act, part))

    def lacks(self) -> list[str]:
        """Name what the rules know and that was never there."""
        return sorted(WANTED - set(self.seen))


def by_invoice(faults: list[PricingFault]) -> dict[int, list[PricingFault]]:
    found: dict[int, list[PricingFault]] = defaultdict(list)
    for fault in faults:
        found[fault.invoice].append(fault)
    return found


def options_of(d: Draw, menu: Menu) -> dict[str, Any]:
    """Return how a block is priced."""
    on = d.pick(menu.days) if d.once_in(5) else None
    return {"today": d.pick((date(2026, 11, 20), *menu.days)), "on": on, "allow_late": d.once_in(4)}


def pack_of(d: Draw) -> Tariffs:
    kind = d.below(6)
    base = SMALL if kind in (3, 4) else SHIPPED
    return base if kind < 4 else other_pack(d, base)


def compare(seed: int, count: int) -> Comparison:
    """Compare so many invoices, half of them those of the other half with amounts given."""
    c, d = Comparison(), seeded(seed)
    pack = pack_of(d)
    menu = Menu(pack)
    options = options_of(d, menu)
    fresh = [invoice(d, menu) for _ in range(count // 2)]
    priced = c.block(fresh, pack, options)
    c.block([given_again(d, one, found) for one, found in zip(fresh, priced, strict=True)], pack, options)
    return c
