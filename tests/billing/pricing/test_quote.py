# SPDX-License-Identifier: Apache-2.0
"""What a quote shows is what stands in the rows that made it."""

import dataclasses
from collections.abc import Iterator
from datetime import date

import msgspec
import pytest

from desmos_fast.billing.pricing import kernel
from desmos_fast.billing.pricing.codec import price_block
from desmos_fast.billing.pricing.kernel import Priceable
from desmos_fast.billing.pricing.model import PricedInvoice
from desmos_fast.billing.pricing.phrases import BASKETS
from desmos_fast.billing.pricing.quote import Quote, quotes
from desmos_fast.nomenclature.model import ActRow, BasketRow
from desmos_fast.nomenclature.tariffs import Tariffs
from tests.billing.pricing.packs import SHIPPED
from tests.billing.pricing.visits import C2S, ccam, ngap, visit

TODAY = date(2026, 11, 26)
FREE, MODERATED, WHOLLY_PAID = "HBLD403", "HBLD724", "HBLD680"
VISITS = [
    visit(ngap("C"), ngap("MN")),
    visit(ngap("G", fees=3000), third_party="amo"),
    visit(ngap("ZZ", unit_price=500, rate=70)),
    visit(ccam(FREE, "PFC", fees=80000, unit_price=12000, teeth=("11",)), ngap("C"), third_party="none"),
    visit(ccam(WHOLLY_PAID, "PFC", unit_price=12000, teeth=("11",)), amc=C2S),
    *(visit(ccam(code, "PFC", unit_price=12000, fees=12000, teeth=("36",))) for code in (FREE, MODERATED, WHOLLY_PAID)),
    *(visit(ngap("C", day=day)) for day in ("2023-04-30", "2023-11-01", "2025-01-01")),
]


def quoted(tariffs: Tariffs, on: date | None = None) -> Iterator[tuple[Quote, Priceable, PricedInvoice]]:
    """Give the quote of each of the visits that has one, with what was entered and what it is worth."""
    data = b"\n".join(map(msgspec.json.encode, VISITS))
    block = price_block(data, tariffs, today=TODAY, on=on, allow_late=True)
    for entry, made in quotes(block):
        entered = VISITS[entry.line - 1]
        yield made, entered, kernel.price([entered], tariffs=tariffs, on=on, today=TODAY, allow_late=True)[0]


def check(tariffs: Tariffs, made: Quote, entered: Priceable, worth: PricedInvoice) -> None:
    rows = []
    for act, given, found in zip(made.acts, entered.acts, worth.acts, strict=True):
        assert found is not None
        used = {number for name, number in msgspec.structs.asdict(found).items() if name.endswith("_row") and number}
        rows += [tariffs.rows[number - 1] for number in used]
        own = tariffs.rows[found.act_row - 1] if found.act_row else None
        basket = tariffs.rows[found.basket_row - 1] if found.basket_row else None
        assert (act.code, act.date, act.teeth) == (given.code, given.date, getattr(given, "teeth", ()))
        assert act.label == (own.label if isinstance(own, ActRow) else "")
        shown = act.basket and (act.basket.basket, act.basket.name, act.basket.cap)
        assert shown == ((basket.basket, BASKETS[basket.basket], basket.cap) if isinstance(basket, BasketRow) else None)
        other = basket.alternative if isinstance(basket, BasketRow) and basket.basket != "rac0" else ""
        assert (act.alternative.code if act.alternative else "") == other
        told = act.shares
        assert (told.fees, told.base, told.rate) == (found.fees, found.base, found.rate)
        assert (told.amo, told.amc, told.patient) == (found.amo, found.amc, found.patient)
    assert made.valid_until == min((row.until for row in rows if row.until is not None), default=None)
    third = {"full": made.amo + made.amc, "amo": made.amo, "none": 0}[entered.third_party]
    assert (made.total, made.desk) == (worth.total, worth.total - third)


def test_a_quote_shows_the_rows_that_made_it() -> None:
    seen = []
    for on in (None, date(2023, 10, 14)):
        for made, entered, worth in quoted(SHIPPED, on):
            check(SHIPPED, made, entered, worth)
            seen.append(made)
    acts = [act for made in seen for act in made.acts]
    assert {act.basket.basket for act in acts if act.basket} == {"rac0", "moderated", "free"}
    assert any(made.valid_until for made in seen) and not all(made.valid_until for made in seen)
    assert any(act.alternative for act in acts) and not all(act.alternative for act in acts)
    assert any(act.label for act in acts) and not all(act.label for act in acts)


def test_nothing_is_proposed_instead_of_what_leaves_nothing_to_pay() -> None:
    baskets = tuple(msgspec.structs.replace(row, alternative=FREE) if row.basket == "rac0" else row for row in SHIPPED.baskets)
    odd = dataclasses.replace(SHIPPED, baskets=baskets)
    found = [act for made, *_ in quoted(odd) for act in made.acts if act.basket and act.basket.basket == "rac0"]
    assert found and not any(act.alternative for act in found)


def test_each_pack_shows_its_own_rows() -> None:
    acts = tuple(msgspec.structs.replace(row, label="Autre acte") if row.code == "C" else row for row in SHIPPED.acts)
    other = dataclasses.replace(SHIPPED, acts=acts)
    for tariffs, label in (
        (SHIPPED, "Consultation de médecin"),
        (other, "Autre acte"),
        (SHIPPED, "Consultation de médecin"),
    ):
        assert {act.label for made, *_ in quoted(tariffs) for act in made.acts if act.code == "C"} == {label}


def test_the_kernel_takes_the_acts_of_the_invoice_alone() -> None:
    block = price_block(msgspec.json.encode(VISITS[0]), SHIPPED, today=TODAY, allow_late=True)
    nothing = ("",) * (len(SHIPPED.rows) + 1)
    assert block.priced.wanted(0, nothing) == {}
    for wrong in (1, -1):
        with pytest.raises(IndexError):
            block.priced.wanted(wrong, nothing)
        with pytest.raises(IndexError):
            block.priced.quoted(wrong, VISITS[0].acts, (tuple, tuple, nothing, nothing, nothing), {})
    for acts in ((), VISITS[0].acts[:1], VISITS[0].acts * 2):
        with pytest.raises(ValueError, match="acts"):
            block.priced.quoted(0, acts, (tuple, tuple, nothing, nothing, nothing), {})
    with pytest.raises(IndexError):
        block.priced.wanted(0, ())
