# SPDX-License-Identifier: Apache-2.0
"""What pricing found of one act, in French: one phrase for each amount, with its reason."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, NamedTuple

import msgspec

from desmos_fast.base.french import euros
from desmos_fast.billing.model import Act, Invoice
from desmos_fast.billing.pricing.model import PricedAct, UnpricedAct, UnpricedInvoice
from desmos_fast.exchange.faults import Fault
from desmos_fast.nomenclature.model import (
    ActRow,
    BasketRow,
    CategoryRow,
    ContractRow,
    ExemptionRow,
    NatureRow,
    PriceRow,
    QualifierRow,
    RateRow,
    Row,
    ValueRow,
)
from desmos_fast.nomenclature.tables import BY_NAME
from desmos_fast.nomenclature.tariffs import Tariffs

BASKETS: Final = {"rac0": "100 % Santé", "moderated": "tarifs maîtrisés", "free": "tarifs libres"}
CONTRACTS: Final = {"c2s": "complémentaire santé solidaire", "ame": "aide médicale de l'État", "ordinary": "contrat"}
FIELDS: Final = {
    "unit_price": "prix unitaire", "base": "base de remboursement", "rate": "taux", "amo": "part AMO", "fees": "honoraires",
    "amc": "part AMC", "exemption": "exonération", "code": "acte", "date": "date des soins",
}  # fmt: skip
FAULTS: Final = {
    "amount_missing": "donnée absente, et aucun tarif ne la fixe",
    "exemption_needed": "l'exonération 7 est nécessaire, le patient n'ayant pas de complémentaire",
    "age_not_covered": "l'âge du patient ne le permet pas",
    "line_order": "ligne mal placée (majoration après son acte, forfait avant, acte exonérant le premier)",
    "work_accident_only": "réservé aux accidents du travail",
    "care_too_old": "soins trop anciens, sauf accord d'une personne",
    "out_of_range": "valeur impossible",
}
PARTICIPATION: Final = "sera retenue par la caisse, n'est pas demandée au centre"


class Told(NamedTuple):
    """One act of an invoice as it was entered, what was found of it, and the pack and day that it was priced by."""

    entered: Invoice | UnpricedInvoice
    act: Act | UnpricedAct
    found: PricedAct
    tariffs: Tariffs
    day: date

    def row(self, number: int) -> Row | None:
        """Return a row of the pack by its number, None for 0."""
        return row_of(self.tariffs, number)

    def in_force(self, table: str, key: str | int) -> Row | None:
        """Return the row of a key of one column that is in force on the day, None without one."""
        rows: Iterable[Row] = getattr(self.tariffs, table)
        return next((row for row in rows if BY_NAME[table].key_of(row) == (key,) and row.in_force(self.day)), None)

    @property
    def is_complement(self) -> bool:
        """Say whether the act is the complement of a work accident."""
        own = self.row(self.found.act_row)
        return isinstance(own, ActRow) and own.role == "atd"

    @property
    def threshold(self) -> Row | None:
        """Return the row that makes a heavy act heavy, None for another act."""
        if self.found.rate_rule != "heavy":
            return None
        price = self.in_force("values", "heavy_act_base")
        is_by_price = isinstance(price, ValueRow) and self.found.tariff >= price.value
        return price if is_by_price else self.in_force("values", "heavy_act_coefficient")

    @property
    def is_spared(self) -> bool:
        """Say whether a heavy act leaves no flat share although its category does."""
        cause, flat = self.row(self.found.cause_row), self.in_force("values", "forfait_heavy_act")
        if not (isinstance(cause, CategoryRow) and cause.heavy == "forfait" and isinstance(flat, ValueRow)):
            return False
        return min(self.found.base, flat.value) > 0 and not self.found.forfait

    @property
    def local_nature(self) -> Row | None:
        """Return the row of the nature of insurance that bears the flat share, None where none does."""
        row = self.in_force("natures", self.entered.amo.nature)
        return row if isinstance(row, NatureRow) and row.local and self.is_spared else None


def row_of(tariffs: Tariffs, number: int) -> Row | None:
    """Return a row of a pack by its number in the evidence, None for 0."""
    return tariffs.rows[number - 1] if number else None


class Phrase(msgspec.Struct, frozen=True):
    """What is said of one amount of an act."""

    amount: str
    text: str


def of_act(told: Told) -> Iterator[Phrase]:
    """Say what an act is worth and why, amount by amount."""
    found = told.found
    own = told.row(found.act_row)
    yield Phrase("act", own.label if isinstance(own, ActRow) else "acte inconnu des tarifs")
    yield Phrase("unit_price", f"Prix unitaire : {euros(found.unit_price)}, {_price(told)}")
    yield Phrase("fees", f"Honoraires : {euros(found.fees)}, {_fees(told)}{_basket(told)}")
    yield Phrase("base", f"Base de remboursement : {euros(found.base)}{_base(told)}")
    yield Phrase("rate", f"Taux : {found.rate} %, {_rate(told)}")
    if found.forfait or told.is_spared:
        yield Phrase("forfait", f"Forfait des actes lourds : {euros(found.forfait)}, {_forfait(told)}")
    yield Phrase("amo", f"Part de l'assurance maladie (AMO) : {euros(found.amo)}, soit {_amo(found)}")
    yield Phrase("amc", f"Part de la complémentaire (AMC) : {euros(found.amc)}, {_amc(told)}")
    yield Phrase("patient", f"Reste à la charge du patient : {euros(found.patient)}")
    if found.participation:
        yield Phrase("participation", f"Participation forfaitaire : {euros(found.participation)}, {PARTICIPATION}")


def of_fault(fault: Fault) -> str:
    """Say what is wrong with an act: which field, what is given and what the rules ask for."""
    place, _, field = (fault.field or "").rpartition(".")
    act = f"acte {int(place[5:-1]) + 1}, " if place.startswith("acts[") and place[5:-1].isdigit() else ""
    name = FIELDS.get(field, field)
    if fault.value is None or fault.expected is None:
        return f"{act}{name} : {FAULTS.get(fault.code, fault.code)}"
    given, expected = (f"{amount} %" if field == "rate" else euros(int(amount)) for amount in (fault.value, fault.expected))
    return f"{act}{name} : {given} donné, {expected} attendu (règle {fault.rule})"


def _price(told: Told) -> str:
    found, row = told.found, told.row(told.found.price_row)
    if found.price_rule == "atd":
        return "celui du complément d'accident du travail"
    if not isinstance(row, PriceRow):
        return "donné par le centre ; aucun tarif n'est connu pour cet acte"
    executor = f" pour la spécialité {row.specialty}" if row.specialty else ""
    if found.price_rule == "row":
        return f"tarif de {row.code}{executor}"
    if row.unit_price == found.unit_price:
        return f"donné par le centre, égal au tarif de {row.code}{executor}"
    return f"donné par le centre ; il diffère du tarif de {row.code}{executor}, qui est de {euros(row.unit_price)}"


def _fees(told: Told) -> str:
    if told.act.fees is not None:
        return "demandés par le centre"
    cause = told.row(told.found.cause_row)
    return "acte gratuit" if isinstance(cause, QualifierRow) and cause.effect == "free" else "au tarif"


def _basket(told: Told) -> str:
    row = told.row(told.found.basket_row)
    if not isinstance(row, BasketRow):
        return ""
    cap = "" if row.cap is None else f", plafond {euros(row.cap)}"
    return f" (panier {BASKETS[row.basket]}{cap})"


def _forfait(told: Told) -> str:
    if told.found.forfait:
        return "laissés hors de la part de l'assurance maladie"
    return "à la charge du régime local" if told.local_nature is not None else "déjà laissé ce jour-là pour le même exécutant"


def _base(told: Told) -> str:
    act, found = told.act, told.found
    if told.is_complement:
        percent = told.in_force("values", "atd_percent")
        return f", {percent.value} % au plus de celle de l'acte qui précède" if isinstance(percent, ValueRow) else ""
    coefficient = "" if act.coefficient == 100 else f" au coefficient {_hundredths(act.coefficient)}"
    tariff = f"un tarif de {euros(found.tariff)}{coefficient}" + (f" × {act.quantity}" if act.quantity > 1 else "")
    if act.fees is not None and found.base == found.fees < _half_up(found.unit_price * act.coefficient * act.quantity):
        return f", les honoraires, inférieurs à {tariff}"
    return f", pour {tariff}" if coefficient or act.quantity > 1 else ""


def _half_up(hundredths: int) -> int:
    return (2 * hundredths + 100) // 200


def _hundredths(number: int) -> str:
    whole, rest = divmod(number, 100)
    return f"{whole},{rest:02d}".rstrip("0").rstrip(",")


def _rate(told: Told) -> str:
    found, cause = told.found, told.row(told.found.cause_row)
    label = cause.label if isinstance(cause, NatureRow | ExemptionRow | QualifierRow | CategoryRow) else ""
    code = cause.code if isinstance(cause, ExemptionRow | QualifierRow) else ""
    reasons = {
        "unreimbursed": f"acte non remboursé : qualificatif {code}, {label}",
        "nature": f"prise en charge intégrale : {label}",
        "exemption": f"exonération {code} : {label}",
        "heavy": f"acte lourd{_threshold(told)} : {label}",
        "exempt_act": f"exonération {code} : {label}",
        "dental_check": "examen bucco-dentaire d'un patient sans complémentaire",
        "row": _rate_row(told),
        "given": "donné par le centre ; aucun tarif n'est connu pour cet acte",
    }
    return reasons[found.rate_rule]


def _rate_row(told: Told) -> str:
    row = told.row(told.found.rate_row)
    if not isinstance(row, RateRow):
        return ""
    path = ", hors du parcours de soins" if row.off_path else ", dans le parcours de soins" if told.entered.amo.pathway else ""
    category, nature = told.in_force("categories", row.category), told.in_force("natures", row.nature)
    name = category.label if isinstance(category, CategoryRow) else row.category
    insurance = f" ({nature.label})" if isinstance(nature, NatureRow) else ""
    return f"{name}, nature d'assurance {row.nature}{insurance}{path}"


def _threshold(told: Told) -> str:
    row = told.threshold
    if not isinstance(row, ValueRow):
        return ""
    return f", à partir de {euros(row.value)}" if row.key == "heavy_act_base" else f", à partir du coefficient {_hundredths(row.value)}"


def _amo(found: PricedAct) -> str:
    share = f"{euros(found.base)} × {found.rate} %"
    return f"{share} − {euros(found.forfait)}" if found.forfait else share


def _amc(told: Told) -> str:
    found, row = told.found, told.row(told.found.contract_row)
    if found.amc_rule == "none" or not isinstance(row, ContractRow):
        return "aucune complémentaire" if told.entered.amc is None else "aucun contrat connu"
    if found.amc_rule == "unreimbursed":
        return "acte non remboursé"
    name = CONTRACTS[row.kind] + (" responsable" if row.kind == "ordinary" and row.responsible else "")
    known = "" if row.number != "*" or row.kind != "ordinary" else ", supposé faute de données du contrat"
    why = {
        "off_path": "hors du parcours, ce qui resterait dans le parcours",
        "forfait_left": "le forfait des actes lourds n'est pas couvert",
        "contract": _covered(told, row),
    }
    return f"{why[found.amc_rule]} ({name}{known})"


def _covered(told: Told, row: ContractRow) -> str:
    found, basket = told.found, told.row(told.found.basket_row)
    of_tm, excess = _half_up((found.base - found.amo) * row.tm_percent), max(0, found.fees - found.base)
    covered = min(_half_up(excess * row.excess_percent), row.excess_ceiling)
    if isinstance(basket, BasketRow) and basket.basket == "rac0" and row.basket:
        covered = excess
    percent = "" if row.tm_percent == 100 else f"{row.tm_percent} % de "
    paid = found.amc - of_tm
    answer = ", selon son accord donné par le centre" if paid > covered else ""
    return f"{percent}ce que l'assurance maladie laisse de la base" + (f", et {euros(paid)} de dépassement{answer}" if paid > 0 else "")
