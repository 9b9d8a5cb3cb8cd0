# SPDX-License-Identifier: Apache-2.0
"""NIR, FINESS, AM and RPPS numbers: their form, their key, and how to hide them."""

import re
from typing import Final

NIR_FORM: Final = re.compile(r"[0-9]{5}(?:[0-9]{2}|2A|2B)[0-9]{6}[0-9]{2}")
SYNTHETIC_PLACE: Final = "99999"
_NIR_IN_TEXT: Final = re.compile(r"(?<![0-9A-Za-z])([0-9]{5}(?:[0-9]{2}|2[ABab])[0-9]{6})([0-9]{2})?(?![0-9A-Za-z])")


def nir_key(nir13: str) -> int:
    """Return the key of the first 13 characters: 97 - (number mod 97), 2A as 19, 2B as 18."""
    department = {"2A": "19", "2B": "18"}.get(nir13[5:7], nir13[5:7])
    digits = nir13[:5] + department + nir13[7:]
    return 97 - int(digits) % 97


def nir_has_form(nir: str) -> bool:
    """Say whether 15 characters have the form of a NIR (the key is not checked)."""
    return NIR_FORM.fullmatch(nir) is not None


def nir_is_valid(nir: str) -> bool:
    """Say whether 15 characters are a NIR with its right key."""
    return nir_has_form(nir) and nir_key(nir[:13]) == int(nir[13:])


def nir_is_synthetic(nir: str) -> bool:
    """Say whether a NIR is of an invented person: `99999` as characters 6 to 10."""
    return nir[5:10] == SYNTHETIC_PLACE


def mask_nir(text: str) -> str:
    """Hide everything in `text` that has the form of a NIR, with or without its key."""
    return _NIR_IN_TEXT.sub("***************", text)


def luhn_sum_is_zero(digits: str) -> bool:
    """Say whether a number, key included, passes Luhn (A counts as 1, B as 2)."""
    total = 0
    for rank, character in enumerate(reversed(digits)):
        digit = ord(character) - 64 if character in "AB" else int(character)
        if rank % 2:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


FINESS_FORM: Final = re.compile(r"[0-9](?:[0-9]|A|B)[0-9]{7}")


def finess_is_valid(finess: str) -> bool:
    """Say whether 9 characters are a FINESS with its Luhn key; Corsican 2A and 2B accepted."""
    if FINESS_FORM.fullmatch(finess) is None or (finess[1] in "AB" and finess[0] != "2"):
        return False
    return luhn_sum_is_zero(finess)
