# SPDX-License-Identifier: Apache-2.0
"""Free text of the exchange: any name in Latin script to the 37 characters that records may hold."""

import functools
import unicodedata
from typing import Final

from desmos_fast.exchange.layouts import load_pack

_BLANKS: Final = frozenset("PSZ")


@functools.cache
def _spelt() -> dict[int, str]:
    """Return how the profile spells the letters that Unicode does not decompose, in both cases."""
    letters = load_pack().letters
    return str.maketrans(letters | {letter.lower(): spelling for letter, spelling in letters.items()})


def latin(text: str) -> str | None:
    """Return the text in A-Z, 0-9 and single spaces, or None when a character has no such form."""
    parts = unicodedata.normalize("NFKD", text.translate(_spelt()))
    # Marks go before upper case is taken: the upper case of a mark may be a letter.
    bare = "".join(character for character in parts if unicodedata.category(character)[0] != "M")
    written: list[str] = []
    for character in bare.upper():
        if character.isascii() and character.isalnum():
            written.append(character)
        elif unicodedata.category(character)[0] in _BLANKS:
            written.append(" ")
        else:
            return None
    return " ".join("".join(written).split())


def fitted(record_type: str, field: str, text: str) -> str | None:
    """Return a text as a zone takes it: put into the alphabet where the profile allows free text, as it stands anywhere else."""
    return latin(text) if (record_type, field) in load_pack().free_text else text


@functools.lru_cache(maxsize=4096)
def latin_cached(text: str) -> str | None:
    """Return `latin(text)`, remembered: the same few doctors stand on most invoices."""
    return latin(text)
