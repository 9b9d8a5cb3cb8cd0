# SPDX-License-Identifier: Apache-2.0
"""The tariff pack of the program, and a small one with a row for each thing that the rules of pricing tell apart."""

from datetime import date, timedelta
from typing import Any

from desmos_fast.nomenclature import model
from desmos_fast.nomenclature.tariffs import DEFAULT_PACK, PACKS, Tariffs, read_tariffs

FIRST = date(2015, 1, 1)
DENTAL = date(2023, 10, 15)
VISIT = date(2024, 12, 22)
TAKEN = date(2024, 5, 15)
FLAT = (date(2019, 1, 1), date(2026, 4, 22))
BACK = ("16", "17", "18", "26", "27", "28")
SEEN = tuple(f"{quadrant}{tooth}" for quadrant in "1234" for tooth in range(1, 6))


def dated(row: Any, since: date = FIRST, until: date | None = None, /, **columns: Any) -> Any:
    return row(since=since, until=until, confidence="L", source="test", **columns)


def steps(row: Any, column: str, /, *changes: tuple[date, int], **columns: Any) -> list[Any]:
    """Return one row for each change, each in force until the next."""
    ends = [*(since - timedelta(days=1) for since, _ in changes[1:]), None]
    return [dated(row, since, until, **columns, **{column: number}) for (since, number), until in zip(changes, ends, strict=True)]


def act(kind: str, code: str, category: str, role: str = "act", ages: tuple[int | None, ...] = (None, None), specialty: str = "") -> Any:
    return dated(
        model.ActRow, kind=kind, code=code, specialty=specialty, category=category, role=role, age_from=ages[0], age_to=ages[1], label=code
    )  # fmt: skip


def price(code: str, *changes: int | tuple[date, int], specialty: str = "") -> list[Any]:
    found = [(FIRST, each) if isinstance(each, int) else each for each in changes]
    return steps(model.PriceRow, "unit_price", *found, code=code, specialty=specialty)


ACTS = (
    act("ngap", "G", "visit"), act("ngap", "GS", "visit"), act("ngap", "C", "dentist_visit", specialty="19"), act("ngap", "C", "visit"),
    act("ngap", "MN", "visit", "majoration"), act("ngap", "MEG", "visit", "majoration", (0, 5)), act("ngap", "ID", "visit", "forfait"),
    act("ngap", "SC", "dental_care"), act("ngap", "K", "technical"), act("ngap", "KX", "exempt"), act("ngap", "ATD", "atd", "atd"),
    act("ngap", "BDC", "ebd", "act", (3, 24)), act("ngap", "YYY", "no_rate"), act("ccam", "SDE", "dental_care"),
    act("ccam", "PF0", "prosthesis"), act("ccam", "ADC", "technical"), act("ccam", "ATM", "exempt"),
    act("ccam", "ADI", "dental_care", specialty="19"), act("ccam", "ADI", "technical"),
)  # fmt: skip
PRICES = (
    *price("G", 2500, (date(2023, 11, 1), 2650), (VISIT, 3000)), *price("C", 2300, specialty="19"), *price("C", 2500), *price("GS", 3000),
    *price("MN", 3850), *price("MEG", 500), *price("ID", 350), *price("SC", 241), *price("K", 192), *price("KX", 210), *price("YYY", 1000),
    *price("BDC", 3000, (date(2025, 4, 1), 4000)), *price("HBJD001", 2892), *price("HBLD634", 12000), *price("HBLD491", 12000),
    *price("HBLD073", 12000), *price("JQGD010", 12540), *price("LFQK002", 12100), *price("HBQK002", 2128),
    *price("HBQK002", 2000, specialty="19"),
)  # fmt: skip
CATEGORIES = tuple(
    dated(model.CategoryRow, category=name, heavy=heavy, participation=participation, excess_free=excess_free, label=name)
    for name, heavy, participation, excess_free in (
        ("visit", "no", True, False), ("dentist_visit", "no", False, False), ("dental_care", "no", False, False),
        ("prosthesis", "no", False, True), ("technical", "forfait", True, False), ("exempt", "exempt", True, False),
        ("atd", "no", False, False), ("ebd", "no", False, False), ("no_rate", "no", False, False),
    )
)  # fmt: skip
RATES = tuple(
    row
    for name, inside, outside in (
        ("visit", 70, 30), ("technical", 70, 30), ("exempt", 70, 30), ("dentist_visit", 70, 70), ("dental_care", 70, 70),
        ("prosthesis", 70, 70), ("ebd", 60, 60),
    )
    for nature, more in ((10, 0), (13, 20))
    for off_path, rate in ((False, inside + more), (True, outside + more))
    for row in (
        steps(model.RateRow, "rate", (FIRST, rate), (DENTAL, rate - 10), category=name, nature=nature, off_path=off_path)
        if name in ("dentist_visit", "dental_care", "prosthesis")
        else [dated(model.RateRow, category=name, nature=nature, off_path=off_path, rate=rate)]
    )
)  # fmt: skip
NATURES = tuple(
    dated(model.NatureRow, nature=nature, full=nature in (30, 41, 90), local=nature == 13, label="") for nature in (10, 13, 30, 41, 90)
)
EXEMPTIONS = tuple(
    dated(model.ExemptionRow, code=code, effect="full" if code in "34567" else "heavy" if code in "1C" else "none", label="")
    for code in "01345679C"
)
PATHWAYS = tuple(dated(model.PathwayRow, code=code, off_path=code == "S", label="") for code in ("", *"TNROMDHUASBJ"))
QUALIFIERS = tuple(
    dated(model.QualifierRow, code=code, effect=effect, label="")
    for code, effect in (
        ("", "none"), ("A", "authorised_excess"), ("D", "excess"), ("E", "excess"), ("F", "excess"),
        ("G", "free"), ("N", "unreimbursed"),
    )
)  # fmt: skip
BASKETS = (
    dated(model.BasketRow, code="HBLD634", teeth=(), basket="rac0", cap=50000, alternative=""),
    dated(model.BasketRow, code="HBLD491", teeth=SEEN, basket="rac0", cap=55000, alternative=""),
    dated(model.BasketRow, code="HBLD491", teeth=BACK, basket="moderated", cap=60000, alternative="HBLD634"),
    dated(model.BasketRow, code="HBLD073", teeth=(), basket="free", cap=None, alternative="HBLD634"),
)


def contract(number: str, contract_type: str, kind: str = "ordinary", **columns: Any) -> Any:
    plain = {"responsible": True, "tm_percent": 100, "forfait": True, "basket": True, "excess_percent": 0, "excess_ceiling": 0}
    return dated(model.ContractRow, number=number, contract_type=contract_type, kind=kind, **{**plain, **columns})


CONTRACTS = (
    contract("*", "*"), contract("*", "89", "c2s"), contract("*", "88", "ame", basket=False), contract("0099000013", "*", forfait=False),
    contract("0099000021", "*", tm_percent=50), contract("0099000021", "02", excess_percent=33, excess_ceiling=2001),
    contract("0099000039", "01", responsible=False, basket=False),
    contract("0099000047", "*", "c2s", excess_percent=100, excess_ceiling=900),
)  # fmt: skip
VALUES = (
    *steps(model.ValueRow, "value", (FIRST, 1800), (FLAT[0], 2400), (FLAT[1], 3200), key="forfait_heavy_act"),
    *steps(model.ValueRow, "value", (FIRST, 100), (TAKEN, 200), key="participation_per_act"),
    *(
        dated(model.ValueRow, key=key, value=value)
        for key, value in (
            ("heavy_act_base", 12000), ("heavy_act_coefficient", 6000), ("participation_per_day", 400), ("participation_per_year", 5000),
            ("participation_age", 18), ("atd_percent", 50), ("late_care_months", 12),
        )
    ),
)  # fmt: skip
SMALL = Tariffs(
    name="small", version="1", acts=ACTS, prices=PRICES, categories=CATEGORIES, rates=RATES, natures=NATURES, exemptions=EXEMPTIONS,
    pathways=PATHWAYS, qualifiers=QUALIFIERS, baskets=BASKETS, contracts=CONTRACTS, values=VALUES,
)  # fmt: skip
SHIPPED = read_tariffs(PACKS / DEFAULT_PACK)
