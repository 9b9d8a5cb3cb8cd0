# SPDX-License-Identifier: Apache-2.0
"""The kernel of pricing under its meaning: a tariff pack laid out span by span, and what the kernel finds said in our words."""

import functools
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final, TypeVar

from desmos_fast.base.clock import paris_date, system_clock
from desmos_fast.billing import model
from desmos_fast.billing.pricing.model import (
    PricedAct,
    PricedInvoice,
    PricingFault,
    UnpricedAct,
    UnpricedCcamAct,
    UnpricedInvoice,
    UnpricedNgapAct,
)
from desmos_fast.nomenclature.model import Row
from desmos_fast.nomenclature.tariffs import Tariffs, load_tariffs
from ext import prices as kernel
from ext.prices import Prices
from ext.pricing import Pricer
from ext.tariffs import Tariffs as Compiled

ANY: Final = "*"
AMOUNTS: Final = ("unit_price", "base", "rate", "amo", "fees", "amc")
ACT_FIELDS: Final = PricedAct.__struct_fields__
AMOUNT_PLACES: Final = tuple((name, ACT_FIELDS.index(name)) for name in AMOUNTS)
# The rule of docs/reference/pricing.md behind a fault, by its code and, where it compares amounts, by its field.
RULES: Final = {
    ("amount_missing", "unit_price"): "P2", ("amount_missing", "fees"): "P6", ("amount_missing", "rate"): "P7",
    ("amount_mismatch", "base"): "P5", ("amount_mismatch", "rate"): "P7", ("amount_mismatch", "amo"): "P10",
    ("amount_mismatch", "amc"): "P11", ("excess_not_allowed", "fees"): "P15", ("fee_above_cap", "fees"): "P14",
    ("exemption_needed", "exemption"): "P12", ("age_not_covered", "code"): "age", ("line_order", "code"): "order",
    ("work_accident_only", "code"): "order", ("care_too_old", "date"): "late",
}  # fmt: skip
Priceable = model.Invoice | UnpricedInvoice
R = TypeVar("R", bound=Row)


class Priced(Sequence[PricedInvoice]):
    """What a block of invoices is worth, said invoice by invoice when asked, and all their faults."""

    def __init__(self, invoices: tuple[Priceable, ...], prices: Prices) -> None:
        self._invoices = invoices
        self._prices = prices
        self.faults = [_fault(*told) for told in faults] if (faults := prices.faults) else []

    def __len__(self) -> int:
        return self._prices.count

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        place = range(self._prices.count)[place]
        acts = tuple([None if row is None else PricedAct(*row) for row in self._prices.acts(place)])
        total = amo = amc = patient = participation = 0
        for act in acts:
            if act is not None:
                total += act.fees
                amo += act.amo
                amc += act.amc
                patient += act.patient
                participation += act.participation
        return PricedInvoice(acts=acts, total=total, amo=amo, amc=amc, patient=patient, participation=participation)

    def wanted(self, place: int, instead: tuple[str, ...]) -> dict[int, str]:
        """Return by act of an invoice what `instead` has by the number of the row of its basket, without those of which it has nothing."""
        return self._prices.wanted(place, instead)

    def quoted(self, place: int, acts: tuple[Any, ...], shown: tuple[Any, ...], others: dict[int, Any]) -> tuple[Any, ...]:
        """Return what a quote says of an invoice: its acts, the first of the last days of their rows, and the sums of a PricedInvoice."""
        return self._prices.quoted(place, acts, shown, others)

    def filled(self, place: int) -> model.Invoice:
        """Return an invoice with the amounts that it lacked. Raises ValueError when one of its acts has none."""
        invoice = self._invoices[place]
        worth = self._prices.acts(range(len(self))[place])
        if None in worth:
            raise ValueError("an act has no amounts: look at the faults")
        values = {name: getattr(invoice, name) for name in model.Invoice.__struct_fields__}
        values["acts"] = tuple(_filled(act, found) for act, found in zip(invoice.acts, worth, strict=True) if found is not None)
        return model.Invoice(**values)


def price(
    invoices: Sequence[Priceable],
    *,
    tariffs: Tariffs | None = None,
    on: date | None = None,
    today: date | None = None,
    allow_late: bool = False,
) -> Priced:
    """Price a block of invoices in one call: by the pack in use, or by `tariffs`; as if every act were on a day, with `on`.

    `today` is the day of pricing, in Paris, for invoices without `created_on`.
    """
    block = tuple(invoices)
    pricer = _pricer(tariffs or load_tariffs())
    day = today or paris_date(system_clock())
    return Priced(block, pricer.price(block, _number(on) if on else 0, _number(day), allow_late or on is not None))


def _filled(act: model.Act | UnpricedAct, worth: tuple[Any, ...]) -> model.NgapAct | model.CcamAct:
    kind = model.CcamAct if isinstance(act, model.CcamAct | UnpricedCcamAct) else model.NgapAct
    values = {name: getattr(act, name) for name in kind.__struct_fields__}
    values.update({name: worth[place] for name, place in AMOUNT_PLACES})
    return kind(**values)


def _fault(invoice: int, act: int, code: int, field: int, given: int, expected: int, atd: bool) -> PricingFault:
    name, path = kernel.CODES[code], kernel.FIELDS[field]
    rule = "P6" if atd and (name, path) == ("amount_mismatch", "base") else RULES.get((name, path), "range")
    return PricingFault(
        invoice=invoice, act=act, code=name, field=path, rule=rule,
        given=given if given >= 0 else None, expected=expected if expected >= 0 else None,
    )  # fmt: skip


@functools.lru_cache(maxsize=8)
def _pricer(tariffs: Tariffs) -> Pricer:
    """Compile a pack, once while it is in use."""
    return Pricer(
        Compiled(tuple((_number(day), _tables(tariffs, day)) for day in tariffs.breakpoints())),
        (model.Invoice, UnpricedInvoice),
        (model.NgapAct, model.CcamAct, UnpricedNgapAct, UnpricedCcamAct),
        (model.Beneficiary, model.Amo, model.Amc, model.Executor),
    )


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _tables(tariffs: Tariffs, day: date) -> tuple[Any, ...]:
    """Return the rows in force on a day as the kernel takes them, each with its number."""

    def force(rows: tuple[R, ...]) -> Iterator[tuple[R, int]]:
        return ((row, tariffs.number(row)) for row in rows if row.in_force(day))

    categories = {row.category: place for place, (row, _) in enumerate(force(tariffs.categories))}
    # Of rows for the same code, one for a specialty comes before one for any.
    acts = sorted(force(tariffs.acts), key=lambda found: not found[0].specialty)
    prices = sorted(force(tariffs.prices), key=lambda found: not found[0].specialty)
    return (
        tuple(
            tuple(
                (row.code, row.specialty, categories[row.category], row.role, _or_none(row.age_from), _or_none(row.age_to), number)
                for row, number in acts if row.kind == kind
            )
            for kind in ("ngap", "ccam")
        ),
        tuple((row.code, row.specialty, row.unit_price, number) for row, number in prices),
        tuple(
            (row.heavy, row.participation, row.excess_free, row.category == "ebd", number) for row, number in force(tariffs.categories)
        ),
        tuple((categories[row.category], row.nature, row.off_path, row.rate, number) for row, number in force(tariffs.rates)),
        tuple((row.nature, row.full, row.local, number) for row, number in force(tariffs.natures)),
        tuple((row.code, row.effect, number) for row, number in force(tariffs.exemptions)),
        tuple((row.code, row.off_path, number) for row, number in force(tariffs.pathways)),
        tuple((row.code, row.effect, number) for row, number in force(tariffs.qualifiers)),
        tuple((row.code, row.teeth, row.basket, _or_none(row.cap), number) for row, number in force(tariffs.baskets)),
        tuple(
            (
                -1 if row.number == ANY else int(row.number), -1 if row.contract_type == ANY else int(row.contract_type), row.kind,
                row.responsible, row.tm_percent, row.forfait, row.basket, row.excess_percent, row.excess_ceiling, number,
            )
            for row, number in force(tariffs.contracts)
        ),
        tuple((row.key, row.value, number) for row, number in force(tariffs.values)),
    )  # fmt: skip


def _or_none(number: int | None) -> int:
    return -1 if number is None else number
