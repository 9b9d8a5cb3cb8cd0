# SPDX-License-Identifier: Apache-2.0
"""What holds of every priced invoice, whatever the pack, shown on the kernel alone."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from desmos_fast.billing.model import Executor
from desmos_fast.billing.pricing import kernel
from desmos_fast.billing.pricing.kernel import Priced
from desmos_fast.billing.pricing.model import PricedAct, PricingFault, UnpricedInvoice
from tests.billing.pricing.engines import AMOUNTS, TODAY, change
from tests.billing.pricing.packs import SHIPPED, SMALL
from tests.generators import pricing_invoices
from tests.generators.draw import drawn, seeded
from tests.generators.pricing_invoices import Menu, invoice
from tests.generators.pricing_packs import other_pack

PACKS = [SMALL, SHIPPED, *(other_pack(seeded(seed), SMALL) for seed in range(4))]
MENUS = [Menu(pack) for pack in PACKS]
QUIET = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
# The place of a pack in PACKS, and an invoice made for it.
Case = tuple[int, UnpricedInvoice]
TOO_MUCH = 10**8
DAYS = st.dates(date(2011, 1, 1), date(2030, 12, 31))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    d = drawn(draw)
    pack = d.below(len(PACKS))
    return pack, invoice(d, MENUS[pack])


@st.composite
def single_acts(draw: st.DrawFn) -> Case:
    """An invoice of one act, whose amounts are left out."""
    pack, found = draw(cases())
    act = msgspec.structs.replace(found.acts[0], unit_price=None, base=None, rate=None, amo=None, fees=None, amc=None)
    return pack, msgspec.structs.replace(found, acts=(act,))


@st.composite
def ordinary_acts(draw: st.DrawFn) -> tuple[Case, list[int]]:
    """An invoice of acts that stand alone, each of an executor of its own, and another order of them."""
    d = drawn(draw)
    pack, found = draw(cases())
    menu = MENUS[pack]
    people = [Executor(am=f"75000010{place}", specialty=d.pick(menu.specialties), condition="S") for place in range(4)]
    acts = [pricing_invoices.act(d, menu, date(2024, 1, 1), who) for who in people]
    others = {row.code for row in menu.pack.acts if row.role != "act"}
    alone = tuple(act for act in acts if act.code not in others and getattr(act, "grouping", "") not in others)
    assume(len(alone) > 1)
    return (pack, msgspec.structs.replace(found, acts=alone)), draw(st.permutations(range(len(alone))))


def price(invoices: Sequence[Any], pack: int, **options: Any) -> Priced:
    return kernel.price(invoices, tariffs=PACKS[pack], today=TODAY, **options)


def at(unit_price: int, case: Case, **given: Any) -> PricedAct:
    """Return what the act is worth at a price."""
    pack, found = case
    act: PricedAct | None = price([change(found, unit_price=unit_price, **given)], pack)[0].acts[0]
    assume(act is not None)
    assert act is not None
    return act


@QUIET
@given(cases())
def test_who_bears_what_adds_up_to_the_fees_and_nothing_is_negative(case: Case) -> None:
    pack, found = case
    [priced] = price([found], pack)
    acts = [act for act in priced.acts if act is not None]
    for act in acts:
        assert act.amo + act.amc + act.patient == act.fees
        assert min(getattr(act, name) for name in ("unit_price", "tariff", "base", "rate", "amo", "fees", "amc", "patient")) >= 0
        assert min(act.forfait, act.participation) >= 0
        assert act.amo + act.forfait <= act.base
        assert act.base <= act.fees or act.rate_rule == "unreimbursed"
    assert (priced.total, priced.amo, priced.amc, priced.patient, priced.participation) == tuple(
        sum(getattr(act, name) for act in acts) for name in ("fees", "amo", "amc", "patient", "participation")
    )


@QUIET
@given(single_acts(), st.integers(0, 20_000), st.integers(1, 3000))
def test_a_higher_price_never_lowers_a_share(case: Case, unit_price: int, more: int) -> None:
    """Where fees are left out, and the higher price does not make the act heavy: the flat share then takes the place of the remainder."""
    low, high = at(unit_price, case), at(unit_price + more, case)
    assume((low.rate_rule == "heavy") == (high.rate_rule == "heavy"))
    assert low.amo <= high.amo
    assert low.amc <= high.amc
    assert low.fees <= high.fees


@QUIET
@given(single_acts(), st.integers(0, 20_000), st.integers(1, 3000), st.integers(0, 30_000))
def test_a_higher_price_under_given_fees_never_lowers_the_compulsory_share(case: Case, unit_price: int, more: int, fees: int) -> None:
    """The complementary share may fall there: what was excess, and covered, is then base."""
    low, high = at(unit_price, case, fees=fees), at(unit_price + more, case, fees=fees)
    assume((low.rate_rule == "heavy") == (high.rate_rule == "heavy"))
    assert low.amo <= high.amo
    assert low.fees == high.fees


@QUIET
@given(ordinary_acts())
def test_acts_of_different_executors_are_priced_alike_in_any_order(case: tuple[Case, list[int]]) -> None:
    (pack, found), order = case
    moved = msgspec.structs.replace(found, acts=tuple(found.acts[place] for place in order))
    before, after = price([found], pack), price([moved], pack)
    assert after[0].acts == tuple(before[0].acts[place] for place in order)
    assert sorted(map(repr, after.faults)) == sorted(
        repr(msgspec.structs.replace(each, act=order.index(each.act) if each.act >= 0 else -1)) for each in before.faults
    )


def but_mismatches(faults: Sequence[PricingFault]) -> list[PricingFault]:
    return [each for each in faults if each.code != "amount_mismatch"]


@QUIET
@given(cases())
def test_a_priced_invoice_is_right(case: Case) -> None:
    """Priced again it has the same amounts, and of its faults those that are not of amounts; unless it is worth what no record holds."""
    pack, found = case
    first = price([found], pack)
    assume(all(act is not None and max(act.fees, act.base) < TOO_MUCH for act in first[0].acts))
    again = price([first.filled(0)], pack)
    for act, other in zip(first[0].acts, again[0].acts, strict=True):
        for name in (*AMOUNTS, "patient", "forfait", "participation"):
            assert getattr(act, name) == getattr(other, name)
    assert again.faults == but_mismatches(first.faults)


@QUIET
@given(cases(), DAYS)
def test_what_if_is_the_invoice_with_other_dates_never_too_late(case: Case, day: date) -> None:
    pack, found = case
    acts = tuple(msgspec.structs.replace(act, date=str(day)) for act in found.acts)
    asked, other = price([found], pack, on=day), price([msgspec.structs.replace(found, acts=acts)], pack, allow_late=True)
    assert (list(asked), asked.faults) == (list(other), other.faults)


@QUIET
@given(st.lists(cases(), min_size=1, max_size=4))
def test_an_invoice_is_priced_alike_alone_and_in_a_block(found: list[Case]) -> None:
    pack, _ = found[0]
    invoices = [each for _, each in found]
    block = price(invoices, pack)
    for place, each in enumerate(invoices):
        alone = price([each], pack)
        assert alone[0] == block[place]
        told = [msgspec.structs.replace(fault, invoice=place) for fault in alone.faults]
        assert told == [fault for fault in block.faults if fault.invoice == place]
