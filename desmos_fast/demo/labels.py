# SPDX-License-Identifier: Apache-2.0
"""The words that a centre reads: states, reject classes, reasons and amounts in French."""

from collections.abc import Mapping
from typing import Final

from desmos_fast.base.french import HARD, whole

INVOICE_STATES: Final = {
    "draft": "brouillon", "priced": "tarifée", "signed": "signée", "in_lot": "en lot", "sent": "envoyée", "in_process": "en traitement",
    "part_paid": "payée en partie", "paid": "payée", "to_fix": "à corriger", "to_review": "à vérifier",
    "awaiting_patient": "attend le patient", "recycled": "refaite", "closed_with_loss": "close avec perte", "void": "annulée",
}  # fmt: skip
SHARE_STATES: Final = {
    "not_due": "rien à recevoir", "open": "à envoyer", "lotted": "en lot", "sent": "envoyée", "received": "reçue par le payeur",
    "file_refused": "lot refusé", "pending": "en attente", "rejected": "rejetée", "announced": "annoncée",
    "announced_part": "annoncée en partie", "settled": "réglée", "settled_part": "réglée en partie", "indu": "indu réclamé",
    "recycled": "refaite", "to_patient": "au patient", "written_off": "passée en perte", "time_barred": "forclose", "void": "annulée",
    "due": "due par le patient", "part_paid": "payée en partie", "paid": "payée", "refund_due": "à rembourser",
}  # fmt: skip
PARTS: Final = {"amo": "Part obligatoire (AMO)", "amc": "Part complémentaire (AMC)", "patient": "Part du patient"}
CLASSES: Final = {
    "duplicate": "Facture déjà payée", "identity": "Identité de l'assuré", "rights": "Droits de l'assuré", "coding": "Codage de l'acte",
    "prescriber": "Prescripteur ou date", "contract": "Contrat complémentaire", "late": "Hors délai", "missing_document": "Pièce manquante",
    "technical": "Lot refusé", "unknown": "Code inconnu de la liste", "other": "Autre motif",
}  # fmt: skip
REASONS: Final = {
    "payer_unknown": "sans référence, et le nom ne désigne aucun payeur connu",
    "reference_with_another_sum": "la référence citée annonce une autre somme",
    "several_orders": "plusieurs annonces de cette somme",
    "several_credits_or_reference_elsewhere": "plusieurs virements pour cette annonce",
    "no_order": "aucune annonce de cette somme",
    "other_currency": "autre monnaie",
    "several_sums": "plusieurs ensembles d'annonces donnent cette somme",
    "too_many_orders": "trop d'annonces pour qu'une somme prouve quoi que ce soit",
    "wanted_twice": "plusieurs virements pour les mêmes annonces",
    "unique_sum": "un seul ensemble d'annonces donne cette somme : à confirmer",
    "equal_credits_and_orders": "autant de virements égaux que d'annonces égales : à confirmer ensemble",
    "several_nettings": "plusieurs indus possibles en déduction",
    "less_than_quoted": "moins que l'annonce citée : retenue à expliquer",
    "several_parts": "plusieurs factures possibles",
    "sum_above_open": "plusieurs lignes pour une part, au-delà de ce qui est dû",
    "several_recoveries": "plusieurs indus pour un même paiement",
    "several_payments": "indu réclamé, plusieurs paiements de ce montant",
    "no_such_payment": "indu réclamé, aucun paiement de ce montant",
    "recovery_without_part": "indu réclamé sans désigner la part ni le patient",
    "other_money": "somme hors facture",
    "no_part": "aucune facture ne correspond",
}
RULES: Final = {
    "A1": "A1 : facture, NIR, date et payeur identiques", "A2": "A2 : NIR absent, le reste identique",
    "A3": "A3 : NIR, date, payeur et part, sans autre choix", "A5": "A5 : indu d'un seul paiement de ce montant",
    "B1": "B1 : référence citée et somme exacte", "B2": "B2 : payeur, somme et dates, sans autre choix",
    "B3": "B3 : toutes les annonces d'une référence ou d'un jour", "B4r": "B4r : seule somme possible, avec une référence citée",
    "B6": "B6 : référence citée, déduction faite des indus",
}  # fmt: skip
ACCOUNTS: Final = {
    "creance": "Créances", "produit": "Produits", "attente": "Annoncé, pas encore reçu", "banque": "Banque",
    "ecart": "Virements inexpliqués", "indu": "Indus", "perte": "Pertes", "trop_percu": "Trop-perçus",
    "hors_facture": "Hors facture", "caisse": "Caisse",
}  # fmt: skip
INVARIANTS: Final = {
    "I1": "tout ce qu'une réponse de succès a nommé est là",
    "I2": "aucun effet deux fois",
    "I3": "lots, fichiers et factures numérotés sans trou",
    "I4": "au centime : parts, factures, lots et grand livre",
    "I5": "l'état de chaque part suit de ce qui lui est rapproché",
    "I6": "la chaîne d'empreintes du grand livre est intacte",
    "I7": "aucun centre ne voit une ligne d'un autre",
    "I8": "aucun fichier incomplet sous son nom",
    "I9": "aucune part dans deux lots vivants",
    "I10": "aucun NIR en clair",
    "I11": "aucune connexion endormie dans une transaction",
    "I12": "aucun fichier temporaire oublié",
}


def word(table: Mapping[str, str], code: str) -> str:
    """Return what a code is called, or the code itself: a word that is missing must not hide a figure."""
    return table.get(code, code)


def reason(code: str) -> str:
    """Return why something is not matched."""
    name, _, fields = code.partition(":")
    return f"donnée absente : {fields}" if name == "absent" else word(REASONS, code)


def counted(number: int, unit: str) -> str:
    """Write how many of something there are; `unit` is singular."""
    return f"{whole(number)} {unit}{'s' if number > 1 else ''}"


def seconds(value: float) -> str:
    """Write a duration."""
    return f"{value:.1f}".replace(".", ",") + f"{HARD}s"
