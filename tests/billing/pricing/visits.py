# SPDX-License-Identifier: Apache-2.0
"""Invoices for these tests: invented people, and acts that leave out every amount which a test does not give."""

from typing import Any

from desmos_fast.billing.model import Accident, Amc, Amo, Beneficiary, Executor
from desmos_fast.billing.pricing.model import UnpricedCcamAct, UnpricedInvoice, UnpricedNgapAct
from tests.billing.visits import SYNTHETIC

DOCTOR = Executor(am="751234568", specialty="01", condition="S")
OTHER_DOCTOR = Executor(am="751234550", specialty="01", condition="S")
SPECIALIST = Executor(am="751234543", specialty="03", condition="S")
DENTIST = Executor(am="751234535", specialty="19", condition="S")
DAY = "2026-03-10"
ADULT, CHILD = "19550814", "20160101"
MUTUAL = Amc(number="0099000062")
C2S = Amc(number="99999997", contract_type="89")
AME = Amc(number="0099000062", contract_type="88")
WORK = Accident(kind="work", date="2026-03-01")


def ngap(code: str = "G", day: str = DAY, executor: Executor = DOCTOR, **given: Any) -> UnpricedNgapAct:
    return UnpricedNgapAct(code=code, date=day, executor=executor, **given)


def ccam(code: str, grouping: str, day: str = DAY, executor: Executor = DENTIST, **given: Any) -> UnpricedCcamAct:
    return UnpricedCcamAct(code=code, grouping=grouping, activity="1", date=day, executor=executor, **given)


def visit(
    *acts: UnpricedNgapAct | UnpricedCcamAct, amc: Amc | None = MUTUAL, born: str = ADULT, nature: int = 10, exemption: str = "0",
    pathway: str = "T", **given: Any,
) -> UnpricedInvoice:  # fmt: skip
    return UnpricedInvoice(
        number=1, biller="750000010", insured_nir=SYNTHETIC, beneficiary=Beneficiary(birth_date=born),
        amo=Amo(regime="01", caisse="751", centre="0000", nature=nature, exemption=exemption, pathway=pathway),
        amc=amc, acts=acts or (ngap(),), accident=WORK if nature == 41 else None, **given,
    )  # fmt: skip
