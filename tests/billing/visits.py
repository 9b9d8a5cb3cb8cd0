# SPDX-License-Identifier: Apache-2.0
"""Invoices for these tests: invented people, acts with the amounts that a test gives."""

from desmos_fast.base.identifiers import nir_key
from desmos_fast.billing.model import Amc, Amo, Beneficiary, Executor, Invoice, NgapAct

EXECUTOR = Executor(am="751234568", specialty="01", condition="S", rpps="10001234565", zone="26")
SYNTHETIC = "2550899999012" + f"{nir_key('2550899999012'):02d}"
OTHER = "2550899999130" + f"{nir_key('2550899999130'):02d}"
REAL_FORM = "255081416802538"


def act(fees: int, base: int, rate: int, amo: int, amc: int, date: str = "2026-03-10") -> NgapAct:
    return NgapAct(code="G", date=date, unit_price=base, base=base, rate=rate, amo=amo, fees=fees, amc=amc, executor=EXECUTOR)


def invoice(*acts: NgapAct, number: int = 1, third_party: str = "full", amc: Amc | None = None, nir: str = SYNTHETIC) -> Invoice:
    return Invoice(
        number=number,
        biller="750000010",
        created_on="2026-11-20",
        third_party=third_party,  # type: ignore[arg-type]
        insured_nir=nir,
        beneficiary=Beneficiary(birth_date="19550814", last_name="DUPONT", first_name="MARIE"),
        amo=Amo(regime="01", caisse="751", centre="0000", pathway="T", treating_physician="O"),
        amc=amc,
        acts=acts or (act(3000, 3000, 70, 2100, 900 if amc else 0),),
    )
