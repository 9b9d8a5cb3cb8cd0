# SPDX-License-Identifier: Apache-2.0
"""Identifiers of people, structures and accounts: their form, their key, and how to hide a NIR."""

import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

SYNTHETIC_PLACE: Final = "99999"
LA_POSTE: Final = "356000000"
LA_POSTE_SEAT: Final = "35600000000048"
_GAP: Final = r"[ .:\xa0\u202f-]"
# In one piece, or in groups as cards and people write it: sex, year, month, place of birth, order, key.
_NIR_IN_TEXT: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9]{5}(?:[0-9]{2}|2[ABab])[0-9]{6}(?:[0-9]{2})?"
    rf"|[1-478]{_GAP}[0-9]{{2}}{_GAP}[0-9]{{2}}{_GAP}(?:[0-9]{{2}}|2[ABab]){_GAP}?[0-9]{{3}}{_GAP}[0-9]{{3}}(?:{_GAP}[0-9]{{2}})?)"
    r"(?![0-9A-Za-z])"
)

# Among letters, as in a reference of a bank or a login: whole, and with its key, or much that is none would be hidden.
_NIR_IN_WORD: Final = re.compile(r"(?<![0-9])[1-478][0-9]{4}(?:[0-9]{2}|2[ABab])[0-9]{8}(?![0-9])")
_HIDDEN: Final = "***************"


def nir_key(nir13: str) -> int:
    """Return the key of the first 13 characters: 97 - (number mod 97), 2A as 19, 2B as 18."""
    department = {"2A": "19", "2B": "18"}.get(nir13[5:7], nir13[5:7])
    digits = nir13[:5] + department + nir13[7:]
    return 97 - int(digits) % 97


def nir_is_synthetic(nir: str) -> bool:
    """Say whether a NIR is of an invented person: `99999` as characters 6 to 10."""
    return nir[5:10] == SYNTHETIC_PLACE


def mask_nir(text: str) -> str:
    """Hide everything in `text` that has the form of a NIR, with or without its key; among letters, with its right key."""
    return _NIR_IN_WORD.sub(_hidden, _NIR_IN_TEXT.sub(_HIDDEN, text))


def _hidden(found: re.Match[str]) -> str:
    return _HIDDEN if nir_is_valid(found.group().upper()) else found.group()


def luhn_sum_is_zero(digits: str) -> bool:
    """Say whether a number, key included, passes Luhn (A counts as 1, B as 2)."""
    total = 0
    for rank, character in enumerate(reversed(digits)):
        digit = ord(character) - 64 if character in "AB" else int(character)
        if rank % 2:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


def _siret_key(siret: str) -> bool:
    if not luhn_sum_is_zero(siret[:9]):
        return False
    # The sites of La Poste outnumber what Luhn leaves; its seat has the usual key.
    if siret.startswith(LA_POSTE) and siret != LA_POSTE_SEAT:
        return sum(map(int, siret)) % 5 == 0
    return luhn_sum_is_zero(siret)


def _iban_key(iban: str) -> bool:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


class Identifier(NamedTuple):
    """An identifier: its form, the form in words, and whether the key of a text of that form is right."""

    form: re.Pattern[str]
    words: str
    key: Callable[[str], bool]


def _no_key(text: str) -> bool:
    return True


Kind = Literal["nir", "finess", "finess_b2", "am", "rpps", "amc", "siren", "siret", "iban"]
INS_OIDS: Final = frozenset({"1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10"})
IDENTIFIERS: Final[dict[Kind, Identifier]] = {
    "nir": Identifier(
        re.compile(r"[0-9]{5}(?:[0-9]{2}|2A|2B)[0-9]{8}"), "15 characters: digits, or 2A or 2B as the department",
        lambda nir: nir_key(nir[:13]) == int(nir[13:]),
    ),
    "finess": Identifier(re.compile(r"(?:[0-9]{2}|2A|2B)[0-9]{7}"), "9 characters: digits, or 2A or 2B first", luhn_sum_is_zero),
    # Corsica stands there as 2001 and 2002, which have the Luhn sums of 2A00 and 2B00.
    "finess_b2": Identifier(re.compile(r"[0-9]{9}"), "9 digits", luhn_sum_is_zero),
    "am": Identifier(re.compile(r"(?!0+\Z)[0-9]{9}"), "9 digits, not all zero", luhn_sum_is_zero),
    "rpps": Identifier(re.compile(r"(?!0+\Z)[0-9]{11}"), "11 digits, not all zero", luhn_sum_is_zero),
    "amc": Identifier(re.compile(r"(?!0+\Z)[0-9]{8,10}"), "8 to 10 digits, not all zero", _no_key),
    "siren": Identifier(re.compile(r"[0-9]{9}"), "9 digits", luhn_sum_is_zero),
    "siret": Identifier(re.compile(r"[0-9]{14}"), "14 digits", _siret_key),
    "iban": Identifier(
        re.compile(r"FR[0-9]{12}[0-9A-Z]{11}[0-9]{2}"), "FR and 25 characters, without spaces: a French account", _iban_key
    ),
}  # fmt: skip


def trouble(kind: Kind, text: str) -> str:
    """Say why a text is no identifier of a kind, and never repeat it: its form, or its key; nothing for a sound one."""
    identifier = IDENTIFIERS[kind]
    if identifier.form.fullmatch(text) is None:
        return f"the form is wrong: {identifier.words}"
    return "" if identifier.key(text) else "the key is wrong"


def nir_has_form(nir: str) -> bool:
    """Say whether 15 characters have the form of a NIR (the key is not checked)."""
    return IDENTIFIERS["nir"].form.fullmatch(nir) is not None


def nir_is_valid(nir: str) -> bool:
    """Say whether 15 characters are a NIR with its right key."""
    return not trouble("nir", nir)


def ins_is_valid(matricule: str, oid: str) -> bool:
    """Say whether a matricule has the key of a NIR, and comes under the OID of a NIR, a NIA or a test."""
    return oid in INS_OIDS and nir_is_valid(matricule)


def finess_is_valid(finess: str) -> bool:
    """Say whether 9 characters are a FINESS with its Luhn key; Corsican 2A and 2B accepted."""
    return not trouble("finess", finess)


def finess_b2_is_valid(finess: str) -> bool:
    """Say whether 9 digits are a FINESS as records write it, with its Luhn key."""
    return not trouble("finess_b2", finess)


def am_is_valid(am: str) -> bool:
    """Say whether 9 digits are a number of the compulsory scheme with its Luhn key."""
    return not trouble("am", am)


def rpps_is_valid(rpps: str) -> bool:
    """Say whether 11 digits are an RPPS number with its Luhn key."""
    return not trouble("rpps", rpps)


def amc_number_is_valid(number: str) -> bool:
    """Say whether a text has the form of the number of a complementary insurer, which has no key."""
    return not trouble("amc", number)


def siren_is_valid(siren: str) -> bool:
    """Say whether 9 digits are a SIREN with its Luhn key."""
    return not trouble("siren", siren)


def siret_is_valid(siret: str) -> bool:
    """Say whether 14 digits are a SIRET with its keys, those of La Poste included."""
    return not trouble("siret", siret)


def iban_is_valid(iban: str) -> bool:
    """Say whether a text is the IBAN of a French account with its right key."""
    return not trouble("iban", iban)
