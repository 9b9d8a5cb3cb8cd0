# SPDX-License-Identifier: Apache-2.0
"""Why an act is worth what it is: the rules and rows behind each amount as data, and the same in French as a person would say it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

import msgspec

from desmos_fast.base.french import day as french_day
from desmos_fast.base.french import euros
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.pricing import kernel
from desmos_fast.billing.pricing.model import PricedAct, PricedInvoice, UnpricedInvoice
from desmos_fast.billing.pricing.phrases import Phrase, Told, of_act, of_fault
from desmos_fast.exchange.faults import Fault
from desmos_fast.nomenclature.model import RateRow, Row
from desmos_fast.nomenclature.tables import BY_NAME
from desmos_fast.nomenclature.tariffs import Tariffs, load_tariffs

_RATE_RULES: Final = {
    "unreimbursed": "P7a", "nature": "P7b", "exemption": "P7c", "heavy": "P7d", "exempt_act": "P7e", "dental_check": "P7f", "row": "P7g",
    "given": "P7h",
}  # fmt: skip
_PRICE_RULES: Final = {"given": "given", "row": "P2", "atd": "P6"}
NOT_PRICED: Final = "Acte non tarifé : un montant manque, et aucun tarif ne le fixe."


class UsedRow(msgspec.Struct, frozen=True):
    """A row of the pack that made an amount; in force from `since` to `until`, both included."""

    amount: str
    table: str
    key: str
    since: date
    until: date | None
    source: str
    confidence: str


class ActPricing(msgspec.Struct, frozen=True):
    """What one act is worth, in cents and percent, by which rules and rows; without amounts when it could not be priced."""

    code: str
    date: str
    amounts: dict[str, int]
    rules: dict[str, str]
    rows: list[UsedRow]
    phrases: list[Phrase]


class Pricing(msgspec.Struct, frozen=True):
    """What an invoice is worth, in cents, by which version of which tariff pack, and why."""

    pack: str
    version: str
    total: int
    amo: int
    amc: int
    patient: int
    participation: int
    acts: list[ActPricing]


AMOUNTS: Final = ("unit_price", "tariff", "fees", "base", "rate", "forfait", "amo", "amc", "patient", "participation")


def explain(entered: Invoice | UnpricedInvoice, priced: PricedInvoice, tariffs: Tariffs, on: date | None = None) -> Pricing:
    """Say for each act of an invoice what it is worth and why; `on` is the day that it was priced for instead of its own."""
    acts = [
        ActPricing(act.code, act.date, {}, {}, [], [Phrase("act", NOT_PRICED)])
        if found is None
        else _explained(Told(entered=entered, act=act, found=found, tariffs=tariffs, day=on or date.fromisoformat(act.date)))
        for act, found in zip(entered.acts, priced.acts, strict=True)
    ]
    return Pricing(
        pack=tariffs.name, version=tariffs.version, total=priced.total, amo=priced.amo, amc=priced.amc, patient=priced.patient,
        participation=priced.participation, acts=acts,
    )  # fmt: skip


def what_if(entered: Invoice | UnpricedInvoice, day: date, tariffs: Tariffs | None = None) -> Pricing:
    """Say what an invoice would be worth if every act were of a day, by the pack in use unless another is given."""
    pack = tariffs or load_tariffs()
    return explain(entered, kernel.price([entered], tariffs=pack, on=day, allow_late=True)[0], pack, day)


def _explained(told: Told) -> ActPricing:
    act, found = told.act, told.found
    return ActPricing(
        code=act.code,
        date=act.date,
        amounts={name: getattr(found, name) for name in AMOUNTS},
        rules=_rules(found, act.fees is not None, told.is_complement),
        rows=[_used(told.tariffs, row, amount) for amount, row in _evidence(told) if row is not None],
        phrases=list(of_act(told)),
    )


def _evidence(told: Told) -> Iterator[tuple[str, Row | None]]:
    """Give the rows behind each amount, those that made it and those that made its rule hold; None for none."""
    found, rate = told.found, told.row(told.found.rate_row)
    yield "act", told.row(found.act_row)
    yield "unit_price", told.row(found.price_row)
    yield "base", told.in_force("values", "atd_percent") if told.is_complement else None
    yield "rate", rate
    yield "rate", told.row(found.cause_row)
    yield "rate", told.threshold
    yield "rate", told.in_force("pathways", told.entered.amo.pathway) if isinstance(rate, RateRow) and rate.off_path else None
    yield "forfait", told.row(found.forfait_row)
    yield "forfait", told.local_nature
    yield "fees", told.row(found.basket_row)
    yield "amc", told.row(found.contract_row)
    yield "amc", told.row(found.path_rate_row)
    yield "participation", told.row(found.participation_row)


def _rules(found: PricedAct, fees_given: bool, is_complement: bool) -> dict[str, str]:
    rules = {
        "unit_price": _PRICE_RULES[found.price_rule], "fees": "given" if fees_given else "P4", "base": "P6" if is_complement else "P5",
        "rate": _RATE_RULES[found.rate_rule], "amo": "P10", "amc": f"P11 {found.amc_rule}",
    }  # fmt: skip
    if found.forfait:
        rules["forfait"] = "P9"
    if found.participation:
        rules["participation"] = "P13"
    return rules


def _used(tariffs: Tariffs, row: Row, amount: str) -> UsedRow:
    table = BY_NAME[tariffs.table_of(tariffs.number(row))]
    key = "/".join(_written(value) for value in table.key_of(row))
    return UsedRow(amount, table.name, key, row.since, row.until, row.source, row.confidence)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "out" if value else "in"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value) or "*"


def as_text(entered: Invoice | UnpricedInvoice, pricing: Pricing, line: int, faults: Sequence[Fault] = (), on: date | None = None) -> str:
    """Write an explanation in French, with what is wrong, and without a word on who the people are."""
    name = f"Facture {entered.number}" if entered.number else f"Facture de la ligne {line}"
    as_of = f", tarifée comme au {french_day(on.isoformat())}" if on else ""
    shares = f"AMO {euros(pricing.amo)}, AMC {euros(pricing.amc)}, reste à la charge du patient {euros(pricing.patient)}"
    lines = [f"{name}{as_of} : total {euros(pricing.total)}, {shares}"]
    for place, act in enumerate(pricing.acts, 1):
        lines.append(f"  Acte {place}, {act.code} du {french_day(act.date)}")
        for phrase in act.phrases:
            rule = act.rules.get(phrase.amount, "").partition(" ")[0]
            lines.append(f"    {phrase.text}{f' [règle {rule}]' if rule.startswith('P') else ''}")
            lines += [f"      · {_said(row)}" for row in act.rows if row.amount == phrase.amount]
    lines += [f"  À corriger : {of_fault(fault)}" for fault in faults]
    lines.append(f"  Tarifs « {pricing.pack} », version {pricing.version} : profil d'essai, non agréé.")
    return "\n".join(lines) + "\n"


def _said(row: UsedRow) -> str:
    until = f" au {french_day(row.until.isoformat())}" if row.until else ""
    since = "du" if row.until else "depuis le"
    dates = f"{since} {french_day(row.since.isoformat())}{until}"
    return f"table {row.table}, ligne {row.key}, {dates} (source : {row.source} ; confiance {row.confidence})"
