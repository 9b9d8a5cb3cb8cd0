# SPDX-License-Identifier: Apache-2.0
"""The rules of pricing one by one: what each makes of an act, and the rows that it names."""

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from desmos_fast.billing.model import Amc
from desmos_fast.billing.pricing import kernel
from desmos_fast.billing.pricing.model import PricedAct, UnpricedInvoice
from tests.billing.pricing.engines import TODAY, Engine, change
from tests.billing.pricing.packs import SMALL
from tests.billing.pricing.visits import (
    C2S,
    CHILD,
    DENTIST,
    MUTUAL,
    OTHER_DOCTOR,
    SPECIALIST,
    ccam,
    ngap,
    visit,
)  # fmt: skip

HEAVY = ccam("JQGD010", "ADC", executor=SPECIALIST)
LIGHT = ccam("LFQK002", "ADC", executor=SPECIALIST, unit_price=11999)
EXEMPT = ccam("LFQK002", "ATM", executor=SPECIALIST)
UNKNOWN = ngap("ZZ", unit_price=12000, rate=100)
LEAVES_FLAT = Amc(number="0099000013")
HALF = Amc(number="99000021")
THIRD = Amc(number="0099000021", contract_type="02")
OWN_WAY = Amc(number="0099000039", contract_type="01")


def one(price: Engine, invoice: UnpricedInvoice, place: int = -1, **options: Any) -> PricedAct:
    [priced], _ = price([invoice], SMALL, **options)
    act = priced.acts[place]
    assert act is not None
    return act


def row(number: int) -> dict[str, Any]:
    """Return the columns of a row of the pack."""
    return msgspec.structs.asdict(SMALL.rows[number - 1])


def says(act: PricedAct, **expected: Any) -> bool:
    found = {name: getattr(act, name) for name in expected}
    assert found == expected
    return True


RATES: dict[str, tuple[UnpricedInvoice, dict[str, Any], dict[str, Any]]] = {
    "not reimbursed": (visit(ngap(qualifier="N"), exemption="4"), {"rate": 0, "rate_rule": "unreimbursed", "amc": 0}, {"code": "N"}),
    "free": (
        visit(ngap(qualifier="G"), exemption="4"),
        {"rate": 0, "rate_rule": "unreimbursed", "fees": 0, "base": 3000, "patient": 0}, {"code": "G"},
    ),
    "free, and several": (visit(ngap(qualifier="G", quantity=3)), {"rate": 0, "fees": 0, "base": 9000, "patient": 0}, {"code": "G"}),
    "free, and asked for all the same": (visit(ngap(qualifier="G", fees=3000)), {"rate": 0, "amo": 0, "patient": 3000}, {"code": "G"}),
    "not reimbursed, though maternity": (visit(ngap(qualifier="N"), nature=30), {"rate": 0, "amc_rule": "unreimbursed"}, {"code": "N"}),
    "maternity": (visit(nature=30), {"rate": 100, "rate_rule": "nature", "participation": 0}, {"nature": 30}),
    "work accident": (visit(nature=41, exemption="4"), {"rate": 100, "rate_rule": "nature", "participation": 0}, {"nature": 41}),
    "prevention": (visit(nature=90), {"rate": 100, "rate_rule": "nature", "participation": 200}, {"nature": 90}),
    "long illness": (visit(exemption="4"), {"rate": 100, "rate_rule": "exemption"}, {"code": "4"}),
    "long illness of a heavy act": (visit(HEAVY, exemption="4"), {"rate": 100, "rate_rule": "exemption", "forfait": 0}, {"code": "4"}),
    "an exemption of the act alone": (visit(ngap(exemption="7")), {"rate": 100, "rate_rule": "exemption"}, {"code": "7"}),
    "no exemption of the act": (visit(ngap(exemption="0"), exemption="4"), {"rate": 70, "rate_rule": "row"}, {}),
    "a heavy act": (visit(HEAVY), {"rate": 100, "rate_rule": "heavy", "forfait": 2400}, {"category": "technical"}),
    "a heavy act by coefficient": (
        visit(ngap("K", coefficient=6000)), {"rate": 100, "tariff": 11520, "forfait": 2400}, {"category": "technical"},
    ),
    "a coefficient below": (visit(ngap("K", coefficient=5999)), {"rate": 70, "rate_rule": "row", "participation": 200}, {}),
    "a coefficient of the CCAM": (visit(msgspec.structs.replace(LIGHT, unit_price=100, coefficient=6000)), {"rate": 70}, {}),
    "a tariff below": (visit(LIGHT), {"rate": 70, "forfait": 0, "participation": 200}, {}),
    "a tariff below, twice": (visit(msgspec.structs.replace(LIGHT, quantity=2)), {"rate": 70, "tariff": 11999, "base": 23998}, {}),
    "an exempt act that is heavy": (visit(EXEMPT), {"rate": 100, "rate_rule": "heavy", "forfait": 0}, {"category": "exempt"}),
    "an act exempt by its own word": (visit(ngap(exemption="C")), {"rate": 100, "rate_rule": "exempt_act", "forfait": 0}, {"code": "C"}),
    "heavy before exempt by its word": (visit(HEAVY, exemption="1"), {"rate_rule": "heavy", "forfait": 2400}, {"category": "technical"}),
    "a dental check without AMC": (
        visit(ngap("BDC", executor=DENTIST), amc=None, born=CHILD), {"rate": 100, "rate_rule": "dental_check"}, {"category": "ebd"},
    ),
    "the local scheme": (visit(nature=13), {"rate": 90, "amo": 2700, "amc": 300}, {}),
    "out of the pathway": (visit(pathway="S"), {"rate": 30, "amo": 900}, {}),
    "no row of the nature": (visit(ngap(rate=42), nature=20), {"rate": 42, "rate_rule": "given"}, {}),
    "the rate of an unknown act": (visit(msgspec.structs.replace(UNKNOWN, rate=42)), {"rate": 42, "rate_rule": "given", "act_row": 0}, {}),
    "an unknown act, exempt by its own word": (visit(UNKNOWN, exemption="1"), {"rate": 100, "rate_rule": "exempt_act"}, {"code": "1"}),
    "an unknown act that is not reimbursed": (visit(ngap("ZZ", unit_price=1, qualifier="G")), {"rate": 0}, {"code": "G"}),
}  # fmt: skip


@pytest.mark.parametrize("case", RATES)
def test_the_first_rule_that_holds_gives_the_rate(case: str, price: Engine) -> None:
    invoice, expected, cause = RATES[case]
    act = one(price, invoice)
    assert says(act, **expected)
    assert (act.cause_row > 0) == bool(cause)
    assert not cause or cause.items() <= row(act.cause_row).items()
    assert (act.rate_row > 0) == (act.rate_rule == "row")
    if act.rate_rule == "row":
        assert row(act.rate_row)["rate"] == act.rate


SHARES: dict[str, tuple[UnpricedInvoice, dict[str, Any], tuple[str, str] | None]] = {
    "no AMC": (visit(amc=None), {"amc": 0, "amc_rule": "none", "patient": 900}, None),
    "any other": (visit(), {"amc": 900, "amc_rule": "contract"}, ("*", "*")),
    "any number of a type": (visit(amc=C2S), {"amc": 900, "participation": 0}, ("*", "89")),
    "a number of any type": (visit(amc=LEAVES_FLAT), {"amc": 900, "participation": 200}, ("0099000013", "*")),
    "a number before a type": (visit(amc=Amc(number="99000013", contract_type="89")), {"participation": 200}, ("0099000013", "*")),
    "a number and its type": (visit(amc=THIRD), {"amc": 900}, ("0099000021", "02")),
    "the reserved number": (visit(amc=Amc(number="M", contract_type="89")), {"participation": 0}, ("*", "89")),
    "half of the remainder, half a cent up": (visit(ngap(unit_price=2677), amc=HALF), {"amo": 1874, "amc": 402}, ("0099000021", "*")),
    "a third of the excess": (visit(ngap(fees=3200, qualifier="D"), amc=THIRD), {"amc": 966, "patient": 134}, ("0099000021", "02")),
    "the ceiling of the excess": (visit(ngap(fees=13000, qualifier="D"), amc=THIRD), {"amc": 2901}, ("0099000021", "02")),
    "the flat share": (visit(HEAVY), {"amc": 2400, "amc_rule": "contract"}, ("*", "*")),
    "the flat share left": (visit(HEAVY, amc=LEAVES_FLAT), {"amc": 0, "amc_rule": "forfait_left", "patient": 2400}, ("0099000013", "*")),
    "out of the pathway": (visit(pathway="S"), {"amc": 900, "amc_rule": "off_path", "patient": 1200}, ("*", "*")),
    "out of the pathway, not responsible": (visit(pathway="S", amc=OWN_WAY), {"amc": 2100, "amc_rule": "contract"}, ("0099000039", "01")),
    "out of the pathway, exempt": (visit(pathway="S", exemption="4"), {"amc": 0, "amc_rule": "contract"}, ("*", "*")),
    "not reimbursed": (visit(ngap(qualifier="N")), {"amc": 0, "amc_rule": "unreimbursed", "base": 3000, "patient": 3000}, ("*", "*")),
    "free of charge": (visit(ngap(qualifier="G", fees=0)), {"base": 3000, "amo": 0, "amc": 0, "patient": 0}, ("*", "*")),
    "the excess of a basket": (visit(ccam("HBLD634", "PF0", fees=50000)), {"amc": 42800, "patient": 0}, ("*", "*")),
    "the excess of a moderate basket": (
        visit(ccam("HBLD491", "PF0", fees=50000, teeth=("17",))), {"amc": 4800, "patient": 38000}, ("*", "*"),
    ),
    "the excess of a basket, of a contract without": (
        visit(ccam("HBLD634", "PF0", fees=50000), amc=OWN_WAY), {"amc": 4800, "patient": 38000}, ("0099000039", "01"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SHARES)
def test_the_most_precise_contract_gives_the_complementary_share(case: str, price: Engine) -> None:
    invoice, expected, contract = SHARES[case]
    act = one(price, invoice)
    assert says(act, **expected)
    found = row(act.contract_row) if act.contract_row else None
    assert contract == (found and (found["number"], found["contract_type"]))
    assert (act.path_rate_row > 0) == (act.amc_rule == "off_path")


def test_the_flat_share_is_left_once_a_day_by_each_executor(price: Engine) -> None:
    other, later = msgspec.structs.replace(HEAVY, executor=DENTIST), msgspec.structs.replace(HEAVY, date="2026-05-11")
    [priced], faults = price([visit(HEAVY, EXEMPT, HEAVY, other, later, later, LIGHT)], SMALL)
    assert [act.forfait for act in priced.acts if act] == [2400, 0, 0, 2400, 3200, 0, 0]
    assert [row(act.forfait_row)["value"] for act in priced.acts if act and act.forfait_row] == [2400, 2400, 3200]
    assert faults == []


@pytest.mark.parametrize(
    ("am", "other"), [("75000000", "75000001"), ("", "é"), ("é", "ë"), ("A" * 9, "A" * 10), ("750000000", "0750000000")]
)
def test_executors_are_told_apart_by_any_text(am: str, other: str, price: Engine) -> None:
    first, second = (msgspec.structs.replace(HEAVY, executor=msgspec.structs.replace(SPECIALIST, am=text)) for text in (am, other))
    [priced], _ = price([visit(first, second, first)], SMALL)
    assert [act.forfait for act in priced.acts if act] == [2400, 2400, 0]


@pytest.mark.parametrize(
    ("teeth", "has_basket"), [((), True), (("11",), True), (("11", "11"), True), (("11", "99"), False), (("é1",), False)]
)
def test_a_tooth_that_nobody_has_is_in_no_basket_of_teeth(teeth: tuple[str, ...], has_basket: bool, price: Engine) -> None:
    assert (one(price, visit(ccam("HBLD491", "PF0", teeth=teeth))).basket_row > 0) == has_basket
    assert one(price, visit(ccam("HBLD634", "PF0", teeth=teeth))).basket_row > 0


def test_the_flat_share_is_never_above_the_base(price: Engine) -> None:
    assert says(one(price, visit(msgspec.structs.replace(HEAVY, fees=1000))), base=1000, forfait=1000, amo=0, amc=1000)
    free = visit(msgspec.structs.replace(HEAVY, fees=0), HEAVY, amc=LEAVES_FLAT)
    assert says(one(price, free, 0), forfait=0, forfait_row=0, amc_rule="contract")
    assert says(one(price, free, 1), forfait=2400, amc_rule="forfait_left")


def test_the_local_scheme_bears_the_flat_share(price: Engine) -> None:
    assert says(one(price, visit(HEAVY, nature=13)), rate=100, rate_rule="heavy", forfait=0, forfait_row=0, amo=12540, amc=0)


@pytest.mark.parametrize(
    ("invoice", "is_taken"),
    [
        (visit(change(visit(UNKNOWN), amo=9600).acts[0]), True),
        (visit(change(visit(UNKNOWN), amo=9601).acts[0]), False),
        (visit(change(visit(UNKNOWN), amo=9600).acts[0], exemption="1"), True),
        (visit(change(visit(UNKNOWN), amo=9600, rate=99).acts[0]), False),
        (visit(change(visit(UNKNOWN), unit_price=11999, amo=9599).acts[0]), False),
        (visit(change(visit(UNKNOWN), amo=9600).acts[0], nature=13), False),
        (visit(change(visit(UNKNOWN), amo=9600).acts[0], exemption="4"), False),
        (visit(change(visit(HEAVY), executor=UNKNOWN.executor).acts[0], change(visit(UNKNOWN), amo=9600).acts[0]), False),
        (visit(change(visit(UNKNOWN), amo=9600).acts[0], change(visit(UNKNOWN), amo=9600).acts[0]), False),
    ],
)
def test_the_flat_share_of_an_unknown_act_is_the_centres_word(invoice: UnpricedInvoice, is_taken: bool, price: Engine) -> None:
    [priced], faults = price([invoice], SMALL)
    act = priced.acts[-1]
    assert act is not None
    assert (act.forfait, act.forfait_row > 0) == ((2400, True) if is_taken else (0, False))
    assert [each.field for each in faults] == ([] if is_taken else ["amo"])


def test_the_participation_has_a_limit_for_an_executor_and_a_day(price: Engine) -> None:
    other, later, before = ngap(executor=OTHER_DOCTOR), ngap(day="2026-03-11"), ngap(day="2024-05-14")
    acts = (ngap(), ngap(), ngap("GS"), other, later, before, ngap("MN", "2024-05-14"))
    [priced], _ = price([visit(*acts, created_on="2024-05-14")], SMALL)
    assert [act.participation for act in priced.acts if act] == [200, 200, 0, 200, 200, 100, 0]
    assert [act.participation_row > 0 for act in priced.acts if act] == [True, True, False, True, True, True, False]
    assert priced.participation == 900


def test_what_is_left_of_the_participation_of_a_day_is_taken(price: Engine) -> None:
    values = tuple(msgspec.structs.replace(row, value=350) if row.key == "participation_per_day" else row for row in SMALL.values)
    [priced], _ = price([visit(ngap(), ngap(), ngap())], replace(SMALL, values=values))
    assert [act.participation for act in priced.acts if act] == [200, 150, 0]


def test_the_participation_is_taken_of_a_heavy_act_that_leaves_no_flat_share_by_an_exemption(price: Engine) -> None:
    acts = (HEAVY, EXEMPT, msgspec.structs.replace(HEAVY, exemption="4"), msgspec.structs.replace(HEAVY, exemption="4", qualifier="N"))
    [priced], _ = price([visit(*acts)], SMALL)
    assert [act.participation for act in priced.acts if act] == [0, 0, 200, 0]


@pytest.mark.parametrize(("born", "taken"), [("20080310", 200), ("20080311", 0), ("20080309", 200), ("20085399", 0), ("20080000", 200)])
def test_the_participation_begins_at_an_age(born: str, taken: int, price: Engine) -> None:
    assert one(price, visit(born=born)).participation == taken


def test_the_complement_of_a_work_accident_is_half_of_the_base_of_its_act(price: Engine) -> None:
    crown, atd = ccam("HBLD634", "PF0", fees=44000, quantity=2), ngap("ATD", executor=DENTIST, fees=20000)
    act = one(price, visit(crown, atd, nature=41))
    assert says(act, base=12000, fees=20000, unit_price=12000, tariff=12000, price_rule="atd", price_row=0)
    given = msgspec.structs.replace(atd, unit_price=7, quantity=3)
    assert says(one(price, visit(crown, given, nature=41)), base=12000, unit_price=7, tariff=12000, price_rule="given")
    assert says(one(price, visit(ngap("ATD", fees=5), nature=41)), base=0, fees=5, amo=0, patient=5)


def test_no_percentage_is_too_high_for_the_complement(price: Engine) -> None:
    """The product would not fit in 64 bits."""
    values = tuple(msgspec.structs.replace(row, value=9_999_999) if row.key == "atd_percent" else row for row in SMALL.values)
    crown = ccam("HBLD634", "PF0", unit_price=10**8 - 1, coefficient=8_000_000, quantity=999)
    invoice = visit(crown, ngap("ATD", executor=DENTIST, fees=10**8 - 1), nature=41)
    [priced], _ = price([invoice], replace(SMALL, values=values))
    assert priced.acts[1] is not None and priced.acts[1].base == 10**8 - 1


def test_an_invoice_without_acts_is_worth_nothing(price: Engine) -> None:
    [priced], faults = price([msgspec.structs.replace(visit(), acts=())], SMALL)
    assert (priced.acts, priced.total, priced.amo, priced.amc, priced.patient, faults) == ((), 0, 0, 0, 0, [])


def test_specialty_comes_before_any(price: Engine) -> None:
    """A dentist's letter C and film have their own rows of acts and prices."""
    dentist, doctor = (one(price, visit(ngap("C", executor=who))) for who in (DENTIST, SPECIALIST))
    assert (dentist.unit_price, row(dentist.act_row)["category"]) == (2300, "dentist_visit")
    assert (doctor.unit_price, row(doctor.act_row)["category"]) == (2500, "visit")
    dentist, doctor = (one(price, visit(ccam("HBQK002", "ADI", executor=who))) for who in (DENTIST, SPECIALIST))
    assert (dentist.unit_price, dentist.rate, doctor.unit_price, doctor.rate) == (2000, 60, 2128, 70)


def test_a_price_that_is_given_is_kept_beside_that_of_the_pack(price: Engine) -> None:
    act = one(price, visit(ngap(unit_price=2999)))
    assert says(act, unit_price=2999, fees=2999, price_rule="given")
    assert row(act.price_row)["unit_price"] == 3000


@pytest.mark.parametrize(
    ("unit_price", "coefficient", "quantity", "tariff", "fees"), [(241, 650, 1, 1567, 1567), (241, 650, 3, 1567, 4700), (1, 149, 2, 1, 3)]
)
def test_coefficient_and_quantity_are_rounded_once(
    unit_price: int, coefficient: int, quantity: int, tariff: int, fees: int, price: Engine
) -> None:
    act = one(price, visit(ngap("SC", unit_price=unit_price, coefficient=coefficient, quantity=quantity)))
    assert says(act, tariff=tariff, fees=fees, base=fees)


@pytest.mark.parametrize(("day", "fees"), [("2023-10-31", 2500), ("2023-11-01", 2650), ("2024-12-21", 2650), ("2024-12-22", 3000)])
def test_a_price_moves_on_its_day(day: str, fees: int, price: Engine) -> None:
    assert one(price, visit(ngap(day=day))).fees == fees
    assert one(price, visit(ngap(day="2026-03-10"), amc=MUTUAL), on=date.fromisoformat(day)).fees == fees


def test_a_block_is_read_from_its_end_and_in_slices_too() -> None:
    priced = kernel.price([visit(), visit(ngap("GS")), visit()], tariffs=SMALL, today=TODAY)
    assert (priced[-1], priced[1:]) == (priced[2], [priced[1], priced[2]])
    for place in (3, -4):
        with pytest.raises(IndexError):
            priced[place]
