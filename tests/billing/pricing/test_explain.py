# SPDX-License-Identifier: Apache-2.0
"""What pricing says of itself: every row it used, every rule, in French for each way in which an amount comes about."""

from collections import Counter
from datetime import date
from typing import Any

import pytest

from desmos_fast.billing.model import Amc, Executor
from desmos_fast.billing.pricing import kernel
from desmos_fast.billing.pricing.explain import ActPricing, Pricing, explain, what_if
from desmos_fast.billing.pricing.model import PricedAct, UnpricedInvoice
from desmos_fast.nomenclature.tariffs import load_tariffs
from tests.billing.pricing.visits import C2S, SPECIALIST, ccam, ngap, visit

NURSE = Executor(am="751234568", specialty="24", condition="S")
TODAY = date(2026, 11, 20)
ROWS = [name for name in PricedAct.__struct_fields__ if name.endswith("_row")]


def explained(invoice: UnpricedInvoice) -> tuple[Pricing, tuple[PricedAct | None, ...]]:
    tariffs = load_tariffs()
    found = kernel.price([invoice], tariffs=tariffs, today=TODAY)[0]
    return explain(invoice, found, tariffs), found.acts


def said(act: ActPricing) -> dict[str, str]:
    return {phrase.amount: phrase.text.replace("\u00a0", " ").replace("\u202f", " ") for phrase in act.phrases}


CASES: dict[str, tuple[UnpricedInvoice, dict[str, str], dict[str, str]]] = {
    "row": (visit(), {"rate": "P7g", "unit_price": "P2", "fees": "P4"}, {"rate": "dans le parcours de soins", "amc": "9,00 €"}),
    "out of the path": (visit(pathway="S"), {"amc": "P11 off_path"}, {"rate": "hors du parcours", "amc": "dans le parcours"}),
    "long illness": (visit(exemption="4"), {"rate": "P7c"}, {"rate": "exonération 4"}),
    "maternity": (visit(nature=30), {"rate": "P7b"}, {"rate": "prise en charge intégrale"}),
    "not reimbursed": (
        visit(ngap(qualifier="N", unit_price=3000, fees=3000)), {"rate": "P7a", "amc": "P11 unreimbursed"},
        {"rate": "qualificatif N", "amc": "acte non remboursé"},
    ),
    "no complement": (visit(amc=None), {"amc": "P11 none"}, {"amc": "aucune complémentaire", "patient": "9,00 €"}),
    "c2s": (visit(amc=C2S), {"amc": "P11 contract"}, {"amc": "complémentaire santé solidaire"}),
    "ame": (visit(amc=Amc(number="75500017")), {"amc": "P11 contract"}, {"amc": "aide médicale de l'État"}),
    "heavy": (
        visit(ccam("AAFA001", "ADC", unit_price=12540)), {"rate": "P7d", "forfait": "P9"},
        {"rate": "acte lourd", "forfait": "24,00 €", "amo": "125,40 € × 100 % − 24,00 €"},
    ),
    "unknown": (
        visit(ngap("ZZ", unit_price=3000, rate=70)), {"rate": "P7h", "unit_price": "given"},
        {"rate": "donné par le centre", "unit_price": "aucun tarif n'est connu", "act": "inconnu"},
    ),
    "own price": (visit(ngap(unit_price=2800)), {"unit_price": "given"}, {"unit_price": "il diffère du tarif de G, qui est de 30,00 €"}),
    "several": (visit(ngap(quantity=2, coefficient=150)), {"base": "P5"}, {"base": "un tarif de 45,00 € au coefficient 1,5 × 2"}),
    "less": (visit(ngap(fees=2000)), {"fees": "given"}, {"base": "20,00 €, les honoraires, inférieurs à un tarif de 30,00 €"}),
    "crown": (
        visit(ccam("HBLD634", "PF0", teeth=("11",), fees=50000)), {"fees": "given"},
        {"fees": "panier 100 % Santé, plafond 500,00 €", "amc": "et 380,00 € de dépassement"},
    ),
    "free": (visit(ngap(qualifier="G")), {"fees": "P4"}, {"fees": "0,00 €, acte gratuit", "rate": "qualificatif G"}),
    "rounded once": (
        visit(ngap("AMI", quantity=3, coefficient=250, executor=NURSE)), {"fees": "P4"},
        {"base": "23,63 €, pour un tarif de 7,88 € au coefficient 2,5 × 3"},
    ),
    "heavy by its price": (visit(ccam("AAFA001", "ADC", unit_price=12540)), {}, {"rate": "à partir de 120,00 €"}),
    "heavy by its coefficient": (
        visit(ngap("K", coefficient=6000, unit_price=100)), {"rate": "P7d"}, {"rate": "à partir du coefficient 60 :"},
    ),
    "heavy in Alsace-Moselle": (
        visit(ccam("AAFA001", "ADC", unit_price=12540), nature=13), {}, {"forfait": "0,00 €, à la charge du régime local"},
    ),
    "an answer of the insurer": (
        visit(ccam("HBLD158", "PF1", teeth=("16",), fees=55000, amc=34800)), {},
        {"amc": "et 300,00 € de dépassement, selon son accord donné par le centre"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_way_is_told_with_its_rule(name: str) -> None:
    invoice, rules, phrases = CASES[name]
    pricing, _ = explained(invoice)
    (act,) = pricing.acts
    assert {key: act.rules[key] for key in rules} == rules
    told = said(act)
    for amount, words in phrases.items():
        assert words in told[amount], told
    assert all(text and "None" not in text and "  " not in text for text in told.values())


@pytest.mark.parametrize("name", CASES)
def test_every_row_that_made_an_amount_is_named_under_it(name: str) -> None:
    pricing, acts = explained(CASES[name][0])
    tariffs = load_tariffs()
    for act, found in zip(pricing.acts, acts, strict=True):
        assert found is not None
        numbers = [number for field in ROWS if (number := getattr(found, field))]
        rows = [tariffs.rows[number - 1] for number in numbers]
        named = Counter((row.table, row.since, row.source, row.confidence) for row in act.rows)
        assert named >= Counter(
            (tariffs.table_of(number), row.since, row.source, row.confidence) for number, row in zip(numbers, rows, strict=True)
        )
        # Each stands under an amount of which something is said.
        assert {row.amount for row in act.rows} <= {phrase.amount for phrase in act.phrases}


def test_the_complement_of_a_work_accident_is_told() -> None:
    given: dict[str, Any] = {"nature": 41, "amc": None}
    crown = ccam("HBLD634", "PF0", teeth=("11",), fees=44000)
    pricing, _ = explained(visit(crown, ngap("ATD", fees=6000, executor=crown.executor), **given))
    assert (pricing.acts[1].rules["base"], pricing.acts[1].rules["unit_price"]) == ("P6", "P6")
    assert "complément d'accident du travail" in said(pricing.acts[1])["unit_price"]
    assert said(pricing.acts[1])["base"] == "Base de remboursement : 60,00 €, 50 % au plus de celle de l'acte qui précède"
    assert keys(pricing.acts[1], "base") == ["values atd_percent"]
    assert pricing.amo == 18000


def keys(act: ActPricing, amount: str) -> list[str]:
    return [f"{row.table} {row.key}" for row in act.rows if row.amount == amount]


@pytest.mark.parametrize(
    ("name", "amount", "row"),
    [
        ("heavy by its price", "rate", "values heavy_act_base"), ("heavy by its coefficient", "rate", "values heavy_act_coefficient"),
        ("heavy in Alsace-Moselle", "forfait", "natures 13"), ("out of the path", "rate", "pathways S"),
    ],
)  # fmt: skip
def test_what_makes_a_rule_hold_is_named(name: str, amount: str, row: str) -> None:
    pricing, _ = explained(CASES[name][0])
    assert row in keys(pricing.acts[0], amount)
    assert [key for key in keys(pricing.acts[0], amount) if key.startswith("values heavy")] == ([row] if "heavy_act" in row else [])


def test_what_is_counted_once_a_day_is_told() -> None:
    heavy = ccam("AAFA001", "ADC", unit_price=12540, executor=SPECIALIST)
    pricing, _ = explained(visit(heavy, heavy))
    assert [said(act)["forfait"] for act in pricing.acts] == [
        "Forfait des actes lourds : 24,00 €, laissés hors de la part de l'assurance maladie",
        "Forfait des actes lourds : 0,00 €, déjà laissé ce jour-là pour le même exécutant",
    ]


def test_an_act_without_amounts_says_so_and_counts_for_nothing() -> None:
    pricing, acts = explained(visit(ngap("ZZ"), ngap()))
    assert acts[0] is None
    assert [act.amounts.get("amo") for act in pricing.acts] == [None, 2100]
    assert "non tarifé" in said(pricing.acts[0])["act"]
    assert pricing.total == 3000


def test_what_if_takes_the_rows_of_another_day() -> None:
    invoice = visit(ccam("HBLD634", "PF0", teeth=("11",), fees=50000))
    before, after = (what_if(invoice, day) for day in (date(2023, 10, 14), date(2023, 10, 15)))
    assert [(found.amo, found.amc) for found in (before, after)] == [(8400, 41600), (7200, 42800)]
    (row,) = (row for row in before.acts[0].rows if row.table == "rates")
    assert row.until == date(2023, 10, 14)
    assert before.acts[0].date == "2026-03-10"
