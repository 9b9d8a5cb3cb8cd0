# SPDX-License-Identifier: Apache-2.0
"""Each fault of pricing beside the nearest invoice that does not have it."""

from datetime import date
from typing import Any

import msgspec
import pytest

from desmos_fast.billing.model import Amc
from desmos_fast.billing.pricing.model import UnpricedInvoice
from tests.billing.pricing.engines import Engine, change, told
from tests.billing.pricing.packs import SMALL
from tests.billing.pricing.visits import (
    AME,
    C2S,
    CHILD,
    DENTIST,
    OTHER_DOCTOR,
    SPECIALIST,
    ccam,
    ngap,
    visit,
)  # fmt: skip

LATER = "2026-03-11"
CROWN = ccam("HBLD634", "PF0", fees=44000)
ATD = ngap("ATD", executor=DENTIST, fees=6000)
UNKNOWN = ngap("ZZ", unit_price=3000, rate=70)
TECHNICAL = ccam("DEQP003", "ATM", executor=SPECIALIST, unit_price=1426)
HEAVY = ccam("JQGD010", "ADC", executor=SPECIALIST, unit_price=12540)
EXEMPTED = msgspec.structs.replace(TECHNICAL, exemption="C")
COVERS = Amc(number="0099000047")
EXCESS = ("excess_not_allowed", "fees", 3500, 3000, "P15")


def crown(fees: int, code: str = "HBLD634", **given: Any) -> UnpricedInvoice:
    return visit(ccam(code, "PF0", fees=fees, **given))


REFUSED: dict[str, tuple[UnpricedInvoice, list[tuple[Any, ...]]]] = {
    "no price of an unknown act": (visit(ngap("ZZ", rate=70)), [(0, "amount_missing", "unit_price", None, None, "P2")]),
    "no rate of an unknown act": (visit(ngap("ZZ", unit_price=1)), [(0, "amount_missing", "rate", None, None, "P7")]),
    "no price before the first day": (
        visit(ngap(day="2014-12-31"), created_on="2014-12-31"), [(0, "amount_missing", "unit_price", None, None, "P2")],
    ),
    "no rate of a category": (visit(ngap("YYY")), [(0, "amount_missing", "rate", None, None, "P7")]),
    "no price and no rate": (visit(ngap("ZZ")), [(0, "amount_missing", "unit_price", None, None, "P2")]),
    "out of range before all else": (
        visit(ngap("ZZ", coefficient=0, amc=10**8, quantity=0), nature=41), [(0, "out_of_range", "amc", None, None, "range")],
    ),
    "the base of a complement out of range": (
        visit(CROWN, msgspec.structs.replace(ATD, base=10**8), nature=41), [(1, "out_of_range", "base", None, None, "range")],
    ),
    "missing alone is told": (
        visit(ngap("ZZ", base=1, amo=1, amc=1), created_on="2028-01-01"), [(0, "amount_missing", "unit_price", None, None, "P2")],
    ),
    "no fees of a complement": (
        visit(CROWN, msgspec.structs.replace(ATD, fees=None), nature=41), [(1, "amount_missing", "fees", None, None, "P6")],
    ),
    "a complement of an act without amounts": (
        visit(ngap("ZZ", executor=DENTIST), ngap("ATD", executor=DENTIST), nature=41),
        [(0, "amount_missing", "unit_price", None, None, "P2")],
    ),
    "every amount wrong": (
        visit(ngap(base=1, rate=2, amo=3, amc=4)),
        [(0, "amount_mismatch", "base", 1, 3000, "P5"), (0, "amount_mismatch", "rate", 2, 70, "P7"),
         (0, "amount_mismatch", "amo", 3, 2100, "P10"), (0, "amount_mismatch", "amc", 4, 900, "P11")],
    ),
    "excess without a qualifier": (visit(ngap(fees=3500)), [(0, *EXCESS)]),
    "excess under C2S": (visit(ngap(fees=3500), amc=C2S), [(0, *EXCESS)]),
    "excess under C2S whatever the qualifier": (visit(ngap(fees=3500, qualifier="D"), amc=C2S), [(0, *EXCESS)]),
    "excess under AME of a crown": (
        msgspec.structs.replace(crown(44000), amc=AME), [(0, "excess_not_allowed", "fees", 44000, 12000, "P15")],
    ),
    "excess under C2S of an unknown act": (visit(ngap("ZZ", unit_price=3000, rate=70, fees=3500), amc=C2S), [(0, *EXCESS)]),
    "excess covered in part under C2S": (
        visit(ngap(fees=3901), amc=COVERS), [(0, "excess_not_allowed", "fees", 3901, 3000, "P15")],
    ),
    "authorised excess in the pathway": (visit(ngap(fees=3500, qualifier="A", executor=SPECIALIST)), [(0, *EXCESS)]),
    "authorised excess in general practice": (visit(ngap(fees=3500, qualifier="A"), pathway="S"), [(0, *EXCESS)]),
    "fees above the ceiling": (crown(50001), [(0, "fee_above_cap", "fees", 50001, 50000, "P14")]),
    "fees above the ceiling of two": (crown(100001, quantity=2), [(0, "fee_above_cap", "fees", 100001, 100000, "P14")]),
    "fees above the ceiling of those teeth": (crown(60001, "HBLD491", teeth=("18",)), [(0, "fee_above_cap", "fees", 60001, 60000, "P14")]),
    "fees above the ceiling of the first basket": (
        crown(55001, "HBLD491"), [(0, "fee_above_cap", "fees", 55001, 55000, "P14")],
    ),
    "fees above the ceiling of an unknown act": (
        visit(ccam("HBLD634", "ZZZ", unit_price=12000, rate=60, fees=50001)), [(0, "fee_above_cap", "fees", 50001, 50000, "P14")],
    ),
    "a dental check without exemption 7": (
        visit(ngap("BDC", executor=DENTIST), amc=None, born=CHILD), [(0, "exemption_needed", "exemption", None, None, "P12")],
    ),
    "a dental check at 25": (visit(ngap("BDC", executor=DENTIST), born="20010310"), [(0, "age_not_covered", "code", None, None, "age")]),
    "a dental check the day before 3": (
        visit(ngap("BDC", executor=DENTIST), born="20230311"), [(0, "age_not_covered", "code", None, None, "age")],
    ),
    "a complement outside work accidents": (
        visit(CROWN, msgspec.structs.replace(ATD, rate=100)), [(1, "work_accident_only", "code", None, None, "order")],
    ),
    "a complement before its act": (
        visit(ATD, CROWN, nature=41), [(0, "line_order", "code", None, None, "order")],
    ),
    "a majoration before its act": (visit(ngap("MN"), ngap()), [(0, "line_order", "code", None, None, "order")]),
    "a majoration of another executor": (
        visit(ngap(), ngap("MN", executor=OTHER_DOCTOR)), [(1, "line_order", "code", None, None, "order")],
    ),
    "a majoration of another day": (visit(ngap(), ngap("MN", LATER)), [(1, "line_order", "code", None, None, "order")]),
    "a majoration after a forfait": (
        visit(ngap("ID"), ngap("MN"), ngap()), [(1, "line_order", "code", None, None, "order")],
    ),
    "a forfait after its act": (visit(ngap(), ngap("ID")), [(1, "line_order", "code", None, None, "order")]),
    "a forfait before the act of another": (
        visit(ngap("ID"), ngap(executor=OTHER_DOCTOR)), [(0, "line_order", "code", None, None, "order")],
    ),
    "a forfait before majorations alone": (
        visit(ngap(), ngap("ID"), ngap("MN")),
        [(1, "line_order", "code", None, None, "order"), (2, "line_order", "code", None, None, "order")],
    ),
    "an exempted act before the heavy one": (
        visit(TECHNICAL, HEAVY, TECHNICAL, exemption="1"), [(0, "line_order", "code", None, None, "order")],
    ),
    "exempted acts before the heavy one, by their own exemption": (
        visit(EXEMPTED, EXEMPTED, HEAVY),
        [(0, "line_order", "code", None, None, "order"), (1, "line_order", "code", None, None, "order")],
    ),
    "care too old": (visit(created_on="2027-03-11"), [(0, "care_too_old", "date", None, None, "late")]),
    "care too old by months": (visit(created_on="2027-04-01"), [(0, "care_too_old", "date", None, None, "late")]),
    "several of one act": (
        visit(ngap("MEG", fees=600, amc=1), created_on="2027-03-11"),
        [(0, "amount_mismatch", "amc", 1, 150, "P11"), (0, "excess_not_allowed", "fees", 600, 500, "P15"),
         (0, "age_not_covered", "code", None, None, "age"), (0, "line_order", "code", None, None, "order"),
         (0, "care_too_old", "date", None, None, "late")],
    ),
}  # fmt: skip
ACCEPTED: dict[str, UnpricedInvoice] = {
    "excess that is agreed": visit(ngap(fees=3500, qualifier="D")),
    "excess of a particular demand": visit(ngap(fees=3500, qualifier="E")),
    "excess of a travel": visit(ngap(fees=3500, qualifier="F")),
    "authorised excess out of the pathway": visit(ngap(fees=3500, qualifier="A", executor=SPECIALIST), pathway="S"),
    "excess of a crown": crown(50000),
    "excess of a crown under C2S": msgspec.structs.replace(crown(50000), amc=C2S),
    "excess covered in full under C2S": visit(ngap(fees=3900), amc=COVERS),
    "excess of an unknown act": visit(ngap("ZZ", unit_price=3000, rate=70, fees=3500)),
    "excess of a complement": visit(CROWN, msgspec.structs.replace(ATD, fees=6001), nature=41),
    "any fees of an act that is not reimbursed": visit(ngap(fees=3500, qualifier="N"), amc=C2S),
    "any fees of a crown that is not reimbursed": crown(60000, qualifier="N"),
    "fees below the tariff": visit(ngap(fees=2000)),
    "fees at the ceiling of two": crown(100000, quantity=2),
    "fees at the ceiling of those teeth": crown(60000, "HBLD491", teeth=("17", "18")),
    "fees where teeth have no basket": crown(999999, "HBLD491", teeth=("18", "38")),
    "fees at the ceiling of teeth that one sees": crown(55000, "HBLD491", teeth=("11", "35")),
    "fees of a basket without ceiling": crown(999999, "HBLD073"),
    "a dental check at 24": visit(ngap("BDC", executor=DENTIST), born="20010311"),
    "a dental check at 3": visit(ngap("BDC", executor=DENTIST), born="20230310"),
    "a dental check of an expectant mother": visit(ngap("BDC", executor=DENTIST), born="19900101", nature=30),
    "a lunar birthday before the end of the month": visit(ngap("BDC", executor=DENTIST), born="20230309"),
    "a month of no calendar is not over": visit(ngap("BDC", executor=DENTIST), born="20015301"),
    "a majoration after its act": visit(ngap(), ngap("MN")),
    "majorations one after the other": visit(ngap(), ngap("MN"), ngap("MN")),
    "a majoration after an unknown act": visit(UNKNOWN, ngap("MN")),
    "a forfait before its act": visit(ngap("ID"), ngap()),
    "forfaits before an act that comes later": visit(ngap("ID"), ngap("ID"), ngap(executor=OTHER_DOCTOR), ngap()),
    "a forfait before an unknown act": visit(ngap("ID"), UNKNOWN),
    "exempted acts after the heavy one": visit(HEAVY, TECHNICAL, TECHNICAL, exemption="1"),
    "an exempted act between heavy ones": visit(HEAVY, EXEMPTED, HEAVY),
    "an exempted act without a heavy one": visit(EXEMPTED),
    "an exempted act before the heavy one of another": visit(
        msgspec.structs.replace(EXEMPTED, executor=OTHER_DOCTOR), HEAVY
    ),
    "an exempted act of the day before": visit(msgspec.structs.replace(EXEMPTED, date="2026-03-09"), HEAVY),
    "an act exempted otherwise before the heavy one": visit(msgspec.structs.replace(TECHNICAL, exemption="4"), HEAVY),
    "an act that is not exempted before the heavy one": visit(TECHNICAL, HEAVY),
    "an unknown exempted act before the heavy one": visit(
        msgspec.structs.replace(UNKNOWN, executor=SPECIALIST, exemption="1", rate=None), HEAVY
    ),
    "care of a year ago": visit(created_on="2027-03-10"),
    "care of the future": visit(created_on="2020-01-01"),
}


OUT = {
    "unit_price": (-1, 10**8), "fees": (-1, 10**8, 10**18), "base": (-1, 10**8), "rate": (-1, 101), "amo": (-1, 10**8), "amc": (-1, 10**8),
    "date": ("2026-02-30", "2026-2-03", "1969-12-31", "2070-01-01", "20260310", "", "２026-03-10", "2026-03-10 "),
    "quantity": (0, -1, 1000), "coefficient": (0, -1, 10**7),
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in OUT.items() for value in values])
def test_an_act_with_what_no_record_can_hold_has_no_amounts(field: str, value: Any, price: Engine) -> None:
    """The act beside it stands after it all the same, unless it has no day."""
    [priced], faults = price([visit(change(visit(), **{field: value}).acts[0], ngap("MN"))], SMALL)
    after = [(1, "line_order", "code", None, None, "order")] if field == "date" else []
    assert told(faults) == [(0, "out_of_range", field, None, None, "range"), *after]
    assert priced.acts[0] is None and priced.acts[1] is not None


@pytest.mark.parametrize(
    ("field", "invoice"),
    [
        *(("beneficiary.birth_date", visit(born=born)) for born in ("", "1955081", "195508140", "1955081A", "٢0000101")),
        *(("created_on", visit(created_on=day)) for day in ("", "2026-02-30", "2070-01-01")),
        *(("amo.nature", visit(nature=nature)) for nature in (-1, 100)),
        ("beneficiary.birth_date", visit(born="", created_on="", nature=100)),
    ],
)
def test_an_invoice_with_what_no_record_can_hold_is_not_priced(field: str, invoice: UnpricedInvoice, price: Engine) -> None:
    whole = msgspec.structs.replace(invoice, acts=(ngap(fees=-1), ngap()))
    priced, faults = price([visit(), whole, visit()], SMALL, allow_late=True)
    assert [(each.invoice, each.act, each.code, each.field) for each in faults] == [(1, -1, "out_of_range", field)]
    assert priced[1].acts == (None, None) and (priced[1].total, priced[1].participation) == (0, 0)
    assert priced[0] == priced[2] and priced[0].total == 3000


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_told(case: str, price: Engine) -> None:
    invoice, expected = REFUSED[case]
    [priced], faults = price([invoice], SMALL)
    assert told(faults) == expected
    missing = {place for place, code, *_ in expected if code in ("amount_missing", "out_of_range")}
    if case != "a complement of an act without amounts":
        assert [act is None for act in priced.acts] == [place in missing for place in range(len(priced.acts))]
    else:
        assert priced.acts == (None, None)


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_is_right_is_not(case: str, price: Engine) -> None:
    [priced], faults = price([ACCEPTED[case]], SMALL)
    assert faults == []
    assert None not in priced.acts


def test_late_care_may_be_allowed_and_is_counted_from_today_without_a_day_of_writing(price: Engine) -> None:
    late, invoice = date(2027, 3, 11), visit()
    assert told(price([invoice], SMALL, today=late)[1]) == [(0, "care_too_old", "date", None, None, "late")]
    assert price([invoice], SMALL, today=late, allow_late=True)[1] == []
    assert price([invoice], SMALL, today=date(2027, 3, 10))[1] == []
    assert price([invoice], SMALL, today=late, on=date(2020, 1, 1))[1] == []
    assert price([msgspec.structs.replace(invoice, created_on="2026-03-10")], SMALL, today=late)[1] == []


def test_the_good_neighbours_of_a_refused_act_and_invoice_are_priced(price: Engine) -> None:
    wrong = visit(ngap(), ngap("ZZ"), ngap(amo=1))
    priced, faults = price([visit(), wrong, visit()], SMALL)
    assert [(each.invoice, each.act, each.code) for each in faults] == [(1, 1, "amount_missing"), (1, 2, "amount_mismatch")]
    first, none, last = priced[1].acts
    assert none is None and first is not None and last is not None
    assert (priced[1].total, priced[1].amo) == (first.fees + last.fees, first.amo + last.amo)
    assert priced[0] == priced[2] == price([visit()], SMALL)[0][0]


@pytest.mark.parametrize(("given", "is_kept"), [(899, False), (900, True), (901, True), (1900, True), (1901, False)])
def test_an_assumed_contract_may_pay_of_the_excess(given: int, is_kept: bool, price: Engine) -> None:
    """The remainder is 900 and the excess 1000."""
    [priced], faults = price([visit(ngap(fees=4000, qualifier="D", amc=given))], SMALL)
    assert (priced.amc, priced.patient) == ((given, 1900 - given) if is_kept else (900, 1000))
    assert told(faults) == ([] if is_kept else [(0, "amount_mismatch", "amc", given, 900, "P11")])


@pytest.mark.parametrize("amc", [Amc(number="99000013"), C2S, None])
def test_no_other_contract_may(amc: Amc | None, price: Engine) -> None:
    due = 900 if amc else 0
    [priced], faults = price([visit(ngap(fees=4000, qualifier="D", amc=due + 1), amc=amc)], SMALL)
    assert priced.amc == due
    assert told(faults)[0] == (0, "amount_mismatch", "amc", due + 1, due, "P11")
