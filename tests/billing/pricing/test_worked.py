# SPDX-License-Identifier: Apache-2.0
"""The worked examples of pricing, to the cent: amounts left out, amounts given, and amounts given wrong."""

import csv
from pathlib import Path

import msgspec
import pytest

from desmos_fast.billing import rules
from desmos_fast.billing.pricing.model import PricedInvoice, UnpricedInvoice
from desmos_fast.nomenclature.tariffs import Tariffs
from tests.billing.pricing.engines import AMOUNTS, Engine, change, filled, told
from tests.billing.pricing.packs import SHIPPED, SMALL
from tests.billing.pricing.visits import C2S, CHILD, DENTIST, SPECIALIST, ccam, ngap, visit

ROOT = Path(__file__).parents[3]
with (Path(__file__).parent / "worked.csv").open() as text:
    WORKED = {row["id"]: row for row in csv.DictReader(text)}


@pytest.fixture(params=[SMALL, SHIPPED], ids=["small", "shipped"])
def tariffs(request: pytest.FixtureRequest) -> Tariffs:
    found: Tariffs = request.param
    return found


def example(name: str) -> UnpricedInvoice:
    """Return the invoice of a worked example, with no amount but those that no tariff says."""
    day = WORKED[name]["day"]
    crown = ccam("HBLD634", "PF0", day, fees=50000)
    check = ngap("BDC", day, DENTIST)
    heavy = visit(ccam("JQGD010", "ADC", day, SPECIALIST, unit_price=12540))
    found = {
        "W1": visit(), "W2": visit(third_party="amo"), "W3": visit(third_party="none"), "W4": visit(exemption="4"), "W5": visit(amc=C2S),
        "W6": visit(born=CHILD), "W7": visit(pathway="S", third_party="none"), "W8": visit(ngap("C", day, DENTIST)),
        "W9": visit(ccam("HBJD001", "SDE", day)), "W10": visit(crown), "W11a": heavy, "W11b": heavy, "W12a": visit(check, born=CHILD),
        "W12b": visit(check, born=CHILD, amc=None, exemption="7"),
        "W13": visit(
            ccam("HBLD634", "PF0", day, fees=44000), ngap("ATD", day, DENTIST, fees=6000), nature=41, amc=None, third_party="amo"
        ),
    }[name]  # fmt: skip
    return msgspec.structs.replace(found, created_on=day)


def paid(invoice: UnpricedInvoice, priced: PricedInvoice) -> dict[str, int]:
    """Return what the caisse, an insurer of its own and the desk pay the centre."""
    whole = filled(invoice, priced)
    found = {"from_amo": 0, "from_amc": 0, "desk": 0}
    for share in rules.shares(whole, rules.split(whole)):
        found["desk" if share.part == "patient" else f"from_{share.payer[:3]}"] += share.amount
    return found


@pytest.mark.parametrize("name", WORKED)
def test_a_worked_example_is_priced_to_the_cent(name: str, price: Engine, tariffs: Tariffs) -> None:
    invoice = example(name)
    [priced], faults = price([invoice], tariffs)
    first, *others = [act for act in priced.acts if act is not None]
    found = {
        "total": priced.total, "base": first.base, "rate": first.rate, "forfait": first.forfait, "atd": sum(act.base for act in others),
        "amo": priced.amo, "amc": priced.amc, "patient": priced.patient, **paid(invoice, priced), "participation": priced.participation,
    }  # fmt: skip
    assert faults == []
    assert {key: str(found[key]) for key in found if WORKED[name][key]} == {key: value for key in found if (value := WORKED[name][key])}


@pytest.mark.parametrize("name", WORKED)
def test_a_worked_example_with_every_amount_given_is_found_right(name: str, price: Engine, tariffs: Tariffs) -> None:
    invoice = example(name)
    [first], _ = price([invoice], tariffs)
    [second], faults = price([filled(invoice, first)], tariffs)
    assert faults == []
    for one, other in zip(first.acts, second.acts, strict=True):
        assert [getattr(one, amount) for amount in AMOUNTS] == [getattr(other, amount) for amount in AMOUNTS]
        assert other is not None and other.price_rule == "given"


@pytest.mark.parametrize(("field", "rule"), [("base", "P5"), ("rate", "P7"), ("amo", "P10"), ("amc", "P11")])
@pytest.mark.parametrize("name", WORKED)
@pytest.mark.parametrize("by", [-1, 1])
def test_an_amount_beside_that_of_a_worked_example_is_told(
    name: str, field: str, rule: str, by: int, price: Engine, tariffs: Tariffs
) -> None:
    invoice = example(name)
    [priced], _ = price([invoice], tariffs)
    for place, act in enumerate(priced.acts):
        right = getattr(act, field)
        if right + by >= 0 and not (field == "rate" and right + by > 100):
            [again], faults = price([change(invoice, place, **{field: right + by})], tariffs)
            expected = "P6" if (name, field, place) == ("W13", "base", 1) else rule
            assert told(faults) == [(place, "amount_mismatch", field, right + by, right, expected)]
            assert again == priced


def test_a_rate_moves_on_its_day(price: Engine, tariffs: Tariffs) -> None:
    crowns = [visit(ccam("HBLD634", "PF0", day, fees=50000), created_on=day) for day in ("2023-10-14", "2023-10-15")]
    [before, after], faults = price(crowns, tariffs)
    assert (before.amo, before.amc, after.amo, after.amc, faults) == (8400, 41600, 7200, 42800, [])


def test_the_page_of_the_rules_shows_every_worked_example() -> None:
    page = (ROOT / "docs/reference/pricing.md").read_text(encoding="utf-8").partition("## Worked examples\n")[2]
    shown = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")][1:]
    wanted = [[value for key, value in row.items() if key not in ("id", "atd", "case", "day")] for row in WORKED.values()]
    assert [cells[:2] for cells in shown] == [[row["case"], row["day"]] for row in WORKED.values()]
    assert [cells[2:] for cells in shown] == wanted
