# SPDX-License-Identifier: Apache-2.0
"""Who pays a credit, told from its texts: exact name, then what people taught, then a unique beginning of a name."""

import hashlib
import hmac
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from rapidfuzz import fuzz, process

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import LearnedLabel, Order, Payer

NOT_A_PAYER: Final = ""
SHORTEST_PREFIX: Final = 8
MOST_ALIKE: Final = 3
# Of a hundred: one letter in five may be another one.
LEAST_ALIKE: Final = 80
# No digit run begins like this, so no text can pass for an index.
INDEXED: Final = "*"
_OPENING_WORDS: Final = re.compile(r"^(?:(?:VIREMENT|VIRT|VIR|SEPA|INSTANTANE|INST|RECU)\b[ .:/-]*)+")
_NOT_KEPT: Final = re.compile(r"[^A-Z0-9]+")
_TOKEN: Final = re.compile(r"[A-Z0-9]{5,}")


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).upper().strip()


def normalise(text: str) -> str:
    """Reduce a name or a label to capital letters and digits, without the words every transfer begins with."""
    kept = _NOT_KEPT.sub("", _OPENING_WORDS.sub("", _plain(text)))
    return kept.removesuffix("SEPA")


def quoted_tokens(line: BankLine) -> set[str]:
    """Return what in the texts of a line may be a payment reference: its digit runs, and words of five or more with a digit."""
    texts = (line.label, *line.remittance, line.end_to_end_id or "")
    words = {token for text in texts for token in _TOKEN.findall(_plain(text)) if any(character.isdigit() for character in token)}
    return words | set(line.references)


def kept_reference(secret: bytes, reference: str) -> str:
    """Return a reference as it may be kept: one that has the form of a NIR by a keyed index, which equal ones share, others as they are."""
    told = reference.strip()
    if mask_nir(told) == told:
        return reference
    return INDEXED + hmac.digest(secret, b"reference\0" + told.encode(), hashlib.sha256).hex().upper()


def taught_key(account: str, label: str) -> tuple[str, str]:
    """Return what a taught label is known by: two that differ in blanks or case are one."""
    return "".join(account.split()), normalise(label)


class Recogniser:
    """Names and taught labels, asked once for each different text."""

    def __init__(self, payers: Sequence[Payer], orders: Iterable[Order], learned: Sequence[LearnedLabel]) -> None:
        self._names: dict[str, set[str]] = {}
        named = [(name, payer.id) for payer in payers for name in payer.names]
        named += [(order.emitter_name, order.emitter or order.payer) for order in orders if order.emitter_name]
        for name, payer in named:
            if key := normalise(name):
                self._names.setdefault(key, set()).add(payer)
        self._sorted_names = sorted(self._names)
        self._learned = {taught_key(entry.account, entry.label): entry.payer or NOT_A_PAYER for entry in learned}
        self._prefixes: dict[str, str | None] = {}
        self._alike: dict[str, list[tuple[str, int]]] = {}

    def payer_of(self, line: BankLine) -> str | None:
        """Return the payer of a line, NOT_A_PAYER when people said so, or None when nothing tells."""
        texts = [text for text in (normalise(line.payer_name or ""), normalise(line.label)) if text]
        for text in texts:
            found = self._names.get(text, set())
            if len(found) == 1:
                return next(iter(found))
        taught = self._learned.get(taught_key(line.account, line.label))
        if taught is not None:
            return taught
        for text in texts:
            if (payer := self._by_prefix(text)) is not None:
                return payer
        return None

    def alike(self, line: BankLine) -> dict[str, int]:
        """Return up to three payers whose name is like a text of the line, the likest first, with how like it is, of 100."""
        found: dict[str, int] = {}
        for text in (normalise(line.payer_name or ""), normalise(line.label)):
            for payer, score in self._like(text):
                found[payer] = max(score, found.get(payer, 0))
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0]))[:MOST_ALIKE])

    def _like(self, text: str) -> list[tuple[str, int]]:
        if len(text) < SHORTEST_PREFIX:
            return []
        if text not in self._alike:
            some = process.extract(text, self._sorted_names, scorer=fuzz.ratio, score_cutoff=LEAST_ALIKE)
            self._alike[text] = [(payer, int(score)) for name, score, _ in some for payer in self._names[name]]
        return self._alike[text]

    def _by_prefix(self, text: str) -> str | None:
        # Banks cut long names, and some add words after short ones: the shorter of the two decides.
        if text not in self._prefixes:
            found = self._payers_around(text) if len(text) >= SHORTEST_PREFIX else set()
            self._prefixes[text] = found.pop() if len(found) == 1 else None
        return self._prefixes[text]

    def _payers_around(self, text: str) -> set[str]:
        found: set[str] = set()
        for length in range(SHORTEST_PREFIX, len(text)):
            found |= self._names.get(text[:length], set())
        place = bisect_left(self._sorted_names, text)
        while place < len(self._sorted_names) and self._sorted_names[place].startswith(text) and len(found) < 2:
            found |= self._names[self._sorted_names[place]]
            place += 1
        return found
