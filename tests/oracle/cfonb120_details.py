# SPDX-License-Identifier: Apache-2.0
"""The 05 records of one movement: who paid, what the payer wrote, and the references in it."""

import re
from collections.abc import Iterable
from typing import Final

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.settlement.bank.model import BankFault

# Known, and without a place in the bank line: the file itself keeps them.
_WITHOUT_PLACE: Final = frozenset(["NBE", "IBE", "NPO", "IPO", "NBU", "IBU", "MMO", "CBE", "RUM", "CPY", "FEE"])
_REMITTANCE: Final = frozenset(["LIB", "LCC", "LC2", "LCS"])
_KNOWN: Final = _WITHOUT_PLACE | _REMITTANCE | {"NPY", "IPY", "RCN", "REF"}
_OLD_AMOUNT: Final = re.compile(r"[0-9]{13}[{}A-R]")
_REFERENCE: Final = re.compile(r"[0-9]{5,}")
_NO_END_TO_END: Final = frozenset(["", "NOTPROVIDED"])


def digit_runs(texts: Iterable[str]) -> list[str]:
    """Return every run of five digits or more, in order and once each."""
    return list(dict.fromkeys(run for text in texts for run in _REFERENCE.findall(text)))


class Details:
    """What the details of one movement say, gathered in file order."""

    def __init__(self, label: str) -> None:
        self.remittance: list[str] = []
        self.end_to_end_id: str | None = None
        self.payer_name: str | None = None
        self.payer_id: str | None = None
        self.qualifiers: list[tuple[str, str]] = []
        self._texts = [label]
        # Of a first line of remittance: its places, and its characters with their blanks.
        self._to_continue: tuple[int, int, str] | None = None

    def references(self) -> list[str]:
        """Return the digit runs of label, remittance, end-to-end id and references, in file order."""
        return digit_runs(self._texts)

    def add(self, number: int, text: str) -> list[BankFault]:
        """Take one record of 120 characters; return what was odd in it."""
        qualifier, content = text[45:48].strip(), text[48:118]
        if _is_old(qualifier, text):
            self.qualifiers.append(("", text[40:118].rstrip()))
            return [_old_detail(number, text)]
        if qualifier == "LC2" and self._to_continue is not None:
            # One remittance of 140 characters in two records: a reference may run over the cut.
            place, text_place, beginning = self._to_continue
            self.remittance[place] = self._texts[text_place] = (beginning + content).rstrip()
            self._to_continue = None
        elif qualifier in _REMITTANCE:
            self._add_remittance(qualifier, content)
        elif qualifier == "REF":
            self._texts += [content[:35], content[35:]]
        elif not self._fill(qualifier, content):
            self.qualifiers.append((qualifier, content.rstrip()))
        return [] if qualifier in _KNOWN else [_unknown_qualifier(number, qualifier)]

    def _add_remittance(self, qualifier: str, content: str) -> None:
        text = (content[:35] if qualifier == "LCS" else content).rstrip()
        if qualifier == "LCC":
            self._to_continue = len(self.remittance), len(self._texts), content
        self.remittance.append(text)
        self._texts.append(text)

    def _fill(self, qualifier: str, content: str) -> bool:
        # False when the record must be kept as it is: unknown, or the field is taken already.
        if qualifier == "NPY" and self.payer_name is None:
            self.payer_name = content.strip() or None
        elif qualifier == "IPY" and self.payer_id is None:
            self.payer_id = content[:35].strip() or None
        elif qualifier == "RCN" and self.end_to_end_id is None:
            found = content[:35].strip()
            self.end_to_end_id = None if found in _NO_END_TO_END else found
            self._texts.append(self.end_to_end_id or "")
        else:
            return qualifier in _WITHOUT_PLACE
        return True


def _is_old(qualifier: str, text: str) -> bool:
    # The older layout has a label from 41 on and an amount in 91 to 104, where the norm has the qualifier and its text.
    runs_over_reserved = bool(text[40:45].strip())
    has_amount = _OLD_AMOUNT.fullmatch(text[90:104]) is not None
    if qualifier in _KNOWN:
        return runs_over_reserved and has_amount
    return runs_over_reserved or has_amount


def _old_detail(number: int, text: str) -> BankFault:
    return BankFault(
        code="BANK_OLD_DETAIL",
        level="warning",
        line=number,
        position=41,
        value=mask_nir(text[40:81].rstrip()),
        message=f"record {number}: this detail follows an older layout; its text is kept as it is",
        hint="ask the bank for the details of the present norm",
    )


def _unknown_qualifier(number: int, qualifier: str) -> BankFault:
    return BankFault(
        code="BANK_UNKNOWN_QUALIFIER",
        level="warning",
        line=number,
        position=46,
        value=qualifier,
        message=f"record {number}: this qualifier is not in our table; its text is kept",
        hint="tell what the bank means by it",
    )
