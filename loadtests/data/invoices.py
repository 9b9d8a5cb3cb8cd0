# SPDX-License-Identifier: Apache-2.0
"""Invented invoices for measures: no two alike, the same for the same seed, every one sound.

One to three acts, one in four of them CCAM with teeth and modifiers; some twenty executors; complementary insurers, prescribers and
referring doctors on some; amounts and dates that vary. Names are written as records hold them, so that a peer need not transliterate.
"""

import random
from typing import Final

from desmos_fast.base.identifiers import nir_key
from desmos_fast.billing.model import (
    Amc,
    Amo,
    Beneficiary,
    CcamAct,
    Executor,
    Invoice,
    NgapAct,
    Prescriber,
    PriorAgreement,
    ReferringDoctor,
)

SEED: Final = 1
BILLER: Final = "750000010"
SPECIALTIES: Final = ("01", "03", "07", "15", "19", "24")
NAMES: Final = ("DUPONT", "MARTIN", "DE LA TOUR", "PETIT", "ROUX", "LE GALL", "FAURE", "GIRARD")
FIRST_NAMES: Final = ("MARIE", "JEAN PAUL", "ANNE", "LUC", "ZOE")
TEETH: Final = ("11", "12", "16", "21", "26", "36", "37", "46", "55", "75")
NGAP: Final = (("G", 3000, 70), ("GS", 3000, 70), ("C", 2500, 70), ("AMI", 315, 60), ("AIS", 265, 60), ("SPR", 215, 60))
CCAM: Final = (("HBLD634", "PF0", 12_000), ("HBMD058", "SDE", 2697), ("YYYY600", "ADI", 1935), ("HBJD001", "SDE", 2892))
EXECUTORS: Final = tuple(
    Executor(
        am=f"75{4_000_123 + 111 * place:07d}",
        specialty=SPECIALTIES[place % len(SPECIALTIES)],
        condition="S",
        rpps=None if place % 7 == 6 else f"1000{7_654_329 + 1_013 * place:07d}",
        zone="" if place % 5 == 4 else f"{20 + place % 10}",
    )
    for place in range(20)
)


def invented(count: int, first: int = 1, seed: int = SEED) -> list[Invoice]:
    """Return `count` invoices, numbered from `first`; the n-th is the same whatever the count."""
    chance = random.Random(seed)
    return [_invoice(number, chance) for number in range(first, first + count)]


def _nir(chance: random.Random) -> str:
    base = f"{chance.choice('12')}{chance.randrange(30, 100)}{chance.randrange(1, 13):02d}99999{chance.randrange(1, 1000):03d}"
    return f"{base}{nir_key(base):02d}"


def _invoice(number: int, chance: random.Random) -> Invoice:
    nir, sent = _nir(chance), chance.random() < 0.15
    day = f"2026-{chance.randrange(1, 12):02d}-{chance.randrange(1, 29):02d}"
    amc = None if chance.random() < 0.3 else Amc(number=f"{chance.choice((0, 75_000_000)) + chance.randrange(1, 99_999):010d}")
    return Invoice(
        number=number,
        biller=BILLER,
        created_on=day,
        insured_nir=nir,
        beneficiary=Beneficiary(
            birth_date=f"19{nir[1:5]}{chance.randrange(1, 29):02d}",
            birth_rank=2 if chance.random() < 0.02 else 1,
            nir=_nir(chance) if chance.random() < 0.2 else None,
            last_name=chance.choice(NAMES),
            first_name=chance.choice(FIRST_NAMES),
        ),
        amo=Amo(
            regime="01",
            caisse=f"{chance.choice((751, 921, 931, 941, 131, 691))}",
            centre=f"{chance.choice((0, 0, 0, 101, 2203)):04d}",
            rights_source=4,
            rights_from="2026-01-01" if chance.random() < 0.3 else None,
            exemption="4" if chance.random() < 0.1 else "0",
            pathway="O" if sent else chance.choice("TTTD"),
            treating_physician="O",
        ),
        referring_doctor=_referring(chance) if sent else None,
        amc=amc,
        prescriber=_prescriber(chance) if chance.random() < 0.1 else None,
        acts=tuple(_act(day, amc is not None, chance) for _ in range(chance.choice((1, 1, 2, 3)))),
    )


def _referring(chance: random.Random) -> ReferringDoctor:
    am = f"75{chance.randrange(1, 10**7):07d}" if chance.random() < 0.5 else None
    return ReferringDoctor(last_name=chance.choice(NAMES), first_name=chance.choice(FIRST_NAMES), am=am)


def _prescriber(chance: random.Random) -> Prescriber:
    salaried = chance.random() < 0.3
    rpps = f"1000{chance.randrange(1, 10**7):07d}"
    if salaried:
        return Prescriber(condition="S", rpps=rpps, specialty=chance.choice(SPECIALTIES), structure=BILLER)
    return Prescriber(condition="L", am=f"75{chance.randrange(1, 10**7):07d}", rpps=rpps, origin=chance.choice(("", "T", "O")))


def _act(day: str, complemented: bool, chance: random.Random) -> NgapAct | CcamAct:
    executor = chance.choice(EXECUTORS)
    agreement = PriorAgreement(code=4, requested_on="2026-01-02") if chance.random() < 0.05 else None
    excess = chance.choice((0, 0, 0, 500, 1250, 20_000))
    if chance.random() < 0.25:
        code, grouping, price = chance.choice(CCAM)
        rate, base = 60, price
        amo = (base * rate + 50) // 100
        return CcamAct(
            code=code, grouping=grouping, activity="1", date=day, unit_price=price, base=base, rate=rate, amo=amo, fees=base + excess,
            amc=base + excess - amo if complemented else 0, executor=executor, prior_agreement=agreement,
            qualifier="D" if excess else "", modifiers=tuple(chance.sample("FNPSU", chance.randrange(3))),
            teeth=tuple(sorted(chance.sample(TEETH, chance.choice((0, 1, 1, 2, 4))))),
        )  # fmt: skip
    code, price, rate = chance.choice(NGAP)
    quantity, coefficient = (chance.randrange(1, 4), chance.choice((100, 150, 250))) if code in ("AMI", "AIS", "SPR") else (1, 100)
    base = price * quantity * coefficient // 100
    amo = (base * rate + 50) // 100
    return NgapAct(
        code=code, date=day, quantity=quantity, coefficient=coefficient, unit_price=price, base=base, rate=rate, amo=amo,
        fees=base + excess, amc=base + excess - amo if complemented else 0, complement="N" if chance.random() < 0.03 else "",
        executor=executor, prior_agreement=agreement, qualifier="D" if excess else "",
    )  # fmt: skip
