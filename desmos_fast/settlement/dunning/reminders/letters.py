# SPDX-License-Identifier: Apache-2.0
"""The text of a reminder, in French: a letter to a payer or a patient, or a list for the people of the centre."""

from datetime import date
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from desmos_fast.base import french
from desmos_fast.base.clock import paris_date
from desmos_fast.settlement.dunning.reminders.model import ReminderView

FORMS: Final = ("txt", "html")
PARTS: Final = {"amo": "part obligatoire", "amc": "part complémentaire", "patient": "part du patient"}


class Words(NamedTuple):
    """What a letter is: for whom, its subject, and its first and last sentences."""

    to: str
    subject: str
    begins: str
    ends: str


_TO_PAYER: Final = "Nous vous remercions d'en assurer le règlement, ou de nous indiquer le motif qui s'y oppose."
_INTERNAL: Final = "Document interne au centre."
WORDS: Final[dict[str, tuple[Words, ...]]] = {
    "amo": (
        Words(
            "", "Factures en tiers payant en attente de règlement", "Le délai de règlement des factures ci-dessous est atteint.", _INTERNAL
        ),
        Words(
            "payer", "Réclamation : factures en tiers payant non réglées",
            "Sauf erreur de notre part, les factures ci-dessous, transmises et acceptées, ne sont pas réglées à ce jour.", _TO_PAYER,
        ),
    ),
    "amc": (
        Words(
            "payer", "Relance : parts complémentaires non réglées",
            "Sauf erreur de notre part, les parts complémentaires ci-dessous ne sont pas réglées à ce jour.", _TO_PAYER,
        ),
        Words(
            "payer", "Deuxième relance : parts complémentaires non réglées",
            "Malgré notre relance précédente, les parts complémentaires ci-dessous restent impayées.", _TO_PAYER,
        ),
        Words(
            "payer", "Dernière relance : parts complémentaires non réglées",
            "Malgré nos relances, les parts complémentaires ci-dessous restent impayées.", _TO_PAYER,
        ),
    ),
    "patient": (
        Words(
            "patient", "Rappel : solde à régler", "Sauf erreur de notre part, il reste à régler la somme suivante pour vos soins.",
            "Si vous avez réglé entre-temps, merci de ne pas tenir compte de ce courrier. L'accueil du centre répond à vos questions.",
        ),
        Words(
            "patient", "Deuxième rappel : solde à régler",
            "Malgré notre premier rappel, il reste à régler la somme suivante pour vos soins.",
            "Si vous ne pouvez pas régler en une fois, l'accueil du centre peut convenir avec vous d'un échéancier.",
        ),
        Words(
            "patient", "Dernier rappel : solde à régler", "Malgré nos rappels, il reste à régler la somme suivante pour vos soins.",
            "Sans règlement ni réponse de votre part, le centre pourra engager le recouvrement de cette somme.",
        ),
    ),
    "reject": (
        Words("", "Rejets sans suite donnée", "Les parts ci-dessous sont rejetées, et personne ne s'en occupe encore.", _INTERNAL),
    ),
    "order": (
        Words(
            "payer", "Paiements annoncés et non reçus",
            "Vous nous avez annoncé les paiements ci-dessous, que notre banque n'a pas reçus à ce jour.",
            "Nous vous remercions de nous indiquer la date et la référence des virements.",
        ),
    ),
    "credit": (
        Words("", "Virements reçus sans avis de paiement", "Aucun avis de paiement ne correspond aux virements ci-dessous.", _INTERNAL),
    ),
    "forclusion": (
        Words("", "Parts proches de la forclusion", "Les parts ci-dessous ne pourront bientôt plus être réclamées.", _INTERNAL),
    ),
}  # fmt: skip


def words_of(rule: str, level: int) -> Words:
    """Return the words of a level; those of the last one hold for all above it."""
    of_rule = WORDS[rule]
    return of_rule[min(level, len(of_rule)) - 1]


def write(reminder: ReminderView, form: str, finess: str, debtor: str, today: date) -> str:
    """Return a letter. It names invoices by their number and day of care, and nobody by a NIR."""
    is_open = reminder.state == "open"
    rows = [(one, one.open if is_open else one.amount) for one in reminder.list]
    environment = Environment(
        loader=PackageLoader("desmos_fast.settlement.dunning.reminders", "."), autoescape=form == "html", undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(euros=french.euros, jour=french.day)
    return environment.get_template(f"letter.{form}.jinja").render(
        words=words_of(reminder.rule, reminder.level), parts=PARTS, debtor=debtor, finess=finess, reminder=reminder,
        rows=[(one, amount) for one, amount in rows if amount], total=sum(amount for _, amount in rows),
        day=(today if is_open or reminder.ended_at is None else paris_date(reminder.ended_at)).isoformat(),
    )  # fmt: skip
