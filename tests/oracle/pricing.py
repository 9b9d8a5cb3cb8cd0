# SPDX-License-Identifier: Apache-2.0
"""The twin of pricing: one invoice after the other, one rule after the other, after docs/reference/pricing.md alone."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from desmos_fast.billing.pricing.model import AmcRule, PricedAct, PricedInvoice, PriceRule, PricingFault, RateRule
from tests.oracle import pricing_checks
from tests.oracle.pricing_rows import Book, Line, Tables


class Unpriced(Exception):
    """An act has no amounts: code, field and rule of the fault, or nothing where another act's says why."""


class Asked(NamedTuple):
    """P2 to P6: what the act costs, what is asked for it, and what counts."""

    unit_price: int
    tariff: int
    fees: int
    base: int
    price_rule: PriceRule
    price_row: int


class Rate(NamedTuple):
    """P7: the rate, and the row behind it."""

    rate: int
    rule: RateRule
    rate_row: int = 0
    cause_row: int = 0


class Share(NamedTuple):
    """P11: the two parts of the complementary share."""

    rule: AmcRule
    of_tm: int = 0
    of_excess: int = 0
    path_rate_row: int = 0


def half_up(a: int, b: int) -> int:
    return (2 * a + b) // (2 * b)


def price(
    invoices: Iterable[Any], tariffs: Tables, *, on: date | None = None, today: date, allow_late: bool = False
) -> tuple[list[PricedInvoice], list[PricingFault]]:
    """Price invoices, and tell all their faults."""
    book, priced, faults = Book(tariffs), [], []
    for place, invoice in enumerate(invoices):
        wrong = pricing_checks.invoice_out_of_range(invoice)
        if wrong:
            faults.append(PricingFault(invoice=place, act=-1, code="out_of_range", field=wrong, rule="range"))
            priced.append(summed([None] * len(invoice.acts)))
            continue
        visit = Visit(book, place, invoice, on)
        written = date.fromisoformat(invoice.created_on) if invoice.created_on else today
        for line in visit.lines:
            visit.price(line, None if allow_late or on is not None else written)
        priced.append(summed(visit.priced))
        faults += visit.faults
    return priced, faults


def summed(acts: list[PricedAct | None]) -> PricedInvoice:
    def total(name: str) -> int:
        return sum(getattr(act, name) for act in acts if act is not None)

    return PricedInvoice(
        acts=tuple(acts), total=total("fees"), amo=total("amo"), amc=total("amc"), patient=total("patient"),
        participation=total("participation"),
    )  # fmt: skip


class Visit:
    """One invoice, and what its acts have taken so far of what is counted once or up to a limit in a day."""

    def __init__(self, book: Book, place: int, invoice: Any, on: date | None) -> None:
        self.book, self.place = book, place
        self.on = on
        self.lines = [Line(book, invoice, act, on or pricing_checks.day_of(act.date) or date.min) for act in invoice.acts]
        self.priced: list[PricedAct | None] = []
        self.faults: list[PricingFault] = []
        self.left_flat: set[tuple[str, date]] = set()
        self.taken: Counter[tuple[str, date]] = Counter()

    def fault(self, code: str, field: str, rule: str, given: int | None = None, expected: int | None = None) -> None:
        found = PricingFault(
            invoice=self.place, act=len(self.priced), code=code, field=field, given=given, expected=expected, rule=rule
        )  # fmt: skip
        self.faults.append(found)

    def price(self, line: Line, written: date | None) -> None:
        """Price the next line, and tell its faults."""
        try:
            self.look(line)
            asked = self.complement(line) if line.role == "atd" else self.asked(line)
            rate = self.rate(line, asked)
        except Unpriced as why:
            if why.args:
                self.fault(*why.args)
            self.priced.append(None)
            return
        forfait, forfait_row = self.flat_share(line, asked, rate)
        amo = half_up(asked.base * rate.rate, 100) - forfait
        excess = max(0, asked.fees - asked.base)
        share = self.share(line, asked.base, asked.base - amo, excess, rate, forfait)
        amc = share.of_tm + share.of_excess
        if may_be_more(line, share) and line.act.amc is not None and amc <= line.act.amc <= share.of_tm + excess:
            amc = line.act.amc
        participation, participation_row = self.participation(line, rate)
        self.mismatch("base", line.act.base, asked.base, "P6" if line.role == "atd" else "P5")
        self.mismatch("rate", line.act.rate, rate.rate, "P7")
        self.mismatch("amo", line.act.amo, amo, "P10")
        self.mismatch("amc", line.act.amc, amc, "P11")
        is_covered, is_too_soon = share.of_excess == excess, rate.rule == "exempt_act" and self.is_too_soon(line)
        for found in pricing_checks.faults(self.book, self.lines, len(self.priced), asked, rate.rule, is_covered, is_too_soon, written):
            self.fault(*found)
        self.priced.append(PricedAct(
            unit_price=asked.unit_price, tariff=asked.tariff, base=asked.base, rate=rate.rate, amo=amo, fees=asked.fees, amc=amc,
            patient=asked.fees - amo - amc, forfait=forfait, participation=participation, price_rule=asked.price_rule,
            rate_rule=rate.rule, amc_rule=share.rule, act_row=self.book.number(line.row), price_row=asked.price_row,
            rate_row=rate.rate_row, cause_row=rate.cause_row, path_rate_row=share.path_rate_row, forfait_row=forfait_row,
            basket_row=self.book.number(line.basket), contract_row=self.book.number(line.contract), participation_row=participation_row,
        ))  # fmt: skip

    def look(self, line: Line) -> None:
        wrong = pricing_checks.act_out_of_range(line.act, self.on)
        if wrong:
            raise Unpriced("out_of_range", wrong, "range")

    def mismatch(self, field: str, given: int | None, expected: int, rule: str) -> None:
        if given is not None and given != expected:
            self.fault("amount_mismatch", field, rule, given, expected)

    def asked(self, line: Line) -> Asked:
        """P2 to P5."""
        act, row = line.act, line.price_row(self.book)
        if act.unit_price is None and row is None:
            raise Unpriced("amount_missing", "unit_price", "P2")
        unit_price = row.unit_price if act.unit_price is None else act.unit_price
        gross = half_up(unit_price * act.coefficient * act.quantity, 100)
        fees = (0 if line.effect() == "free" else gross) if act.fees is None else act.fees
        base = gross if line.is_unreimbursed else min(gross, fees)
        rule: PriceRule = "row" if act.unit_price is None else "given"
        return Asked(unit_price, half_up(unit_price * act.coefficient, 100), fees, base, rule, self.book.number(row))

    def complement(self, line: Line) -> Asked:
        """P6."""
        own = [priced for before, priced in zip(self.lines, self.priced, strict=False) if before.role in ("act", "unknown")]
        if own and own[-1] is None:
            raise Unpriced
        if line.act.fees is None:
            raise Unpriced("amount_missing", "fees", "P6")
        most = half_up(own[-1].base * self.book.value(line.day, "atd_percent"), 100) if own and own[-1] else 0
        base = min(line.act.fees, most)
        if line.act.unit_price is None:
            return Asked(base, base, line.act.fees, base, "atd", 0)
        return Asked(line.act.unit_price, base, line.act.fees, base, "given", 0)

    def is_heavy(self, line: Line, asked: Asked) -> bool:
        """P8."""
        if not line.category_is("forfait", "exempt"):
            return False
        by_coefficient = not line.is_ccam and line.act.coefficient >= self.book.threshold(line.day, "heavy_act_coefficient")
        return by_coefficient or asked.tariff >= self.book.threshold(line.day, "heavy_act_base")

    def is_too_soon(self, line: Line) -> bool:
        """Order: whether an act that the threshold exempts stands before the first heavy one of its executor and day."""
        near = [other for other in self.lines if other.role == "act" and (other.who, other.day) == (line.who, line.day)]
        first = next((other for other in near if self.is_exempting(other)), None)
        return line.role == "act" and first is not None and self.lines.index(line) < self.lines.index(first)

    def is_exempting(self, line: Line) -> bool:
        try:
            self.look(line)
            return self.rate(line, self.asked(line)).rule == "heavy"
        except Unpriced:
            return False

    def rate(self, line: Line, asked: Asked) -> Rate:
        """P7."""
        book, exemption = self.book, line.exemption
        if line.is_unreimbursed:
            return Rate(0, "unreimbursed", cause_row=book.number(line.qualifier))
        if line.nature_row is not None and line.nature_row.full:
            return Rate(100, "nature", cause_row=book.number(line.nature_row))
        if exemption is not None and exemption.effect == "full":
            return Rate(100, "exemption", cause_row=book.number(exemption))
        if self.is_heavy(line, asked):
            return Rate(100, "heavy", cause_row=book.number(line.category))
        if exemption is not None and exemption.effect == "heavy":
            return Rate(100, "exempt_act", cause_row=book.number(exemption))
        if line.row is not None and line.row.category == "ebd" and not line.has_amc:
            return Rate(100, "dental_check", cause_row=book.number(line.category))
        row = self.rate_row(line, line.off_path)
        if row is not None:
            return Rate(row.rate, "row", rate_row=book.number(row))
        if line.act.rate is None:
            raise Unpriced("amount_missing", "rate", "P7")
        return Rate(line.act.rate, "given")

    def rate_row(self, line: Line, off_path: bool) -> Any:
        return None if line.row is None else self.book.find(line.day, "rates", line.row.category, line.nature, off_path)

    def flat_share(self, line: Line, asked: Asked, rate: Rate) -> tuple[int, int]:
        """P9: what is left outside the compulsory share, and the row of that amount when it is above 0."""
        row, day = self.book.find(line.day, "values", "forfait_heavy_act"), (line.who, line.day)
        flat = 0 if row is None else min(asked.base, row.value)
        if (line.nature_row is not None and line.nature_row.local) or day in self.left_flat or flat == 0:
            return 0, 0
        leaves = rate.rule == "heavy" and line.category_is("forfait")
        if line.role == "unknown" and rate.rule in ("exempt_act", "given") and rate.rate == 100 and line.act.amo == asked.base - flat:
            leaves = asked.tariff >= self.book.threshold(line.day, "heavy_act_base")
        if not leaves:
            return 0, 0
        self.left_flat.add(day)
        return flat, self.book.number(row)

    def share(self, line: Line, base: int, tm: int, excess: int, rate: Rate, forfait: int) -> Share:
        """P11, rules 1 to 4."""
        contract = line.contract
        if contract is None:
            return Share("none")
        if line.is_unreimbursed:
            return Share("unreimbursed")
        rule: AmcRule = "contract"
        covered, path_rate = tm, None
        if rate.rule == "row" and line.off_path and contract.responsible:
            path_rate = self.rate_row(line, False)
            rule, covered = "off_path", min(tm, base - half_up(base * (0 if path_rate is None else path_rate.rate), 100))
        elif forfait > 0 and not contract.forfait:
            rule, covered = "forfait_left", 0
        of_excess = min(half_up(excess * contract.excess_percent, 100), contract.excess_ceiling)
        if line.basket is not None and line.basket.basket == "rac0" and contract.basket:
            of_excess = excess
        return Share(rule, half_up(covered * contract.tm_percent, 100), of_excess, self.book.number(path_rate))

    def participation(self, line: Line, rate: Rate) -> tuple[int, int]:
        """P13: what the caisse takes from the patient, and the row of that amount when it is above 0."""
        row = self.book.find(line.day, "values", "participation_per_act")
        due = line.role == "act" and line.category is not None and line.category.participation
        if not due or row is None or rate.rule == "heavy" or rate.rate == 0:
            return 0, 0
        if line.age < self.book.value(line.day, "participation_age") or line.nature in (30, 41) or line.contract_is("c2s", "ame"):
            return 0, 0
        left = self.book.value(line.day, "participation_per_day") - self.taken[line.who, line.day]
        amount = max(0, min(row.value, left))
        self.taken[line.who, line.day] += amount
        return amount, self.book.number(row) if amount else 0


def may_be_more(line: Line, share: Share) -> bool:
    """P11, rule 5: under an assumed ordinary contract the insurer may have promised more."""
    contract = line.contract
    return contract is not None and contract.kind == "ordinary" and contract.number == "*" and share.rule != "unreimbursed"
