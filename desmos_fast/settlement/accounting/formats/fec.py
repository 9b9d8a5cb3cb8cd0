# SPDX-License-Identifier: Apache-2.0
"""FEC: the file of accounting entries that the tax office asks for (18 columns, article A47 A-1 of the LPF)."""

from collections.abc import Iterable
from datetime import date
from typing import Final, Literal

from desmos_fast.settlement.accounting.formats.text import amount, compact, written
from desmos_fast.settlement.accounting.model import BookLine

HEAD: Final = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib", "PieceRef",
    "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise",
)  # fmt: skip
ENCODING: Final = "iso-8859-15"
Separator = Literal["\t", "|"]


def name(siren: str, closing: date, part: int = 0) -> str:
    """Return the name of the file of a year that closes on a day; `part` counts the parts of one that is split, from 1."""
    return f"{siren}FEC{compact(closing)}{f'_{part}' if part else ''}.txt"


class Fec:
    """Writes the file: amounts in euros with a comma, and never one in another currency."""

    def __init__(self, separator: Separator = "\t") -> None:
        self.separator = separator

    def begin(self) -> bytes:
        """Return the first line: the names of the columns."""
        return f"{self.separator.join(HEAD)}\r\n".encode(ENCODING)

    def write(self, lines: Iterable[BookLine]) -> bytes:
        """Return the next lines."""
        return "".join(map(self._line, lines)).encode(ENCODING)

    def _line(self, one: BookLine) -> str:
        cells = (
            one.journal, _text(one.journal_label), str(one.number), compact(one.day), one.account, _text(one.account_label), one.auxiliary,
            _text(one.auxiliary_label), _text(one.piece), compact(one.piece_day), _text(one.label), amount(one.debit), amount(one.credit),
            one.letter, compact(one.letter_day), compact(one.valid_day), "", "",
        )  # fmt: skip
        return f"{self.separator.join(cells)}\r\n"


def _text(text: str) -> str:
    return written(text, ENCODING)


def description(separator: Separator, parts: Iterable[str], first: date, last: date) -> str:
    """Write, in French, what goes with the file: its form, and what each column holds."""
    told = "tabulation" if separator == "\t" else "barre verticale (|)"
    files = "\n".join(f"  {part}" for part in parts)
    return (
        "DESCRIPTION DU FICHIER DES ÉCRITURES COMPTABLES\n\n"
        f"Fichier :\n{files}\n\n"
        f"Exercice ou période : du {first:%d/%m/%Y} au {last:%d/%m/%Y}, jours de Paris.\n"
        f"Fichier à plat, une ligne par ligne d'écriture, la première donne les noms des colonnes.\n"
        f"Séparateur de colonnes : {told}. Fin de ligne : CR LF. Jeu de caractères : ISO 8859-15.\n"
        "Montants en euros, virgule décimale, sans séparateur de milliers. Dates AAAAMMJJ.\n\n"
        "Colonnes :\n"
        "  JournalCode, JournalLib     VT ventes, BQ banque, CA caisse, OD opérations diverses, AN à-nouveaux, ou ceux du centre\n"
        "  EcritureNum                 numérotation continue, dans l'ordre de validation, à-nouveaux en tête\n"
        "  EcritureDate                jour de l'écriture, ou premier jour de la période si le sien était clos\n"
        "  CompteNum, CompteLib        plan de comptes du centre\n"
        "  CompAuxNum, CompAuxLib      organisme payeur (AMO, AMC, opérateur) ; aucun patient n'est nommé\n"
        "  PieceRef, PieceDate         facture (FINESS/numéro), ligne de retour ou mouvement de banque\n"
        "  EcritureLib                 nature de l'écriture et pièce ; jamais un nom de patient\n"
        "  Debit, Credit               l'un des deux est nul\n"
        "  EcritureLet, DateLet        lignes d'une créance entièrement réglée dans la période\n"
        "  ValidDate                   jour de validation\n"
        "  Montantdevise, Idevise      vides : la comptabilité est en euros\n"
    )
